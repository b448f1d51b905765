// SPDX-License-Identifier: GPL-2.0-only
/*
 * Media ports that are left to others (`wan[].except`): one entry for each WAN device that leaves some, and one, of
 * ifindex 0, for all of them. Entries of devices that are gone would fill the map.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath_priv.h"

static int delete_entry(const struct datapath *dp, uint32_t ifindex)
{
	return bpf_map_delete_elem(dp->map[MAP_EXCEPTS], &ifindex) && errno != ENOENT ? -errno : 0;
}

int datapath_put_excepts(const struct datapath *dp, uint32_t ifindex, const struct config_wan *wans,
			 size_t n)
{
	struct rf_excepts x = { 0 };
	bool any = false;
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < wans[i].n_excepts; k++)
			for (uint32_t p = wans[i].excepts[k].lo; p && p <= wans[i].excepts[k].hi;
			     p++) {
				x.ports[p / 64] |= 1ULL << p % 64;
				any = true;
			}
	if (!any)
		return delete_entry(dp, ifindex);
	return bpf_map_update_elem(dp->map[MAP_EXCEPTS], &ifindex, &x, BPF_ANY) ? -errno : 0;
}

/* The keys; *n: how many. 0 or -errno. */
static int read_keys(const struct datapath *dp, uint32_t keys[RF_EXCEPTS_MAX], size_t *n)
{
	uint32_t *prev = NULL;

	for (*n = 0; *n < RF_EXCEPTS_MAX; prev = &keys[(*n)++])
		if (bpf_map_get_next_key(dp->map[MAP_EXCEPTS], prev, &keys[*n]))
			return errno == ENOENT ? 0 : -errno;
	return 0;
}

static bool is_kept(const uint32_t *keep, size_t n, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (keep[i] == ifindex)
			return true;
	return !ifindex;
}

int datapath_prune_excepts(const struct datapath *dp, const uint32_t *keep, size_t n)
{
	uint32_t keys[RF_EXCEPTS_MAX];
	size_t n_keys, i;
	int err, more;

	err = read_keys(dp, keys, &n_keys);
	for (i = 0; i < n_keys; i++)
		if (!is_kept(keep, n, keys[i])) {
			more = delete_entry(dp, keys[i]);
			err = err ? err : more;
		}
	return err;
}

int datapath_put_except_policy(const struct datapath *dp, const struct config *c)
{
	struct rf_settings s;
	bool any = false;
	__u32 zero = 0;
	int i, err;

	for (i = 0; i < c->n_wans; i++)
		any = any || c->wans[i].n_excepts;
	err = datapath_settings(dp, &s);
	if (err || any == !!(s.policy & RF_POLICY_EXCEPTS))
		return err;
	s.policy ^= RF_POLICY_EXCEPTS;
	return bpf_map_update_elem(dp->map[MAP_SETTINGS], &zero, &s, BPF_EXIST) ? -errno : 0;
}

/* ---- what was ---- */

int datapath_excepts_read(const struct datapath *dp, struct datapath_except **out, size_t *n)
{
	uint32_t keys[RF_EXCEPTS_MAX];
	struct datapath_except *v;
	size_t n_keys, i;
	int err;

	err = read_keys(dp, keys, &n_keys);
	if (err)
		return err;
	v = calloc(n_keys ? n_keys : 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (i = 0; i < n_keys && !err; i++) {
		v[i].ifindex = keys[i];
		if (bpf_map_lookup_elem(dp->map[MAP_EXCEPTS], &keys[i], &v[i].ports))
			err = -errno;
	}
	if (err) {
		free(v);
		return err;
	}
	*out = v;
	*n = n_keys;
	return 0;
}

int datapath_excepts_restore(const struct datapath *dp, const struct datapath_except *v, size_t n)
{
	uint32_t keep[RF_EXCEPTS_MAX] = { 0 };
	bool any = false; /* of ifindex 0 */
	size_t i;
	int err, more;

	for (i = 0; i < n && i < RF_EXCEPTS_MAX; i++) {
		keep[i] = v[i].ifindex;
		any = any || !v[i].ifindex;
	}
	/* First, so that there is room. */
	err = datapath_prune_excepts(dp, keep, i);
	if (!any) {
		more = delete_entry(dp, 0);
		err = err ? err : more;
	}
	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(dp->map[MAP_EXCEPTS], &v[i].ifindex, &v[i].ports, BPF_ANY))
			err = err ? err : -errno;
	return err;
}
