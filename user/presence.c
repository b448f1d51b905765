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
	own.flags |= RF_INSTANCE_ENDED;
	if (!err && bpf_map_update_elem(dp->map[MAP_INSTANCE], &zero, &own, BPF_EXIST))
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

static int count_missing(const struct datapath *dp, const char *sub, const char *what,
			 const char *name, struct presence *p)
{
	char path[PIN_PATH_MAX];
	struct stat st;

	if (!lstat(pin_path(path, dp->instance, sub, name), &st))
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (!p->n_missing++)
		snprintf(p->missing, sizeof(p->missing), "%s \"%s\"", what, name);
	return 0;
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
	int err, i;

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
	for (i = 0; i < MAP_COUNT && !err; i++)
		err = count_missing(dp, "maps", "map", datapath_map_names[i], &p);
	for (i = 0; i < PROG_COUNT && !err; i++)
		err = count_missing(dp, "progs", "program", datapath_prog_names[i], &p);
	if (!err && p.n_missing)
		err = is_empty(dp, &empty);
	if (err)
		return err;
	if (id && id != own.id)
		p.kind = PRESENCE_OTHER;
	else if (p.n_missing)
		p.kind = empty ? PRESENCE_ENDED : PRESENCE_UNPINNED;
	*out = p;
	return 0;
}
