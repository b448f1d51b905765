/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One SIP message: start line, headers, body, and the rules that hold between them (RFC 3261 7,
 * 8.1.1, 18.3). URIs and header values are read in sip_uri.c and sip_value.c.
 */
#include "sip_msg.h"

#include <errno.h>

#include "sip_header.h"
#include "sip_osip.h"
#include "sip_scan.h"
#include "sip_value.h"

#define EXPIRES_MAX UINT32_MAX /* RFC 3261 20.19: 2^32 - 1 seconds */

static int fail(const char **error, const char *sentence)
{
	*error = sentence;
	return -EINVAL;
}

/* Would an element at this port take the datagram for SIP? Decides between "not SIP" and
 * "malformed", so that a broken message is never handled as a keep-alive. */
static bool looks_like_sip(struct view line)
{
	size_t n = token_length(line);
	struct view v;

	if (line.n >= 4 && !strncasecmp(line.p, "SIP/", 4))
		return true;
	if (!n || n == line.n || !is_lws(line.p[n]))
		return false;
	if (sip_method_lookup(view_head(line, n)) != SIP_M_OTHER)
		return true;
	for (v = view_from(line, n); v.n >= 5;
	     v = view_from(v, view_index(view_from(v, 1), ' ') + 1)) {
		if (!strncasecmp(v.p, " SIP/", 5))
			return true;
	}
	return false;
}

/* SIP/2.0 SP 3DIGIT SP reason (RFC 3261 7.2). */
static int read_status_line(struct view line, struct sip_msg *m, const char **error)
{
	uint64_t status;

	if (line.n < 11 || strncasecmp(line.p, "SIP/2.0 ", 8))
		return fail(error, "the status line does not begin with SIP/2.0 and a status code");
	if (scan_uint((struct view){ line.p + 8, 3 }, 699, &status) || status < 100)
		return fail(error, "the status code is not one of 100 to 699");
	/* The blank before an empty reason is mandatory, yet some devices leave it out. */
	if (line.n > 11 && line.p[11] != ' ')
		return fail(error, "the status code is not one of 100 to 699");
	m->status = status;
	m->reason = view_from(line, line.n > 11 ? 12 : 11);
	return 0;
}

/* Method SP Request-URI SP SIP/2.0 (RFC 3261 7.1): single blanks, nothing behind. */
static int read_request_line(struct view line, struct sip_msg *m, const char **error)
{
	struct view rest;
	size_t n = token_length(line);

	if (!n || n == line.n || line.p[n] != ' ')
		return fail(error, "the request line does not begin with a method");
	m->is_request = true;
	m->method_text = view_head(line, n);
	m->method = sip_method_lookup(m->method_text);
	rest = view_from(line, n + 1);
	n = view_index(rest, ' ');
	if (n == rest.n || !view_caseeq(view_from(rest, n), VIEW(" SIP/2.0")))
		return fail(error, "the request line does not end with SIP/2.0");
	if (sip_uri_parse(view_head(rest, n), &m->ruri))
		return fail(error, "the Request-URI is unreadable");
	return 0;
}

/* Takes one header with its folded lines. 1, 0 at the empty line, -EINVAL. */
static int take_header(struct view *rest, struct sip_header *h, const char **error)
{
	struct view line, all;
	size_t n;

	if (!line_next(rest, &line))
		return fail(error, "the headers do not end with an empty line");
	if (!line.n)
		return 0;
	all = line;
	/* A folded line begins with white space (7.3.1). */
	while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
		if (memchr(line.p, '\r', line.n))
			break;
		if (!line_next(rest, &line))
			return fail(error, "the headers do not end with an empty line");
		all.n = line.p + line.n - all.p;
	}
	/* Some readers, libosip2 among them, end a line at a lone CR: it would hide a header. */
	if (memchr(line.p, '\r', line.n))
		return fail(error, "a carriage return stands alone in a header");
	n = token_length(all);
	h->name = view_head(all, n);
	all = view_ltrim(view_from(all, n));
	if (!n || !all.n || all.p[0] != ':')
		return fail(error, "a line is not a header: name, colon, value");
	h->value = view_trim(view_from(all, 1));
	h->id = sip_header_lookup(h->name);
	return 1;
}

static enum sip_parse_result read_values(struct sip_msg *m, const struct sip_header *h,
					 const char **error)
{
	struct view rest = h->value, text;

	while (sip_value_next(h->id, &rest, &text)) {
		if (!text.n)
			continue;
		if (m->n_values == SIP_VALUES_MAX) {
			*error = "the message has more URIs than are handled";
			return SIP_TOO_LARGE;
		}
		if (sip_value_parse(h->id, text, &m->values[m->n_values], error))
			return SIP_MALFORMED;
		m->values[m->n_values++].header = m->n_headers;
	}
	return SIP_OK;
}

static enum sip_parse_result read_headers(struct view *rest, struct sip_msg *m, const char **error)
{
	enum sip_parse_result result;
	struct sip_header *h;
	int more;

	for (;;) {
		struct sip_header header;

		more = take_header(rest, &header, error);
		if (more <= 0)
			return more ? SIP_MALFORMED : SIP_OK;
		if (m->n_headers == SIP_HEADERS_MAX) {
			*error = "the message has more headers than are handled";
			return SIP_TOO_LARGE;
		}
		h = &m->headers[m->n_headers];
		*h = header;
		if (sip_header_has_values(h->id)) {
			result = read_values(m, h, error);
			if (result != SIP_OK)
				return result;
		}
		m->n_headers++;
	}
}

static int read_cseq(struct view value, struct sip_msg *m, const char **error)
{
	struct view method;
	uint64_t number;
	size_t n;

	for (n = 0; n < value.n && is_digit(value.p[n]); n++)
		;
	method = view_ltrim(view_from(value, n));
	if (scan_uint(view_head(value, n), UINT32_MAX, &number) || !method.n ||
	    token_length(method) != method.n || method.p == value.p + n)
		return fail(error, "CSeq is not a 32-bit number and a method");
	m->cseq = number;
	if (!m->is_request) {
		m->method_text = method;
		m->method = sip_method_lookup(method);
	} else if (!view_eq(method, m->method_text)) {
		return fail(error, "CSeq names another method than the request line");
	}
	return 0;
}

static int read_call_id(struct view value, struct sip_msg *m, const char **error)
{
	size_t i;

	for (i = 0; i < value.n; i++) {
		if (is_space_or_ctl(value.p[i]))
			return fail(error, "Call-ID holds white space");
	}
	if (!value.n)
		return fail(error, "Call-ID is empty");
	m->call_id = value;
	return 0;
}

/* Seconds up to a ";"; -1 when unreadable, as if absent (RFC 3261 20.19 leaves a default). */
static int64_t read_seconds(struct view value)
{
	uint64_t seconds;
	int err;

	err = scan_uint(view_rtrim(view_head(value, view_index(value, ';'))), EXPIRES_MAX,
			&seconds);
	if (err == -ERANGE)
		return EXPIRES_MAX;
	return err ? -1 : (int64_t)seconds;
}

static int read_content_length(struct view value, struct sip_msg *m, const char **error)
{
	uint64_t now, before;

	/* -ERANGE is more than any datagram holds. */
	if (scan_uint(value, UINT32_MAX, &now))
		return fail(error, "Content-Length is not a length");
	if (m->content_length.p) {
		if (scan_uint(m->content_length, UINT32_MAX, &before) || before != now)
			return fail(error, "two Content-Length headers differ");
		return 0;
	}
	m->content_length = value;
	return 0;
}

static int read_scalar(const struct sip_header *h, struct sip_msg *m, const char **error)
{
	struct view v = h->value;

	switch (h->id) {
	case SIP_H_CALL_ID: return read_call_id(v, m, error);
	case SIP_H_CSEQ: return read_cseq(v, m, error);
	case SIP_H_CONTENT_LENGTH: return read_content_length(v, m, error);
	case SIP_H_CONTENT_TYPE:
		m->content_type_value = v;
		m->content_type = view_rtrim(view_head(v, view_index(v, ';')));
		return 0;
	case SIP_H_EXPIRES:
		if (m->expires < 0)
			m->expires = read_seconds(v);
		return 0;
	case SIP_H_SESSION_EXPIRES:
		if (m->session_expires < 0)
			m->session_expires = read_seconds(v);
		return 0;
	default: return 0;
	}
}

/* Headers that name the dialog, the transaction or the body's kind stand once, so that no two
 * readers can choose differently. */
static int read_scalars(struct sip_msg *m, const char **error)
{
	unsigned int seen[SIP_H_WARNING + 1] = { 0 };
	uint16_t i;

	m->expires = m->session_expires = -1;
	for (i = 0; i < m->n_headers; i++) {
		seen[m->headers[i].id]++;
		if (read_scalar(&m->headers[i], m, error))
			return -EINVAL;
	}
	if (seen[SIP_H_FROM] > 1 || seen[SIP_H_TO] > 1 || seen[SIP_H_CALL_ID] > 1 ||
	    seen[SIP_H_CSEQ] > 1 || seen[SIP_H_CONTENT_TYPE] > 1)
		return fail(error, "From, To, Call-ID, CSeq or Content-Type stands more than once");
	if (!m->call_id.p)
		return fail(error, "the message has no Call-ID");
	return seen[SIP_H_CSEQ] ? 0 : fail(error, "the message has no CSeq");
}

static int find_values(struct sip_msg *m, const char **error)
{
	uint16_t i;

	m->via = m->from = m->to = m->contact = NULL;
	for (i = 0; i < m->n_values; i++) {
		const struct sip_value *v = &m->values[i];

		if (v->id == SIP_H_VIA && !m->via)
			m->via = v;
		else if (v->id == SIP_H_FROM)
			m->from = v;
		else if (v->id == SIP_H_TO)
			m->to = v;
		else if (v->id == SIP_H_CONTACT && !m->contact)
			m->contact = v;
	}
	if (!m->via || !m->from || !m->to)
		return fail(error, "the message has no Via, From or To");
	return 0;
}

/* RFC 3261 18.3: over UDP a longer Content-Length is an error, bytes behind a shorter one are not
 * part of the message, and without one the body is all that is left. */
static int read_body(struct view rest, struct sip_msg *m, const char **error)
{
	uint64_t n = rest.n;

	if (m->content_length.p) {
		scan_uint(m->content_length, UINT32_MAX, &n);
		if (n > rest.n)
			return fail(error, "Content-Length is larger than the body");
	}
	m->body = view_head(rest, n);
	m->raw.n = rest.p + n - m->raw.p;
	return 0;
}

/* A NUL is legal only as a quoted-pair in a quoted string (RFC 4475 3.1.1.2). */
static bool has_stray_nul(struct view headers)
{
	const char *nul;

	while ((nul = headers.n ? memchr(headers.p, 0, headers.n) : NULL)) {
		if (nul == headers.p || nul[-1] != '\\')
			return true;
		headers = view_from(headers, nul + 1 - headers.p);
	}
	return false;
}

static enum sip_parse_result read_message(struct view buf, struct sip_msg *m, const char **error)
{
	enum sip_parse_result result;
	struct view rest, line, all;
	bool request;

	/* Only what is not filled in any case; the tables stay uninitialised on purpose. */
	memset(m, 0, offsetof(struct sip_msg, headers));
	m->raw = buf;
	m->n_headers = m->n_values = 0;
	m->call_id = m->content_type = m->content_type_value = m->content_length = VIEW_NONE;

	/* RFC 3261 7.5: CRLFs before the start line are ignored, but they leave as they came. */
	for (rest = buf; rest.n && (rest.p[0] == '\r' || rest.p[0] == '\n');
	     rest = view_from(rest, 1))
		;
	all = rest;
	line_next(&rest, &line);
	if (!looks_like_sip(line)) {
		*error = "not a SIP message";
		return SIP_NOT_SIP;
	}
	request = strncasecmp(line.p, "SIP/", 4);
	if (memchr(line.p, '\r', line.n)) {
		*error = "a carriage return stands alone in the start line";
		return SIP_MALFORMED;
	}
	if (request ? read_request_line(line, m, error) : read_status_line(line, m, error))
		return SIP_MALFORMED;
	result = read_headers(&rest, m, error);
	if (result != SIP_OK)
		return result;
	if (has_stray_nul(view_head(all, rest.p - all.p))) {
		*error = "a NUL byte stands in the headers";
		return SIP_MALFORMED;
	}
	if (read_scalars(m, error) || find_values(m, error) || read_body(rest, m, error))
		return SIP_MALFORMED;
	return SIP_OK;
}

static const struct sip_value *rebase(const struct sip_msg *from, const struct sip_value *v,
				      const struct sip_msg *to)
{
	return v ? &to->values[v - from->values] : NULL;
}

/* Copies what is in use: the tables are some 80 KB, a message fills a twentieth of them. */
static void publish(const struct sip_msg *m, struct sip_msg *out)
{
	const size_t tail = offsetof(struct sip_msg, via);

	memcpy(out, m, offsetof(struct sip_msg, headers));
	memcpy(out->headers, m->headers, m->n_headers * sizeof(m->headers[0]));
	out->n_headers = m->n_headers;
	memcpy(out->values, m->values, m->n_values * sizeof(m->values[0]));
	out->n_values = m->n_values;
	memcpy((char *)out + tail, (const char *)m + tail, sizeof(*m) - tail);
	out->via = rebase(m, m->via, out);
	out->from = rebase(m, m->from, out);
	out->to = rebase(m, m->to, out);
	out->contact = rebase(m, m->contact, out);
}

enum sip_parse_result sip_parse(const char *buf, size_t n, struct sip_msg *out, const char **error)
{
	enum sip_parse_result result;
	const char *why = "";
	struct sip_msg m;
	int err = 0;

	result = read_message((struct view){ buf, n }, &m, &why);
	if (result == SIP_OK)
		err = sip_osip_agrees(&m, &why);
	if (err)
		result = err == -ENOMEM ? SIP_NO_MEMORY : SIP_MALFORMED;
	if (result == SIP_OK)
		publish(&m, out);
	else if (error)
		*error = why;
	return result;
}
