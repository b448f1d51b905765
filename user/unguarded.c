// SPDX-License-Identifier: GPL-2.0-only
/*
 * Media at ports that are not guarded: which, and what to write.
 */
#include "unguarded.h"

#include <stdio.h>

#include "except.h"

/* Below are sip.ports and sip.public_ports, which no range of media may hold. */
#define LOWEST 6000

/* As rf_port_excepted() of the kernel side: at an inside prefix what any WAN device excepts. */
static bool is_excepted(const struct topology *t, const struct rf_ep *outside)
{
	const struct topology_guard *g = topology_guard(t, &outside->addr);

	for (uint16_t i = 0; g && i < t->n_wans; i++)
		if ((!g->ifindex || g->ifindex == t->wans[i].ifindex) &&
		    port_excepted(t->wans[i].excepts, t->wans[i].n_excepts, ntohs(outside->port)))
			return true;
	return false;
}

bool unguarded_media(const struct topology *t, const struct rf_ep *inside,
		     const struct rf_ep *outside)
{
	const struct topology_guard *g = topology_guard(t, &outside->addr);
	uint16_t port = ntohs(outside->port);

	return t->n_guards && ep_eq(inside, outside) &&
	       (!g || port < g->lo || port > g->hi || is_excepted(t, outside));
}

struct unguarded_ports *unguarded_add(const struct topology *t, struct unguarded_ports *v,
				      size_t *n, size_t max, uint32_t wan_ifindex,
				      const struct rf_ep *outside)
{
	bool excepted = is_excepted(t, outside);
	uint16_t port = ntohs(outside->port);
	size_t i;

	for (i = 0; i < *n; i++)
		if (v[i].wan_ifindex == wan_ifindex && v[i].excepted == excepted &&
		    addr_eq(&v[i].host, &outside->addr))
			break;
	if (i == max)
		return NULL;
	if (i == *n)
		v[(*n)++] = (struct unguarded_ports){ .host = outside->addr,
						      .wan_ifindex = wan_ifindex,
						      .lo = port,
						      .hi = port,
						      .excepted = excepted };
	if (port < v[i].lo)
		v[i].lo = port;
	if (port > v[i].hi)
		v[i].hi = port;
	return &v[i];
}

static const struct topology_wan *wan_of(const struct topology *t, const struct unguarded_ports *p)
{
	const struct topology_guard *g = topology_guard(t, &p->host);

	return topology_wan_by_index(t, g && g->ifindex ? g->ifindex : p->wan_ifindex);
}

/* Whole thousands around the ports, and all that is guarded already. False: there is no such range. */
static bool widened(const struct topology_wan *wan, const struct unguarded_ports *p, uint16_t *lo,
		    uint16_t *hi)
{
	unsigned int a = p->lo / 1000 * 1000, b = p->hi / 1000 * 1000 + 999;

	*lo = a < wan->port_lo ? (uint16_t)a : wan->port_lo;
	*hi = b > 65535 ? 65535 : b > wan->port_hi ? (uint16_t)b : wan->port_hi;
	return *lo >= LOWEST;
}

const char *unguarded_advice(const struct topology *t, const struct unguarded_ports *p, char *buf)
{
	const struct topology_wan *wan = wan_of(t, p);
	char addr[ADDR_TEXT_MAX];
	uint16_t lo, hi;

	if (!topology_guard(t, &p->host))
		snprintf(
			buf, UNGUARDED_TEXT,
			"no WAN device has it; write \"inside\": [ { \"prefix\": \"%s/%d\", \"mode\": \"routed\" } ]",
			addr_text(&p->host, addr), addr_is_v4(&p->host) ? 32 : 128);
	else if (!wan)
		snprintf(buf, UNGUARDED_TEXT, "its WAN device is gone");
	else if (p->excepted)
		snprintf(
			buf, UNGUARDED_TEXT,
			"take it out of \"except\" of the WAN device, or give the server other RTP ports in %u-%u",
			wan->port_lo, wan->port_hi);
	else if (widened(wan, p, &lo, &hi))
		snprintf(
			buf, UNGUARDED_TEXT,
			"write \"media_ports\": \"%u-%u\" for \"%s\", or give the server RTP ports in %u-%u",
			lo, hi, wan->name, wan->port_lo, wan->port_hi);
	else
		snprintf(buf, UNGUARDED_TEXT, "give the server RTP ports in %u-%u", wan->port_lo,
			 wan->port_hi);
	return buf;
}

/* Was it said, or is it covered by the advice that was given? */
static bool is_said(const struct unguarded_said *said, const struct topology *t,
		    const struct pinhole_spec *s)
{
	uint16_t port = ntohs(s->outside.port), lo, hi;

	for (size_t i = 0; i < said->n; i++) {
		const struct unguarded_ports *p = &said->v[i];
		const struct topology_wan *wan = wan_of(t, p);

		if (p->wan_ifindex != s->wan_ifindex || !addr_eq(&p->host, &s->outside.addr) ||
		    p->excepted != is_excepted(t, &s->outside))
			continue;
		if (p->excepted || !wan || !widened(wan, p, &lo, &hi) ||
		    !topology_guard(t, &p->host))
			return true; /* the port makes no difference */
		return port >= lo && port <= hi;
	}
	return false;
}

void unguarded_tell(struct unguarded_said *said, const struct topology *t, size_t from,
		    struct action_list *out)
{
	size_t end = out->n;

	for (size_t i = from; i < end; i++) {
		const struct pinhole_spec *s = &out->v[i].pinhole;
		char text[UNGUARDED_TEXT], ep[EP_TEXT_MAX];
		struct unguarded_ports *p;
		uint32_t call;

		if (out->v[i].kind != ACT_PINHOLE_SET || !s->call_id ||
		    !unguarded_media(t, &s->inside, &s->outside) || is_said(said, t, s))
			continue;
		p = unguarded_add(t, said->v, &said->n, UNGUARDED_HOSTS, s->wan_ifindex,
				  &s->outside);
		if (!p)
			continue;
		call = s->call_id;
		ep_text(&s->outside, ep); /* before the list grows */
		action_event(out, EVENT_UNGUARDED, call, "media at %s is open to anybody: %s", ep,
			     unguarded_advice(t, p, text));
	}
}
