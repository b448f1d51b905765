// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connectivity checks of ICE between a call's agents (RFC 8445 7): which remote has proved to be the
 * one agreed on, though no candidate names it (peer-reflexive), or not among the first few.
 */
#include "call_priv.h"

#include <stdlib.h>

#define SOURCES_MAX (RF_REMOTES_MAX - 1) /* of one pinhole: c= and m= keep their place */

struct probe {
	const struct call_stun *s;
	struct stun_msg m;
	bool agreed;
	struct ice_source found;
};

static bool known(const struct call *c, const struct ice_source *s)
{
	for (size_t i = 0; i < c->n_sources; i++)
		if (c->sources[i].session == s->session &&
		    ep_eq(&c->sources[i].inside, &s->inside) &&
		    ep_eq(&c->sources[i].remote, &s->remote))
			return true;
	return false;
}

static void probe(struct call_table *t, struct call *c, const struct stream *q,
		  struct action_list *out, void *arg)
{
	struct probe *p = arg;
	const struct call_stun *s = p->s;
	const struct rf_ep *remote = s->from_inside ? &s->dst : &s->src;
	enum side to = s->from_inside ? SIDE_OUTSIDE : SIDE_INSIDE;
	const struct ice_line *from = q->ice[side_other(to)];

	if (p->agreed || !q->ice[0] ||
	    !(s->from_inside ? ep_eq(&q->inside, &s->src) : ep_eq(&q->outside, &s->dst)) ||
	    addr_is_v4(&remote->addr) != addr_is_v4(&q->outside.addr) ||
	    (ntohs(remote->port) < RF_LOW_PORTS && !(q->tb->flags & LINE_LOW_PORTS)))
		return;
	/* What the peer will answer to a new offer is not known yet, but it may use it already. */
	if (q->p->pending) {
		if (s->from_inside)
			return;
		from = NULL;
	}
	if (!ice_check(&p->m, q->ice[to], from))
		return;
	p->found = (struct ice_source){
		.inside = q->inside,
		.remote = *remote,
		.session = ice_session(q->ice[SIDE_INSIDE], q->ice[SIDE_OUTSIDE]),
	};
	/* Not just anywhere: where the peer has said to be, or was. */
	if (s->from_inside && !known(c, &p->found) &&
	    !ice_has(q->ice[SIDE_OUTSIDE], remote, q->component))
		return;
	p->agreed = true;
}

static void source_remove(struct call *c, size_t i)
{
	memmove(&c->sources[i], &c->sources[i + 1], (--c->n_sources - i) * sizeof(c->sources[0]));
}

static bool source_add(struct call *c, const struct ice_source *s)
{
	size_t n = 0, oldest = 0;
	struct ice_source *v;

	for (size_t i = c->n_sources; i-- > 0;) {
		if (!ep_eq(&c->sources[i].inside, &s->inside))
			continue;
		if (ep_eq(&c->sources[i].remote, &s->remote)) {
			source_remove(c, i);
			n = 0;
			break;
		}
		oldest = i;
		n++;
	}
	if (n == SOURCES_MAX)
		source_remove(c, oldest);
	else if (c->n_sources == CALL_SOURCES_MAX)
		source_remove(c, 0);
	v = realloc(c->sources, (c->n_sources + 1) * sizeof(*v));
	if (!v)
		return false;
	c->sources = v;
	v[c->n_sources++] = *s;
	return true;
}

static bool listed(const struct call *c, const struct ice_source *s)
{
	for (size_t i = 0; i < c->n_pins; i++) {
		const struct pinhole_spec *p = &c->pins[i];

		for (uint8_t k = 0; k < p->n_remotes && ep_eq(&p->inside, &s->inside); k++)
			if (p->remotes[k].port == s->remote.port &&
			    addr_eq(&p->remotes[k].addr, &s->remote.addr))
				return true;
	}
	return false;
}

static bool call_check(struct call_table *t, struct call *c, struct probe *p,
		       struct action_list *out)
{
	call_streams(t, c, probe, NULL, p);
	if (!p->agreed)
		return false;
	if (listed(c, &p->found))
		return true; /* several checks may wait for one answer */
	if (!source_add(c, &p->found))
		return false;
	call_settle(t, c, out);
	return listed(c, &p->found);
}

/* The inside endpoint that the check was sent to or from; NULL: none of this call. */
static const struct rf_ep *checked(const struct call *c, const struct call_stun *s)
{
	for (size_t i = 0; i < c->n_pins; i++)
		if (s->from_inside ? ep_eq(&c->pins[i].inside, &s->src)
				   : ep_eq(&c->pins[i].outside, &s->dst))
			return &c->pins[i].inside;
	return NULL;
}

bool call_stun(struct call_table *t, uint32_t id, const struct call_stun *s,
	       struct action_list *out)
{
	struct probe p = { .s = s };
	const struct rf_ep *inside;
	struct call *c = NULL;
	struct rf_ep at;

	HASH_FIND(hh_id, t->by_id, &id, sizeof(id), c);
	inside = c ? checked(c, s) : NULL;
	if (!inside || stun_parse(s->payload, &p.m))
		return false;
	/* The kernel names the newest call at this endpoint; it may mean another. */
	at = *inside;
	for (c = place_next(t, &at, NULL); c; c = place_next(t, &at, c))
		if (call_check(t, c, &p, out))
			return true;
	return false;
}
