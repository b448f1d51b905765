// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine as a whole: datagrams in, actions out, for one phone behind NAT and one provider.
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

#define S 1000000000ull

struct world {
	struct config config;
	struct topology topo;
	struct engine *engine;
	struct action_list out;
	uint64_t now;
	char text[4096]; /* of the last SEND */
};

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct topology_wan *wan = &w->topo.wans[0];

	config_defaults(&w->config);
	w->topo.n_wans = 1;
	wan->ifindex = 2;
	wan->has4 = true;
	wan->wire4 = wan->public4 = ep("203.0.113.1:1").addr;
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	w->topo.n_inside = w->config.n_inside;
	memcpy(w->topo.inside, w->config.inside, sizeof(w->topo.inside));
	w->now = 100 * S;
	w->engine = engine_new(&w->config, &w->topo, w->now, 1);
	assert_non_null(w->engine);
	engine_restored(w->engine, w->now, &w->out);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	engine_free(w->engine);
	actions_free(&w->out);
	free(w);
	return 0;
}

/* Feeds one datagram; the payload is a copy of exactly its size, so that ASan sees an overread. */
static void feed(struct world *w, bool from_inside, const char *src, const char *dst,
		 const char *text, size_t n)
{
	struct signal_in in = { .now_ns = w->now,
				.hook = from_inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN,
				.wan_ifindex = 2,
				.src = ep(src),
				.dst = ep(dst) };
	char *copy = malloc(n ? n : 1);

	memcpy(copy, text, n);
	in.payload = (struct view){ copy, n };
	actions_reset(&w->out);
	engine_message(w->engine, &in, &w->out);
	assert_false(w->out.failed);
	w->text[0] = 0;
	for (size_t i = 0; i < w->out.n; i++)
		if (w->out.v[i].kind == ACT_SEND)
			snprintf(w->text, sizeof(w->text), VIEW_FMT,
				 VIEW_ARG(w->out.v[i].send.payload));
	free(copy);
}

static const struct action *find(const struct world *w, enum action_kind kind, size_t nth)
{
	for (size_t i = 0; i < w->out.n; i++)
		if (w->out.v[i].kind == kind && nth-- == 0)
			return &w->out.v[i];
	return NULL;
}

static size_t count(const struct world *w, enum action_kind kind)
{
	size_t n = 0;

	while (find(w, kind, n))
		n++;
	return n;
}

static void assert_sent(const struct world *w, enum send_to to, const char *src, const char *dst)
{
	const struct action *a = find(w, ACT_SEND, 0);
	char got[2][EP_TEXT_MAX];

	assert_non_null(a);
	assert_int_equal(count(w, ACT_SEND), 1);
	assert_int_equal(a->send.to, to);
	assert_string_equal(ep_text(&a->send.src, got[0]), src);
	assert_string_equal(ep_text(&a->send.dst, got[1]), dst);
	assert_ptr_equal(a, &w->out.v[w->out.n - 1]); /* all that must exist comes before it */
}

static void assert_dropped(const struct world *w, enum rf_reason reason)
{
	const struct action *a = find(w, ACT_DROP, 0);

	assert_non_null(a);
	assert_int_equal(a->drop.reason, reason);
	assert_null(find(w, ACT_SEND, 0));
	assert_null(find(w, ACT_PINHOLE_SET, 0));
}

#define PHONE	 "10.0.0.5:5060"
#define PROVIDER "198.51.100.7:5060"
#define PUBLIC	 "203.0.113.1:5060"

static const char *message(char *buf, size_t size, const char *start, const char *via,
			   const char *from_tag, const char *to_tag, const char *cseq,
			   const char *contact, const char *sdp)
{
	int n = snprintf(
		buf, size,
		"%s\r\nVia: SIP/2.0/UDP %s\r\nMax-Forwards: 70\r\n"
		"From: <sip:alice@provider.example>%s%s\r\nTo: <sip:bob@provider.example>%s%s\r\n"
		"Call-ID: 7f3@10.0.0.5\r\nCSeq: %s\r\nContact: <sip:%s>\r\nX-Odd:   kept   as is \r\n%s"
		"Content-Length: %zu\r\n\r\n%s",
		start, via, *from_tag ? ";tag=" : "", from_tag, *to_tag ? ";tag=" : "", to_tag,
		cseq, contact, *sdp ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);

	assert_true(n > 0 && (size_t)n < size);
	return buf;
}

#define SDP(ip, port)                                                                      \
	"v=0\r\no=- 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port \
	" RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

static void say(struct world *w, bool from_inside, const char *start, const char *to_tag,
		const char *cseq, const char *contact, const char *sdp)
{
	/* What the provider saw of the phone's Via, and what the phone wrote. */
	static const char *const via[] = {
		"203.0.113.1;rport=5060;received=203.0.113.1;branch=z9hG4bK1",
		"10.0.0.5;rport;branch=z9hG4bK1"
	};
	char buf[4096], id[64];
	char *at;

	message(buf, sizeof(buf), start, via[from_inside], "a1", to_tag, cseq, contact, sdp);
	if (!from_inside) { /* the Call-ID as it stood on the WAN */
		at = strstr(buf, "7f3@10.0.0.5");
		snprintf(id, sizeof(id), "7f3@203.0.113.1");
		memmove(at + strlen(id), at + strlen("7f3@10.0.0.5"),
			strlen(at + strlen("7f3@10.0.0.5")) + 1);
		memcpy(at, id, strlen(id));
	}
	feed(w, from_inside, from_inside ? PHONE : PROVIDER, from_inside ? PROVIDER : PUBLIC, buf,
	     strlen(buf));
}

static void invite(struct world *w)
{
	say(w, true, "INVITE sip:bob@provider.example SIP/2.0", "", "1 INVITE", "alice@10.0.0.5",
	    SDP("10.0.0.5", "20000"));
}

static void answer(struct world *w)
{
	say(w, false, "SIP/2.0 200 OK", "b2", "1 INVITE", "bob@198.51.100.7",
	    SDP("198.51.100.9", "40000"));
}

static void call_out(void **state)
{
	struct world *w = *state;
	const struct action *p;
	char text[EP_TEXT_MAX];

	invite(w);
	assert_sent(w, SEND_TO_WAN, PUBLIC, PROVIDER);
	assert_null(strstr(w->text, "10.0.0.5"));
	assert_non_null(strstr(w->text, "c=IN IP4 203.0.113.1\r\n"));
	assert_non_null(strstr(w->text, "m=audio 20000 RTP/AVP 0\r\n"));
	assert_non_null(strstr(w->text, "X-Odd:   kept   as is \r\n"));
	assert_null(find(w, ACT_PINHOLE_SET, 0)); /* nobody answered yet */

	answer(w);
	assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
	assert_null(strstr(w->text, "203.0.113.1"));
	assert_non_null(
		strstr(w->text, "Via: SIP/2.0/UDP 10.0.0.5;rport=5060;received=10.0.0.5;branch"));
	assert_non_null(strstr(w->text, "Call-ID: 7f3@10.0.0.5\r\n"));
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2); /* RTP and RTCP */
	p = find(w, ACT_PINHOLE_SET, 0);
	assert_string_equal(ep_text(&p->pinhole.outside, text), "203.0.113.1:20000");
	assert_string_equal(ep_text(&p->pinhole.inside, text), "10.0.0.5:20000");
	assert_int_equal(p->pinhole.n_remotes, 1);

	say(w, true, "ACK sip:bob@198.51.100.7 SIP/2.0", "b2", "1 ACK", "alice@10.0.0.5", "");
	assert_sent(w, SEND_TO_WAN, PUBLIC, PROVIDER);
	say(w, true, "BYE sip:bob@198.51.100.7 SIP/2.0", "b2", "2 BYE", "alice@10.0.0.5", "");
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE), 2);
	assert_sent(w, SEND_TO_WAN, PUBLIC, PROVIDER);
}

static void retransmission_changes_nothing(void **state)
{
	struct world *w = *state;
	char first[4096];

	invite(w);
	strcpy(first, w->text);
	invite(w);
	assert_string_equal(first, w->text);
	assert_int_equal(w->out.n, 1);
	answer(w);
	strcpy(first, w->text);
	answer(w);
	assert_string_equal(first, w->text);
	assert_null(find(w, ACT_PINHOLE_CLOSE, 0));
	assert_null(find(w, ACT_EVENT, 0));
}

static void strangers_are_refused(void **state)
{
	struct world *w = *state;
	char buf[2048];

	/* Nobody behind that port yet. */
	message(buf, sizeof(buf), "INVITE sip:x@203.0.113.1 SIP/2.0", "192.0.2.66;branch=z9hG4bKx",
		"x", "", "1 INVITE", "x@192.0.2.66", SDP("192.0.2.66", "4000"));
	feed(w, false, "192.0.2.66:5060", PUBLIC, buf, strlen(buf));
	assert_dropped(w, RF_R_SIP_NO_INSIDE);
	/* A phone is there, but its provider is somebody else. */
	invite(w);
	feed(w, false, "192.0.2.66:5060", PUBLIC, buf, strlen(buf));
	assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
	/* Neither may it answer in the provider's name. */
	message(buf, sizeof(buf), "SIP/2.0 200 OK", "203.0.113.1;branch=z9hG4bK1", "a1", "evil",
		"1 INVITE", "x@192.0.2.66", SDP("192.0.2.66", "4000"));
	feed(w, false, "192.0.2.66:5060", PUBLIC, buf, strlen(buf));
	assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
}

static void keep_alive_passes_as_it_is(void **state)
{
	struct world *w = *state;

	invite(w);
	feed(w, true, PHONE, PROVIDER, "\r\n\r\n", 4);
	assert_sent(w, SEND_TO_WAN, PUBLIC, PROVIDER);
	assert_string_equal(w->text, "\r\n\r\n");
	feed(w, false, PROVIDER, PUBLIC, "\r\n", 2);
	assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
	feed(w, false, "192.0.2.66:5060", PUBLIC, "\r\n", 2);
	assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
	feed(w, true, PHONE, PROVIDER, "", 0);
	assert_sent(w, SEND_TO_WAN, PUBLIC, PROVIDER);
}

static void malformed_follows_policy(void **state)
{
	struct world *w = *state;
	static const char bad[] =
		"INVITE sip:bob@provider.example SIP/2.0\r\nContent-Length: 99999\r\n\r\n";

	feed(w, true, PHONE, PROVIDER, bad, sizeof(bad) - 1);
	assert_string_equal(w->text, bad);
	w->config.unparsed_drop = true;
	engine_reconfigure(w->engine, &w->config, w->now, &w->out);
	feed(w, true, PHONE, PROVIDER, bad, sizeof(bad) - 1);
	assert_dropped(w, RF_R_SIP_MALFORMED);
}

static void bad_sdp_opens_nothing(void **state)
{
	struct world *w = *state;

	say(w, true, "INVITE sip:bob@provider.example SIP/2.0", "", "1 INVITE", "alice@10.0.0.5",
	    "v=0\r\nm=audio 99999999 RTP/AVP 0\r\n");
	assert_dropped(w, RF_R_SIP_BAD_SDP);
}

/* Who may only answer sends no request in disguise: not behind a NUL, a line, a blank, another message. */
static void who_may_answer_sends_no_request_unread(void **state)
{
	struct world *w = *state;
#define BYE_RAW "BYE sip:a@10.0.0.5 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66\r\n\r\n"
	static const struct {
		const char *bytes;
		size_t n;
		bool passes;
	} cases[] = {
#define CASE(text, passes) { text, sizeof(text) - 1, passes }
		CASE("\0" BYE_RAW, false),
		CASE("hello\r\n" BYE_RAW, false),
		CASE(" " BYE_RAW, false),
		CASE("\r\n\r\n" BYE_RAW, false),
		CASE("SIP/2.0 200 OK\r\n\r\n" BYE_RAW, false),
		CASE("SIP/2.0 x\r\n\r\n", false),
		CASE("not even a request", false),
		CASE("BYE sip:a", false),
		CASE("\0\1\0\100\x21\x12\xa4\x42"
		     "0123456789ab"
		     "\x80\x22\0\x3c" BYE_RAW,
		     false),
		/* that may be an answer, by whatever reading, or says nothing */
		CASE("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1\r\n\r\n", true),
		CASE("\r\n", true),
		CASE("\r\n\r\n", true),
		CASE("\0\0\0\0\0\0\0\0", true),
		CASE("jaK", true),
		CASE("", true),
		CASE("\1\1\0\0\x21\x12\xa4\x42"
		     "0123456789ab",
		     true),
	};

	invite(w); /* the provider may answer */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed(w, false, PROVIDER, PUBLIC, cases[i].bytes, cases[i].n);
		if (cases[i].passes)
			assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
		else
			assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
	}
	/* who may send requests sends what the operator allows */
	w->config.n_peers = 1;
	assert_int_equal(prefix_parse(view_of("198.51.100.0/24"), &w->config.peers[0].address), 0);
	engine_reconfigure(w->engine, &w->config, w->now, &w->out);
	feed(w, false, PROVIDER, PUBLIC, "\0" BYE_RAW, sizeof("\0" BYE_RAW) - 1);
	assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
}

static void answer_with(struct world *w, const char *tail, size_t n)
{
	char buf[4096];

	message(buf, sizeof(buf), "SIP/2.0 180 Ringing",
		"203.0.113.1;rport=5060;received=203.0.113.1;branch=z9hG4bK1", "a1", "b2",
		"1 INVITE", "bob@198.51.100.7", "");
	memcpy(strstr(buf, "10.0.0.5"), "203.0.11",
	       8); /* as long as that; no call of this Call-ID */
	memcpy(buf + strlen(buf), tail, n);
	feed(w, false, PROVIDER, PUBLIC, buf, strstr(buf, "\r\n\r\n") + 4 - buf + n);
}

static void nothing_hides_behind_an_answer(void **state)
{
	struct world *w = *state;

	invite(w);
	answer_with(w, "tail", 4);
	assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
	answer_with(w, BYE_RAW, sizeof(BYE_RAW) - 1);
	assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
	answer_with(w, "\0\0" BYE_RAW, sizeof("\0\0" BYE_RAW) - 1);
	assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
	assert_string_equal(find(w, ACT_DROP, 0)->drop.detail,
			    "bytes behind the message that its sender may not send");
	/* nothing is hidden that may come in the open */
	w->config.n_peers = 1;
	assert_int_equal(prefix_parse(view_of("198.51.100.0/24"), &w->config.peers[0].address), 0);
	engine_reconfigure(w->engine, &w->config, w->now, &w->out);
	answer_with(w, BYE_RAW, sizeof(BYE_RAW) - 1);
	assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
}

static void bytes_after_the_message_stay(void **state)
{
	struct world *w = *state;
	char buf[4096];
	size_t n;

	message(buf, sizeof(buf), "OPTIONS sip:provider.example SIP/2.0",
		"10.0.0.5;branch=z9hG4bK9", "a1", "", "1 OPTIONS", "alice@10.0.0.5", "");
	n = strlen(buf);
	strcpy(buf + n, "tail");
	feed(w, true, PHONE, PROVIDER, buf, n + 4);
	assert_non_null(strstr(w->text, "Content-Length: 0\r\n\r\ntail"));
	assert_null(strstr(w->text, "10.0.0.5"));
}

/* Keeps what ACT_SAVE and ACT_FORGET say, as the journal does. */
struct kept {
	enum record_kind kind;
	uint32_t id;
	char bytes[8192];
	size_t n;
};
static struct kept kept[64];
static size_t n_kept;

static void keep(const struct world *w)
{
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];
		size_t k;

		if (a->kind != ACT_SAVE && a->kind != ACT_FORGET)
			continue;
		for (k = 0; k < n_kept; k++)
			if (kept[k].kind == a->record.kind && kept[k].id == a->record.id)
				break;
		if (a->kind == ACT_FORGET) {
			if (k < n_kept)
				kept[k] = kept[--n_kept];
			continue;
		}
		if (k == n_kept)
			n_kept++;
		assert_true(n_kept < 64 && a->record.bytes.n <= sizeof(kept[k].bytes));
		kept[k].kind = a->record.kind;
		kept[k].id = a->record.id;
		kept[k].n = a->record.bytes.n;
		memcpy(kept[k].bytes, a->record.bytes.p, kept[k].n);
	}
}

static void restart(struct world *w)
{
	engine_free(w->engine);
	w->engine = engine_new(&w->config, &w->topo, w->now, 100);
	actions_reset(&w->out);
	for (int kind = RECORD_CALL; kind <= RECORD_PINHOLE; kind++)
		for (size_t k = 0; k < n_kept; k++)
			if (kept[k].kind == (enum record_kind)kind)
				assert_int_equal(
					engine_restore(w->engine, kept[k].kind, kept[k].id,
						       (struct view){ kept[k].bytes, kept[k].n },
						       w->now),
					0);
	engine_restored(w->engine, w->now, &w->out);
}

/* What the doer could not do is asked for again by the next message, and by that one only. */
static void failed_is_asked_again(void **state)
{
	struct action_list more = { 0 };
	struct world *w = *state;
	uint32_t first, second;

	invite(w);
	for (size_t i = 0; i < w->out.n; i++)
		w->out.v[i].failed = w->out.v[i].kind == ACT_SIGNAL_SET;
	engine_failed(w->engine, &w->out, &more);
	assert_int_equal(more.n, 0);
	invite(w);
	assert_int_equal(count(w, ACT_SIGNAL_SET), 1);
	invite(w);
	assert_int_equal(count(w, ACT_SIGNAL_SET), 0);

	answer(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
	first = find(w, ACT_PINHOLE_SET, 0)->pinhole.id;
	second = find(w, ACT_PINHOLE_SET, 1)->pinhole.id;
	((struct action *)find(w, ACT_PINHOLE_SET, 1))->failed = true;
	/* neither stays: the message that agreed on both has not gone on */
	engine_failed(w->engine, &w->out, &more);
	assert_int_equal(more.n, 4);
	assert_int_equal(more.v[0].kind, ACT_PINHOLE_CLOSE);
	assert_int_equal(more.v[0].pinhole.id, first);
	assert_int_equal(more.v[1].kind, ACT_SAVE);
	assert_int_equal(more.v[2].kind, ACT_PINHOLE_CLOSE);
	assert_int_equal(more.v[2].pinhole.id, second);
	assert_int_equal(more.v[3].kind, ACT_SAVE);
	actions_free(&more);
	answer(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
	assert_sent(w, SEND_TO_INSIDE, PROVIDER, PHONE);
	answer(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 0);
}

static void calls_outlive_the_process(void **state)
{
	struct world *w = *state;

	n_kept = 0;
	invite(w);
	keep(w);
	restart(w);
	assert_int_equal(count(w, ACT_SIGNAL_SET), 1);
	answer(w);
	keep(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
	assert_non_null(strstr(w->text, "Call-ID: 7f3@10.0.0.5\r\n"));
	restart(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
	say(w, false, "BYE sip:alice@203.0.113.1 SIP/2.0", "b2", "7 BYE", "bob@198.51.100.7", "");
	keep(w);
	/* That BYE has From and To swapped the wrong way round: it is nobody's. */
	say(w, true, "BYE sip:bob@198.51.100.7 SIP/2.0", "b2", "2 BYE", "alice@10.0.0.5", "");
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE), 2);
	keep(w);
	for (int i = 0; i < 100; i++) {
		w->now += 10 * S;
		actions_reset(&w->out);
		engine_tick(w->engine, w->now, &w->out);
		keep(w);
	}
	assert_int_equal(n_kept, 0); /* nothing is left of it */
}

static json_object *ask(struct world *w, const char *text)
{
	json_object *request = json_tokener_parse(text), *reply;

	assert_non_null(request);
	actions_reset(&w->out);
	reply = engine_request(w->engine, request, w->now, &w->out);
	json_object_put(request);
	return reply;
}

static void pinhole_by_hand(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {
		"{}",
		"{\"command\":\"pinhole add\"}",
		"{\"command\":\"pinhole add\",\"outside\":\"203.0.113.1:70000\",\"inside\":\"10.0.0.5:4000\"}",
		"{\"command\":\"pinhole add\",\"outside\":\"192.0.2.1:4000\",\"inside\":\"10.0.0.5:4000\","
		"\"remotes\":[\"198.51.100.9:1\"]}",
		"{\"command\":\"pinhole add\",\"outside\":\"203.0.113.1:4000\",\"inside\":\"10.0.0.5:4000\","
		"\"remotes\":[]}",
		"{\"command\":\"pinhole add\",\"outside\":\"203.0.113.1:4000\",\"inside\":\"[fd00::5]:4000\","
		"\"remotes\":[\"198.51.100.9:1\"]}",
		"{\"command\":\"pinhole delete\",\"id\":77}",
		"{\"command\":\"call drop\",\"id\":77}",
	};
	json_object *reply, *id;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		reply = ask(w, bad[i]);
		assert_true(json_object_object_get_ex(reply, "error", NULL));
		assert_int_equal(w->out.n, 0);
		json_object_put(reply);
	}
	reply = ask(
		w,
		"{\"command\":\"pinhole add\",\"outside\":\"203.0.113.1:4000\","
		"\"inside\":\"10.0.0.5:4000\",\"remotes\":[\"198.51.100.9:1\"],\"until_ns\":200000000000}");
	assert_true(json_object_object_get_ex(reply, "id", &id));
	assert_int_equal(count(w, ACT_PINHOLE_SET), 1);
	assert_int_equal(find(w, ACT_PINHOLE_SET, 0)->pinhole.deadline_ns, 200 * S);
	n_kept = 0;
	keep(w);
	json_object_put(reply);
	restart(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 1);
	w->now = 201 * S;
	actions_reset(&w->out);
	engine_tick(w->engine, w->now, &w->out);
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE), 1);
}

/* `inbound` without peers opens the host that it names, and lets nobody fill the table of bindings
 * by asking one address of a routed prefix after the other. */
static void strangers_bind_no_routed_host(void **state)
{
	struct world *w = *state;
	struct config c = w->config;
	char buf[4096], dst[EP_TEXT_MAX];

	assert_int_equal(prefix_parse(view_of("192.0.2.0/24"), &w->topo.inside[0].prefix), 0);
	w->topo.inside[0].mode = RF_MODE_ROUTED;
	w->topo.n_inside = 1;
	c.has_inbound = true;
	c.inbound = ep("192.0.2.10:5060");
	actions_reset(&w->out);
	engine_topology(w->engine, &w->topo, w->now, &w->out);
	engine_reconfigure(w->engine, &c, w->now, &w->out);
	for (int i = 1; i < 100; i++) {
		snprintf(dst, sizeof(dst), "192.0.2.%d:5060", i);
		message(buf, sizeof(buf), "OPTIONS sip:a SIP/2.0", "198.18.0.1;branch=z9hG4bK9",
			"s1", "", "1 OPTIONS", "s@198.18.0.1", "");
		feed(w, false, "198.18.0.1:5060", dst, buf, strlen(buf));
		assert_int_equal(count(w, ACT_SIGNAL_SET), 0);
		if (i != 10)
			assert_dropped(w, RF_R_SIP_UNKNOWN_PEER);
		else
			assert_sent(w, SEND_TO_INSIDE, "198.18.0.1:5060", dst);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(call_out),
		T(retransmission_changes_nothing),
		T(strangers_are_refused),
		T(strangers_bind_no_routed_host),
		T(keep_alive_passes_as_it_is),
		T(malformed_follows_policy),
		T(bad_sdp_opens_nothing),
		T(who_may_answer_sends_no_request_unread),
		T(nothing_hides_behind_an_answer),
		T(bytes_after_the_message_stay),
		T(failed_is_asked_again),
		T(calls_outlive_the_process),
		T(pinhole_by_hand),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
