/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the controller gives up after it has opened everything: user, capabilities, system calls.
 */
#ifndef RF_PRIVILEGES_H
#define RF_PRIVILEGES_H

#include "log.h"

/* What loading and attaching needs, and this process does not have: "CAP_BPF, CAP_PERFMON"; "" if it has all. */
#define PRIVILEGES_TEXT_MAX 64
const char *privileges_lacking(char text[PRIVILEGES_TEXT_MAX]);
/* Ids of a user, for files that it must own; -ENOENT. */
int privileges_user(const char *user, unsigned int *uid, unsigned int *gid);
/* user "": stays root, but without new privileges and with the system call filter. -ENOENT: no such user. */
int privileges_drop(const char *user, struct why *w);

#endif
