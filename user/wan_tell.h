/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has become of the addresses of the WAN devices, for the log.
 */
#ifndef RF_WAN_TELL_H
#define RF_WAN_TELL_H

#include "topology.h"

void wan_tell(const struct topology *was, const struct topology *now);

#endif
