/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one m-line says about ICE (RFC 8445, RFC 8839): credentials, and where its agent may be
 * reached. And whether a connectivity check is the one of such an agent. A decider.
 */
#ifndef RF_ICE_H
#define RF_ICE_H

#include "record.h"
#include "sdp.h"
#include "stun.h"

#define ICE_TEXT_MAX 256 /* of ufrag and pwd (RFC 8839 5.4) */
#define ICE_MID_MAX  31
#define ICE_REMOTES_MAX \
	16 /* candidates of one m-line that are kept: those of the highest priority */

struct ice_remote {
	struct rf_ep ep;
	uint32_t priority;
	uint8_t component;
	uint8_t trickled; /* by a fragment, so that the next description may leave it out */
	uint8_t pad[2];
};

/* Zeroed padding and texts: compared as bytes. */
struct ice_line {
	char ufrag[ICE_TEXT_MAX + 1], pwd[ICE_TEXT_MAX + 1]; /* "": none that can be verified */
	char mid[ICE_MID_MAX + 1];
	uint16_t n;
	struct ice_remote remotes[ICE_REMOTES_MAX];
};

/* Credentials and mid; no candidate yet. *out is zero before. */
void ice_read(struct ice_line *out, const struct sdp_media *m);
/* Same generation: ufrag and pwd as before (RFC 8445 9 restarts by changing both). */
bool ice_same(const struct ice_line *a, const struct ice_line *b);
void ice_add(struct ice_line *l, const struct ice_remote *r);
bool ice_has(const struct ice_line *l, const struct rf_ep *ep, uint8_t component);
/* Names the two agents' credentials, to tell a session from the one before a restart. Never 0. */
uint64_t ice_session(const struct ice_line *inside, const struct ice_line *outside);
/* Is m a check sent to the agent `to` by the agent `from`? from NULL: not known yet, whoever has to's
 * password. */
bool ice_check(const struct stun_msg *m, const struct ice_line *to, const struct ice_line *from);
void ice_record(struct record *r, struct ice_line *l);

#endif
