// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every truncation of valid packets, cut on the wire and cut by the headers' own lengths: nothing
 * shorter than the whole may be delivered, held or change. (A test run takes no frame below 14
 * bytes, nor do devices.)
 */
#include "bpf/lab.h"

static const struct pkt whole[] = {
	{ .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT },
	{ .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT, .opts = 40 },
	{ .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = PUB_PORT, .tags = 2 },
	{ .src = PEER6, .dst = PUB6, .sport = PEER_PORT, .dport = PUB_PORT },
	{ .src = PEER6,
	  .dst = PUB6,
	  .sport = PEER_PORT,
	  .dport = PUB_PORT,
	  .tags = 1,
	  .ext = { 255, 60, 43, 44, 60 } },
	{ .src = PEER4, .dst = PUB4, .sport = PEER_PORT, .dport = 5060, .pay = PAY_SIP },
	{ .src = PEER6, .dst = PUB6, .sport = PEER_PORT, .dport = 5060, .pay = PAY_SIP },
	{ .src = IN4, .dst = PEER4, .sport = IN_PORT, .dport = PEER_PORT, .dmac = lab_mac_l0 },
	{ .src = IN6,
	  .dst = PEER6,
	  .sport = IN_PORT,
	  .dport = PEER_PORT,
	  .dmac = lab_mac_l0,
	  .ext = { 60, 60 } },
	{ .src = PUB4, .dst = PEER4, .sport = 5060, .dport = 5060, .pay = PAY_SIP },
};

static bool for_hook(const struct pkt *p, enum hook h)
{
	if (p->dmac)
		return h == INSIDE_IN;
	if (!strcmp(p->src, PUB4))
		return h == WAN_OUT;
	return h == XDP || h == WAN_IN;
}

static void must_not_pass(const char *how, unsigned int i, enum hook h, const uint8_t *a, int n)
{
	static struct result r;
	int err = lab_run_mark(h, a, n, &r, NULL);

	if (err) { /* the kernel itself refuses headers that it cannot set up */
		assert_true(h != XDP && n < 14 + 40);
		return;
	}
	if (r.code == TC_ACT_REDIRECT || (h == XDP ? r.code == XDP_REDIRECT : lab.n_punts))
		fail_msg("packet %u at %s, %s %d: code %d, punts %d", i, hook_names[h], how, n,
			 r.code, lab.n_punts);
	lab_expect_bytes(how, r.data, r.len, a, n);
}

static void test_cut_on_the_wire(void **state)
{
	static uint8_t a[2048];
	unsigned int i;
	int h, n, len;

	for (i = 0; i < ARRAY_SIZE(whole); i++)
		for (h = XDP; h <= INSIDE_IN; h++) {
			if (!for_hook(&whole[i], h))
				continue;
			len = pkt_build(&whole[i], a);
			for (n = 14; n < len; n += lab_sample())
				must_not_pass("cut to", i, h, a, n);
		}
}

/* The IP header says so, while the frame is whole (padding, or somebody who tries it on). */
static void test_cut_by_the_header(void **state)
{
	static uint8_t a[2048], b[2048];
	unsigned int i;
	int h, n, l2, len, full;

	for (i = 0; i < ARRAY_SIZE(whole); i++)
		for (h = XDP; h <= INSIDE_IN; h++) {
			bool v6 = pkt_v6(&whole[i]);

			if (!for_hook(&whole[i], h))
				continue;
			len = pkt_build(&whole[i], a);
			l2 = 14 + 4 * whole[i].tags;
			full = len - l2 - (v6 ? 40 : 0);
			for (n = 0; n < full; n += lab_sample()) {
				memcpy(b, a, len);
				put16(b + l2 + (v6 ? 4 : 2), n);
				must_not_pass("header says", i, h, b, len);
			}
		}
}

/* One byte of the headers at a time takes every value: no crash, no verifier surprise, and what is
 * delivered has its addresses and ports. */
static void test_any_header_byte(void **state)
{
	static uint8_t a[2048];
	static struct result r;
	unsigned int i;
	int h, at, v, len, end;

	for (i = 0; i < ARRAY_SIZE(whole); i++)
		for (h = XDP; h <= INSIDE_IN; h++) {
			if (!for_hook(&whole[i], h))
				continue;
			len = pkt_build(&whole[i], a);
			end = 14 + 4 * whole[i].tags + pkt_l3_len(&whole[i]) + 8 + 12;
			for (at = 12; at < end; at++) {
				uint8_t was = a[at];

				for (v = 0; v < 256; v += 5 * lab_sample()) {
					a[at] = v;
					if (lab_run_mark(h, a, len, &r, NULL))
						continue;
					if (r.code != TC_ACT_REDIRECT && r.code != XDP_REDIRECT)
						lab_expect_bytes("changed", r.data, r.len, a, len);
				}
				a[at] = was;
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_cut_on_the_wire, lab_setup),
		cmocka_unit_test_setup(test_cut_by_the_header, lab_setup),
		cmocka_unit_test_setup(test_any_header_byte, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
