/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Call flows: messages in, open pinholes after each of them. Every message is also given twice
 * (call_flow.h): the second time nothing may happen.
 */
#include "call_flow.h"

#define IN	"192.168.1.10"
#define WAN	"203.0.113.1"
#define REM	"198.51.100.9"
#define SDP_IN	"c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0 101|a=rtpmap:101 telephone-event/8000"
#define SDP_OUT "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0"
/* RTP and RTCP of the usual stream: what is allowed in/out, remote. */
#define PINS(rtp) \
	IN ":20000=" WAN ":20000 " rtp " " REM ":7000; " IN ":20001=" WAN ":20001 c/c " REM ":7001"
#define BOTH PINS("r/r")

static void answered(struct flow *f)
{
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 1, "u" });
}

static void answered_in(struct flow *f)
{
	f->caller_inside = false;
	FLOW(f, { "<", "INVITE", 1, NULL, SDP_OUT, NULL, "" },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, BOTH }, { "<", "ACK", 1, "u" });
}

static void out_basic(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP4 " WAN "\r\n"));
	assert_true(flow_sent_has(f, "o=- 1 1 IN IP4 " WAN "\r\n"));
	assert_true(flow_sent_has(f, "m=audio 20000 RTP/AVP 0 101\r\n"));
	FLOW(f, { "<", "100 INVITE", 1 }, { "<", "180 INVITE", 1, "u", NULL, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].payload_types_in[0], 1); /* PCMU */
	assert_int_equal(f->pins[0].payload_types_in[12], 0); /* 101 is not in the answer */
	assert_int_equal(f->pins[0].clock_rate, 8000);
	assert_int_equal(f->pins[0].idle_s, f->cfg.media_idle_s);
	assert_int_equal(f->pins[1].idle_s, 0);
	assert_string_equal(f->pins[0].codec, "PCMU");
	assert_int_equal(f->pins[0].deadline_ns, f->now + f->cfg.call_max_s * SECONDS);
	FLOW(f, { ">", "BYE", 2, "u", NULL, NULL, "" }, { "<", "200 BYE", 2, "u" });
	flow_after(f, 33);
	assert_int_equal(call_count(f->t), 0);
}

static void in_basic(void **state)
{
	struct flow *f = *state;

	f->caller_inside = false;
	FLOW(f, { "<", "INVITE", 1, NULL, SDP_OUT, NULL, "" }, { ">", "180 INVITE", 1, "u" },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, BOTH }, { "<", "ACK", 1, "u" },
	     { "<", "BYE", 2, "u", NULL, NULL, "" }, { ">", "200 BYE", 2, "u" });
}

/* BYE of the callee side, both ways. */
static void bye_by_callee(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { "<", "BYE", 1, "u", NULL, NULL, "" }, { ">", "200 BYE", 1, "u" });
	flow_over(f);
	answered_in(f);
	FLOW(f, { ">", "BYE", 1, "u", NULL, NULL, "" }, { "<", "200 BYE", 1, "u" });
}

static void events_told(void **state)
{
	struct flow *f = *state;

	f->once = true;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" });
	assert_string_equal(f->events,
			    "call out from sip:caller@example.com to sip:callee@example.com\n");
	assert_int_equal(f->n_save, 1);
	FLOW(f, { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH });
	assert_int_equal(f->n_event, 1);
	FLOW(f, { ">", "ACK", 1, "u" }, { ">", "BYE", 2, "u", NULL, NULL, "" });
	assert_non_null(strstr(f->events, "BYE from inside"));
	FLOW(f, { "<", "200 BYE", 2, "u" });
	assert_int_equal(f->n_event, 0);
	flow_after(f, 33);
	assert_int_equal(f->n_forget, 1);
}

static void early_media(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH });
	assert_int_equal(f->pins[0].idle_s, 0);
	assert_int_equal(f->pins[0].deadline_ns, f->now + f->cfg.setup_timeout_s * SECONDS);
	/* the 2xx has no SDP: the answer of the 183 holds */
	FLOW(f, { "<", "200 INVITE", 1, "u", NULL, NULL, BOTH }, { ">", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].deadline_ns, f->now + f->cfg.call_max_s * SECONDS);
	FLOW(f, { ">", "BYE", 2, "u", NULL, NULL, "" });
}

/* The answer in the 2xx differs from the preview in the 183. */
static void early_media_moves(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", "c=IN IP4 198.51.100.8|m=audio 9000 RTP/AVP 0", NULL,
	       IN ":20000=" WAN ":20000 r/r 198.51.100.8:9000; " IN ":20001=" WAN
		  ":20001 c/c 198.51.100.8:9001" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 1, "u" });
}

static void cancelled(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { ">", "CANCEL", 1, NULL, NULL, NULL, "" }, { "<", "200 CANCEL", 1, "u" },
	     { "<", "487 INVITE", 1, "u", NULL, NULL, "" }, { ">", "ACK", 1, "u" });
	flow_after(f, 33);
	assert_int_equal(call_count(f->t), 0);
}

/* RFC 3261 9.1: the 2xx crosses the CANCEL; the caller then hangs up. */
static void cancel_too_late(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { ">", "CANCEL", 1, NULL, NULL, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 1, "u" },
	     { ">", "BYE", 2, "u", NULL, NULL, "" }, { "<", "200 BYE", 2, "u" });
}

static void cancel_unanswered(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" }, { "<", "180 INVITE", 1, "u" },
	     { ">", "CANCEL", 1 });
	flow_after(f, 33);
	assert_non_null(strstr(f->events, "cancelled"));
	flow_after(f, 33);
	assert_int_equal(call_count(f->t), 0);
}

static void rejected(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { "<", "486 INVITE", 1, "u", NULL, NULL, "" }, { ">", "ACK", 1, "u" },
	     /* late: it is over */
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, "" });
	assert_int_equal(ports_taken(f->t->ports), 0);
}

static void challenged(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" }, { "<", "407 INVITE", 1, "p" },
	     { ">", "ACK", 1, "p" });
	assert_int_equal(ports_taken(f->t->ports), 1);
	FLOW(f, { ">", "INVITE", 2, NULL, SDP_IN, NULL, "" },
	     /* of the first attempt, late */
	     { "<", "183 INVITE", 1, "x", SDP_OUT, NULL, "" },
	     { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 2, "u" });
	assert_int_equal(call_count(f->t), 1);
	FLOW(f, { ">", "BYE", 3, "u", NULL, NULL, "" });
}

static void challenge_given_up(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" }, { "<", "401 INVITE", 1, "p" });
	flow_after(f, 33);
	assert_int_equal(ports_taken(f->t->ports), 0);
}

static void hold(void **state)
{
	struct flow *f = *state;

	answered(f);
	/* sendonly by inside: until it is answered the old session holds */
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN "|a=sendonly", NULL, BOTH },
	     { "<", "200 INVITE", 2, "u", SDP_OUT "|a=recvonly", NULL, PINS("-/r") },
	     { ">", "ACK", 2, "u" });
	assert_true(f->pins[0].held_in && !f->pins[0].held_out);
	assert_int_equal(f->pins[0].idle_s, f->cfg.media_idle_s);
	/* resume: what inside offers to receive may come before the answer does */
	FLOW(f, { ">", "INVITE", 3, "u", SDP_IN, NULL, PINS("r/r") },
	     { "<", "200 INVITE", 3, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 3, "u" },
	     /* inactive by outside */
	     { "<", "INVITE", 1, "u", SDP_OUT "|a=inactive", NULL, BOTH },
	     { ">", "200 INVITE", 1, "u", SDP_IN "|a=inactive", NULL, PINS("-/-") },
	     { "<", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].idle_s, 0);
	FLOW(f, { "<", "INVITE", 2, "u", SDP_OUT, NULL, PINS("-/-") },
	     { ">", "200 INVITE", 2, "u", SDP_IN, NULL, BOTH }, { "<", "ACK", 2, "u" },
	     { ">", "BYE", 4, "u", NULL, NULL, "" });
}

/* RFC 2543: c=0.0.0.0. The held side may still be sent music by the holding one. */
static void hold_zero(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "INVITE", 2, "u", "c=IN IP4 0.0.0.0|m=audio 20000 RTP/AVP 0", NULL, BOTH });
	assert_true(flow_sent_has(f, "c=IN IP4 0.0.0.0\r\n"));
	FLOW(f, { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, PINS("-/r") }, { ">", "ACK", 2, "u" },
	     { ">", "INVITE", 3, "u", SDP_IN, NULL, PINS("r/r") },
	     { "<", "200 INVITE", 3, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 3, "u" },
	     { "<", "INVITE", 1, "u", "c=IN IP4 0.0.0.0|m=audio 7000 RTP/AVP 0", NULL, BOTH },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, PINS("r/-") }, { "<", "ACK", 1, "u" },
	     { "<", "INVITE", 2, "u", SDP_OUT, NULL, PINS("r/-") },
	     { ">", "200 INVITE", 2, "u", SDP_IN, NULL, BOTH }, { "<", "ACK", 2, "u" });
}

#define SDP_IN2	 "c=IN IP4 " IN "|m=audio 21000 RTP/AVP 0"
#define SDP_OUT2 "c=IN IP4 198.51.100.8|m=audio 9000 RTP/AVP 0"
#define NEW_IN \
	IN ":21000=" WAN ":21000 r/r " REM ":7000; " IN ":21001=" WAN ":21001 c/c " REM ":7001"

static void new_inside_port(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, NEW_IN }, { ">", "ACK", 2, "u" });
	flow_after(f, 33); /* until then a fork might accept the first offer */
	assert_int_equal(ports_taken(f->t->ports), 1);
}

static void new_outside_port(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { "<", "INVITE", 1, "u", SDP_OUT2, NULL, BOTH },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL,
	       IN ":20000=" WAN ":20000 r/r 198.51.100.8:9000; " IN ":20001=" WAN
		  ":20001 c/c 198.51.100.8:9001" },
	     { "<", "ACK", 1, "u" });
}

static void refused_reinvite(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "491 INVITE", 2, "u", NULL, NULL, BOTH }, { ">", "ACK", 2, "u" });
	assert_int_equal(ports_taken(f->t->ports), 1);
	FLOW(f, { "<", "INVITE", 1, "u", SDP_OUT2, NULL, BOTH },
	     { ">", "488 INVITE", 1, "u", SDP_IN2, NULL, BOTH }, { "<", "ACK", 1, "u" },
	     /* a preview that comes to nothing */
	     { ">", "INVITE", 3, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "183 INVITE", 3, "u", SDP_OUT, NULL, NEW_IN },
	     { "<", "500 INVITE", 3, "u", NULL, NULL, BOTH }, { ">", "ACK", 3, "u" },
	     /* RFC 3261 12.2.1.2 */
	     { ">", "INVITE", 4, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "481 INVITE", 4, "u", NULL, NULL, "" });
}

/* RFC 3261 14.1: both at once, both refused. */
static void glare(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "INVITE", 1, "u", SDP_OUT2, NULL, BOTH "; " NEW_IN },
	     { ">", "491 INVITE", 1, "u", NULL, NULL, BOTH "; " NEW_IN },
	     { "<", "491 INVITE", 2, "u", NULL, NULL, BOTH });
}

static void late_offer(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, NULL, NULL, "" }, { "<", "180 INVITE", 1, "u" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, "" },
	     { ">", "ACK", 1, "u", SDP_IN, NULL, BOTH },
	     /* a re-INVITE without offer, from the other side */
	     { "<", "INVITE", 1, "u", NULL, NULL, BOTH },
	     { ">", "200 INVITE", 1, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "ACK", 1, "u", SDP_OUT, NULL, NEW_IN }, { "<", "BYE", 2, "u", NULL, NULL, "" });
}

static void late_offer_in(void **state)
{
	struct flow *f = *state;

	f->caller_inside = false;
	FLOW(f, { "<", "INVITE", 1, NULL, NULL, NULL, "" },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, "" },
	     { "<", "ACK", 1, "u", SDP_OUT, NULL, BOTH });
}

/* An offer in a 2xx or in a reliable 1xx is given again until its ACK or PRACK comes (RFC 3261 13.3.1.4, RFC 3262 3):
 * nothing is written then, and its answer is not waited for any longer. */
static void late_offer_again(void **state)
{
	static const struct step steps[] = {
		{ "<", "183 INVITE", 1, "u", SDP_OUT, "RSeq: 1\r\n", "" },
		{ "<", "200 INVITE", 1, "u", SDP_OUT, NULL, "" },
	};
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, NULL, NULL, "" });
	f->once = true;
	for (size_t i = 0; i < 2; i++)
		for (int again = 0; again < 3; again++) {
			flow_step(f, &steps[i]);
			assert_int_equal(f->n_save, !again);
			flow_after(f, 1);
		}
	FLOW(f, { ">", "ACK", 1, "u", SDP_IN, NULL, BOTH },
	     { "<", "INVITE", 1, "u", NULL, NULL, BOTH },
	     { ">", "183 INVITE", 1, "u", SDP_IN2, "RSeq: 1\r\n", BOTH "; " NEW_IN });
	/* the first 2xx is waited for as if nothing had been before it */
	flow_after(f, f->cfg.setup_timeout_s - 10);
	for (int again = 0; again < 3; again++) {
		FLOW(f, { ">", "200 INVITE", 1, "u", SDP_IN2, NULL, BOTH "; " NEW_IN });
		assert_int_equal(f->n_save, !again);
		flow_after(f, 8);
	}
	FLOW(f, { "<", "ACK", 1, "u", SDP_OUT, NULL, NEW_IN });
	f->once = false;
}

#define RELIABLE "Require: 100rel\r\nRSeq: 1\r\n"

static void prack(void **state)
{
	struct flow *f = *state;

	/* offer in INVITE, answer in the reliable 183, another offer and answer in PRACK */
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, RELIABLE, BOTH },
	     { ">", "PRACK", 2, "u", SDP_IN2, "RAck: 1 1 INVITE\r\n", BOTH "; " NEW_IN },
	     { "<", "200 PRACK", 2, "u", SDP_OUT, NULL, NEW_IN },
	     { ">", "UPDATE", 3, "u", SDP_IN2 "|a=sendonly", NULL, NEW_IN },
	     { "<", "200 UPDATE", 3, "u", SDP_OUT "|a=recvonly", NULL,
	       IN ":21000=" WAN ":21000 -/r " REM ":7000; " IN ":21001=" WAN ":21001 c/c " REM
		  ":7001" },
	     { "<", "200 INVITE", 1, "u" }, { ">", "ACK", 1, "u" },
	     { ">", "BYE", 4, "u", NULL, NULL, "" });
}

static void prack_answers(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, NULL, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, RELIABLE, "" },
	     { ">", "PRACK", 2, "u", SDP_IN, "RAck: 1 1 INVITE\r\n", BOTH },
	     { "<", "200 PRACK", 2, "u" }, { "<", "200 INVITE", 1, "u" }, { ">", "ACK", 1, "u" });
}

static void update_refused(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { "<", "UPDATE", 1, "u", SDP_OUT2, NULL, BOTH },
	     { ">", "488 UPDATE", 1, "u", NULL, NULL, BOTH },
	     { ">", "UPDATE", 2, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "504 UPDATE", 2, "u", NULL, NULL, BOTH });
}

/* Two forks ring with media, both answer: each has the media it agreed on, on one public port. */
static void forks(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { "<", "183 INVITE", 1, "v", SDP_OUT2, NULL,
	       IN ":20000=" WAN ":20000 r/r " REM ":7000,198.51.100.8:9000; " IN ":20001=" WAN
		  ":20001 c/c " REM ":7001,198.51.100.8:9001" },
	     { "<", "200 INVITE", 1, "u", NULL, NULL, BOTH }, { ">", "ACK", 1, "u" },
	     { "<", "200 INVITE", 1, "v", SDP_OUT2, NULL,
	       IN ":20000=" WAN ":20000 r/r " REM ":7000,198.51.100.8:9000; " IN ":20001=" WAN
		  ":20001 c/c " REM ":7001,198.51.100.8:9001" },
	     { ">", "ACK", 1, "v" }, { ">", "BYE", 2, "v", NULL, NULL, BOTH },
	     { "<", "200 BYE", 2, "v" });
	flow_after(f, 100);
	assert_string_equal(flow_pins(f), BOTH);
	FLOW(f, { "<", "BYE", 1, "u", NULL, NULL, "" });
}

static void many_forks(void **state)
{
	struct flow *f = *state;
	char tag[16];

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" });
	f->once = true;
	for (int i = 0; i < 40; i++) {
		struct step s = { "<", "180 INVITE", 1, tag };

		snprintf(tag, sizeof(tag), "t%d", i);
		flow_step(f, &s);
	}
	FLOW(f, { "<", "486 INVITE", 1, "t1", NULL, NULL, "" });
}

static void port_zero(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN "|m=video 20002 RTP/AVP 31", NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT "|m=video 0 RTP/AVP 31", NULL, BOTH },
	     { ">", "ACK", 1, "u" });
	/* the whole stream is given up */
	FLOW(f, { ">", "INVITE", 2, "u", "c=IN IP4 " IN "|m=audio 0 RTP/AVP 0", NULL, BOTH });
	assert_true(flow_sent_has(f, "m=audio 0 "));
	FLOW(f, { "<", "200 INVITE", 2, "u", "c=IN IP4 " REM "|m=audio 0 RTP/AVP 0", NULL, "" },
	     { ">", "ACK", 2, "u" });
	flow_after(f, 33);
	assert_int_equal(ports_taken(f->t->ports), 0);
}

static void two_streams(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL,
		  SDP_IN "|m=video 5004 RTP/AVP 31|c=IN IP4 192.168.1.77|a=rtcp:5555", NULL, "" });
	assert_true(flow_sent_has(f, "m=video 16384 RTP/AVP 31\r\nc=IN IP4 " WAN
				     "\r\na=rtcp:16386\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u",
	       SDP_OUT "|m=video 7100 RTP/AVP 31|a=rtcp:7999 IN IP4 198.51.100.99", NULL,
	       BOTH "; 192.168.1.77:5004=" WAN ":16384 r/r " REM ":7100; 192.168.1.77:5555=" WAN
		    ":16386 c/c 198.51.100.99:7999" },
	     { ">", "ACK", 1, "u" }, { "<", "BYE", 1, "u", NULL, NULL, "" });
	assert_int_equal(f->n_pins, 0);
}

static void mux(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN "|a=rtcp-mux", NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { "<", "200 INVITE", 1, "u", SDP_OUT "|a=rtcp-mux", NULL,
	       IN ":20000=" WAN ":20000 rc/rc " REM ":7000" },
	     { ">", "ACK", 1, "u" });
}

static void port_range(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " IN "|m=audio 20000/2 RTP/AVP 0", NULL, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000/2 RTP/AVP 0", NULL,
	       BOTH "; " IN ":20002=" WAN ":20002 r/r " REM ":7002; " IN ":20003=" WAN
		    ":20003 c/c " REM ":7003" },
	     { ">", "ACK", 1, "u" });
	assert_int_equal(ports_taken(f->t->ports), 2);
}

static void fax(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { "<", "INVITE", 1, "u", "c=IN IP4 " REM "|m=image 7004 udptl t38", NULL, BOTH },
	     { ">", "200 INVITE", 1, "u", "c=IN IP4 " IN "|m=image 20000 udptl t38", NULL,
	       IN ":20000=" WAN ":20000 u/u " REM ":7004" },
	     { "<", "ACK", 1, "u" });
	assert_string_equal(f->pins[0].codec, "t38");
}

static void dtls_ice(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL,
		  "c=IN IP4 " IN "|m=audio 20000 UDP/TLS/RTP/SAVPF 0|a=rtcp-mux|a=ice-ufrag:abcd"
		  "|a=ice-pwd:abcdefghijklmnopqrstuv|a=fingerprint:sha-1 00:11"
		  "|a=candidate:1 1 UDP 2130706431 " IN " 20000 typ host"
		  "|a=candidate:2 1 UDP 2130706431 10.0.0.5 20000 typ host"
		  "|a=candidate:3 1 UDP 1694498815 192.0.2.33 40000 typ srflx raddr " IN
		  " rport 20000",
		  NULL, "" });
	assert_true(flow_sent_has(f,
				  "a=candidate:1 1 UDP 2130706431 " WAN " 20000 typ host\r\n"
				  "a=candidate:3 1 UDP 1694498815 192.0.2.33 40000 typ srflx raddr "
				  "0.0.0.0 rport 9\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 " REM "|m=audio 7000 UDP/TLS/RTP/SAVPF 0|a=rtcp-mux|a=ice-ufrag:abcd"
	       "|a=ice-pwd:abcdefghijklmnopqrstuv|a=fingerprint:sha-1 00:11",
	       NULL, IN ":20000=" WAN ":20000 rcsd/rcsd +" REM ":7000" },
	     { ">", "ACK", 1, "u" });
}

static void host_mode(void **state)
{
	struct flow *f = *state;

	f->mode = RF_MODE_HOST;
	f->inside = f->outside;
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " WAN "|m=audio 20000 RTP/AVP 0", NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL,
	       WAN ":20000=" WAN ":20000 r/r " REM ":7000; " WAN ":20001=" WAN ":20001 c/c " REM
		   ":7001" },
	     { ">", "ACK", 1, "u" });
	assert_true(f->pins[0].local);
	assert_int_equal(ports_taken(f->t->ports), 0);
}

/* 1:1 NAT of a cloud in front of this host. */
static void host_mode_cloud(void **state)
{
	struct flow *f = *state;

	f->mode = RF_MODE_HOST;
	f->topo.wans[0].public4 = addr_of("192.0.2.200");
	f->inside = f->outside;
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " WAN "|m=audio 20000 RTP/AVP 0", NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP4 192.0.2.200\r\n") &&
		    flow_sent_has(f, "m=audio 20000 "));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL,
	       WAN ":20000=" WAN ":20000 r/r " REM ":7000; " WAN ":20001=" WAN ":20001 c/c " REM
		   ":7001" },
	     { ">", "ACK", 1, "u" });
}

static void routed_mode(void **state)
{
	struct flow *f = *state;

	f->mode = RF_MODE_ROUTED;
	f->inside = f->outside = ep_of("203.0.113.70:5060");
	FLOW(f,
	     { ">", "INVITE", 1, NULL, "c=IN IP4 203.0.113.70|m=audio 4000 RTP/AVP 0", NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP4 203.0.113.70\r\nt=0 0\r\nm=audio 4000 "));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL,
	       "203.0.113.70:4000=203.0.113.70:4000 r/r " REM
	       ":7000; 203.0.113.70:4001=203.0.113.70:4001 c/c " REM ":7001" },
	     { ">", "ACK", 1, "u" });
	assert_false(f->pins[0].local);
}

static void ipv6(void **state)
{
	struct flow *f = *state;

	f->inside = ep_of("[fd00::10]:5060");
	f->outside = ep_of("[2001:db8:1::1]:5060");
	f->remote = ep_of("[2001:db8:2::9]:5060");
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP6 fd00::10|m=audio 20000 RTP/AVP 0", NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP6 2001:db8:1::1\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", "c=IN IP6 2001:db8:2::9|m=audio 7000 RTP/AVP 0", NULL,
	       "[fd00::10]:20000=[2001:db8:1::1]:20000 r/r [2001:db8:2::9]:7000; "
	       "[fd00::10]:20001=[2001:db8:1::1]:20001 c/c [2001:db8:2::9]:7001" },
	     { ">", "ACK", 1, "u" }, { ">", "BYE", 2, "u", NULL, NULL, "" });
}

/* The host that the SDP names is the gateway's LAN address, or one that already knows the public. */
static void other_addresses(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " WAN "|m=audio 20000 RTP/AVP 0", NULL, "" });
	assert_int_equal(ports_taken(f->t->ports), 0);
	FLOW(f, { "<", "486 INVITE", 1, "u" });
	flow_over(f);
	f->mode = RF_MODE_HOST;
	FLOW(f,
	     { ">", "INVITE", 1, NULL, "c=IN IP4 192.168.1.1|m=audio 20000 RTP/AVP 0", NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP4 " WAN "\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL,
	       "192.168.1.1:20000=" WAN ":20000 r/r " REM ":7000; 192.168.1.1:20001=" WAN
	       ":20001 c/c " REM ":7001" },
	     { ">", "ACK", 1, "u" });
	assert_true(f->pins[0].local);
}

#define SDP_PRIVATE "c=IN IP4 10.9.9.9|m=audio 7000 RTP/AVP 0"
#define LEARNT	    IN ":20000=" WAN ":20000 r/r ?" REM ":0; " IN ":20001=" WAN ":20001 c/c ?" REM ":0"

static void learn(void **state)
{
	struct flow *f = *state;
	uint32_t id;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_PRIVATE, NULL, LEARNT });
	assert_int_equal(f->pins[0].learn_until_ns, f->now + f->cfg.learn_window_s * SECONDS);
	assert_int_equal(ntohs(f->pins[0].announced.port), 7000);
	id = f->pins[0].id;
	FLOW(f, { "<", "200 INVITE", 1, "u", SDP_PRIVATE, NULL, LEARNT, .after_s = 30 },
	     { ">", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].id, id); /* what was learnt stays */
	assert_int_equal(f->pins[0].learn_until_ns, f->now + f->cfg.learn_window_s * SECONDS);
	/* another source: another pinhole, so that the old lock is forgotten */
	FLOW(f, { "<", "INVITE", 1, "u", "c=IN IP4 10.9.9.9|m=audio 7100 RTP/AVP 0", NULL, LEARNT },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, LEARNT }, { "<", "ACK", 1, "u" });
	assert_int_not_equal(f->pins[0].id, id);
}

static void learn_policy(void **state)
{
	struct flow *f = *state;
	struct config_peer peer = { .n_media = 1 };

	assert_int_equal(prefix_parse(VIEW("198.51.100.0/25"), &peer.media[0]), 0);
	f->peer = &peer;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_PRIVATE, NULL,
	       IN ":20000=" WAN ":20000 r/r ?198.51.100.0:0; " IN ":20001=" WAN
		  ":20001 c/c ?198.51.100.0:0" },
	     { ">", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].remotes[0].prefix_len, 96 + 25);
	flow_over(f);
	f->peer = NULL;
	f->cfg.learn = CONFIG_LEARN_NEVER;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_PRIVATE, NULL,
	       IN ":20000=" WAN ":20000 r/r 10.9.9.9:7000; " IN ":20001=" WAN
		  ":20001 c/c 10.9.9.9:7001" },
	     { ">", "ACK", 1, "u" });
	flow_over(f);
	f->cfg.learn = CONFIG_LEARN_PRIVATE;
	f->remote = ep_of("10.1.1.1:5060"); /* the WAN is a private network */
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_PRIVATE, NULL,
	       IN ":20000=" WAN ":20000 r/r 10.9.9.9:7000; " IN ":20001=" WAN
		  ":20001 c/c 10.9.9.9:7001" });
}

static void no_pinhole(void **state)
{
	struct flow *f = *state;

	/* the peer names our own address with a port that is nobody's */
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" });
	f->once = true;
	FLOW(f, { "<", "200 INVITE", 1, "u", "c=IN IP4 " WAN "|m=audio 7000 RTP/AVP 0", NULL, "" });
	assert_non_null(strstr(f->events, "our own side"));
	FLOW(f, { ">", "BYE", 2, "u" });
	flow_over(f);
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " IN "|m=message 2855 TCP/MSRP *", NULL, "" });
	assert_true(flow_sent_has(f, "m=message 2855 "));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=message 2855 TCP/MSRP *", NULL, "" });
	assert_non_null(strstr(f->events, "left alone"));
}

/* RFC 4145, RFC 4571: what is set up over TCP is not ours, in whichever m-line, and nothing of it is
 * touched but inside addresses. */
static void tcp_media(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL,
		  "c=IN IP4 " IN "|m=audio 9 TCP/RTP/AVP 0|a=setup:active|a=connection:new"
		  "|m=audio 20000 RTP/AVP 0|m=image 4446 TCP/TLS/UDPTL t38|a=setup:passive",
		  NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP4 " WAN
				     "\r\nt=0 0\r\nm=audio 9 TCP/RTP/AVP 0\r\na=setup:active\r\n"
				     "a=connection:new\r\nm=audio 20000 RTP/AVP 0\r\n"
				     "m=image 4446 TCP/TLS/UDPTL t38\r\na=setup:passive\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 " REM "|m=audio 5000 TCP/RTP/AVP 0|a=setup:passive|m=audio 7000 RTP/AVP 0"
	       "|m=image 5001 TCP/TLS/UDPTL t38|a=setup:active",
	       NULL, BOTH },
	     { ">", "ACK", 1, "u" });
}

/* Fax beside speech; odd ports; a second c= in a media section (RFC 8866 5.7) is not read. */
static void fax_line(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "m=audio 20000 RTP/AVP 0|c=IN IP4 " IN "|m=image 20003 udptl t38|c=IN IP4 " IN, NULL,
	       "" },
	     { "<", "200 INVITE", 1, "u",
	       "m=audio 7001 RTP/AVP 0|c=IN IP4 " REM "|c=IN IP4 198.51.100.10"
	       "|m=image 7007 udptl t38|c=IN IP4 " REM,
	       NULL,
	       IN ":20000=" WAN ":20000 r/r " REM ":7001; " IN ":20001=" WAN ":20001 c/c " REM
		  ":7002; " IN ":20003=" WAN ":16384 u/u " REM ":7007" },
	     { ">", "ACK", 1, "u" });
}

/* A name in c= says not where media comes from: it is learnt from the signalling peer. */
static void host_name(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 media.example.com|m=audio 7000 RTP/AVP 0", NULL,
	       IN ":20000=" WAN ":20000 r/r ?" REM ":0; " IN ":20001=" WAN ":20001 c/c ?" REM
		  ":0" },
	     { ">", "ACK", 1, "u" });
}

/* No translation between families: said, and no hole that could never be used. */
static void other_family(void **state)
{
	struct flow *f = *state;

	f->once = true;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP6 2001:db8:9::9|m=audio 7000 RTP/AVP 0", NULL,
	       "" });
	assert_non_null(strstr(f->events, "different families"));
	FLOW(f, { ">", "ACK", 1, "u" });
}

/* An inside host that only has an address which the WAN cannot show. */
static void stranded(void **state)
{
	struct flow *f = *state;

	f->topo.wans[0].has6 = false;
	f->once = true;
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP6 fd00::5|m=audio 20000 RTP/AVP 0", NULL, "" });
	assert_true(flow_sent_has(f, "c=IN IP6 ::\r\n"));
	FLOW(f, { "<", "200 INVITE", 1, "u", "c=IN IP6 2001:db8:9::9|m=audio 7000 RTP/AVP 0", NULL,
		  "" });
	assert_non_null(strstr(f->events, "no address that can be served"));
	FLOW(f, { ">", "ACK", 1, "u" });
}

/* Keys of media are nobody's business. */
static void secured(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "c=IN IP4 " IN "|m=audio 20000 RTP/SAVP 0"
	       "|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR",
	       NULL, "" });
	assert_true(flow_sent_has(f, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
				     "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n"));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 " REM "|m=audio 7000 RTP/SAVP 0"
	       "|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
	       NULL, BOTH },
	     { ">", "ACK", 1, "u" });
}

static void bye_challenged(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "BYE", 2, "u", NULL, NULL, "" },
	     { "<", "407 BYE", 2, "u", NULL, NULL, BOTH }, { ">", "BYE", 3, "u", NULL, NULL, "" },
	     { "<", "200 BYE", 3, "u" });
	assert_int_equal(ports_taken(f->t->ports), 0);
}

static void bye_lost(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "BYE", 2, "u", NULL, NULL, "" });
	flow_after(f, 33);
	assert_int_equal(ports_taken(f->t->ports), 0);
	flow_after(f, 33);
	assert_int_equal(call_count(f->t), 0);
}

static void timeouts(void **state)
{
	struct flow *f = *state;

	/* never answered */
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH });
	flow_after(f, f->cfg.setup_timeout_s - 1);
	assert_int_equal(f->n_pins, 2);
	flow_after(f, 1);
	assert_int_equal(f->n_pins, 0);
	assert_non_null(strstr(f->events, "not answered"));
	flow_over(f);
	/* rings on: each provisional answer renews */
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "180 INVITE", 1, "u", .after_s = 120 },
	     { "<", "180 INVITE", 1, "u", .after_s = 120 },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH, .after_s = 120 });
	/* no ACK */
	flow_after(f, 31);
	assert_int_equal(f->n_pins, 2);
	flow_after(f, 1);
	assert_int_equal(f->n_pins, 0);
	assert_non_null(strstr(f->events, "no ACK"));
	flow_over(f);
	/* no session timer */
	answered(f);
	flow_after(f, f->cfg.call_max_s - 1);
	assert_int_equal(f->n_pins, 2);
	flow_after(f, 1);
	assert_int_equal(f->n_pins, 0);
}

/* A re-INVITE or UPDATE that nobody answers leaves the session as it was. */
static void offer_unanswered(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN2, NULL, BOTH "; " NEW_IN });
	flow_after(f, f->cfg.setup_timeout_s);
	assert_string_equal(flow_pins(f), BOTH);
	FLOW(f, { "<", "200 INVITE", 2, "u", SDP_OUT2, NULL, BOTH }, { ">", "ACK", 2, "u" },
	     { ">", "UPDATE", 3, "u", SDP_IN2, NULL, BOTH "; " NEW_IN });
	flow_after(f, 32);
	assert_string_equal(flow_pins(f), BOTH);
	assert_int_equal(ports_taken(f->t->ports), 1);
}

/* RFC 4028 */
static void session_timer(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, "Session-Expires: 1800;refresher=uac\r\n",
	       BOTH },
	     { ">", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].deadline_ns, f->now + 1800 * SECONDS);
	FLOW(f, { ">", "UPDATE", 2, "u", .after_s = 900 },
	     { "<", "200 UPDATE", 2, "u", NULL, "Session-Expires: 1800;refresher=uac\r\n", BOTH });
	assert_int_equal(f->pins[0].deadline_ns, f->now + 1800 * SECONDS);
	FLOW(f, { ">", "INVITE", 3, "u", SDP_IN, .after_s = 900 },
	     { "<", "200 INVITE", 3, "u", SDP_OUT, "Session-Expires: 5;refresher=uac\r\n", BOTH },
	     { ">", "ACK", 3, "u" });
	flow_after(f, 89);
	assert_int_equal(f->n_pins, 2);
	flow_after(f, 1);
	assert_int_equal(f->n_pins, 0);
	assert_non_null(strstr(f->events, "session timer"));
}

/* Requests and responses that are older than what is in force. */
static void late_messages(void **state)
{
	struct flow *f = *state;

	answered(f);
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN2, NULL, BOTH "; " NEW_IN },
	     { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, NEW_IN }, { ">", "ACK", 2, "u" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT2, NULL, NEW_IN },
	     { ">", "INVITE", 1, NULL, SDP_IN, NULL, NEW_IN },
	     { ">", "INVITE", 2, "u", SDP_IN2, NULL, NEW_IN }, { ">", "ACK", 1, "u" },
	     { ">", "BYE", 1, "u", NULL, NULL, NEW_IN },
	     { "<", "INVITE", 5, "u", SDP_OUT, NULL, NEW_IN },
	     { ">", "200 INVITE", 5, "u", SDP_IN2, NULL, NEW_IN }, { "<", "ACK", 5, "u" },
	     { "<", "UPDATE", 4, "u", SDP_OUT2, NULL, NEW_IN },
	     { ">", "200 UPDATE", 4, "u", SDP_IN2, NULL, NEW_IN });
}

/* A re-INVITE in a dialog that is not known at this address: the phone has moved. */
static void moved(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 5, "u", SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 5, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 5, "u" },
	     { "<", "INVITE", 7, "u", SDP_OUT, NULL, BOTH },
	     { ">", "200 INVITE", 7, "u", SDP_IN, NULL, BOTH }, { "<", "ACK", 7, "u" },
	     { "<", "BYE", 8, "u", NULL, NULL, "" }, { ">", "200 BYE", 8, "u" });
	flow_after(f, 33);
	assert_int_equal(call_count(f->t), 0);
}

static void not_ours(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "OPTIONS", 1, NULL, NULL, NULL, "", CALL_NOT_OURS },
	     { "<", "OPTIONS", 1, NULL, NULL, NULL, "", CALL_NOT_OURS },
	     { ">", "200 OPTIONS", 1, "u", SDP_IN, NULL, "", CALL_NOT_OURS },
	     { ">", "BYE", 2, "u", NULL, NULL, "", CALL_UNKNOWN },
	     { ">", "INVITE", 2, "u", NULL, NULL, "", CALL_UNKNOWN },
	     { "<", "INVITE", 2, "u", SDP_OUT, NULL, "", CALL_UNKNOWN },
	     { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, "", CALL_UNKNOWN },
	     { "<", "INFO", 2, "u", NULL, NULL, "", CALL_UNKNOWN });
	answered(f);
	FLOW(f, { ">", "INFO", 2, "u" }, { "<", "200 INFO", 2, "u" }, { "<", "NOTIFY", 1, "u" },
	     { ">", "BYE", 3, "w", NULL, NULL, BOTH });
}

static void refused(void **state)
{
	struct flow *f = *state;
	static char body[MSG_MAX];
	struct step s = { ">", "INVITE", 1, NULL, body, NULL, "", CALL_REFUSED };

	FLOW(f, { ">", "INVITE", 1, NULL, "m=audio 4000 RTP/AVP 0", NULL, "", CALL_REFUSED });
	assert_int_equal(f->reason, RF_R_SIP_BAD_SDP);
	strcpy(body, "c=IN IP4 " IN);
	for (int i = 0; i < SDP_MEDIA_MAX + 1; i++)
		strcat(body, "|m=audio 4000 RTP/AVP 0");
	flow_step(f, &s);
	assert_int_equal(f->reason, RF_R_SIP_LIMIT);
	/* room for two pairs only */
	f->topo.wans[0].port_hi = f->topo.wans[0].port_lo + 3;
	FLOW(f, { ">", "INVITE", 1, NULL,
		  "c=IN IP4 " IN "|m=audio 1 RTP/AVP 0|m=audio 5 RTP/AVP 0|m=audio 9 RTP/AVP 0",
		  NULL, "", CALL_REFUSED });
	assert_int_equal(f->reason, RF_R_SIP_NO_PORTS);
	assert_int_equal(ports_taken(f->t->ports), 0);
	assert_int_equal(call_count(f->t), 0);
	f->cfg.max_calls = 0;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "", CALL_REFUSED });
	assert_int_equal(f->reason, RF_R_SIP_LIMIT);
}

/* In a running call: what is refused changes nothing. */
static void refused_within(void **state)
{
	struct flow *f = *state;

	answered(f);
	f->topo.wans[0].port_hi = f->topo.wans[0].port_lo + 1;
	FLOW(f, { "<", "INVITE", 1, "u", "m=audio 1 RTP/AVP 0", NULL, BOTH, CALL_REFUSED },
	     { ">", "INVITE", 2, "u", SDP_IN "|m=audio 1 RTP/AVP 0|m=audio 5 RTP/AVP 0", NULL, BOTH,
	       CALL_REFUSED },
	     /* and may be tried again with the same CSeq */
	     { ">", "INVITE", 2, "u", SDP_IN "|a=sendonly", NULL, BOTH },
	     { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, PINS("-/r") });
}

static void dropped(void **state)
{
	struct flow *f = *state;

	answered(f);
	assert_int_equal(call_drop(f->t, 99, f->now, "dropped", &f->out), -ENOENT);
	assert_int_equal(call_drop(f->t, 1, f->now, "dropped", &f->out), 0);
	flow_carry_out(f);
	assert_int_equal(f->n_pins, 0);
	assert_int_equal(ports_taken(f->t->ports), 0);
	assert_int_equal(call_drop(f->t, 1, f->now, "dropped", &f->out), -ENOENT);
	FLOW(f, { ">", "INVITE", 2, "u", SDP_IN, NULL, "" }, { ">", "BYE", 3, "u" });
}

/* A proxy inside sends the call out again: one Call-ID, one pair of tags, two calls. */
static void spiral(void **state)
{
	struct flow *f = *state;

	f->caller_inside = false;
	FLOW(f, { "<", "INVITE", 1, NULL, SDP_OUT, NULL, "" });
	f->caller_inside = true;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT2, NULL,
	       IN ":20000=" WAN ":20000 r/r 198.51.100.8:9000; " IN ":20001=" WAN
		  ":20001 c/c 198.51.100.8:9001" });
	f->caller_inside = false;
	FLOW(f,
	     { ">", "200 INVITE", 1, "u", SDP_IN2, NULL,
	       IN ":20000=" WAN ":20000 r/r 198.51.100.8:9000; " IN ":20001=" WAN
		  ":20001 c/c 198.51.100.8:9001; " NEW_IN },
	     { "<", "ACK", 1, "u" });
	f->caller_inside = true;
	FLOW(f, { ">", "ACK", 1, "u" });
	f->caller_inside = false;
	FLOW(f, { "<", "BYE", 2, "u", NULL, NULL,
		  IN ":20000=" WAN ":20000 r/r 198.51.100.8:9000; " IN ":20001=" WAN
		     ":20001 c/c 198.51.100.8:9001" });
	f->caller_inside = true;
	FLOW(f, { ">", "BYE", 2, "u", NULL, NULL, "" });
}

/* Two phones with the same RTP port: the second gets another public one. */
static void same_port(void **state)
{
	struct flow *f = *state;

	answered(f);
	strcpy(f->call_id, "call-2");
	f->inside = ep_of("192.168.1.11:5060");
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 192.168.1.11|m=audio 20000 RTP/AVP 0", NULL,
		  BOTH });
	assert_true(flow_sent_has(f, "m=audio 16384 "));
	FLOW(f,
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL,
	       BOTH "; 192.168.1.11:20000=" WAN ":16384 r/r " REM ":7000; 192.168.1.11:20001=" WAN
		    ":16385 c/c " REM ":7001" },
	     { ">", "ACK", 1, "u" }, { ">", "BYE", 2, "u", NULL, NULL, BOTH });
}

/* One trunk, 200 calls, one BYE: the other 199 keep their media. */
static void trunk(void **state)
{
	struct flow *f = *state;
	char sdp_in[128], sdp_out[128];

	f->once = f->alone = true;
	for (int i = 0; i < 200; i++) {
		struct step steps[] = { { ">", "INVITE", 1, NULL, sdp_in },
					{ "<", "200 INVITE", 1, "u", sdp_out },
					{ ">", "ACK", 1, "u" } };
		static char buf[MSG_MAX];

		snprintf(f->call_id, sizeof(f->call_id), "trunk-%d", i);
		snprintf(sdp_in, sizeof(sdp_in), "c=IN IP4 " IN "|m=audio %d RTP/AVP 0",
			 17000 + 2 * i);
		snprintf(sdp_out, sizeof(sdp_out), "c=IN IP4 " REM "|m=audio %d RTP/AVP 0",
			 7000 + 2 * i);
		for (int k = 0; k < 3; k++)
			assert_int_equal(flow_bytes(f, *steps[k].dir == '>', buf,
						    flow_text(f, &steps[k], buf, sizeof(buf))),
					 CALL_GO_ON);
	}
	assert_int_equal(f->n_pins, 400);
	strcpy(f->call_id, "trunk-100");
	{
		static char buf[MSG_MAX];
		struct step bye = { "<", "BYE", 1, "u" };

		flow_bytes(f, false, buf, flow_text(f, &bye, buf, sizeof(buf)));
	}
	assert_int_equal(f->n_close, 2);
	assert_int_equal(f->n_set, 0);
	assert_int_equal(f->n_pins, 398);
}

/* Two phones behind us that call each other through the provider, which only relays: each has the
 * other's public port as its remote. */
static void hairpin(void **state)
{
	struct flow *f = *state;

#define PHONE_A \
	IN ":20000=" WAN ":20000 r/r " WAN ":22000; " IN ":20001=" WAN ":20001 c/c " WAN ":22001"
#define PHONE_B                                                                       \
	"192.168.1.11:22000=" WAN ":22000 r/r " WAN ":20000; 192.168.1.11:22001=" WAN \
	":22001 c/c " WAN ":20001"
#define SDP_A "c=IN IP4 " WAN "|m=audio 20000 RTP/AVP 0"
#define SDP_B "c=IN IP4 " WAN "|m=audio 22000 RTP/AVP 0"
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" });
	f->inside = ep_of("192.168.1.11:5060");
	f->caller_inside = false;
	FLOW(f, { "<", "INVITE", 1, NULL, SDP_A, NULL, "" },
	     { ">", "200 INVITE", 1, "u", "c=IN IP4 192.168.1.11|m=audio 22000 RTP/AVP 0", NULL,
	       PHONE_B });
	f->inside = ep_of(IN ":5060");
	f->caller_inside = true;
	FLOW(f, { "<", "200 INVITE", 1, "u", SDP_B, NULL, PHONE_A "; " PHONE_B },
	     { ">", "ACK", 1, "u" }, { ">", "BYE", 2, "u", NULL, NULL, PHONE_B });
	f->inside = ep_of("192.168.1.11:5060");
	f->caller_inside = false;
	FLOW(f, { "<", "ACK", 1, "u" }, { "<", "BYE", 2, "u", NULL, NULL, "" });
}

/* A phone that has learnt its public endpoint by ICE or STUN names it from then on: nothing changes. */
static void own_public(void **state)
{
	struct flow *f = *state;

#define PINS_40 \
	IN ":40000=" WAN ":16384 r/r " REM ":7000; " IN ":40001=" WAN ":16385 c/c " REM ":7001"
#define SDP_PUB "c=IN IP4 " WAN "|m=audio 16384 RTP/AVP 0"
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " IN "|m=audio 40000 RTP/AVP 0", NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, PINS_40 }, { ">", "ACK", 1, "u" },
	     { ">", "INVITE", 2, "u", SDP_PUB, NULL, PINS_40 });
	assert_true(flow_sent_has(f, "c=IN IP4 " WAN "\r\n"));
	assert_true(flow_sent_has(f, "m=audio 16384 "));
	FLOW(f, { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, PINS_40 }, { ">", "ACK", 2, "u" },
	     { ">", "INVITE", 3, "u", SDP_PUB "|a=rtcp:40001 IN IP4 " IN, NULL, PINS_40 });
	assert_true(flow_sent_has(f, "a=rtcp:16385 IN IP4 " WAN "\r\n"));
	FLOW(f, { "<", "200 INVITE", 3, "u", SDP_OUT, NULL, PINS_40 }, { ">", "ACK", 3, "u" },
	     { "<", "INVITE", 1, "u", SDP_OUT, NULL, PINS_40 },
	     { ">", "200 INVITE", 1, "u", SDP_PUB, NULL, PINS_40 }, { "<", "ACK", 1, "u" },
	     { ">", "BYE", 4, "u", NULL, NULL, "" });
}

/* The public endpoint of another call is not a host's to name. */
static void others_public(void **state)
{
	struct flow *f = *state;

	answered(f);
	f->alone = true;
	strcpy(f->call_id, "another");
	f->inside = ep_of("192.168.1.11:5060");
	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " WAN "|m=audio 20000 RTP/AVP 0", NULL, BOTH },
	     { "<", "200 INVITE", 1, "v", "c=IN IP4 198.51.100.66|m=audio 666 RTP/AVP 0", NULL,
	       BOTH },
	     { ">", "ACK", 1, "v" }, { ">", "BYE", 2, "v", NULL, NULL, BOTH });
}

/* The same identifiers, also the callee's tag, in another attempt and in another call. */
static void tags_again(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { "<", "407 INVITE", 1, "u", NULL, NULL, "" }, { ">", "ACK", 1, "u" },
	     { ">", "INVITE", 2, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 2, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 2, "u" },
	     { ">", "BYE", 3, "u", NULL, NULL, "" }, { "<", "200 BYE", 3, "u" },
	     { ">", "INVITE", 4, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 4, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 4, "u" });
}

/* One SDP must not take the whole range of ports. */
static void greedy(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, "c=IN IP4 " IN "|m=audio 20000/200 RTP/AVP 0", NULL, "",
		  CALL_REFUSED });
	assert_int_equal(f->reason, RF_R_SIP_NO_PORTS);
	/* five lines of 16 pairs each */
	FLOW(f,
	     { ">", "INVITE", 2, NULL,
	       "c=IN IP4 " IN "|m=audio 20000/16 RTP/AVP 0|m=audio 20100/16 RTP/AVP 0"
	       "|m=audio 20200/16 RTP/AVP 0|m=audio 20300/16 RTP/AVP 0|m=audio 20400/16 RTP/AVP 0",
	       NULL, "", CALL_REFUSED });
	assert_int_equal(f->reason, RF_R_SIP_NO_PORTS);
}

static void reloaded(void **state)
{
	struct flow *f = *state;

	answered(f);
	call_refresh(f->t, &f->out);
	flow_carry_out(f);
	assert_int_equal(f->n_set + f->n_save, 0);
	f->cfg.media_idle_s = 77;
	call_refresh(f->t, &f->out);
	flow_carry_out(f);
	assert_int_equal(f->n_set, 1);
	assert_int_equal(f->n_save, 1);
}

static void who_may_speak(void **state)
{
	struct flow *f = *state;
	static struct sip_msg m;
	char buf[MSG_MAX];
	struct step bye = { "<", "BYE", 1, "u" };
	struct call_ctx ctx = { .inside = f->inside, .remote = f->remote };

	answered(f);
	assert_int_equal(sip_parse(buf, flow_text(f, &bye, buf, sizeof(buf)), &m, NULL), SIP_OK);
	assert_true(call_in_dialog(f->t, &ctx, &m));
	ctx.remote = ep_of("198.51.100.66:5060");
	assert_false(call_in_dialog(f->t, &ctx, &m));
	ctx.remote = f->remote;
	ctx.call_id = VIEW("another");
	assert_false(call_in_dialog(f->t, &ctx, &m));
}

static void show_one(const struct show_call *c, void *arg)
{
	assert_string_equal(c->state, "talking");
	assert_string_equal(c->direction, "out");
	assert_string_equal(c->mode, "nat");
	assert_string_equal(c->from, "sip:caller@example.com");
	assert_int_equal(c->n_media, 2);
	assert_string_equal(c->media[0].codec, "PCMU");
	assert_int_equal(c->media[0].n_remotes, 1);
	++*(int *)arg;
}

static void shown(void **state)
{
	struct flow *f = *state;
	int n = 0;

	answered(f);
	call_show(f->t, show_one, &n);
	assert_int_equal(n, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(out_basic),
		T(in_basic),
		T(bye_by_callee),
		T(events_told),
		T(early_media),
		T(early_media_moves),
		T(cancelled),
		T(cancel_too_late),
		T(cancel_unanswered),
		T(rejected),
		T(challenged),
		T(challenge_given_up),
		T(hold),
		T(hold_zero),
		T(new_inside_port),
		T(new_outside_port),
		T(refused_reinvite),
		T(glare),
		T(late_offer),
		T(late_offer_in),
		T(late_offer_again),
		T(prack),
		T(prack_answers),
		T(update_refused),
		T(forks),
		T(many_forks),
		T(port_zero),
		T(two_streams),
		T(mux),
		T(port_range),
		T(fax),
		T(dtls_ice),
		T(tcp_media),
		T(fax_line),
		T(host_name),
		T(other_family),
		T(stranded),
		T(secured),
		T(host_mode),
		T(host_mode_cloud),
		T(routed_mode),
		T(ipv6),
		T(other_addresses),
		T(learn),
		T(learn_policy),
		T(no_pinhole),
		T(bye_challenged),
		T(bye_lost),
		T(timeouts),
		T(offer_unanswered),
		T(session_timer),
		T(late_messages),
		T(moved),
		T(not_ours),
		T(refused),
		T(refused_within),
		T(dropped),
		T(spiral),
		T(same_port),
		T(trunk),
		T(hairpin),
		T(own_public),
		T(others_public),
		T(tags_again),
		T(greedy),
		T(reloaded),
		T(who_may_speak),
		T(shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
