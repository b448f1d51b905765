/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fast path for the common packet: RTP of an established call in an untagged Ethernet frame, between the
 * endpoints first named in the SDP, to a cached next hop. What it needs stays on its own small stack.
 * Nothing is judged here that the slow path would not judge alike. At the first thing that is not
 * plain the packet goes there untouched, and so does each that will not be delivered: verdicts other
 * than "delivered" have one place only. The fixtures of tests/bpf/test_reasons.c and test_rewrite.c run with
 * next hops cold and known, and with lines, which holds all ways against the same expectations. What a line
 * decides (rf_plain_inbound()) is coarse towards the slow path only; test_inbound.c has lines alone.
 */
#ifndef RF_BPF_FAST_H
#define RF_BPF_FAST_H

#include "deliver.h"
#include "stats.h"

enum rf_fast {
	RF_FAST_REDIRECTED, /* delivered: it ends here */
	RF_FAST_SLOW, /* for the slow path to judge */
	RF_FAST_MISS, /* the same, and there is no pinhole: one look-up is enough */
	RF_FAST_FAILED, /* the kernel refused to rewrite it; the only other verdict there is */
};

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

/* What a plain packet is, and what it needs to go on its way. */
struct rf_plain {
	struct rf_ep own, remote; /* ours, by which the pinhole is found, and the other side's */
	__u64 now;
	struct rf_flow_stats *s;
	struct rf_nexthop *hop;
	__u32 len; /* of the L3 packet */
	__u32 clock_rate;
	__u32 via; /* enum rf_nexthop_via bits, or the device it came in by */
	__u8 pt;
	/* IPv4: the other endpoint of ours; IPv6 looks at the pinhole */
	__be16 to_port;
	__be32 to;
};

static __always_inline bool rf_plain_hop(struct rf_plain *pl, const struct rf_addr *src,
					 const struct rf_addr *dst, __u32 via)
{
	pl->hop = rf_nexthop_get(src, dst, via);
	return rf_nexthop_hot(pl->hop, pl->len, pl->now, src, dst, via);
}

static __always_inline const struct rf_ep *rf_plain_to(const struct rf_plain *pl,
						       const struct rf_pinhole *ph)
{
	return ph->flags & RF_PH_XLATE ? &ph->xlate : &pl->own;
}

/* What has to be learnt, asked or held is not plain; silence in both directions is the slow path's question. */
static __always_inline bool rf_plain_agreed(struct rf_plain *pl, const struct rf_pinhole *ph,
					    const __u8 dir)
{
	__u32 slot = ph->slot;
	struct rf_pinhole_state *st;

	if (!rf_pinhole_is_plain(ph) || pl->now >= ph->deadline_ns ||
	    !rf_remote_is(&ph->remote, &pl->remote) || !rf_types_have(ph->payload_types, pl->pt))
		return false;
	st = bpf_map_lookup_elem(&pinhole_state, &slot);
	if (!st)
		return false;
	pl->s = &st->dir[dir];
	pl->clock_rate = ph->clock_rate;
	return !ph->idle_s || pl->now - pl->s->last_ns <= ph->idle_s * RF_NS_PER_SEC;
}

/* RF_FAST_REDIRECTED: may go; *found is its pinhole. */
static __always_inline enum rf_fast rf_plain_hit(struct rf_plain *pl, const __u8 dir, const bool v6,
						 struct rf_pinhole **found)
{
	struct rf_pinhole_key key = { .addr = pl->own.addr, .port = pl->own.port, .dir = dir };
	struct rf_pinhole *ph = bpf_map_lookup_elem(&pinholes, &key);
	const struct rf_ep *to;

	if (!ph)
		return RF_FAST_MISS;
	pl->now = bpf_ktime_get_coarse_ns();
	if (!rf_plain_agreed(pl, ph, dir))
		return RF_FAST_SLOW;
	to = rf_plain_to(pl, ph);
	if (!v6) {
		pl->to = to->addr.w[3];
		pl->to_port = to->port;
	}
	*found = ph;
	if (dir == RF_DIR_IN)
		return rf_plain_hop(pl, &pl->remote.addr, &to->addr, pl->via) ? RF_FAST_REDIRECTED
									      : RF_FAST_SLOW;
	return rf_plain_hop(pl, &to->addr, &pl->remote.addr, pl->via | ph->wan_ifindex)
		       ? RF_FAST_REDIRECTED
		       : RF_FAST_SLOW;
}

/*
 * The same of IPv4 from the WAN by the line of its own endpoint, if it has one: no hash, and two cache
 * misses at once instead of a chain of them. False: ask the pinhole.
 */
static __always_inline bool rf_plain_inbound(struct rf_plain *pl, const struct rf_plain4 *f)
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
	    !rf_inbound_has_type(*(const __u32 *)l->payload_types, pl->pt))
		return false;
	pl->now = bpf_ktime_get_coarse_ns();
	if ((pl->now >> RF_INBOUND_TICK) >= l->until)
		return false;
	pl->s = &st->dir[RF_DIR_IN];
	if (pl->now - pl->s->last_ns > RF_INBOUND_SILENCE_S * RF_NS_PER_SEC)
		return false;
	pl->to = l->to;
	pl->to_port = l->to_port;
	pl->clock_rate = l->clock_rate;
	RF_MEMORY_ORDER();
	if (RF_READ_ONCE(l->version) != version)
		return false;
	rf_addr_v4(&to, pl->to);
	return rf_plain_hop(pl, &pl->remote.addr, &to, pl->via);
#else
	return false;
#endif
}

/* .dir: the source or the destination is ours. Before anything is looked up. */
static __always_inline void rf_plain_begin4(struct rf_plain *pl, const struct rf_plain4 *f,
					    const __u8 dir)
{
	rf_addr_v4(&pl->own.addr, dir == RF_DIR_IN ? f->ip.daddr : f->ip.saddr);
	rf_addr_v4(&pl->remote.addr, dir == RF_DIR_IN ? f->ip.saddr : f->ip.daddr);
	pl->own.port = dir == RF_DIR_IN ? f->udp.dest : f->udp.source;
	pl->remote.port = dir == RF_DIR_IN ? f->udp.source : f->udp.dest;
	pl->len = bpf_ntohs(f->ip.tot_len);
	pl->pt = f->rtp.mpt & 0x7f;
}

static __always_inline enum rf_fast rf_plain_judge4(struct rf_plain *pl, const struct rf_plain4 *f,
						    const __u8 dir)
{
	struct rf_pinhole *ph;

	if (dir == RF_DIR_IN && rf_plain_inbound(pl, f))
		return RF_FAST_REDIRECTED;
	return rf_plain_hit(pl, dir, false, &ph);
}

static __always_inline void rf_plain_media(struct rf_media *m, const struct rf_plain_rtp *rtp)
{
	m->cls = RF_CLASS_RTP;
	m->pt = rtp->mpt & 0x7f;
	m->seq = bpf_ntohs(rtp->seq);
	m->timestamp = bpf_ntohl(rtp->timestamp);
	m->ssrc = bpf_ntohl(rtp->ssrc);
}

static __always_inline void rf_plain_book(const struct rf_plain *pl, const struct rf_media *m,
					  enum rf_reason reason)
{
	__u32 key = reason;
	struct rf_counter *c = bpf_map_lookup_elem(&reasons, &key);

	rf_book_packet(pl->s, pl->len, pl->now, m, pl->clock_rate);
	if (c) {
		c->packets++;
		c->bytes += pl->len;
	}
}

static __always_inline enum rf_fast rf_fast4_xdp(struct xdp_md *ctx, const __u8 dir)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct rf_plain4 *f = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;
	struct rf_plain plain, *pl = &plain;
	struct rf_media m = {};
	enum rf_fast fast;

	if ((void *)(f + 1) > end || !rf_plain4(f, end - (void *)f))
		return RF_FAST_SLOW;
	pl->via = dir == RF_DIR_IN ? ctx->ingress_ifindex | RF_NEXTHOP_XDP : RF_NEXTHOP_OUT;
	rf_plain_begin4(pl, f, dir);
	fast = rf_plain_judge4(pl, f, dir);
	if (fast != RF_FAST_REDIRECTED)
		return fast;
	if (dir == RF_DIR_OUT && !pl->hop->xdp)
		return RF_FAST_SLOW;
	rf_rewrite4_xdp(&f->ip, &f->udp, dir, pl->to, pl->to_port);
	__builtin_memcpy(eth, pl->hop->dst_mac, 12);
	rf_plain_media(&m, &f->rtp);
	rf_plain_book(pl, &m, RF_R_MEDIA_XDP);
	bpf_redirect(pl->hop->ifindex, 0);
	return RF_FAST_REDIRECTED;
}

static __always_inline enum rf_fast rf_fast6_xdp(struct xdp_md *ctx, const __u8 dir)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct rf_plain6 *f = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;
	struct rf_plain plain, *pl = &plain;
	struct rf_media m = {};
	struct rf_pinhole *ph;
	enum rf_fast fast;

	if ((void *)(f + 1) > end || !rf_plain6(f, end - (void *)f))
		return RF_FAST_SLOW;
	pl->via = dir == RF_DIR_IN ? ctx->ingress_ifindex | RF_NEXTHOP_XDP : RF_NEXTHOP_OUT;
	rf_addr_v6(&pl->own.addr, dir == RF_DIR_IN ? &f->ip6.daddr : &f->ip6.saddr);
	rf_addr_v6(&pl->remote.addr, dir == RF_DIR_IN ? &f->ip6.saddr : &f->ip6.daddr);
	pl->own.port = dir == RF_DIR_IN ? f->udp.dest : f->udp.source;
	pl->remote.port = dir == RF_DIR_IN ? f->udp.source : f->udp.dest;
	pl->len = sizeof(f->ip6) + bpf_ntohs(f->ip6.payload_len);
	pl->pt = f->rtp.mpt & 0x7f;
	if (rf_addr_is_v4(&pl->own.addr)) /* the key of IPv4's */
		return RF_FAST_SLOW;
	fast = rf_plain_hit(pl, dir, true, &ph);
	if (fast != RF_FAST_REDIRECTED)
		return fast;
	if ((dir == RF_DIR_OUT && !pl->hop->xdp) ||
	    !rf_rewrite6_xdp(&f->ip6, &f->udp, dir, rf_plain_to(pl, ph)))
		return RF_FAST_SLOW;
	__builtin_memcpy(eth, pl->hop->dst_mac, 12);
	rf_plain_media(&m, &f->rtp);
	rf_plain_book(pl, &m, RF_R_MEDIA_XDP);
	bpf_redirect(pl->hop->ifindex, 0);
	return RF_FAST_REDIRECTED;
}

/*
 * TC with the checksum helpers, as offloads demand it. IPv4 only. Behind the rewrite there is no way back,
 * so a failure ends the packet.
 */
static __always_inline enum rf_fast rf_fast_tc(struct __sk_buff *skb, const __u8 dir)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	const struct rf_plain4 *f = (void *)(eth + 1);
	struct rf_plain plain, *pl = &plain;
	struct rf_headers h = { .l3 = sizeof(*eth), .l4 = sizeof(*eth) + sizeof(struct iphdr) };
	struct rf_change c = {};
	struct rf_media m = {};
	struct rf_ep to = {};
	enum rf_fast fast;

	if ((void *)(f + 1) > (void *)(long)skb->data_end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    skb->vlan_present || !rf_plain4(f, skb->len - sizeof(*eth)))
		return RF_FAST_SLOW;
	/* behind tun and wireguard, what looks like a frame was made to look so */
	if (rf_lacks_eth(skb))
		return RF_FAST_SLOW;
	pl->via = dir == RF_DIR_IN ? skb->ifindex : RF_NEXTHOP_OUT;
	rf_plain_begin4(pl, f, dir);
	fast = rf_plain_judge4(pl, f, dir);
	if (fast != RF_FAST_REDIRECTED)
		return fast;
	rf_plain_media(&m, &f->rtp);
	rf_addr_v4(&to.addr, pl->to);
	to.port = pl->to_port;
	h.src = dir == RF_DIR_IN ? &pl->remote : &pl->own;
	h.dst = dir == RF_DIR_IN ? &pl->own : &pl->remote;
	c.src = c.dst = &to;
	c.what = RF_LESS_TTL;
	if (!rf_ep_eq(&to, &pl->own))
		c.what |= dir == RF_DIR_IN ? RF_NEW_DST : RF_NEW_SRC;
	if (!rf_rewrite4_skb(skb, &h, &c) || !rf_redirect_known(skb, pl->hop, dir == RF_DIR_OUT)) {
		rf_book_drop(pl->s, RF_R_REWRITE_FAILED);
		return RF_FAST_FAILED;
	}
	rf_plain_book(pl, &m, RF_R_MEDIA_TC);
	return RF_FAST_REDIRECTED;
}

/* Global functions: their branches would multiply with those of the slow path. One for each family, as
 * they share a stack of 512 bytes with it. */
__noinline enum rf_fast rf_fast4_in_xdp(struct xdp_md *ctx)
{
	return rf_fast4_xdp(ctx, RF_DIR_IN);
}

__noinline enum rf_fast rf_fast4_out_xdp(struct xdp_md *ctx)
{
	return rf_fast4_xdp(ctx, RF_DIR_OUT);
}

__noinline enum rf_fast rf_fast6_in_xdp(struct xdp_md *ctx)
{
	return rf_fast6_xdp(ctx, RF_DIR_IN);
}

__noinline enum rf_fast rf_fast6_out_xdp(struct xdp_md *ctx)
{
	return rf_fast6_xdp(ctx, RF_DIR_OUT);
}

__noinline enum rf_fast rf_fast_in_tc(struct __sk_buff *skb)
{
	return rf_fast_tc(skb, RF_DIR_IN);
}

__noinline enum rf_fast rf_fast_out_tc(struct __sk_buff *skb)
{
	return rf_fast_tc(skb, RF_DIR_OUT);
}

static __always_inline enum rf_fast rf_fast_xdp(struct xdp_md *ctx, const __u8 dir)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return RF_FAST_SLOW;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return dir == RF_DIR_IN ? rf_fast4_in_xdp(ctx) : rf_fast4_out_xdp(ctx);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return dir == RF_DIR_IN ? rf_fast6_in_xdp(ctx) : rf_fast6_out_xdp(ctx);
	return RF_FAST_SLOW;
}

#endif
