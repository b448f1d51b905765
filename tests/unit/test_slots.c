// SPDX-License-Identifier: GPL-2.0-only
/* Free indexes: each is given once, those that somebody may name come last, the one freed last waits longest. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "slots.h"

#define N   16
#define OWN 8

static bool used[N];
static struct slots s;

static int up(void **state)
{
	memset(used, 0, sizeof(used));
	used[3] = used[12] = true;
	return slots_init(&s, N, OWN, used);
}

static int down(void **state)
{
	slots_free(&s);
	return 0;
}

static void test_order(void **state)
{
	static const uint32_t order[] = { 8, 9, 10, 11, 13, 14, 15, 1, 2, 4, 5, 6, 7 };
	uint32_t slot = 99;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		assert_int_equal(slots_take(&s, &slot), 0);
		assert_int_equal(slot, order[i]);
	}
	slot = 99;
	assert_int_equal(slots_take(&s, &slot), -ENOSPC);
	assert_int_equal(slot, 99);
	slots_give(&s, 14);
	slots_give(&s, 12);
	slots_give(&s, 3);
	slots_give(&s, 14); /* a second time: nothing */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(slots_take(&s, &slot), 0);
		assert_int_equal(slot, ((uint32_t[]){ 14, 12, 3 })[i]);
	}
	assert_int_equal(slots_take(&s, &slot), -ENOSPC);
}

static void test_this(void **state)
{
	uint32_t slot;

	assert_false(slots_take_this(&s, 3));
	assert_false(slots_take_this(&s, SLOT_NONE));
	assert_false(slots_take_this(&s, N));
	assert_true(slots_take_this(&s, 5));
	assert_false(slots_take_this(&s, 5));
	assert_true(slots_take_this(&s, 8));
	assert_int_equal(slots_take(&s, &slot), 0);
	assert_int_equal(slot, 9);
	slots_give(&s, 5);
	assert_true(slots_take_this(&s, 5));
}

/* What never was an index changes nothing. */
static void test_bad(void **state)
{
	uint32_t slot;

	slots_give(&s, SLOT_NONE);
	slots_give(&s, N);
	slots_give(&s, UINT32_MAX);
	slots_give(&s, 1);
	for (int i = 0; i < N - 3; i++)
		assert_int_equal(slots_take(&s, &slot), 0);
	assert_int_equal(slots_take(&s, &slot), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, up, down),
		cmocka_unit_test_setup_teardown(test_this, up, down),
		cmocka_unit_test_setup_teardown(test_bad, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
