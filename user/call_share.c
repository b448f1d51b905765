// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds how many calls and public media ports. Both are charged to whoever began the call, the ports per address
 * that they are of. A call that nobody has answered, or that is over and only known for retransmissions, gives
 * way where there is no room; one that is answered never does.
 */
#include "call_priv.h"

#include <errno.h>
#include <stdlib.h>

#define GIVE_WAY_MAX 64 /* calls for the ports of one message, which has no more pairs than that */

struct port_pool { /* public ports of one address of a WAN device */
	struct port_pool *next;
	uint32_t ifindex;
	struct rf_addr wire;
	size_t max; /* pairs, as configured when they were last asked for; 0: not yet */
	struct share share;
};

struct call_ports { /* what one call has of a pool, in pairs */
	struct share_item share;
	struct call_ports *next;
	struct call *call;
	struct port_pool *pool;
	size_t n; /* counted anew */
};

static struct port_pool *pool_find(const struct call_table *t, uint32_t ifindex,
				   const struct rf_addr *wire)
{
	struct port_pool *p = t->pools;

	while (p && (p->ifindex != ifindex || !addr_eq(&p->wire, wire)))
		p = p->next;
	return p;
}

static struct port_pool *pool_get(struct call_table *t, uint32_t ifindex,
				  const struct rf_addr *wire)
{
	struct port_pool *p = pool_find(t, ifindex, wire);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->ifindex = ifindex;
	p->wire = *wire;
	p->next = t->pools;
	t->pools = p;
	return p;
}

void call_shares_free(struct call_table *t)
{
	struct port_pool *next;

	for (struct port_pool *p = t->pools; p; p = next) {
		next = p->next;
		share_free(&p->share);
		free(p);
	}
	share_free(&t->share);
}

void call_set_owner(struct call *c, const struct config_peer *peer, bool stranger)
{
	if (c->caller == SIDE_INSIDE)
		c->owner = share_inside(&c->inside.addr);
	else if (peer) /* all its addresses together */
		c->owner = (struct share_key){ .addr = peer->address.addr, .kind = SHARE_PEER };
	else
		c->owner = share_remote(&c->remote.addr, !stranger);
}

static enum share_state state_of(const struct call *c)
{
	if (c->linger_until)
		return SHARE_DONE;
	for (const struct dialog *d = c->dialogs; d; d = d->next)
		if (d->state == DIALOG_ANSWERED || d->state == DIALOG_BYE)
			return SHARE_FIRM;
	return SHARE_LOOSE;
}

void call_share_settle(struct call_table *t, struct call *c)
{
	enum share_state state = state_of(c);

	if (c->share.host)
		share_state(&t->share, &c->share, state);
	for (struct call_ports *q = c->ports; q; q = q->next)
		share_state(&q->pool->share, &q->share, state);
}

static struct call_ports *ports_of(const struct call *c, const struct port_pool *p)
{
	struct call_ports *q = c->ports;

	while (q && q->pool != p)
		q = q->next;
	return q;
}

static struct call_ports *ports_get(struct call_table *t, struct call *c, const struct lease *l)
{
	struct port_pool *p = pool_get(t, l->ifindex, &l->wire);
	struct call_ports *q = p ? ports_of(c, p) : NULL;

	if (q || !p)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q || share_join(&p->share, &q->share, &c->owner, 0)) {
		free(q);
		return NULL;
	}
	share_state(&p->share, &q->share, state_of(c));
	q->call = c;
	q->pool = p;
	q->next = c->ports;
	c->ports = q;
	return q;
}

int call_ports_count(struct call_table *t, struct call *c)
{
	struct call_ports **at, *q;
	int err = 0;

	for (q = c->ports; q; q = q->next)
		q->n = 0;
	for (size_t i = 0; i < c->leases.n; i++) {
		q = ports_get(t, c, &c->leases.v[i]);
		if (q)
			q->n += c->leases.v[i].pairs;
		else
			err = -ENOMEM;
	}
	for (at = &c->ports; (q = *at);) {
		if (q->n != q->share.amount)
			share_resize(&q->pool->share, &q->share, q->n);
		if (q->n) {
			at = &q->next;
			continue;
		}
		share_leave(&q->pool->share, &q->share);
		*at = q->next;
		free(q);
	}
	return err;
}

void call_share_leave(struct call_table *t, struct call *c)
{
	share_leave(&t->share, &c->share);
	call_ports_count(t, c); /* which has none any more */
}

/* False: out of memory, it stays; its pinholes close as soon as they can. */
static bool give_way(struct call_table *t, struct call *c, uint64_t now, struct action_list *out)
{
	if (!action_reserve(out, c->n_pins + 4, 0)) {
		out->failed = true;
		return false;
	}
	if (!c->linger_until)
		action_count(out, RF_R_SIP_GAVE_WAY);
	dialogs_end(c);
	call_end_check(t, c, now, "gave way: no room, and not answered", out);
	c->unsettled = call_media(t, c, out) != 0;
	if (c->unsettled) {
		out->failed = true;
		expiry_set(&t->heap, &c->expiry, call_due(c));
		return false;
	}
	expiry_remove(&t->heap, &c->expiry);
	call_forget(t, c, out);
	return true;
}

int call_share_restore(struct call_table *t, struct call *c)
{
	const struct config_peer *peer = NULL;
	int err;

	for (uint16_t i = 0; i < t->cfg->n_peers && !peer; i++)
		if (prefix_has(&t->cfg->peers[i].address, &c->remote.addr))
			peer = &t->cfg->peers[i];
	/* Who was a registrar then is not known. */
	call_set_owner(c, peer, t->cfg->has_inbound && !t->cfg->n_peers);
	err = share_join(&t->share, &c->share, &c->owner, 1);
	if (!err)
		err = call_ports_count(t, c);
	call_share_settle(t, c);
	return err;
}

static enum rf_reason refused(struct share *s, enum share_over over)
{
	if (over == SHARE_FITS)
		return RF_R_NONE;
	s->n_refused++;
	return over == SHARE_OVER_ALL ? RF_R_SIP_LIMIT : RF_R_SIP_SHARE;
}

enum rf_reason call_room(struct call_op *op)
{
	struct call_table *t = op->t;
	struct call *c = op->call;
	struct share_item *i;

	if (share_join(&t->share, &c->share, &c->owner, 1))
		return op_no_memory(op);
	while ((i = share_excess(&t->share, &c->share, t->cfg->max_calls, SIZE_MAX))) {
		struct call *old = (struct call *)((char *)i - offsetof(struct call, share));

		t->share.n_gave_way += !old->linger_until;
		if (!give_way(t, old, op->ctx->now, op->out))
			return RF_R_OUT_OF_MEMORY;
	}
	return refused(&t->share, share_over(&t->share, &c->share, t->cfg->max_calls, SIZE_MAX));
}

static bool ports_give_way(struct call_op *op, struct port_pool *p, struct share_item *i)
{
	struct call_ports *q =
		(struct call_ports *)((char *)i - offsetof(struct call_ports, share));

	p->share.n_gave_way += !q->call->linger_until;
	return give_way(op->t, q->call, op->ctx->now, op->out);
}

/* Are there enough for any message, but not in a row (m=audio 5000/16)? Nobody gives way for that. */
static bool has_single_pairs(struct call_op *op)
{
	const struct topology_wan *wan = op->ctx->wan;
	const struct rf_addr *wire = &op->call->leases.lacked;
	uint16_t base[GIVE_WAY_MAX];
	size_t n = 0, i;

	while (n < GIVE_WAY_MAX && !ports_take(op->t->ports, wan->ifindex, wire, wan->port_lo,
					       wan->port_hi, 0, 1, &base[n]))
		n++;
	for (i = 0; i < n; i++)
		ports_release(op->t->ports, wan->ifindex, wire, base[i], 1);
	return n == GIVE_WAY_MAX;
}

/* The pool that had too few for op->call; false: nothing can be done about it. */
static bool make_ports(struct call_op *op)
{
	struct call *c = op->call;
	struct port_pool *p = pool_find(op->t, op->ctx->wan->ifindex, &c->leases.lacked);
	struct call_ports *own = p ? ports_of(c, p) : NULL;
	struct share_item *i = NULL;

	if (p)
		i = share_wanted(&p->share, &c->owner, own ? &own->share : NULL,
				 p->max / SHARE_HOST_PART);
	if (i)
		return ports_give_way(op, p, i);
	if (p)
		p->share.n_refused++;
	return false;
}

/* Strangers may not have all, even while nobody else wants any. */
static enum rf_reason within_share(struct call_op *op)
{
	enum rf_reason r = RF_R_NONE;
	struct share_item *i;

	for (struct call_ports *q = op->call->ports; q && r == RF_R_NONE; q = q->next) {
		struct port_pool *p = q->pool;

		if (!p->max || q->share.host->key.kind != SHARE_STRANGER)
			continue;
		while ((i = share_excess(&p->share, &q->share, p->max, SIZE_MAX)))
			if (!ports_give_way(op, p, i))
				return RF_R_OUT_OF_MEMORY;
		r = refused(&p->share, share_over(&p->share, &q->share, p->max, SIZE_MAX));
	}
	return r;
}

static void pools_max(struct call_table *t, const struct topology_wan *wan)
{
	for (struct port_pool *p = t->pools; p; p = p->next)
		if (p->ifindex == wan->ifindex)
			p->max = (wan->port_hi - wan->port_lo + 1u) / 2;
}

static size_t pairs_of(const struct call *c)
{
	size_t n = 0;

	for (const struct call_ports *q = c->ports; q; q = q->next)
		n += q->share.amount;
	return n;
}

enum rf_reason call_take_ports(struct call_op *op, const struct desc *d)
{
	size_t before = pairs_of(op->call);
	const struct topology_wan *wan = op->ctx->wan;
	struct leases *l = &op->call->leases;
	enum rf_reason r;
	int err;

	for (int n = 0;; n++) {
		err = leases_take(l, op->t->ports, d, wan);
		if (err != -ENOSPC || addr_is_any(&l->lacked) || n == GIVE_WAY_MAX)
			break;
		pools_max(op->t, wan);
		if (has_single_pairs(op) || !make_ports(op))
			break;
	}
	if (!err)
		err = call_ports_count(op->t, op->call);
	if (err)
		r = err == -ENOMEM ? op_no_memory(op) : RF_R_SIP_NO_PORTS;
	else {
		pools_max(op->t, wan);
		/* who takes none more is not refused for what it has */
		r = pairs_of(op->call) > before ? within_share(op) : RF_R_NONE;
	}
	if (r != RF_R_NONE)
		call_keep_leases(op->t, op->call);
	return r;
}

void call_shares(const struct call_table *t, show_share_fn fn, void *arg)
{
	share_show(&t->share, "calls", NULL, t->cfg->max_calls, fn, arg);
	for (const struct port_pool *p = t->pools; p; p = p->next)
		if (p->share.held) /* else of an address or a device that may be gone */
			share_show(&p->share, "media_ports", &p->wire, p->max, fn, arg);
}
