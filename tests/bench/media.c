// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a forwarded media packet costs, by several ways through a gateway, in paired rounds.
 * Every way is a network namespace of its own (set up by media.sh), all are there at the same
 * time, and each round visits all of them, so that whatever else the machine does hits them alike.
 *
 * The generator is a BPF program run with XDP live frames: generator, gateway and sink share one
 * core and one thread, whose CPU time (with ksoftirqd's) is what a packet costs. Wall clock is
 * not looked at. The sink checks addresses and ports of each packet; a first pass checks checksums.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/bench.h"
#include "datapath.h"
#include "inbound.h"
#include "media/media.h"

static const char *const kinds[] = { "floor",	    "stored",	"array", "fib",
				     "tc_redirect", "tc_neigh", "route", "nft",
				     "rf",	    "rf_host",	"host",	 "relay" };

struct way ways[WAYS_MAX];
int n_ways, rounds = 7, relay_pid;
__u32 packets = 300000;
struct bench_bpf *skel;
FILE *json;

static __u32 dev_of(const char *fmt, const char *name, __u8 *mac)
{
	char dev[64], cmd[128];
	unsigned int b[6];
	__u32 i;
	FILE *f;

	snprintf(dev, sizeof(dev), fmt, name);
	i = if_nametoindex(dev);
	/* /sys belongs to the namespace that mounted it */
	snprintf(cmd, sizeof(cmd),
		 "ip -o link show dev %s | sed 's/.*link.ether \\([^ ]*\\).*/\\1/'", dev);
	f = popen(cmd, "r");
	if (!i || !f || fscanf(f, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6)
		die("no device %s", dev);
	pclose(f);
	for (int k = 0; k < 6; k++)
		mac[k] = b[k];
	return i;
}

static void attach_xdp(__u32 ifindex, struct bpf_program *p)
{
	int r = bpf_xdp_attach(ifindex, bpf_program__fd(p), XDP_FLAGS_DRV_MODE, NULL);

	if (r)
		die("XDP on device %u: %s", ifindex, strerror(-r));
}

static void attach_tc(__u32 ifindex, struct bpf_program *p)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = bpf_program__fd(p), .handle = 1, .priority = 1);

	bpf_tc_hook_create(&hook);
	if (bpf_tc_attach(&hook, &o))
		die("TC on device %u", ifindex);
}

static bool six; /* of the way that is being filled */

static struct rf_addr mapped(__u32 host_order)
{
	if (six)
		return (struct rf_addr){ { htobe32(bench_prefix(host_order)), 0, 0,
					   htobe32(host_order) } };
	return (struct rf_addr){ { 0, 0, htobe32(0xffff), htobe32(host_order) } };
}

static struct rf_ep ep_of(__u32 addr, __u16 port)
{
	return (struct rf_ep){ .addr = mapped(addr), .port = htobe16(port) };
}

void put(int fd, const void *key, const void *value, const char *what)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		die("%s: %s", what, strerror(errno));
}

void fill_rf(struct way *w, __u32 from, __u32 to, bool both)
{
	char instance[32];
	struct inbound lines;
	struct datapath *dp;
	struct timespec ts;
	struct why why;
	__u64 now;

	six = w->six;
	go("g_%s", w->name);
	snprintf(instance, sizeof(instance), "bench-%s", w->name);
	for (char *x = instance; *x; x++)
		if (*x == '_')
			*x = '-';
	if (datapath_open(&dp, instance, true, &why))
		die("%s: %s", instance, why.text);
	if (inbound_open(&lines, dp->map[MAP_INBOUND]))
		die("%s: no map of lines", instance);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000ull;
	for (__u32 i = from; i < to; i++) {
		struct rf_ep pub = ep_of(BENCH_PUBLIC + bench_host(i), bench_port(i)),
			     in = ep_of(BENCH_INSIDE + bench_host(i), bench_port(i));
		struct rf_pinhole_state st = {};
		struct rf_pinhole p = {
			.id = i + 1,
			.deadline_ns = now + 7200 * 1000000000ull,
			.idle_s = 300,
			.clock_rate = 8000,
			.state = RF_PINHOLE_OPEN,
			.classes = RF_CLASS_RTP | RF_CLASS_STUN,
			.flags = RF_PH_XLATE,
			.n_remotes = 1,
			.wan_ifindex = w->w0,
			.xlate = in,
			.payload_types = { 1 },
			.rtcp_types = 0x1f00,
		};
		struct rf_pinhole_cold cold = { .call_id = i + 1,
						.idle_from_s = (__u32)(now / RF_NS_PER_SEC) };
		struct rf_pinhole_key key = { .addr = pub.addr,
					      .port = pub.port,
					      .dir = RF_DIR_IN };

		p.remote = (struct rf_remote){ .addr = mapped(BENCH_PEER),
					       .port = htobe16(bench_peer_port(i)),
					       .prefix_len = 128 };
		if (w->kind == RF_HOST)
			p.flags = RF_PH_LOCAL;
		p.slot = inbound_slot(&lines, &key);
		if (!p.slot) /* IPv6, and one of many */
			p.slot = lines.n + i;
		put(dp->map[MAP_PINHOLE_STATE], &p.slot, &st, "pinhole_state");
		put(dp->map[MAP_PINHOLE_COLD], &p.slot, &cold, "pinhole_cold");
		put(dp->map[MAP_PINHOLES], &key, &p, "pinholes");
		inbound_set(&lines, &key, &p);
		if (!both)
			continue;
		key = (struct rf_pinhole_key){ .addr = in.addr,
					       .port = in.port,
					       .dir = RF_DIR_OUT };
		p.xlate = pub;
		put(dp->map[MAP_PINHOLES], &key, &p, "pinholes");
	}
	inbound_close(&lines);
	datapath_close(dp);
}

/* The same for both families, so that it is as small as can be: 64 bits of IPv6 tell flows apart here. */
void fill_nat(__u32 to, const struct way *w)
{
	for (__u32 i = 0; i < to; i++) {
		__u32 pub = BENCH_PUBLIC + bench_host(i), in = BENCH_INSIDE + bench_host(i);
		__u16 port = htobe16(bench_port(i));
		int fd = bpf_map__fd(w->six ? skel->maps.nat6 : skel->maps.nat);
		struct bench_nat6_key k6;
		struct bench_nat_key k;
		struct bench_nat v;

		for (int dir = BENCH_IN; dir <= BENCH_OUT; dir++) {
			bool inward = dir == BENCH_IN;
			__u32 from = inward ? pub : in, to_addr = inward ? in : pub;

			v = (struct bench_nat){ .addr = htobe32(to_addr),
						.prefix = htobe32(bench_prefix(to_addr)),
						.port = port,
						.ifindex = inward ? w->l0 : w->w0 };
			memcpy(v.dst_mac, inward ? w->inside_mac : w->wan_mac, 6);
			memcpy(v.src_mac, inward ? w->l0_mac : w->w0_mac, 6);
			k = (struct bench_nat_key){ htobe32(from), port, dir };
			if (inward && !w->six) {
				struct bench_nat_line l = { .key = k, .to = v };

				put(bpf_map__fd(skel->maps.nat_lines), &i, &l, "nat_lines");
			}
			k6 = (struct bench_nat6_key){
				{ htobe32(bench_prefix(from)), 0, 0, htobe32(from) }, port, dir
			};
			put(fd, w->six ? (void *)&k6 : (void *)&k, &v, "nat");
		}
	}
}

static void way_attach(struct way *w)
{
	struct bpf_program *xdp =
		w->kind == FLOOR ? (w->six ? skel->progs.bench_floor6 : skel->progs.bench_floor)
		: w->kind == STORED
			? (w->six ? skel->progs.bench_nat6_stored : skel->progs.bench_nat_stored)
		: w->kind == ARRAY ? skel->progs.bench_nat_array
		: w->kind == FIB ? (w->six ? skel->progs.bench_nat6_fib : skel->progs.bench_nat_fib)
				 : NULL;
	struct bpf_program *tc = w->kind == TC_REDIRECT ? skel->progs.bench_tc_redirect
				 : w->kind == TC_NEIGH	? skel->progs.bench_tc_neigh
							: NULL;

	go("bw", "");
	attach_xdp(w->wan, skel->progs.bench_sink);
	go("bi", "");
	attach_xdp(w->inside, skel->progs.bench_sink);
	go("g_%s", w->name);
	if (xdp) {
		attach_xdp(w->w0, xdp);
		attach_xdp(w->l0, xdp);
	}
	if (tc) {
		attach_tc(w->w0, tc);
		attach_tc(w->l0, tc);
	}
	if (w->kind == RF || w->kind == RF_HOST)
		fill_rf(w, 0, 1000, w->kind == RF);
}

struct way *way_find(const char *name)
{
	for (int i = 0; i < n_ways; i++)
		if (!strcmp(ways[i].name, name) && !ways[i].failed)
			return &ways[i];
	return NULL;
}

static void relay_ports(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int a, b;
	__u32 i = 0;

	while (f && fscanf(f, "%u %u", &a, &b) == 2) {
		struct bench_ports p = { a, b };

		put(bpf_map__fd(skel->maps.ports), &i, &p, "ports");
		i++;
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	cpu_set_t set;

	if (argc < 3)
		die("usage: %s OUT.json NAME:KIND...", argv[0]);
	rounds = getenv("ROUNDS") ? atoi(getenv("ROUNDS")) : rounds;
	packets = getenv("PACKETS") ? (__u32)atoi(getenv("PACKETS")) : packets;
	relay_pid = getenv("RELAY_PID") ? atoi(getenv("RELAY_PID")) : 0;
	json = fopen(argv[1], "w");
	if (!json || rounds < 1 || rounds > ROUNDS_MAX || argc - 2 > WAYS_MAX)
		die("bad arguments");
	CPU_ZERO(&set);
	CPU_SET(CPU, &set);
	sched_setaffinity(0, sizeof(set), &set);
	setvbuf(stdout, NULL, _IOLBF, 0);
	skel = bench_bpf__open();
	if (!skel)
		die("bench.bpf.o does not open");
	for (int i = 2; i < argc; i++) {
		struct way *w = &ways[n_ways++];
		char kind[32];
		unsigned int k;

		if (sscanf(argv[i], "%15[^:]:%31s", w->name, kind) != 2)
			die("what is %s?", argv[i]);
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[k], kind); k++)
			;
		w->kind = k;
		w->six = w->name[strlen(w->name) - 1] == '6';
		go("bw", "");
		w->wan = dev_of("w_%s", w->name, w->wan_mac);
		go("bi", "");
		w->inside = dev_of("i_%s", w->name, w->inside_mac);
		go("g_%s", w->name);
		w->w0 = dev_of("w0", "", w->w0_mac);
		w->l0 = dev_of("l0", "", w->l0_mac);
		if (w->kind == FLOOR) {
			skel->rodata->other_ifindex[w->w0 & 63] = w->l0;
			skel->rodata->other_ifindex[w->l0 & 63] = w->w0;
		}
	}
	if (bench_bpf__load(skel))
		die("bench.bpf.o does not load");
	if (getenv("RELAY_PORTS"))
		relay_ports(getenv("RELAY_PORTS"));
	for (int i = 0; i < n_ways; i++) {
		if (ways[i].kind <= TC_NEIGH && ways[i].kind != FLOOR)
			fill_nat(1000, &ways[i]); /* device numbers are equal in every gateway */
		way_attach(&ways[i]);
	}
	measure();
	flood(); /* before its ports have pinholes */
	if (!getenv("NO_GROWTH"))
		growth();
	fprintf(json, "\"rounds\": %d, \"packets\": %u\n}\n", rounds, packets);
	fclose(json);
	for (int i = 0; i < n_ways; i++)
		if (ways[i].failed)
			return 1;
	return 0;
}
