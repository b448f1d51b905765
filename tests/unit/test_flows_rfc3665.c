/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RFC 3665, "SIP Basic Call Flow Examples", section 3: session establishment. One party is behind us,
 * the others are reached as in the RFC; what the proxies say among themselves does not come by.
 */
#include "flows_ladder.h"

/* clang-format off */

/* 3.1 Successful Session Establishment */
static void s3_1_session(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 180",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* The same, Bob behind us. */
static void s3_1_session_in(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 180",
	       "bob>alice 200 {audio 20000}       == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice BYE                     == none",
	       "bob<alice 200");
}

/* 3.2 Session Establishment Through Two Proxies: Proxy 1 challenges. */
static void s3_2_two_proxies(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 407/p +Proxy-Authenticate: Digest realm=\"a\", nonce=\"f84f\", stale=FALSE, algorithm=MD5",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 180/u",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* The far end of it: Bob behind us, the INVITE comes from Proxy 2. */
static void s3_2_two_proxies_in(void **state)
{
	LADDER("inside bob",
	       "alice via proxy2",
	       "bob<alice INVITE {audio 7000} +Record-Route: <%U(proxy2);lr>",
	       "bob>alice 180",
	       "bob>alice 200 {audio 20000}       == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice BYE                     == none",
	       "bob<alice 200");
}

/* 3.3 Session with Multiple Proxy Authentication */
static void s3_3_challenged_twice(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 407/p1 +Proxy-Authenticate: Digest realm=\"one\", nonce=\"wf84f1\"",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 407/p2 +Proxy-Authenticate: Digest realm=\"two\", nonce=\"c1e22c\"",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 180/u",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* 3.4 Successful Session with Proxy Failure: Proxy 1 does not answer, then Proxy 2 is tried with
 * another Call-ID (as the RFC has it). */
static void s3_4_proxy_failure(void **state)
{
	LADDER("inside alice",
	       "alice>proxy1 INVITE {audio 20000}",
	       "wait 4",
	       "wait 29",
	       "bob via proxy2",
	       "alice>bob INVITE {audio 20002}",
	       "alice<bob 407/p +Proxy-Authenticate: Digest realm=\"x\", nonce=\"1\"",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20002}",
	       "alice<bob 100",
	       "alice<bob 180/u",
	       "alice<bob 200 {audio 7000}        == alice:20002<>bob:7000",
	       "alice>bob ACK",
	       "# the first one is long forgotten when its time is over",
	       "wait 200",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* The same RTP port in the second attempt: the first has it until it is given up, both share it. */
static void s3_4_proxy_failure_same_port(void **state)
{
	LADDER("inside alice",
	       "bob via proxy2",
	       "alice>proxy1 INVITE {audio 20000}",
	       "wait 185",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* 3.5 Session Through a SIP ALG: the ALG is us; Alice's own one in front changes nothing. */
static void s3_5_alg(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 180",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice>bob BYE                     == none",
	       "alice<bob 200");
}

/* 3.6 Session via Redirect and Proxy Servers with SDP in ACK */
static void s3_6_redirect_late_offer(void **state)
{
	LADDER("inside alice",
	       "alice>redirect INVITE",
	       "alice<redirect 302/r +Contact: <sip:bob@chicago.example.com>",
	       "alice>redirect ACK",
	       "bob via proxy3",
	       "alice>bob INVITE",
	       "alice<bob 100",
	       "alice<bob 180",
	       "alice<bob 200 {audio 7000}        == none",
	       "alice>bob ACK {audio 20000}       == alice:20000<>bob:7000",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* The caller keeps the Call-ID and From tag, as RFC 3261 8.1.3.4 recommends. */
static void s3_6_redirect_same_call(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 302/r +Contact: <sip:bob@chicago.example.com>",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 180/u",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* 3.7 Session with re-INVITE (IP Address Change): Bob moves. */
static void s3_7_reinvite_moves(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 180",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {@bob2 audio 47172}",
	       "alice>bob 200 {audio 20000}       == alice:20000<>bob2:47172",
	       "alice<bob ACK",
	       "alice>bob BYE                     == none",
	       "alice<bob 200");
}

/* 3.8 Unsuccessful No Answer: Alice gives up. */
static void s3_8_no_answer(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 180",
	       "wait 20",
	       "alice>bob CANCEL",
	       "alice<bob 200 CANCEL",
	       "alice<bob 487",
	       "alice>bob ACK",
	       "wait 33");
}

/* The same, with early media that ends with the CANCEL. */
static void s3_8_no_answer_early_media(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 183 {audio 7000}        == alice:20000<>bob:7000",
	       "wait 20",
	       "alice>bob CANCEL                  == none",
	       "alice<bob 200 CANCEL",
	       "alice<bob 487 INVITE",
	       "alice>bob ACK");
}

/* 3.9 Unsuccessful Busy */
static void s3_9_busy(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 407/p +Proxy-Authenticate: Digest realm=\"x\", nonce=\"1\"",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 486/u",
	       "alice>bob ACK",
	       "# it is over: a late answer opens nothing",
	       "alice<bob 200 {audio 7000}        == none");
}

static void s3_9_busy_in(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 486",
	       "bob<alice ACK");
}

/* 3.10 Unsuccessful No Response from User Agent: Proxy 2 sends 480. */
static void s3_10_no_response(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "wait 33",
	       "alice<bob 480",
	       "alice>bob ACK");
}

/* Bob behind us does not answer at all. */
static void s3_10_no_response_in(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "wait 33",
	       "bob<alice CANCEL",
	       "wait 70");
}

/* 3.11 Unsuccessful Temporarily Unavailable */
static void s3_11_unavailable(void **state)
{
	LADDER("inside alice",
	       "bob via proxy1",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 180",
	       "alice<bob 480 INVITE",
	       "alice>bob ACK");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(s3_1_session),
		cmocka_unit_test(s3_1_session_in),
		cmocka_unit_test(s3_2_two_proxies),
		cmocka_unit_test(s3_2_two_proxies_in),
		cmocka_unit_test(s3_3_challenged_twice),
		cmocka_unit_test(s3_4_proxy_failure),
		cmocka_unit_test(s3_4_proxy_failure_same_port),
		cmocka_unit_test(s3_5_alg),
		cmocka_unit_test(s3_6_redirect_late_offer),
		cmocka_unit_test(s3_6_redirect_same_call),
		cmocka_unit_test(s3_7_reinvite_moves),
		cmocka_unit_test(s3_8_no_answer),
		cmocka_unit_test(s3_8_no_answer_early_media),
		cmocka_unit_test(s3_9_busy),
		cmocka_unit_test(s3_9_busy_in),
		cmocka_unit_test(s3_10_no_response),
		cmocka_unit_test(s3_10_no_response_in),
		cmocka_unit_test(s3_11_unavailable),
	};

	return cmocka_run_group_tests_name("RFC 3665", tests, NULL, NULL);
}
