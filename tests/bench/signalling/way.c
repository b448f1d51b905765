// SPDX-License-Identifier: GPL-2.0-only
#include "signalling/way.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bench.h"

#define GIVE_UP 50 /* calls without media: each is waited for */

const char *const kinds[] = { "route", "rf", "helper", "proxy" };

void way_parse(struct way *w, char *text)
{
	const char *net = getenv("PHONE_NET") ? getenv("PHONE_NET") : "10.16.0.0";
	char *kind, *pids, *pid, *rest = NULL, *name = strtok_r(text, ":", &rest);

	snprintf(w->name, sizeof(w->name), "%s", name ? name : "");
	kind = strtok_r(NULL, ":", &rest);
	for (w->kind = 0; kind && w->kind <= PROXY && strcmp(kinds[w->kind], kind); w->kind++)
		;
	if (!kind || w->kind > PROXY)
		die("%s: a way is NAME:KIND[:PID,...], KIND one of route, rf, helper, proxy",
		    w->name);
	pids = strtok_r(NULL, ":", &rest);
	for (pid = pids ? strtok_r(pids, ",", &rest) : NULL; pid; pid = strtok_r(NULL, ",", &rest))
		cost_add(&w->cost, atoi(pid));
	snprintf(w->cost.gw_ns, sizeof(w->cost.gw_ns), "g_%s", w->name);
	w->cost.instance = w->kind == RF ? "bench" : NULL;
	snprintf(w->load.in_ns, sizeof(w->load.in_ns), "i_%s", w->name);
	snprintf(w->load.wan_ns, sizeof(w->load.wan_ns), "w_%s", w->name);
	if (!inet_aton(net, &w->load.phone_net))
		die("PHONE_NET: what is %s?", net);
	w->load.next_hop.sin_family = AF_INET;
	w->load.next_hop.sin_port = htons(5060);
	/* a proxy is spoken to; the others are in the way */
	inet_pton(AF_INET, w->kind == PROXY ? "10.0.0.1" : LOAD_CALLEE, &w->load.next_hop.sin_addr);
	load_open(&w->load);
}

void tag_next(char *tag, size_t n, const char *what)
{
	static unsigned int run;

	snprintf(tag, n, "%s%x.%u", what, (unsigned int)getpid(), run++);
}

static void media_check(struct way *w, unsigned int n_calls, unsigned int checks)
{
	unsigned int step = checks < n_calls ? n_calls / checks : 1;
	struct held *h = &w->held;

	for (unsigned int i = 0; i < n_calls && h->no_media < GIVE_UP; i += step) {
		struct load_pair p;

		if (!w->load.calls[i].up)
			continue;
		p = load_pair_open(&w->load, i);
		load_media_send(&w->load, &p, i, LOAD_INWARD | LOAD_OUTWARD);
		h->no_media += load_media_read(&p, i, 200) != (LOAD_INWARD | LOAD_OUTWARD);
		h->checked++;
		load_pair_close(&p);
	}
}

void way_hold(struct way *w, unsigned int n_calls, unsigned int checks)
{
	struct cost_now before, after, c0, c1, c2, c3;
	struct held *h = &w->held;
	struct load *l = &w->load;
	char tag[24];
	double s;

	tag_next(tag, sizeof(tag), "v");
	load_begin(l, tag, n_calls, WINDOW);
	before = cost_memory(&w->cost);
	c0 = cost_cpu(&w->cost);
	s = load_phase(l, LOAD_INVITE);
	c1 = cost_cpu(&w->cost);
	h->up = l->done[LOAD_INVITE];
	media_check(w, n_calls, checks);
	after = cost_memory(&w->cost);
	c2 = cost_cpu(&w->cost);
	load_phase(l, LOAD_BYE);
	c3 = cost_cpu(&w->cost);
	h->tried = l->sent[LOAD_INVITE];
	h->failed = h->tried - l->done[LOAD_BYE];
	h->last_second = l->last_second;
	if (h->up) {
		h->setups_per_s = h->up / s;
		h->daemons_us = (c1.daemons_ns - c0.daemons_ns + c3.daemons_ns - c2.daemons_ns) /
				1e3 / h->up;
		h->user_kb = ((double)after.daemons_kb - before.daemons_kb) / h->up;
		h->kernel_bytes = ((double)after.kernel_bytes - before.kernel_bytes) / h->up +
				  after.set_aside;
	}
	h->conntracks = after.conntracks;
	h->expectations = after.expectations;
	h->sockets = after.sockets - before.sockets;
	load_end(l);
}
