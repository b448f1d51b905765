/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ends of the media benchmark (ends.h), and the yardsticks between them: NATs that do no more
 * than they must.
 */
#include "ends.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * BENCH_FLOWS_MAX);
	__type(key, struct bench_nat_key);
	__type(value, struct bench_nat);
} nat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * BENCH_FLOWS_MAX);
	__type(key, struct bench_nat6_key);
	__type(value, struct bench_nat);
} nat6 SEC(".maps");

/* By own public port: the next best thing to knowing the address of what is looked for. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_FLOWS_MAX);
	__type(key, __u32);
	__type(value, struct bench_nat_line);
} nat_lines SEC(".maps");

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

static __always_inline void nat_rewrite(struct frame *f, const struct bench_nat *n, __u16 dir)
{
	__be16 *port;
	__be32 *addr;
	__u64 diff;

	addr = dir == BENCH_IN ? &f->ip.daddr : &f->ip.saddr;
	port = dir == BENCH_IN ? &f->udp.dest : &f->udp.source;
	diff = (__u64)(__u32) ~*addr + n->addr;
	f->ip.check = ~fold((__u64)(__u16)~f->ip.check + diff +
			    (__u16)~bpf_htons(0x0100)); /* one less of TTL */
	f->ip.ttl--;
	f->udp.check = ~fold((__u64)(__u16)~f->udp.check + diff + (__u16) ~*port + n->port);
	*addr = n->addr;
	*port = n->port;
}

static __always_inline bool nat_frame(const struct frame *f, void *end)
{
	return (void *)(f + 1) <= end && f->eth.h_proto == bpf_htons(ETH_P_IP) && f->ip.ihl == 5 &&
	       f->ip.protocol == IPPROTO_UDP;
}

static __always_inline struct bench_nat *nat_do(void *data, void *end)
{
	struct frame *f = data;
	struct bench_nat *n;
	__u16 dir;

	if (!nat_frame(f, end))
		return NULL;
	n = nat_find(f, &dir);
	if (n)
		nat_rewrite(f, n, dir);
	return n;
}

/* Inbound by index, as a NAT that owns the ports could; the way out has no such number. */
SEC("xdp")
int bench_nat_array(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bench_nat_line *l;
	struct bench_nat *n;
	__u32 i;

	if (!nat_frame(f, end))
		return XDP_PASS;
	i = (bpf_ntohl(f->ip.daddr) - BENCH_PUBLIC) << 13 | (bpf_ntohs(f->udp.dest) / 2 & 8191);
	l = bpf_map_lookup_elem(&nat_lines, &i);
	if (l && l->key.addr == f->ip.daddr && l->key.port == f->udp.dest) {
		n = &l->to;
		nat_rewrite(f, n, BENCH_IN);
	} else {
		n = nat_do(f, end);
	}
	if (!n || (void *)(f + 1) > end)
		return XDP_PASS;
	__builtin_memcpy(f->eth.h_dest, n->dst_mac, 6);
	__builtin_memcpy(f->eth.h_source, n->src_mac, 6);
	return bpf_redirect(n->ifindex, 0);
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

/* ---- the same for IPv6 ------------------------------------------------------------------------- */

SEC("xdp")
int bench_floor6(struct xdp_md *ctx)
{
	struct frame6 *f = (void *)(long)ctx->data;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end ||
	    f->eth.h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	f->ip.hop_limit--;
	return bpf_redirect(other_ifindex[ctx->ingress_ifindex & 63], 0);
}

static __always_inline struct bench_nat *nat6_do(void *data, void *end)
{
	struct bench_nat6_key key = {};
	struct frame6 *f = data;
	struct in6_addr *addr;
	struct bench_nat *n;
	__be16 *port;
	__u64 sum;

	if ((void *)(f + 1) > end || f->eth.h_proto != bpf_htons(ETH_P_IPV6) ||
	    f->ip.nexthdr != IPPROTO_UDP)
		return NULL;
	addr = &f->ip.daddr;
	port = &f->udp.dest;
	__builtin_memcpy(key.addr, addr, 16);
	key.port = *port;
	key.dir = BENCH_IN;
	n = bpf_map_lookup_elem(&nat6, &key);
	if (!n) {
		addr = &f->ip.saddr;
		port = &f->udp.source;
		__builtin_memcpy(key.addr, addr, 16);
		key.port = *port;
		key.dir = BENCH_OUT;
		n = bpf_map_lookup_elem(&nat6, &key);
		if (!n)
			return NULL;
	}
	sum = (__u64)(__u16)~f->udp.check + (__u16) ~*port + n->port + n->prefix + n->addr;
	sum += (__u64)(__u32)~addr->in6_u.u6_addr32[0] + (__u32)~addr->in6_u.u6_addr32[1] +
	       (__u32)~addr->in6_u.u6_addr32[2] + (__u32)~addr->in6_u.u6_addr32[3];
	f->udp.check = not_zero(~fold(sum));
	f->ip.hop_limit--;
	addr->in6_u.u6_addr32[0] = n->prefix;
	addr->in6_u.u6_addr32[1] = 0;
	addr->in6_u.u6_addr32[2] = 0;
	addr->in6_u.u6_addr32[3] = n->addr;
	*port = n->port;
	return n;
}

SEC("xdp")
int bench_nat6_stored(struct xdp_md *ctx)
{
	struct frame6 *f = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bench_nat *n = nat6_do(f, end);

	if (!n || (void *)(f + 1) > end)
		return XDP_PASS;
	__builtin_memcpy(f->eth.h_dest, n->dst_mac, 6);
	__builtin_memcpy(f->eth.h_source, n->src_mac, 6);
	return bpf_redirect(n->ifindex, 0);
}

SEC("xdp")
int bench_nat6_fib(struct xdp_md *ctx)
{
	struct frame6 *f = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bpf_fib_lookup fib = {};

	if (!nat6_do(f, end) || (void *)(f + 1) > end)
		return XDP_PASS;
	fib.family = AF_INET6;
	fib.l4_protocol = IPPROTO_UDP;
	fib.tot_len = bpf_ntohs(f->ip.payload_len) + sizeof(f->ip);
	fib.ifindex = ctx->ingress_ifindex;
	__builtin_memcpy(fib.ipv6_src, &f->ip.saddr, 16);
	__builtin_memcpy(fib.ipv6_dst, &f->ip.daddr, 16);
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0))
		return XDP_DROP;
	__builtin_memcpy(f->eth.h_dest, fib.dmac, 6);
	__builtin_memcpy(f->eth.h_source, fib.smac, 6);
	return bpf_redirect(fib.ifindex, 0);
}
