/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Third-party call control (RFC 3725): the controller speaks, others send media. It may be outside, as a
 * hosted PBX is, or behind us beside the phones.
 */
#include "flows_ladder.h"

/* clang-format off */

/* 4.1 Flow I: A is asked for an offer, B's answer goes into the ACK. */
static void s4_1_flow_i(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE",
	       "alice>controller 180",
	       "alice>controller 200 {audio 20000}",
	       "# the controller takes that offer to Bob, who answers",
	       "alice<controller ACK {@bob audio 7000}    == alice:20000<>bob:7000",
	       "alice>controller BYE                      == none",
	       "alice<controller 200");
}

/* B behind us: A's offer comes by the controller. */
static void s4_1_flow_i_callee(void **state)
{
	LADDER("inside bob",
	       "bob<controller INVITE {@alice audio 7000}",
	       "bob>controller 200 {audio 20000}          == bob:20000<>alice:7000",
	       "bob<controller ACK",
	       "bob<controller BYE                        == none",
	       "bob>controller 200");
}

/* Controller and A behind us: the address in the SDP is another inside host's, who has to send first. */
static void s4_1_flow_i_inside(void **state)
{
	LADDER("inside controller, alice",
	       "controller>bob INVITE {@alice audio 20000}",
	       "controller<bob 200 {audio 7000}           == alice:20000~<>bob:7000",
	       "controller>bob ACK",
	       "controller<bob BYE                        == none",
	       "controller>bob 200");
}

/* Only the controller behind us: the media is none of ours, and opens nothing. */
static void s4_1_flow_i_elsewhere(void **state)
{
	LADDER("inside controller",
	       "controller>alice INVITE",
	       "controller<alice 200 {audio 7000}",
	       "controller>bob INVITE {@alice audio 7000}",
	       "controller<bob 200 {audio 9000}",
	       "controller>bob ACK",
	       "controller>alice ACK {@bob audio 9000}    == none",
	       "controller<bob BYE",
	       "controller>bob 200",
	       "controller>alice BYE",
	       "controller<alice 200");
}

/* Both phones behind us, a hosted PBX connects them: their media turns around here. */
static void s4_1_flow_i_both(void **state)
{
	LADDER_NAT("inside alice, bob",
		   "alice<controller INVITE",
		   "alice>controller 200 {audio 20000}",
		   "bob<controller INVITE {^ audio 20000}",
		   "bob>controller 200 {audio 20002}      == bob:20002<>wan:20000",
		   "bob<controller ACK",
		   "alice<controller ACK {^ audio 20002}"
		   "  == alice:20000<>wan:20002, bob:20002<>wan:20000",
		   "alice>controller BYE                  == bob:20002<>wan:20000",
		   "alice<controller 200",
		   "bob<controller BYE                    == none",
		   "bob>controller 200");
}

/* 4.2 Flow II: A gets a black hole first, B's offer by a re-INVITE. */
static void s4_2_flow_ii(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE {zero audio 9}",
	       "alice>controller 200 {audio 20000}        == none",
	       "alice<controller ACK",
	       "# Bob is asked and makes an offer",
	       "alice<controller INVITE {@bob audio 7000}",
	       "alice>controller 200 {audio 20000}        == alice:20000<>bob:7000",
	       "alice<controller ACK",
	       "alice<controller BYE                      == none",
	       "alice>controller 200");
}

/* 4.3 Flow III: A's own offer is answered with a black hole. */
static void s4_3_flow_iii(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {zero audio 9}       == none",
	       "alice<controller INVITE {@bob audio 7000}",
	       "alice>controller 200 {audio 20002}        == alice:20002<>bob:7000",
	       "alice<controller ACK",
	       "alice<controller BYE                      == none",
	       "alice>controller 200");
}

/* B behind us in flows II to IV: its offer comes late, A's answer with the ACK. */
static void s4_3_flow_iii_callee(void **state)
{
	LADDER("inside bob",
	       "bob<controller INVITE",
	       "bob>controller 180",
	       "bob>controller 200 {audio 20000}",
	       "bob<controller ACK {@alice audio 7000}    == bob:20000<>alice:7000",
	       "bob>controller BYE                        == none",
	       "bob<controller 200");
}

/* 4.4 Flow IV: no media in the first offer. */
static void s4_4_flow_iv(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE {}",
	       "alice>controller 200 {}                   == none",
	       "alice<controller ACK",
	       "alice<controller INVITE {@bob audio 7000}",
	       "alice>controller 200 {audio 20000}        == alice:20000<>bob:7000",
	       "alice<controller ACK",
	       "alice<controller BYE                      == none",
	       "alice>controller 200");
}

/* 6 Error handling: B does not want to; A is hung up without ever having had media. */
static void s6_error(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {zero audio 9}       == none",
	       "alice<controller BYE",
	       "alice>controller 200");
}

/* 7 Continued processing: B moves, B is exchanged for C, and A's re-INVITE passes through. */
static void s7_continued(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {@bob audio 7000}    == alice:20000<>bob:7000",
	       "alice<controller INVITE {@bob audio 7002}",
	       "alice>controller 200 {audio 20000}        == alice:20000<>bob:7002",
	       "alice<controller ACK",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {@carol audio 9000}  == alice:20000<>carol:9000",
	       "alice>controller INVITE {audio 20000, video 20002 pt=31}",
	       "alice<controller 200 {@carol audio 9000, video 0 pt=31}",
	       "alice>controller ACK",
	       "alice>controller BYE                      == none",
	       "alice<controller 200");
}

/* 8 3pcc and early media: the answer of B's early media reaches A in the ACK, then changes. */
static void s8_early_media(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {@gateway audio 8000} == alice:20000<>gateway:8000",
	       "alice<controller INVITE {@bob audio 7000}",
	       "alice>controller 200 {audio 20000}        == alice:20000<>bob:7000",
	       "alice<controller ACK",
	       "alice<controller BYE                      == none",
	       "alice>controller 200");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(s4_1_flow_i),	      cmocka_unit_test(s4_1_flow_i_callee),
		cmocka_unit_test(s4_1_flow_i_inside), cmocka_unit_test(s4_1_flow_i_elsewhere),
		cmocka_unit_test(s4_1_flow_i_both),   cmocka_unit_test(s4_2_flow_ii),
		cmocka_unit_test(s4_3_flow_iii),      cmocka_unit_test(s4_3_flow_iii_callee),
		cmocka_unit_test(s4_4_flow_iv),	      cmocka_unit_test(s6_error),
		cmocka_unit_test(s7_continued),	      cmocka_unit_test(s8_early_media),
	};

	return cmocka_run_group_tests_name("RFC 3725", tests, NULL, NULL);
}
