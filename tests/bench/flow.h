/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which addresses and ports flow number i of the benchmark has, for the BPF side and for userspace.
 * All in host order. Flows: peer <-> (public | inside), 8,192 of them on each public address, at even ports,
 * as RTP has them.
 */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#define BENCH_PEER	0xcb007102u /* 203.0.113.2 */
#define BENCH_PUBLIC	0xc6120001u /* 198.18.0.1 and up */
#define BENCH_INSIDE	0x0a010001u /* 10.1.0.1 and up, behind 10.0.0.2 */
#define BENCH_PORT_LO	16384
#define BENCH_PEER_PORT 30000
#define BENCH_FLOWS_MAX (1u << 20)
#define BENCH_MAGIC	0x52464231u
#define BENCH_FRAME	214 /* 20 ms of G.711 in RTP */
#define BENCH_FRAME6	234 /* the same in IPv6 */

static inline __u32 bench_host(__u32 flow)
{
	return flow >> 13;
}

static inline __u16 bench_port(__u32 flow)
{
	return BENCH_PORT_LO + 2 * (flow & 8191);
}

static inline __u16 bench_peer_port(__u32 flow)
{
	return BENCH_PEER_PORT + 2 * (flow & 8191);
}

/* IPv6: the prefix's first word and the IPv4 address in the last one. */
static inline __u32 bench_prefix(__u32 addr)
{
	return addr >> 24 == 10 ? 0xfd000000 : 0x20010db8; /* fd00::, 2001:db8:: */
}

enum bench_dir { BENCH_IN, BENCH_OUT };

enum bench_flag {
	BENCH_DIRECT = 1 << 0, /* no translation on the way */
	BENCH_TABLE = 1 << 1, /* ports of the relay are in the table */
	BENCH_CHECK = 1 << 2, /* the sink verifies checksums, too */
	BENCH_STAMP = 1 << 3, /* latency */
	BENCH_ALONE = 1 << 4, /* a packet at a time (userspace) */
};

struct bench_cfg {
	__u32 n_flows;
	__u32 stride; /* coprime to n_flows: visits all flows, in no order that caches like */
	__u32 ifindex; /* the generator sends by */
	__u32 flags; /* enum bench_flag */
	__u32 dir; /* enum bench_dir */
	__u32 junk_of; /* of so many packets ... */
	__u32 junk; /* ... this many go to ports without a pinhole */
	__u32 junk_sources; /* 0: they come from the peer; else from as many addresses */
	__u8 dst_mac[6], src_mac[6];
	__u8 six; /* IPv6 */
	__u8 pad[3];
};

struct bench_ports { /* of the relay under test, host order */
	__u16 wan, inside;
};

struct bench_count {
	__u64 good, wrong_addr, wrong_csum, wrong_ttl, junk;
};

#define BENCH_BUCKET_NS 10
#define BENCH_BUCKETS	8192 /* linear; the last one holds whatever is slower */

/* Network order. */
struct bench_nat_key {
	__u32 addr;
	__u16 port;
	__u16 dir;
};
struct bench_nat6_key {
	__u32 addr[4];
	__u16 port;
	__u16 dir;
};
struct bench_nat {
	__u32 addr;
	__u32 prefix; /* IPv6: first word; those between are zero */
	__u16 port;
	__u16 pad;
	__u32 ifindex;
	__u8 dst_mac[6], src_mac[6];
};
/* One cache line, key and value: what a NAT cannot do without. */
struct bench_nat_line {
	struct bench_nat_key key;
	struct bench_nat to;
	__u8 pad[64 - sizeof(struct bench_nat_key) - sizeof(struct bench_nat)];
};

#endif
