/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entry points: the order of the stages and nothing else. WAN ingress by XDP and TC, WAN egress
 * (packets of this host itself), inside ingress, lo egress (releases to this host), inside egress
 * (SIP over TCP).
 */
#include "config.h"
#include "maps.h"
#include "parse.h"
#include "guard.h"
#include "rtp.h"
#include "pinhole.h"
#include "rewrite.h"
#include "deliver.h"
#include "punt.h"
#include "frag.h"
#include "icmp.h"
#include "verdict.h"
#include "media.h"
#include "wan.h"
#include "inside.h"
#include "tcp.h"
#include "fast.h"

char LICENSE[] SEC("license") = "GPL";

SEC("xdp.frags")
int rf_wan_xdp(struct xdp_md *ctx)
{
	struct rf_pkt p = { .hook = RF_HOOK_WAN_XDP };
	struct rf_hit h = {};
	__u32 reason = RF_R_NONE;
	int code = rf_fast_xdp(ctx, RF_DIR_IN);

	if (code > RF_LONG_WAY)
		return code;
	if (code == RF_LONG_WAY_NO_PH)
		p.flags |= RF_PKT_NO_PH;
	switch (rf_wan_in_stage(&p, rf_parse_xdp(ctx, &p), &h, &reason)) {
	case RF_STAGE_MEDIA: reason = rf_media_xdp(ctx, &p, &h); break;
	case RF_STAGE_DECIDED:
		if (rf_may_turn(reason) && rf_may_park())
			reason = RF_R_TO_TC;
		break;
	default: reason = RF_R_TO_TC;
	}
	return rf_verdict_xdp(&p, reason);
}

/* Only what is plain: all else of an inside device is TC's. */
SEC("xdp.frags")
int rf_inside_xdp(struct xdp_md *ctx)
{
	int code = rf_fast_xdp(ctx, RF_DIR_OUT);

	return code > RF_LONG_WAY ? code : XDP_PASS;
}

/* For the far end of a veth pair: native XDP there makes XDP redirects into it arrive. */
SEC("xdp")
int rf_xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* .flags: of struct rf_pkt, what is known already */
__noinline int rf_wan_in_long(struct __sk_buff *skb, __u32 flags)
{
	struct rf_pkt p = { .hook = RF_HOOK_WAN_IN, .flags = flags };
	struct rf_hit h = {};
	__u32 reason = RF_R_NONE;
	int parsed;

	rf_device_shape(skb, &p);
	parsed = rf_parse_skb(skb, &p);
	if (rf_is_tcp(&p, parsed))
		return rf_verdict_tc(&p, rf_tcp_in(skb, &p, RF_DEV_WAN));
	switch (rf_wan_in_stage(&p, parsed, &h, &reason)) {
	case RF_STAGE_MEDIA: reason = rf_media_tc(skb, &p, &h); break;
	case RF_STAGE_SIP: reason = rf_hold(skb, &p, RF_PUNT_SIP); break;
	case RF_STAGE_FRAGMENT: reason = rf_wan_in_fragment(skb, &p); break;
	case RF_STAGE_ICMP: reason = rf_icmp_in(skb, &p); break;
	case RF_STAGE_DECIDED: reason = rf_park(skb, &p, reason); break;
	}
	return rf_verdict_tc(&p, reason);
}

SEC("tc")
int rf_wan_in(struct __sk_buff *skb)
{
	bool again = rf_hairpinned(skb);
	int code;

	if (!again && rf_injected(skb))
		return rf_end_tc(RF_HOOK_WAN_IN, skb->len, RF_R_RELEASED);
	if (!again && skb->pkt_type == PACKET_OTHERHOST)
		return TC_ACT_UNSPEC;
	code = rf_fast_in_tc(skb);
	if (code == RF_FAST_FAILED)
		return rf_end_tc(RF_HOOK_WAN_IN, skb->len, RF_R_REWRITE_FAILED);
	if (code > RF_LONG_WAY)
		return code;
	return rf_wan_in_long(skb, (again ? RF_PKT_AGAIN : 0) |
					   (code == RF_LONG_WAY_NO_PH ? RF_PKT_NO_PH : 0));
}

static __always_inline int rf_wan_out_judge(struct __sk_buff *skb)
{
	struct rf_pkt p = { .hook = RF_HOOK_WAN_OUT };
	struct rf_hit h = {};
	__u32 reason = RF_R_NONE;
	int parsed;

	if (skb->ingress_ifindex)
		return rf_verdict_tc(&p, rf_wan_out_forwarded(skb, &p));
	switch (rf_sender_of(skb)) {
	case RF_SENDER_RELEASE: p.len = skb->len; return rf_verdict_tc(&p, RF_R_RELEASED);
	case RF_SENDER_AGAIN: p.flags |= RF_PKT_AGAIN; break;
	case RF_SENDER_OTHER: break;
	}
	rf_device_shape(skb, &p);
	parsed = rf_parse_skb(skb, &p);
	if (rf_is_tcp(&p, parsed))
		return rf_verdict_tc(&p, rf_tcp_out(skb, &p, RF_DEV_WAN));
	switch (rf_wan_out_stage(&p, parsed, &h, &reason)) {
	case RF_STAGE_MEDIA: reason = rf_media_tc(skb, &p, &h); break;
	case RF_STAGE_SIP: reason = rf_hold(skb, &p, RF_PUNT_SIP); break;
	case RF_STAGE_FRAGMENT: reason = rf_wan_out_fragment(skb, &p); break;
	default: reason = rf_park(skb, &p, reason); break;
	}
	return rf_verdict_tc(&p, reason);
}

SEC("tc")
int rf_wan_out(struct __sk_buff *skb)
{
	return skb->ingress_ifindex && rf_plainly_public(skb) ? TC_ACT_UNSPEC
							      : rf_wan_out_judge(skb);
}

__noinline int rf_inside_in_long(struct __sk_buff *skb, __u32 flags)
{
	struct rf_pkt p = { .hook = RF_HOOK_INSIDE_IN, .flags = flags };
	struct rf_hit h = {};
	__u32 reason = RF_R_NONE;
	int parsed;

	rf_device_shape(skb, &p);
	parsed = rf_parse_skb(skb, &p);
	if (rf_is_tcp(&p, parsed))
		return rf_verdict_tc(&p, rf_tcp_in(skb, &p, RF_DEV_INSIDE));
	switch (rf_inside_in_stage(skb, &p, parsed, &h, &reason)) {
	case RF_STAGE_MEDIA: reason = rf_media_tc(skb, &p, &h); break;
	case RF_STAGE_SIP: reason = rf_hold(skb, &p, RF_PUNT_SIP); break;
	case RF_STAGE_FRAGMENT: reason = rf_inside_in_fragment(skb, &p); break;
	case RF_STAGE_ICMP: reason = rf_icmp_out(skb, &p); break;
	case RF_STAGE_DECIDED: reason = rf_inside_early(skb, &p, reason); break;
	}
	return rf_verdict_tc(&p, reason);
}

SEC("tc")
int rf_inside_in(struct __sk_buff *skb)
{
	bool again = rf_hairpinned(skb);
	int code;

	if (!again && skb->pkt_type == PACKET_OTHERHOST)
		return TC_ACT_UNSPEC;
	code = rf_fast_out_tc(skb);
	if (code == RF_FAST_FAILED)
		return rf_end_tc(RF_HOOK_INSIDE_IN, skb->len, RF_R_REWRITE_FAILED);
	if (code > RF_LONG_WAY)
		return code;
	return rf_inside_in_long(skb, (again ? RF_PKT_AGAIN : 0) |
					      (code == RF_LONG_WAY_NO_PH ? RF_PKT_NO_PH : 0));
}

SEC("tc")
int rf_lo_out(struct __sk_buff *skb)
{
	return rf_inject(skb);
}

static __always_inline int rf_inside_out_own(struct __sk_buff *skb)
{
	struct rf_pkt p = { .hook = RF_HOOK_INSIDE_OUT };

	return rf_tcp_sent(skb, &p) ? rf_verdict_tc(&p, rf_tcp_out(skb, &p, RF_DEV_INSIDE))
				    : TC_ACT_UNSPEC;
}

/* Media passes here with every packet. */
SEC("tc")
int rf_inside_out(struct __sk_buff *skb)
{
	return skb->ingress_ifindex ? TC_ACT_UNSPEC : rf_inside_out_own(skb);
}
