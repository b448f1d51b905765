// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is taken from the front to the back of the block and given back all at once.
 */
#include "osip_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (32 << 10) /* four times what a long INVITE needs */
#define ALIGN _Alignof(max_align_t)

static _Alignas(max_align_t) unsigned char block[BLOCK];
static size_t used;

/* A piece is behind its size, for resize. */
static size_t room_for(size_t n)
{
	return ALIGN + ((n + ALIGN - 1) & ~(ALIGN - 1));
}

static bool is_ours(const void *p)
{
	return (uintptr_t)p - (uintptr_t)block < BLOCK;
}

void *osip_memory_get(size_t n)
{
	unsigned char *p = block + used + ALIGN;

	if (n > BLOCK || room_for(n) > BLOCK - used)
		return malloc(n);
	memcpy(p - ALIGN, &n, sizeof(n));
	used += room_for(n);
	return p;
}

void *osip_memory_resize(void *p, size_t n)
{
	size_t had;
	void *fresh;

	if (p && !is_ours(p))
		return realloc(p, n);
	fresh = osip_memory_get(n);
	if (p && fresh) {
		memcpy(&had, (unsigned char *)p - ALIGN, sizeof(had));
		memcpy(fresh, p, had < n ? had : n);
	}
	return fresh;
}

void osip_memory_put(void *p)
{
	if (!is_ours(p))
		free(p);
}

void osip_memory_again(void)
{
	used = 0;
}
