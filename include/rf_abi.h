/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel programs and userspace share: map names, keys, values, ring buffer records.
 * Fixed-width members, explicit zeroed padding, sizes asserted. A change of any layout raises
 * RF_ABI_VERSION: a loader refuses to reuse pinned maps of another version.
 * Byte order is in the type: __be16/__be32 are network order, everything else is host order.
 * Times are nanoseconds of CLOCK_MONOTONIC (bpf_ktime_get_ns / clock_gettime).
 */
#ifndef RF_ABI_H
#define RF_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#include "rf_reasons.h"

#define RF_ABI_VERSION	 7
#define RF_ABI_OLDEST	 5 /* whose running instance `attach ... replace` takes over */
/* Of settings.abi_version: programs or pins are being exchanged, or that was interrupted. With it no other
 * version, not even the one it comes from, works on the instance. */
#define RF_ABI_UPGRADING (1U << 31)
#define RF_NS_PER_SEC	 1000000000ULL

/* Pins below /sys/fs/bpf/ringfence/<instance>/ : maps/<map name>, progs/<program name>,
 * links/xdp_<ifindex>. */
#define RF_BPFFS_ROOT	    "/sys/fs/bpf/ringfence"
#define RF_DEFAULT_INSTANCE "default"

#define RF_SIP_PORTS_MAX 8
/* Remotes of one pinhole: forks of a call, or media prefixes to learn from */
#define RF_REMOTES_MAX	 4
#define RF_COOKIES_MAX	 8
#define RF_COOKIES_JUDGE 4 /* from this one on: packets of these sockets are judged again */
#define RF_PUNT_MAX	 65535 /* bytes of one L3 packet */

/* IPv6 address, or IPv4 as v4-mapped ::ffff:a.b.c.d, so that one key serves both. */
struct rf_addr {
	__be32 w[4];
};

struct rf_ep { /* transport address */
	struct rf_addr addr;
	__be16 port;
	__u16 pad;
};
_Static_assert(sizeof(struct rf_ep) == 20, "rf_ep");

enum rf_dir {
	RF_DIR_IN, /* from the WAN to an inside host */
	RF_DIR_OUT, /* from an inside host to the WAN */
};

/*
 * pinholes: HASH. RF_DIR_IN: addr/port that the packet on the WAN is sent *to* (public endpoint).
 * RF_DIR_OUT: addr/port that the inside host's packet comes *from* (inside endpoint).
 * Written by the controller (or `ringfence` through it) only.
 */
struct rf_pinhole_key {
	struct rf_addr addr;
	__be16 port;
	__u8 dir; /* enum rf_dir */
	__u8 pad;
};
_Static_assert(sizeof(struct rf_pinhole_key) == 20, "rf_pinhole_key");

/* Payload classes a pinhole admits (RFC 7983 demultiplexing; UDPTL by its own shape) */
enum rf_class {
	RF_CLASS_RTP = 1 << 0,
	RF_CLASS_RTCP = 1 << 1,
	RF_CLASS_STUN = 1 << 2,
	RF_CLASS_DTLS = 1 << 3,
	RF_CLASS_UDPTL = 1 << 4,
	RF_CLASS_ANY = 1 << 5, /* manual pinholes: payload is not looked at */
	RF_CLASS_SIP = 1 << 6, /* a signalling port: held for the controller, no other applies */
	RF_CLASS_BFCP = 1 << 7, /* over UDP: RFC 8855 */
};

enum rf_pinhole_state_id {
	RF_PINHOLE_OPEN = 1,
	RF_PINHOLE_CLOSED = 2, /* tombstone: the sender still talks; drop by name, not as unknown */
};

enum rf_pinhole_flag {
	RF_PH_XLATE = 1 << 0, /* rewrite to .xlate; without it addresses stay (host, routed) */
	RF_PH_LEARN = 1 << 1, /* remotes are prefixes to learn one source from (port 0 = any) */
	RF_PH_HELD = 1 << 2, /* RTP is absent from .classes because of hold / direction */
	RF_PH_LOCAL = 1 << 3, /* the inside endpoint is this host (mode host) */
	RF_PH_ICE = 1 << 4, /* STUN checks with other remotes are for the controller to verify */
	RF_PH_OUT_FIRST =
		1
		<< 5, /* both directions: IN is closed to a remote until something has been sent OUT to it;
				   * cleared when all remotes are open */
	RF_PH_NAMED =
		1 << 7, /* another host named the inside endpoint: it may have a life of its own */
	RF_PH_LOW_PORTS = 1 << 6, /* RF_PH_LEARN: also a source below RF_LOW_PORTS */
};

#define RF_LOW_PORTS 1024 /* below: name, time and management services, never media */

struct rf_remote {
	struct rf_addr addr;
	__be16 port; /* 0: any port (learning only) */
	__u8 prefix_len; /* of addr as IPv6: 128 = this address; only RF_PH_LEARN uses less */
	__u8 pad;
};
_Static_assert(sizeof(struct rf_remote) == 20, "rf_remote");

struct rf_pinhole {
	__u64 deadline_ns; /* dropped as PINHOLE_EXPIRED from then on; never 0 */
	__u32 id; /* both directions of one pinhole share it; never reused */
	__u32 slot; /* of pinhole_state and pinhole_cold, shared like the id; 0: none (signalling) */
	__u32 idle_s; /* no media in either direction for longer: PINHOLE_IDLE; 0: no limit */
	__u32 clock_rate; /* RTP clock in Hz; 0: unknown */
	__u32 wan_ifindex; /* device the remote side is reached by */
	__u16 classes; /* enum rf_class bits */
	__u16 flags; /* enum rf_pinhole_flag bits */
	__u8 state; /* enum rf_pinhole_state_id */
	__u8 n_remotes; /* 0..RF_REMOTES_MAX */
	__u16 spare_bits; /* 0 */
	__u32 rtcp_types; /* bit n: type 192 + n may come first in a compound packet */
	struct rf_ep
		xlate; /* IN: inside endpoint (new destination); OUT: public one (new source) */
	struct rf_remote remote; /* the first; the others are in more_remotes */
	__u8 payload_types[16]; /* bitmap of RTP payload types 0..127: bit pt%8 of byte pt/8 */
	__u8 spare[16]; /* 0 */
};
/* With the hash's own 56 bytes and the key 192, a slab: it begins at 80 and fills two cache lines. */
_Static_assert(sizeof(struct rf_pinhole) == 112, "rf_pinhole");

/*
 * pinhole_cold: ARRAY by slot. What only packets need that are not plain; shared by both directions.
 * Written by the controller before the entries that name the slot. Slot 0 stays zero.
 */
struct rf_pinhole_cold {
	__u32 call_id; /* 0: manual */
	__u32 learn_until_s; /* RF_PH_LEARN: of CLOCK_MONOTONIC, rounded up; a source may be learnt until then */
	__u32 idle_from_s; /* seconds of CLOCK_MONOTONIC: silence before (on hold) does not count */
	__u32 sent_to; /* RF_PH_OUT_FIRST: bit n: something has been sent to the OUT entry's remote n (kernel) */
};
_Static_assert(sizeof(struct rf_pinhole_cold) == 16, "rf_pinhole_cold");

/*
 * (ns * mult) >> 32 is the time in units of the RTP clock, within 30 ppm from 8 kHz on. Without a division:
 * 2^32 / 10^9 is 4 and 1266874890 / 2^32.
 */
static inline __u32 rf_clock_mult(__u32 rate)
{
	return rate * 4 + (((__u64)rate * 1266874890 + (1u << 31)) >> 32);
}

/* more_remotes: HASH. Of pinholes with more than one; written before the pinhole that names them. */
struct rf_more_key {
	__u32 id; /* of the pinhole */
	__u32 dir; /* enum rf_dir */
};
struct rf_more_remotes {
	struct rf_remote remotes[RF_REMOTES_MAX - 1]; /* the second is the first */
};

/* pinhole_state: ARRAY by slot. Zeroed by the controller, written by the kernel. Slot 0 stays unused. */
struct rf_flow_stats { /* one direction, one cache line */
	__u64 packets;
	__u64 bytes; /* of the L3 packets */
	__u64 drops; /* dropped although a pinhole was found */
	__u64 last_ns; /* last packet that was delivered, as of the clock tick before it; 0: none yet */
	__u32 ssrc;
	__u32 seq_base; /* first sequence number */
	__u32 seq_ext; /* highest sequence number, extended by cycles in the upper 16 bit */
	__u32 rtp_packets; /* since seq_base; lost = seq_ext - seq_base + 1 - rtp_packets */
	__u32 transit; /* RFC 3550 A.8, of the first of a pair; 0: none */
	__u32 jitter; /* RFC 3550 A.8, scaled by 16, in RTP clock units */
	__u8 payload_type; /* last seen */
	__u8 ssrc_known;
	__u8 last_reason; /* enum rf_reason of the last drop */
	__u8 bad_seq_known;
	__u16 bad_seq; /* RFC 3550 A.1: the sequence number that would confirm a jump */
	__u8 stun_tick; /* RF_PH_ICE: when .stun_asked began, in units of 2^28 ns */
	__u8 stun_asked; /* STUN checks given to the controller since then */
};
_Static_assert(sizeof(struct rf_flow_stats) == 64, "rf_flow_stats");

struct rf_pinhole_state {
	struct rf_flow_stats dir[2]; /* by enum rf_dir */
};
_Static_assert(sizeof(struct rf_pinhole_state) == 128, "rf_pinhole_state");

/*
 * inbound: ARRAY, memory-mapped by the controller, its only writer. What plain RTP from the WAN needs of an
 * IPv4 pinhole, in half a cache line that is found without a hash: its index comes from our own public endpoint
 * and is the pinhole's slot, too, so that line and statistics are fetched at the same time. Only a copy:
 * what it does not say yes to is for `pinholes` to judge, and an endpoint may have no line at all. What makes
 * a pinhole plain (user/inbound.c) belongs to the layout: programs trust lines of an older controller.
 */
#define RF_INBOUND_TYPES   4
#define RF_INBOUND_NO_TYPE 0xff /* in an unused place of .payload_types */
#define RF_INBOUND_TICK	   24 /* of .until: 2^24 ns */
#define RF_INBOUND_SILENCE_S \
	30 /* after so much of it the pinhole is asked; no line with a shorter .idle_s */
struct rf_inbound {
	__u16 version; /* odd: being written; 0: nothing is here. A reader looks before and after */
	__be16 own_port, remote_port, to_port;
	__be32 own, remote, to; /* .to: the new destination */
	__u32 until; /* tick of CLOCK_MONOTONIC from which on the pinhole is asked: it may be at its end */
	__u32 clock_rate; /* as of the pinhole */
	__u8 payload_types[RF_INBOUND_TYPES];
};
_Static_assert(sizeof(struct rf_inbound) == 32, "rf_inbound");

/* One of the four is pt (0..127)? */
static inline __u32 rf_inbound_has_type(__u32 types, __u8 pt)
{
	__u32 x = types ^ pt * 0x01010101u; /* a zero byte where it is */

	return (x - 0x01010101u) & ~x & 0x80808080u;
}

/*
 * .addr, .port: host order; .n: entries of the map, a power of two. RTP has even ports, so that neighbours do not
 * meet; one address has 8,192 places, and what follows it has the next ones. 0: no line.
 */
static inline __u32 rf_inbound_index(__u32 addr, __u16 port, __u32 n)
{
	return port & 1 ? 0 : (addr * (65536 / 8) + port / 2) & (n - 1);
}

enum rf_learn_state {
	RF_LEARN_NONE = 0,
	RF_LEARN_BUSY = 1, /* one CPU is writing what is learnt */
	RF_LEARN_LOCKED = 2, /* valid: only it passes in, and media out goes to it */
};

/* learnt: HASH, key __u32 pinhole id; of RF_PH_LEARN only. Made by the controller, written by the kernel. */
struct rf_learnt {
	struct rf_ep ep; /* valid when .state is RF_LEARN_LOCKED */
	__u32 state; /* enum rf_learn_state */
	__u32 ssrc;
	__u32 ssrc_state; /* enum rf_learn_state, of .ssrc */
};
_Static_assert(sizeof(struct rf_learnt) == 32, "rf_learnt");

/* guards: HASH, key struct rf_addr: an address on the wire of a WAN device that is guarded. */
struct rf_guard {
	__u32 ifindex; /* WAN device that has it */
	__u16 port_lo, port_hi; /* guarded media ports, host order, inclusive */
};

/* Of an inside host */
enum rf_mode {
	RF_MODE_AUTO = 0, /* host if the address is local, nat if private, else routed */
	RF_MODE_HOST = 1,
	RF_MODE_ROUTED = 2,
	RF_MODE_NAT = 3,
};

/* inside: LPM_TRIE over v4-mapped/IPv6 addresses. */
struct rf_prefix_key {
	__u32 prefix_len; /* 0..128; IPv4 prefixes are 96 + n */
	struct rf_addr addr;
};
struct rf_inside {
	__u8 mode; /* enum rf_mode */
	__u8 from_attach; /* given to `ringfence attach`, not by the configuration */
	__u16 port_lo, port_hi; /* guarded media ports (mode routed), host order, inclusive */
	__u16 pad;
};

enum rf_device_role {
	RF_DEV_UNFINISHED = 0, /* a WAN device whose attach or detach has not come to its end */
	RF_DEV_WAN = 1,
	RF_DEV_INSIDE = 2,
};
enum rf_device_flag {
	RF_DEV_XDP_TX = 1 << 0, /* takes frames redirected by native XDP */
	RF_DEV_L3 = 1 << 1, /* no Ethernet header (tun, wireguard) */
	RF_DEV_XDP_NATIVE = 1 << 2, /* how XDP is attached; neither: TC only */
	RF_DEV_XDP_GENERIC = 1 << 3,
	RF_DEV_STACK = 1 << 4, /* deliver translated packets by the stack (last resort) */
};

/* devices: HASH, key __u32 ifindex. */
struct rf_device {
	__u8 role;
	__u8 flags;
	__u16 pad;
	__u32 mtu;
	char name[16];
};

enum rf_policy_flag {
	RF_POLICY_AWAY_PASS = 1 << 0, /* signalling passes unseen while the controller is away */
	RF_POLICY_INSIDE_DIRECT =
		1 << 1, /* the WAN may send SIP and media to private inside addresses */
	RF_POLICY_EXCEPTS = 1 << 2, /* there is something in `excepts` */
	RF_POLICY_SIP_EXCEPTS = 1 << 3, /* there is something in `sip_excepts` */
};

/* settings: ARRAY[1], written by attach and by the controller's configuration. */
struct rf_settings {
	__u32 abi_version;
	__u32 policy; /* enum rf_policy_flag bits */
	__u64 netns_inode; /* the network namespace the instance lives in */
	__u64 heartbeat_limit_ns; /* controller counts as away after this long without a heartbeat */
	__u16 n_sip_ports;
	__u16 pad;
	__be16 sip_ports[RF_SIP_PORTS_MAX];
	__u32 call_end_s; /* entries of call_ends last so long; less than RF_CALL_END_S (older instances: 0): that */
};
_Static_assert(sizeof(struct rf_settings) == 48, "rf_settings");

enum rf_instance_flag {
	RF_INSTANCE_TAKEN_OVER =
		1 << 0, /* of a version without ids: what is kept elsewhere may have none */
	RF_INSTANCE_ENDED =
		1 << 1, /* detached: whoever still has its maps open has nothing left to do */
	RF_INSTANCE_CONNTRACK = 1 << 2, /* the programs ask it: of the last load */
};

/*
 * instance: ARRAY[1], written when the maps are made, and once more when they have served. What is kept elsewhere
 * belongs to this one, by its id. Its pin can be read by everybody, so that a controller that is not root
 * sees whether its instance is still the one of that name; and as each program holds all maps, the name tells
 * whose they are, when a pin is missing.
 */
struct rf_instance {
	__u64 id; /* random, never 0 */
	__u64 since_ns; /* CLOCK_MONOTONIC */
	__u64 flags; /* enum rf_instance_flag bits */
	char name[32];
};
_Static_assert(sizeof(struct rf_instance) == 56, "rf_instance");

/*
 * What belongs to others (include/rf_bystander.h has the rules).
 *
 * flows: LRU_HASH. UDP that left by a WAN device from a guarded port and is no call's, as it was on the wire.
 * Made at WAN egress only, so that nobody outside can push entries out; what answers them only renews them.
 */
struct rf_flow_key {
	struct rf_ep own, remote;
};
_Static_assert(sizeof(struct rf_flow_key) == 40, "rf_flow_key");
struct rf_flow {
	__u64 last_ns; /* of a packet, within RF_FLOW_FRESH_NS */
	__u32 answered;
	__u32 pad;
};
_Static_assert(sizeof(struct rf_flow) == 16, "rf_flow");

/* flow_ports: ARRAY of __u64 (the stride of what is mapped) by own port (host order), mapped by the controller: when it was last that of a
 * flow, in seconds of CLOCK_MONOTONIC; 0: never. Calls are given other ports. */
#define RF_FLOW_PORTS 65536

/*
 * call_ends: HASH, key struct rf_ep, our endpoint on the WAN. Of a pinhole that is no longer in the map: with whom
 * it was shared. Made and removed by the controller, prolonged by the kernel while the call's host goes on sending.
 */
#define RF_CALL_END_REMOTES 4
struct rf_call_end {
	__u64 until_ns;
	__u32 n; /* remotes; more than RF_CALL_END_REMOTES: not all of them are here, so anybody */
	__u32 pad;
	struct rf_ep remotes[RF_CALL_END_REMOTES];
};
_Static_assert(sizeof(struct rf_call_end) == 96, "rf_call_end");

/* excepts: HASH, key __u32 ifindex of a WAN device, 0: what is excepted on any of them (inside devices). */
struct rf_excepts {
	__u64 ports[65536 / 64]; /* bit port%64 of word port/64, host order: left to others */
};

/* sip_excepts: HASH, key struct rf_ep: endpoints whose SIP is not taken; address :: any, port 0 any. */
struct rf_sip_except {
	__u32 pad;
};

/* control: ARRAY[1], written by the running controller only. */
struct rf_control {
	__u64 heartbeat_ns; /* 0: never */
	/* of the controller's sockets; 0: unused. The first are releases */
	__u64 cookies[RF_COOKIES_MAX];
	__u32 inject_mark; /* random; lo egress sets it on releases to this host, WAN ingress clears it */
	__u32 pid;
};
_Static_assert(sizeof(struct rf_control) == 80, "rf_control");

/*
 * progress: ARRAY[1], memory-mapped by the controller. Media may overtake the message that announces
 * it, as that one waits for the controller: while .done is behind .held, media that would be refused is
 * put into the punt ring behind it, so that it is judged when that message has had its effect.
 */
struct rf_progress {
	__u64 held; /* SIP messages and fragments ever put into the punt ring (kernel) */
	__u64 done; /* of these, as many as the controller has certainly dealt with (controller) */
	__u32 parked; /* since .held last rose (kernel) */
	__u32 pad;
};
_Static_assert(sizeof(struct rf_progress) == 24, "rf_progress");

enum rf_hook {
	RF_HOOK_WAN_XDP = 1,
	RF_HOOK_WAN_IN = 2, /* TC ingress of a WAN device */
	RF_HOOK_WAN_OUT = 3, /* TC egress of a WAN device: packets of this host itself */
	RF_HOOK_INSIDE_IN = 4, /* TC ingress of an inside device */
	RF_HOOK_LO_OUT = 5, /* TC egress of lo: releases to this host */
	RF_HOOK_INSIDE_OUT = 6, /* TC egress of an inside device: SIP over TCP of the controller */
	RF_HOOK_MAX
};

enum rf_punt_kind {
	RF_PUNT_SIP = 1, /* a whole UDP datagram */
	RF_PUNT_FRAGMENT = 2, /* fragment of a datagram whose first fragment is signalling */
	RF_PUNT_DEFERRED = 3, /* fragment that came before its first fragment: kind not known yet */
	/* first fragment of a datagram that is NOT signalling, after deferred ones: send all on
	 * verbatim, in order */
	RF_PUNT_DEFERRED_END = 4,
	RF_PUNT_MEDIA = 5, /* media that overtook signalling: to be judged again */
	/* STUN check of a pinhole with a remote it does not list: verified, then judged again */
	RF_PUNT_STUN = 6,
	RF_PUNT_TCP = 7, /* SYN of a SIP connection: let in, or refused, by the controller */
};

/* punt: RINGBUF of struct rf_punt followed by .len bytes from the L3 header on. */
struct rf_punt {
	__u64 time_ns;
	__u32 ifindex;
	__u32 len;
	__u8 hook; /* enum rf_hook */
	__u8 kind; /* enum rf_punt_kind */
	__u16 vlan; /* 0: none */
	__u32 call_id; /* RF_PUNT_STUN: whose pinhole it is; else 0 */
};
_Static_assert(sizeof(struct rf_punt) == 24, "rf_punt");

/* events: RINGBUF; rate-limited per reason and CPU. */
struct rf_event {
	__u64 time_ns;
	__u32 ifindex;
	__u16 reason; /* enum rf_reason */
	__u8 hook;
	__u8 proto; /* IP protocol, 0: not known */
	struct rf_ep src, dst; /* as on the wire at that hook */
	__u32 pinhole_id; /* 0: none */
	__u32 call_id;
	__u32 len; /* bytes of the L3 packet */
	__u32 suppressed; /* events of this reason left out on this CPU since the last one */
};
_Static_assert(sizeof(struct rf_event) == 72, "rf_event");

/* reasons: PERCPU_ARRAY[RF_REASONS_ROOM] of struct rf_counter: programs with more reasons may come. */
#define RF_REASONS_ROOM 128
_Static_assert(RF_R_MAX <= RF_REASONS_ROOM, "room for reasons");
struct rf_counter {
	__u64 packets;
	__u64 bytes;
};

/* frags: LRU_HASH, IP fragments by datagram. */
struct rf_frag_key {
	struct rf_addr src, dst;
	__be32 id; /* IPv4: identification, upper 16 bit zero */
	__u8 proto;
	__u8 hook;
	__u16 pad;
};
enum rf_frag_verdict {
	RF_FRAG_PASS = 1,
	RF_FRAG_SIP = 2,
	RF_FRAG_MEDIA = 3, /* dropped */
	RF_FRAG_DEFERRED = 4, /* the first fragment is not seen yet */
};
struct rf_frag {
	__u64 time_ns;
	__u32 verdict; /* enum rf_frag_verdict */
	__u32 pad;
};

/* Map capacities (max_entries); hashes are BPF_F_NO_PREALLOC. Attach makes room for as many pinholes (of two
 * directions each) as the policy's calls may need: pinhole_state has that many slots. */
#define RF_PINHOLES_MAX	   (1 << 21)
#define RF_GUARDS_MAX	   256
#define RF_PREFIXES_MAX	   4096
#define RF_DEVICES_MAX	   4096
#define RF_FRAGS_MAX	   8192
/* As many as one public address has ports; LRU, and only our own side makes them */
#define RF_FLOWS_MAX	   65536
/* Own endpoints that were a call's: attach makes room for as many as there can be pinholes at a time */
#define RF_CALL_ENDS_MAX   RF_PINHOLES_MAX
#define RF_EXCEPTS_MAX	   64 /* WAN devices */
#define RF_SIP_EXCEPTS_MAX 256
/* Per pinhole, direction and 2^28 ns; ICE paces its checks 50 ms apart */
#define RF_STUN_ASK_MAX	   16
/* Packets parked behind one message, so that a flood cannot fill the ring */
#define RF_PARK_MAX	   64
#define RF_PUNT_BYTES	   (8 << 20)
#define RF_EVENTS_BYTES	   (1 << 20)

/*
 * tcp_flows: HASH, SIP over TCP. Each connection between the controller and somebody else (.remote) has
 * two addresses on our side: what it is (.local of RF_TCP_OUT), and what .remote sees (.local of
 * RF_TCP_IN). Written by the controller only.
 */
enum rf_tcp_dir {
	RF_TCP_IN, /* from .remote: .to is the new destination */
	RF_TCP_OUT, /* to .remote: .to is the new source */
};
struct rf_tcp_key {
	struct rf_ep remote, local;
	__u8 role; /* enum rf_device_role: where .remote is */
	__u8 dir; /* enum rf_tcp_dir */
	__u16 pad;
};
_Static_assert(sizeof(struct rf_tcp_key) == 44, "rf_tcp_key");
struct rf_tcp_flow {
	struct rf_ep to;
	__u32 pad;
};
_Static_assert(sizeof(struct rf_tcp_flow) == 24, "rf_tcp_flow");
#define RF_TCP_FLOWS_MAX 65536

#endif
