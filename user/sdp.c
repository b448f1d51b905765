/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session description: its lines, and the m=, c= and o= lines that say where media goes
 * (RFC 8866). Tolerant about what does not matter to that: line ends, missing s= and t=, the order
 * of lines within a section, unknown lines.
 */
#include "sdp.h"

#include "sdp_attr.h"
#include "sip_scan.h"

static int fail(const char **error, const char *sentence)
{
	*error = sentence;
	return -EINVAL;
}

/* user sess-id sess-version nettype addrtype host. Some devices have blanks in the user name: the
 * last five words count. An o= of another shape is left alone, nobody sends media by it. */
static void read_origin(struct view value, struct sdp *s)
{
	struct view rest = value, word[5] = { { 0 } }, next;
	struct sdp_addr o;
	int n = 0;

	while ((next = sdp_word(&rest)).p) {
		memmove(word, word + 1, sizeof(word) - sizeof(word[0]));
		word[4] = next;
		n++;
	}
	if (n < 6)
		return;
	if (sdp_addr_parse((struct view){ word[2].p, word[4].p + word[4].n - word[2].p }, &o))
		return;
	s->has_o = true;
	s->o = o;
	s->o_session_id = word[0];
	s->o_version = word[1];
}

static int read_connection(struct view value, struct sdp *s, struct sdp_media *m,
			   const char **error)
{
	struct sdp_addr c;

	if (sdp_addr_parse(value, &c))
		return fail(error, "c= does not hold network type, address type and address");
	if (m && m->has_c) {
		m->more_c++;
	} else if (m) {
		m->has_c = true;
		m->c = c;
	} else if (!s->has_c) {
		s->has_c = true;
		s->c = c;
	}
	return 0;
}

static bool begins(struct view text, struct view prefix)
{
	return text.n >= prefix.n && view_caseeq(view_head(text, prefix.n), prefix);
}

static void classify_proto(struct sdp_media *m)
{
	static const struct {
		struct view text;
		enum sdp_proto proto;
		bool secure, dtls, feedback;
	} table[] = {
#define P(text, ...) { { text, sizeof(text) - 1 }, __VA_ARGS__ }
		P("RTP/AVP", SDP_P_RTP, false, false, false),
		P("RTP/AVPF", SDP_P_RTP, false, false, true),
		P("RTP/SAVP", SDP_P_RTP, true, false, false),
		P("RTP/SAVPF", SDP_P_RTP, true, false, true),
		P("UDP/TLS/RTP/SAVP", SDP_P_RTP, true, true, false),
		P("UDP/TLS/RTP/SAVPF", SDP_P_RTP, true, true, true),
		P("udptl", SDP_P_UDPTL, false, false, false),
		P("UDP/TLS/UDPTL", SDP_P_UDPTL, true, true, false),
		P("UDP/DTLS/SCTP", SDP_P_SCTP, true, true, false),
		P("DTLS/SCTP", SDP_P_SCTP, true, true, false),
		P("UDP/BFCP", SDP_P_BFCP, false, false, false),
		P("UDP/TLS/BFCP", SDP_P_BFCP_DTLS, true, true, false),
#undef P
	};
	size_t i;

	m->proto = SDP_P_OTHER;
	if (view_caseeq(m->proto_text, VIEW("TCP")) || begins(m->proto_text, VIEW("TCP/"))) {
		m->proto = SDP_P_TCP;
		return;
	}
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (view_caseeq(m->proto_text, table[i].text)) {
			m->proto = table[i].proto;
			m->secure = table[i].secure;
			m->dtls |= table[i].dtls;
			m->feedback = table[i].feedback;
		}
	}
}

/* 49170 or 49170/2: pairs of ports from there on (RFC 8866 5.14). */
static int read_port(struct view word, struct sdp_media *m, const char **error)
{
	uint64_t count = 1;

	m->port = view_head(word, view_index(word, '/'));
	if (sdp_port(m->port, &m->port_value))
		return fail(error, "m= does not hold a port");
	if (m->port.n < word.n &&
	    (scan_uint(view_from(word, m->port.n + 1), UINT16_MAX, &count) || !count))
		return fail(error, "m= holds an unreadable number of ports");
	if (m->port_value && m->port_value + 2 * (count - 1) > UINT16_MAX)
		return fail(error, "m= asks for ports beyond 65535");
	m->port_count = count;
	return 0;
}

/* Returns the first payload type, -1 when the first format is none. */
static int read_formats(struct view rest, struct sdp_media *m)
{
	struct view word;
	uint64_t type;
	bool first = true;
	int first_type = -1;

	while ((word = sdp_word(&rest)).p) {
		if (!scan_uint(word, 127, &type)) {
			m->payload_types[type / 8] |= 1u << type % 8;
			if (first)
				first_type = type;
		}
		first = false;
	}
	if (first_type >= 0)
		sdp_static_payload(first_type, m);
	return first_type;
}

static int read_media(struct view line, struct sdp *s, struct sdp_defaults *d, const char **error)
{
	struct view rest = view_from(line, 2), port;
	struct sdp_media *m;

	if (s->n_media == SDP_MEDIA_MAX) {
		*error = "the description has more media sections than are handled";
		return -E2BIG;
	}
	m = &s->media[s->n_media];
	*m = (struct sdp_media){ .line = line, .direction = d->direction, .dtls = d->fingerprint };
	m->ice = d->ice_ufrag.p;
	m->ice_ufrag = d->ice_ufrag;
	m->ice_pwd = d->ice_pwd;
	m->setup = d->setup;
	m->media = sdp_word(&rest);
	port = sdp_word(&rest);
	m->proto_text = sdp_word(&rest);
	if (!m->proto_text.p)
		return fail(error, "m= does not hold media, port and protocol");
	if (read_port(port, m, error))
		return -EINVAL;
	classify_proto(m);
	d->first_type = m->proto == SDP_P_RTP ? read_formats(rest, m) : -1;
	s->n_media++;
	return 0;
}

static int read_line(struct view line, struct sdp *s, struct sdp_defaults *d, const char **error)
{
	struct sdp_media *m = s->n_media ? &s->media[s->n_media - 1] : NULL;
	struct view value;

	/* What is no line of SDP is ignored by every reader, so by us. */
	if (line.n < 2 || line.p[1] != '=')
		return 0;
	value = view_from(line, 2);
	switch (line.p[0]) {
	case 'o':
		if (!m && !s->has_o)
			read_origin(value, s);
		return 0;
	case 'c': return read_connection(value, s, m, error);
	case 'm': return read_media(line, s, d, error);
	case 'a': return sdp_attribute(line, s, m, d, error);
	default: return 0;
	}
}

static int read_lines(struct view text, bool fragment, struct sdp *s, const char **error)
{
	struct sdp_defaults defaults = { .direction = SDP_SENDRECV, .first_type = -1 };
	struct view rest = text, line;
	bool begun = fragment;
	int err;

	while (rest.n) {
		line_next(&rest, &line);
		line = view_rtrim(line);
		if (!line.n)
			continue;
		if (!begun && (line.n < 2 || memcmp(line.p, "v=", 2)))
			return fail(error, "the description does not begin with v=");
		begun = true;
		/* Readers differ on whether a lone CR ends a line: what follows could be a c= to one
		 * of them. */
		if (memchr(line.p, '\r', line.n) || memchr(line.p, 0, line.n))
			return fail(error, "a line holds a lone CR or a NUL");
		err = read_line(line, s, &defaults, error);
		if (err)
			return err;
	}
	return begun ? 0 : fail(error, "the description is empty");
}

/* What only the whole description tells: where sections end, and which c= holds. */
static int complete(struct view text, bool fragment, struct sdp *s, const char **error)
{
	uint16_t i;

	for (i = 0; i < s->n_media; i++) {
		struct sdp_media *m = &s->media[i];
		const char *end = i + 1 < s->n_media ? s->media[i + 1].line.p : text.p + text.n;

		m->ice = m->ice && !m->ice_mismatch;
		m->section = (struct view){ m->line.p, end - m->line.p };
		if (!m->has_c && s->has_c)
			m->c = s->c;
		else if (!m->has_c && m->port_value && !fragment)
			return fail(error, "a media section has no c= line");
	}
	return 0;
}

static int parse(struct view text, bool fragment, struct sdp *out, const char **error)
{
	const char *why = "";
	struct sdp s;
	int err;

	/* The tables stay uninitialised on purpose: some 20 KB, of which a call uses few. */
	memset(&s, 0, offsetof(struct sdp, media));
	s.raw = text;
	s.n_media = s.n_candidates = 0;
	s.n_alternatives = s.n_bundles = 0;
	err = read_lines(text, fragment, &s, &why);
	if (!err)
		err = complete(text, fragment, &s, &why);
	if (err) {
		if (error)
			*error = why;
		return err;
	}
	memcpy(out, &s, offsetof(struct sdp, media));
	memcpy(out->media, s.media, s.n_media * sizeof(s.media[0]));
	out->n_media = s.n_media;
	memcpy(out->candidates, s.candidates, s.n_candidates * sizeof(s.candidates[0]));
	out->n_candidates = s.n_candidates;
	memcpy(out->alternatives, s.alternatives, s.n_alternatives * sizeof(s.alternatives[0]));
	out->n_alternatives = s.n_alternatives;
	memcpy(out->bundle, s.bundle, s.n_bundles * sizeof(s.bundle[0]));
	out->n_bundles = s.n_bundles;
	return 0;
}

int sdp_parse(struct view text, struct sdp *out, const char **error)
{
	return parse(text, false, out, error);
}

int sdp_parse_fragment(struct view text, struct sdp *out, const char **error)
{
	return parse(text, true, out, error);
}
