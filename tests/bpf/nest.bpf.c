// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs themselves, with one addition: where a packet is about to be copied to the controller, another
 * packet is sent by nest_ifindex, so that the egress hook there runs inside of that program, on the same CPU.
 */
#include "guard.h"

/* The packets that come in between, the second one within the first; the same as theirs in all else. */
__u32 nest_ifindex[2]; /* 0: none */
__be32 nest_src[2];
__be16 nest_ports[4]; /* source, destination of each */
__u32 nest_runs;

static __always_inline void nest(struct __sk_buff *skb, const struct rf_pkt *p)
{
	__u32 i = nest_runs, ifindex, src_off;
	__be16 ports[2];
	__be32 src;

	if (!p || i > 1)
		return;
	i &= 1;
	ifindex = nest_ifindex[i];
	src_off = p->l3_off + __builtin_offsetof(struct iphdr, saddr);
	if (!ifindex || bpf_skb_load_bytes(skb, src_off, &src, 4) ||
	    bpf_skb_load_bytes(skb, p->l4_off, ports, 4))
		return;
	nest_runs++;
	bpf_skb_store_bytes(skb, src_off, &nest_src[i], 4, 0);
	bpf_skb_store_bytes(skb, p->l4_off, &nest_ports[2 * i], 4, 0);
	bpf_clone_redirect(skb, ifindex, 0);
	bpf_skb_store_bytes(skb, src_off, &src, 4, 0);
	bpf_skb_store_bytes(skb, p->l4_off, ports, 4, 0);
}

#define bpf_get_smp_processor_id() (nest(skb, p), bpf_get_smp_processor_id())
#include "punt.h"
#undef bpf_get_smp_processor_id

#include "ringfence.bpf.c"
