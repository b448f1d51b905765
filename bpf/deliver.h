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
static __always_inline bool rf_leaves_by_wan(struct __sk_buff *skb, const struct rf_pkt *p)
{
	struct bpf_fib_lookup fib;

	return rf_fib_names_device(rf_fib(skb, p, &p->src, &p->dst, 0, &fib)) &&
	       rf_device_is(fib.ifindex, RF_DEV_WAN);
}

/*
 * Next hops. A look-up of route, neighbour and device costs more than all the rest, and its answer
 * is the same for every packet of every call between two hosts. So an answer that was the same
 * RF_HOP_HITS times in a row holds for RF_HOP_FRESH_NS more; then one packet asks again, by the
 * way that also keeps the neighbour entry alive. Nobody has to be told when routes change.
 */
enum rf_hop_via {
	RF_HOP_XDP = 1u << 31, /* the device takes XDP redirects */
	RF_HOP_OUT =
		1u << 30, /* looked up by the device to leave by, not by the one to come in at */
};
#define RF_HOP_HITS	16
#define RF_HOP_FRESH_NS (RF_NS_PER_SEC / 10)

static __always_inline struct rf_hop *rf_hop_get(const struct rf_addr *src,
						 const struct rf_addr *dst, __u32 via)
{
	/* Neighbours differ in the last byte, which is the uppermost one here. */
	__u32 d = dst->w[0] ^ dst->w[1] ^ dst->w[2] ^ dst->w[3];
	__u32 h = src->w[0] ^ src->w[1] ^ src->w[2] ^ src->w[3] ^ (d << 7 | d >> 25);

	h *= 0x9e3779b1u;
	h = ((h ^ h >> 16) ^ via) * 0x85ebca77u;
	_Static_assert(RF_HOPS == 1 << 12, "of 32 bits, the upper 12");
	h >>= 20;
	return bpf_map_lookup_elem(&hops, &h);
}

static __always_inline bool rf_hop_is(const struct rf_hop *hop, const struct rf_addr *src,
				      const struct rf_addr *dst, __u32 via)
{
	return hop->via == via && rf_addr_eq(&hop->dst, dst) && rf_addr_eq(&hop->src, src);
}

static __always_inline bool rf_hop_hot(const struct rf_hop *hop, struct rf_pkt *p,
				       const struct rf_addr *src, const struct rf_addr *dst,
				       __u32 via)
{
	return hop && hop->hits >= RF_HOP_HITS && p->len <= hop->max_len &&
	       (__s64)(hop->fresh_until_ns - rf_now(p)) > 0 && rf_hop_is(hop, src, dst, via);
}

static __always_inline bool rf_mac_eq(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline void rf_hop_learn(struct rf_hop *hop, struct rf_pkt *p,
					 const struct rf_addr *src, const struct rf_addr *dst,
					 __u32 via, const struct bpf_fib_lookup *fib)
{
	__u64 now = rf_now(p);

	if (!hop)
		return;
	if (!rf_hop_is(hop, src, dst, via) || hop->ifindex != fib->ifindex ||
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
	if (hop->hits < RF_HOP_HITS)
		hop->hits++;
	if (hop->max_len < p->len)
		hop->max_len = p->len;
	hop->fresh_until_ns = now + RF_HOP_FRESH_NS;
}

/* A route to a device that XDP may redirect to; false: TC will see what to do. */
static __always_inline bool rf_hop_ask_xdp(struct xdp_md *ctx, struct rf_pkt *p,
					   const struct rf_ep *to, struct rf_hop *hop, __u32 via)
{
	struct bpf_fib_lookup fib;
	struct rf_device *dev;
	__u32 ifindex;

	if (rf_fib(ctx, p, &p->src, to, p->len, &fib) != BPF_FIB_LKUP_RET_SUCCESS)
		return false;
	ifindex = fib.ifindex;
	dev = bpf_map_lookup_elem(&devices, &ifindex);
	if (!dev || dev->role == RF_DEV_WAN ||
	    (dev->flags & (RF_DEV_XDP_TX | RF_DEV_L3 | RF_DEV_STACK)) != RF_DEV_XDP_TX)
		return false;
	rf_hop_learn(hop, p, &p->src.addr, &to->addr, via, &fib);
	return true;
}

static __always_inline __u32 rf_deliver_xdp(struct xdp_md *ctx, struct rf_pkt *p,
					    const struct rf_hit *h)
{
	const struct rf_ep *to = h->ph->flags & RF_PH_XLATE ? &h->ph->xlate : &p->dst;
	void *data, *end;
	__u32 l4, ifindex, via = p->ifindex | RF_HOP_XDP;
	struct rf_hop *hop;
	struct udphdr *udp;
	struct ethhdr *eth;
	__u8 macs[12];

	if ((h->ph->flags & RF_PH_LOCAL) || p->tags)
		return RF_R_TO_TC;
	hop = rf_hop_get(&p->src.addr, &to->addr, via);
	if (!hop)
		return RF_R_TO_TC;
	if (!rf_hop_hot(hop, p, &p->src.addr, &to->addr, via) &&
	    !rf_hop_ask_xdp(ctx, p, to, hop, via))
		return RF_R_TO_TC;
	ifindex = hop->ifindex;
	__builtin_memcpy(macs, hop->dst_mac, sizeof(macs));

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
	__builtin_memcpy(eth, macs, sizeof(macs));
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

static __always_inline bool rf_rewrite_media(struct __sk_buff *skb, struct rf_pkt *p,
					     const struct rf_change *c, bool ttl)
{
	if (!(p->flags & RF_PKT_V6))
		return rf_rewrite_v4(skb, p, c, ttl);
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

/* Is there an Ethernet header, and nothing but one, to be written anew? */
static __always_inline bool rf_plain_eth(struct __sk_buff *skb, const struct rf_pkt *p)
{
	return !(p->flags & RF_PKT_NO_ETH) && !p->tags && !skb->vlan_present;
}

/* Only what the plain way is good for: a device with Ethernet headers. */
static __always_inline void rf_hop_learn_skb(struct __sk_buff *skb, struct rf_hop *hop,
					     struct rf_pkt *p, const struct rf_addr *src,
					     const struct rf_addr *dst, __u32 via,
					     const struct bpf_fib_lookup *fib)
{
	__u32 ifindex = fib->ifindex;
	struct rf_device *dev = bpf_map_lookup_elem(&devices, &ifindex);

	if (!hop || !dev || (dev->flags & (RF_DEV_L3 | RF_DEV_STACK)) || !rf_plain_eth(skb, p))
		return;
	rf_hop_learn(hop, p, src, dst, via, fib);
	hop->xdp = dev->flags & RF_DEV_XDP_TX;
}

static __always_inline __u32 rf_deliver_hop(struct __sk_buff *skb, struct rf_pkt *p,
					    const struct rf_change *c, const struct rf_hop *hop)
{
	void *eth;

	if (!rf_rewrite_media(skb, p, c, true))
		return RF_R_REWRITE_FAILED;
	eth = (void *)(long)skb->data;
	if (eth + sizeof(struct ethhdr) > (void *)(long)skb->data_end)
		return RF_R_REWRITE_FAILED;
	__builtin_memcpy(eth, hop->dst_mac, 12);
	p->code = bpf_redirect(hop->ifindex, 0);
	return RF_R_MEDIA_TC;
}

static __always_inline __u32 rf_deliver_in(struct __sk_buff *skb, struct rf_pkt *p,
					   const struct rf_hit *h)
{
	bool xlate = h->ph->flags & RF_PH_XLATE;
	struct rf_change c = { .src = &p->src,
			       .dst = xlate ? &h->ph->xlate : &p->dst,
			       .new_dst = xlate };
	struct bpf_fib_lookup fib;
	struct rf_hop *hop;
	long rc;

	if (h->ph->flags & RF_PH_LOCAL)
		return rf_deliver_local(skb, p, &c);
	hop = rf_hop_get(&p->src.addr, &c.dst->addr, p->ifindex);
	if (rf_hop_hot(hop, p, &p->src.addr, &c.dst->addr, p->ifindex) && rf_plain_eth(skb, p))
		return rf_deliver_hop(skb, p, &c, hop);
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
		rf_hop_learn_skb(skb, hop, p, &p->src.addr, &c.dst->addr, p->ifindex, &fib);
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
	__u32 ifindex = h->ph->wan_ifindex, mtu = 0, via = ifindex | RF_HOP_OUT;
	struct rf_change c = { .src = &p->src, .dst = &p->dst };
	struct bpf_fib_lookup fib;
	struct rf_hop *hop;

	if (h->ph->flags & RF_PH_XLATE) {
		c.src = &h->ph->xlate;
		c.new_src = true;
	}
	if (h->to_learnt && h->learnt) {
		c.dst = &h->learnt->ep;
		c.new_dst = true;
	}
	if (p->hook == RF_HOOK_WAN_OUT)
		return rf_deliver_local(skb, p, &c);
	hop = rf_hop_get(&c.src->addr, &c.dst->addr, via);
	if (rf_hop_hot(hop, p, &c.src->addr, &c.dst->addr, via) && rf_plain_eth(skb, p))
		return rf_deliver_hop(skb, p, &c, hop);
	if (bpf_check_mtu(skb, ifindex, &mtu, 0, 0) == BPF_MTU_CHK_RET_FRAG_NEEDED)
		/* The stack's own look at the MTU comes before it would let it out untranslated. */
		return p->flags & RF_PKT_DF ? RF_R_TOO_BIG_TO_STACK : RF_R_TOO_BIG;
	if (rf_wants_stack(ifindex))
		return rf_deliver_stack(skb, p, &c);
	if (!rf_rewrite_media(skb, p, &c, true))
		return RF_R_REWRITE_FAILED;
	if (bpf_map_lookup_elem(&guards, &c.dst->addr))
		return rf_hairpin(skb, p, ifindex) ? RF_R_MEDIA_TC : RF_R_NO_ROUTE;
	if (rf_fib_from(skb, p, c.src, c.dst, 0, ifindex, BPF_FIB_LOOKUP_OUTPUT, &fib) ==
		    BPF_FIB_LKUP_RET_SUCCESS &&
	    fib.ifindex == ifindex)
		rf_hop_learn_skb(skb, hop, p, &c.src->addr, &c.dst->addr, via, &fib);
	return rf_redirect(skb, p, ifindex) ? RF_R_MEDIA_TC : RF_R_REWRITE_FAILED;
}

#endif
