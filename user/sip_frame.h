/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where does a SIP message end in a stream of bytes? By Content-Length (RFC 3261 18.3); a message without
 * one has no body, as what follows is then judged by itself. Line ends between messages are keep-alives
 * (RFC 5626 3.5.1, 4.4.1), and so are STUN messages of Binding (4.4.2), which have a length of their own.
 * A parser: bytes in, length out.
 */
#ifndef RF_SIP_FRAME_H
#define RF_SIP_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "view.h"

#define SIP_FRAME_MAX 65535 /* of one message: as over UDP, what an engine takes */

enum sip_frame {
	SIP_FRAME_MORE, /* not whole yet */
	SIP_FRAME_WHOLE,
	SIP_FRAME_KEEP_ALIVE,
	/* not SIP, too long, or no telling where it ends, .why says which: never again in this stream */
	SIP_FRAME_BAD,
};

/* What is known about the message at the head of the buffer, so that no byte is looked at twice,
 * however slowly they come. All zero at the beginning of the stream. */
struct sip_framer {
	size_t scanned; /* no end of the header before this */
	size_t whole; /* length of the message; 0: not known yet */
	bool sized; /* by its Content-Length */
	bool unsized; /* the message before it had none */
	const char *why; /* BAD: a constant sentence */
};

/* bytes: what is there of the stream from the last message's end on. WHOLE and KEEP_ALIVE: *n bytes are
 * it, to be taken out of the buffer before the next call. */
enum sip_frame sip_frame_next(struct sip_framer *f, struct view bytes, size_t *n);

/* Does this begin like a SIP message (start line as far as it is there)? */
bool sip_frame_begins(struct view bytes);

#endif
