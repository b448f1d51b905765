// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detach, and the removal of what a crash, a network namespace that is gone, or a failed attach has left. A device
 * record goes last, so that whatever is left over is found by the next detach.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "guards.h"
#include "presence.h"
#include "run_dir.h"
#include "survivor.h"

#define LO_IFINDEX 1

int datapath_put_device(const struct datapath *dp, uint32_t ifindex, const struct rf_device *dev,
			struct why *w)
{
	if (!bpf_map_update_elem(dp->map[MAP_DEVICES], &ifindex, dev, BPF_ANY))
		return 0;
	return why_set(w, -errno, "cannot record %s: %s", dev->name, strerror(errno));
}

int datapath_unhook(struct datapath *dp, uint32_t ifindex)
{
	int err, more;

	err = hook_xdp_detach(dp->instance, ifindex);
	more = hook_tc_detach(dp, ifindex);
	err = err ? err : more;
	if (!err && dp->map[MAP_GUARDS] >= 0) /* or lost: survivor_open() */
		err = guards_drop(dp, ifindex);
	if (!err && bpf_map_delete_elem(dp->map[MAP_DEVICES], &ifindex) && errno != ENOENT)
		err = -errno;
	return err;
}

/* The same of a WAN device; when it is not finished the record says so. */
static int unhook_wan(struct datapath *dp, const struct datapath_device *d, struct why *w)
{
	struct rf_device dev = d->dev;
	int err;

	dev.role = RF_DEV_UNFINISHED;
	err = datapath_put_device(dp, d->ifindex, &dev, w);
	if (err)
		return err;
	err = datapath_unhook(dp, d->ifindex);
	return err ? why_set(w, err,
			     "cannot take all of Ringfence off %s: %s; once more: ringfence detach dev %s",
			     dev.name, strerror(-err), dev.name)
		   : 0;
}

/* Everything of the instance: filters on every device that we know of, then the pins. */
int datapath_remove(struct datapath *dp, struct why *w)
{
	char instance[RF_INSTANCE_MAX];
	struct datapath_device *v;
	size_t n, i;
	int err;

	memcpy(instance, dp->instance, sizeof(instance));
	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices of instance \"%s\": %s", instance,
			       strerror(-err));
	for (i = 0; i < n && !err; i++)
		if (v[i].dev.role != RF_DEV_INSIDE)
			err = unhook_wan(dp, &v[i], w);
	for (i = 0; i < n && !err; i++)
		if (v[i].dev.role == RF_DEV_INSIDE && (err = datapath_unhook(dp, v[i].ifindex)))
			why_set(w, err,
				"cannot take all of Ringfence off %s: %s; once more: ringfence detach all",
				v[i].dev.name, strerror(-err));
	free(v);
	if (!err && (err = hook_tc_detach(dp, LO_IFINDEX)))
		why_set(w, err,
			"cannot take all of Ringfence off lo: %s; once more: ringfence detach all",
			strerror(-err));
	if (!err && (err = presence_end(dp)))
		why_set(w, err,
			"cannot tell the controller of instance \"%s\" that it is detached: %s; once more: ringfence detach all",
			instance, strerror(-err));
	if (!err && (err = bpffs_remove(instance)))
		why_set(w, err,
			"cannot remove all pins of instance \"%s\": %s; once more: ringfence detach all",
			instance, strerror(-err));
	if (!err)
		run_dir_remove(instance);
	return err;
}

/* Is a link of the instance still on a device, wherever that is? 1, 0, or -errno: not known. */
static int link_alive(const char *instance)
{
	struct bpf_link_info info = { 0 };
	char path[PIN_PATH_MAX], name[PIN_PATH_MAX + 256];
	uint32_t len = sizeof(info);
	const struct dirent *e;
	struct stat st;
	int alive = 0, fd;
	DIR *d;

	d = opendir(pin_path(path, instance, "links", NULL));
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!alive && (errno = 0, e = readdir(d))) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (!lstat(name, &st) && S_ISDIR(st.st_mode)) /* marks, and . and .. */
			continue;
		fd = pin_open(name);
		if (fd < 0) {
			alive = -errno;
			continue;
		}
		/* 0: the device is gone, the link is only a shell; tcx's tells it at the same place */
		if (bpf_obj_get_info_by_fd(fd, &info, &len))
			alive = -errno;
		else
			alive = info.xdp.ifindex != 0;
		close(fd);
	}
	if (!alive)
		alive = -errno;
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
bool datapath_remove_orphan(const char *instance)
{
	struct rf_settings s = { 0 };
	char path[PIN_PATH_MAX];
	uint64_t ours = netns_inode();
	__u32 zero = 0;
	bool orphan;
	int fd;

	fd = bpf_obj_get(pin_path(path, instance, "maps", datapath_map_names[MAP_SETTINGS]));
	if (fd < 0)
		return false;
	orphan = !bpf_map_lookup_elem(fd, &zero, &s) && version_known(s.abi_version) &&
		 s.netns_inode && ours && s.netns_inode != ours && !link_alive(instance) &&
		 !netns_exists(s.netns_inode);
	close(fd);
	if (!orphan)
		return false;
	log_info("instance \"%s\": its network namespace is gone; removing what it left", instance);
	if (bpffs_remove(instance))
		return false;
	run_dir_remove(instance);
	return true;
}

/* What another attach or detach has left half done is taken off: it says of itself that it is not attached. */
int datapath_settle(struct datapath *dp, uint32_t but, struct why *w)
{
	struct datapath_device *v;
	size_t n, i;
	int err;

	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices: %s", strerror(-err));
	for (i = 0; i < n && !err; i++)
		if (v[i].dev.role == RF_DEV_UNFINISHED && v[i].ifindex != but)
			err = unhook_wan(dp, &v[i], w);
	free(v);
	return err;
}

static int detach_locked(struct datapath *dp, const char *dev, struct why *w)
{
	struct datapath_device *v, *found = NULL;
	size_t n, i, others = 0;
	int err = 0;

	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices: %s", strerror(-err));
	for (i = 0; i < n; i++) {
		if (v[i].dev.role == RF_DEV_INSIDE)
			continue;
		if (dev && !strncmp(v[i].dev.name, dev, sizeof(v[i].dev.name)))
			found = &v[i];
		else if (v[i].dev.role == RF_DEV_WAN)
			others++; /* what is not finished guards nothing */
	}
	if (dev && !found)
		err = why_set(w, -ENOENT,
			      "%s is not attached by instance \"%s\"; see: ringfence status", dev,
			      dp->instance);
	else if (!dev || !others)
		err = datapath_remove(dp, w);
	for (i = 0; i < n && !err && dev && others;
	     i++) /* one that came back may have two records */
		if (v[i].dev.role != RF_DEV_INSIDE &&
		    !strncmp(v[i].dev.name, dev, sizeof(v[i].dev.name)))
			err = unhook_wan(dp, &v[i], w);
	free(v);
	return err;
}

/* Also one of an older version, whose binaries may be gone. */
static int open_any(struct datapath **dp, const char *instance, struct why *w)
{
	int err = datapath_open(dp, instance, true, w);

	return err == -ESTALE ? datapath_open_older(dp, instance, w) : err;
}

int datapath_detach(const char *instance, const char *dev, struct why *w)
{
	struct datapath *dp = NULL;
	bool none = false;
	int lock, err;

	err = instance_check(instance, w);
	if (!err && geteuid())
		err = why_set(w, -EPERM,
			      "detaching needs root (CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON)");
	if (!err)
		err = bpffs_ready(survivor_lives(instance), w);
	if (err)
		return err == -ENODEV ? -ENOENT : err;
	lock = bpffs_lock(instance, true, w);
	if (lock < 0)
		return lock;
	if (datapath_remove_orphan(instance)) {
		bpffs_unlock(instance, lock);
		return 0;
	}
	err = survivor_open(&dp, instance, w);
	if (!err && !dp) {
		err = open_any(&dp, instance, w);
		none = err == -ENOENT; /* and no other step's ENOENT */
	}
	if (!err) {
		err = detach_locked(dp, dev, w);
	} else if (none && bpffs_has_remains(instance)) {
		/* what a crash while loading or at the end of a detach has left: nothing is attached */
		err = bpffs_remove(instance);
		if (err)
			why_set(w, err, "cannot remove what is left of instance \"%s\": %s",
				instance, strerror(-err));
	}
	bpffs_unlock(instance, lock);
	/* Without the lock, which the controller may be waiting for. */
	if (!err && dp && presence_ended(dp)) /* NULL: only remains were there */
		err = run_dir_wait(dp, w);
	datapath_close(dp);
	return err;
}
