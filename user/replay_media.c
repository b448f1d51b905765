// SPDX-License-Identifier: GPL-2.0-only
/*
 * The media of a capture against the pinholes that would have been open at that moment: which one is
 * meant, and what came of it by flow. Both directions are looked up by the inside endpoint, as a capture
 * from the inside shows no other.
 */
#include "replay_priv.h"

#include <errno.h>
#include <stdlib.h>

#define STRAY_PACKETS 3 /* of one SSRC: then it is a stream, not something that looks like RTP */
#define STRAY_PORT    1024 /* media lives above */

static struct rf_ep ep_key(const struct rf_ep *ep)
{
	return (struct rf_ep){ .addr = ep->addr, .port = ep->port }; /* without .pad */
}

static struct replay_place *place(const struct replay *r, const struct rf_ep *inside)
{
	struct rf_ep key = ep_key(inside);
	struct replay_place *p;

	HASH_FIND(hh, r->places, &key, sizeof(key), p);
	return p;
}

static struct replay_pinhole *by_id(const struct replay *r, uint32_t id)
{
	struct replay_pinhole *p;

	HASH_FIND(hh, r->pinholes, &id, sizeof(id), p);
	return p;
}

static struct replay_place *place_get(struct replay *r, const struct rf_ep *inside)
{
	struct replay_place *at = place(r, inside);

	if (at)
		return at;
	at = calloc(1, sizeof(*at));
	if (!at)
		return NULL;
	at->inside = ep_key(inside);
	if (hash_add(hh, r->places, inside, sizeof(at->inside), at))
		return at;
	free(at);
	return NULL;
}

/* The oldest one gives way, but one that is closed first. */
static void put_in_place(struct replay_place *at, struct replay_pinhole *p)
{
	size_t out = at->n;

	if (at->n == REPLAY_PLACE_MAX) {
		out = REPLAY_PLACE_MAX - 1;
		for (size_t i = at->n; i-- > 0;)
			if (at->v[i]->closed_ns) {
				out = i;
				break;
			}
	} else {
		at->n++;
	}
	memmove(&at->v[1], &at->v[0], out * sizeof(at->v[0]));
	at->v[0] = p;
}

static struct replay_pinhole *pinhole_new(struct replay *r, struct replay_record *rec,
					  const struct pinhole_spec *s)
{
	struct replay_pinhole *p = calloc(1, sizeof(*p));
	struct replay_place *at = p ? place_get(r, &s->inside) : NULL;

	if (!at) {
		free(p);
		return NULL;
	}
	p->id = s->id;
	p->record = rec;
	if (!hash_add(hh, r->pinholes, id, sizeof(p->id), p)) {
		free(p);
		return NULL;
	}
	put_in_place(at, p);
	p->of_record = rec->pinholes;
	rec->pinholes = p;
	return p;
}

static void tell(struct replay *r, struct replay_record *rec, const struct pinhole_spec *s,
		 const char *word)
{
	struct replay_entry *e = replay_entry_add(r, rec, ENTRY_PINHOLE, VIEW(""));

	if (!e)
		return;
	e->pinhole = *s;
	e->word = word;
}

/* Of the tags, in whichever order a message has them; 0: none. */
static uint64_t dialog_of(const struct sip_msg *m)
{
	unsigned int from, to;

	if (!m)
		return 0;
	HASH_JEN(m->from->tag.p, m->from->tag.n, from);
	HASH_JEN(m->to->tag.p, m->to->tag.n, to);
	return 1 + (uint64_t)from + to;
}

/* A call goes on with who answered it. What the others opened is closed, and their media is lost, also where
 * that was the same agent under a new To tag. All other closing is what the parties agreed on. */
static bool is_outvoted(const struct replay_pinhole *p, const struct sip_msg *m)
{
	return m && !m->is_request && m->method == SIP_M_INVITE && m->status / 100 == 2 &&
	       p->dialog && p->dialog != dialog_of(m);
}

/* What p's inside endpoint has sent to, of the remotes that it is going to have. */
static uint32_t sent_to(const struct replay_pinhole *was, const struct pinhole_entry *now)
{
	const struct pinhole_entry *out = was ? &was->entry[RF_DIR_OUT] : NULL;

	if (!out || was->closed_ns || out->p.flags & RF_PH_LEARN)
		return 0;
	return pinhole_entry_sent(out, was->cold.sent_to, now);
}

void replay_pinhole_set(struct replay *r, struct replay_record *rec, const struct pinhole_spec *s,
			const struct sip_msg *m)
{
	struct replay_pinhole *p = by_id(r, s->id);
	struct pinhole_entry out = pinhole_entry_of(s, RF_DIR_OUT);
	struct replay_place *at = place(r, &s->inside);
	uint32_t sent = sent_to(at ? at->in_map : NULL, &out);

	tell(r, rec, s, p && !p->closed_ns ? "change" : "open");
	if (!p)
		p = pinhole_new(r, rec, s);
	if (!p) {
		r->err = -ENOMEM;
		return;
	}
	p->spec = *s; /* endpoints stay: others would make it another pinhole */
	for (int dir = 0; dir < 2; dir++)
		p->entry[dir] = pinhole_entry_of(s, dir);
	p->cold = pinhole_cold_of(s, r->now_ns);
	p->cold.sent_to = sent;
	p->closed_ns = 0;
	p->outvoted = false;
	if (m)
		p->dialog = dialog_of(m);
	place(r, &s->inside)->in_map = p;
}

void replay_pinhole_close(struct replay *r, uint32_t id, const struct sip_msg *m)
{
	struct replay_pinhole *p = by_id(r, id);

	if (!p || p->closed_ns)
		return;
	p->closed_ns = r->now_ns;
	p->outvoted = is_outvoted(p, m);
	p->entry[RF_DIR_IN].p.state = p->entry[RF_DIR_OUT].p.state = RF_PINHOLE_CLOSED;
	tell(r, p->record, &p->spec, "close");
}

bool replay_call_held(const struct replay_record *rec)
{
	bool any = false;

	for (const struct replay_pinhole *p = rec->pinholes; p; p = p->of_record) {
		if (p->closed_ns || p->spec.rtcp)
			continue;
		any = true;
		if (!p->spec.held_in && !p->spec.held_out)
			return false;
	}
	return any;
}

static struct replay_flow *flow_get(struct replay *r, const struct replay_udp *u)
{
	bool out = u->way == WAY_OUT;
	struct flow_key key = { .inside = ep_key(out ? &u->src : &u->dst),
				.remote = ep_key(out ? &u->dst : &u->src),
				.out = out };
	struct replay_flow *f;

	HASH_FIND(hh, r->flows, &key, sizeof(key), f);
	if (f)
		return f;
	if (HASH_COUNT(r->flows) >= REPLAY_FLOWS_MAX) {
		r->stats.flows_lost++;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		r->err = -ENOMEM;
		return NULL;
	}
	f->key = key;
	f->first_ns = r->now_ns;
	if (hash_add(hh, r->flows, key, sizeof(f->key), f))
		return f;
	free(f);
	r->err = -ENOMEM;
	return NULL;
}

/* On hold and after the end: as it should be. of: whose media it is; NULL: nobody's */
static bool is_lost(enum rf_reason reason, const struct replay_pinhole *of)
{
	switch (reason) {
	case RF_R_NONE:
	case RF_R_NOT_GUARDED:
	case RF_R_ON_HOLD: return false;
	case RF_R_PINHOLE_CLOSED: return of->outvoted && !of->record->ended_ns;
	default: return true;
	}
}

static void count(struct replay *r, const struct replay_udp *u, const struct replay_pinhole *of,
		  const struct rf_media *m, enum rf_reason reason)
{
	struct replay_flow *f = flow_get(r, u);

	if (!f)
		return;
	if (of)
		f->record = of->record;
	f->last_ns = r->now_ns;
	f->packets[reason]++;
	f->lost += is_lost(reason, of);
	f->total++;
	if (m->cls != RF_CLASS_RTP)
		return;
	if (!f->rtp) {
		f->rtp = true;
		f->ssrc = m->ssrc;
		f->payload_type = m->pt;
	}
	f->same_ssrc += f->ssrc == m->ssrc;
}

/* Nobody agreed on it. Only what looks like media is worth a word: names are looked up and clocks
 * are set by UDP, too. From inside it would pass untranslated by us, and be refused for that by any
 * careful peer: for the call it is lost as well. */
static void stray(struct replay *r, const struct replay_udp *u)
{
	struct rf_media m = replay_classify(u->payload, 0);
	const struct topology_wan *wan = &r->topo.wans[0];
	const struct rf_ep *inside = u->way == WAY_OUT ? &u->src : &u->dst;
	uint16_t port = ntohs(inside->port);
	bool guarded = r->from_inside || (port >= wan->port_lo && port <= wan->port_hi);

	if (!(m.cls & (RF_CLASS_RTP | RF_CLASS_RTCP)) || ntohs(u->src.port) < STRAY_PORT ||
	    ntohs(u->dst.port) < STRAY_PORT) {
		r->stats.other++;
		return;
	}
	count(r, u, NULL, &m, guarded ? RF_R_NO_PINHOLE : RF_R_NOT_GUARDED);
}

static bool knows(const struct replay_pinhole *p, const struct rf_ep *remote)
{
	return replay_remotes_have(&p->entry[RF_DIR_IN], remote, true) ||
	       replay_remotes_have(&p->entry[RF_DIR_OUT], remote, true);
}

/* Where several calls share an inside endpoint, the far side tells whose media it is; the newest one's
 * pinhole has the remotes of the others, too. */
static struct replay_pinhole *meant(const struct replay_place *at, const struct rf_ep *remote)
{
	struct replay_pinhole *open = NULL, *closed = NULL, *agreed = NULL;

	for (size_t i = 0; i < at->n; i++) {
		struct replay_pinhole *p = at->v[i];
		bool known = knows(p, remote);

		if (!p->closed_ns && known &&
		    (!agreed || p->spec.n_remotes < agreed->spec.n_remotes))
			agreed = p;
		if (!p->closed_ns && !open)
			open = p;
		if (p->closed_ns && (!closed || (known && !knows(closed, remote))))
			closed = p;
	}
	if (agreed)
		return agreed;
	/* Media of a call that is over is no stranger to the one that came after it. */
	if (open && closed && knows(closed, remote))
		return closed;
	return open ? open : closed;
}

static enum rf_reason judge(struct replay *r, struct replay_pinhole *p, const struct replay_udp *u,
			    const struct rf_media *m)
{
	enum rf_reason reason;

	if (u->fragmented)
		return RF_R_MEDIA_FRAGMENT;
	reason = replay_check(p, u, r->now_ns, m);
	if (reason != RF_R_STUN_HELD)
		return reason;
	/* The controller gives it back: by then it is listed, or refused for good. */
	replay_stun(r, p, u);
	reason = replay_check(p, u, r->now_ns, m);
	return reason == RF_R_STUN_HELD ? RF_R_STUN_NOT_AGREED : reason;
}

void replay_media(struct replay *r, const struct replay_udp *u)
{
	bool out = u->way == WAY_OUT;
	const struct replay_place *at = place(r, out ? &u->src : &u->dst);
	struct replay_pinhole *p, *of;
	enum rf_reason reason;
	struct rf_media m;

	if (!at) {
		stray(r, u);
		return;
	}
	p = at->in_map;
	m = replay_classify(u->payload, p->entry[out ? RF_DIR_OUT : RF_DIR_IN].p.classes);
	if (p->closed_ns && !m.cls) { /* the port has been used for something else since */
		r->stats.other++;
		return;
	}
	of = meant(at, out ? &u->dst : &u->src);
	reason = judge(r, p, u, &m);
	if (reason == RF_R_NOT_OURS) { /* of a host that another one named */
		r->stats.other++;
		return;
	}
	if (of->closed_ns && of->record->ended_ns &&
	    (reason == RF_R_WRONG_SOURCE || reason == RF_R_WRONG_DESTINATION))
		reason = RF_R_PINHOLE_CLOSED; /* of a call that is over: no stranger */
	count(r, u, of, &m, reason);
}

bool replay_flow_counts(const struct replay_flow *f)
{
	return f->total > f->packets[RF_R_NO_PINHOLE] + f->packets[RF_R_NOT_GUARDED] ||
	       f->same_ssrc >= STRAY_PACKETS || (f->record && !f->rtp);
}

uint64_t replay_flow_lost(const struct replay_flow *f)
{
	uint64_t passed = f->packets[RF_R_NONE] + f->packets[RF_R_NOT_GUARDED];

	return replay_flow_counts(f) && (passed || f->total >= STRAY_PACKETS) ? f->lost : 0;
}

static void give_to(struct replay_record *rec, struct replay_flow *f)
{
	if (rec->last_flow)
		rec->last_flow->of_record = f;
	else
		rec->flows = f;
	rec->last_flow = f;
}

void replay_media_settle(struct replay *r)
{
	const struct replay_place *at;
	struct replay_flow *f;

	for (f = r->flows; f; f = f->hh.next) {
		uint64_t passed = f->packets[RF_R_NONE] + f->packets[RF_R_NOT_GUARDED];

		/* What came before a pinhole opened belongs to its call. */
		at = f->record ? NULL : place(r, &f->key.inside);
		if (at)
			f->record = meant(at, &f->key.remote)->record;
		if (!replay_flow_counts(f)) {
			r->stats.other += f->total;
			continue;
		}
		give_to(f->record ? f->record : &r->loose, f);
		r->stats.media_passed += passed;
		r->stats.media_dropped += f->total - passed;
		r->stats.found[REPLAY_LOST_MEDIA] += replay_flow_lost(f) > 0;
	}
}

void replay_media_free(struct replay *r)
{
	struct replay_pinhole *p, *p_next;
	struct replay_place *at, *at_next;
	struct replay_flow *f, *f_next;

	HASH_ITER (hh, r->pinholes, p, p_next) {
		HASH_DEL(r->pinholes, p);
		free(p);
	}
	HASH_ITER (hh, r->places, at, at_next) {
		HASH_DEL(r->places, at);
		free(at);
	}
	HASH_ITER (hh, r->flows, f, f_next) {
		HASH_DEL(r->flows, f);
		free(f);
	}
}
