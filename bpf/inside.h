/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is a packet from an inside device to us? Only what leaves by a WAN device: traffic between
 * inside hosts, and to this box, is never touched.
 */
#ifndef RF_BPF_INSIDE_H
#define RF_BPF_INSIDE_H

#include "deliver.h"
#include "wan.h"

/*
 * To another inside host, or to this box by its public address: none of our business. The route says
 * so, not the address: a WAN with private addresses may lie in an inside prefix, too.
 */
static __always_inline bool rf_stays_inside(struct __sk_buff *skb, const struct rf_pkt *p)
{
	return bpf_map_lookup_elem(&guards, &p->dst.addr) || !rf_leaves_by_wan(skb, p);
}

static __always_inline int rf_inside_hit(struct __sk_buff *skb, struct rf_pkt *p, struct rf_hit *h,
					 __u32 *reason)
{
	if (rf_inside_get(&p->dst.addr) && !rf_remotes_have(h, &p->dst, false) &&
	    !rf_leaves_by_wan(skb, p))
		return rf_decided(reason, RF_R_NOT_OURS);
	/* two inside hosts that know each other by public addresses: rf_hairpin() */
	if (bpf_map_lookup_elem(&guards, &p->dst.addr) && !rf_remotes_have(h, &p->dst, false))
		return rf_decided(reason, RF_R_NOT_OURS);
	if (!(h->ph->classes & RF_CLASS_SIP))
		return RF_STAGE_MEDIA;
	return rf_leaves_by_wan(skb, p) ? RF_STAGE_SIP : rf_decided(reason, RF_R_NOT_OURS);
}

static __always_inline int rf_inside_miss(struct __sk_buff *skb, struct rf_pkt *p, __u32 *reason)
{
	struct rf_inside *in = rf_inside_get(&p->src.addr);
	struct rf_range ports;
	__u8 mode;
	bool sip;

	if (!in)
		return rf_decided(reason, RF_R_NOT_OURS);
	mode = rf_inside_mode(in, &p->src.addr);
	sip = mode != RF_MODE_HOST && rf_sip_port(p->dst.port);
	ports.lo = in->port_lo;
	ports.hi = in->port_hi;
	if (!sip && (mode != RF_MODE_ROUTED || !rf_range_has(&ports, p->src.port)))
		return rf_decided(reason, RF_R_NOT_OURS);
	if (rf_stays_inside(skb, p))
		return rf_decided(reason, RF_R_NOT_OURS);
	return sip ? RF_STAGE_SIP : rf_decided(reason, RF_R_NO_PINHOLE);
}

static __always_inline int rf_inside_in_stage(struct __sk_buff *skb, struct rf_pkt *p, int parsed,
					      struct rf_hit *h, __u32 *reason)
{
	struct rf_inside *in;

	switch (parsed) {
	case RF_PARSED_UDP:
		return rf_pinhole_find(p, &p->src, RF_DIR_OUT, h) ? rf_inside_hit(skb, p, h, reason)
								  : rf_inside_miss(skb, p, reason);
	case RF_PARSED_ICMP: return RF_STAGE_ICMP;
	case RF_PARSED_FRAGMENT:
		in = rf_inside_get(&p->src.addr);
		if (in && rf_inside_mode(in, &p->src.addr) != RF_MODE_HOST &&
		    !rf_stays_inside(skb, p))
			return RF_STAGE_FRAGMENT;
		return rf_decided(reason, RF_R_NOT_OURS);
	case RF_PARSED_UNSUPPORTED: return rf_decided(reason, RF_R_UNSUPPORTED_L2);
	default: return rf_decided(reason, RF_R_NOT_OURS);
	}
}

/*
 * No pinhole knows it, so it is none of our business, unless the signalling in front of it is just
 * about to make one: what looks like media then waits its turn, and passes after that as it would have.
 */
static __always_inline __u32 rf_inside_early(struct __sk_buff *skb, struct rf_pkt *p, __u32 reason)
{
	struct rf_media m = {};

	if (reason == RF_R_NO_PINHOLE)
		return rf_park(skb, p, reason);
	if (reason != RF_R_NOT_OURS || p->proto != IPPROTO_UDP || (p->flags & RF_PKT_AGAIN) ||
	    !p->src.port || !rf_may_park() || !rf_inside_get(&p->src.addr) ||
	    rf_stays_inside(skb, p))
		return reason;
	rf_classify(skb, false, p, RF_CLASS_RTP | RF_CLASS_RTCP | RF_CLASS_STUN | RF_CLASS_DTLS,
		    &m);
	if (!m.cls)
		return reason;
	return rf_park(skb, p, RF_R_NO_PINHOLE) == RF_R_MEDIA_PARKED ? RF_R_MEDIA_PARKED : reason;
}

static __always_inline __u32 rf_inside_in_fragment(struct __sk_buff *skb, struct rf_pkt *p)
{
	__u32 verdict = RF_FRAG_PASS;
	struct rf_inside *in;
	struct rf_hit h;

	if (!(p->flags & RF_PKT_FIRST))
		return rf_frag_later(skb, p);
	if (rf_pinhole_find(p, &p->src, RF_DIR_OUT, &h)) {
		verdict = h.ph->classes & RF_CLASS_SIP ? RF_FRAG_SIP : RF_FRAG_MEDIA;
	} else if (rf_sip_port(p->dst.port)) {
		verdict = RF_FRAG_SIP;
	} else {
		in = rf_inside_get(&p->src.addr);
		if (in && rf_inside_mode(in, &p->src.addr) == RF_MODE_ROUTED) {
			struct rf_range ports = { .lo = in->port_lo, .hi = in->port_hi };

			if (rf_range_has(&ports, p->src.port))
				verdict = RF_FRAG_MEDIA;
		}
	}
	return rf_frag_first(skb, p, verdict);
}

#endif
