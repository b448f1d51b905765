// SPDX-License-Identifier: GPL-2.0-only
/*
 * libosip2's memory: pieces do not overlap, keep what is in them when they grow, and come from
 * elsewhere once the block is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "osip_memory.h"

#define PIECES 1000 /* more than fit */

static void fill(unsigned char *p, size_t n, int with)
{
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
	memset(p, with, n);
}

static void check(const unsigned char *p, size_t n, int with)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], with & 0xff);
}

static void pieces(void **state)
{
	static unsigned char *p[PIECES];
	size_t i;

	for (int round = 0; round < 2; round++) {
		for (i = 0; i < PIECES; i++) {
			p[i] = osip_memory_get(i % 100);
			fill(p[i], i % 100, (int)i);
		}
		for (i = 0; i < PIECES; i++) {
			check(p[i], i % 100, (int)i);
			osip_memory_put(p[i]);
		}
		osip_memory_again();
	}
}

static void grows_and_shrinks(void **state)
{
	unsigned char *p = osip_memory_resize(NULL, 10), *q = osip_memory_get(10);

	fill(p, 10, 1);
	fill(q, 10, 2);
	p = osip_memory_resize(p, 5000);
	check(p, 10, 1);
	fill(p, 5000, 3);
	check(q, 10, 2);
	p = osip_memory_resize(p, 1 << 20); /* out of the block */
	check(p, 5000, 3);
	p = osip_memory_resize(p, 2 << 20);
	check(p, 5000, 3);
	osip_memory_put(p);
	q = osip_memory_resize(q, 4);
	check(q, 4, 2);
	osip_memory_put(q);
	osip_memory_put(NULL);
	osip_memory_again();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),
		cmocka_unit_test(grows_and_shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
