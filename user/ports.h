/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Public media ports: which pairs (even for RTP, the odd one above for RTCP) of which public address
 * are taken. A pair is never given twice; giving and releasing cost a look at a bitmap.
 */
#ifndef RF_PORTS_H
#define RF_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "config.h"
#include "wan_names.h"

struct ports;

#define PORTS_RESTING_S \
	30 /* a port of somebody else's flow is not given for as long, if there are others */

struct ports *ports_new(void); /* NULL: out of memory */
void ports_free(struct ports *p);

/*
 * Takes n >= 1 consecutive pairs of (ifindex, wire address) between lo and hi (host order, inclusive).
 * *base becomes the first, even port. preferred (0: none) is taken when it is even, free and in the
 * range; else the next free pairs after those given last, so that a port that has just been released
 * rests for as long as possible. 0, -ENOSPC, -ENOMEM or -EINVAL (n is 0, range without a pair).
 */
int ports_take(struct ports *p, uint32_t ifindex, const struct rf_addr *wire, uint16_t lo,
	       uint16_t hi, uint16_t preferred, unsigned int n, uint16_t *base);
/* Ports of a device that are never given from now on; what is taken stays so. i: its number among the WANs,
 * below CONFIG_WANS_MAX. */
void ports_except(struct ports *p, unsigned int i, uint32_t ifindex, const struct config_range *v,
		  size_t n);
/* by_port[65536]: when each was last somebody else's, in seconds; memory that others write. now_s: today. */
void ports_others(struct ports *p, const uint64_t *by_port, uint64_t now_s);
/* Takes exactly these (a restart restores what was given): 0, -EADDRINUSE, -ENOMEM or -EINVAL. */
int ports_claim(struct ports *p, uint32_t ifindex, const struct rf_addr *wire, uint16_t base,
		unsigned int n);
/* Gives back what was taken; anything else is a fault of the caller and ends the process. */
void ports_release(struct ports *p, uint32_t ifindex, const struct rf_addr *wire, uint16_t base,
		   unsigned int n);

/* Who has pairs: an inside endpoint, as one host speaks of it. */
struct ports_user {
	struct rf_addr host; /* who signals */
	struct rf_ep inside;
	struct rf_addr wire;
	uint32_t ifindex;
	uint8_t pairs;
	bool single;
	uint8_t pad[2]; /* 0: users are compared as bytes */
};
_Static_assert(sizeof(struct ports_user) == 60, "ports_user");

/* The same, for a user: who has pairs already is given these once more (RFC 4787 REQ-1: one mapping,
 * whatever call asks), and they are free when all have given them back. claim: -EADDRINUSE also when
 * the user has others. */
int ports_share(struct ports *p, const struct ports_user *u, uint16_t lo, uint16_t hi,
		uint16_t *base);
int ports_share_claim(struct ports *p, const struct ports_user *u, uint16_t base);
void ports_share_release(struct ports *p, const struct ports_user *u);

/* WAN devices have other numbers: what is taken stays so, under those. */
void ports_moved(struct ports *p, const struct wan_moves *moves);
bool ports_is_taken(const struct ports *p, uint32_t ifindex, const struct rf_addr *wire,
		    uint16_t port);
size_t ports_taken(const struct ports *p); /* pairs, of all addresses */

#endif
