// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet costs by each way and how long it takes, alone, under load and in a flood.
 */
#include "media/media.h"

#include <bpf/libbpf.h>
#include <stdlib.h>

#include "common/bench.h"

#define FLOWS 1000

bool enough(double share, int done, int least)
{
	int limit = getenv("SECONDS_MAX") ? atoi(getenv("SECONDS_MAX")) : 180;
	static __u64 start;

	if (!start)
		start = now_ns();
	if (done < least || done >= rounds || now_ns() - start < share * limit * 1e9)
		return false;
	printf("# time is up: %d rounds\n", done);
	return true;
}

static void measure_round(struct way *w, int d)
{
	struct load l = { .dir = d,
			  .flows = FLOWS,
			  .packets = w->kind == RELAY ? packets / 20 : packets };
	struct bench_count c;

	w->in_order[d][w->n[d]] = w->ns[d][w->n[d]] = run(w, &l, &c);
	w->n[d]++;
	if (local(w))
		return;
	w->lost[d] += l.packets - c.good;
	if (d)
		return;
	l.packets = w->kind == RELAY ? 2000 : 20000;
	latency(w, IDLE, l, &c);
	if (w->kind == RELAY) /* paced, so never loaded */
		return;
	latency(w, LOADED, l, &c);
	w->lost[d] += l.packets - c.good;
}

static void row(struct way *w, int d, const double *fib, const double *nft)
{
	double m = median(w->ns[d], w->n[d]), lo = w->ns[d][0], hi = w->ns[d][w->n[d] - 1];
	static bool later;
	char range[32];

	snprintf(range, sizeof(range), "%.0f (%.0f-%.0f)", m, lo, hi);
	printf("%-14s %-4s %22s %8.2f %8.2f %11.2f %7llu", w->name, d ? "out" : "in", range,
	       1000 / m, fib[w->six] ? m / fib[w->six] : 0, nft[w->six] / m,
	       (unsigned long long)w->lost[d]);
	if (!d && !local(w))
		printf("  %.2f %.2f %.2f  %.2f %.2f", percentile(w, IDLE, .5),
		       percentile(w, IDLE, .99), percentile(w, IDLE, .999),
		       percentile(w, LOADED, .5), percentile(w, LOADED, .99));
	printf("\n");
	fprintf(json,
		"%s\n{\"way\": \"%s\", \"dir\": \"%s\", \"ns\": %.1f, \"mpps\": %.3f, \"min\": %.1f, \"max\": %.1f, \"lost\": %llu, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"loaded_p50_us\": %.2f, \"loaded_p99_us\": %.2f, \"rounds\": [",
		later ? "," : "", w->name, d ? "out" : "in", m, 1000 / m, lo, hi,
		(unsigned long long)w->lost[d], percentile(w, IDLE, .5), percentile(w, IDLE, .99),
		percentile(w, IDLE, .999), percentile(w, LOADED, .5), percentile(w, LOADED, .99));
	for (int r = 0; r < w->n[d]; r++)
		fprintf(json, "%s%.1f", r ? ", " : "", w->in_order[d][r]);
	fprintf(json, "]}");
	later = true;
}

static void medians(const char *name, const char *name6, int d, double *v)
{
	const char *names[] = { name, name6 };

	for (int six = 0; six < 2; six++) {
		struct way *w = way_find(names[six]);

		v[six] = w ? median(w->ns[d], w->n[d]) : 0;
	}
}

void measure(void)
{
	double fib[2][2], nft[2][2];
	int r;

	enough(1, 0, 0); /* the clock starts */
	for (int i = 0; i < n_ways; i++)
		for (int d = 0; d < 2; d++)
			verify(&ways[i], d);
	for (r = 0; r < rounds && !enough(.5, r, 3); r++)
		for (int i = 0; i < n_ways; i++)
			for (int d = 0; d < (local(&ways[i]) ? 1 : 2); d++)
				if (!ways[i].failed)
					measure_round(&ways[i], d);
	for (int d = 0; d < 2; d++) {
		medians("fib", "fib6", d, fib[d]);
		medians("nft", "nft6", d, nft[d]);
	}
	printf("\nMedia, 1,000 calls, %d-byte frames (IPv6, names with 6: %d): CPU ns per packet with generator and sink,\n"
	       "median (range) of %d paired rounds; ratios are to the same family\n",
	       BENCH_FRAME, BENCH_FRAME6, r);
	printf("%-14s %-4s %22s %8s %8s %11s %7s  %s\n", "way", "dir", "ns", "Mpps", "/ fib",
	       "conntrack /", "lost", "us alone: p50 p99 p99.9  in bursts of 64: p50 p99");
	fprintf(json, "{\n\"media\": [");
	for (int i = 0; i < n_ways; i++)
		for (int d = 0; d < 2; d++)
			if (ways[i].n[d])
				row(&ways[i], d, fib[d], nft[d]);
	fprintf(json, "],\n");
}

static void flood_row(struct way *w, bool first)
{
	struct load all = { .flows = FLOWS,
			    .packets = packets,
			    .junk = 1,
			    .junk_of = 1,
			    .junk_sources = 65536 },
		    mix = all;
	unsigned long long good = 0, junk = 0, sent = 0;
	double v[ROUNDS_MAX], m;
	struct bench_count c;
	int r;

	mix.junk = 99;
	mix.junk_of = 100;
	mix.packets = packets < 200000 ? 200000 : packets;
	for (r = 0; r < rounds && !enough(.65, r, 2); r++) {
		v[r] = run(w, &all, &c);
		junk += c.junk;
		latency(w, FLOODED, mix, &c);
		good += c.good;
		junk += c.junk;
		sent += mix.packets / 100;
	}
	m = median(v, r);
	printf("%-8s %.0f ns (%.0f-%.0f) with generator, %.2f M/s; calls under 99 times as much flood: %llu of %llu media packets arrive, p50 %.2f us, p99 %.2f us (without flood %.2f, %.2f); %llu of the flood\n",
	       w->name, m, v[0], v[r - 1], 1000 / m, good, sent, percentile(w, FLOODED, .5),
	       percentile(w, FLOODED, .99), percentile(w, LOADED, .5), percentile(w, LOADED, .99),
	       junk);
	fprintf(json,
		"%s\n{\"way\": \"%s\", \"ns\": %.1f, \"min\": %.1f, \"max\": %.1f, \"media_sent\": %llu, \"media_arrived\": %llu, \"flood_arrived\": %llu, \"p50_us\": %.2f, \"p99_us\": %.2f}",
		first ? "" : ",", w->name, m, v[0], v[r - 1], sent, good, junk,
		percentile(w, FLOODED, .5), percentile(w, FLOODED, .99));
}

void flood(void)
{
	static const char *const names[] = { "rf_xdp", "rf_tc", "rf_xdp6" };
	bool first = true;

	printf("\nUnsolicited packets to closed ports, from 65,536 sources (latency: in bursts of 64)\n");
	fprintf(json, "\"flood\": [");
	for (int k = 0; k < 3; k++) {
		if (!way_find(names[k]))
			continue;
		flood_row(way_find(names[k]), first);
		first = false;
	}
	fprintf(json, "],\n");
}
