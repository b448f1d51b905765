/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a way's processes and its kernel state cost.
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <stdbool.h>
#include <stdint.h>

#define COST_PIDS 64

struct cost {
	int pids[COST_PIDS], n_pids; /* daemons of the way */
	char gw_ns[32]; /* the gateway */
	const char *instance; /* of Ringfence; NULL: what the kernel keeps is conntrack's */
};

struct cost_now {
	uint64_t daemons_ns; /* CPU */
	uint64_t all_ns; /* CPU, of the load generator and of softirq threads, too */
	uint64_t daemons_kb; /* proportional set size */
	uint64_t
		kernel_bytes; /* pinned maps, or conntrack entries and expectations; the daemons' sockets */
	uint32_t set_aside; /* bytes of a call in arrays that are there without it, too */
	uint32_t conntracks, expectations, sockets;
};

/* Adds a process and its children. */
void cost_add(struct cost *c, int pid);
/*
 * While one message at a time is measured: this process and the daemons before all other work, where
 * allowed, and on one CPU: to wake another one costs a virtual machine more than all else together.
 */
void cost_first(const struct cost *c, bool on);
struct cost_now cost_cpu(const struct cost *c);
struct cost_now cost_memory(const struct cost *c);

#endif
