// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open maps against what is pinned under the instance's name. The maps tell by themselves when a detach has emptied
 * them; the pin of `instance`, which everybody can read, tells whose name it is now.
 */
#include "presence.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "datapath_priv.h"

bool presence_ended(const struct datapath *dp)
{
	struct rf_instance own;

	return !datapath_instance(dp, &own) && own.flags & RF_INSTANCE_ENDED;
}

int presence_end(const struct datapath *dp)
{
	struct rf_instance own;
	__u32 zero = 0;
	int err;

	if (dp->map[MAP_INSTANCE] < 0)
		return 0; /* an older version, whose controllers look at the path */
	err = datapath_instance(dp, &own);
	if (err)
		return err;
	own.flags |= RF_INSTANCE_ENDED;
	if (bpf_map_update_elem(dp->map[MAP_INSTANCE], &zero, &own, BPF_EXIST))
		err = -errno;
	return err;
}

/* Of the instance that has the name now; -ENOENT: none is pinned there. */
static int pinned_id(const char *instance, uint64_t *id)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	struct rf_instance other;
	char path[PIN_PATH_MAX];
	__u32 zero = 0;
	int fd, err;

	fd = bpf_obj_get_opts(pin_path(path, instance, "maps", datapath_map_names[MAP_INSTANCE]),
			      &opts);
	if (fd < 0)
		return -errno;
	err = bpf_map_lookup_elem(fd, &zero, &other) ? -errno : 0;
	close(fd);
	if (!err)
		*id = other.id;
	return err;
}

static int look_at(const char *instance, const char *sub, const char *what, const char *name,
		   struct pins *p)
{
	char path[PIN_PATH_MAX];
	struct stat st;

	if (!lstat(pin_path(path, instance, sub, name), &st)) {
		p->n_there++;
		return 0;
	}
	if (errno != ENOENT)
		return -errno;
	if (!p->n_missing++)
		snprintf(p->missing, sizeof(p->missing), "%s \"%s\"", what, name ? name : sub);
	return 0;
}

int pins_look(const char *instance, uint32_t abi, struct pins *out)
{
	struct pins p = { 0 };
	int err = 0, i;

	for (i = 0; i < MAP_COUNT && !err; i++)
		if (!datapath_map_is_new(i, abi))
			err = look_at(instance, "maps", "map", datapath_map_names[i], &p);
	for (i = 0; i < PROG_COUNT && !err; i++)
		err = look_at(instance, "progs", "program", datapath_prog_names[i], &p);
	/* Without it no hook of a device that comes can be pinned. It alone is no instance. */
	if (!err && p.n_there)
		err = look_at(instance, "links", "directory", NULL, &p);
	if (!err)
		*out = p;
	return err;
}

unsigned int presence_pin(const struct datapath *dp)
{
	char path[PIN_PATH_MAX];
	unsigned int n = 0;
	struct stat st;
	int i;

	for (i = 0; i < MAP_COUNT; i++)
		if (dp->map[i] >= 0 &&
		    lstat(pin_path(path, dp->instance, "maps", datapath_map_names[i]), &st) &&
		    errno == ENOENT)
			n += !datapath_pin_map(dp->map[i], i, path);
	n += !mkdir(pin_path(path, dp->instance, "links", NULL), 0711);
	for (i = 0; i < PROG_COUNT; i++)
		if (dp->prog[i] >= 0 &&
		    lstat(pin_path(path, dp->instance, "progs", datapath_prog_names[i]), &st) &&
		    errno == ENOENT)
			n += !bpf_obj_pin(dp->prog[i], path);
	return n;
}

/* Has a detach taken the last device out of the map? */
static int is_empty(const struct datapath *dp, bool *empty)
{
	__u32 first;

	if (!bpf_map_get_next_key(dp->map[MAP_DEVICES], NULL, &first)) {
		*empty = false;
		return 0;
	}
	if (errno != ENOENT)
		return -errno;
	*empty = true;
	return 0;
}

int presence_look(const struct datapath *dp, struct presence *out)
{
	struct presence p = { .kind = PRESENCE_HERE };
	struct rf_instance own;
	bool empty = false;
	uint64_t id = 0;
	int err;

	err = datapath_instance(dp, &own);
	if (!err && own.flags & RF_INSTANCE_ENDED) {
		p.kind = PRESENCE_ENDED;
		*out = p;
		return 0;
	}
	if (!err)
		err = pinned_id(dp->instance, &id);
	if (err == -ENOENT)
		err = 0; /* one of the missing */
	if (!err)
		err = pins_look(dp->instance, RF_ABI_VERSION, &p.pins);
	if (!err && p.pins.n_missing)
		err = is_empty(dp, &empty);
	if (err)
		return err;
	if (id && id != own.id)
		p.kind = PRESENCE_OTHER;
	else if (p.pins.n_missing)
		p.kind = empty ? PRESENCE_ENDED : PRESENCE_UNPINNED;
	*out = p;
	return 0;
}
