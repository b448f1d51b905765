/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where would the stack send this? Its own answer, from its routes and neighbours.
 */
#ifndef RF_BPF_ROUTE_H
#define RF_BPF_ROUTE_H

#include "guard.h"

/* .tot_len 0: the packet's own size is compared with the device's MTU (TC only). */
static __always_inline long rf_fib_from(void *ctx, const struct rf_pkt *p, const struct rf_ep *src,
					const struct rf_ep *dst, __u16 tot_len, __u32 from_ifindex,
					__u32 flags, struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->l4_protocol = IPPROTO_UDP;
	fib->sport = src->port;
	fib->dport = dst->port;
	fib->tot_len = tot_len;
	fib->ifindex = from_ifindex;
	if (p->flags & RF_PKT_V6) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &src->addr, 16);
		__builtin_memcpy(fib->ipv6_dst, &dst->addr, 16);
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = src->addr.w[3];
		fib->ipv4_dst = dst->addr.w[3];
	}
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), flags);
}

/* As the stack would ask for a packet that came in here. */
static __always_inline long rf_fib(void *ctx, const struct rf_pkt *p, const struct rf_ep *src,
				   const struct rf_ep *dst, __u16 tot_len,
				   struct bpf_fib_lookup *fib)
{
	return rf_fib_from(ctx, p, src, dst, tot_len, p->ifindex, 0, fib);
}

static __always_inline bool rf_fib_names_device(long rc)
{
	return rc == BPF_FIB_LKUP_RET_SUCCESS || rc == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       rc == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Would the stack send this by a WAN device? */
__noinline bool rf_leaves_by_wan(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct bpf_fib_lookup fib;

	return p && rf_fib_names_device(rf_fib(skb, p, &p->src, &p->dst, 0, &fib)) &&
	       rf_device_is(fib.ifindex, RF_DEV_WAN);
}

#endif
