// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of actions that deciders fill.
 */
#include "action.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define KEEP_MAX 4096 /* actions; more than that is a pass over all calls */

bool action_reserve(struct action_list *l, size_t n, size_t bytes)
{
	size_t cap = l->cap ? l->cap * 2 : 16;
	struct action *v;
	char *arena;

	if (cap < l->n + n)
		cap = l->n + n;
	if (l->cap - l->n < n) {
		v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return false;
		l->v = v;
		l->cap = cap;
	}
	if (bytes <= l->arena_cap - l->arena_used)
		return true;
	if (l->arena_used)
		return false; /* it is pointed into */
	arena = realloc(l->arena, bytes);
	if (!arena)
		return false;
	l->arena = arena;
	l->arena_cap = bytes;
	return true;
}

struct action *action_add(struct action_list *l, enum action_kind kind)
{
	if (!action_reserve(l, 1, 0)) {
		l->failed = true;
		return NULL;
	}
	struct action *a = &l->v[l->n++];

	memset(a, 0, sizeof(*a));
	a->kind = kind;
	return a;
}

char *action_bytes(struct action_list *l, size_t n)
{
	if (n <= l->arena_cap - l->arena_used && l->arena) {
		l->arena_used += n;
		return l->arena + l->arena_used - n;
	}
	if (l->n_chunks == l->cap_chunks) {
		size_t cap = l->cap_chunks ? l->cap_chunks * 2 : 8;
		char **v = realloc(l->chunks, cap * sizeof(*v));

		if (!v)
			return NULL;
		l->chunks = v;
		l->cap_chunks = cap;
	}
	char *p = malloc(n ? n : 1);

	if (!p)
		return NULL;
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
	if (l->cap > KEEP_MAX) {
		free(l->v);
		l->v = NULL;
		l->cap = 0;
	}
	l->n_chunks = 0;
	l->arena_used = 0;
	l->n = 0;
	l->failed = l->unsaved = false;
}

void actions_free(struct action_list *l)
{
	actions_reset(l);
	free(l->chunks);
	free(l->arena);
	free(l->v);
	memset(l, 0, sizeof(*l));
}
