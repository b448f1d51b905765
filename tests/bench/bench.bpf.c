/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ends of the media benchmark, and the yardsticks between them: a generator (for XDP live
 * frames), a sink that checks what arrives, and NATs that do no more than they must.
 */
#include "config.h"
#include "flow.h"

char LICENSE[] SEC("license") = "GPL";

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * BENCH_FLOWS_MAX);
	__type(key, struct bench_nat_key);
	__type(value, struct bench_nat);
} nat SEC(".maps");

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

static __always_inline __u32 flow_port(__u32 flow)
{
	return BENCH_PORT_LO + (flow & BENCH_MASK);
}

/* As it leaves the generator (.arrived false), or as it must reach the sink. */
static __always_inline void way_of(__u32 flow, bool arrived, struct way *w)
{
	__u32 inside = BENCH_INSIDE + (flow >> 14), public = BENCH_PUBLIC + (flow >> 14);
	__u32 peer_port = BENCH_PEER_PORT + (flow & BENCH_MASK);
	bool in = cfg.dir == BENCH_IN;
	struct bench_ports *t = NULL;
	struct way near, far; /* "in" direction at the inside, at the WAN */

	near.saddr = far.saddr = BENCH_PEER;
	near.sport = far.sport = peer_port;
	near.daddr = inside;
	near.dport = far.dport = flow_port(flow);
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

SEC("xdp")
int bench_gen(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	__u64 sum, now = 0;
	__u32 i = sent, n = cfg.n_flows, flow, round, magic = BENCH_MAGIC;
	struct way w = {};

	if ((void *)(f + 1) > (void *)(long)ctx->data_end || !n)
		return XDP_ABORTED;
	sent = i + 1;
	round = i / n;
	flow = (__u32)((__u64)(i % n) * cfg.stride % n);
	way_of(flow, false, &w);
	if (cfg.junk && i % cfg.junk_of < cfg.junk) {
		/* ports above those of the flows: guarded, and closed */
		w.dport = BENCH_PORT_LO + n + i * 7919 % (16384 - n);
		if (cfg.junk_sources)
			w.saddr = 0x64400000 + i * 2654435761u % cfg.junk_sources;
		magic = ~BENCH_MAGIC;
	}
	if (cfg.flags & BENCH_STAMP)
		now = bpf_ktime_get_ns();

	__builtin_memcpy(f->eth.h_dest, cfg.dst_mac, 6);
	__builtin_memcpy(f->eth.h_source, cfg.src_mac, 6);
	f->eth.h_proto = bpf_htons(ETH_P_IP);
	*(__u16 *)&f->ip = bpf_htons(0x4500);
	f->ip.tot_len = bpf_htons(BENCH_FRAME - 14);
	f->ip.id = 0;
	f->ip.frag_off = bpf_htons(IP_DF);
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_UDP;
	f->ip.saddr = bpf_htonl(w.saddr);
	f->ip.daddr = bpf_htonl(w.daddr);
	f->udp.source = bpf_htons(w.sport);
	f->udp.dest = bpf_htons(w.dport);
	f->udp.len = bpf_htons(BENCH_FRAME - 34);
	f->rtp.vpxcc = 0x80;
	f->rtp.pt = 0;
	f->rtp.seq = bpf_htons(round & 0xffff);
	f->rtp.timestamp = bpf_htonl(round * 160);
	f->rtp.ssrc = bpf_htonl(flow + 1);
	f->rtp.magic = magic;
	f->rtp.flow = flow;
	f->rtp.stamp_lo = now;
	f->rtp.stamp_hi = now >> 32;

	sum = (__u64)f->ip.saddr + f->ip.daddr;
	f->ip.check = ~fold(sum + bpf_htons(0x4500) + f->ip.tot_len + f->ip.frag_off +
			    bpf_htons(64 << 8 | IPPROTO_UDP));
	sum += bpf_htons(IPPROTO_UDP) + 2 * (__u64)f->udp.len + f->udp.source + f->udp.dest;
	sum += (__u64)bpf_htons(0x8000) + f->rtp.seq + f->rtp.timestamp + f->rtp.ssrc;
	sum += (__u64)magic + flow + f->rtp.stamp_lo + f->rtp.stamp_hi;
	f->udp.check = ~fold(sum);
	return bpf_redirect(cfg.ifindex, 0);
}

static __always_inline void sink_check(struct frame *f, void *end, struct bench_count *c)
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

SEC("xdp")
int bench_sink(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct frame *f = (void *)(long)ctx->data;
	struct bench_count *c;
	__u32 zero = 0;
	struct way w;

	c = bpf_map_lookup_elem(&counts, &zero);
	if (!c || (void *)(f + 1) > end || f->eth.h_proto != bpf_htons(ETH_P_IP) ||
	    f->ip.protocol != IPPROTO_UDP)
		return XDP_DROP;
	if (f->rtp.magic != BENCH_MAGIC) {
		c->junk++;
		return XDP_DROP;
	}
	way_of(f->rtp.flow, true, &w);
	if (f->ip.saddr != bpf_htonl(w.saddr) || f->ip.daddr != bpf_htonl(w.daddr) ||
	    f->udp.source != bpf_htons(w.sport) || f->udp.dest != bpf_htons(w.dport)) {
		c->wrong_addr++;
		return XDP_DROP;
	}
	c->good++;
	if (cfg.flags & BENCH_CHECK)
		sink_check(f, end, c);
	if (cfg.flags & BENCH_STAMP) {
		__u64 ns = bpf_ktime_get_ns() - (f->rtp.stamp_lo | (__u64)f->rtp.stamp_hi << 32);
		__u32 at = ns / BENCH_BUCKET_NS < BENCH_BUCKETS ? ns / BENCH_BUCKET_NS
								: BENCH_BUCKETS - 1;
		__u64 *b = bpf_map_lookup_elem(&latency, &at);

		if (b)
			++*b;
	}
	return XDP_DROP;
}

/* ---- yardsticks: on the gateway's devices ----------------------------------------------------- */

const volatile __u32 other_ifindex[64]; /* of a device: the gateway's other one */

SEC("xdp")
int bench_floor(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end || f->eth.h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	f->ip.ttl--;
	f->ip.check = ~fold((__u64)(__u16)~f->ip.check + (__u16)~bpf_htons(0x0100));
	return bpf_redirect(other_ifindex[ctx->ingress_ifindex & 63], 0);
}

static __always_inline struct bench_nat *nat_find(struct frame *f, __u16 *dir)
{
	struct bench_nat_key key = { .addr = f->ip.daddr, .port = f->udp.dest, .dir = BENCH_IN };
	struct bench_nat *n = bpf_map_lookup_elem(&nat, &key);

	*dir = BENCH_IN;
	if (n)
		return n;
	*dir = BENCH_OUT;
	key = (struct bench_nat_key){ .addr = f->ip.saddr,
				      .port = f->udp.source,
				      .dir = BENCH_OUT };
	return bpf_map_lookup_elem(&nat, &key);
}

static __always_inline struct bench_nat *nat_do(void *data, void *end)
{
	struct frame *f = data;
	struct bench_nat *n;
	__be16 *port;
	__be32 *addr;
	__u64 diff;
	__u16 dir;

	if ((void *)(f + 1) > end || f->eth.h_proto != bpf_htons(ETH_P_IP) || f->ip.ihl != 5 ||
	    f->ip.protocol != IPPROTO_UDP)
		return NULL;
	n = nat_find(f, &dir);
	if (!n)
		return NULL;
	addr = dir == BENCH_IN ? &f->ip.daddr : &f->ip.saddr;
	port = dir == BENCH_IN ? &f->udp.dest : &f->udp.source;
	diff = (__u64)(__u32) ~*addr + n->addr;
	f->ip.check = ~fold((__u64)(__u16)~f->ip.check + diff +
			    (__u16)~bpf_htons(0x0100)); /* one less of TTL */
	f->ip.ttl--;
	f->udp.check = ~fold((__u64)(__u16)~f->udp.check + diff + (__u16) ~*port + n->port);
	*addr = n->addr;
	*port = n->port;
	return n;
}

SEC("xdp")
int bench_nat_stored(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bench_nat *n = nat_do(f, end);

	if (!n || (void *)(f + 1) > end)
		return XDP_PASS;
	__builtin_memcpy(f->eth.h_dest, n->dst_mac, 6);
	__builtin_memcpy(f->eth.h_source, n->src_mac, 6);
	return bpf_redirect(n->ifindex, 0);
}

SEC("xdp")
int bench_nat_fib(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bpf_fib_lookup fib = {};

	if (!nat_do(f, end) || (void *)(f + 1) > end)
		return XDP_PASS;
	fib.family = AF_INET;
	fib.l4_protocol = IPPROTO_UDP;
	fib.tot_len = bpf_ntohs(f->ip.tot_len);
	fib.ifindex = ctx->ingress_ifindex;
	fib.ipv4_src = f->ip.saddr;
	fib.ipv4_dst = f->ip.daddr;
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0))
		return XDP_DROP;
	__builtin_memcpy(f->eth.h_dest, fib.dmac, 6);
	__builtin_memcpy(f->eth.h_source, fib.smac, 6);
	return bpf_redirect(fib.ifindex, 0);
}

/* With the kernel's checksum helpers, as offloads demand it. */
static __always_inline struct bench_nat *nat_skb(struct __sk_buff *skb)
{
	struct frame *f = (void *)(long)skb->data;
	struct bench_nat *n;
	__be32 from, ttl, to_ttl;
	__be16 port;
	__u16 dir;

	if ((void *)(f + 1) > (void *)(long)skb->data_end ||
	    f->eth.h_proto != bpf_htons(ETH_P_IP) || f->ip.ihl != 5 ||
	    f->ip.protocol != IPPROTO_UDP)
		return NULL;
	n = nat_find(f, &dir);
	if (!n)
		return NULL;
	from = dir == BENCH_IN ? f->ip.daddr : f->ip.saddr;
	port = dir == BENCH_IN ? f->udp.dest : f->udp.source;
	ttl = bpf_htons(f->ip.ttl << 8 | IPPROTO_UDP);
	to_ttl = bpf_htons((f->ip.ttl - 1) << 8 | IPPROTO_UDP);
	f->ip.ttl--;
	if (dir == BENCH_IN) {
		f->ip.daddr = n->addr;
		f->udp.dest = n->port;
	} else {
		f->ip.saddr = n->addr;
		f->udp.source = n->port;
	}
	bpf_l3_csum_replace(skb, 24, from, n->addr, 4);
	bpf_l3_csum_replace(skb, 24, ttl, to_ttl, 2);
	bpf_l4_csum_replace(skb, 40, from, n->addr, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | 4);
	bpf_l4_csum_replace(skb, 40, port, n->port, BPF_F_MARK_MANGLED_0 | 2);
	return n;
}

SEC("tc")
int bench_tc_redirect(struct __sk_buff *skb)
{
	struct bench_nat *n = nat_skb(skb);
	struct ethhdr *eth;

	if (!n)
		return TC_ACT_UNSPEC;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	__builtin_memcpy(eth->h_dest, n->dst_mac, 6);
	__builtin_memcpy(eth->h_source, n->src_mac, 6);
	return bpf_redirect(n->ifindex, 0);
}

SEC("tc")
int bench_tc_neigh(struct __sk_buff *skb)
{
	struct bench_nat *n = nat_skb(skb);

	return n ? bpf_redirect_neigh(n->ifindex, NULL, 0, 0) : TC_ACT_UNSPEC;
}
