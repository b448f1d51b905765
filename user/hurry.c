// SPDX-License-Identifier: GPL-2.0-only
/*
 * By the nice value, and by that of the session's group where the kernel shares out by sessions first (autogroup,
 * sched(7)): there a process' own counts within its session only. Not by a real-time class: what hangs in its start
 * must not take a processor with it.
 */
#include "hurry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define GROUP "/proc/self/autogroup" /* "/autogroup-25 nice 0" */
#define FIRST -20

static bool begun;
static int nice_before, group_before;
static int group_fd =
	-1; /* while its value is ours: it cannot be opened by the user whom we become */

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
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", nice);

	return write(group_fd, text, n) == n;
}

static void group_close(void)
{
	if (group_fd >= 0)
		close(group_fd);
	group_fd = -1;
}

void hurry_begin(void)
{
	errno = 0;
	nice_before = getpriority(PRIO_PROCESS, 0);
	begun = !errno && !setpriority(PRIO_PROCESS, 0, FIRST);
	/* a service has a session of its own; a shell's is others', too, and stays as it is if we are killed */
	if (!begun || getsid(0) != getpid() || !group_read(&group_before))
		return;
	group_fd = open(GROUP, O_WRONLY | O_CLOEXEC);
	if (group_fd >= 0 && !group_write(FIRST))
		group_close();
}

bool hurry_end(void)
{
	if (begun && !setpriority(PRIO_PROCESS, 0, nice_before))
		begun = false;
	/* EAGAIN: it may be written ten times a second only, by all together, without CAP_SYS_ADMIN */
	if (group_fd >= 0 && (group_write(group_before) || errno != EAGAIN))
		group_close();
	return !begun && group_fd < 0;
}
