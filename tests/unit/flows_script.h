/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a sequence of datagrams, ticks and restarts for the engine, and an oracle that knows
 * little but is not to be deceived: whose words a pinhole must rest on, whom nobody listens to, what a
 * datagram that comes again may do, and that nothing is left in the end. The fuzz target's input.
 *
 * Steps end with 0xff. The first byte says what a step is:
 *	a b c	inside host 1..3 to the provider	A B C	the provider to inside host 1..3
 *	d e f	inside host 1..3 to another peer	D E F	that one to inside host 1..3
 *	g	inside host 1 to a guest (no peer)	G	the guest to inside host 1
 *	h	inside host 1 to a peer, IPv6		H	back
 *	S	a stranger to inside host 1
 *	K L	a check of ICE from outside, from inside: by which pinhole, from or to where; then its bytes, or
 *		none for a good one between the agents of the seeds
 *	T U	some seconds, some minutes pass		R	the controller dies and comes back
 * The rest is the datagram; Content-Length is made right unless it begins with '!'.
 */
#ifndef FLOWS_SCRIPT_H
#define FLOWS_SCRIPT_H

#include <ctype.h>

#include "flows_world.h"
#include "stun_build.h"

#define S_SAID_MAX 4096
#define S_STEPS	   64

struct said { /* somebody named these ports in an SDP that passed */
	uint64_t call; /* hash of the Call-ID as the inside knows it */
	enum side side;
	struct rf_addr addr;
	uint32_t lo, hi;
};

struct script {
	struct world *w;
	struct rf_ep inside[4], outside[4]; /* three hosts; the first one's IPv6 */
	struct said said[S_SAID_MAX];
	size_t n_said;
};

static inline uint64_t s_hash(struct view v)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < v.n; i++)
		h = (h ^ (uint8_t)v.p[i]) * 0x100000001b3ull;
	return h;
}

static inline void s_say(struct script *s, uint64_t call, enum side side, const struct rf_addr *a,
			 uint32_t lo, uint32_t hi)
{
	if (s->n_said == S_SAID_MAX || addr_is_any(a))
		return;
	s->said[s->n_said++] =
		(struct said){ .call = call, .side = side, .addr = *a, .lo = lo, .hi = hi };
}

static inline bool s_has_said(const struct script *s, uint64_t call, enum side side,
			      const struct rf_addr *a, uint32_t port)
{
	for (size_t i = 0; i < s->n_said; i++) {
		const struct said *q = &s->said[i];

		if (q->call == call && q->side == side && port >= q->lo && port <= q->hi &&
		    addr_eq(&q->addr, a))
			return true;
	}
	return false;
}

/* What a message that passed says about media. text: as its sender wrote it. */
static inline void s_listen(struct script *s, bool inside, const char *text, size_t n)
{
	static struct sip_msg m, delivered;
	static struct sdp sdp;
	struct view body, call_id;
	enum side side = inside ? SIDE_INSIDE : SIDE_OUTSIDE;
	uint64_t call;

	if (sip_parse(text, n, &m, NULL) != SIP_OK)
		return;
	body = sip_sdp_body(&m);
	if (body.p ? sdp_parse(body, &sdp, NULL)
		   : !(body = sip_sdp_fragment_body(&m)).p || sdp_parse_fragment(body, &sdp, NULL))
		return;
	call_id = m.call_id;
	if (!inside && sip_parse(s->w->sent, s->w->n_sent, &delivered, NULL) == SIP_OK)
		call_id = delivered.call_id;
	call = s_hash(call_id);
	for (uint16_t i = 0; i < sdp.n_media; i++) {
		const struct sdp_media *md = &sdp.media[i];

		if (!md->port_value)
			continue;
		if (md->c.is_addr)
			s_say(s, call, side, &md->c.addr, md->port_value,
			      md->port_value + 2u * md->port_count - 1);
		if (md->has_rtcp && md->rtcp_port_value)
			s_say(s, call, side,
			      md->rtcp_has_addr && md->rtcp.is_addr ? &md->rtcp.addr : &md->c.addr,
			      md->rtcp_port_value, md->rtcp_port_value + 2u * md->port_count - 1);
	}
	for (uint16_t i = 0; i < sdp.n_alternatives; i++) {
		const struct sdp_alternative *q = &sdp.alternatives[i];
		uint32_t count = q->media < sdp.n_media ? sdp.media[q->media].port_count : 1;

		if (q->is_addr && q->ep.port)
			s_say(s, call, side, &q->ep.addr, ntohs(q->ep.port),
			      ntohs(q->ep.port) + 2u * count - 1);
	}
	for (uint16_t i = 0; i < sdp.n_candidates; i++) {
		const struct sdp_candidate *c = &sdp.candidates[i];
		struct rf_addr base;
		char port[8];

		if (c->is_addr)
			s_say(s, call, side, &c->ep.addr, ntohs(c->ep.port), ntohs(c->ep.port));
		if (!c->raddr.p || addr_parse(c->raddr, &base) || c->rport.n >= sizeof(port))
			continue;
		snprintf(port, sizeof(port), VIEW_FMT, VIEW_ARG(c->rport));
		s_say(s, call, side, &base, (uint32_t)atoi(port), (uint32_t)atoi(port));
	}
}

static inline bool s_may_be_learnt(const struct script *s, const struct call *c,
				   const struct rf_remote *r)
{
	for (uint16_t i = 0; i < s->w->config.n_peers; i++)
		if (addr_eq(&s->w->config.peers[i].address.addr, &r->addr))
			return r->prefix_len == s->w->config.peers[i].address.len;
	for (size_t i = 0; i < c->n_remotes; i++)
		if (addr_eq(&c->remotes[i], &r->addr))
			return r->prefix_len == 128;
	return false;
}

/* Each end of each pinhole was named by the side that it is on, in this call. */
static inline void s_justified(const struct script *s)
{
	struct world *w = s->w;

	for (size_t i = 0; i < w->n_pins; i++) {
		const struct pinhole_spec *p = &w->pins[i];
		struct call *c = NULL;
		uint64_t call;

		HASH_FIND(hh_id, w->e->calls->by_id, &p->call_id, sizeof(p->call_id), c);
		W_CHECK(c && c->wan_ifindex == W_WAN);
		call = s_hash(view_of(c->call_id));
		W_CHECK(s_has_said(s, call, SIDE_INSIDE, &p->inside.addr, ntohs(p->inside.port)) ||
			addr_eq(&p->inside.addr, topology_wire(&w->topo.wans[0], &p->inside.addr)));
		for (int k = 0; k < p->n_remotes; k++) {
			const struct rf_remote *r = &p->remotes[k];
			bool said = p->learn && s_may_be_learnt(s, c, r);

			for (struct call *o = place_next(w->e->calls, &p->inside, NULL); o && !said;
			     o = place_next(w->e->calls, &p->inside, o)) {
				call = s_hash(view_of(o->call_id));
				said = s_has_said(s, call, SIDE_OUTSIDE, &r->addr, ntohs(r->port));
			}
			W_CHECK(said);
		}
	}
}

/* Makes Content-Length say what there is; returns the new length. */
static inline size_t s_content_length(char *p, size_t n, size_t size)
{
	char digits[16], *head = memmem(p, n, "\r\n\r\n", 4), *v;
	size_t n_body, n_old = 0, n_new;

	if (!head)
		return n;
	n_body = n - (size_t)(head + 4 - p);
	v = memmem(p, (size_t)(head + 2 - p), "\r\nContent-Length:", 17);
	if (!v)
		return n;
	v += 17;
	while (v < head && *v == ' ')
		v++;
	while (v + n_old < head && isdigit((unsigned char)v[n_old]))
		n_old++;
	n_new = (size_t)snprintf(digits, sizeof(digits), "%zu", n_body);
	if (n + n_new - n_old > size)
		return n;
	memmove(v + n_new, v + n_old, n - (size_t)(v + n_old - p));
	memcpy(v, digits, n_new);
	return n + n_new - n_old;
}

/* A retransmission: nothing changes, and the same is sent, or the same is not. After T1 nothing changes either. */
static inline void s_again(struct script *s, bool inside, const struct rf_ep *src,
			   const struct rf_ep *dst, const char *p, size_t n)
{
	static char sent[W_TEXT_MAX];
	struct world *w = s->w;
	size_t n_send = w->n_send, n_sent = w->n_sent;
	enum rf_reason dropped = w->dropped;

	memcpy(sent, w->sent, n_sent);
	w_feed(w, inside, src, dst, p, n);
	W_CHECK(!w->n_set && !w->n_close && !w->n_save && !w->n_forget);
	W_CHECK(w->n_send == n_send && w->dropped == dropped);
	if (w->n_sent != n_sent || memcmp(w->sent, sent, n_sent))
		W_FAIL("first sent:\n%.*s\nand then:\n%s", (int)n_sent, sent, w->sent);
	w->now += 500 * W_MS;
	w_tick(w);
	if (w->n_set || w->n_close || w->n_event || w->n_save || w->n_forget)
		return; /* something was over meanwhile */
	w_feed(w, inside, src, dst, p, n);
	W_CHECK(!w->n_set && !w->n_close && !w->n_save && !w->n_forget);
}

static inline void s_datagram(struct script *s, char who, const char *p, size_t n)
{
	static char buf[W_TEXT_MAX];
	struct world *w = s->w;
	bool inside = who >= 'a';
	int host = who == 'S' || (who | 0x20) == 'g' ? 0
		   : (who | 0x20) == 'h'	     ? 3
						     : ((who | 0x20) - 'a') % 3;
	struct rf_ep other = who == 'S'		   ? w_ep("192.0.2.66", 5060)
			     : (who | 0x20) == 'g' ? w_ep("192.0.2.20", 5060)
			     : (who | 0x20) == 'h' ? w_ep("2001:db8:2::9", 5060)
			     : (who | 0x20) >= 'd' ? w_ep("198.51.100.10", 5060)
						   : w_ep("198.51.100.9", 5060);
	const struct rf_ep *src = inside ? &s->inside[host] : &other;
	const struct rf_ep *dst = inside ? &other : &s->outside[host];
	bool exact = n && *p == '!';

	if (n > 16384)
		n = 16384;
	if (exact)
		p++, n--;
	memcpy(buf, p, n);
	if (!exact)
		n = s_content_length(buf, n, sizeof(buf));
	snprintf(world_where, sizeof(world_where), "%c: %.*s\n", who, (int)(n > 900 ? 900 : n),
		 buf);
	w_feed(w, inside, src, dst, buf, n);
	if (who == 'S') {
		W_CHECK(!w->n_send && !w->n_set && !w->n_close && !w->n_save);
		return;
	}
	if (w->n_send)
		s_listen(s, inside, buf, n);
	s_justified(s);
	s_again(s, inside, src, dst, buf, n);
}

/* Whoever proves to be the agreed agent is listed, and nobody else. */
static inline void s_check(struct script *s, bool inside, const uint8_t *p, size_t n)
{
	static uint8_t built[1024];
	struct world *w = s->w;
	const struct pinhole_spec *pin = w->n_pins && n > 1 ? &w->pins[p[0] % w->n_pins] : NULL;
	struct call_stun stun = { .now = w->now, .from_inside = inside };
	struct rf_ep remote;
	struct call *c = NULL;
	uint32_t id;
	bool agreed, bad = n == 2 && p[1] & 0x80;

	if (!pin)
		return;
	id = pin->call_id;
	HASH_FIND(hh_id, w->e->calls->by_id, &id, sizeof(id), c);
	remote = w_ep(addr_is_v4(&pin->outside.addr) ? "192.0.2.77" : "2001:db8:9::77",
		      (uint16_t)(4000 + p[1] % 8));
	if (p[1] & 8 && pin->n_remotes && pin->remotes[0].port)
		remote = ep_make(pin->remotes[0].addr, ntohs(pin->remotes[0].port));
	stun.src = inside ? pin->inside : remote;
	stun.dst = inside ? remote : pin->outside;
	stun.payload =
		n > 2 ? (struct view){ (const char *)p + 2, n - 2 }
		      : (struct view){ (const char *)built,
				       stun_build(built, 1, inside ? "outo:inin" : "inin:outo",
						  bad	   ? "somebodyelsespassword"
						  : inside ? "outsidepasswordoutsidepa"
							   : "insidepasswordinsidepass") };
	agreed = engine_stun(w->e, id, &stun, &w->out);
	W_CHECK(agreed ? pin->ice && !bad : !w->out.n);
	if (agreed)
		s_say(s, s_hash(view_of(c->call_id)), SIDE_OUTSIDE, &remote.addr,
		      ntohs(remote.port), ntohs(remote.port));
	w_carry_out(w, NULL);
	w_consistent(w);
	W_CHECK(engine_stun(w->e, id, &stun, &w->out) == agreed);
	w_carry_out(w, NULL);
	W_CHECK(!w->n_set && !w->n_close && !w->n_save);
}

static inline void s_step(struct script *s, const char *p, size_t n)
{
	unsigned int amount = n > 1 ? (unsigned char)p[1] : 1;

	if (!n)
		return;
	switch (*p) {
	case 'a' ... 'h':
	case 'A' ... 'H':
	case 'S': s_datagram(s, *p, p + 1, n - 1); break;
	case 'K':
	case 'L': s_check(s, *p == 'L', (const uint8_t *)p + 1, n - 1); break;
	case 'T': w_wait(s->w, amount, 7); break;
	case 'U': w_wait(s->w, 60 * amount, 60); break;
	case 'R': w_restart(s->w); break;
	default: break;
	}
	s_justified(s);
	s->w->now += 20 * W_MS;
	w_tick(s->w);
}

static inline void script_run(const uint8_t *data, size_t size)
{
	static const char *const hosts[] = { "192.168.1.10", "192.168.1.11", "192.168.1.12",
					     "fd00::10" };
	struct script *s = calloc(1, sizeof(*s));
	const char *p = (const char *)data, *end = p + size;

	world_where[0] = 0;
	s->w = w_new(false, RF_MODE_NAT);
	s->w->lax = true;
	for (int i = 0; i < 4; i++) {
		s->inside[i] = w_ep(hosts[i], 5060);
		engine_outside_of(s->w->e, W_WAN, &s->inside[i], true, s->w->now, &s->w->out,
				  &s->outside[i]);
	}
	w_carry_out(s->w, NULL);
	for (int i = 0; i < S_STEPS && p < end; i++) {
		const char *q = memchr(p, 0xff, (size_t)(end - p));
		size_t n = (size_t)((q ? q : end) - p);

		s_step(s, p, n);
		p += n + 1;
	}
	snprintf(world_where, sizeof(world_where), "at the end\n");
	w_over(s->w);
	w_free(s->w);
	free(s);
}

#endif
