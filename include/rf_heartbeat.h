/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a controller there? The one rule of the kernel side and of `status`. Times are those of bpf_ktime_get_ns():
 * CLOCK_MONOTONIC of the machine, whatever time namespace somebody is in.
 */
#ifndef RF_HEARTBEAT_H
#define RF_HEARTBEAT_H

#include "rf_abi.h"

/*
 * A heartbeat in the future is no heartbeat. Only what a reader may lag behind is let pass: it asks the
 * clock first, and the coarse one of the hooks is up to a tick (10 ms) late.
 */
#define RF_HEARTBEAT_AHEAD_NS RF_NS_PER_SEC

static inline __attribute__((always_inline)) int rf_heartbeat_alive(__u64 beat_ns, __u64 now_ns,
								    __u64 limit_ns)
{
	/* One comparison of both ends: a beat that is too far ahead makes it wrap. */
	return beat_ns &&
	       now_ns + RF_HEARTBEAT_AHEAD_NS - beat_ns <= limit_ns + RF_HEARTBEAT_AHEAD_NS;
}

#endif
