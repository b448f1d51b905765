// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes over a running instance of an older ABI: what has another layout is copied into fresh maps, what it
 * lacks is made, then the programs are exchanged hook by hook. Old and new ones decide alike meanwhile, as
 * nothing but the controller writes pinholes and none may run.
 *
 * A kill at any moment leaves media flowing and the same command able to finish: the last of the pinned maps
 * to be exchanged says by its layout whether all are; until then everything is done anew.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi5.h"
#include "bpffs.h"
#include "call_ends.h"
#include "rf_heartbeat.h"
#include "run_dir.h"

#define BATCH	  4096
#define WAIT_NS	  (10ULL * 1000000000) /* for a heartbeat to stop; its limit is far below */
#define WAIT_STEP 100000 /* us */

/* What versions have changed, in the order in which the pins are exchanged. The last one of those that an old
 * instance lacks tells whether all are there: for ABI 5 pinholes, for ABI 6 the instance's id. */
static const struct map_change {
	enum datapath_map map;
	uint32_t version; /* the first one with this layout */
	bool added; /* there was none before */
} changes[] = {
	{ MAP_FLOWS, 7, true },	       { MAP_FLOW_PORTS, 7, true },  { MAP_CALL_ENDS, 7, true },
	{ MAP_EXCEPTS, 7, true },      { MAP_SIP_EXCEPTS, 7, true }, { MAP_INSTANCE, 7, true },
	{ MAP_PINHOLE_COLD, 6, true }, { MAP_REASONS, 6, false },    { MAP_PINHOLES, 6, false },
};
#define N_CHANGES (sizeof(changes) / sizeof(*changes))

static bool is_changed(const struct datapath *dp, size_t i)
{
	return dp->abi < changes[i].version;
}

bool datapath_map_is_new(enum datapath_map map, uint32_t abi)
{
	size_t i;

	for (i = 0; i < N_CHANGES; i++)
		if (changes[i].map == map && changes[i].added && abi < changes[i].version)
			return true;
	return false;
}

/* ---- no controller meanwhile ---- */

static int controller_runs(uint32_t pid, struct why *w)
{
	char who[32] = "";

	if (pid)
		snprintf(who, sizeof(who), " (pid %u)", pid);
	return why_set(
		w, -EBUSY,
		"the controller of the older version%s still runs: stop it first, calls go on meanwhile; then again",
		who);
}

/* The lock of the run directory, which every controller holds: none can start until it is closed. */
static int lock_out(const struct datapath *dp, uint32_t pid, int *lock, struct why *w)
{
	int err = run_dir_lock(dp->instance, lock, w);

	return err == -EBUSY ? controller_runs(pid, w) : err;
}

/* It may have another /run. One that was killed has left a heartbeat that is fresh for some seconds. */
static int wait_for_silence(const struct datapath *dp, struct why *w)
{
	uint64_t from = clock_now_ns(), now = from;
	struct rf_control first, c;
	struct rf_settings s;
	int err;

	err = datapath_settings(dp, &s);
	if (!err)
		err = datapath_control(dp, &first);
	c = first;
	while (!err && now - from < WAIT_NS) {
		if (c.heartbeat_ns != first.heartbeat_ns)
			return controller_runs(c.pid, w);
		if (!rf_heartbeat_alive(c.heartbeat_ns, now, s.heartbeat_limit_ns))
			return 0;
		usleep(WAIT_STEP);
		now = clock_now_ns();
		err = datapath_control(dp, &c);
	}
	if (!err)
		return controller_runs(c.pid, w);
	return why_set(w, err, "cannot read whether a controller runs: %s", strerror(-err));
}

static int exclude_controller(const struct datapath *dp, int *lock, struct why *w)
{
	struct rf_control c;
	int err;

	err = datapath_control(dp, &c);
	if (err)
		return why_set(w, err, "cannot read whether a controller runs: %s", strerror(-err));
	err = lock_out(dp, c.pid, lock, w);
	if (!err)
		err = wait_for_silence(dp, w);
	return err;
}

/* ---- copy ---- */

static int map_info(const struct datapath *dp, enum datapath_map i, struct bpf_map_info *info,
		    struct why *w)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (!bpf_obj_get_info_by_fd(dp->map[i], info, &len))
		return 0;
	return why_set(w, -errno, "cannot read the layout of map \"%s\": %s", datapath_map_names[i],
		       strerror(errno));
}

static int check_added(const struct datapath *dp, struct why *w)
{
	size_t i;

	for (i = 0; i < N_CHANGES; i++)
		if (is_changed(dp, i) && dp->map[changes[i].map] < 0)
			return why_set(
				w, -EBADMSG,
				"map \"%s\" of instance \"%s\" is missing; detach it, then attach again",
				datapath_map_names[changes[i].map], dp->instance);
	return 0;
}

/* Have the pins of all changed maps been exchanged? */
static int is_converted(const struct datapath *dp, bool *converted, struct why *w)
{
	struct bpf_map_info info;
	int err;

	if (dp->abi >= 6) {
		*converted = dp->map[MAP_INSTANCE] >= 0;
		return *converted ? check_added(dp, w) : 0;
	}
	err = map_info(dp, MAP_PINHOLES, &info, w);
	if (err)
		return err;
	if (info.value_size != sizeof(struct rf_pinhole) &&
	    info.value_size != sizeof(struct abi5_pinhole))
		return why_set(
			w, -EBADMSG,
			"the pinholes of instance \"%s\" have a layout that is not of ABI %u (%u bytes); detach it, then attach again",
			dp->instance, dp->abi, info.value_size);
	*converted = info.value_size == sizeof(struct rf_pinhole);
	return *converted ? check_added(dp, w) : 0;
}

static int write_all(int fd, enum datapath_map i, const void *keys, size_t key, const void *values,
		     size_t value, size_t n, struct why *w)
{
	const char *k = keys, *v = values;
	size_t done;
	__u32 some;

	for (done = 0; done < n; done += some) {
		some = n - done < BATCH ? n - done : BATCH;
		if (bpf_map_update_batch(fd, k + done * key, v + done * value, &some, NULL))
			return why_set(w, -errno, "cannot copy entries of map \"%s\": %s",
				       datapath_map_names[i], strerror(errno));
	}
	return 0;
}

/* All of them, or none. */
static int read_pinholes(const struct datapath *dp, uint32_t n_slots, struct abi5_result *out,
			 struct why *w)
{
	void *entries = NULL;
	size_t n = 0;
	int err;

	err = datapath_read_all(dp->map[MAP_PINHOLES], sizeof(struct rf_pinhole_key),
				sizeof(struct abi5_pinhole), sizeof(struct abi5_entry),
				offsetof(struct abi5_entry, pinhole), &entries, &n);
	if (err)
		return why_set(w, err, "cannot read the pinholes of instance \"%s\": %s",
			       dp->instance, strerror(-err));
	err = abi5_convert(entries, n, n_slots, out, w);
	free(entries);
	return err;
}

static int write_pinholes(const int fresh[MAP_COUNT], const struct abi5_result *r, struct why *w)
{
	int err;

	err = write_all(fresh[MAP_PINHOLE_COLD], MAP_PINHOLE_COLD, r->slots, sizeof(*r->slots),
			r->cold, sizeof(*r->cold), r->n_cold, w);
	if (!err)
		err = write_all(fresh[MAP_PINHOLES], MAP_PINHOLES, r->keys, sizeof(*r->keys),
				r->pinholes, sizeof(*r->pinholes), r->n, w);
	return err;
}

/* Each CPU's own. What is counted from here on until the programs are exchanged (milliseconds) is not seen. */
static int copy_reasons(const struct datapath *dp, const int fresh[MAP_COUNT], struct why *w)
{
	size_t value = dp->n_cpus * sizeof(struct rf_counter), n = 0, i;
	size_t record = sizeof(uint64_t) + value; /* key and padding, so that values are aligned */
	void *entries = NULL;
	__u32 *keys;
	char *values;
	int err;

	err = datapath_read_all(dp->map[MAP_REASONS], sizeof(__u32), value, record,
				sizeof(uint64_t), &entries, &n);
	if (err)
		return why_set(w, err, "cannot read the counters of instance \"%s\": %s",
			       dp->instance, strerror(-err));
	keys = calloc(n ? n : 1, sizeof(*keys));
	values = calloc(n ? n : 1, value);
	if (!keys || !values)
		err = why_set(w, -ENOMEM, "out of memory");
	for (i = 0; i < n && !err; i++) {
		memcpy(&keys[i], (char *)entries + i * record, sizeof(*keys));
		memcpy(values + i * value, (char *)entries + i * record + sizeof(uint64_t), value);
	}
	if (!err)
		err = write_all(fresh[MAP_REASONS], MAP_REASONS, keys, sizeof(*keys), values, value,
				n, w);
	free(keys);
	free(values);
	free(entries);
	return err;
}

/* ---- exchange ---- */

static int set_version(const struct datapath *dp, uint32_t version, struct why *w)
{
	struct rf_settings s;
	__u32 zero = 0;
	int err;

	err = datapath_settings(dp, &s);
	if (!err) {
		s.abi_version = version;
		if (bpf_map_update_elem(dp->map[MAP_SETTINGS], &zero, &s, BPF_EXIST))
			err = -errno;
	}
	return err ? why_set(w, err, "cannot write the settings of instance \"%s\": %s",
			     dp->instance, strerror(-err))
		   : 0;
}

/* No dot: the bpf file system refuses it in names. */
static const char *fresh_path(char *buf, const char *instance, enum datapath_map i)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_new", datapath_map_names[i]);
	return pin_path(buf, instance, "maps", name);
}

static int pin_fresh(const struct datapath *dp, const int fresh[MAP_COUNT], struct why *w)
{
	char path[PIN_PATH_MAX], to[PIN_PATH_MAX];
	size_t i;
	int err;

	for (i = 0; i < N_CHANGES; i++) {
		if (!is_changed(dp, i))
			continue;
		unlink(fresh_path(path, dp->instance, changes[i].map)); /* of one that was killed */
		err = datapath_pin_map(fresh[changes[i].map], changes[i].map, path);
		if (err)
			return why_set(w, err, "cannot pin %s: %s", path, strerror(-err));
	}
	for (i = 0; i < N_CHANGES; i++) {
		if (!is_changed(dp, i))
			continue;
		fresh_path(path, dp->instance, changes[i].map);
		pin_path(to, dp->instance, "maps", datapath_map_names[changes[i].map]);
		if (rename(path, to))
			return why_set(w, -errno, "cannot replace %s: %s", to, strerror(errno));
	}
	return 0;
}

static void unpin_fresh(const struct datapath *dp)
{
	char path[PIN_PATH_MAX];
	size_t i;

	for (i = 0; i < N_CHANGES; i++)
		unlink(fresh_path(path, dp->instance, changes[i].map));
}

/* Back to the programs that are pinned, as long as their maps are. */
static void take_back(struct datapath *dp)
{
	if (datapath_replace_hooks(dp, dp->prog, NULL))
		return; /* what is exchanged stays, with the mark: to be tried again */
	unpin_fresh(dp);
	set_version(dp, dp->abi, NULL);
}

static int exchange(struct datapath *dp, const int fresh[MAP_COUNT], const int fds[PROG_COUNT],
		    bool converted, struct why *w)
{
	int err;

	err = set_version(dp, RF_ABI_UPGRADING | dp->abi, w);
	if (err)
		return err;
	err = datapath_replace_hooks(dp, fds, w);
	if (!err && !converted)
		err = pin_fresh(dp, fresh, w);
	if (err && !converted)
		take_back(dp);
	if (!err)
		err = datapath_repin(dp->instance, fds, w);
	return err ? err : set_version(dp, RF_ABI_VERSION, w);
}

/* The maps that dp works on from now on. */
static void adopt(struct datapath *dp, int fresh[MAP_COUNT])
{
	enum datapath_map map;
	size_t i;

	for (i = 0; i < N_CHANGES; i++) {
		map = changes[i].map;
		if (fresh[map] < 0)
			continue;
		if (dp->map[map] >= 0)
			close(dp->map[map]);
		dp->map[map] = fresh[map];
		fresh[map] = -1;
	}
	dp->abi = RF_ABI_VERSION;
}

/* What ABI 5 had in another layout. */
static int convert_abi5(const struct datapath *dp, uint32_t n_slots, const int fresh[MAP_COUNT],
			struct why *w)
{
	struct abi5_result r = { 0 };
	int err;

	err = read_pinholes(dp, n_slots, &r, w);
	if (err)
		return err;
	err = write_pinholes(fresh, &r, w);
	if (!err)
		err = copy_reasons(dp, fresh, w);
	abi5_result_free(&r);
	return err;
}

/* Such an instance gets its id now. */
static int name_instance(const struct datapath *dp, const int fresh[MAP_COUNT], struct why *w)
{
	int err = datapath_new_instance(fresh[MAP_INSTANCE], dp->instance, RF_INSTANCE_TAKEN_OVER);

	return err ? why_set(w, err, "cannot give the instance an id: %s", strerror(-err)) : 0;
}

/* New programs onto fresh maps with the same content. */
static int load_fresh(const struct datapath *dp, int fresh[MAP_COUNT], int fds[PROG_COUNT],
		      struct why *w)
{
	struct bpf_map_info pinholes, state;
	uint32_t room[MAP_COUNT] = { 0 };
	struct datapath next = *dp;
	size_t i;
	int err;

	err = map_info(dp, MAP_PINHOLES, &pinholes, w);
	if (!err)
		err = map_info(dp, MAP_PINHOLE_STATE, &state, w);
	if (err)
		return err;
	for (i = 0; i < N_CHANGES; i++)
		if (is_changed(dp, i))
			next.map[changes[i].map] = -1;
	room[MAP_PINHOLES] = pinholes.max_entries;
	room[MAP_PINHOLE_COLD] = state.max_entries;
	room[MAP_CALL_ENDS] = call_ends_room(state.max_entries);
	err = datapath_load_onto(&next, room, fresh, fds, w);
	if (!err && dp->abi < 6)
		err = convert_abi5(dp, state.max_entries, fresh, w);
	return err ? err : name_instance(dp, fresh, w);
}

int datapath_upgrade(struct datapath *dp, struct why *w)
{
	int fresh[MAP_COUNT], fds[PROG_COUNT], lock = -1, i, err;
	bool converted = false;

	for (i = 0; i < MAP_COUNT; i++)
		fresh[i] = -1;
	for (i = 0; i < PROG_COUNT; i++)
		fds[i] = -1;
	err = exclude_controller(dp, &lock, w);
	if (!err)
		err = is_converted(dp, &converted, w);
	if (!err)
		err = converted ? datapath_load_onto(dp, NULL, NULL, fds, w)
				: load_fresh(dp, fresh, fds, w);
	if (!err)
		err = exchange(dp, fresh, fds, converted, w);
	if (!err)
		adopt(dp, fresh);
	for (i = 0; i < MAP_COUNT; i++)
		if (fresh[i] >= 0)
			close(fresh[i]);
	for (i = 0; i < PROG_COUNT; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (lock >= 0)
		close(lock);
	return err;
}
