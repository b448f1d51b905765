// SPDX-License-Identifier: GPL-2.0-only
/*
 * In a hurry a process goes before others, by its own weight and by that of its session where it has one to itself;
 * then it is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>
#include <cmocka.h>

#include "hurry.h"

#define NO_GROUPS 99 /* the kernel does not share out by sessions */

static int own(void)
{
	return getpriority(PRIO_PROCESS, 0);
}

static int group(void)
{
	FILE *f = fopen("/proc/self/autogroup", "re");
	int n;

	if (!f)
		return NO_GROUPS;
	if (fscanf(f, "%*s nice %d", &n) != 1)
		n = NO_GROUPS;
	fclose(f);
	return n;
}

/* As often as it takes, without waiting for long. */
static bool ends(void)
{
	for (int i = 0; i < 100; i++) {
		if (hurry_end())
			return true;
		usleep(50000);
	}
	return false;
}

/* In a process that ends with this, as root and with a session of its own or not. */
static int hurries(bool session)
{
	int before, group_before, failed = 0;

	if (session && setsid() < 0)
		return 100;
	setpriority(PRIO_PROCESS, 0, 3);
	before = own();
	group_before = group();
	hurry_begin();
	if (own() != -20)
		failed |= 1;
	if (group_before != NO_GROUPS && group() != (session ? -20 : group_before))
		failed |= 2;
	if (!ends() || own() != before || group() != group_before)
		failed |= 4;
	hurry_end(); /* once */
	if (own() != before)
		failed |= 8;
	return failed;
}

/* The same as the controller does it: another user, and no CAP_SYS_ADMIN, by the time that it ends. */
static int hurries_and_drops(bool session)
{
	int group_before;

	if (setsid() < 0)
		return 100;
	group_before = group();
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_NICE, CAP_SETUID,
		      CAP_SETGID, -1);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return 101;
	hurry_begin();
	if (own() != -20)
		return 1;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id(65534, 65534, CAPNG_DROP_SUPP_GRP))
		return 102;
	return ends() && !own() && group() == group_before ? 0 : 2;
}

static int in_child(int (*fn)(bool), bool session)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(fn(session));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void may(void **state)
{
	if (geteuid())
		skip();
	assert_int_equal(in_child(hurries, false), 0);
	assert_int_equal(in_child(hurries, true), 0);
	assert_int_equal(in_child(hurries_and_drops, true), 0);
}

static int may_not(bool session)
{
	if (!geteuid() && setuid(65534))
		return 100;
	setpriority(PRIO_PROCESS, 0, 5);
	hurry_begin();
	hurry_end();
	return own() == 5 ? 0 : 1;
}

/* Who may not hurry is left as it is. */
static void others(void **state)
{
	assert_int_equal(in_child(may_not, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(may),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
