// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which media ports are guarded.
 */
#include "media_range.h"

#include <string.h>

struct media_range media_range_wan(const struct config *c, const char *dev, uint32_t ifindex,
				   const struct datapath_guard *guards, size_t n)
{
	for (int i = 0; i < c->n_wans; i++)
		if (c->wans[i].ports_given && !strcmp(c->wans[i].dev, dev))
			return (struct media_range){ c->wans[i].port_lo, c->wans[i].port_hi };
	for (size_t i = 0; i < n; i++)
		if (guards[i].guard.ifindex == ifindex)
			return (struct media_range){ guards[i].guard.port_lo,
						     guards[i].guard.port_hi };
	return (struct media_range){ CONFIG_MEDIA_LO, CONFIG_MEDIA_HI };
}

bool media_range_inside(const struct config *c, const struct datapath_device *devices,
			size_t n_devices, const struct datapath_guard *guards, size_t n,
			struct media_range *out)
{
	struct media_range all = { UINT16_MAX, 0 }, r;

	for (size_t i = 0; i < n_devices; i++) {
		if (devices[i].dev.role != RF_DEV_WAN)
			continue;
		r = media_range_wan(c, devices[i].dev.name, devices[i].ifindex, guards, n);
		all.lo = r.lo < all.lo ? r.lo : all.lo;
		all.hi = r.hi > all.hi ? r.hi : all.hi;
	}
	if (all.hi)
		*out = all;
	return all.hi;
}
