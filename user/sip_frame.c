// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing of SIP over a stream. Two parties that disagree about the end of a message can be played
 * off against each other, so what is ambiguous is no message at all.
 */
#include "sip_frame.h"

#include <string.h>

#include "sip_scan.h"

#define LINE_MAX 8192 /* start line */

bool sip_frame_begins(struct view v)
{
	static const struct view status = VIEW("SIP/2.0 "), version = VIEW("SIP/2.0");
	struct view line;
	size_t n;

	if (!v.n)
		return false;
	if (!memcmp(v.p, status.p, v.n < status.n ? v.n : status.n))
		return true;
	n = token_length(v);
	if (!n || n > 32 || (n < v.n && v.p[n] != ' '))
		return false;
	if (!line_next(&v, &line))
		return line.n < LINE_MAX;
	return line.n > n + version.n && view_caseeq(view_from(line, line.n - version.n), version);
}

/* Content-Length of a header block (its last blank line excluded); absent is 0. False: unreadable,
 * or several that differ. */
static bool body_length(struct view headers, uint64_t *out)
{
	struct view line, name;
	bool found = false;
	uint64_t length;
	size_t colon;

	*out = 0;
	while (headers.n) {
		line_next(&headers, &line);
		colon = view_index(line, ':');
		name = view_rtrim(view_head(line, colon));
		if (colon == line.n ||
		    (!view_caseeq(name, VIEW("Content-Length")) && !view_caseeq(name, VIEW("l"))))
			continue;
		if (scan_uint(view_trim(view_from(line, colon + 1)), SIP_FRAME_MAX, &length) ||
		    (found && length != *out))
			return false;
		*out = length;
		found = true;
	}
	return true;
}

/* A line feed of its own ends a line, or two of them the header, for some and not for others. */
static bool lone_line_feed(struct view header)
{
	for (size_t i = 0; i < header.n; i++)
		if (header.p[i] == '\n' && (!i || header.p[i - 1] != '\r'))
			return true;
	return false;
}

/* The header has come to its end: how long is it all? False: nobody can say, or too long. */
static bool measure(struct sip_framer *f, struct view header)
{
	uint64_t body;

	if (!sip_frame_begins(header) || lone_line_feed(header) ||
	    !body_length(view_head(header, header.n - 2), &body) || header.n + body > SIP_FRAME_MAX)
		return false;
	f->whole = header.n + body;
	return true;
}

static size_t line_ends(struct view v)
{
	size_t n = 0;

	while (n < v.n && (v.p[n] == '\r' || v.p[n] == '\n'))
		n++;
	return n;
}

enum sip_frame sip_frame_next(struct sip_framer *f, struct view v, size_t *n)
{
	const char *end;

	if (!f->scanned && line_ends(v)) {
		*n = line_ends(v);
		return SIP_FRAME_KEEP_ALIVE;
	}
	if (!f->whole) {
		/* later on only its beginning could have changed its mind, and that is there by then */
		if (v.n && f->scanned < LINE_MAX && !sip_frame_begins(v))
			return SIP_FRAME_BAD;
		end = v.n > f->scanned ? memmem(v.p + f->scanned, v.n - f->scanned, "\r\n\r\n", 4)
				       : NULL;
		if (!end) {
			f->scanned = v.n < 4 ? v.n != 0 : v.n - 3;
			return v.n > SIP_FRAME_MAX ? SIP_FRAME_BAD : SIP_FRAME_MORE;
		}
		if (!measure(f, view_head(v, end + 4 - v.p)))
			return SIP_FRAME_BAD;
	}
	if (v.n < f->whole)
		return SIP_FRAME_MORE;
	*n = f->whole;
	*f = (struct sip_framer){ 0 };
	return SIP_FRAME_WHOLE;
}
