/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Public media ports: the number is kept when it can be, nothing is given twice, nothing gets lost.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ports.h"

static struct rf_addr wire;

static uint16_t take(struct ports *p, uint16_t lo, uint16_t hi, uint16_t preferred, unsigned int n)
{
	uint16_t base = 0;

	assert_int_equal(ports_take(p, 1, &wire, lo, hi, preferred, n, &base), 0);
	assert_int_equal(base % 2, 0);
	assert_true(base >= lo && base + 2 * n - 1 <= hi);
	return base;
}

static void number_kept(void **state)
{
	struct ports *p = ports_new();

	assert_int_equal(take(p, 16384, 32767, 20000, 1), 20000);
	assert_int_not_equal(take(p, 16384, 32767, 20000, 1), 20000); /* taken */
	assert_int_not_equal(take(p, 16384, 32767, 20003, 1), 20003); /* odd */
	assert_int_not_equal(take(p, 16384, 32767, 4000, 1), 4000); /* outside */
	assert_int_equal(take(p, 16384, 32767, 32766, 1), 32766);
	assert_int_not_equal(take(p, 16384, 32767, 32766, 2), 32766); /* ends behind the range */
	assert_int_equal(take(p, 16384, 32767, 30000, 2), 30000);
	assert_true(ports_is_taken(p, 1, &wire, 30003));
	assert_false(ports_is_taken(p, 1, &wire, 30004));
	assert_false(ports_is_taken(p, 2, &wire, 30000)); /* another device */
	ports_free(p);
}

static void released_rests(void **state)
{
	struct ports *p = ports_new();
	uint16_t first = take(p, 100, 119, 0, 1);

	ports_release(p, 1, &wire, first, 1);
	for (int i = 0; i < 9; i++)
		assert_int_not_equal(take(p, 100, 119, 0, 1), first);
	assert_int_equal(take(p, 100, 119, 0, 1), first); /* the only one left */
	ports_free(p);
}

static void full(void **state)
{
	struct ports *p = ports_new();
	uint16_t base = 77;

	for (int i = 0; i < 10; i++)
		take(p, 100, 119, 0, 1);
	assert_int_equal(ports_take(p, 1, &wire, 100, 119, 0, 1, &base), -ENOSPC);
	ports_release(p, 1, &wire, 104, 1);
	ports_release(p, 1, &wire, 108, 1);
	assert_int_equal(ports_take(p, 1, &wire, 100, 119, 0, 2, &base), -ENOSPC);
	assert_int_equal(base, 77);
	ports_release(p, 1, &wire, 106, 1);
	assert_int_equal(take(p, 100, 119, 0, 3), 104);
	/* a smaller range by reload, then a larger one */
	assert_int_equal(ports_take(p, 1, &wire, 100, 109, 0, 1, &base), -ENOSPC);
	assert_int_equal(take(p, 100, 121, 0, 1), 120);
	ports_free(p);
}

static void bad_ranges(void **state)
{
	struct ports *p = ports_new();
	uint16_t base = 77;

	assert_int_equal(ports_take(p, 1, &wire, 101, 102, 0, 1, &base), -EINVAL);
	assert_int_equal(ports_take(p, 1, &wire, 200, 100, 0, 1, &base), -EINVAL);
	assert_int_equal(ports_take(p, 1, &wire, 0, 1, 0, 1, &base), -EINVAL);
	assert_int_equal(ports_take(p, 1, &wire, 100, 119, 0, 0, &base), -EINVAL);
	assert_int_equal(ports_take(p, 1, &wire, 100, 119, 0, 40000, &base), -EINVAL);
	assert_int_equal(take(p, 65534, 65535, 0, 1), 65534);
	assert_int_equal(ports_claim(p, 1, &wire, 65534, 1), -EADDRINUSE);
	assert_int_equal(ports_claim(p, 1, &wire, 65532, 3), -EINVAL);
	assert_int_equal(ports_claim(p, 1, &wire, 0, 1), -EINVAL);
	assert_int_equal(ports_claim(p, 1, &wire, 5001, 1), -EINVAL);
	assert_int_equal(ports_claim(p, 1, &wire, 5000, 2), 0);
	assert_int_equal(ports_claim(p, 1, &wire, 5002, 1), -EADDRINUSE);
	assert_int_equal(ports_taken(p), 3);
	ports_free(p);
}

/* Whatever is asked in whatever order: never twice, and all of it comes back. */
static void property(void **state)
{
	static uint8_t owner[65536];
	static struct {
		uint16_t base;
		unsigned int n;
	} held[4096];
	struct ports *p = ports_new();
	size_t n_held = 0, pairs = 0;

	srandom(1);
	for (int i = 0; i < 200000; i++) {
		if (n_held < 4096 && random() % 5 < 3) {
			unsigned int n = random() % 8 ? 1 : 1 + random() % 4;
			uint16_t base,
				preferred = (uint16_t)(random() % 3 ? 30000 + random() % 2000 : 0);

			if (ports_take(p, 1, &wire, 30000, 31999, preferred, n, &base))
				continue;
			for (unsigned int k = 0; k < 2 * n; k++)
				assert_int_equal(owner[base + k]++, 0);
			assert_true(base >= 30000 && base + 2 * n - 1 <= 31999);
			held[n_held].base = base;
			held[n_held++].n = n;
			pairs += n;
		} else if (n_held) {
			size_t k = (size_t)random() % n_held;

			ports_release(p, 1, &wire, held[k].base, held[k].n);
			for (unsigned int j = 0; j < 2 * held[k].n; j++)
				owner[held[k].base + j]--;
			pairs -= held[k].n;
			held[k] = held[--n_held];
		}
		assert_int_equal(ports_taken(p), pairs);
	}
	while (n_held--)
		ports_release(p, 1, &wire, held[n_held].base, held[n_held].n);
	assert_int_equal(ports_taken(p), 0);
	for (int i = 0; i < 1000; i++)
		take(p, 30000, 31999, 0, 1);
	ports_free(p);
}

/* What is left to others is never given, what others had a moment ago only when nothing else is free. */
static void test_others(void **state)
{
	static const struct config_range except[] = { { 20000, 20001 }, { 20005, 20005 } };
	static uint64_t by_port[65536];
	struct rf_addr here = { { 0, 0, 0, 7 } }, other = { { 0, 0, 0, 8 } };
	struct ports *p = ports_new();
	uint16_t base;

	assert_non_null(p);
	ports_except(p, 0, 3, except, 2);
	by_port[20003] = 100;
	ports_others(p, by_port, 130);
	assert_int_equal(ports_take(p, 3, &here, 20000, 20007, 20000, 1, &base), 0);
	assert_int_equal(base, 20006);
	assert_int_equal(ports_take(p, 3, &here, 20000, 20007, 0, 1, &base), 0);
	assert_int_equal(base, 20002);
	assert_int_equal(ports_take(p, 3, &here, 20000, 20007, 0, 1, &base), -ENOSPC);
	/* they rest on every address, and for 30 s */
	assert_int_equal(ports_take(p, 4, &other, 20000, 20007, 20002, 1, &base), 0);
	assert_int_equal(base, 20000);
	ports_others(p, by_port, 131);
	assert_int_equal(ports_take(p, 4, &other, 20000, 20007, 20002, 1, &base), 0);
	assert_int_equal(base, 20002);
	/* given before it was excepted: kept */
	assert_int_equal(ports_claim(p, 3, &here, 20004, 1), 0);
	ports_except(p, 0, 3, NULL, 0);
	assert_int_equal(ports_take(p, 3, &here, 20000, 20007, 20000, 1, &base), 0);
	assert_int_equal(base, 20000);
	ports_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_kept), cmocka_unit_test(released_rests),
		cmocka_unit_test(full),	       cmocka_unit_test(bad_ranges),
		cmocka_unit_test(test_others), cmocka_unit_test(property),
	};

	if (addr_parse(VIEW("203.0.113.1"), &wire))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
