// SPDX-License-Identifier: GPL-2.0-only
/*
 * By the nice value, and by that of the session's group where the kernel shares out by sessions first (autogroup,
 * sched(7)): there a process' own counts within its session only. Not by a real-time class: what hangs in its start
 * must not take a processor with it.
 */
#include "hurry.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define GROUP "/proc/self/autogroup" /* "/autogroup-25 nice 0" */
#define FIRST -20

static bool begun, group_begun;
static int nice_before, group_before;

static bool group_read(int *nice)
{
	FILE *f = fopen(GROUP, "re");
	bool ok = f && fscanf(f, "%*s nice %d", nice) == 1;

	if (f)
		fclose(f);
	return ok;
}

static bool group_write(int nice)
{
	FILE *f = fopen(GROUP, "we");
	bool ok = f && fprintf(f, "%d", nice) > 0;

	return f && !fclose(f) && ok;
}

void hurry_begin(void)
{
	errno = 0;
	nice_before = getpriority(PRIO_PROCESS, 0);
	begun = !errno && !setpriority(PRIO_PROCESS, 0, FIRST);
	/* a service has a session of its own; a shell's is others', too, and stays as it is if we are killed */
	group_begun =
		begun && getsid(0) == getpid() && group_read(&group_before) && group_write(FIRST);
}

void hurry_end(void)
{
	if (begun)
		setpriority(PRIO_PROCESS, 0, nice_before);
	if (group_begun)
		group_write(group_before);
	begun = group_begun = false;
}
