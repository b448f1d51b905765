/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is an instance whose maps are open still the one of its name? A path does not tell: another may have been attached
 * there since, and a pin that is missing is not a detach.
 */
#ifndef RF_PRESENCE_H
#define RF_PRESENCE_H

#include "datapath.h"

enum presence_kind {
	PRESENCE_HERE,
	PRESENCE_ENDED, /* detached: said so, or emptied and unpinned */
	PRESENCE_OTHER, /* another one has the name by now */
	PRESENCE_UNPINNED, /* lives, but not all of it is pinned */
};

struct pins { /* of maps and programs, and the directory of links */
	unsigned int n_there, n_missing;
	char missing[64]; /* the first that is: "map \"settings\"" */
};

struct presence {
	enum presence_kind kind;
	struct pins pins; /* not of ENDED */
};

/* Which pins an instance of this ABI version lacks. 0 or -errno: it cannot be told. */
int pins_look(const char *instance, uint32_t abi, struct pins *out);
/* 0 or -errno: it cannot be told, and *out is untouched. Needs no privilege. */
int presence_look(const struct datapath *dp, struct presence *out);
/* Pins again what is missing, as far as we may; returns how much that is. The directory of maps is root's. */
unsigned int presence_pin(const struct datapath *dp);
/* Has a detach said so? The cheap part of it; what cannot be read is no. */
bool presence_ended(const struct datapath *dp);
/* Detach says so to everybody who has the maps open. 0 or -errno. */
int presence_end(const struct datapath *dp);

#endif
