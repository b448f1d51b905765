// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets and NAT rules against what is guarded, what is excepted and what calls have.
 */
#include "port_owners.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath_priv.h"
#include "netlink_nat.h"

struct look {
	const struct datapath *dp;
	const struct config *c;
	struct rf_settings settings;
	struct datapath_guard *guards;
	size_t n_guards;
	struct port_owner *found;
	size_t n_found;
	int *failed; /* -errno of a look-up that said neither yes nor no */
};

/* What cannot be read is not "nothing there". */
static bool there(const struct look *k, enum datapath_map map, const void *key, void *value)
{
	if (!bpf_map_lookup_elem(k->dp->map[map], key, value))
		return true;
	if (errno != ENOENT)
		*k->failed = -errno;
	return false;
}

static bool excepted(const struct look *k, uint32_t ifindex, uint16_t port)
{
	struct rf_excepts x;

	return k->settings.policy & RF_POLICY_EXCEPTS && there(k, MAP_EXCEPTS, &ifindex, &x) &&
	       x.ports[port / 64] >> port % 64 & 1;
}

static bool sip_port(const struct look *k, uint16_t port)
{
	for (int i = 0; i < k->settings.n_sip_ports && i < RF_SIP_PORTS_MAX; i++)
		if (k->settings.sip_ports[i] == htons(port))
			return true;
	return false;
}

static bool sip_left(const struct look *k, const struct rf_addr *a, uint16_t port)
{
	struct rf_ep keys[] = { { .addr = *a, .port = htons(port) },
				{ .addr = *a },
				{ .port = htons(port) } };
	struct rf_sip_except x;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (there(k, MAP_SIP_EXCEPTS, &keys[i], &x))
			return true;
	return false;
}

/* A pinhole of ours at the endpoint, and where it leads */
static bool ours(const struct look *k, const struct rf_addr *a, uint16_t port,
		 struct rf_pinhole *ph)
{
	struct rf_pinhole_key key = { .addr = *a, .port = htons(port), .dir = RF_DIR_IN };

	return there(k, MAP_PINHOLES, &key, ph);
}

static bool is_ours(const struct look *k, const struct port_owner *o, const struct rf_addr *a,
		    uint16_t port)
{
	struct rf_ep to = o->to;
	struct rf_pinhole ph;

	if (!to.port)
		to.port = htons(port);
	if (k->c && k->c->has_inbound && ep_eq(&k->c->inbound, &to))
		return true;
	return ours(k, a, port, &ph) && (o->kind == PORT_OWNER_SOCKET || ep_eq(&ph.xlate, &to));
}

static bool counts_at(const struct look *k, const struct port_owner *o,
		      const struct datapath_guard *g, uint16_t port)
{
	if (!addr_is_any(&o->at) && !addr_eq(&o->at, &g->addr))
		return false;
	if (o->kind == PORT_OWNER_DNAT && !addr_is_any(&o->to.addr) &&
	    addr_is_v4(&o->to.addr) != addr_is_v4(&g->addr))
		return false;
	if (is_ours(k, o, &g->addr, port))
		return false;
	if (sip_port(k, port)) /* a program of this host that listens there is a SIP server */
		return o->kind != PORT_OWNER_SOCKET && !sip_left(k, &g->addr, port);
	return port >= g->guard.port_lo && port <= g->guard.port_hi &&
	       !excepted(k, g->guard.ifindex, port);
}

static int keep(struct look *k, const struct port_owner *o, const struct datapath_guard *g,
		uint16_t port)
{
	struct port_owner *v = reallocarray(k->found, k->n_found + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	k->found = v;
	v += k->n_found++;
	*v = *o;
	v->lo = v->hi = port;
	v->at = g->addr;
	v->ifindex = g->guard.ifindex;
	v->sip = sip_port(k, port);
	return 0;
}

/* The first guarded address that it counts at stands for all of them. */
static int look_at(struct look *k, const struct port_owner *o)
{
	int err = 0;

	for (uint32_t port = o->lo; port <= o->hi && !err; port++)
		for (size_t i = 0; i < k->n_guards; i++)
			if (counts_at(k, o, &k->guards[i], (uint16_t)port)) {
				err = keep(k, o, &k->guards[i], (uint16_t)port);
				break;
			}
	return err;
}

static int by_port(const void *a, const void *b)
{
	const struct port_owner *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (int)x->lo - (int)y->lo;
}

static bool continues(const struct port_owner *a, const struct port_owner *b)
{
	return a->kind == b->kind && b->lo <= a->hi + 1 && !a->sip && !b->sip &&
	       addr_eq(&a->to.addr, &b->to.addr) && addr_eq(&a->at, &b->at);
}

/* Neighbours into one; a socket behind a rule for the same port (docker-proxy) says nothing more. */
static void join(struct look *k)
{
	size_t n = 0, i, r;

	if (k->n_found)
		qsort(k->found, k->n_found, sizeof(*k->found), by_port);
	for (i = 0; i < k->n_found; i++) {
		struct port_owner *o = &k->found[i];

		if (o->kind == PORT_OWNER_SOCKET) {
			for (r = i; r < k->n_found; r++)
				if (k->found[r].kind != PORT_OWNER_SOCKET &&
				    o->lo >= k->found[r].lo && o->lo <= k->found[r].hi)
					break;
			if (r < k->n_found)
				continue;
		}
		if (n && continues(&k->found[n - 1], o))
			k->found[n - 1].hi = o->hi;
		else
			k->found[n++] = *o;
	}
	k->n_found = n;
}

int port_owners_guarded(const struct datapath *dp, const struct config *c, struct port_owner **out,
			size_t *n, int *rules_err)
{
	int failed = 0;
	struct look k = { .dp = dp, .c = c, .failed = &failed };
	struct port_owner *all = NULL;
	size_t n_all = 0, i;
	int err;

	err = datapath_settings(dp, &k.settings);
	if (!err)
		err = datapath_guards(dp, &k.guards, &k.n_guards);
	if (!err)
		err = netlink_port_owners(&all, &n_all, rules_err);
	for (i = 0; i < n_all && !err; i++)
		err = look_at(&k, &all[i]) ?: failed;
	free(all);
	free(k.guards);
	if (err) {
		free(k.found);
		return err;
	}
	join(&k);
	*out = k.found;
	*n = k.n_found;
	return 0;
}

const char *port_owner_text(const struct port_owner *o, const char *dev,
			    char buf[PORT_OWNER_TEXT_MAX])
{
	char ports[16], who[160] = "", at[EP_TEXT_MAX], to[EP_TEXT_MAX];
	struct rf_ep ep = { .addr = o->at, .port = htons(o->lo) }, target = o->to;

	snprintf(ports, sizeof(ports), o->lo == o->hi ? "%u" : "%u-%u", o->lo, o->hi);
	if (!target.port)
		target.port = htons(o->lo);
	ep_text(&target, to);
	if (o->kind == PORT_OWNER_SOCKET)
		snprintf(who, sizeof(who), "a program of this host listens there");
	else if (o->kind == PORT_OWNER_RULE)
		snprintf(who, sizeof(who), "a rule of a table \"nat\" hands it on");
	else if (addr_is_any(&o->to.addr))
		snprintf(who, sizeof(who), "a NAT rule gives it away");
	else
		snprintf(who, sizeof(who), "a NAT rule gives it to %s", to);
	if (o->sip && (o->kind == PORT_OWNER_RULE || addr_is_any(&o->to.addr)))
		snprintf(
			buf, PORT_OWNER_TEXT_MAX,
			"SIP to UDP %s is taken, but %s; to leave it alone: \"sip\": { \"except\": [ \"%s\" ] }",
			ports, who, ep_text(&ep, at));
	else if (o->sip)
		snprintf(
			buf, PORT_OWNER_TEXT_MAX,
			"SIP to UDP %s is taken, but %s, which is not sip.inbound; to leave both alone: \"sip\": { \"except\": [ \"%s\", \"%s\" ] }",
			ports, who, ep_text(&ep, at), to);
	else
		snprintf(
			buf, PORT_OWNER_TEXT_MAX,
			"UDP %s is closed to who was not asked, but %s; %s: \"wan\": [ { \"dev\": \"%s\", \"except\": [ %s%s%s ] } ]",
			ports, who,
			o->kind == PORT_OWNER_SOCKET
				? "if that is no media of your SIP server, whose calls open their ports by themselves, to leave it alone"
				: "to leave it alone",
			dev, o->lo == o->hi ? "" : "\"", ports, o->lo == o->hi ? "" : "\"");
	return buf;
}
