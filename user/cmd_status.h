/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of ringfence status with a file of their own.
 */
#ifndef RF_CMD_STATUS_H
#define RF_CMD_STATUS_H

#include "datapath.h"
#include "out.h"
#include "topology.h"

/* What the WAN's segment can send to private inside addresses, as notes (strings) in .list */
struct status_direct {
	const struct topology *topology;
	const struct datapath_device *devices;
	size_t n_devices;
	uint32_t policy; /* enum rf_policy_flag bits */
	bool forwards4, forwards6; /* this machine does */
};
void status_show_direct(const struct status_direct *d, struct out_node *list);

/* "shares" in root (JSON only), and a warning of each that is pressed. alive: the controller is. */
void status_show_shares(const char *instance, bool alive, struct out_node *root,
			struct out_node *warnings);

#endif
