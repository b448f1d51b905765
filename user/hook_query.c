// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs on a device, and whose it is. Answers are 1 (yes), 0 (no), or -errno: what could not be read
 * is not "no", as somebody would attach a second program for it, or give a device up.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "netlink.h"

#define TCX_PROGS 64 /* more the kernel does not take */
#define MAP_IDS	  64 /* of one program */

static int prog_info(int fd, struct bpf_prog_info *info)
{
	uint32_t len = sizeof(*info);

	return bpf_obj_get_info_by_fd(fd, info, &len) ? -errno : 0;
}

static int map_id(int fd, uint32_t *id)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*id = info.id;
	return 0;
}

/* Does the program work on this map? */
static int uses_map(int prog_fd, uint32_t id)
{
	uint32_t ids[MAP_IDS], i;
	struct bpf_prog_info info = { .nr_map_ids = MAP_IDS, .map_ids = (uintptr_t)ids };
	int err = prog_info(prog_fd, &info);

	if (err)
		return err;
	for (i = 0; i < info.nr_map_ids && i < MAP_IDS; i++)
		if (ids[i] == id)
			return 1;
	return 0;
}

/* Does the program work on our maps? That is what an instance is, whatever version the program has. */
static int uses_our_maps(const struct datapath *dp, int fd)
{
	int j, err, uses = 0;
	uint32_t id = 0;

	for (j = 0; j < MAP_COUNT && !uses; j++) {
		if (dp->map[j] < 0)
			continue;
		err = map_id(dp->map[j], &id);
		uses = err ? err : uses_map(fd, id);
	}
	return uses;
}

/*
 * Is the program with this id one of dp? A half-done replace may have left one that is not pinned; who may
 * not look at other programs (the controller without CAP_SYS_ADMIN) knows the pinned ones alone.
 */
int hook_is_ours(const struct datapath *dp, uint32_t id)
{
	int i, fd, err;

	for (i = 0; i < PROG_COUNT; i++) {
		struct bpf_prog_info info = { 0 };

		if (dp->prog[i] < 0)
			continue;
		err = prog_info(dp->prog[i], &info);
		if (err)
			return err;
		if (info.id == id)
			return 1;
	}
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return errno == ENOENT || errno == EPERM ? 0 : -errno;
	err = uses_our_maps(dp, fd);
	close(fd);
	return err;
}

/* Programs at tcx; none where the kernel has no tcx or the device is gone. */
static int tcx_ids(uint32_t ifindex, enum hook_side side, uint32_t ids[TCX_PROGS], uint32_t *n)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = TCX_PROGS);

	*n = 0;
	if (bpf_prog_query_opts(ifindex, side == HOOK_INGRESS ? HOOK_TCX_INGRESS : HOOK_TCX_EGRESS,
				&opts))
		return errno == EINVAL || errno == ENODEV || errno == ENOENT ? 0 : -errno;
	*n = opts.prog_cnt < TCX_PROGS ? opts.prog_cnt : TCX_PROGS;
	return 0;
}

/* Asked without the pin: what root has pinned, root alone can open. */
int hook_tcx_runs(const struct datapath *dp, uint32_t ifindex, enum hook_side side)
{
	uint32_t ids[TCX_PROGS] = { 0 }, n, i;
	int ours, err = tcx_ids(ifindex, side, ids, &n);

	if (err)
		return err;
	for (i = 0; i < n; i++) {
		ours = hook_is_ours(dp, ids[i]);
		if (ours)
			return ours;
	}
	return 0;
}

/* The program of a filter at one of our handles; *id 0: there is none. */
static int clsact_id(uint32_t ifindex, enum hook_side side, uint32_t handle, uint32_t *id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = side == HOOK_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = DATAPATH_TC_PRIO);
	int err = bpf_tc_query(&hook, &opts);

	*id = err ? 0 : opts.prog_id;
	/* no such filter, no qdisc, no device */
	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}

int hook_clsact_handle(const struct datapath *dp, uint32_t ifindex, enum hook_side side,
		       uint32_t *handle, uint32_t *unused)
{
	uint32_t i, h, id;
	int ours, err;

	*handle = *unused = 0;
	for (i = 0; i < HOOK_TC_HANDLES; i++) {
		h = DATAPATH_TC_HANDLE + i;
		err = clsact_id(ifindex, side, h, &id);
		if (err)
			return err;
		if (!id) {
			*unused = *unused ? *unused : h;
			continue;
		}
		ours = hook_is_ours(dp, id);
		if (ours < 0)
			return ours;
		if (ours) {
			*handle = h;
			return 0;
		}
	}
	return 0;
}

int hook_tc_attached(const struct datapath *dp, uint32_t ifindex, enum hook_side side)
{
	uint32_t handle, unused;
	char kind[16];
	int err = hook_tcx_runs(dp, ifindex, side);

	if (err)
		return err;
	err = netlink_clsact_kind(ifindex, kind);
	if (err)
		return err;
	if (strcmp(kind, "clsact"))
		return 0;
	err = hook_clsact_handle(dp, ifindex, side, &handle, &unused);
	return err ? err : handle != 0;
}

int hook_xdp_attached(const struct datapath *dp, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, o);
	int ours = 0, err;

	err = bpf_xdp_query(ifindex, 0, &o);
	if (err)
		return err == -ENODEV ? 0 : err;
	if (o.drv_prog_id)
		ours = hook_is_ours(dp, o.drv_prog_id);
	if (!ours && o.skb_prog_id)
		ours = hook_is_ours(dp, o.skb_prog_id);
	return ours;
}

int datapath_hooks_missing(const struct datapath *dp, uint32_t ifindex, const struct rf_device *dev,
			   const char **what)
{
	bool xdp = dev->flags & (RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC);
	int there;

	*what = NULL;
	there = hook_tc_attached(dp, ifindex, HOOK_INGRESS);
	if (there < 0)
		return there;
	if (!there)
		*what = "TC ingress";
	there = hook_tc_attached(dp, ifindex, HOOK_EGRESS);
	if (there < 0)
		return there;
	if (!there)
		*what = *what ? "TC" : "TC egress";
	there = xdp ? hook_xdp_attached(dp, ifindex) : 1;
	if (there < 0)
		return there;
	if (!there)
		*what = *what ? "XDP and TC" : "XDP";
	return 0;
}

/* ---- somebody else's ---- */

/* The instance whose map of devices the program works on; "": none that is pinned. *wan: not as an inside device. */
static int instance_of(int prog_fd, uint32_t ifindex, bool *wan, char *out, size_t n)
{
	struct rf_device dev;
	char **names, path[PIN_PATH_MAX];
	size_t n_names, i;
	int err, fd, uses;
	uint32_t id = 0;

	*out = 0;
	err = datapath_instances(&names, &n_names);
	if (err)
		return err;
	for (i = 0; i < n_names; i++) {
		fd = err || *out ? -1
				 : bpf_obj_get(pin_path(path, names[i], "maps",
							datapath_map_names[MAP_DEVICES]));
		if (fd >= 0) {
			err = map_id(fd, &id);
			uses = err ? err : uses_map(prog_fd, id);
			if (uses < 0)
				err = uses;
			if (uses > 0)
				snprintf(out, n, "%s", names[i]);
			if (uses > 0 && !bpf_map_lookup_elem(fd, &ifindex, &dev))
				*wan = dev.role != RF_DEV_INSIDE;
			else if (uses > 0 && errno != ENOENT)
				err = -errno;
			close(fd);
		}
		free(names[i]);
	}
	free(names);
	return err;
}

/* Is it a WAN program of another instance? Then -EBUSY, and the sentence. */
static int refuse_other(const struct datapath *dp, const char *dev, uint32_t ifindex, uint32_t id,
			struct why *w)
{
	struct bpf_prog_info info = { 0 };
	char instance[RF_INSTANCE_MAX];
	bool wan = false;
	int fd, err;

	err = hook_is_ours(dp, id);
	if (err)
		return err < 0 ? err : 0;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = prog_info(fd, &info);
	if (!err)
		err = instance_of(fd, ifindex, &wan, instance, sizeof(instance));
	if (!err && (wan || (!*instance && !strncmp(info.name, "rf_wan_", 7)))) {
		if (wan)
			err = why_set(
				w, -EBUSY,
				"%s is attached already, by another instance of Ringfence; see: ringfence --instance %s status",
				dev, instance);
		else
			err = why_set(
				w, -EBUSY,
				"%s still runs a program of a Ringfence instance whose pins are gone (\"%s\", id %u); remove it: tc qdisc del dev %s clsact",
				dev, info.name, id, dev);
	}
	close(fd);
	return err;
}

int hook_other(const struct datapath *dp, const char *dev, uint32_t ifindex, struct why *w)
{
	uint32_t ids[TCX_PROGS] = { 0 }, n, i, id;
	LIBBPF_OPTS(bpf_xdp_query_opts, o);
	enum hook_side side;
	char kind[16] = "";
	int err;

	if (w)
		w->text[0] = 0;
	err = bpf_xdp_query(ifindex, 0, &o);
	if (!err && o.drv_prog_id)
		err = refuse_other(dp, dev, ifindex, o.drv_prog_id, w);
	if (!err && o.skb_prog_id)
		err = refuse_other(dp, dev, ifindex, o.skb_prog_id, w);
	if (!err)
		err = netlink_clsact_kind(ifindex, kind);
	for (side = HOOK_INGRESS; side <= HOOK_EGRESS && !err; side++) {
		err = tcx_ids(ifindex, side, ids, &n);
		for (i = 0; i < n && !err; i++)
			err = refuse_other(dp, dev, ifindex, ids[i], w);
		for (i = 0; i < HOOK_TC_HANDLES && !err && !strcmp(kind, "clsact"); i++) {
			err = clsact_id(ifindex, side, DATAPATH_TC_HANDLE + i, &id);
			if (!err && id)
				err = refuse_other(dp, dev, ifindex, id, w);
		}
	}
	if (err && w && !w->text[0])
		why_set(w, err, "cannot read what is attached to %s: %s", dev, strerror(-err));
	return err;
}
