/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is a packet at a WAN device to us? Ingress: to a guarded address? Egress: from this
 * host's own guarded address? Answers which stage comes next, and no more.
 */
#ifndef RF_BPF_WAN_H
#define RF_BPF_WAN_H

#include "frag.h"
#include "pinhole.h"

enum rf_stage {
	RF_STAGE_DECIDED, /* the reason is set */
	RF_STAGE_MEDIA,
	RF_STAGE_SIP,
	RF_STAGE_FRAGMENT,
	RF_STAGE_ICMP,
};

static __always_inline int rf_decided(__u32 *reason, __u32 r)
{
	*reason = r;
	return RF_STAGE_DECIDED;
}

/*
 * Behind generic XDP the kernel may hand over a copy of the frame that forgot its mac_len, so that
 * the packet starts at the L3 header although the device has a link layer.
 */
static __always_inline bool rf_starts_at_l3(struct __sk_buff *skb)
{
	__u32 here[5] = {}, net[5] = {};

	return !bpf_skb_load_bytes(skb, 0, here, sizeof(here)) &&
	       !bpf_skb_load_bytes_relative(skb, 0, net, sizeof(net), BPF_HDR_START_NET) &&
	       here[0] == net[0] && here[1] == net[1] && here[2] == net[2] && here[3] == net[3] &&
	       here[4] == net[4];
}

static __always_inline void rf_device_shape(struct __sk_buff *skb, struct rf_pkt *p)
{
	const __u8 *first = (void *)(long)skb->data;
	__u32 ifindex = skb->ifindex;
	struct rf_device *d;

	/* what does not start like an IP header has a link layer header in front of one */
	if ((void *)(first + 1) <= (void *)(long)skb->data_end && *first >> 4 != 4 &&
	    *first >> 4 != 6)
		return;
	d = bpf_map_lookup_elem(&devices, &ifindex);
	if (d &&
	    ((d->flags & RF_DEV_L3) || ((d->flags & RF_DEV_XDP_GENERIC) && rf_starts_at_l3(skb))))
		p->flags |= RF_PKT_NO_ETH;
}

/* A release to this host, sent round by lo: arrives as if it had just been received. */
static __always_inline bool rf_injected(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();

	if (!skb->mark || !c || skb->mark != c->inject_mark)
		return false;
	skb->mark = 0;
	/* its Ethernet header is lo's, so the kernel took it for somebody else's */
	bpf_skb_change_type(skb, PACKET_HOST);
	return true;
}

/* From an inside host to another by way of our public address, or given back after parking: judged
 * like any packet that comes in here. */
static __always_inline bool rf_hairpinned(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();

	if (!skb->mark || !c || !c->inject_mark || skb->mark != RF_HAIRPIN_MARK(c->inject_mark))
		return false;
	skb->mark = 0;
	bpf_skb_change_type(skb, PACKET_HOST);
	return true;
}

/* The controller names the device by SO_MARK; anything else on lo is not touched. */
static __always_inline int rf_inject(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();
	__u32 ifindex = skb->mark;
	enum rf_sender sender;

	if (!ifindex || !c || !c->inject_mark)
		return TC_ACT_UNSPEC;
	sender = rf_sender_of(skb);
	if (sender == RF_SENDER_OTHER ||
	    !(rf_device_is(ifindex, RF_DEV_WAN) ||
	      (sender == RF_SENDER_AGAIN && rf_device_is(ifindex, RF_DEV_INSIDE))))
		return TC_ACT_UNSPEC;
	skb->mark = sender == RF_SENDER_AGAIN ? RF_HAIRPIN_MARK(c->inject_mark) : c->inject_mark;
	return bpf_redirect(ifindex, BPF_F_INGRESS);
}

static __always_inline int rf_wan_in_udp(struct rf_pkt *p, struct rf_hit *h, __u32 *reason)
{
	struct rf_range ports;

	if (rf_pinhole_find(p, &p->dst, RF_DIR_IN, h)) {
		/* the stack takes it, so TC judges it: once is enough */
		if (p->hook == RF_HOOK_WAN_XDP && (h->ph->flags & RF_PH_LOCAL))
			return rf_decided(reason, RF_R_TO_TC);
		return h->ph->classes & RF_CLASS_SIP ? RF_STAGE_SIP : RF_STAGE_MEDIA;
	}
	if (!rf_guarded(&p->dst.addr, &ports))
		return rf_decided(reason, RF_R_NOT_OURS);
	if (rf_sip_port(p->dst.port))
		return RF_STAGE_SIP;
	return rf_decided(reason,
			  rf_range_has(&ports, p->dst.port) ? RF_R_NO_PINHOLE : RF_R_NOT_GUARDED);
}

/* .parsed: enum rf_parsed */
static __always_inline int rf_wan_in_stage(struct rf_pkt *p, int parsed, struct rf_hit *h,
					   __u32 *reason)
{
	struct rf_range ports;

	if (parsed == RF_PARSED_UDP)
		return rf_wan_in_udp(p, h, reason);
	if (parsed == RF_PARSED_UNSUPPORTED)
		return rf_decided(reason, RF_R_UNSUPPORTED_L2);
	if (parsed == RF_PARSED_OTHER || !(p->flags & RF_PKT_ADDRS) ||
	    !rf_guarded(&p->dst.addr, &ports))
		return rf_decided(reason, RF_R_NOT_OURS);
	switch (parsed) {
	case RF_PARSED_FRAGMENT: return RF_STAGE_FRAGMENT;
	case RF_PARSED_ICMP: return RF_STAGE_ICMP;
	case RF_PARSED_NOT_LINEAR: /* XDP only: TC can make it linear */
		return rf_decided(reason, RF_R_TO_TC);
	case RF_PARSED_BAD: return rf_decided(reason, RF_R_BAD_HEADER);
	default: return rf_decided(reason, RF_R_TRUNCATED);
	}
}

static __always_inline __u32 rf_wan_in_fragment(struct __sk_buff *skb, struct rf_pkt *p)
{
	__u32 verdict = RF_FRAG_PASS;
	struct rf_range ports;
	struct rf_hit h;

	if (!(p->flags & RF_PKT_FIRST))
		return rf_frag_later(skb, p);
	if (rf_pinhole_find(p, &p->dst, RF_DIR_IN, &h))
		verdict = h.ph->classes & RF_CLASS_SIP ? RF_FRAG_SIP : RF_FRAG_MEDIA;
	else if (rf_sip_port(p->dst.port))
		verdict = RF_FRAG_SIP;
	else if (rf_guarded(&p->dst.addr, &ports) && rf_range_has(&ports, p->dst.port))
		verdict = RF_FRAG_MEDIA;
	return rf_frag_first(skb, p, verdict);
}

static __always_inline int rf_wan_out_stage(struct rf_pkt *p, int parsed, struct rf_hit *h,
					    __u32 *reason)
{
	struct rf_guard *g;
	struct rf_range ports;

	if (parsed != RF_PARSED_UDP && parsed != RF_PARSED_FRAGMENT)
		return rf_decided(reason, RF_R_NOT_OURS);
	g = bpf_map_lookup_elem(&guards, &p->src.addr);
	if (parsed == RF_PARSED_FRAGMENT)
		return g ? RF_STAGE_FRAGMENT : rf_decided(reason, RF_R_NOT_OURS);
	if (rf_pinhole_find(p, &p->src, RF_DIR_OUT, h))
		return h->ph->classes & RF_CLASS_SIP ? RF_STAGE_SIP : RF_STAGE_MEDIA;
	if (!g)
		return rf_decided(reason, RF_R_NOT_OURS);
	if (rf_sip_port(p->dst.port) || rf_sip_port(p->src.port))
		return RF_STAGE_SIP;
	ports.lo = g->port_lo;
	ports.hi = g->port_hi;
	return rf_decided(reason,
			  rf_range_has(&ports, p->src.port) ? RF_R_NO_PINHOLE : RF_R_NOT_GUARDED);
}

/* Forwarded, and still with a private source behind every NAT rule of the host's own? */
static __always_inline bool rf_source_private(struct __sk_buff *skb)
{
	struct rf_addr a = {};

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		a.w[2] = bpf_htonl(0xffff);
		if (bpf_skb_load_bytes_relative(skb, offsetof(struct iphdr, saddr), &a.w[3], 4,
						BPF_HDR_START_NET))
			return false;
	} else if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		   bpf_skb_load_bytes_relative(skb, offsetof(struct ipv6hdr, saddr), &a, 16,
					       BPF_HDR_START_NET)) {
		return false;
	}
	return rf_addr_private(&a);
}

/* What nearly every packet shows that leaves here: its source in a plain frame is not private. */
static __always_inline bool rf_plainly_public(const struct __sk_buff *skb)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	const struct iphdr *ip = (void *)(eth + 1);
	struct rf_addr a;

	/* both, as devices without an Ethernet header have something else in its place */
	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    (void *)(ip + 1) > (void *)(long)skb->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return false;
	rf_addr_v4(&a, ip->saddr);
	return !rf_addr_private(&a);
}

/*
 * Packets that this host forwards were judged where they came in. One kind shows only here, behind
 * the host's own NAT rules: RTP of an inside host to be translated that was sent before any call
 * agreed on it. Nobody could answer it, and it would show a private address to the world.
 */
static __always_inline __u32 rf_wan_out_forwarded(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_media m = {};
	struct rf_inside *in;

	if (!rf_source_private(skb))
		return RF_R_NONE;
	rf_device_shape(skb, p);
	if (rf_parse_skb(skb, p) != RF_PARSED_UDP)
		return RF_R_NONE;
	/* a WAN with a private address: that is what was translated to */
	if (bpf_map_lookup_elem(&guards, &p->src.addr))
		return RF_R_NONE;
	in = rf_inside_get(&p->src.addr);
	if (!in || rf_inside_mode(in, &p->src.addr) != RF_MODE_NAT)
		return RF_R_NONE;
	rf_classify(skb, false, p, RF_CLASS_RTP | RF_CLASS_RTCP, &m);
	return m.cls & (RF_CLASS_RTP | RF_CLASS_RTCP) ? RF_R_UNTRANSLATED : RF_R_NONE;
}

static __always_inline __u32 rf_wan_out_fragment(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_guard *g;
	__u32 verdict = RF_FRAG_PASS;
	struct rf_hit h;

	if (!(p->flags & RF_PKT_FIRST))
		return rf_frag_later(skb, p);
	g = bpf_map_lookup_elem(&guards, &p->src.addr);
	if (rf_pinhole_find(p, &p->src, RF_DIR_OUT, &h)) {
		verdict = h.ph->classes & RF_CLASS_SIP ? RF_FRAG_SIP : RF_FRAG_MEDIA;
	} else if (rf_sip_port(p->dst.port) || rf_sip_port(p->src.port)) {
		verdict = RF_FRAG_SIP;
	} else if (g) {
		struct rf_range ports = { .lo = g->port_lo, .hi = g->port_hi };

		if (rf_range_has(&ports, p->src.port))
			verdict = RF_FRAG_MEDIA;
	}
	return rf_frag_first(skb, p, verdict);
}

#endif
