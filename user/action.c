// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of actions that deciders fill.
 */
#include "action.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct action *action_add(struct action_list *l, enum action_kind kind)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct action *v = realloc(l->v, cap * sizeof(*v));

		if (!v) {
			l->failed = true;
			return NULL;
		}
		l->v = v;
		l->cap = cap;
	}
	struct action *a = &l->v[l->n++];

	memset(a, 0, sizeof(*a));
	a->kind = kind;
	return a;
}

char *action_bytes(struct action_list *l, size_t n)
{
	if (l->n_chunks == l->cap_chunks) {
		size_t cap = l->cap_chunks ? l->cap_chunks * 2 : 8;
		char **v = realloc(l->chunks, cap * sizeof(*v));

		if (!v) {
			l->failed = true;
			return NULL;
		}
		l->chunks = v;
		l->cap_chunks = cap;
	}
	char *p = malloc(n ? n : 1);

	if (!p) {
		l->failed = true;
		return NULL;
	}
	l->chunks[l->n_chunks++] = p;
	return p;
}

void action_event(struct action_list *l, enum event_kind kind, uint32_t call_id, const char *fmt,
		  ...)
{
	struct action *a = action_add(l, ACT_EVENT);
	va_list ap;

	if (!a)
		return;
	a->event.kind = kind;
	a->event.call_id = call_id;
	va_start(ap, fmt);
	vsnprintf(a->event.text, sizeof(a->event.text), fmt, ap);
	va_end(ap);
	/* Some of it came from a message: it must not steer a terminal, nor break a line of JSON. */
	for (char *p = a->event.text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

void action_drop(struct action_list *l, enum rf_reason reason, const char *detail)
{
	struct action *a = action_add(l, ACT_DROP);

	if (!a)
		return;
	a->drop.reason = reason;
	a->drop.detail = detail;
}

void action_count(struct action_list *l, enum rf_reason reason)
{
	struct action *a = action_add(l, ACT_COUNT);

	if (a)
		a->drop.reason = reason;
}

void actions_reset(struct action_list *l)
{
	for (size_t i = 0; i < l->n_chunks; i++)
		free(l->chunks[i]);
	l->n_chunks = 0;
	l->n = 0;
	l->failed = false;
}

void actions_free(struct action_list *l)
{
	actions_reset(l);
	free(l->chunks);
	free(l->v);
	memset(l, 0, sizeof(*l));
}
