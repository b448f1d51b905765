// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a heartbeat counts, and on which clock it is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "log.h"
#include "rf_heartbeat.h"

#define SEC   RF_NS_PER_SEC
#define LIMIT (3 * SEC)
#define NOW   (1000 * SEC)

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static void test_rule(void **state)
{
	static const struct {
		uint64_t beat, now;
		int alive;
	} rows[] = {
		{ NOW, NOW, 1 },
		{ NOW - LIMIT, NOW, 1 },
		{ NOW - LIMIT - 1, NOW, 0 },
		{ 1, NOW, 0 }, /* said goodbye */
		{ 0, NOW, 0 }, /* never */
		{ 0, 1, 0 }, /* nor right after boot */
		{ NOW + SEC / 100, NOW, 1 }, /* the clock was asked first */
		{ NOW + RF_HEARTBEAT_AHEAD_NS, NOW, 1 },
		{ NOW + RF_HEARTBEAT_AHEAD_NS + 1, NOW, 0 },
		{ NOW + 86400 * SEC, NOW, 0 },
		{ UINT64_MAX, NOW, 0 },
		{ SEC, SEC / 2, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(rf_heartbeat_alive(rows[i].beat, rows[i].now, LIMIT),
				 rows[i].alive);
	}
}

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

/* In a time namespace an hour and a half second ahead. 0: the machine's time; 77: there are none here. */
static int in_time_namespace(void)
{
	uint64_t before = monotonic(), inside, now;
	FILE *f;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWTIME))
		return 77;
	f = fopen("/proc/self/timens_offsets", "we");
	if (!f || fputs("monotonic 3600 500000000", f) < 0 || fclose(f))
		return 77;
	pid = fork();
	if (!pid) {
		inside = monotonic();
		now = clock_now_ns();
		_exit(inside < before + 3600 * SEC		 ? 78
		      : now < before || now > before + 600 * SEC ? 1
								 : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void test_time_namespace(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(in_time_namespace());
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* no root, or a kernel without them */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_clock(void **state)
{
	uint64_t a = monotonic(), b = clock_now_ns(), c = monotonic();

	assert_true(a <= b && b <= c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_time_namespace), /* before this process has asked */
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
