/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lab's maps as the controller's pinhole table takes them.
 */
#ifndef RF_TEST_LAB_TABLE_H
#define RF_TEST_LAB_TABLE_H

#include "bpf/lab.h"

#include "datapath.h"
#include "pinhole_table.h"

static inline void lab_datapath(struct datapath *dp)
{
	memset(dp, 0xff, sizeof(*dp));
	dp->map[MAP_PINHOLES] = bpf_map__fd(lab.skel->maps.pinholes);
	dp->map[MAP_PINHOLE_STATE] = bpf_map__fd(lab.skel->maps.pinhole_state);
	dp->map[MAP_PINHOLE_COLD] = bpf_map__fd(lab.skel->maps.pinhole_cold);
	dp->map[MAP_MORE_REMOTES] = bpf_map__fd(lab.skel->maps.more_remotes);
	dp->map[MAP_LEARNT] = bpf_map__fd(lab.skel->maps.learnt);
	dp->map[MAP_CALL_ENDS] = bpf_map__fd(lab.skel->maps.call_ends);
	dp->map[MAP_SETTINGS] = bpf_map__fd(lab.skel->maps.settings);
	dp->map[MAP_INBOUND] = bpf_map__fd(lab.skel->maps.inbound);
}

#endif
