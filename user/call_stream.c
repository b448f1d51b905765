// SPDX-License-Identifier: GPL-2.0-only
/*
 * The streams of a call: which m-lines of its dialogs hold against each other, over which transport
 * addresses, and why others do not.
 */
#include "call_priv.h"

/* Where media of an inside endpoint shows on the wire; false: it has no place there. */
static bool outside_of(const struct call *c, const struct media_line *a, const struct rf_ep *inside,
		       struct rf_ep *outside)
{
	if (a->flags & LINE_XLATE)
		return leases_find_index(&c->leases, c->wan_ifindex, inside, outside);
	*outside = *inside;
	return true;
}

/* The transport of a bundle is that of the m-line which the answer names first (RFC 9143 7.3). */
static void transport(struct stream *q)
{
	const struct pair *p = q->p;
	enum side side = p->pending ? SIDE_OUTSIDE : (enum side)p->d->s.answerer;
	unsigned int tag = p->side[side]->line[q->i].bundle - 1u;

	q->ta = q->a;
	q->tb = q->b;
	if (!q->a->bundle || !q->b->bundle || tag >= p->side[0]->n || tag >= p->side[1]->n)
		return;
	q->ta = &p->side[SIDE_INSIDE]->line[tag];
	q->tb = &p->side[SIDE_OUTSIDE]->line[tag];
}

/* RFC 6947: where the two sides name different families, one of them has said that it has the other. */
static void choose_family(struct stream *q)
{
	if (q->ice[0] || (q->ta->flags | q->tb->flags) & (LINE_NO_ADDR | LINE_ZERO) ||
	    addr_is_any(&q->ta->rtp.addr) || addr_is_any(&q->tb->rtp.addr) ||
	    addr_is_v4(&q->ta->rtp.addr) == addr_is_v4(&q->tb->rtp.addr))
		return;
	if (line_other_family(q->ta, &q->other))
		q->ta = &q->other;
	else if (line_other_family(q->tb, &q->other))
		q->tb = &q->other;
}

static void agree_ice(struct stream *q)
{
	const struct desc *in = q->p->side[SIDE_INSIDE], *ex = q->p->side[SIDE_OUTSIDE];

	q->ice[0] = q->ice[1] = NULL;
	if (!both(q->ta, q->tb, LINE_ICE) || !in->ice || !ex->ice)
		return;
	q->ice[SIDE_INSIDE] = &in->ice[q->ta - in->line];
	q->ice[SIDE_OUTSIDE] = &ex->ice[q->tb - ex->line];
}

bool call_has_lease(const struct call *c, const struct rf_ep *outside)
{
	struct rf_ep inside;

	return leases_inside(&c->leases, c->wan_ifindex, outside, &inside);
}

/* What of the peer's endpoint does not fit: its port only where the address does. */
static enum call_note why_foreign(const struct call *c, const struct media_line *b)
{
	if (b->flags & LINE_LOW_REMOTE)
		return NOTE_LOW_REMOTE;
	return call_has_lease(c, &b->rtp) ? NOTE_OWN_MAPPING : NOTE_HAIRPIN;
}

/* Names and management are at low ports, SIP at others: who names one as that of media wants something else. */
static bool is_media_port(const struct call_table *t, const struct call *c,
			  const struct rf_ep *inside)
{
	uint16_t port = ntohs(inside->port);

	for (uint16_t i = 0; i < t->cfg->n_sip_ports; i++)
		if (port == t->cfg->sip_ports[i])
			return false;
	return port >= RF_LOW_PORTS &&
	       !(t->signals && t->signals(t->signals_arg, c->wan_ifindex, inside));
}

/* Can there be a pinhole? Says why not, once per call. */
static bool stream_ok(struct call *c, const struct stream *q, struct action_list *out)
{
	const struct media_line *a = q->ta, *b = q->tb;

	if ((a->flags | b->flags) & LINE_OFF)
		return false;
	if (q->a != a && ((q->a->flags | q->b->flags) & (LINE_OFF | LINE_BUNDLE_ONLY)) == LINE_OFF)
		return false;
	if (!proto_served(q->a->proto)) {
		call_block(c, NOTE_TCP, NULL, out);
		return false;
	}
	if (q->a->proto != q->b->proto || (a->flags & LINE_BY_ICE && !q->ice[0]))
		return false;
	if (b->flags & LINE_FOREIGN && !q->ice[0]) {
		call_block(c, why_foreign(c, b), &b->rtp, out);
		return false;
	}
	if (q->ice[0] && addr_is_any(&a->rtp.addr))
		return false; /* its candidates are still to come */
	if (a->flags & (LINE_FOREIGN | LINE_NO_ADDR) || addr_is_any(&a->rtp.addr)) {
		call_block(c, a->flags & LINE_OURSELVES ? NOTE_OURSELVES : NOTE_NO_INSIDE, &a->rtp,
			   out);
		return false;
	}
	if (b->flags & LINE_NO_ADDR && !(b->flags & LINE_LEARN) && !q->ice[0]) {
		call_block(c, NOTE_NO_REMOTE, NULL, out);
		return false;
	}
	return true;
}

/* The k-th pair of ports; false: the inside one is none for media. */
static bool stream_at(const struct call_table *t, struct call *c, struct stream *q,
		      uint8_t component, unsigned int k, struct action_list *out)
{
	const struct media_line *a = q->ta, *b = q->tb;

	q->component = component;
	q->rtcp = component == 2;
	q->inside = ep_above(q->rtcp ? a->rtcp : a->rtp, 2 * k);
	q->remote = ep_above(q->rtcp ? b->rtcp : b->rtp, 2 * k);
	if (!q->inside.port || is_media_port(t, c, &q->inside))
		return true;
	call_block(c, NOTE_INSIDE_PORT, &q->inside, out);
	return false;
}

static bool set_component(struct call *c, struct stream *q, struct action_list *out)
{
	const struct media_line *a = q->ta, *b = q->tb;

	if (!q->inside.port || !outside_of(c, a, &q->inside, &q->outside))
		return false;
	if (b->flags & (LINE_FOREIGN | LINE_NO_ADDR) || addr_is_any(&q->remote.addr)) {
		q->remote.addr = (struct rf_addr){ 0 };
	} else if (addr_is_v4(&q->remote.addr) != addr_is_v4(&q->outside.addr)) {
		if (!q->ice[0])
			call_block(c, NOTE_FAMILY, &q->remote, out);
		q->remote.addr = (struct rf_addr){ 0 };
		return q->ice[0];
	} else if (ep_eq(&q->remote, &q->outside) || call_has_lease(c, &q->remote)) {
		call_block(c, NOTE_OWN_MAPPING, &q->remote, out);
		q->remote.addr = (struct rf_addr){ 0 };
		return q->ice[0];
	}
	return q->ice[0] || b->flags & LINE_LEARN ||
	       (q->remote.port && !addr_is_any(&q->remote.addr));
}

static void pair_streams(struct call_table *t, struct call *c, const struct pair *p, stream_fn fn,
			 struct action_list *out, void *arg)
{
	const struct desc *in = p->side[SIDE_INSIDE], *ex = p->side[SIDE_OUTSIDE];

	if (!in || !ex)
		return;
	for (uint16_t i = 0; i < in->n && i < ex->n; i++) {
		struct stream q = { .p = p, .i = i, .a = &in->line[i], .b = &ex->line[i] };
		unsigned int n = q.a->count < q.b->count ? q.a->count : q.b->count;

		transport(&q);
		agree_ice(&q);
		choose_family(&q);
		if (!stream_ok(c, &q, out))
			continue;
		for (unsigned int k = 0; k < n && k < SDP_MEDIA_MAX; k++) {
			if (!stream_at(t, c, &q, 1, k, out))
				continue;
			if (set_component(c, &q, out))
				fn(t, c, &q, out, arg);
			if (q.a->proto == SDP_P_RTP && !both(q.ta, q.tb, LINE_MUX) &&
			    stream_at(t, c, &q, 2, k, out) && set_component(c, &q, out))
				fn(t, c, &q, out, arg);
		}
	}
}

void call_streams(struct call_table *t, struct call *c, stream_fn fn, struct action_list *out,
		  void *arg)
{
	bool answered = call_is_answered(c);

	for (const struct dialog *d = c->dialogs; d; d = d->next) {
		const struct session *s = &d->s;
		struct pair p = { .d = d, .side = { s->now[0], s->now[1] }, .until = d->until };

		/* The first 2xx closes the other forks; a CANCEL closes what was never agreed. */
		if (d->state == DIALOG_EARLY) {
			if (answered || !c->pending || (c->cancelled && s->preview))
				continue;
			p.until = c->setup_until;
		} else if (d->state != DIALOG_ANSWERED) {
			continue;
		}
		pair_streams(t, c, &p, fn, out, arg);
		if (s->offer[SIDE_INSIDE].desc && !tx_eq(s->offer[SIDE_INSIDE].tx, s->agreed)) {
			p.side[SIDE_INSIDE] = s->offer[SIDE_INSIDE].desc;
			p.pending = true;
			pair_streams(t, c, &p, fn, out, arg);
		}
	}
}
