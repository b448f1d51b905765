// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which call and dialog a message belongs to. A call is known by Call-ID, the caller's tag, on which
 * side the caller is, and the inside host: a proxy inside that sends a call out again (a spiral) has
 * two calls of one Call-ID, two inside phones that one request was forked to have one each. The port
 * of the inside host is no part of it, as hosts may send from another port than they listen on.
 */
#include "call_priv.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_HEAD (sizeof(uint64_t) + 1 + sizeof(struct rf_addr))
#define KEY_MAX	 (KEY_HEAD + 2 * CALL_TEXT_MAX + 1)

/* The seed keeps senders from choosing Call-IDs that fall into one bucket. 0: too long. */
static size_t call_key(char *buf, uint64_t seed, enum side caller, const struct rf_addr *inside,
		       struct view call_id, struct view tag)
{
	char *p = buf;

	if (call_id.n > CALL_TEXT_MAX || tag.n > CALL_TEXT_MAX)
		return 0;
	memcpy(p, &seed, sizeof(seed));
	p += sizeof(seed);
	*p++ = (char)caller;
	memcpy(p, inside, sizeof(*inside));
	p += sizeof(*inside);
	if (call_id.n)
		memcpy(p, call_id.p, call_id.n);
	p += call_id.n;
	*p++ = 0;
	if (tag.n)
		memcpy(p, tag.p, tag.n);
	p += tag.n;
	return (size_t)(p - buf);
}

struct call *call_find(const struct call_table *t, enum side caller, const struct rf_addr *inside,
		       struct view call_id, struct view tag)
{
	char key[KEY_MAX];
	size_t n = call_key(key, t->seed, caller, inside, call_id, tag);
	struct call *c = NULL;

	if (n)
		HASH_FIND(hh, t->by_key, key, n, c);
	return c;
}

struct dialog *dialog_find(const struct call *c, struct view tag)
{
	for (struct dialog *d = c->dialogs; d; d = d->next)
		if (view_eq((struct view){ d->tag, d->n_tag }, tag))
			return d;
	return NULL;
}

/* Room for a fork more: those that are over are forgotten first. */
static bool dialog_room(struct call *c)
{
	struct dialog **at, *gone;
	unsigned int n = 0;

	for (struct dialog *d = c->dialogs; d; d = d->next)
		n++;
	for (at = &c->dialogs; n >= CALL_DIALOGS_MAX && *at;) {
		if ((*at)->state != DIALOG_GONE) {
			at = &(*at)->next;
			continue;
		}
		gone = *at;
		*at = gone->next;
		dialog_free(gone);
		n--;
	}
	return n < CALL_DIALOGS_MAX;
}

int dialog_new(struct call *c, struct view tag, uint32_t init_cseq, struct dialog **out)
{
	struct dialog **at, *d;

	*out = NULL;
	if (tag.n > CALL_TEXT_MAX || !dialog_room(c))
		return -ENOSPC;
	d = calloc(1, sizeof(*d) + tag.n + 1);
	if (!d)
		return -ENOMEM;
	for (int side = 0; side < 2; side++)
		d->cseq[side] = d->answered[side] = d->updated[side] = d->late[side] =
			d->bye_cseq[side] = -1;
	d->init_cseq = init_cseq;
	d->cseq[c->caller] = init_cseq;
	d->n_tag = tag.n;
	if (tag.n)
		memcpy(d->tag, tag.p, tag.n);
	for (at = &c->dialogs; *at; at = &(*at)->next)
		;
	*at = *out = d;
	return 0;
}

void dialog_free(struct dialog *d)
{
	if (!d)
		return;
	session_clear(&d->s);
	free(d);
}

void dialog_remove(struct call *c, struct dialog *d)
{
	struct dialog **at = &c->dialogs;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	dialog_free(d);
}

static struct view op_call_id(const struct call_ctx *ctx, const struct sip_msg *m)
{
	return ctx->call_id.p ? ctx->call_id : m->call_id;
}

/* RFC 3261 12.2: in requests From has the tag of the sender, in responses that of the requester. */
static struct call *lookup(const struct call_table *t, const struct call_ctx *ctx,
			   const struct sip_msg *m, struct view *callee_tag, enum side *requester)
{
	enum side from = ctx->from_inside ? SIDE_INSIDE : SIDE_OUTSIDE;
	struct view call_id = op_call_id(ctx, m);
	struct call *c;

	*requester = m->is_request ? from : side_other(from);
	*callee_tag = m->to->tag;
	c = call_find(t, *requester, &ctx->inside.addr, call_id, m->from->tag);
	if (c || !m->to->tag.p)
		return c;
	*callee_tag = m->from->tag;
	return call_find(t, side_other(*requester), &ctx->inside.addr, call_id, m->to->tag);
}

void call_lookup(struct call_op *op)
{
	struct view tag;

	op->from = op->ctx->from_inside ? SIDE_INSIDE : SIDE_OUTSIDE;
	op->call = lookup(op->t, op->ctx, op->m, &tag, &op->requester);
	op->d = op->call ? dialog_find(op->call, tag) : NULL;
	op->tx = (struct tx){ .cseq = op->m->cseq,
			      .side = (uint8_t)op->requester,
			      .method = (uint8_t)op->m->method };
}

bool call_in_dialog(const struct call_table *t, const struct call_ctx *ctx, const struct sip_msg *m)
{
	enum side requester;
	struct view tag;
	struct call *c = lookup(t, ctx, m, &tag, &requester);

	for (size_t i = 0; c && i < c->n_remotes; i++)
		if (addr_eq(&c->remotes[i], &ctx->remote.addr))
			return true;
	return false;
}

bool call_known(const struct call_table *t, const struct call_ctx *ctx, const struct sip_msg *m)
{
	enum side requester;
	struct view tag;

	return lookup(t, ctx, m, &tag, &requester) != NULL;
}

static size_t text_size(struct view v)
{
	return (v.n > CALL_URI_MAX ? CALL_URI_MAX : v.n) + 1;
}

static char *text_put(char **p, struct view v)
{
	size_t size = text_size(v);
	char *at = *p;

	if (size > 1)
		memcpy(at, v.p, size - 1);
	at[size - 1] = 0;
	*p += size;
	return at;
}

int call_set_key(struct call *c, const struct call_table *t, struct view call_id, struct view tag,
		 struct view from, struct view to)
{
	char key[KEY_MAX], *p;
	size_t n = call_key(key, t->seed, c->caller, &c->inside.addr, call_id, tag);

	if (!n)
		return -EINVAL;
	p = malloc(n + 1 + text_size(from) + text_size(to));
	if (!p)
		return -ENOMEM;
	memcpy(p, key, n);
	p[n] = 0; /* of the tag; the Call-ID has one in the key */
	c->key = p;
	c->n_key = n;
	c->call_id = p + KEY_HEAD;
	c->caller_tag = c->call_id + call_id.n + 1;
	p += n + 1;
	c->from = text_put(&p, from);
	c->to = text_put(&p, to);
	return 0;
}

struct call *call_new(struct call_op *op)
{
	const struct call_ctx *ctx = op->ctx;
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->caller = op->from;
	c->wan_ifindex = ctx->wan->ifindex;
	c->mode = ctx->mode;
	c->inside = ctx->inside;
	c->outside = ctx->outside;
	c->remote = ctx->remote;
	c->leases.host = c->inside.addr;
	call_set_owner(c, ctx->peer, ctx->stranger);
	c->since = ctx->now;
	if (call_set_key(c, op->t, op_call_id(ctx, op->m), op->m->from->tag, op->m->from->uri.whole,
			 op->m->to->uri.whole)) {
		free(c);
		return NULL;
	}
	return c;
}

int call_insert(struct call_table *t, struct call *c)
{
	struct call *found = NULL;

	HASH_FIND(hh, t->by_key, c->key, c->n_key, found);
	if (!found)
		HASH_FIND(hh_id, t->by_id, &c->id, sizeof(c->id), found);
	if (found)
		return -EEXIST;
	if (expiry_add(&t->heap, &c->expiry, EXPIRY_NEVER))
		return -ENOMEM;
	if (!hash_add_key(hh, t->by_key, c->key, c->n_key, c)) {
		expiry_remove(&t->heap, &c->expiry);
		return -ENOMEM;
	}
	if (!hash_add(hh_id, t->by_id, id, sizeof(c->id), c)) {
		HASH_DELETE(hh, t->by_key, c);
		expiry_remove(&t->heap, &c->expiry);
		return -ENOMEM;
	}
	return 0;
}

/* Of a call that is in no table (any more). */
void call_free(struct call_table *t, struct call *c)
{
	struct dialog *next;

	if (!c)
		return;
	for (struct dialog *d = c->dialogs; d; d = next) {
		next = d->next;
		dialog_free(d);
	}
	desc_put(c->offer);
	places_leave(t, c);
	leases_clear_marks(&c->leases);
	leases_sweep(&c->leases, t->ports);
	call_share_leave(t, c);
	free(c->pins);
	free(c->sources);
	free(c->key);
	free(c);
}

static void remote_add(struct call *c, const struct rf_addr *a)
{
	for (size_t i = 0; i < c->n_remotes; i++)
		if (addr_eq(&c->remotes[i], a))
			return;
	if (c->n_remotes < CALL_REMOTES_MAX)
		c->remotes[c->n_remotes++] = *a;
}

/* Who may speak in this call: whom we speak with, and where it says that requests come to and from
 * (Contact, Record-Route: RFC 3261 12.1). */
void call_note_remote(struct call_op *op)
{
	const struct sip_msg *m = op->m;

	remote_add(op->call, &op->ctx->remote.addr);
	if (op->from == SIDE_INSIDE || (!m->is_request && m->status >= 300))
		return;
	for (uint16_t i = 0; i < m->n_values; i++) {
		const struct sip_value *v = &m->values[i];

		if ((v->id == SIP_H_CONTACT || v->id == SIP_H_RECORD_ROUTE) && v->uri.is_sip &&
		    v->uri.hp.is_addr && !topology_is_local(op->ctx->topo, &v->uri.hp.addr))
			remote_add(op->call, &v->uri.hp.addr);
	}
}
