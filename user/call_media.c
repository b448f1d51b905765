// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pinholes that a call must have: a pure function of what its dialogs agreed on, compared with
 * what it has. A pinhole needs the word of both sides: one says where from, the other where to.
 */
#include "call_priv.h"

#include <stdlib.h>

struct pair { /* two descriptions that hold against each other */
	const struct dialog *d;
	const struct desc *side[2];
	/* The inside offers something new: the peer may use it before its answer has reached us, as
	 * media and signalling go different ways (RFC 3264 8.3.1). Its own side is the one agreed. */
	bool pending;
	uint64_t until;
};

static void note(struct call *c, enum call_note which, struct action_list *out, const char *text)
{
	if (c->notes & which)
		return;
	c->notes |= which;
	action_event(out, EVENT_NOTE, c->id, "call %u: %s", c->id, text);
}

static bool may_receive(const struct media_line *l)
{
	return !(l->flags & LINE_ZERO) &&
	       (l->direction == SDP_SENDRECV || l->direction == SDP_RECVONLY);
}

static bool may_send(const struct media_line *l)
{
	return l->direction == SDP_SENDRECV || l->direction == SDP_SENDONLY;
}

static bool both(const struct media_line *a, const struct media_line *b, uint16_t flag)
{
	return a->flags & b->flags & flag;
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
		note(c, NOTE_PINHOLES, out, "more streams than pinholes for one call");
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

static void add_remote(struct call *c, struct pinhole_spec *w, const struct rf_remote *r,
		       struct action_list *out)
{
	for (uint8_t i = 0; i < w->n_remotes; i++)
		if (!memcmp(&w->remotes[i], r, sizeof(*r)))
			return;
	if (w->n_remotes == RF_REMOTES_MAX) {
		note(c, NOTE_REMOTES, out, "more remote endpoints than one pinhole holds");
		return;
	}
	w->remotes[w->n_remotes++] = *r;
}

static void add_remotes(struct call_table *t, struct call *c, struct pinhole_spec *w,
			const struct pair *p, const struct media_line *b,
			const struct rf_ep *remote, struct action_list *out)
{
	const struct desc *d = p->side[SIDE_OUTSIDE];
	uint64_t learn_until = p->d->s.since + t->cfg->learn_window_s * SECONDS;

	if (!(b->flags & LINE_LEARN)) {
		struct rf_remote r = { .addr = remote->addr,
				       .port = remote->port,
				       .prefix_len = 128 };

		add_remote(c, w, &r, out);
		return;
	}
	for (uint16_t i = 0; i < d->n_learn; i++)
		add_remote(c, w, &d->learn[i], out);
	if (!w->learn)
		w->announced = *remote;
	w->learn = true;
	if (learn_until > w->learn_until_ns)
		w->learn_until_ns = learn_until;
}

/* Where media of an inside endpoint shows on the wire; false: it has no place there. */
static bool outside_of(const struct call *c, const struct media_line *a, const struct rf_ep *inside,
		       struct rf_ep *outside)
{
	if (a->flags & LINE_XLATE)
		return leases_find_index(&c->leases, c->wan_ifindex, inside, outside);
	*outside = *inside;
	return true;
}

static void describe(struct pinhole_spec *w, const struct pair *p, uint16_t i, bool rtcp)
{
	const struct media_line *l = &p->side[p->pending ? SIDE_INSIDE : p->d->s.answerer]->line[i];

	w->stream = (uint8_t)i;
	w->rtcp = rtcp;
	w->clock_rate = l->clock_rate;
	memcpy(w->media, l->media, sizeof(w->media));
	memcpy(w->codec, l->codec, sizeof(w->codec));
	if (l->proto == SDP_P_UDPTL)
		strcpy(w->codec, "t38");
}

/* What may flow, by the directions of both sides; RTCP flows on hold too (RFC 3264 8.4). */
static void add_classes(struct pinhole_spec *w, const struct pair *p, const struct media_line *a,
			const struct media_line *b, bool rtcp)
{
	uint8_t media = a->proto == SDP_P_UDPTL ? RF_CLASS_UDPTL : RF_CLASS_RTP;
	bool in = may_receive(a) && (p->pending || may_send(b));
	bool out = may_send(a) && may_receive(b);
	uint8_t always = 0;

	if (rtcp)
		always |= RF_CLASS_RTCP;
	else if (a->proto == SDP_P_RTP && both(a, b, LINE_MUX))
		always |= RF_CLASS_RTCP;
	if (both(a, b, LINE_ICE))
		always |= RF_CLASS_STUN;
	if (both(a, b, LINE_DTLS))
		always |= RF_CLASS_DTLS | RF_CLASS_STUN;
	w->classes_in |= always;
	w->classes_out |= always;
	if (rtcp)
		return;
	if (in)
		w->classes_in |= media;
	if (out)
		w->classes_out |= media;
	w->held_in = !(w->classes_in & (RF_CLASS_RTP | RF_CLASS_UDPTL));
	w->held_out = !(w->classes_out & (RF_CLASS_RTP | RF_CLASS_UDPTL));
}

static void add_component(struct call_table *t, struct call *c, const struct pair *p, uint16_t i,
			  unsigned int k, bool rtcp, struct action_list *out)
{
	const struct media_line *a = &p->side[SIDE_INSIDE]->line[i];
	const struct media_line *b = &p->side[SIDE_OUTSIDE]->line[i];
	struct rf_ep inside = ep_above(rtcp ? a->rtcp : a->rtp, 2 * k);
	struct rf_ep remote = ep_above(rtcp ? b->rtcp : b->rtp, 2 * k);
	struct pinhole_spec *w;
	struct rf_ep outside;

	if (!inside.port || !outside_of(c, a, &inside, &outside))
		return;
	if (!(b->flags & LINE_LEARN) && (!remote.port || addr_is_any(&remote.addr)))
		return;
	w = want(t, c, &inside, &outside, out);
	if (!w)
		return;
	if (!w->n_remotes)
		describe(w, p, i, rtcp);
	w->local = a->flags & LINE_LOCAL;
	add_remotes(t, c, w, p, b, &remote, out);
	add_classes(w, p, a, b, rtcp);
	for (size_t n = 0; n < sizeof(w->payload_types); n++)
		w->payload_types[n] |= a->payload_types[n] | b->payload_types[n];
	if (p->until > w->deadline_ns)
		w->deadline_ns = p->until;
	/* Silence means something only where media has been agreed to flow. */
	if (!rtcp && p->d->state == DIALOG_ANSWERED && !(w->held_in && w->held_out))
		w->idle_s = t->cfg->media_idle_s;
}

/* Can a stream between these two lines have a pinhole? Says why not, once per call. */
static bool line_ok(struct call *c, const struct media_line *a, const struct media_line *b,
		    struct action_list *out)
{
	if ((a->flags | b->flags) & LINE_OFF)
		return false;
	if (a->proto == SDP_P_TCP || a->proto == SDP_P_OTHER) {
		note(c, NOTE_TCP, out, "media that is not RTP or UDPTL over UDP is left alone");
		return false;
	}
	if (a->proto != b->proto)
		return false;
	if (b->flags & LINE_FOREIGN) {
		note(c, NOTE_HAIRPIN, out,
		     "the peer names an address of our own side, multicast or loopback: no pinhole");
		return false;
	}
	if (a->flags & (LINE_FOREIGN | LINE_NO_ADDR) || addr_is_any(&a->rtp.addr)) {
		note(c, NOTE_NO_INSIDE, out,
		     "the inside host names no address of an inside prefix: no pinhole");
		return false;
	}
	if (b->flags & LINE_NO_ADDR && !(b->flags & LINE_LEARN)) {
		note(c, NOTE_NO_REMOTE, out, "the peer names a host, not an address: no pinhole");
		return false;
	}
	return true;
}

static void add_pair(struct call_table *t, struct call *c, const struct pair *p,
		     struct action_list *out)
{
	const struct desc *in = p->side[SIDE_INSIDE], *ex = p->side[SIDE_OUTSIDE];

	if (!in || !ex)
		return;
	for (uint16_t i = 0; i < in->n && i < ex->n; i++) {
		const struct media_line *a = &in->line[i], *b = &ex->line[i];
		unsigned int n = a->count < b->count ? a->count : b->count;

		if (!line_ok(c, a, b, out))
			continue;
		for (unsigned int k = 0; k < n && k < SDP_MEDIA_MAX; k++) {
			add_component(t, c, p, i, k, false, out);
			if (a->proto == SDP_P_RTP && !both(a, b, LINE_MUX))
				add_component(t, c, p, i, k, true, out);
		}
	}
}

static void want_all(struct call_table *t, struct call *c, struct action_list *out)
{
	bool answered = call_is_answered(c);

	t->n_want = 0;
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
		add_pair(t, c, &p, out);
		if (s->offer[SIDE_INSIDE].desc && !tx_eq(s->offer[SIDE_INSIDE].tx, s->agreed)) {
			p.side[SIDE_INSIDE] = s->offer[SIDE_INSIDE].desc;
			p.pending = true;
			add_pair(t, c, &p, out);
		}
	}
}

/* The same pinhole, so that its id and its learnt source stay? */
static bool same_pinhole(const struct pinhole_spec *a, const struct pinhole_spec *b)
{
	if (!ep_eq(&a->inside, &b->inside) || !ep_eq(&a->outside, &b->outside) ||
	    a->wan_ifindex != b->wan_ifindex || a->learn != b->learn)
		return false;
	return !a->learn || (ep_eq(&a->announced, &b->announced) && a->n_remotes == b->n_remotes &&
			     !memcmp(a->remotes, b->remotes, sizeof(a->remotes)));
}

static void emit(struct action_list *out, enum action_kind kind, const struct pinhole_spec *s)
{
	struct action *a = action_add(out, kind);

	if (a)
		a->pinhole = *s;
}

/* Closes come before sets: a set may use the key of what is closed. */
static void differ(struct call_table *t, struct call *c, struct action_list *out)
{
	bool any = false, set[CALL_PINHOLES_MAX] = { false };

	for (size_t i = 0; i < c->n_pins; i++) {
		size_t k = 0;

		while (k < t->n_want && !same_pinhole(&c->pins[i], &t->want[k]))
			k++;
		if (k == t->n_want) {
			emit(out, ACT_PINHOLE_CLOSE, &c->pins[i]);
			any = true;
			continue;
		}
		t->want[k].id = c->pins[i].id;
		set[k] = memcmp(&c->pins[i], &t->want[k], sizeof(c->pins[i])) != 0;
		any = any || set[k];
	}
	for (size_t k = 0; k < t->n_want; k++) {
		if (!t->want[k].id) {
			t->want[k].id = (*t->next_pinhole_id)++;
			c->pinhole_mark = *t->next_pinhole_id;
			set[k] = any = true;
		}
		if (set[k])
			emit(out, ACT_PINHOLE_SET, &t->want[k]);
	}
	if (!any)
		return;
	if (t->n_want > c->n_pins || !t->n_want) {
		struct pinhole_spec *v = NULL;

		if (t->n_want) {
			v = realloc(c->pins, t->n_want * sizeof(*v));
			if (!v) {
				out->failed = true;
				return;
			}
		} else {
			free(c->pins);
		}
		c->pins = v;
	}
	c->n_pins = t->n_want;
	if (c->n_pins)
		memcpy(c->pins, t->want, c->n_pins * sizeof(c->pins[0]));
}

/* Ports are kept for every description that may still count, also of a dialog whose BYE may be
 * challenged. */
static void keep_leases(struct call_table *t, struct call *c)
{
	leases_clear_marks(&c->leases);
	leases_keep(&c->leases, c->offer);
	for (const struct dialog *d = c->dialogs; d; d = d->next) {
		leases_keep(&c->leases, d->s.now[SIDE_INSIDE]);
		leases_keep(&c->leases, d->s.before[SIDE_INSIDE]);
		leases_keep(&c->leases, d->s.offer[SIDE_INSIDE].desc);
	}
	leases_sweep(&c->leases, t->ports);
}

void call_media(struct call_table *t, struct call *c, struct action_list *out)
{
	want_all(t, c, out);
	differ(t, c, out);
	keep_leases(t, c);
}
