/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Session descriptions within calls that are out of the ordinary: two families (RFC 6947, 4091), versions
 * (RFC 3264 8), attributes of the session, m-lines that come, go and change places, bodies of several
 * parts (RFC 5621), and calls of many hours (RFC 4028).
 */
#include "call_flow.h"

#define IN   "192.168.1.10"
#define IN6  "fd00::10"
#define REM  "198.51.100.9"
#define REM6 "2001:db8:2::9"
#define WAN  "203.0.113.1"
#define WAN6 "2001:db8:1::1"

#define PIN(in, out, classes, remote) in "=" out " " classes " " remote
/* RTP and RTCP of ports that end with 0 or 4. */
#define STREAM(in, out, remote)                                        \
	PIN(IN ":" in "0", WAN ":" out "0", "r/r", REM ":" remote "0") \
	"; " PIN(IN ":" in "1", WAN ":" out "1", "c/c", REM ":" remote "1")
#define STREAM6(in, out, remote)                                                         \
	PIN("[" IN6 "]:" in "0", "[" WAN6 "]:" out "0", "r/r", "[" REM6 "]:" remote "0") \
	"; " PIN("[" IN6 "]:" in "1", "[" WAN6 "]:" out "1", "c/c", "[" REM6 "]:" remote "1")

#define ALTC_IN                                                                               \
	"c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0|a=altc:1 IP6 " IN6 " 20010|a=altc:2 IP4 " IN \
	" 20000|a=ptime:20"

/* RFC 6947 3: the inside offers both; the family of the answer is the one that was chosen. */
static void altc_offered(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, ALTC_IN, NULL, "" });
	assert_true(flow_sent_has(f, "m=audio 20000 RTP/AVP 0\r\na=altc:1 IP6 " WAN6 " 20010\r\n"
				     "a=altc:2 IP4 " WAN " 20000\r\na=ptime:20\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", "c=IN IP6 " REM6 "|m=audio 7000 RTP/AVP 0", NULL,
	       STREAM6("2001", "2001", "700") },
	     { ">", "ACK", 1, "u" }, { ">", "INVITE", 2, "u", ALTC_IN },
	     { "<", "200 INVITE", 2, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0", NULL,
	       STREAM("2000", "2000", "700") },
	     { ">", "ACK", 2, "u" }, { ">", "BYE", 3, "u", NULL, NULL, "" },
	     { "<", "200 BYE", 3, "u" });
}

static void altc_answered(void **state)
{
	struct flow *f = *state;

	f->caller_inside = false;
	FLOW(f,
	     { "<", "INVITE", 1, NULL,
	       "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=altc:1 IP6 " REM6
	       " 7010|a=altc:2 IP4 " REM " 7000",
	       NULL, "" },
	     { ">", "200 INVITE", 1, "u", "c=IN IP6 " IN6 "|m=audio 20000 RTP/AVP 0", NULL,
	       STREAM6("2000", "2000", "701") },
	     { "<", "ACK", 1, "u" });
	assert_null(strstr(f->events, "different families"));
}

/* What no port is leased for, cannot be read, or is of a family that the WAN has not, goes; what is
 * public stays. */
static void altc_hidden(void **state)
{
	struct flow *f = *state;

	f->topo.wans[0].has6 = false;
	f->caller_inside = true;
	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "c=IN IP4 " IN "|a=altc:1 IP4 10.0.0.1 4|m=audio 20000 RTP/AVP 0|a=altc:1 IP6 " IN6
	       " 20010|a=altc:2 IP4 192.168.1.77 20000|a=altc:3 IP4 " IN
	       " 20000 20001|a=altc:4 IP4 " IN "|a=altc:5 IP4 " IN
	       " 99999|a=altc:6 IP6 fd00::1%eth0 5|a=altc:7 IP4 phone.example.com 6|a=ccap:1 IN IP4 " IN
	       "|a=alt:1 1 : x y " IN " 20000|a=altc:8 IP4 192.0.2.8 8|a=altc|a=altc:9|a=ptime:20",
	       NULL, "" });
	assert_true(flow_sent_has(
		f, "m=audio 20000 RTP/AVP 0\r\na=altc:7 IP4 phone.example.com 6\r\n"
		   "a=altc:8 IP4 192.0.2.8 8\r\na=altc\r\na=altc:9\r\na=ptime:20\r\n"));
	assert_false(flow_sent_has(f, "10.0.0.1"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0", NULL,
	       STREAM("2000", "2000", "700") },
	     { ">", "ACK", 1, "u" });
}

/* An alternative that the peer cannot be at is none. */
static void altc_hostile(void **state)
{
	struct flow *f = *state;

	f->caller_inside = false;
	f->once = true;
	FLOW(f,
	     { "<", "INVITE", 1, NULL,
	       "c=IN IP4 " REM
	       "|m=audio 7000 RTP/AVP 0|a=altc:1 IP6 ::1 7010|a=altc:2 IP6 ff02::1 7010"
	       "|a=altc:3 IP6 " IN6 " 7010|a=altc:4 IP6 " WAN6 " 7010|a=altc:5 IP6 :: 7010",
	       NULL, "" },
	     { ">", "200 INVITE", 1, "u", "c=IN IP6 " IN6 "|m=audio 20000 RTP/AVP 0", NULL, "" });
	assert_non_null(strstr(f->events, "different families"));
	FLOW(f, { "<", "ACK", 1, "u" });
}

#define ANAT_IN                                                                                    \
	"a=group:ANAT 1 2|m=audio 20000 RTP/AVP 0|c=IN IP4 " IN "|a=mid:1|m=audio 20010 RTP/AVP 0" \
	"|c=IN IP6 " IN6 "|a=mid:2"

/* RFC 4091: an m-line for each family, of which the answer refuses one. */
static void anat(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, ANAT_IN, NULL, "" });
	assert_true(flow_sent_has(f, "a=group:ANAT 1 2\r\nm=audio 20000 RTP/AVP 0\r\nc=IN IP4 " WAN
				     "\r\na=mid:1\r\nm=audio 20010 RTP/AVP 0\r\nc=IN IP6 " WAN6
				     "\r\na=mid:2\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u",
	       "m=audio 0 RTP/AVP 0|c=IN IP4 0.0.0.0|a=mid:1|m=audio 7000 RTP/AVP 0|c=IN IP6 " REM6
	       "|a=mid:2",
	       NULL, STREAM6("2001", "2001", "700") },
	     { ">", "ACK", 1, "u" }, { ">", "INVITE", 2, "u", ANAT_IN },
	     { "<", "200 INVITE", 2, "u",
	       "m=audio 7000 RTP/AVP 0|c=IN IP4 " REM
	       "|a=mid:1|m=audio 0 RTP/AVP 0|c=IN IP6 ::|a=mid:2",
	       NULL, STREAM("2000", "2000", "700") },
	     { ">", "ACK", 2, "u" });
}

#define OFFER(o, port) o "|c=IN IP4 " IN "|m=audio " port " RTP/AVP 0"
#define ANSWER(o)      o "|c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0"

/* RFC 3264 8: the version goes up by one with each new description. What does not is said, once, and
 * taken as it is: peers that go by the content are as many as those that go by the version. */
static void versions(void **state)
{
	struct flow *f = *state;

	f->once = true;
	FLOW(f, { ">", "INVITE", 1, NULL, OFFER("o=5 1", "20000"), NULL, "" },
	     { "<", "200 INVITE", 1, "u", ANSWER("o=9 4294967296"), NULL,
	       STREAM("2000", "2000", "700") },
	     { ">", "ACK", 1, "u" }, { ">", "INVITE", 2, "u", OFFER("o=5 1", "20000") });
	assert_int_equal(f->n_set + f->n_close + f->n_event, 0);
	FLOW(f, { "<", "200 INVITE", 2, "u", ANSWER("o=9 4294967296") });
	assert_int_equal(f->n_close + f->n_event, 0);
	FLOW(f, { ">", "ACK", 2, "u" },
	     { ">", "INVITE", 3, "u", OFFER("o=5 2", "20010"), NULL,
	       STREAM("2000", "2000", "700") "; " STREAM("2001", "2001", "700") });
	assert_null(strstr(f->events, "version"));
	assert_true(flow_sent_has(f, "o=- 5 2 IN IP4 " WAN "\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 3, "u", ANSWER("o=9 4294967297"), NULL,
	       STREAM("2001", "2001", "700") },
	     { ">", "ACK", 3, "u" },
	     { ">", "INVITE", 4, "u", OFFER("o=5 2", "20000"), NULL,
	       STREAM("2000", "2000", "700") "; " STREAM("2001", "2001", "700") });
	assert_non_null(strstr(f->events, "without a new version"));
	FLOW(f, { "<", "488 INVITE", 4, "u", NULL, NULL, STREAM("2001", "2001", "700") },
	     { ">", "ACK", 4, "u" },
	     { ">", "INVITE", 5, "u", OFFER("o=5 3", "20000"), NULL,
	       STREAM("2000", "2000", "700") "; " STREAM("2001", "2001", "700") });
	assert_null(strstr(f->events, "version"));
	FLOW(f,
	     { "<", "200 INVITE", 5, "u", ANSWER("o=9 7"), NULL, STREAM("2000", "2000", "700") });
	assert_non_null(strstr(f->events, "does not go up by one"));
	/* said once; another session, and what is no number, say nothing */
	FLOW(f, { ">", "ACK", 5, "u" },
	     { "<", "INVITE", 2, "u",
	       "o=9 100|c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=sendonly" });
	assert_null(strstr(f->events, "version"));
	FLOW(f,
	     { ">", "200 INVITE", 2, "u", OFFER("o=77 1", "20000"), NULL,
	       PIN(IN ":20000", WAN ":20000", "r/-",
		   REM ":7000") "; " PIN(IN ":20001", WAN ":20001", "c/c", REM ":7001") },
	     { "<", "ACK", 2, "u" },
	     { ">", "INVITE", 6, "u", OFFER("o=x 99999999999999999999999", "20000") },
	     { "<", "200 INVITE", 6, "u", ANSWER("o=9 x"), NULL, STREAM("2000", "2000", "700") },
	     { ">", "ACK", 6, "u" });
	assert_true(flow_sent_has(f, "ACK"));
}

/* A session-level attribute holds for every m-line that does not say otherwise. */
static void session_level(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL,
		  "c=IN IP4 " IN
		  "|a=sendonly|m=audio 20000 RTP/AVP 0|m=audio 20010 RTP/AVP 0|a=sendrecv"
		  "|m=audio 20020 RTP/AVP 0|c=IN IP4 192.168.1.11|a=inactive",
		  NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP4 " WAN "\r\nt=0 0\r\na=sendonly\r\nm=audio 20000 "));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 " REM
	       "|a=recvonly|m=audio 7000 RTP/AVP 0|m=audio 7010 RTP/AVP 0|a=sendrecv"
	       "|m=audio 7020 RTP/AVP 0|a=inactive",
	       NULL,
	       PIN(IN ":20000", WAN ":20000", "-/r", REM ":7000") "; " PIN(
		       IN ":20001", WAN ":20001", "c/c",
		       REM
		       ":7001") "; " STREAM("2001", "2001",
					    "701") "; " PIN("192.168.1.11:20020", WAN ":20020",
							    "-/-",
							    REM
							    ":7020") "; " PIN("192.168.1.11:20021",
									      WAN ":20021", "c/c",
									      REM ":7021") },
	     { ">", "ACK", 1, "u" });
}

/* A call that is refreshed every half hour, for a day: nothing grows. */
static void a_day_with_refreshes(void **state)
{
	struct flow *f = *state;
	struct step steps[] = {
		{ ">", "INVITE", 0, "u", "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0",
		  "Session-Expires: 3600;refresher=uac\r\n", .after_s = 1800 },
		{ "<", "200 INVITE", 0, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0",
		  "Session-Expires: 3600;refresher=uac\r\n" },
		{ ">", "ACK", 0, "u" },
		{ "<", "UPDATE", 0, "u", NULL, "Session-Expires: 3600;refresher=uac\r\n",
		  .after_s = 1800 },
		{ ">", "200 UPDATE", 0, "u", NULL, "Session-Expires: 3600;refresher=uac\r\n" },
	};
	size_t size = 0, ports = 0;
	uint32_t id = 0;

	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0", NULL, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0",
	       "Session-Expires: 3600;refresher=uac\r\n", STREAM("2000", "2000", "700") },
	     { ">", "ACK", 1, "u" });
	for (uint32_t hour = 1; hour <= 24; hour++) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			steps[i].cseq = 1 + hour;
			flow_step(f, &steps[i]);
		}
		assert_int_equal(f->n_pins, 2);
		assert_int_equal(f->n_records, 1);
		if (hour == 1) {
			size = f->records[0].bytes.n;
			ports = ports_taken(f->t->ports);
			id = f->pins[0].id;
		}
		assert_int_equal(f->records[0].bytes.n, size);
		assert_int_equal(ports_taken(f->t->ports), ports);
		assert_int_equal(f->pins[0].id, id);
		assert_int_equal(f->pins[0].deadline_ns > f->now + 3000 * SECONDS, 1);
	}
	/* and without another refresh it is over */
	flow_after(f, 3601);
	assert_int_equal(f->n_pins, 0);
}

/* Without a session timer the operator's limit holds, to the second. */
static void forty_hours(void **state)
{
	struct flow *f = *state;

	f->cfg.call_max_s = 48 * 3600;
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0", NULL, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0", NULL,
	       STREAM("2000", "2000", "700") },
	     { ">", "ACK", 1, "u" });
	for (int hour = 0; hour < 40; hour++) {
		flow_after(f, 3600);
		assert_int_equal(f->n_pins, 2);
		if (hour) /* in the first one forks cease to be awaited */
			assert_int_equal(f->n_set + f->n_close + f->n_save, 0);
	}
	flow_after(f, 8 * 3600 - 1);
	assert_int_equal(f->n_pins, 2);
	flow_after(f, 1);
	assert_int_equal(f->n_pins, 0);
	f->cfg.call_max_s = 43200;
}

#define T(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(altc_offered), T(altc_answered), T(altc_hidden),   T(altc_hostile),
		T(anat),	 T(versions),	   T(session_level), T(a_day_with_refreshes),
		T(forty_hours),
	};

	return cmocka_run_group_tests_name("descriptions within calls", tests, NULL, NULL);
}
