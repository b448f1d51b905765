// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entry points: the order of the stages and nothing else. WAN ingress by XDP and TC, WAN egress
 * (packets of this host itself; forwarded ones are only noted), inside ingress, lo egress (releases to this host), inside egress
 * (SIP over TCP).
 */
#include "parse.h"
#include "wan.h"
#include "inside.h"
#include "media.h"
#include "frag.h"
#include "icmp.h"
#include "tcp.h"
#include "fast.h"
#include "stranger.h"
#include "verdict.h"

char LICENSE[] SEC("license") = "GPL";

/* Of the fast path: what the slow one need not find out again. enum rf_pkt_flag */
static __always_inline __u32 rf_flags_of(enum rf_fast fast, bool again)
{
	return (fast == RF_FAST_MISS ? RF_PKT_MISS : 0) | (again ? RF_PKT_AGAIN : 0);
}

/* ---- XDP ---- */

static __always_inline enum rf_reason rf_dispatch_xdp(struct xdp_md *ctx, struct rf_pkt *p)
{
	switch (rf_wan_in_stage(p, rf_parse_xdp(ctx, p))) {
	case RF_STAGE_MEDIA: return rf_media_xdp(ctx, p);
	case RF_STAGE_DECIDED:
		if (p->reason != RF_R_NO_PINHOLE)
			return p->reason;
		if (rf_may_park())
			return RF_R_TO_TC;
		return rf_owner_xdp(ctx, p) == RF_OWNER_OTHERS ? RF_R_BYSTANDER_REPLY : p->reason;
	default: return RF_R_TO_TC;
	}
}

SEC("xdp.frags")
int rf_wan_xdp(struct xdp_md *ctx)
{
	enum rf_fast fast;
	struct rf_pkt *p;

	if (!rf_own_frame(ctx))
		return XDP_PASS;
	fast = rf_fast_xdp(ctx, RF_DIR_IN);
	if (fast == RF_FAST_REDIRECTED)
		return XDP_REDIRECT;
	p = rf_pkt_begin(RF_HOOK_WAN_XDP);
	if (!p)
		return XDP_PASS;
	p->flags = rf_flags_of(fast, false);
	return rf_verdict_xdp(p, rf_dispatch_xdp(ctx, p));
}

/* Only what is plain: all else of an inside device is TC's. */
SEC("xdp.frags")
int rf_inside_xdp(struct xdp_md *ctx)
{
	return rf_own_frame(ctx) && rf_fast_xdp(ctx, RF_DIR_OUT) == RF_FAST_REDIRECTED
		       ? XDP_REDIRECT
		       : XDP_PASS;
}

/* For the far end of a veth pair: native XDP there makes XDP redirects into it arrive. */
SEC("xdp")
int rf_xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* ---- TC ---- */

/* .reason stands, unless signalling is about to make a pinhole, or it is the traffic of others. */
static __always_inline enum rf_reason rf_decided_tc(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_reason reason = p->reason;

	if (reason == RF_R_NO_PINHOLE && p->hook == RF_HOOK_WAN_IN &&
	    rf_owner_tc(skb, p) == RF_OWNER_OTHERS)
		return RF_R_BYSTANDER_REPLY;
	/* before it could wait: signalling that is on its way is no reason to hold others up */
	if (reason == RF_R_NO_PINHOLE && p->hook != RF_HOOK_WAN_IN &&
	    rf_flow_goes_on(p) == RF_OWNER_OTHERS)
		return RF_R_BYSTANDER_OUT;
	reason = p->hook == RF_HOOK_INSIDE_IN ? rf_inside_early(skb, p) : rf_park(skb, p, reason);
	if (reason == RF_R_NO_PINHOLE && p->hook != RF_HOOK_WAN_IN)
		return rf_stray_out(skb, p);
	return reason;
}

static __always_inline enum rf_reason rf_dispatch(struct __sk_buff *skb, struct rf_pkt *p,
						  enum rf_stage stage)
{
	switch (stage) {
	case RF_STAGE_MEDIA: return rf_media_tc(skb, p);
	case RF_STAGE_SIP: return rf_hold(skb, p, RF_PUNT_SIP);
	case RF_STAGE_FRAGMENT: return rf_fragment(skb, p);
	case RF_STAGE_ICMP: return rf_icmp(skb, p);
	case RF_STAGE_TCP: return rf_tcp(skb, p);
	case RF_STAGE_DIRECT: return rf_direct(skb, p);
	default: return rf_decided_tc(skb, p);
	}
}

/* .hook: enum rf_hook; .flags: enum rf_pkt_flag, what is known already */
static __always_inline int rf_slow_tc(struct __sk_buff *skb, const __u32 hook, __u32 flags)
{
	struct rf_pkt *p = rf_pkt_begin(hook);
	enum rf_parsed parsed;
	enum rf_stage stage;

	if (!p)
		return TC_ACT_SHOT;
	p->flags = flags;
	rf_device_shape(skb, p);
	if (hook != RF_HOOK_WAN_OUT &&
	    !(p->flags & (RF_PKT_NO_ETH | RF_PKT_LINK_MANY | RF_PKT_AGAIN)))
		rf_own_mac_learn(skb);
	parsed = rf_parse_skb(skb, p);
	stage = hook == RF_HOOK_WAN_IN	  ? rf_wan_in_stage(p, parsed)
		: hook == RF_HOOK_WAN_OUT ? rf_wan_out_stage(p, parsed)
					  : rf_inside_in_stage(skb, p, parsed);
	return rf_verdict_tc(p, rf_dispatch(skb, p, stage));
}

/* Ingress: the fast path, then the slow one. */
static __always_inline int rf_ingress_tc(struct __sk_buff *skb, const __u32 hook)
{
	bool again = rf_hairpinned(skb);
	enum rf_fast fast = RF_FAST_SLOW;
	enum rf_reason stranger;
	__u32 flags;

	rf_unmark_delivered(skb); /* whoever set it in front of us */
	if (hook == RF_HOOK_WAN_IN && !again && rf_injected(skb))
		return rf_end_tc(hook, skb->len, RF_R_RELEASED);
	if (!again && skb->pkt_type == PACKET_OTHERHOST)
		return TC_ACT_UNSPEC;
	if (rf_other_vlan(skb))
		return rf_end_tc(hook, skb->len, RF_R_OTHER_VLAN);
	if (!again && skb->pkt_type == PACKET_HOST)
		fast = hook == RF_HOOK_WAN_IN ? rf_fast_in_tc(skb) : rf_fast_out_tc(skb);
	if (fast == RF_FAST_REDIRECTED)
		return TC_ACT_REDIRECT;
	if (fast == RF_FAST_FAILED)
		return rf_end_tc(hook, skb->len, RF_R_REWRITE_FAILED);
	stranger = rf_stranger(skb, hook, !again);
	if (stranger)
		return rf_stranger_passes(skb, stranger);
	flags = rf_flags_of(fast, again);
	if (skb->pkt_type != PACKET_HOST)
		flags |= RF_PKT_LINK_MANY;
	return rf_slow_tc(skb, hook, flags);
}

SEC("tc")
int rf_wan_in(struct __sk_buff *skb)
{
	return rf_ingress_tc(skb, RF_HOOK_WAN_IN);
}

SEC("tc")
int rf_inside_in(struct __sk_buff *skb)
{
	return rf_ingress_tc(skb, RF_HOOK_INSIDE_IN);
}

static __always_inline int rf_wan_out_forward(struct __sk_buff *skb)
{
	enum rf_leaving leaving;
	struct rf_pkt *p;

	if (rf_unmark_delivered(skb))
		return TC_ACT_UNSPEC;
	leaving = rf_leaving(skb);
	if (leaving == RF_LEAVING_PLAIN || rf_other_vlan(skb))
		return TC_ACT_UNSPEC;
	if (leaving == RF_LEAVING_UDP)
		return rf_forwarded_udp(skb);
	p = rf_pkt_begin(RF_HOOK_WAN_OUT);
	return p ? rf_verdict_tc(p, rf_wan_out_forwarded(skb, p)) : TC_ACT_SHOT;
}

SEC("tc")
int rf_wan_out(struct __sk_buff *skb)
{
	enum rf_reason stranger;
	enum rf_sender sender;

	if (skb->ingress_ifindex)
		return rf_wan_out_forward(skb);
	sender = rf_sender_of(skb);
	if (sender == RF_SENDER_RELEASE)
		return rf_end_tc(RF_HOOK_WAN_OUT, skb->len, RF_R_RELEASED);
	stranger = rf_stranger(skb, RF_HOOK_WAN_OUT, sender == RF_SENDER_OTHER);
	if (stranger)
		return rf_stranger_passes(skb, stranger);
	return rf_slow_tc(skb, RF_HOOK_WAN_OUT, sender == RF_SENDER_AGAIN ? RF_PKT_AGAIN : 0);
}

SEC("tc")
int rf_lo_out(struct __sk_buff *skb)
{
	return rf_inject(skb);
}

static __always_inline int rf_inside_out_own(struct __sk_buff *skb)
{
	struct rf_pkt *p = rf_pkt_begin(RF_HOOK_INSIDE_OUT);

	if (!p)
		return TC_ACT_SHOT;
	return !rf_other_vlan(skb) && rf_tcp_sent(skb, p)
		       ? rf_verdict_tc(p, rf_tcp_out(skb, p, RF_DEV_INSIDE))
		       : TC_ACT_UNSPEC;
}

/* Media passes here with every packet. */
SEC("tc")
int rf_inside_out(struct __sk_buff *skb)
{
	return skb->ingress_ifindex ? TC_ACT_UNSPEC : rf_inside_out_own(skb);
}
