// SPDX-License-Identifier: GPL-2.0-only
/* A detach does not wait for the last descriptor of a link: it detaches it (hooks.c), and the link is dead then. */
#include "link_hold.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"

#define LO_IFINDEX 1

static bool is_alive(int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	/* tcx's tells its device at the same place; what cannot be read is not let go of */
	return bpf_obj_get_info_by_fd(fd, &info, &len) || info.xdp.ifindex;
}

static struct held_link *find(struct link_hold *h, const char *name)
{
	unsigned int i;

	for (i = 0; i < h->n; i++)
		if (!strcmp(h->v[i].name, name))
			return &h->v[i];
	return NULL;
}

static void hold(struct link_hold *h, const char *instance, const char *prefix, uint32_t ifindex)
{
	char path[PIN_PATH_MAX], name[32];
	int fd;

	snprintf(name, sizeof(name), "%s%u", prefix, ifindex);
	if (find(h, name) || h->n == LINK_HOLD_MAX)
		return;
	fd = pin_open(pin_path(path, instance, "links", name));
	if (fd < 0)
		return; /* clsact, or TC only */
	h->v[h->n].fd = fd;
	memcpy(h->v[h->n++].name, name, sizeof(name));
}

static void drop_dead(struct link_hold *h)
{
	unsigned int i, n = 0;

	for (i = 0; i < h->n; i++)
		if (is_alive(h->v[i].fd))
			h->v[n++] = h->v[i];
		else
			close(h->v[i].fd);
	h->n = n;
}

/* Does a record say that it is attached? A detach says first that it is not, then takes the link off and its pin away:
 * one whose pin is gone is looked up after that. lo's goes when no WAN device is left. */
static bool is_wanted(const struct datapath *dp, const char *name)
{
	__u32 ifindex = strtoul(strrchr(name, '_') + 1, NULL, 10), next, *prev = NULL;
	struct rf_device dev;

	if (ifindex != LO_IFINDEX)
		return !bpf_map_lookup_elem(dp->map[MAP_DEVICES], &ifindex, &dev) &&
		       dev.role == RF_DEV_WAN;
	while (!bpf_map_get_next_key(dp->map[MAP_DEVICES], prev, &next)) {
		ifindex = next;
		prev = &ifindex;
		if (!bpf_map_lookup_elem(dp->map[MAP_DEVICES], &ifindex, &dev) &&
		    dev.role == RF_DEV_WAN)
			return true;
	}
	return false;
}

void link_hold_look(struct link_hold *h, const struct datapath *dp, unsigned int *n_pinned)
{
	__u32 key, next, *prev = NULL;
	char path[PIN_PATH_MAX];
	struct rf_device dev;
	struct stat st;
	unsigned int i;
	int err = 0;

	drop_dead(h);
	*n_pinned = 0;
	for (i = 0; i < h->n; i++)
		if (lstat(pin_path(path, dp->instance, "links", h->v[i].name), &st) &&
		    errno == ENOENT && is_wanted(dp, h->v[i].name)) {
			if (!bpf_obj_pin(h->v[i].fd, path))
				++*n_pinned;
			else if (!err)
				err = -errno;
		}
	if (err && err != h->pin_err)
		log_error(
			"hooks of WAN devices are not pinned any more and cannot be pinned again (%s): they live only as long as this process; to mend it, calls go on: ringfence attach dev DEV replace",
			strerror(-err));
	h->pin_err = err;
	hold(h, dp->instance, "tcx_out_", LO_IFINDEX);
	while (!bpf_map_get_next_key(dp->map[MAP_DEVICES], prev, &next)) {
		key = next;
		prev = &key;
		if (bpf_map_lookup_elem(dp->map[MAP_DEVICES], &key, &dev) || dev.role != RF_DEV_WAN)
			continue;
		hold(h, dp->instance, "xdp_", key);
		hold(h, dp->instance, "tcx_in_", key);
		hold(h, dp->instance, "tcx_out_", key);
	}
}

void link_hold_close(struct link_hold *h)
{
	while (h->n)
		close(h->v[--h->n].fd);
}

void link_pins_give(const char *instance)
{
	char path[PIN_PATH_MAX], child[PIN_PATH_MAX + 256];
	const struct dirent *e;
	struct stat st;
	int err;
	DIR *d;

	d = opendir(pin_path(path, instance, "links", NULL));
	if (!d || fstat(dirfd(d), &st) || !st.st_uid) {
		if (d)
			closedir(d);
		return;
	}
	/* made anew where somebody had removed it */
	pin_path(child, instance, "lock", NULL);
	err = pin_give(child, st.st_uid, st.st_gid);
	if (err)
		log_warning("cannot give %s to user %u: %s", child, st.st_uid, strerror(-err));
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		err = pin_give(child, st.st_uid, st.st_gid);
		if (err)
			log_warning("cannot give %s to user %u: %s", child, st.st_uid,
				    strerror(-err));
	}
	closedir(d);
}
