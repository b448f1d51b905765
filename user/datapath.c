// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens the pinned maps of an instance and reads them. What is attached to devices: hooks.c,
 * datapath_attach.c; loading: datapath_load.c; writing settings: datapath_settings.c.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpffs.h"
#include "netlink.h"
#include "rf_heartbeat.h"
#include "survivor.h"

#define BATCH 4096

const char *const datapath_map_names[MAP_COUNT] = {
#define X(id, name) [MAP_##id] = #name,
	DATAPATH_MAPS(X)
#undef X
};
const char *const datapath_prog_names[PROG_COUNT] = {
#define X(id, name) [PROG_##id] = #name,
	DATAPATH_PROGS(X)
#undef X
};

int instance_check(const char *instance, struct why *w)
{
	size_t n = strlen(instance), i;

	/* The name becomes a directory of the bpf file system, which refuses dots. */
	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)instance[i]) && !strchr("-_", instance[i]))
			n = RF_INSTANCE_MAX;
	if (!n || n >= RF_INSTANCE_MAX)
		return why_set(w, -EINVAL,
			       "bad instance name \"%.40s\": 1 to %d letters, digits, '-' and '_'",
			       instance, RF_INSTANCE_MAX - 1);
	return 0;
}

int datapath_instances(char ***names, size_t *n)
{
	char **v = NULL, **grown;
	const struct dirent *e;
	size_t count = 0;
	DIR *d = opendir(RF_BPFFS_ROOT);
	int err = d || errno == ENOENT ? 0 : -errno;

	while (d && !err && (errno = 0, e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		grown = reallocarray(v, count + 1, sizeof(*v));
		v = grown ? grown : v;
		if (!grown || !(v[count] = strdup(e->d_name)))
			err = -ENOMEM;
		else
			count++;
	}
	if (d && !err)
		err = -errno;
	if (d)
		closedir(d);
	if (err) {
		while (count)
			free(v[--count]);
		free(v);
		return err;
	}
	*names = v;
	*n = count;
	return 0;
}

/* Which maps a reader gets: ring buffers have one consumer, scratch and frags mean nothing to anyone. */
static bool map_for_reader(int i)
{
	return i != MAP_PUNT && i != MAP_EVENTS && i != MAP_FRAGS && i != MAP_SCRATCH;
}

static int open_map(struct datapath *dp, int i, struct why *w)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = dp->rw ? 0 : BPF_F_RDONLY);
	char path[PIN_PATH_MAX];

	if (dp->map[i] >= 0 || (!dp->rw && !map_for_reader(i)))
		return 0;
	dp->map[i] = bpf_obj_get_opts(pin_path(path, dp->instance, "maps", datapath_map_names[i]),
				      &opts);
	if (dp->map[i] >= 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT; /* which may be right: see open_with() */
	return why_set(w, -errno, "cannot open %s: %s%s", path, strerror(errno),
		       errno == EACCES || errno == EPERM ? "; run as root" : "");
}

/* Of another version. What can be taken over is not to be detached: that would end the calls. */
static int check_version(const struct datapath *dp, uint32_t version, bool older, struct why *w)
{
	uint32_t from = version & ~RF_ABI_UPGRADING;

	if (version == RF_ABI_VERSION)
		return 0;
	if (from < RF_ABI_OLDEST || from >= RF_ABI_VERSION)
		return why_set(
			w, -ESTALE,
			"instance \"%s\" was attached by another version (ABI %u, this is %u); detach it with that version, then attach again",
			dp->instance, from, RF_ABI_VERSION);
	if (older)
		return 0;
	if (version & RF_ABI_UPGRADING)
		return why_set(
			w, -ESTALE,
			"the upgrade of instance \"%s\" from an older version (ABI %u, this is %u) was interrupted, calls go on; to finish it: ringfence attach dev DEV replace",
			dp->instance, from, RF_ABI_VERSION);
	return why_set(
		w, -ESTALE,
		"instance \"%s\" is of an older version (ABI %u, this is %u); to take it over with its calls, stop its controller, then: ringfence attach dev DEV replace",
		dp->instance, from, RF_ABI_VERSION);
}

/* *begun: is set when its attach had only begun. */
static int open_check(struct datapath *dp, bool older, bool *begun, struct why *w)
{
	struct rf_settings s;
	int err;

	err = datapath_settings(dp, &s);
	if (err)
		return why_set(w, err, "cannot read the settings of instance \"%s\": %s",
			       dp->instance, strerror(-err));
	if (!s.abi_version) { /* an attach was killed before it had written them */
		*begun = true;
		return why_set(
			w, -ENOENT,
			"an attach of instance \"%s\" was interrupted, nothing is guarded; again: ringfence attach dev DEV",
			dp->instance);
	}
	err = check_version(dp, s.abi_version, older, w);
	if (err)
		return err;
	dp->abi = s.abi_version & ~RF_ABI_UPGRADING;
	if (s.netns_inode && s.netns_inode != netns_inode())
		return why_set(
			w, -EXDEV,
			"instance \"%s\" lives in another network namespace (inode %llu); enter it: nsenter --net=..., or choose another --instance",
			dp->instance, (unsigned long long)s.netns_inode);
	return 0;
}

int datapath_reopen_progs(struct datapath *dp)
{
	int fds[PROG_COUNT], n, i, err = 0;
	char path[PIN_PATH_MAX];

	for (n = 0; n < PROG_COUNT && !err; n++) {
		fds[n] = bpf_obj_get(pin_path(path, dp->instance, "progs", datapath_prog_names[n]));
		if (fds[n] < 0)
			err = -errno;
	}
	for (i = 0; i < n - (err != 0); i++) { /* all or none */
		if (!err && dp->prog[i] >= 0)
			close(dp->prog[i]);
		if (err)
			close(fds[i]);
		else
			dp->prog[i] = fds[i];
	}
	return err;
}

static int open_with(struct datapath **out, const char *instance, bool rw, bool older,
		     const struct config *fresh, struct why *w)
{
	struct datapath *dp;
	bool begun = false;
	int i, err;

	datapath_quiet();
	err = instance_check(instance, w);
	if (!err)
		err = bpffs_ready(false, w);
	if (err == -ENODEV && survivor_lives(instance))
		return survivor_why(instance, w);
	if (err)
		return err;
	dp = calloc(1, sizeof(*dp));
	if (!dp)
		return why_set(w, -ENOMEM, "out of memory");
	snprintf(dp->instance, sizeof(dp->instance), "%s", instance);
	dp->rw = rw;
	dp->abi = RF_ABI_VERSION;
	dp->n_cpus = libbpf_num_possible_cpus();
	for (i = 0; i < MAP_COUNT; i++)
		dp->map[i] = -1;
	for (i = 0; i < PROG_COUNT; i++)
		dp->prog[i] = -1;
	/* First, as an instance of another version may lack maps without being an unfinished one. */
	err = open_map(dp, MAP_SETTINGS, w);
	if (!err && !fresh)
		err = open_check(dp, older, &begun, w);
	for (i = 0; i < MAP_COUNT && !err; i++) {
		err = open_map(dp, i, w);
		if (err == -ENOENT && datapath_map_is_new(i, dp->abi))
			err = 0;
	}
	if (!err && fresh)
		err = datapath_new_instance(dp->map[MAP_INSTANCE], instance, 0);
	if (!err && fresh)
		err = datapath_apply_settings(dp, fresh);
	if (!err && rw) {
		err = datapath_reopen_progs(dp);
		if (err && err != -ENOENT)
			why_set(w, err, "cannot open the programs of instance \"%s\": %s", instance,
				strerror(-err));
	}
	/* A pin that is missing is no detach. */
	if (err == -ENOENT && !begun)
		err = survivor_why(instance, w);
	if (err) {
		datapath_close(dp);
		return err;
	}
	*out = dp;
	return 0;
}

int datapath_open(struct datapath **out, const char *instance, bool rw, struct why *w)
{
	return open_with(out, instance, rw, false, NULL, w);
}

int datapath_open_older(struct datapath **out, const char *instance, struct why *w)
{
	return open_with(out, instance, true, true, NULL, w);
}

int datapath_open_fresh(struct datapath **out, const char *instance, const struct config *c,
			struct why *w)
{
	return open_with(out, instance, true, false, c, w);
}

void datapath_close(struct datapath *dp)
{
	int i;

	if (!dp)
		return;
	for (i = 0; i < MAP_COUNT; i++)
		if (dp->map[i] >= 0)
			close(dp->map[i]);
	for (i = 0; i < PROG_COUNT; i++)
		if (dp->prog[i] >= 0)
			close(dp->prog[i]);
	free(dp);
}

/* By batches. A hash that changes meanwhile may show an entry twice or not at all, never a torn one. */
int datapath_read_all(int fd, size_t key, size_t value, size_t record, size_t value_at, void **out,
		      size_t *n)
{
	char *keys = calloc(BATCH, key), *values = calloc(BATCH, value), *v = NULL, *grown;
	uint64_t token[8]; /* at least a key long */
	size_t count = 0, cap = 0, i;
	bool first = true;
	__u32 got;
	int err = 0;

	if (!keys || !values)
		err = -ENOMEM;
	while (!err) {
		got = BATCH;
		err = bpf_map_lookup_batch(fd, first ? NULL : token, token, keys, values, &got,
					   NULL);
		if (err && err != -ENOENT)
			break;
		first = false;
		if (count + got > cap) {
			cap = (count + got) * 2;
			grown = reallocarray(v, cap, record);
			if (!grown) {
				err = -ENOMEM;
				break;
			}
			v = grown;
		}
		for (i = 0; i < got; i++) {
			memset(v + (count + i) * record, 0, record);
			memcpy(v + (count + i) * record, keys + i * key, key);
			memcpy(v + (count + i) * record + value_at, values + i * value, value);
		}
		count += got;
	}
	free(keys);
	free(values);
	if (err != -ENOENT) {
		free(v);
		return err;
	}
	*out = v;
	*n = count;
	return 0;
}

/* The same one by one, for map types without batches on older kernels (LPM trie). */
static int read_keys(int fd, size_t key, size_t record, size_t value_at, void **out, size_t *n)
{
	char *v = NULL, *grown, *prev = NULL;
	char a[64], b[64], *next = a;
	size_t count = 0;
	int err;

	while (!(err = bpf_map_get_next_key(fd, prev, next))) {
		grown = reallocarray(v, count + 1, record);
		if (!grown) {
			free(v);
			return -ENOMEM;
		}
		v = grown;
		memset(v + count * record, 0, record);
		memcpy(v + count * record, next, key);
		if (!bpf_map_lookup_elem(fd, next, v + count * record + value_at)) {
			count++;
		} else if (errno != ENOENT) { /* else it has just been removed */
			err = -errno;
			free(v);
			return err;
		}
		prev = next;
		next = prev == a ? b : a;
	}
	if (err != -ENOENT) {
		free(v);
		return err;
	}
	*out = v;
	*n = count;
	return 0;
}

int datapath_devices(const struct datapath *dp, struct datapath_device **out, size_t *n)
{
	struct datapath_device *v;
	struct nl_link *links;
	size_t count, n_links, i, j;
	void *raw;
	int err;

	err = netlink_links(&links, &n_links);
	if (err)
		return err;
	err = read_keys(dp->map[MAP_DEVICES], sizeof(__u32), sizeof(*v),
			offsetof(struct datapath_device, dev), &raw, &count);
	if (err) {
		free(links);
		return err;
	}
	v = raw;
	for (i = 0; i < count; i++)
		for (j = 0; j < n_links; j++)
			if (links[j].ifindex == v[i].ifindex &&
			    !strcmp(links[j].name, v[i].dev.name)) {
				v[i].present = true;
				v[i].up = links[j].up;
			}
	free(links);
	*out = v;
	*n = count;
	return 0;
}

static int pinhole_cmp(const void *a, const void *b)
{
	const struct datapath_pinhole *x = a, *y = b;

	if (x->pinhole.id != y->pinhole.id)
		return x->pinhole.id < y->pinhole.id ? -1 : 1;
	return (int)x->key.dir - (int)y->key.dir;
}

static int lookup_if_there(int fd, const void *key, void *value, bool *there)
{
	*there = !bpf_map_lookup_elem(fd, key, value);
	return *there || errno == ENOENT ? 0 : -errno;
}

/* What other maps hold about one pinhole. What has just been removed from them reads as zero. */
static int read_rest(const struct datapath *dp, struct datapath_pinhole *v)
{
	struct rf_more_key key = { .id = v->pinhole.id, .dir = v->key.dir };
	struct rf_more_remotes more = { 0 };
	const __u32 *slot = &v->pinhole.slot;
	bool there;
	int err = 0;

	v->remotes[0] = v->pinhole.remote;
	if (v->pinhole.n_remotes > 1)
		err = lookup_if_there(dp->map[MAP_MORE_REMOTES], &key, &more, &there);
	memcpy(&v->remotes[1], more.remotes, sizeof(more.remotes));
	if (*slot && !err)
		err = lookup_if_there(dp->map[MAP_PINHOLE_STATE], slot, &v->state, &v->has_state);
	if (*slot && !err)
		err = lookup_if_there(dp->map[MAP_PINHOLE_COLD], slot, &v->cold, &there);
	if (v->pinhole.flags & RF_PH_LEARN && !err)
		err = lookup_if_there(dp->map[MAP_LEARNT], &v->pinhole.id, &v->learnt, &there);
	return err;
}

int datapath_pinholes(const struct datapath *dp, struct datapath_pinhole **out, size_t *n)
{
	struct datapath_pinhole *v;
	size_t count, i;
	void *raw;
	int err;

	err = datapath_read_all(dp->map[MAP_PINHOLES], sizeof(struct rf_pinhole_key),
				sizeof(struct rf_pinhole), sizeof(*v),
				offsetof(struct datapath_pinhole, pinhole), &raw, &count);
	if (err)
		return err;
	v = raw;
	for (i = 0; i < count && !err; i++)
		err = read_rest(dp, &v[i]);
	if (err) {
		free(v);
		return err;
	}
	if (count)
		qsort(v, count, sizeof(*v), pinhole_cmp);
	*out = v;
	*n = count;
	return 0;
}

int datapath_guards(const struct datapath *dp, struct datapath_guard **out, size_t *n)
{
	void *raw;
	int err = read_keys(dp->map[MAP_GUARDS], sizeof(struct rf_addr),
			    sizeof(struct datapath_guard), offsetof(struct datapath_guard, guard),
			    &raw, n);

	if (!err)
		*out = raw;
	return err;
}

int datapath_insides(const struct datapath *dp, struct datapath_inside **out, size_t *n)
{
	struct {
		struct rf_prefix_key key;
		struct rf_inside inside;
	} * v;
	struct datapath_inside *list;
	size_t count, i;
	void *raw;
	int err;

	err = read_keys(dp->map[MAP_INSIDE], sizeof(struct rf_prefix_key), sizeof(*v),
			sizeof(struct rf_prefix_key), &raw, &count);
	if (err)
		return err;
	v = raw;
	list = calloc(count ? count : 1, sizeof(*list));
	if (!list) {
		free(v);
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		list[i].prefix =
			(struct prefix){ .addr = v[i].key.addr, .len = v[i].key.prefix_len };
		list[i].inside = v[i].inside;
	}
	free(v);
	*out = list;
	*n = count;
	return 0;
}

int datapath_reasons(const struct datapath *dp, struct rf_counter out[RF_R_MAX])
{
	struct rf_counter *cpus = calloc(dp->n_cpus, sizeof(*cpus)), sum[RF_R_MAX] = { 0 };
	__u32 i;
	int c, err = 0;

	if (!cpus)
		return -ENOMEM;
	for (i = 0; i < RF_R_MAX && !err; i++) {
		if (bpf_map_lookup_elem(dp->map[MAP_REASONS], &i, cpus)) {
			/* the map of an older attach has fewer reasons */
			err = errno == ENOENT ? 0 : -errno;
			continue;
		}
		for (c = 0; c < dp->n_cpus; c++) {
			sum[i].packets += cpus[c].packets;
			sum[i].bytes += cpus[c].bytes;
		}
	}
	free(cpus);
	if (!err)
		memcpy(out, sum, sizeof(sum));
	return err;
}

static int read_single(int fd, void *out, size_t n)
{
	char buf[256];
	__u32 zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, buf))
		return -errno;
	memcpy(out, buf, n);
	return 0;
}

int datapath_settings(const struct datapath *dp, struct rf_settings *out)
{
	return read_single(dp->map[MAP_SETTINGS], out, sizeof(*out));
}

int datapath_control(const struct datapath *dp, struct rf_control *out)
{
	return read_single(dp->map[MAP_CONTROL], out, sizeof(*out));
}

int datapath_instance(const struct datapath *dp, struct rf_instance *out)
{
	return read_single(dp->map[MAP_INSTANCE], out, sizeof(*out));
}

int datapath_controller(const struct datapath *dp, uint64_t now_ns, struct controller_info *out)
{
	struct controller_info info = { .state = CONTROLLER_NEVER };
	struct rf_settings s = { 0 };
	struct rf_control c = { 0 };
	int err;

	err = datapath_settings(dp, &s);
	if (!err)
		err = datapath_control(dp, &c);
	if (err)
		return err;
	info.pid = c.pid;
	info.pid_exists = c.pid && (!kill(c.pid, 0) || errno == EPERM);
	if (c.heartbeat_ns) {
		info.age_ns = now_ns > c.heartbeat_ns ? now_ns - c.heartbeat_ns : 0;
		info.state = rf_heartbeat_alive(c.heartbeat_ns, now_ns, s.heartbeat_limit_ns)
				     ? CONTROLLER_ALIVE
				     : CONTROLLER_AWAY;
	}
	*out = info;
	return 0;
}
