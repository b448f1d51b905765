/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of inside hosts that went outside and are open: client transactions (RFC 3261 17.1), known by
 * inside address, Call-ID, CSeq and the branch of the topmost Via as sent, each with where it was sent and
 * what it asked for. A response grants only what one of these asked for. Not in the journal: after a
 * restart a registration or subscription that was open then is granted by its retransmission or refresh,
 * and calls, which are in the journal, know themselves whom they asked.
 */
#ifndef RF_OPEN_REQUEST_H
#define RF_OPEN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "show_call.h"
#include "sip_msg.h"

/* Memory of all and of one inside address, indices apart: see share.h. */
#define OPEN_BYTES_MAX	    (48u << 20)
#define OPEN_BYTES_HOST_MAX (16u << 20)
#define OPEN_BRANCHES_MAX   16 /* one request forked by an inside proxy */
#define OPEN_TEXT_MAX \
	1024 /* Call-ID; branch, tag and event of one branch; longer ones are not known here */

#define OPEN_NS	   (37ull * 1000000000) /* 64*T1 (timers B and F) and T4 */
#define OPEN_OK_NS (32ull * 1000000000) /* after a final response to INVITE: more 2xx, 13.2.2.4 */
#define OPEN_T4_NS (5ull * 1000000000) /* after any other: retransmissions (timer K) */

struct open_request {
	struct rf_addr remote; /* where it was sent */
	struct view branch, tag; /* tag: of From */
	struct view event; /* value of Event; absent: none */
	int64_t expires; /* seconds asked for; -1: nothing said */
	bool answered; /* by a final response */
	/* private: */
	struct open_request *next;
	char text[];
};

struct open_table;

struct open_table *open_table_new(void); /* NULL: out of memory */
void open_table_free(struct open_table *t); /* NULL ok */
size_t open_table_count(const struct open_table *t); /* forks of a request are one */
size_t open_table_bytes(const struct open_table *t);
void open_table_shares(const struct open_table *t, show_share_fn fn, void *arg);

/* m leaves for remote; call_id: as the inside host knows it. 1: it waits for an answer; 0: it has none, or its
 * final one has come, or nobody writes as much; -ENOMEM. */
int open_request_add(struct open_table *t, const struct rf_addr *inside,
		     const struct rf_addr *remote, const struct sip_msg *m, uint64_t now_ns);

struct view open_request_event(const struct sip_msg *m); /* value of Event; absent: none */

/* May an answer from here be one to a request that was sent to asked? */
typedef bool (*open_may_fn)(const struct rf_addr *asked, const void *arg);

enum open_match {
	OPEN_NONE, /* nothing is known of such a request, or not all of what was sent */
	OPEN_OTHER, /* it is known, but was sent elsewhere or in another transaction */
	OPEN_ASKED,
	OPEN_ANSWERED, /* asked, but a final response has come before */
};

/* The request that m answers. *r is set with ASKED and ANSWERED, and lives until the next add or tick. */
enum open_match open_request_find(struct open_table *t, const struct rf_addr *inside,
				  struct view call_id, const struct sip_msg *m, open_may_fn may,
				  const void *arg, struct open_request **r);
/* m, which was let through, answers r: a final one closes it, a provisional one of INVITE keeps it open
 * until wait_ns from now. */
void open_request_response(struct open_table *t, const struct rf_addr *inside, struct view call_id,
			   const struct sip_msg *m, struct open_request *r, uint64_t now_ns,
			   uint64_t wait_ns);
void open_table_tick(struct open_table *t, uint64_t now_ns);

#endif
