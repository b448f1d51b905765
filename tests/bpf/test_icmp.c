// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP and ICMPv6 errors about a pinhole's media, translated both ways. The expected error is built
 * from the translated packet, so every checksum (outer, ICMP, quoted IP, quoted UDP) is
 * compared with a full computation.
 */
#include "bpf/lab.h"

/* A quoted packet in an error from .src to .dst. */
struct icmp {
	const char *src, *dst;
	int type, code, ttl;
	struct pkt quote;
	int quoted; /* bytes of the quoted UDP datagram; 0: all */
	const uint8_t *dmac;
};

static int icmp_build(const struct icmp *c, uint8_t *b)
{
	struct pkt outer = { .src = c->src, .dst = c->dst, .ttl = c->ttl, .dmac = c->dmac };
	uint8_t inner[2048];
	bool v6 = strchr(c->dst, ':');
	int l3 = v6 ? 40 : 20, n, quote_l3;
	uint8_t *l4 = b + 14 + l3;
	uint32_t sum = 0;

	outer.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	n = pkt_build(&c->quote, inner);
	quote_l3 = pkt_l3_len(&c->quote);
	n -= 14;
	if (c->quoted)
		n = quote_l3 + c->quoted;
	memset(l4, 0, 8);
	l4[0] = c->type;
	l4[1] = c->code;
	put16(l4 + 6, 1400); /* the MTU, where there is one */
	memcpy(l4 + 8, inner + 14, n);
	n += 8;
	if (v6)
		sum = pseudo_sum(c->src, c->dst, IPPROTO_ICMPV6, n);
	put16(l4 + 2, ~csum_add(sum, l4, n));
	pkt_l2(&outer, b);
	pkt_l3(&outer, b + 14, n);
	return 14 + l3 + n;
}

static void icmp_case(const char *name, enum hook h, const struct icmp *in, int reason,
		      const struct icmp *out)
{
	static struct result r;
	uint8_t a[4096], b[4096];
	int n = icmp_build(in, a), m = icmp_build(out ? out : in, b), want = lab_code(h, reason);

	lab_run(h, a, n, &r);
	if (r.code != want)
		fail_msg("%s: code %d, expected %d", name, r.code, want);
	lab_expect_count(name, reason);
	lab_expect_bytes(name, r.data, r.len, b, m);
}

/* From a router on the way about what our inside host sent (as the WAN saw it). */
static struct icmp from_wan(bool v6)
{
	return (struct icmp){
		.src = v6 ? "2001:db8:9::9" : "192.0.2.200",
		.dst = v6 ? PUB6 : PUB4,
		.type = v6 ? 2 : 3,
		.code = v6 ? 0 : 4,
		.quote = { .src = v6 ? PUB6 : PUB4,
			   .dst = v6 ? PEER6 : PEER4,
			   .sport = PUB_PORT,
			   .dport = PEER_PORT,
			   .df = true,
			   .len = 61 },
	};
}

/* From the inside host about what we delivered to it. */
static struct icmp from_inside(bool v6)
{
	return (struct icmp){
		.src = v6 ? IN6 : IN4,
		.dst = v6 ? PEER6 : PEER4,
		.type = v6 ? 1 : 3,
		.code = v6 ? 4 : 3,
		.dmac = lab_mac_l0,
		.quote = { .src = v6 ? PEER6 : PEER4,
			   .dst = v6 ? IN6 : IN4,
			   .sport = PEER_PORT,
			   .dport = IN_PORT,
			   .len = 60 },
	};
}

static struct icmp translated(const struct icmp *c, enum hook h)
{
	bool v6 = strchr(c->dst, ':');
	struct icmp t = *c;

	if (h == WAN_IN) {
		t.dst = v6 ? IN6 : IN4;
		t.quote.src = v6 ? IN6 : IN4;
		t.quote.sport = IN_PORT;
	} else {
		t.src = v6 ? PUB6 : PUB4;
		t.quote.dst = v6 ? PUB6 : PUB4;
		t.quote.dport = PUB_PORT;
	}
	t.ttl = (c->ttl ? c->ttl : 64) - 1;
	return t;
}

static void test_translated(void **state)
{
	static const uint8_t types4[] = { 3, 11, 12 }, types6[] = { 1, 2, 3, 4 };
	int v6, out, i;

	for (v6 = 0; v6 < 2; v6++)
		for (out = 0; out < 2; out++)
			for (i = 0; i < (v6 ? 4 : 3); i++) {
				enum hook h = out ? INSIDE_IN : WAN_IN;
				struct icmp c = out ? from_inside(v6) : from_wan(v6), t;

				c.type = v6 ? types6[i] : types4[i];
				lab_reset();
				t = translated(&c, h);
				icmp_case("whole quote", h, &c, RF_R_ICMP_RELATED, &t);
				c.quoted = 8; /* RFC 792 asks for no more */
				t = translated(&c, h);
				icmp_case("8 bytes", h, &c, RF_R_ICMP_RELATED, &t);
				c.quoted = 0;
				c.quote.csum = CSUM_ZERO;
				t = translated(&c, h);
				icmp_case("no UDP checksum", h, &c, RF_R_ICMP_RELATED, &t);
				if (!v6) {
					c.quote.opts = 8;
					t = translated(&c, h);
					icmp_case("quoted options", h, &c, RF_R_ICMP_RELATED, &t);
				}
			}
}

/* The error of a router between the inside host and us hides its own address, too. */
static void test_inside_router(void **state)
{
	struct icmp c = from_inside(false), t;

	c.src = "10.0.0.9";
	t = translated(&c, INSIDE_IN);
	icmp_case("router", INSIDE_IN, &c, RF_R_ICMP_RELATED, &t);
}

static void test_not_related(void **state)
{
	struct icmp c = from_wan(false);
	struct rf_pinhole ph;

	c.quote.sport = 20002;
	icmp_case("no pinhole", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(false);
	c.quote.dst = "203.0.113.99";
	icmp_case("another remote", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(false);
	c.type = 8;
	icmp_case("echo request", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(true);
	c.type = 135;
	icmp_case("neighbour solicitation", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(false);
	c.quoted = 7;
	icmp_case("quote too short", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(false);
	c.quote.frag = 8;
	icmp_case("about a later fragment", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(false);
	c.quote.proto = IPPROTO_TCP;
	icmp_case("about TCP", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_inside(false);
	c.quote.src = "203.0.113.99";
	c.dst = "203.0.113.99";
	icmp_case("inside, another remote", INSIDE_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_inside(false);
	c.quote.dport = 4001;
	icmp_case("inside, no pinhole", INSIDE_IN, &c, RF_R_NOT_OURS, NULL);
	c = from_wan(false);
	c.ttl = 1;
	icmp_case("TTL", WAN_IN, &c, RF_R_TTL_EXPIRED, NULL);
	ph = ph_new(false, RF_DIR_IN);
	ph.flags = RF_PH_LOCAL;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	c = from_wan(false);
	icmp_case("for this host", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	ph.flags = 0;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	icmp_case("routed", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	ph = ph_new(false, RF_DIR_IN);
	ph.xlate = ep("10.9.2.1", 1);
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	icmp_case("no route", WAN_IN, &c, RF_R_NO_ROUTE, NULL);
	ph = ph_new(false, RF_DIR_OUT);
	ph.wan_ifindex = 0x7ffffff0;
	ph_set(IN4, IN_PORT, RF_DIR_OUT, &ph);
	c = from_inside(false);
	icmp_case("no WAN device", INSIDE_IN, &c, RF_R_NO_ROUTE, NULL);
}

static void test_learnt(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct icmp c = from_wan(false), t;

	ph.flags |= RF_PH_LEARN;
	ph.remote.addr = addr("192.168.1.1");
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	icmp_case("nothing learnt", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	lab.learnt.state = RF_LEARN_LOCKED;
	lab.learnt.ep = ep(PEER4, PEER_PORT);
	st_set(NULL);
	t = translated(&c, WAN_IN);
	icmp_case("learnt", WAN_IN, &c, RF_R_ICMP_RELATED, &t);
}

/* What an inside host has not sent nobody has an error about. */
static void test_not_sent_yet(void **state)
{
	struct rf_pinhole ph = ph_new(false, RF_DIR_IN);
	struct rf_pinhole out = ph_new(false, RF_DIR_OUT);
	struct icmp c = from_wan(false), t;

	ph.flags |= RF_PH_OUT_FIRST;
	out.flags |= RF_PH_OUT_FIRST;
	ph_set(PUB4, PUB_PORT, RF_DIR_IN, &ph);
	ph_set(IN4, IN_PORT, RF_DIR_OUT, &out);
	icmp_case("nothing sent", WAN_IN, &c, RF_R_NOT_OURS, NULL);
	lab.cold.sent_to = 1;
	map_set(lab.skel->maps.pinhole_cold, &ph.slot, &lab.cold);
	t = translated(&c, WAN_IN);
	icmp_case("sent", WAN_IN, &c, RF_R_ICMP_RELATED, &t);
}

/* A quoted UDP checksum that comes out as 0 is written as 0xffff, as its sender would have. */
static void test_quoted_checksum_edge(void **state)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		uint8_t pay[14] = { 0x80 }, b[256];
		struct icmp c = from_wan(v6), t;
		uint32_t i;

		c.quote.pay = PAY_BYTES;
		c.quote.bytes = pay;
		c.quote.len = sizeof(pay);
		t = translated(&c, WAN_IN);
		for (i = 0; i < 0x10000; i++) {
			put16(pay + 12, i);
			pkt_build(&t.quote, b);
			if (get16(b + 14 + pkt_l3_len(&t.quote) + 6) == 0xffff)
				break;
		}
		assert_true(i < 0x10000);
		icmp_case("edge", WAN_IN, &c, RF_R_ICMP_RELATED, &t);
	}
}

/* Every truncation on the wire. */
static void test_truncated(void **state)
{
	static struct result r;
	uint8_t a[4096];
	int v6, len, n;

	for (v6 = 0; v6 < 2; v6++) {
		struct icmp c = from_wan(v6);

		len = icmp_build(&c, a);
		for (n = 14; n < len; n++) {
			if (lab_run_mark(WAN_IN, a, n, &r, NULL))
				continue;
			assert_int_not_equal(r.code, TC_ACT_REDIRECT);
			lab_expect_bytes("truncated", r.data, r.len, a, n);
		}
	}
}

/* XDP knows nothing of ICMP: TC does it. */
static void test_xdp(void **state)
{
	struct icmp c = from_wan(false);

	icmp_case("XDP", XDP, &c, RF_R_TO_TC, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_translated, lab_setup),
		cmocka_unit_test_setup(test_inside_router, lab_setup),
		cmocka_unit_test_setup(test_not_related, lab_setup),
		cmocka_unit_test_setup(test_learnt, lab_setup),
		cmocka_unit_test_setup(test_not_sent_yet, lab_setup),
		cmocka_unit_test_setup(test_quoted_checksum_edge, lab_setup),
		cmocka_unit_test_setup(test_truncated, lab_setup),
		cmocka_unit_test_setup(test_xdp, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
