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

struct call_end_node;

struct call_ends {
	int fd;
	struct call_end_node *first; /* one per entry of the map, those due first in front */
	bool told; /* that there is no room */
};

/* Takes over what is in the map. 0 or -errno. */
int call_ends_open(struct call_ends *c, int fd);
void call_ends_close(struct call_ends *c); /* the map keeps its content */

/* own was in use with these until now. Without room the oldest entry gives way, and that is logged once. */
void call_ends_add(struct call_ends *c, const struct rf_ep *own, const struct rf_ep *remotes,
		   size_t n, uint64_t now_ns);
/* Removes what is past its time, a batch at most. */
void call_ends_sweep(struct call_ends *c, uint64_t now_ns);

#endif
