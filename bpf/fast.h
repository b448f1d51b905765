/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The short way of the packet that nearly every packet is: RTP of a call that is up, in a plain
 * Ethernet frame, between the endpoints that the SDP named first, to a next hop that is known.
 * Nothing is judged here that the long way would not judge alike. At the first thing that is not
 * plain the packet goes there untouched, and so does each that will not be delivered: verdicts other
 * than "delivered" have one place only. The fixtures of tests/bpf/test_reasons.c and test_rewrite.c run with
 * next hops cold and known, and with lines, which holds all ways against the same expectations. What a line
 * decides (rf_plain_inbound()) is coarse towards the long way only; test_inbound.c has lines alone.
 */
#ifndef RF_BPF_FAST_H
#define RF_BPF_FAST_H

#include "deliver.h"
#include "media.h"
#include "wan.h"

/* No codes of XDP or TC. */
#define RF_LONG_WAY	  (-100)
#define RF_FAST_FAILED	  (-99) /* the kernel refused to rewrite it; the only verdict there is */
#define RF_LONG_WAY_NO_PH (-101) /* there is no pinhole: one look-up is enough */

struct rf_plain_rtp {
	__u8 vpxcc, mpt; /* RFC 3550 5.1: version, padding, extension, CSRC count; marker, type */
	__be16 seq;
	__be32 timestamp, ssrc;
};
/* Packets as they lie in memory, so that one comparison with the end serves all of it. */
struct rf_plain4 {
	struct iphdr ip;
	struct udphdr udp;
	struct rf_plain_rtp rtp;
};
struct rf_plain6 {
	struct ipv6hdr ip6;
	struct udphdr udp;
	struct rf_plain_rtp rtp;
};

/* .room: bytes behind the L3 header. No extension, no CSRC: their lengths would have to be judged. */
static __always_inline bool rf_plain_rtp(const struct udphdr *udp, const struct rf_plain_rtp *rtp,
					 __u32 room)
{
	__u32 ulen = bpf_ntohs(udp->len);

	return ulen <= room && ulen >= sizeof(*udp) + sizeof(*rtp) && (rtp->vpxcc & 0xdf) == 0x80 &&
	       !rf_is_rtcp_type(rtp->mpt);
}

/* .room: bytes behind the Ethernet header */
static __always_inline bool rf_plain4(const struct rf_plain4 *f, __u32 room)
{
	__u32 len = bpf_ntohs(f->ip.tot_len);

	return *(const __u8 *)&f->ip == 0x45 && f->ip.protocol == IPPROTO_UDP && f->ip.ttl > 1 &&
	       !(f->ip.frag_off & bpf_htons(IP_MF | IP_OFFSET)) && len >= sizeof(f->ip) &&
	       len <= room && rf_plain_rtp(&f->udp, &f->rtp, len - sizeof(f->ip));
}

static __always_inline bool rf_plain6(const struct rf_plain6 *f, __u32 room)
{
	__u32 len = bpf_ntohs(f->ip6.payload_len);

	return f->ip6.version == 6 && f->ip6.nexthdr == IPPROTO_UDP && f->ip6.hop_limit > 1 &&
	       sizeof(f->ip6) + len <= room && rf_plain_rtp(&f->udp, &f->rtp, len);
}

/* What of it the pinhole decides; what has to be learnt, asked or held is not plain. */
static __always_inline bool rf_plain_agreed(const struct rf_pinhole *ph, const struct rf_ep *remote,
					    __u8 pt, __u64 now)
{
	return rf_pinhole_is_plain(ph) && now < ph->deadline_ns &&
	       rf_remote_is(&ph->remote, remote) && rf_types_have(ph->payload_types, pt);
}

/* What a plain packet needs to go on its way. */
struct rf_plain {
	struct rf_flow_stats *s;
	struct rf_hop *hop;
	__u32 clock_rate;
	/* IPv4: the other endpoint of ours; IPv6 looks at the pinhole, as its stack has no room */
	__be32 to;
	__be16 to_port;
};

static __always_inline struct rf_hop *rf_plain_hop(struct rf_pkt *p, const struct rf_addr *src,
						   const struct rf_addr *dst, __u32 via)
{
	struct rf_hop *hop = rf_hop_get(src, dst, via);

	return rf_hop_hot(hop, p, src, dst, via) ? hop : NULL;
}

/* .own is our endpoint, .remote the other side's. False: not plain. */
static __always_inline bool rf_plain_hit(struct rf_pkt *p, struct rf_hit *h, const __u8 dir,
					 const struct rf_ep *own, const struct rf_ep *remote,
					 __u8 pt, __u32 via, struct rf_plain *pl)
{
	const struct rf_ep *to;
	struct rf_pinhole *ph;

	if (!rf_pinhole_find(p, own, dir, h))
		return false;
	ph = h->ph;
	if (!rf_plain_agreed(ph, remote, pt, rf_now(p)))
		return false;
	rf_pinhole_state_find(h);
	if (!h->st)
		return false;
	/* silence in both directions is the long way's question */
	pl->s = &h->st->dir[dir];
	if (ph->idle_s && p->now - pl->s->last_ns > ph->idle_s * RF_NS_PER_SEC)
		return false;
	to = ph->flags & RF_PH_XLATE ? &ph->xlate : own;
	if (!(p->flags & RF_PKT_V6)) {
		pl->to = to->addr.w[3];
		pl->to_port = to->port;
		pl->clock_rate = ph->clock_rate;
	}
	pl->hop = dir == RF_DIR_IN
			  ? rf_plain_hop(p, &remote->addr, &to->addr, via)
			  : rf_plain_hop(p, &to->addr, &remote->addr, via | ph->wan_ifindex);
	return pl->hop;
}

/*
 * The same of IPv4 from the WAN by the line of its own endpoint, if it has one: no hash, and two cache
 * misses at once instead of a chain of them. False: ask the pinhole.
 */
static __always_inline bool rf_plain_inbound(struct rf_pkt *p, const struct rf_plain4 *f, __u32 via,
					     struct rf_plain *pl)
{
#ifdef __TARGET_ARCH_x86 /* loads are not reordered; elsewhere the version would need barriers */
	__u32 i = rf_inbound_index(bpf_ntohl(f->ip.daddr), bpf_ntohs(f->udp.dest), rf_inbound_n);
	struct rf_pinhole_state *st;
	struct rf_inbound *l;
	struct rf_addr to;
	__u16 version;

	if (!i)
		return false;
	l = bpf_map_lookup_elem(&inbound, &i);
	st = bpf_map_lookup_elem(&pinhole_state, &i);
	if (!l || !st)
		return false;
	version = RF_READ_ONCE(l->version);
	RF_MEMORY_ORDER();
	if (!version || version & 1 || l->own != f->ip.daddr || l->own_port != f->udp.dest ||
	    l->remote != f->ip.saddr || l->remote_port != f->udp.source ||
	    !rf_inbound_has_type(*(const __u32 *)l->payload_types, f->rtp.mpt & 0x7f) ||
	    (rf_now(p) >> RF_INBOUND_TICK) >= l->until)
		return false;
	pl->s = &st->dir[RF_DIR_IN];
	if (p->now - pl->s->last_ns > RF_INBOUND_SILENCE_S * RF_NS_PER_SEC)
		return false;
	pl->to = l->to;
	pl->to_port = l->to_port;
	pl->clock_rate = l->clock_rate;
	RF_MEMORY_ORDER();
	if (RF_READ_ONCE(l->version) != version)
		return false;
	rf_addr_v4(&to, pl->to);
	pl->hop = rf_plain_hop(p, &p->src.addr, &to, via);
	return pl->hop;
#else
	return false;
#endif
}

static __always_inline void rf_plain_media(struct rf_media *m, const struct rf_plain_rtp *rtp)
{
	m->cls = RF_CLASS_RTP;
	m->pt = rtp->mpt & 0x7f;
	m->seq = bpf_ntohs(rtp->seq);
	m->timestamp = bpf_ntohl(rtp->timestamp);
	m->ssrc = bpf_ntohl(rtp->ssrc);
}

static __always_inline void rf_plain_book(struct rf_pkt *p, const struct rf_plain *pl,
					  const struct rf_media *m, __u32 reason)
{
	struct rf_counter *c = bpf_map_lookup_elem(&reasons, &reason);

	rf_book_packet(p, pl->s, m, pl->clock_rate);
	if (c) {
		c->packets++;
		c->bytes += p->len;
	}
}

/* As rf_rewrite_xdp_v4(), for either endpoint. */
static __always_inline void rf_plain_rewrite4(struct rf_plain4 *f, const __u8 dir,
					      const struct rf_plain *pl)
{
	__be32 *addr = dir == RF_DIR_IN ? &f->ip.daddr : &f->ip.saddr;
	__be16 *port = dir == RF_DIR_IN ? &f->udp.dest : &f->udp.source;
	__u64 diff = (__u64)(__u32) ~*addr + pl->to;
	__u64 pseudo = (__u64)f->ip.saddr + f->ip.daddr + bpf_htons(IPPROTO_UDP) + f->udp.len;

	if (f->udp.check == rf_csum_fold(pseudo)) { /* rf_csum_is_partial() */
		f->udp.check = 0;
	} else if (f->udp.check) {
		__u16 check =
			rf_csum_apply(f->udp.check, diff + rf_csum_diff16(*port, pl->to_port));

		f->udp.check = check ? check : 0xffff;
	}
	/* one less of TTL, which is the upper byte of its word */
	f->ip.check = rf_csum_apply(f->ip.check, diff + (__u16)~bpf_htons(0x0100));
	f->ip.ttl--;
	*addr = pl->to;
	*port = pl->to_port;
}

static __always_inline int rf_fast4_xdp(struct xdp_md *ctx, const __u8 dir)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct rf_plain4 *f = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;
	struct rf_pkt p = {};
	const struct rf_ep *own = dir == RF_DIR_IN ? &p.dst : &p.src;
	const struct rf_ep *remote = dir == RF_DIR_IN ? &p.src : &p.dst;
	__u32 via = dir == RF_DIR_IN ? ctx->ingress_ifindex | RF_HOP_XDP : RF_HOP_OUT;
	struct rf_plain plain, *pl = &plain;
	struct rf_hit hit = {}, *h = &hit;

	if ((void *)(f + 1) > end || !rf_plain4(f, end - (void *)f))
		return RF_LONG_WAY;
	rf_addr_v4(&p.src.addr, f->ip.saddr);
	rf_addr_v4(&p.dst.addr, f->ip.daddr);
	p.src.port = f->udp.source;
	p.dst.port = f->udp.dest;
	p.len = bpf_ntohs(f->ip.tot_len);
	if (!(dir == RF_DIR_IN && rf_plain_inbound(&p, f, via, pl)) &&
	    (!rf_plain_hit(&p, h, dir, own, remote, f->rtp.mpt & 0x7f, via, pl) ||
	     (dir == RF_DIR_OUT && !pl->hop->xdp)))
		return h->ph ? RF_LONG_WAY : RF_LONG_WAY_NO_PH;
	rf_plain_rewrite4(f, dir, pl);
	__builtin_memcpy(eth, pl->hop->dst_mac, 12);
	rf_plain_media(&h->media, &f->rtp);
	rf_plain_book(&p, pl, &h->media, RF_R_MEDIA_XDP);
	return bpf_redirect(pl->hop->ifindex, 0);
}

static __always_inline bool rf_plain_rewrite6(struct rf_plain6 *f, struct rf_pkt *p, const __u8 dir,
					      const struct rf_ep *to)
{
	struct in6_addr *addr = dir == RF_DIR_IN ? &f->ip6.daddr : &f->ip6.saddr;
	const struct rf_ep *from = dir == RF_DIR_IN ? &p->dst : &p->src;
	__be16 *port = dir == RF_DIR_IN ? &f->udp.dest : &f->udp.source;

	/* no zero checksum in IPv6: TC knows how to complete it */
	if (rf_csum_is_partial(p, &f->udp))
		return false;
	if (f->udp.check) {
		__u16 check =
			rf_csum_apply(f->udp.check, rf_csum_diff_addr(&from->addr, &to->addr) +
							    rf_csum_diff16(*port, to->port));

		f->udp.check = check ? check : 0xffff;
	}
	f->ip6.hop_limit--;
	addr->in6_u.u6_addr32[0] = to->addr.w[0];
	addr->in6_u.u6_addr32[1] = to->addr.w[1];
	addr->in6_u.u6_addr32[2] = to->addr.w[2];
	addr->in6_u.u6_addr32[3] = to->addr.w[3];
	*port = to->port;
	return true;
}

static __always_inline int rf_fast6_xdp(struct xdp_md *ctx, const __u8 dir)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct rf_plain6 *f = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;
	struct rf_pkt p = { .flags = RF_PKT_V6 };
	const struct rf_ep *own = dir == RF_DIR_IN ? &p.dst : &p.src;
	const struct rf_ep *remote = dir == RF_DIR_IN ? &p.src : &p.dst;
	struct rf_plain plain, *pl = &plain;
	struct rf_hit hit = {}, *h = &hit;

	if ((void *)(f + 1) > end || !rf_plain6(f, end - (void *)f))
		return RF_LONG_WAY;
	rf_addr_v6(&p.src.addr, &f->ip6.saddr);
	rf_addr_v6(&p.dst.addr, &f->ip6.daddr);
	p.src.port = f->udp.source;
	p.dst.port = f->udp.dest;
	p.len = sizeof(f->ip6) + bpf_ntohs(f->ip6.payload_len);
	if (!rf_plain_hit(&p, h, dir, own, remote, f->rtp.mpt & 0x7f,
			  dir == RF_DIR_IN ? ctx->ingress_ifindex | RF_HOP_XDP : RF_HOP_OUT, pl) ||
	    (dir == RF_DIR_OUT && !pl->hop->xdp))
		return h->ph ? RF_LONG_WAY : RF_LONG_WAY_NO_PH;
	if (!rf_plain_rewrite6(f, &p, dir, h->ph->flags & RF_PH_XLATE ? &h->ph->xlate : own))
		return RF_LONG_WAY;
	__builtin_memcpy(eth, pl->hop->dst_mac, 12);
	pl->clock_rate = h->ph->clock_rate;
	rf_plain_media(&h->media, &f->rtp);
	rf_plain_book(&p, pl, &h->media, RF_R_MEDIA_XDP);
	return bpf_redirect(pl->hop->ifindex, 0);
}

/*
 * TC with the checksum helpers, as offloads demand it. IPv4 only: for IPv6 they cost more than what is
 * saved here. Behind the rewrite there is no way back, so a failure ends the packet.
 */
static __always_inline int rf_fast_tc(struct __sk_buff *skb, const __u8 dir)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	const struct rf_plain4 *f = (void *)(eth + 1);
	struct rf_pkt p = { .l3_off = sizeof(*eth), .l4_off = sizeof(*eth) + sizeof(struct iphdr) };
	const struct rf_ep *own = dir == RF_DIR_IN ? &p.dst : &p.src;
	const struct rf_ep *remote = dir == RF_DIR_IN ? &p.src : &p.dst;
	__u32 via = dir == RF_DIR_IN ? skb->ifindex : RF_HOP_OUT;
	struct rf_change c = { .src = &p.src, .dst = &p.dst };
	struct rf_plain plain, *pl = &plain;
	struct rf_hit hit = {}, *h = &hit;
	struct rf_ep to = {};
	__u32 reason;

	if ((void *)(f + 1) > (void *)(long)skb->data_end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    skb->vlan_present || !rf_plain4(f, skb->len - sizeof(*eth)))
		return RF_LONG_WAY;
	/* behind tun and wireguard, what looks like a frame was made to look so */
	rf_device_shape(skb, &p);
	if (p.flags & RF_PKT_NO_ETH)
		return RF_LONG_WAY;
	rf_addr_v4(&p.src.addr, f->ip.saddr);
	rf_addr_v4(&p.dst.addr, f->ip.daddr);
	p.src.port = f->udp.source;
	p.dst.port = f->udp.dest;
	p.len = bpf_ntohs(f->ip.tot_len);
	if (!(dir == RF_DIR_IN && rf_plain_inbound(&p, f, via, pl)) &&
	    !rf_plain_hit(&p, h, dir, own, remote, f->rtp.mpt & 0x7f, via, pl))
		return h->ph ? RF_LONG_WAY : RF_LONG_WAY_NO_PH;
	rf_plain_media(&h->media, &f->rtp);
	rf_addr_v4(&to.addr, pl->to);
	to.port = pl->to_port;
	c.new_dst = dir == RF_DIR_IN && !rf_ep_eq(&to, own);
	c.new_src = dir == RF_DIR_OUT && !rf_ep_eq(&to, own);
	if (dir == RF_DIR_IN)
		c.dst = &to;
	else
		c.src = &to;
	reason = rf_deliver_hop(skb, &p, &c, pl->hop);
	if (reason != RF_R_MEDIA_TC) {
		rf_book_drop(pl->s, reason);
		return RF_FAST_FAILED;
	}
	rf_plain_book(&p, pl, &h->media, reason);
	return p.code;
}

/* Global functions: their branches would multiply with those of the long way. One for each family, as
 * they share a stack of 512 bytes with it. */
__noinline int rf_fast4_in_xdp(struct xdp_md *ctx)
{
	return rf_fast4_xdp(ctx, RF_DIR_IN);
}

__noinline int rf_fast4_out_xdp(struct xdp_md *ctx)
{
	return rf_fast4_xdp(ctx, RF_DIR_OUT);
}

__noinline int rf_fast6_in_xdp(struct xdp_md *ctx)
{
	return rf_fast6_xdp(ctx, RF_DIR_IN);
}

__noinline int rf_fast6_out_xdp(struct xdp_md *ctx)
{
	return rf_fast6_xdp(ctx, RF_DIR_OUT);
}

__noinline int rf_fast_in_tc(struct __sk_buff *skb)
{
	return rf_fast_tc(skb, RF_DIR_IN);
}

__noinline int rf_fast_out_tc(struct __sk_buff *skb)
{
	return rf_fast_tc(skb, RF_DIR_OUT);
}

static __always_inline int rf_fast_xdp(struct xdp_md *ctx, const __u8 dir)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return RF_LONG_WAY;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return dir == RF_DIR_IN ? rf_fast4_in_xdp(ctx) : rf_fast4_out_xdp(ctx);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return dir == RF_DIR_IN ? rf_fast6_in_xdp(ctx) : rf_fast6_out_xdp(ctx);
	return RF_LONG_WAY;
}

#endif
