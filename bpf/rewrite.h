/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses, ports, TTL, and the checksums over them. What a new endpoint changes is computed once for each
 * family; XDP applies it by itself (RFC 1624), TC by the kernel's helpers, which know every checksum
 * offload state.
 */
#ifndef RF_BPF_REWRITE_H
#define RF_BPF_REWRITE_H

#include "packet.h"

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

static __always_inline __u64 rf_csum_diff16(__u16 from, __u16 to)
{
	return (__u64)(__u16)~from + to;
}

static __always_inline __u16 rf_csum_apply(__u16 check, __u64 diff)
{
	return ~rf_csum_fold((__u64)(__u16)~check + diff);
}

/* As a UDP checksum: 0 would mean that there is none. */
static __always_inline __u16 rf_csum_apply_udp(__u16 check, __u64 diff)
{
	check = rf_csum_apply(check, diff);
	return check ? check : 0xffff;
}

/* RFC 1624 eqn. 3, not folded: what to add to ~HC. Ports apart, as they are not in the pseudo header, which
 * is all that a packet with CHECKSUM_PARTIAL carries. */
struct rf_diff {
	__u64 addr, port;
};

static __always_inline void rf_diff4(struct rf_diff *d, __be32 from, __be16 from_port, __be32 to,
				     __be16 to_port)
{
	d->addr += (__u64)(__u32)~from + to;
	d->port += rf_csum_diff16(from_port, to_port);
}

static __always_inline void rf_diff6(struct rf_diff *d, const __be32 *from, __be16 from_port,
				     const struct rf_ep *to)
{
	d->addr += (__u64)(__u32)~from[0] + to->addr.w[0] + (__u32)~from[1] + to->addr.w[1] +
		   (__u32)~from[2] + to->addr.w[2] + (__u32)~from[3] + to->addr.w[3];
	d->port += rf_csum_diff16(from_port, to->port);
}

static __always_inline void rf_diff_ep(struct rf_diff *d, bool v6, const struct rf_ep *from,
				       const struct rf_ep *to)
{
	if (v6)
		rf_diff6(d, from->addr.w, from->port, to);
	else
		rf_diff4(d, from->addr.w[3], from->port, to->addr.w[3], to->port);
}

/* ---- XDP ---- */

/*
 * CHECKSUM_PARTIAL shows in XDP on a veth as a field that holds the bare sum of the pseudo header:
 * the device that sends it out would have completed it, but a redirect forgets that.
 * One in 65536 full checksums looks the same. .addrs: sum of both addresses
 */
static __always_inline bool rf_csum_is_partial(__u64 addrs, const struct udphdr *udp)
{
	return udp->check == rf_csum_fold(addrs + bpf_htons(IPPROTO_UDP) + udp->len);
}

/* One endpoint and the TTL, in place. .dir: RF_DIR_IN: the destination, else the source */
static __always_inline void rf_rewrite4_xdp(struct iphdr *ip, struct udphdr *udp, const __u8 dir,
					    __be32 to, __be16 to_port)
{
	__be32 *addr = dir == RF_DIR_IN ? &ip->daddr : &ip->saddr;
	__be16 *port = dir == RF_DIR_IN ? &udp->dest : &udp->source;
	struct rf_diff d = {};

	rf_diff4(&d, *addr, *port, to, to_port);
	if (rf_csum_is_partial((__u64)ip->saddr + ip->daddr, udp))
		udp->check = 0;
	else if (udp->check)
		udp->check = rf_csum_apply_udp(udp->check, d.addr + d.port);
	/* one less of TTL, which is the upper byte of its word */
	ip->check = rf_csum_apply(ip->check, d.addr + (__u16)~bpf_htons(0x0100));
	ip->ttl--;
	*addr = to;
	*port = to_port;
}

static __always_inline __u64 rf_csum_addr6(const __be32 *a)
{
	return (__u64)a[0] + a[1] + a[2] + a[3];
}

static __always_inline void rf_in6_set(struct in6_addr *to, const struct rf_addr *a)
{
	to->in6_u.u6_addr32[0] = a->w[0];
	to->in6_u.u6_addr32[1] = a->w[1];
	to->in6_u.u6_addr32[2] = a->w[2];
	to->in6_u.u6_addr32[3] = a->w[3];
}

/* False: untouched, as IPv6 knows no zero checksum; TC can complete it. */
static __always_inline bool rf_rewrite6_xdp(struct ipv6hdr *ip6, struct udphdr *udp, const __u8 dir,
					    const struct rf_ep *to)
{
	struct in6_addr *addr = dir == RF_DIR_IN ? &ip6->daddr : &ip6->saddr;
	__be16 *port = dir == RF_DIR_IN ? &udp->dest : &udp->source;
	struct rf_diff d = {};

	if (rf_csum_is_partial(rf_csum_addr6(ip6->saddr.in6_u.u6_addr32) +
				       rf_csum_addr6(ip6->daddr.in6_u.u6_addr32),
			       udp))
		return false;
	rf_diff6(&d, addr->in6_u.u6_addr32, *port, to);
	if (udp->check)
		udp->check = rf_csum_apply_udp(udp->check, d.addr + d.port);
	ip6->hop_limit--;
	rf_in6_set(addr, &to->addr);
	*port = to->port;
	return true;
}

/* ---- TC ---- */

/* What the rewrite changes. The pointers are always valid (the verifier of 6.1 does not connect a
 * NULL pointer with the flag that says so). */
enum rf_change_what {
	RF_NEW_SRC = 1 << 0,
	RF_NEW_DST = 1 << 1,
	RF_LESS_TTL = 1 << 2,
};
struct rf_change {
	const struct rf_ep *src, *dst;
	__u32 what; /* enum rf_change_what bits */
};

/* Where the headers are, and the endpoints in them. */
struct rf_headers {
	__u32 l3, l4;
	const struct rf_ep *src, *dst;
};

static __always_inline bool rf_csum_is_nothing(__u16 sum)
{
	return !sum || sum == 0xffff;
}

/* The helper knows every offload state of the UDP checksum at .check. */
static __always_inline bool rf_diff_apply_skb(struct __sk_buff *skb, __u32 check,
					      const struct rf_diff *d)
{
	__u32 addr = rf_csum_fold(d->addr), port = rf_csum_fold(d->port);

	if (!rf_csum_is_nothing(addr) &&
	    bpf_l4_csum_replace(skb, check, 0, addr, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0))
		return false;
	return rf_csum_is_nothing(port) ||
	       !bpf_l4_csum_replace(skb, check, 0, port, BPF_F_MARK_MANGLED_0);
}

static __always_inline void rf_diff_change(struct rf_diff *d, const bool v6,
					   const struct rf_headers *h, const struct rf_change *c)
{
	if (c->what & RF_NEW_DST)
		rf_diff_ep(d, v6, h->dst, c->dst);
	if (c->what & RF_NEW_SRC)
		rf_diff_ep(d, v6, h->src, c->src);
}

/* False: the kernel refused, the packet may be half rewritten. */
static __always_inline bool rf_rewrite4_skb(struct __sk_buff *skb, const struct rf_headers *h,
					    const struct rf_change *c)
{
	__u32 l3 = h->l3, l4 = h->l4;
	struct rf_diff d = {};
	struct udphdr *udp;
	struct iphdr *ip;

	if (l3 > RF_L2_MAX || l4 > RF_HDRS_MAX)
		return false;
	rf_diff_change(&d, false, h, c);
	if (!rf_diff_apply_skb(skb, l4 + RF_UDP_CHECK, &d))
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
	if (c->what & RF_LESS_TTL) {
		d.addr += (__u16)~bpf_htons(0x0100);
		ip->ttl--;
	}
	ip->check = rf_csum_apply(ip->check, d.addr);
	if (c->what & RF_NEW_DST) {
		ip->daddr = c->dst->addr.w[3];
		udp->dest = c->dst->port;
	}
	if (c->what & RF_NEW_SRC) {
		ip->saddr = c->src->addr.w[3];
		udp->source = c->src->port;
	}
	return true;
}

/*
 * IPv6 has no header checksum that would cancel the change for CHECKSUM_COMPLETE, as the helper believes it
 * does: the new bytes are added to that sum here.
 */
static __always_inline bool rf_rewrite6_skb(struct __sk_buff *skb, const struct rf_headers *h,
					    const struct rf_change *c)
{
	__u32 l3 = h->l3, l4 = h->l4;
	struct rf_diff d = {};
	struct ipv6hdr *ip6;
	struct udphdr *udp;

	/* an atomic fragment header may end a little behind the limit of all others */
	if (l3 > RF_L2_MAX || l4 > RF_PULL_MAX)
		return false;
	rf_diff_change(&d, true, h, c);
	if (!rf_diff_apply_skb(skb, l4 + RF_UDP_CHECK, &d))
		return false;
	if (c->what & RF_LESS_TTL)
		d.addr += (__u16)~bpf_htons(0x0001);
	bpf_csum_update(skb, rf_csum_fold(d.addr));
	RF_BARRIER(l3);
	RF_BARRIER(l4);
	l3 &= 63;
	l4 &= 2 * RF_HDRS_MAX - 1;
	ip6 = (void *)(long)skb->data + l3;
	udp = (void *)(long)skb->data + l4;
	if ((void *)(ip6 + 1) > (void *)(long)skb->data_end ||
	    (void *)(udp + 1) > (void *)(long)skb->data_end)
		return false;
	if (c->what & RF_LESS_TTL)
		ip6->hop_limit--;
	if (c->what & RF_NEW_DST) {
		rf_in6_set(&ip6->daddr, &c->dst->addr);
		udp->dest = c->dst->port;
	}
	if (c->what & RF_NEW_SRC) {
		rf_in6_set(&ip6->saddr, &c->src->addr);
		udp->source = c->src->port;
	}
	return true;
}

/*
 * One address of the L3 header and its part in an L4 checksum at .check_off (0: none); for what is not
 * media.
 */
static __always_inline long rf_skb_addr(struct __sk_buff *skb, bool v6, __u32 l3, bool dst,
					__u32 check_off, __u64 check_flags,
					const struct rf_addr *from, const struct rf_addr *to)
{
	struct rf_addr copy = *to;
	long r = 0;
	int i;

	if (!v6) {
		r |= bpf_l3_csum_replace(skb, l3 + RF_IP4_CHECK, from->w[3], to->w[3], 4);
		if (check_off)
			r |= bpf_l4_csum_replace(skb, check_off, from->w[3], to->w[3],
						 check_flags | 4);
		return r | bpf_skb_store_bytes(skb, l3 + (dst ? RF_IP4_DST : RF_IP4_SRC),
					       &copy.w[3], 4, 0);
	}
	for (i = 0; i < 4 && check_off; i++)
		r |= bpf_l4_csum_replace(skb, check_off, from->w[i], to->w[i], check_flags | 4);
	return r | bpf_skb_store_bytes(skb, l3 + (dst ? RF_IP6_DST : RF_IP6_SRC), &copy, 16,
				       BPF_F_RECOMPUTE_CSUM);
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

#endif
