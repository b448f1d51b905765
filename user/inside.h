/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which devices lead inside, and what the WAN devices' addresses are: read from the kernel's routes,
 * links and addresses, carried into the maps and TC hooks, and described as a struct topology.
 */
#ifndef RF_INSIDE_H
#define RF_INSIDE_H

#include "config.h"
#include "datapath.h"
#include "topology.h"

struct inside_change { /* what one run changed */
	uint32_t attached, detached; /* inside devices */
	uint32_t inside_devices; /* now */
	uint32_t wan_gone,
		wan_back; /* WAN devices that vanished / came back and were attached again */
	bool guards_changed;
	int trouble_err; /* 0: none. What did not work with single devices, the first of it */
	struct why trouble;
};

/* Brings guards, devices and the inside TC hooks in line with the system. Idempotent.
 * Problems with single devices do not fail the run: they are in change->trouble. change may be NULL. It does not wait:
 * -EAGAIN while an attach, replace or detach is at work. */
int inside_sync(struct datapath *dp, const struct config *c, struct inside_change *change,
		struct why *w);

/* Describes devices, addresses and prefixes as they are now. 0 or -errno. */
int inside_topology(const struct datapath *dp, const struct config *c, struct topology *out);

#endif
