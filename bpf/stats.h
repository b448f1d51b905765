/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The books of a flow: packets, drops, and what a receiver would count about an RTP stream (RFC 3550 A.1,
 * A.8).
 */
#ifndef RF_BPF_STATS_H
#define RF_BPF_STATS_H

#include "find.h"
#include "verdict.h"

#define RF_MAX_DROPOUT	3000 /* RFC 3550 A.1 */
#define RF_MAX_MISORDER 100

/*
 * A new stream in the same pinhole (new SSRC, or the sender began anew): what was lost and received
 * so far stays in the sums, so that lost = seq_ext - seq_base + 1 - rtp_packets remains true.
 */
static __always_inline void rf_seq_restart(struct rf_flow_stats *s, const struct rf_media *m)
{
	__u32 lost = s->rtp_packets ? s->seq_ext - s->seq_base + 1 - s->rtp_packets : 0;

	s->rtp_packets++;
	s->seq_ext = m->seq;
	s->seq_base = m->seq + 1 - s->rtp_packets - lost;
	s->bad_seq_known = 0;
	s->transit = 0;
}

/* RFC 3550 A.1. False: a jump that the next packet has to confirm, not counted. */
static __always_inline bool rf_seq_update(struct rf_flow_stats *s, const struct rf_media *m)
{
	__u16 delta = m->seq - (__u16)s->seq_ext;

	if (delta < RF_MAX_DROPOUT) {
		s->seq_ext += delta;
	} else if (delta <= 65536 - RF_MAX_MISORDER) {
		if (!s->bad_seq_known || m->seq != s->bad_seq) {
			s->bad_seq = m->seq + 1;
			s->bad_seq_known = 1;
			return false;
		}
		rf_seq_restart(s, m);
		return true;
	}
	s->rtp_packets++;
	return true;
}

/*
 * RFC 3550 A.8 for one pair of neighbours in RF_JITTER_OF packets: it estimates the same mean, over 128
 * packets instead of 16, and only two of eight packets have to read the clock.
 */
static __always_inline void rf_jitter_update(struct rf_flow_stats *s, const struct rf_media *m,
					     __u32 mult)
{
	__u32 nth = m->seq & (RF_JITTER_OF - 1), transit;
	__s32 d;

	if (nth > 1) {
		s->transit = 0; /* its neighbour did not come */
		return;
	}
	/* in clock units, modulo 2^32: the lost bits do not count */
	transit = (__u32)(bpf_ktime_get_ns() * mult >> 32) - m->timestamp;
	if (!nth) {
		s->transit = transit ? transit : 1; /* 0: none */
	} else if (s->transit) {
		d = transit - s->transit;
		if (d < 0)
			d = -d;
		s->jitter += d - ((s->jitter + 8) >> 4);
		s->transit = 0;
	}
}

/* Flows are steered to one CPU each; where they are not, a lost update costs a count, no more. */
static __always_inline void rf_rtp_stats(struct rf_flow_stats *s, const struct rf_media *m,
					 __u32 mult)
{
	s->payload_type = m->pt;
	if (!s->ssrc_known || s->ssrc != m->ssrc) {
		rf_seq_restart(s, m);
		s->ssrc = m->ssrc;
		s->ssrc_known = 1;
	} else if (!rf_seq_update(s, m)) {
		return;
	}
	if (mult)
		rf_jitter_update(s, m, mult);
}

static __always_inline void rf_book_drop(struct rf_flow_stats *s, __u32 reason)
{
	__sync_fetch_and_add(&s->drops, 1);
	s->last_reason = reason;
}

/* .len: of the L3 packet */
static __always_inline void rf_book_packet(struct rf_flow_stats *s, __u32 len, __u64 now,
					   const struct rf_media *m, __u32 clock_rate)
{
	/* Not atomic: flows are steered to one CPU each, and an atomic add costs as much as a look-up. */
	s->packets++;
	s->bytes += len;
	RF_WRITE_ONCE(s->last_ns, now);
	if (m->cls == RF_CLASS_RTP)
		rf_rtp_stats(s, m, rf_clock_mult(clock_rate));
}

/* Once for each packet that hit a pinhole, at the hook that ends it. */
static __always_inline void rf_book(struct rf_pkt *p, enum rf_reason reason)
{
	__u8 action = rf_action_of(reason);
	struct rf_pinhole_state *st;
	struct rf_flow_stats *s;

	if (action != RF_ACT_DROP && action != RF_ACT_DELIVER)
		return;
	st = rf_pinhole_state_get(&p->hit);
	if (!st)
		return;
	s = &st->dir[p->hit.dir & 1];
	if (action == RF_ACT_DROP)
		rf_book_drop(s, reason);
	else
		rf_book_packet(s, p->len, rf_now(p), &p->hit.media, p->hit.ph.clock_rate);
}

#endif
