/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was substituted in the identities of a Call-ID, so that it can be put back exactly: the
 * Call-ID itself when it names an inside address, host parts of From and To, received= of inner
 * Vias; and which inside-looking addresses are the other side's own, so that they stay as they are.
 * An entry exists only where there is something to remember.
 */
#ifndef RF_ALIAS_H
#define RF_ALIAS_H

#include <stdbool.h>
#include <stdint.h>

#include "action.h"
#include "share.h"
#include "view.h"

#define ALIAS_LIFE_NS	(32ull * 1000000000) /* 64*T1 (RFC 3261 17.1.1.2) after the last use */
#define ALIAS_ITEMS_MAX 16 /* per Call-ID */
#define ALIASES_MAX	200000
#define ALIAS_TEXT_MAX	1024 /* longest Call-ID or key */

enum alias_kind {
	/* From/To by the side it stands for: local is From of what inside requests, To of what it
	 * answers. key: user; inside, outside: host[:port]. */
	ALIAS_LOCAL = 1,
	ALIAS_REMOTE = 2,
	/* key: branch; inside: received= as written, outside: as sent. Not kept in the journal: it
	 * lives as long as a transaction. */
	ALIAS_RECEIVED = 3,
	/* outside == inside: a host[:port] that came from outside and only looks like an inside one. */
	ALIAS_FOREIGN = 4,
};

struct alias_item {
	enum alias_kind kind;
	struct view key, inside, outside;
};

struct alias;
struct alias_table;

struct alias_table *alias_table_new(void);
void alias_table_free(struct alias_table *t);
size_t alias_count(const struct alias_table *t);

/* By the Call-ID as the inside host writes it, or as it stands on the WAN; NULL: nothing known. */
struct alias *alias_by_internal(const struct alias_table *t, struct view call_id);
struct alias *alias_by_public(const struct alias_table *t, struct view call_id);
struct view alias_internal(const struct alias *a);
struct view alias_public(const struct alias *a);

/* The Call-ID of a message from outside as the inside host knows it: what every other module uses as
 * key. Returns call_id itself when nothing was substituted; else a view that lives until the next
 * alias_tick(). */
struct view alias_internal_call_id(const struct alias_table *t, struct view call_id);

/* Finds or creates, for owner. A public Call-ID that another internal one has already gets "-<id>" appended.
 * NULL when the table is full (the oldest of whoever has most gives way, but for those of answered calls) or out of
 * memory. Adds ACT_SAVE when it is new. */
struct alias *alias_get(struct alias_table *t, const struct share_key *owner, struct view internal,
			struct view public_call_id, uint64_t now_ns, struct action_list *out);
/* Adds an item unless it is there; 0, -ENOSPC (table of the Call-ID full), -ENOMEM. An item of kind
 * RECEIVED pushes out the oldest of its kind. */
int alias_learn(struct alias_table *t, struct alias *a, const struct alias_item *item,
		struct action_list *out);
/* The item whose key is this and whose inside (or outside) text is this; NULL. */
const struct alias_item *alias_find_inside(const struct alias *a, enum alias_kind kind,
					   struct view key, struct view inside);
const struct alias_item *alias_find_outside(const struct alias *a, enum alias_kind kind,
					    struct view key, struct view outside);

/* Keeps what is known of a Call-ID (internal form) at least until then; no-op when nothing is. */
void alias_touch(struct alias_table *t, struct view internal, uint64_t until_ns);
/* It is of an answered call (or no more), and so does not give way; no-op when nothing is known. */
void alias_firm(struct alias_table *t, struct view internal, bool firm);
void alias_shares(const struct alias_table *t, show_share_fn fn, void *arg);
void alias_tick(struct alias_table *t, uint64_t now_ns, struct action_list *out);

/* One RECORD_ALIAS; 0 or -EINVAL. Lives ALIAS_LIFE_NS from now unless touched. */
void alias_save_all(struct alias_table *t, struct action_list *out);
int alias_restore(struct alias_table *t, uint32_t id, struct view bytes, uint64_t now_ns);

#endif
