// SPDX-License-Identifier: GPL-2.0-only
/*
 * What many calls at a time take of memory, by each way that can hold them.
 */
#include "signalling/way.h"

#define CHECKS	10000 /* calls whose media is sent */
#define SECONDS 25 /* for the set-ups of one way */

int held_run(struct way *ways, int n, unsigned int n_calls, FILE *json)
{
	int bad = 0;

	printf("\nHeld at a time: %u calls of as many phones, once; memory while they are up%s\n",
	       n_calls, n_calls > CHECKS ? ", one of ten with media" : " with media flowing");
	printf("%-10s %8s %8s %10s %11s %9s %9s  %s\n", "way", "held", "failed", "set-ups/s",
	       "daemons us", "user KB", "kernel B", "media right; in the kernel");
	fprintf(json, "{\"calls\": %u, \"peers\": [", n_calls);
	for (int i = 0; i < n; i++) {
		struct way *w = &ways[i];
		const struct held *h = &w->held;

		w->load.seconds = SECONDS;
		way_hold(w, n_calls, CHECKS);
		printf("%-10s %8u %8u %10.0f %11.1f %9.2f %9.0f  %u of %u; %u conntrack entries, %u expectations, %u sockets\n",
		       w->name, h->up, h->failed, h->setups_per_s, h->daemons_us, h->user_kb,
		       h->kernel_bytes, h->checked - h->no_media, h->checked, h->conntracks,
		       h->expectations, h->sockets);
		fprintf(json,
			"%s\n{\"way\": \"%s\", \"kind\": \"%s\", \"tried\": %u, \"held\": %u, \"last_second\": %u, \"failed\": %u, \"setups_per_s\": %.0f, \"daemons_cpu_us\": %.1f, \"user_kb_per_call\": %.2f, \"kernel_bytes_per_call\": %.0f, \"media_checked\": %u, \"without_media\": %u, \"conntracks\": %u, \"expectations\": %u, \"sockets\": %u}",
			i ? "," : "", w->name, kinds[w->kind], h->tried, h->up, h->last_second,
			h->failed, h->setups_per_s, h->daemons_us, h->user_kb, h->kernel_bytes,
			h->checked, h->no_media, h->conntracks, h->expectations, h->sockets);
		if (h->tried < n_calls)
			printf("# %s: time is up: %u calls in %d s, %u of them in the last second\n",
			       w->name, h->tried, SECONDS, h->last_second);
		bad |= w->kind == RF && (h->failed || h->no_media || h->tried < n_calls);
	}
	fprintf(json, "]}\n");
	return bad;
}
