/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Can XDP on a device tell its own frames from those of a VLAN? Not where the tag is taken off first.
 */
#ifndef RF_VLAN_TAGS_H
#define RF_VLAN_TAGS_H

#include "netlink.h"

/* XDP is shown frames of a VLAN without their tags; true also when the driver cannot be asked. */
bool vlan_tags_hidden(const struct nl_link *link);
/* There are VLAN devices on it; true also when it cannot be told. */
bool vlan_tags_used(const struct nl_link *link);
/* What both together mean for a WAN device, which is served by TC or by XDP, and what to do. */
void vlan_tags_note(const char *dev, bool tc, char *note, size_t n_note);

#endif
