/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message bodies: which bytes are the session description, be it alone or a part of a multipart
 * (RFC 3261 7.4, RFC 5621, RFC 2046 5.1.1).
 */
#include "sip_body.h"

#include "sip_header.h"
#include "sip_scan.h"

/* type "/" subtype, with white space around the slash as RFC 3261's SLASH allows. */
static bool media_type_is(struct view text, struct view type, struct view subtype)
{
	size_t slash = view_index(text, '/');

	if (slash == text.n || !view_caseeq(view_trim(view_head(text, slash)), type))
		return false;
	return !subtype.n || view_caseeq(view_trim(view_from(text, slash + 1)), subtype);
}

static struct view find_boundary(struct view content_type_value)
{
	struct view rest = view_from(content_type_value, view_index(content_type_value, ';'));
	struct view none = VIEW_NONE;
	struct sip_param param;

	while (sip_param_next(&rest, &param) > 0) {
		if (!view_caseeq(param.name, VIEW("boundary")))
			continue;
		/* Quoted pairs would make the text differ from the bytes; nobody needs them. */
		if (param.value.n >= 2 && param.value.p[0] == '"')
			param.value = (struct view){ param.value.p + 1, param.value.n - 2 };
		return param.value.n ? param.value : none;
	}
	return none;
}

enum delimiter { DELIMITER_NONE, DELIMITER_PART, DELIMITER_END };

static enum delimiter classify(struct view line, struct view boundary)
{
	if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) ||
	    memcmp(line.p + 2, boundary.p, boundary.n))
		return DELIMITER_NONE;
	line = view_rtrim(view_from(line, boundary.n + 2));
	if (!line.n)
		return DELIMITER_PART;
	return view_eq(line, VIEW("--")) ? DELIMITER_END : DELIMITER_NONE;
}

bool sip_parts_begin(struct sip_parts *it, struct view content_type_value, struct view body)
{
	struct view type =
		view_rtrim(view_head(content_type_value, view_index(content_type_value, ';')));
	enum delimiter found = DELIMITER_NONE;
	struct view line;

	if (!media_type_is(type, VIEW("multipart"), VIEW("")))
		return false;
	it->boundary = find_boundary(content_type_value);
	if (!it->boundary.p)
		return false;
	it->rest = body;
	/* What stands before the first delimiter is a preamble, not a part. */
	while (found == DELIMITER_NONE && it->rest.n) {
		line_next(&it->rest, &line);
		found = classify(line, it->boundary);
	}
	return found == DELIMITER_PART;
}

/* Takes a part's bytes off it->rest; the line end before a delimiter belongs to the delimiter. */
static struct view take_part(struct sip_parts *it)
{
	struct view part = { it->rest.p, 0 }, line, rest = it->rest;
	enum delimiter found;

	while (rest.n) {
		line_next(&rest, &line);
		found = classify(line, it->boundary);
		if (found == DELIMITER_NONE)
			continue;
		part.n = line.p - part.p;
		if (part.n && part.p[part.n - 1] == '\n')
			part.n--;
		if (part.n && part.p[part.n - 1] == '\r')
			part.n--;
		it->rest = found == DELIMITER_PART ? rest : view_from(rest, rest.n);
		return part;
	}
	/* The closing delimiter is missing: the rest is what readers take for the part. */
	part = it->rest;
	it->rest = view_from(it->rest, it->rest.n);
	return part;
}

static void take_part_header(struct sip_part *part, struct view name, struct view value)
{
	switch (sip_header_lookup(name)) {
	case SIP_H_CONTENT_TYPE:
		part->content_type_value = value;
		part->content_type = view_rtrim(view_head(value, view_index(value, ';')));
		break;
	case SIP_H_CONTENT_LENGTH: part->content_length = value; break;
	case SIP_H_CONTENT_ENCODING: part->encoded |= !view_caseeq(value, VIEW("identity")); break;
	default:
		if (view_caseeq(name, VIEW("Content-Transfer-Encoding")))
			part->encoded |= view_caseeq(value, VIEW("base64")) ||
					 view_caseeq(value, VIEW("quoted-printable"));
		break;
	}
}

bool sip_part_next(struct sip_parts *it, struct sip_part *out)
{
	struct view rest, line, next;
	size_t colon;

	if (!it->rest.n)
		return false;
	*out = (struct sip_part){ 0 };
	rest = take_part(it);
	while (rest.n) {
		line_next(&rest, &line);
		if (!line.n)
			break;
		while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t')) {
			line_next(&rest, &next);
			line.n = next.p + next.n - line.p;
		}
		colon = view_index(line, ':');
		if (colon < line.n)
			take_part_header(out, view_rtrim(view_head(line, colon)),
					 view_trim(view_from(line, colon + 1)));
	}
	out->body = rest;
	return true;
}

static bool is_encoded(const struct sip_msg *m)
{
	uint16_t i;

	for (i = 0; i < m->n_headers; i++) {
		if (m->headers[i].id == SIP_H_CONTENT_ENCODING &&
		    !view_caseeq(m->headers[i].value, VIEW("identity")))
			return true;
	}
	return false;
}

/* First readable one of its type among the parts; a part that is a multipart itself is looked
 * into (multipart/mixed around multipart/alternative does occur). */
static struct view application_body(const struct sip_msg *m, struct view subtype)
{
	struct sip_parts outer, inner;
	struct sip_part part, nested;
	struct view none = VIEW_NONE;

	if (!m->body.n || is_encoded(m))
		return none;
	if (media_type_is(m->content_type, VIEW("application"), subtype))
		return m->body;
	if (!sip_parts_begin(&outer, m->content_type_value, m->body))
		return none;
	while (sip_part_next(&outer, &part)) {
		if (part.encoded)
			continue;
		if (media_type_is(part.content_type, VIEW("application"), subtype) && part.body.n)
			return part.body;
		if (!sip_parts_begin(&inner, part.content_type_value, part.body))
			continue;
		while (sip_part_next(&inner, &nested)) {
			if (!nested.encoded && nested.body.n &&
			    media_type_is(nested.content_type, VIEW("application"), subtype))
				return nested.body;
		}
	}
	return none;
}

struct view sip_sdp_body(const struct sip_msg *m)
{
	return application_body(m, VIEW("sdp"));
}

struct view sip_sdp_fragment_body(const struct sip_msg *m)
{
	return application_body(m, VIEW("trickle-ice-sdpfrag"));
}
