/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses, ports, TTL, and the checksums over them. TC leaves the arithmetic to the kernel's
 * helpers, which know every checksum offload state; XDP does RFC 1624 by itself.
 */
#ifndef RF_BPF_REWRITE_H
#define RF_BPF_REWRITE_H

#include "parse.h"

#define RF_L2_MAX 64 /* the L3 header starts before */

#define RF_UDP_SPORT 0
#define RF_UDP_DPORT 2
#define RF_UDP_CHECK 6
#define RF_IP4_TTL   8
#define RF_IP4_CHECK 10
#define RF_IP4_SRC   12
#define RF_IP4_DST   16
#define RF_IP6_HOPS  7
#define RF_IP6_SRC   8
#define RF_IP6_DST   24

static __always_inline __u16 rf_csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u64 rf_csum_addr(const struct rf_addr *a)
{
	if (rf_addr_is_v4(a))
		return a->w[3];
	return (__u64)a->w[0] + a->w[1] + a->w[2] + a->w[3];
}

/* RFC 1624 eqn. 3, over 32-bit words: what to add to ~HC for .from becoming .to */
static __always_inline __u64 rf_csum_diff_addr(const struct rf_addr *from, const struct rf_addr *to)
{
	if (rf_addr_is_v4(from))
		return (__u64)(__u32)~from->w[3] + to->w[3];
	return (__u64)(__u32)~from->w[0] + to->w[0] + (__u32)~from->w[1] + to->w[1] +
	       (__u32)~from->w[2] + to->w[2] + (__u32)~from->w[3] + to->w[3];
}

static __always_inline __u64 rf_csum_diff16(__u16 from, __u16 to)
{
	return (__u64)(__u16)~from + to;
}

static __always_inline __u16 rf_csum_apply(__u16 check, __u64 diff)
{
	return ~rf_csum_fold((__u64)(__u16)~check + diff);
}

/*
 * CHECKSUM_PARTIAL shows in XDP on a veth as a field that holds the bare sum of the pseudo header:
 * the device that sends it out would have completed it, but a redirect forgets that.
 * One in 65536 full checksums looks the same.
 */
static __always_inline bool rf_csum_is_partial(const struct rf_pkt *p, const struct udphdr *udp)
{
	__u64 sum = rf_csum_addr(&p->src.addr) + rf_csum_addr(&p->dst.addr) +
		    bpf_htons(IPPROTO_UDP) + udp->len;

	return udp->check == rf_csum_fold(sum);
}

/* New destination and TTL in place, both L3 and L4. .l3 and .udp are checked by the caller. */
static __always_inline void rf_rewrite_xdp_v4(struct rf_pkt *p, struct iphdr *ip,
					      struct udphdr *udp, const struct rf_ep *to)
{
	__u16 ttl_from, ttl_to;
	__u64 diff;

	diff = rf_csum_diff_addr(&p->dst.addr, &to->addr);
	ttl_from = bpf_htons(ip->ttl << 8 | ip->protocol);
	ttl_to = bpf_htons((ip->ttl - 1) << 8 | ip->protocol);
	ip->check = rf_csum_apply(ip->check, diff + rf_csum_diff16(ttl_from, ttl_to));
	ip->ttl--;
	ip->daddr = to->addr.w[3];
	if (rf_csum_is_partial(p, udp))
		udp->check = 0;
	if (udp->check) {
		__u16 check = rf_csum_apply(udp->check, diff + rf_csum_diff16(udp->dest, to->port));

		udp->check = check ? check : 0xffff;
	}
	udp->dest = to->port;
}

static __always_inline void rf_rewrite_xdp_v6(struct rf_pkt *p, struct ipv6hdr *ip6,
					      struct udphdr *udp, const struct rf_ep *to)
{
	ip6->hop_limit--;
	if (udp->check) {
		__u64 diff = rf_csum_diff_addr(&p->dst.addr, &to->addr) +
			     rf_csum_diff16(udp->dest, to->port);
		__u16 check = rf_csum_apply(udp->check, diff);

		udp->check = check ? check : 0xffff;
	}
	ip6->daddr.in6_u.u6_addr32[0] = to->addr.w[0];
	ip6->daddr.in6_u.u6_addr32[1] = to->addr.w[1];
	ip6->daddr.in6_u.u6_addr32[2] = to->addr.w[2];
	ip6->daddr.in6_u.u6_addr32[3] = to->addr.w[3];
	udp->dest = to->port;
}

/*
 * One address of the L3 header and its part in an L4 checksum at .check_off (0: none).
 * IPv6 has no header checksum that would cancel the change for CHECKSUM_COMPLETE, so there
 * the store itself has to account for it.
 */
static __always_inline long rf_skb_addr(struct __sk_buff *skb, bool v6, __u32 l3, bool dst,
					__u32 check_off, __u64 check_flags,
					const struct rf_addr *from, const struct rf_addr *to)
{
	long r = 0;
	int i;

	if (!v6) {
		r |= bpf_l3_csum_replace(skb, l3 + RF_IP4_CHECK, from->w[3], to->w[3], 4);
		if (check_off)
			r |= bpf_l4_csum_replace(skb, check_off, from->w[3], to->w[3],
						 check_flags | 4);
		return r | bpf_skb_store_bytes(skb, l3 + (dst ? RF_IP4_DST : RF_IP4_SRC), &to->w[3],
					       4, 0);
	}
	for (i = 0; i < 4 && check_off; i++)
		r |= bpf_l4_csum_replace(skb, check_off, from->w[i], to->w[i], check_flags | 4);
	return r | bpf_skb_store_bytes(skb, l3 + (dst ? RF_IP6_DST : RF_IP6_SRC), to, 16,
				       BPF_F_RECOMPUTE_CSUM);
}

static __always_inline long rf_skb_port(struct __sk_buff *skb, __u32 l4, __u32 at, __be16 from,
					__be16 to)
{
	return bpf_l4_csum_replace(skb, l4 + RF_UDP_CHECK, from, to, BPF_F_MARK_MANGLED_0 | 2) |
	       bpf_skb_store_bytes(skb, l4 + at, &to, 2, 0);
}

static __always_inline long rf_skb_ttl(struct __sk_buff *skb, const struct rf_pkt *p)
{
	__u8 ttl = p->ttl - 1;
	long r = 0;

	if (p->flags & RF_PKT_V6)
		return bpf_skb_store_bytes(skb, p->l3_off + RF_IP6_HOPS, &ttl, 1,
					   BPF_F_RECOMPUTE_CSUM);
	r |= bpf_l3_csum_replace(skb, p->l3_off + RF_IP4_CHECK, bpf_htons(p->ttl << 8 | p->proto),
				 bpf_htons(ttl << 8 | p->proto), 2);
	return r | bpf_skb_store_bytes(skb, p->l3_off + RF_IP4_TTL, &ttl, 1, 0);
}

/* What the rewrite changes. The pointers are always valid (the verifier of 6.1 does not connect a
 * NULL pointer with the flag that says so), the flags say whether there is anything to do. */
struct rf_change {
	const struct rf_ep *src, *dst;
	bool new_src, new_dst;
};

/*
 * IPv4 in one go: the helper knows every offload state of the UDP checksum, what is left is plain
 * arithmetic in a header that XDP and TC alike may write to. Ports are not part of the pseudo
 * header, which is all that a packet with CHECKSUM_PARTIAL carries, so they are accounted for apart.
 */
static __always_inline bool rf_rewrite_v4(struct __sk_buff *skb, const struct rf_pkt *p,
					  const struct rf_change *c, bool ttl)
{
	__u32 l3 = p->l3_off, l4 = p->l4_off, check = l4 + RF_UDP_CHECK, addr_diff;
	__u64 diff = 0, ports = 0;
	struct udphdr *udp;
	struct iphdr *ip;

	if (l3 > RF_L2_MAX || l4 > RF_HDRS_MAX)
		return false;
	if (c->new_dst) {
		diff += (__u64)(__u32)~p->dst.addr.w[3] + c->dst->addr.w[3];
		ports += rf_csum_diff16(p->dst.port, c->dst->port);
	}
	if (c->new_src) {
		diff += (__u64)(__u32)~p->src.addr.w[3] + c->src->addr.w[3];
		ports += rf_csum_diff16(p->src.port, c->src->port);
	}
	addr_diff = rf_csum_fold(diff);
	ports = rf_csum_fold(ports);
	if ((__u16)(addr_diff + 1) > 1 &&
	    bpf_l4_csum_replace(skb, check, 0, addr_diff, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0))
		return false;
	if ((__u16)(ports + 1) > 1 &&
	    bpf_l4_csum_replace(skb, check, 0, ports, BPF_F_MARK_MANGLED_0))
		return false;

	/* The verifier of 6.1 has forgotten the limits by now. */
	RF_BARRIER(l3);
	RF_BARRIER(l4);
	l3 &= 63;
	l4 &= 2 * RF_HDRS_MAX - 1;
	ip = (void *)(long)skb->data + l3;
	udp = (void *)(long)skb->data + l4;
	if ((void *)(ip + 1) > (void *)(long)skb->data_end ||
	    (void *)(udp + 1) > (void *)(long)skb->data_end)
		return false;
	if (ttl) {
		diff += rf_csum_diff16(bpf_htons(ip->ttl << 8), bpf_htons((ip->ttl - 1) << 8));
		ip->ttl--;
	}
	ip->check = rf_csum_apply(ip->check, diff);
	if (c->new_dst) {
		ip->daddr = c->dst->addr.w[3];
		udp->dest = c->dst->port;
	}
	if (c->new_src) {
		ip->saddr = c->src->addr.w[3];
		udp->source = c->src->port;
	}
	return true;
}

/* One endpoint of a UDP packet; false: the kernel refused, the packet may be half rewritten. */
static __always_inline bool rf_rewrite_skb(struct __sk_buff *skb, const struct rf_pkt *p, bool dst,
					   const struct rf_ep *to)
{
	const struct rf_ep *from = dst ? &p->dst : &p->src;
	__u32 check = p->l4_off + RF_UDP_CHECK;

	return !(rf_skb_addr(skb, p->flags & RF_PKT_V6, p->l3_off, dst, check,
			     BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0, &from->addr, &to->addr) |
		 rf_skb_port(skb, p->l4_off, dst ? RF_UDP_DPORT : RF_UDP_SPORT, from->port,
			     to->port));
}

#endif
