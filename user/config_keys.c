// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which configuration keys there are, their defaults and limits, and what must hold between them.
 */
#include <stddef.h>
#include <stdio.h>

#include "config_value.h"

/* A row of a table of keys; what is left out is zero. */
#define KEY(name_, read_, offset_, ...)                                        \
	{                                                                      \
		.name = name_, .read = read_, .offset = offset_, ##__VA_ARGS__ \
	}
#define KEYS_END             \
	{                    \
		.name = NULL \
	}

#define SIP_PORT      5060
#define SIP_PUBLIC_HI 5999

static void default_wan(struct config_wan *w)
{
	*w = (struct config_wan){
		.public4_auto = true,
		.public6_auto = true,
		.port_lo = CONFIG_MEDIA_LO,
		.port_hi = CONFIG_MEDIA_HI,
	};
}

void config_defaults(struct config *c)
{
	static const char *const inside[] = { "172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8",
					      "fd00::/8" };

	*c = (struct config){
		.sip_ports = { SIP_PORT },
		.n_sip_ports = 1,
		.sip_public_lo = SIP_PORT,
		.sip_public_hi = SIP_PUBLIC_HI,
		.learn = CONFIG_LEARN_PRIVATE,
		.learn_window_s = 10,
		.setup_timeout_s = 180,
		.call_max_s = 43200,
		.media_idle_s = 300,
		.max_calls = 100000,
		.max_bindings = 10000,
		.user = CONFIG_DEFAULT_USER,
	};
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		prefix_parse(view_of(inside[i]), &c->inside[c->n_inside++].prefix);
}

/* wan[] */

static void public_address(struct config_reader *r, const char *path, struct json_object *v,
			   struct config_wan *w)
{
	static const char expected[] =
		"\"auto\", an address, or a list of one IPv4 and one IPv6 address";
	struct rf_addr a;
	struct view t;

	if (!config_text(r, path, v, expected, &t) || view_eq(t, VIEW("auto")))
		return;
	if (addr_parse(t, &a) || addr_is_any(&a) || addr_is_multicast(&a) || addr_is_loopback(&a)) {
		config_mistake(r, path, v, "%s", expected);
		return;
	}
	bool v4 = addr_is_v4(&a), *has = v4 ? &w->has_public4 : &w->has_public6;

	if (*has) {
		config_mistake(r, path, v,
			       "at most one address of each family; this is the second %s one",
			       v4 ? "IPv4" : "IPv6");
		return;
	}
	*has = true;
	*(v4 ? &w->public4_auto : &w->public6_auto) = false;
	*(v4 ? &w->public4 : &w->public6) = a;
}

static void read_public_address(struct config_reader *r, const char *path, struct json_object *v,
				const struct config_key *key, void *to)
{
	char sub[WHERE_PATH_MAX + 16];

	if (!json_object_is_type(v, json_type_array)) {
		public_address(r, path, v, to);
		return;
	}
	if (!config_array(r, path, v, 1, 2, "addresses"))
		return;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		public_address(r, sub, json_object_array_get_idx(v, i), to);
	}
}

static void read_media_ports(struct config_reader *r, const char *path, struct json_object *v,
			     const struct config_key *key, void *to)
{
	struct config_wan *w = to;

	config_port_range(r, path, v, key, &w->port_lo);
	w->ports_given = true;
}

static const struct config_key wan_keys[] = {
	KEY("dev", config_device, offsetof(struct config_wan, dev), .required = true),
	KEY("public_address", read_public_address, 0),
	KEY("media_ports", read_media_ports, 0, .lo = 1024, .hi = 65535, .pairs = true),
	KEY("except", config_excepts, 0),
	KEYS_END,
};

static void read_wans(struct config_reader *r, const char *path, struct json_object *v,
		      const struct config_key *key, void *to)
{
	struct config *c = r->config;
	char sub[WHERE_PATH_MAX];

	if (!config_array(r, path, v, 0, CONFIG_WANS_MAX, "objects { ... }"))
		return;
	c->n_wans = 0;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct config_wan *w = &c->wans[c->n_wans++];

		snprintf(sub, sizeof(sub), "wan[%zu]", i);
		default_wan(w);
		config_object(r, sub, json_object_array_get_idx(v, i), wan_keys, w);
		for (size_t k = 0; k < i; k++)
			if (*w->dev && !strcmp(c->wans[k].dev, w->dev))
				config_mistake(r, sub, NULL, "device \"%s\" is in wan[%zu] already",
					       w->dev, k);
	}
}

/* inside[] */

static void read_prefix(struct config_reader *r, const char *path, struct json_object *v,
			const struct config_key *key, void *to)
{
	struct prefix p;
	struct view t;

	if (config_text(r, path, v, "a prefix such as \"192.168.0.0/16\"", &t) &&
	    config_prefix(r, path, v, t, &p))
		memcpy(to, &p, sizeof(p));
}

static const char *const modes[] = { "auto", "host", "routed", "nat", NULL };
_Static_assert(RF_MODE_HOST == 1 && RF_MODE_ROUTED == 2 && RF_MODE_NAT == 3,
	       "modes[] follows enum rf_mode");

static const struct config_key inside_keys[] = {
	KEY("prefix", read_prefix, offsetof(struct config_inside, prefix), .required = true),
	KEY("mode", config_word, offsetof(struct config_inside, mode), .words = modes),
	KEYS_END,
};

#define NO_PREFIX 255 /* length of a prefix that could not be read */

static void read_inside(struct config_reader *r, const char *path, struct json_object *v,
			const struct config_key *key, void *to)
{
	struct config *c = r->config;
	char sub[WHERE_PATH_MAX];

	if (!config_array(r, path, v, 0, CONFIG_INSIDE_MAX, "prefixes"))
		return;
	c->n_inside = 0;
	c->inside_given = true;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct json_object *e = json_object_array_get_idx(v, i);
		struct config_inside *in = &c->inside[c->n_inside++];

		snprintf(sub, sizeof(sub), "inside[%zu]", i);
		*in = (struct config_inside){ .prefix.len = NO_PREFIX };
		if (json_object_is_type(e, json_type_object))
			config_object(r, sub, e, inside_keys, in);
		else
			read_prefix(r, sub, e, NULL, &in->prefix);
		for (size_t k = 0; k < i; k++)
			if (in->prefix.len != NO_PREFIX &&
			    c->inside[k].prefix.len == in->prefix.len &&
			    addr_eq(&c->inside[k].prefix.addr, &in->prefix.addr))
				config_mistake(r, sub, NULL,
					       "the same prefix is in inside[%zu] already", k);
	}
}

/* sip {} */

static void read_sip_ports(struct config_reader *r, const char *path, struct json_object *v,
			   const struct config_key *key, void *to)
{
	static const struct config_key port = { .lo = 1, .hi = 65535, .unit = NULL };
	struct config *c = r->config;
	char sub[WHERE_PATH_MAX + 16];

	if (!config_array(r, path, v, 1, RF_SIP_PORTS_MAX, "port numbers"))
		return;
	c->n_sip_ports = json_object_array_length(v);
	for (size_t i = 0; i < c->n_sip_ports; i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		c->sip_ports[i] = 0;
		config_u16(r, sub, json_object_array_get_idx(v, i), &port, &c->sip_ports[i]);
		for (size_t k = 0; k < i; k++)
			if (c->sip_ports[i] && c->sip_ports[k] == c->sip_ports[i])
				config_mistake(r, sub, NULL, "port %u is in the list already",
					       c->sip_ports[i]);
	}
}

static void read_inbound(struct config_reader *r, const char *path, struct json_object *v,
			 const struct config_key *key, void *to)
{
	r->config->inbound.port = 0;
	config_endpoint(r, path, v, key, to);
	r->config->has_inbound = r->config->inbound.port != 0;
}

static void read_speakers(struct config_reader *r, const char *path, struct json_object *v,
			  const struct config_key *key, void *to)
{
	struct config *c = r->config;
	char sub[WHERE_PATH_MAX + 16];

	if (!config_array(r, path, v, 0, CONFIG_SPEAKERS_MAX, "addresses or prefixes"))
		return;
	c->n_media_for_others = 0;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		read_prefix(r, sub, json_object_array_get_idx(v, i), NULL,
			    &c->media_for_others[c->n_media_for_others++]);
	}
}

static void read_flag(struct config_reader *r, const char *path, struct json_object *v,
		      const struct config_key *key, void *to)
{
	uint32_t index = *(bool *)to;

	config_word(r, path, v, key, &index);
	*(bool *)to = index;
}

static const char *const unreadable_words[] = { "pass", "drop", NULL };
static const char *const types_words[] = { "agreed", "any", NULL };
static const char *const learn_words[] = { "never", "private", "always", NULL };
static const char *const xdp_words[] = { "auto", "always", "never", NULL };
static const char *const direct_words[] = { "drop", "pass", NULL };
static const char *const away_words[] = { "refuse-new", "pass", NULL };
_Static_assert(sizeof(enum config_learn) == sizeof(uint32_t) &&
		       sizeof(enum rf_mode) == sizeof(uint32_t),
	       "config_word() writes 32 bits");
_Static_assert(sizeof(enum config_xdp) == sizeof(uint32_t), "config_word() writes 32 bits");

#define AT(member) offsetof(struct config, member)

static const struct config_key sip_keys[] = {
	KEY("ports", read_sip_ports, AT(sip_ports)),
	KEY("inbound", read_inbound, AT(inbound)),
	KEY("media_for_others", read_speakers, 0),
	KEY("except", config_sip_excepts, AT(sip_excepts)),
	KEY("public_ports", config_port_range, AT(sip_public_lo), .lo = 1, .hi = 65535),
	KEY("unreadable", read_flag, AT(unparsed_drop), .words = unreadable_words),
	KEY("learn", config_word, AT(learn), .words = learn_words),
	KEY("payload_types", read_flag, AT(any_types), .words = types_words),
	KEY("learn_window", config_u32, AT(learn_window_s), .lo = 1, .hi = 3600, .unit = "seconds"),
	KEY("setup_timeout", config_u32, AT(setup_timeout_s), .lo = 10, .hi = 3600,
	    .unit = "seconds"),
	KEY("call_max", config_u32, AT(call_max_s), .lo = 60, .hi = 31 * 86400, .unit = "seconds"),
	KEY("media_idle", config_u32, AT(media_idle_s), .lo = 0, .hi = 86400,
	    .unit = "seconds (0: no limit)"),
	KEY("max_calls", config_u32, AT(max_calls), .lo = 1, .hi = CONFIG_CALLS_MAX,
	    .unit = "calls"),
	KEY("max_bindings", config_u32, AT(max_bindings), .lo = 1, .hi = RF_PINHOLES_MAX / 2,
	    .unit = "bindings"),
	KEYS_END,
};

static void read_sip(struct config_reader *r, const char *path, struct json_object *v,
		     const struct config_key *key, void *to)
{
	config_object(r, path, v, sip_keys, r->config);
}

/* peers[] */

/* "PREFIX", "ADDRESS:PORT" or "[ADDRESS6]:PORT"; an IPv6 prefix with a port has it all in brackets. */
static void read_peer_address(struct config_reader *r, const char *path, struct json_object *v,
			      const struct config_key *key, void *to)
{
	struct config_peer *peer = to;
	struct view t, host;
	const char *colon;
	struct prefix p;
	uint16_t port = 0;

	if (!config_text(r, path, v, "an address or prefix, optionally with :PORT", &t))
		return;
	host = t;
	colon = t.p && t.n ? memrchr(t.p, ':', t.n) : NULL;
	if (colon && (memchr(t.p, ':', t.n) == colon || (*t.p == '[' && colon[-1] == ']'))) {
		struct rf_ep probe;
		char text[24];

		host.n = colon - t.p;
		snprintf(text, sizeof(text), "192.0.2.1%.8s",
			 colon); /* ep_parse() knows what a port is */
		if (ep_parse(view_of(text), &probe) || !probe.port) {
			config_mistake(r, path, v, "a port of 1 to 65535 after the colon");
			return;
		}
		port = ntohs(probe.port);
	}
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct view){ host.p + 1, host.n - 2 };
	if (config_prefix(r, path, v, host, &p)) {
		peer->address = p;
		peer->port = port;
	}
}

static void read_peer_media(struct config_reader *r, const char *path, struct json_object *v,
			    const struct config_key *key, void *to)
{
	struct config_peer *peer = to;
	char sub[WHERE_PATH_MAX + 16];

	if (!config_array(r, path, v, 1, CONFIG_MEDIA_MAX, "prefixes"))
		return;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		read_prefix(r, sub, json_object_array_get_idx(v, i), NULL,
			    &peer->media[peer->n_media++]);
	}
}

static const struct config_key peer_keys[] = {
	KEY("name", config_string, offsetof(struct config_peer, name), .lo = 1,
	    .hi = sizeof(((struct config_peer *)0)->name)),
	KEY("address", read_peer_address, 0, .required = true),
	KEY("media", read_peer_media, 0),
	KEY("tcp_opaque", config_bool, offsetof(struct config_peer, tcp_opaque)),
	KEY("low_ports", config_bool, offsetof(struct config_peer, low_ports)),
	KEYS_END,
};

static bool same_peer(const struct config_peer *a, const struct config_peer *b)
{
	return a->address.len == b->address.len && addr_eq(&a->address.addr, &b->address.addr) &&
	       a->port == b->port;
}

static void finish_peer(struct config_reader *r, const char *path, size_t index)
{
	struct config_peer *p = &r->config->peers[index];

	if (p->address.len != NO_PREFIX && !p->n_media)
		p->media[p->n_media++] = p->address;
	if (!*p->name)
		snprintf(p->name, sizeof(p->name), "peer%zu", index + 1);
	for (size_t k = 0; k < index; k++) {
		const struct config_peer *q = &r->config->peers[k];

		if (!strcmp(p->name, q->name))
			config_mistake(r, path, NULL,
				       "the name \"%s\" is that of peers[%zu] already", p->name, k);
		if (p->address.len != NO_PREFIX && same_peer(p, q))
			config_mistake(r, path, NULL, "the same address is in peers[%zu] already",
				       k);
	}
}

static void read_peers(struct config_reader *r, const char *path, struct json_object *v,
		       const struct config_key *key, void *to)
{
	struct config *c = r->config;
	char sub[WHERE_PATH_MAX];

	if (!config_array(r, path, v, 0, CONFIG_PEERS_MAX, "objects { ... }"))
		return;
	c->n_peers = 0;
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		struct config_peer *p = &c->peers[c->n_peers++];

		snprintf(sub, sizeof(sub), "peers[%zu]", i);
		*p = (struct config_peer){ .address.len = NO_PREFIX };
		if (config_object(r, sub, json_object_array_get_idx(v, i), peer_keys, p))
			finish_peer(r, sub, i);
	}
}

static const struct config_key top_keys[] = {
	KEY("wan", read_wans, 0),
	KEY("inside", read_inside, 0),
	KEY("inside_xdp", config_word, AT(inside_xdp), .words = xdp_words),
	KEY("inside_direct", read_flag, AT(inside_direct), .words = direct_words),
	KEY("sip", read_sip, 0),
	KEY("peers", read_peers, 0),
	KEY("when_controller_is_away", read_flag, AT(away_pass), .words = away_words),
	KEY("user", config_string, AT(user), .lo = 0, .hi = sizeof(((struct config *)0)->user)),
	KEYS_END,
};

/* What must hold between keys. Ranges that could not be read are 0-0 and meet nothing. */
static void check_ports(struct config_reader *r)
{
	const struct config *c = r->config;
	char path[WHERE_PATH_MAX];

	for (size_t i = 0; i < c->n_wans; i++) {
		const struct config_wan *w = &c->wans[i];

		if (!w->port_lo)
			continue;
		snprintf(path, sizeof(path), "wan[%zu].media_ports", i);
		if (w->port_lo <= c->sip_public_hi && c->sip_public_lo <= w->port_hi)
			config_mistake(r, path, NULL,
				       "%u-%u overlaps the signalling ports sip.public_ports %u-%u",
				       w->port_lo, w->port_hi, c->sip_public_lo, c->sip_public_hi);
		for (size_t k = 0; k < c->n_sip_ports; k++)
			if (c->sip_ports[k] >= w->port_lo && c->sip_ports[k] <= w->port_hi)
				config_mistake(
					r, path, NULL,
					"%u-%u contains the signalling port sip.ports[%zu] %u",
					w->port_lo, w->port_hi, k, c->sip_ports[k]);
		for (size_t k = 0; k < i; k++) {
			const struct config_wan *o = &c->wans[k];
			bool shared = (w->has_public4 && o->has_public4 &&
				       addr_eq(&w->public4, &o->public4)) ||
				      (w->has_public6 && o->has_public6 &&
				       addr_eq(&w->public6, &o->public6));

			if (shared && w->port_lo <= o->port_hi && o->port_lo <= w->port_hi)
				config_mistake(
					r, path, NULL,
					"%u-%u overlaps wan[%zu].media_ports %u-%u at the same public address",
					w->port_lo, w->port_hi, k, o->port_lo, o->port_hi);
		}
	}
}

void config_keys(struct config_reader *r, struct json_object *root)
{
	if (config_object(r, "", root, top_keys, r->config))
		check_ports(r);
}
