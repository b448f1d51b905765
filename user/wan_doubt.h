/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a device that is attached as a WAN device one? Ports of a bridge, devices without an address, and those
 * that the default route does not use are guarded in vain as a rule, by a slip of the hand. Pure.
 */
#ifndef RF_WAN_DOUBT_H
#define RF_WAN_DOUBT_H

#include "netlink.h"

#define WAN_DOUBT_TEXT_MAX 256

struct wan_doubt_from {
	const struct nl_link *links;
	size_t n_links;
	const struct nl_addr *addrs;
	size_t n_addrs;
	const struct nl_route *routes;
	size_t n_routes;
	/* Devices that are attached as WAN devices, the one at hand among them. */
	const uint32_t *wans;
	size_t n_wans;
};

/* What is doubtful about it and what to do, in text; false: nothing. */
bool wan_doubt(const struct wan_doubt_from *from, uint32_t ifindex, char text[WAN_DOUBT_TEXT_MAX]);

#endif
