/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIP URIs (RFC 3261 19.1, 25.1), host[:port] and parameter lists, read as views.
 */
#include "sip_msg.h"
#include "sip_scan.h"

static bool is_host_char(char c)
{
	return is_alnum(c) || c == '.' || c == '-' || c == '_';
}

/* Length of the host that v begins with, 0 when there is none. */
static size_t host_length(struct view v)
{
	size_t n = 0;

	if (v.n && v.p[0] == '[') {
		n = view_index(v, ']');
		return n < v.n ? n + 1 : 0;
	}
	while (n < v.n && is_host_char(v.p[n]))
		n++;
	return n;
}

/* Via allows white space around the colon (COLON of RFC 3261 25.1): .whole covers it too. */
int sip_hostport_parse(struct view text, struct sip_hostport *out)
{
	struct sip_hostport hp = { .whole = text };
	struct view rest;
	uint64_t port;
	size_t n = host_length(text);

	if (!n)
		return -EINVAL;
	hp.host = view_head(text, n);
	hp.is_addr = !addr_parse(hp.host, &hp.addr);
	if (text.p[0] == '[' && !hp.is_addr)
		return -EINVAL;
	rest = view_ltrim(view_from(text, n));
	if (rest.n) {
		if (rest.p[0] != ':')
			return -EINVAL;
		hp.port = view_ltrim(view_from(rest, 1));
		if (scan_uint(hp.port, UINT16_MAX, &port))
			return -EINVAL;
		hp.port_value = port;
	} else if (n != text.n) {
		return -EINVAL; /* white space is the caller's to trim */
	}
	*out = hp;
	return 0;
}

int sip_host_parse(struct view text, struct sip_hostport *out)
{
	struct sip_hostport hp = { .whole = text, .host = text };

	hp.is_addr = !addr_parse(text, &hp.addr);
	if (hp.is_addr) {
		*out = hp;
		return 0;
	}
	if (sip_hostport_parse(text, &hp) || hp.port.p)
		return -EINVAL;
	*out = hp;
	return 0;
}

int sip_param_next(struct view *rest, struct sip_param *out)
{
	struct view v = view_ltrim(*rest);
	size_t n;

	if (v.n && v.p[0] != ';')
		return -EINVAL;
	while (v.n && (v.p[0] == ';' || is_lws(v.p[0])))
		v = view_from(v, 1);
	if (!v.n) {
		*rest = v;
		return 0;
	}
	for (n = 0; n < v.n && v.p[n] != ';' && v.p[n] != '=' && !is_lws(v.p[n]); n++)
		;
	out->name = view_head(v, n);
	out->value = VIEW_NONE;
	v = view_ltrim(view_from(v, n));
	if (v.n && v.p[0] == '=') {
		v = view_ltrim(view_from(v, 1));
		if (v.n && v.p[0] == '"')
			n = quoted_length(v);
		else
			for (n = 0; n < v.n && v.p[n] != ';' && !is_lws(v.p[n]); n++)
				;
		if (!n && v.n && v.p[0] == '"')
			return -EINVAL;
		out->value = view_head(v, n);
		v = view_ltrim(view_from(v, n));
	}
	*rest = v;
	return 1;
}

/* uri-parameters: only maddr matters to a middlebox, as messages are sent there (19.1.1). */
static int read_maddr(struct sip_uri *u)
{
	struct view rest = u->params;
	struct sip_param param;
	int more;

	while ((more = sip_param_next(&rest, &param)) > 0) {
		if (u->has_maddr || !view_caseeq(param.name, VIEW("maddr")))
			continue;
		if (!param.value.p || sip_host_parse(param.value, &u->maddr))
			return -EINVAL;
		u->has_maddr = true;
	}
	return more;
}

/* What follows "sip:": [user[:password]@]host[:port][;params][?headers]. */
static int read_sip(struct sip_uri *u, struct view rest)
{
	size_t at = view_index(rest, '@');
	size_t n;

	/* "@" stands unescaped nowhere else, while ";" and "?" may stand in the user part: the first
	 * "@" decides, before anything else is looked for. */
	if (at < rest.n) {
		u->user = view_head(rest, at);
		u->user.n = view_index(u->user, ':');
		rest = view_from(rest, at + 1);
	}
	for (n = 0; n < rest.n && rest.p[n] != ';' && rest.p[n] != '?'; n++)
		;
	if (sip_hostport_parse(view_head(rest, n), &u->hp))
		return -EINVAL;
	rest = view_from(rest, n);
	u->params = view_head(rest, view_index(rest, '?'));
	return read_maddr(u);
}

int sip_uri_parse(struct view text, struct sip_uri *out)
{
	struct sip_uri u = { .whole = text };
	size_t n = 0, i;

	for (i = 0; i < text.n; i++) {
		if (is_space_or_ctl(text.p[i]) || text.p[i] == '<' || text.p[i] == '>' ||
		    text.p[i] == '"')
			return -EINVAL;
	}
	while (n < text.n &&
	       (is_alnum(text.p[n]) || text.p[n] == '+' || text.p[n] == '-' || text.p[n] == '.'))
		n++;
	if (!n || n + 1 >= text.n || text.p[n] != ':')
		return -EINVAL;
	u.scheme = view_head(text, n);
	u.is_sip = view_caseeq(u.scheme, VIEW("sip")) || view_caseeq(u.scheme, VIEW("sips"));
	if (u.is_sip && read_sip(&u, view_from(text, n + 1)))
		return -EINVAL;
	*out = u;
	return 0;
}
