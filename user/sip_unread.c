// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kind of bytes that no parser of ours takes for SIP.
 */
#include "sip_unread.h"

#include "rf_media.h"
#include "sip_scan.h"

#define TOO_SHORT 4 /* "jaK" and the like: no start line is so short */

static bool at(struct view v, size_t i, struct view what)
{
	return v.n - i >= what.n && !strncasecmp(v.p + i, what.p, what.n);
}

bool sip_holds_text(struct view v)
{
	static const struct view words[] = { VIEW("SIP/"), VIEW("sip:"), VIEW("sips:"),
					     VIEW("tel:") };

	for (size_t i = 0; i < v.n; i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
			if (at(v, i, words[k]))
				return true;
	return false;
}

/* Its end tells it from a Via, where "SIP/2.0" goes on, and from a status line. */
bool sip_holds_request(struct view v)
{
	static const struct view version = VIEW("SIP/2.0");

	for (size_t i = 1; i + version.n <= v.n; i++) {
		struct view rest = view_from(v, i + version.n);

		if (!at(v, i, version) || !is_lws(v.p[i - 1]) || v.p[i - 1] == '\n')
			continue;
		while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
			rest = view_from(rest, 1);
		if (!rest.n || rest.p[0] == '\r' || rest.p[0] == '\n' || !rest.p[0])
			return true;
	}
	return false;
}

static bool is_blank(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] && !is_lws(v.p[i]))
			return false;
	return true;
}

static bool is_stun(struct view v)
{
	return v.n >= 20 && v.n <= STUN_KEEP_ALIVE_MAX && !(v.p[0] & 0xc0) &&
	       rf_shape_stun((const __u8 *)v.p, (__u32)v.n) &&
	       20u + rf_be16((const __u8 *)v.p + 2) == v.n && !sip_holds_text(v);
}

enum sip_unread sip_unread_kind(struct view v)
{
	static const struct view status = VIEW("SIP/2.0 ");

	if (v.n <= TOO_SHORT || is_blank(v) || is_stun(v))
		return SIP_UNREAD_KEEP_ALIVE;
	if (at(v, 0, status) && v.n > status.n && is_digit(v.p[status.n]) && !sip_holds_request(v))
		return SIP_UNREAD_RESPONSE;
	return SIP_UNREAD_OTHER;
}
