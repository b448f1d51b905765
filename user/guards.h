/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The addresses and ports that are closed because a WAN device has them. 0 or -errno.
 */
#ifndef RF_GUARDS_H
#define RF_GUARDS_H

#include "config.h"
#include "datapath.h"
#include "netlink.h"

/* What the configuration says of this WAN device; NULL: nothing. */
const struct config_wan *guards_config(const struct config *c, const char *dev);
/* An address that peers can use: link-local ones and those of other scopes are not guarded. */
bool guards_addr(const struct nl_addr *a);
/* .guards: those of now, which keep their ports unless the configuration names others. */
struct rf_guard guards_of(const struct config *c, const char *dev, uint32_t ifindex,
			  const struct datapath_guard *guards, size_t n);

/* Guards the device's addresses among these; *changed is set when one was not as it is now. */
int guards_put(const struct datapath *dp, const struct rf_guard *guard, const struct nl_addr *addrs,
	       size_t n, bool *changed);
/* The same, reading guards and addresses first. was: the ifindex that its guards have so far, whose ports it keeps. */
int guards_put_now(const struct datapath *dp, const struct config *c, const char *dev,
		   uint32_t ifindex, uint32_t was);
int guards_delete(const struct datapath *dp, const struct rf_addr *addr);
int guards_drop(const struct datapath *dp, uint32_t ifindex); /* all of a device */

#endif
