// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each way to translate and deliver: whole output packets are compared with ones whose checksums
 * were computed in full.
 */
#include "bpf/lab.h"

/* Media from the peer to the public endpoint, and what the inside host gets. */
static const struct pkt in4 = { .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT };
static const struct pkt in6 = { .src = PEER6, .dst = PUB6, .sport = PEER_PORT, .dport = PUB_PORT };
/* And the other way. */
static const struct pkt out4 = {
	.src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0
};
static const struct pkt out6 = {
	.src = IN6, .dst = PEER6, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0
};

static struct pkt translated(const struct pkt *p, enum hook h)
{
	struct pkt t = *p;
	bool v6 = pkt_v6(p);

	if (h == INSIDE_IN) {
		t.src = v6 ? PUB6 : PUB4;
		t.sport = PUB_PORT;
	} else {
		t.dst = v6 ? IN6 : IN4;
		t.dport = IN_PORT;
	}
	t.ttl = (p->ttl ? p->ttl : 64) - 1;
	if (h == XDP || (h == WAN_IN && lab_plain_eth(p))) {
		t.dmac = lab_mac_in;
		t.smac = lab_mac_l0;
	}
	if (h == INSIDE_IN && lab_plain_eth(p)) {
		t.dmac = pkt_mac_peer;
		t.smac = lab_mac_w0;
	}
	t.tags = 0; /* popped before the neighbour code gets it */
	return t;
}

struct shape {
	const char *name;
	int xdp_reason; /* what XDP does with it; TC always delivers */
	struct pkt mod; /* members that are set go into the packet */
};

static const struct shape shapes[] = {
	{ "plain", RF_R_MEDIA_XDP, {} },
	{ "ttl 2", RF_R_MEDIA_XDP, { .ttl = 2 } },
	{ "ttl 255", RF_R_MEDIA_XDP, { .ttl = 255 } },
	{ "odd length", RF_R_MEDIA_XDP, { .len = 173 } },
	{ "shortest RTP", RF_R_MEDIA_XDP, { .len = 12 } },
	{ "RTP of 13 bytes", RF_R_MEDIA_XDP, { .len = 13 } },
	{ "largest for the MTU", RF_R_MEDIA_XDP, { .len = 1400 } },
	{ "RTCP", RF_R_MEDIA_XDP, { .pay = PAY_RTCP } },
	{ "STUN", RF_R_MEDIA_XDP, { .pay = PAY_STUN } },
	{ "one VLAN tag", RF_R_TO_TC, { .tags = 1 } },
	{ "two VLAN tags", RF_R_TO_TC, { .tags = 2 } },
	{ "no checksum", RF_R_MEDIA_XDP, { .csum = CSUM_ZERO } },
	{ "wrong checksum stays wrong", RF_R_MEDIA_XDP, { .csum = CSUM_WRONG } },
	{ "DF", RF_R_MEDIA_XDP, { .df = true } },
};

static const struct shape shapes4[] = {
	{ "options 4", RF_R_MEDIA_XDP, { .opts = 4 } },
	{ "options 40", RF_R_MEDIA_XDP, { .opts = 40 } },
	{ "options, tag", RF_R_TO_TC, { .opts = 12, .tags = 1 } },
};

static const struct shape shapes6[] = {
	{ "hop-by-hop", RF_R_MEDIA_XDP, { .ext = { 255 } } },
	{ "destination options", RF_R_MEDIA_XDP, { .ext = { 60 } } },
	{ "routing, none left", RF_R_MEDIA_XDP, { .ext = { 43 } } },
	{ "atomic fragment", RF_R_MEDIA_XDP, { .ext = { 44 } } },
	{ "all of them", RF_R_MEDIA_XDP, { .ext = { 255, 60, 43, 44, 60 } } },
	{ "eight headers", RF_R_MEDIA_XDP, { .ext = { 255, 60, 60, 60, 60, 60, 60, 60 } } },
	{ "headers, two tags", RF_R_TO_TC, { .ext = { 255, 60 }, .tags = 2 } },
};

static struct pkt with(const struct pkt *base, const struct pkt *mod)
{
	struct pkt p = *mod;

	p.src = base->src;
	p.dst = base->dst;
	p.sport = base->sport;
	p.dport = base->dport;
	p.dmac = base->dmac;
	return p;
}

static void run_shapes(const struct pkt *base, enum hook h, const struct shape *s, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		struct pkt in = with(base, &s[i].mod), out = translated(&in, h);
		int reason = h == XDP ? s[i].xdp_reason : RF_R_MEDIA_TC;

		lab_reset();
		lab_case(s[i].name, h, &in, reason, reason == RF_R_TO_TC ? NULL : &out);
	}
}

static void test_shapes(void **state)
{
	static const enum hook hooks[] = { XDP, WAN_IN, INSIDE_IN };
	int i;

	for (i = 0; i < 3; i++) {
		const struct pkt *b4 = hooks[i] == INSIDE_IN ? &out4 : &in4;
		const struct pkt *b6 = hooks[i] == INSIDE_IN ? &out6 : &in6;

		run_shapes(b4, hooks[i], shapes, ARRAY_SIZE(shapes));
		run_shapes(b6, hooks[i], shapes, ARRAY_SIZE(shapes));
		run_shapes(b4, hooks[i], shapes4, ARRAY_SIZE(shapes4));
		run_shapes(b6, hooks[i], shapes6, ARRAY_SIZE(shapes6));
	}
}

/* Searches payloads so that the checksum comes out as each edge, before and after translation. */
static void edge(enum hook h, const struct pkt *base, bool after, uint16_t wanted)
{
	uint8_t pay[14] = { 0x80, 0, 0, 1 }, frame[256];
	struct pkt in = *base, out, *target;
	uint32_t i;

	in.pay = PAY_BYTES;
	in.bytes = pay;
	in.len = sizeof(pay);
	out = translated(&in, h);
	target = after ? &out : &in;
	for (i = 0; i < 0x10000; i++) {
		put16(pay + 12, i);
		pkt_build(target, frame);
		if (get16(frame + 14 + pkt_l3_len(target) + 6) == wanted)
			break;
	}
	assert_true(i < 0x10000);
	lab_reset();
	lab_case("checksum edge", h, &in, h == XDP ? RF_R_MEDIA_XDP : RF_R_MEDIA_TC, &out);
}

static void test_checksum_edges(void **state)
{
	static const uint16_t values[] = { 0xffff, 0x0001, 0xfffe, 0x8000, 0x00ff, 0xff00 };
	static const enum hook hooks[] = { XDP, WAN_IN, INSIDE_IN };
	int i, v, after;

	for (i = 0; i < 3; i++)
		for (v = 0; v < 6; v++)
			for (after = 0; after < 2; after++) {
				edge(hooks[i], hooks[i] == INSIDE_IN ? &out4 : &in4, after,
				     values[v]);
				edge(hooks[i], hooks[i] == INSIDE_IN ? &out6 : &in6, after,
				     values[v]);
			}
}

/* A local sender with checksum offload: XDP must not pass on the bare pseudo header sum. */
static void test_partial_xdp(void **state)
{
	struct pkt in = in4, out;

	in.csum = CSUM_PARTIAL;
	out = translated(&in, XDP);
	out.csum = CSUM_ZERO;
	lab_case("IPv4", XDP, &in, RF_R_MEDIA_XDP, &out);
	in = in6;
	in.csum = CSUM_PARTIAL;
	lab_case("IPv6", XDP, &in, RF_R_TO_TC, NULL);
}

/* Routed: addresses stay, TTL and MACs do not. */
static void test_routed(void **state)
{
	static const enum hook hooks[] = { XDP, WAN_IN, INSIDE_IN };
	int i, v6;

	for (i = 0; i < 6; i++) {
		enum hook h = hooks[i % 3];
		const char *in = i / 3 ? ROUTED6 : ROUTED4, *peer = i / 3 ? PEER6 : PEER4;
		struct pkt p = { .src = peer, .dst = in, .sport = PEER_PORT, .dport = PUB_PORT }, o;
		struct rf_pinhole ph;

		v6 = i / 3;
		lab_reset();
		ph = ph_new(v6, RF_DIR_IN);
		ph.flags = 0;
		ph_set(in, PUB_PORT, RF_DIR_IN, &ph);
		ph_set(in, PUB_PORT, RF_DIR_OUT, &ph);
		if (h == INSIDE_IN) {
			p.src = in;
			p.dst = peer;
			p.sport = PUB_PORT;
			p.dport = PEER_PORT;
			p.dmac = lab_mac_l0;
		}
		o = p;
		o.ttl = 63;
		if (h == XDP) {
			o.dmac = lab_mac_in;
			o.smac = lab_mac_l0;
		}
		lab_case("routed", h, &p, h == XDP ? RF_R_MEDIA_XDP : RF_R_MEDIA_TC, &o);
	}
}

/* This host itself: nothing is changed, unless the pinhole says so; XDP leaves it to TC. */
static void test_local(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct pkt in = in4, out, o;

	ph.flags = RF_PH_LOCAL;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("in, XDP", XDP, &in, RF_R_TO_TC, NULL);
	lab_case("in", WAN_IN, &in, RF_R_MEDIA_LOCAL, NULL);
	in.ttl = 1;
	lab_case("in, ttl 1", WAN_IN, &in, RF_R_MEDIA_LOCAL, NULL);
	ph.flags = RF_PH_LOCAL | RF_PH_XLATE;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	o = in;
	o.dst = IN4;
	o.dport = IN_PORT;
	lab_case("in, translated", WAN_IN, &in, RF_R_MEDIA_LOCAL, &o);

	ph = ph_new(false, RF_DIR_OUT);
	ph.flags = RF_PH_LOCAL;
	ph_set(PUB4, PUB_PORT, RF_DIR_OUT, &ph);
	out = in4;
	out.src = PUB4;
	out.sport = PUB_PORT;
	out.dst = PEER4;
	out.dport = PEER_PORT;
	lab_case("out", WAN_OUT, &out, RF_R_MEDIA_LOCAL, NULL);
	ph.flags = RF_PH_LOCAL | RF_PH_XLATE;
	ph.xlate = ep("198.51.100.77", 21000);
	ph_set(PUB4, PUB_PORT, RF_DIR_OUT, &ph);
	o = out;
	o.src = "198.51.100.77";
	o.sport = 21000;
	lab_case("out, translated", WAN_OUT, &out, RF_R_MEDIA_LOCAL, &o);
}

/* Where XDP cannot deliver it must leave the packet alone, books included. */
static void test_xdp_leaves(void **state)
{
	struct pkt out = translated(&in4, WAN_IN), big = in4;
	struct rf_pinhole_state st;
	struct rf_pinhole ph;

	lab_device(lab.l0, RF_DEV_INSIDE, 0);
	lab_case("device takes no XDP", XDP, &in4, RF_R_TO_TC, NULL);
	st = st_get();
	assert_int_equal(st.dir[RF_DIR_IN].packets, 0);
	assert_int_equal(st.dir[RF_DIR_IN].last_ns, 0);
	assert_int_equal(st.dir[RF_DIR_IN].rtp_packets, 0);
	lab_case("TC then", WAN_IN, &in4, RF_R_MEDIA_TC, &out);
	st = st_get();
	assert_int_equal(st.dir[RF_DIR_IN].packets, 1);
	assert_int_equal(st.dir[RF_DIR_IN].bytes, 200);
	assert_int_equal(st.dir[RF_DIR_IN].rtp_packets, 1);

	lab_reset();
	big.len = 1500;
	lab_case("over the MTU", XDP, &big, RF_R_TO_TC, NULL);
	ph = ph_new(false, RF_DIR_IN);
	ph.xlate = ep("10.0.0.99", IN_PORT);
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	lab_case("no neighbour yet", XDP, &in4, RF_R_TO_TC, NULL);
	out.dst = "10.0.0.99";
	lab_case("no neighbour yet, TC", WAN_IN, &in4, RF_R_MEDIA_TC, &out);
	map_clear(lab.skel->maps.devices);
	lab_case("unknown device", XDP, &in4, RF_R_TO_TC, NULL);
	lab_case("unknown device, TC", WAN_IN, &in4, RF_R_MEDIA_TC, &out);
}

/* The stack forwards by itself: it decrements the TTL. */
static void test_stack(void **state)
{
	struct pkt in = in4, o = translated(&in4, WAN_IN), big;
	struct rf_pinhole ph;

	o.ttl = 64;
	lab_device(lab.l0, RF_DEV_INSIDE, RF_DEV_STACK);
	lab_case("XDP", XDP, &in, RF_R_TO_TC, NULL);
	lab_case("TC", WAN_IN, &in, RF_R_MEDIA_STACK, &o);
	lab_reset();
	big = in4;
	big.len = 1500;
	o = translated(&big, WAN_IN);
	o.ttl = 64;
	lab_case("may be fragmented", WAN_IN, &big, RF_R_MEDIA_STACK, &o);
	big.df = true;
	lab_case("may not", WAN_IN, &big, RF_R_TOO_BIG, NULL);
	ph = ph_new(false, RF_DIR_IN);
	ph.flags = 0;
	ph_set(ROUTED4, PUB_PORT, RF_DIR_IN, &ph);
	big.dst = ROUTED4;
	lab_case("may not, routed", WAN_IN, &big, RF_R_TOO_BIG_TO_STACK, NULL);
	big = out4;
	big.len = 1500;
	lab_case("out, may be", INSIDE_IN, &big, RF_R_TOO_BIG, NULL);
	big.df = true;
	lab_case("out, may not", INSIDE_IN, &big, RF_R_TOO_BIG_TO_STACK, NULL);
	big = out6;
	big.len = 1500;
	lab_case("out, IPv6", INSIDE_IN, &big, RF_R_TOO_BIG_TO_STACK, NULL);
	sysctl_set("ipv4/conf/w0/forwarding", "0");
	o = translated(&in, WAN_IN);
	o.ttl = 64;
	lab_case("forwarding is off", WAN_IN, &in, RF_R_MEDIA_STACK, &o);
	sysctl_set("ipv4/conf/w0/forwarding", "1");
}

/* Bytes behind the IP packet (Ethernet's minimum size) are no part of it. */
static void test_trailer(void **state)
{
	static struct result r;
	uint8_t a[256], b[256];
	struct pkt p = in4, o;
	int n, m;

	p.len = 12;
	o = translated(&p, XDP);
	memset(a, 0, sizeof(a));
	memset(b, 0, sizeof(b));
	n = pkt_build(&p, a);
	m = pkt_build(&o, b);
	lab_run(XDP, a, n + 6, &r);
	assert_int_equal(r.code, XDP_REDIRECT);
	lab_expect_bytes("trailer", r.data, r.len, b, m + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_shapes, lab_setup),
		cmocka_unit_test_setup(test_checksum_edges, lab_setup),
		cmocka_unit_test_setup(test_partial_xdp, lab_setup),
		cmocka_unit_test_setup(test_routed, lab_setup),
		cmocka_unit_test_setup(test_local, lab_setup),
		cmocka_unit_test_setup(test_xdp_leaves, lab_setup),
		cmocka_unit_test_setup(test_stack, lab_setup),
		cmocka_unit_test_setup(test_trailer, lab_setup),
	};

	const struct CMUnitTest warm[] = {
		cmocka_unit_test_setup(test_shapes, lab_setup),
		cmocka_unit_test_setup(test_checksum_edges, lab_setup),
		cmocka_unit_test_setup(test_partial_xdp, lab_setup),
		cmocka_unit_test_setup(test_routed, lab_setup),
		cmocka_unit_test_setup(test_local, lab_setup),
		cmocka_unit_test_setup(test_trailer, lab_setup),
	};
	int failed = cmocka_run_group_tests(tests, lab_up, NULL);

	lab.warm = true;
	failed += cmocka_run_group_tests_name("next hops known", warm, NULL, NULL);
	lab.lines = true;
	return failed + cmocka_run_group_tests_name("inbound lines", warm, NULL, lab_down);
}
