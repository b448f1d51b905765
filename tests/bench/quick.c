// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each path of the kernel side costs by BPF_PROG_TEST_RUN, hot, next to a NAT that does no
 * more than it must (bench_nat_fib): quick FILE [--update]. Compares with FILE and says what
 * changed; times are shown as ratios and never judged. Pinholes translate to the same endpoint,
 * so that a packet may go round.
 */
#include "bpf/lab.h"
#include <json-c/json.h>

#include "flow.h"
#include "bench.skel.h"

#define ROUNDS 300
#define REPEAT 40 /* less than the TTL */

static const struct path {
	const char *name;
	enum hook h;
	struct pkt p;
	int code;
} paths[] = {
	{ "xdp in",
	  XDP,
	  { .src = PEER4, .dst = IN4, .sport = PEER_PORT, .dport = IN_PORT },
	  XDP_REDIRECT },
	{ "xdp in, IPv6",
	  XDP,
	  { .src = PEER6, .dst = IN6, .sport = PEER_PORT, .dport = IN_PORT },
	  XDP_REDIRECT },
	{ "xdp no pinhole",
	  XDP,
	  { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = 20002 },
	  XDP_DROP },
	{ "xdp wrong source",
	  XDP,
	  { .src = PEER4, .dst = IN4, .sport = 9, .dport = IN_PORT },
	  XDP_DROP },
	{ "xdp not ours",
	  XDP,
	  { .src = PEER4, .dst = "10.77.0.9", .sport = 9, .dport = 9 },
	  XDP_PASS },
	{ "tc in",
	  WAN_IN,
	  { .src = PEER4, .dst = IN4, .sport = PEER_PORT, .dport = IN_PORT },
	  TC_ACT_REDIRECT },
	{ "tc in, IPv6",
	  WAN_IN,
	  { .src = PEER6, .dst = IN6, .sport = PEER_PORT, .dport = IN_PORT },
	  TC_ACT_REDIRECT },
	{ "tc no pinhole",
	  WAN_IN,
	  { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = 20002 },
	  TC_ACT_SHOT },
	{ "tc out",
	  INSIDE_IN,
	  { .src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0 },
	  TC_ACT_REDIRECT },
	{ "tc out, IPv6",
	  INSIDE_IN,
	  { .src = IN6, .dst = PEER6, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0 },
	  TC_ACT_REDIRECT },
	{ "tc not ours",
	  INSIDE_IN,
	  { .src = "10.0.0.9", .dst = PEER4, .sport = 9, .dport = 9, .dmac = lab_mac_l0 },
	  TC_ACT_UNSPEC },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double cost(int fd, enum hook h, const struct pkt *p, int code)
{
	struct xdp_md xdp = { .ingress_ifindex = lab.w0 };
	struct __sk_buff skb = { .ifindex = h == INSIDE_IN ? lab.l0 : lab.w0 };
	static uint8_t a[2048], out[2048];
	double v[ROUNDS];
	int len = pkt_build(p, a), i;

	xdp.data_end = len;
	for (i = 0; i < ROUNDS; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = a, .data_size_in = len,
			    .data_out = out, .data_size_out = sizeof(out), .repeat = REPEAT,
			    .ctx_in = h == XDP ? (void *)&xdp : &skb,
			    .ctx_size_in = h == XDP ? sizeof(xdp) : sizeof(skb));
		if (bpf_prog_test_run_opts(fd, &o) || (int)o.retval != code) {
			fprintf(stderr, "%s: verdict %d, not %d\n", hook_names[h], o.retval, code);
			return 0;
		}
		v[i] = o.duration;
	}
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return v[ROUNDS / 2];
}

static unsigned int insns_of(const struct bpf_program *p)
{
	struct bpf_prog_info info = {};
	__u32 n = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &n) ? 0 : info.verified_insns;
}

/* A pinhole or NAT entry of the inside endpoint that translates to itself. */
static void fill(struct bench_bpf *ref)
{
	struct bench_nat_key k = { .addr = inet_addr(IN4),
				   .port = htons(IN_PORT),
				   .dir = BENCH_IN };
	struct bench_nat v = { .addr = k.addr, .port = k.port, .ifindex = lab.l0 };
	struct rf_pinhole ph;
	int v6, dir;

	for (v6 = 0; v6 < 2; v6++)
		for (dir = 0; dir < 2; dir++) {
			ph = ph_new(v6, dir);
			ph.xlate = ep(v6 ? IN6 : IN4, IN_PORT);
			ph_set(v6 ? IN6 : IN4, IN_PORT, dir, &ph);
		}
	map_set(ref->maps.nat, &k, &v);
}

static double number(struct json_object *old, const char *path, const char *what)
{
	struct json_object *o = NULL;

	if (!old || !json_object_object_get_ex(old, path, &o) ||
	    !json_object_object_get_ex(o, what, &o))
		return 0;
	return json_object_get_double(o);
}

int main(int argc, char **argv)
{
	bool update = argc == 3 && !strcmp(argv[2], "--update");
	struct json_object *old, *now = json_object_new_object();
	struct bench_bpf *ref;
	double unit;
	unsigned int i;
	cpu_set_t set;

	if (argc < 2 || (argc == 3 && !update) || geteuid()) {
		fprintf(stderr, "usage, as root: %s FILE [--update]\n", argv[0]);
		return 2;
	}
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	old = json_object_from_file(argv[1]);
	lab_up(NULL);
	lab_reset();
	ref = bench_bpf__open_and_load();
	if (!ref)
		return 1;
	fill(ref);
	unit = cost(bpf_program__fd(ref->progs.bench_nat_fib), XDP, &paths[0].p, XDP_REDIRECT);
	printf("%-18s %8s %8s %10s %8s\n", "path", "ns", "/ NAT", "in file", "insns");
	printf("%-18s %8.0f %8.2f %10s %8u\n", "minimal XDP NAT", unit, 1.0, "",
	       insns_of(ref->progs.bench_nat_fib));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		struct bpf_program *prog = lab_prog(paths[i].h);
		double ns = cost(bpf_program__fd(prog), paths[i].h, &paths[i].p, paths[i].code);
		unsigned int insns = insns_of(prog);
		double was = number(old, paths[i].name, "insns");
		struct json_object *o = json_object_new_object();

		printf("%-18s %8.0f %8.2f %10.2f %8u%s\n", paths[i].name, ns, ns / unit,
		       number(old, paths[i].name, "ratio"), insns,
		       was && (insns > was * 1.1 || insns < was * .9)
			       ? "  instructions changed by more than a tenth"
			       : "");
		json_object_object_add(o, "ratio",
				       json_object_new_double((int)(ns / unit * 100 + .5) / 100.0));
		json_object_object_add(o, "insns", json_object_new_int(insns));
		json_object_object_add(now, paths[i].name, o);
		if (!ns)
			return 1;
	}
	if (update && json_object_to_file_ext(argv[1], now, JSON_C_TO_STRING_PRETTY)) {
		fprintf(stderr, "cannot write %s\n", argv[1]);
		return 1;
	}
	return 0;
}
