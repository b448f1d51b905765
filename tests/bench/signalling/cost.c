// SPDX-License-Identifier: GPL-2.0-only
#include "signalling/cost.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/bench.h"
#include "rf_abi.h"

/* Of one conntrack entry beside struct nf_conn: NF_CT_EXT_PREALLOC, which NAT and helper data fit in. */
#define CT_EXTENSIONS 128

void cost_add(struct cost *c, int pid)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	char path[64];
	int parent;
	FILE *f;

	if (c->n_pids < COST_PIDS)
		c->pids[c->n_pids++] = pid;
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%.20s/stat", d->d_name);
		f = isdigit(d->d_name[0]) ? fopen(path, "r") : NULL;
		if (!f)
			continue;
		if (fscanf(f, "%*d %*[^)]) %*c %d", &parent) == 1 && parent == pid &&
		    c->n_pids < COST_PIDS)
			c->pids[c->n_pids++] = atoi(d->d_name);
		fclose(f);
	}
	if (dir)
		closedir(dir);
}

static void first(int pid, bool on)
{
	struct sched_param p = { .sched_priority = on };
	struct dirent *d;
	cpu_set_t set;
	char path[64];
	DIR *dir;

	CPU_ZERO(&set);
	for (long i = on ? sysconf(_SC_NPROCESSORS_ONLN) - 1 : 0; i < sysconf(_SC_NPROCESSORS_ONLN);
	     i++)
		CPU_SET(i, &set);

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.') {
			sched_setscheduler(atoi(d->d_name), on ? SCHED_RR : SCHED_OTHER, &p);
			sched_setaffinity(atoi(d->d_name), sizeof(set), &set);
		}
	if (dir)
		closedir(dir);
}

void cost_first(const struct cost *c, bool on)
{
	first(getpid(), on);
	for (int i = 0; i < c->n_pids; i++)
		first(c->pids[i], on);
}

struct cost_now cost_cpu(const struct cost *c)
{
	struct cost_now r = {};
	struct timespec t;

	for (int i = 0; i < c->n_pids; i++)
		r.daemons_ns += process_cpu_ns(c->pids[i]);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	r.all_ns = r.daemons_ns + t.tv_sec * 1000000000ull + t.tv_nsec;
	r.all_ns += thread_cpu_ns("ksoftirqd/0") + thread_cpu_ns("ksoftirqd/1");
	return r;
}

static uint64_t pss_kb(int pid)
{
	char path[64], l[256];
	uint64_t kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(l, sizeof(l), f))
		if (!strncmp(l, "Pss:", 4))
			kb = strtoull(l + 4, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static uint64_t map_bytes(const char *path)
{
	char info[64], l[128];
	unsigned long long n = 0;
	int fd = bpf_obj_get(path);
	FILE *f;

	if (fd < 0)
		return 0;
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", fd);
	f = fopen(info, "r");
	while (f && fgets(l, sizeof(l), f))
		if (sscanf(l, "memlock: %llu", &n) == 1)
			break;
	if (f)
		fclose(f);
	close(fd);
	return n;
}

static uint64_t maps_bytes(const char *instance)
{
	char path[256];
	struct dirent *d;
	uint64_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), RF_BPFFS_ROOT "/%s/maps", instance);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), RF_BPFFS_ROOT "/%s/maps/%.64s", instance, d->d_name);
		if (d->d_name[0] != '.')
			n += map_bytes(path);
	}
	if (dir)
		closedir(dir);
	return n;
}

static uint32_t value_size(const char *instance, const char *map)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char path[256];
	int fd;

	snprintf(path, sizeof(path), RF_BPFFS_ROOT "/%s/maps/%s", instance, map);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		info.type = 0;
	close(fd);
	return info.type == BPF_MAP_TYPE_ARRAY ? (info.value_size + 7) & ~7u : 0;
}

/* Statistics have a slot per pinhole, of RTP and of RTCP; RTP has a line, too. */
static uint32_t set_aside(const char *instance)
{
	return 2 * value_size(instance, "pinhole_state") + value_size(instance, "inbound");
}

static uint32_t number_in(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int n = 0;

	if (f) {
		if (fscanf(f, "%u", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

/* The list of them takes minutes when it is long. */
static uint32_t expectations(void)
{
	static const char *const names[] = { "expect_create", "expect_delete" };
	char l[512], *at, *rest = NULL;
	int column[2] = { -1, -1 }, k;
	uint32_t n = 0;
	FILE *f = fopen("/proc/thread-self/net/stat/nf_conntrack", "r");

	if (f && fgets(l, sizeof(l), f))
		for (at = strtok_r(l, " \n", &rest), k = 0; at;
		     at = strtok_r(NULL, " \n", &rest), k++)
			for (int i = 0; i < 2; i++)
				if (!strcmp(at, names[i]))
					column[i] = k;
	while (f && fgets(l, sizeof(l), f)) /* a CPU's */
		for (at = strtok_r(l, " \n", &rest), k = 0; at;
		     at = strtok_r(NULL, " \n", &rest), k++)
			n += k == column[0]   ? strtoul(at, NULL, 16)
			     : k == column[1] ? -strtoul(at, NULL, 16)
					      : 0;
	if (f)
		fclose(f);
	return n;
}

static uint32_t sockets_of(int pid)
{
	char path[64], to[16];
	struct dirent *d;
	uint32_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		n += readlinkat(dirfd(dir), d->d_name, to, sizeof(to)) > 7 &&
		     !strncmp(to, "socket:", 7);
	if (dir)
		closedir(dir);
	return n;
}

static uint32_t size_of(const char *name, uint32_t otherwise)
{
	static struct btf *btf;
	__s32 id;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -1;
	return id > 0 ? btf__resolve_size(btf, id) : otherwise;
}

/* One that a daemon waits on by epoll. */
static uint32_t socket_bytes(void)
{
	return size_of("udp_sock", 1152) + size_of("socket_alloc", 704) + size_of("file", 232) +
	       size_of("dentry", 192) + size_of("epitem", 104) + size_of("eppoll_entry", 64);
}

struct cost_now cost_memory(const struct cost *c)
{
	struct cost_now r = {};

	for (int i = 0; i < c->n_pids; i++) {
		r.daemons_kb += pss_kb(c->pids[i]);
		r.sockets += sockets_of(c->pids[i]);
	}
	go("%s", c->gw_ns);
	r.conntracks = number_in("/proc/sys/net/netfilter/nf_conntrack_count");
	r.expectations = expectations();
	if (c->instance) {
		r.kernel_bytes = maps_bytes(c->instance);
		r.set_aside = set_aside(c->instance);
	} else
		r.kernel_bytes =
			(uint64_t)r.conntracks * (size_of("nf_conn", 256) + CT_EXTENSIONS) +
			(uint64_t)r.expectations * size_of("nf_conntrack_expect", 232);
	r.kernel_bytes += (uint64_t)r.sockets * socket_bytes();
	return r;
}
