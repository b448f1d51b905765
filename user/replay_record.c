// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is kept of a replay for those who show it: per call a list of what happened, in order.
 */
#include "replay_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "diff.h"

#define TEXT_MAX 300 /* of a token or start line */

char *replay_copy(struct replay *r, struct view v, size_t max)
{
	size_t n = v.n < max ? v.n : max;
	char *s = malloc(n + 1);

	if (!s) {
		r->err = -ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) /* a NUL would end it early */
		s[i] = v.p[i] ? v.p[i] : ' ';
	s[n] = '\0';
	return s;
}

/* One Call-ID may cross twice: both ends of a call can be inside hosts behind the same provider. */
static char *key_of(const struct rf_ep *inside, struct view call_id, size_t *n)
{
	char addr[ADDR_TEXT_MAX], *key;

	addr_text(&inside->addr, addr);
	*n = strlen(addr) + 1 + call_id.n;
	key = malloc(*n);
	if (!key)
		return NULL;
	memcpy(key, addr, strlen(addr));
	key[strlen(addr)] = ' ';
	memcpy(key + strlen(addr) + 1, call_id.p, call_id.n);
	return key;
}

struct replay_record *replay_record_get(struct replay *r, const struct rf_ep *inside,
					struct view call_id)
{
	struct replay_record *rec;
	size_t n;
	char *key = key_of(inside, call_id, &n);

	if (!key)
		goto err;
	HASH_FIND(hh, r->records, key, n, rec);
	if (rec) {
		free(key);
		return rec;
	}
	rec = calloc(1, sizeof(*rec));
	if (!rec)
		goto err;
	rec->key = key;
	rec->key_n = n;
	rec->inside = *inside;
	rec->since_ns = r->now_ns;
	rec->call_id = replay_copy(r, call_id, call_id.n);
	if (rec->call_id && hash_add_key(hh, r->records, rec->key, rec->key_n, rec))
		return rec;
	free(rec->call_id);
	free(rec);
err:
	free(key);
	r->err = -ENOMEM;
	return NULL;
}

struct replay_record *replay_record_of_call(const struct replay *r, uint32_t call)
{
	struct replay_record *rec = NULL;

	HASH_FIND(hh_call, r->by_call, &call, sizeof(call), rec);
	return rec;
}

/* A Call-ID may be used for one call after another: the record then is of all of them. */
void replay_record_call(struct replay *r, struct replay_record *rec, uint32_t call)
{
	if (!call || rec == &r->loose || rec->call == call)
		return;
	if (rec->call)
		HASH_DELETE(hh_call, r->by_call, rec);
	rec->call = call;
	if (!hash_add(hh_call, r->by_call, call, sizeof(rec->call), rec)) {
		rec->call = 0;
		r->err = -ENOMEM;
	}
}

struct replay_entry *replay_entry_add(struct replay *r, struct replay_record *rec,
				      enum replay_entry_kind kind, struct view text)
{
	struct replay_entry *e;

	if (r->entries >= REPLAY_ENTRIES_MAX) {
		r->stats.entries_lost++;
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (!e) {
		r->err = -ENOMEM;
		return NULL;
	}
	e->time_ns = r->now_ns;
	e->kind = kind;
	e->text = replay_copy(r, text, TEXT_MAX);
	if (rec->last)
		rec->last->next = e;
	else
		rec->first = e;
	rec->last = e;
	rec->last_ns = r->now_ns;
	r->entries++;
	return e;
}

struct diffing {
	struct replay *r;
	struct replay_entry *e;
};

static void add_edit(const struct diff_change *c, void *arg)
{
	struct diffing *d = arg;
	struct replay_edit *v, *to;

	v = realloc(d->e->edits, (d->e->n_edits + 1) * sizeof(*v));
	if (!v) {
		d->r->err = -ENOMEM;
		return;
	}
	d->e->edits = v;
	to = &v[d->e->n_edits++];
	to->where = replay_copy(d->r, c->where, TEXT_MAX);
	to->before = replay_copy(d->r, c->before, TEXT_MAX);
	to->after = replay_copy(d->r, c->after, TEXT_MAX);
}

int replay_entry_diff(struct replay *r, struct replay_entry *e, struct view before,
		      struct view after)
{
	struct diffing d = { r, e };

	return view_eq(before, after) ? 0 : diff_messages(before, after, add_edit, &d);
}

/* What the record holds: the one for what belongs to no call comes to own as much as the others. */
static void record_clear(struct replay_record *rec)
{
	struct replay_entry *e, *next;

	for (e = rec->first; e; e = next) {
		next = e->next;
		for (size_t i = 0; i < e->n_edits; i++) {
			free(e->edits[i].where);
			free(e->edits[i].before);
			free(e->edits[i].after);
		}
		free(e->edits);
		free(e->leak);
		free(e->text);
		free(e);
	}
	free(rec->key);
	free(rec->call_id);
	free(rec->from);
	free(rec->to);
	free(rec->method);
	free(rec->ended);
}

void replay_records_free(struct replay *r)
{
	struct replay_record *rec, *next;

	HASH_CLEAR(hh_call, r->by_call);
	HASH_ITER (hh, r->records, rec, next) {
		HASH_DELETE(hh, r->records, rec);
		record_clear(rec);
		free(rec);
	}
	record_clear(&r->loose);
}
