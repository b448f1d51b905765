// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where an address lies, and the mode that follows from it.
 */
#include "topology.h"

#include "rf_media.h"

const char *topology_lacks(const struct topology *t)
{
	if (t->locals_full)
		return "this machine has more addresses than are looked at: "
		       "an inside host may be taken to name its own where it names one of the others";
	return t->nets_full ? "more networks are routed to than are looked at: "
			      "the broadcast addresses of the others are taken for hosts"
			    : NULL;
}

bool topology_is_local(const struct topology *t, const struct rf_addr *a)
{
	for (uint16_t i = 0; i < t->n_locals; i++)
		if (addr_eq(&t->locals[i], a))
			return true;
	return topology_wan_by_addr(t, a) != NULL;
}

bool topology_is_broadcast(const struct topology *t, const struct rf_addr *a)
{
	for (uint16_t i = 0; i < t->n_inside; i++)
		if (prefix_ends_at(&t->inside[i].prefix, a))
			return true;
	for (uint16_t i = 0; i < t->n_nets; i++)
		if (prefix_ends_at(&t->nets[i], a))
			return true;
	return false;
}

static const struct config_inside *inside_match(const struct topology *t, const struct rf_addr *a)
{
	const struct config_inside *best = NULL;

	for (uint16_t i = 0; i < t->n_inside; i++) {
		const struct config_inside *c = &t->inside[i];

		if (prefix_has(&c->prefix, a) && (!best || c->prefix.len > best->prefix.len))
			best = c;
	}
	return best;
}

bool topology_is_inside(const struct topology *t, const struct rf_addr *a)
{
	return inside_match(t, a) && !topology_wan_by_addr(t, a);
}

enum rf_mode topology_mode(const struct topology *t, const struct rf_addr *a)
{
	const struct config_inside *c;

	if (topology_is_local(t, a))
		return RF_MODE_HOST;
	c = inside_match(t, a);
	if (!c)
		return RF_MODE_AUTO;
	return c->mode != RF_MODE_AUTO ? c->mode : rf_mode_by_addr(a);
}

const struct topology_guard *topology_guard(const struct topology *t, const struct rf_addr *a)
{
	const struct topology_guard *best = NULL;
	enum rf_mode mode;

	for (uint16_t i = 0; i < t->n_guards; i++) {
		const struct topology_guard *g = &t->guards[i];

		if (!prefix_has(&g->prefix, a))
			continue;
		if (g->ifindex)
			return g;
		if (!best || g->prefix.len > best->prefix.len)
			best = g;
	}
	if (!best)
		return NULL;
	mode = best->mode != RF_MODE_AUTO ? best->mode : rf_mode_by_addr(a);
	return mode == RF_MODE_ROUTED ? best : NULL;
}

const struct topology_wan *topology_wan_by_index(const struct topology *t, uint32_t ifindex)
{
	for (uint16_t i = 0; i < t->n_wans; i++)
		if (t->wans[i].ifindex == ifindex)
			return &t->wans[i];
	return NULL;
}

const struct topology_wan *topology_wan_by_addr(const struct topology *t, const struct rf_addr *a)
{
	for (uint16_t i = 0; i < t->n_wans; i++) {
		const struct topology_wan *w = &t->wans[i];

		if (w->has4 && (addr_eq(&w->wire4, a) || addr_eq(&w->public4, a)))
			return w;
		if (w->has6 && (addr_eq(&w->wire6, a) || addr_eq(&w->public6, a)))
			return w;
	}
	return NULL;
}

const struct rf_addr *topology_wire(const struct topology_wan *w, const struct rf_addr *like)
{
	if (addr_is_v4(like))
		return w->has4 ? &w->wire4 : NULL;
	return w->has6 ? &w->wire6 : NULL;
}

const struct rf_addr *topology_public(const struct topology_wan *w, const struct rf_addr *like)
{
	if (addr_is_v4(like))
		return w->has4 ? &w->public4 : NULL;
	return w->has6 ? &w->public6 : NULL;
}
