// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel knows its programs by ids, pinned or not. Those of an instance lead to its maps: to `instance`, which has
 * its name, and to `devices`, which says whether it still guards anything.
 */
#include "survivor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "datapath_priv.h"
#include "presence.h"

#define MAPS_MAX 64 /* of a program */
#define PROGS_MAX \
	256 /* of an instance; a few for each `replace` whose programs somebody still holds */

/* Headers older than Linux 6.6 lack these. */
#define LINK_TYPE_TCX 11
#define TCX_INGRESS   46
#define TCX_EGRESS    47

struct survivor {
	struct datapath dp; /* descriptors are its own; -1: not found */
	uint32_t pinned[MAP_COUNT]; /* ids of the maps that still are */
	uint32_t progs[PROGS_MAX];
	size_t n_progs;
	char dev[16]; /* a WAN device of it */
	struct pins pins;
};

static void survivor_init(struct survivor *s, const char *instance)
{
	int i;

	memset(s, 0, sizeof(*s));
	snprintf(s->dp.instance, sizeof(s->dp.instance), "%s", instance);
	s->dp.abi = RF_ABI_VERSION;
	for (i = 0; i < MAP_COUNT; i++)
		s->dp.map[i] = -1;
	for (i = 0; i < PROG_COUNT; i++)
		s->dp.prog[i] = -1;
}

static void survivor_close(struct survivor *s)
{
	int i;

	for (i = 0; i < MAP_COUNT; i++)
		if (s->dp.map[i] >= 0)
			close(s->dp.map[i]);
	for (i = 0; i < PROG_COUNT; i++)
		if (s->dp.prog[i] >= 0)
			close(s->dp.prog[i]);
}

static void take(int *to, int fd)
{
	if (*to >= 0)
		close(*to);
	*to = fd;
}

static int read_version(struct survivor *s)
{
	struct rf_settings settings;
	int err;

	if (s->dp.map[MAP_SETTINGS] < 0)
		return 0;
	err = datapath_settings(&s->dp, &settings);
	if (!err)
		s->dp.abi = settings.abi_version & ~RF_ABI_UPGRADING;
	return err;
}

static bool version_known(const struct survivor *s)
{
	return s->dp.abi >= RF_ABI_OLDEST && s->dp.abi <= RF_ABI_VERSION;
}

/* What is pinned of the maps, and of which version that is. */
static int read_pins(struct survivor *s)
{
	char path[PIN_PATH_MAX];
	int i, fd, err;

	for (i = 0; i < MAP_COUNT; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);

		fd = bpf_obj_get(pin_path(path, s->dp.instance, "maps", datapath_map_names[i]));
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return -errno;
		take(&s->dp.map[i], fd);
		if (bpf_obj_get_info_by_fd(fd, &info, &len))
			return -errno;
		s->pinned[i] = info.id;
	}
	err = read_version(s);
	return err ? err : pins_look(s->dp.instance, s->dp.abi, &s->pins);
}

static int prog_index(const char *name)
{
	int i;

	for (i = 0; i < PROG_COUNT; i++)
		if (!strncmp(name, datapath_prog_names[i], BPF_OBJ_NAME_LEN - 1))
			return i;
	return -1;
}

static int map_index(const char *name)
{
	int i;

	for (i = 0; i < MAP_COUNT; i++)
		if (!strncmp(name, datapath_map_names[i], BPF_OBJ_NAME_LEN - 1))
			return i;
	return -1;
}

/* Is this the map that says so? Of an instance that has ended: no. */
static bool says_our_name(const struct survivor *s, int fd, const struct bpf_map_info *info)
{
	struct rf_instance own = { 0 };
	__u32 zero = 0;

	return info->value_size == sizeof(own) && !bpf_map_lookup_elem(fd, &zero, &own) && own.id &&
	       !(own.flags & RF_INSTANCE_ENDED) &&
	       !strncmp(own.name, s->dp.instance, sizeof(own.name));
}

/* Names are unique in a network namespace only: in another one, with another bpf file system, it is another's. */
static bool lives_here(int fd)
{
	struct rf_settings settings = { 0 };
	__u32 zero = 0;

	return fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &settings) &&
	       settings.netns_inode == netns_inode();
}

/* The maps of one program, if it is one of the instance. 1, 0 or -errno */
static int take_maps(struct survivor *s, const uint32_t *ids, uint32_t n)
{
	int fds[MAP_COUNT], i, fd, ours = 0, named = 0, err = 0;
	uint32_t k, len;

	for (i = 0; i < MAP_COUNT; i++)
		fds[i] = -1;
	for (k = 0; k < n && !err; k++) {
		struct bpf_map_info info = { 0 };

		fd = bpf_map_get_fd_by_id(ids[k]);
		if (fd < 0) {
			err = errno == ENOENT ? 0 : -errno;
			continue;
		}
		len = sizeof(info);
		err = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
		i = err ? -1 : map_index(info.name);
		if (i < 0) {
			close(fd);
			continue;
		}
		take(&fds[i], fd);
		if (s->pinned[i] && s->pinned[i] == info.id)
			ours = 1;
		if (i == MAP_INSTANCE && says_our_name(s, fd, &info))
			named = 1;
	}
	if (named && lives_here(fds[MAP_SETTINGS]))
		ours = 1;
	for (i = 0; i < MAP_COUNT; i++) {
		if (fds[i] < 0)
			continue;
		if (!err && ours && s->dp.map[i] < 0)
			s->dp.map[i] = fds[i];
		else
			close(fds[i]);
	}
	return err ? err : ours;
}

/* The later one of a name stays: it is the one in use. */
static int look_at_program(struct survivor *s, int fd)
{
	uint32_t ids[MAPS_MAX], len;
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids };
	int i, ours;

	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	i = prog_index(info.name);
	if (i < 0)
		return 0;
	ours = take_maps(s, ids, info.nr_map_ids < MAPS_MAX ? info.nr_map_ids : MAPS_MAX);
	if (ours <= 0)
		return ours;
	if (s->n_progs < PROGS_MAX)
		s->progs[s->n_progs++] = info.id;
	fd = dup(fd);
	if (fd < 0)
		return -errno;
	take(&s->dp.prog[i], fd);
	return 0;
}

static int look_at_programs(struct survivor *s)
{
	uint32_t id = 0;
	int fd, err = 0;

	while (!err && !bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0) {
			err = errno == ENOENT ? 0 : -errno;
			continue;
		}
		err = look_at_program(s, fd);
		close(fd);
	}
	return err ? err : errno == ENOENT ? 0 : -errno;
}

/* Does it guard a device? Names it. 1, 0 or -errno */
static int guards_any(struct survivor *s)
{
	__u32 key, next, *prev = NULL;
	struct rf_device dev;

	if (s->dp.map[MAP_DEVICES] < 0)
		return 0;
	while (!bpf_map_get_next_key(s->dp.map[MAP_DEVICES], prev, &next)) {
		key = next;
		prev = &key;
		if (bpf_map_lookup_elem(s->dp.map[MAP_DEVICES], &key, &dev) ||
		    dev.role == RF_DEV_INSIDE) /* half attached or detached counts */
			continue;
		snprintf(s->dev, sizeof(s->dev), "%.15s", dev.name);
		return 1;
	}
	return errno == ENOENT ? 0 : -errno;
}

static bool has_ended(const struct survivor *s)
{
	return s->dp.map[MAP_INSTANCE] >= 0 && presence_ended(&s->dp);
}

/* 1: it lives, and is not wholly pinned; 0: it does not, or is; -errno: it cannot be told. */
static int survivor_find(struct survivor *s)
{
	int err = read_pins(s);

	if (err || !s->pins.n_missing || !version_known(s))
		return err;
	err = look_at_programs(s);
	if (!err && !s->pinned[MAP_SETTINGS]) { /* only now the version is known */
		err = read_version(s);
		if (!err)
			err = pins_look(s->dp.instance, s->dp.abi, &s->pins);
	}
	if (!err && !has_ended(s))
		err = guards_any(s);
	return err;
}

/* Without any pin there is nothing to be afraid of that could be seen: as on a machine that has never had one. */
static bool may_be_fresh(const struct survivor *s, int err)
{
	return (err == -EPERM || err == -EACCES) && !s->pins.n_there;
}

static int tell(const struct survivor *s, struct why *w)
{
	if (!s->pins.n_there)
		return why_set(
			w, -EUCLEAN,
			"nothing of instance \"%s\" is pinned any more, while its programs still guard %s (the bpf file system was unmounted or emptied, which is no detach); to mend it, calls go on: ringfence attach dev %s replace",
			s->dp.instance, s->dev, s->dev);
	return why_set(
		w, -EUCLEAN,
		"%s of instance \"%s\" is not pinned any more, while its programs still guard %s (somebody removed it, which is no detach); to mend it, calls go on: ringfence attach dev %s replace",
		s->pins.missing, s->dp.instance, s->dev, s->dev);
}

static int not_told(const struct survivor *s, int err, struct why *w)
{
	return why_set(
		w, err,
		"%s of instance \"%s\" is not pinned, and whether its programs still run cannot be told: %s%s",
		s->pins.n_there ? s->pins.missing : "nothing", s->dp.instance, strerror(-err),
		err == -EPERM || err == -EACCES ? "; run as root (CAP_SYS_ADMIN)" : "");
}

int survivor_why(const char *instance, struct why *w)
{
	struct survivor s;
	int err;

	survivor_init(&s, instance);
	err = survivor_find(&s);
	if (err > 0)
		err = tell(&s, w);
	else if (!err || may_be_fresh(&s, err))
		err = why_set(
			w, -ENOENT,
			"instance \"%s\" is not attached to any device; first: ringfence attach dev DEV",
			instance);
	else
		err = not_told(&s, err, w);
	survivor_close(&s);
	return err;
}

bool survivor_lives(const char *instance)
{
	struct survivor s;
	bool lives;

	survivor_init(&s, instance);
	lives = survivor_find(&s) > 0;
	survivor_close(&s);
	return lives;
}

/* ---- pinning ---- */

/* lost: what no program holds any more is done without. */
static int pin_maps(const struct survivor *s, bool lost, struct why *w)
{
	char path[PIN_PATH_MAX];
	int i, err = 0;

	for (i = 0; i < MAP_COUNT && !err; i++) {
		if (s->pinned[i] ||
		    (s->dp.map[i] < 0 && (lost || datapath_map_is_new(i, s->dp.abi))))
			continue;
		if (s->dp.map[i] < 0)
			return why_set(
				w, -EBADMSG,
				"map \"%s\" of instance \"%s\" is lost: no program holds it; only a detach helps, which ends the calls: ringfence detach all",
				datapath_map_names[i], s->dp.instance);
		pin_path(path, s->dp.instance, "maps", datapath_map_names[i]);
		err = datapath_pin_map(s->dp.map[i], i, path);
		if (err == -EEXIST) /* the controller was faster */
			err = 0;
		if (err)
			why_set(w, err, "cannot pin %s: %s", path, strerror(-err));
	}
	return err;
}

/* One that runs nowhere is loaded anew, or (lost) done without. */
static int pin_programs(struct survivor *s, bool lost, struct why *w)
{
	int fds[PROG_COUNT], i, err = 0;
	char path[PIN_PATH_MAX];
	bool loaded = false;

	for (i = 0; i < PROG_COUNT && !err; i++) {
		if (!access(pin_path(path, s->dp.instance, "progs", datapath_prog_names[i]), F_OK))
			continue;
		if (s->dp.prog[i] < 0 && lost)
			continue;
		if (s->dp.prog[i] < 0 && s->dp.abi != RF_ABI_VERSION)
			return why_set(
				w, -EBADMSG,
				"program \"%s\" of instance \"%s\", which is of an older version, is lost; only a detach helps, which ends the calls",
				datapath_prog_names[i], s->dp.instance);
		if (s->dp.prog[i] < 0 && !loaded) {
			err = datapath_load_onto(&s->dp, NULL, NULL, fds, w);
			if (err)
				return err;
			loaded = true;
		}
		if (bpf_obj_pin(s->dp.prog[i] < 0 ? fds[i] : s->dp.prog[i], path) &&
		    errno != EEXIST)
			err = why_set(w, -errno, "cannot pin %s: %s", path, strerror(errno));
	}
	for (i = 0; i < PROG_COUNT && loaded; i++)
		if (s->dp.prog[i] < 0) /* what is hooked again needs it, too */
			s->dp.prog[i] = fds[i];
		else
			close(fds[i]);
	return err;
}

static const char *link_prefix(const struct bpf_link_info *info)
{
	if (info->type == BPF_LINK_TYPE_XDP)
		return "xdp_";
	if (info->type != LINK_TYPE_TCX)
		return NULL;
	/* behind the ifindex, as of netns links; older headers lack that of tcx */
	return info->netns.attach_type == TCX_INGRESS  ? "tcx_in_"
	       : info->netns.attach_type == TCX_EGRESS ? "tcx_out_"
						       : NULL;
}

/* 0 or -errno; a link that is not ours, or on no device any more, is none of our business. */
static int pin_link(const struct survivor *s, int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[PIN_PATH_MAX];
	const char *prefix;
	size_t i;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	prefix = link_prefix(&info);
	for (i = 0; i < s->n_progs && s->progs[i] != info.prog_id; i++)
		;
	if (!prefix || i == s->n_progs || !info.xdp.ifindex)
		return 0;
	pin_link_path(path, s->dp.instance, prefix, info.xdp.ifindex);
	return bpf_obj_pin(fd, path) && errno != EEXIST ? -errno : 0;
}

static int pin_links(const struct survivor *s, struct why *w)
{
	uint32_t id = 0;
	int fd, err = 0;

	while (!err && !bpf_link_get_next_id(id, &id)) {
		fd = bpf_link_get_fd_by_id(id);
		if (fd < 0) { /* just gone, or somebody else's that is not made yet */
			err = errno == ENOENT || errno == EAGAIN ? 0 : -errno;
			continue;
		}
		err = pin_link(s, fd);
		close(fd);
	}
	if (!err && errno != ENOENT)
		err = -errno;
	return err ? why_set(w, err, "cannot pin the hooks of instance \"%s\": %s", s->dp.instance,
			     strerror(-err))
		   : 0;
}

/* XDP that went with its pin: on again, or told to be off, so that `replace` finds what the record says. */
static void xdp_again(const struct survivor *s, uint32_t ifindex, struct rf_device *dev)
{
	enum attach_mode mode = dev->flags & RF_DEV_XDP_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
	char path[PIN_PATH_MAX], note[256];
	struct why w = { "" };
	int err;

	if (!(dev->flags & (RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC)) ||
	    !access(pin_link_path(path, s->dp.instance, "xdp_", ifindex), F_OK))
		return;
	err = dev->role == RF_DEV_WAN
		      ? hook_xdp_attach(&s->dp, dev->name, ifindex, dev->flags & RF_DEV_L3, &mode,
					note, sizeof(note), &w)
		      : hook_xdp_inside(&s->dp, ifindex);
	if (!err)
		return;
	log_warning("%s had XDP, and cannot have it again: %s", dev->name,
		    *w.text ? w.text : strerror(-err));
	dev->flags &= ~(RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC);
	bpf_map_update_elem(s->dp.map[MAP_DEVICES], &ifindex, dev, BPF_EXIST);
}

static int xdp_all_again(const struct survivor *s, struct why *w)
{
	struct datapath_device *v;
	size_t n, i;
	int err;

	err = datapath_devices(&s->dp, &v, &n);
	if (err)
		return why_set(w, err, "cannot read the devices of instance \"%s\": %s",
			       s->dp.instance, strerror(-err));
	for (i = 0; i < n; i++)
		if (v[i].present)
			xdp_again(s, v[i].ifindex, &v[i].dev);
	free(v);
	return 0;
}

/* The controller's user, by what it was given: a directory of pins, if that is left, or the run directory. */
static void give_again(const struct survivor *s, const struct stat *links)
{
	char path[PIN_PATH_MAX];
	struct stat run;
	int err = 0;

	if (!links) {
		snprintf(path, sizeof(path), RF_RUN_ROOT "/%s", s->dp.instance);
		if (lstat(path, &run))
			return;
		links = &run;
	}
	if (links->st_uid)
		err = datapath_give(&s->dp, links->st_uid, links->st_gid);
	if (err)
		log_warning("cannot hand the pins of instance \"%s\" over to user %u: %s",
			    s->dp.instance, links->st_uid, strerror(-err));
}

static int check_version(const struct survivor *s, struct why *w)
{
	if (version_known(s))
		return 0;
	return why_set(
		w, -ESTALE,
		"instance \"%s\" was attached by another version (ABI %u, this is %u), and %s of it is not pinned any more; with that version: ringfence attach dev %s replace",
		s->dp.instance, s->dp.abi, RF_ABI_VERSION, s->pins.missing, s->dev);
}

static int pin_all(struct survivor *s, bool lost, struct why *w)
{
	char path[PIN_PATH_MAX];
	struct stat links;
	bool had_links = !stat(pin_path(path, s->dp.instance, "links", NULL), &links);
	int err;

	err = check_version(s, w);
	if (!err)
		err = bpffs_make_dirs(s->dp.instance, w);
	if (!err)
		err = bpffs_make_sub(s->dp.instance, "maps", w);
	if (!err)
		err = bpffs_make_sub(s->dp.instance, "progs", w);
	if (!err)
		err = pin_maps(s, lost, w);
	if (!err)
		err = pin_programs(s, lost, w);
	if (!err)
		err = pin_links(s, w);
	if (!err && !lost)
		err = xdp_all_again(s, w);
	if (err)
		return err;
	give_again(s, had_links ? &links : NULL);
	if (!lost)
		log_info("instance \"%s\": %u pins were missing, and are there again",
			 s->dp.instance, s->pins.n_missing);
	return 0;
}

int survivor_mend(const char *instance, bool may, struct why *w)
{
	struct survivor s;
	int err;

	survivor_init(&s, instance);
	err = survivor_find(&s);
	if (err > 0)
		err = may ? pin_all(&s, false, w) : tell(&s, w);
	else if (err && may_be_fresh(&s, err))
		err = 0;
	else if (err)
		err = not_told(&s, err, w);
	survivor_close(&s);
	return err;
}

/* Opened as it was found; what is closed with it is not the survivor's any more. */
static int hand_out(struct survivor *s, struct datapath **out, struct why *w)
{
	struct datapath *dp = malloc(sizeof(*dp));
	int i;

	if (!dp)
		return why_set(w, -ENOMEM, "out of memory");
	*dp = s->dp;
	dp->rw = true;
	dp->n_cpus = libbpf_num_possible_cpus();
	for (i = 0; i < MAP_COUNT; i++)
		s->dp.map[i] = -1;
	for (i = 0; i < PROG_COUNT; i++)
		s->dp.prog[i] = -1;
	*out = dp;
	return 0;
}

int survivor_open(struct datapath **out, const char *instance, struct why *w)
{
	struct survivor s;
	int err;

	*out = NULL;
	survivor_init(&s, instance);
	err = survivor_find(&s);
	if (err > 0 && s.dp.map[MAP_SETTINGS] >= 0 && !lives_here(s.dp.map[MAP_SETTINGS])) {
		err = 0; /* whoever opens it says so */
	} else if (err > 0) {
		err = pin_all(&s, true, w);
		if (!err)
			err = hand_out(&s, out, w);
	} else if (err && may_be_fresh(&s, err)) {
		err = 0;
	} else if (err) {
		err = not_told(&s, err, w);
	}
	survivor_close(&s);
	return err;
}
