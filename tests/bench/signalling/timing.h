/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a pinhole is there before the message that announces it leaves, and gone before the BYE
 * does: seen from both ends by media, and, for Ringfence, in its map at the moment the messages pass
 * the devices next to the gateway.
 */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include "signalling/load.h"

struct timing {
	unsigned int calls, failed; /* failed: not set up or not ended */
	unsigned int
		first_lost[2]; /* media right behind the 200 (in), when it has been read (out) */
	unsigned int after_bye[2]; /* media that arrives although the callee has read the BYE */
	/* in the map; .looked 0: not looked */
	unsigned int looked;
	unsigned int not_open; /* both ways, when the 200 leaves */
	unsigned int not_closed; /* when the BYE leaves */
	double close_us[3]; /* from BYE to gateway until BYE out of it, closed: p50, p99, most */
	double invite_us[3]; /* the same of the INVITE */
};

/* Calls one at a time. instance: of Ringfence, NULL for others. in_dev, wan_dev: far ends. */
void timing_run(struct load *l, const char *instance, const char *in_dev, const char *wan_dev,
		unsigned int calls, struct timing *t);

#endif
