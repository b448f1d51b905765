// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinholes of ICE streams: STUN checks with a remote that is not listed go to the controller, only
 * these, only so many, and are refused when they come back unverified. Media needs a listed remote.
 */
#include "bpf/lab.h"

#define OTHER4	   "203.0.113.77"
#define OTHER6	   "2001:db8:f::77"
#define OTHER_PORT 40000
#define MARK	   0x5eed

static void ice_set(bool v6, __u8 flags)
{
	struct rf_pinhole in = ph_new(v6, RF_DIR_IN), out = ph_new(v6, RF_DIR_OUT);

	in.flags |= flags;
	out.flags |= flags;
	ph_set(v6 ? PUB6 : PUB4, PUB_PORT, RF_DIR_IN, &in);
	ph_set(v6 ? IN6 : IN4, IN_PORT, RF_DIR_OUT, &out);
}

static struct pkt check_of(bool v6, enum hook h, bool listed)
{
	struct pkt p = { .pay = PAY_STUN };
	const char *peer = listed ? (v6 ? PEER6 : PEER4) : v6 ? OTHER6 : OTHER4;
	uint16_t port = listed ? PEER_PORT : OTHER_PORT;

	if (h == INSIDE_IN) {
		p.src = v6 ? IN6 : IN4;
		p.sport = IN_PORT;
		p.dst = peer;
		p.dport = port;
		p.dmac = lab_mac_l0;
		return p;
	}
	p.src = peer;
	p.sport = port;
	p.dst = v6 ? PUB6 : PUB4;
	p.dport = PUB_PORT;
	return p;
}

static void expect_asked(const char *name, enum hook h, const struct pkt *p)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	int n = pkt_build(p, a);

	lab_run(h, a, n, &r);
	assert_int_equal(r.code, lab_taken(h));
	lab_expect_count(name, RF_R_STUN_HELD);
	assert_int_equal(lab.n_punts, 1);
	assert_int_equal(lab.punt.kind, RF_PUNT_STUN);
	assert_int_equal(lab.punt.hook, h + 1);
	assert_int_equal(lab.punt.call_id, CALL_ID);
	assert_memory_equal(lab.punt_data, a + 14, n - 14);
}

static void test_unlisted(void **state)
{
	static const enum hook hooks[] = { WAN_IN, INSIDE_IN };
	unsigned int i;
	int v6;

	for (v6 = 0; v6 < 2; v6++)
		for (i = 0; i < ARRAY_SIZE(hooks); i++) {
			int refused =
				hooks[i] == WAN_IN ? RF_R_WRONG_SOURCE : RF_R_WRONG_DESTINATION;
			struct pkt p = check_of(v6, hooks[i], false);

			ice_set(v6, 0);
			lab_case("no ICE agreed", hooks[i], &p, refused, NULL);
			ice_set(v6, RF_PH_ICE);
			expect_asked("unlisted", hooks[i], &p);
			assert_int_equal(st_get().dir[hooks[i] == INSIDE_IN].drops, 1);
			st_set(NULL);
		}
}

static void test_xdp_leaves_it(void **state)
{
	struct pkt p = check_of(false, XDP, false);

	lab_case("no ICE agreed", XDP, &p, RF_R_WRONG_SOURCE, NULL);
	ice_set(false, RF_PH_ICE);
	lab_case("unlisted", XDP, &p, RF_R_TO_TC, NULL);
}

static void test_listed(void **state)
{
	struct pkt p = check_of(false, WAN_IN, true), q = p;

	ice_set(false, RF_PH_ICE);
	q.dst = IN4;
	q.dport = IN_PORT;
	q.ttl = 63;
	lab_case("listed", WAN_IN, &p, RF_R_MEDIA_TC, &q);
	lab_case("listed", XDP, &p, RF_R_MEDIA_XDP,
		 &(struct pkt){ .src = p.src,
				.dst = q.dst,
				.sport = p.sport,
				.dport = q.dport,
				.ttl = 63,
				.pay = PAY_STUN,
				.dmac = lab_mac_in,
				.smac = lab_mac_l0 });
}

/* Everything but a Binding request of the right shape is refused as without ICE. */
static void test_only_requests(void **state)
{
	static const uint8_t response[20] = { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	static const uint8_t indication[20] = { 0, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	static const uint8_t allocate[20] = { 0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	static const uint8_t cookie[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43 };
	static const uint8_t length[20] = { 0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42 };
	static const struct {
		const char *name;
		const uint8_t *bytes;
	} table[] = { { "response", response },
		      { "indication", indication },
		      { "allocate", allocate },
		      { "no cookie", cookie },
		      { "longer than it is", length } };
	static const enum pkt_payload media[] = { PAY_RTP, PAY_RTCP, PAY_DTLS };
	struct pkt p = check_of(false, WAN_IN, false);
	unsigned int i;

	ice_set(false, RF_PH_ICE);
	p.pay = PAY_BYTES;
	p.len = 20;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		p.bytes = table[i].bytes;
		lab_case(table[i].name, WAN_IN, &p, RF_R_WRONG_SOURCE, NULL);
		lab_case(table[i].name, XDP, &p, RF_R_WRONG_SOURCE, NULL);
	}
	p.len = 0;
	for (i = 0; i < ARRAY_SIZE(media); i++) {
		p.pay = media[i];
		lab_case("media", WAN_IN, &p, RF_R_WRONG_SOURCE, NULL);
	}
}

static void test_closed_and_class(void **state)
{
	struct pkt p = check_of(false, WAN_IN, false);
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	ph.flags |= RF_PH_ICE;
	ph.classes = RF_CLASS_RTP;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("STUN is not agreed", WAN_IN, &p, RF_R_WRONG_SOURCE, NULL);
	ph.classes |= RF_CLASS_STUN;
	ph.state = RF_PINHOLE_CLOSED;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("closed", WAN_IN, &p, RF_R_PINHOLE_CLOSED, NULL);
	ph.state = RF_PINHOLE_OPEN;
	ph.deadline_ns = 1;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("past the deadline", WAN_IN, &p, RF_R_PINHOLE_EXPIRED, NULL);
}

/* A run may cross from one interval into the next, so up to two of them are used up. */
static void test_limit(void **state)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	struct pkt p = check_of(false, WAN_IN, false);
	int n = pkt_build(&p, a), asked = 0, i;

	ice_set(false, RF_PH_ICE);
	for (i = 0; i < 3 * RF_STUN_ASK_MAX; i++) {
		lab_run(WAN_IN, a, n, &r);
		asked += lab.n_punts;
	}
	assert_in_range(asked, RF_STUN_ASK_MAX, 2 * RF_STUN_ASK_MAX);
	usleep(300000);
	lab_run(WAN_IN, a, n, &r);
	assert_int_equal(lab.n_punts, 1);
	lab_read_counts(lab.counts);
}

static void test_again(void **state)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	struct pkt p = check_of(false, WAN_IN, false);
	__u32 mark = MARK ^ 1; /* RF_HAIRPIN_MARK */

	ice_set(false, RF_PH_ICE);
	lab_control(now_ns(), MARK);
	assert_int_equal(lab_run_mark(WAN_IN, a, pkt_build(&p, a), &r, &mark), 0);
	lab_expect_count("given back, but not listed", RF_R_STUN_NOT_AGREED);
	assert_int_equal(lab.n_punts, 0);
}

static void test_controller_away(void **state)
{
	struct pkt p = check_of(false, WAN_IN, false);

	ice_set(false, RF_PH_ICE);
	lab_control(0, 0);
	lab_case("nobody can verify", WAN_IN, &p, RF_R_STUN_NOT_AGREED, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unlisted, lab_setup),
		cmocka_unit_test_setup(test_xdp_leaves_it, lab_setup),
		cmocka_unit_test_setup(test_listed, lab_setup),
		cmocka_unit_test_setup(test_only_requests, lab_setup),
		cmocka_unit_test_setup(test_closed_and_class, lab_setup),
		cmocka_unit_test_setup(test_limit, lab_setup),
		cmocka_unit_test_setup(test_again, lab_setup),
		cmocka_unit_test_setup(test_controller_away, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
