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

/* "0 PCMU/8000/1", of interest for the first payload type of the m= line only. */
static void read_rtpmap(struct view value, unsigned int first, struct sdp_media *m)
{
	struct view number = sdp_word(&value);
	struct view encoding = sdp_word(&value), clock;
	uint64_t type, rate;

	if (scan_uint(number, 127, &type) || type != first || !encoding.n)
		return;
	m->first_encoding = view_head(encoding, view_index(encoding, '/'));
	m->clock_rate = 0;
	if (m->first_encoding.n == encoding.n)
		return;
	clock = view_from(encoding, m->first_encoding.n + 1);
	clock.n = view_index(clock, '/');
	if (!scan_uint(clock, UINT32_MAX, &rate))
		m->clock_rate = rate;
}

void sdp_static_payload(unsigned int type, struct sdp_media *m)
{
	static const struct {
		const char *name;
		uint32_t clock;
	} table[] = {
		[0] = { "PCMU", 8000 },	  [3] = { "GSM", 8000 },    [4] = { "G723", 8000 },
		[5] = { "DVI4", 8000 },	  [6] = { "DVI4", 16000 },  [7] = { "LPC", 8000 },
		[8] = { "PCMA", 8000 },	  [9] = { "G722", 8000 },   [10] = { "L16", 44100 },
		[11] = { "L16", 44100 },  [12] = { "QCELP", 8000 }, [13] = { "CN", 8000 },
		[14] = { "MPA", 90000 },  [15] = { "G728", 8000 },  [16] = { "DVI4", 11025 },
		[17] = { "DVI4", 22050 }, [18] = { "G729", 8000 },  [25] = { "CelB", 90000 },
		[26] = { "JPEG", 90000 }, [28] = { "nv", 90000 },   [31] = { "H261", 90000 },
		[32] = { "MPV", 90000 },  [33] = { "MP2T", 90000 }, [34] = { "H263", 90000 },
	};

	if (type < sizeof(table) / sizeof(table[0]) && table[type].name) {
		m->first_encoding = view_of(table[type].name);
		m->clock_rate = table[type].clock;
	}
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
		if (d->first_type >= 0)
			read_rtpmap(value, d->first_type, m);
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

	if (read_direction(name, m ? &m->direction : &d->direction))
		return 0;
	if (view_caseeq(name, VIEW("candidate")))
		return read_candidate(value, line, s, m, error);
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
