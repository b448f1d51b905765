// SPDX-License-Identifier: GPL-2.0-only
/*
 * The next hop that is kept for a moment: the short way delivers what the long way delivers, longer
 * packets and other flows still ask, and a change of the neighbour shows after that moment.
 */
#include "bpf/lab.h"
#include <sched.h>

#define HOT 20 /* more look-ups than it takes */

static const uint8_t moved[6] = { 2, 0, 0, 0, 0, 0x77 };

static int send_one(const struct pkt *p, enum hook h, struct result *r)
{
	static uint8_t a[2048];
	int len = pkt_build(p, a);

	lab_run(h, a, len, r);
	assert_int_equal(r->code, h == XDP ? XDP_REDIRECT : TC_ACT_REDIRECT);
	return len;
}

static void test_short_way(void **state)
{
	static const struct {
		struct pkt p;
		enum hook h;
		uint8_t mac[6];
	} ways[] = {
		{ { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT },
		  XDP,
		  { 2, 0, 0, 0, 0, 0x42 } },
		{ { .src = PEER6, .dst = PUB6, .sport = PEER_PORT, .dport = PUB_PORT },
		  XDP,
		  { 2, 0, 0, 0, 0, 0x42 } },
		{ { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT },
		  WAN_IN,
		  { 2, 0, 0, 0, 0, 0x42 } },
		{ { .src = PEER6, .dst = PUB6, .sport = PEER_PORT, .dport = PUB_PORT },
		  WAN_IN,
		  { 2, 0, 0, 0, 0, 0x42 } },
		{ { .src = IN4,
		    .dst = PEER4,
		    .sport = IN_PORT,
		    .dport = PEER_PORT,
		    .dmac = lab_mac_l0 },
		  INSIDE_IN,
		  { 2, 0, 0, 0, 0, 0x11 } },
		{ { .src = IN6,
		    .dst = PEER6,
		    .sport = IN_PORT,
		    .dport = PEER_PORT,
		    .dmac = lab_mac_l0 },
		  INSIDE_IN,
		  { 2, 0, 0, 0, 0, 0x11 } },
	};
	static struct result first, r;
	unsigned int i;
	int n;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		lab_reset();
		send_one(&ways[i].p, ways[i].h, &first);
		for (n = 0; n < HOT; n++)
			send_one(&ways[i].p, ways[i].h, &r);
		assert_int_equal(r.len, first.len);
		assert_memory_equal(r.data, ways[i].mac, 6);
		assert_memory_equal(r.data + 12, first.data + 12, r.len - 12);
	}
}

static void test_longer_packets_ask(void **state)
{
	struct pkt p = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
	static struct result r;
	static uint8_t a[2048];
	int n, len;

	for (n = 0; n < HOT; n++)
		send_one(&p, XDP, &r);
	sh("ip link set l0 mtu 400");
	p.len = 600;
	len = pkt_build(&p, a);
	lab_run(XDP, a, len, &r);
	assert_int_equal(r.code, XDP_PASS);
	p.len = 0;
	send_one(&p, XDP, &r);
	sh("ip link set l0 mtu 1500");
}

static void test_moved_neighbour(void **state)
{
	struct pkt p = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
	static struct result r;
	int n;

	for (n = 0; n < HOT; n++)
		send_one(&p, XDP, &r);
	assert_memory_equal(r.data, lab_mac_in, 6);
	sh("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:77 dev l0");
	usleep(150000);
	send_one(&p, XDP, &r);
	assert_memory_equal(r.data, moved, 6);
	sh("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:42 dev l0");
}

static int kept_hops(void)
{
	static uint8_t none[LAB_HOP_SIZE];
	int fd = bpf_map__fd(lab.skel->maps.nexthops), cpus = libbpf_num_possible_cpus(), n = 0, c;
	uint8_t *v = calloc(cpus, LAB_HOP_SIZE);
	__u32 i;

	for (i = 0; i < bpf_map__max_entries(lab.skel->maps.nexthops); i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, v), 0);
		for (c = 0; c < cpus && !memcmp(v + c * LAB_HOP_SIZE, none, LAB_HOP_SIZE); c++)
			;
		n += c < cpus;
	}
	free(v);
	return n;
}

/*
 * Two flows at one place of the table drive each other to the long way with every packet. So neighbours,
 * whose addresses differ in the last byte only, must not meet more often than chance has it (5 of 200).
 */
static void test_neighbours_do_not_meet(void **state)
{
	static struct result r;
	struct rf_pinhole ph;
	char peer[20], in[20];
	int i, was;

	sh("for i in $(seq 11 210); do echo neigh replace 10.0.0.$i lladdr 02:00:00:00:00:42 dev l0; done | ip -batch -");
	for (i = 11; i <= 210; i++) { /* one peer, many inside hosts */
		struct pkt p = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };

		snprintf(in, sizeof(in), "10.0.0.%d", i);
		ph = ph_new(false, RF_DIR_IN);
		ph.xlate = ep(in, IN_PORT);
		ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
		send_one(&p, XDP, &r);
	}
	was = kept_hops();
	assert_in_range(was, 185, 200);
	for (i = 11; i <= 210; i++) { /* one inside host, many peers */
		struct pkt p = { .src = IN4,
				 .dst = peer,
				 .sport = IN_PORT,
				 .dport = PEER_PORT,
				 .dmac = lab_mac_l0 };

		snprintf(peer, sizeof(peer), "203.0.113.%d", i);
		ph = ph_new(false, RF_DIR_OUT);
		ph.remote.addr = addr(peer);
		ph_set(IN4, IN_PORT, RF_DIR_OUT, &ph);
		send_one(&p, INSIDE_IN, &r);
	}
	/* beside those of the first half */
	assert_in_range(kept_hops() - was, 170, 200);
	sh("for i in $(seq 11 210); do echo neigh del 10.0.0.$i dev l0; done | ip -batch -");
}

static int one_cpu(void **state)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	return lab_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_short_way, lab_setup),
		cmocka_unit_test_setup(test_longer_packets_ask, lab_setup),
		cmocka_unit_test_setup(test_moved_neighbour, lab_setup),
		cmocka_unit_test_setup(test_neighbours_do_not_meet, lab_setup),
	};

	return cmocka_run_group_tests(tests, one_cpu, lab_down);
}
