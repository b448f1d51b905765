/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits and constants of the kernel side. Whatever an operator can change lives in the maps
 * `settings` and `control`; what stands here bounds work per packet, so it is fixed at build time.
 */
#ifndef RF_BPF_CONFIG_H
#define RF_BPF_CONFIG_H

/* Only UAPI structures (__sk_buff, xdp_md, bpf_fib_lookup) and wire formats are read, neither of
 * which moves between kernels: relocations could only do harm. */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "rf_abi.h"

#define RF_VLANS_MAX   2 /* 802.1ad outer + 802.1Q inner */
#define RF_EXTHDRS_MAX 8 /* IPv6 extension headers that are walked over */
#define RF_L2_MAX      64 /* the L3 header starts before this offset */
#define RF_HDRS_MAX    1024 /* the UDP header starts before this offset */
#define RF_PULL_MAX    (RF_HDRS_MAX + 128) /* made linear when headers are not */

#define RF_FRAG_AGE_NS	     (30 * RF_NS_PER_SEC) /* Linux forgets fragments after 30 s, too */
#define RF_JITTER_OF	     8 /* packets to one pair whose jitter is measured; a power of two */
#define RF_EVENT_INTERVAL_NS (RF_NS_PER_SEC / 10) /* one event per reason and CPU */
#define RF_LEARN_SPINS	     64 /* reads while another CPU writes the learnt source: < 1 us */

/* Next to the mark of releases, as nobody else can know it */
#define RF_HAIRPIN_MARK(inject_mark) ((inject_mark) ^ 1)

/* skb->tc_index of media on its way out by a redirect: the egress hook need not look at it. Only "passes anyhow"
 * hangs on it, so that it does no harm where somebody else sets it. */
#define RF_TC_DELIVERED 0x5246

/* include/uapi/linux/{if_ether,pkt_cls,if_packet,in6,ip}.h: macros, so not in vmlinux.h */
#define ETH_P_IP	 0x0800
#define ETH_P_IPV6	 0x86DD
#define ETH_P_8021Q	 0x8100
#define ETH_P_8021AD	 0x88A8
#define ETH_P_MPLS_UC	 0x8847
#define ETH_P_PPP_SES	 0x8864
#define TC_ACT_UNSPEC	 (-1) /* of the verdicts only what tcx knows, too */
#define TC_ACT_SHOT	 2
#define TC_ACT_REDIRECT	 7
#define PACKET_HOST	 0
#define PACKET_OTHERHOST 3
#define AF_INET		 2
#define AF_INET6	 10
#define NEXTHDR_HOP	 0
#define NEXTHDR_ROUTING	 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_DEST	 60
#define IPPROTO_ICMPV6	 58
#define IP_DF		 0x4000
#define IP_MF		 0x2000
#define IP_OFFSET	 0x1FFF
#define IP6_OFFSET	 0xFFF8
#define IP6_MF		 0x0001

#define RF_MEMORY_ORDER()   asm volatile("" ::: "memory") /* for the compiler */
#define RF_BARRIER(x)	    asm volatile("" : "+r"(x))
#define RF_READ_ONCE(x)	    (*(const volatile typeof(x) *)&(x))
#define RF_WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

#endif
