// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks the kernel what wan_doubt.h wants to know, for attach and status.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"
#include "wan_doubt.h"

static int read_all(const struct datapath *dp, struct wan_doubt_from *from,
		    struct datapath_device **devices, size_t *n_devices)
{
	struct nl_link *links = NULL;
	struct nl_addr *addrs = NULL;
	struct nl_route *routes = NULL;
	int err = datapath_devices(dp, devices, n_devices);

	if (!err)
		err = netlink_links(&links, &from->n_links);
	if (!err)
		err = netlink_addrs(&addrs, &from->n_addrs);
	if (!err)
		err = netlink_routes(&routes, &from->n_routes);
	from->links = links;
	from->addrs = addrs;
	from->routes = routes;
	return err;
}

static void show(const struct wan_doubt_from *from, const struct datapath_device *v, size_t n,
		 const char *dev, struct out_node *list)
{
	char text[WAN_DOUBT_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		if (v[i].dev.role == RF_DEV_WAN && v[i].present &&
		    (!dev || !strcmp(v[i].dev.name, dev)) && wan_doubt(from, v[i].ifindex, text))
			out_entry(list, "%s", text);
}

void show_wan_doubts(const struct datapath *dp, const char *dev, struct out_node *list)
{
	struct wan_doubt_from from = { 0 };
	struct datapath_device *v = NULL;
	uint32_t wans[CONFIG_WANS_MAX];
	size_t n = 0;
	int err = read_all(dp, &from, &v, &n);

	if (err) {
		out_entry(list, "cannot tell whether a WAN device is one: %s", strerror(-err));
	} else {
		for (size_t i = 0; i < n && from.n_wans < CONFIG_WANS_MAX; i++)
			if (v[i].dev.role == RF_DEV_WAN && v[i].present)
				wans[from.n_wans++] = v[i].ifindex;
		from.wans = wans;
		show(&from, v, n, dev, list);
	}
	free(v);
	free((void *)from.links);
	free((void *)from.addrs);
	free((void *)from.routes);
}
