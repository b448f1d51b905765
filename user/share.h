/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds how much of a table, so that nobody fills it for others: strangers outside have a sixteenth of it each and
 * half of it together, inside hosts and those outside who are known have the rest for themselves. Where there is no
 * room, the oldest entry that may (an unanswered call, an open request) gives way, of whoever holds most of
 * such; strangers count as one against the others, as one sender can have many addresses.
 */
#ifndef RF_SHARE_H
#define RF_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expiry.h"
#include "hash.h"
#include "rf_abi.h"
#include "show_call.h"

#define SHARE_STRANGER_PART  16
#define SHARE_STRANGERS_PART 2
#define SHARE_HOST_PART	     4 /* of an inside host that asks where nothing is left */
#define SHARE_LEAST	     4 /* of a small table each */

#define SHARE_HOST_BYTES (sizeof(struct share_host) + 32) /* what one more address costs */

enum share_kind {
	SHARE_INSIDE,
	SHARE_PEER, /* outside, and known: configured, or a registrar */
	SHARE_STRANGER,
};

struct share_key { /* hashed as bytes */
	struct rf_addr addr;
	uint32_t kind; /* enum share_kind */
};
_Static_assert(sizeof(struct share_key) == 20, "share_key");

struct share_host {
	struct share_key key;
	size_t held; /* of everything */
	size_t loose; /* of what may give way */
	size_t n;
	struct share_item *oldest; /* of what may give way */
	uint64_t lost_ns; /* the owner's: see open_request.c */
	struct expiry
		rank; /* whose "deadline" is the sooner the more is loose, and then the older */
	UT_hash_handle hh;
};

enum share_state {
	SHARE_LOOSE, /* gives way */
	SHARE_FIRM, /* does not */
	SHARE_DONE, /* gives way before those that are loose, what was done last first */
};

struct share_item { /* embedded in the entry */
	struct share_host *host; /* NULL: it is in no table */
	size_t amount;
	uint32_t seq; /* since when it is where it is */
	enum share_state state;
	struct share_item *prev, *next; /* those of the host that may give way, oldest first */
};

struct share { /* all zero at the beginning */
	struct share_host *hosts;
	struct expiry_heap known,
		strangers; /* whoever holds most of what may give way comes first */
	size_t held, strangers_held, strangers_loose;
	uint32_t seq;
	size_t host_cost; /* added to .held per address; 0: nothing */
	uint64_t n_gave_way, n_refused; /* the owner's, to be shown */
};

enum share_over {
	SHARE_FITS,
	SHARE_OVER_HOST, /* more than one may have */
	SHARE_OVER_STRANGERS, /* more than all strangers may have together */
	SHARE_OVER_ALL,
};

/* One address of the WAN: the /64 of IPv6, which one host or site has. */
struct share_key share_remote(const struct rf_addr *a, bool known);
static inline struct share_key share_inside(const struct rf_addr *a)
{
	return (struct share_key){ .addr = *a, .kind = SHARE_INSIDE };
}

/* 0 or -ENOMEM. amount: of memory, with what malloc() adds, by a round number. */
int share_join(struct share *s, struct share_item *i, const struct share_key *who, size_t amount);
void share_leave(struct share *s, struct share_item *i); /* no-op when it is in no table */
void share_resize(struct share *s, struct share_item *i, size_t amount);
void share_renew(struct share *s, struct share_item *i); /* is now the newest */
/* Loose again: the newest. */
void share_state(struct share *s, struct share_item *i, enum share_state state);
/* Once everything has left. */
void share_free(struct share *s);

/* With newest: is it too much? max: of all; host_max: of one, strangers have less. */
enum share_over share_over(const struct share *s, const struct share_item *newest, size_t max,
			   size_t host_max);
/* What has to leave for it, asked again until there is nothing: NULL. newest stays. */
struct share_item *share_excess(const struct share *s, const struct share_item *newest, size_t max,
				size_t host_max);
/* Something is wanted and there is none: the oldest of who asks if that has more than host_max already, else of
 * whoever holds most. but (may be NULL) stays. */
struct share_item *share_wanted(const struct share *s, const struct share_key *who,
				const struct share_item *but, size_t host_max);
/* With who holds most of everything, which is looked for. of: may be NULL. */
void share_show(const struct share *s, const char *table, const struct rf_addr *of, size_t max,
		show_share_fn fn, void *arg);

#endif
