/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP fragments of UDP datagrams. Only the first fragment has ports, and it may come last: it
 * classifies the datagram, the others follow; those that come before it are held
 * by the controller until it shows up.
 */
#ifndef RF_BPF_FRAG_H
#define RF_BPF_FRAG_H

#include "bystander.h"
#include "punt.h"

static __always_inline void rf_frag_key(const struct rf_pkt *p, struct rf_frag_key *k)
{
	__builtin_memset(k, 0, sizeof(*k));
	k->src = p->src.addr;
	k->dst = p->dst.addr;
	k->id = p->frag_id;
	k->proto = p->frag_proto;
	k->hook = p->hook;
}

/* enum rf_frag_verdict of an entry that is not too old, 0: none */
static __always_inline __u32 rf_frag_get(struct rf_pkt *p, const struct rf_frag_key *k)
{
	struct rf_frag *f = bpf_map_lookup_elem(&frags, k);

	if (!f || (__s64)(rf_now(p) - f->time_ns) > (__s64)RF_FRAG_AGE_NS)
		return 0;
	return f->verdict;
}

static __always_inline void rf_frag_set(struct rf_pkt *p, const struct rf_frag_key *k,
					__u32 verdict)
{
	struct rf_frag f = { .time_ns = rf_now(p), .verdict = verdict };

	bpf_map_update_elem(&frags, k, &f, BPF_ANY);
}

/* Of a pinhole that takes no fragment, or to or from a guarded port without one: is it others'? */
static __always_inline bool rf_frag_of_others(struct __sk_buff *skb, struct rf_pkt *p, bool hit)
{
	if (p->hook != RF_HOOK_WAN_IN)
		return !hit && rf_stray_out(skb, p) == RF_R_BYSTANDER_OUT;
	if (hit && !rf_hit_may_be_others(&p->hit, &p->src))
		return false;
	return rf_owner_tc(skb, p) == RF_OWNER_OTHERS;
}

/* .frag: what the ports of the first fragment say */
static __always_inline enum rf_reason rf_frag_first(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_frag_key k;
	__u32 before;

	rf_frag_key(p, &k);
	before = rf_frag_get(p, &k);
	if (p->frag == RF_FRAG_MEDIA && rf_frag_of_others(skb, p, p->flags & RF_PKT_HIT))
		p->frag = RF_FRAG_PASS;
	rf_frag_set(p, &k, p->frag);
	if (p->frag == RF_FRAG_SIP)
		return rf_hold(skb, p, RF_PUNT_FRAGMENT);
	if (p->frag == RF_FRAG_MEDIA)
		return RF_R_MEDIA_FRAGMENT;
	if (before == RF_FRAG_DEFERRED && !rf_controller_away(p))
		return rf_hold(skb, p, RF_PUNT_DEFERRED_END);
	return RF_R_NOT_OURS;
}

static __always_inline enum rf_reason rf_frag_later(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_frag_key k;

	rf_frag_key(p, &k);
	switch (rf_frag_get(p, &k)) {
	case RF_FRAG_PASS: return RF_R_NOT_OURS;
	case RF_FRAG_SIP: return rf_hold(skb, p, RF_PUNT_FRAGMENT);
	case RF_FRAG_MEDIA: return RF_R_MEDIA_FRAGMENT;
	}
	if (rf_controller_away(p))
		return RF_R_NOT_OURS; /* nobody could put it in order */
	rf_frag_set(p, &k, RF_FRAG_DEFERRED);
	return rf_hold(skb, p, RF_PUNT_DEFERRED);
}

__noinline enum rf_reason rf_fragment(struct __sk_buff *skb, struct rf_pkt *p)
{
	if (!p)
		return RF_R_MEDIA_FRAGMENT;
	return p->flags & RF_PKT_FIRST ? rf_frag_first(skb, p) : rf_frag_later(skb, p);
}

#endif
