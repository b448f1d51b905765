// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drivers that take offloads away from all traffic while native XDP is attached, so that bulk TCP through
 * the device is handled in packets of the MTU's size (by their source; veth measured, too, on 6.18):
 * veth clears NETIF_F_GSO_SOFTWARE of its peer and copies what comes from there; tun hands large segments to
 * generic XDP, which copies them; virtio_net turns the guest's offloads off (virtnet_clear_guest_offloads()).
 * Drivers of hardware turn off LRO, which a device that forwards has not got, and keep GRO.
 */
#include "xdp_cost.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not by /sys, which may show another network namespace's devices. True also when it cannot be asked: TC works
 * everywhere. */
static bool driver_is(const char *dev, const char *driver)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { .ifr_data = (void *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is = true;

	if (fd < 0)
		return true;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (!ioctl(fd, SIOCETHTOOL, &r))
		is = !strncmp(info.driver, driver, sizeof(info.driver));
	else if (errno == EOPNOTSUPP || errno == ENODEV) /* of no driver, or gone */
		is = false;
	close(fd);
	return is;
}

const char *xdp_cost(const struct nl_link *link)
{
	static const struct {
		const char *kind, *driver, *cost;
	} rows[] = {
		{ "veth", NULL, "a veth then has no segmentation offload" },
		{ "tun", NULL, "a tap device then copies large segments" },
		{ "", "virtio_net", "virtio_net then receives no large segments" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(link->kind, rows[i].kind) &&
		    (!rows[i].driver || driver_is(link->name, rows[i].driver)))
			return rows[i].cost;
	return NULL;
}
