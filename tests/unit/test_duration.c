// SPDX-License-Identifier: GPL-2.0-only
/*
 * Durations and moments: what is read, what is refused, and how they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "duration.h"

static void test_duration_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds; /* 0: refused */
	} rows[] = {
		{ "30s", 30 },	     { "10m", 600 },
		{ "2h", 7200 },	     { "1d", 86400 },
		{ "90", 90 },	     { "1h30m", 5400 },
		{ "1h5s", 3605 },    { "366d", 366 * 86400 },
		{ "367d", 0 },	     { "", 0 },
		{ "0", 0 },	     { "0s", 0 },
		{ "-1s", 0 },	     { "1.5h", 0 },
		{ "10m2h", 0 },	     { "1m1m", 0 },
		{ "5x", 0 },	     { "s", 0 },
		{ "1h30", 0 },	     { " 1s", 0 },
		{ "1s ", 0 },	     { "9999999999999999999999s", 0 },
		{ "999999999d", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ns = 7;
		int rc = duration_parse(rows[i].text, &ns);

		if (rc != (rows[i].seconds ? 0 : -EINVAL) ||
		    ns != (rows[i].seconds ? rows[i].seconds * SECOND_NS : 7))
			fail_msg("\"%s\": %d, %llu ns", rows[i].text, rc, (unsigned long long)ns);
	}
}

static void test_moment_parse(void **state)
{
	static const struct {
		const char *text;
		time_t t; /* 0: refused */
	} rows[] = {
		{ "2026-08-01T12:30:15Z", 1785587415 },
		{ "2026-08-01T12:30Z", 1785587400 },
		{ "2026-08-01 14:30:15+02:00", 1785587415 },
		{ "2026-08-01T05:30:15-0700", 1785587415 },
		{ "2026-08-01T12:30:15", 1785587415 } /* local: TZ is UTC here */,
		{ "2026-08-01T18:00:15+05:30", 1785587415 },
		{ "", 0 },
		{ "tomorrow", 0 },
		{ "2026-08-01", 0 },
		{ "2026-13-01T00:00Z", 0 },
		{ "2026-08-01T25:00Z", 0 },
		{ "2026-08-01T12:30:15X", 0 },
		{ "2026-08-01T12:30:15+2", 0 },
		{ "2026-08-01T12:30:15+99:00", 0 },
		{ "2026-08-01T12:30:15Zjunk", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		time_t t = 7;
		int rc = moment_parse(rows[i].text, &t);

		if (rc != (rows[i].t ? 0 : -EINVAL) || t != (rows[i].t ? rows[i].t : 7))
			fail_msg("\"%s\": %d, %lld", rows[i].text, rc, (long long)t);
	}
}

static void test_text(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0 ms" },
		{ 12345678, "12 ms" },
		{ 3210000000, "3.2 s" },
		{ 42 * SECOND_NS, "42s" },
		{ 192 * SECOND_NS, "3m 12s" },
		{ 7500 * SECOND_NS, "2h 05m" },
		{ 356400 * SECOND_NS, "4d 03h" },
		{ UINT64_MAX, "213503d 23h" },
	};
	char buf[DURATION_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(duration_text(rows[i].ns, buf), rows[i].text);
	assert_string_equal(moment_iso(1785587415, buf), "2026-08-01T12:30:15+00:00");
	assert_string_equal(moment_text(86399, buf), "1970-01-01 23:59:59");
	setenv("TZ", "Asia/Kolkata-5:30", 1);
	tzset();
	moment_iso(1785587415, buf);
	assert_true(!strcmp(buf, "2026-08-01T18:00:15+05:30") || strlen(buf) == 25);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void test_wall_clock(void **state)
{
	struct timespec mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	uint64_t now = (uint64_t)mono.tv_sec * SECOND_NS + mono.tv_nsec;
	time_t wall = time(NULL);

	assert_in_range(moment_of(now) - wall + 1, 0, 3);
	assert_in_range(moment_of(now + 3600 * SECOND_NS) - wall - 3600 + 1, 0, 3);
	assert_in_range(moment_of(1) - (wall - mono.tv_sec) + 2, 0, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_parse),
		cmocka_unit_test(test_moment_parse),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_wall_clock),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
