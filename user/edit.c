/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Surgical edits: replace views of a message by other bytes, keep everything else. The only bytes
 * changed unasked are the digits of Content-Length, of the message and of the enclosing parts of a
 * multipart body, when the length they state has changed.
 */
#include "edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip_body.h"
#include "sip_scan.h"

#define LENGTHS_MAX   64 /* Content-Length values that may have to follow */
#define LENGTH_DIGITS 12

/* The edits that are applied: the caller's and ours, as positions in the message. */
struct plan {
	const struct sip_msg *m;
	struct edit edits[EDITS_MAX + LENGTHS_MAX];
	size_t n;
	size_t n_lengths;
	char digits[LENGTHS_MAX][LENGTH_DIGITS];
};

void edit_init(struct edit_list *l)
{
	l->n = 0;
	l->overflow = false;
	l->arena_used = 0;
}

/* The same address may stand for several streams (a session-level c=): asking twice for the same
 * is asking once. */
static bool recorded(const struct edit_list *l, struct view old, struct view text)
{
	uint16_t i;

	for (i = 0; i < l->n; i++) {
		if (old.n && l->edits[i].old.p == old.p && l->edits[i].old.n == old.n &&
		    view_eq(l->edits[i].new_text, text))
			return true;
	}
	return false;
}

void edit_replace(struct edit_list *l, struct view old, const char *fmt, ...)
{
	size_t room = sizeof(l->arena) - l->arena_used;
	char *to = l->arena + l->arena_used;
	struct view text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		l->overflow = true;
		return;
	}
	text = (struct view){ to, n };
	if (view_eq(old, text) || recorded(l, old, text))
		return;
	if (l->n == EDITS_MAX) {
		l->overflow = true;
		return;
	}
	l->edits[l->n++] = (struct edit){ old, text };
	l->arena_used += n;
}

/* By how much do the edits within v change its length? */
static long growth(const struct plan *plan, struct view v)
{
	long bytes = 0;
	size_t i;

	for (i = 0; i < plan->n; i++) {
		if (view_within(plan->edits[i].old, v))
			bytes += (long)plan->edits[i].new_text.n - (long)plan->edits[i].old.n;
	}
	return bytes;
}

/* Lets the digits that state the length of body follow. They stay when they were wrong before:
 * then nobody relies on them. */
static int follow_length(struct plan *plan, struct view digits, struct view body)
{
	long bytes = growth(plan, body);
	uint64_t before;
	char *text;
	int n;

	if (!bytes || !digits.p || scan_uint(digits, UINT32_MAX, &before) || before != body.n)
		return 0;
	if (plan->n_lengths == LENGTHS_MAX)
		return -EOVERFLOW;
	text = plan->digits[plan->n_lengths++];
	n = snprintf(text, LENGTH_DIGITS, "%lu", (unsigned long)(body.n + bytes));
	plan->edits[plan->n++] = (struct edit){ digits, { text, n } };
	return 0;
}

/* Inner parts first: their digits are part of the enclosing part's length. */
static int follow_parts(struct plan *plan)
{
	struct sip_parts outer, inner;
	struct sip_part part, nested;

	if (!sip_parts_begin(&outer, plan->m->content_type_value, plan->m->body))
		return 0;
	while (sip_part_next(&outer, &part)) {
		if (sip_parts_begin(&inner, part.content_type_value, part.body)) {
			while (sip_part_next(&inner, &nested)) {
				if (follow_length(plan, nested.content_length, nested.body))
					return -EOVERFLOW;
			}
		}
		if (follow_length(plan, part.content_length, part.body))
			return -EOVERFLOW;
	}
	return 0;
}

/* A message may state its length twice, if it states the same. */
static int follow_message(struct plan *plan)
{
	const struct sip_msg *m = plan->m;
	uint16_t i;

	for (i = 0; i < m->n_headers; i++) {
		if (m->headers[i].id == SIP_H_CONTENT_LENGTH &&
		    follow_length(plan, m->headers[i].value, m->body))
			return -EOVERFLOW;
	}
	return 0;
}

static bool touches(struct view a, struct view b)
{
	return a.p < b.p + b.n && b.p < a.p + a.n;
}

/* In the headers or in the body, not across, and not on Content-Length, which is ours. */
static bool in_place(const struct sip_msg *m, struct view old)
{
	uint16_t i;

	if (!view_within(old, m->raw))
		return false;
	if (old.p < m->body.p && old.p + old.n > m->body.p)
		return false;
	for (i = 0; i < m->n_headers; i++) {
		if (m->headers[i].id == SIP_H_CONTENT_LENGTH && touches(old, m->headers[i].value))
			return false;
	}
	return true;
}

/* Insertion sort: edits mostly come in the order of the message, and insertions at one place must
 * stay in the order they were asked for. An insertion goes before a replacement at its place. */
static void sort(struct plan *plan)
{
	size_t i, at;

	for (i = 1; i < plan->n; i++) {
		struct edit e = plan->edits[i];

		for (at = i; at > 0; at--) {
			const struct edit *before = &plan->edits[at - 1];

			if (before->old.p < e.old.p ||
			    (before->old.p == e.old.p && (!before->old.n || e.old.n)))
				break;
			plan->edits[at] = *before;
		}
		plan->edits[at] = e;
	}
}

static int make_plan(struct plan *plan, const struct edit_list *l, const struct sip_msg *m)
{
	size_t i;

	plan->m = m;
	plan->n = plan->n_lengths = 0;
	for (i = 0; i < l->n; i++) {
		if (!in_place(m, l->edits[i].old))
			return -EINVAL;
		plan->edits[plan->n++] = l->edits[i];
	}
	if (follow_parts(plan) || follow_message(plan))
		return -EOVERFLOW;
	sort(plan);
	for (i = 1; i < plan->n; i++) {
		if (plan->edits[i - 1].old.p + plan->edits[i - 1].old.n > plan->edits[i].old.p)
			return -EINVAL;
	}
	return 0;
}

int edit_apply(const struct edit_list *l, const struct sip_msg *m, char *out, size_t out_size,
	       size_t *out_len)
{
	const char *from = m->raw.p;
	struct plan plan;
	size_t len = m->raw.n, at = 0, i;
	int err;

	if (l->overflow)
		return -EOVERFLOW;
	err = make_plan(&plan, l, m);
	if (err)
		return err;
	for (i = 0; i < plan.n; i++)
		len += plan.edits[i].new_text.n - plan.edits[i].old.n;
	if (len > out_size)
		return -ENOSPC;
	for (i = 0; i < plan.n; i++) {
		const struct edit *e = &plan.edits[i];

		memcpy(out + at, from, e->old.p - from);
		at += e->old.p - from;
		memcpy(out + at, e->new_text.p, e->new_text.n);
		at += e->new_text.n;
		from = e->old.p + e->old.n;
	}
	memcpy(out + at, from, m->raw.p + m->raw.n - from);
	*out_len = len;
	return 0;
}
