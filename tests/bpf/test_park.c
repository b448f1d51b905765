// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parking: media that overtakes the message which announces it is held behind that message, and
 * judged for good once the controller has dealt with it. Only then, only so many, never twice.
 */
#include "bpf/lab.h"

static void expect_parked(const char *name, enum hook h, const struct pkt *p)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	int n = pkt_build(p, a);

	lab_run(h, a, n, &r);
	assert_int_equal(r.code, lab_taken(h));
	lab_expect_count(name, RF_R_MEDIA_PARKED);
	assert_int_equal(lab.n_punts, 1);
	assert_int_equal(lab.punt.kind, RF_PUNT_MEDIA);
	assert_int_equal(lab.punt.hook, h + 1);
	assert_int_equal(lab.punt.len, n - 14);
	assert_memory_equal(lab.punt_data, a + 14, n - 14);
}

static struct pkt early(bool v6, enum hook h)
{
	struct pkt p = { .src = v6 ? PEER6 : PEER4,
			 .dst = v6 ? PUB6 : PUB4,
			 .sport = 4000,
			 .dport = 20001,
			 .pay = PAY_RTP,
			 .len = 160 };

	if (h == WAN_OUT) {
		p.src = p.dst;
		p.dst = v6 ? PEER6 : PEER4;
		p.sport = 20001;
		p.dport = 4000;
	} else if (h == INSIDE_IN) {
		p.src = v6 ? IN6 : IN4;
		p.dst = v6 ? PEER6 : PEER4;
		p.sport = 30001;
		p.dport = 4000;
		p.dmac = lab_mac_l0;
	}
	return p;
}

static void sip_held(bool v6)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	struct pkt p = { .src = v6 ? PEER6 : PEER4,
			 .dst = v6 ? PUB6 : PUB4,
			 .sport = 5060,
			 .dport = 5060,
			 .pay = PAY_SIP,
			 .len = 300 };

	lab_run(WAN_IN, a, pkt_build(&p, a), &r);
	lab_expect_count("signalling", RF_R_SIP_HELD);
	assert_int_equal(lab.punt.kind, RF_PUNT_SIP);
}

static void test_window(void **state)
{
	static const enum hook hooks[] = { WAN_IN, WAN_OUT, INSIDE_IN };
	unsigned int i;
	int v6;

	for (v6 = 0; v6 < 2; v6++)
		for (i = 0; i < ARRAY_SIZE(hooks); i++) {
			int refused = hooks[i] == INSIDE_IN ? RF_R_NOT_OURS
				      : hooks[i] == WAN_OUT ? RF_R_BYSTANDER_OUT
							    : RF_R_NO_PINHOLE;
			struct pkt p = early(v6, hooks[i]);

			map_clear(lab.skel->maps.flows);
			lab_progress(0, 0);
			lab_case("before any signalling", hooks[i], &p, refused, NULL);
			map_clear(lab.skel->maps.flows);
			sip_held(v6);
			expect_parked("signalling on its way", hooks[i], &p);
			lab_progress(1, 1);
			lab_case("dealt with", hooks[i], &p, refused, NULL);
		}
}

/* Who was there before the signalling waits for none, and is not copied. Routed: known by where it leaves. */
static void test_others_go_on(void **state)
{
	static const enum hook hooks[] = { WAN_OUT, INSIDE_IN };
	struct rf_call_end e = { .n = 1 };
	struct rf_flow f = { 0 };
	struct rf_flow_key k;
	unsigned int i, v6;

	for (v6 = 0; v6 < 2; v6++)
		for (i = 0; i < ARRAY_SIZE(hooks); i++) {
			struct pkt p = early(v6, hooks[i]), other;

			if (hooks[i] == INSIDE_IN)
				p.src = v6 ? ROUTED6 : ROUTED4;
			lab_reset();
			k = (struct rf_flow_key){ .own = ep(p.src, p.sport),
						  .remote = ep(p.dst, p.dport) };
			f.last_ns = now_ns() - 10 * SEC;
			map_set(lab.skel->maps.flows, &k, &f);
			lab_progress(0, 0);
			sip_held(v6);
			lab_case("known", hooks[i], &p, RF_R_BYSTANDER_OUT, NULL);
			lab_case("and fresh", hooks[i], &p, RF_R_BYSTANDER_OUT, NULL);
			assert_int_equal(lab.n_punts, 0);
			other = p;
			other.dport++;
			expect_parked("another flow of that port", hooks[i], &other);
			f.last_ns = now_ns() - 31 * SEC;
			map_set(lab.skel->maps.flows, &k, &f);
			expect_parked("silent for 31 s", hooks[i], &p);
			f.last_ns = now_ns() - 10 * SEC;
			map_set(lab.skel->maps.flows, &k, &f);
			e.until_ns = now_ns() + 300 * SEC;
			e.remotes[0] = k.remote;
			map_set(lab.skel->maps.call_ends, &k.own, &e);
			expect_parked("of a call", hooks[i], &p);
		}
}

static void test_xdp_leaves_it(void **state)
{
	struct pkt p = early(false, XDP);

	sip_held(false);
	lab_case("nothing on its way", XDP, &p, RF_R_NO_PINHOLE, NULL);
	lab_progress(0, 0);
	sip_held(false);
	lab_case("on its way", XDP, &p, RF_R_TO_TC, NULL);
}

/* Media of a pinhole: what the next message may turn waits, what it cannot is refused at once. */
static void test_pinholes(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct pkt p = { .src = PEER4,
			 .dst = PUB4,
			 .sport = 4001,
			 .dport = PUB_PORT,
			 .pay = PAY_RTP,
			 .len = 160 };

	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_progress(1, 0);
	expect_parked("another source", WAN_IN, &p);
	ph.state = RF_PINHOLE_CLOSED;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	expect_parked("closed", WAN_IN, &p);
	ph.state = RF_PINHOLE_OPEN;
	ph.deadline_ns = 1;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("past the deadline", WAN_IN, &p, RF_R_PINHOLE_EXPIRED, NULL);
}

static void test_only_what_looks_like_media(void **state)
{
	struct pkt p = early(false, INSIDE_IN);

	lab_progress(1, 0);
	p.pay = PAY_ZERO;
	lab_case("from inside, something else", INSIDE_IN, &p, RF_R_NOT_OURS, NULL);
	p.pay = PAY_RTP; /* as one in twenty identifiers of DNS begins */
	p.dport = 53;
	lab_case("to a name server", INSIDE_IN, &p, RF_R_NOT_OURS, NULL);
	p.dport = 4000;
	p.sport = 123;
	lab_case("from a service", INSIDE_IN, &p, RF_R_NOT_OURS, NULL);
	p.sport = 1024;
	expect_parked("the first port of a phone", INSIDE_IN, &p);
}

static void test_limit(void **state)
{
	struct pkt p = early(false, WAN_IN);
	int i, round;

	for (round = 0; round < 2; round++) {
		lab_progress(round, round);
		sip_held(false);
		for (i = 0; i < RF_PARK_MAX; i++)
			expect_parked("within the limit", WAN_IN, &p);
		lab_case("beyond it", WAN_IN, &p, RF_R_NO_PINHOLE, NULL);
	}
}

/* What is given back while the next message is on its way is judged for good. */
static void test_never_twice(void **state)
{
	static const enum hook hooks[] = { WAN_IN, INSIDE_IN };
	static uint8_t a[PKT_MAX];
	static struct result r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct pkt p = early(false, hooks[i]);
		__u32 mark = 0xbeef ^ 1; /* RF_HAIRPIN_MARK */

		lab_control(now_ns(), 0xbeef);
		lab_progress(1, 0);
		assert_int_equal(lab_run_mark(hooks[i], a, pkt_build(&p, a), &r, &mark), 0);
		lab_expect_count("given back",
				 hooks[i] == INSIDE_IN ? RF_R_NOT_OURS : RF_R_NO_PINHOLE);
		assert_int_equal(lab.n_punts, 0);
	}
}

static void test_controller_away(void **state)
{
	struct pkt p = early(false, WAN_IN);

	lab_control(0, 0);
	lab_progress(1, 0);
	lab_case("nobody would give it back", WAN_IN, &p, RF_R_NO_PINHOLE, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_window, lab_setup),
		cmocka_unit_test_setup(test_others_go_on, lab_setup),
		cmocka_unit_test_setup(test_xdp_leaves_it, lab_setup),
		cmocka_unit_test_setup(test_pinholes, lab_setup),
		cmocka_unit_test_setup(test_only_what_looks_like_media, lab_setup),
		cmocka_unit_test_setup(test_limit, lab_setup),
		cmocka_unit_test_setup(test_never_twice, lab_setup),
		cmocka_unit_test_setup(test_controller_away, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
