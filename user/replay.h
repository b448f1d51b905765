/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Offline: a capture through the same deciders as live, on the capture's own time. What would have
 * been opened, edited and dropped, and which media would have passed.
 */
#ifndef RF_REPLAY_H
#define RF_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "config.h"
#include "out.h"

#define REPLAY_PUBLIC_MAX 8
#define REPLAY_WHY_MAX	  500

/* What a CI may want to fail on; see replay_finding_name() and replay_finding_meaning(). */
#define REPLAY_FINDINGS(X)                                                                        \
	X(MALFORMED, "malformed", "messages that break the grammar of SIP")                       \
	X(UNPARSED, "unparsed", "bytes on a signalling port that are no whole, readable message") \
	X(DROP, "drop", "messages that would have been dropped, for whatever reason")             \
	X(REFUSED, "refused", "messages from somebody who may not speak, or to nobody inside")    \
	X(LEAK, "leak", "messages that would have left with an inside address in them")           \
	X(OPEN_CALL, "open-call", "calls that had not ended at the end of the capture")           \
	X(LOST_MEDIA, "lost-media",                                                               \
	  "streams of media that would have lost packets, but for hold and after their call")

enum replay_finding {
#define X(id, name, meaning) REPLAY_##id,
	REPLAY_FINDINGS(X)
#undef X
		REPLAY_FINDINGS_MAX
};

struct replay_options {
	struct config config; /* .inside: what counts as inside */
	/* No peers and no inbound host are configured: whoever speaks in the capture may, and what was
	 * registered before it began is taken as known. */
	bool anybody;
	struct rf_addr publics[REPLAY_PUBLIC_MAX]; /* of the gateway, or of the SIP server itself */
	unsigned int n_publics;
};

struct replay;

struct replay *replay_new(const struct replay_options *o); /* NULL: out of memory */
void replay_free(struct replay *r); /* NULL ok */
/* 0; or -errno and a sentence in why (REPLAY_WHY_MAX). -EBADMSG: the file is damaged or tells nothing
 * about a call that crosses; what was read until then can be shown. */
int replay_run(struct replay *r, const char *path, char *why);
void replay_show(struct replay *r, struct out *o);
uint64_t replay_found(const struct replay *r, enum replay_finding f);
const char *replay_finding_name(enum replay_finding f);

#endif
