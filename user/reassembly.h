/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP reassembly of what the kernel side punts as fragments (RFC 791, RFC 8200). Time is passed in;
 * no I/O. Overlapping fragments discard the whole datagram (RFC 5722); limits bound what a flood can take.
 */
#ifndef RF_REASSEMBLY_H
#define RF_REASSEMBLY_H

#include <stddef.h>
#include <stdint.h>

#include "rf_abi.h"
#include "view.h"

#define REASSEMBLY_DATAGRAMS_MAX 256
#define REASSEMBLY_FRAGMENTS_MAX 64
#define REASSEMBLY_BYTES_MAX	 (4 << 20)
#define REASSEMBLY_TIMEOUT_NS	 (5ULL * 1000000000)

struct reassembly;

struct reassembly_out {
	/* A whole datagram: an IPv4/IPv6 packet without fragmentation. Valid during the call. */
	void (*datagram)(const struct rf_punt *meta, struct view packet, void *arg);
	/* A deferred fragment that turned out not to be signalling: to be sent on verbatim. */
	void (*resend)(const struct rf_punt *meta, struct view packet, void *arg);
	/* Given up: fragments (packets) and bytes that are dropped as FRAGMENT_LIMIT. */
	void (*dropped)(uint32_t packets, uint64_t bytes, void *arg);
	void *arg;
};

struct reassembly *reassembly_new(const struct reassembly_out *out);
void reassembly_free(struct reassembly *r); /* NULL ok */

/* One punt record of kind FRAGMENT, DEFERRED or DEFERRED_END. */
void reassembly_add(struct reassembly *r, const struct rf_punt *meta, struct view packet,
		    uint64_t now_ns);
void reassembly_expire(struct reassembly *r, uint64_t now_ns); /* call a few times a second */
size_t reassembly_datagrams(const struct reassembly *r); /* incomplete ones */
size_t reassembly_bytes(const struct reassembly *r);

#endif
