// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDPTL is read from its first byte to its last: of a valid datagram neither a part nor more of it is one, and
 * nothing is read beyond its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/udptl_samples.h"
#include "replay_priv.h"
#include "rf_udptl.h"

#define SAMPLE(name_, cls_, ...)                     \
	{ .name = name_,                             \
	  .cls = cls_,                               \
	  .bytes = (const uint8_t[]){ __VA_ARGS__ }, \
	  .n = sizeof((const uint8_t[]){ __VA_ARGS__ }) },

static const struct sample {
	const char *name;
	unsigned int cls;
	const uint8_t *bytes;
	size_t n;
} samples[] = { UDPTL_SAMPLES(SAMPLE) };

/* The bytes end where an allocation does: ASan sees a read beyond it. */
static unsigned int class_of(const uint8_t *b, size_t n, uint16_t agreed)
{
	char *copy = malloc(n ? n : 1);
	struct rf_media m;

	assert_non_null(copy);
	memcpy(copy, b, n);
	m = replay_classify((struct view){ copy, n }, agreed);
	free(copy);
	return m.cls;
}

static void test_samples(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		unsigned int got = class_of(s->bytes, s->n, RF_CLASS_UDPTL);

		if (got != s->cls)
			fail_msg("%s: class %u, expected %u", s->name, got, s->cls);
		if (s->cls == RF_CLASS_UDPTL)
			assert_int_not_equal(class_of(s->bytes, s->n, RF_CLASS_RTP), got);
	}
}

static void test_every_length(void **state)
{
	uint8_t b[256];

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];

		if (s->cls != RF_CLASS_UDPTL)
			continue;
		memcpy(b, s->bytes, s->n);
		memset(b + s->n, 0, sizeof(b) - s->n);
		for (size_t n = 0; n < sizeof(b); n++)
			if (n != s->n && class_of(b, n, RF_CLASS_UDPTL) == RF_CLASS_UDPTL)
				fail_msg("%s: %zu bytes of %zu", s->name, n, s->n);
	}
}

static size_t open_type(uint8_t *b, unsigned int len, uint8_t first)
{
	size_t head = len < 128 ? 1 : 2;

	if (head == 2)
		*b++ = (uint8_t)(0x80 | len >> 8);
	*b++ = (uint8_t)len;
	for (unsigned int i = 0; i < len; i++)
		b[i] = (uint8_t)rand();
	b[0] = first;
	return head + len;
}

static size_t build(uint8_t *b, bool fec, unsigned int n_entries, unsigned int longest)
{
	size_t n = 2;

	b[0] = (uint8_t)rand();
	b[1] = (uint8_t)rand();
	n += open_type(b + n, 2 + (unsigned int)rand() % longest, 0xd0);
	b[n++] = fec ? 0x80 : 0;
	if (fec) {
		b[n++] = 1;
		b[n++] = 3;
	}
	b[n++] = (uint8_t)n_entries;
	for (unsigned int i = 0; i < n_entries; i++)
		n += open_type(b + n, 2 + (unsigned int)rand() % longest, fec ? 0xff : 0xc0);
	return n;
}

/* Of any length and number; the longest that one datagram has room for. */
static void test_random(void **state)
{
	static uint8_t b[65536];

	srand(1);
	for (int i = 0; i < 3000; i++) {
		size_t n = build(b, i & 1, (unsigned int)rand() % (RF_UDPTL_ENTRIES + 1),
				 i % 3 ? 40 : 1500);

		assert_int_equal(class_of(b, n, RF_CLASS_UDPTL), RF_CLASS_UDPTL);
		assert_int_not_equal(class_of(b, n - 1, RF_CLASS_UDPTL), RF_CLASS_UDPTL);
		b[n] = 0;
		assert_int_not_equal(class_of(b, n + 1, RF_CLASS_UDPTL), RF_CLASS_UDPTL);
	}
}

/* Whatever it is, the steps come to an end, and stay within the datagram. */
static void test_any_bytes(void **state)
{
	static uint8_t b[512];

	srand(2);
	for (int i = 0; i < 300000; i++) {
		uint32_t n = (uint32_t)rand() % sizeof(b);
		struct rf_udptl u;
		int steps = 0;

		for (uint32_t k = 0; k < n; k++)
			b[k] = (uint8_t)(rand() % (i & 1 ? 256 : 4));
		for (rf_udptl_begin(&u, n); !rf_udptl_done(&u); steps++) {
			assert_true(u.at < n && rf_udptl_next(&u) + RF_UDPTL_PEEK <= n);
			rf_udptl_step(&u, rf_be32(b + rf_udptl_next(&u)));
		}
		assert_in_range(steps, 0, RF_UDPTL_STEPS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
