// SPDX-License-Identifier: GPL-2.0-only
/*
 * Learning a source and locking it, and what is counted about an RTP stream.
 */
#include "bpf/lab.h"

static const struct pkt in4 = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
static const struct pkt out4 = {
	.src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0
};

static struct pkt in_from(const char *src, uint16_t sport, uint32_t ssrc)
{
	struct pkt p = in4;

	p.src = src;
	p.sport = sport;
	p.ssrc = ssrc;
	return p;
}

static struct pkt inside_of(const struct pkt *p)
{
	struct pkt t = *p;

	t.dst = strchr(p->dst, ':') ? IN6 : IN4;
	t.dport = IN_PORT;
	t.ttl = 63;
	return t;
}

/* May learn from 203.0.113.0/24, any port, or from one host and port. */
static void learning(int prefix_len, uint16_t port)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	ph.flags |= RF_PH_LEARN;
	lab.cold.learn_until_s = now_ns() / SEC + 60;
	ph.n_remotes = 2;
	ph.remote.addr = addr("192.168.7.7"); /* what the SDP said */
	ph.remote.prefix_len = 128;
	ph.remote.port = htons(9);
	lab.more.remotes[0].addr = addr(PEER4);
	lab.more.remotes[0].prefix_len = prefix_len;
	lab.more.remotes[0].port = htons(port);
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	ph.xlate = ep(PUB4, PUB_PORT);
	ph_set(IN4, IN_PORT, RF_DIR_OUT, &ph);
}

static void expect(const char *name, const struct pkt *p, int reason)
{
	struct pkt out = inside_of(p);

	lab_case(name, WAN_IN, p, reason ? reason : RF_R_MEDIA_TC, reason ? NULL : &out);
}

static void test_lock(void **state)
{
	struct rf_ep learnt = ep("203.0.113.77", 11000);
	struct pkt p, o, out = out4;
	struct rf_learnt l;

	learning(96 + 24, 0);
	out.dst = "192.168.7.7";
	out.dport = 9;
	lab_case("out before", INSIDE_IN, &out, RF_R_LEARN_PENDING, NULL);
	p = in_from("203.0.114.1", 11000, 5);
	expect("outside the prefix", &p, RF_R_WRONG_SOURCE);
	p = in_from("203.0.113.77", 11000, 5);
	p.pay = PAY_SIP;
	expect("garbage does not lock", &p, RF_R_NOT_MEDIA);
	p.pay = PAY_RTP;
	p.pt = 99;
	expect("nor a wrong payload type", &p, RF_R_WRONG_PAYLOAD_TYPE);
	assert_int_equal(learnt_get().state, RF_LEARN_NONE);
	p.pt = 0;
	expect("the first valid one", &p, 0);
	l = learnt_get();
	assert_int_equal(l.state, RF_LEARN_LOCKED);
	assert_int_equal(l.ssrc_state, RF_LEARN_LOCKED);
	assert_int_equal(l.ssrc, 5);
	assert_memory_equal(&l.ep, &learnt, sizeof(learnt));
	expect("again", &p, 0);
	p = in_from("203.0.113.77", 11001, 5);
	expect("other port", &p, RF_R_WRONG_SOURCE);
	p = in_from("203.0.113.78", 11000, 5);
	expect("other host of the prefix", &p, RF_R_WRONG_SOURCE);
	p = in_from("203.0.113.77", 11000, 6);
	expect("other SSRC", &p, RF_R_WRONG_SSRC);
	p.pay = PAY_RTCP;
	expect("RTCP has its own", &p, 0);

	o = out;
	o.src = PUB4;
	o.sport = PUB_PORT;
	o.dst = "203.0.113.77";
	o.dport = 11000;
	o.ttl = 63;
	lab_case("out goes to the learnt one", INSIDE_IN, &out, RF_R_MEDIA_TC, &o);
	out.dst = "203.0.113.77";
	out.dport = 11000;
	lab_case("symmetric RTP sends there itself", INSIDE_IN, &out, RF_R_MEDIA_TC, &o);
	out.dport = 11001;
	lab_case("out elsewhere", INSIDE_IN, &out, RF_R_WRONG_DESTINATION, NULL);
}

static void test_lock_by_other_classes(void **state)
{
	struct pkt p = in_from(PEER4, 11000, 9);

	learning(128, 0);
	p.pay = PAY_STUN;
	expect("STUN locks the address", &p, 0);
	assert_int_equal(learnt_get().state, RF_LEARN_LOCKED);
	assert_int_equal(learnt_get().ssrc_state, RF_LEARN_NONE);
	p.pay = PAY_RTP;
	p.ssrc = 0;
	expect("the first RTP its SSRC, 0 too", &p, 0);
	p.ssrc = 1;
	expect("then no other", &p, RF_R_WRONG_SSRC);
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *src;
		uint16_t sport;
		int len;
		uint16_t port;
		int ok;
	} c[] = {
		{ PEER4, 11000, 128, 0, 1 },
		{ "203.0.113.11", 11000, 128, 0, 0 },
		{ PEER4, 11000, 128, 11000, 1 },
		{ PEER4, 11001, 128, 11000, 0 },
		{ "203.0.113.11", 1024, 127, 0, 1 },
		{ "203.0.113.12", 1024, 127, 0, 0 },
		{ "203.0.0.1", 1024, 96 + 16, 0, 1 },
		{ "203.1.0.1", 1024, 96 + 16, 0, 0 },
		{ "8.8.8.8", 1024, 96, 0, 1 },
		{ "8.8.8.8", 1024, 0, 0, 1 },
		{ "8.8.8.8", 1024, 97, 0, 0 },
		{ PEER4, 1023, 128, 0, 0 },
		{ PEER4, 53, 96, 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		struct pkt p = in_from(c[i].src, c[i].sport, 1);

		lab_reset();
		learning(c[i].len, c[i].port);
		expect(c[i].src, &p, c[i].ok ? 0 : RF_R_WRONG_SOURCE);
	}
}

static void test_too_late(void **state)
{
	struct pkt p = in_from(PEER4, 11000, 1);
	struct rf_pinhole ph;
	struct rf_pinhole_key k = ph_key(PUB4, PUB_PORT, RF_DIR_IN);

	learning(128, 0);
	bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.pinholes), &k, &ph);
	lab.cold.learn_until_s = past_ns() / SEC;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	expect("late", &p, RF_R_LEARN_TOO_LATE);
	lab.learnt.state = RF_LEARN_LOCKED;
	lab.learnt.ep = ep(PEER4, 11000);
	st_set(NULL);
	expect("learnt in time, stays", &p, 0);
	lab.learnt.state = RF_LEARN_BUSY; /* a CPU that never finishes */
	st_set(NULL);
	lab.cold.learn_until_s = now_ns() / SEC + 2;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	expect("busy", &p, RF_R_WRONG_SOURCE);
}

/* XDP learns as TC does, and locks even when it then leaves the packet to TC. */
static void test_xdp(void **state)
{
	struct pkt p = in_from(PEER4, 11000, 3), o = inside_of(&p);

	o.dmac = lab_mac_in;
	o.smac = lab_mac_l0;
	learning(128, 0);
	lab_case("XDP", XDP, &p, RF_R_MEDIA_XDP, &o);
	assert_int_equal(learnt_get().ssrc, 3);
	lab_reset();
	learning(128, 0);
	lab_device(lab.l0, RF_DEV_INSIDE, 0);
	lab_case("XDP leaves it", XDP, &p, RF_R_TO_TC, NULL);
	expect("TC", &p, 0);
	p.ssrc = 4;
	lab_case("XDP, other SSRC", XDP, &p, RF_R_WRONG_SSRC, NULL);
	assert_int_equal(st_get().dir[0].packets, 1);
	assert_int_equal(st_get().dir[0].drops, 1);
}

static void send_rtp(uint16_t seq, uint32_t ts, uint32_t ssrc)
{
	static struct result r;
	struct pkt p = in4;
	uint8_t a[512];

	p.seq = seq;
	p.ts = ts;
	p.ssrc = ssrc;
	lab_run(XDP, a, pkt_build(&p, a), &r);
	assert_int_equal(r.code, XDP_REDIRECT);
}

static int lost(const struct rf_flow_stats *s)
{
	return s->seq_ext - s->seq_base + 1 - s->rtp_packets;
}

static void expect_stats(uint32_t base, uint32_t ext, uint32_t packets, int n_lost)
{
	struct rf_flow_stats s = st_get().dir[0];

	assert_int_equal(s.seq_base, base);
	assert_int_equal(s.seq_ext, ext);
	assert_int_equal(s.rtp_packets, packets);
	assert_int_equal(lost(&s), n_lost);
}

static void test_sequence(void **state)
{
	struct rf_flow_stats s;

	send_rtp(65533, 0, 1);
	expect_stats(65533, 65533, 1, 0);
	send_rtp(65534, 160, 1);
	send_rtp(65535, 320, 1);
	send_rtp(0, 480, 1); /* wraps */
	expect_stats(65533, 65536, 4, 0);
	send_rtp(3, 960, 1); /* 1 and 2 are missing */
	expect_stats(65533, 65539, 5, 2);
	send_rtp(2, 800, 1); /* late, out of order */
	expect_stats(65533, 65539, 6, 1);
	send_rtp(2, 800, 1); /* twice: RFC 3550 A.3 counts it against the loss */
	expect_stats(65533, 65539, 7, 0);
	s = st_get().dir[0];
	assert_int_equal(s.ssrc, 1);
	assert_int_equal(s.ssrc_known, 1);
	assert_int_equal(s.packets, 7);
	assert_int_equal(s.bytes, 7 * 200);
	assert_int_equal(s.payload_type, 0);
	assert_true(s.last_ns && s.last_ns <= now_ns());
}

static void test_sequence_jump(void **state)
{
	send_rtp(100, 0, 1);
	send_rtp(102, 0, 1); /* one lost */
	expect_stats(100, 102, 2, 1);
	send_rtp(20000, 0, 1); /* a jump: not believed at first */
	expect_stats(100, 102, 2, 1);
	send_rtp(103, 0, 1); /* it was a stray */
	expect_stats(100, 103, 3, 1);
	send_rtp(20000, 0, 1);
	send_rtp(20001, 0, 1); /* confirmed: the sender began anew; the loss so far stays */
	assert_int_equal(
		lost(&(struct rf_flow_stats){ .seq_ext = st_get().dir[0].seq_ext,
					      .seq_base = st_get().dir[0].seq_base,
					      .rtp_packets = st_get().dir[0].rtp_packets }),
		1);
	assert_int_equal(st_get().dir[0].seq_ext, 20001);
	assert_int_equal(st_get().dir[0].rtp_packets, 4);
	send_rtp(20003, 0, 1);
	assert_int_equal(st_get().dir[0].rtp_packets, 5);
	assert_int_equal(
		lost(&(struct rf_flow_stats){ .seq_ext = st_get().dir[0].seq_ext,
					      .seq_base = st_get().dir[0].seq_base,
					      .rtp_packets = st_get().dir[0].rtp_packets }),
		2);
}

static void test_new_ssrc(void **state)
{
	struct rf_flow_stats s;

	send_rtp(10, 0, 1);
	send_rtp(13, 0, 1); /* two lost */
	send_rtp(5000, 0, 2);
	send_rtp(5001, 0, 2);
	s = st_get().dir[0];
	assert_int_equal(s.ssrc, 2);
	assert_int_equal(s.rtp_packets, 4);
	assert_int_equal(lost(&s), 2);
	assert_int_equal(s.seq_ext, 5001);
}

/* Evenly spaced packets have little jitter, uneven ones what RFC 3550 A.8 makes of it. */
static void test_jitter(void **state)
{
	struct rf_flow_stats s;
	int i;

	for (i = 0; i < 25; i++) {
		send_rtp(i, i * 8, 1); /* 1 ms in the stream */
		usleep(1000);
	}
	s = st_get().dir[0];
	assert_in_range(s.jitter >> 4, 0, 400); /* below 50 ms, on a busy machine */
	send_rtp(i, i * 8 + 80000, 1); /* ten seconds ahead of its time */
	i = st_get().dir[0].jitter - s.jitter;
	assert_in_range(i, 75000, 85000); /* d - (jitter >> 4), scaled by 16: d = 80000 */
}

/* What is between the pairs does not count, and of a pair that is not whole nothing does. */
static void test_jitter_pairs(void **state)
{
	static const struct {
		__u16 seq;
		__u32 timestamp; /* of 8,000 Hz: 80,000 is ten seconds ahead */
		bool counts;
	} sent[] = {
		/* between pairs */
		{ 2, 0, false },
		{ 3, 80000, false },
		{ 7, 0, false },
		/* a first one alone */
		{ 8, 80000, false },
		{ 10, 0, false },
		/* a pair */
		{ 16, 0, false },
		{ 17, 0, false },
		{ 18, 80000, false },
		/* a second one alone, and one whose first was the pair's before */
		{ 25, 160000, false },
		{ 32, 0, false },
		{ 34, 0, false },
		{ 41, 80000, false },
		{ 48, 0, false },
		{ 49, 80000, true },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sent); i++) {
		__u32 jitter;

		send_rtp(sent[i].seq, sent[i].timestamp, 1);
		jitter = st_get().dir[0].jitter;
		if (sent[i].counts)
			assert_in_range(jitter, 75000, 85000);
		else
			assert_in_range(jitter, 0, 5000);
	}
}

static void test_jitter_unknown_rate(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);

	ph.clock_rate = 0;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	send_rtp(0, 0, 1);
	send_rtp(1, 80000, 1);
	assert_int_equal(st_get().dir[0].jitter, 0);
	assert_int_equal(st_get().dir[0].rtp_packets, 2);
}

static void test_other_payload_is_not_rtp(void **state)
{
	static struct result r;
	struct pkt p = in4;
	uint8_t a[512];

	p.pay = PAY_RTCP;
	lab_run(XDP, a, pkt_build(&p, a), &r);
	assert_int_equal(st_get().dir[0].packets, 1);
	assert_int_equal(st_get().dir[0].rtp_packets, 0);
	assert_int_equal(st_get().dir[0].ssrc_known, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lock, lab_setup),
		cmocka_unit_test_setup(test_lock_by_other_classes, lab_setup),
		cmocka_unit_test_setup(test_prefixes, lab_setup),
		cmocka_unit_test_setup(test_too_late, lab_setup),
		cmocka_unit_test_setup(test_xdp, lab_setup),
		cmocka_unit_test_setup(test_sequence, lab_setup),
		cmocka_unit_test_setup(test_sequence_jump, lab_setup),
		cmocka_unit_test_setup(test_new_ssrc, lab_setup),
		cmocka_unit_test_setup(test_jitter, lab_setup),
		cmocka_unit_test_setup(test_jitter_pairs, lab_setup),
		cmocka_unit_test_setup(test_jitter_unknown_rate, lab_setup),
		cmocka_unit_test_setup(test_other_payload_is_not_rtp, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
