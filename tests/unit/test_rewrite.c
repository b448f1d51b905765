// SPDX-License-Identifier: GPL-2.0-only
/*
 * Header rewriting: tables of a message and the tokens that must differ; every other byte must not.
 * Then the answer of the far side comes back, and must show the inside host its own tokens.
 */
#include "rewrite_fixture.h"

struct flow {
	const char *name;
	const char *src; /* of the inside host */
	const char *in;
	const char *const *pairs; /* NULL: no edit at all */
	const char *taken; /* an endpoint that has a binding before */
	bool no_reply; /* answers are another test's business */
};

static const struct flow flows[] = {
	{ .name = "own port kept",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA ";rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@10.0.0.5:5060>\r\n"),
	  .pairs = PAIRS("10.0.0.5:5060;branch", "203.0.113.1:5060;branch", "alice@10.0.0.5:5060",
			 "alice@203.0.113.1:5060") },
	{ .name = "no port in Via and Contact",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST("SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@10.0.0.5>\r\n"),
	  .pairs = PAIRS("10.0.0.5;branch", "203.0.113.1;branch", "alice@10.0.0.5",
			 "alice@203.0.113.1") },
	{ .name = "no port, and another one outside",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST("SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1;rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@10.0.0.5;transport=udp>;q=0.5\r\n"),
	  .pairs = PAIRS("10.0.0.5;branch", "203.0.113.1:5062;branch", "alice@10.0.0.5;",
			 "alice@203.0.113.1:5062;"),
	  .taken = "10.0.0.9:5060" },
	{ .name = "second phone on 5060",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA ";rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@10.0.0.5:5060>\r\n"),
	  .pairs = PAIRS("10.0.0.5:5060;branch", "203.0.113.1:5062;branch", "alice@10.0.0.5:5060",
			 "alice@203.0.113.1:5062"),
	  .taken = "10.0.0.9:5060" },
	{ .name = "an ephemeral port is not kept",
	  .src = "10.0.0.5:40000",
	  .in = REQUEST("SIP/2.0/UDP 10.0.0.5:40000;rport;branch=z9hG4bK1", ALICE, BOB, CALL_ID,
			"m: <sip:alice@10.0.0.5:40000>\r\n"),
	  .pairs = PAIRS("10.0.0.5:40000;rport", "203.0.113.1:5062;rport", "10.0.0.5:40000",
			 "203.0.113.1:5062") },
	{ .name = "sent from another port than Via says",
	  .src = "10.0.0.5:5099",
	  .in = REQUEST(VIA ";rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@10.0.0.5:5060>\r\n"),
	  .pairs = PAIRS("10.0.0.5:5060;branch", "203.0.113.1:5060;branch", "10.0.0.5:5060",
			 "203.0.113.1:5060") },
	{ .name = "From and To with inside addresses",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, "\"A\" <sip:alice@10.0.0.5>;tag=a", "<sip:bob@10.0.0.6:5070>", CALL_ID,
			""),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "alice@10.0.0.5", "alice@203.0.113.1",
			 "bob@10.0.0.6", "bob@203.0.113.1") },
	{ .name = "From with the port of a binding",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, "sip:alice@10.0.0.5:5060;tag=a", BOB, CALL_ID, ""),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5062", "10.0.0.5:5060", "203.0.113.1:5062"),
	  .taken = "10.0.0.9:5060" },
	{ .name = "Call-ID with inside address",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, ALICE, BOB, "1-2345@10.0.0.5", ""),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "1-2345@10.0.0.5",
			 "1-2345@203.0.113.1") },
	{ .name = "Call-ID with an address as part of a longer number",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, ALICE, BOB, "110.0.0.5.9@x10.0.0.5-y", ""),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "x10.0.0.5-y", "x203.0.113.1-y") },
	{ .name = "Via stack, Record-Route and Contact behind an inside proxy",
	  .src = "10.0.0.9:5060",
	  .in = REQUEST(
		  "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKp;rport\r\n"
		  "Via: SIP/2.0/UDP 10.0.0.5:5070;received=10.0.0.5;rport=5070;branch=z9hG4bK1",
		  ALICE, BOB, CALL_ID,
		  "Record-Route: <sip:10.0.0.9;lr;ftag=a>\r\n"
		  "Contact: <sip:alice@10.0.0.5:5070>\r\n"),
	  .pairs = PAIRS("10.0.0.9;branch", "203.0.113.1;branch", "10.0.0.5:5070",
			 "203.0.113.1:5070", "received=10.0.0.5", "received=203.0.113.1",
			 "10.0.0.9;lr", "203.0.113.1;lr", "alice@10.0.0.5:5070",
			 "alice@203.0.113.1:5070") },
	{ .name = "inner Via with a name and received=",
	  .src = "10.0.0.9:5060",
	  .in = REQUEST(
		  "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKp;rport\r\n"
		  "v: SIP/2.0/UDP phone.lan:5070;branch=z9hG4bK1;received=192.168.3.4;rport=1027",
		  ALICE, BOB, CALL_ID, ""),
	  .pairs = PAIRS("10.0.0.9;branch", "203.0.113.1;branch", "received=192.168.3.4",
			 "received=203.0.113.1") },
	{ .name = "Vias in one line, white space around the colon",
	  .src = "10.0.0.9:5060",
	  .in = REQUEST(
		  "SIP / 2.0 / UDP 10.0.0.9 : 5060 ;branch=z9hG4bKp , SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK1",
		  ALICE, BOB, CALL_ID, ""),
	  .pairs = PAIRS("10.0.0.9 :", "203.0.113.1 :", "10.0.0.5:5070", "203.0.113.1:5070") },
	{ .name = "identities, in whatever case and order",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, ALICE, BOB, CALL_ID,
			"p-asserted-identity: \"10.0.0.5\" <sip:alice@10.0.0.5>, <tel:+4930>\r\n"
			"P-Preferred-Identity: <sip:10.0.0.5@10.0.0.5>\r\n"
			"REMOTE-PARTY-ID: <sip:alice@10.0.0.5:5060>;party=calling\r\n"
			"Reply-To: <sip:alice@10.0.0.5>\r\n"
			"Diversion: <sip:d@10.0.0.6>;reason=unconditional\r\n"
			"History-Info: <sip:h@10.0.0.6>;index=1\r\n"
			"Call-Info: <sip:c@10.0.0.6>;purpose=info\r\n"
			"b: <sip:alice@10.0.0.5>\r\n"),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "alice@10.0.0.5", "alice@203.0.113.1",
			 "10.0.0.5@10.0.0.5", "10.0.0.5@203.0.113.1", "alice@10.0.0.5",
			 "alice@203.0.113.1", "alice@10.0.0.5", "alice@203.0.113.1", "d@10.0.0.6",
			 "d@203.0.113.1", "h@10.0.0.6", "h@203.0.113.1", "c@10.0.0.6",
			 "c@203.0.113.1", "alice@10.0.0.5", "alice@203.0.113.1") },
	{ .name = "what is not ours stays",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA,
			"\"x <sip:e@10.0.0.5>\" <sip:alice@example.com;x=10.0.0.5>;tag=10.0.0.5",
			"<sip:10.0.0.5@example.com>", CALL_ID,
			"X-Own: 10.0.0.5:5060\r\n"
			"Subject: call 10.0.0.5\r\n folded 10.0.0.5\r\n"
			"User-Agent: Phone (10.0.0.5)\r\n"
			"Authorization: Digest username=\"a\", uri=\"sip:10.0.0.5\"\r\n"
			"Contact  :  <sip:alice@pbx.example.com>  \r\n"),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060") },
	{ .name = "public already",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST("SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK1;rport",
			"<sip:alice@203.0.113.1>;tag=a", BOB, "1@203.0.113.1",
			"Contact: <sip:alice@203.0.113.1:5060>\r\n"),
	  .no_reply = true },
	{ .name = "folded and comma-separated Record-Route",
	  .src = "10.0.0.9:5060",
	  .in = REQUEST("SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKp", ALICE, BOB, CALL_ID,
			"Record-Route: <sip:10.0.0.9:5060;lr>,\r\n\t<sip:10.0.0.8:5080;lr>\r\n"
			"Route: <sip:198.51.100.7;lr> , \"10.0.0.1\" <sip:10.0.0.8:5080;lr>\r\n"),
	  .pairs =
		  PAIRS("10.0.0.9:5060", "203.0.113.1:5060", "10.0.0.9:5060", "203.0.113.1:5060",
			"10.0.0.8:5080", "203.0.113.1:5080", "10.0.0.8:5080", "203.0.113.1:5080") },
	{ .name = "maddr",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@phone.lan:5060;maddr=10.0.0.5>\r\n"),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5062", "phone.lan:5060;maddr=10.0.0.5",
			 "phone.lan:5062;maddr=203.0.113.1"),
	  .taken = "10.0.0.9:5060" },
	{ .name = "a Via that names a stranger",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST("SIP/2.0/UDP 192.0.2.99:5060;branch=z9hG4bK1;rport", ALICE, BOB, CALL_ID,
			""),
	  .taken = "10.0.0.9:5060" },
	{ .name = "maddr in Via",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST("SIP/2.0/UDP 10.0.0.5:5060;maddr=10.0.0.5;branch=z9hG4bK1;rport", ALICE,
			BOB, CALL_ID, ""),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "maddr=10.0.0.5",
			 "maddr=203.0.113.1") },
	{ .name = "Vias without branches",
	  .src = "10.0.0.9:5060",
	  .in = REQUEST("SIP/2.0/UDP 10.0.0.9:5060;rport\r\n"
			"Via: SIP/2.0/UDP phone.lan:5070;received=192.168.3.4",
			ALICE, BOB, CALL_ID, ""),
	  .pairs = PAIRS("10.0.0.9:5060", "203.0.113.1:5060", "192.168.3.4", "203.0.113.1") },
	{ .name = "IPv6",
	  .src = "[fd00::5]:5060",
	  .in = REQUEST("SIP/2.0/UDP [fd00::5]:5060;branch=z9hG4bK1;rport",
			"<sip:alice@[fd00::5]>;tag=a", BOB, "77@[fd00::5]",
			"Contact: <sip:alice@[fd00::5]:5060>\r\n"),
	  .pairs = PAIRS("[fd00::5]:5060", "[2001:db8::1]:5060", "[fd00::5]", "[2001:db8::1]",
			 "77@[fd00::5]", "77@[2001:db8::1]", "[fd00::5]:5060",
			 "[2001:db8::1]:5060") },
	{ .name = "IPv6 in another spelling, no port",
	  .src = "[fd00::a]:5060",
	  .in = REQUEST("SIP/2.0/UDP [FD00:0:0::A];branch=z9hG4bK1;rport", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@[FD00:0:0::A]>\r\n"),
	  .pairs = PAIRS("[FD00:0:0::A]", "[2001:db8::1]:5062", "[FD00:0:0::A]",
			 "[2001:db8::1]:5062"),
	  .taken = "[fd00::9]:5060" },
	{ .name = "an IPv4 address in a message over IPv6",
	  .src = "[fd00::5]:5060",
	  .in = REQUEST("SIP/2.0/UDP [fd00::5]:5060;branch=z9hG4bK1", ALICE, BOB, CALL_ID,
			"Contact: <sip:alice@10.0.0.5:5060>\r\n"),
	  .pairs = PAIRS("[fd00::5]:5060", "[2001:db8::1]:5060", "10.0.0.5:5060",
			 "203.0.113.1:5060") },
	{ .name = "Warning",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, ALICE, BOB, CALL_ID, "Warning: 399 10.0.0.5:5060 \"at 10.0.0.5\"\r\n"),
	  .pairs =
		  PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "10.0.0.5:5060", "203.0.113.1:5060") },
	{
		.name = "Refer-To and Referred-By",
		.src = "10.0.0.5:5060",
		.in = REQUEST(
			VIA, ALICE, BOB, "55@10.0.0.5",
			"Refer-To: <sip:c@10.0.0.6?Replaces=55%4010.0.0.5%3Bto-tag%3Dx%3Bfrom-tag%3Da>\r\n"
			"Replaces: 55@10.0.0.5;to-tag=x;from-tag=a\r\n"),
		.pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "55@10.0.0.5", "55@203.0.113.1",
			       "c@10.0.0.6", "c@203.0.113.1:5062", "55%4010.0.0.5",
			       "55%40203.0.113.1", "55@10.0.0.5", "55@203.0.113.1"),
	},
	{ .name = "not inside: a host name, another public address, a tel URI",
	  .src = "10.0.0.5:5060",
	  .in = REQUEST(VIA, "<tel:+4930123>;tag=a", "<sip:bob@192.0.2.8>", CALL_ID,
			"Route: <sip:proxy.example.com;lr>\r\n"),
	  .pairs = PAIRS("10.0.0.5:5060", "203.0.113.1:5060") },
};

/* The answer must come back as if there were no NAT. */
static void check_reply(struct world *w, const struct flow *f, const char *sent)
{
	char reply[MSG_MAX], want[MSG_MAX], got[MSG_MAX], src[EP_TEXT_MAX];
	struct rf_ep outside = binding_public(&w->topo, bound(w, f->src));

	uas_reply(sent, "200 OK", ep_text(&outside, src), NULL, reply);
	uas_reply(f->in, "200 OK", f->src, NULL, want);
	assert_string_equal(inbound(w, f->src, reply, got), want);
}

static void requests_go_out_and_answers_come_back(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		const struct flow *f = &flows[i];
		char want[MSG_MAX], got[MSG_MAX], again[MSG_MAX];
		struct world w;

		print_message("  %s\n", f->name);
		world_init(&w);
		if (f->taken)
			bound(&w, f->taken);
		swap(f->in, f->pairs, want);
		assert_string_equal(outbound(&w, f->src, f->in, got), want);
		if (!f->no_reply)
			check_reply(&w, f, got);
		/* A retransmission leaves the same, and what is public stays. */
		assert_string_equal(outbound(&w, f->src, f->in, again), want);
		assert_string_equal(outbound(&w, f->src, got, again), got);
		world_free(&w);
	}
}

static void limits_refuse_and_leave_no_edit(void **state)
{
	char text[MSG_MAX], got[MSG_MAX];
	struct world w;
	size_t n;
	int i;

	world_init(&w);
	w.config.max_bindings = 4;
	binding_reconfigure(w.bindings, &w.config);
	n = sprintf(text, "INVITE sip:b@198.51.100.7 SIP/2.0\r\nVia: " VIA "\r\nFrom: " ALICE
			  "\r\nTo: " BOB "\r\nCall-ID: 5@10.0.0.5\r\nCSeq: 1 INVITE\r\n");
	for (i = 0; i < 20; i++)
		n += sprintf(text + n, "Record-Route: <sip:10.0.1.%d;lr>\r\n", i);
	strcpy(text + n, "\r\n");
	assert_int_equal(try_rewrite(&w, "10.0.0.5:5060", text, true, got), RF_R_SIP_LIMIT);
	assert_string_equal(got, text);
	/* ports run out before bindings do */
	w.config.max_bindings = 1000;
	binding_reconfigure(w.bindings, &w.config);
	assert_int_equal(try_rewrite(&w, "10.0.0.5:5060", text, true, got), RF_R_SIP_NO_PORTS);
	assert_string_equal(got, text);
	world_free(&w);
}

/* All edits of a message or none: 124 routes fit with short addresses, not with long ones. */
static void too_many_edits_are_refused(void **state)
{
	static const char *const address[] = { "10.0.0.5", "[fd00::5]" };
	char *text = malloc(MSG_MAX), *got = malloc(MSG_MAX);
	int i, long_ones;

	for (long_ones = 0; long_ones < 2; long_ones++) {
		const char *a = address[long_ones];
		enum rf_reason reason;
		struct world w;
		size_t n;

		world_init(&w);
		w.topo.wans[0].public6 = addr("2001:db8:1111:2222:3333:4444:5555:6666");
		n = sprintf(text,
			    "INVITE sip:b@198.51.100.7 SIP/2.0\r\nVia: " VIA "\r\nFrom: " ALICE
			    "\r\nTo: " BOB "\r\nCall-ID: 5\r\nCSeq: 1 INVITE\r\n");
		for (i = 0; i < 124; i++)
			n += sprintf(text + n, "Record-Route: <sip:%s:5060;maddr=%s;x=%d>\r\n", a,
				     a, i);
		strcpy(text + n, "\r\n");
		reason = try_rewrite(&w, "10.0.0.5:5060", text, true, got);
		assert_int_equal(reason, long_ones ? RF_R_SIP_LIMIT : RF_R_NONE);
		if (long_ones)
			assert_string_equal(got, text);
		else
			assert_null(strstr(got, a));
		world_free(&w);
	}
	free(text);
	free(got);
}

static void routed_and_host_are_not_edited(void **state)
{
	static const char request[] =
		REQUEST("SIP/2.0/UDP 192.0.2.5:5080;branch=z9hG4bK1", "<sip:a@10.0.0.5>;tag=a", BOB,
			"1@192.0.2.5", "Contact: <sip:a@192.0.2.5:5090>\r\n");
	char got[MSG_MAX], reply[MSG_MAX];
	struct rf_ep own;
	struct world w;

	world_init(&w);
	world_inside(&w, "192.0.2.0/24", RF_MODE_AUTO);
	assert_string_equal(outbound(&w, "192.0.2.5:5060", request, got), request);
	uas_reply(request, "200 OK", "192.0.2.5:5060", NULL, reply);
	assert_string_equal(inbound(&w, "192.0.2.5:5060", reply, got), reply);
	/* answers to these ports are signalling too */
	own = ep("192.0.2.5:5080");
	assert_non_null(binding_by_outside(w.bindings, WAN, &own));
	own = ep("192.0.2.5:5090");
	assert_non_null(binding_by_outside(w.bindings, WAN, &own));
	assert_int_equal(binding_count(w.bindings), 3);
	assert_int_equal(alias_count(w.aliases), 0);
	world_free(&w);
}

/* 1:1 cloud NAT: the local server knows its wire address, peers know another one. */
static void local_server_behind_cloud_nat(void **state)
{
	static const char request[] =
		REQUEST("SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK1;rport",
			"<sip:pbx@10.0.0.2>;tag=a", BOB, "5@10.0.0.2",
			"Contact: <sip:pbx@10.0.0.2:5060>\r\nX: <sip:10.0.0.77>\r\n"
			"Route: <sip:10.0.0.77;lr>\r\n");
	static const char invite[] = FROM_OUTSIDE("sip:pbx@203.0.113.1", "x", ALICE, BOB, "");
	char got[MSG_MAX], want[MSG_MAX], reply[MSG_MAX];
	struct world w;

	world_init(&w);
	w.topo.wans[0].wire4 = addr("10.0.0.2");
	swap(request,
	     PAIRS("10.0.0.2:5060", "203.0.113.1:5060", "pbx@10.0.0.2", "pbx@203.0.113.1",
		   "5@10.0.0.2", "5@203.0.113.1", "10.0.0.2:5060", "203.0.113.1:5060"),
	     want);
	assert_string_equal(outbound(&w, "10.0.0.2:5060", request, got), want);
	uas_reply(got, "200 OK", "203.0.113.1:5060", NULL, reply);
	uas_reply(request, "200 OK", "10.0.0.2:5060", NULL, want);
	assert_string_equal(inbound(&w, "10.0.0.2:5060", reply, got), want);
	swap(invite, PAIRS("pbx@203.0.113.1", "pbx@10.0.0.2"), want);
	assert_string_equal(inbound(&w, "10.0.0.2:5060", invite, got), want);
	world_free(&w);
}

/* A container behind cloud NAT: public text, wire port, and back. */
static void container_behind_cloud_nat(void **state)
{
	static const char request[] =
		REQUEST(VIA ";rport", ALICE, BOB, CALL_ID, "Contact: <sip:pbx@10.0.0.5:5060>\r\n");
	char got[MSG_MAX], want[MSG_MAX], reply[MSG_MAX];
	struct world w;

	world_init(&w);
	w.topo.wans[0].wire4 = addr("10.9.0.2");
	swap(request,
	     PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "10.0.0.5:5060", "203.0.113.1:5060"), want);
	assert_string_equal(outbound(&w, "10.0.0.5:5060", request, got), want);
	assert_true(addr_eq(&bound(&w, "10.0.0.5:5060")->outside.addr, &w.topo.wans[0].wire4));
	uas_reply(got, "200 OK", "203.0.113.1:5060", NULL, reply);
	uas_reply(request, "200 OK", "10.0.0.5:5060", NULL, want);
	assert_string_equal(inbound(&w, "10.0.0.5:5060", reply, got), want);
	world_free(&w);
}

/* Peers on the WAN with private addresses, by their packets or by the configuration. */
static void private_peers_are_outside(void **state)
{
	static const char request[] =
		REQUEST(VIA, "<sip:a@10.1.0.7>;tag=a", "<sip:b@10.2.3.4>", CALL_ID,
			"Route: <sip:10.1.0.7;lr>, <sip:10.2.3.4;lr>, <sip:10.3.0.1;lr>\r\n");
	char got[MSG_MAX], want[MSG_MAX];
	struct world w;

	world_init(&w);
	w.remote = ep("10.1.0.7:5060");
	world_peer(&w, "10.2.0.0/16", 0);
	swap(request, PAIRS("10.0.0.5:5060", "203.0.113.1:5060", "10.3.0.1", "203.0.113.1:5062"),
	     want);
	bound(&w, "10.0.0.5:5060");
	assert_string_equal(outbound(&w, "10.0.0.5:5060", request, got), want);
	world_free(&w);
}

/* Two hosts whose Call-IDs would be the same outside. */
static void call_ids_stay_apart(void **state)
{
	char got[MSG_MAX], reply[MSG_MAX], want[MSG_MAX];
	static const char a[] = REQUEST(VIA, ALICE, BOB, "1@10.0.0.5", "");
	static const char b[] =
		REQUEST("SIP/2.0/UDP 10.0.0.6:5060;branch=z9hG4bK2", ALICE, BOB, "1@10.0.0.6", "");
	struct world w;

	world_init(&w);
	outbound(&w, "10.0.0.5:5060", a, got);
	assert_non_null(strstr(got, "Call-ID: 1@203.0.113.1\r\n"));
	outbound(&w, "10.0.0.6:5060", b, got);
	assert_non_null(strstr(got, "Call-ID: 1@203.0.113.1-2\r\n"));
	uas_reply(got, "200 OK", "203.0.113.1:5062", NULL, reply);
	uas_reply(b, "200 OK", "10.0.0.6:5060", NULL, want);
	assert_string_equal(inbound(&w, "10.0.0.6:5060", reply, got), want);
	assert_true(view_eq(alias_internal_call_id(w.aliases, VIEW("1@203.0.113.1-2")),
			    VIEW("1@10.0.0.6")));
	assert_true(view_eq(alias_internal_call_id(w.aliases, VIEW("other")), VIEW("other")));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_out_and_answers_come_back),
		cmocka_unit_test(limits_refuse_and_leave_no_edit),
		cmocka_unit_test(too_many_edits_are_refused),
		cmocka_unit_test(routed_and_host_are_not_edited),
		cmocka_unit_test(local_server_behind_cloud_nat),
		cmocka_unit_test(container_behind_cloud_nat),
		cmocka_unit_test(private_peers_are_outside),
		cmocka_unit_test(call_ids_stay_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
