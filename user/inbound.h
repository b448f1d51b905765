/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines of `inbound` (rf_abi.h): copies of plain IPv4 pinholes for the fast path, memory-mapped. Who
 * changes the entry of an endpoint in `pinholes` clears its line first, so that a line never says
 * more than the entry.
 */
#ifndef RF_INBOUND_H
#define RF_INBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "rf_abi.h"

struct inbound {
	struct rf_inbound *lines; /* in the kernel's map */
	uint32_t n; /* a power of two */
};

/* .fd: of the map. 0 or -errno. */
int inbound_open(struct inbound *in, int fd);
void inbound_close(struct inbound *in); /* zeroed ok; the map stays as it is */

/* The slot that a pinhole with this endpoint must have for a line; 0: it cannot have one. */
uint32_t inbound_slot(const struct inbound *in, const struct rf_pinhole_key *key);
/* Writes the line, if p is plain and has that slot; otherwise nothing, so it must have been cleared. */
void inbound_set(struct inbound *in, const struct rf_pinhole_key *key, const struct rf_pinhole *p);
/* If the line is this endpoint's. */
void inbound_clear(struct inbound *in, const struct rf_pinhole_key *key);
void inbound_clear_all(struct inbound *in);

#endif
