/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The number that each WAN device has, by its name: a device that is made anew (PPPoE, ifdown and ifup) has another
 * one. What is kept of calls has the number at hand; it follows when that changes, and records name the device.
 */
#ifndef RF_WAN_NAMES_H
#define RF_WAN_NAMES_H

#include "record.h"
#include "topology.h"

#define WAN_NAMES_MAX 64

struct wan_names {
	struct wan_name {
		uint32_t ifindex;
		char name[16];
	} v[WAN_NAMES_MAX]; /* also of devices that are detached: they may be attached again */
	size_t n;
	uint32_t n_retired;
};

/* All at once: two devices may have exchanged theirs. */
struct wan_moves {
	struct wan_move {
		uint32_t from, to;
	} v[WAN_NAMES_MAX];
	size_t n;
};

/* Takes over the names and numbers of t; *moves: which numbers are others now. */
void wan_names_follow(struct wan_names *names, const struct topology *t, struct wan_moves *moves);
/* The number in place of this one: the same where it has not moved. */
uint32_t wan_moves_to(const struct wan_moves *moves, uint32_t ifindex);
/* The name of a device, "" where it is not known. */
const char *wan_names_of(const struct wan_names *names, uint32_t ifindex);

/*
 * A device in a record: number and name. Read it becomes the number that the name has now. One whose name nobody has
 * keeps its number, as a device may have been renamed meanwhile; and its name, where nobody has that number either, as
 * it may be attached again. named false: a record from before there were
 * names; a number that is no WAN device's is then that of the only one there is. names NULL: not known.
 */
void wan_names_record(struct wan_names *names, struct record *r, bool named, uint32_t *ifindex);

#endif
