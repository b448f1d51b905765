/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes of a session description that a media firewall acts on: direction, RTCP, payload
 * types, ICE, DTLS, bundling. Every other attribute is somebody else's and passes unread.
 */
#include "sdp_attr.h"

#include "sip_scan.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct view sdp_word(struct view *rest)
{
	struct view word = VIEW_NONE;
	size_t n = 0;

	while (rest->n && is_blank(rest->p[0]))
		*rest = view_from(*rest, 1);
	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	if (n)
		word = view_head(*rest, n);
	*rest = view_from(*rest, n);
	return word;
}

int sdp_port(struct view digits, uint16_t *out)
{
	uint64_t port;

	if (scan_uint(digits, UINT16_MAX, &port))
		return -EINVAL;
	*out = port;
	return 0;
}

int sdp_addr_parse(struct view value, struct sdp_addr *out)
{
	struct view nettype = sdp_word(&value);
	struct view addrtype = sdp_word(&value);
	struct view host = sdp_word(&value);
	struct sdp_addr a = { .host = host };

	if (!host.p)
		return -EINVAL;
	a.nettype_addrtype = (struct view){ nettype.p, addrtype.p + addrtype.n - nettype.p };
	/* Multicast carries a TTL and a number of addresses (RFC 8866 5.7). */
	a.host.n = view_index(host, '/');
	a.is_addr = !addr_parse(a.host, &a.addr);
	*out = a;
	return 0;
}

static int read_rtcp(struct view value, struct sdp_media *m, const char **error)
{
	struct view port = sdp_word(&value);

	if (m->has_rtcp)
		return 0;
	*error = "a=rtcp does not hold a port";
	if (sdp_port(port, &m->rtcp_port_value))
		return -EINVAL;
	m->has_rtcp = true;
	m->rtcp_port = port;
	value = view_trim(value);
	*error = "a=rtcp holds an unreadable address";
	if (value.n && sdp_addr_parse(value, &m->rtcp))
		return -EINVAL;
	m->rtcp_has_addr = value.n > 0;
	return 0;
}

/* raddr and rport among the "name value" pairs behind the type (RFC 8839 5.1). */
static int read_related(struct view rest, struct sdp_candidate *c)
{
	struct view name, value;
	uint16_t port;

	for (;;) {
		name = sdp_word(&rest);
		value = sdp_word(&rest);
		if (!value.p)
			return 0;
		if (view_caseeq(name, VIEW("raddr"))) {
			c->raddr = value;
		} else if (view_caseeq(name, VIEW("rport"))) {
			if (sdp_port(value, &port))
				return -EINVAL;
			c->rport = value;
		}
	}
}

/*
 * foundation component transport priority address port "typ" type ... A line of another shape is
 * none of RFC 8839's (older drafts differ) and is left alone: who reads it is not known.
 */
static int read_candidate(struct view value, struct view line, struct sdp *s, struct sdp_media *m,
			  const char **error)
{
	struct sdp_candidate c = { .media = m ? m - s->media : SDP_NO_MEDIA, .line = line };
	struct view word[8];
	uint64_t component, priority;
	uint16_t port;
	int i;

	for (i = 0; i < 8; i++)
		word[i] = sdp_word(&value);
	if (!word[7].p || !view_caseeq(word[6], VIEW("typ")))
		return 0;
	if (s->n_candidates == SDP_CANDIDATES_MAX) {
		*error = "the description has more candidates than are handled";
		return -E2BIG;
	}
	*error = "a=candidate holds an unreadable number";
	if (scan_uint(word[1], 255, &component) || sdp_port(word[5], &port) ||
	    read_related(value, &c))
		return -EINVAL;
	/* An unreadable priority is the peer's affair: the lowest. */
	if (!scan_uint(word[3], UINT32_MAX, &priority))
		c.priority = priority;
	c.type = word[7];
	c.component = component;
	c.is_udp = view_caseeq(word[2], VIEW("udp"));
	c.address = word[4];
	c.port = word[5];
	c.is_addr = !addr_parse(c.address, &c.ep.addr);
	c.ep.port = htons(port);
	s->candidates[s->n_candidates++] = c;
	return 0;
}

/*
 * Which word of the line is an address, and which its port. Of a=altc alone the port is used: no more than
 * a number may stand there, or RTCP would be somewhere else. The others (a=alt is older than RFC 5245) are
 * read because they must not show the inside.
 */
static bool read_alternative(struct view name, struct view value, struct view line, struct sdp *s,
			     const struct sdp_media *m, int *err, const char **error)
{
	static const struct {
		struct view name;
		int host, port;
	} table[] = {
		{ { "altc", 4 }, 2, 3 },
		{ { "ccap", 4 }, 3, -1 },
		{ { "alt", 3 }, 5, -1 },
	};
	struct sdp_alternative a = { .media = m ? m - s->media : SDP_NO_MEDIA, .line = line };
	struct view word[6];
	uint16_t port;
	size_t k = 0;

	while (k < sizeof(table) / sizeof(table[0]) && !view_caseeq(name, table[k].name))
		k++;
	if (k == sizeof(table) / sizeof(table[0]))
		return false;
	for (int i = 0; i < 6; i++)
		word[i] = sdp_word(&value);
	a.host = word[table[k].host];
	if (!a.host.p)
		return true;
	*error = "the description has more alternative addresses than are handled";
	*err = s->n_alternatives == SDP_ALTC_MAX ? -E2BIG : 0;
	if (*err)
		return true;
	a.is_addr = !addr_parse(a.host, &a.ep.addr);
	if (table[k].port > 0 && !word[table[k].port + 1].p && word[table[k].port].p &&
	    !sdp_port(word[table[k].port], &port) && port) {
		a.port = word[table[k].port];
		a.ep.port = htons(port);
	}
	s->alternatives[s->n_alternatives++] = a;
	return true;
}

static bool read_direction(struct view name, enum sdp_direction *out)
{
	if (view_caseeq(name, VIEW("sendrecv")))
		*out = SDP_SENDRECV;
	else if (view_caseeq(name, VIEW("sendonly")))
		*out = SDP_SENDONLY;
	else if (view_caseeq(name, VIEW("recvonly")))
		*out = SDP_RECVONLY;
	else if (view_caseeq(name, VIEW("inactive")))
		*out = SDP_INACTIVE;
	else
		return false;
	return true;
}

static void session_attribute(struct view name, struct view value, struct sdp *s,
			      struct sdp_defaults *d)
{
	if (view_caseeq(name, VIEW("ice-ufrag")))
		d->ice_ufrag = value;
	else if (view_caseeq(name, VIEW("ice-pwd")))
		d->ice_pwd = value;
	else if (view_caseeq(name, VIEW("setup")))
		d->setup = value;
	else if (view_caseeq(name, VIEW("fingerprint")))
		d->fingerprint = true;
	else if (view_caseeq(name, VIEW("group")) && s->n_bundles < SDP_BUNDLES_MAX &&
		 view_caseeq(sdp_word(&value), VIEW("BUNDLE")))
		s->bundle[s->n_bundles++] = value;
}

static void media_attribute(struct view line, struct view name, struct view value,
			    struct sdp_media *m, const struct sdp_defaults *d)
{
	if (view_caseeq(name, VIEW("ice-ufrag"))) {
		m->ice = true;
		m->ice_ufrag = value;
	} else if (view_caseeq(name, VIEW("ice-pwd"))) {
		m->ice_pwd = value;
	} else if (view_caseeq(name, VIEW("ice-mismatch"))) {
		m->ice_mismatch = true;
	} else if (view_caseeq(name, VIEW("remote-candidates"))) {
		if (value.n) /* so there is a colon */
			m->remote_candidates = line;
	} else if (view_caseeq(name, VIEW("bundle-only"))) {
		m->bundle_only = true;
	} else if (view_caseeq(name, VIEW("rtcp-mux"))) {
		m->rtcp_mux = true;
	} else if (view_caseeq(name, VIEW("rtcp-mux-only"))) {
		m->rtcp_mux_only = true;
	} else if (view_caseeq(name, VIEW("rtpmap"))) {
		sdp_rtpmap(value, d->first_type, m);
	} else if (view_caseeq(name, VIEW("rtcp-fb"))) {
		m->feedback = true;
	} else if (view_caseeq(name, VIEW("fingerprint"))) {
		m->dtls = true;
	} else if (view_caseeq(name, VIEW("setup"))) {
		m->setup = value;
	} else if (view_caseeq(name, VIEW("mid"))) {
		m->mid = value;
	}
}

int sdp_attribute(struct view line, struct sdp *s, struct sdp_media *m, struct sdp_defaults *d,
		  const char **error)
{
	struct view text = view_rtrim(view_from(line, 2));
	struct view name = view_head(text, view_index(text, ':'));
	struct view value = view_from(text, name.n < text.n ? name.n + 1 : name.n);
	int err = 0;

	if (read_direction(name, m ? &m->direction : &d->direction))
		return 0;
	if (view_caseeq(name, VIEW("candidate")))
		return read_candidate(value, line, s, m, error);
	if (read_alternative(name, value, line, s, m, &err, error))
		return err;
	if (!m) {
		session_attribute(name, value, s, d);
		return 0;
	}
	if (view_caseeq(name, VIEW("rtcp")))
		return read_rtcp(value, m, error);
	media_attribute(line, name, value, m, d);
	return 0;
}

bool sdp_remote_candidate_next(struct view *rest, struct sdp_remote_candidate *out)
{
	struct view component = sdp_word(rest);
	uint16_t port;

	out->address = sdp_word(rest);
	out->port = sdp_word(rest);
	if (!out->port.p || scan_uint(component, 255, &out->component) ||
	    sdp_port(out->port, &port) || addr_parse(out->address, &out->ep.addr))
		return false;
	out->ep = ep_make(out->ep.addr, port);
	return true;
}
