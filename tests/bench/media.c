// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a forwarded media packet costs, by several ways through a gateway, in paired rounds.
 * Every way is a network namespace of its own (set up by media.sh), all are there at the same
 * time, and each round visits all of them, so that whatever else the machine does hits them alike.
 *
 * The generator is a BPF program run with XDP live frames: generator, gateway and sink share one
 * core and one thread, whose CPU time (with ksoftirqd's) is what a packet costs. Wall clock is
 * not looked at. The sink checks addresses and ports of each packet; a first pass checks checksums.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "datapath.h"
#include "flow.h"
#include "bench.skel.h"

#define WAYS_MAX   24
#define ROUNDS_MAX 64
#define CPU	   1

enum kind { FLOOR, STORED, FIB, TC_REDIRECT, TC_NEIGH, ROUTE, NFT, RF, RF_HOST, HOST, RELAY };
static const char *const kinds[] = { "floor",	 "stored", "fib",  "tc_redirect",
				     "tc_neigh", "route",  "nft",  "rf",
				     "rf_host",	 "host",   "relay" };

struct way {
	char name[16];
	enum kind kind;
	__u32 wan, inside; /* ifindex of the far ends */
	__u32 w0, l0; /* of the gateway's ends */
	__u8 wan_mac[6], inside_mac[6], w0_mac[6], l0_mac[6];
	__u32 sent[2];
	double ns[2][ROUNDS_MAX];
	int n[2];
	__u64 lost[2];
	__u64 hist[BENCH_BUCKETS];
	bool failed;
};
static struct way ways[WAYS_MAX];
static int n_ways, rounds = 7, relay_pid;
static __u32 packets = 300000;
static struct bench_bpf *skel;
static FILE *json;

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void go(const char *fmt, const char *name)
{
	char ns[64], path[128];
	int fd;

	snprintf(ns, sizeof(ns), fmt, name);
	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("namespace %s: %s", ns, strerror(errno));
	close(fd);
}

static __u32 dev_of(const char *fmt, const char *name, __u8 *mac)
{
	char dev[64], cmd[128];
	unsigned int b[6];
	__u32 i;
	FILE *f;

	snprintf(dev, sizeof(dev), fmt, name);
	i = if_nametoindex(dev);
	/* /sys belongs to the namespace that mounted it */
	snprintf(cmd, sizeof(cmd),
		 "ip -o link show dev %s | sed 's/.*link.ether \\([^ ]*\\).*/\\1/'", dev);
	f = popen(cmd, "r");
	if (!i || !f || fscanf(f, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6)
		die("no device %s", dev);
	pclose(f);
	for (int k = 0; k < 6; k++)
		mac[k] = b[k];
	return i;
}

static __u64 schedstat(const char *path)
{
	unsigned long long ns = 0;
	FILE *f = fopen(path, "r");

	if (f) {
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return ns;
}

static int ksoftirqd_pid(void)
{
	char name[64], path[64];
	struct dirent *d;
	DIR *dir = opendir("/proc");
	int pid = 0;
	FILE *f;

	while (dir && !pid && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%.20s/comm", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%63s", name) == 1 && !strcmp(name, "ksoftirqd/1"))
			pid = atoi(d->d_name);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return pid;
}

static __u64 cpu_ns(bool relay)
{
	static int ksoftirqd = -1;
	struct timespec ts;
	char path[96];
	__u64 ns;

	if (ksoftirqd < 0)
		ksoftirqd = ksoftirqd_pid();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	ns = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", ksoftirqd);
	ns += schedstat(path);
	if (relay) {
		struct dirent *d;
		DIR *dir;

		snprintf(path, sizeof(path), "/proc/%d/task", relay_pid);
		dir = opendir(path);
		while (dir && (d = readdir(dir))) {
			snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", relay_pid,
				 d->d_name);
			if (d->d_name[0] != '.')
				ns += schedstat(path);
		}
		if (dir)
			closedir(dir);
	}
	return ns;
}

static struct bench_count count_read(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct bench_count v[cpus], sum = {};
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(skel->maps.counts), &zero, v))
		die("counts: %s", strerror(errno));
	for (int i = 0; i < cpus; i++) {
		sum.good += v[i].good;
		sum.wrong_addr += v[i].wrong_addr;
		sum.wrong_csum += v[i].wrong_csum;
		sum.wrong_ttl += v[i].wrong_ttl;
		sum.junk += v[i].junk;
	}
	return sum;
}

static void count_reset(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct bench_count v[cpus];
	__u32 zero = 0;

	memset(v, 0, sizeof(v));
	bpf_map_update_elem(bpf_map__fd(skel->maps.counts), &zero, v, BPF_ANY);
}

struct load {
	enum bench_dir dir;
	__u32 flags, flows, packets, junk, junk_of, junk_sources;
};

static __u32 stride_of(__u32 n)
{
	__u32 s = n < 4 ? 1 : (__u32)(n * 0.618) | 1, a, b, t;

	for (;; s += 2) {
		for (a = n, b = s; b; t = a % b, a = b, b = t)
			;
		if (a == 1)
			return s;
	}
}

/* Sends through a way; CPU ns per packet, counts of the sink in *c. */
static double run(struct way *w, const struct load *l, struct bench_count *c)
{
	static __u8 frame[BENCH_FRAME];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	bool in = l->dir == BENCH_IN;
	struct bench_cfg *cfg = &skel->bss->cfg;
	__u32 left = l->packets, burst = w->kind == RELAY ? 256 : left;
	__u64 t;

	*cfg = (struct bench_cfg){
		.n_flows = l->flows,
		.stride = stride_of(l->flows),
		.dir = l->dir,
		.ifindex = in ? w->wan : w->inside,
		.flags = l->flags,
		.junk = l->junk,
		.junk_of = l->junk_of,
		.junk_sources = l->junk_sources,
	};
	if (w->kind == FLOOR || w->kind == ROUTE || w->kind == HOST)
		cfg->flags |= BENCH_DIRECT;
	if (w->kind == RELAY)
		cfg->flags |= BENCH_TABLE;
	memcpy(cfg->dst_mac, in ? w->w0_mac : w->l0_mac, 6);
	memcpy(cfg->src_mac, in ? w->wan_mac : w->inside_mac, 6);
	go(in ? "bw" : "bi", "");
	count_reset();
	skel->bss->sent = w->sent[l->dir];
	o.batch_size = l->flags & BENCH_STAMP ? 1 : 64;
	t = cpu_ns(w->kind == RELAY);
	while (left) {
		o.repeat = left < burst ? left : burst;
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.bench_gen), &o))
			die("%s: live frames: %s", w->name, strerror(errno));
		left -= o.repeat;
		if (w->kind == RELAY)
			usleep(8000);
	}
	t = cpu_ns(w->kind == RELAY) - t;
	w->sent[l->dir] = skel->bss->sent;
	*c = count_read();
	return (double)t / l->packets;
}

static void attach_xdp(__u32 ifindex, struct bpf_program *p)
{
	int r = bpf_xdp_attach(ifindex, bpf_program__fd(p), XDP_FLAGS_DRV_MODE, NULL);

	if (r)
		die("XDP on device %u: %s", ifindex, strerror(-r));
}

static void attach_tc(__u32 ifindex, struct bpf_program *p)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = bpf_program__fd(p), .handle = 1, .priority = 1);

	bpf_tc_hook_create(&hook);
	if (bpf_tc_attach(&hook, &o))
		die("TC on device %u", ifindex);
}

static struct rf_addr mapped(__u32 host_order)
{
	return (struct rf_addr){ { 0, 0, htobe32(0xffff), htobe32(host_order) } };
}

static struct rf_ep ep_of(__u32 addr, __u16 port)
{
	return (struct rf_ep){ .addr = mapped(addr), .port = htobe16(port) };
}

static void put(int fd, const void *key, const void *value, const char *what)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		die("%s: %s", what, strerror(errno));
}

/* Pinholes .from ... .to - 1; beyond half a million the map has room for one direction only. */
static void fill_rf(struct way *w, __u32 from, __u32 to, bool both)
{
	char instance[32];
	struct datapath *dp;
	struct timespec ts;
	struct why why;
	__u64 now;

	go("g_%s", w->name);
	snprintf(instance, sizeof(instance), "bench-%s", w->name);
	for (char *x = instance; *x; x++)
		if (*x == '_')
			*x = '-';
	if (datapath_open(&dp, instance, true, &why))
		die("%s: %s", instance, why.text);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000ull;
	for (__u32 i = from; i < to; i++) {
		__u16 port = BENCH_PORT_LO + (i & BENCH_MASK),
		      peer = BENCH_PEER_PORT + (i & BENCH_MASK);
		struct rf_ep pub = ep_of(BENCH_PUBLIC + (i >> 14), port),
			     in = ep_of(BENCH_INSIDE + (i >> 14), port);
		struct rf_pinhole_state st = {};
		struct rf_pinhole p = {
			.id = i + 1,
			.slot = i + 1,
			.call_id = i + 1,
			.deadline_ns = now + 7200 * 1000000000ull,
			.idle_s = 300,
			.idle_from_s = now / 1000000000,
			.clock_rate = 8000,
			.state = RF_PINHOLE_OPEN,
			.classes = RF_CLASS_RTP | RF_CLASS_STUN,
			.flags = RF_PH_XLATE,
			.n_remotes = 1,
			.wan_ifindex = w->w0,
			.xlate = in,
			.payload_types = { 1 },
			.rtcp_types = 0x1f00,
		};
		struct rf_pinhole_key key = { .addr = pub.addr,
					      .port = pub.port,
					      .dir = RF_DIR_IN };

		p.remote = (struct rf_remote){ .addr = mapped(BENCH_PEER),
					       .port = htobe16(peer),
					       .prefix_len = 128 };
		if (w->kind == RF_HOST)
			p.flags = RF_PH_LOCAL;
		put(dp->map[MAP_PINHOLE_STATE], &p.slot, &st, "pinhole_state");
		put(dp->map[MAP_PINHOLES], &key, &p, "pinholes");
		if (!both)
			continue;
		key = (struct rf_pinhole_key){ .addr = in.addr,
					       .port = in.port,
					       .dir = RF_DIR_OUT };
		p.xlate = pub;
		put(dp->map[MAP_PINHOLES], &key, &p, "pinholes");
	}
	datapath_close(dp);
}

static void fill_nat(__u32 to, const struct way *w)
{
	for (__u32 i = 0; i < to; i++) {
		__u32 pub = htobe32(BENCH_PUBLIC + (i >> 14)),
		      in = htobe32(BENCH_INSIDE + (i >> 14));
		__u16 port = htobe16(BENCH_PORT_LO + (i & BENCH_MASK));
		struct bench_nat_key k = { pub, port, BENCH_IN };
		struct bench_nat v = { .addr = in, .port = port, .ifindex = w->l0 };
		int fd = bpf_map__fd(skel->maps.nat);

		memcpy(v.dst_mac, w->inside_mac, 6);
		memcpy(v.src_mac, w->l0_mac, 6);
		put(fd, &k, &v, "nat");
		k = (struct bench_nat_key){ in, port, BENCH_OUT };
		v.addr = pub;
		v.ifindex = w->w0;
		memcpy(v.dst_mac, w->wan_mac, 6);
		memcpy(v.src_mac, w->w0_mac, 6);
		put(fd, &k, &v, "nat");
	}
}

static void way_attach(struct way *w)
{
	struct bpf_program *xdp = w->kind == FLOOR    ? skel->progs.bench_floor
				  : w->kind == STORED ? skel->progs.bench_nat_stored
				  : w->kind == FIB    ? skel->progs.bench_nat_fib
						      : NULL;
	struct bpf_program *tc = w->kind == TC_REDIRECT ? skel->progs.bench_tc_redirect
				 : w->kind == TC_NEIGH	? skel->progs.bench_tc_neigh
							: NULL;

	go("bw", "");
	attach_xdp(w->wan, skel->progs.bench_sink);
	go("bi", "");
	attach_xdp(w->inside, skel->progs.bench_sink);
	go("g_%s", w->name);
	if (xdp) {
		attach_xdp(w->w0, xdp);
		attach_xdp(w->l0, xdp);
	}
	if (tc) {
		attach_tc(w->w0, tc);
		attach_tc(w->l0, tc);
	}
	if (w->kind == RF || w->kind == RF_HOST)
		fill_rf(w, 0, 1000, w->kind == RF);
}

static bool local(const struct way *w)
{
	return w->kind == HOST || w->kind == RF_HOST;
}

/* What arrives is right, and everything does, before anything is timed. */
static void verify(struct way *w, enum bench_dir dir)
{
	struct load l = { .dir = dir, .flags = BENCH_CHECK, .flows = 1000, .packets = 4000 };
	struct bench_count c;

	if (local(w))
		return;
	run(w, &l, &c); /* conntrack entries, neighbours, learnt peers */
	run(w, &l, &c);
	if (w->kind == RELAY)
		usleep(100000);
	c = count_read();
	if (c.good == l.packets && !c.wrong_addr && !c.wrong_csum && !c.wrong_ttl)
		return;
	w->failed = w->kind != RELAY || c.good < l.packets * 9 / 10;
	printf("# %s %s: %llu of %u right, %llu wrong address, %llu wrong checksum, %llu wrong TTL%s\n",
	       w->name, dir ? "out" : "in", (unsigned long long)c.good, l.packets,
	       (unsigned long long)c.wrong_addr, (unsigned long long)c.wrong_csum,
	       (unsigned long long)c.wrong_ttl, w->failed ? ": not measured" : "");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 2] : 0;
}

static double percentile(const struct way *w, double p)
{
	__u64 all = 0, sum = 0;

	for (int i = 0; i < BENCH_BUCKETS; i++)
		all += w->hist[i];
	for (int i = 0; i < BENCH_BUCKETS; i++) {
		sum += w->hist[i];
		if (all && sum >= all * p)
			return (i + 1) * BENCH_BUCKET_NS / 1000.0;
	}
	return 0;
}

static void latency(struct way *w)
{
	struct load l = { .flags = BENCH_STAMP, .flows = 1000, .packets = 20000 };
	int cpus = libbpf_num_possible_cpus();
	__u64 v[cpus], zero[cpus];
	struct bench_count c;
	__u32 i;

	memset(zero, 0, sizeof(zero));
	for (i = 0; i < BENCH_BUCKETS; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.latency), &i, zero, BPF_ANY);
	if (w->kind == RELAY)
		l.packets = 5000;
	run(w, &l, &c);
	for (i = 0; i < BENCH_BUCKETS; i++) {
		bpf_map_lookup_elem(bpf_map__fd(skel->maps.latency), &i, v);
		for (int k = 0; k < cpus; k++)
			w->hist[i] += v[k];
	}
}

static struct way *way_find(const char *name)
{
	for (int i = 0; i < n_ways; i++)
		if (!strcmp(ways[i].name, name) && !ways[i].failed)
			return &ways[i];
	return NULL;
}

static void media(void)
{
	struct way *conntrack = way_find("nft");
	double fib[2] = {}, nft[2] = {};
	struct bench_count c;

	for (int i = 0; i < n_ways; i++)
		for (int d = 0; d < 2; d++)
			verify(&ways[i], d);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n_ways; i++)
			for (int d = 0; d < (local(&ways[i]) ? 1 : 2); d++) {
				struct way *w = &ways[i];
				struct load l = { .dir = d,
						  .flows = 1000,
						  .packets = w->kind == RELAY ? packets / 20
									      : packets };

				if (w->failed)
					continue;
				w->ns[d][w->n[d]++] = run(w, &l, &c);
				if (!local(w))
					w->lost[d] += l.packets - c.good;
				if (!d && !local(w))
					latency(w);
			}
	for (int d = 0; d < 2; d++) {
		if (way_find("fib"))
			fib[d] = median(way_find("fib")->ns[d], way_find("fib")->n[d]);
		if (conntrack)
			nft[d] = median(conntrack->ns[d], conntrack->n[d]);
	}
	printf("\nMedia, 1,000 calls, %d-byte frames: CPU ns per packet with generator and sink, median (range) of %d paired rounds\n",
	       BENCH_FRAME, rounds);
	printf("%-14s %-4s %22s %8s %8s %9s %7s  %s\n", "way", "dir", "ns", "Mpps", "/ fib",
	       "conntrack /", "lost", "one-way us p50 p99 p99.9");
	fprintf(json, "{\n\"media\": [");
	for (int i = 0, first = 1; i < n_ways; i++)
		for (int d = 0; d < 2; d++) {
			struct way *w = &ways[i];
			double m = median(w->ns[d], w->n[d]);
			char range[32];

			if (!w->n[d])
				continue;
			snprintf(range, sizeof(range), "%.0f (%.0f-%.0f)", m, w->ns[d][0],
				 w->ns[d][w->n[d] - 1]);
			printf("%-14s %-4s %22s %8.2f %8.2f %11.2f %7llu", w->name,
			       d ? "out" : "in", range, 1000 / m, fib[d] ? m / fib[d] : 0,
			       nft[d] / m, (unsigned long long)w->lost[d]);
			if (!d && !local(w))
				printf("  %.2f %.2f %.2f", percentile(w, .5), percentile(w, .99),
				       percentile(w, .999));
			printf("\n");
			fprintf(json,
				"%s\n{\"way\": \"%s\", \"dir\": \"%s\", \"ns\": %.1f, \"min\": %.1f, \"max\": %.1f, \"lost\": %llu, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f}",
				first ? "" : ",", w->name, d ? "out" : "in", m, w->ns[d][0],
				w->ns[d][w->n[d] - 1], (unsigned long long)w->lost[d],
				percentile(w, .5), percentile(w, .99), percentile(w, .999));
			first = 0;
		}
	fprintf(json, "],\n");
}

/* The same ways with more and more pinholes, packets to all of them in turn, in no helpful order. */
static void growth(void)
{
	static const char *const names[] = { "rf_xdp", "fib", "stored", "nft" };
	static const __u32 sizes[] = { 1000, 10000, 100000, 1000000 };
	double first[4] = {};

	printf("\nGrowth, inbound, random flows: CPU ns per packet, median (range) of %d paired rounds\n%-10s",
	       rounds, "flows");
	for (int k = 0; k < 4; k++)
		printf(" %26s", names[k]);
	printf("\n");
	fprintf(json, "\"growth\": [");
	for (int s = 0; s < 4; s++) {
		double v[4][ROUNDS_MAX];
		__u32 n = packets > sizes[s] ? packets : sizes[s];
		struct bench_count c;
		struct way *w[4];
		int warm = 1;

		for (int k = 0; k < 4; k++)
			w[k] = way_find(names[k]);
		if (w[0])
			fill_rf(w[0], s ? sizes[s - 1] : 0, sizes[s], false);
		if (w[1])
			fill_nat(sizes[s], w[1]);
		for (int r = -warm; r < rounds; r++)
			for (int k = 0; k < 4; k++) {
				struct load l = { .flows = sizes[s],
						  .packets = r < 0 ? sizes[s] : n };
				double ns;

				/* conntrack's table has its own limit */
				if (!w[k] || (w[k]->kind == NFT && sizes[s] > 100000))
					continue;
				ns = run(w[k], &l, &c);
				if (r < 0) {
					if (c.good != l.packets)
						printf("# %s with %u flows: %llu of %u arrive\n",
						       names[k], sizes[s],
						       (unsigned long long)c.good, l.packets);
					continue;
				}
				v[k][r] = ns;
			}
		printf("%-10u", sizes[s]);
		for (int k = 0; k < 4; k++) {
			char t[40] = "-";

			if (w[k] && !(w[k]->kind == NFT && sizes[s] > 100000)) {
				double m = median(v[k], rounds);

				if (!s)
					first[k] = m;
				snprintf(t, sizeof(t), "%.0f (%.0f-%.0f) x%.2f", m, v[k][0],
					 v[k][rounds - 1], m / first[k]);
				fprintf(json,
					"%s\n{\"way\": \"%s\", \"flows\": %u, \"ns\": %.1f, \"min\": %.1f, \"max\": %.1f}",
					!s && !k ? "" : ",", names[k], sizes[s], m, v[k][0],
					v[k][rounds - 1]);
			}
			printf(" %26s", t);
		}
		printf("\n");
		fflush(stdout);
	}
	fprintf(json, "],\n");
}

static void flood(void)
{
	static const char *const names[] = { "rf_xdp", "rf_tc" };

	printf("\nUnsolicited packets to closed ports, from 65,536 sources\n");
	fprintf(json, "\"flood\": [");
	for (int k = 0; k < 2; k++) {
		struct way *w = way_find(names[k]);
		struct load all = { .flows = 1000,
				    .packets = packets,
				    .junk = 1,
				    .junk_of = 1,
				    .junk_sources = 65536 };
		struct load mix = { .flows = 1000,
				    .packets = packets,
				    .junk = 99,
				    .junk_of = 100,
				    .junk_sources = 65536 };
		double v[ROUNDS_MAX], m;
		__u64 good = 0, junk = 0;
		struct bench_count c;

		if (!w)
			continue;
		for (int r = 0; r < rounds; r++) {
			v[r] = run(w, &all, &c);
			junk += c.junk;
			run(w, &mix, &c);
			good += c.good;
			junk += c.junk;
		}
		m = median(v, rounds);
		printf("%-8s %.0f ns (%.0f-%.0f) with generator, %.2f M/s; calls under 99 times as much flood: %llu of %llu media packets arrive, %llu of the flood\n",
		       w->name, m, v[0], v[rounds - 1], 1000 / m, (unsigned long long)good,
		       (unsigned long long)rounds * packets / 100, (unsigned long long)junk);
		fprintf(json,
			"%s\n{\"way\": \"%s\", \"ns\": %.1f, \"media_sent\": %llu, \"media_arrived\": %llu, \"flood_arrived\": %llu}",
			k ? "," : "", w->name, m, (unsigned long long)rounds * packets / 100,
			(unsigned long long)good, (unsigned long long)junk);
	}
	fprintf(json, "],\n");
}

static void relay_ports(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int a, b;
	__u32 i = 0;

	while (f && fscanf(f, "%u %u", &a, &b) == 2) {
		struct bench_ports p = { a, b };

		put(bpf_map__fd(skel->maps.ports), &i, &p, "ports");
		i++;
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	cpu_set_t set;

	if (argc < 3)
		die("usage: %s OUT.json NAME:KIND...", argv[0]);
	rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : rounds;
	packets = getenv("PACKETS") ? (__u32)atoi(getenv("PACKETS")) : packets;
	relay_pid = getenv("RELAY_PID") ? atoi(getenv("RELAY_PID")) : 0;
	json = fopen(argv[1], "w");
	if (!json || rounds < 1 || rounds > ROUNDS_MAX || argc - 2 > WAYS_MAX)
		die("bad arguments");
	CPU_ZERO(&set);
	CPU_SET(CPU, &set);
	sched_setaffinity(0, sizeof(set), &set);
	setvbuf(stdout, NULL, _IOLBF, 0);
	skel = bench_bpf__open();
	if (!skel)
		die("bench.bpf.o does not open");
	for (int i = 2; i < argc; i++) {
		struct way *w = &ways[n_ways++];
		char kind[32];
		unsigned int k;

		if (sscanf(argv[i], "%15[^:]:%31s", w->name, kind) != 2)
			die("what is %s?", argv[i]);
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[k], kind); k++)
			;
		w->kind = k;
		go("bw", "");
		w->wan = dev_of("w_%s", w->name, w->wan_mac);
		go("bi", "");
		w->inside = dev_of("i_%s", w->name, w->inside_mac);
		go("g_%s", w->name);
		w->w0 = dev_of("w0", "", w->w0_mac);
		w->l0 = dev_of("l0", "", w->l0_mac);
		if (w->kind == FLOOR) {
			skel->rodata->other_ifindex[w->w0 & 63] = w->l0;
			skel->rodata->other_ifindex[w->l0 & 63] = w->w0;
		}
	}
	if (bench_bpf__load(skel))
		die("bench.bpf.o does not load");
	if (getenv("RELAY_PORTS"))
		relay_ports(getenv("RELAY_PORTS"));
	for (int i = 0; i < n_ways; i++) {
		if (ways[i].kind <= TC_NEIGH && ways[i].kind != FLOOR)
			fill_nat(1000, &ways[i]); /* device numbers are equal in every gateway */
		way_attach(&ways[i]);
	}
	media();
	flood(); /* before its ports have pinholes */
	if (!getenv("NO_GROWTH"))
		growth();
	fprintf(json, "\"rounds\": %d, \"packets\": %u\n}\n", rounds, packets);
	fclose(json);
	for (int i = 0; i < n_ways; i++)
		if (ways[i].failed)
			return 1;
	return 0;
}
