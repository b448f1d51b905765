// SPDX-License-Identifier: GPL-2.0-only
/*
 * New programs for a running instance, hook by hook while traffic flows; and the old ones again when that fails.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"

#define LO_IFINDEX 1

static int replace_xdp(const struct datapath *dp, const struct datapath_device *d, int fd,
		       struct why *w)
{
	int err = hook_xdp_replace(dp, d->ifindex, fd);

	if (err == -ENOENT ||
	    err == -ENOLINK) /* somebody removed it: it comes back as the new one */
		return 0;
	return err ? why_set(w, err, "cannot replace the XDP program on %s: %s", d->dev.name,
			     strerror(-err))
		   : 0;
}

/* A device may have another name by now, and another device its number: whose it is, its hooks tell. 1, 0 or -errno */
static int has_hooks(const struct datapath *dp, const struct datapath_device *d)
{
	int has = d->present;

	if (!has)
		has = hook_tc_attached(dp, d->ifindex, HOOK_INGRESS);
	if (!has)
		has = hook_tc_attached(dp, d->ifindex, HOOK_EGRESS);
	return has ? has : hook_xdp_attached(dp, d->ifindex);
}

int datapath_replace_hooks(struct datapath *dp, const int fds[PROG_COUNT], struct why *w)
{
	struct datapath_device *v;
	size_t n, i;
	int err, has;

	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices: %s", strerror(-err));
	for (i = 0; i < n && !err; i++) {
		has = has_hooks(dp, &v[i]);
		if (has < 0)
			err = why_set(w, has, "cannot read what is attached to %s: %s",
				      v[i].dev.name, strerror(-has));
		if (has <= 0)
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

static void close_progs(int fds[PROG_COUNT])
{
	int i;

	for (i = 0; i < PROG_COUNT; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Prefixes of the command line and the configuration, and what follows from them. */
static int replace_rest(struct datapath *dp, const struct attach_request *r,
			struct attach_result *res, struct why *w)
{
	int err = datapath_apply_inside(dp, r->config, r->inside, r->n_inside);

	if (err)
		return why_set(w, err, "cannot write the inside prefixes: %s", strerror(-err));
	return datapath_sync_all(dp, r, res, w);
}

/* The programs that ran before, and all else. */
static void replace_back(struct datapath *dp, const struct attach_request *r,
			 const struct datapath_undo *before, struct why *w)
{
	struct inside_change change = { 0 };
	struct why why = { "" };
	int err, more;

	err = datapath_replace_hooks(dp, dp->prog, &why);
	more = datapath_repin(dp->instance, dp->prog, &why);
	err = err ? err : more;
	more = datapath_undo(dp, before);
	err = err ? err : more;
	more = inside_sync_devices(dp, r->config, &change);
	err = err ? err : more;
	if (err && w)
		snprintf(w->text + strlen(w->text), sizeof(w->text) - strlen(w->text),
			 "; nor can all be brought back as it was (%s): do it again",
			 strerror(-err));
}

static int replace_programs(struct datapath *dp, const struct attach_request *r,
			    struct datapath_prepared *p, struct attach_result *res, struct why *w)
{
	struct datapath_undo before;
	int fds[PROG_COUNT], old[PROG_COUNT], err;

	err = datapath_undo_read(dp, &before);
	if (err)
		return why_set(w, err, "cannot read the maps of instance \"%s\": %s", dp->instance,
			       strerror(-err));
	if (!datapath_prepared_take(p, dp, fds))
		err = datapath_load_onto(dp, NULL, NULL, fds, w);
	if (err) {
		datapath_undo_free(&before);
		return err;
	}
	memcpy(old, dp->prog, sizeof(old));
	err = datapath_replace_hooks(dp, fds, w);
	if (!err)
		err = datapath_repin(dp->instance, fds, w);
	if (!err && (err = datapath_programs_changed(dp)))
		why_set(w, err, "cannot note what the new programs of instance \"%s\" can do: %s",
			dp->instance, strerror(-err));
	if (!err) {
		memcpy(dp->prog, fds, sizeof(fds));
		err = replace_rest(dp, r, res, w);
		memcpy(dp->prog, old, sizeof(old));
	}
	if (err)
		replace_back(dp, r, &before, w);
	close_progs(fds);
	datapath_undo_free(&before);
	return err;
}

/* The calls are on the new layout by then, from where no way leads back. */
static int upgrade(struct datapath *dp, const struct attach_request *r, struct attach_result *res,
		   struct why *w)
{
	char text[sizeof(w->text)];
	int err;

	err = datapath_upgrade(dp, w);
	if (err)
		return err;
	err = datapath_reopen_progs(dp);
	if (err)
		why_set(w, err, "cannot open the new programs: %s", strerror(-err));
	else
		err = replace_rest(dp, r, res, w);
	if (err && w) {
		snprintf(text, sizeof(text), "%s", w->text);
		why_set(w, err,
			"the new version runs and calls are kept, but: %.300s; to finish it, the same command again",
			text);
	}
	return err;
}

int datapath_replace(struct datapath *dp, const struct attach_request *r,
		     const struct nl_link *link, struct datapath_prepared *p,
		     struct attach_result *res, struct why *w)
{
	uint32_t from = dp->abi;
	struct rf_device dev;
	int err;

	if (bpf_map_lookup_elem(dp->map[MAP_DEVICES], &link->ifindex, &dev)) {
		err = errno;
		if (err != ENOENT)
			return why_set(w, -err, "cannot read the record of %s: %s", link->name,
				       strerror(err));
		dev.role = RF_DEV_INSIDE;
	}
	if (dev.role != RF_DEV_WAN)
		return why_set(
			w, -ENOENT,
			"%s is not attached, so there is nothing to replace; attach it without \"replace\"",
			link->name);
	err = from == RF_ABI_VERSION ? replace_programs(dp, r, p, res, w) : upgrade(dp, r, res, w);
	if (err)
		return err;
	res->mode = dev.flags & RF_DEV_XDP_NATIVE    ? ATTACH_NATIVE
		    : dev.flags & RF_DEV_XDP_GENERIC ? ATTACH_GENERIC
						     : ATTACH_TC;
	res->upgraded_from = from == RF_ABI_VERSION ? 0 : from;
	return 0;
}
