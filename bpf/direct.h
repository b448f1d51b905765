/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the WAN straight to an inside host of mode nat, by its private address: who is on the WAN segment, or
 * routed to there, can send so. Nothing of a call comes that way, so SIP and UDP to an endpoint that a call
 * or a binding has is dropped; what else there is passes (answers to inside hosts that are routed and
 * not masqueraded, management, other services): that is for the operator's own firewall. TC only: XDP
 * leaves it alone.
 */
#ifndef RF_BPF_DIRECT_H
#define RF_BPF_DIRECT_H

#include "frag.h"
#include "guard.h"
#include "route.h"

/* The inside endpoint of a pinhole, whatever its state: what a packet from there would be found by */
static __always_inline bool rf_direct_pinhole(struct rf_pkt *p, __u16 classes)
{
	struct rf_pinhole_key key = { .addr = p->dst.addr, .port = p->dst.port, .dir = RF_DIR_OUT };
	struct rf_pinhole *ph = bpf_map_lookup_elem(&pinholes, &key);

	if (!ph || !(ph->classes & classes))
		return false;
	p->pinhole_id = ph->id;
	p->slot = ph->slot;
	return true;
}

/* SIP that is not left to others */
static __always_inline bool rf_direct_sip(const struct rf_ep *dst)
{
	return rf_sip_port(dst->port) && !rf_sip_excepted(dst);
}

/* The policy, and the route: a WAN with private addresses may lie in an inside prefix, too. */
static __always_inline bool rf_direct_refused(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_settings *s = rf_settings_get();

	return !(s && (s->policy & RF_POLICY_INSIDE_DIRECT)) && !rf_leaves_by_wan(skb, p);
}

/* A later fragment alone does no harm: without its first one it becomes no datagram. */
static __always_inline enum rf_reason rf_direct_later(struct rf_pkt *p)
{
	struct rf_frag_key k;

	rf_frag_key(p, &k);
	return rf_frag_get(p, &k) == RF_FRAG_MEDIA ? RF_R_INSIDE_DIRECT : RF_R_NOT_OURS;
}

static __always_inline enum rf_reason rf_direct_udp(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_frag_key k;

	if ((!rf_direct_sip(&p->dst) && !rf_direct_pinhole(p, 0xffff)) ||
	    !rf_direct_refused(skb, p))
		return RF_R_NOT_OURS;
	if (p->flags & RF_PKT_FRAGMENT) {
		rf_frag_key(p, &k);
		rf_frag_set(p, &k, RF_FRAG_MEDIA);
	}
	return RF_R_INSIDE_DIRECT;
}

/* .reason: that the packet cannot be read, or none. Whose ports cannot be told may be a call's. */
__noinline enum rf_reason rf_direct(struct __sk_buff *skb, struct rf_pkt *p)
{
	if (!p)
		return RF_R_NOT_OURS;
	if (p->reason)
		return rf_direct_refused(skb, p) ? p->reason : RF_R_NOT_OURS;
	if ((p->flags & (RF_PKT_FRAGMENT | RF_PKT_FIRST)) == RF_PKT_FRAGMENT)
		return rf_direct_later(p);
	return rf_direct_udp(skb, p);
}

/* To whom is a packet from the WAN sent? */
static __always_inline bool rf_direct_to(const struct rf_addr *dst)
{
	struct rf_inside *in = rf_inside_get(dst);

	return in && rf_inside_mode(in, dst) == RF_MODE_NAT && !rf_guard_get(dst);
}

/* .opening: it may open a connection */
__noinline bool rf_direct_tcp(struct __sk_buff *skb, struct rf_pkt *p, bool opening)
{
	return p && (rf_direct_sip(&p->dst) || (opening && rf_direct_pinhole(p, RF_CLASS_SIP))) &&
	       rf_direct_to(&p->dst.addr) && rf_direct_refused(skb, p);
}

#endif
