/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One value of a header: a Via (RFC 3261 20.42) or a name-addr / addr-spec with its parameters
 * (20.10), as views.
 */
#include "sip_value.h"

#include "sip_scan.h"

enum value_kind {
	KIND_NONE,
	KIND_VIA,
	KIND_ONE, /* one name-addr */
	KIND_LIST, /* comma-separated name-addrs */
};

static const struct {
	uint8_t kind; /* enum value_kind */
	bool vital; /* a value that cannot be read makes the message malformed */
} rules[] = {
	[SIP_H_VIA] = { KIND_VIA, true },
	[SIP_H_FROM] = { KIND_ONE, true },
	[SIP_H_TO] = { KIND_ONE, true },
	[SIP_H_CONTACT] = { KIND_LIST, true },
	[SIP_H_ROUTE] = { KIND_LIST, true },
	[SIP_H_RECORD_ROUTE] = { KIND_LIST, true },
	/* No element needs these to route a message or to find its dialog: what cannot be read in
	 * them stays as it is, and does not stop the call. */
	[SIP_H_PATH] = { KIND_LIST, false },
	[SIP_H_SERVICE_ROUTE] = { KIND_LIST, false },
	[SIP_H_P_ASSERTED_IDENTITY] = { KIND_LIST, false },
	[SIP_H_P_PREFERRED_IDENTITY] = { KIND_LIST, false },
	[SIP_H_REMOTE_PARTY_ID] = { KIND_LIST, false },
	[SIP_H_REFER_TO] = { KIND_ONE, false },
	[SIP_H_REFERRED_BY] = { KIND_ONE, false },
	[SIP_H_REPLY_TO] = { KIND_ONE, false },
	[SIP_H_DIVERSION] = { KIND_LIST, false },
	[SIP_H_HISTORY_INFO] = { KIND_LIST, false },
	[SIP_H_P_CALLED_PARTY_ID] = { KIND_ONE, false },
	[SIP_H_P_ASSOCIATED_URI] = { KIND_LIST, false },
	[SIP_H_CALL_INFO] = { KIND_LIST, false },
	[SIP_H_WARNING] = { KIND_NONE, false }, /* last id: sizes the table */
};

bool sip_header_has_values(enum sip_header_id id)
{
	return rules[id].kind != KIND_NONE;
}

/* Index of the first stop character outside quoted strings and <...>, or v.n. */
static size_t index_outside(struct view v, char stop)
{
	size_t i = 0, n;

	while (i < v.n) {
		if (v.p[i] == stop)
			return i;
		if (v.p[i] == '"') {
			n = quoted_length(view_from(v, i));
			if (!n)
				return v.n; /* unbalanced: the value's own reader says so */
			i += n;
		} else if (v.p[i] == '<') {
			i += view_index(view_from(v, i), '>');
		} else {
			i++;
		}
	}
	return v.n;
}

bool sip_value_next(enum sip_header_id id, struct view *rest, struct view *value)
{
	size_t n;

	if (!rest->n)
		return false;
	n = rules[id].kind == KIND_ONE ? rest->n : index_outside(*rest, ',');
	*value = view_trim(view_head(*rest, n));
	*rest = n < rest->n ? view_from(*rest, n + 1) : view_from(*rest, n);
	return true;
}

/* token LWS* "/" LWS*, the first two of sent-protocol. */
static int read_protocol_part(struct view *rest, struct view *part)
{
	size_t n = token_length(*rest);
	struct view after = view_ltrim(view_from(*rest, n));

	if (!n || !after.n || after.p[0] != '/')
		return -EINVAL;
	*part = view_head(*rest, n);
	*rest = view_ltrim(view_from(after, 1));
	return 0;
}

static int take_via_param(struct sip_value *v, const struct sip_param *param, const char **error)
{
	if (view_caseeq(param->name, VIEW("branch"))) {
		if (v->branch.p && param->value.n && !view_eq(v->branch, param->value)) {
			*error = "Via has two different branch parameters";
			return -EINVAL;
		}
		if (param->value.n)
			v->branch = param->value;
	} else if (view_caseeq(param->name, VIEW("received"))) {
		/* An unreadable one is as good as none: only the sender of the reply reads it. */
		if (!v->has_received && param->value.n)
			v->has_received = !sip_host_parse(param->value, &v->received);
	} else if (view_caseeq(param->name, VIEW("rport"))) {
		v->has_rport = true;
		v->rport = param->value.n ? param->value : VIEW_NONE;
	}
	return 0;
}

static int read_via(struct view text, struct sip_value *v, const char **error)
{
	struct view rest = text, name, version;
	struct sip_param param;
	size_t n;
	int more;

	*error = "Via does not begin with SIP/2.0/transport";
	if (read_protocol_part(&rest, &name) || read_protocol_part(&rest, &version))
		return -EINVAL;
	n = token_length(rest);
	if (!n || n == rest.n || !is_lws(rest.p[n]))
		return -EINVAL;
	v->transport = view_head(rest, n);
	rest = view_ltrim(view_from(rest, n));
	*error = "Via has an unreadable sent-by";
	n = view_index(rest, ';');
	if (sip_hostport_parse(view_rtrim(view_head(rest, n)), &v->sent_by))
		return -EINVAL;
	v->params = rest = view_from(rest, n);
	while ((more = sip_param_next(&rest, &param)) > 0) {
		if (take_via_param(v, &param, error))
			return -EINVAL;
	}
	*error = "Via has unreadable parameters";
	v->via_end = view_from(text, text.n);
	return more;
}

static int take_param(struct sip_value *v, const struct sip_param *param, const char **error)
{
	if ((v->id == SIP_H_FROM || v->id == SIP_H_TO) && view_caseeq(param->name, VIEW("tag"))) {
		/* The dialog hangs on it: two readers must not choose differently. */
		if (v->tag.p && param->value.n && !view_eq(v->tag, param->value)) {
			*error = "From or To has two different tags";
			return -EINVAL;
		}
		if (param->value.n)
			v->tag = param->value;
	} else if (v->id == SIP_H_CONTACT && !v->expires.p &&
		   view_caseeq(param->name, VIEW("expires"))) {
		v->expires = param->value;
	}
	return 0;
}

/*
 * Cuts a value into its URI and what follows. Without <> the parameters belong to the header
 * (20.10); inside <> some devices leave white space at the ends, which is not part of the URI.
 */
static int split_name_addr(struct view text, struct view *uri, struct view *params)
{
	struct view rest = text;
	size_t n;

	if (rest.n && rest.p[0] == '"') {
		n = quoted_length(rest);
		if (!n)
			return -EINVAL;
		rest = view_ltrim(view_from(rest, n));
		if (!rest.n || rest.p[0] != '<')
			return -EINVAL;
	} else {
		n = view_index(rest, '<');
		/* A "<" behind the first ";" is not this value's. */
		if (n < rest.n && view_index(rest, ';') > n)
			rest = view_from(rest, n);
	}
	if (rest.n && rest.p[0] == '<') {
		n = view_index(rest, '>');
		if (n == rest.n)
			return -EINVAL;
		*uri = view_trim((struct view){ rest.p + 1, n - 1 });
		*params = view_from(rest, n + 1);
		return 0;
	}
	n = view_index(rest, ';');
	*uri = view_rtrim(view_head(rest, n));
	*params = view_from(rest, n);
	return 0;
}

static int read_name_addr(struct view text, struct sip_value *v, const char **error)
{
	struct sip_param param;
	struct view uri, rest;
	int more;

	if (v->id == SIP_H_CONTACT && view_eq(text, VIEW("*"))) {
		v->is_star = true;
		v->params = view_from(text, text.n);
		return 0;
	}
	*error = "a name-addr has unbalanced quotes or brackets";
	if (split_name_addr(text, &uri, &v->params))
		return -EINVAL;
	*error = "a header holds an unreadable URI";
	if (sip_uri_parse(uri, &v->uri))
		return -EINVAL;
	rest = v->params;
	while ((more = sip_param_next(&rest, &param)) > 0) {
		if (take_param(v, &param, error))
			return -EINVAL;
	}
	*error = "a header has unreadable parameters";
	return more;
}

int sip_value_parse(enum sip_header_id id, struct view text, struct sip_value *out,
		    const char **error)
{
	int err;

	*out = (struct sip_value){ .id = id, .whole = text };
	if (rules[id].kind == KIND_VIA)
		err = read_via(text, out, error);
	else
		err = read_name_addr(text, out, error);
	if (err && !rules[id].vital) {
		*out = (struct sip_value){ .id = id, .whole = text, .uri.whole = text };
		err = 0;
	}
	return err;
}
