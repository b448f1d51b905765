/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ends of the media benchmark: a generator (for XDP live frames) and a sink that checks what arrives.
 */
#ifndef BENCH_ENDS_H
#define BENCH_ENDS_H

#include "config.h"
#include "flow.h"

struct bench_cfg cfg;
__u32 sent;

#define PERCPU(name_, type_, value_, max_) \
	struct {                           \
		__uint(type, type_);       \
		__uint(max_entries, max_); \
		__type(key, __u32);        \
		__type(value, value_);     \
	} name_ SEC(".maps")

PERCPU(counts, BPF_MAP_TYPE_PERCPU_ARRAY, struct bench_count, 1);
PERCPU(latency, BPF_MAP_TYPE_PERCPU_ARRAY, __u64, BENCH_BUCKETS);
PERCPU(ports, BPF_MAP_TYPE_ARRAY, struct bench_ports, 16384);

struct payload {
	__u8 vpxcc, pt;
	__be16 seq;
	__be32 timestamp, ssrc;
	__u32 magic, flow, stamp_lo, stamp_hi;
} __attribute__((packed));

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct payload rtp;
} __attribute__((packed));

struct frame6 {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct udphdr udp;
	struct payload rtp;
} __attribute__((packed));

struct way {
	__u32 saddr, daddr; /* host order, as the ports */
	__u16 sport, dport;
};

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* As it leaves the generator (.arrived false), or as it must reach the sink. */
static __always_inline void way_of(__u32 flow, bool arrived, struct way *w)
{
	__u32 inside = BENCH_INSIDE + bench_host(flow), public = BENCH_PUBLIC + bench_host(flow);
	bool in = cfg.dir == BENCH_IN;
	struct bench_ports *t = NULL;
	struct way near, far; /* "in" direction at the inside, at the WAN */

	near.saddr = far.saddr = BENCH_PEER;
	near.sport = far.sport = bench_peer_port(flow);
	near.daddr = inside;
	near.dport = far.dport = bench_port(flow);
	far.daddr = cfg.flags & BENCH_DIRECT ? inside : public;
	if (cfg.flags & BENCH_TABLE)
		t = bpf_map_lookup_elem(&ports, &flow);
	if (t) {
		far.daddr = 0xcb007101; /* 203.0.113.1 */
		far.dport = t->wan;
		near.saddr = 0x0a000001; /* 10.0.0.1 */
		near.sport = t->inside;
	}
	*w = in == arrived ? near : far;
	if (!in) {
		struct way turned = { w->daddr, w->saddr, w->dport, w->sport };

		*w = turned;
	}
}

/* The packet's payload; the sum of it. */
static __always_inline __u64 payload_write(struct payload *p, __u32 flow, __u32 round, __u32 magic)
{
	__u64 now = cfg.flags & BENCH_STAMP ? bpf_ktime_get_ns() : 0;

	p->vpxcc = 0x80;
	p->pt = 0;
	p->seq = bpf_htons(round & 0xffff);
	p->timestamp = bpf_htonl(round * 160);
	p->ssrc = bpf_htonl(flow + 1);
	p->magic = magic;
	p->flow = flow;
	p->stamp_lo = now;
	p->stamp_hi = now >> 32;
	return (__u64)bpf_htons(0x8000) + p->seq + p->timestamp + p->ssrc + magic + flow +
	       p->stamp_lo + p->stamp_hi;
}

static __always_inline void eth_write(struct ethhdr *eth, __u16 proto)
{
	__builtin_memcpy(eth->h_dest, cfg.dst_mac, 6);
	__builtin_memcpy(eth->h_source, cfg.src_mac, 6);
	eth->h_proto = bpf_htons(proto);
}

static __always_inline void write4(struct frame *f, const struct way *w, __u32 flow, __u32 round,
				   __u32 magic)
{
	__u64 sum;

	eth_write(&f->eth, ETH_P_IP);
	*(__u16 *)&f->ip = bpf_htons(0x4500);
	f->ip.tot_len = bpf_htons(BENCH_FRAME - 14);
	f->ip.id = 0;
	f->ip.frag_off = bpf_htons(IP_DF);
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_UDP;
	f->ip.saddr = bpf_htonl(w->saddr);
	f->ip.daddr = bpf_htonl(w->daddr);
	f->udp.source = bpf_htons(w->sport);
	f->udp.dest = bpf_htons(w->dport);
	f->udp.len = bpf_htons(BENCH_FRAME - 34);
	sum = (__u64)f->ip.saddr + f->ip.daddr;
	f->ip.check = ~fold(sum + bpf_htons(0x4500) + f->ip.tot_len + f->ip.frag_off +
			    bpf_htons(64 << 8 | IPPROTO_UDP));
	sum += bpf_htons(IPPROTO_UDP) + 2 * (__u64)f->udp.len + f->udp.source + f->udp.dest;
	f->udp.check = ~fold(sum + payload_write(&f->rtp, flow, round, magic));
}

/* IPv6: zero would mean that there is none (RFC 8200 section 8.1). */
static __always_inline __u16 not_zero(__u16 check)
{
	return check ? check : 0xffff;
}

static __always_inline void addr6_write(struct in6_addr *a, __u32 addr)
{
	a->in6_u.u6_addr32[0] = bpf_htonl(bench_prefix(addr));
	a->in6_u.u6_addr32[1] = 0;
	a->in6_u.u6_addr32[2] = 0;
	a->in6_u.u6_addr32[3] = bpf_htonl(addr);
}

static __always_inline __u64 addr6_sum(const struct in6_addr *a)
{
	return (__u64)a->in6_u.u6_addr32[0] + a->in6_u.u6_addr32[1] + a->in6_u.u6_addr32[2] +
	       a->in6_u.u6_addr32[3];
}

static __always_inline void write6(struct frame6 *f, const struct way *w, __u32 flow, __u32 round,
				   __u32 magic)
{
	__u64 sum;

	eth_write(&f->eth, ETH_P_IPV6);
	*(__u32 *)&f->ip = bpf_htonl(6u << 28);
	f->ip.payload_len = bpf_htons(BENCH_FRAME6 - 54);
	f->ip.nexthdr = IPPROTO_UDP;
	f->ip.hop_limit = 64;
	addr6_write(&f->ip.saddr, w->saddr);
	addr6_write(&f->ip.daddr, w->daddr);
	f->udp.source = bpf_htons(w->sport);
	f->udp.dest = bpf_htons(w->dport);
	f->udp.len = bpf_htons(BENCH_FRAME6 - 54);
	sum = addr6_sum(&f->ip.saddr) + addr6_sum(&f->ip.daddr) + bpf_htons(IPPROTO_UDP) +
	      2 * (__u64)f->udp.len + f->udp.source + f->udp.dest;
	f->udp.check = not_zero(~fold(sum + payload_write(&f->rtp, flow, round, magic)));
}

SEC("xdp")
int bench_gen(struct xdp_md *ctx)
{
	void *f = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 i = sent, n = cfg.n_flows, flow, round, magic = BENCH_MAGIC;
	struct way w = {};

	if (f + sizeof(struct frame6) > end || !n)
		return XDP_ABORTED;
	sent = i + 1;
	round = i / n;
	flow = (__u32)((__u64)(i % n) * cfg.stride % n);
	way_of(flow, false, &w);
	if (cfg.junk && i % cfg.junk_of < cfg.junk) {
		/* ports above those of the flows: guarded, and closed */
		w.dport = BENCH_PORT_LO + 2 * n + i * 7919 % (16384 - 2 * n);
		if (cfg.junk_sources)
			w.saddr = 0x64400000 + i * 2654435761u % cfg.junk_sources;
		magic = ~BENCH_MAGIC;
	}
	if (cfg.six)
		write6(f, &w, flow, round, magic);
	else
		write4(f, &w, flow, round, magic);
	return bpf_redirect(cfg.ifindex, 0);
}

static __always_inline void sink_check4(struct frame *f, void *end, struct bench_count *c)
{
	__s64 sum;

	if ((void *)f + BENCH_FRAME > end)
		return;
	sum = bpf_csum_diff(NULL, 0, (void *)&f->ip, sizeof(f->ip), 0);
	if (sum < 0 || fold(sum) != 0xffff)
		c->wrong_csum++;
	sum = bpf_csum_diff(NULL, 0, (void *)&f->udp, BENCH_FRAME - 34, 0);
	sum += (__u64)f->ip.saddr + f->ip.daddr + bpf_htons(IPPROTO_UDP) + f->udp.len;
	if (f->udp.check && fold(sum) != 0xffff)
		c->wrong_csum++;
	if (f->ip.ttl != (cfg.flags & BENCH_TABLE ? f->ip.ttl : 63))
		c->wrong_ttl++;
}

static __always_inline void sink_check6(struct frame6 *f, void *end, struct bench_count *c)
{
	__s64 sum;

	if ((void *)f + BENCH_FRAME6 > end)
		return;
	sum = bpf_csum_diff(NULL, 0, (void *)&f->udp, BENCH_FRAME6 - 54, 0);
	sum += addr6_sum(&f->ip.saddr) + addr6_sum(&f->ip.daddr) + bpf_htons(IPPROTO_UDP) +
	       f->udp.len;
	if (!f->udp.check || fold(sum) != 0xffff)
		c->wrong_csum++;
	if (f->ip.hop_limit != 63)
		c->wrong_ttl++;
}

static __always_inline bool is_addr6(const struct in6_addr *a, __u32 addr)
{
	return a->in6_u.u6_addr32[0] == bpf_htonl(bench_prefix(addr)) && !a->in6_u.u6_addr32[1] &&
	       !a->in6_u.u6_addr32[2] && a->in6_u.u6_addr32[3] == bpf_htonl(addr);
}

static __always_inline void sink_time(const struct payload *p)
{
	__u64 ns = bpf_ktime_get_ns() - (p->stamp_lo | (__u64)p->stamp_hi << 32);
	__u32 at = ns / BENCH_BUCKET_NS < BENCH_BUCKETS ? ns / BENCH_BUCKET_NS : BENCH_BUCKETS - 1;
	__u64 *b = bpf_map_lookup_elem(&latency, &at);

	if (b)
		++*b;
}

/* A packet of ours in the family that is measured: its payload; NULL: something else. */
static __always_inline struct payload *sink_payload(void *data, void *end, struct udphdr **udp)
{
	struct frame6 *f6 = data;
	struct frame *f = data;

	if (cfg.six) {
		if ((void *)(f6 + 1) > end || f6->eth.h_proto != bpf_htons(ETH_P_IPV6) ||
		    f6->ip.nexthdr != IPPROTO_UDP)
			return NULL;
		*udp = &f6->udp;
		return &f6->rtp;
	}
	if ((void *)(f + 1) > end || f->eth.h_proto != bpf_htons(ETH_P_IP) ||
	    f->ip.protocol != IPPROTO_UDP)
		return NULL;
	*udp = &f->udp;
	return &f->rtp;
}

SEC("xdp")
int bench_sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct frame6 *f6 = data;
	struct frame *f = data;
	struct bench_count *c;
	struct udphdr *udp;
	struct payload *p;
	__u32 zero = 0;
	struct way w;

	c = bpf_map_lookup_elem(&counts, &zero);
	p = sink_payload(data, end, &udp);
	if (!c || !p)
		return XDP_DROP;
	if (p->magic != BENCH_MAGIC) {
		c->junk++;
		return XDP_DROP;
	}
	way_of(p->flow, true, &w);
	if ((cfg.six ? !is_addr6(&f6->ip.saddr, w.saddr) || !is_addr6(&f6->ip.daddr, w.daddr)
		     : f->ip.saddr != bpf_htonl(w.saddr) || f->ip.daddr != bpf_htonl(w.daddr)) ||
	    udp->source != bpf_htons(w.sport) || udp->dest != bpf_htons(w.dport)) {
		c->wrong_addr++;
		return XDP_DROP;
	}
	c->good++;
	if (cfg.flags & BENCH_CHECK) {
		if (cfg.six)
			sink_check6(f6, end, c);
		else
			sink_check4(f, end, c);
	}
	if (cfg.flags & BENCH_STAMP)
		sink_time(p);
	return XDP_DROP;
}

#endif
