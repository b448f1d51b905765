/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What are bytes that are not read as SIP, and could a lenient endpoint read a request in them? Those
 * who may only answer must not send one past the deciders in such a disguise: behind a NUL, a line of
 * something else or another message. A parser: bytes in, kind out.
 */
#ifndef RF_SIP_UNREAD_H
#define RF_SIP_UNREAD_H

#include <stdbool.h>

#include "view.h"

#define STUN_KEEP_ALIVE_MAX \
	548 /* bytes of a STUN message beside SIP: fits any datagram (RFC 8489 6.1) */

enum sip_unread {
	SIP_UNREAD_KEEP_ALIVE, /* line ends, blanks, NULs; STUN; so few bytes that they say nothing */
	SIP_UNREAD_RESPONSE, /* begins with a status line, and no request line is in it */
	SIP_UNREAD_OTHER,
};

enum sip_unread sip_unread_kind(struct view bytes);

/* A request line (RFC 3261 7.1), at the beginning of a line or not. */
bool sip_holds_request(struct view bytes);
/* Anything that a start line cannot do without: a version or the scheme of a URI. */
bool sip_holds_text(struct view bytes);

#endif
