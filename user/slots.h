/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which indexes of an array are free. Those below .own are wanted by who can name them (rf_inbound_index()),
 * so that who takes any gets the others first. Of these what waits longest is taken, so that who still holds
 * an old index does not meet its new owner at once.
 */
#ifndef RF_SLOTS_H
#define RF_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_NONE 0 /* never given out */

struct slot_link {
	uint32_t prev, next; /* itself: taken */
};

struct slots {
	struct slot_link *links; /* of the two rings of free ones: heads at 0 and n */
	uint32_t n, own;
};

/* Indexes 1..n-1, without those that .used[] (n of them) says. 0 or -ENOMEM. */
int slots_init(struct slots *s, uint32_t n, uint32_t own, const bool *used);
void slots_free(struct slots *s); /* zeroed ok */
/* 0 or -ENOSPC, *slot untouched. */
int slots_take(struct slots *s, uint32_t *slot);
/* This one; false: it is not free. */
bool slots_take_this(struct slots *s, uint32_t slot);
void slots_give(struct slots *s, uint32_t slot); /* SLOT_NONE, or a free one: nothing happens */

#endif
