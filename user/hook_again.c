// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hooks that somebody has removed come back, as the records of the devices say; those that cannot be read stay as
 * they are.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datapath_priv.h"

#define LO_IFINDEX 1

bool inside_trouble_is_mild(int err)
{
	return err == -EBUSY || err == -EOPNOTSUPP;
}

void inside_trouble(struct inside_change *change, int err, const char *fmt, ...)
{
	va_list ap;

	if (change->trouble_err &&
	    (inside_trouble_is_mild(err) || !inside_trouble_is_mild(change->trouble_err)))
		return;
	change->trouble_err = err;
	va_start(ap, fmt);
	vsnprintf(change->trouble.text, sizeof(change->trouble.text), fmt, ap);
	va_end(ap);
}

/* XDP as the record says; it is not there. */
static int wan_xdp_again(struct datapath *dp, struct datapath_device *d, struct why *w)
{
	enum attach_mode mode = d->dev.flags & RF_DEV_XDP_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
	char note[256];
	int err;

	err = hook_xdp_detach(dp->instance, d->ifindex); /* a link without a device */
	if (err)
		return why_set(w, err, "cannot remove its old link: %s", strerror(-err));
	return hook_xdp_attach(dp, d->dev.name, d->ifindex, false, &mode, note, sizeof(note), w);
}

/* TC of both sides, each for itself: half a guard is more than none. */
static int tc_again(struct datapath *dp, const char *dev, uint32_t ifindex, enum datapath_prog in,
		    enum datapath_prog out, struct why *w)
{
	struct why second = { "" };
	int err, more;

	err = hook_tc_attach(dp, dev, ifindex, HOOK_INGRESS, in, -1, w);
	more = hook_tc_attach(dp, dev, ifindex, HOOK_EGRESS, out, -1, &second);
	if (!err && more)
		*w = second;
	return err ? err : more;
}

/* What somebody has removed comes back; what cannot be read stays as it is. */
void hook_again_wan(struct datapath *dp, struct datapath_device *d, struct inside_change *change)
{
	const char *missing;
	struct why w = { "" }, xdp = { "" };
	int err, more = 0;

	err = datapath_hooks_missing(dp, d->ifindex, &d->dev, &missing);
	if (err)
		inside_trouble(change, err, "cannot read what is attached to %s: %s", d->dev.name,
			       strerror(-err));
	if (err || !missing)
		return;
	/* TC is what guards, and first, whatever keeps XDP away. */
	if (strcmp(missing, "XDP"))
		err = tc_again(dp, d->dev.name, d->ifindex, PROG_WAN_IN, PROG_WAN_OUT, &w);
	if (!strncmp(missing, "XDP", 3))
		more = wan_xdp_again(dp, d, &xdp);
	if (err)
		inside_trouble(
			change, err,
			"somebody removed the %s hooks of %s, and they cannot all be attached: %.300s",
			missing, d->dev.name, w.text);
	if (more)
		inside_trouble(
			change, more,
			"somebody removed the %s hooks of %s, and XDP cannot be attached: %.300s",
			missing, d->dev.name, xdp.text);
	if (!err && !more)
		log_warning("somebody removed the %s hooks of %s; attached again", missing,
			    d->dev.name);
}

void hook_again_lo(struct datapath *dp, struct inside_change *change)
{
	struct why w = { "" };
	int there = hook_tc_attached(dp, LO_IFINDEX, HOOK_EGRESS), err = 0;

	if (!there)
		err = hook_tc_attach(dp, "lo", LO_IFINDEX, HOOK_EGRESS, PROG_LO_OUT, -1, &w);
	if (there < 0)
		inside_trouble(change, there, "cannot read what is attached to lo: %s",
			       strerror(-there));
	if (err)
		inside_trouble(change, err, "signalling to this host cannot be released: %.300s",
			       w.text);
}

void hook_inside_xdp(struct datapath *dp, const struct nl_link *link, struct rf_device *dev,
		     bool want, struct inside_change *change)
{
	bool has = dev->flags & RF_DEV_XDP_NATIVE;
	int there, err = 0;

	if (has && want) { /* unless somebody has removed it */
		there = hook_xdp_attached(dp, link->ifindex);
		if (!there && !hook_xdp_detach(dp->instance, link->ifindex))
			hook_xdp_inside(dp, link->ifindex);
	}
	if (has == want || (want && hook_xdp_inside(dp, link->ifindex)))
		return;
	if (!want)
		err = hook_xdp_detach(dp->instance, link->ifindex);
	dev->flags ^= RF_DEV_XDP_NATIVE;
	if (!err && bpf_map_update_elem(dp->map[MAP_DEVICES], &link->ifindex, dev, BPF_EXIST))
		err = -errno;
	if (err)
		inside_trouble(change, err, "cannot change XDP of %s: %s", link->name,
			       strerror(-err));
}

/* fresh: it had no hooks so far, and has none when this fails. */
int hook_again_inside(struct datapath *dp, const struct nl_link *link, bool fresh,
		      struct inside_change *change)
{
	struct why w = { "" };
	int err;

	err = tc_again(dp, link->name, link->ifindex, PROG_INSIDE_IN, PROG_INSIDE_OUT, &w);
	if (!err)
		return 0;
	if (fresh)
		datapath_unhook(dp, link->ifindex);
	inside_trouble(change, err, "inside device %s is not attached%s: %.300s", link->name,
		       fresh ? "" : " completely", w.text);
	return err;
}
