/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a packet that no pinhole takes belong to others? Inwards: does it answer traffic that is no call's?
 * Asked are, cheapest first, our own table of flows, conntrack, and the sockets of this host. Outwards: may what
 * leaves be answered? Then it gets into that table.
 */
#ifndef RF_BPF_BYSTANDER_H
#define RF_BPF_BYSTANDER_H

#include "guard.h"
#include "learn.h"
#include "rf_bystander.h"

enum rf_owner {
	RF_OWNER_NONE, /* nobody that we know of: refused */
	RF_OWNER_OTHERS,
};

/* ---- conntrack ---- */

/* As Linux 6.1 has it; later ones have more behind it and take this, too. */
struct rf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};
_Static_assert(sizeof(struct rf_ct_opts) == 12, "NF_BPF_CT_OPTS_SZ of Linux 6.1");

struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, __u32 tuple__sz,
				  struct rf_ct_opts *opts, __u32 opts__sz) __ksym __weak;
struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *ctx, struct bpf_sock_tuple *tuple,
				  __u32 tuple__sz, struct rf_ct_opts *opts,
				  __u32 opts__sz) __ksym __weak;
void bpf_ct_release(struct nf_conn *ct) __ksym __weak;

enum rf_ct_dir {
	RF_CT_NONE,
	RF_CT_ORIGINAL, /* the sender of such a packet began it */
	RF_CT_REPLY,
};

/* From .remote to .own; how much of it is filled */
static __always_inline __u32 rf_tuple(struct bpf_sock_tuple *t, const struct rf_ep *remote,
				      const struct rf_ep *own, bool v6)
{
	__builtin_memset(t, 0, sizeof(*t));
	if (v6) {
		__builtin_memcpy(t->ipv6.saddr, &remote->addr, 16);
		__builtin_memcpy(t->ipv6.daddr, &own->addr, 16);
		t->ipv6.sport = remote->port;
		t->ipv6.dport = own->port;
		return sizeof(t->ipv6);
	}
	t->ipv4.saddr = remote->addr.w[3];
	t->ipv4.daddr = own->addr.w[3];
	t->ipv4.sport = remote->port;
	t->ipv4.dport = own->port;
	return sizeof(t->ipv4);
}

/* The sizes are constants to the verifier: one call for each family. */
static __always_inline enum rf_ct_dir rf_ct_ask(void *ctx, const bool xdp, bool v6,
						struct bpf_sock_tuple *t)
{
	struct rf_ct_opts o = { .netns_id = BPF_F_CURRENT_NETNS, .l4proto = IPPROTO_UDP };
	struct nf_conn *ct;

	if (v6)
		ct = xdp ? bpf_xdp_ct_lookup(ctx, t, sizeof(t->ipv6), &o, sizeof(o))
			 : bpf_skb_ct_lookup(ctx, t, sizeof(t->ipv6), &o, sizeof(o));
	else
		ct = xdp ? bpf_xdp_ct_lookup(ctx, t, sizeof(t->ipv4), &o, sizeof(o))
			 : bpf_skb_ct_lookup(ctx, t, sizeof(t->ipv4), &o, sizeof(o));
	if (!ct)
		return RF_CT_NONE;
	bpf_ct_release(ct);
	return o.dir == IP_CT_DIR_REPLY ? RF_CT_REPLY : RF_CT_ORIGINAL;
}

/* ---- sockets ---- */

/* Unconnected ones do not count: they may be a SIP server's as well as a resolver's. */
static __always_inline bool rf_sock_is(const struct bpf_sock *sk, bool v6,
				       const struct rf_ep *remote)
{
	__u32 v4 = sk->dst_ip4, a = sk->dst_ip6[0], b = sk->dst_ip6[1], c = sk->dst_ip6[2],
	      d = sk->dst_ip6[3];

	/* read first, as the verifier allows no arithmetic on the pointer that two branches could share */
	RF_BARRIER(v4);
	RF_BARRIER(d);
	if (sk->state != BPF_TCP_ESTABLISHED || sk->dst_port != remote->port)
		return false;
	if (!v6)
		return v4 == remote->addr.w[3];
	return a == remote->addr.w[0] && b == remote->addr.w[1] && c == remote->addr.w[2] &&
	       d == remote->addr.w[3];
}

static __always_inline bool rf_socket_connected(void *ctx, bool v6, struct bpf_sock_tuple *t,
						const struct rf_ep *remote)
{
	struct bpf_sock *sk;
	bool is;

	if (v6)
		sk = bpf_sk_lookup_udp(ctx, t, sizeof(t->ipv6), BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(ctx, t, sizeof(t->ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return false;
	is = rf_sock_is(sk, v6, remote);
	bpf_sk_release(sk);
	return is;
}

/* ---- the past of our own endpoints ---- */

/* Was .remote the other side of a call at .own until a moment ago? NULL: no */
static __always_inline struct rf_call_end *
rf_call_end_get(struct rf_pkt *p, const struct rf_ep *own, const struct rf_ep *remote)
{
	struct rf_ep key = { .addr = own->addr, .port = own->port };
	struct rf_call_end *e = bpf_map_lookup_elem(&call_ends, &key);

	return e && rf_call_end_has(e, remote, rf_now(p)) ? e : NULL;
}

/* The call's host goes on sending: conntrack sees that as well as we do. */
static __always_inline void rf_call_end_prolong(struct rf_pkt *p, struct rf_call_end *e)
{
	struct rf_settings *s = rf_settings_get();

	RF_WRITE_ONCE(e->until_ns, rf_now(p) + rf_call_end_ns(s ? s->call_end_s : 0));
}

/* ---- inwards ---- */

static __always_inline void rf_flow_mark_port(__be16 port, __u64 now)
{
	__u64 s = now / RF_NS_PER_SEC, *last;
	__u32 i = bpf_ntohs(port);

	last = bpf_map_lookup_elem(&flow_ports, &i);
	if (last)
		*last = s;
}

/* Has the port been that of a flow lately? Cheaper than the flow itself, which a packet nobody asked for has not. */
static __always_inline bool rf_flow_port_used(__be16 port, __u64 now)
{
	__u32 i = bpf_ntohs(port);
	__u64 *last = bpf_map_lookup_elem(&flow_ports, &i);

	/* another CPU's clock may be a tick ahead */
	return last && *last &&
	       (__s64)(now / RF_NS_PER_SEC - *last) <=
		       (__s64)(RF_FLOW_STREAM_NS / RF_NS_PER_SEC + 1);
}

static __always_inline bool rf_flow_answered(struct rf_pkt *p)
{
	struct rf_flow_key key = { .own = { .addr = p->dst.addr, .port = p->dst.port },
				   .remote = { .addr = p->src.addr, .port = p->src.port } };
	__u64 now = rf_now(p);
	struct rf_flow *f;

	if (!rf_flow_port_used(p->dst.port, now))
		return false;
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f || !rf_flow_alive(f->last_ns, f->answered, now) ||
	    rf_call_end_get(p, &p->dst, &p->src))
		return false;
	if (!f->answered)
		f->answered = 1;
	if (!rf_flow_fresh(f->last_ns, now)) {
		f->last_ns = now;
		rf_flow_mark_port(p->dst.port, now);
	}
	return true;
}

/*
 * An entry in original direction says nothing: whoever began it from outside did so before we were here, as his
 * first packet would have been refused, or at a port that is excepted, where nobody asks.
 */
static __always_inline enum rf_owner rf_owner_of(void *ctx, const bool xdp, struct rf_pkt *p)
{
	bool v6 = p->flags & RF_PKT_V6, theirs = false;
	struct bpf_sock_tuple t;

	if (rf_flow_answered(p))
		return RF_OWNER_OTHERS;
	rf_tuple(&t, &p->src, &p->dst, v6);
	if (rf_conntrack)
		theirs = rf_ct_ask(ctx, xdp, v6, &t) == RF_CT_REPLY;
	if (!theirs)
		theirs = rf_socket_connected(ctx, v6, &t, &p->src);
	return theirs && !rf_call_end_get(p, &p->dst, &p->src) ? RF_OWNER_OTHERS : RF_OWNER_NONE;
}

__noinline enum rf_owner rf_owner_xdp(struct xdp_md *ctx, struct rf_pkt *p)
{
	return p ? rf_owner_of(ctx, true, p) : RF_OWNER_NONE;
}

__noinline enum rf_owner rf_owner_tc(struct __sk_buff *skb, struct rf_pkt *p)
{
	return p ? rf_owner_of(skb, false, p) : RF_OWNER_NONE;
}

static __always_inline enum rf_owner rf_owner_ask(void *ctx, const bool xdp, struct rf_pkt *p)
{
	return xdp ? rf_owner_xdp(ctx, p) : rf_owner_tc(ctx, p);
}

/*
 * A pinhole was found, and refused the packet. Translated, its public port may be that of a masqueraded or local
 * flow, too; what is not translated has one socket behind it, which is the call's. A source that the call
 * agreed on at any time is no bystander.
 */
static __always_inline bool rf_hit_may_be_others(const struct rf_hit *h, const struct rf_ep *remote)
{
	struct rf_learnt *l;

	if (h->dir != RF_DIR_IN || !(h->ph.flags & RF_PH_XLATE) || rf_remotes_have(h, remote, true))
		return false;
	l = rf_learnt_get(h);
	return !rf_learnt_locked(l) || !rf_ep_eq(&l->ep, remote);
}

static __always_inline enum rf_reason rf_refused_hit(void *ctx, const bool xdp, struct rf_pkt *p,
						     enum rf_reason reason)
{
	if (!rf_hit_may_be_others(&p->hit, &p->src))
		return reason;
	return rf_owner_ask(ctx, xdp, p) == RF_OWNER_OTHERS ? RF_R_BYSTANDER_REPLY : reason;
}

/* ---- outwards ---- */

/* Is what leaves a call's: of a pinhole that there is, or of one that is gone? */
__noinline int rf_leaves_of_call(struct rf_pkt *p)
{
	struct rf_pinhole_key key = { .dir = RF_DIR_IN };
	struct rf_pinhole *ph;
	struct rf_call_end *e;
	struct rf_learnt *l;

	if (!p)
		return true;
	key.addr = p->src.addr;
	key.port = p->src.port;
	ph = bpf_map_lookup_elem(&pinholes, &key);
	if (ph) {
		if (!(ph->flags & RF_PH_XLATE))
			return true;
		p->hit.ph = *ph;
		p->hit.dir = RF_DIR_IN;
		if (rf_remotes_have(&p->hit, &p->dst, true))
			return true;
		l = rf_learnt_get(&p->hit);
		if (rf_learnt_locked(l) && rf_ep_eq(&l->ep, &p->dst))
			return true;
	}
	e = rf_call_end_get(p, &p->src, &p->dst);
	if (!e)
		return false;
	/* not for somebody else, whom an entry with too many would then shut out for ever */
	if (rf_call_end_names(e, &p->dst))
		rf_call_end_prolong(p, e);
	return true;
}

/* Does it belong to a flow that is known already, and to no call? Renews it, makes none. */
__noinline enum rf_owner rf_flow_goes_on(struct rf_pkt *p)
{
	struct rf_flow_key key = {};
	struct rf_flow *f;
	__u64 now;

	if (!p)
		return RF_OWNER_NONE;
	key.own.addr = p->src.addr;
	key.own.port = p->src.port;
	key.remote.addr = p->dst.addr;
	key.remote.port = p->dst.port;
	now = rf_now(p);
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f || !rf_flow_alive(f->last_ns, f->answered, now))
		return RF_OWNER_NONE;
	/* a routed host's is seen once more where it leaves, and is to be dropped here if it is a call's */
	if (rf_flow_fresh(f->last_ns, now) && p->hook == RF_HOOK_WAN_OUT)
		return RF_OWNER_OTHERS;
	if (rf_leaves_of_call(p))
		return RF_OWNER_NONE;
	if (rf_flow_fresh(f->last_ns, now))
		return RF_OWNER_OTHERS;
	rf_flow_mark_port(p->src.port, now);
	f->last_ns = now;
	return RF_OWNER_OTHERS;
}

/*
 * At WAN egress: from a guarded port, by no pinhole. RF_OWNER_OTHERS: what answers it will pass. Not if it is
 * itself the answer to somebody who began before we were here: that is a server, whose port must be excepted.
 */
__noinline enum rf_owner rf_flow_leaves(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_flow fresh = {};
	struct rf_flow_key key = {};
	struct bpf_sock_tuple t;
	__u64 now;

	if (!p)
		return RF_OWNER_NONE;
	if (rf_flow_goes_on(p) == RF_OWNER_OTHERS)
		return RF_OWNER_OTHERS;
	if (rf_leaves_of_call(p))
		return RF_OWNER_NONE;
	now = rf_now(p);
	key.own.addr = p->src.addr;
	key.own.port = p->src.port;
	key.remote.addr = p->dst.addr;
	key.remote.port = p->dst.port;
	rf_flow_mark_port(p->src.port, now);
	rf_tuple(&t, &p->dst, &p->src, p->flags & RF_PKT_V6);
	if (rf_conntrack && rf_ct_ask(skb, false, p->flags & RF_PKT_V6, &t) == RF_CT_ORIGINAL)
		return RF_OWNER_NONE;
	fresh.last_ns = now;
	bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY);
	return RF_OWNER_OTHERS;
}

/* From a guarded port of this host, or of an inside host that keeps its address: without a pinhole. */
__noinline enum rf_reason rf_stray_out(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_owner owner;

	if (!p)
		return RF_R_NO_PINHOLE;
	/* a routed host's is seen once more where it leaves */
	if (p->hook == RF_HOOK_INSIDE_IN)
		owner = rf_leaves_of_call(p) ? RF_OWNER_NONE : RF_OWNER_OTHERS;
	else
		owner = rf_flow_leaves(skb, p);
	return owner == RF_OWNER_OTHERS ? RF_R_BYSTANDER_OUT : RF_R_NO_PINHOLE;
}

#endif
