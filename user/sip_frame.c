// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing of SIP over a stream. Two parties that disagree about the end of a message can be played
 * off against each other, so what is ambiguous is no message at all.
 */
#include "sip_frame.h"

#include <string.h>

#include "rf_media.h"
#include "sip_scan.h"
#include "sip_unread.h"

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
	line = view_rtrim(
		line); /* some write a blank there; the message is judged by who reads it */
	return line.n > n + version.n && view_caseeq(view_from(line, line.n - version.n), version);
}

/* Content-Length of a header block (its last blank line excluded); not found is 0. False: unreadable,
 * or several that differ. */
static bool body_length(struct view headers, bool *found, uint64_t *out)
{
	struct view line, name;
	uint64_t length;
	size_t colon;

	*found = false;
	*out = 0;
	while (headers.n) {
		line_next(&headers, &line);
		colon = view_index(line, ':');
		name = view_rtrim(view_head(line, colon));
		if (colon == line.n ||
		    (!view_caseeq(name, VIEW("Content-Length")) && !view_caseeq(name, VIEW("l"))))
			continue;
		if (scan_uint(view_trim(view_from(line, colon + 1)), SIP_FRAME_MAX, &length) ||
		    (*found && length != *out))
			return false;
		*out = length;
		*found = true;
	}
	return true;
}

static enum sip_frame bad(struct sip_framer *f, const char *why)
{
	f->why = why;
	return SIP_FRAME_BAD;
}

/* A line feed or a carriage return of its own ends a line, or two of them the header, for some and not for
 * others; to some a NUL is the end of everything. from: all before was looked at. */
static const char *ambiguous(struct view header, size_t from)
{
	for (size_t i = from; i < header.n; i++) {
		if (header.p[i] == '\n' && (!i || header.p[i - 1] != '\r'))
			return "a line of the header ends with LF alone, not with CRLF";
		if (header.p[i] == '\r' && i + 1 < header.n && header.p[i + 1] != '\n')
			return "a CR without LF stands in the header";
		if (!header.p[i])
			return "a NUL byte stands in the header";
	}
	return NULL;
}

static const char *not_sip(const struct sip_framer *f)
{
	return f->unsized ? "not SIP, behind a message without Content-Length" : "not SIP";
}

/* The header has come to its end: how long is it all? Otherwise why nobody can say. */
static const char *measure(struct sip_framer *f, struct view header)
{
	struct view lines = header, start;
	uint64_t body;
	bool found;

	if (!sip_frame_begins(header))
		return not_sip(f);
	line_next(&lines, &start);
	if (lines.p[0] == ' ' || lines.p[0] == '\t')
		return "the first line of the header begins with a blank";
	if (!body_length(view_head(header, header.n - 2), &found, &body))
		return "Content-Length is unreadable or contradicts itself";
	if (header.n + body > SIP_FRAME_MAX)
		return "the message is too long";
	f->whole = header.n + body;
	f->sized = found;
	return NULL;
}

/* Bytes of what begins like no SIP, but like STUN: Binding only, and nothing in it that an endpoint which
 * knows no STUN could take for the beginning of a message. */
static enum sip_frame stun_next(struct sip_framer *f, struct view v, size_t *n)
{
	static const uint8_t cookie[] = { 0x21, 0x12, 0xa4, 0x42 };
	const uint8_t *b = (const uint8_t *)v.p;
	size_t whole;

	if (v.n >= 2 && (b[0] & 0xfe || (b[1] & 0xef) != 1))
		return bad(f, "not SIP, and not a Binding of STUN");
	if (v.n > 4 && memcmp(b + 4, cookie, v.n < 8 ? v.n - 4 : 4) != 0)
		return bad(f, "not SIP, and not STUN");
	if (v.n < 20)
		return SIP_FRAME_MORE;
	whole = 20u + rf_be16(b + 2);
	if (whole > STUN_KEEP_ALIVE_MAX || whole & 3)
		return bad(f, "a STUN message of this length is no keep-alive");
	if (v.n < whole)
		return SIP_FRAME_MORE;
	if (sip_holds_text(view_head(v, whole)))
		return bad(f, "SIP stands in a STUN message");
	*n = whole;
	return SIP_FRAME_KEEP_ALIVE;
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
	const char *end, *why;
	struct view header;

	if (!f->scanned && line_ends(v)) {
		*n = line_ends(v);
		return SIP_FRAME_KEEP_ALIVE;
	}
	if (!f->scanned && v.n && (uint8_t)v.p[0] <= 1)
		return stun_next(f, v, n);
	if (!f->whole) {
		/* later on only its beginning could have changed its mind, and that is there by then */
		if (v.n && f->scanned < LINE_MAX && !sip_frame_begins(v))
			return bad(f, not_sip(f));
		end = v.n > f->scanned ? memmem(v.p + f->scanned, v.n - f->scanned, "\r\n\r\n", 4)
				       : NULL;
		header = end ? view_head(v, end + 4 - v.p) : v;
		why = ambiguous(header, f->scanned);
		if (why)
			return bad(f, why);
		if (!end) {
			f->scanned = v.n < 4 ? v.n != 0 : v.n - 3;
			return v.n > SIP_FRAME_MAX ? bad(f, "the header is too long")
						   : SIP_FRAME_MORE;
		}
		why = measure(f, header);
		if (why)
			return bad(f, why);
	}
	if (v.n < f->whole)
		return SIP_FRAME_MORE;
	*n = f->whole;
	*f = (struct sip_framer){ .unsized = !f->sized };
	return SIP_FRAME_WHOLE;
}
