/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations that fail: the n-th, or all from it on, while armed. Plain: the libraries' too, as malloc() is ours.
 * Beside a sanitizer: those of our own objects, by --wrap (see Makefile).
 */
#ifndef RF_FAILING_MEMORY_H
#define RF_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

static struct {
	bool armed, lasting; /* lasting: from the n-th on */
	unsigned long n, count; /* 0: none fails */
	unsigned long failed;
} failing;

static inline void failing_begin(unsigned long n, bool lasting)
{
	failing.armed = false;
	failing.n = n;
	failing.lasting = lasting;
	failing.count = failing.failed = 0;
}

static bool allocation_fails(void)
{
	if (!failing.armed)
		return false;
	failing.count++;
	if (!failing.n ||
	    (failing.lasting ? failing.count < failing.n : failing.count != failing.n))
		return false;
	failing.failed++;
	return true;
}

#ifdef __SANITIZE_ADDRESS__
#define ALLOCATOR(type, name, params, args) \
	type __real_##name params;          \
	type __wrap_##name params;          \
	type __wrap_##name params           \
	{                                   \
		if (allocation_fails())     \
			return NULL;        \
		return __real_##name args;  \
	}
ALLOCATOR(char *, strdup, (const char *s), (s))
ALLOCATOR(char *, strndup, (const char *s, size_t n), (s, n))
#else
#define ALLOCATOR(type, name, params, args) \
	type __libc_##name params;          \
	type name params                    \
	{                                   \
		if (allocation_fails())     \
			return NULL;        \
		return __libc_##name args;  \
	}
#endif
ALLOCATOR(void *, malloc, (size_t n), (n))
ALLOCATOR(void *, calloc, (size_t n, size_t size), (n, size))
ALLOCATOR(void *, realloc, (void *p, size_t n), (p, n))

#endif
