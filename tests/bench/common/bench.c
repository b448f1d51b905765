// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmarks have in common: namespaces, CPU time to the nanosecond, medians.
 */
#include "common/bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void go(const char *fmt, const char *name)
{
	char ns[64], path[128];
	int fd;

	snprintf(ns, sizeof(ns), fmt, name);
	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("namespace %s: %s", ns, strerror(errno));
	close(fd);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t schedstat(const char *path)
{
	unsigned long long ns = 0;
	FILE *f = fopen(path, "r");

	if (f) {
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return ns;
}

uint64_t process_cpu_ns(int pid)
{
	struct dirent *d;
	char path[96];
	uint64_t ns = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid, d->d_name);
		ns += schedstat(path);
	}
	if (dir)
		closedir(dir);
	return ns;
}

uint64_t thread_cpu_ns(const char *name)
{
	static struct {
		char name[32];
		int pid;
	} known[8];
	char comm[64], path[64];
	unsigned int i;
	DIR *dir = NULL;
	struct dirent *d;
	FILE *f;

	for (i = 0; i < 8 && known[i].name[0]; i++)
		if (!strcmp(known[i].name, name))
			break;
	if (i == 8)
		return 0;
	if (!known[i].name[0])
		dir = opendir("/proc");
	while (dir && !known[i].pid && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%.20s/comm", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%63s", comm) == 1 && !strcmp(comm, name))
			known[i].pid = atoi(d->d_name);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	snprintf(known[i].name, sizeof(known[i].name), "%s", name);
	snprintf(path, sizeof(path), "/proc/%d/schedstat", known[i].pid);
	return known[i].pid ? schedstat(path) : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 2] : 0;
}

static int by_value_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t percentile_u32(uint32_t *v, size_t n, double p)
{
	size_t at = n * p;

	qsort(v, n, sizeof(*v), by_value_u32);
	return n ? v[at < n ? at : n - 1] : 0;
}
