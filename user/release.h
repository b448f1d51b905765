/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends released messages with the addresses that they must show, through raw sockets whose cookies
 * the kernel hooks know, so that they are not held again.
 */
#ifndef RF_RELEASE_H
#define RF_RELEASE_H

#include "action.h"
#include "datapath.h"
#include "packet.h"

struct release;

int release_new(struct release **out, struct why *w);
void release_free(struct release *r); /* NULL ok */
/* Cookies and the inject mark of this start, for the control map. */
void release_identity(const struct release *r, struct rf_control *c);

/* 0 or -errno of the kernel (an ACT_SEND). */
int release_send(struct release *r, const struct action *send);
/* A held fragment of what is no signalling, unaltered, as if it had only now come where it was held. */
int release_verbatim(struct release *r, const struct rf_punt *meta, struct view packet);
/* A parked packet of media, or the SYN of a SIP connection, to be judged again at the hook that held it. */
int release_again(struct release *r, const struct rf_punt *meta, struct view packet);

#endif
