// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hook runs while another one's program is in the middle of a packet on the same CPU, as the egress
 * hook does when an ingress program sends. Each must go on with its own packet.
 */
#include <sched.h>
#include "bpf-nest.skel.h" /* instead of ringfence.skel.h, whose names it has */
#include "bpf/lab.h"

#define STRAY_PORT 20001 /* guarded, without a pinhole */

static int nest_up(void **state)
{
	cpu_set_t one;

	lab_up(state);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	lab_attach_tc(lab.w0, BPF_TC_EGRESS, lab.skel->progs.rf_wan_out);
	lab_attach_tc(lab.l0, BPF_TC_EGRESS, lab.skel->progs.rf_inside_out);
	return 0;
}

static int nest_setup(void **state)
{
	lab_reset();
	memset(lab.skel->bss, 0, sizeof(*lab.skel->bss));
	return 0;
}

static void in_between(int i, __u32 ifindex, const char *src, uint16_t sport, uint16_t dport)
{
	struct rf_ep from = ep(src, sport);

	lab.skel->bss->nest_ifindex[i] = ifindex;
	lab.skel->bss->nest_src[i] = from.addr.w[3];
	lab.skel->bss->nest_ports[2 * i] = from.port;
	lab.skel->bss->nest_ports[2 * i + 1] = htons(dport);
}

static const struct {
	enum hook h;
	struct pkt p;
} outer[] = {
	{ WAN_IN, { .src = PEER4, .dst = PUB4, .sport = 5060, .dport = 5060, .pay = PAY_SIP } },
	{ INSIDE_IN,
	  { .src = IN4,
	    .dst = PEER4,
	    .sport = 5060,
	    .dport = 5060,
	    .pay = PAY_SIP,
	    .dmac = lab_mac_l0 } },
};

/* The last record that was copied is the interrupted packet, and says so. */
static void expect_held(enum hook h, const uint8_t *b, int n)
{
	assert_int_equal(lab.punt.hook, h == WAN_IN ? RF_HOOK_WAN_IN : RF_HOOK_INSIDE_IN);
	assert_int_equal(lab.punt.ifindex, h == WAN_IN ? lab.w0 : lab.l0);
	assert_int_equal(lab.punt.kind, RF_PUNT_SIP);
	lab_expect_bytes("interrupted", lab.punt_data, lab.punt.len, b + 14, n - 14);
}

/* A packet of this host comes in between, and is dropped. */
static void test_dropped(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct rf_ep src = ep(PUB4, STRAY_PORT);
	static struct result r;
	uint8_t b[PKT_MAX];
	unsigned int i;

	ph.flags = RF_PH_LOCAL; /* a call has the port, and the packet is none of it */
	for (i = 0; i < ARRAY_SIZE(outer); i++) {
		int n = pkt_build(&outer[i].p, b);

		nest_setup(NULL);
		ph_set(PUB4, STRAY_PORT, RF_DIR_IN, &ph);
		in_between(0, lab.w0, PUB4, STRAY_PORT, 40000);
		lab_run(outer[i].h, b, n, &r);
		assert_int_equal(lab.skel->bss->nest_runs, 1);
		assert_int_equal(r.code, TC_ACT_SHOT);
		assert_int_equal(lab.n_punts, 1);
		expect_held(outer[i].h, b, n);
		assert_int_equal(lab.n_events, 1);
		assert_int_equal(lab.event.hook, RF_HOOK_WAN_OUT);
		assert_int_equal(lab.event.reason, RF_R_NO_PINHOLE);
		assert_memory_equal(&lab.event.src, &src, sizeof(src));
	}
}

/* A message of this host comes in between and is held as well; while that happens, a packet leaves inwards. */
static void test_three_deep(void **state)
{
	static struct result r;
	uint8_t b[PKT_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(outer); i++) {
		int n = pkt_build(&outer[i].p, b);
		__u64 before[RF_R_MAX], after[RF_R_MAX];

		nest_setup(NULL);
		in_between(0, lab.w0, PUB4, 5060, 5060);
		in_between(1, lab.l0, PEER4, 5060, 40000);
		lab_read_counts(before);
		lab_run(outer[i].h, b, n, &r);
		lab_read_counts(after);
		assert_int_equal(lab.skel->bss->nest_runs, 2);
		assert_int_equal(lab.n_punts, 2);
		expect_held(outer[i].h, b, n);
		assert_int_equal(after[RF_R_SIP_HELD] - before[RF_R_SIP_HELD], 2);
		assert_int_equal(lab.n_events, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_three_deep),
	};

	lab.nested = true;
	return cmocka_run_group_tests(tests, nest_up, lab_down);
}
