// SPDX-License-Identifier: GPL-2.0-only
#include "signalling/timing.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bench.h"
#include "rf_abi.h"
#include "timing_log.h"
#include "timing.skel.h"

#define GATEWAY	   "203.0.113.1"
#define LEAVE_TIME 2 /* ms for a packet that should not come */

static struct timing *result;
static struct load_pair pair;

static void hook(const char *ns, const char *dev, enum bpf_tc_attach_point point,
		 struct bpf_program *p)
{
	LIBBPF_OPTS(bpf_tc_hook, h, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = bpf_program__fd(p), .handle = 1, .priority = 1);

	go("%s", ns);
	h.ifindex = if_nametoindex(dev);
	bpf_tc_hook_create(&h);
	if (bpf_tc_attach(&h, &o))
		die("TC on %s", dev);
}

/* A second filter on a device finds its qdisc there, which libbpf reports. */
static int complain(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, args);
	return level == LIBBPF_WARN && !strstr(text, "Exclusivity") ? fputs(text, stderr) : 0;
}

static struct timing_bpf *programs(struct load *l, const char *instance, const char *in_dev,
				   const char *wan_dev)
{
	struct timing_bpf *s = timing_bpf__open();
	char path[128];
	int fd;

	libbpf_set_print(complain);
	snprintf(path, sizeof(path), RF_BPFFS_ROOT "/%s/maps/pinholes", instance);
	fd = bpf_obj_get(path);
	if (!s || fd < 0 || bpf_map__reuse_fd(s->maps.pinholes, fd) || timing_bpf__load(s))
		die("timing.bpf.o does not load on %s", path);
	close(fd);
	hook(l->in_ns, in_dev, BPF_TC_EGRESS, s->progs.timing_to_gw);
	hook(l->in_ns, in_dev, BPF_TC_INGRESS, s->progs.timing_inward);
	hook(l->wan_ns, wan_dev, BPF_TC_INGRESS, s->progs.timing_outward);
	return s;
}

static void unhook(const char *ns, const char *dev)
{
	LIBBPF_OPTS(bpf_tc_hook, h, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	go("%s", ns);
	h.ifindex = if_nametoindex(dev);
	bpf_tc_hook_destroy(&h);
}

static struct rf_pinhole_key key_of(const struct sockaddr_in *a, enum rf_dir dir)
{
	return (struct rf_pinhole_key){
		.addr = { { 0, 0, htonl(0xffff), a->sin_addr.s_addr } },
		.port = a->sin_port,
		.dir = dir,
	};
}

/* Media at the moments that count: right behind the 200 and the moment it is read; when the BYE is. */
static void at_callee(struct load *l, unsigned int call, enum load_method m)
{
	unsigned int seen;

	if (m != LOAD_BYE) {
		load_media_send(l, &pair, call, LOAD_INWARD);
		return;
	}
	load_media_send(l, &pair, call, LOAD_INWARD | LOAD_OUTWARD);
	seen = load_media_read(&pair, call, LEAVE_TIME);
	result->after_bye[0] += !!(seen & LOAD_INWARD);
	result->after_bye[1] += !!(seen & LOAD_OUTWARD);
}

static void at_caller(struct load *l, unsigned int call, enum load_method m)
{
	unsigned int seen;

	if (m != LOAD_INVITE)
		return;
	load_media_send(l, &pair, call, LOAD_OUTWARD);
	seen = load_media_read(&pair, call, 200);
	result->first_lost[0] += !(seen & LOAD_INWARD);
	result->first_lost[1] += !(seen & LOAD_OUTWARD);
}

static const struct timing_entry *entry(const struct timing_bpf *s, const char *start,
					enum timing_at at)
{
	for (unsigned int i = 0; i < s->bss->n_entries && i < TIMING_LOG; i++)
		if (s->bss->entries[i].at == at && !memcmp(s->bss->entries[i].start, start, 4))
			return &s->bss->entries[i];
	return NULL;
}

static void summary(uint32_t *ns, unsigned int n, double *us)
{
	us[0] = percentile_u32(ns, n, .5) / 1000.0;
	us[1] = percentile_u32(ns, n, .99) / 1000.0;
	us[2] = n ? ns[n - 1] / 1000.0 : 0;
}

void timing_run(struct load *l, const char *instance, const char *in_dev, const char *wan_dev,
		unsigned int calls, struct timing *t)
{
	struct timing_bpf *s = instance ? programs(l, instance, in_dev, wan_dev) : NULL;
	const struct timing_entry *e[5];
	uint32_t close_ns[calls], invite_ns[calls];
	struct sockaddr_in inside, keys_in = {};
	bool kept;
	char tag[24];

	*t = (struct timing){ .calls = calls };
	result = t;
	l->at_callee = at_callee;
	l->at_caller = at_caller;
	for (unsigned int i = 0; i < calls; i++) {
		snprintf(tag, sizeof(tag), "t%x.%u", (unsigned int)getpid(), i);
		load_begin(l, tag, 1, 1);
		pair = load_pair_open(l, 0);
		load_inside_media(l, 0, &inside);
		if (s) {
			s->bss->n_entries = 0;
			s->bss->keys[RF_DIR_OUT] = key_of(&inside, RF_DIR_OUT);
			/* a free port number is kept; whether it was is seen in the INVITE */
			keys_in = inside;
			inet_pton(AF_INET, GATEWAY, &keys_in.sin_addr);
			s->bss->keys[RF_DIR_IN] = key_of(&keys_in, RF_DIR_IN);
		}
		load_phase(l, LOAD_INVITE);
		load_phase(l, LOAD_BYE);
		t->failed += l->done[LOAD_BYE] != 1;
		kept = l->calls[0].seen[0].sin_addr.s_addr == keys_in.sin_addr.s_addr &&
		       l->calls[0].seen[0].sin_port == keys_in.sin_port;
		load_pair_close(&pair);
		load_end(l);
		if (!s)
			continue;
		e[0] = entry(s, "INVI", TIMING_TO_GW);
		e[1] = entry(s, "INVI", TIMING_OUTWARD);
		e[2] = entry(s, "SIP/", TIMING_INWARD);
		e[3] = entry(s, "BYE ", TIMING_TO_GW);
		e[4] = entry(s, "BYE ", TIMING_OUTWARD);
		if (!kept || !e[0] || !e[1] || !e[2] || !e[3] || !e[4])
			continue;
		t->not_open += !e[2]->open[RF_DIR_IN] || !e[2]->open[RF_DIR_OUT];
		t->not_closed += e[4]->open[RF_DIR_IN] || e[4]->open[RF_DIR_OUT];
		invite_ns[t->looked] = e[1]->ns - e[0]->ns;
		close_ns[t->looked++] = e[4]->ns - e[3]->ns;
	}
	l->at_callee = NULL;
	l->at_caller = NULL;
	summary(invite_ns, t->looked, t->invite_us);
	summary(close_ns, t->looked, t->close_us);
	if (!s)
		return;
	unhook(l->in_ns, in_dev);
	unhook(l->wan_ns, wan_dev);
	timing_bpf__destroy(s);
}
