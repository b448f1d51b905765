// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIP over TCP: which SYN is held, whose addresses are exchanged, and that everything else on TCP is
 * left alone. Each rewritten packet is compared with one built anew, checksums included.
 */
#include "bpf/lab.h"

#define SYN	0x02
#define ACK	0x10
#define PHONE	40000 /* a client's port */
#define PROXY	45678 /* the controller's */
#define PROXY_2 45679

struct seg {
	bool v6, partial; /* checksum: as a local sender leaves it to the device */
	const char *src, *dst;
	uint16_t sport, dport;
	uint8_t flags;
	int tags, len;
	bool fragment;
};

static void checksum(uint8_t *l4, int n, const struct seg *s)
{
	struct rf_addr a = addr(s->src), b = addr(s->dst);
	uint8_t pseudo[40] = { 0 };
	uint32_t sum;

	memcpy(pseudo, s->v6 ? (void *)&a : &a.w[3], s->v6 ? 16 : 4);
	memcpy(pseudo + 16, s->v6 ? (void *)&b : &b.w[3], s->v6 ? 16 : 4);
	put32(pseudo + 32, n);
	put32(pseudo + 36, 6);
	put16(l4 + 16, 0);
	sum = csum_add(0, pseudo, sizeof(pseudo));
	put16(l4 + 16, s->partial ? sum : ~csum_add(sum, l4, n));
}

static int build(enum hook h, const struct seg *s, uint8_t *out)
{
	int at = 14, n = 20 + s->len, i;
	struct rf_addr a = addr(s->src), b = addr(s->dst);
	uint8_t *ip;

	memset(out, 0, PKT_MAX);
	memcpy(out, h >= INSIDE_IN ? lab_mac_l0 : pkt_mac_dev, 6);
	memcpy(out + 6, pkt_mac_peer, 6);
	for (i = 0; i < s->tags; i++, at += 4) {
		put16(out + at - 2, 0x8100);
		put16(out + at, 5 << 13); /* priority tags */
	}
	put16(out + at - 2, s->v6 ? 0x86dd : 0x0800);
	ip = out + at;
	if (s->v6) {
		ip[0] = 0x60;
		put16(ip + 4, n);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, &a, 16);
		memcpy(ip + 24, &b, 16);
		at += 40;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 20 + n);
		put16(ip + 6, s->fragment ? 0x2000 : 0x4000);
		ip[8] = 64;
		ip[9] = 6;
		memcpy(ip + 12, &a.w[3], 4);
		memcpy(ip + 16, &b.w[3], 4);
		put16(ip + 10, ~csum_add(0, ip, 20));
		at += 20;
	}
	put16(out + at, s->sport);
	put16(out + at + 2, s->dport);
	put32(out + at + 4, 0x12345678);
	out[at + 12] = 0x50;
	out[at + 13] = s->flags;
	put16(out + at + 14, 1000);
	for (i = 0; i < s->len; i++)
		out[at + 20 + i] = 'a' + i % 26;
	checksum(out + at, n, s);
	return at + n;
}

static struct seg from_phone(bool v6, uint8_t flags)
{
	return (struct seg){ .v6 = v6,
			     .src = v6 ? IN6 : IN4,
			     .dst = v6 ? PEER6 : PEER4,
			     .sport = PHONE,
			     .dport = 5060,
			     .flags = flags };
}

static struct seg from_peer(bool v6, uint8_t flags)
{
	return (struct seg){ .v6 = v6,
			     .src = v6 ? PEER6 : PEER4,
			     .dst = v6 ? PUB6 : PUB4,
			     .sport = PHONE,
			     .dport = 5060,
			     .flags = flags };
}

static void signalling_port(const char *a, uint16_t port, int dir, int flags)
{
	struct rf_pinhole ph = { .id = 1,
				 .deadline_ns = ~0ull,
				 .state = RF_PINHOLE_OPEN,
				 .classes = RF_CLASS_SIP,
				 .flags = flags };

	ph_set(a, port, dir, &ph);
}

static void flow(int role, int dir, struct rf_ep remote, struct rf_ep local, struct rf_ep to)
{
	struct rf_tcp_key key = { .remote = remote, .local = local, .role = role, .dir = dir };
	struct rf_tcp_flow f = { .to = to };

	map_set(lab.skel->maps.tcp_flows, &key, &f);
}

/* wanted NULL: as it came. */
static void seg_case(const char *name, enum hook h, const struct seg *s, int reason,
		     const struct seg *wanted)
{
	static uint8_t in[PKT_MAX], out[PKT_MAX];
	static struct result r;
	int n = build(h, s, in), m = build(h, wanted ? wanted : s, out);
	bool held = reason == RF_R_TCP_HELD;

	lab_run(h, in, n, &r);
	lab_expect_count(name, reason);
	assert_int_equal(lab.n_punts, held);
	if (held) {
		assert_int_equal(lab.punt.kind, RF_PUNT_TCP);
		assert_memory_equal(lab.punt_data, in + 14 + 4 * s->tags, n - 14 - 4 * s->tags);
	}
	assert_int_equal(r.code,
			 held || reason == RF_R_CONTROLLER_AWAY ? lab_taken(h) : TC_ACT_UNSPEC);
	lab_expect_bytes(name, r.data, r.len, out, m);
	lab.n_punts = 0;
}

static int setup(void **state)
{
	int v6;

	map_clear(lab.skel->maps.tcp_flows);
	lab_reset();
	for (v6 = 0; v6 < 2; v6++)
		signalling_port(v6 ? PUB6 : PUB4, 5060, RF_DIR_IN, RF_PH_XLATE);
	return 0;
}

static void test_held(void **state)
{
	struct seg s;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		s = from_phone(v6, SYN);
		seg_case("from a phone", INSIDE_IN, &s, RF_R_TCP_HELD, NULL);
		s.partial = true;
		seg_case("checksum left to the device", INSIDE_IN, &s, RF_R_TCP_HELD, NULL);
		s.partial = false;
		s.tags = 2;
		seg_case("tagged", INSIDE_IN, &s, RF_R_TCP_HELD, NULL);
		s = from_peer(v6, SYN);
		seg_case("from a peer", WAN_IN, &s, RF_R_TCP_HELD, NULL);
		s.dst = v6 ? ROUTED6 : ROUTED4;
		seg_case("to a routed host", WAN_IN, &s, RF_R_TCP_HELD, NULL);
	}
}

static void test_not_held(void **state)
{
	struct seg s;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		s = from_phone(v6, SYN | ACK);
		seg_case("SYN-ACK from a phone", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
		s.flags = ACK;
		seg_case("in the middle", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
		s = from_phone(v6, SYN);
		s.dport = 443;
		seg_case("not signalling", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
		s.dport = 5061;
		seg_case("TLS", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
		s.dport = 5060;
		s.dst = v6 ? PUB6 : PUB4;
		seg_case("to this box", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
		s.dst = v6 ? "fd00::7" : "10.0.0.7";
		seg_case("to another inside host", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
		s = from_peer(v6, SYN);
		s.dport = 80;
		seg_case("to another port of ours", WAN_IN, &s, RF_R_NOT_OURS, NULL);
		s.dport = 5070;
		seg_case("to a SIP port that stands for nobody", WAN_IN, &s, RF_R_NOT_OURS, NULL);
		signalling_port(v6 ? PUB6 : PUB4, 5070, RF_DIR_IN, RF_PH_LOCAL);
		seg_case("to this host's own server", WAN_IN, &s, RF_R_NOT_OURS, NULL);
		s = from_peer(v6, ACK);
		seg_case("from a peer, in the middle", WAN_IN, &s, RF_R_NOT_OURS, NULL);
	}
	s = from_phone(false, SYN);
	s.fragment = true;
	seg_case("a fragment", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
}

/* A phone's own signalling port leads also to other ports than 5060. */
static void test_by_source_port(void **state)
{
	struct seg s = from_phone(false, SYN);

	s.dport = 5999;
	seg_case("before", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
	signalling_port(IN4, PHONE, RF_DIR_OUT, RF_PH_XLATE);
	seg_case("behind", INSIDE_IN, &s, RF_R_TCP_HELD, NULL);
}

static void test_led(void **state)
{
	static const int lens[] = { 0, 1, 300, 1399 };
	struct seg s, t;
	size_t i;
	int v6;

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		for (v6 = 0; v6 < 2; v6++) {
			const char *in = v6 ? IN6 : IN4, *pub = v6 ? PUB6 : PUB4,
				   *peer = v6 ? PEER6 : PEER4;

			flow(RF_DEV_INSIDE, RF_TCP_IN, ep(in, PHONE), ep(peer, 5060),
			     ep(pub, PROXY));
			flow(RF_DEV_INSIDE, RF_TCP_OUT, ep(in, PHONE), ep(pub, PROXY),
			     ep(peer, 5060));
			flow(RF_DEV_WAN, RF_TCP_IN, ep(peer, 5060), ep(pub, 5060),
			     ep(pub, PROXY_2));
			flow(RF_DEV_WAN, RF_TCP_OUT, ep(peer, 5060), ep(pub, PROXY_2),
			     ep(pub, 5060));

			s = from_phone(v6, ACK);
			s.len = lens[i];
			s.tags = i & 1;
			t = s;
			t.dst = pub;
			t.dport = PROXY;
			seg_case("phone to proxy", INSIDE_IN, &s, RF_R_TCP_STEERED, &t);

			s.tags = 0; /* what we send has them in metadata at most */
			s.src = pub;
			s.sport = PROXY;
			s.dst = in;
			s.dport = PHONE;
			t = s;
			t.src = peer;
			t.sport = 5060;
			seg_case("proxy to phone", INSIDE_OUT, &s, RF_R_TCP_STEERED, &t);

			s.sport = PROXY_2;
			s.dst = peer;
			s.dport = 5060;
			t = s;
			t.sport = 5060;
			seg_case("proxy to peer", WAN_OUT, &s, RF_R_TCP_STEERED, &t);

			s.src = peer;
			s.sport = 5060;
			s.dst = pub;
			t = s;
			t.dport = PROXY_2;
			seg_case("peer to proxy", WAN_IN, &s, RF_R_TCP_STEERED, &t);
		}
}

/* A flow holds for the side that it was made for, and in its direction. */
static void test_led_by_nobody_else(void **state)
{
	struct seg s = from_phone(false, ACK);

	flow(RF_DEV_WAN, RF_TCP_IN, ep(IN4, PHONE), ep(PEER4, 5060), ep(PUB4, PROXY));
	flow(RF_DEV_INSIDE, RF_TCP_OUT, ep(IN4, PHONE), ep(PEER4, 5060), ep(PUB4, PROXY));
	seg_case("the other side's", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
	flow(RF_DEV_INSIDE, RF_TCP_IN, ep(IN4, PHONE + 1), ep(PEER4, 5060), ep(PUB4, PROXY));
	flow(RF_DEV_INSIDE, RF_TCP_IN, ep(IN4, PHONE), ep(PEER4, 5061), ep(PUB4, PROXY));
	seg_case("another port's", INSIDE_IN, &s, RF_R_NOT_OURS, NULL);
	s.src = PUB4;
	s.sport = PROXY;
	s.dst = IN4;
	s.dport = PHONE;
	/* the program for devices that also see media says nothing about what it leaves alone */
	flow(RF_DEV_INSIDE, RF_TCP_IN, ep(IN4, PHONE), ep(PUB4, PROXY), ep(PEER4, 5060));
	seg_case("the other direction's", INSIDE_OUT, &s, RF_R_NOT_OURS, NULL);
}

static void test_syn_is_asked_about(void **state)
{
	struct seg s = from_phone(false, SYN);

	flow(RF_DEV_INSIDE, RF_TCP_IN, ep(IN4, PHONE), ep(PEER4, 5060), ep(PUB4, PROXY));
	seg_case("also where a flow is known", INSIDE_IN, &s, RF_R_TCP_HELD, NULL);
}

/* What the controller has agreed to comes once more, and then goes the way of its flow. */
static void test_given_back(void **state)
{
	static uint8_t in[PKT_MAX], out[PKT_MAX];
	static struct result r;
	struct seg s = from_phone(false, SYN), t = s;
	__u32 mark = 77 ^ 1; /* RF_HAIRPIN_MARK() */
	int n = build(INSIDE_IN, &s, in), m;

	t.dst = PUB4;
	t.dport = PROXY;
	m = build(INSIDE_IN, &t, out);
	lab_control(now_ns(), 77);
	flow(RF_DEV_INSIDE, RF_TCP_IN, ep(IN4, PHONE), ep(PEER4, 5060), ep(PUB4, PROXY));
	assert_int_equal(lab_run_mark(INSIDE_IN, in, n, &r, &mark), 0);
	lab_expect_count("given back", RF_R_TCP_STEERED);
	lab_expect_bytes("given back", r.data, r.len, out, m);
	assert_int_equal(mark, 0);
}

static void test_away(void **state)
{
	struct seg s = from_phone(false, SYN), mid = from_phone(false, ACK), t = mid,
		   answer = from_peer(false, SYN | ACK);

	t.dst = PUB4;
	t.dport = PROXY;
	flow(RF_DEV_INSIDE, RF_TCP_IN, ep(IN4, PHONE), ep(PEER4, 5060), ep(PUB4, PROXY));
	flow(RF_DEV_WAN, RF_TCP_IN, ep(PEER4, 5060), ep(IN4, PHONE), ep(PUB4, PROXY_2));
	lab_control(1, 0);
	seg_case("refused", INSIDE_IN, &s, RF_R_CONTROLLER_AWAY, NULL);
	seg_case("what was there is led to whoever answers for it", INSIDE_IN, &mid,
		 RF_R_TCP_STEERED, &t);
	lab_settings(RF_POLICY_AWAY_PASS);
	seg_case("passes", INSIDE_IN, &s, RF_R_SIP_AWAY_PASSED, NULL);
	seg_case("and so does what follows", INSIDE_IN, &mid, RF_R_NOT_OURS, NULL);
	answer.sport = 5060;
	answer.dst = IN4;
	answer.dport = PHONE;
	seg_case("and what is answered", WAN_IN, &answer, RF_R_NOT_OURS, NULL);
}

/* Cut anywhere, nothing is read beyond and nothing is dropped: TCP is the stack's to judge. */
static void test_truncated(void **state)
{
	static uint8_t in[PKT_MAX];
	static struct result r;
	struct seg s;
	int v6, n, i;

	for (v6 = 0; v6 < 2; v6++) {
		s = from_phone(v6, SYN);
		n = build(INSIDE_IN, &s, in);
		for (i = 14 + (v6 ? 40 : 20); i < n; i++) {
			lab_run(INSIDE_IN, in, i, &r);
			lab_run(INSIDE_OUT, in, i, &r);
			assert_int_equal(r.code, TC_ACT_UNSPEC);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_held, setup),
		cmocka_unit_test_setup(test_not_held, setup),
		cmocka_unit_test_setup(test_by_source_port, setup),
		cmocka_unit_test_setup(test_led, setup),
		cmocka_unit_test_setup(test_led_by_nobody_else, setup),
		cmocka_unit_test_setup(test_syn_is_asked_about, setup),
		cmocka_unit_test_setup(test_given_back, setup),
		cmocka_unit_test_setup(test_away, setup),
		cmocka_unit_test_setup(test_truncated, setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
