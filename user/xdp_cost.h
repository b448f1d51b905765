/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What native XDP on a device costs the traffic through it that is none of ours.
 */
#ifndef RF_XDP_COST_H
#define RF_XDP_COST_H

#include "netlink.h"

/* The same of generic XDP, which is never taken by itself. */
#define XDP_GENERIC_COST "generic XDP slows ordinary TCP down: it copies large segments"

/* A clause, "a veth then ...", when ordinary traffic is slower by that; NULL: it is not, as far as is known. */
const char *xdp_cost(const struct nl_link *link);

#endif
