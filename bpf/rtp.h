/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is this payload? Demultiplexing by the first byte (RFC 7983, RFC 5761), then a check that
 * the header it claims to have fits, so that garbage does not pass as media. And what a receiver
 * would count about an RTP stream (RFC 3550 A.1, A.8).
 */
#ifndef RF_BPF_RTP_H
#define RF_BPF_RTP_H

#include "parse.h"

#define RF_PEEK		20 /* a STUN header, the longest that is looked at */
#define RF_PEEK_BUF	32 /* power of two: lets the verifier bound a length by a mask */
#define RF_STUN_COOKIE	0x2112A442
#define RF_MAX_DROPOUT	3000 /* RFC 3550 A.1 */
#define RF_MAX_MISORDER 100

struct rf_media {
	__u8 cls; /* one of enum rf_class, 0: nothing that is known */
	__u8 request; /* STUN only: a Binding request */
	__u8 rtcp_type; /* RTCP only: of the first packet */
	__u8 pt; /* RTP only, as the rest */
	__u16 seq;
	__u32 timestamp;
	__u32 ssrc;
};

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

static __always_inline __u32 rf_be16(const __u8 *b)
{
	return b[0] << 8 | b[1];
}

static __always_inline __u32 rf_be32(const __u8 *b)
{
	return rf_be16(b) << 16 | rf_be16(b + 2);
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
	if ((void *)(from + RF_PEEK / 4) <= end) {
		to[0] = from[0];
		to[1] = from[1];
		to[2] = from[2];
		to[3] = from[3];
		to[4] = from[4];
		return;
	}
	if (!n)
		return;
	if (n > RF_PEEK)
		n = RF_PEEK;
	/* the shape that the verifier of 6.1 understands, as in punt.h */
	n--;
	RF_BARRIER(n);
	n &= RF_PEEK_BUF - 1;
	RF_BARRIER(n);
	n++;
	rf_load(ctx, xdp, off, b, n);
}

static __always_inline __u8 rf_shape_stun(const __u8 *b, __u32 n)
{
	__u32 len = rf_be16(b + 2);

	return n >= 20 && !(len & 3) && 20 + len <= n && rf_be32(b + 4) == RF_STUN_COOKIE
		       ? RF_CLASS_STUN
		       : 0;
}

static __always_inline __u8 rf_shape_dtls(const __u8 *b, __u32 n)
{
	/* DTLS 1.3 unified header (RFC 9147 section 4): sequence number and an AEAD tag at least */
	if (b[0] >= 32)
		return n >= 18 ? RF_CLASS_DTLS : 0;
	if (b[0] > 26 || n < 14 || b[1] != 0xfe || b[2] < 0xfc)
		return 0;
	/* tls12_cid (25, RFC 9146) has a connection id of unknown length before its length */
	return b[0] == 25 || 13 + rf_be16(b + 11) <= n ? RF_CLASS_DTLS : 0;
}

/* The padding count is not looked at: under SRTP the last byte belongs to the tag. */
static __always_inline __u8 rf_shape_rtp(void *ctx, const bool xdp, const struct rf_pkt *p,
					 const __u8 *b, struct rf_media *m)
{
	__u32 n = p->pay_len, hdr = 12 + (b[0] & 0xf) * 4;

	m->rtcp_type = b[1];
	if (b[1] >= 192 && b[1] <= 223) /* RFC 5761 section 4 */
		return n >= 8 && (rf_be16(b + 2) + 1) * 4 <= n ? RF_CLASS_RTCP : 0;
	if (hdr > n)
		return 0;
	if (b[0] & 0x10) {
		__u8 x[4] = {};

		if (hdr + 4 > n || rf_load(ctx, xdp, p->l4_off + sizeof(struct udphdr) + hdr, x, 4))
			return 0;
		if (hdr + 4 + rf_be16(x + 2) * 4 > n)
			return 0;
	}
	m->pt = b[1] & 0x7f;
	m->seq = rf_be16(b + 2);
	m->timestamp = rf_be32(b + 4);
	m->ssrc = rf_be32(b + 8);
	return RF_CLASS_RTP;
}

/* T.38 UDPTL: sequence number, then the primary IFP packet as an open type of aligned PER. */
static __always_inline __u8 rf_shape_udptl(const __u8 *b, __u32 n)
{
	if (n < 4)
		return 0;
	if (!(b[2] & 0x80))
		return b[2] && 3u + b[2] <= n ? RF_CLASS_UDPTL : 0;
	return !(b[2] & 0x40) && 4 + (rf_be16(b + 2) & 0x3fff) <= n ? RF_CLASS_UDPTL : 0;
}

/* BFCP over UDP (RFC 8855 5.1): version 2, then 12 bytes of header, or 16 in a fragment */
static __always_inline __u8 rf_shape_bfcp(const __u8 *b, __u32 n)
{
	__u32 words = b[0] & 0x08 ? 1u + rf_be16(b + 14) : rf_be16(b + 2);

	return n >= 12 && 12 + 4 * words <= n ? RF_CLASS_BFCP : 0;
}

/* .agreed settles what UDPTL, which has no mark of its own, may be taken for. */
static __always_inline void rf_classify(void *ctx, const bool xdp, const struct rf_pkt *p,
					__u8 agreed, struct rf_media *m)
{
	__u8 b[RF_PEEK_BUF] __attribute__((aligned(4))) = {};
	__u32 n = p->pay_len;

	if (!n)
		return;
	rf_peek(ctx, xdp, p, b);
	if (b[0] < 4) {
		m->cls = rf_shape_stun(b, n);
		m->request = rf_be16(b) == 1;
	}
	if (b[0] >= 20 && b[0] <= 63)
		m->cls = rf_shape_dtls(b, n);
	else if (b[0] >= 64 && b[0] <= 95 && (agreed & RF_CLASS_BFCP)) /* else TURN: RFC 7983 */
		m->cls = rf_shape_bfcp(b, n);
	else if (b[0] >= 128 && b[0] <= 191)
		m->cls = rf_shape_rtp(ctx, xdp, p, b, m);
	if ((agreed & RF_CLASS_UDPTL) && !(m->cls & agreed) && rf_shape_udptl(b, n))
		m->cls = RF_CLASS_UDPTL;
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
