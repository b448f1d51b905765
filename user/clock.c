// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of the BPF programs. In a time namespace (a container with an offset) CLOCK_MONOTONIC is another
 * one: heartbeats and deadlines of it would mean nothing to the kernel side.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log.h"

#define SECOND_NS 1000000000LL

/*
 * time_namespaces(7): the file tells the offsets of the namespace that children get. That is ours, too, but
 * for somebody who has unshared it and neither forked nor started another program since.
 */
static int64_t namespace_offset(void)
{
	struct stat ours, children;
	long long s, ns, offset = 0;
	char name[32];
	FILE *f;

	if (stat("/proc/self/ns/time", &ours) ||
	    stat("/proc/self/ns/time_for_children", &children) || ours.st_ino != children.st_ino)
		return 0;
	f = fopen("/proc/self/timens_offsets", "re");
	if (!f)
		return 0;
	while (fscanf(f, "%31s %lld %lld", name, &s, &ns) == 3)
		if (!strcmp(name, "monotonic") || !strcmp(name, "1"))
			offset = s * SECOND_NS + ns;
	fclose(f);
	return offset;
}

uint64_t clock_now_ns(void)
{
	static bool known;
	static int64_t offset;
	struct timespec ts;

	if (!known) { /* a process does not change it */
		offset = namespace_offset();
		known = true;
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)(ts.tv_sec * SECOND_NS + ts.tv_nsec - offset);
}
