/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ABI 5 had in its map `pinholes`, and how it reads in this version. Pure: arrays in, arrays out.
 * Every other map has the same layout in both versions.
 */
#ifndef RF_ABI5_H
#define RF_ABI5_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "rf_abi.h"

struct abi5_pinhole {
	__u32 id;
	__u32 call_id; /* 0: manual or signalling */
	__u64 deadline_ns;
	__u32 learn_until_s;
	__u32 slot; /* of pinhole_state, shared like the id; 0: none (signalling) */
	__u32 idle_s;
	__u32 idle_from_s;
	__u32 clock_rate;
	__u8 state;
	__u8 classes;
	__u8 flags;
	__u8 n_remotes;
	__u32 wan_ifindex;
	struct rf_ep xlate;
	struct rf_remote remote;
	__u8 payload_types[16];
	__u32 rtcp_types;
};
_Static_assert(sizeof(struct abi5_pinhole) == 104, "abi5_pinhole");
_Static_assert(offsetof(struct abi5_pinhole, state) == 36, "abi5_pinhole.state");
_Static_assert(offsetof(struct abi5_pinhole, xlate) == 44, "abi5_pinhole.xlate");
_Static_assert(offsetof(struct abi5_pinhole, rtcp_types) == 100, "abi5_pinhole.rtcp_types");

struct abi5_entry {
	struct rf_pinhole_key key;
	struct abi5_pinhole pinhole;
};

/* The same for the maps of this version: n entries of `pinholes`, n_cold of `pinhole_cold`. */
struct abi5_result {
	struct rf_pinhole_key *keys;
	struct rf_pinhole *pinholes;
	size_t n;
	__u32 *slots;
	struct rf_pinhole_cold *cold;
	size_t n_cold;
};

/* .n_slots: entries of pinhole_state. 0; -ENOMEM; -EBADMSG: an entry makes no sense, *w says which and why.
 * *out is set on success only. */
int abi5_convert(const struct abi5_entry *v, size_t n, uint32_t n_slots, struct abi5_result *out,
		 struct why *w);
void abi5_result_free(struct abi5_result *r);

#endif
