// SPDX-License-Identifier: GPL-2.0-only
/*
 * REGISTER requests without an answer yet, and what an answer grants them (RFC 3261 10.2, 10.3).
 */
#include "registration_pending.h"

#include <stdlib.h>

#include "hash.h"

/* Bytes of text that a pending request keeps: Call-ID, AOR, and two views per Contact. */
static size_t text_size(const struct sip_msg *m)
{
	size_t n = sizeof(uint32_t) + m->call_id.n + m->to->uri.whole.n;
	uint16_t i;

	for (i = 0; i < m->n_values; i++) {
		if (m->values[i].id == SIP_H_CONTACT)
			n += m->values[i].uri.whole.n + m->values[i].uri.user.n;
	}
	return n;
}

static struct view keep(struct pending *p, struct view v)
{
	struct view to = { p->text + p->used, v.n };

	if (v.n)
		memcpy(p->text + p->used, v.p, v.n);
	p->used += v.n;
	return to;
}

/* -1 when there is none, or not a number; RFC 3261 20.10 has digits, older devices quote them. */
static int64_t seconds_of(struct view v)
{
	int64_t s = 0;
	size_t i;

	if (v.n >= 2 && v.p[0] == '"')
		v = (struct view){ v.p + 1, v.n - 2 };
	for (i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return -1;
		if (s <= UINT32_MAX)
			s = s * 10 + (v.p[i] - '0');
	}
	return v.n ? s : -1;
}

/* The binding that a Contact leads to. A name cannot be told: it means the sender. */
static const struct binding *contact_binding(const struct registration_ctx *ctx,
					     const struct sip_uri *u)
{
	struct sip_hostport hp = u->hp;
	const struct binding *b;

	if (u->has_maddr && u->maddr.is_addr) {
		hp.addr = u->maddr.addr;
		hp.is_addr = true;
	}
	b = binding_by_token(ctx->bindings, ctx->wan, &hp);
	if (!b && (!hp.is_addr || addr_eq(&hp.addr, &ctx->binding->inside.addr)))
		b = ctx->binding;
	return b;
}

static void read_contacts(struct pending *p, const struct registration_ctx *ctx,
			  const struct sip_msg *m)
{
	uint16_t i;

	for (i = 0; i < m->n_values; i++) {
		const struct sip_value *v = &m->values[i];
		struct pending_contact *c = &p->contacts[p->n_contacts];
		const struct binding *b;

		if (v->id != SIP_H_CONTACT)
			continue;
		if (v->is_star) {
			p->star = m->expires == 0;
			continue;
		}
		b = v->uri.is_sip ? contact_binding(ctx, &v->uri) : NULL;
		if (!b || p->n_contacts == PENDING_CONTACTS_MAX)
			continue; /* a third party's, or mailto: and the like */
		c->binding_id = b->id;
		c->user = keep(p, v->uri.user);
		c->uri = keep(p, v->uri.whole);
		c->expires = seconds_of(v->expires);
		if (c->expires < 0)
			c->expires = m->expires;
		p->n_contacts++;
	}
}

static struct pending *find(const struct pending_table *t, uint32_t binding_id, struct view call_id)
{
	char key[sizeof(binding_id) + PENDING_TEXT_MAX];
	struct pending *p;

	if (call_id.n > PENDING_TEXT_MAX)
		return NULL;
	memcpy(key, &binding_id, sizeof(binding_id));
	memcpy(key + sizeof(binding_id), call_id.p, call_id.n);
	HASH_FIND(hh, t->pending, key, sizeof(binding_id) + call_id.n, p);
	return p;
}

static void take(struct pending_table *t, struct pending *p)
{
	HASH_DEL(t->pending, p);
	share_leave(&t->share, &p->share);
	expiry_remove(&t->heap, &p->expiry);
}

/* e is out of the heap already. */
static void forget(struct pending_table *t, struct expiry *e)
{
	struct pending *p = (struct pending *)((char *)e - offsetof(struct pending, expiry));

	HASH_DEL(t->pending, p);
	share_leave(&t->share, &p->share);
	free(p);
}

/* The oldest of whoever has most waiting: a registrar answers at once, so what waits longest waits in vain. */
static void make_room(struct pending_table *t, const struct pending *newest)
{
	struct share_item *i;

	while ((i = share_excess(&t->share, &newest->share, PENDING_MAX, SIZE_MAX))) {
		struct pending *p = (struct pending *)((char *)i - offsetof(struct pending, share));

		t->share.n_gave_way++;
		take(t, p);
		free(p);
	}
}

/* An AOR has no parameters (RFC 3261 10.3 step 5). */
static struct view aor_of(const struct sip_value *to)
{
	struct view v = to->uri.whole;

	if (to->uri.is_sip)
		v.n = to->uri.hp.whole.p + to->uri.hp.whole.n - v.p;
	return v;
}

enum rf_reason pending_add(struct pending_table *t, const struct registration_ctx *ctx,
			   const struct sip_msg *m)
{
	struct pending *p = find(t, ctx->binding->id, m->call_id);
	struct share_key who = share_inside(&ctx->binding->inside.addr);
	uint32_t id = ctx->binding->id;

	if (p) /* again with credentials, or retransmitted */
		pending_answered(t, p);
	if (m->call_id.n > PENDING_TEXT_MAX)
		return RF_R_SIP_LIMIT;
	p = calloc(1, sizeof(*p) + text_size(m));
	if (!p || expiry_add(&t->heap, &p->expiry, ctx->now_ns + REGISTRATION_PENDING_NS)) {
		free(p);
		return RF_R_OUT_OF_MEMORY;
	}
	if (share_join(&t->share, &p->share, &who, 1)) {
		expiry_remove(&t->heap, &p->expiry);
		free(p);
		return RF_R_OUT_OF_MEMORY;
	}
	p->key = p->text;
	keep(p, (struct view){ (const char *)&id, sizeof(id) });
	keep(p, m->call_id);
	p->key_n = p->used;
	p->aor = keep(p, aor_of(m->to));
	p->cseq = m->cseq;
	read_contacts(p, ctx, m);
	if (hash_add_key(hh, t->pending, p->key, p->key_n, p)) {
		make_room(t, p);
		return RF_R_NONE;
	}
	share_leave(&t->share, &p->share);
	expiry_remove(&t->heap, &p->expiry);
	free(p);
	return RF_R_OUT_OF_MEMORY;
}

struct pending *pending_of(struct pending_table *t, const struct registration_ctx *ctx,
			   const struct sip_msg *m, struct view call_id)
{
	struct pending *p = find(t, ctx->binding->id, call_id);

	return p && p->cseq == m->cseq ? p : NULL;
}

void pending_answered(struct pending_table *t, struct pending *p)
{
	take(t, p);
	free(p);
}

uint64_t pending_granted(const struct pending *p, const struct pending_contact *c,
			 const struct registration_ctx *ctx, const struct sip_msg *m)
{
	int64_t s = -1;
	uint16_t i;

	if (c->expires == 0)
		return 0;
	for (i = 0; i < m->n_values && s < 0; i++) {
		const struct sip_value *v = &m->values[i];
		const struct binding *b;

		if (v->id != SIP_H_CONTACT || !v->uri.is_sip || !view_eq(v->uri.user, c->user))
			continue;
		b = contact_binding(ctx, &v->uri);
		if (b && b->id == c->binding_id)
			s = seconds_of(v->expires);
	}
	/* A registrar must list the Contact with its expiry (10.3 step 8); not all do. */
	if (s < 0)
		s = m->expires;
	if (s < 0)
		s = c->expires;
	if (s < 0)
		s = REGISTRATION_DEFAULT_S;
	/* Not longer than asked for (10.3 step 8); but there are registrars with a least time of their own. */
	if (c->expires >= 0 && s > c->expires && s > REGISTRATION_DEFAULT_S)
		s = c->expires > REGISTRATION_DEFAULT_S ? c->expires : REGISTRATION_DEFAULT_S;
	return s > REGISTRATION_MAX_S ? REGISTRATION_MAX_S : (uint64_t)s;
}

void pending_tick(struct pending_table *t, uint64_t now_ns)
{
	struct expiry *e;

	while ((e = expiry_pop(&t->heap, now_ns)))
		forget(t, e);
}

void pending_free(struct pending_table *t)
{
	struct pending *p, *tmp;

	HASH_ITER (hh, t->pending, p, tmp) {
		HASH_DEL(t->pending, p);
		share_leave(&t->share, &p->share);
		free(p);
	}
	share_free(&t->share);
	free(t->heap.v);
}
