// SPDX-License-Identifier: GPL-2.0-only
/*
 * A WAN device that goes and comes again under its name, with another number; one whose address goes and comes: what
 * is kept of calls, public ports, signalling ports and static pinholes follows, in the memory and over a restart.
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
#include "failing_memory.h"
#include "wan_names.h"

#define S	 1000000000ull
#define PHONE	 "10.0.0.5:5060"
#define PROVIDER "198.51.100.7:5060"
#define PUBLIC	 "203.0.113.1"

/* ---- the names ---- */

static struct topology topo_of(size_t n, const char *const *names, const uint32_t *ifindexes)
{
	struct topology t = { .n_wans = (uint16_t)n };

	for (size_t i = 0; i < n; i++) {
		t.wans[i].ifindex = ifindexes[i];
		strcpy(t.wans[i].name, names[i]);
	}
	return t;
}
#define TOPO(names, ...)                                                             \
	topo_of(sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), names, \
		(const uint32_t[]){ __VA_ARGS__ })

static void names_and_numbers(void **state)
{
	static const char *const two[] = { "ppp0", "eth1" }, *const other[] = { "wan0", "eth1" },
				 *const one[] = { "eth1" }, *const none[] = { "" };
	struct wan_names names = { 0 };
	struct wan_moves moves;
	struct topology t;

	t = TOPO(two, 5, 6);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 0);
	assert_string_equal(wan_names_of(&names, 5), "ppp0");
	assert_string_equal(wan_names_of(&names, 7), "");
	/* made anew */
	t = TOPO(two, 7, 6);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 1);
	assert_int_equal(wan_moves_to(&moves, 5), 7);
	assert_int_equal(wan_moves_to(&moves, 6), 6);
	/* each has the other's */
	t = TOPO(two, 6, 7);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 2);
	assert_int_equal(wan_moves_to(&moves, 7), 6);
	assert_int_equal(wan_moves_to(&moves, 6), 7);
	/* renamed: the number stays */
	t = TOPO(other, 6, 7);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 0);
	assert_string_equal(wan_names_of(&names, 6), "wan0");
	/* detached, and attached again */
	t = TOPO(one, 7);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 0);
	t = TOPO(other, 9, 7);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(wan_moves_to(&moves, 6), 9);
	/* detached, and the other one gets its number: what is kept of both stays apart */
	t = TOPO(one, 9);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(wan_moves_to(&moves, 7), 9);
	assert_true(wan_moves_to(&moves, 9) > INT32_MAX);
	t = TOPO(other, 11, 9);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 1);
	assert_int_equal(moves.v[0].to, 11);
	assert_true(moves.v[0].from > INT32_MAX);
	/* without a name nothing can be followed */
	t = TOPO(none, 12);
	wan_names_follow(&names, &t, &moves);
	assert_int_equal(moves.n, 0);
}

static void many_names(void **state)
{
	struct wan_names names = { 0 };
	struct wan_moves moves;
	char name[16];
	const char *const v[] = { "kept", name };

	for (uint32_t i = 0; i < 2 * WAN_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "ppp%u", i);
		struct topology t = TOPO(v, 2, 10 + i);

		wan_names_follow(&names, &t, &moves);
		assert_int_equal(moves.n, 0);
		assert_string_equal(wan_names_of(&names, 2), "kept");
		assert_string_equal(wan_names_of(&names, 10 + i), name);
	}
}

static uint32_t read_back(struct wan_names *writer, struct wan_names *reader, bool named,
			  uint32_t ifindex)
{
	struct record w = { 0 }, r;

	record_write(&w);
	wan_names_record(writer, &w, named, &ifindex);
	assert_true(record_done(&w));
	record_read(&r, (struct view){ (char *)w.buf, w.n });
	ifindex = 0;
	wan_names_record(reader, &r, named, &ifindex);
	assert_true(record_done(&r));
	record_free(&w);
	return ifindex;
}

static void in_a_record(void **state)
{
	struct wan_names was = { .v = { { 5, "ppp0" }, { 6, "eth1" } }, .n = 2 };
	struct wan_names now = { .v = { { 7, "ppp0" }, { 8, "wan1" } }, .n = 2 };
	struct wan_names only = { .v = { { 7, "ppp0" } }, .n = 1 };

	assert_int_equal(read_back(&was, &now, true, 5), 7);
	assert_int_equal(read_back(&was, &now, true, 6), 6); /* nobody has the name */
	assert_int_equal(read_back(NULL, NULL, true, 6), 6);
	/* records of before */
	assert_int_equal(read_back(&was, &now, false, 5), 5);
	assert_int_equal(read_back(&was, &only, false, 5), 7);
	assert_int_equal(read_back(&was, &only, false, 7), 7);
	/* of a device that is gone for good: not the other one's */
	assert_int_equal(read_back(&was, &only, true, 6), 6);
	/* but its own, if it is attached again */
	assert_int_equal(only.n, 2);
	assert_string_equal(wan_names_of(&only, 6), "eth1");
	assert_int_equal(read_back(&was, &only, true, 6), 6);
	assert_int_equal(only.n, 2);
}

/* ---- the engine ---- */

struct kept {
	enum record_kind kind;
	uint32_t id;
	char bytes[4096];
	size_t n;
};

struct world {
	struct config config;
	struct topology topo;
	struct engine *engine;
	struct action_list out;
	uint64_t now;
	struct kept journal[16];
	size_t n_journal;
};

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static size_t count(const struct world *w, enum action_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < w->out.n; i++)
		n += w->out.v[i].kind == kind;
	return n;
}

/* What the doer of the journal would keep. */
static void keep(struct world *w)
{
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];
		size_t k = 0;

		if (a->kind != ACT_SAVE && a->kind != ACT_FORGET)
			continue;
		while (k < w->n_journal &&
		       (w->journal[k].kind != a->record.kind || w->journal[k].id != a->record.id))
			k++;
		if (a->kind == ACT_FORGET) {
			if (k < w->n_journal)
				w->journal[k] = w->journal[--w->n_journal];
			continue;
		}
		assert_true(k < 16 && a->record.bytes.n <= sizeof(w->journal[k].bytes));
		w->n_journal += k == w->n_journal;
		w->journal[k].kind = a->record.kind;
		w->journal[k].id = a->record.id;
		w->journal[k].n = a->record.bytes.n;
		memcpy(w->journal[k].bytes, a->record.bytes.p, a->record.bytes.n);
	}
}

static void start(struct world *w)
{
	w->engine = engine_new(&w->config, &w->topo, w->now, 1);
	assert_non_null(w->engine);
	for (size_t i = 0; i < w->n_journal; i++)
		assert_int_equal(
			engine_restore(w->engine, w->journal[i].kind, w->journal[i].id,
				       (struct view){ w->journal[i].bytes, w->journal[i].n },
				       w->now),
			0);
	actions_reset(&w->out);
	engine_restored(w->engine, w->now, &w->out);
	keep(w);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct topology_wan *wan = &w->topo.wans[0];

	config_defaults(&w->config);
	w->topo.n_wans = 1;
	wan->ifindex = 5;
	strcpy(wan->name, "ppp0");
	wan->has4 = true;
	wan->wire4 = wan->public4 = ep(PUBLIC ":1").addr;
	wan->port_lo = 16384;
	wan->port_hi = 32767;
	w->topo.n_inside = w->config.n_inside;
	memcpy(w->topo.inside, w->config.inside, sizeof(w->topo.inside));
	w->now = 100 * S;
	start(w);
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

static void topology(struct world *w)
{
	actions_reset(&w->out);
	engine_topology(w->engine, &w->topo, w->now, &w->out);
	assert_false(w->out.failed);
	keep(w);
}

/* A message as it is on the wire at the hook; true: it was sent on. */
static bool feed(struct world *w, bool from_inside, const char *src, const char *dst,
		 const char *start, const char *to_tag, const char *cseq, const char *sdp)
{
	const char *own = from_inside ? "10.0.0.5" : PUBLIC;
	struct signal_in in = { .now_ns = w->now,
				.hook = from_inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN,
				.wan_ifindex = w->topo.wans[0].ifindex,
				.src = ep(src),
				.dst = ep(dst) };
	char buf[2048];

	snprintf(buf, sizeof(buf),
		 "%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"
		 "From: <sip:a@example.com>;tag=a\r\nTo: <sip:b@example.com>%s\r\nCall-ID: 7\r\n"
		 "CSeq: %s\r\nContact: <sip:%s>\r\n%sContent-Length: %zu\r\n\r\n%s",
		 start, own, cseq[0] == '1' ? "1" : "2", to_tag, cseq,
		 from_inside ? "a@10.0.0.5" : "b@198.51.100.7",
		 *sdp ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
	in.payload = view_of(buf);
	actions_reset(&w->out);
	engine_message(w->engine, &in, &w->out);
	assert_false(w->out.failed);
	keep(w);
	return count(w, ACT_SEND) == 1;
}

#define SDP(ip, port)                                                                      \
	"v=0\r\no=- 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port \
	" RTP/AVP 0\r\n"

static void call(struct world *w)
{
	assert_true(feed(w, true, PHONE, PROVIDER, "INVITE sip:b@example.com SIP/2.0", "",
			 "1 INVITE", SDP("10.0.0.5", "20000")));
	assert_true(feed(w, false, PROVIDER, PUBLIC ":5060", "SIP/2.0 200 OK", ";tag=b", "1 INVITE",
			 SDP("198.51.100.9", "40000")));
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
}

static void by_hand(struct world *w)
{
	json_object *request = json_tokener_parse(
		"{\"command\": \"pinhole add\", \"outside\": \"" PUBLIC ":30000\", "
		"\"inside\": \"10.0.0.6:4000\", \"remotes\": [\"192.0.2.1:9000\"]}");

	actions_reset(&w->out);
	json_object_put(engine_request(w->engine, request, w->now, &w->out));
	json_object_put(request);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 1);
	keep(w);
}

/* All that was asked of the kernel is for this device. */
static void assert_all_for(const struct world *w, uint32_t ifindex)
{
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];

		if (a->kind == ACT_PINHOLE_SET)
			assert_int_equal(a->pinhole.wan_ifindex, ifindex);
		if (a->kind == ACT_SIGNAL_SET)
			assert_int_equal(a->signal.wan_ifindex, ifindex);
	}
}

static void assert_ends(struct world *w)
{
	assert_true(feed(w, true, PHONE, PROVIDER, "INVITE sip:b@198.51.100.7 SIP/2.0", ";tag=b",
			 "2 INVITE", SDP("10.0.0.5", "20000")));
	assert_true(feed(w, false, PROVIDER, PUBLIC ":5060", "SIP/2.0 200 OK", ";tag=b", "2 INVITE",
			 SDP("198.51.100.9", "40000")));
	assert_int_equal(count(w, ACT_PINHOLE_SET) + count(w, ACT_PINHOLE_CLOSE), 0);
	assert_true(feed(w, true, PHONE, PROVIDER, "BYE sip:b@198.51.100.7 SIP/2.0", ";tag=b",
			 "3 BYE", ""));
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE), 2);
	w->now += 600 * S; /* its public ports are given back, under the number that they are at */
	actions_reset(&w->out);
	engine_tick(w->engine, w->now, &w->out);
}

static void made_anew(void **state)
{
	struct world *w = *state;

	call(w);
	by_hand(w);
	w->topo.wans[0].ifindex = 9;
	topology(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 3);
	assert_int_equal(count(w, ACT_SIGNAL_SET), 1);
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE) + count(w, ACT_SIGNAL_CLOSE), 0);
	assert_int_equal(count(w, ACT_SAVE), 3); /* call, binding, by hand */
	assert_all_for(w, 9);
	topology(w);
	assert_int_equal(w->out.n, 0); /* once */
	assert_ends(w);
}

/* The n-th allocation fails, and all behind it: what has not followed at once does so with the next tick, all of it. */
static void made_anew_without_memory(void **state)
{
	struct world *w = *state;
	bool failed = true;
	size_t set;

	call(w);
	by_hand(w);
	for (unsigned long n = 1; failed; n++) {
		assert_true(n < 100);
		w->topo.wans[0].ifindex = 9 + n;
		actions_free(&w->out); /* so that it needs memory */
		failing_begin(n, true);
		failing.armed = true;
		engine_topology(w->engine, &w->topo, w->now, &w->out);
		failing.armed = false;
		failed = failing.failed;
		assert_all_for(w, 9 + n);
		keep(w);
		set = count(w, ACT_PINHOLE_SET) + count(w, ACT_SIGNAL_SET);
		actions_reset(&w->out);
		engine_tick(w->engine, w->now, &w->out);
		assert_all_for(w, 9 + n);
		keep(w);
		set += count(w, ACT_PINHOLE_SET) + count(w, ACT_SIGNAL_SET);
		if (set != 4)
			fail_msg("allocation %lu failed: %zu of 4 have followed", n, set);
	}
	engine_save_all(w->engine, &w->out);
	assert_ends(w);
}

/* Gone for a while, and known by that only: no address, then another number. */
static void gone_and_back(void **state)
{
	struct world *w = *state;

	call(w);
	w->topo.wans[0].has4 = false;
	topology(w);
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE) + count(w, ACT_SIGNAL_CLOSE), 0);
	w->topo.wans[0].has4 = true;
	w->topo.wans[0].ifindex = 9;
	topology(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
	assert_all_for(w, 9);
	assert_ends(w);
}

static void restarted(void **state)
{
	struct world *w = *state;

	call(w);
	by_hand(w);
	engine_free(w->engine);
	w->topo.wans[0].ifindex = 9;
	start(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 3);
	assert_int_equal(count(w, ACT_SIGNAL_SET), 1);
	assert_all_for(w, 9);
	assert_ends(w);
}

/* Killed between the records of a move: each names the device, whatever number it has. */
static void restarted_half_moved(void **state)
{
	struct world *w = *state;
	struct kept before[16];
	size_t n;

	call(w);
	by_hand(w);
	memcpy(before, w->journal, sizeof(before));
	n = w->n_journal;
	w->topo.wans[0].ifindex = 9;
	topology(w);
	assert_int_equal(w->n_journal, n);
	for (size_t i = 0; i < n; i += 2)
		w->journal[i] = before[i];
	engine_free(w->engine);
	w->topo.wans[0].ifindex = 12;
	start(w);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 3);
	assert_all_for(w, 12);
	assert_ends(w);
}

static void address_away(void **state)
{
	struct world *w = *state;

	call(w);
	w->topo.wans[0].has4 = false;
	topology(w);
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE) + count(w, ACT_SIGNAL_CLOSE), 0);
	w->topo.wans[0].has4 = true;
	topology(w);
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE) + count(w, ACT_SIGNAL_CLOSE), 0);
	assert_ends(w);
}

/* Another one in its place: nobody can reach the former. The call goes on by the next offer, at the new one. */
static void another_address(void **state)
{
	struct world *w = *state;
	char text[EP_TEXT_MAX] = "";

	call(w);
	w->topo.wans[0].wire4 = w->topo.wans[0].public4 = ep("203.0.113.77:1").addr;
	w->topo.wans[0].ifindex = 9;
	topology(w);
	assert_int_equal(count(w, ACT_SIGNAL_CLOSE), 1);
	assert_true(feed(w, true, PHONE, PROVIDER, "INVITE sip:b@198.51.100.7 SIP/2.0", ";tag=b",
			 "2 INVITE", SDP("10.0.0.5", "20000")));
	assert_int_equal(count(w, ACT_PINHOLE_CLOSE), 2);
	assert_int_equal(count(w, ACT_PINHOLE_SET), 2);
	for (size_t i = 0; i < w->out.n; i++)
		if (w->out.v[i].kind == ACT_PINHOLE_SET && !w->out.v[i].pinhole.rtcp)
			ep_text(&w->out.v[i].pinhole.outside, text);
	assert_string_equal(text, "203.0.113.77:20000");
	assert_all_for(w, 9);
	assert_true(feed(w, false, PROVIDER, "203.0.113.77:5060", "SIP/2.0 200 OK", ";tag=b",
			 "2 INVITE", SDP("198.51.100.9", "40000")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(many_names),
		cmocka_unit_test(in_a_record),
		cmocka_unit_test_setup_teardown(made_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(made_anew_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(restarted, setup, teardown),
		cmocka_unit_test_setup_teardown(restarted_half_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(address_away, setup, teardown),
		cmocka_unit_test_setup_teardown(another_address, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
