/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The media benchmark's parts: the ways (media.c), sending through one (run.c), what is measured and
 * shown (measure.c, growth.c).
 */
#ifndef BENCH_MEDIA_H
#define BENCH_MEDIA_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

#include "flow.h"
#include "bench.skel.h"

#define WAYS_MAX   32
#define ROUNDS_MAX 64
#define CPU	   1

enum kind {
	FLOOR,
	STORED,
	ARRAY,
	FIB,
	TC_REDIRECT,
	TC_NEIGH,
	ROUTE,
	NFT,
	RF,
	RF_HOST,
	HOST,
	RELAY
};

enum hist {
	IDLE, /* a packet at a time */
	LOADED, /* among those of all calls, in bursts of 64 */
	FLOODED, /* likewise, with 99 unsolicited ones to each */
	HISTS
};

struct way {
	char name[16]; /* ending with 6: by IPv6 */
	enum kind kind;
	bool six;
	__u32 wan, inside; /* ifindex of the far ends */
	__u32 w0, l0; /* of the gateway's ends */
	__u8 wan_mac[6], inside_mac[6], w0_mac[6], l0_mac[6];
	__u32 sent[2];
	double ns[2][ROUNDS_MAX], in_order[2][ROUNDS_MAX];
	int n[2];
	__u64 lost[2];
	__u64 hist[HISTS][BENCH_BUCKETS];
	bool failed;
};
extern struct way ways[WAYS_MAX];
extern int n_ways, rounds, relay_pid;
extern __u32 packets;
extern struct bench_bpf *skel;
extern FILE *json;

struct load {
	enum bench_dir dir;
	__u32 flags, flows, packets, junk, junk_of, junk_sources;
};

/* Sends through a way; CPU ns per packet, counts of the sink in *c. */
double run(struct way *w, const struct load *l, struct bench_count *c);
/* What arrives is right, and everything does, before anything is timed; else the way is failed. */
void verify(struct way *w, enum bench_dir dir);
/* Sends with time stamps; adds to a histogram, counts of the sink in *c. */
void latency(struct way *w, enum hist h, struct load l, struct bench_count *c);
double percentile(const struct way *w, enum hist h, double p); /* us */

bool local(const struct way *w); /* ends at this host: one direction, no sink */
struct way *way_find(const char *name); /* NULL: not there, or failed */

void put(int fd, const void *key, const void *value, const char *what);
/* Pinholes .from ... .to - 1; beyond half a million the map has room for one direction only. */
void fill_rf(struct way *w, __u32 from, __u32 to, bool both);
void fill_nat(__u32 to, const struct way *w);

/*
 * Whether to stop after so many rounds, as this share of SECONDS_MAX has passed since the start; says so.
 * Never before the least number of rounds.
 */
bool enough(double share, int done, int least);

void measure(void);
void flood(void);
void growth(void);

#endif
