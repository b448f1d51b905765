/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RFC 5359, "SIP Service Examples": those whose media crosses the gateway, each with the parties behind
 * us for whom it makes a difference. (2.6 transfers an instant messaging session: no media.)
 */
#include "flows_ladder.h"

/* clang-format off */

/* 2.1 Call Hold */
static void s2_1_hold(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 180",
	       "alice<bob 200 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7000 sendonly}",
	       "alice>bob 200 {audio 20000 recvonly}       == alice:20000<bob:7000",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 200 {audio 20000}                == alice:20000<>bob:7000",
	       "alice<bob ACK",
	       "alice>bob BYE                              == none",
	       "alice<bob 200");
}

/* The holding one behind us; what it offers to receive again may come before the answer does. */
static void s2_1_hold_in(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice INVITE {audio 20000 sendonly}",
	       "bob<alice 200 {audio 7000 recvonly}        == bob:20000>alice:7000",
	       "bob>alice ACK",
	       "bob>alice INVITE {audio 20000}             == bob:20000<>alice:7000",
	       "bob<alice 200 {audio 7000}",
	       "bob>alice ACK",
	       "bob<alice BYE                              == none",
	       "bob>alice 200");
}

/* Hold of RFC 2543 */
static void s2_1_hold_zero(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice INVITE {zero audio 20000}",
	       "bob<alice 200 {audio 7000}                 == bob:20000>alice:7000",
	       "bob>alice ACK",
	       "bob>alice INVITE {audio 20000}             == bob:20000<>alice:7000",
	       "bob<alice 200 {audio 7000}",
	       "bob>alice ACK",
	       "bob<alice INVITE {zero audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<alice:7000",
	       "bob<alice ACK",
	       "bob<alice BYE                              == none",
	       "bob>alice 200");
}

/* 2.2 Consultation Hold: Bob holds Alice, talks to Carol, comes back. */
static void s2_2_consultation(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 180",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice INVITE {audio 20000 sendonly}",
	       "bob<alice 200 {audio 7000 recvonly}        == bob:20000>alice:7000",
	       "bob>alice ACK",
	       "bob>carol INVITE {audio 20002}",
	       "bob<carol 180",
	       "bob<carol 200 {audio 9000}                 == bob:20000>alice:7000, bob:20002<>carol:9000",
	       "bob>carol ACK",
	       "bob>carol BYE                              == bob:20000>alice:7000",
	       "bob<carol 200",
	       "bob>alice INVITE {audio 20000}             == bob:20000<>alice:7000",
	       "bob<alice 200 {audio 7000}",
	       "bob>alice ACK",
	       "bob<alice BYE                              == none",
	       "bob>alice 200");
}

/* 2.3 Music on Hold: Bob connects Alice with the music server by third-party call control. */
static void s2_3_music(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE",
	       "alice>bob 200 {audio 20000}",
	       "# Bob takes that offer to the music server",
	       "alice<bob ACK {@music audio 9000 sendonly} == alice:20000<music:9000",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 200 {audio 20000}                == alice:20000<>bob:7000",
	       "alice<bob ACK",
	       "alice<bob BYE                              == none",
	       "alice>bob 200");
}

/* Bob behind us: Alice's media goes to the music server directly and opens nothing here. */
static void s2_3_music_in(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice INVITE",
	       "bob<alice 200 {audio 7000}",
	       "bob>music INVITE {@alice audio 7000}",
	       "bob<music 200 {audio 9000 sendonly}",
	       "bob>alice ACK {@music audio 9000 sendonly} == none",
	       "bob>music ACK",
	       "# back: the music is over",
	       "bob>music BYE",
	       "bob<music 200",
	       "bob>alice INVITE {audio 20000}             == bob:20000<>alice:7000",
	       "bob<alice 200 {audio 7000}",
	       "bob>alice ACK",
	       "bob>alice BYE                              == none",
	       "bob<alice 200");
}

/* 2.4 Transfer - Unattended: Bob sends Alice to Carol. */
static void s2_4_blind(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 180",
	       "alice<bob 200 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob REFER +Refer-To: <%U(carol)> +Referred-By: <sip:bob@example.com>",
	       "alice>bob 202",
	       "alice>bob NOTIFY +Event: refer +Subscription-State: active;expires=60",
	       "alice<bob 200",
	       "alice<bob BYE                              == none",
	       "alice>bob 200",
	       "alice>carol INVITE {audio 20002} +Referred-By: <sip:bob@example.com>",
	       "alice<carol 180",
	       "alice<carol 200 {audio 9000}               == alice:20002<>carol:9000",
	       "alice>carol ACK",
	       "alice>bob NOTIFY +Event: refer +Subscription-State: terminated;reason=noresource",
	       "alice<bob 200",
	       "alice<carol BYE                            == none",
	       "alice>carol 200");
}

/* The same RTP port for the new call while the old one still stands. */
static void s2_4_blind_same_port(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob REFER +Refer-To: <%U(carol)>",
	       "alice>bob 202",
	       "alice<bob BYE                              == none",
	       "alice>bob 200",
	       "alice>carol INVITE {audio 20000}",
	       "alice<carol 200 {audio 9000}               == alice:20000<>carol:9000",
	       "alice>carol ACK",
	       "alice>carol BYE                            == none",
	       "alice<carol 200");
}

/* The transferor behind us. */
static void s2_4_blind_transferor(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice REFER +Refer-To: <%U(carol)> +Referred-By: <%U(bob)>",
	       "bob<alice 202",
	       "bob<alice NOTIFY +Event: refer +Subscription-State: active;expires=60",
	       "bob>alice 200",
	       "bob>alice BYE                              == none",
	       "bob<alice 200",
	       "# Alice talks to Carol, and says so when Bob's call is over already",
	       "bob<alice NOTIFY +Event: refer +Subscription-State: terminated;reason=noresource",
	       "bob>alice 200");
}

/* The target behind us. */
static void s2_4_blind_target(void **state)
{
	LADDER("inside carol",
	       "carol<alice INVITE {audio 7000} +Referred-By: <sip:bob@example.com>",
	       "carol>alice 200 {audio 20000}              == carol:20000<>alice:7000",
	       "carol<alice ACK",
	       "carol<alice BYE                            == none",
	       "carol>alice 200");
}

/* 2.5 Transfer - Attended, the transferee behind us. */
static void s2_5_attended(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7000 sendonly}",
	       "alice>bob 200 {audio 20000 recvonly}       == alice:20000<bob:7000",
	       "alice<bob ACK",
	       "# Bob talks to Carol, then sends Alice there in his place",
	       "alice<bob REFER +Refer-To: <%U(carol)?Replaces=12adf2f34456gs5%3Bto-tag%3D12345%3Bfrom-tag%3D54321>",
	       "contains ?Replaces=12adf2f34456gs5%3Bto-tag%3D12345%3Bfrom-tag%3D54321>",
	       "alice>bob 202",
	       "alice>carol INVITE {audio 20002} +Replaces: 12adf2f34456gs5;to-tag=12345;from-tag=54321",
	       "contains Replaces: 12adf2f34456gs5;to-tag=12345;from-tag=54321",
	       "alice<carol 200 {audio 9000}               == alice:20000<bob:7000, alice:20002<>carol:9000",
	       "alice>carol ACK",
	       "alice>bob NOTIFY +Event: refer +Subscription-State: terminated;reason=noresource",
	       "alice<bob 200",
	       "alice<bob BYE                              == alice:20002<>carol:9000",
	       "alice>bob 200",
	       "alice<carol BYE                            == none",
	       "alice>carol 200");
}

/* The transferor behind us: what it calls the call with Carol, Carol must know. */
static void s2_5_attended_transferor(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>alice INVITE {audio 20000 sendonly}",
	       "bob<alice 200 {audio 7000 recvonly}        == bob:20000>alice:7000",
	       "bob>alice ACK",
	       "bob>carol INVITE {audio 20002}",
	       "bob<carol 200 {audio 9000}                 == bob:20000>alice:7000, bob:20002<>carol:9000",
	       "bob>carol ACK",
	       "bob>alice REFER +Refer-To: <%U(carol)?Replaces=%E(bob>carol)%3Bto-tag%3D%T(bob>carol)%3Bfrom-tag%3D%F(bob>carol)>",
	       "contains ?Replaces=%E(bob>carol)%3Bto-tag%3Du",
	       "bob<alice 202",
	       "bob<alice NOTIFY +Event: refer +Subscription-State: active;expires=60",
	       "bob>alice 200",
	       "# Carol has taken Alice in Bob's place",
	       "bob<carol BYE                              == bob:20000>alice:7000",
	       "bob>carol 200",
	       "bob<alice NOTIFY +Event: refer +Subscription-State: terminated;reason=noresource",
	       "bob>alice 200",
	       "bob>alice BYE                              == none",
	       "bob<alice 200");
}

/* The target behind us: the dialog to be replaced is named as she knows it. */
static void s2_5_attended_target(void **state)
{
	LADDER("inside carol",
	       "# she called Bob herself, so the Call-ID is hers",
	       "carol>bob INVITE {audio 20000}",
	       "carol<bob 200 {audio 7000}                 == carol:20000<>bob:7000",
	       "carol>bob ACK",
	       "carol<alice INVITE {audio 9000} +Replaces: %C(carol>bob);to-tag=%T(carol>bob);from-tag=%F(carol>bob)",
	       "contains Replaces: %C(carol>bob);to-tag=u;from-tag=",
	       "carol>alice 200 {audio 20002}              == carol:20000<>bob:7000, carol:20002<>alice:9000",
	       "carol<alice ACK",
	       "carol>bob BYE                              == carol:20002<>alice:9000",
	       "carol<bob 200",
	       "carol<alice BYE                            == none",
	       "carol>alice 200");
}

/* 2.7 Call Forwarding Unconditional: a proxy turns Bob's calls over to Carol. */
static void s2_7_forward_unconditional(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 181/p",
	       "alice<bob 180/c",
	       "alice<bob 200/c {@carol audio 9000}        == alice:20000<>carol:9000",
	       "alice>bob ACK",
	       "alice<bob BYE                              == none",
	       "alice>bob 200");
}

/* 2.8 Call Forwarding - Busy */
static void s2_8_forward_busy(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "# Bob is busy: the proxy keeps that for itself",
	       "alice<bob 181/p",
	       "alice<bob 180/c",
	       "alice<bob 200/c {@carol audio 9000}        == alice:20000<>carol:9000",
	       "alice>bob ACK",
	       "alice<bob BYE                              == none",
	       "alice>bob 200");
}

/* 2.9 Call Forwarding - No Answer: Bob rang, with early media at that. */
static void s2_9_forward_no_answer(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 183/b {audio 7000}               == alice:20000<>bob:7000",
	       "wait 10",
	       "alice<bob 181/p",
	       "alice<bob 180/c",
	       "alice<bob 200/c {@carol audio 9000}        == alice:20000<>carol:9000",
	       "alice>bob ACK",
	       "alice<bob BYE                              == none",
	       "alice>bob 200");
}

/* Bob behind us forwards himself. */
static void s2_9_forward_by_phone(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 302 +Contact: <%U(carol)>",
	       "bob<alice ACK",
	       "wait 33                                    == none");
}

/* 2.10 3-Way Conference - Third Party Is Added: Bob mixes. */
static void s2_10_conference_added(void **state)
{
	LADDER("inside bob",
	       "bob<alice INVITE {audio 7000}",
	       "bob>alice 200 {audio 20000}                == bob:20000<>alice:7000",
	       "bob<alice ACK",
	       "bob>carol INVITE {audio 20002} +Contact: <sip:bob@example.com>;isfocus",
	       "bob<carol 180",
	       "bob<carol 200 {audio 9000}                 == bob:20000<>alice:7000, bob:20002<>carol:9000",
	       "bob>carol ACK",
	       "bob>alice INVITE {audio 20000}",
	       "bob<alice 200 {audio 7000}",
	       "bob>alice ACK",
	       "bob<alice BYE                              == bob:20002<>carol:9000",
	       "bob>alice 200",
	       "bob>carol BYE                              == none",
	       "bob<carol 200");
}

/* 2.11 3-Way Conference - Third Party Joins */
static void s2_11_conference_joined(void **state)
{
	LADDER("inside bob",
	       "bob>alice INVITE {audio 20000}",
	       "bob<alice 200 {audio 7000}                 == bob:20000<>alice:7000",
	       "bob>alice ACK",
	       "bob<carol INVITE {audio 9000} +Join: %C(bob>alice);to-tag=u;from-tag=x",
	       "bob>carol 200 {audio 20002}                == bob:20000<>alice:7000, bob:20002<>carol:9000",
	       "bob<carol ACK",
	       "bob<carol BYE                              == bob:20000<>alice:7000",
	       "bob>carol 200",
	       "bob<alice BYE                              == none",
	       "bob>alice 200");
}

/* 2.12 Find-Me: one after the other, each with a tag and early media of its own. */
static void s2_12_find_me(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 180/one",
	       "alice<bob 183/two {@bob2 audio 7100}       == alice:20000<>bob2:7100",
	       "alice<bob 183/three {@bob3 audio 7200}     == alice:20000<>bob2:7100/bob3:7200",
	       "alice<bob 200/three {@bob3 audio 7200}     == alice:20000<>bob3:7200",
	       "alice>bob ACK",
	       "wait 40",
	       "alice<bob BYE                              == none",
	       "alice>bob 200");
}

/* 2.13 and 2.14 Call Screening: refused by the proxy, or sent elsewhere. */
static void s2_13_screened(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 403 +Reason: SIP;cause=403",
	       "alice>bob ACK",
	       "wait 33                                    == none");
}

/* 2.15 Call Park: the park server takes Alice over from Bob, Carol from the park server. */
static void s2_15_park(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<park INVITE {audio 9000} +Replaces: %C(alice>bob);to-tag=u;from-tag=%F(alice>bob)",
	       "contains Replaces: %C(alice>bob);to-tag=u;from-tag=%F(alice>bob)",
	       "alice>park 200 {audio 20002}               == alice:20000<>bob:7000, alice:20002<>park:9000",
	       "alice<park ACK",
	       "alice>bob BYE                              == alice:20002<>park:9000",
	       "alice<bob 200",
	       "wait 600",
	       "alice<carol INVITE {audio 9100} +Replaces: %C(alice>park);to-tag=%F(alice>park);from-tag=u",
	       "alice>carol 200 {audio 20004}              == alice:20002<>park:9000, alice:20004<>carol:9100",
	       "alice<carol ACK",
	       "alice>park BYE                             == alice:20004<>carol:9100",
	       "alice<park 200",
	       "alice<carol BYE                            == none",
	       "alice>carol 200");
}

/* 2.16 Call Pickup: Bob rings, Carol picks up. */
static void s2_16_pickup(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 183 {audio 7000}                 == alice:20000<>bob:7000",
	       "alice<carol INVITE {audio 9000} +Replaces: %C(alice>bob);to-tag=u;from-tag=%F(alice>bob);early-only",
	       "alice>carol 200 {audio 20002}              == alice:20000<>bob:7000, alice:20002<>carol:9000",
	       "alice<carol ACK",
	       "alice>bob CANCEL                           == alice:20002<>carol:9000",
	       "alice<bob 200 CANCEL",
	       "alice<bob 487 INVITE",
	       "alice>bob ACK",
	       "alice<carol BYE                            == none",
	       "alice>carol 200");
}

/* 2.17 Automatic Redial: busy; Alice is told when Bob is free. */
static void s2_17_redial(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 486",
	       "alice>bob ACK",
	       "alice>bob#2 SUBSCRIBE +Event: dialog +Expires: 600",
	       "alice<bob#2 200 +Expires: 600",
	       "alice<bob#2 NOTIFY +Event: dialog +Subscription-State: active;expires=600",
	       "alice>bob#2 200",
	       "wait 120",
	       "alice<bob#2 NOTIFY +Event: dialog +Subscription-State: active;expires=480",
	       "alice>bob#2 200",
	       "alice>bob#3 INVITE {audio 20000}",
	       "alice<bob#3 200 {audio 7000}               == alice:20000<>bob:7000",
	       "alice>bob#3 ACK",
	       "alice>bob#3 BYE                            == none",
	       "alice<bob#3 200");
}

/* 2.18 Click to Dial: a controller asks Alice to call Carol. */
static void s2_18_click_to_dial(void **state)
{
	LADDER("inside alice",
	       "alice<controller REFER +Refer-To: <%U(carol)> +Referred-By: <sip:controller@example.com>",
	       "alice>controller 202",
	       "alice>controller NOTIFY +Event: refer +Subscription-State: active;expires=60",
	       "alice<controller 200",
	       "alice>carol INVITE {audio 20000}",
	       "alice<carol 180",
	       "alice<carol 200 {audio 9000}               == alice:20000<>carol:9000",
	       "alice>carol ACK",
	       "alice>controller NOTIFY +Event: refer +Subscription-State: terminated;reason=noresource",
	       "alice<controller 200",
	       "alice>carol BYE                            == none",
	       "alice<carol 200");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(s2_1_hold),
		cmocka_unit_test(s2_1_hold_in),
		cmocka_unit_test(s2_1_hold_zero),
		cmocka_unit_test(s2_2_consultation),
		cmocka_unit_test(s2_3_music),
		cmocka_unit_test(s2_3_music_in),
		cmocka_unit_test(s2_4_blind),
		cmocka_unit_test(s2_4_blind_same_port),
		cmocka_unit_test(s2_4_blind_transferor),
		cmocka_unit_test(s2_4_blind_target),
		cmocka_unit_test(s2_5_attended),
		cmocka_unit_test(s2_5_attended_transferor),
		cmocka_unit_test(s2_5_attended_target),
		cmocka_unit_test(s2_7_forward_unconditional),
		cmocka_unit_test(s2_8_forward_busy),
		cmocka_unit_test(s2_9_forward_no_answer),
		cmocka_unit_test(s2_9_forward_by_phone),
		cmocka_unit_test(s2_10_conference_added),
		cmocka_unit_test(s2_11_conference_joined),
		cmocka_unit_test(s2_12_find_me),
		cmocka_unit_test(s2_13_screened),
		cmocka_unit_test(s2_15_park),
		cmocka_unit_test(s2_16_pickup),
		cmocka_unit_test(s2_17_redial),
		cmocka_unit_test(s2_18_click_to_dial),
	};

	return cmocka_run_group_tests_name("RFC 5359", tests, NULL, NULL);
}
