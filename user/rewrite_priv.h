/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between rewrite.c (which header gets which treatment), rewrite_token.c (one host[:port] each way)
 * and rewrite_id.c (Call-ID and what names one; From and To).
 */
#ifndef RF_REWRITE_PRIV_H
#define RF_REWRITE_PRIV_H

#include "rewrite.h"

/* Not an enum binding_role: an identity names somebody and is not a place that messages are sent to,
 * so without a port it stays without one. */
#define ROLE_IDENTITY 0

struct rewrite {
	const struct rewrite_ctx *ctx;
	const struct sip_msg *m;
	struct edit_list *edits;
	struct alias *alias; /* of the Call-ID; NULL: nothing is known or needed */
	struct view internal, public_form; /* the Call-ID as known on either side */
};

enum token_side {
	TOKEN_LEAVE, /* not ours to change */
	TOKEN_WIRE, /* our own wire address behind a 1:1 NAT: the public one takes its place */
	TOKEN_INSIDE, /* an inside address that must not be seen outside */
};

/* How an inside host's token is treated on its way out. */
enum token_side token_side(const struct rewrite_ctx *ctx, const struct rf_addr *a);
/* Our public or wire address? */
bool token_is_ours(const struct rewrite_ctx *ctx, const struct rf_addr *a);
/* Did this token come from outside in this Call-ID? */
bool token_is_foreign(const struct rewrite *r, const struct sip_hostport *hp);
/* Remembers that it did; best effort, as it only matters when the other side's addresses look like
 * inside ones. */
void token_learn_foreign(struct rewrite *r, const struct sip_hostport *hp);

/* Host[:port] of an inside host -> public. role: one enum binding_role, or ROLE_IDENTITY. */
enum rf_reason token_outbound(struct rewrite *r, int role, const struct sip_hostport *hp);
/* The same with the URI's maddr, which goes before its host (RFC 3261 19.1.1). */
enum rf_reason uri_outbound(struct rewrite *r, int role, const struct sip_uri *u);
/* Host[:port] that is one of ours -> as its inside host writes it. fallback (may be NULL): the
 * binding that is meant when no port is written and none has 5060. */
void token_inbound(struct rewrite *r, enum binding_role role, const struct sip_hostport *hp,
		   const struct binding *fallback);
void uri_inbound(struct rewrite *r, enum binding_role role, const struct sip_uri *u,
		 const struct binding *fallback);
void via_maddr_outbound(struct rewrite *r, const struct sip_value *via);
/* received= of a Via an inside proxy has filled in. */
enum rf_reason received_outbound(struct rewrite *r, const struct sip_value *via);
/* Via of a response on its way back: sent-by, received=, rport=. */
void via_inbound(struct rewrite *r, const struct sip_value *via);
/* The public form of an identity's host[:port]; buf of EP_TEXT_MAX. */
const char *identity_text(const struct rewrite_ctx *ctx, const struct sip_hostport *hp, char *buf);

/* The entry of this Call-ID, made if need be; NULL: no room. */
struct alias *alias_needed(struct rewrite *r);

enum rf_reason call_id_outbound(struct rewrite *r);
void call_id_inbound(struct rewrite *r);
enum rf_reason party_outbound(struct rewrite *r, const struct sip_value *v);
void party_inbound(struct rewrite *r, const struct sip_value *v);
/* Call-IDs of other dialogs: Replaces (RFC 3891), also within Refer-To. */
void replaces_rewrite(struct rewrite *r, struct view header_value, bool outbound);
void refer_to_replaces(struct rewrite *r, const struct sip_uri *u, bool outbound);

#endif
