// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is attached to one device: XDP by a pinned link, TC by one, too (tcx, Linux 6.6 and later), else
 * by clsact and a direct-action filter. A directory links/clsact_<ifindex> remembers that the qdisc
 * is of our making: it lives exactly as long as the pins do, whoever dies in between.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "netlink.h"

#ifndef BPF_F_BEFORE /* headers older than Linux 6.6 lack it */
#define BPF_F_BEFORE (1U << 3)
#endif

static void prog_name(uint32_t id, char *name, size_t n)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	snprintf(name, n, "?");
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.name[0])
		snprintf(name, n, "%s", info.name);
	close(fd);
}

static int xdp_foreign(const char *dev, uint32_t ifindex, struct why *w)
{
	char name[BPF_OBJ_NAME_LEN] = "?";
	uint32_t id = 0;

	if (!bpf_xdp_query_id(ifindex, 0, &id) && id)
		prog_name(id, name, sizeof(name));
	if (!strcmp(name, "rf_wan_xdp"))
		return why_set(
			w, -EBUSY,
			"%s is attached already, by another instance of Ringfence; see: ringfence --instance NAME status",
			dev);
	return why_set(
		w, -EBUSY,
		"%s already runs an XDP program of somebody else (\"%s\", id %u); remove it, or try \"mode tc\"",
		dev, name, id);
}

/* What a failed native attach means for a person. */
static void xdp_native_note(const char *dev, int err, char *note, size_t n)
{
	switch (err) {
	case -EOPNOTSUPP: snprintf(note, n, "the driver of %s has no native XDP", dev); break;
	case -ERANGE:
	case -E2BIG:
	case -EFBIG:
	case -EINVAL:
		snprintf(note, n,
			 "the driver of %s refuses native XDP (%s); its MTU may be too big for it",
			 dev, strerror(-err));
		break;
	default: snprintf(note, n, "native XDP on %s failed: %s", dev, strerror(-err)); break;
	}
}

/* Pins a fresh link, and closes it: without the pin the program is off again. */
static int link_pin(int fd, const char *path, struct why *w)
{
	int err;

	unlink(path); /* of a device that is gone: its link is dead */
	err = bpf_obj_pin(fd, path) ? why_set(w, -errno, "cannot pin %s: %s", path, strerror(errno))
				    : 0;
	close(fd);
	return err;
}

/* Without its pin a link goes, too. 0 also where there is none. What may not be opened (-EACCES: root's, to the
 * controller) goes with its pin alone. */
static int link_detach(const char *path)
{
	int fd = pin_open(path), err;

	if (fd < 0 && errno != ENOENT && errno != EACCES)
		return -errno;
	if (fd >= 0) {
		/* now, not when the last descriptor of it is closed somewhere */
		err = bpf_link_detach(fd) ? -errno : 0;
		close(fd);
		if (err)
			return err;
	}
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int xdp_link(const struct datapath *dp, enum datapath_prog prog, uint32_t ifindex,
		    uint32_t flags, struct why *w)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	char path[PIN_PATH_MAX];
	int fd = bpf_link_create(dp->prog[prog], ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return -errno;
	return link_pin(fd, pin_link_path(path, dp->instance, "xdp_", ifindex), w);
}

int hook_xdp_attach(const struct datapath *dp, const char *dev, uint32_t ifindex, bool l3,
		    enum attach_mode *mode, char *note, size_t n_note, struct why *w)
{
	enum attach_mode want = *mode;
	int err;

	note[0] = 0;
	if (want == ATTACH_TC)
		return 0;
	if (l3) {
		if (want != ATTACH_AUTO)
			return why_set(
				w, -EOPNOTSUPP,
				"%s has no Ethernet header, so XDP cannot be used; try \"mode tc\"",
				dev);
		snprintf(note, n_note, "%s has no Ethernet header: TC only", dev);
		*mode = ATTACH_TC;
		return 0;
	}
	if (w)
		w->text[0] = 0;
	err = xdp_link(dp, PROG_WAN_XDP, ifindex,
		       want == ATTACH_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, w);
	if (!err) {
		*mode = want == ATTACH_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
		return 0;
	}
	if (w && w->text[0])
		return err;
	if (err == -EBUSY || err == -EEXIST)
		return xdp_foreign(dev, ifindex, w);
	if (err == -EPERM || err == -EACCES)
		return why_set(w, err, "cannot attach to %s: %s; run as root", dev, strerror(-err));
	if (want == ATTACH_GENERIC)
		return why_set(w, err, "cannot attach to %s in generic mode: %s; try \"mode tc\"",
			       dev, strerror(-err));
	xdp_native_note(dev, err, note, n_note);
	if (want == ATTACH_NATIVE)
		return why_set(
			w, err,
			"cannot attach to %s in native mode: %s; try \"mode generic\" or \"mode tc\"",
			dev, note);
	snprintf(note + strlen(note), n_note - strlen(note), ": TC only");
	*mode = ATTACH_TC;
	return 0;
}

int hook_xdp_inside(const struct datapath *dp, uint32_t ifindex)
{
	struct why w = { "" };

	return xdp_link(dp, PROG_INSIDE_XDP, ifindex, XDP_FLAGS_DRV_MODE, &w);
}

int hook_xdp_replace(const struct datapath *dp, uint32_t ifindex, int prog_fd)
{
	char path[PIN_PATH_MAX];
	int fd, err;

	fd = pin_open(pin_link_path(path, dp->instance, "xdp_", ifindex));
	if (fd < 0)
		return -errno;
	err = bpf_link_update(fd, prog_fd, NULL) ? -errno : 0;
	close(fd);
	return err;
}

int hook_xdp_detach(const char *instance, uint32_t ifindex)
{
	char path[PIN_PATH_MAX];

	return link_detach(pin_link_path(path, instance, "xdp_", ifindex));
}

static struct bpf_tc_hook tc_hook(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);

	return hook;
}

static enum bpf_tc_attach_point tc_point(enum hook_side side)
{
	return side == HOOK_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static const char *tcx_path(char *buf, const char *instance, enum hook_side side, uint32_t ifindex)
{
	return pin_link_path(buf, instance, side == HOOK_INGRESS ? "tcx_in_" : "tcx_out_", ifindex);
}

/* Is the link on this device? 0: that device is gone, or the link was taken off. */
static int link_is_on(int fd, uint32_t ifindex)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	/* struct bpf_link_info begins the same for tcx, which older headers lack */
	return bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : info.xdp.ifindex == ifindex;
}

/* What a link_create says that will say it again: no tcx (a kernel before 6.6), or no room there. */
static bool tcx_refuses(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP || err == -ERANGE || err == -E2BIG ||
	       err == -ENOSPC;
}

/* *done false: not by tcx; clsact is for all. */
static int tcx_attach(const struct datapath *dp, uint32_t ifindex, enum hook_side side, int prog_fd,
		      bool *done)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BPF_F_BEFORE);
	const char *wanted = getenv("RINGFENCE_TC");
	char path[PIN_PATH_MAX];
	int fd, on = 0, err;

	*done = false;
	if (wanted && !strcmp(wanted, "clsact"))
		return 0;
	*done = true;
	fd = pin_open(tcx_path(path, dp->instance, side, ifindex));
	if (fd < 0 && errno == EACCES) {
		on = hook_tcx_runs(dp, ifindex, side);
		if (on)
			return on < 0 ? on : 0;
	} else if (fd < 0 && errno != ENOENT) {
		return -errno;
	}
	if (fd >= 0) {
		on = link_is_on(fd, ifindex);
		err = on > 0 && bpf_link_update(fd, prog_fd, NULL) ? -errno : 0;
		close(fd);
		if (on < 0)
			return on;
		if (on && err != -ENOLINK) /* taken off just now */
			return err;
	}
	fd = bpf_link_create(prog_fd, ifindex,
			     side == HOOK_INGRESS ? HOOK_TCX_INGRESS : HOOK_TCX_EGRESS, &opts);
	if (fd < 0 && tcx_refuses(fd))
		*done = false;
	if (fd < 0)
		return *done ? fd : 0;
	return link_pin(fd, path, NULL);
}

static int tcx_detach(const char *instance, uint32_t ifindex, enum hook_side side)
{
	char path[PIN_PATH_MAX];

	return link_detach(tcx_path(path, instance, side, ifindex));
}

/* The qdisc that carries the filters: made, and remembered, or found. */
static int clsact_ready(const struct datapath *dp, const char *dev, uint32_t ifindex, struct why *w)
{
	struct bpf_tc_hook hook = tc_hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	char path[PIN_PATH_MAX], kind[16];
	int err;

	err = netlink_clsact_kind(ifindex, kind);
	if (err)
		return why_set(w, err, "cannot read the qdiscs of %s: %s", dev, strerror(-err));
	if (!strcmp(kind, "clsact"))
		return 0;
	if (kind[0])
		return why_set(
			w, -EBUSY,
			"%s has a qdisc \"%s\" where clsact is needed; remove it: tc qdisc del dev %s ingress",
			dev, kind, dev);
	/* The mark first: a qdisc too much would stay, a mark too much does no harm. */
	pin_link_path(path, dp->instance, "clsact_", ifindex);
	if (mkdir(path, 0711) && errno != EEXIST)
		return why_set(w, -errno, "cannot create %s: %s", path, strerror(errno));
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST) {
		if (err) /* somebody else was faster, so it is theirs */
			rmdir(path);
		return 0;
	}
	rmdir(path);
	if (err == -EPERM)
		return why_set(w, err, "cannot add a qdisc to %s: %s; run as root", dev,
			       strerror(-err));
	return why_set(w, err, "cannot add the clsact qdisc to %s: %s", dev, strerror(-err));
}

static int clsact_attach(const struct datapath *dp, const char *dev, uint32_t ifindex,
			 enum hook_side side, int prog_fd, struct why *w)
{
	struct bpf_tc_hook hook = tc_hook(ifindex, tc_point(side));
	uint32_t handle, unused;
	int err, tries = 0;

	err = clsact_ready(dp, dev, ifindex, w);
	if (err)
		return err;
	do {
		err = hook_clsact_handle(dp, ifindex, side, &handle, &unused);
		if (err)
			return why_set(w, err, "cannot read the TC filters of %s: %s", dev,
				       strerror(-err));
		if (!handle && !unused)
			return why_set(w, -EBUSY, "too many instances on %s", dev);
		/* Another instance may be about to take the same: nobody's filter is replaced. */
		LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd,
			    .flags = handle ? BPF_TC_F_REPLACE : 0,
			    .handle = handle ? handle : unused, .priority = DATAPATH_TC_PRIO);
		err = bpf_tc_attach(&hook, &opts);
	} while (err == -EEXIST && !handle && tries++ < HOOK_TC_HANDLES);
	if (err == -EPERM)
		return why_set(w, err, "cannot attach a TC filter to %s: %s; run as root", dev,
			       strerror(-err));
	if (err)
		return why_set(
			w, err,
			"cannot attach a TC filter to %s: %s; another filter may have priority %d",
			dev, strerror(-err), DATAPATH_TC_PRIO);
	return 0;
}

/* No such filter, qdisc or device: what is to be taken off is off. */
static int gone_is_well(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}

static int clsact_detach(const struct datapath *dp, uint32_t ifindex, enum hook_side side)
{
	struct bpf_tc_hook hook = tc_hook(ifindex, tc_point(side));
	uint32_t unused, handle;
	int i, err;

	/* A swap that was killed may have left more than one. */
	for (i = 0; i < HOOK_TC_HANDLES; i++) {
		err = hook_clsact_handle(dp, ifindex, side, &handle, &unused);
		if (err || !handle)
			return err;
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = DATAPATH_TC_PRIO);
		err = gone_is_well(bpf_tc_detach(&hook, &opts));
		if (err)
			return err;
	}
	return 0;
}

static int clsact_filters(uint32_t ifindex, size_t *n)
{
	size_t in, out;
	int err = netlink_count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), &in);

	if (!err)
		err = netlink_count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), &out);
	if (!err)
		*n = in + out;
	return err;
}

/* The qdisc goes with us if we made it and nobody else uses it. The mark is the last, to be found again. */
static int clsact_leave(const struct datapath *dp, uint32_t ifindex)
{
	struct bpf_tc_hook hook = tc_hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	char path[PIN_PATH_MAX];
	size_t n;
	int err;

	if (access(pin_link_path(path, dp->instance, "clsact_", ifindex), F_OK))
		return errno == ENOENT ? 0 : -errno; /* it was there before us */
	err = clsact_filters(ifindex, &n);
	if (!err && !n)
		err = gone_is_well(bpf_tc_hook_destroy(&hook));
	if (!err && rmdir(path) && errno != ENOENT)
		err = -errno;
	return err;
}

/* What an older version, or RINGFENCE_TC=clsact, has left: now tcx does it, and once is enough. */
static int clsact_outdated(const struct datapath *dp, uint32_t ifindex, enum hook_side side)
{
	char path[PIN_PATH_MAX], kind[16];
	size_t n;
	int err;

	err = netlink_clsact_kind(ifindex, kind);
	if (err)
		return err;
	if (strcmp(kind, "clsact")) { /* ours was removed by somebody */
		rmdir(pin_link_path(path, dp->instance, "clsact_", ifindex));
		return 0;
	}
	err = clsact_detach(dp, ifindex, side);
	if (!err)
		err = clsact_filters(ifindex, &n);
	if (!err && !n) /* the other side's filter may still be there */
		err = clsact_leave(dp, ifindex);
	return err;
}

int hook_tc_attach(const struct datapath *dp, const char *dev, uint32_t ifindex,
		   enum hook_side side, enum datapath_prog prog, int new_fd, struct why *w)
{
	int fd = new_fd >= 0 ? new_fd : dp->prog[prog], err;
	bool done;

	/* The new way first: for a moment both run, and never none. */
	err = tcx_attach(dp, ifindex, side, fd, &done);
	if (!err && done)
		err = clsact_outdated(dp, ifindex, side);
	if (err)
		return why_set(w, err, "cannot attach a TC program to %s: %s%s", dev,
			       strerror(-err), err == -EPERM ? "; run as root" : "");
	if (done)
		return 0;
	err = clsact_attach(dp, dev, ifindex, side, fd, w);
	if (err)
		return err;
	err = tcx_detach(dp->instance, ifindex, side);
	return err ? why_set(w, err, "cannot take the tcx link off %s: %s", dev, strerror(-err))
		   : 0;
}

int hook_tc_detach(const struct datapath *dp, uint32_t ifindex)
{
	char kind[16];
	int err, more;

	err = tcx_detach(dp->instance, ifindex, HOOK_INGRESS);
	more = tcx_detach(dp->instance, ifindex, HOOK_EGRESS);
	err = err ? err : more;
	more = netlink_clsact_kind(ifindex, kind);
	if (!more && !strcmp(kind, "clsact")) {
		more = clsact_detach(dp, ifindex, HOOK_INGRESS);
		err = err ? err : more;
		more = clsact_detach(dp, ifindex, HOOK_EGRESS);
	}
	err = err ? err : more;
	more = err ? 0 : clsact_leave(dp, ifindex);
	return err ? err : more;
}
