// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lists of what is left to others: ports and ranges, SIP endpoints.
 */
#include <ctype.h>
#include <stdio.h>

#include "config_value.h"

/* "N" or "LOW-HIGH" */
static bool read_range(struct view t, struct config_range *out)
{
	uint32_t n[2] = { 0 };
	size_t i = 0;
	int k;

	for (k = 0; k < 2; k++) {
		size_t from = i;

		while (i < t.n && i - from < 6 && isdigit((unsigned char)t.p[i]))
			n[k] = n[k] * 10 + (uint32_t)(t.p[i++] - '0');
		if (i == from || !n[k] || n[k] > 65535)
			return false;
		if (i == t.n)
			break;
		if (k || t.p[i++] != '-')
			return false;
	}
	if (k == 2)
		return false;
	*out = (struct config_range){ (uint16_t)n[0], (uint16_t)n[k] };
	return out->lo <= out->hi;
}

static void read_port(struct config_reader *r, const char *path, struct json_object *v,
		      struct config_range *out)
{
	static const char expected[] = "a port, or ports \"LOW-HIGH\", of 1 to 65535";
	struct view t;

	*out = (struct config_range){ 0 };
	if (json_object_is_type(v, json_type_int)) {
		int64_t n = json_object_get_int64(v);

		if (n >= 1 && n <= 65535)
			out->lo = out->hi = (uint16_t)n;
		else
			config_mistake(r, path, v, "%s", expected);
	} else if (config_text(r, path, v, expected, &t) && !read_range(t, out)) {
		config_mistake(r, path, v, "%s", expected);
	}
}

void config_excepts(struct config_reader *r, const char *path, struct json_object *v,
		    const struct config_key *key, void *to)
{
	char sub[WHERE_PATH_MAX + 16];
	struct config_wan *w = to;

	if (!config_array(r, path, v, 0, CONFIG_EXCEPTS_MAX, "ports or ranges of ports"))
		return;
	w->n_excepts = 0;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		read_port(r, sub, json_object_array_get_idx(v, i), &w->excepts[w->n_excepts++]);
	}
}

static void read_sip(struct config_reader *r, const char *path, struct json_object *v,
		     struct rf_ep *out)
{
	static const char expected[] =
		"a port, or \"ADDRESS\", \"ADDRESS:PORT\" or \"[ADDRESS6]:PORT\" of one host";
	struct view t;

	*out = (struct rf_ep){ 0 };
	if (json_object_is_type(v, json_type_int)) {
		int64_t n = json_object_get_int64(v);

		if (n >= 1 && n <= 65535)
			out->port = htons((uint16_t)n);
		else
			config_mistake(r, path, v, "%s", expected);
		return;
	}
	if (!config_text(r, path, v, expected, &t))
		return;
	if ((ep_parse(t, out) && addr_parse(t, &out->addr)) || addr_is_any(&out->addr) ||
	    addr_is_multicast(&out->addr))
		config_mistake(r, path, v, "%s", expected);
}

void config_sip_excepts(struct config_reader *r, const char *path, struct json_object *v,
			const struct config_key *key, void *to)
{
	char sub[WHERE_PATH_MAX + 16];
	struct config *c = r->config;

	if (!config_array(r, path, v, 0, CONFIG_SIP_EXCEPTS_MAX, "ports or endpoints"))
		return;
	c->n_sip_excepts = 0;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		read_sip(r, sub, json_object_array_get_idx(v, i),
			 &c->sip_excepts[c->n_sip_excepts++]);
	}
}
