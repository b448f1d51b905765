// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same ways with more and more pinholes, packets to all of them in turn, in no helpful order.
 */
#include "media/media.h"

#include <stdlib.h>

#include "common/bench.h"

#define SHOWN 5

static const char *const names[SHOWN] = { "rf_xdp", "fib", "stored", "array", "nft" };
static const __u32 sizes[] = { 1000, 10000, 100000, 1000000 };

static void warm(struct way *w, __u32 flows)
{
	struct load l = { .flows = flows, .packets = flows };
	struct bench_count c;

	run(w, &l, &c);
	if (c.good != l.packets)
		printf("# %s with %u flows: %llu of %u arrive\n", w->name, flows,
		       (unsigned long long)c.good, l.packets);
}

void growth(void)
{
	double first[SHOWN] = {}, v[SHOWN][ROUNDS_MAX];
	/* conntrack's table has a limit of the machine */
	__u32 conntrack_max = getenv("CONNTRACK_MAX") ? atoi(getenv("CONNTRACK_MAX")) : 200000;
	struct bench_count c;
	bool later = false;
	int r;

	printf("\nGrowth, inbound, random flows: CPU ns per packet, median (range) of %d paired rounds\n%-10s",
	       rounds, "flows");
	for (int k = 0; k < SHOWN; k++)
		printf(" %26s", names[k]);
	printf("\n");
	fprintf(json, "\"growth\": [");
	for (int s = 0; s < 4; s++) {
		__u32 n = packets > sizes[s] ? packets : sizes[s];
		struct load l = { .flows = sizes[s], .packets = n };
		struct way *w[SHOWN];

		if (s == 3 && enough(1, 0, 0))
			break;
		for (int k = 0; k < SHOWN; k++) {
			w[k] = way_find(names[k]);
			if (w[k] && w[k]->kind == NFT && sizes[s] + sizes[s] / 10 > conntrack_max) {
				printf("# nf_conntrack_max is %u: no %u connections\n",
				       conntrack_max, sizes[s]);
				w[k] = NULL;
			}
		}
		if (w[0])
			fill_rf(w[0], s ? sizes[s - 1] : 0, sizes[s], false);
		if (w[1])
			fill_nat(sizes[s], w[1]);
		for (int k = 0; k < SHOWN; k++)
			if (w[k])
				warm(w[k], sizes[s]);
		for (r = 0; r < rounds && !enough(1, r, 2); r++)
			for (int k = 0; k < SHOWN; k++)
				if (w[k])
					v[k][r] = run(w[k], &l, &c);
		printf("%-10u", sizes[s]);
		for (int k = 0; k < SHOWN; k++) {
			char t[40] = "-";
			double m;

			if (w[k]) {
				m = median(v[k], r);
				if (!s)
					first[k] = m;
				snprintf(t, sizeof(t), "%.0f (%.0f-%.0f) x%.2f", m, v[k][0],
					 v[k][r - 1], m / first[k]);
				fprintf(json,
					"%s\n{\"way\": \"%s\", \"flows\": %u, \"ns\": %.1f, \"min\": %.1f, \"max\": %.1f}",
					later ? "," : "", names[k], sizes[s], m, v[k][0],
					v[k][r - 1]);
				later = true;
			}
			printf(" %26s", t);
		}
		printf("\n");
	}
	fprintf(json, "],\n");
}
