// SPDX-License-Identifier: GPL-2.0-only
/*
 * L3 packets: what is built can be read back, checksums in all their states, fragments fit the MTU
 * and add up, and every truncation is refused without reading beyond the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "packet.h"

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static const struct {
	const char *src, *dst;
} families[] = {
	{ "203.0.113.2:5060", "10.0.0.2:5062" },
	{ "[2001:db8::2]:5060", "[fd00::2]:5062" },
};

static char text[PACKET_UDP_MAX + 1];

static void fill(void)
{
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + i / 251);
}

static void round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 700, 1471, 1472 };
	struct packet_buf b = { 0 };
	enum packet_checksum sum;
	struct rf_ep src, dst;
	struct view payload;
	struct packet p;
	size_t f, i;

	fill();
	for (f = 0; f < 2; f++) {
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			struct rf_ep s = ep(families[f].src), d = ep(families[f].dst);

			assert_int_equal(packet_build_udp(&b, &s, &d,
							  (struct view){ text, sizes[i] }, 0, 9),
					 0);
			assert_int_equal(b.n, 1);
			assert_int_equal(packet_parse(b.bytes, b.used, &p), 0);
			assert_false(p.fragment);
			assert_int_equal(packet_udp(&p, &src, &dst, &payload, &sum), 0);
			assert_int_equal(sum, PACKET_SUM_OK);
			assert_true(ep_eq(&src, &s) && ep_eq(&dst, &d));
			assert_true(view_eq(payload, (struct view){ text, sizes[i] }));
		}
	}
	packet_buf_free(&b);
}

/* Puts the check field of a built packet at will. */
static enum packet_checksum sum_with(struct packet_buf *b, uint16_t check)
{
	enum packet_checksum sum;
	struct rf_ep src, dst;
	struct view payload;
	struct packet p;

	assert_int_equal(packet_parse(b->bytes, b->used, &p), 0);
	memcpy((char *)p.l4.p + 6, &check, 2);
	assert_int_equal(packet_udp(&p, &src, &dst, &payload, &sum), 0);
	return sum;
}

static void checksum_states(void **state)
{
	struct packet_buf b = { 0 };
	size_t f;

	for (f = 0; f < 2; f++) {
		struct rf_ep s = ep(families[f].src), d = ep(families[f].dst);
		uint16_t good;

		assert_int_equal(packet_build_udp(&b, &s, &d, VIEW("hello"), 0, 9), 0);
		memcpy(&good, b.bytes + b.used - 5 - 2, 2);
		assert_int_equal(sum_with(&b, good), PACKET_SUM_OK);
		assert_int_equal(sum_with(&b, good ^ 0x0100), PACKET_SUM_BAD);
		/* RFC 8200 8.1: zero is not allowed over IPv6 */
		assert_int_equal(sum_with(&b, 0), f ? PACKET_SUM_BAD : PACKET_SUM_NONE);
		assert_int_equal(sum_with(&b, packet_pseudo_sum(&s.addr, &d.addr, 17, 13)),
				 PACKET_SUM_PARTIAL);
	}
	packet_buf_free(&b);
}

/* The payload that makes the sum zero must be sent as ffff. */
static void checksum_never_zero(void **state)
{
	struct packet_buf b = { 0 };
	struct rf_ep s = ep(families[0].src), d = ep(families[0].dst);
	uint16_t check;
	char two[2] = { 0, 0 };

	assert_int_equal(packet_build_udp(&b, &s, &d, (struct view){ two, 2 }, 0, 9), 0);
	memcpy(&check, b.bytes + 26, 2);
	memcpy(two, &check, 2);
	assert_int_equal(packet_build_udp(&b, &s, &d, (struct view){ two, 2 }, 0, 9), 0);
	memcpy(&check, b.bytes + 26, 2);
	assert_int_equal(check, 0xffff);
	packet_buf_free(&b);
}

static void fragments(void **state)
{
	static const size_t mtus[] = { 1280, 1500, 1499, 1493, 576, 4000 };
	static char back[PACKET_UDP_MAX + 8];
	struct packet_buf b = { 0 };
	struct packet p;
	size_t f, m, i;

	fill();
	for (f = 0; f < 2; f++) {
		for (m = 0; m < sizeof(mtus) / sizeof(*mtus); m++) {
			struct rf_ep s = ep(families[f].src), d = ep(families[f].dst);
			size_t got = 0;

			assert_int_equal(packet_build_udp(&b, &s, &d, (struct view){ text, 5000 },
							  mtus[m], 0x1234),
					 0);
			assert_true(b.n > 1);
			for (i = 0; i < b.n; i++) {
				assert_true(b.v[i].len <= mtus[m]);
				assert_int_equal(packet_parse(b.bytes + b.v[i].at, b.v[i].len, &p),
						 0);
				assert_true(p.fragment);
				assert_int_equal(p.frag_id, 0x1234);
				assert_int_equal(p.more, i + 1 < b.n);
				assert_int_equal(p.frag_offset, got);
				assert_true(!p.more || p.l4.n % 8 == 0);
				memcpy(back + got, p.l4.p, p.l4.n);
				got += p.l4.n;
			}
			assert_int_equal(got, 5008);
			assert_memory_equal(back + 8, text, 5000);
			assert_int_equal(
				packet_checksum(back, got,
						packet_pseudo_sum(&s.addr, &d.addr, 17, got)),
				0);
		}
	}
	packet_buf_free(&b);
}

static void refusals(void **state)
{
	struct packet_buf b = { 0 };
	struct rf_ep v4 = ep(families[0].src), v6 = ep(families[1].src);

	assert_int_equal(packet_build_udp(&b, &v4, &v6, VIEW("x"), 0, 1), -EAFNOSUPPORT);
	assert_int_equal(packet_build_udp(&b, &v4, &v4, (struct view){ text, PACKET_UDP_MAX + 1 },
					  0, 1),
			 -EMSGSIZE);
	assert_int_equal(packet_build_udp(&b, &v4, &v4, (struct view){ text, 1000 }, 24, 1),
			 -EMSGSIZE);
	assert_int_equal(packet_build_udp(&b, &v4, &v4, (struct view){ text, 65000 }, 576, 1),
			 -EMSGSIZE);
	assert_int_equal(
		packet_build_udp(&b, &v4, &v4, (struct view){ text, PACKET_UDP_MAX }, 1500, 1), 0);
	assert_int_equal(
		packet_build_udp(&b, &v6, &v6, (struct view){ text, PACKET_UDP_MAX }, 1280, 1), 0);
	packet_buf_free(&b);
}

/* Each cut in a block of exactly that size, so that a sanitizer sees any read beyond it. */
static void truncations(void **state)
{
	struct packet_buf b = { 0 };
	size_t f, n;

	for (f = 0; f < 2; f++) {
		struct rf_ep s = ep(families[f].src), d = ep(families[f].dst);

		assert_int_equal(packet_build_udp(&b, &s, &d, (struct view){ text, 50 }, 0, 1), 0);
		for (n = 0; n < b.used; n++) {
			char *cut = malloc(n ? n : 1);
			struct packet p;

			memcpy(cut, b.bytes, n);
			assert_int_equal(packet_parse(cut, n, &p), -EINVAL);
			free(cut);
		}
		/* UDP length beyond, and below, what there is */
		for (n = 0; n < 200; n++) {
			enum packet_checksum sum;
			struct view payload;
			struct rf_ep src, dst;
			struct packet p;

			assert_int_equal(packet_parse(b.bytes, b.used, &p), 0);
			((char *)p.l4.p)[5] = (char)n;
			assert_int_equal(packet_udp(&p, &src, &dst, &payload, &sum),
					 n < 8 || n > 58 ? -EINVAL : 0);
		}
	}
	packet_buf_free(&b);
}

/* Extension headers before UDP, and chains that end nowhere. */
static void extension_headers(void **state)
{
	unsigned char p6[40 + 8 + 8 + 8] = { 0x60 };
	struct packet p;

	p6[5] = 24;
	p6[6] = 0; /* hop-by-hop, then destination options, then UDP */
	p6[40] = 60;
	p6[48] = 17;
	p6[61] = 8;
	assert_int_equal(packet_parse(p6, sizeof(p6), &p), 0);
	assert_int_equal(p.proto, 17);
	assert_int_equal(p.header_len, 56);
	p6[49] = 200;
	assert_int_equal(packet_parse(p6, sizeof(p6), &p), -EINVAL);
	p6[49] = 0;
	p6[48] = 44; /* fragment header, atomic */
	p6[56] = 17;
	assert_int_equal(packet_parse(p6, sizeof(p6), &p), 0);
	assert_true(p.fragment && !p.more && !p.frag_offset);
	assert_int_equal(p.frag_prefix.n, 56);
}

/* In an IPv6 header an IPv4 address is none, but would be one in everything that is looked up. */
static void v4_mapped(void **state)
{
	static const unsigned char mapped[16] = { [10] = 255, 255, 203, 0, 113, 2 };
	unsigned char p6[40 + 8] = { 0x60, [5] = 8, 17, [45] = 8 };
	struct packet p;

	assert_int_equal(packet_parse(p6, sizeof(p6), &p), 0);
	memcpy(p6 + 8, mapped, sizeof(mapped));
	assert_int_equal(packet_parse(p6, sizeof(p6), &p), -EINVAL);
	memset(p6 + 8, 0, sizeof(mapped));
	memcpy(p6 + 24, mapped, sizeof(mapped));
	assert_int_equal(packet_parse(p6, sizeof(p6), &p), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(checksum_states),
		cmocka_unit_test(checksum_never_zero),
		cmocka_unit_test(fragments),
		cmocka_unit_test(refusals),
		cmocka_unit_test(truncations),
		cmocka_unit_test(extension_headers),
		cmocka_unit_test(v4_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
