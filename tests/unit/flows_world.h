/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world around the engine: one WAN, hosts inside, peers and strangers outside. Datagrams go in, the
 * actions are carried out on a model of the kernel and of the journal, and what must hold after every
 * single one is checked unasked. Shared by the call flows, the random tests and the fuzz targets, so
 * nothing here knows what a call is; see flows_ladder.h for that.
 */
#ifndef FLOWS_WORLD_H
#define FLOWS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "call_priv.h"
#include "engine_state.h"

#define W_WAN	   7
#define W_MS	   1000000ull
#define W_PINS	   1024
#define W_SIGNALS  256
#define W_RECORDS  4096
#define W_TEXT_MAX 66000

/* Said before every failure: where it happened. */
static char world_where[1024];

#ifdef FLOWS_ABORT /* fuzzers: no cmocka */
#define W_FAIL(...)                                                            \
	do {                                                                   \
		fprintf(stderr, "%s%s:%d: ", world_where, __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__);                                  \
		fputc('\n', stderr);                                           \
		abort();                                                       \
	} while (0)
#else
#include <cmocka.h>
static void (*world_reproducer)(void); /* prints how to get there again; may be NULL */
#define W_FAIL(...)                             \
	do {                                    \
		if (world_reproducer)           \
			world_reproducer();     \
		print_error("%s", world_where); \
		fail_msg(__VA_ARGS__);          \
		abort();                        \
	} while (0)
#endif
#define W_CHECK(cond)                        \
	do {                                 \
		if (!(cond))                 \
			W_FAIL("%s", #cond); \
	} while (0)

struct world_record {
	enum record_kind kind;
	uint32_t id;
	struct view bytes;
};

struct world {
	bool v6;
	enum rf_mode mode; /* NAT or ROUTED */
	bool lax; /* any bytes may come: leaks are looked for where they are certain only */
	struct config config;
	struct topology topo;
	struct engine *e;
	uint64_t now;
	struct action_list out;
	/* the kernel's side */
	struct pinhole_spec pins[W_PINS];
	size_t n_pins;
	struct signal_spec signals[W_SIGNALS];
	size_t n_signals;
	/* the journal's */
	struct world_record records[W_RECORDS];
	size_t n_records;
	/* what the last datagram or tick came to */
	size_t n_set, n_close, n_event, n_save, n_forget, n_send, n_drop;
	enum rf_reason dropped;
	struct rf_ep sent_src, sent_dst;
	size_t n_sent;
	char sent[W_TEXT_MAX];
	char events[8192];
	char log[65536]; /* all of it as text, to compare */
	size_t n_log;
	/* of actions that belong to one call: closes before sets */
	uint32_t set_call;
};

static inline struct rf_addr w_addr(const char *text)
{
	struct rf_addr a;

	if (addr_parse(view_of(text), &a))
		W_FAIL("not an address: %s", text);
	return a;
}

static inline struct rf_ep w_ep(const char *text, uint16_t port)
{
	return ep_make(w_addr(text), port);
}

static inline void w_inside(struct world *w, const char *prefix)
{
	struct config_inside *i = &w->config.inside[w->config.n_inside++];

	memset(i, 0, sizeof(*i));
	if (prefix_parse(view_of(prefix), &i->prefix))
		W_FAIL("not a prefix: %s", prefix);
}

static inline void w_peer(struct world *w, const char *name, const char *prefix)
{
	struct config_peer *p = &w->config.peers[w->config.n_peers++];

	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (prefix_parse(view_of(prefix), &p->address))
		W_FAIL("not a prefix: %s", prefix);
	p->media[0] = p->address;
	p->n_media = 1;
}

static inline void w_logf(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static inline void w_logf(struct world *w, const char *fmt, ...)
{
	size_t room = sizeof(w->log) - w->n_log;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->log + w->n_log, room, fmt, ap);
	va_end(ap);
	w->n_log += n > 0 && (size_t)n < room ? (size_t)n : room - 1;
}

static inline struct pinhole_spec *w_pin(struct world *w, uint32_t id)
{
	for (size_t i = 0; i < w->n_pins; i++)
		if (w->pins[i].id == id)
			return &w->pins[i];
	return NULL;
}

static inline bool w_is_inside(const struct world *w, const struct rf_addr *a)
{
	for (uint16_t i = 0; i < w->topo.n_inside; i++)
		if (prefix_has(&w->topo.inside[i].prefix, a))
			return true;
	return false;
}

static inline void w_log_pin(struct world *w, const char *verb, const struct pinhole_spec *s)
{
	char a[EP_TEXT_MAX], b[EP_TEXT_MAX];

	w_logf(w, "%s %u %s=%s %x/%x", verb, s->id, ep_text(&s->inside, a), ep_text(&s->outside, b),
	       s->classes_in, s->classes_out);
	for (int i = 0; i < s->n_remotes; i++)
		w_logf(w, " %s/%u:%u", addr_text(&s->remotes[i].addr, a), s->remotes[i].prefix_len,
		       ntohs(s->remotes[i].port));
	w_logf(w, " until %llu idle %u\n", (unsigned long long)s->deadline_ns, s->idle_s);
}

static inline void w_set(struct world *w, const struct pinhole_spec *s)
{
	struct pinhole_spec *p;
	const struct topology_wan *wan = &w->topo.wans[0];

	W_CHECK(s->id && s->call_id && s->wan_ifindex == W_WAN && (s->n_remotes || s->ice));
	/* another one at the same endpoints is gone: its keys are taken over */
	for (size_t i = 0; i < w->n_pins; i++)
		if (w->pins[i].id != s->id && ep_eq(&w->pins[i].inside, &s->inside) &&
		    ep_eq(&w->pins[i].outside, &s->outside)) {
			w->pins[i] = w->pins[--w->n_pins];
			break;
		}
	p = w_pin(w, s->id);
	W_CHECK(s->inside.port && s->outside.port);
	W_CHECK(w_is_inside(w, &s->inside.addr) || topology_is_local(&w->topo, &s->inside.addr));
	if (!ep_eq(&s->inside, &s->outside)) { /* translated: one of our own ports */
		W_CHECK(addr_eq(&s->outside.addr, topology_wire(wan, &s->inside.addr)));
		W_CHECK(ntohs(s->outside.port) >= wan->port_lo &&
			ntohs(s->outside.port) <= wan->port_hi);
	}
	for (int i = 0; i < s->n_remotes; i++) {
		const struct rf_remote *r = &s->remotes[i];

		W_CHECK(!addr_is_any(&r->addr) && !addr_is_multicast(&r->addr) &&
			!addr_is_loopback(&r->addr));
		W_CHECK(s->learn || (r->prefix_len == 128 && r->port));
	}
	W_CHECK(s->learn == (s->learn_until_ns != 0));
	if (p) {
		W_CHECK(ep_eq(&p->inside, &s->inside) && ep_eq(&p->outside, &s->outside));
	} else {
		W_CHECK(w->n_pins < W_PINS);
		p = &w->pins[w->n_pins++];
	}
	*p = *s;
	w->set_call = s->call_id;
	w->n_set++;
	w_log_pin(w, "set", s);
}

static inline void w_close(struct world *w, const struct pinhole_spec *s, bool tick)
{
	struct pinhole_spec *p = w_pin(w, s->id);

	bool last = true;

	if (!p)
		return; /* was taken over, or never let in */
	W_CHECK(ep_eq(&p->inside, &s->inside) && ep_eq(&p->outside, &s->outside));
	w_log_pin(w, "close", s);
	*p = w->pins[--w->n_pins];
	for (size_t i = 0; i < w->n_pins; i++)
		last = last && !ep_eq(&w->pins[i].inside, &s->inside);
	/* closes first, but where another takes over; a late tick does several steps */
	W_CHECK(!last || tick || !w->n_set || w->set_call != s->call_id);
	w->n_close++;
}

static inline struct signal_spec *w_signal(struct world *w, const struct rf_ep *ep, bool outside)
{
	for (size_t i = 0; i < w->n_signals; i++)
		if (ep_eq(outside ? &w->signals[i].outside : &w->signals[i].inside, ep))
			return &w->signals[i];
	return NULL;
}

static inline void w_signal_set(struct world *w, const struct signal_spec *s)
{
	struct signal_spec *p = w_signal(w, &s->inside, false);

	W_CHECK(!w_signal(w, &s->outside, true) || w_signal(w, &s->outside, true) == p);
	if (!p) {
		W_CHECK(w->n_signals < W_SIGNALS);
		p = &w->signals[w->n_signals++];
	}
	*p = *s;
}

static inline void w_signal_close(struct world *w, const struct signal_spec *s)
{
	struct signal_spec *p = w_signal(w, &s->inside, false);

	W_CHECK(p && p->id == s->id);
	*p = w->signals[--w->n_signals];
}

/* Absent bytes: forget. */
static inline void w_record(struct world *w, enum record_kind kind, uint32_t id, struct view bytes)
{
	size_t i = 0;
	char *copy;

	while (i < w->n_records && (w->records[i].kind != kind || w->records[i].id != id))
		i++;
	if (i < w->n_records)
		free((void *)w->records[i].bytes.p);
	if (!bytes.p) {
		if (i < w->n_records) {
			memmove(&w->records[i], &w->records[i + 1],
				(w->n_records - i - 1) * sizeof(w->records[0]));
			w->n_records--;
		}
		return;
	}
	W_CHECK(i < W_RECORDS);
	if (i == w->n_records)
		w->n_records++;
	copy = malloc(bytes.n ? bytes.n : 1);
	memcpy(copy, bytes.p, bytes.n);
	w->records[i] = (struct world_record){ kind, id, { copy, bytes.n } };
}

static inline bool w_shows(const struct world *w, const struct rf_addr *a)
{
	return w->mode == RF_MODE_NAT && topology_mode(&w->topo, a) == RF_MODE_NAT;
}

/* Any bytes: where the sender's own address would certainly be taken as one. */
static inline void w_no_certain_leak(const struct world *w)
{
	static struct sip_msg m;
	static struct sdp sdp;
	struct view body;

	if (sip_parse(w->sent, w->n_sent, &m, NULL) != SIP_OK)
		return;
	if (m.is_request && m.via->sent_by.is_addr && w_shows(w, &m.via->sent_by.addr))
		W_FAIL("inside address in Via: %s", w->sent);
	body = sip_sdp_body(&m);
	if (!body.p || sdp_parse(body, &sdp, NULL))
		return;
	if ((sdp.has_o && sdp.o.is_addr && w_shows(w, &sdp.o.addr)) ||
	    (sdp.has_c && sdp.c.is_addr && w_shows(w, &sdp.c.addr)))
		W_FAIL("inside address in o= or c=: %s", w->sent);
	for (uint16_t i = 0; i < sdp.n_media; i++) {
		const struct sdp_media *md = &sdp.media[i];

		if ((md->has_c && md->c.is_addr && w_shows(w, &md->c.addr)) ||
		    (md->has_rtcp && md->rtcp_has_addr && md->rtcp.is_addr &&
		     w_shows(w, &md->rtcp.addr)))
			W_FAIL("inside address in m-line %u: %s", i, w->sent);
	}
	for (uint16_t i = 0; i < sdp.n_alternatives; i++)
		if (sdp.alternatives[i].is_addr && w_shows(w, &sdp.alternatives[i].ep.addr))
			W_FAIL("inside address in an alternative: %s", w->sent);
	for (uint16_t i = 0; i < sdp.n_candidates; i++)
		if (sdp.candidates[i].is_addr && w_shows(w, &sdp.candidates[i].ep.addr))
			W_FAIL("inside address in a candidate: %s", w->sent);
}

/* Nothing of the inside may show in what leaves. */
static inline void w_no_leak(const struct world *w)
{
	if (w->lax) {
		w_no_certain_leak(w);
		return;
	}
	if (w->mode == RF_MODE_NAT && (strstr(w->sent, "192.168.") || strstr(w->sent, "fd00:")))
		W_FAIL("an inside address leaves:\n%s", w->sent);
}

static inline void w_sent(struct world *w, const struct action *a, const struct signal_in *in)
{
	const struct signal_spec *s;

	W_CHECK(in); /* nothing is ever sent of our own accord */
	W_CHECK(!w->n_send && a == &w->out.v[w->out.n - 1]); /* once, and after everything else */
	w->n_send++;
	W_CHECK(a->send.payload.n < sizeof(w->sent));
	memcpy(w->sent, a->send.payload.p, a->send.payload.n);
	w->n_sent = a->send.payload.n;
	w->sent[w->n_sent] = 0;
	w->sent_src = a->send.src;
	w->sent_dst = a->send.dst;
	if (in->hook == RF_HOOK_WAN_IN) {
		s = w_signal(w, &in->dst, true);
		W_CHECK(s && ep_eq(&a->send.dst, &s->inside) && ep_eq(&a->send.src, &in->src));
		W_CHECK(a->send.to == SEND_TO_INSIDE || a->send.to == SEND_TO_LOCAL);
	} else {
		s = w_signal(w, &in->src, false);
		W_CHECK(s && ep_eq(&a->send.src, &s->outside) && ep_eq(&a->send.dst, &in->dst));
		W_CHECK(a->send.to == SEND_TO_WAN && a->send.wan_ifindex == W_WAN);
		w_no_leak(w);
	}
	w_logf(w, "send %zu bytes\n%s\n", w->n_sent, w->sent);
}

/* What the doers would do with the list; in: the datagram that it comes from, or NULL. */
static inline void w_carry_out(struct world *w, const struct signal_in *in)
{
	W_CHECK(!w->out.failed);
	w->n_set = w->n_close = w->n_event = w->n_save = w->n_forget = w->n_send = w->n_drop = 0;
	w->dropped = RF_R_NONE;
	w->events[0] = w->sent[0] = w->log[0] = 0;
	w->n_log = w->n_sent = 0;
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];
		size_t at = strlen(w->events);

		switch (a->kind) {
		case ACT_PINHOLE_SET: w_set(w, &a->pinhole); break;
		case ACT_PINHOLE_CLOSE: w_close(w, &a->pinhole, !in); break;
		case ACT_SIGNAL_SET: w_signal_set(w, &a->signal); break;
		case ACT_SIGNAL_CLOSE: w_signal_close(w, &a->signal); break;
		case ACT_SEND: w_sent(w, a, in); break;
		case ACT_DROP:
			W_CHECK(in && !w->n_drop);
			w->n_drop++;
			w->dropped = a->drop.reason;
			w_logf(w, "drop %d\n", a->drop.reason);
			break;
		case ACT_EVENT:
			w->n_event++;
			snprintf(w->events + at, sizeof(w->events) - at, "%s\n", a->event.text);
			w_logf(w, "event %s\n", a->event.text);
			break;
		case ACT_COUNT: break;
		case ACT_SAVE:
			w->n_save += a->record.kind == RECORD_CALL;
			w_record(w, a->record.kind, a->record.id, a->record.bytes);
			break;
		case ACT_FORGET:
			w->n_forget += a->record.kind == RECORD_CALL;
			w_record(w, a->record.kind, a->record.id, VIEW_NONE);
			break;
		}
	}
	if (in) /* passes or not, and says so */
		W_CHECK(w->n_send + w->n_drop == 1 || w->dropped == RF_R_SIP_UNPARSED_PASSED);
	actions_reset(&w->out);
}

/* Marks, or unmarks, the pairs of public ports that a call has leased: none twice, but by calls of one
 * host for one endpoint. Returns how many are new. */
static inline size_t w_lease(const struct world *w, const struct call *c, const struct lease *q,
			     bool mark)
{
	static struct {
		const struct call *c;
		const struct lease *q;
	} taken[2][32768];
	const struct topology_wan *wan = &w->topo.wans[0];
	typeof(taken[0][0]) *by = &taken[addr_is_v4(&q->wire)][q->base / 2];

	W_CHECK(!(q->base & 1) && q->base >= wan->port_lo &&
		q->base + 2 * q->pairs - 1 <= wan->port_hi);
	if (mark && by->q) {
		W_CHECK(addr_eq(&by->c->inside.addr, &c->inside.addr) &&
			ep_eq(&by->q->inside, &q->inside) && by->q->base == q->base &&
			by->q->pairs == q->pairs && by->q->single == q->single);
		return 0;
	}
	for (unsigned int k = 0; k < q->pairs; k++) {
		W_CHECK(!mark || !by[k].q);
		by[k].q = mark ? q : NULL;
		by[k].c = c;
		W_CHECK(ports_is_taken(w->e->calls->ports, W_WAN, &q->wire,
				       (uint16_t)(q->base + 2 * k)));
	}
	return q->pairs;
}

/* What is taken of the public ports is what the calls have leased. Each pinhole that translates has a
 * port of its own call's. */
static inline void w_ports(const struct world *w)
{
	const struct call *c;
	size_t n = 0, i;

	for (c = w->e->calls->by_key; c; c = c->hh.next) {
		for (i = 0; i < c->leases.n; i++)
			n += w_lease(w, c, &c->leases.v[i], true);
		for (i = 0; i < c->n_pins; i++) {
			const struct pinhole_spec *p = &c->pins[i];
			struct rf_ep behind;

			W_CHECK(ep_eq(&p->inside, &p->outside) ||
				(leases_inside(&c->leases, W_WAN, &p->outside, &behind) &&
				 ep_eq(&behind, &p->inside)));
		}
	}
	W_CHECK(n == ports_taken(w->e->calls->ports));
	for (c = w->e->calls->by_key; c; c = c->hh.next)
		for (i = 0; i < c->leases.n; i++)
			w_lease(w, c, &c->leases.v[i], false);
}

/* Every pinhole belongs to a call that lives, and is what the call believes to have. */
static inline void w_consistent(struct world *w)
{
	size_t n = 0;

	for (const struct call *c = w->e->calls->by_key; c; c = c->hh.next) {
		W_CHECK(!c->n_pins || call_live(c));
		for (size_t i = 0; i < c->n_pins; i++) {
			const struct pinhole_spec *s = &c->pins[i],
						  *by = place_serves(w->e->calls, c, s),
						  *p = by ? w_pin(w, by->id) : NULL;

			W_CHECK(!by || p);
			n += by == s;
			if (by == s && !place_next(w->e->calls, &s->inside,
						   place_next(w->e->calls, &s->inside, NULL)))
				W_CHECK(!memcmp(p, s, sizeof(*p)) && p->call_id == c->id);
		}
	}
	W_CHECK(n == w->n_pins);
	for (size_t i = 0; i < w->n_pins; i++) {
		const struct pinhole_spec *p = &w->pins[i];

		for (size_t k = 0; k < i; k++)
			W_CHECK(!ep_eq(&p->inside, &w->pins[k].inside) &&
				!ep_eq(&p->outside, &w->pins[k].outside));
		W_CHECK(p->deadline_ns > w->now);
	}
	w_ports(w);
}

/* A message, or what is due. */
static inline void w_decide(struct world *w, const struct signal_in *in)
{
	if (in)
		engine_message(w->e, in, &w->out);
	else
		engine_tick(w->e, w->now, &w->out);
}

/* Of test_memory.c: the same without memory first. */
static void (*world_decide)(struct world *w, const struct signal_in *in) = w_decide;

static inline void w_feed(struct world *w, bool inside, const struct rf_ep *src,
			  const struct rf_ep *dst, const char *p, size_t n)
{
	struct signal_in in = { .now_ns = w->now,
				.hook = inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN,
				.wan_ifindex = W_WAN,
				.src = *src,
				.dst = *dst };
	char *copy = malloc(n ? n : 1); /* exactly its size, so that reading beyond is seen */

	memcpy(copy, p, n);
	in.payload = (struct view){ copy, n };
	world_decide(w, &in);
	w_carry_out(w, &in);
	w_consistent(w);
	free(copy);
}

static inline void w_tick(struct world *w)
{
	world_decide(w, NULL);
	w_carry_out(w, NULL);
	w_consistent(w);
}

static inline void w_wait(struct world *w, unsigned int seconds, unsigned int step)
{
	while (seconds) {
		unsigned int s = seconds < step ? seconds : step;

		w->now += s * SECONDS;
		seconds -= s;
		w_tick(w);
	}
}

static inline int w_record_cmp(const void *a, const void *b)
{
	const struct world_record *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind
	       : x->id < y->id	  ? -1
				  : x->id > y->id;
}

/* The controller dies and comes back: what the journal holds is all there is. What is open must be
 * what is asked for again. */
static inline void w_restart(struct world *w)
{
	uint32_t next = w->e->next_pinhole; /* as the kernel's map would tell */
	struct pinhole_spec had[W_PINS];
	size_t n_had = w->n_pins;
	bool seen[W_PINS] = { false };

	memcpy(had, w->pins, n_had * sizeof(had[0]));
	qsort(w->records, w->n_records, sizeof(w->records[0]), w_record_cmp);
	engine_free(w->e);
	w->e = engine_new(&w->config, &w->topo, w->now, next);
	W_CHECK(w->e);
	for (size_t i = 0; i < w->n_records; i++)
		if (engine_restore(w->e, w->records[i].kind, w->records[i].id, w->records[i].bytes,
				   w->now))
			W_FAIL("record %d %u is not restored", w->records[i].kind,
			       w->records[i].id);
	engine_restored(w->e, w->now, &w->out);
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];

		for (size_t k = 0; a->kind == ACT_PINHOLE_SET && k < n_had; k++)
			if (had[k].id == a->pinhole.id &&
			    !memcmp(&had[k], &a->pinhole, sizeof(had[k])))
				seen[k] = true;
	}
	w_carry_out(w, NULL);
	for (size_t k = 0; k < n_had; k++)
		W_CHECK(seen[k] || !w_pin(w, had[k].id)); /* closed if it timed out just now */
	W_CHECK(w->n_pins <= n_had);
	w_consistent(w);
}

static inline struct world *w_new(bool v6, enum rf_mode mode)
{
	struct world *w = calloc(1, sizeof(*w));
	struct topology_wan *wan = &w->topo.wans[0];

	w->v6 = v6;
	w->mode = mode;
	config_defaults(&w->config);
	w->config.n_inside = 0;
	w_inside(w, "192.168.0.0/16");
	w_inside(w, "10.0.0.0/8");
	w_inside(w, "fd00::/8");
	w_inside(w, "203.0.113.64/26");
	w_inside(w, "2001:db8:5::/48");
	w_peer(w, "provider", "198.51.100.0/24");
	w_peer(w, "provider6", "2001:db8:2::/48");
	w->topo.n_wans = 1;
	wan->ifindex = W_WAN;
	strcpy(wan->name, "wan0");
	wan->has4 = wan->has6 = true;
	wan->wire4 = wan->public4 = w_addr("203.0.113.1");
	wan->wire6 = wan->public6 = w_addr("2001:db8:1::1");
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	w->topo.n_inside = w->config.n_inside;
	memcpy(w->topo.inside, w->config.inside, sizeof(w->topo.inside));
	w->topo.locals[w->topo.n_locals++] = w_addr("192.168.1.1");
	w->now = 1000 * SECONDS;
	w->e = engine_new(&w->config, &w->topo, w->now, 1);
	W_CHECK(w->e);
	engine_restored(w->e, w->now, &w->out);
	w_carry_out(w, NULL);
	return w;
}

static inline void w_free(struct world *w)
{
	engine_free(w->e);
	actions_free(&w->out);
	for (size_t i = 0; i < w->n_records; i++)
		free((void *)w->records[i].bytes.p);
	free(w);
}

/* Everything ends by itself, and nothing stays behind: no pinhole, port, call or record. */
static inline void w_over(struct world *w)
{
	w_wait(w, w->config.call_max_s + 200, 120);
	for (int i = 0; i < 8 && (w->n_records || w->n_signals); i++)
		w_wait(w, w->config.call_max_s, 600);
	W_CHECK(!w->n_pins);
	W_CHECK(!call_count(w->e->calls));
	W_CHECK(!ports_taken(w->e->calls->ports));
	W_CHECK(!binding_count(w->e->bindings) && !w->n_signals);
	W_CHECK(!alias_count(w->e->aliases));
	W_CHECK(!registration_count(w->e->registrations));
	W_CHECK(!policy_count(w->e->policy));
	W_CHECK(!open_table_count(w->e->open) && !subscription_count(w->e->subscriptions));
	W_CHECK(!w->n_records);
}

#endif
