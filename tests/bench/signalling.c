// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling through gateways, one namespace for each way (set up by signalling.sh), all of them there
 * at the same time:
 *
 *   signalling peers OUT.json NAME:KIND[:PID]...   one phone per call; every way in every round
 *   signalling trunk OUT.json NAME:KIND[:PID] TAG CALLS ADDRESS MEDIA-NET   all calls of one phone, once
 *
 * KIND: route, rf (PID: the controller), helper, proxy (PIDs of all its daemons, with commas). The
 * first of the peers is what the others are compared with: plain routing. Calls are set up and their
 * media is sent, both ways, before anything is timed.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bench.h"
#include "signalling/cost.h"
#include "signalling/load.h"
#include "signalling/timing.h"

#define WAYS_MAX   8
#define ROUNDS_MAX 32
#define WINDOW	   64
#define ALONE	   200 /* calls one at a time, for latency */

enum kind { ROUTE, RF, HELPER, PROXY };
static const char *const kinds[] = { "route", "rf", "helper", "proxy" };

enum figure { SETUPS, DAEMONS_US, ALL_US, INVITE_US, BYE_US, FIGURES };
static const char *const figures[] = { "setups_per_s", "daemons_cpu_us", "all_cpu_us",
				       "invite_p50_us", "bye_p50_us" };

struct way {
	char name[16];
	enum kind kind;
	struct load load;
	struct cost cost;
	double v[FIGURES][ROUNDS_MAX], median[FIGURES];
	uint32_t failed, no_media;
	double user_kb, kernel_bytes; /* per call */
	struct timing timing;
};
static struct way ways[WAYS_MAX];
static int n_ways, rounds = 5;
static unsigned int n_calls = 1000;
static FILE *json;

static void way_parse(struct way *w, char *text)
{
	char *kind, *pids, *pid, *rest = NULL;

	snprintf(w->name, sizeof(w->name), "%s", strtok_r(text, ":", &rest));
	kind = strtok_r(NULL, ":", &rest);
	for (w->kind = 0; kind && w->kind <= PROXY && strcmp(kinds[w->kind], kind); w->kind++)
		;
	if (!kind || w->kind > PROXY)
		die("what is %s?", text);
	pids = strtok_r(NULL, ":", &rest);
	for (pid = pids ? strtok_r(pids, ",", &rest) : NULL; pid; pid = strtok_r(NULL, ",", &rest))
		cost_add(&w->cost, atoi(pid));
	snprintf(w->cost.gw_ns, sizeof(w->cost.gw_ns), "g_%s", w->name);
	w->cost.instance = w->kind == RF ? "bench" : NULL;
	snprintf(w->load.in_ns, sizeof(w->load.in_ns), "i_%s", w->name);
	snprintf(w->load.wan_ns, sizeof(w->load.wan_ns), "w_%s", w->name);
	w->load.next_hop.sin_family = AF_INET;
	w->load.next_hop.sin_port = htons(5060);
	/* a proxy is spoken to; the others are in the way */
	inet_pton(AF_INET, w->kind == PROXY ? "10.0.0.1" : LOAD_CALLEE, &w->load.next_hop.sin_addr);
	load_open(&w->load);
}

static void tag_next(char *tag, size_t n, const char *what)
{
	static unsigned int run;

	/* what has ended is remembered for a while: no Call-ID comes again */
	snprintf(tag, n, "%s%x.%u", what, (unsigned int)getpid(), run++);
}

/* Calls come up, their media goes both ways, they end; memory is looked at meanwhile. */
static void verify(struct way *w)
{
	struct cost_now before, after;
	struct load_pair p;
	char tag[24];

	tag_next(tag, sizeof(tag), "v");
	load_begin(&w->load, tag, n_calls, WINDOW);
	before = cost_memory(&w->cost);
	load_phase(&w->load, LOAD_INVITE);
	for (unsigned int i = 0; i < n_calls; i++) {
		p = load_pair_open(&w->load, i);
		load_media_send(&w->load, &p, i, LOAD_INWARD | LOAD_OUTWARD);
		w->no_media += load_media_read(&p, i, 200) != (LOAD_INWARD | LOAD_OUTWARD);
		load_pair_close(&p);
		if (w->no_media > n_calls / 10)
			break;
	}
	after = cost_memory(&w->cost);
	load_phase(&w->load, LOAD_BYE);
	w->failed += n_calls - w->load.done[LOAD_BYE];
	w->user_kb = (double)(after.daemons_kb - before.daemons_kb) / n_calls;
	w->kernel_bytes =
		(double)(after.kernel_bytes - before.kernel_bytes) / n_calls + after.set_aside;
	printf("# %s: %u of %u calls failed, %u without media; %u conntrack entries, %u expectations\n",
	       w->name, w->failed, n_calls, w->no_media, after.conntracks, after.expectations);
	load_end(&w->load);
}

static void alone(struct way *w, int round)
{
	struct load *l = &w->load;
	char tag[24];

	tag_next(tag, sizeof(tag), "a");
	load_begin(l, tag, ALONE, 1);
	cost_first(&w->cost, true);
	load_phase(l, LOAD_INVITE);
	load_phase(l, LOAD_BYE);
	cost_first(&w->cost, false);
	w->failed += ALONE - l->done[LOAD_BYE];
	for (int m = 0; m < 2; m++)
		w->v[INVITE_US + m][round] =
			percentile_u32(l->latency_us10[m], l->n_latency[m], .5) / 10.0;
	load_end(l);
}

static void together(struct way *w, int round)
{
	struct cost_now before, after;
	struct load *l = &w->load;
	double s;
	char tag[24];

	tag_next(tag, sizeof(tag), "l");
	load_begin(l, tag, n_calls, WINDOW);
	before = cost_cpu(&w->cost);
	s = load_phase(l, LOAD_INVITE);
	w->v[SETUPS][round] = l->done[LOAD_INVITE] / s;
	load_phase(l, LOAD_BYE);
	after = cost_cpu(&w->cost);
	w->failed += n_calls - l->done[LOAD_BYE];
	w->v[DAEMONS_US][round] = (after.daemons_ns - before.daemons_ns) / 1e3 / n_calls;
	w->v[ALL_US][round] = (after.all_ns - before.all_ns) / 1e3 / n_calls;
	load_end(l);
}

static void peers_table(void)
{
	const double *base = ways[0].median;

	printf("\nSignalling, %u calls of as many phones, %d in flight; medians of %d paired rounds (range).\n"
	       "CPU us of set-up and BYE together; added: all CPU time of the machine's side less that of plain routing.\n"
	       "INVITE: one at a time, p50 from caller to callee. Memory per call, with media flowing.\n",
	       n_calls, WINDOW, rounds);
	printf("%-10s %22s %12s %22s %10s %10s %9s %8s %9s %7s\n", "way", "set-ups/s", "daemons us",
	       "all us", "added us", "INVITE us", "added us", "user KB", "kernel B", "failed");
	fprintf(json, "{\"calls\": %u, \"rounds\": %d, \"peers\": [", n_calls, rounds);
	for (int i = 0; i < n_ways; i++) {
		struct way *w = &ways[i];
		char a[32], b[32];

		snprintf(a, sizeof(a), "%.0f (%.0f-%.0f)", w->median[SETUPS], w->v[SETUPS][0],
			 w->v[SETUPS][rounds - 1]);
		snprintf(b, sizeof(b), "%.0f (%.0f-%.0f)", w->median[ALL_US], w->v[ALL_US][0],
			 w->v[ALL_US][rounds - 1]);
		printf("%-10s %22s %12.1f %22s %10.1f %10.1f %9.1f %8.2f %9.0f %7u\n", w->name, a,
		       w->median[DAEMONS_US], b, w->median[ALL_US] - base[ALL_US],
		       w->median[INVITE_US], w->median[INVITE_US] - base[INVITE_US], w->user_kb,
		       w->kernel_bytes, w->failed + w->no_media);
		fprintf(json, "%s\n{\"way\": \"%s\", \"kind\": \"%s\"", i ? "," : "", w->name,
			kinds[w->kind]);
		for (int f = 0; f < FIGURES; f++)
			fprintf(json, ", \"%s\": %.1f, \"%s_min\": %.1f, \"%s_max\": %.1f",
				figures[f], w->median[f], figures[f], w->v[f][0], figures[f],
				w->v[f][rounds - 1]);
		fprintf(json,
			", \"added_cpu_us\": %.1f, \"added_invite_us\": %.1f, \"added_bye_us\": %.1f, \"user_kb_per_call\": %.2f, \"kernel_bytes_per_call\": %.0f, \"failed\": %u, \"without_media\": %u}",
			w->median[ALL_US] - base[ALL_US], w->median[INVITE_US] - base[INVITE_US],
			w->median[BYE_US] - base[BYE_US], w->user_kb, w->kernel_bytes, w->failed,
			w->no_media);
	}
	fprintf(json, "],\n");
}

static void timing_table(unsigned int calls)
{
	fprintf(json, "\"timing\": [");
	if (calls)
		printf("\nPinholes, %u calls one at a time: media in right behind the 200, out when it is read; both ways when the BYE is read\n",
		       calls);
	for (int i = 0; i < n_ways && calls; i++) {
		struct way *w = &ways[i];
		struct timing *t = &w->timing;

		cost_first(&w->cost, true);
		timing_run(&w->load, w->cost.instance, "e0", "p0", calls, t);
		cost_first(&w->cost, false);
		printf("%-10s first packet lost: %u in, %u out; through after the BYE: %u in, %u out; calls failed: %u\n",
		       w->name, t->first_lost[0], t->first_lost[1], t->after_bye[0],
		       t->after_bye[1], t->failed);
		if (t->looked)
			printf("%-10s in the map, %u calls: not open as the 200 leaves: %u; not closed as the BYE does: %u\n"
			       "%-10s BYE from the device before the gateway to the one behind it, closed by then: %.0f us p50, %.0f p99, %.0f most; INVITE %.0f p50, %.0f p99\n",
			       "", t->looked, t->not_open, t->not_closed, "", t->close_us[0],
			       t->close_us[1], t->close_us[2], t->invite_us[0], t->invite_us[1]);
		fprintf(json,
			"%s\n{\"way\": \"%s\", \"calls\": %u, \"failed\": %u, \"first_lost_in\": %u, \"first_lost_out\": %u, \"after_bye_in\": %u, \"after_bye_out\": %u, \"looked\": %u, \"not_open\": %u, \"not_closed\": %u, \"close_p50_us\": %.1f, \"close_p99_us\": %.1f, \"close_max_us\": %.1f, \"invite_p50_us\": %.1f, \"invite_p99_us\": %.1f}",
			i ? "," : "", w->name, t->calls, t->failed, t->first_lost[0],
			t->first_lost[1], t->after_bye[0], t->after_bye[1], t->looked, t->not_open,
			t->not_closed, t->close_us[0], t->close_us[1], t->close_us[2],
			t->invite_us[0], t->invite_us[1]);
	}
	fprintf(json, "]}\n");
}

static int peers(int argc, char **argv)
{
	int bad = 0;

	for (int i = 0; i < argc; i++) {
		way_parse(&ways[n_ways], argv[i]);
		ways[n_ways++].load.phones = n_calls;
	}
	for (int i = 0; i < n_ways; i++)
		verify(&ways[i]);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n_ways; i++) {
			alone(&ways[i], r);
			together(&ways[i], r);
		}
	for (int i = 0; i < n_ways; i++) {
		for (int f = 0; f < FIGURES; f++)
			ways[i].median[f] = median(ways[i].v[f], rounds);
		bad |= ways[i].kind == RF && ways[i].failed + ways[i].no_media;
	}
	peers_table();
	timing_table(getenv("TIMED") ? atoi(getenv("TIMED")) : 200);
	return bad;
}

/* Capacity: all calls at once; one JSON object. */
static int trunk(int argc, char **argv)
{
	struct way *w = &ways[0];
	struct load *l = &w->load;
	struct cost_now m0, m1, c0, c1, c2, c3;
	double up, down;

	if (argc != 5)
		die("trunk: arguments");
	way_parse(w, argv[0]);
	l->phones = 1;
	snprintf(l->inside, sizeof(l->inside), "%s", argv[3]);
	snprintf(l->media_net, sizeof(l->media_net), "%s", argv[4]);
	load_begin(l, argv[1], atoi(argv[2]), WINDOW);
	m0 = cost_memory(&w->cost);
	c0 = cost_cpu(&w->cost);
	up = load_phase(l, LOAD_INVITE);
	c1 = cost_cpu(&w->cost);
	m1 = cost_memory(&w->cost);
	c2 = cost_cpu(&w->cost);
	down = load_phase(l, LOAD_BYE);
	c3 = cost_cpu(&w->cost);
	fprintf(json,
		"{\"calls\": %u, \"window\": %d, \"failed\": %u, \"unended\": %u, \"bad\": %u, \"setups_per_s\": %.0f, \"setup_cpu_us\": %.1f, \"invite_p50_us\": %.1f, \"invite_p99_us\": %.1f, \"byes_per_s\": %.0f, \"bye_cpu_us\": %.1f, \"rss_kb_per_call\": %.2f, \"kernel_bytes_per_call\": %.0f, \"kernel_mb_before\": %.1f, \"what\": \"%s\"}\n",
		l->n_calls, WINDOW, l->n_calls - l->done[LOAD_INVITE],
		l->done[LOAD_INVITE] - l->done[LOAD_BYE], l->bad, l->done[LOAD_INVITE] / up,
		(c1.daemons_ns - c0.daemons_ns) / 1e3 / l->n_calls,
		percentile_u32(l->latency_us10[0], l->n_latency[0], .5) / 10.0,
		percentile_u32(l->latency_us10[0], l->n_latency[0], .99) / 10.0,
		l->done[LOAD_BYE] / down, (c3.daemons_ns - c2.daemons_ns) / 1e3 / l->n_calls,
		(double)(m1.daemons_kb - m0.daemons_kb) / l->n_calls,
		(double)(m1.kernel_bytes - m0.kernel_bytes) / l->n_calls + m1.set_aside,
		m0.kernel_bytes / 1e6, argv[1]);
	return l->done[LOAD_INVITE] != l->n_calls || l->done[LOAD_BYE] != l->n_calls;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		die("usage: %s peers|trunk OUT.json NAME:KIND[:PID]...", argv[0]);
	rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : rounds;
	n_calls = getenv("PHONES") ? (unsigned int)atoi(getenv("PHONES")) : n_calls;
	json = fopen(argv[2], "w");
	if (!json || rounds < 1 || rounds > ROUNDS_MAX || argc - 3 > WAYS_MAX || n_calls < 2 ||
	    n_calls > LOAD_PORTS)
		die("bad arguments");
	setvbuf(stdout, NULL, _IOLBF, 0);
	return !strcmp(argv[1], "peers") ? peers(argc - 3, argv + 3) : trunk(argc - 3, argv + 3);
}
