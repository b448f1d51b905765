// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network whose extent is known has no host at its ends: one that this machine is in, and one that an inside device
 * leads to. A route towards the WAN says nothing about that: what it covers is cut up elsewhere, and a host there may
 * well end in .255 or .0. Nor does a routing table of the whole internet push ours out.
 */
#include "inside_nets.h"

static bool ends(const struct prefix *p)
{
	struct rf_addr first = p->addr;

	return prefix_ends_at(p, &first);
}

static bool is_default(const struct prefix *p)
{
	return addr_is_v4(&p->addr) && p->len == 96;
}

static bool is_connected(const struct inside_nets_from *from, const struct nl_route *r)
{
	for (size_t i = 0; i < from->n_addrs && !r->via; i++)
		if (from->addrs[i].ifindex == r->oif && prefix_has(&r->dst, &from->addrs[i].addr))
			return true;
	return false;
}

static bool leads_inside(const struct inside_nets_from *from, const struct nl_route *r)
{
	for (size_t i = 0; i < from->n_devices; i++)
		if (from->devices[i].ifindex == r->oif &&
		    from->devices[i].dev.role == RF_DEV_INSIDE)
			return true;
	return false;
}

static void add(struct topology *t, const struct prefix *p)
{
	for (uint16_t i = 0; i < t->n_nets; i++)
		if (t->nets[i].len == p->len && addr_eq(&t->nets[i].addr, &p->addr))
			return;
	if (t->n_nets == TOPOLOGY_NETS_MAX)
		t->nets_full = true;
	else
		t->nets[t->n_nets++] = *p;
}

void inside_nets(struct topology *t, const struct inside_nets_from *from)
{
	for (size_t i = 0; i < from->n_addrs; i++)
		if (t->n_locals == TOPOLOGY_LOCALS_MAX)
			t->locals_full = true;
		else
			t->locals[t->n_locals++] = from->addrs[i].addr;
	for (int connected = 1; connected >= 0; connected--)
		for (size_t i = 0; i < from->n_routes; i++) {
			const struct nl_route *r = &from->routes[i];

			if (!ends(&r->dst) || is_default(&r->dst) || t->nets_full)
				continue;
			if (connected ? is_connected(from, r) : leads_inside(from, r))
				add(t, &r->dst);
		}
}
