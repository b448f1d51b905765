// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line of an inbound pinhole: it is enough by itself for what it agrees to, and every other packet
 * is the pinhole's to judge. Here there is none behind the line, so that what was asked shows.
 */
#include "bpf/lab.h"

static struct pkt rtp = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };

static struct rf_inbound *line(void)
{
	return &lab.inbound.lines[PH_SLOT];
}

/* A line of a call that has been heard of, and no pinhole. */
static int line_alone(void **state)
{
	struct rf_pinhole_state st = { .dir[RF_DIR_IN].last_ns = past_ns() };
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	lab_reset();
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	map_clear(lab.skel->maps.pinholes);
	st_set(&st);
	return 0;
}

static bool delivered(enum hook h, const struct pkt *p)
{
	static uint8_t a[PKT_MAX];
	static struct result r;

	lab_run(h, a, pkt_build(p, a), &r);
	return r.code == (h == XDP ? XDP_REDIRECT : TC_ACT_REDIRECT);
}

static bool taken(void)
{
	return delivered(XDP, &rtp) && delivered(WAN_IN, &rtp);
}

static bool refused(void)
{
	return !delivered(XDP, &rtp) && !delivered(WAN_IN, &rtp);
}

static void test_enough(void **state)
{
	struct rf_pinhole_state st;

	assert_int_not_equal(line()->version, 0);
	assert_true(taken());
	st = st_get();
	assert_int_equal(st.dir[RF_DIR_IN].packets, 2);
	assert_int_equal(st.dir[RF_DIR_IN].rtp_packets, 2);
}

static void test_being_written(void **state)
{
	line()->version++;
	assert_true(refused());
	line()->version = 0;
	assert_true(refused());
	line()->version = 2;
	assert_true(taken());
}

static void test_other_packets(void **state)
{
	struct pkt p = rtp;

	p.src = "203.0.113.11";
	assert_false(delivered(XDP, &p));
	p = rtp;
	p.sport++;
	assert_false(delivered(XDP, &p));
	p = rtp;
	p.pt = 18;
	assert_false(delivered(XDP, &p));
	p = rtp;
	p.pay = PAY_STUN;
	assert_false(delivered(XDP, &p));
	p = rtp;
	p.dport += 2 * LAB_LINES; /* the same place */
	assert_int_equal(rf_inbound_index(0xc6336401, p.dport, LAB_LINES), PH_SLOT);
	assert_false(delivered(XDP, &p));
	p.dport = rtp.dport + 1;
	assert_false(delivered(XDP, &p));
	p = rtp;
	p.ttl = 1;
	assert_false(delivered(XDP, &p));
	assert_true(taken());
}

static void test_deadline(void **state)
{
	line()->until = past_ns() >> RF_INBOUND_TICK;
	assert_true(refused());
	line()->until = (now_ns() + 60 * SEC) >> RF_INBOUND_TICK;
	assert_true(taken());
}

static void test_silence(void **state)
{
	struct rf_pinhole_state st = { .dir[RF_DIR_IN].last_ns = now_ns() - 31 * SEC };

	st_set(&st);
	assert_true(refused());
	st.dir[RF_DIR_IN].last_ns = 0; /* never heard of, that is, since the machine was started */
	st_set(&st);
	if (now_ns() > (RF_INBOUND_SILENCE_S + 1) * SEC)
		assert_true(refused());
	st.dir[RF_DIR_IN].last_ns = past_ns();
	st_set(&st);
	assert_true(taken());
}

/* Up to four payload types are kept in the line; a pinhole with more has none. */
static void test_payload_types(void **state)
{
	struct rf_pinhole_key key = ph_key(PUB4, PUB_PORT, RF_DIR_IN);
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct pkt p = rtp;
	int n, pt;

	for (n = 0; n <= 5; n++) {
		memset(ph.payload_types, 0, sizeof(ph.payload_types));
		for (pt = 127; pt > 127 - n; pt--)
			ph.payload_types[pt / 8] |= 1 << pt % 8;
		inbound_clear(&lab.inbound, &key);
		inbound_set(&lab.inbound, &key, &ph);
		for (pt = 0; pt < 128; pt++) {
			p.pt = pt;
			if (pt < 72 || pt > 76) /* RTCP: RFC 5761 section 4 */
				assert_int_equal(delivered(XDP, &p), n <= 4 && pt > 127 - n);
		}
	}
}

/* Which pinholes have no line. */
static void test_not_plain(void **state)
{
	static const struct {
		__u8 flags, classes, state, n_remotes;
		__u32 slot;
	} cases[] = {
		{ RF_PH_XLATE, RF_CLASS_RTP, RF_PINHOLE_CLOSED, 1, PH_SLOT },
		{ RF_PH_XLATE, RF_CLASS_RTCP, RF_PINHOLE_OPEN, 1, PH_SLOT },
		{ RF_PH_XLATE, RF_CLASS_ANY | RF_CLASS_RTP, RF_PINHOLE_OPEN, 1, PH_SLOT },
		{ RF_PH_XLATE, RF_CLASS_SIP, RF_PINHOLE_OPEN, 1, PH_SLOT },
		{ RF_PH_XLATE | RF_PH_LEARN, RF_CLASS_RTP, RF_PINHOLE_OPEN, 1, PH_SLOT },
		{ RF_PH_LOCAL, RF_CLASS_RTP, RF_PINHOLE_OPEN, 1, PH_SLOT },
		{ RF_PH_XLATE, RF_CLASS_RTP, RF_PINHOLE_OPEN, 0, PH_SLOT },
		{ RF_PH_XLATE, RF_CLASS_RTP, RF_PINHOLE_OPEN, 1, PH_SLOT + 1 },
		{ RF_PH_XLATE, RF_CLASS_RTP, RF_PINHOLE_OPEN, 1, 0 },
	};
	struct rf_pinhole_key key = ph_key(PUB4, PUB_PORT, RF_DIR_IN);
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	unsigned int i;

	inbound_clear(&lab.inbound, &key);
	assert_true(refused());
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ph.flags = cases[i].flags;
		ph.classes = cases[i].classes;
		ph.state = cases[i].state;
		ph.n_remotes = cases[i].n_remotes;
		ph.slot = cases[i].slot;
		inbound_set(&lab.inbound, &key, &ph);
		if (!refused())
			fail_msg("case %u", i);
	}
	ph = ph_new(false, RF_DIR_IN);
	ph.remote.addr = addr(PEER6); /* families mixed */
	inbound_set(&lab.inbound, &key, &ph);
	assert_true(refused());
	ph = ph_new(false, RF_DIR_IN);
	ph.xlate.addr = addr(IN6);
	inbound_set(&lab.inbound, &key, &ph);
	assert_true(refused());
	ph = ph_new(false, RF_DIR_IN);
	ph.idle_s = RF_INBOUND_SILENCE_S - 1;
	inbound_set(&lab.inbound, &key, &ph);
	assert_true(refused());
	ph.idle_s++;
	inbound_set(&lab.inbound, &key, &ph);
	key.dir = RF_DIR_OUT; /* not this endpoint's */
	inbound_clear(&lab.inbound, &key);
	key = ph_key(PUB4, PUB_PORT + 2 * LAB_LINES, RF_DIR_IN);
	inbound_clear(&lab.inbound, &key);
	assert_true(taken());
	inbound_clear_all(&lab.inbound);
	assert_true(refused());
}

/* Endpoints that have no place, and maps that are not of lines. */
static void test_no_place(void **state)
{
	struct rf_pinhole_key odd = ph_key(PUB4, PUB_PORT + 1, RF_DIR_IN),
			      out = ph_key(PUB4, PUB_PORT, RF_DIR_OUT),
			      six = ph_key(PUB6, PUB_PORT, RF_DIR_IN);
	struct inbound in = { .n = 77 };

	assert_int_equal(inbound_slot(&lab.inbound, &odd), 0);
	assert_int_equal(inbound_slot(&lab.inbound, &out), 0);
	assert_int_equal(inbound_slot(&lab.inbound, &six), 0);
	assert_int_equal(inbound_open(&in, bpf_map__fd(lab.skel->maps.pinhole_state)), -EINVAL);
	assert_int_equal(inbound_open(&in, bpf_map__fd(lab.skel->maps.pinholes)), -EINVAL);
	assert_true(inbound_open(&in, -1) < 0);
	assert_int_equal(in.n, 77); /* untouched */
	in.n = 0;
	inbound_close(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_enough, line_alone),
		cmocka_unit_test_setup(test_being_written, line_alone),
		cmocka_unit_test_setup(test_other_packets, line_alone),
		cmocka_unit_test_setup(test_deadline, line_alone),
		cmocka_unit_test_setup(test_silence, line_alone),
		cmocka_unit_test_setup(test_payload_types, line_alone),
		cmocka_unit_test_setup(test_not_plain, line_alone),
		cmocka_unit_test_setup(test_no_place, line_alone),
	};

	lab.warm = lab.lines = true;
	lab.without = "rf_wan_out";
	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
