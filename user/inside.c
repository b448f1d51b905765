// SPDX-License-Identifier: GPL-2.0-only
/*
 * One look at the system, then the differences are carried out: guards of the WAN addresses, WAN
 * devices that came back, TC hooks of the devices that lead to inside prefixes.
 */
#include "inside.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "datapath_priv.h"
#include "guards.h"
#include "inside_nets.h"
#include "media_range.h"
#include "netlink.h"
#include "presence.h"
#include "vlan_tags.h"
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
	bool *stale; /* of devices: another device has its number by now */
};

static void scan_free(struct scan *s)
{
	free(s->links);
	free(s->addrs);
	free(s->routes);
	free(s->devices);
	free(s->insides);
	free(s->guards);
	free(s->stale);
}

static const struct nl_link *link_by_index(const struct scan *s, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < s->n_links; i++)
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	return NULL;
}

/* A name may change under the hooks; a number may come again for another device, which has none of them. Where
 * that cannot be read it stays the one it was. */
static bool is_same_device(const struct datapath *dp, const struct datapath_device *d,
			   const struct nl_link *link)
{
	return !strcmp(link->name, d->dev.name) ||
	       hook_tc_attached(dp, link->ifindex, HOOK_INGRESS) != 0;
}

/* A record of our WAN device under a number that another device has got. */
static int mark_stale(struct scan *s, const struct datapath *dp)
{
	const struct nl_link *link;
	size_t i;

	s->stale = calloc(s->n_devices ? s->n_devices : 1, sizeof(*s->stale));
	if (!s->stale)
		return -ENOMEM;
	for (i = 0; i < s->n_devices; i++) {
		link = link_by_index(s, s->devices[i].ifindex);
		s->stale[i] = link && s->devices[i].dev.role != RF_DEV_INSIDE &&
			      !is_same_device(dp, &s->devices[i], link);
	}
	return 0;
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
	if (!err)
		err = mark_stale(s, dp);
	if (err)
		scan_free(s);
	return err;
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

static bool wan_by_name(const struct scan *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n_devices; i++)
		if (s->devices[i].dev.role == RF_DEV_WAN && !strcmp(s->devices[i].dev.name, name))
			return true;
	return false;
}

/* Virtual devices above others lose what native XDP redirects to them, whatever they say. was: what was known
 * so far, which holds where the kernel does not answer. */
static bool kind_takes_redirect(const struct nl_link *link, bool was, struct inside_change *change)
{
	static const char *const never[] = { "bridge", "vlan",	 "macvlan", "macvtap",
					     "dummy",  "ipvlan", "netkit",  "bond" };
	size_t i;
	int takes;

	for (i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (!strcmp(link->kind, never[i]))
			return false;
	takes = netlink_xdp_takes_redirect(link->ifindex);
	if (takes >= 0)
		return takes;
	inside_trouble(change, takes, "cannot read whether %s takes redirected frames: %s",
		       link->name, strerror(-takes));
	return was;
}

/* ---- WAN devices ---- */

/* The record has moved to the new ifindex: what is left of the former one goes. */
static void wan_moved(struct datapath *dp, struct scan *s, struct datapath_device *d,
		      const struct rf_device *dev, const struct nl_link *link,
		      struct inside_change *change)
{
	size_t i;
	int err;

	for (i = 0; i < s->n_guards; i++) {
		struct datapath_guard *g = &s->guards[i];

		if (g->guard.ifindex != d->ifindex)
			continue;
		g->guard.ifindex = link->ifindex;
		/* ENOENT: deleted since it was read */
		if (bpf_map_update_elem(dp->map[MAP_GUARDS], &g->addr, &g->guard, BPF_EXIST) &&
		    errno != ENOENT) {
			err = -errno;
			inside_trouble(change, err, "cannot move a guard of %s: %s", dev->name,
				       strerror(-err));
		}
	}
	err = datapath_unhook(dp, d->ifindex);
	if (err)
		inside_trouble(change, err, "cannot remove what is left of the former %s: %s",
			       dev->name, strerror(-err));
	d->ifindex = link->ifindex;
	d->dev = *dev;
	d->present = true;
}

/* Is another instance's WAN device? Asks who may look at others' programs: root, not the controller. */
static bool is_others(const struct datapath *dp, const struct nl_link *link, struct why *w)
{
	return hook_other(dp, link->name, link->ifindex, w) == -EBUSY;
}

/* A device with the name of one that went away: hooks it again. The record moves to the new ifindex. */
static int wan_back(struct datapath *dp, const struct config *c, struct scan *s,
		    struct datapath_device *d, const struct nl_link *link,
		    struct inside_change *change)
{
	enum attach_mode mode = d->dev.flags & RF_DEV_XDP_GENERIC  ? ATTACH_GENERIC
				: d->dev.flags & RF_DEV_XDP_NATIVE ? ATTACH_AUTO
								   : ATTACH_TC;
	struct rf_device dev = d->dev;
	struct why w = { "" };
	char note[256];
	int err;

	dev.mtu = link->mtu;
	dev.flags = link->type == ARPHRD_ETHER ? 0 : RF_DEV_L3;
	if (is_others(dp, link, &w)) {
		inside_trouble(change, -EBUSY, "%s is back, but cannot be attached again: %.300s",
			       dev.name, w.text);
		return -EBUSY;
	}
	err = datapath_hook_wan(dp, c, &dev, link->ifindex, d->ifindex, &mode, note, sizeof(note),
				&w);
	if (err) {
		datapath_unhook(dp, link->ifindex);
		inside_trouble(change, err, "%s is back, but cannot be attached again: %.300s",
			       dev.name, w.text);
		return err;
	}
	wan_moved(dp, s, d, &dev, link, change);
	return 0;
}

static void wan_keep(struct datapath *dp, struct datapath_device *d, const struct nl_link *link,
		     struct inside_change *change)
{
	uint8_t flags = d->dev.flags & ~RF_DEV_XDP_TX;
	struct rf_device dev = d->dev;

	if (link->type == ARPHRD_ETHER &&
	    kind_takes_redirect(link, d->dev.flags & RF_DEV_XDP_TX, change))
		flags |= RF_DEV_XDP_TX;
	d->present = true;
	dev.mtu = link->mtu;
	dev.flags = flags;
	memcpy(dev.name, link->name, sizeof(dev.name));
	if (memcmp(&d->dev, &dev, sizeof(dev))) {
		if (bpf_map_update_elem(dp->map[MAP_DEVICES], &d->ifindex, &dev, BPF_EXIST))
			inside_trouble(change, -errno, "cannot record %s: %s", dev.name,
				       strerror(errno));
		else
			d->dev = dev;
	}
	hook_again_wan(dp, d, change);
}

static void sync_wans(struct datapath *dp, struct scan *s, const struct config *c,
		      struct inside_change *change)
{
	const struct datapath_device *there;
	const struct nl_link *link;
	struct datapath_device *d;
	size_t i;

	hook_again_lo(dp, change);
	for (i = 0; i < s->n_devices; i++) {
		d = &s->devices[i];
		if (d->dev.role != RF_DEV_WAN)
			continue;
		link = link_by_index(s, d->ifindex);
		if (link && !s->stale[i]) {
			wan_keep(dp, d, link, change);
			continue;
		}
		link = link_by_name(s, d->dev.name);
		there = link ? device_by_index(s, link->ifindex, RF_DEV_WAN) : NULL;
		if (there && is_same_device(dp, there, link)) { /* killed right before the end */
			wan_moved(dp, s, d, &there->dev, link, change);
			s->stale[i] = false;
			continue;
		}
		if (link && !wan_back(dp, c, s, d, link, change)) {
			s->stale[i] = false;
			change->wan_back++;
		} else {
			change->wan_gone++;
		}
	}
}

/* ---- guards ---- */

/* The record of a WAN device, also of one that is half attached or half detached. */
static const struct datapath_device *wan_record(const struct scan *s, uint32_t ifindex, bool *stale)
{
	size_t i;

	for (i = 0; i < s->n_devices; i++)
		if (s->devices[i].ifindex == ifindex && s->devices[i].dev.role != RF_DEV_INSIDE) {
			*stale = s->stale[i];
			return &s->devices[i];
		}
	return NULL;
}

static bool device_is_wan(const struct scan *s, uint32_t ifindex)
{
	bool stale;

	return wan_record(s, ifindex, &stale) && !stale;
}

/* Of a device that is gone or has no address for now, whose ports its last guards keep? One that is there again by its
 * name has them, too, until it is hooked. */
static bool guard_waits(const struct scan *s, const struct datapath_guard *g)
{
	const struct datapath_device *d;
	const struct nl_link *back = NULL;
	bool stale, away;
	size_t i;

	d = wan_record(s, g->guard.ifindex, &stale);
	if (!d)
		return false;
	away = stale || !link_by_index(s, d->ifindex);
	if (away)
		back = link_by_name(s, d->dev.name);
	for (i = 0; i < s->n_addrs; i++) {
		if (addr_eq(&s->addrs[i].addr, &g->addr) &&
		    !(back && s->addrs[i].ifindex == back->ifindex))
			return false;
		if (!away && s->addrs[i].ifindex == d->ifindex && guards_addr(&s->addrs[i]))
			return false;
	}
	return true;
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

/* Before a guard that covers them. What fails leaves the ports closed, and nothing else undone. */
static void sync_excepts(const struct datapath *dp, const struct scan *s, const struct config *c,
			 struct inside_change *change)
{
	uint32_t *keep = calloc(s->n_devices ? s->n_devices : 1, sizeof(*keep));
	const struct config_wan *wan;
	size_t i, n = 0;
	int err, more;

	for (i = 0; keep && i < s->n_devices; i++)
		if (s->devices[i].dev.role != RF_DEV_INSIDE && !s->stale[i])
			keep[n++] = s->devices[i].ifindex;
	err = keep ? datapath_prune_excepts(dp, keep, n) : -ENOMEM;
	free(keep);
	for (i = 0; i < s->n_devices; i++) {
		if (s->devices[i].dev.role != RF_DEV_WAN || s->stale[i])
			continue;
		wan = guards_config(c, s->devices[i].dev.name);
		more = datapath_put_excepts(dp, s->devices[i].ifindex, wan, wan ? 1 : 0);
		err = err ? err : more;
	}
	more = datapath_put_excepts(dp, 0, c->wans, c->n_wans);
	err = err ? err : more;
	more = datapath_put_except_policy(dp, c);
	err = err ? err : more;
	if (err)
		inside_trouble(change, err, "cannot leave all excepted media ports to others: %s",
			       strerror(-err));
}

static int sync_guards(struct datapath *dp, const struct scan *s, const struct config *c,
		       struct inside_change *change)
{
	struct rf_guard guard;
	size_t i, j;
	int err = 0;

	for (i = 0; i < s->n_devices && !err; i++) {
		const struct datapath_device *d = &s->devices[i];

		if (d->dev.role == RF_DEV_INSIDE || s->stale[i])
			continue;
		guard = guards_of(c, d->dev.name, d->ifindex, s->guards, s->n_guards);
		err = guards_put(dp, &guard, s->addrs, s->n_addrs, &change->guards_changed);
	}
	for (i = 0; i < s->n_guards && !err; i++) {
		for (j = 0; j < s->n_addrs; j++)
			if (addr_eq(&s->addrs[j].addr, &s->guards[i].addr) &&
			    guards_addr(&s->addrs[j]) && device_is_wan(s, s->addrs[j].ifindex))
				break;
		if (j < s->n_addrs || guard_waits(s, &s->guards[i]))
			continue;
		change->guards_changed = true;
		err = guards_delete(dp, &s->guards[i].addr);
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
	return !*link->kind && wan_has(s, RF_DEV_XDP_TX | RF_DEV_XDP_NATIVE) && !xdp_cost(link) &&
	       !(vlan_tags_hidden(link) && vlan_tags_used(link));
}

static int inside_hook(struct datapath *dp, const struct scan *s, const struct config *c,
		       const struct nl_link *link, struct inside_change *change)
{
	const struct datapath_device *old = device_by_index(s, link->ifindex, RF_DEV_INSIDE);
	struct rf_device dev = { .role = RF_DEV_INSIDE, .mtu = link->mtu };
	bool took = old && old->dev.flags & RF_DEV_XDP_TX;
	int err, in = 0, out = 0;

	memcpy(dev.name, link->name, sizeof(dev.name));
	if (link->type != ARPHRD_ETHER)
		dev.flags |= RF_DEV_L3;
	else if (kind_takes_redirect(link, took, change))
		dev.flags |= RF_DEV_XDP_TX;
	if (old)
		dev.flags |= old->dev.flags & RF_DEV_XDP_NATIVE;
	if (!old || memcmp(&old->dev, &dev, sizeof(dev)))
		if (bpf_map_update_elem(dp->map[MAP_DEVICES], &link->ifindex, &dev, BPF_ANY)) {
			err = -errno;
			inside_trouble(change, err, "cannot record %s: %s", link->name,
				       strerror(-err));
			return err;
		}
	if (old) {
		in = hook_tc_attached(dp, link->ifindex, HOOK_INGRESS);
		out = hook_tc_attached(dp, link->ifindex, HOOK_EGRESS);
	}
	if (in < 0 || out < 0)
		inside_trouble(change, in < 0 ? in : out, "cannot read what is attached to %s: %s",
			       link->name, strerror(in < 0 ? -in : -out));
	if (!in || !out) {
		err = hook_again_inside(dp, link, !old, change);
		if (err)
			return err;
		change->attached++;
	}
	hook_inside_xdp(dp, link, &dev, wants_xdp(s, c, link), change);
	return 0;
}

static void sync_inside(struct datapath *dp, const struct scan *s, const struct config *c,
			struct inside_change *change)
{
	const struct datapath_device *d, *wan;
	const struct nl_link *link;
	bool stale;
	size_t i;
	int err;

	for (i = 0; i < s->n_links; i++) {
		link = &s->links[i];
		if (link->ifindex == LO_IFINDEX || !leads_inside(s, link->ifindex))
			continue;
		if (wan_by_name(s, link->name)) /* back, but could not be hooked */
			continue;
		wan = wan_record(s, link->ifindex, &stale);
		/* Its record is all that is known of the one that may come back: it must not be lost. */
		if (wan && stale)
			inside_trouble(
				change, -EBUSY,
				"inside device %s has the number %u of WAN device %s, which is gone, and is not attached before that one is back, or: ringfence detach dev %s",
				link->name, link->ifindex, wan->dev.name, wan->dev.name);
		if (!wan && !inside_hook(dp, s, c, link, change))
			change->inside_devices++;
	}
	for (i = 0; i < s->n_devices; i++) {
		d = &s->devices[i];
		if (d->dev.role != RF_DEV_INSIDE)
			continue;
		link = link_by_index(s, d->ifindex);
		if (link && leads_inside(s, d->ifindex))
			continue;
		err = datapath_unhook(dp, d->ifindex);
		if (err)
			inside_trouble(
				change, err,
				"cannot take the hooks off %s, which leads no longer inside: %s",
				d->dev.name, strerror(-err));
		else
			change->detached++;
	}
}

int inside_sync_devices(struct datapath *dp, const struct config *c, struct inside_change *change)
{
	struct scan s;
	int err;

	err = scan_read(&s, dp);
	if (err)
		return err;
	sync_inside(dp, &s, c, change);
	scan_free(&s);
	return change->trouble_err;
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
	sync_excepts(dp, &s, c, &done);
	err = sync_guards(dp, &s, c, &done);
	/* Also when not all is guarded: without its hooks a WAN device is open. */
	sync_wans(dp, &s, c, &done);
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
			     const struct datapath_device *d, bool stale)
{
	const struct config_wan *conf = guards_config(c, d->dev.name);
	struct rf_guard guard = guards_of(c, d->dev.name, d->ifindex, s->guards, s->n_guards);
	struct topology_wan *wan;
	size_t i;

	if (t->n_wans == CONFIG_WANS_MAX)
		return;
	wan = &t->wans[t->n_wans++];
	wan->ifindex = d->ifindex;
	memcpy(wan->name, d->dev.name, sizeof(wan->name));
	wan->port_lo = guard.port_lo;
	wan->port_hi = guard.port_hi;
	if (conf) {
		memcpy(wan->excepts, conf->excepts, sizeof(wan->excepts));
		wan->n_excepts = conf->n_excepts;
	}
	for (i = 0; i < s->n_addrs; i++) {
		const struct nl_addr *a = &s->addrs[i];

		if (stale || a->ifindex != d->ifindex || !guards_addr(a) || !a->usable)
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
			topology_add_wan(t, &s, c, &s.devices[i], s.stale[i]);
	for (i = 0; i < s.n_insides && t->n_inside < CONFIG_INSIDE_MAX; i++)
		t->inside[t->n_inside++] = (struct config_inside){
			.prefix = s.insides[i].prefix,
			.mode = s.insides[i].inside.mode,
		};
	for (i = 0; i < s.n_guards && t->n_guards < TOPOLOGY_GUARDS_MAX; i++)
		t->guards[t->n_guards++] = (struct topology_guard){
			.prefix = { .addr = s.guards[i].addr, .len = 128 },
			.ifindex = s.guards[i].guard.ifindex,
			.lo = s.guards[i].guard.port_lo,
			.hi = s.guards[i].guard.port_hi,
		};
	for (i = 0; i < s.n_insides && t->n_guards < TOPOLOGY_GUARDS_MAX; i++)
		t->guards[t->n_guards++] = (struct topology_guard){
			.prefix = s.insides[i].prefix,
			.mode = s.insides[i].inside.mode,
			.lo = s.insides[i].inside.port_lo,
			.hi = s.insides[i].inside.port_hi,
		};
	inside_nets(t, &(struct inside_nets_from){ s.routes, s.n_routes, s.addrs, s.n_addrs,
						   s.devices, s.n_devices });
	scan_free(&s);
	*out = *t;
	free(t);
	return 0;
}
