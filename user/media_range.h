/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which media ports are guarded: what the configuration names; else what runs, as another default must not
 * open ports of a running instance, nor shut some; else the default. Pure look-ups.
 */
#ifndef RF_MEDIA_RANGE_H
#define RF_MEDIA_RANGE_H

#include "datapath.h"

struct media_range { /* host order, inclusive */
	uint16_t lo, hi;
};

/* Of a WAN device, by its guards. */
struct media_range media_range_wan(const struct config *c, const char *dev, uint32_t ifindex,
				   const struct datapath_guard *guards, size_t n);
/* Of the inside prefixes (mode routed): whatever a WAN device guards. devices: .role is looked at. False, and
 * *out as it was: there is no WAN device. */
bool media_range_inside(const struct config *c, const struct datapath_device *devices,
			size_t n_devices, const struct datapath_guard *guards, size_t n,
			struct media_range *out);

#endif
