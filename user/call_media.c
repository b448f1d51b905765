// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pinholes that a call must have: a pure function of what its dialogs agreed on, compared with
 * what it has. A pinhole needs the word of both sides: one says where from, the other where to.
 */
#include "call_priv.h"

#include <stdlib.h>

static bool may_receive(const struct media_line *l)
{
	return !(l->flags & LINE_ZERO) &&
	       (l->direction == SDP_SENDRECV || l->direction == SDP_RECVONLY);
}

static bool may_send(const struct media_line *l)
{
	return l->direction == SDP_SENDRECV || l->direction == SDP_SENDONLY;
}

/* The pinhole wanted at this inside endpoint, made if there is none yet. */
static struct pinhole_spec *want(struct call_table *t, struct call *c, const struct rf_ep *inside,
				 const struct rf_ep *outside, struct action_list *out)
{
	struct pinhole_spec *w;

	for (size_t i = 0; i < t->n_want; i++)
		if (ep_eq(&t->want[i].inside, inside))
			return &t->want[i];
	if (t->n_want == CALL_PINHOLES_MAX) {
		call_note(c, NOTE_PINHOLES, out, "more streams than pinholes for one call");
		return NULL;
	}
	w = &t->want[t->n_want++];
	memset(w, 0, sizeof(*w));
	w->call_id = c->id;
	w->wan_ifindex = c->wan_ifindex;
	w->inside = *inside;
	w->outside = *outside;
	return w;
}

/* Of too many the one of the lowest rank gives way; without ICE all have the highest, and it is said. */
static void add_remote(struct call_table *t, struct call *c, struct pinhole_spec *w,
		       const struct rf_remote *r, uint32_t rank, struct action_list *out)
{
	uint32_t *ranks = t->rank[w - t->want];
	uint8_t i, low = 0;

	for (i = 0; i < w->n_remotes; i++) {
		if (!memcmp(&w->remotes[i], r, sizeof(*r))) {
			ranks[i] = rank > ranks[i] ? rank : ranks[i];
			return;
		}
		if (ranks[i] < ranks[low])
			low = i;
	}
	if (w->n_remotes < RF_REMOTES_MAX) {
		i = w->n_remotes++;
	} else if (ranks[low] < rank) {
		i = low;
	} else {
		if (!w->ice)
			call_note(c, NOTE_REMOTES, out,
				  "more remote endpoints than one pinhole holds");
		return;
	}
	w->remotes[i] = *r;
	ranks[i] = rank;
}

static void add_endpoint(struct call_table *t, struct call *c, struct pinhole_spec *w,
			 const struct rf_ep *ep, uint32_t rank, struct action_list *out)
{
	struct rf_remote r = { .addr = ep->addr, .port = ep->port, .prefix_len = 128 };

	/* Our own: a candidate that the peer has read off ours */
	if (ep->port && !addr_is_any(&ep->addr) && !call_has_lease(c, ep))
		add_remote(t, c, w, &r, rank, out);
}

/*
 * With ICE: where c= and m= point to, then who has proved to be the agent, the last one first, then
 * its candidates by their priority (RFC 8445 5.1.2). Who is left out gets in by a check.
 */
static void add_ice_remotes(struct call_table *t, struct call *c, struct pinhole_spec *w,
			    const struct stream *q, struct action_list *out)
{
	const struct ice_line *l = q->ice[SIDE_OUTSIDE];
	uint64_t session = ice_session(q->ice[SIDE_INSIDE], l);

	if (!(q->tb->flags & (LINE_LEARN | LINE_NO_ADDR)))
		add_endpoint(t, c, w, &q->remote, UINT32_MAX, out);
	for (size_t i = 0; i < c->n_sources; i++) {
		struct ice_source *s = &c->sources[i];

		if (s->session != session || !ep_eq(&s->inside, &w->inside))
			continue;
		s->used = true;
		add_endpoint(t, c, w, &s->remote, 1u << 31 | (uint32_t)i, out);
	}
	for (uint16_t i = 0; i < l->n; i++)
		if (l->remotes[i].component == q->component &&
		    addr_is_v4(&l->remotes[i].ep.addr) == addr_is_v4(&w->outside.addr))
			add_endpoint(t, c, w, &l->remotes[i].ep, l->remotes[i].priority >> 1, out);
}

static void add_remotes(struct call_table *t, struct call *c, struct pinhole_spec *w,
			const struct stream *q, struct action_list *out)
{
	const struct desc *d = q->p->side[SIDE_OUTSIDE];
	uint64_t learn_until = q->p->d->s.since + t->cfg->learn_window_s * SECONDS;

	if (!(q->tb->flags & LINE_LEARN)) {
		add_endpoint(t, c, w, &q->remote, UINT32_MAX, out);
		return;
	}
	for (uint16_t i = 0; i < d->n_learn; i++)
		add_remote(t, c, w, &d->learn[i], UINT32_MAX, out);
	if (!w->learn)
		w->announced = q->remote;
	w->learn = true;
	if (learn_until > w->learn_until_ns)
		w->learn_until_ns = learn_until;
}

static void describe(struct pinhole_spec *w, const struct stream *q)
{
	enum side side = q->p->pending ? SIDE_INSIDE : (enum side)q->p->d->s.answerer;
	const struct media_line *l = &q->p->side[side]->line[q->i];

	w->stream = (uint8_t)q->i;
	w->rtcp = q->rtcp;
	w->clock_rate = l->clock_rate;
	memcpy(w->media, l->media, sizeof(w->media));
	memcpy(w->codec, l->codec, sizeof(w->codec));
	if (l->proto == SDP_P_UDPTL)
		strcpy(w->codec, "t38");
	else if (l->proto == SDP_P_BFCP || l->proto == SDP_P_BFCP_DTLS)
		strcpy(w->codec, "bfcp");
}

/* What may flow, by the directions of both sides; RTCP flows on hold too (RFC 3264 8.4). */
static void add_classes(struct pinhole_spec *w, const struct stream *q)
{
	uint16_t media = q->a->proto == SDP_P_UDPTL ? RF_CLASS_UDPTL : RF_CLASS_RTP;
	bool in = may_receive(q->a) && (q->p->pending || may_send(q->b));
	bool out = may_send(q->a) && may_receive(q->b);
	uint16_t always = q->a->proto == SDP_P_BFCP ? RF_CLASS_BFCP : 0;

	if (q->rtcp)
		always |= RF_CLASS_RTCP;
	else if (q->a->proto == SDP_P_RTP && both(q->ta, q->tb, LINE_MUX))
		always |= RF_CLASS_RTCP;
	if (q->ice[0])
		always |= RF_CLASS_STUN;
	if (q->a->proto == SDP_P_SCTP || q->a->proto == SDP_P_BFCP_DTLS ||
	    both(q->ta, q->tb, LINE_DTLS))
		always |= RF_CLASS_DTLS | RF_CLASS_STUN;
	w->classes_in |= always;
	w->classes_out |= always;
	if (q->rtcp || (q->a->proto != SDP_P_RTP && q->a->proto != SDP_P_UDPTL))
		return; /* directions are those of RTP; there is no other use of them */
	if (in)
		w->classes_in |= media;
	if (out)
		w->classes_out |= media;
	w->held_in = !(w->classes_in & (RF_CLASS_RTP | RF_CLASS_UDPTL));
	w->held_out = !(w->classes_out & (RF_CLASS_RTP | RF_CLASS_UDPTL));
}

static void add_stream(struct call_table *t, struct call *c, const struct stream *q,
		       struct action_list *out, void *arg)
{
	struct pinhole_spec *w = want(t, c, &q->inside, &q->outside, out);

	if (!w)
		return;
	if (!w->deadline_ns)
		describe(w, q);
	else if (w->stream != q->i && w->clock_rate != q->a->clock_rate)
		w->clock_rate = 0; /* bundled: there is no jitter of such a mixture */
	w->local = q->ta->flags & LINE_LOCAL;
	w->low_ports = q->tb->flags & LINE_LOW_PORTS;
	w->out_first = !call_owns(c, w) && !config_speaks_for_others(t->cfg, &c->inside.addr);
	if (w->out_first)
		call_block(c, NOTE_OUT_FIRST, &w->inside, out);
	if (q->ice[0]) {
		w->ice = true;
		add_ice_remotes(t, c, w, q, out);
	} else {
		add_remotes(t, c, w, q, out);
	}
	add_classes(w, q);
	call_types(t, w, q);
	if (q->p->until > w->deadline_ns)
		w->deadline_ns = q->p->until;
	/* Silence means something only where media has been agreed to flow. BFCP says
	 * nothing for as long as nobody wants the floor. */
	if (!q->rtcp && q->a->proto != SDP_P_BFCP && q->a->proto != SDP_P_BFCP_DTLS &&
	    q->p->d->state == DIALOG_ANSWERED && !(w->held_in && w->held_out))
		w->idle_s = t->cfg->media_idle_s;
}

/* Learning is for remotes that cannot prove who they are: a fork with ICE does not lend it to one
 * without. */
static void want_all(struct call_table *t, struct call *c, struct action_list *out)
{
	size_t n = 0;

	t->n_want = 0;
	c->blocks = 0;
	for (size_t i = 0; i < c->n_sources; i++)
		c->sources[i].used = false;
	call_streams(t, c, add_stream, out, NULL);
	for (size_t i = 0; i < t->n_want; i++)
		if (t->want[i].learn)
			t->want[i].ice = false;
	for (size_t i = 0; i < c->n_sources; i++)
		if (c->sources[i].used)
			c->sources[n++] = c->sources[i];
	c->n_sources = n;
}

static bool has_remote(const struct pinhole_spec *s, const struct rf_remote *r)
{
	for (uint8_t i = 0; i < s->n_remotes; i++)
		if (!memcmp(&s->remotes[i], r, sizeof(*r)))
			return true;
	return false;
}

/*
 * A new remote has to be sent to first, as the kernel side knows by remote (rf_media_sent_to()); here it is a new pinhole,
 * with statistics of its own. With ICE the agents tell each other of new ones all the time,
 * so there it is enough that one stays.
 */
static bool same_opening(const struct pinhole_spec *had, const struct pinhole_spec *w)
{
	uint8_t stay = 0;

	if (!w->out_first)
		return true;
	for (uint8_t i = 0; i < w->n_remotes; i++)
		stay += has_remote(had, &w->remotes[i]);
	return had->out_first && (stay == w->n_remotes || (had->ice && w->ice && stay));
}

/* The same pinhole, so that its id and its learnt source stay? */
static bool same_pinhole(const struct pinhole_spec *a, const struct pinhole_spec *b)
{
	if (!same_opening(a, b))
		return false;
	if (!ep_eq(&a->inside, &b->inside) || !ep_eq(&a->outside, &b->outside) ||
	    a->wan_ifindex != b->wan_ifindex || a->learn != b->learn)
		return false;
	return !a->learn || (ep_eq(&a->announced, &b->announced) && a->n_remotes == b->n_remotes &&
			     !memcmp(a->remotes, b->remotes, sizeof(a->remotes)));
}

static void give_up(struct call_table *t, size_t k)
{
	t->n_want--;
	memmove(&t->want[k], &t->want[k + 1], (t->n_want - k) * sizeof(t->want[0]));
}

/* Which of the pinholes that are wanted are there already, and new ids for the others. */
static void name_wants(struct call_table *t, struct call *c, struct action_list *out)
{
	for (size_t k = 0; k < t->n_want;) {
		struct pinhole_spec *w = &t->want[k];
		const struct pinhole_spec *had = NULL;

		for (size_t i = 0; i < c->n_pins && !had; i++)
			if (ep_eq(&c->pins[i].inside, &w->inside))
				had = &c->pins[i];
		if (!had && !place_room(t, c, w)) {
			call_note(c, NOTE_PINHOLES, out, "too many calls share a media endpoint");
			give_up(t, k);
			continue;
		}
		if (had && same_pinhole(had, w)) {
			w->id = had->id;
		} else {
			w->id = (*t->next_pinhole_id)++;
			c->pinhole_mark = *t->next_pinhole_id;
		}
		w->claim = had ? had->claim : w->id;
		k++;
	}
}

/* Did anything of the call change? */
static bool wants_differ(const struct call_table *t, const struct call *c)
{
	if (t->n_want != c->n_pins)
		return true;
	for (size_t i = 0; i < c->n_pins; i++)
		if (memcmp(&c->pins[i], &t->want[i], sizeof(c->pins[i])) != 0)
			return true;
	return false;
}

/* Ports are kept for every description that may still count, also of a dialog whose BYE may be
 * challenged. */
static void mark_leases(struct call *c)
{
	leases_clear_marks(&c->leases);
	leases_keep(&c->leases, c->offer);
	for (const struct dialog *d = c->dialogs; d; d = d->next) {
		leases_keep(&c->leases, d->s.now[SIDE_INSIDE]);
		leases_keep(&c->leases, d->s.before[SIDE_INSIDE]);
		leases_keep(&c->leases, d->s.offer[SIDE_INSIDE].desc);
	}
}

void call_keep_leases(struct call_table *t, struct call *c)
{
	mark_leases(c);
	leases_sweep(&c->leases, t->ports);
	call_ports_count(t, c);
}

int call_media(struct call_table *t, struct call *c, struct action_list *out)
{
	size_t unused;
	int err = 0;

	/* First, so that no pinhole is made of a port that is given back: an endpoint that was RTP's
	 * own may have become the RTCP of another lease. */
	mark_leases(c);
	unused = leases_park(&c->leases);
	want_all(t, c, out);
	name_wants(t, c, out);
	if (wants_differ(t, c))
		err = places_move(t, c, out);
	leases_unpark(&c->leases, unused);
	if (err) /* there are still pinholes of them */
		return err;
	leases_sweep(&c->leases, t->ports);
	call_ports_count(t, c);
	return 0;
}

void call_failed(struct call_table *t, uint32_t id, uint32_t pinhole_id, struct action_list *out)
{
	struct pinhole_spec *failed = NULL;
	struct call *c = NULL;

	HASH_FIND(hh_id, t->by_id, &id, sizeof(id), c);
	t->n_want = 0;
	for (size_t i = 0; c && i < c->n_pins; i++) {
		if (c->pins[i].id != pinhole_id)
			t->want[t->n_want++] = c->pins[i];
		else
			failed = &c->pins[i];
	}
	if (!failed)
		return;
	if (places_move(t, c, out)) { /* to be tried again, as it differs from what is wanted */
		failed->deadline_ns = 0;
		c->unsettled = out->failed = true;
		expiry_set(&t->heap, &c->expiry, call_due(c));
		return;
	}
	call_save(t, c, out);
}
