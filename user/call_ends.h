/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoints that were a call's a moment ago: the map `call_ends`, from which the kernel side knows that traffic
 * between the two sides is no bystander's, although conntrack and sockets say so. Entries outlive this process.
 */
#ifndef RF_CALL_ENDS_H
#define RF_CALL_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf_abi.h"

#define CALL_ENDS_MIN 65536

struct call_end_node;

struct call_ends {
	int fd;
	struct call_end_node *first,
		*by_own; /* one per entry of the map, those due first in front */
	uint64_t keep_ns; /* for so long */
	bool told; /* that there is no room */
};

/* Ends add up for longer than calls last: as many as there are pinholes, but no fewer than an address has ports. */
static inline uint32_t call_ends_room(uint32_t pinholes)
{
	return pinholes < CALL_ENDS_MIN ? CALL_ENDS_MIN : pinholes;
}

/* Takes over what is in the map. 0 or -errno. */
int call_ends_open(struct call_ends *c, int fd);
void call_ends_close(struct call_ends *c); /* the map keeps its content */

/* From now on; call_end_s: of struct rf_settings. */
void call_ends_keep(struct call_ends *c, uint32_t call_end_s);
/* own was in use with these until now; NULL: with whom is not known, so anybody is refused. Without room the oldest entry gives way, and that is logged once. */
void call_ends_add(struct call_ends *c, const struct rf_ep *own, const struct rf_ep *remotes,
		   size_t n, uint64_t now_ns);
/* Removes what is past its time, a batch at most. */
void call_ends_sweep(struct call_ends *c, uint64_t now_ns);

#endif
