/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forked requests (RFC 3261 13.2.2.4, 16.7), session timers (RFC 4028), Replaces (RFC 3891), and the races
 * of CANCEL and BYE.
 */
#include "flows_ladder.h"

/* clang-format off */

/* Three branches with media; one answers and the others are closed. */
static void losing_forks(void **state)
{
	LADDER("inside alice",
	       "bob via proxy",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice<bob 183/x {@desk audio 7000}        == alice:20000<>desk:7000",
	       "alice<bob 183/y {@mobile audio 7100}      == alice:20000<>desk:7000/mobile:7100",
	       "alice<bob 180/z",
	       "alice<bob 200/y {@mobile audio 7100}      == alice:20000<>mobile:7100",
	       "alice>bob ACK/y",
	       "# late, of a branch that was cancelled",
	       "alice<bob 183/x INVITE {@desk audio 7000}",
	       "wait 40",
	       "alice<bob BYE/y                           == none",
	       "alice>bob 200");
}

/* Two branches accept at once: both are dialogs (13.2.2.4), until the caller hangs one up. */
static void two_accept(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 180/x",
	       "alice<bob 180/y",
	       "alice<bob 200/x INVITE {@desk audio 7000}   == alice:20000<>desk:7000",
	       "alice<bob 200/y INVITE {@mobile audio 7100} == alice:20000<>desk:7000/mobile:7100",
	       "alice>bob ACK/x",
	       "alice>bob ACK/y",
	       "alice>bob BYE/y                           == alice:20000<>desk:7000",
	       "alice<bob 200/y BYE",
	       "wait 60",
	       "alice<bob BYE/x                           == none",
	       "alice>bob 200/x BYE");
}

/* Each fork has an offer/answer of its own: one is on hold by UPDATE, the other is not. */
static void forks_negotiate_apart(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Supported: 100rel",
	       "alice<bob 183/x {@desk audio 7000} +Require: 100rel +RSeq: 1   == alice:20000<>desk:7000",
	       "alice>bob PRACK/x +RAck: 1 1 INVITE",
	       "alice<bob 200/x PRACK",
	       "alice<bob 183/y INVITE {@mobile audio 7100} +Require: 100rel +RSeq: 9"
	       "  == alice:20000<>desk:7000/mobile:7100",
	       "alice>bob PRACK/y +RAck: 9 1 INVITE",
	       "alice<bob 200/y PRACK",
	       "alice<bob UPDATE/x {@desk audio 7002}",
	       "alice>bob 200/x UPDATE {audio 20000}      == alice:20000<>desk:7002/mobile:7100",
	       "alice<bob 200/x INVITE                    == alice:20000<>desk:7002",
	       "alice>bob ACK/x",
	       "alice>bob BYE/x                           == none",
	       "alice<bob 200 BYE");
}

/* All refuse: the proxy sends one final response (16.7), which ends every early dialog. */
static void all_refuse(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 183/x {@desk audio 7000}        == alice:20000<>desk:7000",
	       "alice<bob 183/y {@mobile audio 7100}      == alice:20000<>desk:7000/mobile:7100",
	       "alice<bob 486/y INVITE                    == none",
	       "alice>bob ACK");
}

/* One INVITE forked to two phones behind us: same Call-ID, tags of their own. */
static void forked_inside(void **state)
{
	LADDER("inside desk, mobile",
	       "caller via proxy",
	       "desk<caller INVITE {audio 7000}",
	       "mobile<caller INVITE {audio 7000}",
	       "desk>caller 183/x {audio 20000}           == desk:20000<>caller:7000",
	       "mobile>caller 180/y",
	       "mobile>caller 200/y {audio 20002}         == desk:20000<>caller:7000, mobile:20002<>caller:7000",
	       "mobile<caller ACK",
	       "desk<caller CANCEL                        == mobile:20002<>caller:7000",
	       "desk>caller 200 CANCEL",
	       "desk>caller 487 INVITE",
	       "desk<caller ACK",
	       "mobile<caller BYE                         == none",
	       "mobile>caller 200");
}

/* The last fork answers 30 seconds after the first: still a dialog (64*T1); later it is none. */
static void late_fork(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200/x {@desk audio 7000}        == alice:20000<>desk:7000",
	       "alice>bob ACK/x",
	       "wait 30",
	       "alice<bob 200/y INVITE {@mobile audio 7100} == alice:20000<>desk:7000/mobile:7100",
	       "alice>bob ACK/y",
	       "alice>bob BYE/y                           == alice:20000<>desk:7000",
	       "alice<bob 200 BYE",
	       "wait 30",
	       "alice<bob 200/z INVITE {@third audio 7200}",
	       "alice<bob BYE/x                           == none",
	       "alice>bob 200");
}

/* Forks with a late offer: each has an offer of its own. */
static void forks_with_late_offers(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE",
	       "alice<bob 200/x {@desk audio 7000}",
	       "alice>bob ACK/x {audio 20000}             == alice:20000<>desk:7000",
	       "alice<bob 200/y INVITE {@mobile audio 7100}",
	       "alice>bob ACK/y {audio 20002}             == alice:20000<>desk:7000, alice:20002<>mobile:7100",
	       "alice>bob BYE/y                           == alice:20000<>desk:7000",
	       "alice<bob 200 BYE",
	       "alice>bob BYE/x                           == none",
	       "alice<bob 200 BYE");
}

/* RFC 4028 10: nobody refreshes, so the session ends when it said it would. */
static void rfc4028_expires(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Supported: timer +Session-Expires: 1800",
	       "alice<bob 200 {audio 7000} +Session-Expires: 1800;refresher=uac == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "wait 1799",
	       "wait 2                                    == none");
}

/* Refreshed by UPDATE without SDP, by re-INVITE, and by the other side. */
static void rfc4028_refreshed(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Session-Expires: 300",
	       "alice<bob 200 {audio 7000} +Session-Expires: 300;refresher=uac == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "wait 150",
	       "alice>bob UPDATE +Session-Expires: 300;refresher=uac",
	       "alice<bob 200 +Session-Expires: 300;refresher=uac",
	       "wait 299",
	       "alice>bob INVITE {audio 20000} +Session-Expires: 300;refresher=uas",
	       "alice<bob 200 {audio 7000} +Session-Expires: 300;refresher=uas",
	       "alice>bob ACK",
	       "wait 299",
	       "alice<bob UPDATE +Session-Expires: 300;refresher=uac",
	       "alice>bob 200 +Session-Expires: 300;refresher=uac",
	       "wait 299",
	       "wait 2                                    == none");
}

/* A refresh that is refused renews nothing; 481 and 408 end the dialog (RFC 3261 12.2.1.2). */
static void rfc4028_refresh_refused(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000} +Session-Expires: 300;refresher=uac == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "wait 200",
	       "alice>bob UPDATE +Session-Expires: 300;refresher=uac",
	       "alice<bob 500",
	       "wait 99",
	       "wait 2                                    == none",
	       "alice>bob#2 INVITE {audio 20000}",
	       "alice<bob#2 200 {audio 7000} +Session-Expires: 300;refresher=uac == alice:20000<>bob:7000",
	       "alice>bob#2 ACK",
	       "wait 150",
	       "alice>bob#2 UPDATE +Session-Expires: 300;refresher=uac",
	       "alice<bob#2 481                           == none");
}

/* 422: the interval was too small, the next attempt has the same Call-ID and tag (RFC 4028 6). */
static void rfc4028_too_small(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Session-Expires: 60",
	       "alice<bob 422/p +Min-SE: 3600",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000} +Session-Expires: 3600 +Min-SE: 3600",
	       "alice<bob 200/u {audio 7000} +Session-Expires: 3600;refresher=uac == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "wait 3599",
	       "wait 2                                    == none");
}

/* RFC 3891 4: a confirmed dialog is replaced; the old one ends with its BYE only. Alice goes on with the
 * port that she has, and so with the public one: while both calls live it is open to both peers. */
static void rfc3891_confirmed(void **state)
{
	LADDER_NAT("inside alice",
		   "alice>bob INVITE {audio 20000}",
		   "alice<bob 200 {audio 7000}            == alice:20000<>bob:7000",
		   "alice>bob ACK",
		   "alice<carol INVITE {audio 9000} +Require: replaces +Replaces: %C(alice>bob);to-tag=%F(alice>bob);from-tag=u",
		   "contains Replaces: %C(alice>bob);to-tag=%F(alice>bob);from-tag=u",
		   "alice>carol 200 {audio 20000}"
		   "  == alice:20000<>carol:9000/bob:7000",
		   "alice<carol ACK",
		   "alice>bob BYE                         == alice:20000<>carol:9000",
		   "alice<bob 200",
		   "alice<carol BYE                       == none",
		   "alice>carol 200");
}

/* RFC 3891 3: the dialog to be replaced is not known: 481, and the call that lives goes on. */
static void rfc3891_unknown(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<carol INVITE {audio 9000} +Replaces: nobody@nowhere;to-tag=1;from-tag=2",
	       "alice>carol 481",
	       "alice<carol ACK",
	       "alice<bob BYE                             == none",
	       "alice>bob 200");
}

/* RFC 3261 9.1: the 2xx crosses the CANCEL. */
static void cancel_crosses_2xx(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 183 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob CANCEL                          == none",
	       "alice<bob 200 INVITE {audio 7000}         == alice:20000<>bob:7000",
	       "alice<bob 200 CANCEL",
	       "alice>bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200 BYE");
}

/* The CANCEL comes before anything but a 100. */
static void early_cancel(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 100",
	       "alice>bob CANCEL",
	       "alice<bob 200 CANCEL",
	       "alice<bob 487 INVITE",
	       "alice>bob ACK",
	       "wait 40                                   == none");
}

/* BYE of the caller in an early dialog (RFC 3261 15), and one before the 2xx has come. */
static void bye_before_2xx(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 183 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob BYE                             == none",
	       "alice<bob 200 BYE",
	       "alice<bob 487 INVITE",
	       "alice>bob ACK",
	       "wait 40                                   == none");
}

/* A challenged BYE: the call goes on until the next one, whatever becomes of the first. */
static void bye_challenged(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 407 BYE                         == alice:20000<>bob:7000",
	       "alice>bob BYE@2",
	       "alice>bob BYE                             == none",
	       "alice<bob 200 BYE");
}

/* Both hang up at once. */
static void bye_crosses_bye(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob BYE",
	       "alice>bob 200 BYE",
	       "alice<bob 200 BYE",
	       "wait 40                                   == none");
}

/* The BYE crosses a re-INVITE: its offer opens nothing any more. */
static void bye_crosses_reinvite(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20002}            == alice:20000<>bob:7000, alice:20002<>bob:7000",
	       "alice<bob BYE                             == none",
	       "alice>bob 200 BYE",
	       "alice<bob 487 INVITE",
	       "alice>bob ACK",
	       "wait 40                                   == none");
}

/* The ACK does not come, the BYE is lost, the answer to it too: each time the call ends by itself. */
static void lost_messages(void **state)
{
	LADDER("inside alice",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 200 {audio 20000}               == alice:20000<>bob:7000",
	       "wait 31",
	       "wait 2                                    == none",
	       "alice<bob#2 INVITE {audio 7000}",
	       "alice>bob#2 200 {audio 20000}             == alice:20000<>bob:7000",
	       "alice<bob#2 ACK",
	       "alice>bob#2 BYE                           == none",
	       "wait 70",
	       "alice<bob#3 INVITE {audio 7000}",
	       "alice>bob#3 200 {audio 20000}             == alice:20000<>bob:7000",
	       "alice<bob#3 ACK",
	       "wait 43199",
	       "wait 2                                    == none");
}

/* Whoever is no configured peer may speak in its call, and in nobody else's (promise P6). */
static void guests(void **state)
{
	LADDER("inside alice",
	       "guests dave, mallory",
	       "alice<dave INVITE {audio 7000} !",
	       "alice>dave#2 INVITE {audio 20000}",
	       "alice<dave#2 200 {audio 7000}             == alice:20000<>dave:7000",
	       "alice>dave#2 ACK",
	       "alice<dave#2 INVITE {audio 7002}",
	       "alice>dave#2 200 {audio 20000}            == alice:20000<>dave:7002",
	       "alice<dave#2 ACK",
	       "dave via mallory",
	       "alice<dave#2 BYE !",
	       "alice<dave#2 INVITE {audio 666} !",
	       "dave direct",
	       "alice<dave#2 BYE                          == none",
	       "alice>dave#2 200");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(losing_forks),
		cmocka_unit_test(two_accept),
		cmocka_unit_test(forks_negotiate_apart),
		cmocka_unit_test(all_refuse),
		cmocka_unit_test(forked_inside),
		cmocka_unit_test(late_fork),
		cmocka_unit_test(forks_with_late_offers),
		cmocka_unit_test(rfc4028_expires),
		cmocka_unit_test(rfc4028_refreshed),
		cmocka_unit_test(rfc4028_refresh_refused),
		cmocka_unit_test(rfc4028_too_small),
		cmocka_unit_test(rfc3891_confirmed),
		cmocka_unit_test(rfc3891_unknown),
		cmocka_unit_test(cancel_crosses_2xx),
		cmocka_unit_test(early_cancel),
		cmocka_unit_test(bye_before_2xx),
		cmocka_unit_test(bye_challenged),
		cmocka_unit_test(bye_crosses_bye),
		cmocka_unit_test(bye_crosses_reinvite),
		cmocka_unit_test(lost_messages),
		cmocka_unit_test(guests),
	};

	return cmocka_run_group_tests_name("forks and timers", tests, NULL, NULL);
}
