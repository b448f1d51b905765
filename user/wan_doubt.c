// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is at hand decides, not the addresses: a WAN may have private ones, and an inside prefix may cover it.
 */
#include "wan_doubt.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static const struct nl_link *link_of(const struct wan_doubt_from *from, uint32_t ifindex)
{
	for (size_t i = 0; i < from->n_links; i++)
		if (from->links[i].ifindex == ifindex)
			return &from->links[i];
	return NULL;
}

static bool has_address(const struct wan_doubt_from *from, uint32_t ifindex)
{
	for (size_t i = 0; i < from->n_addrs; i++)
		if (from->addrs[i].ifindex == ifindex && from->addrs[i].scope != RT_SCOPE_LINK)
			return true;
	return false;
}

static bool is_wan(const struct wan_doubt_from *from, uint32_t ifindex)
{
	for (size_t i = 0; i < from->n_wans; i++)
		if (from->wans[i] == ifindex)
			return true;
	return false;
}

static bool is_default(const struct nl_route *r)
{
	return r->dst.len == (addr_is_v4(&r->dst.addr) ? 96 : 0);
}

/* The device of the default route, if none of the WAN devices has one; 0 */
static uint32_t default_elsewhere(const struct wan_doubt_from *from)
{
	uint32_t other = 0;

	for (size_t i = 0; i < from->n_routes; i++) {
		if (!is_default(&from->routes[i]))
			continue;
		if (is_wan(from, from->routes[i].oif))
			return 0;
		other = from->routes[i].oif;
	}
	return other;
}

bool wan_doubt(const struct wan_doubt_from *from, uint32_t ifindex, char text[WAN_DOUBT_TEXT_MAX])
{
	const struct nl_link *link = link_of(from, ifindex), *other;

	if (!link)
		return false;
	other = link->master ? link_of(from, link->master) : NULL;
	if (other && !strcmp(other->kind, "bridge")) {
		snprintf(
			text, WAN_DOUBT_TEXT_MAX,
			"%s is a port of the bridge %s, which has the addresses: packets to them are not guarded here; instead: ringfence attach dev %s",
			link->name, other->name, other->name);
		return true;
	}
	if (!has_address(from, ifindex)) {
		snprintf(
			text, WAN_DOUBT_TEXT_MAX,
			"%s has no address: nothing is guarded until it has one, which is followed",
			link->name);
		return true;
	}
	other = link_of(from, default_elsewhere(from));
	if (!other)
		return false;
	snprintf(
		text, WAN_DOUBT_TEXT_MAX,
		"the default route goes by %s, not by %s: if %s is the inside, what comes from it is taken for the internet's; then: ringfence detach dev %s, and attach dev %s",
		other->name, link->name, link->name, link->name, other->name);
	return true;
}
