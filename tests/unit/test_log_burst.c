// SPDX-License-Identifier: GPL-2.0-only
/*
 * So many lines per interval, and every line that was left out is in one of the counts (log.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "log.h"

static void every_line_counts(void **state)
{
	struct log_burst b = { .interval_ns = 1000, .max = 10 };
	uint32_t written = 0, told = 0, in_interval = 0, left_out, all = 0;
	uint64_t now = 5000, begin = now;

	srand(1);
	for (; all < 100000; all++) {
		now += (uint64_t)rand() % (all / 10000 % 2 ? 500 : 20);
		if (log_burst_ok(&b, now, &left_out)) {
			written++;
			if (now - begin >= 1000) {
				begin = now;
				in_interval = 0;
			}
			assert_true(++in_interval <= 10);
		}
		told += left_out;
	}
	told += log_burst_left_out(&b, UINT64_MAX);
	assert_int_equal(written + told, all);
	assert_int_equal(log_burst_left_out(&b, UINT64_MAX), 0);
}

static void few_are_all_written(void **state)
{
	struct log_burst b = { .interval_ns = 1000, .max = 10 };
	uint32_t left_out;

	for (uint64_t now = 0; now < 100000; now += 101) {
		assert_true(log_burst_ok(&b, now, &left_out));
		assert_int_equal(left_out, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_counts),
		cmocka_unit_test(few_are_all_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
