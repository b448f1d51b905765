// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each path of the kernel side costs by BPF_PROG_TEST_RUN, hot, next to a NAT that does no
 * more than it must (bench_nat_fib): quick FILE [--update] [--json OUT] [--tap]. Compares with FILE
 * and says what changed. Each round visits all paths right after each other; times are shown as
 * ratios and never judged. The verifier's instructions are: a program that has a quarter more of them than
 * in FILE, of the same kernel and compiler, fails. Pinholes translate to the same endpoint, so that a packet
 * may go round.
 */
#include "bpf/lab.h"
#include <json-c/json.h>
#include <sys/utsname.h>

#include "flow.h"
#include "bench.skel.h"

#define ROUNDS 300
#define REPEAT 40 /* less than the TTL */

#ifndef CLANG_VERSION
#define CLANG_VERSION "unknown"
#endif

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
	{ "xdp in, RTCP",
	  XDP,
	  { .src = PEER4, .dst = IN4, .sport = PEER_PORT, .dport = IN_PORT, .pay = PAY_RTCP },
	  XDP_REDIRECT },
	{ "xdp in, SIP",
	  XDP,
	  { .src = PEER4, .dst = PUB4, .sport = 5060, .dport = 5060, .pay = PAY_SIP },
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
	{ "tc in, SIP held",
	  WAN_IN,
	  { .src = PEER4, .dst = PUB4, .sport = 5060, .dport = 5060, .pay = PAY_SIP },
	  TC_ACT_SHOT },
	{ "tc out",
	  INSIDE_IN,
	  { .src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0 },
	  TC_ACT_REDIRECT },
	{ "xdp out", /* by the next hop that "tc out" keeps known */
	  INSIDE_XDP,
	  { .src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0 },
	  XDP_REDIRECT },
	{ "tc out, IPv6",
	  INSIDE_IN,
	  { .src = IN6, .dst = PEER6, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0 },
	  TC_ACT_REDIRECT },
	{ "tc out, SIP held",
	  INSIDE_IN,
	  { .src = IN4,
	    .dst = PEER4,
	    .sport = 5060,
	    .dport = 5060,
	    .dmac = lab_mac_l0,
	    .pay = PAY_SIP },
	  TC_ACT_SHOT },
	{ "tc not ours",
	  INSIDE_IN,
	  { .src = "10.0.0.9",
	    .dst = PEER4,
	    .sport = 9,
	    .dport = 9,
	    .dmac = lab_mac_l0,
	    .pay = PAY_ZERO,
	    .len = 160 },
	  TC_ACT_UNSPEC },
	{ "tc TCP, in",
	  WAN_IN,
	  { .src = PEER4, .dst = IN4, .sport = 443, .dport = 40001, .proto = IPPROTO_TCP },
	  TC_ACT_UNSPEC },
	{ "tc TCP, out",
	  INSIDE_IN,
	  { .src = IN4,
	    .dst = PEER4,
	    .sport = 40001,
	    .dport = 443,
	    .dmac = lab_mac_l0,
	    .proto = IPPROTO_TCP },
	  TC_ACT_UNSPEC },
	{ "TCP leaves by the WAN",
	  WAN_OUT,
	  { .src = PUB4, .dst = PEER4, .sport = 40001, .dport = 443, .proto = IPPROTO_TCP },
	  TC_ACT_UNSPEC },
	{ "tc not guarded",
	  WAN_IN,
	  { .src = PEER4, .dst = PUB4, .sport = 9, .dport = 9, .pay = PAY_ZERO, .len = 160 },
	  TC_ACT_UNSPEC },
	{ "leaves by the WAN",
	  WAN_OUT,
	  { .src = PUB4, .dst = PEER4, .sport = 9, .dport = 9, .pay = PAY_ZERO, .len = 160 },
	  TC_ACT_UNSPEC },
	/* what belongs to others: a flow that is known, in both directions, and what is none of it */
	{ "others leave",
	  WAN_OUT,
	  { .src = PUB4, .dst = PEER4, .sport = 20100, .dport = 53 },
	  TC_ACT_UNSPEC },
	{ "forwarded, others",
	  WAN_OUT,
	  { .src = PUB4, .dst = PEER4, .sport = 20100, .dport = 53 },
	  TC_ACT_UNSPEC },
	{ "xdp others' reply",
	  XDP,
	  { .src = PEER4, .dst = PUB4, .sport = 53, .dport = 20100 },
	  XDP_PASS },
	{ "forwarded UDP",
	  WAN_OUT,
	  { .src = PUB4, .dst = PEER4, .sport = 9, .dport = 9 },
	  TC_ACT_UNSPEC },
	{ "forwarded TCP",
	  WAN_OUT,
	  { .src = PUB4, .dst = PEER4, .sport = 9, .dport = 9, .proto = 6 },
	  TC_ACT_UNSPEC },
	{ "leaves inwards",
	  INSIDE_OUT,
	  { .src = PEER4, .dst = IN4, .sport = 9, .dport = 9 },
	  TC_ACT_UNSPEC },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ns; 0: not what the path should come to. forwarded: it came in by the inside device. */
static double cost(int fd, enum hook h, const struct pkt *p, int code, bool forwarded)
{
	bool is_xdp = h == XDP || h == INSIDE_XDP;
	struct xdp_md xdp = { .ingress_ifindex = h == XDP ? lab.w0 : lab.l0 };
	struct __sk_buff skb = { .ifindex = h >= INSIDE_IN ? lab.l0 : lab.w0 };
	static uint8_t a[2048], out[2048];
	int len = pkt_build(p, a);

	skb.ingress_ifindex = forwarded ? lab.l0 : 0;
	xdp.data_end = len;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = a, .data_size_in = len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = REPEAT,
		    .ctx_in = is_xdp ? (void *)&xdp : &skb,
		    .ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(skb));
	if (bpf_prog_test_run_opts(fd, &o) || (int)o.retval != code) {
		fprintf(stderr, "%s: verdict %d, not %d\n", hook_names[h], (int)o.retval, code);
		return 0;
	}
	if (p->pay == PAY_SIP)
		lab_drain();
	return o.duration ? o.duration : 1;
}

static double middle(double *v)
{
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
			ph.slot = rf_inbound_index(ntohl(k.addr), IN_PORT, LAB_LINES);
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

/* Of the machine whose figures a file has; instructions of another one say nothing about ours. */
static struct json_object *of_here(void)
{
	struct json_object *o = json_object_new_object();
	struct utsname u;

	uname(&u);
	u.release[strcspn(u.release, "-")] = '\0'; /* builds of one version have one verifier */
	json_object_object_add(o, "kernel", json_object_new_string(u.release));
	json_object_object_add(o, "clang", json_object_new_string(CLANG_VERSION));
	return o;
}

/* A test run of an XDP program that is nowhere attached waits for all CPUs, twice. */
static bool attach(const char *dev, struct bpf_program *p)
{
	int r = bpf_xdp_attach(if_nametoindex(dev), bpf_program__fd(p), XDP_FLAGS_DRV_MODE, NULL);

	if (r)
		fprintf(stderr, "XDP on %s: %s\n", dev, strerror(-r));
	return !r;
}

static double unit_v[ROUNDS], v[ARRAY_SIZE(paths)][ROUNDS], ratio[ARRAY_SIZE(paths)][ROUNDS];

static bool measure(int unit_fd)
{
	unsigned int i, r, t;

	for (r = 0; r < ROUNDS; r++) {
		unit_v[r] = cost(unit_fd, XDP, &paths[0].p, XDP_REDIRECT, false);
		for (i = 0; i < ARRAY_SIZE(paths); i++) {
			/* a next hop that was known may be too old where the CPU was somebody else's for long */
			for (t = 0; t < 3 && (!t || !v[i][r]); t++)
				v[i][r] = cost(bpf_program__fd(lab_prog(paths[i].h)), paths[i].h,
					       &paths[i].p, paths[i].code,
					       !strncmp(paths[i].name, "forwarded", 9));
			ratio[i][r] = v[i][r] / unit_v[r];
			if (!v[i][r] || !unit_v[r]) {
				fprintf(stderr, "%s: not measured\n", paths[i].name);
				return false;
			}
		}
	}
	return true;
}

/* A row; whether the program has not grown by much. */
static bool row(unsigned int i, struct json_object *old, bool same, bool tap,
		struct json_object *file, struct json_object *json)
{
	double ns = middle(v[i]), q = (int)(middle(ratio[i]) * 100 + .5) / 100.0;
	unsigned int insns = insns_of(lab_prog(paths[i].h));
	double was = number(old, paths[i].name, "insns");
	bool ok = !same || !was || insns <= was * 1.25;
	char text[16];
	struct json_object *o = json_object_new_object(), *j = json_object_new_object();

	snprintf(text, sizeof(text), "%.2f", q);
	if (tap && !was)
		printf("not ok %s: not in the file\n", paths[i].name);
	else if (tap)
		printf("%s %s: %u instructions, in the file %.0f%s\n", ok ? "ok" : "not ok",
		       paths[i].name, insns, was, same ? "" : " # SKIP of another kernel or clang");
	else
		printf("%-18s %8.0f %8.2f %10.2f %8u%s\n", paths[i].name, ns, q,
		       number(old, paths[i].name, "ratio"), insns,
		       !ok ? "  INSTRUCTIONS GREW by more than a quarter"
		       : was && (insns > was * 1.1 || insns < was * .9)
			       ? "  instructions changed by more than a tenth"
			       : "");
	json_object_object_add(o, "ratio", json_object_new_double_s(q, text));
	json_object_object_add(o, "insns", json_object_new_int(insns));
	json_object_object_add(file, paths[i].name, o);
	json_object_object_add(j, "path", json_object_new_string(paths[i].name));
	json_object_object_add(j, "ns", json_object_new_double(ns));
	json_object_object_add(j, "ratio", json_object_new_double(q));
	json_object_object_add(j, "insns", json_object_new_int(insns));
	json_object_array_add(json, j);
	return ok && (!tap || was);
}

static bool save(const char *path, struct json_object *o)
{
	if (!json_object_to_file_ext(path, o, JSON_C_TO_STRING_PRETTY))
		return true;
	fprintf(stderr, "cannot write %s\n", path);
	return false;
}

int main(int argc, char **argv)
{
	struct json_object *old, *file = json_object_new_object(), *list = json_object_new_array();
	struct json_object *json = json_object_new_object(), *of = NULL, *here = of_here();
	bool update = false, tap = false, ok = true, same;
	const char *json_path = NULL;
	struct bench_bpf *ref;
	unsigned int i;
	cpu_set_t set;

	for (int k = 2; k < argc; k++) {
		if (!strcmp(argv[k], "--update"))
			update = true;
		else if (!strcmp(argv[k], "--tap"))
			tap = true;
		else if (!strcmp(argv[k], "--json") && k + 1 < argc)
			json_path = argv[++k];
		else
			argc = 0;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE [--update] [--json OUT] [--tap]\n", argv[0]);
		return 2;
	}
	if (geteuid()) {
		fprintf(stderr, "root is needed: BPF programs are loaded\n");
		return 1;
	}
	old = json_object_from_file(argv[1]);
	if (!old && !update) {
		fprintf(stderr, "%s: %s\n", argv[1], json_util_get_last_err());
		return 1;
	}
	json_object_object_get_ex(old, "of", &of);
	same = of && json_object_equal(of, here);
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	lab_up(NULL);
	/* neighbours with the addresses of our own devices: XDP judges the packet again that it has sent */
	sh("for a in 10.0.0.2 fd00::2; do ip neigh replace $a lladdr 02:00:00:00:00:01 dev l0; done");
	sh("for a in 198.51.100.254 2001:db8:1::fe; do ip neigh replace $a lladdr 02:00:00:00:00:03 "
	   "dev w0; done");
	lab.warm = true;
	lab.lines = true; /* as the controller makes them */
	lab_reset();
	ref = bench_bpf__open_and_load();
	if (!ref)
		return 1;
	fill(ref);
	if (!attach("w0", lab.skel->progs.rf_wan_xdp) ||
	    !attach("l0", lab.skel->progs.rf_inside_xdp) ||
	    !attach("w1", ref->progs.bench_nat_fib) ||
	    !measure(bpf_program__fd(ref->progs.bench_nat_fib)))
		return 1;
	if (!tap)
		printf("%-18s %8s %8s %10s %8s\n%-18s %8.0f %8.2f %10s %8u\n", "path", "ns",
		       "/ NAT", "in file", "insns", "minimal XDP NAT", middle(unit_v), 1.0, "",
		       insns_of(ref->progs.bench_nat_fib));
	if (!same && !tap)
		printf("# %s is of another kernel or clang: instructions cannot be compared\n",
		       argv[1]);
	json_object_object_add(file, "of", json_object_get(here));
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		ok &= row(i, old, same, tap, file, list);
	json_object_object_add(json, "of", here);
	json_object_object_add(json, "nat_ns", json_object_new_double(middle(unit_v)));
	json_object_object_add(json, "paths", list);
	if ((update && !save(argv[1], file)) || (json_path && !save(json_path, json)))
		return 1;
	return ok || update ? 0 : 1;
}
