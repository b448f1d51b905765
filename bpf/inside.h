/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is a packet from an inside device to us? Only what leaves by a WAN device: traffic between
 * inside hosts, and to this box, is never touched.
 */
#ifndef RF_BPF_INSIDE_H
#define RF_BPF_INSIDE_H

#include "classify.h"
#include "find.h"
#include "guard.h"
#include "punt.h"
#include "route.h"
#include "stage.h"
#include "parse.h"

/*
 * To another inside host, or to this box by its public address: none of our business. The route says
 * so, not the address: a WAN with private addresses may lie in an inside prefix, too.
 */
static __always_inline bool rf_stays_inside(struct __sk_buff *skb, struct rf_pkt *p)
{
	return rf_guard_get(&p->dst.addr) || !rf_leaves_by_wan(skb, p);
}

static __always_inline enum rf_kind rf_inside_hit_kind(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_kind kind = rf_kind_of_hit(p);

	if (rf_inside_get(&p->dst.addr) && !rf_remotes_have(&p->hit, &p->dst, false) &&
	    !rf_leaves_by_wan(skb, p))
		return RF_KIND_OTHER;
	/* two inside hosts that know each other by public addresses: rf_hairpin() */
	if (rf_guard_get(&p->dst.addr) && !rf_remotes_have(&p->hit, &p->dst, false))
		return RF_KIND_OTHER;
	return kind != RF_KIND_SIP || rf_leaves_by_wan(skb, p) ? kind : RF_KIND_OTHER;
}

/* No pinhole takes it. What it is if it leaves by a WAN device */
static __always_inline enum rf_kind rf_inside_sent_kind(const struct rf_ep *src,
							const struct rf_ep *dst)
{
	struct rf_inside *in = rf_inside_get(&src->addr);
	struct rf_range ports;
	__u8 mode;

	if (!in)
		return RF_KIND_OTHER;
	mode = rf_inside_mode(in, &src->addr);
	if (mode != RF_MODE_HOST && rf_sip_port(dst->port))
		return rf_sip_kind(src);
	ports.lo = in->port_lo;
	ports.hi = in->port_hi;
	ports.ifindex = 0;
	return mode == RF_MODE_ROUTED && rf_media_port(&ports, 0, src->port) ? RF_KIND_STRAY
									     : RF_KIND_OTHER;
}

static __always_inline enum rf_kind rf_inside_miss_kind(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_kind kind = rf_inside_sent_kind(&p->src, &p->dst);

	return kind == RF_KIND_OTHER || rf_stays_inside(skb, p) ? RF_KIND_OTHER : kind;
}

static __always_inline enum rf_kind rf_inside_kind(struct __sk_buff *skb, struct rf_pkt *p)
{
	return rf_pinhole_find(p, &p->src, RF_DIR_OUT) ? rf_inside_hit_kind(skb, p)
						       : rf_inside_miss_kind(skb, p);
}

/* Fragments of what we would never look into, and of what stays inside, have no first one to wait for. */
static __always_inline bool rf_inside_fragment_ours(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_inside *in = rf_inside_get(&p->src.addr);

	return in && rf_inside_mode(in, &p->src.addr) != RF_MODE_HOST && !rf_stays_inside(skb, p);
}

static __always_inline enum rf_stage rf_inside_in_stage(struct __sk_buff *skb, struct rf_pkt *p,
							enum rf_parsed parsed)
{
	if (rf_is_tcp(p, parsed))
		return RF_STAGE_TCP;
	/* translated and redirected it would escape the stack, which refuses it */
	if (p->flags & RF_PKT_SOURCE_ROUTED)
		return rf_decided(p, RF_R_NOT_OURS);
	switch (parsed) {
	case RF_PARSED_UDP: break;
	case RF_PARSED_ICMP: return RF_STAGE_ICMP;
	case RF_PARSED_FRAGMENT:
		if (!rf_inside_fragment_ours(skb, p))
			return rf_decided(p, RF_R_NOT_OURS);
		if (!(p->flags & RF_PKT_FIRST))
			return RF_STAGE_FRAGMENT;
		break;
	case RF_PARSED_UNSUPPORTED: return rf_decided(p, RF_R_UNSUPPORTED_L2);
	case RF_PARSED_OTHER_VLAN: return rf_decided(p, RF_R_OTHER_VLAN);
	default: return rf_decided(p, RF_R_NOT_OURS);
	}
	return rf_stage_of_kind(p, rf_inside_kind(skb, p));
}

/*
 * No pinhole knows it, so it is none of our business, unless the signalling in front of it is just
 * about to make one: what looks like media then waits its turn, and passes after that as it would have.
 */
static __always_inline enum rf_reason rf_inside_early(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_media m = {};

	if (p->reason != RF_R_NOT_OURS)
		return rf_park(skb, p, p->reason);
	if (p->proto != IPPROTO_UDP || (p->flags & RF_PKT_AGAIN) ||
	    !rf_ports_of_media(bpf_ntohs(p->src.port), bpf_ntohs(p->dst.port)) || !rf_may_park() ||
	    !rf_inside_get(&p->src.addr) || rf_stays_inside(skb, p))
		return p->reason;
	rf_classify(skb, false, p, RF_CLASS_RTP | RF_CLASS_RTCP | RF_CLASS_STUN | RF_CLASS_DTLS,
		    &m);
	if (!m.cls)
		return p->reason;
	return rf_park(skb, p, RF_R_NO_PINHOLE) == RF_R_MEDIA_PARKED ? RF_R_MEDIA_PARKED
								     : p->reason;
}

#endif
