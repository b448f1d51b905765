/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps the controller from following the system: said once, and once when that is over.
 */
#ifndef RF_SYNC_TELL_H
#define RF_SYNC_TELL_H

#include "log.h"

struct sync_tell {
	char said[512]; /* "": all is well, as far as has been said */
	uint64_t busy_since_ns; /* 0: the lock was free */
};

/* How a look at the system went. err 0: well; -EAGAIN: the lock was taken, which is said when it lasts. */
void sync_tell(struct sync_tell *t, int err, const char *text, uint64_t now_ns);

#endif
