/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network namespace of its own with a WAN and an inside device, the object loaded into it, maps
 * in a known state, and BPF_PROG_TEST_RUN with everything around the packet poisoned.
 *
 *   peers 203.0.113.0/24, 2001:db8:f::/64 -- (gateway) w0 198.51.100.1, 2001:db8:1::1 [box]
 *   l0 10.0.0.1/24, fd00::1/64 -- inside hosts 10.0.0.2, fd00::2; routed: 192.0.2.2, 2001:db8:2::2
 */
#ifndef RF_TEST_LAB_H
#define RF_TEST_LAB_H

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include "ringfence.skel.h"
#include "lib/media_ends.h"
#include "conntrack.h"
#include "inbound.h"

static const uint8_t lab_mac_w0[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t lab_mac_l0[6] = { 2, 0, 0, 0, 0, 3 };
static const uint8_t lab_mac_in[6] = { 2, 0, 0, 0, 0, 0x42 };

enum hook { XDP, WAN_IN, WAN_OUT, INSIDE_IN, INSIDE_OUT, INSIDE_XDP };
static const char *const hook_names[] = { "xdp",       "wan_in",     "wan_out",
					  "inside_in", "inside_out", "inside_xdp" };

/* struct rf_nexthop of bpf/maps.h, which userspace does not know */
#define LAB_HOP_SIZE  64
#define LAB_HOP_FRESH 32 /* offset of .fresh_until_ns */

struct lab {
	struct ringfence_bpf *skel;
	__u32 w0, l0;
	struct ring_buffer *rings;
	int n_events, n_punts;
	struct rf_event event; /* the last one */
	struct rf_punt punt;
	uint8_t punt_data[RF_PUNT_MAX];
	__u64 counts[RF_R_MAX];
	/* for ph_set() and st_set(); lab_reset() brings them back to nothing, but .cold to CALL_ID */
	struct rf_more_remotes more;
	struct rf_learnt learnt;
	struct rf_pinhole_cold cold;
	bool warm; /* lab_reset() makes the next hops known: the short way is open */
	struct lab_hop {
		__u32 index;
		uint8_t value[LAB_HOP_SIZE];
	} hot[16]; /* as lab_warm_hops() has learnt them */
	int n_hot;
	const char *
		without; /* words: programs that are not needed; verifying one takes its time under emulation */
	bool no_conntrack; /* as if the kernel had none */
	__u32 forwarded_from; /* the device that packets at WAN_OUT came in by; 0: this host's own */
	bool nested; /* a hook comes in between */
	bool lines; /* plain pinholes have lines in `inbound`, too */
	struct inbound inbound;
};
static struct lab lab;

static const char *const reason_names[] = {
#define RF_REASON(id, name, action, meaning) name,
	RF_REASONS(RF_REASON)
#undef RF_REASON
};

static inline void sh(const char *cmd)
{
	if (system(cmd))
		fail_msg("failed: %s", cmd);
}

/* Under emulation (tests/kernels/run.sh) what was tried in full on this kernel is tried in a sample: each nth. */
static inline int lab_sample(void)
{
	const char *n = getenv("RF_SAMPLE");

	return n && atoi(n) > 0 ? atoi(n) : 1;
}

static inline void sysctl_set(const char *name, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f))
		fail_msg("cannot set %s: %s", path, strerror(errno));
}

static inline __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

/* Past for the kernel side, too, which looks at the last clock tick. */
static inline __u64 past_ns(void)
{
	return now_ns() - SEC / 50;
}

static inline int lab_on_event(void *ctx, void *data, size_t n)
{
	assert_int_equal(n, sizeof(lab.event));
	memcpy(&lab.event, data, n);
	lab.n_events++;
	return 0;
}

static inline int lab_on_punt(void *ctx, void *data, size_t n)
{
	assert_true(n >= sizeof(lab.punt));
	memcpy(&lab.punt, data, sizeof(lab.punt));
	assert_int_equal(n, sizeof(lab.punt) + lab.punt.len);
	memset(lab.punt_data, 0xa5, sizeof(lab.punt_data));
	memcpy(lab.punt_data, (char *)data + sizeof(lab.punt), lab.punt.len);
	lab.n_punts++;
	return 0;
}

static inline void lab_net(void)
{
	if (unshare(CLONE_NEWNET))
		fail_msg("no network namespace of our own: %s; run as root", strerror(errno));
	sh("ip link set lo up");
	sh("ip link add w0 address 02:00:00:00:00:01 type veth peer name w1");
	sh("ip link add l0 address 02:00:00:00:00:03 type veth peer name l1");
	sh("for d in w0 w1 l0 l1; do ip link set $d up; done");
	sysctl_set("ipv4/ip_forward", "1");
	sysctl_set("ipv6/conf/all/forwarding", "1");
	sh("ip addr add 198.51.100.1/24 dev w0; ip addr add 10.0.0.1/24 dev l0");
	sh("ip -6 addr add 2001:db8:1::1/64 dev w0 nodad; ip -6 addr add fd00::1/64 dev l0 nodad");
	sh("ip route add default via 198.51.100.254; ip -6 route add default via 2001:db8:1::fe");
	sh("ip route add 192.0.2.0/24 dev l0; ip -6 route add 2001:db8:2::/64 dev l0");
	sh("ip route add blackhole 10.9.1.0/24; ip route add unreachable 10.9.2.0/24;"
	   "ip route add prohibit 10.9.3.0/24; ip -6 route add unreachable fd09::/64");
	sh("for a in 198.51.100.254 2001:db8:1::fe; do ip neigh add $a lladdr 02:00:00:00:00:11 "
	   "dev w0; done");
	sh("for a in 10.0.0.2 fd00::2 192.0.2.2 2001:db8:2::2; do ip neigh add $a lladdr "
	   "02:00:00:00:00:42 dev l0; done");
	lab.w0 = if_nametoindex("w0");
	lab.l0 = if_nametoindex("l0");
}

static inline void lab_leave_out(void)
{
	struct bpf_program *p;

	bpf_object__for_each_program(
		p, lab.skel->obj) if (lab.without && strstr(lab.without, bpf_program__name(p)))
		bpf_program__set_autoload(p, false);
}

static inline int lab_up(void **state)
{
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	lab.n_hot = 0;
	lab_net();
	lab.skel = ringfence_bpf__open();
	assert_non_null(lab.skel);
	assert_int_equal(
		bpf_map__set_max_entries(lab.skel->maps.scratch, libbpf_num_possible_cpus()), 0);
	bpf_map__set_max_entries(lab.skel->maps.pinholes, 1024);
	bpf_map__set_max_entries(lab.skel->maps.more_remotes, 1024);
	bpf_map__set_max_entries(lab.skel->maps.learnt, 1024);
	bpf_map__set_max_entries(lab.skel->maps.pinhole_state, LAB_SLOTS);
	bpf_map__set_max_entries(lab.skel->maps.pinhole_cold, LAB_SLOTS);
	bpf_map__set_max_entries(lab.skel->maps.inbound, LAB_LINES);
	lab.skel->rodata->rf_inbound_n = LAB_LINES;
	lab.skel->rodata->rf_conntrack = !lab.no_conntrack && conntrack_here();
	bpf_map__set_max_entries(lab.skel->maps.call_ends, 1024);
	lab_leave_out();
	if (ringfence_bpf__load(lab.skel))
		fail_msg("the object does not load");
	assert_int_equal(inbound_open(&lab.inbound, bpf_map__fd(lab.skel->maps.inbound)), 0);
	/* a receive queue that XDP test runs can name */
	assert_int_equal(bpf_xdp_attach(lab.w0, bpf_program__fd(lab.skel->progs.rf_xdp_pass),
					XDP_FLAGS_DRV_MODE, NULL),
			 0);
	lab.rings = ring_buffer__new(bpf_map__fd(lab.skel->maps.events), lab_on_event, NULL, NULL);
	assert_non_null(lab.rings);
	assert_int_equal(ring_buffer__add(lab.rings, bpf_map__fd(lab.skel->maps.punt), lab_on_punt,
					  NULL),
			 0);
	return 0;
}

static inline int lab_down(void **state)
{
	ring_buffer__free(lab.rings);
	inbound_close(&lab.inbound);
	ringfence_bpf__destroy(lab.skel);
	return 0;
}

static inline void lab_attach_tc(__u32 ifindex, enum bpf_tc_attach_point at,
				 struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = at);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(prog), .handle = 1, .priority = 1,
		    .flags = BPF_TC_F_REPLACE);
	int r = bpf_tc_hook_create(&hook);

	assert_true(!r || r == -EEXIST);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static inline void map_clear(struct bpf_map *m)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(m), NULL, key))
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(m), key), 0);
}

static inline void map_set(struct bpf_map *m, const void *key, const void *value)
{
	int r = bpf_map_update_elem(bpf_map__fd(m), key, value, BPF_ANY);

	if (r)
		fail_msg("map %s: %s", bpf_map__name(m), strerror(-r));
}

static inline void lab_device(__u32 ifindex, int role, int flags)
{
	struct rf_device d = { .role = role, .flags = flags, .mtu = 1500 };

	map_set(lab.skel->maps.devices, &ifindex, &d);
}

static inline void lab_inside(const char *prefix, int len, int mode)
{
	struct rf_prefix_key k = { .addr = addr(prefix) };
	struct rf_inside in = { .mode = mode, .port_lo = 16384, .port_hi = 32767 };

	k.prefix_len = strchr(prefix, ':') ? len : 96 + len;
	map_set(lab.skel->maps.inside, &k, &in);
}

static inline void lab_settings(__u32 policy)
{
	struct rf_settings s = { .abi_version = RF_ABI_VERSION,
				 .policy = policy,
				 .heartbeat_limit_ns = 60 * SEC,
				 .n_sip_ports = 2,
				 .sip_ports = { htons(5060), htons(5070) } };
	__u32 zero = 0;

	map_set(lab.skel->maps.settings, &zero, &s);
}

static inline void lab_control(__u64 heartbeat, __u32 mark)
{
	struct rf_control c = { .heartbeat_ns = heartbeat, .inject_mark = mark };
	__u32 zero = 0;

	map_set(lab.skel->maps.control, &zero, &c);
}

/* What the controller has dealt with; by default more than is ever held, so that nothing is parked. */
#define ALL_DONE (1ull << 62)
static inline void lab_progress(__u64 held, __u64 done)
{
	struct rf_progress g = { .held = held, .done = done };
	__u32 zero = 0;

	map_set(lab.skel->maps.progress, &zero, &g);
}

static inline struct rf_pinhole_key ph_key(const char *a, uint16_t port, int dir)
{
	return (struct rf_pinhole_key){ .addr = addr(a), .port = htons(port), .dir = dir };
}

/* For cases to change. */
static inline struct rf_pinhole ph_new(bool v6, int dir)
{
	return media_pinhole(v6, dir, now_ns(), lab.w0);
}

/* With lab.more behind its first remote, and lab.cold. */
static inline void ph_set(const char *a, uint16_t port, int dir, const struct rf_pinhole *ph)
{
	struct rf_pinhole_key k = ph_key(a, port, dir);
	struct rf_more_key more = { .id = ph->id, .dir = dir };

	if (ph->n_remotes > 1)
		map_set(lab.skel->maps.more_remotes, &more, &lab.more);
	inbound_clear(&lab.inbound, &k);
	if (ph->slot)
		map_set(lab.skel->maps.pinhole_cold, &ph->slot, &lab.cold);
	map_set(lab.skel->maps.pinholes, &k, ph);
	if (lab.lines)
		inbound_set(&lab.inbound, &k, ph);
}

static inline void st_set(const struct rf_pinhole_state *st)
{
	static const struct rf_pinhole_state none;
	__u32 slot = PH_SLOT, id = PH_ID;

	map_set(lab.skel->maps.pinhole_state, &slot, st ? st : &none);
	map_set(lab.skel->maps.learnt, &id, &lab.learnt);
}

static inline struct rf_pinhole_state st_get(void)
{
	struct rf_pinhole_state st;
	__u32 slot = PH_SLOT;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.pinhole_state), &slot, &st),
			 0);
	return st;
}

static inline struct rf_learnt learnt_get(void)
{
	struct rf_learnt l;
	__u32 id = PH_ID;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.learnt), &id, &l), 0);
	return l;
}

static inline void lab_read_counts(__u64 *counts)
{
	int cpus = libbpf_num_possible_cpus(), c;
	struct rf_counter *v = calloc(cpus, sizeof(*v));
	__u32 r;

	for (r = 0; r < RF_R_MAX; r++) {
		counts[r] = 0;
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.reasons), &r, v),
				 0);
		for (c = 0; c < cpus; c++)
			counts[r] += v[c].packets;
	}
	free(v);
}

static inline void lab_drain(void)
{
	lab.n_events = lab.n_punts = 0;
	ring_buffer__consume(lab.rings);
}

/* No event may be held back because an earlier case had the same reason. */
static inline void lab_forget_limits(void)
{
	int cpus = libbpf_num_possible_cpus();
	void *zero = calloc(cpus, 16);
	__u32 r;

	for (r = 0; r < RF_R_MAX; r++)
		map_set(lab.skel->maps.event_limits, &r, zero);
	free(zero);
}

/* Next hops that packets of earlier cases made known: their packets are delivered by a shorter way. */
static inline void lab_forget_hops(void)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(lab.skel->maps.nexthops);
	__u32 n = bpf_map__max_entries(lab.skel->maps.nexthops), i;
	static __u32 *keys;
	static void *zero;

	if (!keys) {
		keys = calloc(n, sizeof(*keys));
		zero = calloc((size_t)n * cpus, bpf_map__value_size(lab.skel->maps.nexthops));
		for (i = 0; i < n; i++)
			keys[i] = i;
	}
	i = n;
	if (bpf_map_update_batch(fd, keys, zero, &i, NULL) || i != n)
		fail_msg("next hops stay: %s", strerror(errno));
}

static inline void lab_warm_hops(void);

/* As the TC hooks of both devices note it with the first frame that is theirs; bpf/l2.h */
static inline void lab_own_mac(__u32 ifindex, const uint8_t *mac)
{
	__u32 place = ifindex & (bpf_map__max_entries(lab.skel->maps.own_macs) - 1);
	__u64 v = (__u64)ifindex << 48;

	memcpy(&v, mac, 6);
	map_set(lab.skel->maps.own_macs, &place, &v);
}

static inline void lab_reset(void)
{
	struct rf_guard g = { .ifindex = lab.w0, .port_lo = 16384, .port_hi = 32767 };
	struct rf_addr a4 = addr(PUB4), a6 = addr(PUB6);
	static const struct rf_pinhole_state no_state;
	__u32 slot = PH_SLOT;
	struct rf_pinhole ph;
	int v6;

	inbound_clear_all(&lab.inbound);
	map_clear(lab.skel->maps.pinholes);
	map_clear(lab.skel->maps.more_remotes);
	map_clear(lab.skel->maps.learnt);
	memset(&lab.more, 0, sizeof(lab.more));
	memset(&lab.learnt, 0, sizeof(lab.learnt));
	lab.forwarded_from = 0;
	lab.cold = (struct rf_pinhole_cold){ .call_id = CALL_ID };
	map_set(lab.skel->maps.pinhole_state, &slot, &no_state);
	map_clear(lab.skel->maps.inside);
	map_clear(lab.skel->maps.devices);
	map_clear(lab.skel->maps.frags);
	map_clear(lab.skel->maps.flows);
	map_clear(lab.skel->maps.call_ends);
	map_clear(lab.skel->maps.excepts);
	map_clear(lab.skel->maps.sip_excepts);
	map_set(lab.skel->maps.guards, &a4, &g);
	map_set(lab.skel->maps.guards, &a6, &g);
	lab_own_mac(lab.w0, lab_mac_w0);
	lab_own_mac(lab.l0, lab_mac_l0);
	lab_device(lab.w0, RF_DEV_WAN, RF_DEV_XDP_NATIVE | RF_DEV_XDP_TX);
	lab_device(lab.l0, RF_DEV_INSIDE, RF_DEV_XDP_TX);
	lab_inside("10.0.0.0", 8, RF_MODE_NAT);
	lab_inside("fd00::", 8, RF_MODE_NAT);
	lab_inside("192.0.2.0", 24, RF_MODE_ROUTED);
	lab_inside("2001:db8:2::", 64, RF_MODE_AUTO);
	lab_settings(0);
	lab_control(now_ns(), 0);
	lab_progress(0, ALL_DONE);
	for (v6 = 0; v6 < 2; v6++) {
		ph = ph_new(v6, RF_DIR_IN);
		ph_set(v6 ? PUB6 : PUB4, PUB_PORT, RF_DIR_IN, &ph);
		ph = ph_new(v6, RF_DIR_OUT);
		ph_set(v6 ? IN6 : IN4, IN_PORT, RF_DIR_OUT, &ph);
	}
	st_set(NULL);
	lab_forget_limits();
	lab_forget_hops();
	if (lab.warm)
		lab_warm_hops();
	lab_drain();
	lab_read_counts(lab.counts);
}

static inline int lab_setup(void **state)
{
	lab_reset();
	return 0;
}

struct result {
	int code;
	int len;
	uint8_t data[PKT_MAX];
};

static inline struct bpf_program *lab_prog(enum hook h)
{
	switch (h) {
	case XDP: return lab.skel->progs.rf_wan_xdp;
	case WAN_IN: return lab.skel->progs.rf_wan_in;
	case WAN_OUT: return lab.skel->progs.rf_wan_out;
	case INSIDE_OUT: return lab.skel->progs.rf_inside_out;
	case INSIDE_XDP: return lab.skel->progs.rf_inside_xdp;
	default: return lab.skel->progs.rf_inside_in;
	}
}

/* What packets of any hook have left in its context means nothing to the next one. */
static inline void lab_poison_contexts(void)
{
	size_t n = bpf_map__value_size(lab.skel->maps.packets) * libbpf_num_possible_cpus();
	uint8_t *v = malloc(n);
	__u32 i;

	memset(v, 0xa5, n);
	for (i = 0; i < RF_HOOK_MAX; i++)
		map_set(lab.skel->maps.packets, &i, v);
	free(v);
}

/* A hook that comes in between has a context of its own: none writes to another's. */
static inline void lab_expect_contexts(enum hook h)
{
	static const __u32 ids[] = { RF_HOOK_WAN_XDP,	RF_HOOK_WAN_IN,	    RF_HOOK_WAN_OUT,
				     RF_HOOK_INSIDE_IN, RF_HOOK_INSIDE_OUT, 0 };
	size_t n = bpf_map__value_size(lab.skel->maps.packets) * libbpf_num_possible_cpus(), k;
	uint8_t *v = malloc(n);
	__u32 i;

	for (i = 0; i < RF_HOOK_MAX; i++) {
		if (i == ids[h])
			continue;
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.packets), &i, v),
				 0);
		for (k = 0; k < n; k++)
			if (v[k] != 0xa5)
				fail_msg("%s writes to the context of hook %u", hook_names[h], i);
	}
	free(v);
}

/* The packet lies at the very end of an allocation (ASan sees a read beyond it), the answer in poison. */
static inline int lab_run_mark(enum hook h, const uint8_t *in, int len, struct result *r,
			       __u32 *mark)
{
	bool is_xdp = h == XDP || h == INSIDE_XDP;
	struct xdp_md xdp = { .data_end = len, .ingress_ifindex = h == XDP ? lab.w0 : lab.l0 };
	struct __sk_buff skb = { .ifindex = h >= INSIDE_IN ? lab.l0 : lab.w0 };
	LIBBPF_OPTS(bpf_test_run_opts, o);
	uint8_t *copy = malloc(len);
	int err, i;

	if (mark)
		skb.mark = *mark;
	if (h == WAN_OUT)
		skb.ingress_ifindex = lab.forwarded_from;
	memcpy(copy, in, len);
	memset(r->data, 0xa5, sizeof(r->data));
	o.data_in = copy;
	o.data_size_in = len;
	o.data_out = r->data;
	o.data_size_out = sizeof(r->data);
	o.ctx_in = is_xdp ? (void *)&xdp : &skb;
	o.ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(skb);
	o.ctx_out = is_xdp ? NULL : &skb;
	o.ctx_size_out = is_xdp ? 0 : sizeof(skb);
	o.repeat = 1;
	lab_poison_contexts();
	err = bpf_prog_test_run_opts(bpf_program__fd(lab_prog(h)), &o);
	free(copy);
	if (err)
		return err;
	if (!lab.nested)
		lab_expect_contexts(h);
	if (mark)
		*mark = skb.mark;
	r->code = (int)o.retval;
	r->len = o.data_size_out;
	for (i = r->len; i < r->len + 64 && i < PKT_MAX; i++)
		assert_int_equal(r->data[i], 0xa5);
	lab_drain();
	return 0;
}

static inline void lab_run(enum hook h, const uint8_t *in, int len, struct result *r)
{
	int err = lab_run_mark(h, in, len, r, NULL);

	if (err)
		fail_msg("test run at %s of %d bytes: %s", hook_names[h], len, strerror(-err));
}

/* With a next hop that is known, TC writes the Ethernet header by itself where there is a plain one. */
static inline bool lab_plain_eth(const struct pkt *p)
{
	return lab.warm && !p->tags && !p->no_eth;
}

/* Packets of another call between the same hosts, until the answers about their next hops are kept. */
#define WARM_SLOT 8
static inline void lab_learn_hops(void)
{
	static const enum hook hooks[] = { XDP, WAN_IN, INSIDE_IN };
	static uint8_t b[PKT_MAX];
	static struct result r;
	int v6, i, k;

	for (v6 = 0; v6 < 2; v6++) {
		const char *pub = v6 ? PUB6 : PUB4, *in = v6 ? IN6 : IN4,
			   *peer = v6 ? PEER6 : PEER4;
		struct rf_pinhole ph[2] = { ph_new(v6, RF_DIR_IN), ph_new(v6, RF_DIR_OUT) };
		struct rf_pinhole_key key[2] = { ph_key(pub, 29000, RF_DIR_IN),
						 ph_key(in, 29000, RF_DIR_OUT) };

		for (i = 0; i < 2; i++) {
			ph[i].slot = WARM_SLOT;
			ph[i].xlate.port = htons(29000);
			map_set(lab.skel->maps.pinholes, &key[i], &ph[i]);
		}
		for (i = 0; i < 3; i++) {
			bool out = hooks[i] == INSIDE_IN;
			struct pkt p = { .src = out ? in : peer,
					 .dst = out ? peer : pub,
					 .sport = out ? 29000 : PEER_PORT,
					 .dport = out ? PEER_PORT : 29000,
					 .len = 1420,
					 .dmac = out ? lab_mac_l0 : NULL };
			int n = pkt_build(&p, b);

			for (k = 0; k < 20; k++)
				lab_run(hooks[i], b, n, &r);
		}
		for (i = 0; i < 2; i++)
			bpf_map_delete_elem(bpf_map__fd(lab.skel->maps.pinholes), &key[i]);
	}
}

/* What the packets of lab_learn_hops() have left in the map. */
static inline void lab_keep_hops(void)
{
	static const uint8_t none[LAB_HOP_SIZE];
	int fd = bpf_map__fd(lab.skel->maps.nexthops), cpus = libbpf_num_possible_cpus(), c;
	uint8_t *v = calloc(cpus, LAB_HOP_SIZE);
	__u32 i;

	assert_int_equal(bpf_map__value_size(lab.skel->maps.nexthops), LAB_HOP_SIZE);
	for (i = 0; i < bpf_map__max_entries(lab.skel->maps.nexthops); i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, v), 0);
		for (c = 0; c < cpus && !memcmp(v + c * LAB_HOP_SIZE, none, LAB_HOP_SIZE); c++)
			;
		if (c == cpus)
			continue;
		assert_true(lab.n_hot < 16);
		lab.hot[lab.n_hot].index = i;
		memcpy(lab.hot[lab.n_hot++].value, v + c * LAB_HOP_SIZE, LAB_HOP_SIZE);
	}
	free(v);
	assert_true(lab.n_hot >= 4); /* of six; two may share a place */
}

/* Known on every CPU, and fresh: learnt once, then only put back. */
static inline void lab_warm_hops(void)
{
	int cpus = libbpf_num_possible_cpus(), i, c;
	uint8_t *v = calloc(cpus, LAB_HOP_SIZE);
	__u64 fresh;

	if (!lab.n_hot) {
		lab_learn_hops();
		lab_keep_hops();
	}
	fresh = now_ns() + 60 * SEC; /* an emulated kernel takes its time for a group of cases */
	for (i = 0; i < lab.n_hot; i++) {
		memcpy(lab.hot[i].value + LAB_HOP_FRESH, &fresh, sizeof(fresh));
		for (c = 0; c < cpus; c++)
			memcpy(v + c * LAB_HOP_SIZE, lab.hot[i].value, LAB_HOP_SIZE);
		map_set(lab.skel->maps.nexthops, &lab.hot[i].index, v);
	}
	free(v);
}

/* Exactly one count of .reason since lab_reset() or the last call; RF_R_NONE: no count at all. */
static inline void lab_expect_count(const char *name, int reason)
{
	__u64 now[RF_R_MAX];
	int i;

	lab_read_counts(now);
	for (i = 0; i < RF_R_MAX; i++) {
		__u64 want = i == reason && reason != RF_R_NONE;

		if (now[i] - lab.counts[i] != want)
			fail_msg("%s: reason %s counted %d times, expected %d (wanted %s)", name,
				 reason_names[i], (int)(now[i] - lab.counts[i]), (int)want,
				 reason_names[reason]);
	}
	memcpy(lab.counts, now, sizeof(now));
}

static inline void lab_expect_bytes(const char *name, const uint8_t *got, int got_len,
				    const uint8_t *want, int want_len)
{
	int i;

	if (got_len != want_len)
		fail_msg("%s: %d bytes, expected %d", name, got_len, want_len);
	for (i = 0; i < want_len; i++)
		if (got[i] != want[i])
			fail_msg("%s: byte %d is %02x, expected %02x", name, i, got[i], want[i]);
}

/* The end of a packet at a TC hook: at egress to no device, so that a local sender sees no error. */
static inline int lab_taken(enum hook h)
{
	return h == WAN_OUT || h == INSIDE_OUT ? TC_ACT_REDIRECT : TC_ACT_SHOT;
}

/* What a hook answers, by the reason's action. */
static inline int lab_code(enum hook h, int reason)
{
	static const int actions[] = {
#define RF_REASON(id, name, action, meaning) action,
		RF_REASONS(RF_REASON)
#undef RF_REASON
	};
	bool drop = actions[reason] == RF_ACT_DROP;

	if (h == XDP || h == INSIDE_XDP)
		return reason == RF_R_MEDIA_XDP ? XDP_REDIRECT : drop ? XDP_DROP : XDP_PASS;
	if (reason == RF_R_MEDIA_TC || reason == RF_R_ICMP_RELATED)
		return TC_ACT_REDIRECT;
	return drop || actions[reason] == RF_ACT_HOLD ? lab_taken(h) : TC_ACT_UNSPEC;
}

/* One fixture: a packet at a hook, the reason, and the packet afterwards (NULL: as it was). */
static inline void lab_case(const char *name, enum hook h, const struct pkt *in, int reason,
			    const struct pkt *out)
{
	static uint8_t a[PKT_MAX], b[PKT_MAX];
	static struct result r;
	int n = pkt_build(in, a), m = pkt_build(out ? out : in, b), want = lab_code(h, reason);
	bool counted = h != XDP || reason == RF_R_TO_TC || want != XDP_PASS;

	lab_run(h, a, n, &r);
	if (r.code != want)
		fail_msg("%s at %s: code %d, expected %d", name, hook_names[h], r.code, want);
	lab_expect_count(name, counted ? reason : RF_R_NONE);
	lab_expect_bytes(name, r.data, r.len, b, m);
}

#endif
