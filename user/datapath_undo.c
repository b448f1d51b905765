// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the maps that a configuration or an attach writes held before something is changed, and the way back to it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath_priv.h"
#include "guards.h"

/* Maps that an instance of an older version lacks. */
static int read_newer(const struct datapath *dp, struct datapath_undo *u)
{
	struct rf_instance own;
	int err = 0;

	if (dp->map[MAP_EXCEPTS] >= 0)
		err = datapath_excepts_read(dp, &u->excepts, &u->n_excepts);
	if (!err && dp->map[MAP_SIP_EXCEPTS] >= 0)
		err = datapath_sip_excepts_read(dp, &u->sip_excepts, &u->n_sip_excepts);
	if (err || dp->map[MAP_INSTANCE] < 0)
		return err;
	err = datapath_instance(dp, &own);
	if (err)
		return err;
	u->has_instance = true;
	u->conntrack = own.flags & RF_INSTANCE_CONNTRACK;
	return 0;
}

int datapath_undo_read(const struct datapath *dp, struct datapath_undo *u)
{
	int err;

	memset(u, 0, sizeof(*u));
	err = datapath_settings(dp, &u->settings);
	if (!err)
		err = datapath_insides(dp, &u->insides, &u->n_insides);
	if (!err)
		err = datapath_guards(dp, &u->guards, &u->n_guards);
	if (!err)
		err = read_newer(dp, u);
	if (err)
		datapath_undo_free(u);
	return err;
}

void datapath_undo_free(struct datapath_undo *u)
{
	free(u->insides);
	free(u->guards);
	free(u->excepts);
	free(u->sip_excepts);
	memset(u, 0, sizeof(*u));
}

static bool had_inside(const struct datapath_undo *u, const struct prefix *p)
{
	size_t i;

	for (i = 0; i < u->n_insides; i++)
		if (u->insides[i].prefix.len == p->len &&
		    addr_eq(&u->insides[i].prefix.addr, &p->addr))
			return true;
	return false;
}

static int undo_insides(const struct datapath *dp, const struct datapath_undo *u)
{
	struct datapath_inside *now;
	struct rf_prefix_key key;
	size_t n, i;
	int err;

	err = datapath_insides(dp, &now, &n);
	if (err)
		return err;
	for (i = 0; i < u->n_insides && !err; i++) {
		key = (struct rf_prefix_key){ u->insides[i].prefix.len, u->insides[i].prefix.addr };
		if (bpf_map_update_elem(dp->map[MAP_INSIDE], &key, &u->insides[i].inside, BPF_ANY))
			err = -errno;
	}
	for (i = 0; i < n && !err; i++) {
		key = (struct rf_prefix_key){ now[i].prefix.len, now[i].prefix.addr };
		if (!had_inside(u, &now[i].prefix) &&
		    bpf_map_delete_elem(dp->map[MAP_INSIDE], &key) && errno != ENOENT)
			err = -errno;
	}
	free(now);
	return err;
}

static bool had_guard(const struct datapath_undo *u, const struct rf_addr *a)
{
	size_t i;

	for (i = 0; i < u->n_guards; i++)
		if (addr_eq(&u->guards[i].addr, a))
			return true;
	return false;
}

static int undo_guards(const struct datapath *dp, const struct datapath_undo *u)
{
	struct datapath_guard *now;
	size_t n, i;
	int err;

	err = datapath_guards(dp, &now, &n);
	if (err)
		return err;
	for (i = 0; i < u->n_guards && !err; i++)
		if (bpf_map_update_elem(dp->map[MAP_GUARDS], &u->guards[i].addr,
					&u->guards[i].guard, BPF_ANY))
			err = -errno;
	for (i = 0; i < n && !err; i++)
		if (!had_guard(u, &now[i].addr))
			err = guards_delete(dp, &now[i].addr);
	free(now);
	return err;
}

static int undo_newer(const struct datapath *dp, const struct datapath_undo *u)
{
	int err = 0, more = 0;

	if (u->excepts)
		err = datapath_excepts_restore(dp, u->excepts, u->n_excepts);
	if (u->sip_excepts)
		more = datapath_sip_excepts_put(dp, u->sip_excepts, u->n_sip_excepts);
	err = err ? err : more;
	more = u->has_instance ? datapath_put_conntrack(dp, u->conntrack) : 0;
	return err ? err : more;
}

int datapath_undo(const struct datapath *dp, const struct datapath_undo *u)
{
	__u32 zero = 0;
	int err, more;

	err = bpf_map_update_elem(dp->map[MAP_SETTINGS], &zero, &u->settings, BPF_ANY) ? -errno : 0;
	more = undo_insides(dp, u);
	err = err ? err : more;
	more = undo_newer(dp, u); /* what is left to others before what guards */
	err = err ? err : more;
	more = undo_guards(dp, u);
	return err ? err : more;
}

int datapath_apply(const struct datapath *dp, const struct config *c, const struct prefix *extra,
		   size_t n_extra)
{
	struct datapath_undo before;
	int err, undone;

	err = datapath_undo_read(dp, &before);
	if (err)
		return err;
	err = datapath_apply_settings(dp, c);
	if (!err)
		err = datapath_apply_inside(dp, c, extra, n_extra);
	undone = err ? datapath_undo(dp, &before) : 0;
	if (undone)
		log_error(
			"nor can settings, inside prefixes and exceptions all be brought back as they were: %s; do it again",
			strerror(-undone));
	datapath_undo_free(&before);
	return err;
}
