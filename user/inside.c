// SPDX-License-Identifier: GPL-2.0-only
/*
 * One look at the system, then the differences are carried out: guards of the WAN addresses, WAN
 * devices that came back, TC hooks of the devices that lead to inside prefixes.
 */
#include "inside.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "datapath_priv.h"
#include "media_range.h"
#include "netlink.h"
#include "presence.h"
#include "xdp_cost.h"

#define LO_IFINDEX 1

struct scan {
	struct nl_link *links;
	struct nl_addr *addrs;
	struct nl_route *routes;
	struct datapath_device *devices;
	struct datapath_inside *insides;
	struct datapath_guard *guards;
	size_t n_links, n_addrs, n_routes, n_devices, n_insides, n_guards;
};

static void scan_free(struct scan *s)
{
	free(s->links);
	free(s->addrs);
	free(s->routes);
	free(s->devices);
	free(s->insides);
	free(s->guards);
}

static int scan_read(struct scan *s, const struct datapath *dp)
{
	int err;

	memset(s, 0, sizeof(*s));
	err = netlink_links(&s->links, &s->n_links);
	if (!err)
		err = netlink_addrs(&s->addrs, &s->n_addrs);
	if (!err)
		err = netlink_routes(&s->routes, &s->n_routes);
	if (!err)
		err = datapath_devices(dp, &s->devices, &s->n_devices);
	if (!err)
		err = datapath_insides(dp, &s->insides, &s->n_insides);
	if (!err)
		err = datapath_guards(dp, &s->guards, &s->n_guards);
	if (err)
		scan_free(s);
	return err;
}

static const struct nl_link *link_by_index(const struct scan *s, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < s->n_links; i++)
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	return NULL;
}

static const struct nl_link *link_by_name(const struct scan *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n_links; i++)
		if (!strcmp(s->links[i].name, name))
			return &s->links[i];
	return NULL;
}

static struct datapath_device *device_by_index(const struct scan *s, uint32_t ifindex, int role)
{
	size_t i;

	for (i = 0; i < s->n_devices; i++)
		if (s->devices[i].ifindex == ifindex && s->devices[i].dev.role == role)
			return &s->devices[i];
	return NULL;
}

static const struct config_wan *config_of(const struct config *c, const char *dev)
{
	int i;

	for (i = 0; i < c->n_wans; i++)
		if (!strcmp(c->wans[i].dev, dev))
			return &c->wans[i];
	return NULL;
}

/* An address that peers can use: link-local ones and those of other scopes are not guarded. */
static bool addr_global(const struct nl_addr *a)
{
	return a->scope == RT_SCOPE_UNIVERSE || a->scope == RT_SCOPE_SITE;
}

/* Virtual devices above others lose what native XDP redirects to them, whatever they say. */
static bool kind_takes_redirect(const struct nl_link *link)
{
	static const char *const never[] = { "bridge", "vlan",	 "macvlan", "macvtap",
					     "dummy",  "ipvlan", "netkit",  "bond" };
	size_t i;

	for (i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (!strcmp(link->kind, never[i]))
			return false;
	return netlink_xdp_takes_redirect(link->ifindex);
}

/* ---- WAN devices ---- */

/* A device with the name of one that went away: hooks it again. The record moves to the new ifindex. */
static int wan_back(struct datapath *dp, struct scan *s, struct datapath_device *d,
		    const struct nl_link *link)
{
	enum attach_mode mode = d->dev.flags & RF_DEV_XDP_GENERIC  ? ATTACH_GENERIC
				: d->dev.flags & RF_DEV_XDP_NATIVE ? ATTACH_AUTO
								   : ATTACH_TC;
	struct rf_device dev = d->dev;
	struct why w = { "" };
	char note[256];
	size_t i;
	int err;

	dev.mtu = link->mtu;
	dev.flags = link->type == ARPHRD_ETHER ? 0 : RF_DEV_L3;
	err = datapath_hook_wan(dp, &dev, link->ifindex, &mode, note, sizeof(note), &w);
	if (err) {
		bpf_map_delete_elem(dp->map[MAP_DEVICES], &link->ifindex);
		log_warning("%s is back, but cannot be attached again: %s", dev.name, w.text);
		return err;
	}
	hook_xdp_detach(dp->instance, d->ifindex);
	hook_tc_detach(dp, d->ifindex);
	bpf_map_delete_elem(dp->map[MAP_DEVICES], &d->ifindex);
	for (i = 0; i < s->n_guards; i++) {
		struct datapath_guard *g = &s->guards[i];

		if (g->guard.ifindex != d->ifindex)
			continue;
		g->guard.ifindex = link->ifindex;
		bpf_map_update_elem(dp->map[MAP_GUARDS], &g->addr, &g->guard, BPF_EXIST);
	}
	d->ifindex = link->ifindex;
	d->dev = dev;
	d->present = true;
	return 0;
}

static void wan_keep(struct datapath *dp, struct datapath_device *d, const struct nl_link *link)
{
	uint8_t flags = d->dev.flags & ~RF_DEV_XDP_TX;
	struct why w = { "" };

	if (link->type == ARPHRD_ETHER && kind_takes_redirect(link))
		flags |= RF_DEV_XDP_TX;
	d->present = true;
	if (d->dev.mtu != link->mtu || d->dev.flags != flags || strcmp(d->dev.name, link->name)) {
		d->dev.mtu = link->mtu;
		d->dev.flags = flags;
		memcpy(d->dev.name, link->name, sizeof(d->dev.name));
		bpf_map_update_elem(dp->map[MAP_DEVICES], &d->ifindex, &d->dev, BPF_EXIST);
	}
	if (hook_tc_attached(dp, d->ifindex, HOOK_INGRESS) &&
	    hook_tc_attached(dp, d->ifindex, HOOK_EGRESS))
		return;
	log_warning("somebody removed the TC hooks of %s; attaching them again", d->dev.name);
	if (hook_tc_attach(dp, d->dev.name, d->ifindex, HOOK_INGRESS, PROG_WAN_IN, -1, &w) ||
	    hook_tc_attach(dp, d->dev.name, d->ifindex, HOOK_EGRESS, PROG_WAN_OUT, -1, &w))
		log_error("%s is not filtered completely: %s", d->dev.name, w.text);
}

static void sync_wans(struct datapath *dp, struct scan *s, struct inside_change *change)
{
	const struct nl_link *link;
	struct datapath_device *d;
	struct why w = { "" };
	size_t i;

	if (!hook_tc_attached(dp, LO_IFINDEX, HOOK_EGRESS) &&
	    hook_tc_attach(dp, "lo", LO_IFINDEX, HOOK_EGRESS, PROG_LO_OUT, -1, &w))
		log_error("signalling to this host cannot be released: %s", w.text);
	for (i = 0; i < s->n_devices; i++) {
		d = &s->devices[i];
		if (d->dev.role != RF_DEV_WAN)
			continue;
		link = link_by_index(s, d->ifindex);
		if (link) {
			wan_keep(dp, d, link);
			continue;
		}
		link = link_by_name(s, d->dev.name);
		if (link && !wan_back(dp, s, d, link))
			change->wan_back++;
		else
			change->wan_gone++;
	}
}

/* ---- guards ---- */

static struct rf_guard guard_of(const struct scan *s, const struct config *c,
				const struct datapath_device *d)
{
	struct media_range r = media_range_wan(c, d->dev.name, d->ifindex, s->guards, s->n_guards);

	return (struct rf_guard){ .ifindex = d->ifindex, .port_lo = r.lo, .port_hi = r.hi };
}

/* A WAN device that is gone or has no address for now, whose ports its last guards keep? */
static bool guard_waits(const struct scan *s, const struct datapath_guard *g)
{
	size_t i;

	for (i = 0; i < s->n_addrs; i++)
		if (addr_eq(&s->addrs[i].addr, &g->addr) ||
		    (s->addrs[i].ifindex == g->guard.ifindex && addr_global(&s->addrs[i])))
			return false;
	return device_by_index(s, g->guard.ifindex, RF_DEV_WAN);
}

/* The prefixes of routed inside hosts follow the WAN devices. */
static int sync_inside_ports(const struct datapath *dp, const struct scan *s,
			     const struct config *c)
{
	struct media_range r;

	if (!media_range_inside(c, s->devices, s->n_devices, s->guards, s->n_guards, &r))
		return 0;
	return datapath_inside_ports(dp, s->insides, s->n_insides, r.lo, r.hi);
}

static int sync_guards(struct datapath *dp, const struct scan *s, const struct config *c,
		       struct inside_change *change)
{
	const struct datapath_device *d;
	struct rf_guard guard, was;
	size_t i, j;
	int err = 0;

	for (i = 0; i < s->n_addrs && !err; i++) {
		d = device_by_index(s, s->addrs[i].ifindex, RF_DEV_WAN);
		if (!d || !addr_global(&s->addrs[i]))
			continue;
		guard = guard_of(s, c, d);
		if (!bpf_map_lookup_elem(dp->map[MAP_GUARDS], &s->addrs[i].addr, &was) &&
		    !memcmp(&was, &guard, sizeof(was)))
			continue;
		change->guards_changed = true;
		if (bpf_map_update_elem(dp->map[MAP_GUARDS], &s->addrs[i].addr, &guard, BPF_ANY))
			err = -errno;
	}
	for (i = 0; i < s->n_guards && !err; i++) {
		for (j = 0; j < s->n_addrs; j++)
			if (addr_eq(&s->addrs[j].addr, &s->guards[i].addr) &&
			    addr_global(&s->addrs[j]) &&
			    device_by_index(s, s->addrs[j].ifindex, RF_DEV_WAN))
				break;
		if (j < s->n_addrs || guard_waits(s, &s->guards[i]))
			continue;
		change->guards_changed = true;
		bpf_map_delete_elem(dp->map[MAP_GUARDS], &s->guards[i].addr);
	}
	return err ? err : sync_inside_ports(dp, s, c);
}

/* ---- inside devices ---- */

static bool prefixes_overlap(const struct prefix *a, const struct prefix *b)
{
	return a->len < b->len ? prefix_has(a, &b->addr) : prefix_has(b, &a->addr);
}

/* The default route overlaps everything and says nothing about where inside hosts are. */
static bool route_is_default(const struct nl_route *r)
{
	return addr_is_v4(&r->dst.addr) ? r->dst.len == 96 : r->dst.len == 0;
}

static bool leads_inside(const struct scan *s, uint32_t ifindex)
{
	size_t i, j;

	for (i = 0; i < s->n_routes; i++) {
		if (s->routes[i].oif != ifindex || route_is_default(&s->routes[i]))
			continue;
		for (j = 0; j < s->n_insides; j++)
			if (prefixes_overlap(&s->routes[i].dst, &s->insides[j].prefix))
				return true;
	}
	return false;
}

static bool wan_has(const struct scan *s, int flags)
{
	size_t i;

	for (i = 0; i < s->n_devices; i++)
		if (s->devices[i].dev.role == RF_DEV_WAN && s->devices[i].present &&
		    (s->devices[i].dev.flags & flags) == flags)
			return true;
	return false;
}

/*
 * XDP takes what is plain to a WAN device that takes redirects. Unless asked for not on virtual devices, nor
 * where it costs others: a veth with XDP copies each packet that its peer sends and turns segmentation
 * offload off, which costs a container's TCP more than its media gains.
 */
static bool wants_xdp(const struct scan *s, const struct config *c, const struct nl_link *link)
{
	if (c->inside_xdp == CONFIG_XDP_NEVER || link->type != ARPHRD_ETHER)
		return false;
	if (c->inside_xdp == CONFIG_XDP_ALWAYS)
		return wan_has(s, RF_DEV_XDP_TX);
	return !*link->kind && wan_has(s, RF_DEV_XDP_TX | RF_DEV_XDP_NATIVE) && !xdp_cost(link);
}

static void inside_xdp(struct datapath *dp, const struct nl_link *link, struct rf_device *dev,
		       bool want)
{
	bool has = dev->flags & RF_DEV_XDP_NATIVE;

	if (has == want || (want && hook_xdp_inside(dp, link->ifindex)))
		return;
	if (!want)
		hook_xdp_detach(dp->instance, link->ifindex);
	dev->flags ^= RF_DEV_XDP_NATIVE;
	bpf_map_update_elem(dp->map[MAP_DEVICES], &link->ifindex, dev, BPF_EXIST);
}

static int inside_tc(struct datapath *dp, const struct nl_link *link)
{
	struct why w = { "" };
	int err;

	err = hook_tc_attach(dp, link->name, link->ifindex, HOOK_INGRESS, PROG_INSIDE_IN, -1, &w);
	if (!err)
		err = hook_tc_attach(dp, link->name, link->ifindex, HOOK_EGRESS, PROG_INSIDE_OUT,
				     -1, &w);
	if (!err)
		return 0;
	hook_xdp_detach(dp->instance, link->ifindex);
	hook_tc_detach(dp, link->ifindex);
	bpf_map_delete_elem(dp->map[MAP_DEVICES], &link->ifindex);
	log_warning("inside device %s is not attached: %s", link->name, w.text);
	return err;
}

static int inside_hook(struct datapath *dp, const struct scan *s, const struct config *c,
		       const struct nl_link *link, struct inside_change *change)
{
	const struct datapath_device *old = device_by_index(s, link->ifindex, RF_DEV_INSIDE);
	struct rf_device dev = { .role = RF_DEV_INSIDE, .mtu = link->mtu };
	int err;

	memcpy(dev.name, link->name, sizeof(dev.name));
	if (link->type != ARPHRD_ETHER)
		dev.flags |= RF_DEV_L3;
	else if (kind_takes_redirect(link))
		dev.flags |= RF_DEV_XDP_TX;
	if (old)
		dev.flags |= old->dev.flags & RF_DEV_XDP_NATIVE;
	if (!old || memcmp(&old->dev, &dev, sizeof(dev)))
		if (bpf_map_update_elem(dp->map[MAP_DEVICES], &link->ifindex, &dev, BPF_ANY))
			return -errno;
	if (!old || !hook_tc_attached(dp, link->ifindex, HOOK_INGRESS) ||
	    !hook_tc_attached(dp, link->ifindex, HOOK_EGRESS)) {
		err = inside_tc(dp, link);
		if (err)
			return err;
		change->attached++;
	}
	inside_xdp(dp, link, &dev, wants_xdp(s, c, link));
	return 0;
}

static void sync_inside(struct datapath *dp, const struct scan *s, const struct config *c,
			struct inside_change *change)
{
	const struct datapath_device *d;
	const struct nl_link *link;
	size_t i;

	for (i = 0; i < s->n_links; i++) {
		link = &s->links[i];
		if (link->ifindex == LO_IFINDEX || device_by_index(s, link->ifindex, RF_DEV_WAN))
			continue;
		if (leads_inside(s, link->ifindex) && !inside_hook(dp, s, c, link, change))
			change->inside_devices++;
	}
	for (i = 0; i < s->n_devices; i++) {
		d = &s->devices[i];
		if (d->dev.role != RF_DEV_INSIDE)
			continue;
		link = link_by_index(s, d->ifindex);
		if (link && leads_inside(s, d->ifindex))
			continue;
		hook_xdp_detach(dp->instance, d->ifindex);
		hook_tc_detach(dp, d->ifindex);
		bpf_map_delete_elem(dp->map[MAP_DEVICES], &d->ifindex);
		change->detached++;
	}
}

int inside_sync_locked(struct datapath *dp, const struct config *c, struct inside_change *change,
		       struct why *w)
{
	struct inside_change done = { 0 };
	struct scan s;
	int err;

	err = scan_read(&s, dp);
	if (err)
		return why_set(w, err, "cannot read devices, addresses and routes: %s",
			       strerror(-err));
	sync_wans(dp, &s, &done);
	err = sync_guards(dp, &s, c, &done);
	if (err)
		why_set(w, err, "cannot guard the WAN addresses: %s", strerror(-err));
	else
		sync_inside(dp, &s, c, &done);
	scan_free(&s);
	if (!err && change)
		*change = done;
	return err;
}

/* `replace` may have pinned others; those of an instance that is not ours are none of ours. */
static int inside_progs(struct datapath *dp, struct why *w)
{
	struct presence p;
	int err;

	err = presence_look(dp, &p);
	if (err)
		return why_set(w, err, "cannot tell whether instance \"%s\" is still attached: %s",
			       dp->instance, strerror(-err));
	if (p.kind == PRESENCE_ENDED || p.kind == PRESENCE_OTHER)
		return why_set(w, -ENOENT, "instance \"%s\" was detached", dp->instance);
	err = p.kind == PRESENCE_HERE ? datapath_reopen_progs(dp) : 0; /* else those that we have */
	return err ? why_set(w, err, "cannot open the pinned programs: %s", strerror(-err)) : 0;
}

int inside_sync(struct datapath *dp, const struct config *c, struct inside_change *change,
		struct why *w)
{
	int lock, err;

	lock = bpffs_lock(dp->instance, false, w);
	if (lock < 0)
		return lock;
	/* Under the lock: by its path another instance's programs would be taken for ours. */
	err = inside_progs(dp, w);
	if (!err)
		err = inside_sync_locked(dp, c, change, w);
	bpffs_unlock(dp->instance, lock);
	return err;
}

/* ---- topology ---- */

/* The better address of two to be seen by peers: a public one before a private one. */
static void wire_take(bool *has, struct rf_addr *wire, const struct rf_addr *a)
{
	if (*has && !(addr_is_private(wire) && !addr_is_private(a) && !addr_is_v4(a)))
		return;
	*has = true;
	*wire = *a;
}

static void topology_add_wan(struct topology *t, const struct scan *s, const struct config *c,
			     const struct datapath_device *d)
{
	const struct config_wan *conf = config_of(c, d->dev.name);
	struct rf_guard guard = guard_of(s, c, d);
	struct topology_wan *wan;
	size_t i;

	if (t->n_wans == CONFIG_WANS_MAX)
		return;
	wan = &t->wans[t->n_wans++];
	wan->ifindex = d->ifindex;
	memcpy(wan->name, d->dev.name, sizeof(wan->name));
	wan->port_lo = guard.port_lo;
	wan->port_hi = guard.port_hi;
	for (i = 0; i < s->n_addrs; i++) {
		const struct nl_addr *a = &s->addrs[i];

		if (a->ifindex != d->ifindex || !addr_global(a) || !a->usable)
			continue;
		if (addr_is_v4(&a->addr))
			wire_take(&wan->has4, &wan->wire4, &a->addr);
		else
			wire_take(&wan->has6, &wan->wire6, &a->addr);
	}
	wan->public4 = conf && conf->has_public4 ? conf->public4 : wan->wire4;
	wan->public6 = conf && conf->has_public6 ? conf->public6 : wan->wire6;
}

int inside_topology(const struct datapath *dp, const struct config *c, struct topology *out)
{
	struct topology *t = calloc(1, sizeof(*t));
	struct scan s;
	size_t i;
	int err;

	if (!t)
		return -ENOMEM;
	err = scan_read(&s, dp);
	if (err) {
		free(t);
		return err;
	}
	for (i = 0; i < s.n_devices; i++)
		if (s.devices[i].dev.role == RF_DEV_WAN)
			topology_add_wan(t, &s, c, &s.devices[i]);
	for (i = 0; i < s.n_insides && t->n_inside < CONFIG_INSIDE_MAX; i++)
		t->inside[t->n_inside++] = (struct config_inside){
			.prefix = s.insides[i].prefix,
			.mode = s.insides[i].inside.mode,
		};
	for (i = 0; i < s.n_addrs && t->n_locals < TOPOLOGY_LOCALS_MAX; i++)
		t->locals[t->n_locals++] = s.addrs[i].addr;
	scan_free(&s);
	*out = *t;
	free(t);
	return 0;
}
