// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is taken from the front to the back of the block and given back all at once.
 */
#include "osip_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#ifdef __SANITIZE_ADDRESS__ /* gcc's name */
#define RF_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) /* clang's */
#define RF_ASAN
#endif
#endif

#ifdef RF_ASAN
#define OWN false /* it sees more of each allocation by itself */
#else
#define OWN true
#endif
#define BLOCK (32 << 10) /* four times what a long INVITE needs */
#define ALIGN _Alignof(max_align_t)

static _Alignas(max_align_t) unsigned char block[BLOCK];
static size_t used;
static bool is_short;

/* What malloc() gave stands behind this: when it gives no more, libosip2 forgets pieces that it has. */
struct outside {
	struct outside *prev, *next;
};
_Static_assert(sizeof(struct outside) % ALIGN == 0, "what is behind it is aligned");
static struct outside *outside_first;

static void outside_leave(struct outside *o)
{
	DL_DELETE(outside_first, o);
}

static void *outside_join(struct outside *o)
{
	if (!o) {
		is_short = true;
		return NULL;
	}
	DL_APPEND(outside_first, o);
	return o + 1;
}

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

	if (!OWN || n > BLOCK || room_for(n) > BLOCK - used)
		return outside_join(malloc(sizeof(struct outside) + n));
	memcpy(p - ALIGN, &n, sizeof(n));
	used += room_for(n);
	return p;
}

void *osip_memory_resize(void *p, size_t n)
{
	struct outside *o;
	size_t had;
	void *fresh;

	if (p && !is_ours(p)) {
		o = (struct outside *)p - 1;
		outside_leave(o);
		fresh = outside_join(realloc(o, sizeof(*o) + n));
		if (!fresh)
			outside_join(o);
		return fresh;
	}
	fresh = osip_memory_get(n);
	if (p && fresh) {
		memcpy(&had, (unsigned char *)p - ALIGN, sizeof(had));
		memcpy(fresh, p, had < n ? had : n);
	}
	return fresh;
}

void osip_memory_put(void *p)
{
	struct outside *o;

	if (!p || is_ours(p))
		return;
	o = (struct outside *)p - 1;
	outside_leave(o);
	free(o);
}

void osip_memory_again(void)
{
	struct outside *o, *next;

	if (is_short)
		DL_FOREACH_SAFE (outside_first, o, next) {
			outside_leave(o);
			free(o);
		}
	used = 0;
	is_short = false;
}

bool osip_memory_short(void)
{
	return is_short;
}
