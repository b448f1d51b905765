/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * REGISTER requests on their way to a registrar: which Contacts they asked for, until the final
 * response comes or timer F has passed.
 */
#ifndef RF_REGISTRATION_PENDING_H
#define RF_REGISTRATION_PENDING_H

#include "registration.h"
#include "share.h"

#define PENDING_MAX	     50000
#define PENDING_CONTACTS_MAX 16
#define PENDING_TEXT_MAX     1024 /* of one URI or Call-ID */

struct pending_contact {
	uint32_t binding_id;
	struct view user, uri; /* as the inside host wrote them */
	int64_t expires; /* seconds asked for; -1: nothing said */
};

struct pending; /* views point into its own memory: free() ends it */

struct pending_table {
	struct pending *pending;
	struct expiry_heap heap;
	struct share share;
};

struct pending {
	struct view aor;
	bool star;
	size_t n_contacts;
	struct pending_contact contacts[PENDING_CONTACTS_MAX];
	uint32_t cseq;
	/* private: */
	struct expiry expiry;
	struct share_item share;
	UT_hash_handle hh;
	size_t key_n;
	char *key; /* binding id and Call-ID */
	size_t used;
	char text[];
};

enum rf_reason pending_add(struct pending_table *t, const struct registration_ctx *ctx,
			   const struct sip_msg *m);
/* The request that a final response answers; NULL: none, or of another CSeq. */
struct pending *pending_of(struct pending_table *t, const struct registration_ctx *ctx,
			   const struct sip_msg *m, struct view call_id);
void pending_answered(struct pending_table *t, struct pending *p); /* frees it */
/* Seconds that a 2xx grants this Contact; 0: it is removed. */
uint64_t pending_granted(const struct pending *p, const struct pending_contact *c,
			 const struct registration_ctx *ctx, const struct sip_msg *m);
void pending_tick(struct pending_table *t, uint64_t now_ns);
void pending_free(struct pending_table *t);

#endif
