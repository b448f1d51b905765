// SPDX-License-Identifier: GPL-2.0-only
/*
 * What answers win: registrars, notifiers and media, only by an answer to what was asked, from where it
 * was asked. A third host that may answer (it was sent something) knows every identifier and tries it all.
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
#define PHONE_B	 "10.0.0.6:5060"
#define PROVIDER "198.51.100.7:5060"
#define SIBLING	 "198.51.100.8:5060" /* of the provider */
#define THIRD	 "192.0.2.66:5060"
#define PUBLIC	 "203.0.113.1:5060"

static struct world {
	struct config config;
	struct topology topo;
	struct engine *engine;
	struct action_list out;
	uint64_t now;
	size_t registrations;
	char registrar[EP_TEXT_MAX];
} w;

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static void peer(const char *prefix)
{
	struct config_peer *p = &w.config.peers[w.config.n_peers++];

	assert_int_equal(prefix_parse(view_of(prefix), &p->address), 0);
	engine_reconfigure(w.engine, &w.config, w.now, &w.out);
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

static void feed(bool from_inside, const char *src, const char *dst, const char *text)
{
	struct signal_in in = { .now_ns = w.now,
				.hook = from_inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN,
				.wan_ifindex = 2,
				.src = ep(src),
				.dst = ep(dst),
				.payload = view_of(text) };

	actions_reset(&w.out);
	engine_message(w.engine, &in, &w.out);
	assert_false(w.out.failed);
}

static const struct action *find(enum action_kind kind)
{
	for (size_t i = 0; i < w.out.n; i++)
		if (w.out.v[i].kind == kind)
			return &w.out.v[i];
	return NULL;
}

static void passed(void)
{
	const struct action *drop = find(ACT_DROP);

	if (drop)
		fail_msg("dropped: reason %d", drop->drop.reason);
	assert_non_null(find(ACT_SEND));
}

static void dropped(enum rf_reason reason)
{
	assert_null(find(ACT_SEND));
	assert_null(find(ACT_PINHOLE_SET));
	assert_null(find(ACT_PINHOLE_CLOSE));
	assert_non_null(find(ACT_DROP));
	assert_int_equal(find(ACT_DROP)->drop.reason, reason);
}

#define SDP(ip, port)                                                                      \
	"v=0\r\no=- 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port \
	" RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

/* A request of an inside host. id: Call-ID; cseq: "1 METHOD"; more: headers. */
static void ask(const char *src, const char *dst, const char *id, const char *cseq,
		const char *branch, const char *more, const char *sdp)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "%s sip:x@198.51.100.7 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\n"
		 "From: <sip:a@x>;tag=ours\r\nTo: <sip:b@x>\r\nCall-ID: %s\r\nCSeq: %s\r\n"
		 "Contact: <sip:a@%s>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		 strchr(cseq, ' ') + 1, src, branch, id, cseq, src, more,
		 *sdp ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
	feed(true, src, dst, text);
	passed();
}

static void answer(const char *src, const char *status, const char *id, const char *cseq,
		   const char *branch, const char *more, const char *sdp)
{
	char text[2048];

	snprintf(
		text, sizeof(text),
		"SIP/2.0 %s\r\nVia: SIP/2.0/UDP 203.0.113.1:5060;branch=%s\r\n"
		"From: <sip:a@x>;tag=ours\r\nTo: <sip:b@x>;tag=theirs\r\nCall-ID: %s\r\nCSeq: %s\r\n"
		"%s%sContent-Length: %zu\r\n\r\n%s",
		status, branch, id, cseq, more, *sdp ? "Content-Type: application/sdp\r\n" : "",
		strlen(sdp), sdp);
	feed(false, src, PUBLIC, text);
}

/* A request from outside for the phone. */
static void request(const char *src, const char *method, const char *id, const char *to_tag,
		    const char *more)
{
	char text[2048];

	snprintf(
		text, sizeof(text),
		"%s sip:a@203.0.113.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr\r\n"
		"From: <sip:b@x>;tag=theirs\r\nTo: <sip:a@x>;tag=%s\r\nCall-ID: %s\r\nCSeq: 9 %s\r\n"
		"Contact: <sip:b@%s>\r\n%sContent-Length: 0\r\n\r\n",
		method, src, to_tag, id, method, src, more);
	feed(false, src, PUBLIC, text);
}

static void new_invite(const char *src)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "INVITE sip:a@203.0.113.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKn\r\n"
		 "From: <sip:b@x>;tag=new\r\nTo: <sip:a@x>\r\nCall-ID: new\r\nCSeq: 1 INVITE\r\n"
		 "Contact: <sip:b@%s>\r\nContent-Length: 0\r\n\r\n",
		 src, src);
	feed(false, src, PUBLIC, text);
}

static void show_one(const struct show_registration *r, void *arg)
{
	w.registrations++;
	ep_text(&r->registrar, w.registrar);
}

static size_t registrations(void)
{
	w.registrations = 0;
	engine_show_registrations(w.engine, show_one, NULL);
	return w.registrations;
}

/* The third host was sent a request: it may answer. */
static void third_may_answer(void)
{
	ask(PHONE, THIRD, "ping", "1 OPTIONS", "z9hG4bKping", "", "");
}

#define REGISTERED "Contact: <sip:a@203.0.113.1:5060>;expires=86400\r\n"

static void register_phone(const char *cseq, const char *branch)
{
	ask(PHONE, PROVIDER, "reg", cseq, branch, "Expires: 300\r\n", "");
}

static void a_third_host_is_no_registrar(void **state)
{
	third_may_answer();
	register_phone("1 REGISTER", "z9hG4bK1");
	answer(THIRD, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	dropped(RF_R_SIP_UNASKED);
	/* nor does it end the request, or the registration that is there */
	answer(THIRD, "403 Forbidden", "reg", "1 REGISTER", "z9hG4bK1", "", "");
	dropped(RF_R_SIP_UNASKED);
	assert_int_equal(registrations(), 0);
	new_invite(THIRD);
	dropped(RF_R_SIP_UNKNOWN_PEER);
	answer(PROVIDER, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	passed();
	register_phone("2 REGISTER", "z9hG4bK2");
	answer(THIRD, "200 OK", "reg", "2 REGISTER", "z9hG4bK2", REGISTERED, "");
	dropped(RF_R_SIP_UNASKED);
	new_invite(THIRD);
	dropped(RF_R_SIP_UNKNOWN_PEER);
	assert_int_equal(registrations(), 1);
	assert_string_equal(w.registrar, PROVIDER);
	new_invite(PROVIDER);
	passed();
}

/* Of the provider itself: of what was asked, once. */
static void only_what_was_asked(void **state)
{
	register_phone("1 REGISTER", "z9hG4bK1");
	answer(PROVIDER, "200 OK", "reg", "1 REGISTER", "z9hG4bKother", REGISTERED, "");
	dropped(RF_R_SIP_UNASKED);
	/* no request of these identifiers is known: it passes, as a late one would, and that is all */
	answer(PROVIDER, "200 OK", "reg", "2 REGISTER", "z9hG4bK1", REGISTERED, "");
	answer(PROVIDER, "200 OK", "else", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	answer(PROVIDER, "200 OK", "reg", "1 OPTIONS", "z9hG4bK1", REGISTERED, "");
	passed();
	assert_int_equal(registrations(), 0);
	answer(PROVIDER, "403 Forbidden", "reg", "1 REGISTER", "z9hG4bK1", "", "");
	passed();
	answer(PROVIDER, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	passed(); /* behind a final one */
	assert_int_equal(registrations(), 0);
	register_phone("2 REGISTER", "z9hG4bK2");
	register_phone("2 REGISTER", "z9hG4bK2"); /* again */
	answer(PROVIDER, "200 OK", "reg", "2 REGISTER", "z9hG4bK2", REGISTERED, "");
	passed();
	answer(PROVIDER, "200 OK", "reg", "2 REGISTER", "z9hG4bK2", REGISTERED, "");
	passed();
	assert_int_equal(registrations(), 1);
}

static void too_late(void **state)
{
	register_phone("1 REGISTER", "z9hG4bK1");
	answer(PROVIDER, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	ask(PHONE, PROVIDER, "reg", "2 REGISTER", "z9hG4bK2", "Expires: 0\r\n", "");
	w.now += 40 * S;
	engine_tick(w.engine, w.now, &w.out);
	answer(PROVIDER, "200 OK", "reg", "2 REGISTER", "z9hG4bK2", "", "");
	passed();
	assert_int_equal(registrations(), 1);
}

/* A cluster answers from wherever it likes, within its peer. */
static void one_peer_answers_for_itself(void **state)
{
	register_phone("1 REGISTER", "z9hG4bK1");
	answer(SIBLING, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	dropped(RF_R_SIP_UNKNOWN_PEER);
	peer("198.51.100.0/24");
	answer(SIBLING, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	passed();
	assert_int_equal(registrations(), 1);
}

/* Each address a peer of its own: one answers for the other, who was asked and wins by it. */
static void peers_answer_for_each_other(void **state)
{
	static const char *const unknown[][3] = { { "reg", "1 REGISTER", "z9hG4bKx" },
						  { "reg", "2 REGISTER", "z9hG4bK1" },
						  { "else", "1 REGISTER", "z9hG4bK1" } };

	third_may_answer();
	peer("198.51.100.8");
	peer("198.51.100.7");
	register_phone("1 REGISTER", "z9hG4bK1");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		answer(SIBLING, "200 OK", unknown[i][0], unknown[i][1], unknown[i][2], REGISTERED,
		       "");
		dropped(RF_R_SIP_UNKNOWN_PEER); /* it was not asked, and not for this either */
	}
	answer(THIRD, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	dropped(RF_R_SIP_UNASKED);
	answer("198.51.100.8:5070", "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	passed();
	assert_int_equal(registrations(), 1);
	assert_int_equal(strncmp(w.registrar, "198.51.100.7:", 13), 0);
	answer(SIBLING, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	passed(); /* again */
	ask(PHONE, PROVIDER, "call", "1 INVITE", "z9hG4bK2", "", SDP("10.0.0.5", "20000"));
	answer(SIBLING, "200 OK", "call", "1 INVITE", "z9hG4bK2",
	       "Contact: <sip:b@198.51.100.8>\r\n", SDP("198.51.100.8", "4000"));
	passed();
	assert_non_null(find(ACT_PINHOLE_SET));
	/* asked both: it is no less a peer for that */
	ask(PHONE, SIBLING, "ping", "1 OPTIONS", "z9hG4bK3", "", "");
	ask(PHONE, PROVIDER, "call2", "1 INVITE", "z9hG4bK4", "", SDP("10.0.0.5", "20002"));
	answer(SIBLING, "200 OK", "call2", "1 INVITE", "z9hG4bK4",
	       "Contact: <sip:b@198.51.100.8>\r\n", SDP("198.51.100.8", "4002"));
	passed();
}

/* The asked one is no peer: who answers for it makes no registrar of itself. */
static void a_peer_answers_for_who_was_asked(void **state)
{
	peer("198.51.100.8");
	ask(PHONE, THIRD, "reg", "1 REGISTER", "z9hG4bK1", "Expires: 300\r\n", "");
	answer(SIBLING, "200 OK", "reg", "1 REGISTER", "z9hG4bK1", REGISTERED, "");
	passed();
	assert_int_equal(registrations(), 1);
	assert_string_equal(w.registrar, THIRD);
	w.config.n_peers = 0;
	engine_reconfigure(w.engine, &w.config, w.now, &w.out);
	new_invite(SIBLING);
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

#define SUBSCRIBE     "Event: message-summary\r\nExpires: 60\r\n"
#define NOTIFY(event) "Event: " event "\r\nSubscription-State: active\r\n"

static void nobody_subscribed(void **state)
{
	third_may_answer();
	answer(THIRD, "200 OK", "sub", "1 SUBSCRIBE", "z9hG4bK1", "Expires: 86400\r\n", "");
	passed(); /* late, or a lie: it wins nothing */
	request(THIRD, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	/* with the identifiers of one that was sent elsewhere */
	ask(PHONE, PROVIDER, "sub", "1 SUBSCRIBE", "z9hG4bK1", SUBSCRIBE, "");
	answer(THIRD, "200 OK", "sub", "1 SUBSCRIBE", "z9hG4bK1", "Expires: 86400\r\n", "");
	dropped(RF_R_SIP_UNASKED);
	answer(THIRD, "202 Accepted", "ref", "1 REFER", "z9hG4bK1", "", "");
	request(THIRD, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(THIRD, "NOTIFY", "ref", "ours", NOTIFY("refer"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

/* RFC 6665 4.1.2.4: the first NOTIFY overtakes the 2xx. */
static void notify_before_the_answer(void **state)
{
	third_may_answer();
	ask(PHONE, PROVIDER, "sub", "1 SUBSCRIBE", "z9hG4bK1", SUBSCRIBE, "");
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	passed();
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("dialog"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(PROVIDER, "NOTIFY", "sub", "else", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(PROVIDER, "MESSAGE", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(THIRD, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	answer(PROVIDER, "100 Trying", "sub", "1 SUBSCRIBE", "z9hG4bK1", "", "");
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	passed();
	answer(PROVIDER, "403 Forbidden", "sub", "1 SUBSCRIBE", "z9hG4bK1", "", "");
	ask(PHONE, PROVIDER, "sub", "1 SUBSCRIBE", "z9hG4bK1", SUBSCRIBE,
	    ""); /* sent before it came */
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	ask(PHONE, PROVIDER, "ref", "1 REFER", "z9hG4bK2", "Refer-To: <sip:c@x>\r\n", "");
	request(PROVIDER, "NOTIFY", "ref", "ours", NOTIFY("refer"));
	passed();
	w.now += 30 * S;
	ask(PHONE, PROVIDER, "ref", "1 REFER", "z9hG4bK2", "Refer-To: <sip:c@x>\r\n", "");
	w.now += 30 * S;
	request(PROVIDER, "NOTIFY", "ref", "ours", NOTIFY("refer"));
	passed();
	w.now += 8 * S;
	request(PROVIDER, "NOTIFY", "ref", "ours", NOTIFY("refer"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

static void that_dialog_and_that_event(void **state)
{
	ask(PHONE, PROVIDER, "sub", "1 SUBSCRIBE", "z9hG4bK1", SUBSCRIBE, "");
	answer(PROVIDER, "200 OK", "sub", "1 SUBSCRIBE", "z9hG4bK1", "Expires: 86400\r\n", "");
	passed();
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	passed();
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("Message-Summary;id=1"));
	passed();
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("ua-profile"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(PROVIDER, "NOTIFY", "sub", "ours", "");
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(PROVIDER, "NOTIFY", "sub", "else", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(PROVIDER, "NOTIFY", "else", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(PROVIDER, "MESSAGE", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	request(SIBLING, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	/* a minute was asked for, a day was said: an hour */
	w.now += 3600 * S;
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	passed();
	w.now += 33 * S;
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

static void ended_by_the_subscriber(void **state)
{
	ask(PHONE, PROVIDER, "sub", "1 SUBSCRIBE", "z9hG4bK1", SUBSCRIBE, "");
	answer(PROVIDER, "200 OK", "sub", "1 SUBSCRIBE", "z9hG4bK1", "Expires: 60\r\n", "");
	ask(PHONE, PROVIDER, "sub", "2 SUBSCRIBE", "z9hG4bK2",
	    "Event: message-summary\r\nExpires: 0\r\n", "");
	answer(PROVIDER, "200 OK", "sub", "2 SUBSCRIBE", "z9hG4bK2", "Expires: 60\r\n", "");
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary")); /* the last one */
	passed();
	w.now += 33 * S;
	request(PROVIDER, "NOTIFY", "sub", "ours", NOTIFY("message-summary"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

static void refer(void **state)
{
	ask(PHONE, PROVIDER, "ref", "1 REFER", "z9hG4bK1", "Refer-To: <sip:c@x>\r\n", "");
	answer(PROVIDER, "202 Accepted", "ref", "1 REFER", "z9hG4bK1", "Expires: 86400\r\n", "");
	request(PROVIDER, "NOTIFY", "ref", "ours", NOTIFY("refer;id=1"));
	passed();
	request(PROVIDER, "NOTIFY", "ref", "ours", NOTIFY("dialog"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
	w.now += 3633 * S;
	request(PROVIDER, "NOTIFY", "ref", "ours", NOTIFY("refer"));
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

/* Media, early or not, forks, refusals: nothing of a call is the third host's to answer. */
static void a_third_host_answers_no_call(void **state)
{
	static const char *const statuses[] = { "100 Trying",
						"180 Ringing",
						"183 Session Progress",
						"200 OK",
						"302 Moved Temporarily",
						"401 Unauthorized",
						"422 Session Interval Too Small",
						"486 Busy Here" };
	size_t i;

	third_may_answer();
	ask(PHONE, PROVIDER, "call", "1 INVITE", "z9hG4bK1", "", SDP("10.0.0.5", "20000"));
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		answer(THIRD, statuses[i], "call", "1 INVITE", "z9hG4bK1",
		       "Contact: <sip:m@192.0.2.66>\r\n", SDP("192.0.2.66", "4000"));
		dropped(RF_R_SIP_UNASKED);
		/* of no transaction of the call */
		answer(THIRD, statuses[i], "call", "7 INVITE", "z9hG4bKx",
		       "Contact: <sip:m@192.0.2.66>\r\n", SDP("192.0.2.66", "4000"));
		dropped(RF_R_SIP_UNASKED);
		/* nor is one of another transaction, from where it was asked */
		answer(PROVIDER, statuses[i], "call", "1 INVITE", "z9hG4bKx",
		       "Contact: <sip:b@198.51.100.7>\r\n", SDP("198.51.100.7", "4000"));
		dropped(RF_R_SIP_UNASKED);
	}
	request(THIRD, "BYE", "call", "ours", "");
	dropped(RF_R_SIP_UNKNOWN_PEER);
	answer(PROVIDER, "183 Session Progress", "call", "1 INVITE", "z9hG4bK1",
	       "Contact: <sip:b@198.51.100.7>\r\n", SDP("198.51.100.7", "4000"));
	passed();
	assert_non_null(find(ACT_PINHOLE_SET));
	answer(PROVIDER, "200 OK", "call", "1 INVITE", "z9hG4bK1",
	       "Contact: <sip:b@198.51.100.7>\r\n", SDP("198.51.100.7", "4000"));
	passed();
	answer(PROVIDER, "200 OK", "call", "1 INVITE", "z9hG4bK1",
	       "Contact: <sip:b@198.51.100.7>\r\n", SDP("198.51.100.7", "4000"));
	passed(); /* again, until the ACK */
}

/* An inside host wins nothing by answers either: those to another's call, or to none. */
static void an_inside_host_answers_for_itself(void **state)
{
	char text[1024];

	peer("198.51.100.0/24");
	register_phone("1 REGISTER", "z9hG4bK1");
	snprintf(
		text, sizeof(text),
		"INVITE sip:a@203.0.113.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP " PROVIDER
		";branch=z9hG4bKi\r\nFrom: <sip:b@x>;tag=theirs\r\nTo: <sip:a@x>\r\nCall-ID: in\r\n"
		"CSeq: 1 INVITE\r\nContact: <sip:b@" PROVIDER
		">\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(SDP("198.51.100.7", "4000")), SDP("198.51.100.7", "4000"));
	feed(false, PROVIDER, PUBLIC, text);
	passed();
	for (int i = 0; i < 2; i++) {
		snprintf(
			text, sizeof(text),
			"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP " PROVIDER
			";branch=z9hG4bKi\r\nFrom: <sip:b@x>;tag=theirs\r\nTo: <sip:a@x>;tag=ours\r\n"
			"Call-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:a@" PHONE_B
			">\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
			i ? "none" : "in", strlen(SDP("10.0.0.6", "20000")),
			SDP("10.0.0.6", "20000"));
		feed(true, PHONE_B, i ? THIRD : PROVIDER, text);
		assert_null(find(ACT_PINHOLE_SET));
	}
	/* and by having answered somebody it is owed no answer */
	answer(THIRD, "200 OK", "x", "1 OPTIONS", "z9hG4bKx", "", "");
	dropped(RF_R_SIP_UNKNOWN_PEER);
}

/* An answer to nothing teaches nothing: neither that an inside address is the far side's, which would show
 * it outside from then on, nor that somebody has answered the phone. */
static void nothing_is_learnt_from_a_stray(void **state)
{
	third_may_answer();
	answer(THIRD, "200 OK", "call", "7 MESSAGE", "z9hG4bKx",
	       "Contact: <sip:m@10.0.0.5:5060>\r\nRecord-Route: <sip:10.0.0.5;lr>\r\n", "");
	passed();
	ask(PHONE, PROVIDER, "call", "1 MESSAGE", "z9hG4bK1", "Route: <sip:10.0.0.5;lr>\r\n", "");
	assert_null(memmem(find(ACT_SEND)->send.payload.p, find(ACT_SEND)->send.payload.n,
			   "10.0.0.5", 8));
	w.now += 33 * S; /* mappings that nobody has answered end */
	actions_reset(&w.out);
	engine_tick(w.engine, w.now, &w.out);
	assert_non_null(find(ACT_SIGNAL_CLOSE));
}

/* Forked by a proxy inside: each branch is answered from where it went, and not from the other. */
static void branches(void **state)
{
	ask(PHONE, PROVIDER, "msg", "1 MESSAGE", "z9hG4bKa", "", "");
	ask(PHONE, THIRD, "msg", "1 MESSAGE", "z9hG4bKb", "", "");
	answer(PROVIDER, "200 OK", "msg", "1 MESSAGE", "z9hG4bKb", "", "");
	dropped(RF_R_SIP_UNASKED);
	answer(THIRD, "200 OK", "msg", "1 MESSAGE", "z9hG4bKb", "", "");
	passed();
	answer(PROVIDER, "200 OK", "msg", "1 MESSAGE", "z9hG4bKa", "", "");
	passed();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_third_host_is_no_registrar),
		TEST(only_what_was_asked),
		TEST(too_late),
		TEST(one_peer_answers_for_itself),
		TEST(peers_answer_for_each_other),
		TEST(a_peer_answers_for_who_was_asked),
		TEST(nobody_subscribed),
		TEST(notify_before_the_answer),
		TEST(that_dialog_and_that_event),
		TEST(ended_by_the_subscriber),
		TEST(refer),
		TEST(a_third_host_answers_no_call),
		TEST(an_inside_host_answers_for_itself),
		TEST(nothing_is_learnt_from_a_stray),
		TEST(branches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
