/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is this payload? Demultiplexing by the first byte (RFC 7983, RFC 5761), then a check that
 * the header it claims to have fits, so that garbage does not pass as media. And what a receiver
 * would count about an RTP stream (RFC 3550 A.1, A.8).
 */
#ifndef RF_BPF_RTP_H
#define RF_BPF_RTP_H

#include "parse.h"

#define RF_PEEK_BUF	32 /* power of two: lets the verifier bound a length by a mask */
#define RF_MAX_DROPOUT	3000 /* RFC 3550 A.1 */
#define RF_MAX_MISORDER 100

static __always_inline long rf_load(void *ctx, const bool xdp, __u32 off, void *to, __u32 len)
{
	return xdp ? bpf_xdp_load_bytes(ctx, off, to, len) : bpf_skb_load_bytes(ctx, off, to, len);
}

static __always_inline void *rf_data(void *ctx, const bool xdp)
{
	return xdp ? (void *)(long)((struct xdp_md *)ctx)->data
		   : (void *)(long)((struct __sk_buff *)ctx)->data;
}

static __always_inline void *rf_data_end(void *ctx, const bool xdp)
{
	return xdp ? (void *)(long)((struct xdp_md *)ctx)->data_end
		   : (void *)(long)((struct __sk_buff *)ctx)->data_end;
}

/* The first bytes of the payload; what is not there stays 0. */
static __always_inline void rf_peek(void *ctx, const bool xdp, const struct rf_pkt *p, __u8 *b)
{
	__u64 n = p->pay_len;
	__u32 off = p->l4_off + sizeof(struct udphdr);
	void *data = rf_data(ctx, xdp), *end = rf_data_end(ctx, xdp);
	__u32 *from, *to = (__u32 *)b;

	if (off > RF_HDRS_MAX + sizeof(struct udphdr))
		return;
	from = data + off;
	if ((void *)(from + RF_MEDIA_HEAD / 4) <= end) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
		to[4] = from[4];
		return;
	}
	if (!n)
		return;
	if (n > RF_MEDIA_HEAD)
		n = RF_MEDIA_HEAD;
	/* the shape that the verifier of 6.1 understands, as in punt.h */
	n--;
	RF_BARRIER(n);
	n &= RF_PEEK_BUF - 1;
	RF_BARRIER(n);
	n++;
	rf_load(ctx, xdp, off, b, n);
}

/* .agreed: enum rf_class bits of the pinhole, or of what is looked for */
static __always_inline void rf_classify(void *ctx, const bool xdp, const struct rf_pkt *p,
					__u16 agreed, struct rf_media *m)
{
	__u8 b[RF_PEEK_BUF] __attribute__((aligned(4))) = {}, x[4] = {};
	__u32 n = p->pay_len, at, ext = RF_MEDIA_NO_EXT;

	if (!n)
		return;
	rf_peek(ctx, xdp, p, b);
	at = rf_media_ext_at(b);
	if (at && at + sizeof(x) <= n &&
	    !rf_load(ctx, xdp, p->l4_off + sizeof(struct udphdr) + at, x, sizeof(x)))
		ext = rf_be16(x + 2);
	rf_media_read(b, n, ext, agreed, m);
}

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

#endif
