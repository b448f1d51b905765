/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of a table shared by inside addresses, so that nobody fills it for others: an address over its
 * share loses its own oldest, and when all is full one of those that hold most does (within a factor of
 * two), the one that asks if it is among them.
 */
#ifndef RF_SHARE_H
#define RF_SHARE_H

#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "rf_abi.h"

#define SHARE_SIZES 33 /* powers of two, and 0 */

struct share_host {
	struct rf_addr addr;
	size_t bytes;
	struct share_item *oldest;
	uint64_t lost_ns; /* the owner's: see open_request.c */
	unsigned int size; /* where it is in by_size */
	struct share_host *prev, *next;
	UT_hash_handle hh;
};

struct share_item { /* embedded in the entry */
	struct share_host *host;
	size_t bytes;
	struct share_item *prev, *next; /* of the host, oldest first */
};

struct share { /* all zero at the beginning */
	struct share_host *hosts, *by_size[SHARE_SIZES]; /* by the logarithm of what they hold */
	size_t bytes;
};

/* 0 or -ENOMEM. bytes: with what malloc() adds, by a round number. */
int share_join(struct share *s, struct share_item *i, const struct rf_addr *inside, size_t bytes);
void share_leave(struct share *s, struct share_item *i);
void share_resize(struct share *s, struct share_item *i, size_t bytes);
void share_renew(struct share_item *i); /* is now the newest */
/* What has to leave, asked again until there is nothing: NULL. newest stays. */
struct share_item *share_excess(const struct share *s, const struct share_item *newest, size_t max,
				size_t host_max);

#endif
