/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Offers and answers: the examples of RFC 3264 section 10 and of RFC 4317, and every pattern of RFC 6337
 * table 1 (RFC 3261, 3262, 3311), refused ones and RFC 6141 included. Codecs are those of the RFCs where
 * they make a difference.
 */
#include "flows_ladder.h"

/* clang-format off */

/* RFC 3264 10.1 Basic Exchange: one of two video streams is refused; then Bob adds a stream for his
 * telephone events. */
static void rfc3264_s10_1_basic(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, video 20002 pt=31, video 20004 pt=32}",
	       "alice<bob 200 {audio 49920, video 0 pt=31, video 53000 pt=32}"
	       "  == alice:20000<>bob:49920, alice:20004<>bob:53000",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 65422, video 0 pt=31, video 53000 pt=32, audio 51434 pt=110 recvonly}",
	       "alice>bob 200 {audio 20000, video 0 pt=31, video 20004 pt=32, audio 20006 pt=110 sendonly}"
	       "  == alice:20000<>bob:65422, alice:20004<>bob:53000, alice:20006>bob:51434",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* RFC 3264 10.2 One of N Codec Selection: nothing flows until one is chosen. */
static void rfc3264_s10_2_one_of_n(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+4+18 inactive}",
	       "alice<bob 200 {audio 54344 pt=0+4 inactive}   == alice:20000|bob:54344",
	       "alice>bob ACK",
	       "# what Alice offers to receive may come before the answer does (RFC 3264 8.3.1)",
	       "alice>bob INVITE {audio 20000 pt=4}           == alice:20000<bob:54344",
	       "alice<bob 200 {audio 54344 pt=4}              == alice:20000<>bob:54344",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* RFC 4317 2.1 Audio and Video 1: one codec each is chosen. */
static void rfc4317_s2_1_audio_video(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+97, video 20002 pt=31+32}",
	       "alice<bob 200 {audio 49174 pt=0, video 49170 pt=32}"
	       "  == alice:20000<>bob:49174, alice:20002<>bob:49170",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* 2.2 Audio and Video 2: all are accepted, and one is chosen by a second offer. */
static void rfc4317_s2_2_second_offer(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+97, video 20002 pt=31+32}",
	       "alice<bob 200 {audio 49172 pt=0+8, video 0 pt=31}    == alice:20000<>bob:49172",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20004 pt=0, video 0 pt=31}"
	       "  == alice:20000<>bob:49172, alice:20004<>bob:49172",
	       "alice<bob 200 {audio 49172 pt=0, video 0 pt=31}      == alice:20004<>bob:49172",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* 2.3 Audio and Video 3: the answer picks the last codec; the second offer comes by the answerer. */
static void rfc4317_s2_3_answerer_offers(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+97, video 20002 pt=31+32}",
	       "alice<bob 200 {audio 49172 pt=0+8+97, video 0 pt=31} == alice:20000<>bob:49172",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 49178 pt=97, video 0 pt=31}",
	       "alice>bob 200 {audio 20000 pt=97, video 0 pt=31}     == alice:20000<>bob:49178",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* 2.4 Two Audio Streams: the second is for telephone events, at another address of the callee. */
static void rfc4317_s2_4_two_audio(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+97, audio 20002 pt=101 sendonly}",
	       "alice<bob 200 {audio 49172 pt=0, audio 49174 pt=101 recvonly @events}"
	       "  == alice:20000<>bob:49172, alice:20002>events:49174",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* 2.5 Audio and Video 4: another codec with the next offer, and the m-line grows. */
static void rfc4317_s2_5_codec_changes(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+97, video 20002 pt=31}",
	       "alice<bob 200 {audio 49172 pt=97, video 49168 pt=31}"
	       "  == alice:20000<>bob:49172, alice:20002<>bob:49168",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 49172 pt=0, video 0 pt=31}",
	       "alice>bob 200 {audio 20000 pt=0, video 0 pt=31}      == alice:20000<>bob:49172",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* 2.6 Audio Only 1 */
static void rfc4317_s2_6_audio_only(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=97+98}",
	       "alice<bob 200 {audio 49172 pt=97}                    == alice:20000<>bob:49172",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* 2.7 Audio and Video 5: Bob refuses, naming what he can do; Alice tries again. */
static void rfc4317_s2_7_not_acceptable(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=97, video 20002 pt=31}",
	       "alice<bob 488 {audio 0 pt=0}",
	       "alice>bob ACK",
	       "alice>bob#2 INVITE {audio 20000 pt=0}",
	       "alice<bob#2 200 {audio 49172 pt=0}                   == alice:20000<>bob:49172",
	       "alice>bob#2 ACK",
	       "alice>bob#2 BYE == none",
	       "alice<bob#2 200");
}

/* 2.8 Audio and Video 6: the callee sends video, but wants none. */
static void rfc4317_s2_8_one_way_video(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+97, video 20002 pt=31+32}",
	       "alice<bob 200 {audio 49172 pt=0, video 49168 pt=31 sendonly}"
	       "  == alice:20000<>bob:49172, alice:20002<bob:49168",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000 pt=0, video 20002 pt=31 recvonly}",
	       "alice<bob 200 {audio 49172 pt=0, video 49168 pt=31 sendonly}",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* 3.1 Hold and Unhold 1 */
static void rfc4317_s3_1_hold(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+97}",
	       "alice<bob 200 {audio 49172 pt=97}                    == alice:20000<>bob:49172",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 49172 pt=97 sendonly}",
	       "alice>bob 200 {audio 20000 pt=97 recvonly}           == alice:20000<bob:49172",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 49172 pt=97}",
	       "alice>bob 200 {audio 20000 pt=97}                    == alice:20000<>bob:49172",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* 3.2 Hold with Two Streams: each has its own direction, and both sides hold. */
static void rfc4317_s3_2_hold_two(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, audio 20002 pt=101 sendonly}",
	       "alice<bob 200 {audio 49172, audio 49174 pt=101 recvonly}"
	       "  == alice:20000<>bob:49172, alice:20002>bob:49174",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 49172 sendonly, audio 49174 pt=101 inactive}",
	       "alice>bob 200 {audio 20000 recvonly, audio 20002 pt=101 inactive}"
	       "  == alice:20000<bob:49172, alice:20002|bob:49174",
	       "alice<bob ACK",
	       "# Alice holds too",
	       "alice>bob INVITE {audio 20000 inactive, audio 20002 pt=101 inactive}",
	       "alice<bob 200 {audio 49172 inactive, audio 49174 pt=101 inactive}"
	       "  == alice:20000|bob:49172, alice:20002|bob:49174",
	       "alice>bob ACK",
	       "# Bob takes back his; Alice still holds",
	       "alice<bob INVITE {audio 49172 recvonly, audio 49174 pt=101 recvonly}",
	       "alice>bob 200 {audio 20000 sendonly, audio 20002 pt=101 sendonly}"
	       "  == alice:20000>bob:49172, alice:20002>bob:49174",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* 4.1 Second Audio Stream Added */
static void rfc4317_s4_1_stream_added(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0}",
	       "alice<bob 200 {audio 49172 pt=0}                     == alice:20000<>bob:49172",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 49172 pt=0, audio 49174 pt=101 recvonly @events}",
	       "alice>bob 200 {audio 20000 pt=0, audio 20002 pt=101 sendonly}"
	       "  == alice:20000<>bob:49172, alice:20002>events:49174",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* 4.2 Audio, then Video Added */
static void rfc4317_s4_2_video_added(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0}",
	       "alice<bob 200 {audio 49172 pt=0}                     == alice:20000<>bob:49172",
	       "alice>bob ACK",
	       "# where Bob will have his video is not known before he says so",
	       "alice>bob INVITE {audio 20000 pt=0, video 20002 pt=31}",
	       "alice<bob 200 {audio 49172 pt=0, video 49168 pt=31}"
	       "  == alice:20000<>bob:49172, alice:20002<>bob:49168",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* 4.3 Audio and Video, then Video Deleted */
static void rfc4317_s4_3_video_deleted(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0, video 20002 pt=31}",
	       "alice<bob 200 {audio 49172 pt=0, video 49168 pt=31}"
	       "  == alice:20000<>bob:49172, alice:20002<>bob:49168",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 49172 pt=0, video 0 pt=31}",
	       "alice>bob 200 {audio 20000 pt=0, video 0 pt=31}      == alice:20000<>bob:49172",
	       "alice<bob ACK",
	       "alice<bob BYE == none",
	       "alice>bob 200");
}

/* 5.1 No Media, then Audio Added: an offer without m-lines. */
static void rfc4317_s5_1_no_media(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE {}",
	       "alice>controller 200 {}                              == none",
	       "alice<controller ACK",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {@bob audio 49172}              == alice:20000<>bob:49172",
	       "alice<controller BYE == none",
	       "alice>controller 200");
}

/* 5.2 Hold and Unhold 2: a controller holds by offering inactive, then the streams of others. */
static void rfc4317_s5_2_hold_by_controller(void **state)
{
	LADDER("inside alice",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}",
	       "alice<controller ACK {@bob audio 49172}              == alice:20000<>bob:49172",
	       "alice<controller INVITE {zero audio 49172 inactive}",
	       "alice>controller 200 {audio 20000 inactive}          == alice:20000|bob:49172",
	       "alice<controller ACK",
	       "alice<controller INVITE",
	       "alice>controller 200 {audio 20000}                   == alice:20000<bob:49172",
	       "alice<controller ACK {@bob audio 49172}              == alice:20000<>bob:49172",
	       "alice<controller BYE == none",
	       "alice>controller 200");
}

#define REL "+Require: 100rel +RSeq: 1"

/* RFC 6337 table 1, pattern 1: offer in INVITE, answer in 2xx. */
static void pattern1_invite_2xx(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "# pattern 1 again, in a re-INVITE without change: a refresh",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}",
	       "alice>bob ACK",
	       "alice>bob BYE                     == none",
	       "alice<bob 200");
}

/* Pattern 2: offer in 2xx, answer in ACK. */
static void pattern2_2xx_ack(void **state)
{
	LADDER("inside alice",
	       "alice<bob INVITE",
	       "alice>bob 180",
	       "alice>bob 200 {audio 20000}",
	       "alice<bob ACK {audio 7000}        == alice:20000<>bob:7000",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* The ACK has no answer: there is no session. */
static void pattern2_no_answer(void **state)
{
	LADDER("inside alice",
	       "alice<bob INVITE",
	       "alice>bob 200 {audio 20000}",
	       "alice<bob ACK                     == none",
	       "alice>bob BYE",
	       "alice<bob 200");
}

/* Pattern 3: offer in INVITE, answer in a reliable 1xx; later SDPs of the same say nothing. */
static void pattern3_invite_reliable(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Supported: 100rel",
	       "alice<bob 183 {audio 7000} " REL " == alice:20000<>bob:7000",
	       "alice>bob PRACK +RAck: 1 1 INVITE",
	       "alice<bob 200 PRACK",
	       "alice<bob 180 INVITE +Require: 100rel +RSeq: 2",
	       "alice>bob PRACK +RAck: 2 1 INVITE",
	       "alice<bob 200 PRACK",
	       "alice<bob 200 INVITE",
	       "alice>bob ACK",
	       "alice>bob BYE                     == none",
	       "alice<bob 200");
}

/* Pattern 4: offer in a reliable 1xx, answer in PRACK. */
static void pattern4_reliable_prack(void **state)
{
	LADDER("inside alice",
	       "alice<bob INVITE +Supported: 100rel",
	       "alice>bob 183 {audio 20000} " REL,
	       "alice<bob PRACK {audio 7000} +RAck: 1 1 INVITE == alice:20000<>bob:7000",
	       "alice>bob 200 PRACK",
	       "alice>bob 200 INVITE",
	       "alice<bob ACK",
	       "alice<bob BYE                     == none",
	       "alice>bob 200");
}

/* Pattern 5: offer in PRACK, answer in its 2xx. */
static void pattern5_prack(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Supported: 100rel",
	       "alice<bob 183 {audio 7000} " REL " == alice:20000<>bob:7000",
	       "alice>bob PRACK {audio 20002} +RAck: 1 1 INVITE == alice:20000<>bob:7000, alice:20002<>bob:7000",
	       "alice<bob 200 PRACK {audio 7002}   == alice:20002<>bob:7002",
	       "alice<bob 200 INVITE",
	       "alice>bob ACK",
	       "alice>bob BYE                     == none",
	       "alice<bob 200");
}

/* Pattern 6: offer in UPDATE, answer in its 2xx, within an early dialog (RFC 3311 section 5), from
 * either side. */
static void pattern6_update(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000} +Supported: 100rel",
	       "alice<bob 183 {audio 7000} " REL " == alice:20000<>bob:7000",
	       "alice>bob PRACK +RAck: 1 1 INVITE",
	       "alice<bob 200 PRACK",
	       "alice>bob UPDATE {audio 20000 sendonly}",
	       "alice<bob 200 UPDATE {audio 7000 recvonly} == alice:20000>bob:7000",
	       "alice<bob UPDATE {audio 7002}",
	       "alice>bob 200 UPDATE {audio 20000}        == alice:20000<>bob:7002",
	       "alice<bob 200 INVITE",
	       "alice>bob ACK",
	       "alice<bob UPDATE {audio 7002 inactive}",
	       "alice>bob 200 {audio 20000 inactive}      == alice:20000|bob:7002",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* RFC 3311 5.2: refused with 488, 491 (an offer of the other side is open) and 500: as before. */
static void update_refused(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob UPDATE {audio 7002}",
	       "alice>bob 488",
	       "alice>bob UPDATE {audio 20002}            == alice:20000<>bob:7000, alice:20002<>bob:7000",
	       "alice<bob UPDATE {audio 7004}",
	       "alice>bob 491 UPDATE",
	       "alice<bob 491 UPDATE                      == alice:20000<>bob:7000",
	       "alice>bob UPDATE {audio 20004}            == alice:20000<>bob:7000, alice:20004<>bob:7000",
	       "alice<bob 500 +Retry-After: 3             == alice:20000<>bob:7000",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* Several unreliable 183: each previews the answer, the last one counts; the 2xx may differ again. */
static void previews(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 183 {@announcer audio 9000}     == alice:20000<>announcer:9000",
	       "alice<bob 183 {@announcer audio 9002}     == alice:20000<>announcer:9002",
	       "alice<bob 180",
	       "alice<bob 183 {audio 7000 sendonly}       == alice:20000<bob:7000",
	       "alice<bob 200 {audio 7002}                == alice:20000<>bob:7002",
	       "alice>bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* A re-INVITE's answer in a 183 first: refused in the end, the session before holds again. */
static void preview_of_reinvite(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7000, video 7002 pt=31}",
	       "alice>bob 183 {audio 20000, video 20002 pt=31} == alice:20000<>bob:7000, alice:20002<>bob:7002",
	       "alice>bob 603 INVITE                      == alice:20000<>bob:7000",
	       "alice<bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* RFC 6337 3.4 and RFC 6141: refused re-INVITEs; both at once (RFC 3261 14.1); and one cancelled. */
static void reinvite_refused(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7002}",
	       "alice>bob 488",
	       "alice<bob ACK",
	       "# glare",
	       "alice>bob INVITE {audio 20002}            == alice:20000<>bob:7000, alice:20002<>bob:7000",
	       "alice<bob INVITE {audio 7004}",
	       "alice>bob 491",
	       "alice<bob 491                             == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob ACK",
	       "wait 2",
	       "alice>bob INVITE {audio 20002}            == alice:20000<>bob:7000, alice:20002<>bob:7000",
	       "alice<bob 200 {audio 7000}                == alice:20002<>bob:7000",
	       "alice>bob ACK",
	       "# cancelled",
	       "alice<bob INVITE {audio 7006}",
	       "alice<bob CANCEL",
	       "alice>bob 200 CANCEL",
	       "alice>bob 487 INVITE",
	       "alice<bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* RFC 6141 3.4: what an UPDATE within the re-INVITE agreed on outlives its refusal. */
static void reinvite_refused_after_update(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7000, video 7002 pt=31} +Supported: 100rel",
	       "alice>bob 183 {audio 20000, video 20002 pt=31} " REL
	       "  == alice:20000<>bob:7000, alice:20002<>bob:7002",
	       "alice<bob PRACK +RAck: 1 1 INVITE",
	       "alice>bob 200 PRACK",
	       "alice>bob UPDATE {audio 20000, video 0 pt=31}",
	       "alice<bob 200 UPDATE {audio 7000, video 0 pt=31} == alice:20000<>bob:7000",
	       "alice>bob 500 INVITE",
	       "alice<bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* T.38 by re-INVITE, refused first, and back to voice. */
static void fax(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000}",
	       "alice<bob 200 {audio 7000}                == alice:20000<>bob:7000",
	       "alice>bob ACK",
	       "alice<bob INVITE {image 7002}",
	       "alice>bob 488",
	       "alice<bob ACK",
	       "alice<bob INVITE {image 7002}",
	       "alice>bob 200 {image 20002}               == alice:20002<>bob:7002+u",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 200 {audio 20000}               == alice:20000<>bob:7000",
	       "alice<bob ACK",
	       "alice<bob BYE                             == none",
	       "alice>bob 200");
}

/* RFC 5761 5.1.1: offered, then agreed or not. RFC 3605: RTCP elsewhere. */
static void rtcp_places(void **state)
{
	LADDER_NAT("inside alice",
		   "alice>bob INVITE {audio 20000 mux}",
		   "alice<bob 200 {audio 7000 mux}            == alice:20000<>bob:7000+c",
		   "alice>bob ACK",
		   "alice<bob INVITE {audio 7000}",
		   "alice>bob 200 {audio 20000}               == alice:20000<>bob:7000",
		   "alice<bob ACK",
		   "alice<bob INVITE {audio 7000 rtcp=7501}",
		   "alice>bob 200 {audio 20000 rtcp=20501}"
		   "  == alice:20000<>bob:7000-rtcp, rtcp alice:20501=16384|bob:7501",
		   "alice<bob ACK",
		   "alice<bob BYE                             == none",
		   "alice>bob 200");
}

/* RFC 8866 5.14: two pairs of one m-line. MSRP is TCP: no pinhole, and no harm. */
static void ranges_and_tcp(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000/2, message 2855}",
	       "alice<bob 200 {audio 7000/2, message 2855} == alice:20000<>bob:7000, alice:20002<>bob:7002",
	       "alice>bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

/* RFC 8856: floor control beside audio; plain, as DTLS, and over TCP, which is left alone. No direction
 * and no silence ends it. */
static void bfcp(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, application 20002 a=floorctrl:c-s a=setup:actpass}",
	       "alice<bob 200 {audio 7000, application 7002 a=floorctrl:s a=setup:active}"
	       "  == alice:20000<>bob:7000, alice:20002|bob:7002+b",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20000 sendonly, application 20002 a=floorctrl:c-s inactive}",
	       "alice<bob 200 {audio 7000 recvonly, application 7002 a=floorctrl:s inactive}"
	       "  == alice:20000>bob:7000, alice:20002|bob:7002+b",
	       "alice>bob ACK",
	       "alice<bob INVITE {audio 7000, application 7002 proto=UDP/TLS/BFCP a=setup:actpass a=fingerprint:sha-1_00}",
	       "alice>bob 200 {audio 20000, application 20002 proto=UDP/TLS/BFCP a=setup:active a=fingerprint:sha-1_00}"
	       "  == alice:20000<>bob:7000, alice:20002|bob:7002+s+d",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000, application 7002 proto=TCP/BFCP a=setup:actpass a=connection:new}",
	       "alice>bob 200 {audio 20000, application 20002 proto=TCP/BFCP a=setup:active a=connection:new}"
	       "  == alice:20000<>bob:7000",
	       "alice<bob ACK",
	       "# what the two sides do not say alike is no agreement",
	       "alice<bob INVITE {audio 7000, application 7002 proto=UDP/BFCP}",
	       "alice>bob 200 {audio 20000, application 20002 proto=TCP/TLS/BFCP}",
	       "alice<bob ACK",
	       "alice<bob INVITE {audio 7000, application 7002 proto=UDP/BFCP}",
	       "alice>bob 200 {audio 20000, application 0 proto=UDP/BFCP}",
	       "alice<bob ACK",
	       "alice>bob BYE                             == none",
	       "alice<bob 200");
}

static void bfcp_is_patient(void **state)
{
	struct ladder *l = l_new(false, RF_MODE_NAT);
	size_t n = 0;

	l_line(l, "inside alice");
	l_line(l, "alice>bob INVITE {audio 20000, application 20002}");
	l_line(l, "alice<bob 200 {audio 7000, application 7002} == alice:20000<>bob:7000, alice:20002|bob:7002+b");
	for (size_t i = 0; i < l->w->n_pins; i++) {
		const struct pinhole_spec *s = &l->w->pins[i];

		if (strcmp(s->media, "application"))
			continue;
		n++;
		assert_string_equal(s->codec, "bfcp");
		assert_int_equal(s->idle_s, 0);
		assert_int_equal(s->classes_in, RF_CLASS_BFCP);
		assert_int_equal(s->classes_out, RF_CLASS_BFCP);
	}
	assert_int_equal(n, 1);
	l_line(l, "alice>bob INVITE {audio 20000, application 20002 proto=TCP/BFCP}");
	assert_non_null(strstr(l->w->events, "left alone"));
	l_line(l, "alice<bob 200 {audio 7000, application 7002 proto=TCP/BFCP} == alice:20000<>bob:7000");
	l_free(l);
}

/* An odd port first, then the even one below it: what was RTP's becomes RTCP's, also on the public side,
 * and no pinhole keeps a public port that is given back. */
static void odd_port_first(void **state)
{
	LADDER_NAT("inside alice",
		   "alice>bob INVITE {audio 20001}",
		   "alice<bob 200 {audio 7000}            == alice:20001=16384<>bob:7000",
		   "alice>bob ACK",
		   "wait 40",
		   "alice>bob INVITE {audio 20000}"
		   "  == alice:20000<>bob:7000-rtcp, alice:20001=16384<>bob:7000/bob:7001+c, rtcp alice:20002=16385|bob:7001",
		   "alice<bob 200 {audio 7000}            == alice:20000<>bob:7000",
		   "alice>bob ACK",
		   "wait 40                               == alice:20000<>bob:7000",
		   "alice>bob BYE                         == none",
		   "alice<bob 200");
}

/* Hold of RFC 2543 names no address, but the port is still the one that has a public port: so does the
 * same message when it comes once more (each of a ladder does). */
static void hold_zero_again(void **state)
{
	LADDER_NAT("inside alice",
		   "alice>bob INVITE {audio 40000}",
		   "alice<bob 200 {audio 7000}            == alice:40000=16384<>bob:7000",
		   "alice>bob ACK",
		   "alice>bob INVITE {zero audio 40000}",
		   "contains m=audio 16384",
		   "alice<bob 200 {audio 7000 recvonly}   == alice:40000=16384>bob:7000",
		   "alice>bob ACK",
		   "alice<bob INVITE {audio 7000 recvonly}",
		   "alice>bob 200 {zero audio 40000}",
		   "contains m=audio 16384",
		   "alice<bob ACK",
		   "alice>bob BYE                         == none",
		   "alice<bob 200");
}

/* An SDP where it means nothing opens nothing, and shows nothing of the inside. */
static void sdp_out_of_place(void **state)
{
	LADDER("inside alice",
	       "alice<bob INVITE {audio 7000}",
	       "alice>bob 100 {audio 20000}",
	       "alice>bob 180",
	       "alice>bob 200 {audio 20000}               == alice:20000<>bob:7000",
	       "alice<bob ACK {audio 7777}",
	       "alice>bob INFO {audio 20002}",
	       "alice<bob 200 {audio 7777}",
	       "alice>bob OPTIONS {audio 20004}",
	       "alice<bob 200 {audio 7777}",
	       "alice<bob BYE {audio 7777}                == none",
	       "alice>bob 200 {audio 20000}");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3264_s10_1_basic),
		cmocka_unit_test(rfc3264_s10_2_one_of_n),
		cmocka_unit_test(rfc4317_s2_1_audio_video),
		cmocka_unit_test(rfc4317_s2_2_second_offer),
		cmocka_unit_test(rfc4317_s2_3_answerer_offers),
		cmocka_unit_test(rfc4317_s2_4_two_audio),
		cmocka_unit_test(rfc4317_s2_5_codec_changes),
		cmocka_unit_test(rfc4317_s2_6_audio_only),
		cmocka_unit_test(rfc4317_s2_7_not_acceptable),
		cmocka_unit_test(rfc4317_s2_8_one_way_video),
		cmocka_unit_test(rfc4317_s3_1_hold),
		cmocka_unit_test(rfc4317_s3_2_hold_two),
		cmocka_unit_test(rfc4317_s4_1_stream_added),
		cmocka_unit_test(rfc4317_s4_2_video_added),
		cmocka_unit_test(rfc4317_s4_3_video_deleted),
		cmocka_unit_test(rfc4317_s5_1_no_media),
		cmocka_unit_test(rfc4317_s5_2_hold_by_controller),
		cmocka_unit_test(pattern1_invite_2xx),
		cmocka_unit_test(pattern2_2xx_ack),
		cmocka_unit_test(pattern2_no_answer),
		cmocka_unit_test(pattern3_invite_reliable),
		cmocka_unit_test(pattern4_reliable_prack),
		cmocka_unit_test(pattern5_prack),
		cmocka_unit_test(pattern6_update),
		cmocka_unit_test(update_refused),
		cmocka_unit_test(previews),
		cmocka_unit_test(preview_of_reinvite),
		cmocka_unit_test(reinvite_refused),
		cmocka_unit_test(reinvite_refused_after_update),
		cmocka_unit_test(fax),
		cmocka_unit_test(rtcp_places),
		cmocka_unit_test(ranges_and_tcp),
		cmocka_unit_test(bfcp),
		cmocka_unit_test(bfcp_is_patient),
		cmocka_unit_test(sdp_out_of_place),
		cmocka_unit_test(odd_port_first),
		cmocka_unit_test(hold_zero_again),
	};

	return cmocka_run_group_tests_name("offers and answers", tests, NULL, NULL);
}
