/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hold: copies the packet from its L3 header on to the controller; the original goes no further.
 * When the controller is away, the policy decides instead.
 */
#ifndef RF_BPF_PUNT_H
#define RF_BPF_PUNT_H

#include "guard.h"

/* Before the record is there: the controller, when it has seen the last one, may then say so. */
static __always_inline void rf_held(void)
{
	struct rf_progress *g = rf_progress_get();

	if (!g)
		return;
	RF_WRITE_ONCE(g->parked, 0);
	__sync_fetch_and_add(&g->held, 1);
}

/* .kind: enum rf_punt_kind. What became of it: held, or why not. */
__noinline enum rf_reason rf_punt_copy(struct __sk_buff *skb, struct rf_pkt *p, __u32 kind)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct rf_scratch *s;
	__u64 n = p ? p->len : 0;

	if (!p || !n || n > RF_PUNT_MAX)
		return RF_R_PUNT_TOO_BIG;
	s = bpf_map_lookup_elem(&scratch, &cpu);
	if (!s)
		return RF_R_PUNT_FULL;
	s->hdr.time_ns = bpf_ktime_get_ns();
	s->hdr.ifindex = p->ifindex;
	s->hdr.len = n;
	s->hdr.hook = p->hook;
	s->hdr.kind = kind;
	s->hdr.vlan = 0; /* frames of a VLAN are its device's, which sees no tag */
	s->hdr.call_id = kind == RF_PUNT_STUN ? rf_call_id_of(p->slot) : 0;
	/* The only shape of a variable length that the verifiers of 6.1 and of 7.x both accept. */
	n--;
	RF_BARRIER(n);
	n &= 0xffff;
	RF_BARRIER(n);
	n++;
	if (bpf_skb_load_bytes(skb, p->l3_off, s->data, n))
		return RF_R_TRUNCATED;
	if (kind != RF_PUNT_MEDIA && kind != RF_PUNT_STUN && kind != RF_PUNT_TCP)
		rf_held();
	if (bpf_ringbuf_output(&punt, s, sizeof(s->hdr) + n, 0))
		return RF_R_PUNT_FULL;
	if (kind == RF_PUNT_MEDIA)
		return RF_R_MEDIA_PARKED;
	if (kind == RF_PUNT_STUN)
		return RF_R_STUN_HELD;
	if (kind == RF_PUNT_TCP)
		return RF_R_TCP_HELD;
	return kind == RF_PUNT_SIP ? RF_R_SIP_HELD : RF_R_FRAGMENT_HELD;
}

/* Is signalling on its way through the controller that may open what this packet needs? */
static __always_inline bool rf_may_park(void)
{
	struct rf_progress *g = rf_progress_get();

	return g && (__s64)(RF_READ_ONCE(g->held) - RF_READ_ONCE(g->done)) > 0 &&
	       RF_READ_ONCE(g->parked) < RF_PARK_MAX;
}

/* Verdicts that the signalling in front may still turn. */
static __always_inline bool rf_may_turn(enum rf_reason reason)
{
	return reason == RF_R_NO_PINHOLE || reason == RF_R_PINHOLE_CLOSED ||
	       reason == RF_R_WRONG_SOURCE || reason == RF_R_WRONG_DESTINATION ||
	       reason == RF_R_ON_HOLD || reason == RF_R_WRONG_PAYLOAD_TYPE ||
	       reason == RF_R_WRONG_CLASS;
}

/* A refused packet: behind the signalling, or refused for good. */
static __always_inline enum rf_reason rf_park(struct __sk_buff *skb, struct rf_pkt *p,
					      enum rf_reason reason)
{
	struct rf_progress *g = rf_progress_get();

	if ((p->flags & RF_PKT_AGAIN) || !rf_may_turn(reason) || !g || !rf_may_park() ||
	    rf_controller_away(p))
		return reason;
	/* judged again, it would come from ourselves */
	if (p->hook == RF_HOOK_WAN_IN && rf_source_spoofed(p))
		return reason;
	if (__sync_fetch_and_add(&g->parked, 1) >= RF_PARK_MAX ||
	    rf_punt_copy(skb, p, RF_PUNT_MEDIA) != RF_R_MEDIA_PARKED)
		return reason;
	return RF_R_MEDIA_PARKED;
}

/* .kind: enum rf_punt_kind */
static __always_inline enum rf_reason rf_hold(struct __sk_buff *skb, struct rf_pkt *p, __u32 kind)
{
	struct rf_settings *s = rf_settings_get();

	if (!rf_controller_away(p))
		return rf_punt_copy(skb, p, kind);
	return s && (s->policy & RF_POLICY_AWAY_PASS) ? RF_R_SIP_AWAY_PASSED : RF_R_CONTROLLER_AWAY;
}

#endif
