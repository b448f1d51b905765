/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hold: copies the packet from its L3 header on to the controller; the original goes no further.
 * When the controller is away, the policy decides instead.
 */
#ifndef RF_BPF_PUNT_H
#define RF_BPF_PUNT_H

#include "guard.h"

static __always_inline __u32 rf_punt_copy(struct __sk_buff *skb, struct rf_pkt *p, __u8 kind)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct rf_scratch *s;
	__u64 n = p->len;

	if (!n || n > RF_PUNT_MAX)
		return RF_R_PUNT_TOO_BIG;
	s = bpf_map_lookup_elem(&scratch, &cpu);
	if (!s)
		return RF_R_PUNT_FULL;
	s->hdr.time_ns = rf_now(p);
	s->hdr.ifindex = p->ifindex;
	s->hdr.len = n;
	s->hdr.hook = p->hook;
	s->hdr.kind = kind;
	s->hdr.vlan = p->vlan;
	s->hdr.pad = 0;
	/* The only shape of a variable length that the verifiers of 6.1 and of 7.x both accept. */
	n--;
	RF_BARRIER(n);
	n &= 0xffff;
	RF_BARRIER(n);
	n++;
	if (bpf_skb_load_bytes(skb, p->l3_off, s->data, n))
		return RF_R_TRUNCATED;
	if (bpf_ringbuf_output(&punt, s, sizeof(s->hdr) + n, 0))
		return RF_R_PUNT_FULL;
	return kind == RF_PUNT_SIP ? RF_R_SIP_HELD : RF_R_FRAGMENT_HELD;
}

/* .kind: enum rf_punt_kind */
static __always_inline __u32 rf_hold(struct __sk_buff *skb, struct rf_pkt *p, __u8 kind)
{
	struct rf_settings *s = rf_settings_get();

	if (!rf_controller_away(p))
		return rf_punt_copy(skb, p, kind);
	return s && (s->policy & RF_POLICY_AWAY_PASS) ? RF_R_SIP_AWAY_PASSED :
							RF_R_CONTROLLER_AWAY;
}

#endif
