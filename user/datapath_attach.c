// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach: the order of the steps, and the way back when one fails. The device's record is written before
 * anything is hooked, so that whatever a crash leaves behind is found by the next attach or detach.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "guards.h"
#include "link_hold.h"
#include "netlink.h"
#include "survivor.h"
#include "vlan_tags.h"
#include "xdp_cost.h"

#define LO_IFINDEX 1

static const char *const mode_texts[] = {
	[ATTACH_AUTO] = "auto",
	[ATTACH_NATIVE] = "native",
	[ATTACH_GENERIC] = "generic",
	[ATTACH_TC] = "tc",
};

int attach_mode_parse(const char *text, enum attach_mode *out)
{
	size_t i;

	for (i = 0; i < sizeof(mode_texts) / sizeof(*mode_texts); i++)
		if (!strcmp(text, mode_texts[i])) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

const char *attach_mode_text(enum attach_mode mode)
{
	return mode_texts[mode];
}

/* Number of records of one role. */
static int count_role(const struct datapath *dp, int role, size_t *count, struct why *w)
{
	struct datapath_device *v;
	size_t n, i;
	int err;

	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices of instance \"%s\": %s",
			       dp->instance, strerror(-err));
	*count = 0;
	for (i = 0; i < n; i++)
		*count += v[i].dev.role == role;
	free(v);
	return 0;
}

static int find_link(const char *dev, struct nl_link *out, struct why *w)
{
	struct nl_link *v;
	size_t n, i;
	int err;

	err = netlink_links(&v, &n);
	if (err)
		return why_set(w, err, "cannot list network devices: %s", strerror(-err));
	err = -ENODEV;
	for (i = 0; i < n && err; i++)
		if (!strcmp(v[i].name, dev)) {
			*out = v[i];
			err = 0;
		}
	free(v);
	if (err)
		return why_set(
			w, err,
			"no network device \"%s\" in this network namespace; see: ip link show",
			dev);
	if (out->type == ARPHRD_LOOPBACK)
		return why_set(w, -EINVAL,
			       "%s is the loopback device: name the device that faces the peers",
			       dev);
	return 0;
}

int datapath_hook_wan(struct datapath *dp, const struct config *c, struct rf_device *dev,
		      uint32_t ifindex, uint32_t was, enum attach_mode *mode, char *note,
		      size_t n_note, struct why *w)
{
	const struct config_wan *wan = guards_config(c, dev->name);
	int err;

	/* Until all is in place the record says that it is not: we may be killed at any moment. */
	dev->role = RF_DEV_UNFINISHED;
	err = datapath_put_device(dp, ifindex, dev, w);
	if (err)
		return err;
	/* Before the guard, which would close them for others. Without them it is closed, so that is no reason
	 * not to guard. */
	err = datapath_put_excepts(dp, ifindex, wan, wan ? 1 : 0);
	if (err)
		log_warning("the media ports of %s that are left to others are closed: %s",
			    dev->name, strerror(-err));
	err = guards_put_now(dp, c, dev->name, ifindex, was);
	if (err)
		return why_set(w, err, "cannot guard the addresses of %s: %s", dev->name,
			       strerror(-err));
	/* An inside device's become a WAN device's: TC at one stroke, XDP may be of another mode. */
	err = hook_tc_attach(dp, "lo", LO_IFINDEX, HOOK_EGRESS, PROG_LO_OUT, -1, w);
	if (!err)
		err = hook_tc_attach(dp, dev->name, ifindex, HOOK_INGRESS, PROG_WAN_IN, -1, w);
	if (!err)
		err = hook_tc_attach(dp, dev->name, ifindex, HOOK_EGRESS, PROG_WAN_OUT, -1, w);
	if (!err && (err = hook_xdp_detach(dp->instance, ifindex)))
		why_set(w, err, "cannot remove an old XDP link of %s: %s", dev->name,
			strerror(-err));
	if (!err)
		err = hook_xdp_attach(dp, dev->name, ifindex, dev->flags & RF_DEV_L3, mode, note,
				      n_note, w);
	if (err)
		return err;
	dev->role = RF_DEV_WAN;
	dev->flags &= ~(RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC);
	if (*mode == ATTACH_NATIVE)
		dev->flags |= RF_DEV_XDP_NATIVE;
	if (*mode == ATTACH_GENERIC)
		dev->flags |= RF_DEV_XDP_GENERIC;
	return datapath_put_device(dp, ifindex, dev, w);
}

/*
 * Opens the instance, for `replace` of an older version, too. What only a crash has left is removed.
 * 0 and *out NULL: there is none.
 */
static int open_running(struct datapath **out, const struct attach_request *r, struct why *w)
{
	struct why other = { "" };
	struct datapath *dp;
	size_t n_wans = 0;
	int err;

	*out = NULL;
	err = datapath_open(&dp, r->instance, true, &other);
	if (err == -ENOENT)
		return 0;
	if (err && err != -ESTALE)
		return why_set(w, err, "%s", other.text);
	if (err)
		err = datapath_open_older(&dp, r->instance, w);
	if (err)
		return err;
	err = count_role(dp, RF_DEV_WAN, &n_wans, w);
	if (!err && !n_wans) {
		err = datapath_remove(dp, w);
		datapath_close(dp);
		return err;
	}
	if (!err && dp->abi != RF_ABI_VERSION && !r->replace)
		err = why_set(w, -ESTALE, "%s", other.text);
	if (err)
		datapath_close(dp);
	else
		*out = dp;
	return err;
}

/* Opens the instance, loading it first where there is none (or only what a crash has left). */
static int open_or_load(struct datapath **out, const struct attach_request *r,
			struct datapath_prepared *p, bool *fresh, struct why *w)
{
	struct datapath *dp;
	int err;

	datapath_remove_orphan(r->instance);
	*fresh = false;
	/* What lives without a pin must not get a second data plane over it. */
	err = survivor_mend(r->instance, r->replace, w);
	if (err)
		return err;
	err = open_running(out, r, w);
	if (err || *out)
		return err;
	if (r->replace)
		return why_set(w, -ENOENT,
			       "nothing to replace: instance \"%s\" is not attached to any device",
			       r->instance);
	err = bpffs_remove(r->instance);
	if (err)
		return why_set(w, err, "cannot remove what is left of instance \"%s\": %s",
			       r->instance, strerror(-err));
	if (!p->fresh)
		err = datapath_load_fresh(&p->fresh, r->config, w);
	if (!err)
		err = datapath_pin_fresh(p->fresh, r->instance, w);
	if (err)
		return err;
	/* A fresh settings map is zero, which datapath_open() would take for another version. */
	err = datapath_open_fresh(&dp, r->instance, r->config, w);
	if (err) {
		bpffs_remove(r->instance);
		return err;
	}
	*out = dp;
	*fresh = true;
	return 0;
}

static int check_not_attached(const struct datapath *dp, const struct nl_link *link, struct why *w)
{
	struct rf_device old;
	int hooked;

	if (bpf_map_lookup_elem(dp->map[MAP_DEVICES], &link->ifindex, &old))
		return errno == ENOENT ? 0
				       : why_set(w, -errno, "cannot read the record of %s: %s",
						 link->name, strerror(errno));
	if (old.role == RF_DEV_WAN && !strncmp(old.name, link->name, sizeof(old.name)))
		return why_set(
			w, -EEXIST,
			"%s is attached already (instance \"%s\"); to load new programs without losing a packet: ringfence attach dev %s replace",
			link->name, dp->instance, link->name);
	if (old.role != RF_DEV_WAN)
		return 0;
	/* Renamed; or its number is another device's by now. A failed attach would unhook it. */
	hooked = hook_tc_attached(dp, link->ifindex, HOOK_INGRESS);
	if (hooked < 0)
		return why_set(w, hooked, "cannot read what is attached to %s: %s", link->name,
			       strerror(-hooked));
	if (hooked)
		return why_set(
			w, -EEXIST,
			"%s is attached already (instance \"%s\"), as %.15s, the name that it had; to go on with the new one: ringfence attach dev %s replace",
			link->name, dp->instance, old.name, link->name);
	return 0;
}

/* XDP is not taken at the expense of traffic that is not ours, unless asked for. */
static enum attach_mode mode_sparing(enum attach_mode wanted, const char *cost)
{
	return wanted == ATTACH_AUTO && cost ? ATTACH_TC : wanted;
}

static void note_cost(const struct attach_request *r, const char *cost, struct attach_result *res)
{
	if (cost && r->mode == ATTACH_AUTO)
		snprintf(
			res->note, sizeof(res->note),
			"by TC: native XDP would slow ordinary TCP through %s down (%s); \"mode native\" asks for it",
			r->dev, cost);
	else if (cost && res->mode == ATTACH_NATIVE)
		snprintf(res->note, sizeof(res->note),
			 "native XDP slows ordinary TCP through %s down: %s", r->dev, cost);
	else if (res->mode == ATTACH_GENERIC)
		snprintf(res->note, sizeof(res->note), "%s", XDP_GENERIC_COST);
}

/* An inside device's hooks again, where it was one. */
static int rehook_inside(struct datapath *dp, uint32_t ifindex, const struct rf_device *was)
{
	int err;

	err = hook_xdp_detach(dp->instance, ifindex);
	if (!err)
		err = hook_tc_attach(dp, was->name, ifindex, HOOK_INGRESS, PROG_INSIDE_IN, -1,
				     NULL);
	if (!err)
		err = hook_tc_attach(dp, was->name, ifindex, HOOK_EGRESS, PROG_INSIDE_OUT, -1,
				     NULL);
	if (!err && was->flags & RF_DEV_XDP_NATIVE)
		err = hook_xdp_inside(dp, ifindex);
	return err ? err : datapath_put_device(dp, ifindex, was, NULL);
}

/* All as it was before the attach, or a word more in the sentence. was: NULL: it was no device of ours. */
static void take_back(struct datapath *dp, const struct attach_request *r, uint32_t ifindex,
		      const struct rf_device *was, const struct datapath_undo *before,
		      struct why *w)
{
	struct inside_change change = { 0 };
	bool inside = was && was->role == RF_DEV_INSIDE;
	int err, more;

	err = inside ? rehook_inside(dp, ifindex, was) : datapath_unhook(dp, ifindex);
	more = datapath_undo(dp, before);
	err = err ? err : more;
	more = inside_sync_devices(dp, r->config, &change);
	err = err ? err : more;
	if (err && w)
		snprintf(
			w->text + strlen(w->text), sizeof(w->text) - strlen(w->text),
			"; nor can all be brought back as it was (%s): do it again, or: ringfence detach dev %s",
			strerror(-err), r->dev);
}

/* Devices that are somebody else's, or fit for nothing, are a note; what else did not work would leave hosts
 * without their media, or a device open. */
int datapath_sync_all(struct datapath *dp, const struct attach_request *r,
		      struct attach_result *res, struct why *w)
{
	struct inside_change change = { 0 };
	int err;

	err = inside_sync_locked(dp, r->config, &change, w);
	if (err)
		return err;
	res->inside_devices = change.inside_devices;
	if (!change.trouble_err)
		return 0;
	if (!inside_trouble_is_mild(change.trouble_err))
		return why_set(w, change.trouble_err, "%s", change.trouble.text);
	log_warning("%s", change.trouble.text);
	return 0;
}

static int attach_hooks(struct datapath *dp, const struct attach_request *r,
			const struct nl_link *link, struct attach_result *res, struct why *w)
{
	const char *cost = link->type == ARPHRD_ETHER ? xdp_cost(link) : NULL;
	bool vlans = link->type == ARPHRD_ETHER && r->mode != ATTACH_TC && vlan_tags_hidden(link) &&
		     vlan_tags_used(link);
	struct rf_device dev = { .role = RF_DEV_WAN, .mtu = link->mtu };
	int err;

	snprintf(dev.name, sizeof(dev.name), "%s", link->name);
	if (link->type != ARPHRD_ETHER)
		dev.flags |= RF_DEV_L3;
	res->mode = vlans && r->mode == ATTACH_AUTO ? ATTACH_TC : mode_sparing(r->mode, cost);
	err = datapath_apply(dp, r->config, r->inside, r->n_inside);
	if (err)
		return why_set(w, err, "cannot write settings and inside prefixes: %s",
			       strerror(-err));
	err = datapath_hook_wan(dp, r->config, &dev, link->ifindex, link->ifindex, &res->mode,
				res->note, sizeof(res->note), w);
	if (!err) /* once more: two may have begun at the same moment */
		err = hook_other(dp, link->name, link->ifindex, w);
	if (!err)
		err = datapath_sync_all(dp, r, res, w);
	if (err)
		return err;
	note_cost(r, cost, res);
	if (vlans && !(cost && r->mode == ATTACH_AUTO))
		vlan_tags_note(r->dev, res->mode == ATTACH_TC, res->note, sizeof(res->note));
	return 0;
}

static int attach_device(struct datapath *dp, const struct attach_request *r,
			 const struct nl_link *link, bool fresh, struct attach_result *res,
			 struct why *w)
{
	struct datapath_undo before;
	struct rf_device was;
	bool had;
	int err;

	err = datapath_settle(dp, link->ifindex, w);
	if (!err)
		err = hook_other(dp, link->name, link->ifindex, w);
	if (err)
		return err;
	/* It may have been taken for an inside device so far. */
	had = !bpf_map_lookup_elem(dp->map[MAP_DEVICES], &link->ifindex, &was);
	err = !had && errno != ENOENT ? -errno : datapath_undo_read(dp, &before);
	if (err)
		return why_set(w, err, "cannot read the maps of instance \"%s\": %s", dp->instance,
			       strerror(-err));
	err = attach_hooks(dp, r, link, res, w);
	if (err && !fresh)
		take_back(dp, r, link->ifindex, had ? &was : NULL, &before, w);
	datapath_undo_free(&before);
	return err;
}

/* A failed attach of the first device leaves nothing. */
static void remove_fresh(struct datapath *dp, struct why *w)
{
	struct why why = { "" };

	if (datapath_remove(dp, &why) && w)
		snprintf(w->text + strlen(w->text), sizeof(w->text) - strlen(w->text), "; and: %s",
			 why.text);
}

int datapath_attach(const struct attach_request *r, struct attach_result *out, struct why *w)
{
	struct attach_result res = { .mode = r->mode };
	struct datapath_prepared prepared;
	struct datapath *dp = NULL;
	struct nl_link link;
	bool fresh = false;
	int lock, err;

	err = instance_check(r->instance, w);
	if (!err)
		err = find_link(r->dev, &link, w);
	if (!err && geteuid())
		err = why_set(w, -EPERM,
			      "attaching needs root (CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON)");
	if (!err)
		err = bpffs_ready(true, w);
	if (err)
		return err;
	err = datapath_prepare(&prepared, r, &link, w);
	lock = err ? err : bpffs_lock(r->instance, true, w);
	if (lock < 0) {
		datapath_prepared_free(&prepared);
		return lock;
	}
	err = open_or_load(&dp, r, &prepared, &fresh, w);
	if (!err && r->replace) {
		err = datapath_replace(dp, r, &link, &prepared, &res, w);
	} else if (!err) {
		err = check_not_attached(dp, &link, w);
		if (!err)
			err = attach_device(dp, r, &link, fresh, &res, w);
		if (err && fresh)
			remove_fresh(dp, w);
	}
	datapath_close(dp);
	datapath_prepared_free(&prepared);
	if (!err)
		link_pins_give(r->instance);
	bpffs_unlock(r->instance, lock);
	if (!err)
		*out = res;
	return err;
}
