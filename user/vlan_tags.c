// SPDX-License-Identifier: GPL-2.0-only
/*
 * VLAN tags that XDP cannot see: a NIC with rx-vlan-offload hands them over beside the frame, and between
 * two ends of a veth they are there from the start. TC sees them in either case.
 */
#include "vlan_tags.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool vlan_tags_hidden(const struct nl_link *link)
{
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq r = { .ifr_data = (void *)&flags };
	bool hidden = true;
	int fd;

	if (!strcmp(link->kind, "veth"))
		return true;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", link->name);
	if (!ioctl(fd, SIOCETHTOOL, &r))
		hidden = flags.data & ETH_FLAG_RXVLAN;
	else if (errno == EOPNOTSUPP || errno == ENODEV)
		hidden = false;
	close(fd);
	return hidden;
}

bool vlan_tags_used(const struct nl_link *link)
{
	struct nl_link *v = NULL;
	bool used = false;
	size_t n = 0;

	if (netlink_links(&v, &n))
		return true;
	for (size_t i = 0; i < n; i++)
		used = used || (v[i].lower == link->ifindex && !strcmp(v[i].kind, "vlan"));
	free(v);
	return used;
}

void vlan_tags_note(const char *dev, bool tc, char *note, size_t n_note)
{
	if (tc)
		snprintf(
			note, n_note,
			"by TC: %s has VLAN devices, whose tags XDP cannot see; for XDP: ethtool -K %s rxvlan off, and attach again",
			dev, dev);
	else
		snprintf(
			note, n_note,
			"XDP cannot see the tags of the VLAN devices of %s, and takes their SIP and media for its own: ethtool -K %s rxvlan off, or \"mode tc\"",
			dev, dev);
}
