/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which payload types may flow which way, and which RTCP: RFC 3264 5.1 and 6.1, RFC 3550, 4585, 2032.
 */
#include "flows_ladder.h"

/* clang-format off */

/* What is sent to a side has a number from its own list, of a codec that the answer has. */
static void answer_decides(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+18+13+101 a=rtpmap:101_telephone-event/8000}",
	       "alice<bob 200 {audio 7000 pt=8+101 a=rtpmap:101_telephone-event/8000} == alice:20000<>bob:7000",
	       "types alice:20000 <8+101 >8+101",
	       "alice>bob ACK",
	       "# PCMU and comfort noise come back by the next offer, of the other side",
	       "alice<bob INVITE {audio 7000 pt=0+8+13}",
	       "alice>bob 200 {audio 20000 pt=0+13}",
	       "types alice:20000 <0+13 >0+13",
	       "alice<bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* RFC 3264 5.1: other numbers in the answer for the same codecs; each side is sent its own. */
static void other_numbers(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=96+97+101 a=rtpmap:96_opus/48000/2 a=rtpmap:97_iLBC/8000"
	       " a=rtpmap:101_telephone-event/8000}",
	       "alice<bob 200 {audio 7000 pt=111+100+9 a=rtpmap:111_OPUS/48000/2 a=rtpmap:100_TELEPHONE-EVENT/8000}"
	       "  == alice:20000<>bob:7000",
	       "# G.722, which was not offered, Bob would take, but may not send (6.1)",
	       "types alice:20000 <96+101 >9+100+111",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200",
	       "# from the other side",
	       "alice<bob#2 INVITE {audio 7000 pt=96+97 a=rtpmap:96_opus/48000/2 a=rtpmap:97_telephone-event/8000}",
	       "alice>bob#2 200 {audio 20000 pt=111+96 a=rtpmap:111_opus/48000/2 a=rtpmap:96_telephone-event/8000}"
	       "  == alice:20000<>bob:7000",
	       "types alice:20000 <96+111 >96+97",
	       "alice<bob#2 ACK",
	       "alice<bob#2 BYE == none",
	       "alice>bob#2 200");
}

/* The same number for another codec is no agreement; another clock rate is another codec. */
static void same_number_other_codec(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=96+97+98+99+100 a=rtpmap:96_speex/16000 a=rtpmap:97_speex/8000"
	       " a=rtpmap:98_AMR/8000 a=rtpmap:100_CN/16000}",
	       "alice<bob 200 {audio 7000 pt=97+98+99+100 a=rtpmap:97_iLBC/8000 a=rtpmap:98_speex/8000}"
	       "  == alice:20000<>bob:7000",
	       "# 99 has no name on either side, 100 has one on one side only: the number counts",
	       "types alice:20000 <97+99+100 >97+98+99+100",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* A static number means what RFC 3551 says, whatever a=rtpmap has: G.722 is often given wrongly. */
static void static_numbers(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=9+0 a=rtpmap:9_G722/16000}",
	       "alice<bob 200 {audio 7000 pt=9+96 a=rtpmap:9_G722/8000 a=rtpmap:96_PCMU/8000} == alice:20000<>bob:7000",
	       "types alice:20000 <0+9 >9+96",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* Nothing in common: nothing may come that the offerer has not been told to expect. */
static void nothing_in_common(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0}",
	       "alice<bob 200 {audio 7000 pt=8} == alice:20000<>bob:7000",
	       "types alice:20000 <none >8",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* A preview is no answer: whatever was offered may come. */
static void preview(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+18}",
	       "alice<bob 183 {audio 7000 pt=8}                        == alice:20000<>bob:7000",
	       "types alice:20000 <0+8+18 >8",
	       "alice<bob 200 {audio 7000 pt=8}",
	       "types alice:20000 <8 >8",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200",
	       "# a reliable one is an answer",
	       "alice>bob#2 INVITE {audio 20000 pt=0+8+18}",
	       "alice<bob#2 183 {audio 7000 pt=8} +RSeq: 1             == alice:20000<>bob:7000",
	       "types alice:20000 <8 >8",
	       "alice>bob#2 PRACK +RAck: 1 1 INVITE",
	       "alice<bob#2 200 PRACK",
	       "alice<bob#2 200 INVITE",
	       "alice>bob#2 ACK",
	       "alice>bob#2 BYE == none",
	       "alice<bob#2 200");
}

/* An open offer from inside: its types may come before the answer does; the way out waits for it. */
static void open_offer(void **state)
{
	LADDER("inside alice",
	       "alice<bob INVITE {audio 7000 pt=0+8+18}",
	       "alice>bob 200 {audio 20000 pt=0}                       == alice:20000<>bob:7000",
	       "types alice:20000 <0 >0",
	       "alice<bob ACK",
	       "alice>bob INVITE {audio 20000 pt=8+18}",
	       "types alice:20000 <0+8+18 >0",
	       "alice<bob 488",
	       "types alice:20000 <0 >0",
	       "alice>bob ACK",
	       "alice>bob INVITE {audio 20002 pt=8+18}"
	       "  == alice:20000<>bob:7000, alice:20002<>bob:7000",
	       "types alice:20002 <8+18 >0",
	       "alice<bob 200 {audio 7000 pt=18}                       == alice:20002<>bob:7000",
	       "types alice:20002 <18 >18",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* Forks share the inside endpoint: what one of them agreed on may come. */
static void forks(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000 pt=0+8+18}",
	       "alice<bob 183/v {audio 7000 pt=0} +RSeq: 1             == alice:20000<>bob:7000",
	       "types alice:20000 <0 >0",
	       "alice<bob 183/w {audio 7002 pt=8} +RSeq: 1             == alice:20000<>bob:7000/bob:7002",
	       "types alice:20000 <0+8 >0+8",
	       "alice<bob 200/w {audio 7002 pt=8}                      == alice:20000<>bob:7002",
	       "types alice:20000 <8 >8",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

static void rtcp_feedback(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {audio 20000, video 20002 proto=RTP/AVPF pt=96 a=rtpmap:96_VP8/90000,"
	       " video 20004 pt=97 a=rtcp-fb:97_nack}",
	       "alice<bob 200 {audio 7000, video 7002 proto=RTP/AVPF pt=96 a=rtpmap:96_VP8/90000,"
	       " video 7004 pt=97 a=rtcp-fb:97_nack}"
	       "  == alice:20000<>bob:7000, alice:20002<>bob:7002, alice:20004<>bob:7004",
	       "types alice:20001 <none >none",
	       "types alice:20003 <none >none fb",
	       "types alice:20005 <none >none fb",
	       "alice>bob ACK",
	       "# offered, but the answer does not have it",
	       "alice>bob INVITE {audio 20000, video 20002 proto=RTP/AVPF pt=96 a=rtpmap:96_VP8/90000 mux,"
	       " video 20004 pt=97 a=rtcp-fb:97_nack}",
	       "alice<bob 200 {audio 7000, video 7002 proto=RTP/AVPF pt=96 a=rtpmap:96_VP8/90000 mux,"
	       " video 7004 pt=97}"
	       "  == alice:20000<>bob:7000, alice:20002<>bob:7002+c, alice:20004<>bob:7004",
	       "types alice:20002 <96 >96 fb",
	       "types alice:20005 <none >none",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* RFC 2032 5.2: full intra requests and NACKs of their own packet types. */
static void rtcp_h261(void **state)
{
	LADDER("inside alice",
	       "alice>bob INVITE {video 20000 pt=31+34, video 20002 pt=34, video 20004 pt=31+34}",
	       "alice<bob 200 {video 7000 pt=31, video 7002 pt=34, video 7004 pt=34}"
	       "  == alice:20000<>bob:7000, alice:20002<>bob:7002, alice:20004<>bob:7004",
	       "types alice:20001 <none >none h261",
	       "types alice:20003 <none >none",
	       "types alice:20005 <none >none",
	       "alice>bob ACK",
	       "alice>bob BYE == none",
	       "alice<bob 200");
}

/* clang-format on */

/* A reload holds for running calls, too. */
static void any(void **state)
{
	struct ladder *l = l_new(false, RF_MODE_NAT);
	struct world *w = l->w;

	l_line(l, "inside alice");
	l_line(l, "alice>bob INVITE {audio 20000 pt=0}");
	l_line(l, "alice<bob 200 {audio 7000 pt=8} == alice:20000<>bob:7000");
	w->config.any_types = true;
	engine_reconfigure(w->e, &w->config, w->now, &w->out);
	w_carry_out(w, NULL);
	assert_int_equal(w->n_set, 2);
	for (size_t i = 0; i < w->n_pins; i++) {
		const struct pinhole_spec *s = &w->pins[i];

		for (int k = 0; k < 16; k++)
			assert_int_equal(s->payload_types_in[k] & s->payload_types_out[k], 0xff);
		assert_int_equal(s->rtcp_types, UINT32_MAX);
	}
	w->config.any_types = false;
	engine_reconfigure(w->e, &w->config, w->now, &w->out);
	w_carry_out(w, NULL);
	l_line(l, "types alice:20000 <none >8");
	l_free(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_decides),
		cmocka_unit_test(other_numbers),
		cmocka_unit_test(same_number_other_codec),
		cmocka_unit_test(static_numbers),
		cmocka_unit_test(nothing_in_common),
		cmocka_unit_test(preview),
		cmocka_unit_test(open_offer),
		cmocka_unit_test(forks),
		cmocka_unit_test(rtcp_feedback),
		cmocka_unit_test(rtcp_h261),
		cmocka_unit_test(any),
	};

	return cmocka_run_group_tests_name("agreed types", tests, NULL, NULL);
}
