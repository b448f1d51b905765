/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is a packet at a WAN device to us? Ingress: to a guarded address? Egress: from this
 * host's own guarded address? Answers which stage comes next, and no more.
 */
#ifndef RF_BPF_WAN_H
#define RF_BPF_WAN_H

#include "bystander.h"
#include "classify.h"
#include "find.h"
#include "glance.h"
#include "guard.h"
#include "l2.h"
#include "parse.h"
#include "stage.h"

/* No pinhole takes it. .ifindex: of the device at hand */
static __always_inline enum rf_kind rf_wan_in_miss_kind(const struct rf_ep *dst, __u32 ifindex,
							__u32 hook)
{
	struct rf_range ports;

	switch (rf_guarded_as(&dst->addr, &ports)) {
	case RF_GUARDED: break;
	case RF_GUARDED_NAT: return hook == RF_HOOK_WAN_IN ? RF_KIND_DIRECT : RF_KIND_OTHER;
	default: return RF_KIND_OTHER;
	}
	if (rf_sip_port(dst->port))
		return rf_sip_kind(dst);
	return rf_media_port(&ports, ifindex, dst->port) ? RF_KIND_STRAY : RF_KIND_UNGUARDED;
}

/* By its ports, which a first fragment has, too */
static __always_inline enum rf_kind rf_wan_in_kind(struct rf_pkt *p)
{
	return rf_pinhole_find(p, &p->dst, RF_DIR_IN)
		       ? rf_kind_of_hit(p)
		       : rf_wan_in_miss_kind(&p->dst, p->ifindex, p->hook);
}

/* A whole datagram, or the first fragment of one. What the stack would refuse is delivered by nobody. */
static __always_inline enum rf_stage rf_wan_in_ports(struct rf_pkt *p)
{
	enum rf_kind kind = rf_wan_in_kind(p);

	if ((p->flags & RF_PKT_SOURCE_ROUTED) && (kind == RF_KIND_SIP || kind == RF_KIND_MEDIA)) {
		if (!(p->flags & RF_PKT_FRAGMENT))
			return rf_decided(p, RF_R_SOURCE_ROUTED);
		kind = RF_KIND_STRAY;
	}
	if (kind == RF_KIND_SIP && p->hook == RF_HOOK_WAN_IN && rf_source_spoofed(p))
		return rf_decided(p, RF_R_SPOOFED_SOURCE);
	return rf_stage_of_kind(p, kind);
}

/* To a private inside address; not UDP with ports to be judged by. ICMP is none of our business here. */
static __always_inline enum rf_stage rf_wan_in_direct(struct rf_pkt *p, enum rf_parsed parsed)
{
	if (parsed == RF_PARSED_FRAGMENT)
		return RF_STAGE_DIRECT;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		return rf_decided(p, RF_R_NOT_OURS);
	p->reason = parsed == RF_PARSED_BAD ? RF_R_BAD_HEADER : RF_R_TRUNCATED;
	return RF_STAGE_DIRECT;
}

static __always_inline enum rf_stage rf_wan_in_stage(struct rf_pkt *p, enum rf_parsed parsed)
{
	enum rf_guarded_as as;
	struct rf_range ports;

	if (parsed == RF_PARSED_UDP)
		return rf_wan_in_ports(p);
	if (p->hook == RF_HOOK_WAN_IN && rf_is_tcp(p, parsed))
		return RF_STAGE_TCP;
	if (parsed == RF_PARSED_UNSUPPORTED)
		return rf_decided(p, RF_R_UNSUPPORTED_L2);
	if (parsed == RF_PARSED_OTHER_VLAN)
		return rf_decided(p, RF_R_OTHER_VLAN);
	if (parsed == RF_PARSED_OTHER || !(p->flags & RF_PKT_ADDRS))
		return rf_decided(p, RF_R_NOT_OURS);
	as = rf_guarded_as(&p->dst.addr, &ports);
	if (as == RF_GUARDED_NAT && p->hook == RF_HOOK_WAN_IN)
		return rf_wan_in_direct(p, parsed);
	if (as != RF_GUARDED)
		return rf_decided(p, RF_R_NOT_OURS);
	switch (parsed) {
	case RF_PARSED_FRAGMENT:
		return p->flags & RF_PKT_FIRST ? rf_wan_in_ports(p) : RF_STAGE_FRAGMENT;
	case RF_PARSED_ICMP:
		return p->flags & RF_PKT_SOURCE_ROUTED ? rf_decided(p, RF_R_NOT_OURS)
						       : RF_STAGE_ICMP;
	case RF_PARSED_NOT_LINEAR: /* XDP only: TC can make it linear */
		return rf_decided(p, RF_R_TO_TC);
	case RF_PARSED_BAD: return rf_decided(p, RF_R_BAD_HEADER);
	default: return rf_decided(p, RF_R_TRUNCATED);
	}
}

/* No pinhole takes it. .ifindex: of the device at hand; .g: of its source, NULL: none */
static __always_inline enum rf_kind rf_wan_out_miss_kind(const struct rf_ep *src,
							 const struct rf_ep *dst, __u32 ifindex,
							 const struct rf_guard *g)
{
	struct rf_range ports;

	if (!g)
		return RF_KIND_OTHER;
	if (rf_sip_port(dst->port) || rf_sip_port(src->port))
		return rf_sip_kind(src);
	ports.lo = g->port_lo;
	ports.hi = g->port_hi;
	ports.ifindex = g->ifindex;
	return rf_media_port(&ports, ifindex, src->port) ? RF_KIND_STRAY : RF_KIND_UNGUARDED;
}

static __always_inline enum rf_kind rf_wan_out_kind(struct rf_pkt *p, const struct rf_guard *g)
{
	return rf_pinhole_find(p, &p->src, RF_DIR_OUT)
		       ? rf_kind_of_hit(p)
		       : rf_wan_out_miss_kind(&p->src, &p->dst, p->ifindex, g);
}

static __always_inline enum rf_stage rf_wan_out_stage(struct rf_pkt *p, enum rf_parsed parsed)
{
	struct rf_guard *g;

	if (rf_is_tcp(p, parsed))
		return RF_STAGE_TCP;
	if (parsed == RF_PARSED_OTHER_VLAN)
		return rf_decided(p, RF_R_OTHER_VLAN);
	if ((parsed != RF_PARSED_UDP && parsed != RF_PARSED_FRAGMENT) ||
	    (p->flags & RF_PKT_SOURCE_ROUTED))
		return rf_decided(p, RF_R_NOT_OURS);
	g = rf_guard_get(&p->src.addr);
	if (parsed == RF_PARSED_FRAGMENT && !g)
		return rf_decided(p, RF_R_NOT_OURS);
	if (parsed == RF_PARSED_FRAGMENT && !(p->flags & RF_PKT_FIRST))
		return RF_STAGE_FRAGMENT;
	return rf_stage_of_kind(p, rf_wan_out_kind(p, g));
}

/*
 * Forwarded, and still with a private source behind every NAT rule of the host's own? A WAN's own private address
 * is none: that is what was translated to. *a: the source
 */
static __always_inline bool rf_source_private(struct __sk_buff *skb, struct rf_addr *a)
{
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		a->w[2] = bpf_htonl(0xffff);
		if (bpf_skb_load_bytes_relative(skb, offsetof(struct iphdr, saddr), &a->w[3], 4,
						BPF_HDR_START_NET))
			return false;
	} else if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		   bpf_skb_load_bytes_relative(skb, offsetof(struct ipv6hdr, saddr), a, 16,
					       BPF_HDR_START_NET)) {
		return false;
	}
	return rf_mode_by_addr(a) == RF_MODE_NAT && !rf_guard_get(a);
}

enum rf_leaving {
	RF_LEAVING_PLAIN, /* no UDP, and its source in a plain frame is not private */
	RF_LEAVING_UDP, /* the same of UDP */
	RF_LEAVING_LOOK, /* that is not plain to see */
};

/* Was it marked where it came in? It means nothing to others, nor to an instance at the other end of a veth pair. */
static __always_inline bool rf_unmark_delivered(struct __sk_buff *skb)
{
	if (skb->tc_index != RF_TC_DELIVERED)
		return false;
	skb->tc_index = 0;
	return true;
}

/* What a packet shows at the first look. Nearly all that leave here are plain. */
static __always_inline enum rf_leaving rf_leaving(struct __sk_buff *skb)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	const struct iphdr *ip = (void *)(eth + 1);
	struct rf_addr a;

	/* both, as devices without an Ethernet header have something else in its place */
	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    (void *)(ip + 1) > (void *)(long)skb->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return RF_LEAVING_LOOK;
	rf_addr_v4(&a, ip->saddr);
	if (rf_mode_by_addr(&a) == RF_MODE_NAT)
		return RF_LEAVING_LOOK;
	return ip->protocol == IPPROTO_UDP ? RF_LEAVING_UDP : RF_LEAVING_PLAIN;
}

/* Endpoints of forwarded UDP, of its first fragment at least; headers are only read. */
static __always_inline bool rf_forwarded_ends(struct __sk_buff *skb, struct rf_pkt *p)
{
	__be16 ports[2];
	struct ipv6hdr ip6;
	struct iphdr ip;
	__u32 l4;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET) ||
		    ip.protocol != IPPROTO_UDP || ip.frag_off & bpf_htons(IP_OFFSET))
			return false;
		rf_addr_v4(&p->src.addr, ip.saddr);
		rf_addr_v4(&p->dst.addr, ip.daddr);
		l4 = ip.ihl * 4;
	} else {
		/* behind extension headers no bystander is found in practice */
		if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		    bpf_skb_load_bytes_relative(skb, 0, &ip6, sizeof(ip6), BPF_HDR_START_NET))
			return false;
		l4 = sizeof(ip6);
		if (ip6.nexthdr == NEXTHDR_FRAGMENT) {
			struct rf_ext_hdr x;

			if (bpf_skb_load_bytes_relative(skb, l4, &x, sizeof(x),
							BPF_HDR_START_NET) ||
			    x.frag & bpf_htons(IP6_OFFSET))
				return false;
			ip6.nexthdr = x.next;
			l4 += sizeof(x);
		}
		if (ip6.nexthdr != IPPROTO_UDP)
			return false;
		rf_addr_v6(&p->src.addr, &ip6.saddr);
		rf_addr_v6(&p->dst.addr, &ip6.daddr);
		p->flags |= RF_PKT_V6;
	}
	if (bpf_skb_load_bytes_relative(skb, l4, ports, sizeof(ports), BPF_HDR_START_NET))
		return false;
	p->src.port = ports[0];
	p->dst.port = ports[1];
	return true;
}

static __always_inline bool rf_from_guarded_port(const struct rf_ep *src, __u32 ifindex)
{
	struct rf_range ports;

	return rf_guarded(&src->addr, &ports) && rf_media_port(&ports, ifindex, src->port);
}

/*
 * Is it forwarded UDP that comes from a guarded port? Its endpoints are in the context then. A function of its own for
 * its stack, which is not that of rf_flow_leaves() then.
 */
__noinline bool rf_forwarded_guarded(struct __sk_buff *skb)
{
	struct rf_glance g = {};
	struct rf_pkt *p;

	if (rf_glance(skb, &g, RF_GLANCE_ALL)) {
		if (!g.udp || !rf_from_guarded_port(&g.src, skb->ifindex))
			return false;
		p = rf_pkt_begin(RF_HOOK_WAN_OUT);
		if (!p)
			return false;
		p->src = g.src;
		p->dst = g.dst;
		p->flags |= g.v6 ? RF_PKT_V6 : 0;
		return true;
	}
	p = rf_pkt_begin(RF_HOOK_WAN_OUT);
	return p && rf_forwarded_ends(skb, p) && rf_from_guarded_port(&p->src, skb->ifindex);
}

/*
 * Forwarded UDP passes whatever it is: here it only becomes known, so that what answers it does, too. What a WAN
 * device brought and another one (or the same) takes away was sent by nobody of ours, whatever source it shows.
 */
__noinline int rf_forwarded_udp(struct __sk_buff *skb)
{
	if (rf_forwarded_guarded(skb) && !rf_device_is(skb->ingress_ifindex, RF_DEV_WAN))
		rf_flow_leaves(skb, rf_pkt_at(RF_HOOK_WAN_OUT));
	return TC_ACT_UNSPEC;
}

/*
 * Packets that this host forwards were judged where they came in. One kind shows only here, behind
 * the host's own NAT rules: RTP of an inside host to be translated that was sent before any call
 * agreed on it. Nobody could answer it, and it would show a private address to the world.
 */
static __always_inline enum rf_reason rf_wan_out_forwarded(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_media m = {};
	struct rf_inside *in;

	if (!rf_source_private(skb, &p->src.addr)) {
		rf_forwarded_udp(skb);
		return RF_R_NONE;
	}
	rf_device_shape(skb, p);
	if (rf_parse_skb(skb, p) != RF_PARSED_UDP)
		return RF_R_NONE;
	in = rf_inside_get(&p->src.addr);
	if (!in || rf_inside_mode(in, &p->src.addr) != RF_MODE_NAT ||
	    !rf_ports_of_media(bpf_ntohs(p->src.port), bpf_ntohs(p->dst.port)))
		return RF_R_NONE;
	rf_classify(skb, false, p, RF_CLASS_RTP | RF_CLASS_RTCP, &m);
	return m.cls & (RF_CLASS_RTP | RF_CLASS_RTCP) ? RF_R_UNTRANSLATED : RF_R_NONE;
}

#endif
