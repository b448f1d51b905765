/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lives of an instance in the kernel without being pinned: found by the programs that run, which hold its maps, and
 * pinned again. Needs CAP_SYS_ADMIN.
 */
#ifndef RF_SURVIVOR_H
#define RF_SURVIVOR_H

#include "datapath.h"

/* Why the instance cannot be opened though a pin of it is missing: -EUCLEAN and a sentence, when it lives;
 * -ENOENT: there is none. */
int survivor_why(const char *instance, struct why *w);
/* Does an instance live that is not wholly pinned? What cannot be told is no. */
bool survivor_lives(const char *instance);
/* Pins again what is missing. 0: all is pinned, or there is no such instance; -EUCLEAN: not whole, and it may not be
 * mended; another -errno. Under the lock. */
int survivor_mend(const char *instance, bool may, struct why *w);
/* For a detach: opens what lives and is not wholly pinned, as far as it was found; what is needed to find it once more is
 * pinned. 0 and *out NULL: all is pinned, or there is no such instance; or it is of another network namespace.
 * -errno: otherwise. Under the lock. */
int survivor_open(struct datapath **out, const char *instance, struct why *w);

#endif
