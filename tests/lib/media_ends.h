/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whom the media of tests is between, and the pinhole of their call as the maps hold it.
 */
#ifndef RF_TEST_MEDIA_ENDS_H
#define RF_TEST_MEDIA_ENDS_H

#include "bpf/pkt.h"

#define PUB4	      "198.51.100.1"
#define PUB6	      "2001:db8:1::1"
#define PEER4	      "203.0.113.10"
#define PEER6	      "2001:db8:f::10"
#define IN4	      "10.0.0.2"
#define IN6	      "fd00::2"
#define ROUTED4	      "192.0.2.2"
#define ROUTED6	      "2001:db8:2::2"
#define PUB_PORT      20000
#define PEER_PORT     30000
#define IN_PORT	      4000
#define PH_ID	      7
#define LAB_SLOTS     1024
#define LAB_LINES     512
#define PH_SLOT	      (PUB_PORT / 2 % LAB_LINES) /* rf_inbound_index() of PUB4 */
#define CALL_ID	      77
#define SEC	      1000000000ULL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A pinhole in nat mode for one call, payload types 0 and 8, one remote; for cases to change. */
static inline struct rf_pinhole media_pinhole(bool v6, int dir, __u64 now, __u32 wan)
{
	struct rf_pinhole ph = {
		.id = PH_ID,
		.slot = PH_SLOT,
		.deadline_ns = now + 600 * SEC,
		.clock_rate = 8000,
		.state = RF_PINHOLE_OPEN,
		.flags = RF_PH_XLATE,
		.classes = RF_CLASS_RTP | RF_CLASS_RTCP | RF_CLASS_STUN,
		.n_remotes = 1,
		.wan_ifindex = wan,
		.xlate = dir == RF_DIR_IN ? ep(v6 ? IN6 : IN4, IN_PORT)
					  : ep(v6 ? PUB6 : PUB4, PUB_PORT),
		.payload_types = { 1, 1 },
		.rtcp_types = 0x1f00, /* 200..204: SR, RR, SDES, BYE, APP */
	};

	ph.remote.addr = addr(v6 ? PEER6 : PEER4);
	ph.remote.port = htons(PEER_PORT);
	ph.remote.prefix_len = 128;
	return ph;
}

#endif
