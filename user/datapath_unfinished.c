// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is everything attached as the records say? An attach or detach that was killed leaves a record without a role,
 * or an instance without a WAN device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpffs.h"
#include "datapath_priv.h"

static bool at_work(const char *instance)
{
	int lock = bpffs_lock(instance, false, NULL);

	if (lock >= 0)
		bpffs_unlock(instance, lock);
	return lock == -EAGAIN;
}

static int say(const struct datapath *dp, const char *dev, struct why *w)
{
	if (at_work(dp->instance))
		return why_set(
			w, -EAGAIN,
			"an attach or detach of instance \"%s\" is at work and not finished yet",
			dp->instance);
	if (dev)
		return why_set(
			w, -EUCLEAN,
			"an attach or detach of %s (instance \"%s\") was interrupted, %s may be open; to finish it: ringfence attach dev %s, or: ringfence detach dev %s",
			dev, dp->instance, dev, dev, dev);
	return why_set(
		w, -EUCLEAN,
		"an attach or detach of instance \"%s\" was interrupted, no device is guarded; to finish it: ringfence attach dev DEV, or: ringfence detach all",
		dp->instance);
}

/* Of a WAN device that came back, when the controller was killed then: its next look finishes it. */
static bool comes_back(const struct datapath_device *v, size_t n, const struct datapath_device *d)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].dev.role == RF_DEV_WAN && !v[i].present &&
		    !strncmp(v[i].dev.name, d->dev.name, sizeof(d->dev.name)))
			return true;
	return false;
}

int datapath_unfinished(const struct datapath *dp, struct why *w)
{
	struct datapath_device *v;
	bool wan = false;
	size_t n, i;
	int err;

	err = datapath_devices(dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices of instance \"%s\": %s",
			       dp->instance, strerror(-err));
	for (i = 0; i < n && !err; i++) {
		wan = wan || v[i].dev.role == RF_DEV_WAN;
		if (v[i].dev.role == RF_DEV_UNFINISHED && !comes_back(v, n, &v[i]))
			err = say(dp, v[i].dev.name, w);
	}
	if (!err && !wan)
		err = say(dp, NULL, w);
	free(v);
	return err;
}
