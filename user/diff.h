/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was edited in a message: the tokens that differ, each with the header or SDP line it stands
 * in. Pure: no state, no I/O.
 */
#ifndef RF_DIFF_H
#define RF_DIFF_H

#include "view.h"

struct diff_change {
	struct view
		where; /* "Via", "c=", "a=rtcp", "request line", "status line"; into before or constant */
	struct view before, after; /* a whole line when it is only there once */
};

typedef void (*diff_fn)(const struct diff_change *c, void *arg);

/* Calls fn for each change in the order of the message. 0 or -ENOMEM. */
int diff_messages(struct view before, struct view after, diff_fn fn, void *arg);

#endif
