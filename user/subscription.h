/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an accepted SUBSCRIBE or REFER allows the notifier outside (RFC 6665, 3515): NOTIFY of that event, in
 * that dialog usage, from there, for as long as it was granted, or while the request is open. Not in the journal: after a restart the
 * next refresh grants it anew.
 */
#ifndef RF_SUBSCRIPTION_H
#define RF_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "show_call.h"
#include "sip_msg.h"

/* Memory of all and of one inside address, indices apart: see share.h. */
#define SUBSCRIPTION_BYTES_MAX	    (24u << 20)
#define SUBSCRIPTION_BYTES_HOST_MAX (8u << 20)
#define SUBSCRIPTION_DEFAULT_S	    3600 /* nothing said, and what a notifier may make of less */

struct subscription_table;

struct subscription_table *subscription_table_new(void); /* NULL: out of memory */
void subscription_table_free(struct subscription_table *t); /* NULL ok */
size_t subscription_count(const struct subscription_table *t);
size_t subscription_bytes(const struct subscription_table *t);
void subscription_shares(const struct subscription_table *t, show_share_fn fn, void *arg);

/* Seconds that a 2xx grants, at most what was asked for or the default, whichever is more: some
 * notifiers make it longer, though RFC 6665 4.2.1.1 forbids that. Both -1: nothing said. */
uint64_t subscription_seconds(int64_t asked, int64_t granted);

/* tag: of the subscriber; event: of its SUBSCRIBE, "refer" for REFER. 0 or -ENOMEM. */
int subscription_grant(struct subscription_table *t, const struct rf_addr *inside,
		       struct view call_id, struct view tag, struct view event,
		       const struct rf_addr *remote, uint64_t until_ns);
/* It was asked for, and its first NOTIFY may come before the answer (RFC 6665 4.1.2.4), as long as the request
 * is open: until then, or until it is answered. 0 or -ENOMEM. */
int subscription_ask(struct subscription_table *t, const struct rf_addr *inside,
		     struct view call_id, struct view tag, struct view event,
		     const struct rf_addr *remote, uint64_t until_ns);
void subscription_answered(struct subscription_table *t, const struct rf_addr *inside,
			   struct view call_id, struct view tag, struct view event,
			   const struct rf_addr *remote);
/* Is m, from remote, a NOTIFY of one of these? */
bool subscription_allows(const struct subscription_table *t, const struct rf_addr *inside,
			 struct view call_id, const struct rf_addr *remote, const struct sip_msg *m,
			 uint64_t now_ns);
void subscription_tick(struct subscription_table *t, uint64_t now_ns);

#endif
