// SPDX-License-Identifier: GPL-2.0-only
/*
 * For ringfence status: which private inside addresses can the WAN's segment send to straight, past every
 * pinhole? Wherever this machine forwards, and its own firewall lets it.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd_status.h"
#include "netlink.h"

#define SHOWN_MAX 8 /* prefixes; what is left out is counted */

static bool is_inside_device(const struct datapath_device *devices, size_t n, uint32_t ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (devices[i].ifindex == ifindex && devices[i].dev.role == RF_DEV_INSIDE)
			return true;
	return false;
}

/* A route by an inside device, to where inside hosts of mode nat live */
static bool leads_to_nat(const struct status_direct *d, const struct nl_route *r)
{
	return is_inside_device(d->devices, d->n_devices, r->oif) &&
	       topology_mode(d->topology, &r->dst.addr) == RF_MODE_NAT;
}

/* Text of the prefixes of one family; how many there are. */
static size_t prefixes(const struct status_direct *d, bool v4, char *text, size_t n_text)
{
	struct nl_route *routes = NULL;
	char buf[ADDR_TEXT_MAX + 4];
	size_t n = 0, found = 0, used = 0;

	if (netlink_routes(&routes, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (addr_is_v4(&routes[i].dst.addr) != v4 || !leads_to_nat(d, &routes[i]))
			continue;
		if (found++ < SHOWN_MAX && used < n_text)
			used += snprintf(text + used, n_text - used, "%s%s", used ? ", " : "",
					 prefix_text(&routes[i].dst, buf));
	}
	if (found > SHOWN_MAX && used < n_text)
		snprintf(text + used, n_text - used, " and %zu more", found - SHOWN_MAX);
	free(routes);
	return found;
}

static void note(const struct status_direct *d, struct out_node *list, bool v4)
{
	char text[SHOWN_MAX * (ADDR_TEXT_MAX + 8) + 32] = "";

	if (!prefixes(d, v4, text, sizeof(text)))
		return;
	if (d->policy & RF_POLICY_INSIDE_DIRECT)
		out_entry(
			list,
			"from the WAN straight to %s: all passes that the forward rules of your firewall let through, SIP and call media too (inside_direct is \"pass\")",
			text);
	else
		out_entry(
			list,
			"from the WAN straight to %s: SIP and call media are dropped (inside_direct); what else passes is up to the forward rules of your firewall",
			text);
}

void status_show_direct(const struct status_direct *d, struct out_node *list)
{
	if (d->forwards4)
		note(d, list, true);
	if (d->forwards6)
		note(d, list, false);
}
