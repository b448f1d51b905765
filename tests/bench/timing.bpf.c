/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On the devices next to the gateway: when SIP messages pass, and whether the pinholes of the call
 * under way are in Ringfence's map at that moment.
 */
#include "config.h"
#include "timing_log.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RF_PINHOLES_MAX);
	__type(key, struct rf_pinhole_key);
	__type(value, struct rf_pinhole);
} pinholes SEC(".maps");

struct rf_pinhole_key keys[2];
struct timing_entry entries[TIMING_LOG];
__u32 n_entries;

static __always_inline __u8 is_open(__u32 dir)
{
	struct rf_pinhole_key key = keys[dir & 1];
	struct rf_pinhole *p = bpf_map_lookup_elem(&pinholes, &key);

	return p && p->state == RF_PINHOLE_OPEN && p->classes & RF_CLASS_RTP;
}

static __always_inline int note(struct __sk_buff *skb, __u8 at)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct udphdr udp;
		char start[4];
	} __attribute__((packed)) f;
	struct timing_entry *e;
	__u32 i = n_entries;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, 0, &f, sizeof(f)) ||
	    f.ip.protocol != IPPROTO_UDP || f.ip.ihl != 5 ||
	    (at == TIMING_INWARD ? f.udp.source : f.udp.dest) != bpf_htons(5060) || i >= TIMING_LOG)
		return TC_ACT_UNSPEC;
	e = &entries[i & (TIMING_LOG - 1)];
	n_entries = i + 1;
	e->ns = bpf_ktime_get_ns();
	__builtin_memcpy(e->start, f.start, 4);
	e->at = at;
	e->open[RF_DIR_IN] = is_open(RF_DIR_IN);
	e->open[RF_DIR_OUT] = is_open(RF_DIR_OUT);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int timing_to_gw(struct __sk_buff *skb)
{
	return note(skb, TIMING_TO_GW);
}

SEC("tc")
int timing_inward(struct __sk_buff *skb)
{
	return note(skb, TIMING_INWARD);
}

SEC("tc")
int timing_outward(struct __sk_buff *skb)
{
	return note(skb, TIMING_OUTWARD);
}
