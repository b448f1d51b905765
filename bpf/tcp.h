/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIP over TCP is edited by the controller, which stands in the middle of each connection. Here is
 * only the way to it and back: the SYN is held as a SIP message is, and once the controller has
 * agreed the addresses of both of its legs are exchanged for what the other side must see. Streams
 * that began before, or that nobody asked us about, pass as they are.
 */
#ifndef RF_BPF_TCP_H
#define RF_BPF_TCP_H

#include "direct.h"
#include "inside.h"
#include "punt.h"
#include "rewrite.h"

#define RF_TCP_SPORT 0
#define RF_TCP_DPORT 2
#define RF_TCP_FLAGS 13
#define RF_TCP_CHECK 16
#define RF_TCP_SYN   0x02
#define RF_TCP_ACK   0x10

#define RF_IP4_FRAG 6

/*
 * TCP of this host's own stack on its way out, for a hook that sees media, too: little is done for that.
 * Nothing is in such a frame that rf_parse_skb() is needed for, which every program pays for that calls it.
 */
static __always_inline bool rf_tcp_sent(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct ipv6hdr ip6;
	struct iphdr ip;

	p->frame_len = skb->len;
	p->ifindex = skb->ifindex;
	p->proto = IPPROTO_TCP;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET) ||
		    ip.protocol != IPPROTO_TCP)
			return false;
		rf_addr_v4(&p->src.addr, ip.saddr);
		rf_addr_v4(&p->dst.addr, ip.daddr);
	} else {
		if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
		    bpf_skb_load_bytes_relative(skb, 0, &ip6, sizeof(ip6), BPF_HDR_START_NET) ||
		    ip6.nexthdr != IPPROTO_TCP)
			return false;
		rf_addr_v6(&p->src.addr, &ip6.saddr);
		rf_addr_v6(&p->dst.addr, &ip6.daddr);
		p->flags |= RF_PKT_V6;
	}
	rf_device_shape(skb, p);
	p->l3_off = p->flags & RF_PKT_NO_ETH ? 0 : sizeof(struct ethhdr);
	if (p->flags & RF_PKT_V6)
		p->l4_off = p->l3_off + sizeof(ip6);
	return true;
}

/* Ports and where the header is; *flags: of TCP. False: a fragment, or nothing that a stack would
 * take. Of IPv6, .l4_off is set by whoever has read the headers in front of it. */
static __always_inline bool rf_tcp_parse(struct __sk_buff *skb, struct rf_pkt *p, __u8 *flags)
{
	__u32 l3 = p->l3_off;
	__be16 frag = 0, ports[2];
	__u8 first = 0;

	if (p->flags & RF_PKT_V6) {
		if (!p->l4_off || (p->flags & RF_PKT_FRAGMENT))
			return false;
	} else {
		if (bpf_skb_load_bytes(skb, l3, &first, 1) ||
		    bpf_skb_load_bytes(skb, l3 + RF_IP4_FRAG, &frag, 2) ||
		    (frag & bpf_htons(IP_MF | IP_OFFSET)) || (first & 0xf) < 5)
			return false;
		p->l4_off = l3 + (first & 0xf) * 4;
	}
	if (bpf_skb_load_bytes(skb, p->l4_off, ports, sizeof(ports)) ||
	    bpf_skb_load_bytes(skb, p->l4_off + RF_TCP_FLAGS, flags, 1))
		return false;
	p->src.port = ports[0];
	p->dst.port = ports[1];
	return true;
}

/* Does somebody outside open a connection to an inside host's signalling port? What this host itself
 * listens on is its own affair. */
static __always_inline bool rf_tcp_wanted_outside(struct rf_pkt *p)
{
	struct rf_range ports;

	if (rf_sip_excepted(&p->dst))
		return false;
	if (rf_pinhole_find(p, &p->dst, RF_DIR_IN))
		return (p->hit.ph.classes & RF_CLASS_SIP) && !(p->hit.ph.flags & RF_PH_LOCAL);
	return !rf_guard_get(&p->dst.addr) && rf_guarded(&p->dst.addr, &ports) &&
	       rf_sip_port(p->dst.port);
}

static __always_inline bool rf_tcp_wanted_inside(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_inside *in = rf_inside_get(&p->src.addr);

	if (!in || rf_inside_mode(in, &p->src.addr) == RF_MODE_HOST || rf_sip_excepted(&p->src))
		return false;
	if (!rf_sip_port(p->dst.port) &&
	    !(rf_pinhole_find(p, &p->src, RF_DIR_OUT) && (p->hit.ph.classes & RF_CLASS_SIP)))
		return false;
	return !rf_stays_inside(skb, p);
}

static __always_inline long rf_tcp_rewrite(struct __sk_buff *skb, const struct rf_pkt *p, bool dst,
					   const struct rf_ep *from, const struct rf_ep *to)
{
	__u32 check = p->l4_off + RF_TCP_CHECK;

	return rf_skb_addr(skb, p->flags & RF_PKT_V6, p->l3_off, dst, check, BPF_F_PSEUDO_HDR,
			   &from->addr, &to->addr) |
	       bpf_l4_csum_replace(skb, check, from->port, to->port, 2) |
	       bpf_skb_store_bytes(skb, p->l4_off + (dst ? RF_TCP_DPORT : RF_TCP_SPORT), &to->port,
				   2, 0);
}

static __always_inline void rf_tcp_key_set(struct rf_tcp_key *key, const struct rf_ep *remote,
					   const struct rf_ep *local)
{
	key->remote.addr = remote->addr;
	key->remote.port = remote->port;
	key->local.addr = local->addr;
	key->local.port = local->port;
}

/* By an IPv4 option; what the stack refuses is not for the controller either. */
static __always_inline bool rf_tcp_source_routed(struct __sk_buff *skb, const struct rf_pkt *p)
{
	__u32 opts = p->l3_off + sizeof(struct iphdr);

	if (p->flags & RF_PKT_V6)
		return p->flags & RF_PKT_SOURCE_ROUTED;
	return p->l4_off > opts && rf_source_routed_skb(skb, opts, p->l4_off - opts);
}

/* The first fragment of what rf_tcp_parse() does not read: nobody sends SIP so, but to slip by unseen. */
static __always_inline enum rf_reason rf_tcp_unread(struct __sk_buff *skb, struct rf_pkt *p,
						    __u32 role, __u32 v6_off)
{
	__u32 l3 = p->l3_off, off = v6_off;
	__be16 frag = 0, ports[2];
	__u8 first = 0;

	if (role != RF_DEV_WAN)
		return RF_R_NOT_OURS;
	if (!(p->flags & RF_PKT_V6)) {
		if (bpf_skb_load_bytes(skb, l3, &first, 1) ||
		    bpf_skb_load_bytes(skb, l3 + RF_IP4_FRAG, &frag, 2) ||
		    (frag & bpf_htons(IP_OFFSET)) || (first & 0xf) < 5)
			return RF_R_NOT_OURS;
		off = l3 + (first & 0xf) * 4;
	}
	if (!off || bpf_skb_load_bytes(skb, off, ports, sizeof(ports)))
		return RF_R_NOT_OURS;
	p->src.port = ports[0];
	p->dst.port = ports[1];
	if (rf_direct_tcp(skb, p, true))
		return RF_R_INSIDE_DIRECT;
	return rf_tcp_wanted_outside(p) ? RF_R_TCP_FRAGMENT : RF_R_NOT_OURS;
}

/*
 * The first look at a packet: a SYN that somebody has to decide about is held. RF_R_NOT_OURS: there
 * may be a flow.
 */
static __always_inline enum rf_reason rf_tcp_begin(struct __sk_buff *skb, struct rf_pkt *p,
						   __u32 role)
{
	__u32 v6_off = p->l4_off;
	bool opening;
	__u8 flags;

	if (!rf_tcp_parse(skb, p, &flags)) {
		p->l4_off = 0;
		return rf_tcp_unread(skb, p, role, v6_off);
	}
	opening = (flags & (RF_TCP_SYN | RF_TCP_ACK)) == RF_TCP_SYN;
	if (role == RF_DEV_WAN && (opening || rf_sip_port(p->dst.port)) &&
	    rf_direct_tcp(skb, p, opening))
		return RF_R_INSIDE_DIRECT;
	if (!opening || (p->flags & RF_PKT_AGAIN))
		return RF_R_NOT_OURS;
	if (role == RF_DEV_WAN ? !rf_tcp_wanted_outside(p) : !rf_tcp_wanted_inside(skb, p))
		return RF_R_NOT_OURS;
	if (rf_tcp_source_routed(skb, p))
		return role == RF_DEV_WAN ? RF_R_SOURCE_ROUTED : RF_R_NOT_OURS;
	if (role == RF_DEV_WAN && rf_source_spoofed(p))
		return RF_R_SPOOFED_SOURCE;
	/* the controller takes it as it is on the wire */
	p->len = p->frame_len - p->l3_off;
	return rf_hold(skb, p, RF_PUNT_TCP);
}

/* reason: of rf_tcp_begin(). What passes unseen must not be led to where a controller was once. */
static __always_inline enum rf_reason rf_tcp_lead(struct __sk_buff *skb, struct rf_pkt *p,
						  __u32 role, enum rf_reason reason)
{
	struct rf_tcp_key key = { .role = role, .dir = RF_TCP_IN };
	struct rf_tcp_flow *flow;

	if (!p->l4_off)
		return RF_R_NOT_OURS;
	rf_tcp_key_set(&key, &p->src, &p->dst);
	if (reason == RF_R_SIP_AWAY_PASSED) {
		bpf_map_delete_elem(&tcp_flows, &key);
		/* and the answer, where addresses are not translated */
		rf_tcp_key_set(&key, &p->dst, &p->src);
		key.role = RF_DEV_WAN + RF_DEV_INSIDE - role;
		bpf_map_delete_elem(&tcp_flows, &key);
		return reason;
	}
	flow = bpf_map_lookup_elem(&tcp_flows, &key);
	if (!flow)
		return RF_R_NOT_OURS;
	return rf_tcp_rewrite(skb, p, true, &p->dst, &flow->to) ? RF_R_REWRITE_FAILED
								: RF_R_TCP_STEERED;
}

/* Ingress. role: enum rf_device_role of the device. */
__noinline enum rf_reason rf_tcp_in(struct __sk_buff *skb, struct rf_pkt *p, __u32 role)
{
	enum rf_reason reason;

	if (!p)
		return RF_R_NOT_OURS;
	reason = rf_tcp_begin(skb, p, role);
	if (reason != RF_R_NOT_OURS && reason != RF_R_SIP_AWAY_PASSED)
		return reason;
	return rf_tcp_lead(skb, p, role, reason);
}

/* Egress of what this host itself sends. */
__noinline enum rf_reason rf_tcp_out(struct __sk_buff *skb, struct rf_pkt *p, __u32 role)
{
	struct rf_tcp_key key = { .role = role, .dir = RF_TCP_OUT };
	struct rf_tcp_flow *flow;
	__u8 flags;

	if (!p || !rf_tcp_parse(skb, p, &flags))
		return RF_R_NOT_OURS;
	rf_tcp_key_set(&key, &p->dst, &p->src);
	flow = bpf_map_lookup_elem(&tcp_flows, &key);
	if (!flow)
		return RF_R_NOT_OURS;
	return rf_tcp_rewrite(skb, p, false, &p->src, &flow->to) ? RF_R_REWRITE_FAILED
								 : RF_R_TCP_STEERED;
}

static __always_inline enum rf_reason rf_tcp(struct __sk_buff *skb, struct rf_pkt *p)
{
	switch (p->hook) {
	case RF_HOOK_WAN_IN: return rf_tcp_in(skb, p, RF_DEV_WAN);
	case RF_HOOK_INSIDE_IN: return rf_tcp_in(skb, p, RF_DEV_INSIDE);
	default: return rf_tcp_out(skb, p, RF_DEV_WAN);
	}
}

#endif
