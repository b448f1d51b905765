// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold: what the controller gets is the packet from its L3 header on, byte for byte, whatever its
 * length; a full ring is counted; fragments in any order.
 */
#include "bpf/lab.h"

static struct pkt sip_in(bool v6, int len)
{
	return (struct pkt){ .src = v6 ? PEER6 : PEER4,
			     .dst = v6 ? PUB6 : PUB4,
			     .sport = 5060,
			     .dport = 5060,
			     .pay = PAY_SIP,
			     .len = len };
}

static void expect_punt(enum hook h, int kind, const uint8_t *l3, int len)
{
	assert_int_equal(lab.n_punts, 1);
	assert_int_equal(lab.punt.kind, kind);
	assert_int_equal(lab.punt.hook, h + 1);
	assert_int_equal(lab.punt.len, len);
	assert_int_equal(lab.punt.ifindex, h == INSIDE_IN ? lab.l0 : lab.w0);
	assert_int_equal(lab.punt.call_id, 0);
	assert_true(lab.punt.time_ns <= now_ns() && lab.punt.time_ns + 10 * SEC > now_ns());
	assert_memory_equal(lab.punt_data, l3, len);
	assert_int_equal(lab.punt_data[len], 0xa5);
}

static void hold(const struct pkt *p, enum hook h, int trailer)
{
	static uint8_t a[PKT_MAX];
	static struct result r;
	int l2 = 14 + 4 * p->tags, n;

	memset(a, 0xee, sizeof(a));
	n = pkt_build(p, a);
	lab_run(h, a, n + trailer, &r);
	assert_int_equal(r.code, lab_taken(h));
	expect_punt(h, RF_PUNT_SIP, a + l2, n - l2);
	assert_int_equal(lab.punt.vlan, 0);
	lab_expect_bytes("held", r.data, r.len, a, n + trailer);
}

/* A test run takes no skb larger than a page less headers; beyond, test_live.c sends real ones. */
static void test_lengths(void **state)
{
	int v6, n;

	for (v6 = 0; v6 < 2; v6++)
		for (n = 1; n <= 3400; n += n < 600 || n > 3300 ? 1 : 13) {
			struct pkt p = sip_in(v6, n);

			hold(&p, WAN_IN, 0);
		}
}

static void test_shapes(void **state)
{
	struct pkt p = sip_in(false, 500);

	p.tags = 1;
	hold(&p, WAN_IN, 0);
	p.tags = 2;
	hold(&p, WAN_IN, 0);
	p.tags = 0;
	p.opts = 40;
	hold(&p, WAN_IN, 0);
	p.opts = 0;
	hold(&p, WAN_IN, 6); /* Ethernet's padding is left out */
	p = sip_in(true, 500);
	p.ext[0] = 255;
	p.ext[1] = 60;
	hold(&p, WAN_IN, 0);
	p = sip_in(false, 500);
	p.src = IN4;
	p.dst = PEER4;
	p.dmac = lab_mac_l0;
	hold(&p, INSIDE_IN, 0);
	p.csum = CSUM_PARTIAL; /* comes as it is: the controller knows this state */
	hold(&p, INSIDE_IN, 0);
	p = sip_in(true, 500);
	p.src = PUB6;
	p.dst = PEER6;
	hold(&p, WAN_OUT, 0);
	p = sip_in(false, -1); /* keep-alive without any payload */
	hold(&p, WAN_IN, 0);
}

static void test_full(void **state)
{
	static uint8_t a[PKT_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, o);
	struct __sk_buff skb = { .ifindex = lab.w0 };
	struct pkt p = sip_in(false, 3000);
	__u64 held, full, now[RF_R_MAX];
	int i;

	o.data_in = a;
	o.data_size_in = pkt_build(&p, a);
	o.ctx_in = &skb;
	o.ctx_size_in = sizeof(skb);
	o.repeat = 1;
	for (i = 0; i < 3000; i++)
		assert_int_equal(
			bpf_prog_test_run_opts(bpf_program__fd(lab.skel->progs.rf_wan_in), &o), 0);
	lab_read_counts(now);
	held = now[RF_R_SIP_HELD] - lab.counts[RF_R_SIP_HELD];
	full = now[RF_R_PUNT_FULL] - lab.counts[RF_R_PUNT_FULL];
	assert_int_equal(held + full, 3000);
	assert_in_range(held, RF_PUNT_BYTES / 3064 - 10, RF_PUNT_BYTES / 3028);
	assert_int_equal(o.retval, TC_ACT_SHOT);
	lab_drain();
	assert_int_equal(lab.n_punts, held); /* not one of them was lost silently */
}

/* ---- fragments ---- */

struct frags {
	uint8_t data[3][2048];
	int len[3];
};

/* Three fragments of one UDP datagram of 1208 bytes behind the UDP header. */
static void frags_build(struct frags *f, bool v6, uint16_t sport, uint16_t dport, uint32_t id)
{
	const char *src = v6 ? PEER6 : PEER4, *dst = v6 ? PUB6 : PUB4;
	struct pkt whole = {
		.src = src, .dst = dst, .sport = sport, .dport = dport, .len = 1208, .pay = PAY_SIP
	};
	static uint8_t a[4096];
	int i, l3 = v6 ? 40 : 20;

	pkt_build(&whole, a);
	for (i = 0; i < 3; i++) {
		struct pkt p = { .src = src,
				 .dst = dst,
				 .pay = PAY_BYTES,
				 .bytes = a + 14 + l3 + 480 * i,
				 .len = i < 2 ? 480 : 1216 - 960,
				 .frag = 480 * i,
				 .mf = i < 2,
				 .id = id,
				 .ext = { v6 ? 44 : 0 } };
		int hl = pkt_l2(&p, f->data[i]) + pkt_l3_len(&p);

		memcpy(f->data[i] + hl, p.bytes, p.len);
		pkt_l3(&p, f->data[i] + 14, p.len);
		f->len[i] = hl + p.len;
	}
}

static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
				  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

static void frag_send(const struct frags *f, int i, int code, int kind)
{
	static struct result r;

	lab_run(WAN_IN, f->data[i], f->len[i], &r);
	assert_int_equal(r.code, code);
	if (kind)
		expect_punt(WAN_IN, kind, f->data[i] + 14, f->len[i] - 14);
	else
		assert_int_equal(lab.n_punts, 0);
	lab_expect_bytes("fragment", r.data, r.len, f->data[i], f->len[i]);
}

static void test_sip_fragments(void **state)
{
	struct frags f;
	int v6, o, i, first;

	for (v6 = 0; v6 < 2; v6++)
		for (o = 0; o < 6; o++) {
			frags_build(&f, v6, 40000, 5060, 100 + o);
			for (i = first = 0; i < 3; i++) {
				first |= orders[o][i] == 0;
				frag_send(&f, orders[o][i], TC_ACT_SHOT,
					  first ? RF_PUNT_FRAGMENT : RF_PUNT_DEFERRED);
			}
		}
}

static void test_other_fragments(void **state)
{
	struct frags f;
	int v6, o, i, first, kind;

	for (v6 = 0; v6 < 2; v6++)
		for (o = 0; o < 6; o++) {
			frags_build(&f, v6, 40000, 53, 200 + o);
			for (i = first = 0; i < 3; i++) {
				if (orders[o][i])
					kind = first ? 0 : RF_PUNT_DEFERRED;
				else
					kind = i ? RF_PUNT_DEFERRED_END : 0;
				first |= orders[o][i] == 0;
				frag_send(&f, orders[o][i], kind ? TC_ACT_SHOT : TC_ACT_UNSPEC,
					  kind);
			}
		}
}

static void test_media_fragments(void **state)
{
	struct frags f;
	int v6, o, i, first;

	for (v6 = 0; v6 < 2; v6++)
		for (o = 0; o < 6; o++) {
			frags_build(&f, v6, PEER_PORT, PUB_PORT, 300 + o);
			for (i = first = 0; i < 3; i++) {
				first |= orders[o][i] == 0;
				frag_send(&f, orders[o][i], TC_ACT_SHOT,
					  first ? 0 : RF_PUNT_DEFERRED);
			}
		}
}

/* Another id, another datagram; and what is too old says nothing about a new one. */
static void test_fragment_identity(void **state)
{
	struct frags a, b;
	uint8_t key[sizeof(struct rf_frag_key)];
	struct rf_frag v;
	int fd = bpf_map__fd(lab.skel->maps.frags);

	frags_build(&a, false, 40000, 5060, 1);
	frags_build(&b, false, 40000, 53, 2);
	frag_send(&a, 0, TC_ACT_SHOT, RF_PUNT_FRAGMENT);
	frag_send(&b, 0, TC_ACT_UNSPEC, 0);
	frag_send(&a, 1, TC_ACT_SHOT, RF_PUNT_FRAGMENT);
	frag_send(&b, 1, TC_ACT_UNSPEC, 0);
	map_clear(lab.skel->maps.frags);
	frag_send(&b, 0, TC_ACT_UNSPEC, 0);
	assert_int_equal(bpf_map_get_next_key(fd, NULL, key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, key, &v), 0);
	assert_int_equal(v.verdict, RF_FRAG_PASS);
	v.time_ns -= 31 * SEC;
	assert_int_equal(bpf_map_update_elem(fd, key, &v, BPF_ANY), 0);
	frag_send(&b, 1, TC_ACT_SHOT, RF_PUNT_DEFERRED);
}

static void test_fragment_oddities(void **state)
{
	struct frags f;
	static struct result r;
	int n;

	/* a later fragment to somebody else, and one of another protocol */
	frags_build(&f, false, 40000, 5060, 1);
	f.data[1][14 + 19] = 99;
	lab_run(WAN_IN, f.data[1], f.len[1], &r);
	assert_int_equal(r.code, TC_ACT_UNSPEC);
	frags_build(&f, false, 40000, 5060, 1);
	f.data[1][14 + 9] = IPPROTO_TCP;
	lab_run(WAN_IN, f.data[1], f.len[1], &r);
	assert_int_equal(r.code, TC_ACT_UNSPEC);
	/* IPv6, a later fragment that hides UDP behind destination options */
	frags_build(&f, true, 40000, 5060, 1);
	f.data[1][14 + 40] = 60;
	lab_run(WAN_IN, f.data[1], f.len[1], &r);
	assert_int_equal(r.code, TC_ACT_SHOT);
	/* a first fragment that is too short for its ports */
	frags_build(&f, false, 40000, 5060, 1);
	put16(f.data[0] + 14 + 2, 20 + 7);
	lab_read_counts(lab.counts);
	lab_run(WAN_IN, f.data[0], f.len[0], &r);
	assert_int_equal(r.code, TC_ACT_SHOT);
	lab_expect_count("tiny", RF_R_TRUNCATED);
	/* every truncation of a fragment: never held half */
	frags_build(&f, false, 40000, 5060, 1);
	for (n = 14; n < f.len[0]; n++) {
		if (lab_run_mark(WAN_IN, f.data[0], n, &r, NULL))
			continue;
		assert_int_equal(lab.n_punts, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lengths, lab_setup),
		cmocka_unit_test_setup(test_shapes, lab_setup),
		cmocka_unit_test_setup(test_full, lab_setup),
		cmocka_unit_test_setup(test_sip_fragments, lab_setup),
		cmocka_unit_test_setup(test_other_fragments, lab_setup),
		cmocka_unit_test_setup(test_media_fragments, lab_setup),
		cmocka_unit_test_setup(test_fragment_identity, lab_setup),
		cmocka_unit_test_setup(test_fragment_oddities, lab_setup),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
