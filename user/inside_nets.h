/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which addresses are this machine's and where networks end, from what the kernel says. Pure: arrays in, a topology
 * out.
 */
#ifndef RF_INSIDE_NETS_H
#define RF_INSIDE_NETS_H

#include "datapath.h"
#include "netlink.h"
#include "topology.h"

struct inside_nets_from {
	const struct nl_route *routes;
	size_t n_routes;
	const struct nl_addr *addrs;
	size_t n_addrs;
	const struct datapath_device *devices;
	size_t n_devices;
};

/* Fills .locals and .nets of t, which are empty. */
void inside_nets(struct topology *t, const struct inside_nets_from *from);

#endif
