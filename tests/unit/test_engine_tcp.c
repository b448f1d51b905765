// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine and connections: who may open one, whom it speaks for, and that what comes by it leaves by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

#define S	 1000000000ull
#define PHONE	 "10.0.0.5:5060"
#define CLIENT	 "10.0.0.5:43210" /* the port of its connection */
#define PROVIDER "198.51.100.7:5060"
#define PUBLIC	 "203.0.113.1:5060"

static struct world {
	struct config config;
	struct topology topo;
	struct engine *engine;
	struct action_list out;
	uint64_t now;
} w;

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static int setup(void **state)
{
	struct topology_wan *wan = &w.topo.wans[0];

	memset(&w, 0, sizeof(w));
	config_defaults(&w.config);
	w.topo.n_wans = 1;
	wan->ifindex = 2;
	wan->has4 = true;
	wan->wire4 = wan->public4 = ep(PUBLIC).addr;
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	w.topo.n_inside = w.config.n_inside;
	memcpy(w.topo.inside, w.config.inside, sizeof(w.topo.inside));
	w.now = 100 * S;
	w.engine = engine_new(&w.config, &w.topo, w.now, 1);
	assert_non_null(w.engine);
	engine_restored(w.engine, w.now, &w.out);
	return 0;
}

static int teardown(void **state)
{
	engine_free(w.engine);
	actions_free(&w.out);
	return 0;
}

static struct signal_in signal_of(bool from_inside, const char *src, const char *dst)
{
	return (struct signal_in){ .now_ns = w.now,
				   .hook = from_inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN,
				   .wan_ifindex = 2,
				   .src = ep(src),
				   .dst = ep(dst) };
}

static enum rf_reason opens(bool from_inside, const char *src, const char *dst,
			    struct rf_ep *inside)
{
	struct signal_in in = signal_of(from_inside, src, dst);
	struct rf_ep outside;

	actions_reset(&w.out);
	return engine_connection(w.engine, &in, &w.out, inside, &outside);
}

static void feed(bool from_inside, const char *src, const char *dst, const char *text)
{
	struct signal_in in = signal_of(from_inside, src, dst);

	in.conn = 7;
	in.payload = view_of(text);
	actions_reset(&w.out);
	engine_message(w.engine, &in, &w.out);
}

static const struct action *find(enum action_kind kind)
{
	for (size_t i = 0; i < w.out.n; i++)
		if (w.out.v[i].kind == kind)
			return &w.out.v[i];
	return NULL;
}

#define REGISTER(via, contact)                                           \
	"REGISTER sip:198.51.100.7 SIP/2.0\r\nVia: SIP/2.0/TCP " via     \
	";branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:a@x>\r\n" \
	"Call-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@" contact     \
	";transport=tcp>\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n"

static void registered(const char *via_is, const char *text, const char *contact)
{
	const char *id = "203.0.113.1";
	char buf[1024];

	feed(true, via_is, PROVIDER, text);
	assert_non_null(find(ACT_SEND));
	snprintf(
		buf, sizeof(buf),
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP %s:5060;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
		"To: <sip:a@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
		"Contact: <sip:a@%s;transport=tcp>;expires=300\r\nContent-Length: 0\r\n\r\n",
		id, contact);
	feed(false, PROVIDER, PUBLIC, buf);
	assert_non_null(find(ACT_SEND));
}

static void test_speaker(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ REGISTER("10.0.0.5:5060", "10.0.0.5:5070"), PHONE },
		{ REGISTER("10.0.0.5", "10.0.0.5:5070"), PHONE },
		{ REGISTER("phone.example", "10.0.0.5:5070"), "10.0.0.5:5070" },
		{ REGISTER("10.0.0.6:5060", "10.0.0.6"), CLIENT }, /* somebody else */
		{ REGISTER("phone.example", "phone.example"), CLIENT },
		{ "INVITE nonsense", CLIENT },
		{ "", CLIENT },
	};
	struct rf_ep src = ep(CLIENT), got;
	char text[EP_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = engine_speaker(w.engine, &src, view_of(cases[i].text));
		assert_string_equal(ep_text(&got, text), cases[i].wanted);
	}
}

static void test_who_may(void **state)
{
	struct rf_ep inside, phone = ep(PHONE);

	assert_int_equal(opens(true, CLIENT, PROVIDER, &inside), RF_R_NONE);
	assert_int_equal(opens(true, "192.0.2.1:1", PROVIDER, &inside), RF_R_SIP_NO_INSIDE);
	assert_int_equal(opens(false, "198.51.100.7:40000", PUBLIC, &inside), RF_R_SIP_NO_INSIDE);
	registered(PHONE, REGISTER("10.0.0.5", "10.0.0.5"), PUBLIC);
	w.now += 200 * S; /* no answer is expected any more */
	assert_int_equal(opens(false, "198.51.100.7:40000", PUBLIC, &inside), RF_R_NONE);
	assert_true(ep_eq(&inside, &phone));
	assert_int_equal(opens(false, "192.0.2.66:40000", PUBLIC, &inside), RF_R_SIP_UNKNOWN_PEER);
	assert_int_equal(opens(false, "198.51.100.7:40000", "203.0.113.1:5062", &inside),
			 RF_R_SIP_NO_INSIDE);
}

/* A peer's port narrows datagrams; connections come from any. */
static void test_peer_with_port(void **state)
{
	struct rf_ep inside;

	w.config.n_peers = 1;
	w.config.peers[0].address.addr = ep("192.0.2.9:1").addr;
	w.config.peers[0].address.len = 128;
	w.config.peers[0].port = 5060;
	engine_reconfigure(w.engine, &w.config, w.now, &w.out);
	registered(PHONE, REGISTER("10.0.0.5", "10.0.0.5"), PUBLIC);
	assert_int_equal(opens(false, "192.0.2.9:40000", PUBLIC, &inside), RF_R_NONE);
	assert_int_equal(opens(false, "192.0.2.10:5060", PUBLIC, &inside), RF_R_SIP_UNKNOWN_PEER);
}

static void test_same_connection(void **state)
{
	feed(true, PHONE, PROVIDER, REGISTER("10.0.0.5", "10.0.0.5"));
	assert_int_equal(find(ACT_SEND)->send.conn, 7);
	assert_int_equal(find(ACT_SEND)->send.to, SEND_TO_WAN);
	assert_non_null(memmem(find(ACT_SEND)->send.payload.p, find(ACT_SEND)->send.payload.n,
			       "<sip:a@203.0.113.1;transport=tcp>", 33));
}

/* The contact has another port than Via: a request for it comes by the connection that is there. */
static void test_request_for_the_contact(void **state)
{
	static const char options[] =
		"OPTIONS sip:a@203.0.113.1:5070;transport=tcp SIP/2.0\r\n"
		"Via: SIP/2.0/TCP 198.51.100.7;branch=z9hG4bK2\r\nFrom: <sip:b@x>;tag=1\r\n"
		"To: <sip:a@x>\r\nCall-ID: 2\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
	const struct action *a;

	registered(PHONE, REGISTER("10.0.0.5", "10.0.0.5:5070"), "203.0.113.1:5070");
	feed(false, PROVIDER, PUBLIC, options);
	a = find(ACT_SEND);
	assert_non_null(a);
	assert_int_equal(a->send.to, SEND_TO_INSIDE);
	assert_int_equal(a->send.conn, 7);
	assert_non_null(memmem(a->send.payload.p, a->send.payload.n, "sip:a@10.0.0.5:5070;", 20));
	/* a stranger's would not */
	feed(false, "192.0.2.66:5060", PUBLIC, options);
	assert_null(find(ACT_SEND));
	assert_int_equal(find(ACT_DROP)->drop.reason, RF_R_SIP_UNKNOWN_PEER);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_speaker),
		TEST(test_who_may),
		TEST(test_peer_with_port),
		TEST(test_same_connection),
		TEST(test_request_for_the_contact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
