/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends a checked packet on its way: XDP redirect where the device takes it, else TC
 * redirect_neigh, else the stack. XDP either does the whole job or leaves the packet unmodified
 * to TC (RF_R_TO_TC), because after a rewrite nobody could tell any more what it was.
 */
#ifndef RF_BPF_DELIVER_H
#define RF_BPF_DELIVER_H

#include "find.h"
#include "nexthop.h"
#include "release.h"
#include "rewrite.h"

/* ---- XDP ---- */

/* A route to a device that XDP may redirect to; false: TC will see what to do. */
static __always_inline bool rf_nexthop_ask_xdp(struct xdp_md *ctx, struct rf_pkt *p,
					       const struct rf_ep *to, struct rf_nexthop *hop,
					       __u32 via)
{
	struct bpf_fib_lookup fib;
	struct rf_device *dev;
	__u32 ifindex;

	if (rf_source_spoofed(p) ||
	    rf_fib(ctx, p, &p->src, to, p->len, &fib) != BPF_FIB_LKUP_RET_SUCCESS)
		return false;
	ifindex = fib.ifindex;
	dev = bpf_map_lookup_elem(&devices, &ifindex);
	if (!dev || dev->role == RF_DEV_WAN ||
	    (dev->flags & (RF_DEV_XDP_TX | RF_DEV_L3 | RF_DEV_STACK)) != RF_DEV_XDP_TX)
		return false;
	rf_nexthop_learn(hop, p, &p->src.addr, &to->addr, via, &fib);
	return true;
}

/* New destination, and TTL; false: untouched, TC can do it. */
static __always_inline bool rf_rewrite_xdp(struct xdp_md *ctx, const struct rf_pkt *p,
					   const struct rf_ep *to, const __u8 *macs)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct udphdr *udp;
	__u32 l4 = p->l4_off;

	if (l4 > RF_HDRS_MAX || (void *)(eth + 1) > end)
		return false;
	udp = data + l4;
	if ((void *)(udp + 1) > end)
		return false;
	if (p->flags & RF_PKT_V6) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);

		if ((void *)(ip6 + 1) > end || !rf_rewrite6_xdp(ip6, udp, RF_DIR_IN, to))
			return false;
	} else {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end)
			return false;
		rf_rewrite4_xdp(ip, udp, RF_DIR_IN, to->addr.w[3], to->port);
	}
	__builtin_memcpy(eth, macs, 12);
	return true;
}

static __always_inline enum rf_reason rf_deliver_xdp(struct xdp_md *ctx, struct rf_pkt *p)
{
	__u32 ifindex, via;
	const struct rf_ep *to;
	struct rf_nexthop *hop;
	__u8 macs[12];

	if (p->tags)
		return RF_R_TO_TC;
	to = p->hit.ph.flags & RF_PH_XLATE ? &p->hit.ph.xlate : &p->dst;
	via = p->ifindex | RF_NEXTHOP_XDP;
	hop = rf_nexthop_get(&p->src.addr, &to->addr, via);
	if (!hop)
		return RF_R_TO_TC;
	if (!rf_nexthop_hot(hop, p->len, rf_now(p), &p->src.addr, &to->addr, via) &&
	    !rf_nexthop_ask_xdp(ctx, p, to, hop, via))
		return RF_R_TO_TC;
	ifindex = hop->ifindex;
	__builtin_memcpy(macs, hop->dst_mac, sizeof(macs));
	if (!rf_rewrite_xdp(ctx, p, to, macs))
		return RF_R_TO_TC;
	bpf_redirect(ifindex, 0);
	return RF_R_MEDIA_XDP;
}

/* ---- TC ---- */

/*
 * Hands the skb to the neighbour code of .ifindex. That expects an Ethernet header in front of
 * the L3 header, which tun and wireguard devices do not give, and no VLAN tag, which would
 * travel along in the metadata.
 */
static __always_inline bool rf_redirect(struct __sk_buff *skb, struct rf_pkt *p, __u32 ifindex)
{
	int i;

	if (p->flags & RF_PKT_NO_ETH) {
		__be16 proto = skb->protocol;

		if (bpf_skb_change_head(skb, sizeof(struct ethhdr), 0) ||
		    bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &proto, 2, 0))
			return false;
	}
	for (i = 0; i <= RF_VLANS_MAX; i++)
		if (skb->vlan_present || i < p->tags)
			bpf_skb_vlan_pop(skb);
	if (p->hook == RF_HOOK_INSIDE_IN)
		skb->tc_index = RF_TC_DELIVERED;
	bpf_redirect_neigh(ifindex, NULL, 0, 0);
	return true;
}

/* .what: enum rf_change_what bits */
__noinline bool rf_rewrite_skb(struct __sk_buff *skb, struct rf_pkt *p, const struct rf_ep *src,
			       const struct rf_ep *dst, __u32 what)
{
	struct rf_change c = { .src = src, .dst = dst, .what = what };
	struct rf_headers h;

	if (!p || !src || !dst)
		return false;
	h = (struct rf_headers){ p->l3_off, p->l4_off, &p->src, &p->dst };
	return p->flags & RF_PKT_V6 ? rf_rewrite6_skb(skb, &h, &c) : rf_rewrite4_skb(skb, &h, &c);
}

static __always_inline bool rf_rewrite_media(struct __sk_buff *skb, struct rf_pkt *p,
					     const struct rf_change *c, __u32 more)
{
	return rf_rewrite_skb(skb, p, c->src, c->dst, c->what | more);
}

/* To this host itself: the stack takes it from here, and decrements nothing. */
static __always_inline enum rf_reason rf_deliver_local(struct __sk_buff *skb, struct rf_pkt *p,
						       const struct rf_change *c)
{
	return rf_rewrite_media(skb, p, c, 0) ? RF_R_MEDIA_LOCAL : RF_R_REWRITE_FAILED;
}

/* The stack forwards, so it decrements the TTL as well. */
static __always_inline enum rf_reason rf_deliver_stack(struct __sk_buff *skb, struct rf_pkt *p,
						       const struct rf_change *c)
{
	return rf_rewrite_media(skb, p, c, 0) ? RF_R_MEDIA_STACK : RF_R_REWRITE_FAILED;
}

static __always_inline bool rf_wants_stack(__u32 ifindex)
{
	struct rf_device *dev = bpf_map_lookup_elem(&devices, &ifindex);

	return dev && (dev->flags & RF_DEV_STACK);
}

/* Rewritten, to a next hop that is known. out: by a WAN device */
static __always_inline bool rf_redirect_known(struct __sk_buff *skb, const struct rf_nexthop *hop,
					      bool out)
{
	void *eth = (void *)(long)skb->data;

	if (eth + sizeof(struct ethhdr) > (void *)(long)skb->data_end)
		return false;
	__builtin_memcpy(eth, hop->dst_mac, 12);
	if (out)
		skb->tc_index = RF_TC_DELIVERED;
	bpf_redirect(hop->ifindex, 0);
	return true;
}

static __always_inline enum rf_reason rf_deliver_known(struct __sk_buff *skb, struct rf_pkt *p,
						       const struct rf_change *c,
						       const struct rf_nexthop *hop)
{
	return rf_rewrite_media(skb, p, c, RF_LESS_TTL) &&
			       rf_redirect_known(skb, hop, p->hit.dir == RF_DIR_OUT)
		       ? RF_R_MEDIA_TC
		       : RF_R_REWRITE_FAILED;
}

__noinline enum rf_reason rf_deliver_in(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct bpf_fib_lookup fib;
	struct rf_nexthop *hop;
	struct rf_change c;
	bool xlate;
	__u32 via;
	long rc;

	if (!p)
		return RF_R_NO_ROUTE;
	xlate = p->hit.ph.flags & RF_PH_XLATE;
	c = (struct rf_change){ .src = &p->src,
				.dst = xlate ? &p->hit.ph.xlate : &p->dst,
				.what = xlate ? RF_NEW_DST : 0 };
	if (p->hit.ph.flags & RF_PH_LOCAL)
		return rf_deliver_local(skb, p, &c);
	if (p->flags & RF_PKT_LINK_MANY)
		return RF_R_LINK_BROADCAST;
	via = p->ifindex | (p->flags & RF_PKT_AGAIN ? RF_NEXTHOP_AGAIN : 0);
	hop = rf_nexthop_get(&p->src.addr, &c.dst->addr, via);
	if (rf_nexthop_hot(hop, p->len, rf_now(p), &p->src.addr, &c.dst->addr, via) &&
	    rf_plain_eth(skb, p))
		return rf_deliver_known(skb, p, &c, hop);
	/* before anything is known about the way, so that no packet with such a source finds one */
	if (rf_source_spoofed(p))
		return RF_R_SPOOFED_SOURCE;
	rc = rf_fib(skb, p, &p->src, c.dst, 0, &fib);
	if (rc == BPF_FIB_LKUP_RET_BLACKHOLE || rc == BPF_FIB_LKUP_RET_UNREACHABLE ||
	    rc == BPF_FIB_LKUP_RET_PROHIBIT)
		return RF_R_NO_ROUTE;
	if (!rf_fib_names_device(rc))
		return rf_deliver_stack(skb, p, &c);
	/* The route to the inside host is gone and the default route shows: not out again. */
	if (rf_device_is(fib.ifindex, RF_DEV_WAN))
		return RF_R_NO_ROUTE;
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		/* Untranslated, the stack's ICMP error quotes what the peer sent. */
		if (!xlate)
			return RF_R_TOO_BIG_TO_STACK;
		return p->flags & RF_PKT_DF ? RF_R_TOO_BIG : rf_deliver_stack(skb, p, &c);
	}
	if (rf_wants_stack(fib.ifindex))
		return rf_deliver_stack(skb, p, &c);
	if (rc == BPF_FIB_LKUP_RET_SUCCESS)
		rf_nexthop_learn_skb(skb, hop, p, &p->src.addr, &c.dst->addr, via, &fib);
	if (!rf_rewrite_media(skb, p, &c, RF_LESS_TTL) || !rf_redirect(skb, p, fib.ifindex))
		return RF_R_REWRITE_FAILED;
	return RF_R_MEDIA_TC;
}

/*
 * To a public address of our own: another inside host is meant, or the same one. Translated to our
 * side's public endpoint, it comes in again at the WAN device, where the other side's pinhole
 * judges it as it judges any peer (RFC 4787 REQ-9). It carries an inside device's Ethernet header,
 * so the WAN hook must be told not to take it for somebody else's.
 */
static __always_inline bool rf_hairpin(struct __sk_buff *skb, __u32 ifindex)
{
	struct rf_control *c = rf_control_get();

	if (!c || !c->inject_mark)
		return false;
	skb->mark = RF_HAIRPIN_MARK(c->inject_mark);
	bpf_redirect(ifindex, BPF_F_INGRESS);
	return true;
}

__noinline enum rf_reason rf_deliver_out(struct __sk_buff *skb, struct rf_pkt *p)
{
	__u32 ifindex, mtu = 0, via;
	struct bpf_fib_lookup fib;
	struct rf_nexthop *hop;
	struct rf_device *dev;
	struct rf_change c;
	long rc;

	if (!p)
		return RF_R_NO_ROUTE;
	ifindex = p->hit.ph.wan_ifindex;
	via = ifindex | RF_NEXTHOP_OUT;
	c = (struct rf_change){ .src = &p->src, .dst = &p->dst };
	if (p->hit.ph.flags & RF_PH_XLATE) {
		c.src = &p->hit.ph.xlate;
		c.what |= RF_NEW_SRC;
	}
	if (p->hit.to_learnt) {
		c.dst = &p->hit.learnt;
		c.what |= RF_NEW_DST;
	}
	if (p->hook == RF_HOOK_WAN_OUT)
		return rf_deliver_local(skb, p, &c);
	if (p->flags & RF_PKT_LINK_MANY)
		return RF_R_LINK_BROADCAST;
	hop = rf_nexthop_get(&c.src->addr, &c.dst->addr, via);
	if (rf_nexthop_hot(hop, p->len, rf_now(p), &c.src->addr, &c.dst->addr, via) &&
	    rf_plain_eth(skb, p))
		return rf_deliver_known(skb, p, &c, hop);
	dev = bpf_map_lookup_elem(&devices, &ifindex);
	rc = bpf_check_mtu(skb, ifindex, &mtu, 0, 0);
	/* Gone, until it is made anew; its number may be another device's meanwhile. */
	if (rc < 0 || !dev || dev->role == RF_DEV_INSIDE)
		return RF_R_NO_ROUTE;
	if (rc == BPF_MTU_CHK_RET_FRAG_NEEDED)
		/* The stack's own look at the MTU comes before it would let it out untranslated. */
		return p->flags & RF_PKT_DF ? RF_R_TOO_BIG_TO_STACK : RF_R_TOO_BIG;
	if (dev->flags & RF_DEV_STACK)
		return rf_deliver_stack(skb, p, &c);
	if (!rf_rewrite_media(skb, p, &c, RF_LESS_TTL))
		return RF_R_REWRITE_FAILED;
	if (rf_guard_get(&c.dst->addr))
		return rf_hairpin(skb, ifindex) ? RF_R_MEDIA_TC : RF_R_NO_ROUTE;
	if (rf_fib_from(skb, p, c.src, c.dst, 0, ifindex, BPF_FIB_LOOKUP_OUTPUT, &fib) ==
		    BPF_FIB_LKUP_RET_SUCCESS &&
	    fib.ifindex == ifindex)
		rf_nexthop_learn_skb(skb, hop, p, &c.src->addr, &c.dst->addr, via, &fib);
	return rf_redirect(skb, p, ifindex) ? RF_R_MEDIA_TC : RF_R_REWRITE_FAILED;
}

#endif
