// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling through gateways, one namespace for each way (set up by signalling.sh), all of them there
 * at the same time:
 *
 *   signalling peers OUT.json NAME:KIND[:PID]...   one phone per call; every way in every round
 *   signalling held OUT.json NAME:KIND[:PID]...   likewise, once, without timing one call at a time
 *   signalling trunk OUT.json NAME:KIND[:PID] TAG CALLS ADDRESS MEDIA-NET   all calls of one phone, once
 *
 * KIND: route, rf (PID: the controller), helper, proxy (PIDs of all its daemons, with commas). The
 * first of the peers is what the others are compared with: plain routing. Calls are set up and their
 * media is sent, both ways, before anything is timed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bench.h"
#include "signalling/way.h"

#define ALONE 200 /* calls one at a time, for latency */

static const char *const figures[FIGURES] = { "setups_per_s",  "daemons_cpu_us", "all_cpu_us",
					      "invite_p50_us", "ok_p50_us",	 "ack_p50_us",
					      "bye_p50_us",    "bye_ok_p50_us" };
static const char *const added[LOAD_MESSAGES] = { "invite", "ok", "ack", "bye", "bye_ok" };

static struct way ways[WAYS_MAX];
static int n_ways, rounds = 5;
static unsigned int n_calls = 1000;
static FILE *json;

static unsigned int number(const char *name, unsigned int otherwise, unsigned int least,
			   unsigned int most)
{
	const char *text = getenv(name);
	char *end = NULL;
	long v = text ? strtol(text, &end, 10) : otherwise;

	if (text && (end == text || *end || v < least || v > most))
		die("%s: a number from %u to %u, not \"%s\"", name, least, most, text);
	return v;
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
	for (int m = 0; m < LOAD_MESSAGES; m++)
		w->v[MESSAGE_US + m][round] =
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

static void messages_table(void)
{
	const double *base = ways[0].median;

	printf("\nLatency, calls one at a time: us from one end to the other, p50, and more than by %s\n%-10s %16s %16s %16s %16s %16s\n",
	       ways[0].name, "way", "INVITE", "200", "ACK", "BYE", "200 of BYE");
	for (int i = 0; i < n_ways; i++) {
		printf("%-10s", ways[i].name);
		for (int f = MESSAGE_US; f < FIGURES; f++) {
			char t[32];

			snprintf(t, sizeof(t), "%.1f (+%.1f)", ways[i].median[f],
				 ways[i].median[f] - base[f]);
			printf(" %16s", t);
		}
		printf("\n");
	}
}

static void peer_json(const struct way *w, const double *base)
{
	fprintf(json, "{\"way\": \"%s\", \"kind\": \"%s\"", w->name, kinds[w->kind]);
	for (int f = 0; f < FIGURES; f++)
		fprintf(json, ", \"%s\": %.1f, \"%s_min\": %.1f, \"%s_max\": %.1f", figures[f],
			w->median[f], figures[f], w->v[f][0], figures[f], w->v[f][rounds - 1]);
	for (int m = 0; m < LOAD_MESSAGES; m++)
		fprintf(json, ", \"added_%s_us\": %.1f", added[m],
			w->median[MESSAGE_US + m] - base[MESSAGE_US + m]);
	fprintf(json,
		", \"added_cpu_us\": %.1f, \"user_kb_per_call\": %.2f, \"kernel_bytes_per_call\": %.0f, \"failed\": %u, \"without_media\": %u}",
		w->median[ALL_US] - base[ALL_US], w->held.user_kb, w->held.kernel_bytes, w->failed,
		w->held.no_media);
}

static void peers_table(void)
{
	const double *base = ways[0].median;

	printf("\nSignalling, %u calls of as many phones, %d in flight; medians of %d paired rounds (range).\n"
	       "CPU us of set-up and BYE together; added: all CPU time of the machine's side less that of plain routing.\n"
	       "Memory per call, with media flowing.\n",
	       n_calls, WINDOW, rounds);
	printf("%-10s %22s %12s %22s %10s %8s %9s %7s\n", "way", "set-ups/s", "daemons us",
	       "all us", "added us", "user KB", "kernel B", "failed");
	fprintf(json, "{\"calls\": %u, \"rounds\": %d, \"peers\": [", n_calls, rounds);
	for (int i = 0; i < n_ways; i++) {
		struct way *w = &ways[i];
		char a[32], b[32];

		snprintf(a, sizeof(a), "%.0f (%.0f-%.0f)", w->median[SETUPS], w->v[SETUPS][0],
			 w->v[SETUPS][rounds - 1]);
		snprintf(b, sizeof(b), "%.0f (%.0f-%.0f)", w->median[ALL_US], w->v[ALL_US][0],
			 w->v[ALL_US][rounds - 1]);
		printf("%-10s %22s %12.1f %22s %10.1f %8.2f %9.0f %7u\n", w->name, a,
		       w->median[DAEMONS_US], b, w->median[ALL_US] - base[ALL_US], w->held.user_kb,
		       w->held.kernel_bytes, w->failed + w->held.no_media);
		fprintf(json, "%s\n", i ? "," : "");
		peer_json(w, base);
	}
	fprintf(json, "],\n");
	messages_table();
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

static void held_line(const struct way *w)
{
	const struct held *h = &w->held;

	printf("# %s: %u of %u calls failed, %u without media; %u conntrack entries, %u expectations, %u sockets\n",
	       w->name, h->failed, n_calls, h->no_media, h->conntracks, h->expectations,
	       h->sockets);
}

static int peers(void)
{
	int bad = 0;

	for (int i = 0; i < n_ways; i++) {
		way_hold(&ways[i], n_calls, n_calls);
		ways[i].failed += ways[i].held.failed;
		held_line(&ways[i]);
	}
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n_ways; i++) {
			alone(&ways[i], r);
			together(&ways[i], r);
		}
	for (int i = 0; i < n_ways; i++) {
		for (int f = 0; f < FIGURES; f++)
			ways[i].median[f] = median(ways[i].v[f], rounds);
		bad |= ways[i].kind == RF && ways[i].failed + ways[i].held.no_media;
	}
	peers_table();
	timing_table(number("TIMED", 200, 0, 10000));
	return bad;
}

/* Capacity: all calls at once; a row of the table, one JSON object. */
static int trunk(int argc, char **argv)
{
	struct way *w = &ways[0];
	struct load *l = &w->load;
	struct cost_now m0, m1, c0, c1, c2, c3;
	double up, down, setup_us, bye_us, kb, bytes, p50, p99;

	if (argc != 5)
		die("trunk: a way, a tag, calls, an address and a media network");
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
	setup_us = (c1.daemons_ns - c0.daemons_ns) / 1e3 / l->n_calls;
	bye_us = (c3.daemons_ns - c2.daemons_ns) / 1e3 / l->n_calls;
	kb = ((double)m1.daemons_kb - m0.daemons_kb) / l->n_calls;
	bytes = ((double)m1.kernel_bytes - m0.kernel_bytes) / l->n_calls + m1.set_aside;
	p50 = percentile_u32(l->latency_us10[LOAD_M_INVITE], l->n_latency[LOAD_M_INVITE], .5) /
	      10.0;
	p99 = percentile_u32(l->latency_us10[LOAD_M_INVITE], l->n_latency[LOAD_M_INVITE], .99) /
	      10.0;
	printf("%-8u %10.0f %10.0f %10.1f %10.1f %9.2f %9.0f %7u %14.1f %8.1f\n", l->n_calls,
	       l->done[LOAD_INVITE] / up, l->done[LOAD_BYE] / down, setup_us, bye_us, kb, bytes,
	       l->n_calls - l->done[LOAD_BYE], p50, p99);
	fprintf(json,
		"{\"calls\": %u, \"window\": %d, \"failed\": %u, \"unended\": %u, \"bad\": %u, \"setups_per_s\": %.0f, \"setup_cpu_us\": %.1f, \"invite_p50_us\": %.1f, \"invite_p99_us\": %.1f, \"byes_per_s\": %.0f, \"bye_cpu_us\": %.1f, \"rss_kb_per_call\": %.2f, \"kernel_bytes_per_call\": %.0f, \"kernel_mb_before\": %.1f, \"what\": \"%s\"}\n",
		l->n_calls, WINDOW, l->n_calls - l->done[LOAD_INVITE],
		l->done[LOAD_INVITE] - l->done[LOAD_BYE], l->bad, l->done[LOAD_INVITE] / up,
		setup_us, p50, p99, l->done[LOAD_BYE] / down, bye_us, kb, bytes,
		m0.kernel_bytes / 1e6, argv[1]);
	return l->done[LOAD_INVITE] != l->n_calls || l->done[LOAD_BYE] != l->n_calls;
}

int main(int argc, char **argv)
{
	bool all = argc > 1 && !strcmp(argv[1], "peers"),
	     hold = argc > 1 && !strcmp(argv[1], "held");

	if (argc < 4 || argc - 3 > WAYS_MAX || (!all && !hold && strcmp(argv[1], "trunk")))
		die("usage: %s peers|held|trunk OUT.json NAME:KIND[:PID]...", argv[0]);
	rounds = number("ROUNDS", rounds, 1, ROUNDS_MAX);
	n_calls = number("PHONES", n_calls, 2, all ? LOAD_PORTS : 120000);
	json = fopen(argv[2], "w");
	if (!json)
		die("cannot write %s", argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!all && !hold)
		return trunk(argc - 3, argv + 3);
	for (int i = 3; i < argc; i++) {
		way_parse(&ways[n_ways], argv[i]);
		ways[n_ways++].load.phones = n_calls;
	}
	return all ? peers() : held_run(ways, n_ways, n_calls, json);
}
