/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What nearly every packet on a busy gateway shows at the first look: that it is none of our business. TCP of no
 * connection that is steered, UDP from or to a port that is neither guarded nor signalling's, in plain frames. It
 * pays for finding that out and no more: no context, no second parsing. Nothing is decided here that the stages
 * behind would not decide alike; whatever is not plain, or may be ours, goes to them untouched.
 */
#ifndef RF_BPF_STRANGER_H
#define RF_BPF_STRANGER_H

#include "glance.h"
#include "inside.h"
#include "verdict.h"
#include "wan.h"

static __always_inline bool rf_glance_pinhole(const struct rf_ep *own, __u8 dir)
{
	struct rf_pinhole_key key = { .addr = own->addr, .port = own->port, .dir = dir };

	return bpf_map_lookup_elem(&pinholes, &key);
}

/* Of UDP that no pinhole takes; the kinds of wan.h and inside.h */
static __always_inline enum rf_kind rf_stranger_kind(const struct rf_glance *g, __u32 hook,
						     __u32 ifindex)
{
	switch (hook) {
	case RF_HOOK_WAN_IN: return rf_wan_in_miss_kind(&g->dst, ifindex, hook);
	case RF_HOOK_INSIDE_IN:
		/* with signalling on its way, what looks like media waits: rf_inside_early() */
		return rf_may_park() ? RF_KIND_STRAY : rf_inside_sent_kind(&g->src, &g->dst);
	default: return rf_wan_out_miss_kind(&g->src, &g->dst, ifindex, rf_guard_get(&g->src.addr));
	}
}

static __always_inline enum rf_reason rf_stranger_udp(const struct rf_glance *g, __u32 hook,
						      __u32 ifindex)
{
	enum rf_kind kind = rf_stranger_kind(g, hook, ifindex);

	if (kind != RF_KIND_OTHER && kind != RF_KIND_UNGUARDED)
		return RF_R_NONE;
	if (hook == RF_HOOK_WAN_IN ? rf_glance_pinhole(&g->dst, RF_DIR_IN)
				   : rf_glance_pinhole(&g->src, RF_DIR_OUT))
		return RF_R_NONE;
	return rf_reason_of_kind(kind);
}

/* May a connection be opened so that somebody has to decide about? rf_tcp_begin(), direct.h */
static __always_inline bool rf_may_be_sip_tcp(const struct rf_glance *g, __u32 hook)
{
	if (hook == RF_HOOK_INSIDE_IN)
		return rf_glance_pinhole(&g->src, RF_DIR_OUT);
	return rf_glance_pinhole(&g->dst, RF_DIR_IN) || rf_glance_pinhole(&g->dst, RF_DIR_OUT);
}

/* Of no connection that is steered. .judge: may it be held? */
static __always_inline enum rf_reason rf_stranger_tcp(const struct rf_glance *g, __u32 hook,
						      bool judge)
{
	const bool out = hook == RF_HOOK_WAN_OUT;
	struct rf_tcp_key key = { .role = hook == RF_HOOK_INSIDE_IN ? RF_DEV_INSIDE : RF_DEV_WAN,
				  .dir = out ? RF_TCP_OUT : RF_TCP_IN };
	const struct rf_ep *remote = out ? &g->dst : &g->src, *local = out ? &g->src : &g->dst;

	if (g->opening && !out && (!judge || rf_may_be_sip_tcp(g, hook)))
		return RF_R_NONE;
	key.remote.addr = remote->addr;
	key.remote.port = remote->port;
	key.local.addr = local->addr;
	key.local.port = local->port;
	return bpf_map_lookup_elem(&tcp_flows, &key) ? RF_R_NONE : RF_R_NOT_OURS;
}

/*
 * RF_R_NONE: to be looked at closely. .hook: WAN_IN, INSIDE_IN, WAN_OUT of what this host sends. .judge: not what
 * was parked or turned around. Signalling, and what is most likely media, must not pay for this.
 */
__noinline enum rf_reason rf_stranger(struct __sk_buff *skb, __u32 hook, bool judge)
{
	struct rf_glance g = {};

	if (!rf_glance(skb, &g, RF_GLANCE_NO_RTP) || rf_sip_port(g.dst.port))
		return RF_R_NONE;
	if (!g.udp)
		return rf_stranger_tcp(&g, hook, judge);
	return judge ? rf_stranger_udp(&g, hook, skb->ifindex) : RF_R_NONE;
}

/* A stranger goes on its way; counted, with nothing else noted. */
static __always_inline int rf_stranger_passes(struct __sk_buff *skb, enum rf_reason reason)
{
	__u32 key = reason;
	struct rf_counter *c = bpf_map_lookup_elem(&reasons, &key);

	if (c) {
		c->packets++;
		c->bytes += skb->len - sizeof(struct ethhdr);
	}
	return TC_ACT_UNSPEC;
}

#endif
