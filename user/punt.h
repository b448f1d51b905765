/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The consumer of the punt ring buffer: records -> whole, checked UDP datagrams of held signalling.
 */
#ifndef RF_PUNT_H
#define RF_PUNT_H

#include <stdint.h>

#include "datapath.h"
#include "view.h"

struct punt;

struct punt_message { /* one held datagram; payload is valid during the call */
	uint64_t time_ns; /* when the kernel side held it */
	enum rf_hook hook;
	uint32_t ifindex;
	struct rf_ep src, dst;
	struct view payload;
};

struct punt_out {
	void (*message)(const struct punt_message *m, void *arg);
	/* A fragment that was held for nothing: send it on unaltered. */
	void (*resend)(const struct rf_punt *meta, struct view packet, void *arg);
	/* Media that overtook signalling: what was held before it has had its effect now. */
	void (*again)(const struct rf_punt *meta, struct view packet, void *arg);
	/* A STUN check of a running call's pinhole with a remote that it does not list. .payload of m is
	 * the check. Verified or not, the packet is then to be judged again. */
	void (*stun)(const struct punt_message *m, uint32_t call_id, const struct rf_punt *meta,
		     struct view packet, void *arg);
	/* Somebody opens a SIP connection: .payload of m is empty. Allowed, the packet is to be judged again. */
	void (*connection)(const struct punt_message *m, const struct rf_punt *meta,
			   struct view packet, void *arg);
	void (*dropped)(enum rf_reason reason, uint64_t packets, uint64_t bytes, void *arg);
	void *arg;
};

int punt_new(struct punt **out, const struct datapath *dp, const struct punt_out *callbacks);
void punt_free(struct punt *p); /* NULL ok */
int punt_fd(const struct punt *p); /* readable when there are records */
int punt_consume(struct punt *p); /* a batch of records; their number or -errno */
void punt_expire(struct punt *p, uint64_t now_ns); /* fragments that wait in vain */

#endif
