/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends a checked packet on its way: XDP redirect where the device takes it, else TC
 * redirect_neigh, else the stack. XDP either does the whole job or leaves the packet unmodified
 * to TC (RF_R_TO_TC), because after a rewrite nobody could tell any more what it was.
 */
#ifndef RF_BPF_DELIVER_H
#define RF_BPF_DELIVER_H

#include "guard.h"
#include "pinhole.h"
#include "rewrite.h"

/* .tot_len 0: the packet's own size is compared with the device's MTU (TC only). */
static __always_inline long rf_fib(void *ctx, const struct rf_pkt *p, const struct rf_ep *src,
				   const struct rf_ep *dst, __u16 tot_len,
				   struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->l4_protocol = IPPROTO_UDP;
	fib->sport = src->port;
	fib->dport = dst->port;
	fib->tot_len = tot_len;
	fib->ifindex = p->ifindex;
	if (p->flags & RF_PKT_V6) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, &src->addr, 16);
		__builtin_memcpy(fib->ipv6_dst, &dst->addr, 16);
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = src->addr.w[3];
		fib->ipv4_dst = dst->addr.w[3];
	}
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

static __always_inline bool rf_fib_names_device(long rc)
{
	return rc == BPF_FIB_LKUP_RET_SUCCESS || rc == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       rc == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Would the stack send this by a WAN device? */
static __always_inline bool rf_leaves_by_wan(struct __sk_buff *skb, const struct rf_pkt *p)
{
	struct bpf_fib_lookup fib;

	return rf_fib_names_device(rf_fib(skb, p, &p->src, &p->dst, 0, &fib)) &&
	       rf_device_is(fib.ifindex, RF_DEV_WAN);
}

static __always_inline __u32 rf_deliver_xdp(struct xdp_md *ctx, struct rf_pkt *p,
					    const struct rf_hit *h)
{
	const struct rf_ep *to = h->ph->flags & RF_PH_XLATE ? &h->ph->xlate : &p->dst;
	void *data, *end;
	struct bpf_fib_lookup fib;
	struct rf_device *dev;
	struct udphdr *udp;
	struct ethhdr *eth;
	__u32 l4, ifindex;

	if ((h->ph->flags & RF_PH_LOCAL) || p->tags)
		return RF_R_TO_TC;
	if (rf_fib(ctx, p, &p->src, to, p->len, &fib) != BPF_FIB_LKUP_RET_SUCCESS)
		return RF_R_TO_TC;
	ifindex = fib.ifindex;
	dev = bpf_map_lookup_elem(&devices, &ifindex);
	if (!dev || dev->role == RF_DEV_WAN || (dev->flags & (RF_DEV_XDP_TX | RF_DEV_L3 | RF_DEV_STACK)) != RF_DEV_XDP_TX)
		return RF_R_TO_TC;

	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	l4 = p->l4_off;
	if (l4 > RF_HDRS_MAX || (void *)(eth + 1) > end)
		return RF_R_TO_TC;
	udp = data + l4;
	if ((void *)(udp + 1) > end)
		return RF_R_TO_TC;
	if (p->flags & RF_PKT_V6) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);

		/* no zero checksum in IPv6: TC knows how to complete it */
		if ((void *)(ip6 + 1) > end || rf_csum_is_partial(p, udp))
			return RF_R_TO_TC;
		rf_rewrite_xdp_v6(p, ip6, udp, to);
	} else {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end)
			return RF_R_TO_TC;
		rf_rewrite_xdp_v4(p, ip, udp, to);
	}
	__builtin_memcpy(eth->h_dest, fib.dmac, sizeof(eth->h_dest));
	__builtin_memcpy(eth->h_source, fib.smac, sizeof(eth->h_source));
	p->code = bpf_redirect(ifindex, 0);
	return RF_R_MEDIA_XDP;
}

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
	p->code = bpf_redirect_neigh(ifindex, NULL, 0, 0);
	return true;
}

/* What the rewrite changes. The pointers are always valid (the verifier of 6.1 does not connect a
 * NULL pointer with the flag that says so), the flags say whether there is anything to do. */
struct rf_change {
	const struct rf_ep *src, *dst;
	bool new_src, new_dst;
};

static __always_inline bool rf_rewrite_media(struct __sk_buff *skb, struct rf_pkt *p,
					     const struct rf_change *c, bool ttl)
{
	if (c->new_dst && !rf_rewrite_skb(skb, p, true, c->dst))
		return false;
	if (c->new_src && !rf_rewrite_skb(skb, p, false, c->src))
		return false;
	return !ttl || !rf_skb_ttl(skb, p);
}

/* To this host itself: the stack takes it from here, and decrements nothing. */
static __always_inline __u32 rf_deliver_local(struct __sk_buff *skb, struct rf_pkt *p,
					      const struct rf_change *c)
{
	return rf_rewrite_media(skb, p, c, false) ? RF_R_MEDIA_LOCAL : RF_R_REWRITE_FAILED;
}

/* The stack forwards, so it decrements the TTL as well. */
static __always_inline __u32 rf_deliver_stack(struct __sk_buff *skb, struct rf_pkt *p,
					      const struct rf_change *c)
{
	return rf_rewrite_media(skb, p, c, false) ? RF_R_MEDIA_STACK : RF_R_REWRITE_FAILED;
}

static __always_inline bool rf_wants_stack(__u32 ifindex)
{
	struct rf_device *dev = bpf_map_lookup_elem(&devices, &ifindex);

	return dev && (dev->flags & RF_DEV_STACK);
}

static __always_inline __u32 rf_deliver_in(struct __sk_buff *skb, struct rf_pkt *p,
					   const struct rf_hit *h)
{
	bool xlate = h->ph->flags & RF_PH_XLATE;
	struct rf_change c = { .src = &p->src, .dst = xlate ? &h->ph->xlate : &p->dst,
			       .new_dst = xlate };
	struct bpf_fib_lookup fib;
	long rc;

	if (h->ph->flags & RF_PH_LOCAL)
		return rf_deliver_local(skb, p, &c);
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
	if (!rf_rewrite_media(skb, p, &c, true) || !rf_redirect(skb, p, fib.ifindex))
		return RF_R_REWRITE_FAILED;
	return RF_R_MEDIA_TC;
}

/*
 * To a public address of our own: another inside host is meant, or the same one. Translated to our
 * side's public endpoint, it comes in again at the WAN device, where the other side's pinhole
 * judges it as it judges any peer (RFC 4787 REQ-9). It carries an inside device's Ethernet header,
 * so the WAN hook must be told not to take it for somebody else's.
 */
static __always_inline bool rf_hairpin(struct __sk_buff *skb, struct rf_pkt *p, __u32 ifindex)
{
	struct rf_control *c = rf_control_get();

	if (!c || !c->inject_mark)
		return false;
	skb->mark = RF_HAIRPIN_MARK(c->inject_mark);
	p->code = bpf_redirect(ifindex, BPF_F_INGRESS);
	return true;
}

static __always_inline __u32 rf_deliver_out(struct __sk_buff *skb, struct rf_pkt *p,
					    const struct rf_hit *h)
{
	__u32 ifindex = h->ph->wan_ifindex, mtu = 0;
	struct rf_change c = { .src = &p->src, .dst = &p->dst };

	if (h->ph->flags & RF_PH_XLATE) {
		c.src = &h->ph->xlate;
		c.new_src = true;
	}
	if (h->learnt && h->st) {
		c.dst = &h->st->learnt;
		c.new_dst = true;
	}
	if (p->hook == RF_HOOK_WAN_OUT)
		return rf_deliver_local(skb, p, &c);
	if (bpf_check_mtu(skb, ifindex, &mtu, 0, 0) == BPF_MTU_CHK_RET_FRAG_NEEDED)
		/* The stack's own look at the MTU comes before it would let it out untranslated. */
		return p->flags & RF_PKT_DF ? RF_R_TOO_BIG_TO_STACK : RF_R_TOO_BIG;
	if (rf_wants_stack(ifindex))
		return rf_deliver_stack(skb, p, &c);
	if (!rf_rewrite_media(skb, p, &c, true))
		return RF_R_REWRITE_FAILED;
	if (bpf_map_lookup_elem(&guards, &c.dst->addr))
		return rf_hairpin(skb, p, ifindex) ? RF_R_MEDIA_TC : RF_R_NO_ROUTE;
	return rf_redirect(skb, p, ifindex) ? RF_R_MEDIA_TC : RF_R_REWRITE_FAILED;
}

#endif
