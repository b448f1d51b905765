/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP and ICMPv6 errors about a pinhole's media: the quoted packet tells which pinhole, and both
 * the error and the quote are translated, so that path MTU discovery and "port unreachable" work
 * through the translation. Errors about anything else pass untouched.
 */
#ifndef RF_BPF_ICMP_H
#define RF_BPF_ICMP_H

#include "deliver.h"

#define RF_ICMP_CHECK 2 /* offset in the ICMP and ICMPv6 headers alike */
#define RF_ICMP_HDR   8

struct rf_quote { /* the packet in an ICMP error */
	struct rf_ep src, dst;
	__u16 l3_off, l4_off;
	__be16 udp_check;
};

static __always_inline bool rf_icmp_is_error(const struct rf_pkt *p, __u8 type)
{
	if (p->flags & RF_PKT_V6)
		return type >= 1 && type <= 4; /* RFC 4443 section 3 */
	return type == 3 || type == 11 || type == 12;
}

static __always_inline bool rf_quote_v4(struct __sk_buff *skb, __u32 off, struct rf_quote *q,
					__u32 *l4)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
	    ip.protocol != IPPROTO_UDP || (ip.frag_off & bpf_htons(IP_OFFSET)))
		return false;
	rf_addr_v4(&q->src.addr, ip.saddr);
	rf_addr_v4(&q->dst.addr, ip.daddr);
	*l4 = off + ip.ihl * 4;
	return true;
}

static __always_inline bool rf_quote_v6(struct __sk_buff *skb, __u32 off, struct rf_quote *q,
					__u32 *l4)
{
	struct ipv6hdr ip6;

	if (bpf_skb_load_bytes(skb, off, &ip6, sizeof(ip6)) || ip6.version != 6 ||
	    ip6.nexthdr != IPPROTO_UDP)
		return false;
	rf_addr_v6(&q->src.addr, &ip6.saddr);
	rf_addr_v6(&q->dst.addr, &ip6.daddr);
	*l4 = off + sizeof(ip6);
	return true;
}

/* RFC 792 quotes no more than the first 8 bytes behind the IP header: just the UDP header. */
static __always_inline bool rf_quote_get(struct __sk_buff *skb, const struct rf_pkt *p,
					 struct rf_quote *q)
{
	__u32 off = p->l4_off + RF_ICMP_HDR, l4;
	struct udphdr udp;
	__u8 type;

	if (bpf_skb_load_bytes(skb, p->l4_off, &type, 1) || !rf_icmp_is_error(p, type))
		return false;
	q->l3_off = off;
	if (!(p->flags & RF_PKT_V6 ? rf_quote_v6(skb, off, q, &l4) : rf_quote_v4(skb, off, q, &l4)))
		return false;
	if (l4 + sizeof(udp) > (__u32)p->l3_off + p->len ||
	    bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)))
		return false;
	q->l4_off = l4;
	q->src.port = udp.source;
	q->dst.port = udp.dest;
	q->udp_check = udp.check;
	return true;
}

/* Is .remote the other side of this pinhole? */
static __always_inline bool rf_icmp_remote(const struct rf_hit *h, const struct rf_ep *remote)
{
	struct rf_learnt *l = rf_learnt_get(h);

	if (l && RF_READ_ONCE(l->state) == RF_LEARN_LOCKED && rf_ep_eq(&l->ep, remote))
		return true;
	return rf_remotes_have(h, remote, false);
}

/* Replaces one 16-bit word of the quote and mends the ICMP checksum over it. */
static __always_inline long rf_quote_word(struct __sk_buff *skb, __u32 icmp, __u32 at, __be16 from,
					  __be16 to)
{
	return bpf_l4_csum_replace(skb, icmp + RF_ICMP_CHECK, from, to, 2) |
	       bpf_skb_store_bytes(skb, at, &to, 2, 0);
}

static __always_inline long rf_quote_addr(struct __sk_buff *skb, const struct rf_pkt *p, __u32 at,
					  const struct rf_addr *from, const struct rf_addr *to)
{
	__u32 check = p->l4_off + RF_ICMP_CHECK;
	long r = 0;
	int i;

	if (!(p->flags & RF_PKT_V6))
		return bpf_l4_csum_replace(skb, check, from->w[3], to->w[3], 4) |
		       bpf_skb_store_bytes(skb, at, &to->w[3], 4, 0);
	for (i = 0; i < 4; i++)
		r |= bpf_l4_csum_replace(skb, check, from->w[i], to->w[i], 4);
	return r | bpf_skb_store_bytes(skb, at, to, 16, 0);
}

/*
 * One endpoint of the quoted packet. Its own checksums are kept right, too: the sender may look.
 * .dst: the quoted destination, else the source.
 */
static __always_inline long rf_quote_rewrite(struct __sk_buff *skb, const struct rf_pkt *p,
					     const struct rf_quote *q, bool dst,
					     const struct rf_ep *to)
{
	const struct rf_ep *from = dst ? &q->dst : &q->src;
	bool v6 = p->flags & RF_PKT_V6;
	struct rf_diff diff = {};
	__u32 at = v6 ? (dst ? RF_IP6_DST : RF_IP6_SRC) : (dst ? RF_IP4_DST : RF_IP4_SRC);
	long r;

	rf_diff_ep(&diff, v6, from, to);
	r = rf_quote_addr(skb, p, q->l3_off + at, &from->addr, &to->addr);
	if (!v6) {
		__be16 old;

		if (bpf_skb_load_bytes(skb, q->l3_off + RF_IP4_CHECK, &old, 2))
			return -1;
		r |= rf_quote_word(skb, p->l4_off, q->l3_off + RF_IP4_CHECK, old,
				   rf_csum_apply(old, diff.addr));
	}
	r |= rf_quote_word(skb, p->l4_off, q->l4_off + (dst ? RF_UDP_DPORT : RF_UDP_SPORT),
			   from->port, to->port);
	if (!q->udp_check)
		return r;
	return r | rf_quote_word(skb, p->l4_off, q->l4_off + RF_UDP_CHECK, q->udp_check,
				 rf_csum_apply_udp(q->udp_check, diff.addr + diff.port));
}

/* The outer address; ICMPv6 has it in its checksum, ICMP has not. */
static __always_inline long rf_icmp_outer(struct __sk_buff *skb, const struct rf_pkt *p, bool dst,
					  const struct rf_addr *to)
{
	bool v6 = p->flags & RF_PKT_V6;

	return rf_skb_addr(skb, v6, p->l3_off, dst, v6 ? p->l4_off + RF_ICMP_CHECK : 0,
			   BPF_F_PSEUDO_HDR, dst ? &p->dst.addr : &p->src.addr, to);
}

/* The device towards the inside endpoint; 0: none, or out again */
__noinline __u32 rf_icmp_way_in(struct __sk_buff *skb, struct rf_pkt *p, const struct rf_ep *to)
{
	struct bpf_fib_lookup fib;

	if (!p || !to || !rf_fib_names_device(rf_fib(skb, p, &p->src, to, 0, &fib)) ||
	    rf_device_is(fib.ifindex, RF_DEV_WAN))
		return 0;
	return fib.ifindex;
}

/* From the WAN: about what the inside host sent as .q->src, our public endpoint. */
static __always_inline enum rf_reason rf_icmp_in(struct __sk_buff *skb, struct rf_pkt *p,
						 struct rf_quote *q)
{
	const struct rf_pinhole *ph = &p->hit.ph;
	struct rf_ep to;
	__u32 ifindex;
	bool xlate;

	if (!rf_pinhole_find(p, &q->src, RF_DIR_IN) || (ph->flags & RF_PH_LOCAL) ||
	    !rf_addr_eq(&p->dst.addr, &q->src.addr) || !rf_icmp_remote(&p->hit, &q->dst) ||
	    rf_out_first(p, &q->dst))
		return RF_R_NOT_OURS;
	if (p->ttl <= 1)
		return RF_R_TTL_EXPIRED;
	/* Untranslated, too, it goes the way of the media: a FORWARD policy knows nothing of the call. */
	xlate = ph->flags & RF_PH_XLATE;
	to = xlate ? ph->xlate : q->src;
	ifindex = rf_icmp_way_in(skb, p, &to);
	if (!ifindex)
		return xlate ? RF_R_NO_ROUTE : RF_R_NOT_OURS;
	if ((xlate &&
	     (rf_icmp_outer(skb, p, true, &to.addr) || rf_quote_rewrite(skb, p, q, false, &to))) ||
	    rf_skb_ttl(skb, p) || !rf_redirect(skb, p, ifindex))
		return RF_R_REWRITE_FAILED;
	return RF_R_ICMP_RELATED;
}

/* From inside: about media that we delivered to .q->dst, the inside endpoint. */
static __always_inline enum rf_reason rf_icmp_out(struct __sk_buff *skb, struct rf_pkt *p,
						  const struct rf_quote *q)
{
	const struct rf_pinhole *ph = &p->hit.ph;
	__u32 mtu = 0;
	struct rf_ep to;
	bool xlate;

	if (!rf_pinhole_find(p, &q->dst, RF_DIR_OUT) || (ph->flags & RF_PH_LOCAL) ||
	    !rf_addr_eq(&p->dst.addr, &q->src.addr) || !rf_icmp_remote(&p->hit, &q->src))
		return RF_R_NOT_OURS;
	if (p->ttl <= 1)
		return RF_R_TTL_EXPIRED;
	xlate = ph->flags & RF_PH_XLATE;
	if (bpf_check_mtu(skb, ph->wan_ifindex, &mtu, 0, 0) < 0) /* the device is gone */
		return xlate ? RF_R_NO_ROUTE : RF_R_NOT_OURS;
	to = xlate ? ph->xlate : q->dst;
	if ((xlate &&
	     (rf_icmp_outer(skb, p, false, &to.addr) || rf_quote_rewrite(skb, p, q, true, &to))) ||
	    rf_skb_ttl(skb, p) || !rf_redirect(skb, p, ph->wan_ifindex))
		return RF_R_REWRITE_FAILED;
	return RF_R_ICMP_RELATED;
}

__noinline enum rf_reason rf_icmp(struct __sk_buff *skb, struct rf_pkt *p)
{
	struct rf_quote q = {};

	if (!p || !rf_quote_get(skb, p, &q))
		return RF_R_NOT_OURS;
	return p->hook == RF_HOOK_WAN_IN ? rf_icmp_in(skb, p, &q) : rf_icmp_out(skb, p, &q);
}

#endif
