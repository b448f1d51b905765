/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A way through a gateway: who stands there, load through it, what its processes and its kernel state
 * cost. What has been measured of it side by side with others is in signalling.c, of many calls in held.c.
 */
#ifndef BENCH_WAY_H
#define BENCH_WAY_H

#include <stdio.h>

#include "signalling/cost.h"
#include "signalling/load.h"
#include "signalling/timing.h"

#define WAYS_MAX   8
#define ROUNDS_MAX 32
#define WINDOW	   64

enum kind { ROUTE, RF, HELPER, PROXY };
extern const char *const kinds[];

/* Latencies by enum load_message, those added at the end. */
enum figure { SETUPS, DAEMONS_US, ALL_US, MESSAGE_US, FIGURES = MESSAGE_US + LOAD_MESSAGES };

/* Calls that came up together, each with media both ways, and ended. */
struct held {
	uint32_t tried, failed; /* failed: not set up, or not ended */
	uint32_t up, checked, no_media; /* no_media: of those whose media was sent */
	double setups_per_s, daemons_us; /* daemons_us: set-up and BYE */
	uint32_t last_second; /* set-ups */
	double user_kb, kernel_bytes; /* per call */
	uint32_t conntracks, expectations, sockets;
};

struct way {
	char name[16];
	enum kind kind;
	struct load load;
	struct cost cost;
	double v[FIGURES][ROUNDS_MAX], median[FIGURES];
	uint32_t failed;
	struct held held;
	struct timing timing;
};

/* NAME:KIND[:PID,PID...]; dies of what it cannot read. */
void way_parse(struct way *w, char *text);
/* A Call-ID that was not there before: what has ended is remembered for a while. */
void tag_next(char *tag, size_t n, const char *what);
/* Calls come up (for .load.seconds at most), at most so many of them send their media, they end; memory is looked at meanwhile. */
void way_hold(struct way *w, unsigned int n_calls, unsigned int checks);

/* The same for a number of calls once, without rounds: a table, an object into .json. */
int held_run(struct way *ways, int n, unsigned int n_calls, FILE *json);

#endif
