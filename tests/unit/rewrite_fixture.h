/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small world for the tests of bindings, rewriting, registrations and policy: one WAN, private
 * prefixes inside, and a far side that answers as RFC 3261 8.2.6 wants it.
 */
#ifndef REWRITE_FIXTURE_H
#define REWRITE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alias.h"
#include "binding.h"
#include "edit.h"
#include "policy.h"
#include "registration.h"
#include "rewrite.h"

#define SECOND	1000000000ull
#define WAN	2
#define MSG_MAX 16384

/* Messages are literals: headers that a test varies are the arguments. */
#define REQUEST(via, from, to, call_id, more)     \
	"INVITE sip:bob@198.51.100.7 SIP/2.0\r\n" \
	"Via: " via "\r\n"                        \
	"Max-Forwards: 70\r\n"                    \
	"From: " from "\r\n"                      \
	"To: " to "\r\n"                          \
	"Call-ID: " call_id "\r\n"                \
	"CSeq: 1 INVITE\r\n" more "Content-Length: 0\r\n\r\n"

#define VIA	"SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1"
#define ALICE	"<sip:alice@example.com>;tag=a"
#define BOB	"<sip:bob@example.com>"
#define CALL_ID "1234abcd"

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#define FROM_OUTSIDE(ruri, call_id, from, to, more)                                       \
	"INVITE " ruri " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\r\n"    \
	"Via: SIP/2.0/UDP 10.0.0.6:5060;branch=z9hG4bKy\r\n"                              \
	"From: " from "\r\nTo: " to "\r\nCall-ID: " call_id "\r\nCSeq: 7 INVITE\r\n" more \
	"Content-Length: 0\r\n\r\n"

struct world {
	struct config config;
	struct topology topo;
	uint32_t next_id;
	struct binding_table *bindings;
	struct alias_table *aliases;
	struct registration_table *registrations;
	struct policy_table *policy;
	struct action_list out;
	struct rf_ep remote;
	uint64_t now;
};

static inline struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	memset(&e, 0, sizeof(e));
	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static inline struct rf_addr addr(const char *text)
{
	struct rf_addr a;

	assert_int_equal(addr_parse(view_of(text), &a), 0);
	return a;
}

static inline void world_inside(struct world *w, const char *prefix, enum rf_mode mode)
{
	struct config_inside *c = &w->topo.inside[w->topo.n_inside++];

	assert_int_equal(prefix_parse(view_of(prefix), &c->prefix), 0);
	c->mode = mode;
}

static inline void world_peer(struct world *w, const char *prefix, uint16_t port)
{
	struct config_peer *p = &w->config.peers[w->config.n_peers++];

	assert_int_equal(prefix_parse(view_of(prefix), &p->address), 0);
	p->port = port;
}

static inline void world_init(struct world *w)
{
	struct topology_wan *wan = &w->topo.wans[0];

	memset(w, 0, sizeof(*w));
	w->config.sip_public_lo = 5062;
	w->config.sip_public_hi = 5069;
	w->config.max_bindings = 100;
	w->topo.n_wans = 1;
	wan->ifindex = WAN;
	wan->has4 = wan->has6 = true;
	wan->wire4 = wan->public4 = addr("203.0.113.1");
	wan->wire6 = wan->public6 = addr("2001:db8::1");
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	world_inside(w, "10.0.0.0/8", RF_MODE_AUTO);
	world_inside(w, "192.168.0.0/16", RF_MODE_AUTO);
	world_inside(w, "fd00::/8", RF_MODE_AUTO);
	w->next_id = 1;
	w->now = 1000 * SECOND;
	w->remote = ep("198.51.100.7:5060");
	w->bindings = binding_table_new(&w->config, &w->next_id);
	w->aliases = alias_table_new();
	w->registrations = registration_table_new();
	w->policy = policy_table_new();
	sip_parser_init();
}

static inline void world_free(struct world *w)
{
	binding_table_free(w->bindings);
	alias_table_free(w->aliases);
	registration_table_free(w->registrations);
	policy_table_free(w->policy);
	actions_free(&w->out);
}

static inline struct binding *bound(struct world *w, const char *inside)
{
	struct rf_ep e = ep(inside);
	struct binding *b = NULL;

	assert_int_equal(binding_get(w->bindings, &w->topo, WAN, &e, w->now, &w->out, &b),
			 RF_R_NONE);
	assert_non_null(b);
	return b;
}

static inline size_t count(const struct world *w, enum action_kind kind)
{
	size_t n = 0, i;

	for (i = 0; i < w->out.n; i++)
		n += w->out.v[i].kind == kind;
	return n;
}

static inline struct sip_msg *parse(const char *text)
{
	struct sip_msg *m = malloc(sizeof(*m));
	const char *error = NULL;
	enum sip_parse_result r = sip_parse(text, strlen(text), m, &error);

	if (r != SIP_OK)
		fail_msg("not parsed: %s\n%s", error, text);
	return m;
}

static inline enum rf_reason try_rewrite(struct world *w, const char *inside, const char *text,
					 bool outbound, char *to)
{
	struct edit_list *edits = malloc(sizeof(*edits));
	struct sip_msg *m = parse(text);
	struct rewrite_ctx ctx = {
		.topo = &w->topo,
		.wan = &w->topo.wans[0],
		.config = &w->config,
		.bindings = w->bindings,
		.aliases = w->aliases,
		.binding = bound(w, inside),
		.remote = &w->remote,
		.now_ns = w->now,
		.out = &w->out,
	};
	enum rf_reason reason;
	size_t n = 0;

	edit_init(edits);
	reason = outbound ? rewrite_outbound(&ctx, m, edits) : rewrite_inbound(&ctx, m, edits);
	if (reason != RF_R_NONE) {
		assert_int_equal(edits->n, 0);
		assert_false(edits->overflow);
	}
	assert_int_equal(edit_apply(edits, m, to, MSG_MAX - 1, &n), 0);
	to[n] = 0;
	assert_false(w->out.failed);
	free(edits);
	free(m);
	return reason;
}

static inline const char *outbound(struct world *w, const char *inside, const char *text, char *to)
{
	assert_int_equal(try_rewrite(w, inside, text, true, to), RF_R_NONE);
	return to;
}

static inline const char *inbound(struct world *w, const char *inside, const char *text, char *to)
{
	assert_int_equal(try_rewrite(w, inside, text, false, to), RF_R_NONE);
	return to;
}

/* text with each pair's first member, searched from behind the one before, replaced by the second. */
static inline void swap(const char *text, const char *const *pairs, char *to)
{
	const char *at = text, *hit;

	*to = 0;
	for (; pairs && pairs[0]; pairs += 2) {
		hit = strstr(at, pairs[0]);
		if (!hit)
			fail_msg("the test's own text lacks \"%s\"", pairs[0]);
		strncat(to, at, hit - at);
		strcat(to, pairs[1]);
		at = hit + strlen(pairs[0]);
	}
	strcat(to, at);
}

/* The answer of a UAS that got the request from src (8.2.6.2, 18.2.1, RFC 3581). */
static inline void uas_reply(const char *request, const char *status, const char *src,
			     const char *more, char *to)
{
	struct sip_msg *m = parse(request);
	char host[ADDR_TEXT_MAX];
	struct rf_ep from = ep(src);
	uint16_t i;
	size_t n = sprintf(to, "SIP/2.0 %s\r\n", status);

	for (i = 0; i < m->n_headers; i++) {
		const struct sip_header *h = &m->headers[i];

		switch (h->id) {
		case SIP_H_VIA:
			n += sprintf(to + n, VIEW_FMT ": ", VIEW_ARG(h->name));
			if (m->via->has_rport && view_within(m->via->whole, h->value)) {
				const char *rport = strstr(m->via->whole.p, ";rport");

				assert_non_null(rport);
				n += sprintf(to + n, "%.*s;rport=%u;received=%s",
					     (int)(rport - h->value.p), h->value.p,
					     ntohs(from.port), addr_text(&from.addr, host));
				rport += strlen(";rport");
				n += sprintf(to + n, "%.*s\r\n",
					     (int)(h->value.p + h->value.n - rport), rport);
				break;
			}
			n += sprintf(to + n, VIEW_FMT "\r\n", VIEW_ARG(h->value));
			break;
		case SIP_H_TO:
			n += sprintf(to + n, VIEW_FMT ": " VIEW_FMT "%s\r\n", VIEW_ARG(h->name),
				     VIEW_ARG(h->value), m->to->tag.p ? "" : ";tag=uas");
			break;
		case SIP_H_FROM:
		case SIP_H_CALL_ID:
		case SIP_H_CSEQ:
		case SIP_H_RECORD_ROUTE:
			n += sprintf(to + n, VIEW_FMT ": " VIEW_FMT "\r\n", VIEW_ARG(h->name),
				     VIEW_ARG(h->value));
			break;
		default: break;
		}
	}
	sprintf(to + n, "%sContent-Length: 0\r\n\r\n", more ? more : "");
	free(m);
}

#endif
