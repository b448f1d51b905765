/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which neighbour, by which device? Answers of the route look-up, kept for a moment.
 */
#ifndef RF_BPF_NEXTHOP_H
#define RF_BPF_NEXTHOP_H

#include "l2.h"
#include "route.h"

/*
 * Next hops. A look-up of route, neighbour and device costs more than all the rest, and its answer
 * is the same for every packet of every call between two hosts. So an answer that was the same
 * RF_NEXTHOP_HITS times in a row holds for RF_NEXTHOP_FRESH_NS more; then one packet asks again, by the
 * way that also keeps the neighbour entry alive. Nobody has to be told when routes change.
 */
enum rf_nexthop_via {
	RF_NEXTHOP_XDP = 1u << 31, /* the device takes XDP redirects */
	RF_NEXTHOP_OUT =
		1u << 30, /* looked up by the device to leave by, not by the one to come in at */
	RF_NEXTHOP_AGAIN =
		1u << 29, /* turned around to another inside host: its source is our own */
};
#define RF_NEXTHOP_HITS	    16
#define RF_NEXTHOP_FRESH_NS (RF_NS_PER_SEC / 10)

static __always_inline struct rf_nexthop *rf_nexthop_get(const struct rf_addr *src,
							 const struct rf_addr *dst, __u32 via)
{
	/* Neighbours differ in the last byte, which is the uppermost one here. */
	__u32 d = dst->w[0] ^ dst->w[1] ^ dst->w[2] ^ dst->w[3];
	__u32 h = src->w[0] ^ src->w[1] ^ src->w[2] ^ src->w[3] ^ (d << 7 | d >> 25);

	h *= 0x9e3779b1u;
	h = ((h ^ h >> 16) ^ via) * 0x85ebca77u;
	_Static_assert(RF_NEXTHOPS == 1 << 12, "of 32 bits, the upper 12");
	h >>= 20;
	return bpf_map_lookup_elem(&nexthops, &h);
}

static __always_inline bool rf_nexthop_is(const struct rf_nexthop *hop, const struct rf_addr *src,
					  const struct rf_addr *dst, __u32 via)
{
	return hop->via == via && rf_addr_eq(&hop->dst, dst) && rf_addr_eq(&hop->src, src);
}

/* .len: of the L3 packet */
static __always_inline bool rf_nexthop_hot(const struct rf_nexthop *hop, __u32 len, __u64 now,
					   const struct rf_addr *src, const struct rf_addr *dst,
					   __u32 via)
{
	return hop && hop->hits >= RF_NEXTHOP_HITS && len <= hop->max_len &&
	       (__s64)(hop->fresh_until_ns - now) > 0 && rf_nexthop_is(hop, src, dst, via);
}

static __always_inline bool rf_mac_eq(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline void rf_nexthop_learn(struct rf_nexthop *hop, struct rf_pkt *p,
					     const struct rf_addr *src, const struct rf_addr *dst,
					     __u32 via, const struct bpf_fib_lookup *fib)
{
	__u64 now = rf_now(p);

	if (!hop)
		return;
	if (!rf_nexthop_is(hop, src, dst, via) || hop->ifindex != fib->ifindex ||
	    !rf_mac_eq(hop->dst_mac, fib->dmac) || !rf_mac_eq(hop->src_mac, fib->smac)) {
		hop->src = *src;
		hop->dst = *dst;
		hop->via = via;
		hop->ifindex = fib->ifindex;
		__builtin_memcpy(hop->dst_mac, fib->dmac, 6);
		__builtin_memcpy(hop->src_mac, fib->smac, 6);
		hop->max_len = 0;
		hop->hits = 0;
		hop->xdp = 0;
	}
	if (hop->hits < RF_NEXTHOP_HITS)
		hop->hits++;
	if (hop->max_len < p->len)
		hop->max_len = p->len;
	hop->fresh_until_ns = now + RF_NEXTHOP_FRESH_NS;
}

/* Only what the fast path is good for: a device with Ethernet headers. */
static __always_inline void rf_nexthop_learn_skb(struct __sk_buff *skb, struct rf_nexthop *hop,
						 struct rf_pkt *p, const struct rf_addr *src,
						 const struct rf_addr *dst, __u32 via,
						 const struct bpf_fib_lookup *fib)
{
	__u32 ifindex = fib->ifindex;
	struct rf_device *dev = bpf_map_lookup_elem(&devices, &ifindex);

	if (!hop || !dev || (dev->flags & (RF_DEV_L3 | RF_DEV_STACK)) || !rf_plain_eth(skb, p))
		return;
	rf_nexthop_learn(hop, p, src, dst, via, fib);
	hop->xdp = dev->flags & RF_DEV_XDP_TX;
}

#endif
