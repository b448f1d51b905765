// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an attach loads before it takes the lock: the verifier works for a second or two, and the controller that wants
 * to follow a device, or another command, would have to wait for it. Under the lock it is looked at again whether the
 * programs fit; if not they are loaded once more, there.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* 0: it cannot be told, and fits to nothing. */
static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static bool is_wan(const struct datapath *dp, uint32_t ifindex)
{
	struct rf_device dev;

	return !bpf_map_lookup_elem(dp->map[MAP_DEVICES], &ifindex, &dev) && dev.role == RF_DEV_WAN;
}

static int prepare_replace(struct datapath_prepared *p, const struct attach_request *r,
			   const struct nl_link *link, struct why *w)
{
	struct why other = { "" };
	struct datapath *dp;
	int i, err;

	/* What is in the way, and what an older version needs, is found and told under the lock. */
	if (datapath_open(&dp, r->instance, true, &other))
		return 0;
	err = is_wan(dp, link->ifindex) ? datapath_load_onto(dp, NULL, NULL, p->progs, w) : 0;
	for (i = 0; !err && i < MAP_COUNT; i++)
		p->maps[i] = map_id(dp->map[i]);
	datapath_close(dp);
	return err;
}

static int prepare_fresh(struct datapath_prepared *p, const struct attach_request *r, struct why *w)
{
	struct why other = { "" };
	struct datapath *dp;
	int err;

	err = datapath_open(&dp, r->instance, true, &other);
	if (!err)
		datapath_close(dp);
	return err == -ENOENT ? datapath_load_fresh(&p->fresh, r->config, w) : 0;
}

int datapath_prepare(struct datapath_prepared *p, const struct attach_request *r,
		     const struct nl_link *link, struct why *w)
{
	int i;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < PROG_COUNT; i++)
		p->progs[i] = -1;
	return r->replace ? prepare_replace(p, r, link, w) : prepare_fresh(p, r, w);
}

bool datapath_prepared_take(struct datapath_prepared *p, const struct datapath *dp,
			    int fds[PROG_COUNT])
{
	int i;

	for (i = 0; i < PROG_COUNT; i++)
		if (p->progs[i] < 0)
			return false;
	for (i = 0; i < MAP_COUNT; i++)
		if (!p->maps[i] || p->maps[i] != map_id(dp->map[i]))
			return false;
	memcpy(fds, p->progs, sizeof(p->progs));
	for (i = 0; i < PROG_COUNT; i++)
		p->progs[i] = -1;
	return true;
}

void datapath_prepared_free(struct datapath_prepared *p)
{
	int i;

	datapath_loaded_free(p->fresh);
	p->fresh = NULL;
	for (i = 0; i < PROG_COUNT; i++) {
		if (p->progs[i] >= 0)
			close(p->progs[i]);
		p->progs[i] = -1;
	}
}
