/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets one after another through a pinhole that is set, changed and closed between them: what the
 * kernel side (test_spec.c) and replay (test_replay_media.c) make of a spec, learn and keep.
 */
#ifndef RF_TEST_MEDIA_TALKS_H
#define RF_TEST_MEDIA_TALKS_H

#include "action.h"
#include "lib/media_ends.h"

/* Sets the pinhole anew before the packet comes; .now in ns. */
typedef void respec(struct pinhole_spec *s, __u64 now);

struct media_step {
	int dir; /* enum rf_dir */
	const char *far; /* who sends or is sent to */
	uint16_t far_port;
	int reason; /* RF_R_NONE: it passes */
	struct pkt mod; /* its payload */
	respec *set; /* NULL: as it is */
	bool close; /* before the packet */
};

struct media_talk {
	const char *name;
	struct media_step step[14]; /* up to the one without .far */
};

/* Of a call between IN4 and PEER4, RTP and RTCP on one port. */
static inline struct pinhole_spec talk_spec(__u64 now)
{
	struct pinhole_spec s = {
		.id = PH_ID,
		.call_id = CALL_ID,
		.outside = ep(PUB4, PUB_PORT),
		.inside = ep(IN4, IN_PORT),
		.classes_in = RF_CLASS_RTP | RF_CLASS_RTCP | RF_CLASS_STUN,
		.classes_out = RF_CLASS_RTP | RF_CLASS_RTCP | RF_CLASS_STUN,
		.n_remotes = 1,
		.deadline_ns = now + 600 * SEC,
		.idle_s = 300,
		.clock_rate = 8000,
		.payload_types_in = { 1 },
		.payload_types_out = { 0, 1 }, /* 8 */
		.rtcp_types = 0x1f00,
	};

	s.remotes[0] = (struct rf_remote){ addr(PEER4), htons(PEER_PORT), 128, 0 };
	return s;
}

static inline void s_same(struct pinhole_spec *s, __u64 now)
{
}

/* Media comes from somewhere in the peer's network, whatever the SDP says. */
static inline void s_learn(struct pinhole_spec *s, __u64 now)
{
	s->learn = true;
	s->learn_until_ns = now + 60 * SEC;
	s->announced = ep("192.168.7.7", 9);
	s->remotes[0] = (struct rf_remote){ addr("203.0.113.0"), 0, 96 + 24, 0 };
}

static inline void s_learn_late(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	s->learn_until_ns = now - 2 * SEC;
}

static inline void s_learn_one(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	s->remotes[0] = (struct rf_remote){ addr(PEER4), htons(PEER_PORT), 128, 0 };
}

static inline void s_learn_any(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	s->classes_in = s->classes_out = RF_CLASS_ANY;
}

static inline void s_learn_four(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	for (s->n_remotes = 0; s->n_remotes < RF_REMOTES_MAX; s->n_remotes++)
		s->remotes[s->n_remotes] =
			(struct rf_remote){ addr(PEER4), htons(11000 + s->n_remotes), 128, 0 };
}

static inline void s_hold(struct pinhole_spec *s, __u64 now)
{
	s->classes_in = s->classes_out = RF_CLASS_RTCP;
	s->held_in = s->held_out = true;
}

static inline void s_hold_in(struct pinhole_spec *s, __u64 now)
{
	s->classes_in = RF_CLASS_RTCP;
	s->held_in = true;
}

static inline void s_video(struct pinhole_spec *s, __u64 now)
{
	s->payload_types_in[0] = s->payload_types_out[1] = 0;
	s->payload_types_in[15] = s->payload_types_out[15] = 0x80;
}

/* Of three remotes one is for both directions, one for each of them. */
static inline void s_one_way(struct pinhole_spec *s, __u64 now)
{
	s->n_remotes = 3;
	s->remotes[1] = (struct rf_remote){ addr(PEER4), htons(1), 128, 0 };
	s->remotes[2] = (struct rf_remote){ addr(PEER4), htons(2), 128, 0 };
	s->not_out = 1 << 1;
	s->not_in = 1 << 2;
}

static inline void s_no_end(struct pinhole_spec *s, __u64 now)
{
	s->deadline_ns = 0;
}

static inline void s_ice(struct pinhole_spec *s, __u64 now)
{
	s->ice = true;
}

static inline void s_ice_no_stun(struct pinhole_spec *s, __u64 now)
{
	s->ice = true;
	s->classes_in = s->classes_out = RF_CLASS_RTP;
}

static inline void s_ice_learn(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	s->ice = true;
}

/* The inside endpoint was named by another host. */
static inline void s_out_first(struct pinhole_spec *s, __u64 now)
{
	s->out_first = true;
}

static inline void s_out_first_other(struct pinhole_spec *s, __u64 now)
{
	s_out_first(s, now);
	s->id = PH_ID + 1;
	s->remotes[0].port = htons(11000);
}

/* Another remote beside the first, and then alone; the first one's place is not its own. */
static inline void s_out_first_two(struct pinhole_spec *s, __u64 now)
{
	s_out_first(s, now);
	s->n_remotes = 2;
	s->remotes[1] = s->remotes[0];
	s->remotes[0].port = htons(11000);
}

static inline void s_out_first_second(struct pinhole_spec *s, __u64 now)
{
	s_out_first_two(s, now);
	s->n_remotes = 1;
}

static inline void s_out_first_ice_two(struct pinhole_spec *s, __u64 now)
{
	s_out_first_two(s, now);
	s->ice = true;
}

static inline void s_out_first_learn(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	s_out_first(s, now);
}

static inline void s_out_first_ice(struct pinhole_spec *s, __u64 now)
{
	s_ice(s, now);
	s_out_first(s, now);
}

static inline void s_learn_low(struct pinhole_spec *s, __u64 now)
{
	s_learn(s, now);
	s->low_ports = true;
}

#define T_FROM(ip, port, r, ...) \
	.dir = RF_DIR_IN, .far = ip, .far_port = port, .reason = r, .mod = { __VA_ARGS__ }
#define T_TO(ip, port, r, ...) \
	.dir = RF_DIR_OUT, .far = ip, .far_port = port, .reason = r, .mod = { .pt = 8, __VA_ARGS__ }
#define T_IN(...)  T_FROM(PEER4, __VA_ARGS__)
#define T_OUT(...) T_TO(PEER4, __VA_ARGS__)
#define T_ANSWER                                                                          \
	.pay = PAY_BYTES, .len = 20, .bytes = (const uint8_t[])                           \
	{                                                                                 \
		1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 \
	}

static const struct media_talk media_talks[] = {
	{ "a call",
	  { { T_IN(PEER_PORT, 0), .set = s_same },
	    { T_OUT(PEER_PORT, 0) },
	    { T_IN(PEER_PORT, 0, .ssrc = 2) },
	    { T_IN(PEER_PORT, RF_R_WRONG_PAYLOAD_TYPE, .pt = 8) },
	    { T_OUT(PEER_PORT, RF_R_WRONG_PAYLOAD_TYPE, .pay = PAY_BYTES, .len = 12,
		    .bytes = (const uint8_t[]){ 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 }) },
	    { T_IN(9, RF_R_WRONG_SOURCE) },
	    { T_OUT(9, RF_R_WRONG_DESTINATION) },
	    { T_OUT(PEER_PORT, RF_R_TTL_EXPIRED, .ttl = 1) },
	    { T_IN(PEER_PORT, RF_R_WRONG_PAYLOAD_TYPE), .set = s_video },
	    { T_IN(PEER_PORT, 0, .pt = 127) },
	    { T_OUT(PEER_PORT, RF_R_PINHOLE_CLOSED), .close = true },
	    { T_IN(PEER_PORT, RF_R_PINHOLE_CLOSED) },
	    { T_IN(PEER_PORT, 0), .set = s_same } } },
	{ "an end that is past", { { T_IN(PEER_PORT, RF_R_PINHOLE_EXPIRED), .set = s_no_end } } },
	{ "hold and resume",
	  { { T_IN(PEER_PORT, 0), .set = s_same },
	    { T_IN(PEER_PORT, RF_R_ON_HOLD), .set = s_hold },
	    { T_OUT(PEER_PORT, RF_R_ON_HOLD) },
	    { T_IN(PEER_PORT, 0, .pay = PAY_RTCP) },
	    { T_OUT(PEER_PORT, 0, .pay = PAY_RTCP) },
	    { T_IN(PEER_PORT, RF_R_WRONG_CLASS, .pay = PAY_STUN) },
	    { T_IN(PEER_PORT, RF_R_ON_HOLD), .set = s_hold_in },
	    { T_OUT(PEER_PORT, 0) },
	    { T_IN(PEER_PORT, 0), .set = s_same } } },
	{ "remotes of one direction",
	  { { T_IN(PEER_PORT, 0), .set = s_one_way },
	    { T_IN(1, 0) },
	    { T_IN(2, RF_R_WRONG_SOURCE) },
	    { T_OUT(PEER_PORT, 0) },
	    { T_OUT(1, RF_R_WRONG_DESTINATION) },
	    { T_OUT(2, 0) } } },
	{ "learnt in a prefix",
	  { { T_TO("192.168.7.7", 9, RF_R_LEARN_PENDING), .set = s_learn },
	    { T_OUT(11000, RF_R_WRONG_DESTINATION) },
	    { T_FROM("203.0.114.10", 11000, RF_R_WRONG_SOURCE) },
	    { T_IN(11000, RF_R_NOT_MEDIA, .pay = PAY_SIP) },
	    { T_IN(11000, RF_R_WRONG_PAYLOAD_TYPE, .pt = 8) },
	    { T_IN(11000, 0, .ssrc = 5) },
	    { T_IN(11000, RF_R_WRONG_SSRC, .ssrc = 6) },
	    { T_IN(11000, 0, .ssrc = 6, .pay = PAY_RTCP) },
	    { T_IN(11001, RF_R_WRONG_SOURCE, .ssrc = 5) },
	    { T_FROM("203.0.113.11", 11000, RF_R_WRONG_SOURCE, .ssrc = 5) },
	    { T_TO("192.168.7.7", 9, 0) },
	    { T_OUT(11000, 0) },
	    { T_OUT(11001, RF_R_WRONG_DESTINATION) } } },
	{ "an announced endpoint that may be learnt from",
	  { { T_OUT(PEER_PORT, RF_R_LEARN_PENDING), .set = s_learn_one },
	    { T_IN(PEER_PORT, 0) },
	    { T_OUT(PEER_PORT, 0) } } },
	{ "learnt from STUN, the stream later",
	  { { T_IN(11000, 0, .pay = PAY_STUN), .set = s_learn },
	    { T_IN(11000, 0, .ssrc = 0) },
	    { T_IN(11000, RF_R_WRONG_SSRC, .ssrc = 1) } } },
	{ "too late to learn",
	  { { T_IN(11000, RF_R_LEARN_TOO_LATE), .set = s_learn_late },
	    { T_IN(11000, 0), .set = s_learn },
	    { T_IN(11000, 0), .set = s_learn_late },
	    { T_IN(11001, RF_R_WRONG_SOURCE) } } },
	{ "a spent TTL teaches, too",
	  { { T_IN(11000, RF_R_TTL_EXPIRED, .ttl = 1, .ssrc = 5), .set = s_learn },
	    { T_IN(11001, RF_R_WRONG_SOURCE, .ssrc = 5) },
	    { T_IN(11000, RF_R_WRONG_SSRC, .ssrc = 6) } } },
	{ "whatever it is",
	  { { T_IN(11000, 0, .ssrc = 5), .set = s_learn_any },
	    { T_IN(11000, 0, .ssrc = 6) },
	    { T_IN(11000, 0, .pay = PAY_ZERO) },
	    { T_IN(11001, RF_R_WRONG_SOURCE) } } },
	{ "the announced one takes a place",
	  { { T_OUT(11002, RF_R_LEARN_PENDING), .set = s_learn_four },
	    { T_OUT(11003, RF_R_WRONG_DESTINATION) },
	    { T_IN(11003, 0) },
	    { T_OUT(11003, 0) } } },
	{ "ICE, somebody else",
	  { { T_IN(9, RF_R_STUN_HELD, .pay = PAY_STUN), .set = s_ice },
	    { T_OUT(9, RF_R_STUN_HELD, .pay = PAY_STUN) },
	    { T_IN(9, RF_R_WRONG_SOURCE) },
	    { T_OUT(9, RF_R_WRONG_DESTINATION) },
	    { T_IN(9, RF_R_WRONG_SOURCE, T_ANSWER) },
	    { T_IN(PEER_PORT, 0, .pay = PAY_STUN) },
	    { T_IN(9, RF_R_WRONG_SOURCE, .pay = PAY_STUN), .set = s_ice_no_stun } } },
	{ "another host's, until it sends",
	  { { T_IN(PEER_PORT, RF_R_NOT_SENT_YET), .set = s_out_first },
	    { T_IN(9, RF_R_WRONG_SOURCE) },
	    { T_OUT(9, RF_R_NOT_OURS) },
	    { T_OUT(PEER_PORT, RF_R_NOT_OURS, .pay = PAY_SIP) },
	    { T_OUT(PEER_PORT, RF_R_TTL_EXPIRED, .ttl = 1) },
	    { T_IN(PEER_PORT, RF_R_NOT_SENT_YET) },
	    { T_OUT(PEER_PORT, 0) },
	    { T_IN(PEER_PORT, 0) },
	    { T_IN(PEER_PORT, 0), .set = s_out_first },
	    { T_IN(PEER_PORT, RF_R_ON_HOLD), .set = s_hold },
	    { T_IN(11000, RF_R_NOT_SENT_YET), .set = s_out_first_other },
	    { T_OUT(11000, 0) },
	    { T_IN(11000, 0) } } },
	{ "another host's own business",
	  { { T_OUT(9, RF_R_NOT_OURS, .pay = PAY_ZERO), .set = s_out_first },
	    { T_OUT(PEER_PORT, RF_R_NOT_OURS, .pay = PAY_ZERO) },
	    { T_OUT(9, RF_R_NOT_OURS) },
	    { T_OUT(9, RF_R_NOT_OURS), .close = true },
	    { T_OUT(PEER_PORT, RF_R_NOT_OURS, .pay = PAY_ZERO) },
	    { T_OUT(PEER_PORT, RF_R_PINHOLE_CLOSED) },
	    { T_IN(PEER_PORT, RF_R_PINHOLE_CLOSED) } } },
	{ "another host's, to each of its remotes",
	  { { T_IN(PEER_PORT, RF_R_NOT_SENT_YET), .set = s_out_first },
	    { T_OUT(PEER_PORT, 0) },
	    { T_IN(PEER_PORT, 0), .set = s_out_first_two },
	    { T_IN(11000, RF_R_NOT_SENT_YET) },
	    { T_IN(11000, RF_R_NOT_SENT_YET), .set = s_out_first_second },
	    { T_IN(11000, RF_R_NOT_SENT_YET), .set = s_out_first_two },
	    { T_IN(PEER_PORT, RF_R_NOT_SENT_YET) }, /* it was gone meanwhile */
	    { T_OUT(11000, 0) },
	    { T_IN(11000, 0) },
	    { T_IN(PEER_PORT, RF_R_NOT_SENT_YET) },
	    { T_IN(11000, RF_R_PINHOLE_CLOSED), .close = true },
	    { T_IN(11000, RF_R_NOT_SENT_YET), .set = s_out_first_two } } },
	{ "another host's, a candidate that it does not know",
	  { { T_OUT(PEER_PORT, 0), .set = s_out_first_ice },
	    { T_IN(11000, RF_R_NOT_SENT_YET), .set = s_out_first_ice_two },
	    { T_IN(11000, 0, .pay = PAY_STUN) },
	    { T_IN(11000, RF_R_NOT_SENT_YET) },
	    { T_IN(9, RF_R_WRONG_SOURCE) },
	    { T_OUT(11000, 0, T_ANSWER) },
	    { T_IN(11000, 0) } } },
	{ "another host's, to be learnt",
	  { { T_IN(11000, RF_R_NOT_SENT_YET), .set = s_out_first_learn },
	    { T_TO("192.168.7.7", 9, RF_R_NOT_OURS, .pay = PAY_SIP) },
	    { T_IN(11000, RF_R_NOT_SENT_YET) },
	    { T_TO("192.168.7.7", 9, RF_R_LEARN_PENDING) },
	    { T_IN(11000, 0) },
	    { T_TO("192.168.7.7", 9, 0) } } },
	{ "another host's, with ICE",
	  { { T_IN(9, RF_R_NOT_SENT_YET, .pay = PAY_STUN), .set = s_out_first_ice },
	    { T_IN(PEER_PORT, RF_R_NOT_SENT_YET, .pay = PAY_STUN) },
	    { T_OUT(9, RF_R_STUN_HELD, .pay = PAY_STUN) },
	    { T_OUT(PEER_PORT, 0, .pay = PAY_STUN) },
	    { T_IN(PEER_PORT, 0, .pay = PAY_STUN) },
	    { T_IN(9, RF_R_STUN_HELD, .pay = PAY_STUN) } } },
	{ "nobody is learnt at a low port",
	  { { T_IN(1023, RF_R_WRONG_SOURCE), .set = s_learn },
	    { T_IN(1023, 0), .set = s_learn_low } } },
	{ "ICE and learning",
	  { { T_FROM("203.0.114.10", 9, RF_R_WRONG_SOURCE, .pay = PAY_STUN), .set = s_ice_learn },
	    { T_OUT(9, RF_R_STUN_HELD, .pay = PAY_STUN) },
	    { T_IN(11000, 0, .pay = PAY_STUN) },
	    { T_IN(11001, RF_R_WRONG_SOURCE, .pay = PAY_STUN) } } },
};

#endif
