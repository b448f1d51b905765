/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known about the packet at hand. It lies in a map, not on the stack of 512 bytes that all
 * functions of a program share: one place for each hook on each CPU. Hooks run with softirqs off, so while a
 * program runs on a CPU no other packet meets the same hook there, but another hook may come in between (an
 * egress hook while an ingress hook's program sends). That does not hold under PREEMPT_RT without its lock for
 * softirqs (CONFIG_PREEMPT_RT_NEEDS_BH_LOCK unset): README says that such kernels are not supported.
 */
#ifndef RF_BPF_PACKET_H
#define RF_BPF_PACKET_H

#include "config.h"
#include "rf_media.h"

enum rf_pkt_flag {
	RF_PKT_ADDRS = 1 << 0, /* addresses are known, even when the rest is not */
	RF_PKT_V6 = 1 << 1,
	RF_PKT_DF = 1 << 2, /* must not be fragmented on the way (always so for IPv6) */
	RF_PKT_FRAGMENT = 1 << 3,
	RF_PKT_FIRST = 1 << 4, /* the fragment with offset 0 */
	RF_PKT_NO_ETH = 1 << 5, /* device without link layer header */
	RF_PKT_AGAIN = 1 << 6, /* was parked or turned around: not parked again */
	RF_PKT_MISS = 1 << 7, /* the fast path found no pinhole: one look-up is enough */
	RF_PKT_SOURCE_ROUTED = 1 << 8, /* IPv4 source route option, or IPv6 segments left */
	RF_PKT_LINK_MANY = 1 << 9, /* broadcast or multicast on the link */
	RF_PKT_HIT = 1 << 10, /* .hit is set */
};

/* The pinhole that was found, for the direction that it was found in */
struct rf_hit {
	struct rf_pinhole ph; /* a copy: no pointer to a map survives in a map */
	struct rf_ep learnt; /* RF_DIR_OUT: the new destination, if .to_learnt */
	struct rf_media media;
	__u8 dir; /* enum rf_dir */
	__u8 to_learnt;
	__u8 pad[2];
};

struct rf_pkt {
	__u64 now; /* 0 until rf_now() */
	struct rf_ep src, dst;
	__u32 ifindex;
	__u32 frame_len; /* bytes from .data on, linear or not */
	__u32 len; /* bytes of the L3 packet, by its own header */
	__be32 frag_id;
	__u32 pinhole_id, slot; /* for events; 0: none */
	__u32 reason; /* enum rf_reason, once it is decided */
	__u16 l3_off, l4_off;
	__u16 pay_len; /* of UDP */
	__u16 flags; /* enum rf_pkt_flag */
	__u8 hook; /* enum rf_hook */
	__u8 proto, ttl;
	__u8 tags; /* VLAN tags in the frame (not in skb metadata) */
	__u8 frag_proto; /* what the fragments carry, the same in each of them */
	__u8 frag; /* enum rf_frag_verdict of a first fragment */
	struct rf_hit hit; /* not cleared: set by rf_pinhole_find() */
};
_Static_assert(__builtin_offsetof(struct rf_pkt, hit) % 8 == 0, "cleared by words of 8 bytes");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RF_HOOK_MAX);
	__type(key, __u32);
	__type(value, struct rf_pkt);
} packets SEC(".maps");

/* .hook: enum rf_hook. NULL only for the verifier. As it was left */
static __always_inline struct rf_pkt *rf_pkt_at(__u32 hook)
{
	return bpf_map_lookup_elem(&packets, &hook);
}

/* The same for a new packet */
static __always_inline struct rf_pkt *rf_pkt_begin(__u32 hook)
{
	struct rf_pkt *p = rf_pkt_at(hook);

	if (!p)
		return NULL;
	__builtin_memset(p, 0, __builtin_offsetof(struct rf_pkt, hit));
	p->hook = hook;
	return p;
}

/*
 * The time of the last clock tick: 1/HZ old at most, a few of these where a virtual CPU has been
 * stopped, which is nothing to a deadline. Reading the clock itself
 * costs as much as half of all else that a packet needs, and waits for every load before it.
 */
static __always_inline __u64 rf_now(struct rf_pkt *p)
{
	if (!p->now)
		p->now = bpf_ktime_get_coarse_ns();
	return p->now;
}

static __always_inline void rf_addr_v4(struct rf_addr *a, __be32 v4)
{
	a->w[0] = 0;
	a->w[1] = 0;
	a->w[2] = bpf_htonl(0xffff);
	a->w[3] = v4;
}

static __always_inline void rf_addr_v6(struct rf_addr *a, const struct in6_addr *v6)
{
	a->w[0] = v6->in6_u.u6_addr32[0];
	a->w[1] = v6->in6_u.u6_addr32[1];
	a->w[2] = v6->in6_u.u6_addr32[2];
	a->w[3] = v6->in6_u.u6_addr32[3];
}

#endif
