/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICE through the call decider: which remotes a pinhole lists, which checks let another one in and
 * which do not, restarts, trickled candidates, bundles. Every message is also given twice.
 */
#include "call_flow.h"
#include "stun_build.h"

#define IN	     "192.168.1.10"
#define WAN	     "203.0.113.1"
#define REM	     "198.51.100.9"
#define IPWD	     "|a=ice-pwd:insidepasswordinsidepass"
#define OPWD	     "|a=ice-pwd:outsidepasswordoutsidepa"
#define ICE_IN	     "|a=ice-ufrag:inin" IPWD
#define ICE_OUT	     "|a=ice-ufrag:outo" OPWD
#define HOST_IN	     "|a=candidate:1 1 UDP 2130706431 " IN " 20000 typ host"
#define SDP_IN	     "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0|a=rtcp-mux" ICE_IN HOST_IN
#define SDP_OUT	     "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=rtcp-mux" ICE_OUT
#define PIN(remotes) IN ":20000=" WAN ":20000 rcs/rcs +" remotes

/* As the controller asks; also of a decider that came back from the records. */
static bool check(struct flow *f, const char *src, const char *dst, bool from_inside, uint8_t type,
		  const char *user, const char *pwd)
{
	static uint8_t b[2048];
	uint32_t id = f->t->by_id ? f->t->by_id->id : 0, next = f->next_pinhole_id;
	struct call_stun s = { .now = f->now,
			       .from_inside = from_inside,
			       .src = ep_of(src),
			       .dst = ep_of(dst),
			       .payload = { (char *)b, stun_build(b, type, user, pwd) } };
	struct call_table *again = flow_restored(f, &next);
	struct action_list out = { 0 };
	bool agreed = call_stun(f->t, id, &s, &f->out);

	assert_int_equal(call_stun(again, id, &s, &out), agreed);
	flow_same(&f->out, &out);
	actions_free(&out);
	call_table_free(again);
	if (!agreed)
		assert_int_equal(f->out.n, 0);
	flow_carry_out(f);
	assert_false(call_stun(f->t, id + 1, &s, &f->out));
	return agreed;
}

static bool in(struct flow *f, const char *src, const char *user, const char *pwd)
{
	return check(f, src, WAN ":20000", false, 1, user, pwd);
}

#define GOOD "inin:outo", "insidepasswordinsidepass"

static void expect(struct flow *f, const char *pins)
{
	assert_string_equal(flow_pins(f), pins);
}

static void call(struct flow *f)
{
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, PIN(REM ":7000") },
	     { ">", "ACK", 1, "u" });
}

static void verified(void **state)
{
	struct flow *f = *state;

	assert_false(in(f, "198.51.100.77:4444", GOOD));
	call(f);
	assert_true(in(f, "198.51.100.77:4444", GOOD));
	expect(f, PIN(REM ":7000,198.51.100.77:4444"));
	/* once more: agreed, and nothing to do */
	assert_true(in(f, "198.51.100.77:4444", GOOD));
	assert_int_equal(f->n_set + f->n_save, 0);
	FLOW(f, { "<", "BYE", 2, "u", NULL, NULL, "" }, { ">", "200 BYE", 2, "u" });
	assert_false(in(f, "198.51.100.77:4444", GOOD));
}

static void refused(void **state)
{
	static const char *const table[][2] = {
		{ "inin:outo", "insidepasswordinsidepasS" },
		{ "inin:outo", "outsidepasswordoutsidepa" },
		{ "inin:outo", "" },
		{ "inin:outo", NULL },
		{ "outo:inin", "insidepasswordinsidepass" },
		{ "inin:outx", "insidepasswordinsidepass" },
		{ "inin:out", "insidepasswordinsidepass" },
		{ "inin:", "insidepasswordinsidepass" },
		{ "inin", "insidepasswordinsidepass" },
		{ "inin:outo:", "insidepasswordinsidepass" },
		{ "ininx:outo", "insidepasswordinsidepass" },
		{ ":outo", "insidepasswordinsidepass" },
		{ NULL, "insidepasswordinsidepass" },
	};
	struct flow *f = *state;

	call(f);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (in(f, "198.51.100.77:4444", table[i][0], table[i][1]))
			fail_msg("%s, %s is accepted", table[i][0], table[i][1]);
	assert_false(check(f, "198.51.100.77:4444", WAN ":20001", false, 1, GOOD));
	assert_false(check(f, "198.51.100.77:4444", WAN ":20000", false, 0x11, GOOD));
	assert_false(check(f, "198.51.100.77:4444", WAN ":20000", true, 1, GOOD));
	assert_false(check(f, "[2001:db8:9::1]:4444", WAN ":20000", false, 1, GOOD));
	expect(f, PIN(REM ":7000"));
}

/* From inside: to candidates of the peer, with the peer's credentials. */
static void from_inside(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u",
	       SDP_OUT "|a=candidate:1 1 UDP 900 198.51.100.1 11001 typ host"
		       "|a=candidate:2 1 UDP 800 198.51.100.2 11002 typ host"
		       "|a=candidate:3 1 UDP 700 198.51.100.3 11003 typ host"
		       "|a=candidate:4 1 UDP 600 198.51.100.4 11004 typ host"
		       "|a=candidate:5 2 UDP 999 198.51.100.5 11005 typ host"
		       "|a=candidate:6 1 TCP 999 198.51.100.5 11005 typ host"
		       "|a=candidate:7 1 UDP 999 2001:db8:9::1 1005 typ host"
		       "|a=candidate:8 1 UDP 999 10.9.9.9 1005 typ host"
		       "|a=candidate:9 1 UDP 999 " WAN " 1005 typ host"
		       "|a=candidate:9 1 UDP 999 224.0.0.1 1005 typ host"
		       "|a=candidate:9 1 UDP 999 x.local 1005 typ host",
	       NULL, PIN(REM ":7000,198.51.100.1:11001,198.51.100.2:11002,198.51.100.3:11003") },
	     { ">", "ACK", 1, "u" });
	assert_true(check(f, IN ":20000", "198.51.100.4:11004", true, 1, "outo:inin",
			  "outsidepasswordoutsidepa"));
	expect(f, PIN(REM ":7000,198.51.100.4:11004,198.51.100.1:11001,198.51.100.2:11002"));
	assert_false(check(f, IN ":20000", "198.51.100.4:11004", true, 1, GOOD));
	assert_false(check(f, IN ":20000", "198.51.100.6:11006", true, 1, "outo:inin",
			   "outsidepasswordoutsidepa"));
}

/* Who proved to be the agent stays before who is only named; of too many the last ones stay. */
static void too_many(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u",
	       SDP_OUT "|a=candidate:1 1 UDP 900 198.51.100.1 11001 typ host"
		       "|a=candidate:2 1 UDP 4294967295 198.51.100.2 11002 typ host",
	       NULL, PIN(REM ":7000,198.51.100.2:11002,198.51.100.1:11001") },
	     { ">", "ACK", 1, "u" });
	assert_true(in(f, "198.51.100.71:10071", GOOD));
	expect(f, PIN(REM ":7000,198.51.100.71:10071,198.51.100.2:11002,198.51.100.1:11001"));
	assert_true(in(f, "198.51.100.72:10072", GOOD));
	assert_true(in(f, "198.51.100.73:10073", GOOD));
	expect(f, PIN(REM ":7000,198.51.100.71:10071,198.51.100.72:10072,198.51.100.73:10073"));
	assert_true(in(f, "198.51.100.74:10074", GOOD));
	expect(f, PIN(REM ":7000,198.51.100.72:10072,198.51.100.73:10073,198.51.100.74:10074"));
}

/* RFC 8445 9: new ufrag and pwd. Nothing that was proved before holds. */
static void restart(void **state)
{
	struct flow *f = *state;

	call(f);
	assert_true(in(f, "198.51.100.77:4444", GOOD));
	FLOW(f,
	     { "<", "INVITE", 1, "u",
	       "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=rtcp-mux|a=ice-ufrag:new2" OPWD, NULL,
	       PIN(REM ":7000,198.51.100.77:4444") },
	     { ">", "200 INVITE", 1, "u",
	       "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0|a=rtcp-mux|a=ice-ufrag:new1" IPWD HOST_IN,
	       NULL, PIN(REM ":7000") },
	     { "<", "ACK", 1, "u" });
	assert_false(in(f, "198.51.100.77:4444", GOOD));
	assert_true(in(f, "198.51.100.78:4444", "new1:new2", "insidepasswordinsidepass"));
	/* a re-INVITE that is none keeps it */
	FLOW(f,
	     { "<", "INVITE", 2, "u",
	       "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0 8|a=rtcp-mux|a=ice-ufrag:new2" OPWD, NULL,
	       PIN(REM ":7000,198.51.100.78:4444") },
	     { ">", "200 INVITE", 2, "u",
	       "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0 8|a=rtcp-mux|a=ice-ufrag:new1" IPWD HOST_IN,
	       NULL, PIN(REM ":7000,198.51.100.78:4444") },
	     { "<", "ACK", 2, "u" });
}

/* A restart by the inside: the peer may check before its answer is here. */
static void restart_pending(void **state)
{
	struct flow *f = *state;

	call(f);
	FLOW(f, { ">", "INVITE", 2, "u",
		  "c=IN IP4 " IN
		  "|m=audio 20000 RTP/AVP 0|a=rtcp-mux|a=ice-ufrag:new1" IPWD HOST_IN });
	assert_true(in(f, "198.51.100.77:4444", "new1:unknown", "insidepasswordinsidepass"));
	assert_false(in(f, "198.51.100.78:4444", "new1:unknown", "wrong"));
	FLOW(f,
	     { "<", "200 INVITE", 2, "u",
	       "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=rtcp-mux|a=ice-ufrag:new2" OPWD, NULL,
	       PIN(REM ":7000") },
	     { ">", "ACK", 2, "u" });
}

/* ICE needs both sides; a private peer without it is learnt as ever. */
static void without_ice(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=rtcp-mux",
	       NULL, IN ":20000=" WAN ":20000 rc/rc " REM ":7000" },
	     { "<", "183 INVITE", 1, "v",
	       "c=IN IP4 10.1.1.1|m=audio 7000 RTP/AVP 0|a=rtcp-mux|a=ice-mismatch" ICE_OUT, NULL,
	       IN ":20000=" WAN ":20000 rc/rc ?" REM ":7000," REM ":0" });
	assert_false(in(f, "198.51.100.77:4444", GOOD));
	FLOW(f, { "<", "486 INVITE", 1, "u", NULL, NULL, "" });
}

/* An agent behind a NAT of its own: what it names is private, so a check has to tell. */
static void private_remote(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 10.1.1.1|m=audio 7000 RTP/AVP 0|a=rtcp-mux" ICE_OUT
	       "|a=candidate:1 1 UDP 900 10.1.1.1 7000 typ host",
	       NULL, PIN("") },
	     { ">", "ACK", 1, "u" });
	assert_true(in(f, "198.51.100.77:4444", GOOD));
	expect(f, PIN("198.51.100.77:4444"));
}

/* Forks have credentials of their own. */
static void forks(void **state)
{
	struct flow *f = *state;

	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, PIN(REM ":7000") },
	     { "<", "183 INVITE", 1, "v",
	       "c=IN IP4 198.51.100.8|m=audio 7000 RTP/AVP 0|a=rtcp-mux|a=ice-ufrag:fork" OPWD,
	       NULL, PIN(REM ":7000,198.51.100.8:7000") });
	assert_true(in(f, "198.51.100.77:10001", "inin:fork", "insidepasswordinsidepass"));
	assert_true(in(f, "198.51.100.78:10001", GOOD));
	expect(f, PIN(REM ":7000,198.51.100.78:10001,198.51.100.8:7000,198.51.100.77:10001"));
	FLOW(f, { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, PIN(REM ":7000,198.51.100.78:10001") },
	     { ">", "ACK", 1, "u" });
}

/* Session-level credentials, RTCP by a component of its own, ports off the pair. */
static void components(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "c=IN IP4 " IN "|a=ice-ufrag:inin" IPWD "|m=audio 20000 RTP/AVP 0|a=rtcp:21000"
	       "|a=candidate:1 1 UDP 9 " IN " 20000 typ host|a=candidate:1 2 UDP 8 " IN
	       " 21000 typ host",
	       NULL, "" },
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 " REM "|a=ice-ufrag:outo" OPWD "|m=audio 7000 RTP/AVP 0|a=ice-lite"
	       "|a=candidate:1 1 UDP 9 198.51.100.1 10001 typ host"
	       "|a=candidate:1 2 UDP 8 198.51.100.1 10002 typ host",
	       NULL,
	       IN ":20000=" WAN ":20000 rs/rs +" REM ":7000,198.51.100.1:10001; " IN ":21000=" WAN
		  ":21000 cs/cs +" REM ":7001,198.51.100.1:10002" },
	     { ">", "ACK", 1, "u" });
	assert_true(check(f, "198.51.100.77:10001", WAN ":21000", false, 1, GOOD));
	expect(f,
	       IN ":20000=" WAN ":20000 rs/rs +" REM ":7000,198.51.100.1:10001; " IN ":21000=" WAN
		  ":21000 cs/cs +" REM ":7001,198.51.100.77:10001,198.51.100.1:10002");
	assert_true(!f->pins[0].rtcp || !f->pins[1].rtcp);
}

#define INFO_HEAD "Info-Package: trickle-ice\r\n"

/* RFC 8840: nothing but credentials at first, candidates in INFO from both sides. */
static void trickle(void **state)
{
	struct flow *f = *state;
	char length[40];

	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "c=IN IP4 0.0.0.0|m=audio 9 RTP/AVP 0|a=rtcp-mux|a=mid:0" ICE_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u",
	       "c=IN IP4 0.0.0.0|m=audio 9 RTP/AVP 0|a=rtcp-mux|a=mid:0" ICE_OUT, "RSeq: 1\r\n",
	       "" },
	     { ">", "INFO", 2, "u",
	       "a=ice-ufrag:inin" IPWD "|m=audio 9 RTP/AVP 0|a=mid:0" HOST_IN
	       "|a=candidate:2 1 UDP 1 10.0.0.7 20000 typ host|a=end-of-candidates",
	       INFO_HEAD, PIN("") });
	assert_true(flow_sent_has(f, "a=candidate:1 1 UDP 2130706431 " WAN
				     " 20000 typ host\r\na=end-of-candidates\r\n"));
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
		 strlen(strstr(f->sent, "\r\n\r\n") + 4));
	assert_true(flow_sent_has(f, length));
	FLOW(f,
	     { "<", "INFO", 1, "u",
	       "a=ice-ufrag:old0" OPWD "|m=audio 9 RTP/AVP 0|a=mid:0"
	       "|a=candidate:1 1 UDP 9 198.51.100.66 10001 typ host",
	       INFO_HEAD, PIN("") },
	     { "<", "INFO", 2, "u",
	       "a=ice-ufrag:outo" OPWD "|m=audio 9 RTP/AVP 0|a=mid:0"
	       "|a=candidate:1 1 UDP 9 198.51.100.1 10001 typ host",
	       INFO_HEAD, PIN("198.51.100.1:10001") },
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 0.0.0.0|m=audio 9 RTP/AVP 0|a=rtcp-mux|a=mid:0" ICE_OUT, NULL,
	       PIN("198.51.100.1:10001") },
	     { ">", "ACK", 1, "u" });
	assert_true(in(f, "198.51.100.77:4444", GOOD));
	expect(f, PIN("198.51.100.77:4444,198.51.100.1:10001"));
}

/* Without rtcp-mux: RTCP has a pinhole when its candidate is told, be it later, and not before. */
static void trickle_rtcp(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL, "c=IN IP4 0.0.0.0|m=audio 9 RTP/AVP 0|a=mid:0" ICE_IN, NULL,
	       "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0|a=mid:0" ICE_OUT,
	       NULL, "" },
	     { ">", "ACK", 1, "u" },
	     { ">", "INFO", 2, "u", "a=ice-ufrag:inin" IPWD "|m=audio 9 RTP/AVP 0|a=mid:0" HOST_IN,
	       INFO_HEAD, IN ":20000=" WAN ":20000 rs/rs +" REM ":7000" },
	     { ">", "INFO", 3, "u",
	       "a=ice-ufrag:inin" IPWD "|m=audio 9 RTP/AVP 0|a=mid:0"
	       "|a=candidate:1 2 UDP 2130706430 " IN " 21000 typ host",
	       INFO_HEAD,
	       IN ":20000=" WAN ":20000 rs/rs +" REM ":7000; " IN ":21000=" WAN ":21000 cs/cs +" REM
		  ":7001" });
	assert_true(flow_sent_has(f, "a=candidate:1 2 UDP 2130706430 " WAN " 21000 typ host\r\n"));
}

/* c= is a relay, candidates tell where the host is: nothing is opened beside them. */
static void rtcp_untold(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL, "c=IN IP4 192.0.2.77|m=audio 30000 RTP/AVP 0" ICE_IN HOST_IN,
	       NULL, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0" ICE_OUT, NULL,
	       IN ":20000=" WAN ":20000 rs/rs +" REM ":7000" },
	     { ">", "ACK", 1, "u" });
}

/* A fragment of no call shows nothing either. */
static void trickle_unknown(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INFO", 2, "u", "m=audio 9 RTP/AVP 0" HOST_IN, INFO_HEAD, "", CALL_UNKNOWN });
	assert_false(flow_sent_has(f, "candidate"));
}

/* RFC 9143: one transport for all lines of the answer's group. */
static void bundle(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "c=IN IP4 " IN
	       "|a=group:BUNDLE a v w|m=audio 20000 RTP/AVP 0|a=mid:a|a=rtcp-mux" ICE_IN HOST_IN
	       "|m=video 20010 RTP/AVP 96|a=mid:v|a=rtcp-mux" ICE_IN
	       "|a=candidate:1 1 UDP 2130706431 " IN " 20010 typ host"
	       "|m=video 0 RTP/AVP 97|a=mid:w|a=bundle-only",
	       NULL, "" },
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 " REM
	       "|a=group:BUNDLE a v w|m=audio 7000 RTP/AVP 0|a=mid:a|a=rtcp-mux" ICE_OUT
	       "|m=video 7000 RTP/AVP 96|a=mid:v|m=video 7000 RTP/AVP 97|a=mid:w",
	       NULL, PIN(REM ":7000") },
	     { ">", "ACK", 1, "u" });
	assert_int_equal(f->pins[0].payload_types_in[0], 1);
	assert_int_equal(f->pins[0].payload_types_in[12], 3);
	assert_true(in(f, "198.51.100.77:4444", GOOD));
	/* the answerer takes another m-line's transport, and one is left out */
	FLOW(f,
	     { ">", "INVITE", 2, "u",
	       "c=IN IP4 " IN "|a=group:BUNDLE a v|m=audio 20000 RTP/AVP 0|a=mid:a|a=rtcp-mux"
	       "|m=video 20010 RTP/AVP 96|a=mid:v|a=rtcp-mux",
	       NULL },
	     { "<", "200 INVITE", 2, "u",
	       "c=IN IP4 " REM "|a=group:BUNDLE v|m=audio 0 RTP/AVP 0|a=mid:a"
	       "|m=video 7010 RTP/AVP 96|a=mid:v|a=rtcp-mux-only|a=rtcp-mux",
	       NULL, IN ":20010=" WAN ":20010 rc/rc " REM ":7010" },
	     { ">", "ACK", 2, "u" });
	assert_int_equal(f->pins[0].payload_types_in[12], 1);
	assert_int_equal(f->pins[0].payload_types_in[0], 0);
}

/* A peer that knows no bundles has a transport for each line. */
static void bundle_refused(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { "<", "INVITE", 1, NULL,
	       "c=IN IP4 " REM "|a=group:BUNDLE a v w|m=audio 7000 RTP/AVP 0|a=mid:a|a=rtcp-mux"
	       "|m=video 7010 RTP/AVP 96|a=mid:v|a=rtcp-mux|m=video 0 RTP/AVP 97|a=mid:w|a=bundle-only",
	       NULL, "" },
	     { ">", "200 INVITE", 1, "u",
	       "c=IN IP4 " IN
	       "|m=audio 20000 RTP/AVP 0|a=rtcp-mux|m=video 20002 RTP/AVP 96|a=rtcp-mux"
	       "|m=video 0 RTP/AVP 97",
	       NULL,
	       IN ":20000=" WAN ":20000 rc/rc " REM ":7000; " IN ":20002=" WAN ":20002 rc/rc " REM
		  ":7010" },
	     { "<", "ACK", 1, "u" });
}

static int setup_caller_outside(void **state)
{
	flow_setup(state);
	((struct flow *)*state)->caller_inside = false;
	return 0;
}

/* A browser: audio and a data channel, everything by candidates. */
static void data_channel(void **state)
{
	struct flow *f = *state;

	FLOW(f,
	     { ">", "INVITE", 1, NULL,
	       "c=IN IP4 0.0.0.0|a=group:BUNDLE d a|m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
	       "|a=mid:d|a=setup:actpass|a=fingerprint:sha-1 00:11|a=sctp-port:5000" ICE_IN HOST_IN
	       "|m=audio 9 UDP/TLS/RTP/SAVPF 111|a=mid:a|a=rtcp-mux|a=bundle-only|a=setup:actpass"
	       "|a=fingerprint:sha-1 00:11" ICE_IN,
	       NULL, "" },
	     { "<", "200 INVITE", 1, "u",
	       "c=IN IP4 0.0.0.0|a=group:BUNDLE d a|m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
	       "|a=mid:d|a=setup:active|a=fingerprint:sha-1 22:33" ICE_OUT
	       "|a=candidate:1 1 UDP 9 198.51.100.1 10001 typ host"
	       "|m=audio 9 UDP/TLS/RTP/SAVPF 111|a=mid:a|a=rtcp-mux|a=setup:active"
	       "|a=fingerprint:sha-1 22:33" ICE_OUT,
	       NULL, IN ":20000=" WAN ":20000 rsd/rsd +198.51.100.1:10001" },
	     { ">", "ACK", 1, "u" });
	assert_true(f->pins[0].payload_types_in[13] & 0x80);
}

/* What the peer repeats of us is what the inside host knows (RFC 8839 5.2). */
static void remote_candidates(void **state)
{
	struct flow *f = *state;

	call(f);
	f->chosen = true;
	FLOW(f, { "<", "INVITE", 1, "u",
		  SDP_OUT "|a=remote-candidates:1 " WAN " 20000 2 192.0.2.7 5" });
	assert_true(flow_sent_has(f, "a=remote-candidates:1 " IN " 20000 2 192.0.2.7 5\r\n"));
	FLOW(f, { ">", "200 INVITE", 1, "u", SDP_IN }, { "<", "ACK", 1, "u" });
}

/* Too long for RFC 8839: passes, and can prove nothing. */
static void long_texts(void **state)
{
	static char sdp[2048], user[600], ufrag[300];
	struct flow *f = *state;
	const struct step offer = { ">", "INVITE", 1, NULL, sdp, NULL, "" };

	memset(ufrag, 'x', 257);
	snprintf(sdp, sizeof(sdp),
		 "c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0|a=rtcp-mux|a=ice-ufrag:%s" IPWD, ufrag);
	flow_step(f, &offer);
	FLOW(f, { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, PIN(REM ":7000") },
	     { ">", "ACK", 1, "u" });
	snprintf(user, sizeof(user), "%s:outo", ufrag);
	assert_false(in(f, "198.51.100.77:4444", user, "insidepasswordinsidepass"));
	assert_false(in(f, "198.51.100.77:4444", ":outo", "insidepasswordinsidepass"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, flow_setup, flow_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(verified),
		T(refused),
		T(from_inside),
		T(too_many),
		T(restart),
		T(restart_pending),
		T(without_ice),
		T(private_remote),
		T(forks),
		T(components),
		T(trickle),
		T(trickle_rtcp),
		T(rtcp_untold),
		T(trickle_unknown),
		T(bundle),
		cmocka_unit_test_setup_teardown(bundle_refused, setup_caller_outside,
						flow_teardown),
		T(data_channel),
		T(remote_candidates),
		T(long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
