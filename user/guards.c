// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which ports of which address are closed: the map of guards. An address is guarded before its device is
 * hooked, and until after the hooks are off.
 */
#include "guards.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "datapath_priv.h"
#include "media_range.h"

const struct config_wan *guards_config(const struct config *c, const char *dev)
{
	int i;

	for (i = 0; i < c->n_wans; i++)
		if (!strcmp(c->wans[i].dev, dev))
			return &c->wans[i];
	return NULL;
}

bool guards_addr(const struct nl_addr *a)
{
	return a->scope == RT_SCOPE_UNIVERSE || a->scope == RT_SCOPE_SITE;
}

struct rf_guard guards_of(const struct config *c, const char *dev, uint32_t ifindex,
			  const struct datapath_guard *guards, size_t n)
{
	struct media_range r = media_range_wan(c, dev, ifindex, guards, n);

	return (struct rf_guard){ .ifindex = ifindex, .port_lo = r.lo, .port_hi = r.hi };
}

int guards_put(const struct datapath *dp, const struct rf_guard *guard, const struct nl_addr *addrs,
	       size_t n, bool *changed)
{
	struct rf_guard was;
	size_t i;

	for (i = 0; i < n; i++) {
		if (addrs[i].ifindex != guard->ifindex || !guards_addr(&addrs[i]))
			continue;
		if (!bpf_map_lookup_elem(dp->map[MAP_GUARDS], &addrs[i].addr, &was) &&
		    !memcmp(&was, guard, sizeof(was)))
			continue;
		*changed = true;
		if (bpf_map_update_elem(dp->map[MAP_GUARDS], &addrs[i].addr, guard, BPF_ANY))
			return -errno;
	}
	return 0;
}

int guards_put_now(const struct datapath *dp, const struct config *c, const char *dev,
		   uint32_t ifindex, uint32_t was)
{
	struct datapath_guard *guards = NULL;
	struct nl_addr *addrs = NULL;
	struct rf_guard guard;
	size_t n, n_guards;
	bool changed;
	int err;

	err = datapath_guards(dp, &guards, &n_guards);
	if (!err)
		err = netlink_addrs(&addrs, &n);
	if (!err) {
		guard = guards_of(c, dev, was, guards, n_guards);
		guard.ifindex = ifindex;
		err = guards_put(dp, &guard, addrs, n, &changed);
	}
	free(guards);
	free(addrs);
	return err;
}

int guards_delete(const struct datapath *dp, const struct rf_addr *addr)
{
	return bpf_map_delete_elem(dp->map[MAP_GUARDS], addr) && errno != ENOENT ? -errno : 0;
}

int guards_drop(const struct datapath *dp, uint32_t ifindex)
{
	struct datapath_guard *v;
	size_t n, i;
	int err;

	err = datapath_guards(dp, &v, &n);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		if (v[i].guard.ifindex == ifindex)
			err = guards_delete(dp, &v[i].addr);
	free(v);
	return err;
}
