// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, detach and replace: the order of the steps, and the way back when one fails.
 * An attach writes the device's record before it hooks anything, so that whatever a crash leaves
 * behind is found and removed by the next attach or detach.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "netlink.h"
#include "presence.h"
#include "run_dir.h"
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

static int put_device(const struct datapath *dp, uint32_t ifindex, const struct rf_device *dev,
		      struct why *w)
{
	if (!bpf_map_update_elem(dp->map[MAP_DEVICES], &ifindex, dev, BPF_ANY))
		return 0;
	return why_set(w, -errno, "cannot record %s: %s", dev->name, strerror(errno));
}

int datapath_hook_wan(struct datapath *dp, struct rf_device *dev, uint32_t ifindex,
		      enum attach_mode *mode, char *note, size_t n_note, struct why *w)
{
	int err;

	/* Without a role until all is in place: if we are killed before, it is known to be half done. */
	dev->role = 0;
	err = put_device(dp, ifindex, dev, w);
	if (!err)
		err = hook_tc_attach(dp, "lo", LO_IFINDEX, HOOK_EGRESS, PROG_LO_OUT, -1, w);
	if (!err)
		err = hook_tc_attach(dp, dev->name, ifindex, HOOK_INGRESS, PROG_WAN_IN, -1, w);
	if (!err)
		err = hook_tc_attach(dp, dev->name, ifindex, HOOK_EGRESS, PROG_WAN_OUT, -1, w);
	if (!err)
		err = hook_xdp_attach(dp, dev->name, ifindex, dev->flags & RF_DEV_L3, mode, note,
				      n_note, w);
	dev->role = RF_DEV_WAN;
	dev->flags &= ~(RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC);
	if (*mode == ATTACH_NATIVE)
		dev->flags |= RF_DEV_XDP_NATIVE;
	if (*mode == ATTACH_GENERIC)
		dev->flags |= RF_DEV_XDP_GENERIC;
	if (!err)
		err = put_device(dp, ifindex, dev, w);
	if (!err)
		return 0;
	hook_xdp_detach(dp->instance, ifindex);
	hook_tc_detach(dp, ifindex);
	return err;
}

static void unhook(struct datapath *dp, uint32_t ifindex)
{
	hook_xdp_detach(dp->instance, ifindex);
	hook_tc_detach(dp, ifindex);
	bpf_map_delete_elem(dp->map[MAP_DEVICES], &ifindex);
}

/* Everything of the instance: filters on every device that we know of, then the pins. */
static void remove_instance(struct datapath *dp)
{
	char instance[RF_INSTANCE_MAX];
	struct datapath_device *v;
	size_t n, i;

	memcpy(instance, dp->instance, sizeof(instance));
	if (!datapath_devices(dp, &v, &n)) {
		for (i = 0; i < n; i++)
			unhook(dp, v[i].ifindex);
		free(v);
	}
	hook_tc_detach(dp, LO_IFINDEX);
	if (presence_end(dp))
		log_warning("cannot tell the controller of instance \"%s\" that it is detached",
			    instance);
	bpffs_remove(instance);
	run_dir_remove(instance);
}

/* Is a link of the instance still on a device, wherever that is? */
static bool link_alive(const char *instance)
{
	struct bpf_link_info info = { 0 };
	char path[PIN_PATH_MAX], name[PIN_PATH_MAX + 256];
	uint32_t len = sizeof(info);
	const struct dirent *e;
	bool alive = false;
	DIR *d;
	int fd;

	d = opendir(pin_path(path, instance, "links", NULL));
	while (d && !alive && (e = readdir(d))) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		fd = bpf_obj_get(name); /* marks are directories */
		if (fd < 0)
			continue;
		/* 0: the device is gone, the link is only a shell; tcx's tells it at the same place */
		alive = bpf_obj_get_info_by_fd(fd, &info, &len) || info.xdp.ifindex;
		close(fd);
	}
	if (d)
		closedir(d);
	return alive;
}

/* Is it ours, or of an older version whose instance we can remove? */
static bool version_known(uint32_t version)
{
	version &= ~RF_ABI_UPGRADING;
	return version >= RF_ABI_OLDEST && version <= RF_ABI_VERSION;
}

/* Pins of a network namespace that is gone: its devices went with it, nobody can enter it any more. */
static bool remove_orphan(const char *instance)
{
	struct rf_settings s = { 0 };
	char path[PIN_PATH_MAX];
	__u32 zero = 0;
	bool orphan;
	int fd;

	fd = bpf_obj_get(pin_path(path, instance, "maps", datapath_map_names[MAP_SETTINGS]));
	if (fd < 0)
		return false;
	orphan = !bpf_map_lookup_elem(fd, &zero, &s) && version_known(s.abi_version) &&
		 s.netns_inode && s.netns_inode != netns_inode() && !link_alive(instance) &&
		 !netns_exists(s.netns_inode);
	close(fd);
	if (!orphan)
		return false;
	log_info("instance \"%s\": its network namespace is gone; removing what it left", instance);
	bpffs_remove(instance);
	run_dir_remove(instance);
	return true;
}

/*
 * Opens the instance, for `replace` of an older version, too. What only a crash has left is removed.
 * -ENOENT: there is none.
 */
static int open_running(struct datapath **out, const struct attach_request *r, struct why *w)
{
	struct why other = { "" };
	struct datapath *dp;
	size_t n_wans = 0;
	int err;

	err = datapath_open(&dp, r->instance, true, &other);
	if (err && err != -ESTALE)
		return why_set(w, err, "%s", other.text);
	if (err)
		err = datapath_open_older(&dp, r->instance, w);
	if (err)
		return err;
	err = count_role(dp, RF_DEV_WAN, &n_wans, w);
	if (!err && !n_wans) {
		remove_instance(dp);
		err = -ENOENT;
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
static int open_or_load(struct datapath **out, const struct attach_request *r, bool *fresh,
			struct why *w)
{
	struct datapath *dp;
	int err;

	remove_orphan(r->instance);
	*fresh = false;
	err = open_running(out, r, w);
	if (err != -ENOENT)
		return err;
	if (r->replace)
		return why_set(w, -ENOENT,
			       "nothing to replace: instance \"%s\" is not attached to any device",
			       r->instance);
	bpffs_remove(r->instance);
	err = datapath_load(r->instance, r->config, w);
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

	if (bpf_map_lookup_elem(dp->map[MAP_DEVICES], &link->ifindex, &old))
		return 0;
	if (old.role == RF_DEV_WAN && !strncmp(old.name, link->name, sizeof(old.name)))
		return why_set(
			w, -EEXIST,
			"%s is attached already (instance \"%s\"); to load new programs without losing a packet: ringfence attach dev %s replace",
			link->name, dp->instance, link->name);
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
}

static int attach_device(struct datapath *dp, const struct attach_request *r,
			 const struct nl_link *link, struct attach_result *res, struct why *w)
{
	struct rf_device dev = { .role = RF_DEV_WAN, .mtu = link->mtu };
	struct inside_change change;
	const char *cost = link->type == ARPHRD_ETHER ? xdp_cost(link) : NULL;
	struct rf_device was;
	bool was_inside;
	int err;

	/* It may have been taken for an inside device so far. */
	was_inside = !bpf_map_lookup_elem(dp->map[MAP_DEVICES], &link->ifindex, &was);
	if (was_inside)
		unhook(dp, link->ifindex);
	snprintf(dev.name, sizeof(dev.name), "%s", link->name);
	if (link->type != ARPHRD_ETHER)
		dev.flags |= RF_DEV_L3;
	res->mode = mode_sparing(r->mode, cost);
	err = datapath_apply_settings(dp, r->config);
	if (!err)
		err = datapath_apply_inside(dp, r->config, r->inside, r->n_inside);
	if (err)
		return why_set(w, err, "cannot write settings and inside prefixes: %s",
			       strerror(-err));
	err = datapath_hook_wan(dp, &dev, link->ifindex, &res->mode, res->note, sizeof(res->note),
				w);
	if (!err)
		err = inside_sync_locked(dp, r->config, &change, w);
	if (err) {
		unhook(dp, link->ifindex);
		return err;
	}
	res->inside_devices = change.inside_devices;
	note_cost(r, cost, res);
	return 0;
}

static int replace_xdp(const struct datapath *dp, const struct datapath_device *d, int fd,
		       struct why *w)
{
	int err = hook_xdp_replace(dp, d->ifindex, fd);

	return err ? why_set(w, err, "cannot replace the XDP program on %s: %s", d->dev.name,
			     strerror(-err))
		   : 0;
}

int datapath_replace_hooks(struct datapath *dp, const int fds[PROG_COUNT], struct why *w)
{
	struct datapath_device *v;
	size_t n, i;
	int err;

	err = datapath_devices(dp, &v, &n);
	for (i = 0; i < n && !err; i++) {
		if (!v[i].present)
			continue;
		if (v[i].dev.role == RF_DEV_INSIDE) {
			err = hook_tc_attach(dp, v[i].dev.name, v[i].ifindex, HOOK_INGRESS,
					     PROG_INSIDE_IN, fds[PROG_INSIDE_IN], w);
			if (!err)
				err = hook_tc_attach(dp, v[i].dev.name, v[i].ifindex, HOOK_EGRESS,
						     PROG_INSIDE_OUT, fds[PROG_INSIDE_OUT], w);
			if (!err && v[i].dev.flags & RF_DEV_XDP_NATIVE)
				err = replace_xdp(dp, &v[i], fds[PROG_INSIDE_XDP], w);
			continue;
		}
		err = hook_tc_attach(dp, v[i].dev.name, v[i].ifindex, HOOK_INGRESS, PROG_WAN_IN,
				     fds[PROG_WAN_IN], w);
		if (!err)
			err = hook_tc_attach(dp, v[i].dev.name, v[i].ifindex, HOOK_EGRESS,
					     PROG_WAN_OUT, fds[PROG_WAN_OUT], w);
		if (err || !(v[i].dev.flags & (RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC)))
			continue;
		err = replace_xdp(dp, &v[i], fds[PROG_WAN_XDP], w);
	}
	if (!err)
		err = hook_tc_attach(dp, "lo", LO_IFINDEX, HOOK_EGRESS, PROG_LO_OUT,
				     fds[PROG_LO_OUT], w);
	free(v);
	return err;
}

static int replace_programs(struct datapath *dp, struct why *w)
{
	int fds[PROG_COUNT], i, err;

	err = datapath_load_onto(dp, NULL, NULL, fds, w);
	if (err)
		return err;
	err = datapath_replace_hooks(dp, fds, w);
	if (!err)
		err = datapath_repin(dp->instance, fds, w);
	for (i = 0; i < PROG_COUNT; i++)
		close(fds[i]);
	return err;
}

static int replace(struct datapath *dp, const struct attach_request *r, const struct nl_link *link,
		   struct attach_result *res, struct why *w)
{
	uint32_t from = dp->abi;
	struct inside_change change;
	struct rf_device dev;
	int err;

	if (bpf_map_lookup_elem(dp->map[MAP_DEVICES], &link->ifindex, &dev) ||
	    dev.role != RF_DEV_WAN)
		return why_set(
			w, -ENOENT,
			"%s is not attached, so there is nothing to replace; attach it without \"replace\"",
			link->name);
	err = from == RF_ABI_VERSION ? replace_programs(dp, w) : datapath_upgrade(dp, w);
	if (!err)
		err = datapath_reopen_progs(dp);
	if (!err)
		err = datapath_apply_inside(dp, r->config, r->inside, r->n_inside);
	if (!err)
		err = inside_sync_locked(dp, r->config, &change, w);
	if (err)
		return err;
	res->mode = dev.flags & RF_DEV_XDP_NATIVE    ? ATTACH_NATIVE
		    : dev.flags & RF_DEV_XDP_GENERIC ? ATTACH_GENERIC
						     : ATTACH_TC;
	res->inside_devices = change.inside_devices;
	res->upgraded_from = from == RF_ABI_VERSION ? 0 : from;
	return 0;
}

int datapath_attach(const struct attach_request *r, struct attach_result *out, struct why *w)
{
	struct attach_result res = { .mode = r->mode };
	struct datapath *dp = NULL;
	struct nl_link link;
	bool fresh = false;
	int lock, err;

	err = instance_check(r->instance, w);
	if (!err)
		err = find_link(r->dev, &link, w);
	if (!err && geteuid())
		err = why_set(w, -EPERM, "attaching needs root (CAP_BPF, CAP_NET_ADMIN)");
	if (!err)
		err = bpffs_ready(true, w);
	if (err)
		return err;
	lock = bpffs_lock(r->instance, true, w);
	if (lock < 0)
		return lock;
	err = open_or_load(&dp, r, &fresh, w);
	if (!err && r->replace) {
		err = replace(dp, r, &link, &res, w);
	} else if (!err) {
		err = check_not_attached(dp, &link, w);
		if (!err)
			err = attach_device(dp, r, &link, &res, w);
		if (err && fresh)
			remove_instance(dp);
	}
	datapath_close(dp);
	bpffs_unlock(r->instance, lock);
	if (!err)
		*out = res;
	return err;
}

static int detach_locked(struct datapath *dp, const char *dev, struct why *w)
{
	struct datapath_device *v;
	struct datapath_guard *g;
	uint32_t ifindex = 0;
	size_t n, i, others = 0;
	int err;

	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices: %s", strerror(-err));
	for (i = 0; i < n; i++) {
		if (v[i].dev.role != RF_DEV_WAN)
			continue;
		if (dev && !strncmp(v[i].dev.name, dev, sizeof(v[i].dev.name)))
			ifindex = v[i].ifindex;
		else
			others++;
	}
	free(v);
	if (dev && !ifindex)
		return why_set(w, -ENOENT,
			       "%s is not attached by instance \"%s\"; see: ringfence status", dev,
			       dp->instance);
	if (!dev || !others) {
		remove_instance(dp);
		return 0;
	}
	unhook(dp, ifindex);
	if (!datapath_guards(dp, &g, &n)) {
		for (i = 0; i < n; i++)
			if (g[i].guard.ifindex == ifindex)
				bpf_map_delete_elem(dp->map[MAP_GUARDS], &g[i].addr);
		free(g);
	}
	return 0;
}

int datapath_detach(const char *instance, const char *dev, struct why *w)
{
	struct datapath *dp = NULL;
	int lock, err;

	err = instance_check(instance, w);
	if (!err && geteuid())
		err = why_set(w, -EPERM, "detaching needs root (CAP_BPF, CAP_NET_ADMIN)");
	if (!err)
		err = bpffs_ready(false, w);
	if (err)
		return err == -ENODEV ? -ENOENT : err;
	lock = bpffs_lock(instance, true, w);
	if (lock < 0)
		return lock;
	if (remove_orphan(instance)) {
		bpffs_unlock(instance, lock);
		return 0;
	}
	err = datapath_open(&dp, instance, true, w);
	if (err == -ESTALE) /* perhaps of an older version, whose binaries are gone */
		err = datapath_open_older(&dp, instance, w);
	if (!err) {
		err = detach_locked(dp, dev, w);
	} else if (err == -ENOENT) {
		bpffs_remove(instance); /* what a crash while loading may have left */
	}
	bpffs_unlock(instance, lock);
	/* Without the lock, which the controller may be waiting for. */
	if (!err && presence_ended(dp))
		err = run_dir_wait(dp, w);
	datapath_close(dp);
	return err;
}
