/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmarks have in common: namespaces, CPU time to the nanosecond, medians.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Moves this thread into a named network namespace. */
void go(const char *fmt, const char *name);

uint64_t now_ns(void); /* CLOCK_MONOTONIC, as the kernel programs' clock */
/* CPU time of a process with all its threads; 0 when it is not there. */
uint64_t process_cpu_ns(int pid);
/* CPU time of a kernel thread by name, as "ksoftirqd/1"; 0 when there is none. */
uint64_t thread_cpu_ns(const char *name);

/* Sorts. 0 when n is 0. */
double median(double *v, int n);
uint32_t percentile_u32(uint32_t *v, size_t n, double p);

#endif
