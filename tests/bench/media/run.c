// SPDX-License-Identifier: GPL-2.0-only
#include "media/media.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/bench.h"

static __u64 cpu_ns(bool relay)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec + thread_cpu_ns("ksoftirqd/1") +
	       (relay ? process_cpu_ns(relay_pid) : 0);
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

/* Until the relay has passed on so many packets, or 50 ms have gone by: it works when it is scheduled. */
static void relay_wait(__u32 sent, bool alone)
{
	__u64 start = now_ns();
	struct bench_count c;

	do {
		if (!alone)
			usleep(2000);
		c = count_read();
	} while (c.good + c.wrong_addr + c.wrong_csum < sent && now_ns() - start < 50000000);
}

double run(struct way *w, const struct load *l, struct bench_count *c)
{
	static __u8 frame[BENCH_FRAME6];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame,
		    .data_size_in = w->six ? BENCH_FRAME6 : BENCH_FRAME,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	bool in = l->dir == BENCH_IN;
	struct bench_cfg *cfg = &skel->bss->cfg;
	bool alone = l->flags & BENCH_ALONE;
	__u32 left = l->packets, burst = w->kind != RELAY ? left : alone ? 1 : 2048;
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
		.six = w->six,
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
	o.batch_size = alone ? 1 : 64;
	t = cpu_ns(w->kind == RELAY);
	while (left) {
		o.repeat = left < burst ? left : burst;
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.bench_gen), &o))
			die("%s: live frames: %s", w->name, strerror(errno));
		left -= o.repeat;
		if (w->kind == RELAY)
			relay_wait(l->packets - left, alone);
	}
	t = cpu_ns(w->kind == RELAY) - t;
	w->sent[l->dir] = skel->bss->sent;
	*c = count_read();
	return (double)t / l->packets;
}

bool local(const struct way *w)
{
	return w->kind == HOST || w->kind == RF_HOST;
}

/* What has come as far as a socket of this host would be (media.sh). */
static long reached(const struct way *w)
{
	char line[256];
	long n = -1;
	FILE *f;

	go("g_%s", w->name);
	f = popen("nft list chain ip sink in", "r");
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "counter packets ");

		if (at)
			n = atol(at + strlen("counter packets "));
	}
	if (f)
		pclose(f);
	return n;
}

/* Nothing is translated on the way: all of it has to be there, no more is asked. */
static void verify_local(struct way *w, const struct load *l)
{
	struct bench_count c;
	long before;

	run(w, l, &c);
	before = reached(w);
	run(w, l, &c);
	w->failed = before < 0 || reached(w) - before != l->packets;
	if (w->failed)
		printf("# %s: %ld of %u packets reach this host: not measured\n", w->name,
		       reached(w) - before, l->packets);
}

void verify(struct way *w, enum bench_dir dir)
{
	struct load l = { .dir = dir, .flags = BENCH_CHECK, .flows = 1000, .packets = 4000 };
	struct bench_count c;

	if (local(w)) {
		if (dir == BENCH_IN)
			verify_local(w, &l);
		return;
	}
	run(w, &l, &c); /* conntrack entries, neighbours, learnt peers */
	run(w, &l, &c);
	if (c.good == l.packets && !c.wrong_addr && !c.wrong_csum && !c.wrong_ttl)
		return;
	w->failed = w->kind != RELAY || c.good < l.packets * 9 / 10;
	printf("# %s %s: %llu of %u right, %llu wrong address, %llu wrong checksum, %llu wrong TTL%s\n",
	       w->name, dir ? "out" : "in", (unsigned long long)c.good, l.packets,
	       (unsigned long long)c.wrong_addr, (unsigned long long)c.wrong_csum,
	       (unsigned long long)c.wrong_ttl, w->failed ? ": not measured" : "");
}

double percentile(const struct way *w, enum hist h, double p)
{
	__u64 all = 0, sum = 0;

	for (int i = 0; i < BENCH_BUCKETS; i++)
		all += w->hist[h][i];
	for (int i = 0; i < BENCH_BUCKETS; i++) {
		sum += w->hist[h][i];
		if (all && sum >= all * p)
			return (i + 1) * BENCH_BUCKET_NS / 1000.0;
	}
	return 0;
}

void latency(struct way *w, enum hist h, struct load l, struct bench_count *c)
{
	int cpus = libbpf_num_possible_cpus();
	__u64 v[cpus], zero[cpus];
	__u32 i;

	memset(zero, 0, sizeof(zero));
	for (i = 0; i < BENCH_BUCKETS; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.latency), &i, zero, BPF_ANY);
	l.flags |= BENCH_STAMP | (h == IDLE ? BENCH_ALONE : 0);
	run(w, &l, c);
	for (i = 0; i < BENCH_BUCKETS; i++) {
		bpf_map_lookup_elem(bpf_map__fd(skel->maps.latency), &i, v);
		for (int k = 0; k < cpus; k++)
			w->hist[h][i] += v[k];
	}
}
