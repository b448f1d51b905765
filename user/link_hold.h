/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The links of the WAN devices' hooks, held open: a link whose pin goes (bpf file system unmounted) would take its hook
 * off, and the WAN would be open.
 */
#ifndef RF_LINK_HOLD_H
#define RF_LINK_HOLD_H

#include "datapath.h"

#define LINK_HOLD_MAX 64

struct link_hold {
	struct held_link {
		char name[32]; /* of the pin */
		int fd;
	} v[LINK_HOLD_MAX];
	unsigned int n;
	int pin_err; /* of the last look, so that it is told once */
};

/* Holds what is pinned and not held yet, pins again what is held and not pinned, and lets go of links that were
 * detached. *n_pinned: how many were pinned again. What fails is told once, and tried
 * again by the next look. */
void link_hold_look(struct link_hold *h, const struct datapath *dp, unsigned int *n_pinned);
void link_hold_close(struct link_hold *h);
/* Root's, after an attach: the pins of links become those of the directory's owner, who is the controller's user. */
void link_pins_give(const char *instance);

#endif
