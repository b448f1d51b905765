/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptions from one offer to the next: m-lines that come, go and change places (RFC 3264 8), versions in
 * o=, and descriptions that are one part of a body among others (RFC 5621).
 */
#include "flows_ladder.h"

/* clang-format off */

/* RFC 3264 8.1, 8.2: a removed stream keeps its place, and another media type may take it. */
static void slots_are_used_again(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, video 20002 pt=31}",
	       "alice<bob 200 {audio 7000, video 7002 pt=31}    == alice:20000<>bob:7000, alice:20002<>bob:7002",
	       "alice>bob ACK",
	       "# video goes",
	       "alice>bob INVITE {audio 20000, video 0 pt=31}",
	       "alice<bob 200 {audio 7000, video 0 pt=31}       == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "# fax in its place, and a third one behind it",
	       "alice<bob INVITE {audio 7000, image 7004, audio 7006 pt=8}",
	       "alice>bob 200 {audio 20000, image 20004, audio 20006 pt=8}"
	       "  == alice:20000<>bob:7000, alice:20004<>bob:7004+u, alice:20006<>bob:7006",
	       "types alice:20006 <8 >8",
	       "alice<bob ACK",
	       "# the first one goes, fax becomes video again at the same ports",
	       "alice<bob INVITE {audio 0, video 7004 pt=31, audio 7006 pt=8}",
	       "alice>bob 200 {audio 0, video 20004 pt=31, audio 20006 pt=8}"
	       "  == alice:20004<>bob:7004, alice:20006<>bob:7006",
	       "types alice:20004 <31 >31",
	       "alice<bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* One side takes the place for fax, the other for video: no agreement. */
static void slots_disagree(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, image 20002}",
	       "alice<bob 200 {audio 7000, video 7002 pt=31}    == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* RFC 3264 8 does not allow it, but it happens: the order changes, or m-lines are just left out. Media goes
 * by the place in the last offer and its answer. */
static void order_changes(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, video 20002 pt=31}",
	       "alice<bob 200 {audio 7000, video 7002 pt=31}    == alice:20000<>bob:7000, alice:20002<>bob:7002",
	       "alice>bob ACK",
	       "alice<bob INVITE {video 7002 pt=31, audio 7000}",
	       "alice>bob 200 {video 20002 pt=31, audio 20000}",
	       "types alice:20000 <0 >0",
	       "types alice:20002 <31 >31",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 200 {audio 20000}                     == alice:20000<>bob:7000",
	       "alice<bob ACK",
	       "# an answer with fewer m-lines than the offer, and one with more",
	       "alice<bob INVITE {audio 7000, video 7002 pt=31}",
	       "alice>bob 200 {audio 20000}",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 200 {audio 20000, video 20002 pt=31}",
	       "alice<bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* o= keeps its version on the way, its address becomes public; the same description once more, as session
 * timers send it, changes nothing. */
static void same_version(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "contains 2890844527 1 IN IP",
	       "alice<bob 200 {audio 7000}                      == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000}",
	       "contains 2890844527 1 IN IP",
	       "alice<bob 200 {audio 7000}",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000 sendonly}",
	       "contains 2890844527 2 IN IP",
	       "alice<bob 200 {audio 7000 recvonly}             == alice:20000>bob:7000",
	       "contains 2890844527 2 IN IP",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

static void in_several_parts(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} mixed",
	       "alice<bob 183 {audio 7000} nested               == alice:20000<>bob:7000",
	       "alice<bob 200 {audio 7000} mixed",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7004} mixed",
	       "alice>bob 200 {audio 20004 sendonly} nested     == alice:20004>bob:7004",
	       "alice<bob ACK",
	       "alice>bob INVITE",
	       "alice<bob 200 {audio 7006} nested",
	       "alice>bob ACK {audio 20006} nested              == alice:20006<>bob:7006",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_used_again), cmocka_unit_test(slots_disagree),
		cmocka_unit_test(order_changes),	cmocka_unit_test(same_version),
		cmocka_unit_test(in_several_parts),
	};

	return cmocka_run_group_tests_name("from one description to the next", tests, NULL, NULL);
}
