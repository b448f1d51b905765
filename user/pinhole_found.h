/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the maps of pinholes held when this process started, read by a few large calls: what is restored as it stands
 * there need not be written again, which would be a dozen system calls for each pinhole before anything is served.
 */
#ifndef RF_PINHOLE_FOUND_H
#define RF_PINHOLE_FOUND_H

#include "datapath.h"
#include "pinhole_entry.h"

struct pinhole_found_entry {
	struct rf_pinhole_key key;
	struct rf_pinhole p;
};

struct pinhole_found_more {
	struct rf_more_key key;
	struct rf_more_remotes more;
};

struct pinhole_found { /* all zero: nothing is known */
	struct pinhole_found_entry *v; /* sorted by key */
	struct pinhole_found_more *more; /* likewise */
	size_t n, n_more;
};

int pinhole_found_read(struct pinhole_found *f, const struct datapath *dp); /* 0 or -errno */
void pinhole_found_free(struct pinhole_found *f); /* zeroed ok; zeroes it */
/* Is the entry at key this one, remotes and all? */
bool pinhole_found_is(const struct pinhole_found *f, const struct rf_pinhole_key *key,
		      const struct pinhole_entry *e);
/* It is written, or removed: from now on it is not known. */
void pinhole_found_forget(struct pinhole_found *f, const struct rf_pinhole_key *key);

#endif
