/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this packet pass? One table for whoever answers: the kernel side (test_reasons.c) and replay
 * (test_replay_media.c). Where the two come to different reasons, one of them has drifted.
 */
#ifndef RF_TEST_MEDIA_CASES_H
#define RF_TEST_MEDIA_CASES_H

#include "lib/media_ends.h"
#include "lib/udptl_samples.h"

/* What a case changes before the packet comes: a pinhole of one direction and family, and what these share. */
struct media_facts {
	__u64 now; /* ns */
	struct rf_pinhole *ph;
	struct rf_pinhole_state *st;
	struct rf_more_remotes *more;
	struct rf_learnt *learnt;
	struct rf_pinhole_cold *cold;
};
typedef void tweak(const struct media_facts *f);

/* Past for the kernel side, too, which looks at the last clock tick. */
static inline __u64 media_past(const struct media_facts *f)
{
	return f->now - SEC / 50;
}

static inline void t_closed(const struct media_facts *f)
{
	f->ph->state = RF_PINHOLE_CLOSED;
}

static inline void t_expired(const struct media_facts *f)
{
	f->ph->deadline_ns = media_past(f);
}

static inline void t_idle(const struct media_facts *f)
{
	f->ph->idle_s = 5;
	f->st->dir[0].last_ns = f->now - 6 * SEC;
	f->st->dir[1].last_ns = f->now - 7 * SEC;
}

static inline void t_held(const struct media_facts *f)
{
	f->ph->classes = RF_CLASS_RTCP;
	f->ph->flags |= RF_PH_HELD;
}

static inline void t_rtcp_only(const struct media_facts *f)
{
	f->ph->classes = RF_CLASS_RTCP;
}

static inline void t_too_late(const struct media_facts *f)
{
	f->ph->flags |= RF_PH_LEARN;
	f->cold->learn_until_s = media_past(f) / SEC;
}

static inline void t_pending(const struct media_facts *f)
{
	f->ph->flags |= RF_PH_LEARN;
	f->cold->learn_until_s = f->now / SEC + 2;
}

static inline void t_ssrc(const struct media_facts *f)
{
	bool v6 = f->ph->xlate.addr.w[0];

	t_pending(f);
	f->learnt->state = RF_LEARN_LOCKED;
	f->learnt->ep = ep(v6 ? PEER6 : PEER4, PEER_PORT);
	f->learnt->ssrc_state = RF_LEARN_LOCKED;
	f->learnt->ssrc = 4711;
}

static inline void t_udptl(const struct media_facts *f)
{
	f->ph->classes = RF_CLASS_UDPTL;
}

static inline void t_dtls(const struct media_facts *f)
{
	f->ph->classes = RF_CLASS_DTLS;
}

static inline void t_bfcp(const struct media_facts *f)
{
	f->ph->classes = RF_CLASS_BFCP;
}

static inline void t_all_rtcp(const struct media_facts *f)
{
	f->ph->rtcp_types = UINT32_MAX;
}

static inline void t_any(const struct media_facts *f)
{
	f->ph->classes = RF_CLASS_ANY;
}

static inline void t_not_idle(const struct media_facts *f)
{
	t_idle(f);
	f->st->dir[1].last_ns = f->now - 4 * SEC;
}

static inline void t_resumed(const struct media_facts *f)
{
	t_idle(f);
	f->cold->idle_from_s = f->now / SEC - 1;
}

static inline void t_never(const struct media_facts *f)
{
	f->ph->idle_s = 1;
}

static inline void t_forks(const struct media_facts *f)
{
	f->ph->n_remotes = 4;
	/* one list for the pinholes of both families, as they share the id */
	f->more->remotes[f->ph->remote.addr.w[0] ? 2 : 1] = f->ph->remote;
	f->ph->remote.port = htons(1);
}

static inline void t_one_of_two(const struct media_facts *f)
{
	t_forks(f);
	f->ph->n_remotes = 2; /* the right one is behind the end */
}

static inline void t_no_remote(const struct media_facts *f)
{
	f->ph->n_remotes = 0;
}

static inline void t_any_ssrc(const struct media_facts *f)
{
	t_ssrc(f);
	f->ph->classes = RF_CLASS_ANY;
}

static inline void t_closed_expired(const struct media_facts *f)
{
	t_closed(f);
	t_expired(f);
}

static inline void t_expired_idle(const struct media_facts *f)
{
	t_expired(f);
	t_idle(f);
}

static inline void t_idle_no_remote(const struct media_facts *f)
{
	t_idle(f);
	t_no_remote(f);
}

static inline void t_out_first(const struct media_facts *f)
{
	f->ph->flags |= RF_PH_OUT_FIRST;
}

static inline void t_out_first_waits(const struct media_facts *f)
{
	t_pending(f);
	t_out_first(f);
}

static inline void t_out_first_no_remote(const struct media_facts *f)
{
	t_out_first(f);
	t_no_remote(f);
}

#define BYTES(...)                                                   \
	.pay = PAY_BYTES, .bytes = (const uint8_t[]){ __VA_ARGS__ }, \
	.len = sizeof((const uint8_t[]){ __VA_ARGS__ })

/* A line of media_cases[] of each */
#define UDPTL_CASE(name, cls, ...)                   \
	{ "UDPTL or not: " name,                     \
	  t_udptl,                                   \
	  (cls) == RF_CLASS_UDPTL ? 0                \
	  : (cls)		  ? RF_R_WRONG_CLASS \
				  : RF_R_NOT_MEDIA,                  \
	  0,                                         \
	  { BYTES(__VA_ARGS__) } },

/* One line per way to be judged by a pinhole, run for both families and directions. */
struct media_case {
	const char *name;
	tweak *tweak;
	int reason; /* RF_R_NONE: delivered */
	int reason_out; /* where the other direction differs, else 0 */
	struct pkt mod;
};

static const struct media_case media_cases[] = {
	{ "delivered", NULL, 0, 0, {} },
	{ "closed", t_closed, RF_R_PINHOLE_CLOSED, 0, {} },
	{ "expired", t_expired, RF_R_PINHOLE_EXPIRED, 0, {} },
	{ "idle", t_idle, RF_R_PINHOLE_IDLE, 0, {} },
	{ "idle in one direction only", t_not_idle, 0, 0, {} },
	{ "idle on hold, resumed", t_resumed, 0, 0, {} },
	{ "idle limit, nothing came yet", t_never, 0, 0, {} },
	{ "fork", t_forks, 0, 0, {} },
	{ "remote behind the end", t_one_of_two, RF_R_WRONG_SOURCE, RF_R_WRONG_DESTINATION, {} },
	{ "no remote", t_no_remote, RF_R_WRONG_SOURCE, RF_R_WRONG_DESTINATION, {} },
	{ "learn too late", t_too_late, RF_R_LEARN_TOO_LATE, RF_R_LEARN_PENDING, {} },
	{ "learn", t_pending, 0, RF_R_LEARN_PENDING, {} },
	{ "another host's, nothing sent yet", t_out_first, RF_R_NOT_SENT_YET, -1, {} },
	{ "another host's, garbage",
	  t_out_first,
	  RF_R_NOT_SENT_YET,
	  RF_R_NOT_MEDIA,
	  { .pay = PAY_ZERO } },
	{ "another host's, nothing learnt",
	  t_out_first_waits,
	  RF_R_NOT_SENT_YET,
	  RF_R_LEARN_PENDING,
	  {} },
	{ "another host's, from a stranger",
	  t_out_first_no_remote,
	  RF_R_WRONG_SOURCE,
	  RF_R_WRONG_DESTINATION,
	  {} },
	{ "wrong ssrc", t_ssrc, RF_R_WRONG_SSRC, -1, { .ssrc = 1 } },
	{ "right ssrc", t_ssrc, 0, 0, { .ssrc = 4711 } },
	{ "ssrc of RTCP is free", t_ssrc, 0, 0, { .pay = PAY_RTCP, .ssrc = 1 } },
	{ "on hold", t_held, RF_R_ON_HOLD, 0, {} },
	{ "on hold, RTCP", t_held, 0, 0, { .pay = PAY_RTCP } },
	{ "on hold, STUN", t_held, RF_R_WRONG_CLASS, 0, { .pay = PAY_STUN } },
	{ "RTP to RTCP only", t_rtcp_only, RF_R_WRONG_CLASS, 0, {} },
	{ "payload type 8", NULL, 0, 0, { .pt = 8 } },
	{ "payload type 8 with marker", NULL, 0, 0, { .pt = 0x88 } },
	{ "payload type 9", NULL, RF_R_WRONG_PAYLOAD_TYPE, 0, { .pt = 9 } },
	{ "payload type 127", NULL, RF_R_WRONG_PAYLOAD_TYPE, 0, { .pt = 127 } },
	{ "empty", NULL, RF_R_NOT_MEDIA, 0, { .len = -1 } },
	{ "zeros", NULL, RF_R_NOT_MEDIA, 0, { .pay = PAY_ZERO } },
	{ "SIP to a media port", NULL, RF_R_NOT_MEDIA, 0, { .pay = PAY_SIP } },
	{ "RTP of 11 bytes", NULL, RF_R_NOT_MEDIA, 0, { .len = 11 } },
	{ "RTP version 1",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x40, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0) } },
	{ "RTP version 3",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0xc0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0) } },
	{ "CSRC fits", NULL, 0, 0, { BYTES(0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4) } },
	{ "CSRC does not fit",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x82, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7) } },
	{ "extension fits",
	  NULL,
	  0,
	  0,
	  { BYTES(0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 1, 2, 3, 4) } },
	{ "extension does not fit",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 2, 1, 2, 3, 4) } },
	{ "extension header does not fit",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0) } },
	{ "RTCP of one word", NULL, RF_R_NOT_MEDIA, 0, { BYTES(0x80, 200, 0, 0) } },
	{ "RTCP, empty RR", NULL, 0, 0, { BYTES(0x80, 201, 0, 1, 1, 2, 3, 4) } },
	{ "RTCP too long", NULL, RF_R_NOT_MEDIA, 0, { BYTES(0x80, 201, 0, 2, 1, 2, 3, 4) } },
	{ "RTCP 192", t_all_rtcp, 0, 0, { BYTES(0x80, 192, 0, 1, 1, 2, 3, 4) } },
	{ "RTCP 223", t_all_rtcp, 0, 0, { BYTES(0x80, 223, 0, 1, 1, 2, 3, 4) } },
	{ "RTCP 192 not agreed",
	  NULL,
	  RF_R_WRONG_RTCP_TYPE,
	  0,
	  { BYTES(0x80, 192, 0, 1, 1, 2, 3, 4) } },
	{ "RTCP 205 not agreed",
	  NULL,
	  RF_R_WRONG_RTCP_TYPE,
	  0,
	  { BYTES(0x81, 205, 0, 1, 1, 2, 3, 4) } },
	{ "RTCP 200", NULL, 0, 0, { BYTES(0x80, 200, 0, 1, 1, 2, 3, 4) } },
	{ "RTCP 204", NULL, 0, 0, { BYTES(0x80, 204, 0, 1, 1, 2, 3, 4) } },
	{ "224 is RTP",
	  NULL,
	  RF_R_WRONG_PAYLOAD_TYPE,
	  0,
	  { BYTES(0x80, 224, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8) } },
	{ "STUN with attribute", NULL, 0, 0, { .pay = PAY_STUN, .len = 28 } },
	{ "STUN without cookie",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) } },
	{ "STUN too long",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) } },
	{ "STUN odd",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0, 1, 0, 1, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		  13) } },
	{ "DTLS not agreed", NULL, RF_R_WRONG_CLASS, 0, { .pay = PAY_DTLS } },
	{ "DTLS", t_dtls, 0, 0, { .pay = PAY_DTLS } },
	{ "DTLS of TLS version",
	  t_dtls,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(22, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1) } },
	{ "DTLS too long",
	  t_dtls,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1) } },
	{ "DTLS type 27",
	  t_dtls,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(27, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1) } },
	{ "DTLS 1.3",
	  t_dtls,
	  0,
	  0,
	  { BYTES(0x2c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17) } },
	{ "DTLS 1.3 too short",
	  t_dtls,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x2c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) } },
	{ "UDPTL", t_udptl, 0, 0, { .pay = PAY_UDPTL } },
	{ "UDPTL that looks like RTP", t_udptl, 0, 0, { .pay = PAY_UDPTL, .seq = 0x8001 } },
	{ "UDPTL that looks like STUN", t_udptl, 0, 0, { .pay = PAY_UDPTL, .seq = 1 } },
	{ "UDPTL not agreed", NULL, RF_R_NOT_MEDIA, 0, { .pay = PAY_UDPTL, .seq = 1 } },
	{ "UDPTL too long", t_udptl, RF_R_NOT_MEDIA, 0, { BYTES(0, 1, 5, 1, 2, 3, 4) } },
	{ "UDPTL empty IFP", t_udptl, RF_R_NOT_MEDIA, 0, { BYTES(0, 1, 0, 0, 0) } },
	{ "UDPTL of 3 bytes", t_udptl, RF_R_NOT_MEDIA, 0, { BYTES(0, 1, 1) } },
	{ "BFCP", t_bfcp, 0, 0, { BYTES(0x40, 11, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 1, 2, 3, 4) } },
	{ "BFCP, fragment",
	  t_bfcp,
	  0,
	  0,
	  { BYTES(0x48, 11, 0, 9, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 2, 3, 4) } },
	{ "BFCP, fragment too long",
	  t_bfcp,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x48, 11, 0, 9, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 1, 2, 3, 4) } },
	{ "BFCP too long",
	  t_bfcp,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x40, 11, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1) } },
	{ "BFCP of 11 bytes",
	  t_bfcp,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x40, 11, 0, 0, 0, 0, 0, 1, 0, 1, 0) } },
	{ "BFCP of TCP's version",
	  t_bfcp,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x20, 11, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1) } },
	{ "BFCP not agreed",
	  NULL,
	  RF_R_NOT_MEDIA,
	  0,
	  { BYTES(0x40, 11, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1) } },
	{ "any", t_any, 0, 0, { .pay = PAY_ZERO } },
	{ "any, empty", t_any, 0, 0, { .len = -1 } },
	{ "any, the SSRC is free", t_any_ssrc, 0, 0, { .ssrc = 1 } },
	{ "ttl 1", NULL, RF_R_TTL_EXPIRED, 0, { .ttl = 1 } },
	/* of two reasons the one that is asked for first */
	{ "closed, expired", t_closed_expired, RF_R_PINHOLE_CLOSED, 0, {} },
	{ "expired, idle", t_expired_idle, RF_R_PINHOLE_EXPIRED, 0, {} },
	{ "idle, no remote", t_idle_no_remote, RF_R_PINHOLE_IDLE, 0, {} },
	{ "no remote, garbage",
	  t_no_remote,
	  RF_R_WRONG_SOURCE,
	  RF_R_WRONG_DESTINATION,
	  { .pay = PAY_ZERO } },
	{ "garbage, learn too late",
	  t_too_late,
	  RF_R_NOT_MEDIA,
	  RF_R_NOT_MEDIA,
	  { .pay = PAY_ZERO } },
	{ "wrong payload type, wrong ssrc",
	  t_ssrc,
	  RF_R_WRONG_PAYLOAD_TYPE,
	  0,
	  { .pt = 9, .ssrc = 1 } },
	{ "wrong ssrc, ttl 1", t_ssrc, RF_R_WRONG_SSRC, RF_R_TTL_EXPIRED, { .ssrc = 1, .ttl = 1 } },
	{ "on hold, ttl 1", t_held, RF_R_ON_HOLD, 0, { .ttl = 1 } },
	UDPTL_SAMPLES(UDPTL_CASE)
};

#endif
