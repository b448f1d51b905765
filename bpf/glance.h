/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The endpoints of a plain packet, read from where they lie: whole UDP or TCP without options behind a plain
 * Ethernet header. No context is needed, and nothing is noted. What is not plain is parse.h's.
 */
#ifndef RF_BPF_GLANCE_H
#define RF_BPF_GLANCE_H

#include "l2.h"

struct rf_glance {
	struct rf_ep src, dst;
	bool v6, udp; /* else IPv4; else TCP */
	bool opening; /* a SYN */
};

/* Which packets are looked at */
enum rf_glance_at {
	RF_GLANCE_ALL,
	RF_GLANCE_NO_RTP, /* not what is most likely media, by its first byte: that must not pay for this */
};

/* Of the IP payload, .room bytes of it by the IP header. False: to be looked at closely. */
static __always_inline bool rf_glance_l4(struct rf_glance *g, const void *l4, const void *end,
					 __u8 proto, __u32 room, enum rf_glance_at at)
{
	const struct tcphdr *tcp = l4;
	const struct udphdr *udp = l4;

	if ((void *)(udp + 1) > end)
		return false;
	g->src.port = udp->source;
	g->dst.port = udp->dest;
	if (proto == IPPROTO_UDP) {
		__u32 len = bpf_ntohs(udp->len);
		const __u8 *first = (void *)(udp + 1);

		if (at == RF_GLANCE_NO_RTP && (void *)(first + 1) <= end && *first >> 6 == 2)
			return false;
		g->udp = true;
		return len >= sizeof(*udp) && len <= room;
	}
	if (proto != IPPROTO_TCP || (void *)(tcp + 1) > end)
		return false;
	g->opening = tcp->syn && !tcp->ack;
	return true;
}

/* A whole UDP or TCP packet without options in a plain Ethernet frame; else false. */
static __always_inline bool rf_glance(struct __sk_buff *skb, struct rf_glance *g,
				      enum rf_glance_at at)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	const void *end = (void *)(long)skb->data_end;
	const struct ipv6hdr *ip6 = (void *)(eth + 1);
	const struct iphdr *ip = (void *)(eth + 1);
	__u32 len;

	if ((void *)(ip + 1) > end || rf_lacks_eth(skb))
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		len = bpf_ntohs(ip->tot_len);
		if (*(const __u8 *)ip != 0x45 || (ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)))
			return false;
		/* a BIG TCP packet has a length of 0 */
		if (ip->protocol == IPPROTO_UDP &&
		    (len < sizeof(*ip) || len > skb->len - sizeof(*eth)))
			return false;
		if (!rf_glance_l4(g, ip + 1, end, ip->protocol, len - sizeof(*ip), at))
			return false;
		rf_addr_v4(&g->src.addr, ip->saddr);
		rf_addr_v4(&g->dst.addr, ip->daddr);
		return true;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(ip6 + 1) > end || ip6->version != 6)
		return false;
	len = bpf_ntohs(ip6->payload_len);
	if (ip6->nexthdr == IPPROTO_UDP && len > skb->len - sizeof(*eth) - sizeof(*ip6))
		return false;
	if (!rf_glance_l4(g, ip6 + 1, end, ip6->nexthdr, len, at))
		return false;
	g->v6 = true;
	rf_addr_v6(&g->src.addr, &ip6->saddr);
	rf_addr_v6(&g->dst.addr, &ip6->daddr);
	/* the keys of IPv4's */
	return !rf_addr_is_v4(&g->src.addr) && !rf_addr_is_v4(&g->dst.addr);
}

#endif
