// SPDX-License-Identifier: GPL-2.0-only
/*
 * Those who want all of it: INVITEs of one stranger, of many forged addresses, in a peer's name, and one inside host that
 * takes ports. Beside each, a hundred honest calls are set up, run and end, and none is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine.h"

#define S	 1000000000ull
#define WAN	 2
#define MAX	 1600
#define HONEST	 100
#define PBX	 "10.0.0.2:5060"
#define GREEDY	 "10.0.9.9:5060"
#define PUBLIC	 "203.0.113.1:5060"
#define PROVIDER "198.51.100.7:5060"

struct world {
	struct config config;
	struct topology topo;
	struct engine *engine;
	struct action_list out;
	uint64_t now;
	bool send; /* what the last message came to */
	enum rf_reason reason;
	struct rf_ep src, dst;
	char text[8192];
	unsigned int n_set, n_close, n_gave_way, n_ended;
	struct { /* honest calls, as they are under way */
		unsigned int id;
		char invite[2048]; /* as it arrived */
		struct rf_ep src, dst; /* and where */
		unsigned int step;
	} calls[HONEST];
	struct show_share show;
};

static struct rf_ep ep(const char *text)
{
	struct rf_ep e = { 0 };

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct topology_wan *wan = &w->topo.wans[0];

	config_defaults(&w->config);
	w->config.max_calls = MAX;
	w->config.has_inbound = true;
	w->config.inbound = ep(PBX);
	w->topo.n_wans = 1;
	wan->ifindex = WAN;
	wan->has4 = true;
	wan->wire4 = wan->public4 = ep(PUBLIC).addr;
	wan->port_lo = 10000;
	wan->port_hi = 29999;
	w->topo.n_inside = w->config.n_inside;
	memcpy(w->topo.inside, w->config.inside, sizeof(w->topo.inside));
	w->now = 100 * S;
	*state = w;
	return 0;
}

static void begin(struct world *w)
{
	w->engine = engine_new(&w->config, &w->topo, w->now, 1);
	assert_non_null(w->engine);
	engine_restored(w->engine, w->now, &w->out);
}

static int teardown(void **state)
{
	struct world *w = *state;

	engine_free(w->engine);
	actions_free(&w->out);
	free(w);
	return 0;
}

static void took(struct world *w)
{
	w->send = false;
	w->reason = RF_R_NONE;
	w->n_set = w->n_close = w->n_ended = 0;
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];

		w->n_set += a->kind == ACT_PINHOLE_SET;
		w->n_close += a->kind == ACT_PINHOLE_CLOSE;
		w->n_ended += a->kind == ACT_EVENT && a->event.kind == EVENT_CALL_ENDED;
		w->n_gave_way += a->kind == ACT_COUNT && a->drop.reason == RF_R_SIP_GAVE_WAY;
		if (a->kind == ACT_DROP)
			w->reason = a->drop.reason;
		if (a->kind != ACT_SEND)
			continue;
		w->send = true;
		w->src = a->send.src;
		w->dst = a->send.dst;
		snprintf(w->text, sizeof(w->text), VIEW_FMT, VIEW_ARG(a->send.payload));
	}
}

static void feed(struct world *w, bool from_inside, struct rf_ep src, struct rf_ep dst,
		 const char *text)
{
	struct signal_in in = { .now_ns = w->now,
				.hook = from_inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN,
				.wan_ifindex = WAN,
				.src = src,
				.dst = dst,
				.payload = view_of(text) };

	actions_reset(&w->out);
	engine_message(w->engine, &in, &w->out);
	assert_false(w->out.failed);
	took(w);
	w->now += S / 1000;
}

static void tick(struct world *w)
{
	actions_reset(&w->out);
	engine_tick(w->engine, w->now, &w->out);
	took(w);
}

static const char *sdp_of(char *buf, size_t size, const struct rf_ep *host, unsigned int port,
			  unsigned int lines)
{
	char addr[ADDR_TEXT_MAX];
	size_t n;

	addr_text(&host->addr, addr);
	n = (size_t)snprintf(buf, size,
			     "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n", addr,
			     addr);
	for (unsigned int i = 0; i < lines; i++)
		n += (size_t)snprintf(buf + n, size - n, "m=audio %u RTP/AVP 0\r\n", port + 2 * i);
	assert_true(n < size);
	return buf;
}

static void invite(struct world *w, bool from_inside, struct rf_ep src, struct rf_ep dst,
		   unsigned int id, unsigned int lines)
{
	char text[4096], sdp[2048], at[EP_TEXT_MAX];

	ep_text(&src, at);
	sdp_of(sdp, sizeof(sdp), &src, 10000 + 2 * (id * lines % 20000), lines);
	assert_true((size_t)snprintf(
			    text, sizeof(text),
			    "INVITE sip:bob@example.com SIP/2.0\r\n"
			    "Via: SIP/2.0/UDP %s;branch=z9hG4bK%u\r\nMax-Forwards: 70\r\n"
			    "From: <sip:a@example.com>;tag=f%u\r\nTo: <sip:bob@example.com>\r\n"
			    "Call-ID: call-%u\r\nCSeq: 1 INVITE\r\nContact: <sip:a@%s>\r\n"
			    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
			    at, id, id, id, at, strlen(sdp), sdp) < sizeof(text));
	feed(w, from_inside, src, dst, text);
}

/* What the other side says to an INVITE or BYE as it got it. */
static void line_of(char *buf, size_t size, const char *text, const char *name)
{
	const char *at = strstr(text, name);

	assert_non_null(at);
	snprintf(buf, size, "%.*s", (int)(strcspn(at, "\r")), at);
}

static void answer(struct world *w, size_t k, const char *status, bool sdp)
{
	bool from_inside = k % 2; /* odd ones come in, so the answer goes out */
	char via[256], from[256], to[256], id[256], cseq[64], body[1024] = "", text[4096],
							      at[EP_TEXT_MAX];
	const char *got = w->calls[k].invite;

	line_of(via, sizeof(via), got, "Via: ");
	line_of(from, sizeof(from), got, "From: ");
	line_of(to, sizeof(to), got, "To: ");
	line_of(id, sizeof(id), got, "Call-ID: ");
	line_of(cseq, sizeof(cseq), got, "CSeq: ");
	ep_text(&w->calls[k].dst, at);
	if (sdp)
		sdp_of(body, sizeof(body), &w->calls[k].dst, 30000 + 4 * (unsigned int)k, 1);
	snprintf(text, sizeof(text),
		 "SIP/2.0 %s\r\n%s\r\n%s\r\n%s%s\r\n%s\r\n%s\r\nContact: <sip:b@%s>\r\n%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 status, via, from, to, strstr(to, "tag=") ? "" : ";tag=t", id, cseq, at,
		 sdp ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	feed(w, from_inside, w->calls[k].dst, w->calls[k].src, text);
}

/* ACK or BYE by the caller, as he sees the call. */
static void request(struct world *w, size_t k, const char *method, unsigned int cseq)
{
	struct rf_ep src = k % 2 ? ep("198.18.0.1:5060") : ep("10.0.1.1:5060");
	unsigned int id = w->calls[k].id;
	char text[2048], at[EP_TEXT_MAX];

	src.addr.w[3] = htonl(ntohl(src.addr.w[3]) + (uint32_t)k);
	ep_text(&src, at);
	snprintf(
		text, sizeof(text),
		"%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%u\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=f%u\r\nTo: <sip:bob@example.com>;tag=t\r\n"
		"Call-ID: call-%u\r\nCSeq: %u %s\r\nContact: <sip:a@%s>\r\nContent-Length: 0\r\n\r\n",
		method, at, method, id, id, id, cseq, method, at);
	feed(w, !(k % 2), src, k % 2 ? ep(PUBLIC) : ep(PROVIDER), text);
}

/* The next message of honest call k: INVITE, 180, 200, ACK, a while of talking, BYE, and again. */
static void go_on(struct world *w, size_t k)
{
	struct rf_ep src = k % 2 ? ep("198.18.0.1:5060") : ep("10.0.1.1:5060");

	src.addr.w[3] = htonl(ntohl(src.addr.w[3]) + (uint32_t)k);
	switch (w->calls[k].step++) {
	case 0:
		w->calls[k].id = 1000000 + (unsigned int)(w->now / 1000 % 1000000000);
		invite(w, !(k % 2), src, k % 2 ? ep(PUBLIC) : ep(PROVIDER), w->calls[k].id, 1);
		w->calls[k].src = w->src;
		w->calls[k].dst = w->dst;
		assert_true(strlen(w->text) < sizeof(w->calls[k].invite));
		strcpy(w->calls[k].invite, w->text);
		break;
	case 1: answer(w, k, "180 Ringing", false); break;
	case 2:
		answer(w, k, "200 OK", true);
		assert_int_equal(w->n_set, 2); /* RTP, RTCP: it is open */
		break;
	case 3: request(w, k, "ACK", 1); break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8: return;
	default:
		request(w, k, "BYE", 2);
		assert_int_equal(w->n_close, 2); /* it was open until here */
		strcpy(w->calls[k].invite, w->text);
		answer(w, k, "200 OK", false);
		w->calls[k].step = 0;
	}
	if (!w->send)
		print_error("honest call %zu, step %u: reason %d\n", k, w->calls[k].step,
			    w->reason);
	assert_true(w->send);
}

static void keep(const struct show_share *s, void *arg)
{
	struct world *w = arg;

	if (!strcmp(s->table, w->show.table))
		w->show = *s;
}

static const struct show_share *share_of(struct world *w, const char *table)
{
	w->show = (struct show_share){ .table = table };
	engine_shares(w->engine, keep, w);
	return &w->show;
}

static void one_stranger(struct world *w, unsigned int n)
{
	invite(w, false, ep("192.0.2.66:5060"), ep(PUBLIC), n, 1);
	assert_true(w->send || w->reason == RF_R_SIP_SHARE);
}

static void many_forged(struct world *w, unsigned int n)
{
	struct rf_ep src = ep("100.64.0.0:5060");

	src.addr.w[3] = htonl(ntohl(src.addr.w[3]) + n);
	invite(w, false, src, ep(PUBLIC), n, 1);
}

static void as_the_provider(struct world *w, unsigned int n)
{
	invite(w, false, ep(PROVIDER), ep(PUBLIC), n, 1);
}

static void all_ports(struct world *w, unsigned int n)
{
	invite(w, true, ep(GREEDY), ep(PROVIDER), n, 32);
	assert_true(w->send);
}

/* One INVITE of the attack after the other, and honest calls in turn beside it. */
static void beside(struct world *w, void (*attack)(struct world *w, unsigned int n), unsigned int n,
		   unsigned int each)
{
	for (size_t k = 0; k < HONEST; k++)
		w->calls[k].step = 0;
	for (unsigned int i = 0, k = 0; i < n; i++) {
		attack(w, i);
		if (i % each)
			continue;
		go_on(w, k);
		k = (k + 1) % HONEST;
		if (!k)
			tick(w);
	}
}

static void flood_of_one(void **state)
{
	struct world *w = *state;

	begin(w);
	beside(w, one_stranger, 20000, 4);
	assert_string_equal(share_of(w, "calls")->kind, "stranger");
	assert_int_equal(w->show.most_held, MAX / 16);
	assert_int_equal(w->show.most.w[3], ep("192.0.2.66:1").addr.w[3]);
	assert_int_equal(w->show.refused, 0);
	assert_true(w->n_gave_way > 10000 && w->show.gave_way == w->n_gave_way);
}

static void flood_of_many(void **state)
{
	struct world *w = *state;

	begin(w);
	/* Strangers who call honestly cannot be told from them: they have as long as 800 more take to come. */
	beside(w, many_forged, 20000, 2);
	assert_int_equal(share_of(w, "calls")->strangers, MAX / 2);
	assert_int_equal(w->show.refused, 0);
	assert_true(w->show.gave_way > 10000);
}

static void flood_as_peer(void **state)
{
	struct world *w = *state;

	/* The provider is a peer, and so are the others who call honestly. */
	w->config.n_peers = 2;
	assert_int_equal(prefix_parse(view_of("198.51.100.7"), &w->config.peers[0].address), 0);
	assert_int_equal(prefix_parse(view_of("198.18.0.0/16"), &w->config.peers[1].address), 0);
	begin(w);
	beside(w, as_the_provider, 20000, 4);
	assert_string_equal(share_of(w, "calls")->kind, "peer");
	assert_int_equal(w->show.held, MAX); /* its to use, as long as nobody else wants it */
	assert_int_equal(w->show.refused, 0);
}

static void flood_of_ports(void **state)
{
	struct world *w = *state;

	w->config.max_calls = 100000;
	begin(w);
	for (unsigned int i = 0; i < 360; i++)
		all_ports(w, i);
	assert_in_range(share_of(w, "media_ports")->held, 9900, 10000);
	assert_int_equal(w->show.max, 10000);
	beside(w, all_ports, 4000, 1);
	assert_int_equal(share_of(w, "media_ports")->refused, 0);
	assert_string_equal(w->show.kind, "inside");
	assert_int_equal(w->show.most.w[3], ep(GREEDY).addr.w[3]);
}

/* Four who want all of them have a quarter each in the end. */
static void quarter_of_ports(void **state)
{
	struct world *w = *state;
	struct rf_ep src = ep(GREEDY);

	w->config.max_calls = 100000;
	begin(w);
	for (unsigned int i = 0; i < 360; i++)
		all_ports(w, i);
	for (unsigned int i = 0; i < 1200; i++) {
		src.addr.w[3] = htonl(ntohl(ep(GREEDY).addr.w[3]) + i % 4);
		invite(w, true, src, ep(PROVIDER), 10000 + i, 32);
		assert_true(w->send);
	}
	assert_in_range(share_of(w, "media_ports")->most_held, 2400, 2500 + 32);
}

/* A stranger's calls that somebody answers have no more than that either; a peer's have. */
static void answered_ones(void **state)
{
	for (int peer = 0; peer < 2; peer++) {
		struct world *w = *state;
		unsigned int passed = 0;

		w->config.n_peers = 0;
		if (peer) {
			w->config.n_peers = 1;
			prefix_parse(view_of("198.51.100.0/24"), &w->config.peers[0].address);
		}
		begin(w);
		for (unsigned int i = 0; i < 400; i++) {
			w->calls[1].id = i;
			invite(w, false, ep("198.51.100.66:5060"), ep(PUBLIC), i, 1);
			if (!w->send) {
				assert_int_equal(w->reason, RF_R_SIP_SHARE);
				continue;
			}
			w->calls[1].src = w->src;
			w->calls[1].dst = w->dst;
			strcpy(w->calls[1].invite, w->text);
			answer(w, 1, "200 OK", true);
			assert_true(w->send);
			passed++;
		}
		assert_int_equal(passed, peer ? 400 : MAX / 16);
		assert_int_equal(share_of(w, "calls")->gave_way, 0);
		if (!peer)
			engine_free(w->engine);
	}
}

/* Full of calls that give way: one more costs no look at all of them. */
static void costs_little(void **state)
{
	struct world *w = *state;
	struct timespec a, b;
	uint64_t ns[2];

	w->config.max_calls = 200000;
	begin(w);
	for (unsigned int round = 0, i = 0; round < 2; round++) {
		for (; round && i < 120000; i++)
			many_forged(w, i);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
		for (unsigned int n = 0; n < 5000; n++)
			many_forged(w, i++);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
		ns[round] = ((uint64_t)(b.tv_sec - a.tv_sec) * S + (uint64_t)b.tv_nsec -
			     (uint64_t)a.tv_nsec) /
			    5000;
	}
	print_message("ns per INVITE: %llu while empty, %llu at a full share\n",
		      (unsigned long long)ns[0], (unsigned long long)ns[1]);
	assert_true(w->n_gave_way >= 20000);
	assert_true(ns[1] <
		    20 * ns[0]); /* a look at 100,000 calls would be a hundred times as much */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flood_of_one, setup, teardown),
		cmocka_unit_test_setup_teardown(flood_of_many, setup, teardown),
		cmocka_unit_test_setup_teardown(flood_as_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(flood_of_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(quarter_of_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(answered_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(costs_little, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
