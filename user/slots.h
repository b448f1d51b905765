/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which indexes of an array are free. Those that were never used come first, then those given back, in
 * that order: what waits longest is taken, so that who still holds an old index does not meet its new owner
 * at once. What was never touched takes no memory.
 */
#ifndef RF_SLOTS_H
#define RF_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_NONE 0 /* never given out */

struct slots {
	uint32_t *given_back; /* a ring of .n */
	uint32_t n, first, count;
	uint32_t fresh; /* from here on never used */
};

/* Indexes 1..n-1, without those that .used[] (n of them) says. 0 or -ENOMEM. */
int slots_init(struct slots *s, uint32_t n, const bool *used);
void slots_free(struct slots *s);
/* 0 or -ENOSPC, *slot untouched. */
int slots_take(struct slots *s, uint32_t *slot);
void slots_give(struct slots *s, uint32_t slot); /* SLOT_NONE ok */

#endif
