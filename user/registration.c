// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations: what a 2xx granted to a REGISTER of an inside endpoint. An entry is known by the
 * binding and user of its Contact and by its AOR; a registrar by binding and address.
 */
#include "registration.h"

#include <stdlib.h>

#include "hash.h"
#include "record_save.h"
#include "registration_pending.h"

#define RECORD_MAGIC   0x49474552 /* "REGI" */
#define RECORD_VERSION 1
#define TEXT_MAX       1024

/* A registrar may use a contact up to the last second: its message still finds the port. */
#define SLACK_NS (32ull * 1000000000)

struct entry {
	struct registration r; /* texts are owned */
	struct expiry expiry;
	struct share_item share;
	struct entry *next; /* same binding and user, another AOR */
	UT_hash_handle hh_id;
};

struct user { /* the Contacts of one binding with one user part */
	struct entry *first;
	UT_hash_handle hh;
	size_t key_n;
	char key[];
};

struct registrar_key {
	uint32_t binding_id;
	struct rf_addr addr;
};

struct registrar {
	struct registrar_key key;
	size_t count; /* live registrations there */
	uint64_t until_ns;
	UT_hash_handle hh;
};

struct registration_table {
	struct entry *by_id;
	struct user *users;
	struct registrar *registrars;
	struct expiry_heap heap;
	struct share share;
	struct pending_table pending;
	uint32_t next_id;
};

struct registration_table *registration_table_new(void)
{
	struct registration_table *t = calloc(1, sizeof(*t));

	if (t)
		t->next_id = 1;
	return t;
}

static void free_entry(struct entry *e)
{
	free((char *)e->r.aor);
	free((char *)e->r.user);
	free((char *)e->r.contact);
	free(e);
}

void registration_table_free(struct registration_table *t)
{
	struct registrar *g, *tmp_g;
	struct entry *e, *tmp_e;
	struct user *u, *tmp_u;

	if (!t)
		return;
	HASH_ITER (hh, t->registrars, g, tmp_g) {
		HASH_DEL(t->registrars, g);
		free(g);
	}
	HASH_ITER (hh, t->users, u, tmp_u) {
		HASH_DEL(t->users, u);
		free(u);
	}
	HASH_ITER (hh_id, t->by_id, e, tmp_e) {
		HASH_DELETE(hh_id, t->by_id, e);
		share_leave(&t->share, &e->share);
		free_entry(e);
	}
	share_free(&t->share);
	pending_free(&t->pending);
	free(t->heap.v);
	free(t);
}

size_t registration_count(const struct registration_table *t)
{
	return HASH_CNT(hh_id, t->by_id);
}

void registration_shares(const struct registration_table *t, show_share_fn fn, void *arg)
{
	share_show(&t->share, "registrations", NULL, REGISTRATIONS_MAX, fn, arg);
	share_show(&t->pending.share, "open_registrations", NULL, PENDING_MAX, fn, arg);
}

static struct user *user_find(const struct registration_table *t, uint32_t binding_id,
			      struct view user)
{
	char key[sizeof(binding_id) + TEXT_MAX];
	struct user *u;

	if (user.n > TEXT_MAX)
		return NULL;
	memcpy(key, &binding_id, sizeof(binding_id));
	if (user.n)
		memcpy(key + sizeof(binding_id), user.p, user.n);
	HASH_FIND(hh, t->users, key, sizeof(binding_id) + user.n, u);
	return u;
}

static struct user *user_get(struct registration_table *t, uint32_t binding_id, struct view user)
{
	struct user *u = user_find(t, binding_id, user);

	if (u || user.n > TEXT_MAX)
		return u;
	u = calloc(1, sizeof(*u) + sizeof(binding_id) + user.n);
	if (!u)
		return NULL;
	u->key_n = sizeof(binding_id) + user.n;
	memcpy(u->key, &binding_id, sizeof(binding_id));
	if (user.n)
		memcpy(u->key + sizeof(binding_id), user.p, user.n);
	if (hash_add_key(hh, t->users, u->key, u->key_n, u))
		return u;
	free(u);
	return NULL;
}

static struct registrar *registrar_find(const struct registration_table *t, uint32_t binding_id,
					const struct rf_addr *a)
{
	struct registrar_key k = { .binding_id = binding_id, .addr = *a };
	struct registrar *g;

	HASH_FIND(hh, t->registrars, &k, sizeof(k), g);
	return g;
}

/* Counts an entry's registrar; false when out of memory. */
static bool registrar_hold(struct registration_table *t, const struct registration *r)
{
	struct registrar *g = registrar_find(t, r->binding_id, &r->registrar.addr);

	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return false;
		g->key.binding_id = r->binding_id;
		g->key.addr = r->registrar.addr;
		if (!hash_add(hh, t->registrars, key, sizeof(g->key), g)) {
			free(g);
			return false;
		}
	}
	g->count++;
	if (r->expires_ns > g->until_ns)
		g->until_ns = r->expires_ns;
	return true;
}

static void registrar_release(struct registration_table *t, const struct registration *r)
{
	struct registrar *g = registrar_find(t, r->binding_id, &r->registrar.addr);

	if (!g || --g->count)
		return;
	HASH_DEL(t->registrars, g);
	free(g);
}

/* The record's texts, as the same description serves both ways. */
static void record(struct record *r, struct registration *g, struct view *aor, struct view *user,
		   struct view *contact)
{
	record_head(r, RECORD_MAGIC, RECORD_VERSION, RECORD_VERSION);
	record_u32(r, &g->binding_id);
	record_view(r, aor, TEXT_MAX);
	record_view(r, user, TEXT_MAX);
	record_view(r, contact, TEXT_MAX);
	record_ep(r, &g->inside);
	record_ep(r, &g->outside);
	record_ep(r, &g->registrar);
	record_u64(r, &g->since_ns);
	record_u64(r, &g->expires_ns);
}

static void save(struct entry *e, struct action_list *out)
{
	struct view aor = view_of(e->r.aor), user = view_of(e->r.user);
	struct view contact = view_of(e->r.contact);
	struct record r = { 0 };

	record_write(&r);
	record(&r, &e->r, &aor, &user, &contact);
	record_save(&r, RECORD_REGISTRATION, e->r.id, out);
}

/* Texts end at a NUL, so one inside would not be found again; no URI has one. */
static bool is_text(struct view user)
{
	return user.n <= TEXT_MAX && !(user.n && memchr(user.p, 0, user.n));
}

/* Puts a new entry into every index; NULL: out of memory. */
static struct entry *insert(struct registration_table *t, const struct registration *from,
			    struct view aor, struct view user, struct view contact)
{
	struct share_key who = share_inside(&from->inside.addr);
	struct user *u;
	struct entry *e;

	u = user_get(t, from->binding_id, user);
	e = calloc(1, sizeof(*e));
	if (!u || !e)
		goto err;
	e->r = *from;
	e->r.aor = strndup(aor.p ? aor.p : "", aor.n);
	e->r.user = strndup(user.p ? user.p : "", user.n);
	e->r.contact = strndup(contact.p ? contact.p : "", contact.n);
	if (!e->r.aor || !e->r.user || !e->r.contact)
		goto err;
	if (expiry_add(&t->heap, &e->expiry, e->r.expires_ns))
		goto err;
	if (share_join(&t->share, &e->share, &who, 1))
		goto err_expiry;
	if (!registrar_hold(t, &e->r))
		goto err_share;
	if (!hash_add(hh_id, t->by_id, r.id, sizeof(e->r.id), e))
		goto err_registrar;
	e->next = u->first;
	u->first = e;
	return e;
err_registrar:
	registrar_release(t, &e->r);
err_share:
	share_leave(&t->share, &e->share);
err_expiry:
	expiry_remove(&t->heap, &e->expiry);
err:
	if (u && !u->first) {
		HASH_DEL(t->users, u);
		free(u);
	}
	if (e)
		free_entry(e);
	return NULL;
}

/* e is out of the heap already. */
static void remove_entry(struct registration_table *t, struct entry *e, const char *why,
			 struct action_list *out)
{
	struct user *u = user_find(t, e->r.binding_id, view_of(e->r.user));
	char registrar[EP_TEXT_MAX];
	struct entry **at;

	for (at = &u->first; *at != e; at = &(*at)->next)
		;
	*at = e->next;
	if (!u->first) {
		HASH_DEL(t->users, u);
		free(u);
	}
	registrar_release(t, &e->r);
	share_leave(&t->share, &e->share);
	HASH_DELETE(hh_id, t->by_id, e);
	action_event(out, EVENT_UNREGISTERED, 0, "%.90s at %s: %s", e->r.aor,
		     ep_text(&e->r.registrar, registrar), why);
	record_forget(RECORD_REGISTRATION, e->r.id, out);
	free_entry(e);
}

static void remove_now(struct registration_table *t, struct entry *e, struct action_list *out)
{
	expiry_remove(&t->heap, &e->expiry);
	remove_entry(t, e, "unregistered", out);
}

/* Room for one more of this inside address? Who holds most is refused, else the one of whoever does that was granted or
 * refreshed longest ago gives way; its next refresh brings it back. */
static bool make_room(struct registration_table *t, const struct rf_addr *inside,
		      struct action_list *out)
{
	struct share_key who = share_inside(inside);
	struct share_item *i;
	struct entry *e;

	if (registration_count(t) < REGISTRATIONS_MAX)
		return true;
	i = share_wanted(&t->share, &who, NULL, SIZE_MAX);
	if (!i || !memcmp(&i->host->key, &who, sizeof(who))) {
		t->share.n_refused++;
		return false;
	}
	t->share.n_gave_way++;
	e = (struct entry *)((char *)i - offsetof(struct entry, share));
	expiry_remove(&t->heap, &e->expiry);
	remove_entry(t, e, "gave way: its host has most of them", out);
	return true;
}

static struct entry *entry_find(const struct registration_table *t, uint32_t binding_id,
				struct view user, struct view aor)
{
	struct user *u = user_find(t, binding_id, user);
	struct entry *e = u ? u->first : NULL;

	while (e && !view_eq(view_of(e->r.aor), aor))
		e = e->next;
	return e;
}

enum rf_reason registration_request(struct registration_table *t,
				    const struct registration_ctx *ctx, const struct sip_msg *m)
{
	return pending_add(&t->pending, ctx, m);
}

static void refresh(struct registration_table *t, struct entry *e,
		    const struct registration_ctx *ctx, const struct pending_contact *c,
		    uint64_t expires_ns)
{
	char *contact = strndup(c->uri.p, c->uri.n);
	struct registration was = e->r;

	e->r.registrar = ctx->remote;
	e->r.expires_ns = expires_ns;
	if (!contact || !registrar_hold(t, &e->r)) {
		e->r = was;
		free(contact);
		ctx->out->failed = true;
		return;
	}
	registrar_release(t, &was);
	free((char *)e->r.contact);
	e->r.contact = contact;
	expiry_set(&t->heap, &e->expiry, expires_ns);
	share_renew(&t->share, &e->share);
	save(e, ctx->out);
}

static enum rf_reason granted(struct registration_table *t, const struct registration_ctx *ctx,
			      const struct pending *p, const struct pending_contact *c,
			      uint64_t seconds)
{
	struct binding *b = binding_by_id(ctx->bindings, c->binding_id);
	struct entry *e = entry_find(t, c->binding_id, c->user, p->aor);
	char registrar[EP_TEXT_MAX], inside[EP_TEXT_MAX], outside[EP_TEXT_MAX];
	struct registration r = { .binding_id = c->binding_id, .registrar = ctx->remote };

	if (!b)
		return RF_R_NONE; /* its WAN went away meanwhile */
	r.since_ns = ctx->now_ns;
	r.expires_ns = ctx->now_ns + seconds * 1000000000;
	binding_touch(b, r.expires_ns + SLACK_NS);
	binding_touch(ctx->binding, r.expires_ns + SLACK_NS);
	if (e) {
		refresh(t, e, ctx, c, r.expires_ns);
		return RF_R_NONE;
	}
	if (!make_room(t, &b->inside.addr, ctx->out))
		return RF_R_SIP_LIMIT;
	r.id = t->next_id;
	r.inside = b->inside;
	r.outside = binding_public(ctx->topo, b);
	if (!is_text(c->user))
		return RF_R_SIP_LIMIT;
	e = action_reserve(ctx->out, 2, 0) ? insert(t, &r, p->aor, c->user, c->uri) : NULL;
	if (!e) {
		ctx->out->failed = true;
		return RF_R_OUT_OF_MEMORY;
	}
	t->next_id++;
	save(e, ctx->out);
	action_event(ctx->out, EVENT_REGISTERED, 0, "%.70s at %s from %s as %s", e->r.aor,
		     ep_text(&r.registrar, registrar), ep_text(&r.inside, inside),
		     ep_text(&r.outside, outside));
	return RF_R_NONE;
}

/* "Contact: *" with Expires: 0 takes every Contact of the AOR away at that registrar (10.2.2). */
static void remove_all(struct registration_table *t, const struct registration_ctx *ctx,
		       const struct pending *p)
{
	struct entry *e, *tmp;

	HASH_ITER (hh_id, t->by_id, e, tmp) {
		if (!view_eq(view_of(e->r.aor), p->aor) ||
		    !addr_eq(&e->r.registrar.addr, &ctx->remote.addr))
			continue;
		if (!action_reserve(ctx->out, 2, 0)) {
			ctx->out->failed = true;
			return;
		}
		remove_now(t, e, ctx->out);
	}
}

enum rf_reason registration_response(struct registration_table *t,
				     const struct registration_ctx *ctx, const struct sip_msg *m,
				     struct view call_id)
{
	enum rf_reason reason = RF_R_NONE;
	struct pending *p;
	size_t i;

	if (m->is_request || m->status < 200)
		return RF_R_NONE;
	/* A refusal changes nothing: what was granted before lasts until it ends (10.2.4). */
	p = pending_of(&t->pending, ctx, m, call_id);
	if (p && m->status < 300) {
		if (p->star)
			remove_all(t, ctx, p);
		for (i = 0; i < p->n_contacts && reason == RF_R_NONE; i++) {
			const struct pending_contact *c = &p->contacts[i];
			uint64_t seconds = pending_granted(p, c, ctx, m);
			struct entry *e = entry_find(t, c->binding_id, c->user, p->aor);

			if (seconds)
				reason = granted(t, ctx, p, c, seconds);
			else if (e)
				remove_now(t, e, ctx->out);
		}
	}
	if (p && !ctx->out->failed) /* else it is given again */
		pending_answered(&t->pending, p);
	return reason;
}

void registration_tick(struct registration_table *t, uint64_t now_ns, struct action_list *out)
{
	struct expiry *x;

	while (action_reserve(out, 2, 0) && (x = expiry_pop(&t->heap, now_ns)))
		remove_entry(t, (struct entry *)((char *)x - offsetof(struct entry, expiry)),
			     "expired", out);
	pending_tick(&t->pending, now_ns);
}

const struct registration *registration_find(const struct registration_table *t,
					     uint32_t binding_id, struct view user)
{
	struct user *u = user_find(t, binding_id, user);

	return u ? &u->first->r : NULL;
}

bool registration_is_registrar(const struct registration_table *t, uint32_t binding_id,
			       const struct rf_addr *a, uint64_t now_ns)
{
	const struct registrar *g = registrar_find(t, binding_id, a);

	return g && now_ns < g->until_ns;
}

int registration_restore(struct registration_table *t, struct binding_table *bindings, uint32_t id,
			 struct view bytes, uint64_t now_ns)
{
	struct view aor = VIEW_NONE, user = VIEW_NONE, contact = VIEW_NONE;
	struct registration g = { .id = id };
	struct record r = { 0 };
	struct entry *known;
	struct binding *b;

	record_read(&r, bytes);
	record(&r, &g, &aor, &user, &contact);
	if (!record_done(&r) || !id)
		return -EINVAL;
	HASH_FIND(hh_id, t->by_id, &id, sizeof(id), known);
	if (known || entry_find(t, g.binding_id, user, aor))
		return -EINVAL;
	if (!is_text(user))
		return -EINVAL;
	if (!insert(t, &g, aor, user, contact))
		return -ENOMEM;
	b = binding_by_id(bindings, g.binding_id);
	if (b)
		binding_touch(b, g.expires_ns + SLACK_NS);
	if (t->next_id <= id)
		t->next_id = id + 1;
	return 0;
}

void registration_restored(struct registration_table *t, struct binding_table *bindings,
			   struct action_list *out)
{
	struct entry *e, *tmp;

	HASH_ITER (hh_id, t->by_id, e, tmp) {
		struct binding *b = binding_by_id(bindings, e->r.binding_id);

		if (b)
			binding_touch(b, e->r.expires_ns + SLACK_NS);
		else
			remove_now(t, e, out);
	}
}

void registration_save_all(struct registration_table *t, struct action_list *out)
{
	for (struct entry *e = t->by_id; e; e = e->hh_id.next)
		save(e, out);
}

void registration_show(const struct registration_table *t, show_registration_fn fn, void *arg)
{
	const struct entry *e;

	for (e = t->by_id; e; e = e->hh_id.next) {
		struct show_registration s = {
			.aor = e->r.aor,
			.inside = e->r.inside,
			.outside = e->r.outside,
			.registrar = e->r.registrar,
			.contact = e->r.contact,
			.since_ns = e->r.since_ns,
			.expires_ns = e->r.expires_ns,
		};

		fn(&s, arg);
	}
}
