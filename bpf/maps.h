/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps of include/rf_abi.h, by the names given there. Nothing is pinned by name: the loader
 * sets pin paths per instance. The loader must also raise `scratch` to the number of possible CPUs:
 * bpf_map__set_max_entries(skel->maps.scratch, libbpf_num_possible_cpus()), and lower what is sized
 * by RF_PINHOLES_MAX to what the policy needs: arrays take their memory at once.
 */
#ifndef RF_BPF_MAPS_H
#define RF_BPF_MAPS_H

#include "config.h"

#define RF_NEXTHOPS 4096 /* rf_nexthop_get() makes 12 bits */

#define RF_HASH(name_, key_, value_, max_)            \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__uint(max_entries, max_);            \
		__type(key, key_);                    \
		__type(value, value_);                \
	} name_ SEC(".maps")

#define RF_ARRAY(name_, type_, value_, max_) \
	struct {                             \
		__uint(type, type_);         \
		__uint(max_entries, max_);   \
		__type(key, __u32);          \
		__type(value, value_);       \
	} name_ SEC(".maps")

RF_HASH(pinholes, struct rf_pinhole_key, struct rf_pinhole, 2 * RF_PINHOLES_MAX);
RF_HASH(more_remotes, struct rf_more_key, struct rf_more_remotes, 2 * RF_PINHOLES_MAX);
RF_HASH(learnt, __u32, struct rf_learnt, RF_PINHOLES_MAX);
RF_HASH(guards, struct rf_addr, struct rf_guard, RF_GUARDS_MAX);
RF_HASH(devices, __u32, struct rf_device, RF_DEVICES_MAX);
RF_HASH(call_ends, struct rf_ep, struct rf_call_end, RF_CALL_ENDS_MAX);
RF_HASH(excepts, __u32, struct rf_excepts, RF_EXCEPTS_MAX);
RF_HASH(sip_excepts, struct rf_ep, struct rf_sip_except, RF_SIP_EXCEPTS_MAX);
RF_HASH(tcp_flows, struct rf_tcp_key, struct rf_tcp_flow, RF_TCP_FLOWS_MAX);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RF_PREFIXES_MAX);
	__type(key, struct rf_prefix_key);
	__type(value, struct rf_inside);
} inside SEC(".maps");

RF_ARRAY(settings, BPF_MAP_TYPE_ARRAY, struct rf_settings, 1);
RF_ARRAY(instance, BPF_MAP_TYPE_ARRAY, struct rf_instance, 1);
RF_ARRAY(control, BPF_MAP_TYPE_ARRAY, struct rf_control, 1);
RF_ARRAY(reasons, BPF_MAP_TYPE_PERCPU_ARRAY, struct rf_counter, RF_REASONS_ROOM);

#define RF_MAPPED(name_, value_, max_)             \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, max_);         \
		__type(key, __u32);                \
		__type(value, value_);             \
	} name_ SEC(".maps")

/* Nobody maps it: such arrays begin at a page, so that statistics have cache lines of their own. */
RF_MAPPED(pinhole_state, struct rf_pinhole_state, RF_PINHOLES_MAX);
RF_ARRAY(pinhole_cold, BPF_MAP_TYPE_ARRAY, struct rf_pinhole_cold, RF_PINHOLES_MAX);
RF_MAPPED(progress, struct rf_progress, 1);
RF_MAPPED(flow_ports, __u64, RF_FLOW_PORTS);
RF_MAPPED(inbound, struct rf_inbound, RF_PINHOLES_MAX / 2);
/* Entries of `inbound`, a power of two: set by the loader. */
const volatile __u32 rf_inbound_n = RF_PINHOLES_MAX / 2;
/* The kernel has conntrack that can be asked: set by the loader. The address of a weak kfunc does not tell on 6.1,
 * where it is a module's. */
const volatile bool rf_conntrack = false;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RF_FRAGS_MAX);
	__type(key, struct rf_frag_key);
	__type(value, struct rf_frag);
} frags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RF_FLOWS_MAX);
	__type(key, struct rf_flow_key);
	__type(value, struct rf_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RF_PUNT_BYTES);
} punt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RF_EVENTS_BYTES);
} events SEC(".maps");

/* One punt record under construction per CPU. Not a PERCPU_ARRAY: its values end at 32 KiB. */
struct rf_scratch {
	struct rf_punt hdr;
	__u8 data[RF_PUNT_MAX + 1];
};
RF_ARRAY(scratch, BPF_MAP_TYPE_ARRAY, struct rf_scratch, 1);

struct rf_event_limit {
	__u64 last_ns;
	__u32 suppressed;
	__u32 pad;
};
RF_ARRAY(event_limits, BPF_MAP_TYPE_PERCPU_ARRAY, struct rf_event_limit, RF_REASONS_ROOM);

/* Where packets from .src to .dst went a moment ago: nexthop.h. One cache line. */
struct rf_nexthop {
	struct rf_addr src, dst; /* on the wire behind us */
	__u64 fresh_until_ns;
	__u32 via; /* enum rf_nexthop_via bits and the device that the look-up began at */
	__u32 ifindex; /* the device it leaves by */
	__u8 dst_mac[6], src_mac[6];
	__u16 max_len; /* longest L3 packet that the route took */
	__u8 hits; /* look-ups in a row with this answer */
	__u8 xdp; /* the device takes XDP redirects */
};
_Static_assert(sizeof(struct rf_nexthop) == 64, "rf_nexthop");
RF_ARRAY(nexthops, BPF_MAP_TYPE_PERCPU_ARRAY, struct rf_nexthop, RF_NEXTHOPS);

/* What frames to a device itself are sent to: l2.h. Index: the lower bits of its ifindex. */
#define RF_OWN_MACS 4096 /* a power of two; hosts of containers have hundreds of devices */
RF_ARRAY(own_macs, BPF_MAP_TYPE_ARRAY, __u64, RF_OWN_MACS);

static __always_inline struct rf_settings *rf_settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct rf_pinhole_cold *rf_pinhole_cold_get(__u32 slot)
{
	return bpf_map_lookup_elem(&pinhole_cold, &slot);
}

/* 0: no call */
static __always_inline __u32 rf_call_id_of(__u32 slot)
{
	struct rf_pinhole_cold *cold = slot ? rf_pinhole_cold_get(slot) : NULL;

	return cold ? cold->call_id : 0;
}

static __always_inline struct rf_progress *rf_progress_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&progress, &zero);
}

static __always_inline struct rf_control *rf_control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

#endif
