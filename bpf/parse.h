/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes -> struct rf_pkt: Ethernet, up to two priority tags, IPv4 with options, IPv6 with extension
 * headers, UDP. Serves XDP and TC alike; after this stage only offsets and values are used.
 * Lengths are judged for UDP only: what is not UDP is none of our business and must pass as it is
 * (a BIG TCP packet carries a total length of 0, for instance).
 */
#ifndef RF_BPF_PARSE_H
#define RF_BPF_PARSE_H

#include "packet.h"

enum rf_parsed {
	RF_PARSED_GO_ON,
	RF_PARSED_UDP, /* ports, payload offset and length are set */
	RF_PARSED_FRAGMENT, /* of a UDP datagram; ports are set in the first one only */
	RF_PARSED_ICMP, /* .l4_off is set, whole packet */
	RF_PARSED_OTHER,
	RF_PARSED_UNSUPPORTED, /* link layer that is not looked into */
	RF_PARSED_OTHER_VLAN, /* not this device's: the stack gives it to the VLAN's, or to nobody */
	RF_PARSED_NOT_LINEAR, /* the packet is long enough, its linear part is not */
	RF_PARSED_TRUNCATED,
	RF_PARSED_BAD,
};

#define RF_VLAN_ID 0xfff /* 0: a priority tag, IEEE 802.1Q 9.6 */

struct rf_vlan_hdr {
	__be16 tci;
	__be16 proto;
};

/* Common to the IPv6 extension headers that are walked over: none is shorter than this. */
struct rf_ext_hdr {
	__u8 next;
	__u8 len; /* in 8 bytes, beyond the first 8; fragment header: reserved */
	__be16 frag; /* fragment header only; routing header: type, segments left */
	__be32 id;
};

static __always_inline enum rf_parsed rf_too_short(const struct rf_pkt *p, __u32 wanted)
{
	return wanted <= p->frame_len ? RF_PARSED_NOT_LINEAR : RF_PARSED_TRUNCATED;
}

static __always_inline bool rf_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* RF_PARSED_GO_ON: .l3_off and *proto are set. */
static __always_inline enum rf_parsed rf_parse_eth(void *data, void *end, struct rf_pkt *p,
						   __be16 *proto)
{
	struct ethhdr *eth = data;
	__u32 off = sizeof(*eth);
	int i;

	if ((void *)(eth + 1) > end)
		return rf_too_short(p, off);
	*proto = eth->h_proto;
	for (i = 0; i < RF_VLANS_MAX; i++) {
		struct rf_vlan_hdr *tag = data + off;

		if (!rf_is_vlan(*proto))
			break;
		if ((void *)(tag + 1) > end)
			return rf_too_short(p, off + sizeof(*tag));
		if (tag->tci & bpf_htons(RF_VLAN_ID))
			return RF_PARSED_OTHER_VLAN;
		p->tags++;
		*proto = tag->proto;
		off += sizeof(*tag);
	}
	p->l3_off = off;
	if (rf_is_vlan(*proto) || *proto == bpf_htons(ETH_P_PPP_SES) ||
	    *proto == bpf_htons(ETH_P_MPLS_UC))
		return RF_PARSED_UNSUPPORTED;
	return RF_PARSED_GO_ON;
}

static __always_inline enum rf_parsed rf_parse_udp(void *data, void *end, struct rf_pkt *p,
						   __u32 off)
{
	__u32 l3_end = p->l3_off + p->len, ulen;
	struct udphdr *udp = data + off;

	p->proto = IPPROTO_UDP;
	p->l4_off = off;
	if (off + sizeof(*udp) > l3_end)
		return RF_PARSED_TRUNCATED;
	if ((void *)(udp + 1) > end)
		return rf_too_short(p, off + sizeof(*udp));
	p->src.port = udp->source;
	p->dst.port = udp->dest;
	if (p->flags & RF_PKT_FRAGMENT)
		return RF_PARSED_FRAGMENT;
	ulen = bpf_ntohs(udp->len);
	if (ulen < sizeof(*udp))
		return RF_PARSED_BAD;
	if (off + ulen > l3_end)
		return RF_PARSED_TRUNCATED;
	p->pay_len = ulen - sizeof(*udp);
	return RF_PARSED_UDP;
}

/* RFC 791 3.1; kinds with their copied bit and class */
#define RF_IPOPT_END	 0
#define RF_IPOPT_NOOP	 1
#define RF_IPOPT_LSRR	 131
#define RF_IPOPT_SSRR	 137
#define RF_IP4_OPTS_MAX	 40
#define RF_IP4_OPTS_ROOM 64 /* a power of two, to index by */

/*
 * LSRR or SSRR among the options (RFC 791 3.1), or options that cannot be read: the stack refuses both
 * (accept_source_route is off). .n: bytes of .opts, a multiple of 4
 */
static __always_inline bool rf_opts_source_routed(const __u8 *opts, __u32 n)
{
	__u32 at = 0, len, kind;
	int i;

	for (i = 0; i < RF_IP4_OPTS_MAX; i++) {
		if (at >= n)
			return false;
		kind = opts[at];
		if (kind == RF_IPOPT_LSRR || kind == RF_IPOPT_SSRR)
			return true;
		if (kind == RF_IPOPT_END)
			return false;
		len = 1;
		if (kind != RF_IPOPT_NOOP) {
			len = opts[(at + 1) & (RF_IP4_OPTS_ROOM - 1)];
			if (len < 2)
				return true;
		}
		if (len > n - at)
			return true;
		at = (at + len) & (RF_IP4_OPTS_ROOM - 1);
		RF_BARRIER(at);
	}
	return false;
}

/* The same number, in the only shape that the verifier of 6.1 takes: as in rf_punt_copy() */
static __always_inline __u32 rf_opts_len(__u32 n)
{
	n--;
	RF_BARRIER(n);
	n &= RF_IP4_OPTS_ROOM - 1;
	RF_BARRIER(n);
	return n + 1;
}

/* Global functions, verified once: the walk over the options would multiply with what comes next. */
__noinline bool rf_source_routed_xdp(struct xdp_md *ctx, __u32 off, __u32 n)
{
	__u8 opts[RF_IP4_OPTS_ROOM] = {};

	if (!n || n > RF_IP4_OPTS_MAX)
		return true;
	n = rf_opts_len(n);
	return bpf_xdp_load_bytes(ctx, off, opts, n) || rf_opts_source_routed(opts, n);
}

__noinline bool rf_source_routed_skb(struct __sk_buff *skb, __u32 off, __u32 n)
{
	__u8 opts[RF_IP4_OPTS_ROOM] = {};

	if (!n || n > RF_IP4_OPTS_MAX)
		return true;
	n = rf_opts_len(n);
	return bpf_skb_load_bytes(skb, off, opts, n) || rf_opts_source_routed(opts, n);
}

static __always_inline enum rf_parsed rf_parse_ipv4(void *ctx, const bool xdp, void *data,
						    void *end, struct rf_pkt *p, __u32 off)
{
	struct iphdr *ip = data + off;
	__u32 ihl, frag;

	if ((void *)(ip + 1) > end)
		return rf_too_short(p, off + sizeof(*ip));
	rf_addr_v4(&p->src.addr, ip->saddr);
	rf_addr_v4(&p->dst.addr, ip->daddr);
	p->flags |= RF_PKT_ADDRS;
	p->proto = ip->protocol;
	p->ttl = ip->ttl;
	p->len = bpf_ntohs(ip->tot_len);
	if (p->proto != IPPROTO_UDP && p->proto != IPPROTO_ICMP)
		return RF_PARSED_OTHER;
	ihl = ip->ihl * 4;
	if (ip->version != 4 || ihl < sizeof(*ip) || p->len < ihl)
		return RF_PARSED_BAD;
	if (off + p->len > p->frame_len)
		return RF_PARSED_TRUNCATED;
	frag = bpf_ntohs(ip->frag_off);
	if (ihl > sizeof(*ip) &&
	    (xdp ? rf_source_routed_xdp(ctx, off + sizeof(*ip), ihl - sizeof(*ip))
		 : rf_source_routed_skb(ctx, off + sizeof(*ip), ihl - sizeof(*ip))))
		p->flags |= RF_PKT_SOURCE_ROUTED;
	if (frag & IP_DF)
		p->flags |= RF_PKT_DF;
	if (frag & (IP_MF | IP_OFFSET)) {
		if (p->proto != IPPROTO_UDP)
			return RF_PARSED_OTHER;
		p->flags |= RF_PKT_FRAGMENT;
		p->frag_id = bpf_htonl(bpf_ntohs(ip->id));
		p->frag_proto = IPPROTO_UDP;
		if (frag & IP_OFFSET)
			return RF_PARSED_FRAGMENT;
		p->flags |= RF_PKT_FIRST;
	}
	off += ihl;
	if (p->proto == IPPROTO_UDP)
		return rf_parse_udp(data, end, p, off);
	p->l4_off = off;
	return RF_PARSED_ICMP;
}

static __always_inline bool rf_is_exthdr(__u8 next)
{
	return next == NEXTHDR_HOP || next == NEXTHDR_ROUTING || next == NEXTHDR_DEST ||
	       next == NEXTHDR_FRAGMENT;
}

/* RF_PARSED_GO_ON: *next and *off are behind the last extension header. */
static __always_inline enum rf_parsed rf_parse_exthdrs(void *data, void *end, struct rf_pkt *p,
						       __u32 *off, __u8 *next)
{
	int i;

	for (i = 0; i < RF_EXTHDRS_MAX; i++) {
		struct rf_ext_hdr *x = data + *off;
		__u8 kind = *next;

		if (!rf_is_exthdr(kind))
			return RF_PARSED_GO_ON;
		if ((void *)(x + 1) > end)
			return rf_too_short(p, *off + sizeof(*x));
		*next = x->next;
		if (kind == NEXTHDR_FRAGMENT) {
			__u32 frag = bpf_ntohs(x->frag);

			*off += sizeof(*x);
			if (!(frag & (IP6_OFFSET | IP6_MF)))
				continue; /* atomic fragment: a whole packet, RFC 6946 */
			p->flags |= RF_PKT_FRAGMENT;
			p->frag_id = x->id;
			p->frag_proto = x->next;
			if (frag & IP6_OFFSET)
				return x->next == IPPROTO_UDP || rf_is_exthdr(x->next)
					       ? RF_PARSED_FRAGMENT
					       : RF_PARSED_OTHER;
			p->flags |= RF_PKT_FIRST;
			continue;
		}
		/* Segments left: the address in the header is not the destination yet. */
		if (kind == NEXTHDR_ROUTING && (bpf_ntohs(x->frag) & 0xff))
			p->flags |= RF_PKT_SOURCE_ROUTED;
		*off += (x->len + 1) * 8;
		if (*off > RF_HDRS_MAX)
			return RF_PARSED_BAD;
	}
	return rf_is_exthdr(*next) ? RF_PARSED_BAD : RF_PARSED_GO_ON;
}

static __always_inline enum rf_parsed rf_parse_ipv6(void *data, void *end, struct rf_pkt *p,
						    __u32 off)
{
	struct ipv6hdr *ip6 = data + off;
	enum rf_parsed r;
	__u8 next;

	if ((void *)(ip6 + 1) > end)
		return rf_too_short(p, off + sizeof(*ip6));
	rf_addr_v6(&p->src.addr, &ip6->saddr);
	rf_addr_v6(&p->dst.addr, &ip6->daddr);
	/* on the wire such an address is nobody's (the stack drops it), and here it is IPv4's key */
	if (rf_addr_is_v4(&p->src.addr) || rf_addr_is_v4(&p->dst.addr))
		return RF_PARSED_OTHER;
	p->flags |= RF_PKT_ADDRS | RF_PKT_V6 | RF_PKT_DF;
	p->ttl = ip6->hop_limit;
	p->len = sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
	next = ip6->nexthdr;
	if (ip6->version != 6)
		return next == IPPROTO_UDP ? RF_PARSED_BAD : RF_PARSED_OTHER;
	off += sizeof(*ip6);
	r = rf_parse_exthdrs(data, end, p, &off, &next);
	p->proto = next;
	/* RFC 7112: all headers are in the first fragment, not in what follows it in the frame */
	if (r == RF_PARSED_GO_ON && (p->flags & RF_PKT_FRAGMENT) && off > (__u32)p->l3_off + p->len)
		return RF_PARSED_TRUNCATED;
	if (r == RF_PARSED_GO_ON && next != IPPROTO_UDP && next != IPPROTO_ICMPV6) {
		if (next == IPPROTO_TCP)
			p->l4_off = off;
		return RF_PARSED_OTHER;
	}
	if (r != RF_PARSED_GO_ON && r != RF_PARSED_FRAGMENT)
		return r;
	if (p->l3_off + p->len > p->frame_len)
		return RF_PARSED_TRUNCATED;
	if (r == RF_PARSED_FRAGMENT)
		return r;
	if (next == IPPROTO_UDP)
		return rf_parse_udp(data, end, p, off);
	if (p->flags & RF_PKT_FRAGMENT)
		return RF_PARSED_OTHER;
	p->l4_off = off;
	return RF_PARSED_ICMP;
}

/*
 * IPv6 by global functions, verified once and with any .p: what its extension headers are does not multiply
 * with what comes next.
 */
__noinline enum rf_parsed rf_parse_ipv6_xdp(struct xdp_md *ctx, struct rf_pkt *p)
{
	return p && p->l3_off <= RF_L2_MAX
		       ? rf_parse_ipv6((void *)(long)ctx->data, (void *)(long)ctx->data_end, p,
				       p->l3_off)
		       : RF_PARSED_BAD;
}

__noinline enum rf_parsed rf_parse_ipv6_skb(struct __sk_buff *skb, struct rf_pkt *p)
{
	return p && p->l3_off <= RF_L2_MAX
		       ? rf_parse_ipv6((void *)(long)skb->data, (void *)(long)skb->data_end, p,
				       p->l3_off)
		       : RF_PARSED_BAD;
}

static __always_inline enum rf_parsed rf_parse_l3(void *ctx, const bool xdp, void *data, void *end,
						  struct rf_pkt *p, __be16 proto)
{
	__u32 off = p->l3_off;

	if (proto == bpf_htons(ETH_P_IPV6))
		return xdp ? rf_parse_ipv6_xdp(ctx, p) : rf_parse_ipv6_skb(ctx, p);
	if (proto != bpf_htons(ETH_P_IP) || off > RF_L2_MAX)
		return RF_PARSED_OTHER;
	return rf_parse_ipv4(ctx, xdp, data, end, p, off);
}

static __always_inline enum rf_parsed rf_parse_xdp(struct xdp_md *ctx, struct rf_pkt *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	enum rf_parsed r;
	__be16 proto = 0;

	p->frame_len = bpf_xdp_get_buff_len(ctx);
	p->ifindex = ctx->ingress_ifindex;
	r = rf_parse_eth(data, end, p, &proto);
	return r == RF_PARSED_GO_ON ? rf_parse_l3(ctx, true, data, end, p, proto) : r;
}

/* The outermost tag of a received frame is in the metadata by the time that TC sees it. */
static __always_inline bool rf_other_vlan(const struct __sk_buff *skb)
{
	return skb->vlan_present && (skb->vlan_tci & RF_VLAN_ID);
}

static __always_inline enum rf_parsed rf_parse_linear(struct __sk_buff *skb, struct rf_pkt *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	enum rf_parsed r = RF_PARSED_GO_ON;
	__be16 proto = skb->protocol;

	p->tags = 0;
	p->l3_off = 0;
	/* not what was parsed */
	p->flags &= RF_PKT_NO_ETH | RF_PKT_AGAIN | RF_PKT_MISS | RF_PKT_LINK_MANY;
	if (rf_other_vlan(skb))
		return RF_PARSED_OTHER_VLAN;
	if (!(p->flags & RF_PKT_NO_ETH))
		r = rf_parse_eth(data, end, p, &proto);
	return r == RF_PARSED_GO_ON ? rf_parse_l3(skb, false, data, end, p, proto) : r;
}

/* Once more, with the headers in its linear part. */
__noinline enum rf_parsed rf_parse_pulled(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_parsed r;

	if (!p || bpf_skb_pull_data(skb, p->frame_len < RF_PULL_MAX ? p->frame_len : RF_PULL_MAX))
		return RF_PARSED_TRUNCATED;
	r = rf_parse_linear(skb, p);
	return r == RF_PARSED_NOT_LINEAR ? RF_PARSED_TRUNCATED : r;
}

static __always_inline enum rf_parsed rf_parse_skb(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_parsed r;

	p->frame_len = skb->len;
	p->ifindex = skb->ifindex;
	r = rf_parse_linear(skb, p);
	return r == RF_PARSED_NOT_LINEAR ? rf_parse_pulled(skb, p) : r;
}

#endif
