// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of substituted identities, per Call-ID, found by either of its two forms.
 */
#include "alias.h"

#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "expiry.h"
#include "hash.h"
#include "record_save.h"

#define RECORD_MAGIC   0x53414c41 /* "ALAS" */
#define RECORD_VERSION 1

/* A deadline that has moved by less is not worth a journal entry. */
#define SAVE_STEP_NS (30ull * 1000000000)

struct item {
	struct item *next; /* later */
	struct alias_item view; /* into .text */
	char text[];
};

struct alias {
	uint32_t id;
	struct view internal, public_form; /* into .texts */
	struct item *items; /* ALIAS_ITEMS_MAX at most */
	uint16_t n_items;
	struct expiry expiry;
	struct share_item share;
	uint64_t saved_until_ns;
	bool dirty; /* in the table's list: its deadline moved far enough to be saved again */
	struct alias *prev_dirty, *next_dirty;
	UT_hash_handle hh_internal, hh_public;
	char texts[];
};

struct alias_table {
	struct alias *by_internal, *by_public;
	struct alias *dirty;
	struct expiry_heap heap;
	struct share share;
	uint32_t next_id;
};

struct alias_table *alias_table_new(void)
{
	struct alias_table *t = calloc(1, sizeof(*t));

	if (t)
		t->next_id = 1;
	return t;
}

static void free_alias(struct alias *a)
{
	struct item *item;

	while ((item = a->items)) {
		a->items = item->next;
		free(item);
	}
	free(a);
}

void alias_table_free(struct alias_table *t)
{
	struct alias *a, *tmp;

	if (!t)
		return;
	HASH_CLEAR(hh_public, t->by_public);
	HASH_ITER (hh_internal, t->by_internal, a, tmp) {
		HASH_DELETE(hh_internal, t->by_internal, a);
		share_leave(&t->share, &a->share);
		free_alias(a);
	}
	share_free(&t->share);
	free(t->heap.v);
	free(t);
}

size_t alias_count(const struct alias_table *t)
{
	return HASH_CNT(hh_internal, t->by_internal);
}

struct alias *alias_by_internal(const struct alias_table *t, struct view call_id)
{
	struct alias *a;

	HASH_FIND(hh_internal, t->by_internal, call_id.p, call_id.n, a);
	return a;
}

struct alias *alias_by_public(const struct alias_table *t, struct view call_id)
{
	struct alias *a;

	HASH_FIND(hh_public, t->by_public, call_id.p, call_id.n, a);
	return a;
}

struct view alias_internal(const struct alias *a)
{
	return a->internal;
}

struct view alias_public(const struct alias *a)
{
	return a->public_form;
}

struct view alias_internal_call_id(const struct alias_table *t, struct view call_id)
{
	const struct alias *a = alias_by_public(t, call_id);

	return a ? a->internal : call_id;
}

/* Runs both ways; ALIAS_RECEIVED items are left out by the writer. */
static void record(struct record *r, struct view *internal, struct view *public_form,
		   uint64_t *until_ns, struct alias_item *items, size_t *n_items)
{
	size_t i;

	record_head(r, RECORD_MAGIC, RECORD_VERSION, RECORD_VERSION);
	record_view(r, internal, ALIAS_TEXT_MAX);
	record_view(r, public_form, ALIAS_TEXT_MAX + 12);
	record_u64(r, until_ns);
	record_count(r, n_items, ALIAS_ITEMS_MAX);
	for (i = 0; i < *n_items; i++) {
		record_enum(r, &items[i].kind, ALIAS_FOREIGN + 1);
		record_view(r, &items[i].key, ALIAS_TEXT_MAX);
		record_view(r, &items[i].inside, ALIAS_TEXT_MAX);
		record_view(r, &items[i].outside, ALIAS_TEXT_MAX);
	}
}

static void save(struct alias *a, struct action_list *out)
{
	struct alias_item items[ALIAS_ITEMS_MAX];
	struct record r = { 0 };
	size_t n = 0;

	for (const struct item *item = a->items; item; item = item->next) {
		if (item->view.kind != ALIAS_RECEIVED)
			items[n++] = item->view;
	}
	a->saved_until_ns = a->expiry.until_ns;
	record_write(&r);
	record(&r, &a->internal, &a->public_form, &a->saved_until_ns, items, &n);
	record_save(&r, RECORD_ALIAS, a->id, out);
}

static struct view append(char **at, struct view v)
{
	struct view to = { *at, v.n };

	if (v.n)
		memcpy(*at, v.p, v.n);
	*at += v.n;
	return to;
}

static struct alias *insert(struct alias_table *t, const struct share_key *owner, uint32_t id,
			    struct view internal, struct view public_form, uint64_t until_ns)
{
	struct alias *a = calloc(1, sizeof(*a) + internal.n + public_form.n);
	char *at;

	if (!a)
		return NULL;
	at = a->texts;
	a->id = id;
	a->internal = append(&at, internal);
	a->public_form = append(&at, public_form);
	if (expiry_add(&t->heap, &a->expiry, until_ns)) {
		free_alias(a);
		return NULL;
	}
	if (share_join(&t->share, &a->share, owner, 1))
		goto err;
	if (!hash_add_key(hh_internal, t->by_internal, a->internal.p, a->internal.n, a))
		goto err_share;
	if (!hash_add_key(hh_public, t->by_public, a->public_form.p, a->public_form.n, a)) {
		HASH_DELETE(hh_internal, t->by_internal, a);
		goto err_share;
	}
	return a;
err_share:
	share_leave(&t->share, &a->share);
err:
	expiry_remove(&t->heap, &a->expiry);
	free_alias(a);
	return NULL;
}

/* a is out of the heap already. */
static void remove_alias(struct alias_table *t, struct alias *a)
{
	HASH_DELETE(hh_internal, t->by_internal, a);
	HASH_DELETE(hh_public, t->by_public, a);
	share_leave(&t->share, &a->share);
	free_alias(a);
}

static void mark_dirty(struct alias_table *t, struct alias *a)
{
	if (a->dirty || a->expiry.until_ns < a->saved_until_ns + SAVE_STEP_NS)
		return;
	a->dirty = true;
	DL_PREPEND2(t->dirty, a, prev_dirty, next_dirty);
}

static void clean(struct alias_table *t, struct alias *a)
{
	DL_DELETE2(t->dirty, a, prev_dirty, next_dirty);
	a->dirty = false;
}

/* a is out of the heap already. */
static void forget(struct alias_table *t, struct alias *a, struct action_list *out)
{
	if (a->dirty)
		clean(t, a);
	record_forget(RECORD_ALIAS, a->id, out);
	remove_alias(t, a);
}

static bool give_way(struct alias_table *t, struct alias *newest, struct action_list *out)
{
	struct share_item *i;

	while ((i = share_excess(&t->share, &newest->share, ALIASES_MAX, SIZE_MAX))) {
		struct alias *a = (struct alias *)((char *)i - offsetof(struct alias, share));

		if (!action_reserve(out, 1, 0)) {
			out->failed = true;
			break;
		}
		t->share.n_gave_way++;
		expiry_remove(&t->heap, &a->expiry);
		forget(t, a, out);
	}
	if (share_over(&t->share, &newest->share, ALIASES_MAX, SIZE_MAX) == SHARE_FITS)
		return true;
	t->share.n_refused++;
	expiry_remove(&t->heap, &newest->expiry);
	forget(t, newest, out);
	return false;
}

struct alias *alias_get(struct alias_table *t, const struct share_key *owner, struct view internal,
			struct view public_form, uint64_t now_ns, struct action_list *out)
{
	struct alias *a = alias_by_internal(t, internal);
	char text[ALIAS_TEXT_MAX + 12];
	int n;

	if (a) {
		expiry_extend(&a->expiry, now_ns + ALIAS_LIFE_NS);
		share_renew(&t->share, &a->share);
		return a;
	}
	if (!internal.n || internal.n > ALIAS_TEXT_MAX || !public_form.n ||
	    public_form.n > ALIAS_TEXT_MAX)
		return NULL;
	/* "1@10.0.0.5" and "1@10.0.0.6" would become the same outside. */
	if (alias_by_public(t, public_form)) {
		n = snprintf(text, sizeof(text), VIEW_FMT "-%u", VIEW_ARG(public_form), t->next_id);
		public_form = (struct view){ text, n };
		if (alias_by_public(t, public_form))
			return NULL;
	}
	a = insert(t, owner, t->next_id, internal, public_form, now_ns + ALIAS_LIFE_NS);
	if (!a) {
		out->failed = true;
		return NULL;
	}
	if (!give_way(t, a, out)) {
		return NULL;
	}
	t->next_id++;
	save(a, out);
	return a;
}

static const struct alias_item *find(const struct alias *a, enum alias_kind kind, struct view key,
				     const struct view *inside, const struct view *outside)
{
	for (const struct item *i = a ? a->items : NULL; i; i = i->next) {
		if (i->view.kind == kind && view_eq(i->view.key, key) &&
		    (!inside || view_eq(i->view.inside, *inside)) &&
		    (!outside || view_eq(i->view.outside, *outside)))
			return &i->view;
	}
	return NULL;
}

const struct alias_item *alias_find_inside(const struct alias *a, enum alias_kind kind,
					   struct view key, struct view inside)
{
	return find(a, kind, key, &inside, NULL);
}

const struct alias_item *alias_find_outside(const struct alias *a, enum alias_kind kind,
					    struct view key, struct view outside)
{
	return find(a, kind, key, NULL, &outside);
}

static struct item *new_item(const struct alias_item *from)
{
	struct item *item = malloc(sizeof(*item) + from->key.n + from->inside.n + from->outside.n);
	char *at;

	if (!item)
		return NULL;
	item->next = NULL;
	at = item->text;
	item->view.kind = from->kind;
	item->view.key = append(&at, from->key);
	item->view.inside = append(&at, from->inside);
	item->view.outside = append(&at, from->outside);
	return item;
}

static void add_item(struct alias *a, struct item *item)
{
	LL_APPEND(a->items, item);
	a->n_items++;
}

/* Makes room by taking the oldest transaction's item away: identities stay as long as the Call-ID. */
static bool make_room(struct alias *a)
{
	struct item *item;

	if (a->n_items < ALIAS_ITEMS_MAX)
		return true;
	LL_FOREACH (a->items, item) {
		if (item->view.kind == ALIAS_RECEIVED) {
			LL_DELETE(a->items, item);
			a->n_items--;
			free(item);
			return true;
		}
	}
	return false;
}

int alias_learn(struct alias_table *t, struct alias *a, const struct alias_item *item,
		struct action_list *out)
{
	struct item *copied;

	if (find(a, item->kind, item->key, &item->inside, &item->outside))
		return 0;
	if (item->key.n > ALIAS_TEXT_MAX || item->inside.n > ALIAS_TEXT_MAX ||
	    item->outside.n > ALIAS_TEXT_MAX || !make_room(a))
		return -ENOSPC;
	copied = new_item(item);
	if (!copied) {
		out->failed = true;
		return -ENOMEM;
	}
	add_item(a, copied);
	if (item->kind != ALIAS_RECEIVED)
		save(a, out);
	return 0;
}

void alias_touch(struct alias_table *t, struct view internal, uint64_t until_ns)
{
	struct alias *a = alias_by_internal(t, internal);

	if (!a)
		return;
	expiry_extend(&a->expiry, until_ns);
	share_renew(&t->share, &a->share);
	mark_dirty(t, a);
}

void alias_firm(struct alias_table *t, struct view internal, bool firm)
{
	struct alias *a = alias_by_internal(t, internal);

	if (a)
		share_state(&t->share, &a->share, firm ? SHARE_FIRM : SHARE_LOOSE);
}

void alias_shares(const struct alias_table *t, show_share_fn fn, void *arg)
{
	share_show(&t->share, "identities", NULL, ALIASES_MAX, fn, arg);
}

void alias_tick(struct alias_table *t, uint64_t now_ns, struct action_list *out)
{
	struct expiry *e;
	struct alias *a;

	while ((a = t->dirty)) {
		clean(t, a);
		save(a, out);
	}
	while (action_reserve(out, 1, 0) && (e = expiry_pop(&t->heap, now_ns))) {
		a = (struct alias *)((char *)e - offsetof(struct alias, expiry));
		forget(t, a, out);
	}
}

void alias_save_all(struct alias_table *t, struct action_list *out)
{
	for (struct alias *a = t->by_internal; a; a = a->hh_internal.next)
		save(a, out);
}

int alias_restore(struct alias_table *t, uint32_t id, struct view bytes, uint64_t now_ns)
{
	struct alias_item items[ALIAS_ITEMS_MAX] = { 0 };
	struct view internal = VIEW_NONE, public_form = VIEW_NONE;
	static const struct share_key
		unknown; /* whose it was; until its call says that it is firm */
	struct record r = { 0 };
	uint64_t until_ns = 0;
	size_t n = 0, i;
	struct alias *a;

	record_read(&r, bytes);
	record(&r, &internal, &public_form, &until_ns, items, &n);
	if (!record_done(&r) || !id || !internal.n || !public_form.n ||
	    alias_by_internal(t, internal) || alias_by_public(t, public_form))
		return -EINVAL;
	if (until_ns < now_ns + ALIAS_LIFE_NS)
		until_ns = now_ns + ALIAS_LIFE_NS;
	a = insert(t, &unknown, id, internal, public_form, until_ns);
	if (!a)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct item *item = new_item(&items[i]);

		if (!item) {
			expiry_remove(&t->heap, &a->expiry);
			remove_alias(t, a);
			return -ENOMEM;
		}
		add_item(a, item);
	}
	a->saved_until_ns = until_ns;
	if (t->next_id <= id)
		t->next_id = id + 1;
	return 0;
}
