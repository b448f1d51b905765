/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one exit: counts the reason, tells userspace about drops (rate-limited), and turns the
 * reason's action into the code that the hook understands.
 */
#ifndef RF_BPF_VERDICT_H
#define RF_BPF_VERDICT_H

#include "maps.h"
#include "packet.h"

static const __u8 rf_actions[RF_R_MAX] = {
#define RF_REASON(id, name, action, meaning) action,
	RF_REASONS(RF_REASON)
#undef RF_REASON
};

static __always_inline __u8 rf_action_of(__u32 reason)
{
	RF_BARRIER(reason);
	return reason < RF_R_MAX ? rf_actions[reason] : RF_ACT_DROP;
}

static __always_inline void rf_event_send(struct rf_pkt *p, enum rf_reason reason)
{
	__u32 key = reason;
	struct rf_event_limit *l = bpf_map_lookup_elem(&event_limits, &key);
	__u64 now = rf_now(p);
	struct rf_event *e;

	if (!l)
		return;
	if (l->last_ns && now - l->last_ns < RF_EVENT_INTERVAL_NS) {
		l->suppressed++;
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		l->suppressed++;
		return;
	}
	e->time_ns = now;
	e->ifindex = p->ifindex;
	e->reason = reason;
	e->hook = p->hook;
	e->proto = p->proto;
	e->src = p->src;
	e->dst = p->dst;
	e->pinhole_id = p->pinhole_id;
	e->call_id = rf_call_id_of(p->slot);
	e->len = p->len;
	e->suppressed = l->suppressed;
	bpf_ringbuf_submit(e, 0);
	l->last_ns = now;
	l->suppressed = 0;
}

__noinline int rf_account(struct rf_pkt *p, enum rf_reason reason)
{
	__u32 key = reason;
	struct rf_counter *c;

	if (!p)
		return 0;
	c = bpf_map_lookup_elem(&reasons, &key);
	if (c) {
		c->packets++;
		c->bytes += p->len ? p->len : p->frame_len;
	}
	if (rf_action_of(reason) == RF_ACT_DROP)
		rf_event_send(p, reason);
	return 0;
}

/*
 * XDP counts what it ends itself and what it leaves to TC by name. A packet that is none of our
 * business is seen again by the TC hook behind, which counts it; so each packet counts once.
 */
static __always_inline int rf_verdict_xdp(struct rf_pkt *p, enum rf_reason reason)
{
	__u8 action = rf_action_of(reason);

	if (action != RF_ACT_PASS || reason == RF_R_TO_TC)
		rf_account(p, reason);
	if (reason == RF_R_MEDIA_XDP)
		return XDP_REDIRECT;
	return action == RF_ACT_DROP || action == RF_ACT_HOLD ? XDP_DROP : XDP_PASS;
}

/*
 * The end of a packet here, dropped or held. Not TC_ACT_STOLEN: tcx does not know it, and would let the
 * packet pass. At egress a redirect to no device: the kernel frees the packet, and a local sender sees
 * no error, which TC_ACT_SHOT would be to it.
 */
static __always_inline int rf_take(const struct rf_pkt *p)
{
	switch (p->hook) {
	case RF_HOOK_WAN_OUT:
	case RF_HOOK_LO_OUT:
	case RF_HOOK_INSIDE_OUT: return bpf_redirect(0, 0);
	default: return TC_ACT_SHOT;
	}
}

/* TC_ACT_UNSPEC, not TC_ACT_OK: programs that others attached behind ours still get their turn. */
static __always_inline int rf_verdict_tc(struct rf_pkt *p, enum rf_reason reason)
{
	if (reason == RF_R_NONE)
		return TC_ACT_UNSPEC;
	rf_account(p, reason);
	switch (rf_action_of(reason)) {
	case RF_ACT_DROP:
	case RF_ACT_HOLD: return rf_take(p);
	default:
		/* who delivers by one of these has redirected the packet */
		return reason == RF_R_MEDIA_TC || reason == RF_R_ICMP_RELATED ? TC_ACT_REDIRECT
									      : TC_ACT_UNSPEC;
	}
}

/* A packet whose end is known before it was parsed. */
__noinline int rf_end_tc(__u32 hook, __u32 len, enum rf_reason reason)
{
	struct rf_pkt *p = rf_pkt_begin(hook);

	if (!p)
		return TC_ACT_SHOT;
	p->len = len;
	return rf_verdict_tc(p, reason);
}

#endif
