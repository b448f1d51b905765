/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this packet pass? The pure part of the answer, once for the kernel side, `replay` and the media
 * cache: what a payload is (RFC 7983, RFC 5761), whether a pinhole still lives, whom and what it agreed
 * on, which addresses are private. Bytes and values in, a name out: no map, no clock, no I/O.
 */
#ifndef RF_MEDIA_H
#define RF_MEDIA_H

#ifndef __VMLINUX_H__
#include <stdbool.h>
#endif
#include "rf_abi.h"

/* Inlined on both sides, so that the verifier sees the caller's bounds. */
#define RF_PURE static inline __attribute__((always_inline))

#define RF_MEDIA_HEAD	20 /* bytes of payload that are looked at: a STUN header is the longest */
#define RF_MEDIA_NO_EXT 0xffff /* the extension header is not there: longer than any packet */
#define RF_STUN_COOKIE	0x2112A442

struct rf_media {
	__u16 cls; /* one of enum rf_class, 0: nothing that is known */
	__u8 request; /* STUN only: a Binding request */
	__u8 rtcp_type; /* RTCP only: of the first packet */
	__u8 pt; /* RTP only, as the rest */
	__u8 pad;
	__u16 seq;
	__u32 timestamp;
	__u32 ssrc;
};

/* ---- bytes -> class ---- */

RF_PURE __u32 rf_be16(const __u8 *b)
{
	return b[0] << 8 | b[1];
}

RF_PURE __u32 rf_be32(const __u8 *b)
{
	return rf_be16(b) << 16 | rf_be16(b + 2);
}

/* RFC 5761 section 4: what the byte behind the version says when RTP and RTCP share a port. */
RF_PURE bool rf_is_rtcp_type(__u8 b)
{
	return b >= 192 && b <= 223;
}

/*
 * Where in the payload an RTP header extension begins, whose length tells whether the packet holds it;
 * 0: there is none, or it is not RTP. .head: RF_MEDIA_HEAD bytes, zero where the payload is shorter.
 */
RF_PURE __u32 rf_media_ext_at(const __u8 *head)
{
	return (head[0] & 0xd0) == 0x90 && !rf_is_rtcp_type(head[1]) ? 12 + (head[0] & 0xf) * 4 : 0;
}

RF_PURE __u16 rf_shape_stun(const __u8 *b, __u32 n)
{
	__u32 len = rf_be16(b + 2);

	return n >= 20 && !(len & 3) && 20 + len <= n && rf_be32(b + 4) == RF_STUN_COOKIE
		       ? RF_CLASS_STUN
		       : 0;
}

RF_PURE __u16 rf_shape_dtls(const __u8 *b, __u32 n)
{
	/* DTLS 1.3 unified header (RFC 9147 section 4): sequence number and an AEAD tag at least */
	if (b[0] >= 32)
		return n >= 18 ? RF_CLASS_DTLS : 0;
	if (b[0] > 26 || n < 14 || b[1] != 0xfe || b[2] < 0xfc)
		return 0;
	/* tls12_cid (25, RFC 9146) has a connection id of unknown length before its length */
	return b[0] == 25 || 13 + rf_be16(b + 11) <= n ? RF_CLASS_DTLS : 0;
}

/* .ext: words of the header extension. The padding count is not looked at: under SRTP the last byte
 * belongs to the tag. */
RF_PURE __u16 rf_shape_rtp(const __u8 *b, __u32 n, __u32 ext, struct rf_media *m)
{
	__u32 hdr = 12 + (b[0] & 0xf) * 4;

	if (rf_is_rtcp_type(b[1])) {
		m->rtcp_type = b[1];
		return n >= 8 && (rf_be16(b + 2) + 1) * 4 <= n ? RF_CLASS_RTCP : 0;
	}
	if (b[0] & 0x10)
		hdr += 4 + ext * 4;
	if (hdr > n)
		return 0;
	m->pt = b[1] & 0x7f;
	m->seq = rf_be16(b + 2);
	m->timestamp = rf_be32(b + 4);
	m->ssrc = rf_be32(b + 8);
	return RF_CLASS_RTP;
}

/* BFCP over UDP (RFC 8855 5.1): version 2, then 12 bytes of header, or 16 in a fragment */
RF_PURE __u16 rf_shape_bfcp(const __u8 *b, __u32 n)
{
	__u32 words = b[0] & 0x08 ? 1u + rf_be16(b + 14) : rf_be16(b + 2);

	return n >= 12 && 12 + 4 * words <= n ? RF_CLASS_BFCP : 0;
}

/*
 * .head: RF_MEDIA_HEAD bytes, zero where the payload of .n bytes is shorter; .ext: the length field of the
 * header extension at rf_media_ext_at(), RF_MEDIA_NO_EXT if that could not be read. .agreed: enum rf_class bits.
 * Fills *m; behind it comes rf_media_may_be_udptl().
 */
RF_PURE void rf_media_read(const __u8 *head, __u32 n, __u32 ext, __u16 agreed, struct rf_media *m)
{
	__u8 first = head[0];

	m->cls = 0;
	m->request = 0;
	if (!n)
		return;
	if (first < 4)
		m->cls = rf_shape_stun(head, n);
	else if (first >= 20 && first <= 63)
		m->cls = rf_shape_dtls(head, n);
	else if (first >= 64 && first <= 95 && (agreed & RF_CLASS_BFCP)) /* else TURN: RFC 7983 */
		m->cls = rf_shape_bfcp(head, n);
	else if (first >= 128 && first <= 191)
		m->cls = rf_shape_rtp(head, n, ext, m);
	m->request = m->cls == RF_CLASS_STUN && rf_be16(head) == 1;
}

/* UDPTL has no mark of its own: where it is agreed, what is not the agreed kind of anything else may be it. All of
 * it has to be read then (rf_udptl.h); if it is, rf_media_is_udptl(). */
RF_PURE bool rf_media_may_be_udptl(__u16 agreed, const struct rf_media *m)
{
	return (agreed & RF_CLASS_UDPTL) && !(m->cls & agreed);
}

RF_PURE void rf_media_is_udptl(struct rf_media *m)
{
	m->cls = RF_CLASS_UDPTL;
	m->request = 0;
}

/* ---- what was agreed on ---- */

RF_PURE bool rf_types_have(const __u8 types[16], __u8 pt)
{
	return types[(pt >> 3) & 15] & (1 << (pt & 7));
}

/* Does the agreement name this kind of payload? .held: RTP is absent from .classes because of hold. */
RF_PURE enum rf_reason rf_media_agreed(__u16 classes, bool held, const __u8 payload_types[16],
				       __u32 rtcp_types, const struct rf_media *m)
{
	if (classes & RF_CLASS_ANY)
		return RF_R_NONE;
	if (!m->cls)
		return RF_R_NOT_MEDIA;
	if (!(m->cls & classes))
		return m->cls == RF_CLASS_RTP && held ? RF_R_ON_HOLD : RF_R_WRONG_CLASS;
	if (m->cls == RF_CLASS_RTP && !rf_types_have(payload_types, m->pt))
		return RF_R_WRONG_PAYLOAD_TYPE;
	if (m->cls == RF_CLASS_RTCP && !(rtcp_types & (1u << (m->rtcp_type & 31))))
		return RF_R_WRONG_RTCP_TYPE;
	return RF_R_NONE;
}

/* ---- alive? ---- */

/* .state: enum rf_pinhole_state_id; times in ns of one clock */
RF_PURE enum rf_reason rf_media_open(__u8 state, __u64 deadline_ns, __u64 now)
{
	if (state != RF_PINHOLE_OPEN)
		return RF_R_PINHOLE_CLOSED;
	return now >= deadline_ns ? RF_R_PINHOLE_EXPIRED : RF_R_NONE;
}

/* .last_in, .last_out: ns, of the last packet that passed, 0: none yet; silence before .from_s does not count. */
RF_PURE enum rf_reason rf_media_idle(__u32 idle_s, __u32 from_s, __u64 last_in, __u64 last_out,
				     __u64 now)
{
	__u64 last = last_in > last_out ? last_in : last_out;

	if (!idle_s || !last)
		return RF_R_NONE;
	if (last < from_s * RF_NS_PER_SEC)
		last = from_s * RF_NS_PER_SEC;
	/* signed: another CPU may have stamped it after we read the clock */
	return (__s64)(now - last) > (__s64)(idle_s * RF_NS_PER_SEC) ? RF_R_PINHOLE_IDLE
								     : RF_R_NONE;
}

/*
 * RF_PH_OUT_FIRST: an inside endpoint that another host named opens inwards with its own first packet. One that waits
 * for the far side to be learnt (.out_last_reason) is dropped, but was sent. .out_*: of struct rf_flow_stats.
 */
RF_PURE enum rf_reason rf_media_out_first(__u16 flags, __u64 out_packets, __u8 out_last_reason)
{
	if (!(flags & RF_PH_OUT_FIRST) || out_packets || out_last_reason == RF_R_LEARN_PENDING)
		return RF_R_NONE;
	return RF_R_NOT_SENT_YET;
}

/* Media that no call has agreed on is told by its first bytes alone, as one in twenty of other datagrams would be:
 * those to and from the ports of other services are not asked. Ports in host order. */
RF_PURE bool rf_ports_of_media(__u16 a, __u16 b)
{
	return a >= RF_LOW_PORTS && b >= RF_LOW_PORTS;
}

/*
 * RF_PH_OUT_FIRST without RF_PH_LEARN: it opens for that remote alone that something has been sent to. .sent_to: of
 * struct rf_pinhole_cold; .nth: which remote of the OUT entry, from 1; 0: none of them.
 */
RF_PURE enum rf_reason rf_media_sent_to(__u32 sent_to, __u32 nth)
{
	return nth && sent_to >> (nth - 1) & 1 ? RF_R_NONE : RF_R_NOT_SENT_YET;
}

/* ... but who checks a candidate of a host that has sent to one of its remotes may be unknown to it: its answer opens. */
RF_PURE bool rf_media_may_knock(__u16 flags, __u32 sent_to)
{
	return (flags & RF_PH_ICE) && sent_to;
}

/*
 * RF_PH_NAMED, RF_DIR_OUT: what its host sends to somebody else, or is no media at all, is its own business and not the
 * call's. .reason: why it is refused, of the destination first and then the payload.
 */
RF_PURE bool rf_media_own_business(__u16 flags, enum rf_reason reason)
{
	return (flags & RF_PH_NAMED) && (reason == RF_R_WRONG_DESTINATION ||
					 reason == RF_R_WRONG_CLASS || reason == RF_R_NOT_MEDIA);
}

/* .reason says nothing yet of the packet itself. */
RF_PURE bool rf_media_is_over(enum rf_reason reason)
{
	return reason == RF_R_PINHOLE_CLOSED || reason == RF_R_PINHOLE_EXPIRED ||
	       reason == RF_R_PINHOLE_IDLE;
}

/* May a source with this port be learnt? Nothing is sent to a name or management service of somebody else. */
RF_PURE bool rf_learn_port_fits(__u16 flags, __u16 port)
{
	return port >= RF_LOW_PORTS || (flags & RF_PH_LOW_PORTS);
}

/*
 * What of a pinhole makes its RTP plain: one agreed remote is compared, nothing has to be learnt, asked or
 * handed to this host. Only such pinholes are served by the fast path and copied into the media cache.
 */
RF_PURE bool rf_pinhole_is_plain(const struct rf_pinhole *ph)
{
	return ph->state == RF_PINHOLE_OPEN &&
	       (ph->classes & (RF_CLASS_RTP | RF_CLASS_ANY | RF_CLASS_SIP)) == RF_CLASS_RTP &&
	       !(ph->flags & (RF_PH_LEARN | RF_PH_LOCAL | RF_PH_OUT_FIRST)) && ph->n_remotes &&
	       ph->slot;
}

/* ---- addresses ---- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define RF_HOST32(x) __builtin_bswap32(x)
#else
#define RF_HOST32(x) (x)
#endif

RF_PURE bool rf_addr_is_v4(const struct rf_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == RF_HOST32(0xffff);
}

RF_PURE bool rf_addr_eq(const struct rf_addr *a, const struct rf_addr *b)
{
	return a->w[3] == b->w[3] && a->w[2] == b->w[2] && a->w[1] == b->w[1] && a->w[0] == b->w[0];
}

/* RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 2.5.6: not reachable from outside */
RF_PURE bool rf_addr_private(const struct rf_addr *a)
{
	__u32 v = RF_HOST32(rf_addr_is_v4(a) ? a->w[3] : a->w[0]);

	if (rf_addr_is_v4(a))
		return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 ||
		       v >> 16 == 0xa9fe || (v >> 22) == (100 << 2 | 1);
	return v >> 25 == 0xfc >> 1 || v >> 22 == 0xfe80 >> 6;
}

/* "This network", loopback, multicast, broadcast: no packet may come from there, and no stack takes one. */
RF_PURE bool rf_addr_no_source(const struct rf_addr *a)
{
	__u32 v = RF_HOST32(rf_addr_is_v4(a) ? a->w[3] : a->w[0]);

	if (rf_addr_is_v4(a))
		return v >> 24 == 0 || v >> 24 == 127 || v >> 28 == 14 || v == 0xffffffff;
	return v >> 24 == 0xff || (!a->w[0] && !a->w[1] && !a->w[2] && RF_HOST32(a->w[3]) <= 1);
}

/* Of an inside host whose mode is "auto" and who is not this host itself: enum rf_mode. */
RF_PURE __u8 rf_mode_by_addr(const struct rf_addr *a)
{
	bool loopback = rf_addr_is_v4(a) && RF_HOST32(a->w[3]) >> 24 == 127;

	return rf_addr_private(a) || loopback ? RF_MODE_NAT : RF_MODE_ROUTED;
}

RF_PURE bool rf_ep_eq(const struct rf_ep *a, const struct rf_ep *b)
{
	return a->port == b->port && rf_addr_eq(&a->addr, &b->addr);
}

RF_PURE bool rf_remote_is(const struct rf_remote *r, const struct rf_ep *ep)
{
	return r->port == ep->port && rf_addr_eq(&r->addr, &ep->addr);
}

/* .ep lies in the prefix .r, at its port or, if it names none, at any. */
RF_PURE bool rf_remote_covers(const struct rf_remote *r, const struct rf_ep *ep)
{
	int i;

	if (r->port && r->port != ep->port)
		return false;
	for (i = 0; i < 4; i++) {
		__s32 bits = (__s32)r->prefix_len - 32 * i;
		__u32 diff = RF_HOST32(r->addr.w[i] ^ ep->addr.w[i]);

		if (bits <= 0)
			break;
		if (bits < 32)
			diff >>= 32 - bits;
		if (diff)
			return false;
	}
	return true;
}

/* .prefix: one that covers it will do; else only the exact endpoint. */
RF_PURE bool rf_remote_fits(const struct rf_remote *r, const struct rf_ep *ep, bool prefix)
{
	return rf_remote_is(r, ep) || (prefix && rf_remote_covers(r, ep));
}

#endif
