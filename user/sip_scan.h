/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cursor helpers that the SIP and SDP readers share: character classes, white space, numbers, and
 * the ";name=value" lists of URIs and headers. Nothing here looks beyond the view it was given.
 */
#ifndef RF_SIP_SCAN_H
#define RF_SIP_SCAN_H

#include <errno.h>
#include <stdint.h>

#include "sip_msg.h"
#include "view.h"

/* LWS of RFC 3261 25.1: a folded line's CR and LF count, as headers are cut before this is asked. */
static inline bool is_lws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* token of RFC 3261 25.1 */
static inline bool is_token_char(char c)
{
	return is_alnum(c) || (c && strchr("-.!%*_+`'~", c));
}

/* What may stand in no URI, Call-ID or host: controls, space and DEL. */
static inline bool is_space_or_ctl(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static inline struct view view_from(struct view v, size_t at)
{
	/* An absent view stays one: NULL + 0 is undefined in C. */
	return (struct view){ at ? v.p + at : v.p, v.n - at };
}

static inline struct view view_head(struct view v, size_t n)
{
	return (struct view){ v.p, n };
}

static inline struct view view_ltrim(struct view v)
{
	while (v.n && is_lws(v.p[0]))
		v = view_from(v, 1);
	return v;
}

static inline struct view view_rtrim(struct view v)
{
	while (v.n && is_lws(v.p[v.n - 1]))
		v.n--;
	return v;
}

static inline struct view view_trim(struct view v)
{
	return view_rtrim(view_ltrim(v));
}

/* Index of the first c, or v.n. */
static inline size_t view_index(struct view v, char c)
{
	const char *hit = v.n ? memchr(v.p, c, v.n) : NULL;

	return hit ? (size_t)(hit - v.p) : v.n;
}

/* Length of the leading token. */
static inline size_t token_length(struct view v)
{
	size_t n = 0;

	while (n < v.n && is_token_char(v.p[n]))
		n++;
	return n;
}

/* Length of the quoted string that v begins with, both quotes included; 0 when it does not end. */
static inline size_t quoted_length(struct view v)
{
	size_t i;

	for (i = 1; i < v.n; i++) {
		if (v.p[i] == '\\')
			i++;
		else if (v.p[i] == '"')
			return i + 1;
	}
	return 0;
}

/* Digits only (any number of leading zeros), at most max (itself at most 2^59); -EINVAL, -ERANGE. */
static inline int scan_uint(struct view digits, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	bool over = false;
	size_t i;

	if (!digits.n)
		return -EINVAL;
	for (i = 0; i < digits.n; i++) {
		if (!is_digit(digits.p[i]))
			return -EINVAL;
		value = value * 10 + (digits.p[i] - '0');
		if (value > max) {
			over = true;
			value = 0;
		}
	}
	if (over)
		return -ERANGE;
	*out = value;
	return 0;
}

/* Takes a line off *rest: without its CRLF (or lone LF, which is common in the wild). false when no
 * line end is left; *line then is all that is left. */
static inline bool line_next(struct view *rest, struct view *line)
{
	size_t n = view_index(*rest, '\n');
	bool ended = n < rest->n;

	*line = view_head(*rest, n);
	*rest = view_from(*rest, ended ? n + 1 : n);
	if (ended && line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return ended;
}

struct sip_param {
	struct view name;
	struct view value; /* absent for a bare ";name"; a quoted string keeps its quotes */
};

/*
 * Takes the next parameter off *rest, which is empty or begins with LWS or ";". Empty parameters
 * (";;", a trailing ";") are passed over, as devices do send them.
 * 1 and *out, 0 at the end, -EINVAL when something else than a parameter stands there.
 */
int sip_param_next(struct view *rest, struct sip_param *out);

/* A host without port, IPv6 with or without brackets (RFC 5118 4.5): received=, maddr=. */
int sip_host_parse(struct view text, struct sip_hostport *out);

#endif
