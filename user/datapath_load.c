// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the BPF object and pins its maps and programs. The verifier's words are kept for the case
 * that it refuses; otherwise libbpf is silent.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "call_ends.h"
#include "conntrack.h"
#include "privileges.h"
#include "ringfence.skel.h"

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

static char load_last[256]; /* libbpf's last complaint, one line */

static int load_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[4096];
	char *end;

	if (level == LIBBPF_DEBUG && !getenv("RINGFENCE_LIBBPF_DEBUG"))
		return 0;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (getenv("RINGFENCE_LIBBPF_DEBUG"))
		fputs(text, stderr);
	if (level != LIBBPF_WARN)
		return 0;
	end = strchr(text, '\n');
	if (end)
		*end = 0;
	snprintf(load_last, sizeof(load_last), "%.255s", text);
	return 0;
}

void datapath_quiet(void)
{
	libbpf_set_print(load_print);
}

static struct bpf_map *map_by_name(struct ringfence_bpf *skel, const char *name)
{
	return bpf_object__find_map_by_name(skel->obj, name);
}

static struct bpf_program *prog_by_name(struct ringfence_bpf *skel, const char *name)
{
	return bpf_object__find_program_by_name(skel->obj, name);
}

static int load_why(int err, struct why *w)
{
	char lacking[PRIVILEGES_TEXT_MAX];

	switch (err) {
	case -EPERM:
	case -EACCES:
		if (geteuid())
			return why_set(w, err, "cannot load the BPF programs: %s; run as root",
				       strerror(-err));
		if (*privileges_lacking(lacking))
			return why_set(
				w, err,
				"the kernel refuses the BPF programs (%s): root is without %s here, as in a container; it must be given",
				strerror(-err), lacking);
		return why_set(
			w, err,
			"the kernel refuses the BPF programs (%s), although this process has CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (of a user namespace they do not count); its last word: %s",
			strerror(-err), load_last);
	case -EINVAL:
	case -EOPNOTSUPP:
		return why_set(
			w, err,
			"the kernel cannot load the BPF programs: %s; Linux 6.1 or later is needed",
			load_last[0] ? load_last : strerror(-err));
	case -ENOMEM: return why_set(w, err, "no memory for the BPF maps");
	default:
		return why_set(w, err, "cannot load the BPF programs: %s%s%s", strerror(-err),
			       load_last[0] ? ": " : "", load_last);
	}
}

/* Slots for RTP and RTCP of every call that the policy allows, and some for those just closed; a power of two. */
static uint32_t room_for(const struct config *c)
{
	_Static_assert(2ULL * CONFIG_CALLS_MAX + 4096 <= RF_PINHOLES_MAX, "room for all calls");
	uint32_t room = 4096;

	while (room < RF_PINHOLES_MAX && room < 2ULL * c->max_calls + 4096)
		room *= 2;
	return room;
}

static int make_room(struct ringfence_bpf *skel, const struct config *c)
{
	/* RTP, RTCP and the signalling of phones, in both directions */
	uint32_t room = room_for(c), entries = 4 * c->max_calls + 2 * c->max_bindings;
	int err;

	err = bpf_map__set_max_entries(skel->maps.scratch, libbpf_num_possible_cpus());
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.pinholes,
					       entries > 2 * room ? entries : 2 * room);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.more_remotes, 2 * room);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.learnt, room);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.pinhole_state, room);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.pinhole_cold, room);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.inbound, room / 2);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.call_ends, call_ends_room(room));
	return err;
}

static void drop_frags(struct bpf_program *prog)
{
	bpf_program__set_flags(prog, bpf_program__flags(prog) & ~BPF_F_XDP_HAS_FRAGS);
}

/* Programs read a map as they were compiled: one of another layout would be nonsense to them. */
static int reuse_map(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map)) {
		snprintf(load_last, sizeof(load_last), "the pinned map \"%s\" has another layout",
			 bpf_map__name(map));
		return -EBADMSG;
	}
	return bpf_map__reuse_fd(map, fd);
}

/* The maps of dp; where it has none, a fresh one with room[] entries. */
static int take_maps(struct ringfence_bpf *skel, const struct datapath *dp, const uint32_t *room)
{
	struct bpf_map *map;
	int i, err = 0;

	for (i = 0; i < MAP_COUNT && !err; i++) {
		map = map_by_name(skel, datapath_map_names[i]);
		if (!map)
			err = -ENOENT;
		else if (dp->map[i] >= 0)
			err = reuse_map(map, dp->map[i]);
		else if (room && room[i])
			err = bpf_map__set_max_entries(map, room[i]);
	}
	return err;
}

/* Opens the object with the maps of dp, or with fresh ones as c wants them. frags: XDP for packets in pieces. */
static int load_try(struct ringfence_bpf **out, const struct datapath *dp, const uint32_t *room,
		    const struct config *c, bool frags)
{
	struct ringfence_bpf *skel = ringfence_bpf__open();
	struct bpf_program *prog;
	int err;

	if (!skel)
		return -errno;
	load_last[0] = 0;
	err = dp ? take_maps(skel, dp, room) : make_room(skel, c);
	skel->rodata->rf_inbound_n = bpf_map__max_entries(skel->maps.inbound);
	skel->rodata->rf_conntrack = conntrack_here();
	prog = prog_by_name(skel, "rf_xdp_pass");
	if (prog) /* for the far ends of veth pairs, which nothing attaches to yet */
		bpf_program__set_autoload(prog, false);
	if (!frags) {
		drop_frags(skel->progs.rf_wan_xdp);
		drop_frags(skel->progs.rf_inside_xdp);
	}
	if (!err)
		err = ringfence_bpf__load(skel);
	if (err) {
		ringfence_bpf__destroy(skel);
		return err;
	}
	*out = skel;
	return 0;
}

/* Each program holds all maps, used or not: whichever still runs leads to them when a pin is missing. */
static int bind_maps(struct ringfence_bpf *skel)
{
	struct bpf_program *prog;
	int i, fd, err = 0;

	bpf_object__for_each_program(prog, skel->obj)
	{
		fd = bpf_program__fd(prog);
		for (i = 0; fd >= 0 && i < MAP_COUNT && !err; i++)
			if (bpf_prog_bind_map(fd,
					      bpf_map__fd(map_by_name(skel, datapath_map_names[i])),
					      NULL))
				err = -errno;
	}
	return err;
}

static int load_object(struct ringfence_bpf **out, const struct datapath *dp, const uint32_t *room,
		       const struct config *c, struct why *w)
{
	struct ringfence_bpf *skel;
	int err;

	datapath_quiet();
	err = load_try(&skel, dp, room, c, true);
	if (err == -EINVAL)
		err = load_try(&skel, dp, room, c, false);
	if (err)
		return load_why(err, w);
	err = bind_maps(skel);
	if (err) {
		ringfence_bpf__destroy(skel);
		return why_set(w, err, "cannot bind the BPF maps to the programs: %s",
			       strerror(-err));
	}
	*out = skel;
	return 0;
}

static int pin_one(int fd, const char *instance, const char *sub, const char *name, struct why *w)
{
	char path[PIN_PATH_MAX];

	pin_path(path, instance, sub, name);
	if (bpf_obj_pin(fd, path))
		return why_set(w, -errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

int datapath_pin_map(int fd, enum datapath_map i, const char *path)
{
	if (bpf_obj_pin(fd, path))
		return -errno;
	return i == MAP_INSTANCE && chmod(path, 0444) ? -errno : 0;
}

static int pin_map(int fd, enum datapath_map i, const char *instance, struct why *w)
{
	char path[PIN_PATH_MAX];
	int err;

	err = datapath_pin_map(fd, i, pin_path(path, instance, "maps_new", datapath_map_names[i]));
	return err ? why_set(w, err, "cannot pin %s: %s", path, strerror(-err)) : 0;
}

int datapath_load_fresh(struct ringfence_bpf **out, const struct config *c, struct why *w)
{
	return load_object(out, NULL, NULL, c, w);
}

void datapath_loaded_free(struct ringfence_bpf *skel)
{
	ringfence_bpf__destroy(skel);
}

int datapath_pin_fresh(struct ringfence_bpf *skel, const char *instance, struct why *w)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	int i, err;

	err = bpffs_make_dirs(instance, w);
	if (!err)
		err = bpffs_make_new(instance, "maps_new", w);
	if (!err)
		err = bpffs_make_new(instance, "progs_new", w);
	for (i = 0; !err && i < MAP_COUNT; i++) {
		map = map_by_name(skel, datapath_map_names[i]);
		err = map ? pin_map(bpf_map__fd(map), i, instance, w)
			  : why_set(w, -ENOENT, "the BPF object has no map \"%s\"",
				    datapath_map_names[i]);
	}
	for (i = 0; !err && i < PROG_COUNT; i++) {
		prog = prog_by_name(skel, datapath_prog_names[i]);
		err = prog ? pin_one(bpf_program__fd(prog), instance, "progs_new",
				     datapath_prog_names[i], w)
			   : why_set(w, -ENOENT, "the BPF object has no program \"%s\"",
				     datapath_prog_names[i]);
	}
	/* All of them at once: maps are what makes it an instance. */
	if (!err)
		err = bpffs_publish(instance, "progs_new", "progs", w);
	if (!err)
		err = bpffs_publish(instance, "maps_new", "maps", w);
	if (err)
		bpffs_remove(instance);
	return err;
}

static void close_all(int *fds, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Copies of the descriptors, as the object's own go with it. */
static int keep_fds(struct ringfence_bpf *skel, const struct datapath *dp, int *maps,
		    int fds[PROG_COUNT], struct why *w)
{
	struct bpf_program *prog;
	int i, err = 0;

	for (i = 0; !err && i < PROG_COUNT; i++) {
		prog = prog_by_name(skel, datapath_prog_names[i]);
		fds[i] = prog ? dup(bpf_program__fd(prog)) : -1;
		if (fds[i] < 0)
			err = why_set(w, -ENOENT, "cannot take over program \"%s\"",
				      datapath_prog_names[i]);
	}
	for (i = 0; maps && !err && i < MAP_COUNT; i++) {
		if (dp->map[i] >= 0)
			continue;
		maps[i] = dup(bpf_map__fd(map_by_name(skel, datapath_map_names[i])));
		if (maps[i] < 0)
			err = why_set(w, -errno, "cannot take over map \"%s\": %s",
				      datapath_map_names[i], strerror(errno));
	}
	return err;
}

int datapath_load_onto(const struct datapath *dp, const uint32_t *room, int *maps,
		       int fds[PROG_COUNT], struct why *w)
{
	struct ringfence_bpf *skel;
	int i, err;

	err = load_object(&skel, dp, room, NULL, w);
	if (err)
		return err;
	for (i = 0; i < PROG_COUNT; i++)
		fds[i] = -1;
	for (i = 0; maps && i < MAP_COUNT; i++)
		maps[i] = -1;
	err = keep_fds(skel, dp, maps, fds, w);
	if (err) {
		close_all(fds, PROG_COUNT);
		close_all(maps, maps ? MAP_COUNT : 0);
	}
	ringfence_bpf__destroy(skel);
	return err;
}

int datapath_repin(const char *instance, const int fds[PROG_COUNT], struct why *w)
{
	char path[PIN_PATH_MAX], fresh[PIN_PATH_MAX], name[64];
	struct stat st;
	int i, err;

	for (i = 0; i < PROG_COUNT; i++) {
		pin_path(path, instance, "progs", datapath_prog_names[i]);
		/* no dot: the bpf file system refuses it in names */
		snprintf(name, sizeof(name), "%s_new", datapath_prog_names[i]);
		unlink(pin_path(fresh, instance, "progs", name));
		err = pin_one(fds[i], instance, "progs", name, w);
		if (err)
			return err;
		/* the controller's user goes on owning it */
		if (!stat(path, &st) && chown(fresh, st.st_uid, st.st_gid))
			return why_set(w, -errno, "cannot give %s away: %s", fresh,
				       strerror(errno));
		if (rename(fresh, path))
			return why_set(w, -errno, "cannot replace %s: %s", path, strerror(errno));
	}
	return 0;
}
