// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace writes for the kernel programs apart from pinholes and devices: settings, inside
 * prefixes, and the counters of reasons that only userspace decides.
 */
#include "datapath_priv.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "conntrack.h"
#include "rf_bystander.h"

#define HEARTBEAT_LIMIT_NS (3ULL * 1000000000)

static __u32 policy_of(const struct config *c)
{
	__u32 policy = c->away_pass ? RF_POLICY_AWAY_PASS : 0;
	int i;

	if (c->inside_direct)
		policy |= RF_POLICY_INSIDE_DIRECT;
	if (c->n_sip_excepts)
		policy |= RF_POLICY_SIP_EXCEPTS;
	for (i = 0; i < c->n_wans; i++)
		if (c->wans[i].n_excepts)
			policy |= RF_POLICY_EXCEPTS;
	return policy;
}

static bool has_sip_except(const struct rf_ep *v, size_t n, const struct rf_ep *ep)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (ep_eq(&v[i], ep))
			return true;
	return false;
}

int datapath_sip_excepts_read(const struct datapath *dp, struct rf_ep **out, size_t *n)
{
	struct {
		struct rf_ep ep;
		struct rf_sip_except value;
	} * old;
	struct rf_ep *v;
	size_t n_old, k;
	void *raw;
	int err;

	err = datapath_read_all(dp->map[MAP_SIP_EXCEPTS], sizeof(old->ep), sizeof(old->value),
				sizeof(*old), sizeof(old->ep), &raw, &n_old);
	if (err)
		return err;
	old = raw;
	v = calloc(n_old ? n_old : 1, sizeof(*v));
	for (k = 0; v && k < n_old; k++)
		v[k] = old[k].ep;
	free(raw);
	if (!v)
		return -ENOMEM;
	*out = v;
	*n = n_old;
	return 0;
}

int datapath_sip_excepts_put(const struct datapath *dp, const struct rf_ep *v, size_t n)
{
	struct rf_sip_except value = { 0 };
	struct rf_ep *old;
	size_t n_old, k;
	int err;

	for (k = 0; k < n; k++)
		if (bpf_map_update_elem(dp->map[MAP_SIP_EXCEPTS], &v[k], &value, BPF_ANY))
			return -errno;
	err = datapath_sip_excepts_read(dp, &old, &n_old);
	if (err)
		return err;
	for (k = 0; k < n_old; k++)
		if (!has_sip_except(v, n, &old[k]) &&
		    bpf_map_delete_elem(dp->map[MAP_SIP_EXCEPTS], &old[k]) && errno != ENOENT)
			err = -errno;
	free(old);
	return err;
}

int datapath_apply_settings(const struct datapath *dp, const struct config *c)
{
	struct rf_settings s = {
		.abi_version = RF_ABI_VERSION,
		.policy = policy_of(c),
		.netns_inode = netns_inode(),
		.heartbeat_limit_ns = HEARTBEAT_LIMIT_NS,
		.n_sip_ports = c->n_sip_ports,
		.call_end_s = rf_call_end_s(conntrack_udp_s()),
	};
	__u32 zero = 0;
	int i, err;

	if (!s.netns_inode)
		return -EIO; /* /proc/self/ns/net cannot be read */
	for (i = 0; i < c->n_sip_ports && i < RF_SIP_PORTS_MAX; i++)
		s.sip_ports[i] = htons(c->sip_ports[i]);
	err = datapath_sip_excepts_put(dp, c->sip_excepts, c->n_sip_excepts);
	if (err)
		return err;
	return bpf_map_update_elem(dp->map[MAP_SETTINGS], &zero, &s, BPF_ANY) ? -errno : 0;
}

int datapath_follow_conntrack(const struct datapath *dp)
{
	__u32 zero = 0, now = rf_call_end_s(conntrack_udp_s());
	struct rf_settings s;

	if (bpf_map_lookup_elem(dp->map[MAP_SETTINGS], &zero, &s))
		return -errno;
	if (s.abi_version != RF_ABI_VERSION || s.call_end_s == now)
		return 0;
	s.call_end_s = now;
	return bpf_map_update_elem(dp->map[MAP_SETTINGS], &zero, &s, BPF_EXIST) ? -errno : 0;
}

int datapath_new_instance(int fd, const char *name, uint64_t flags)
{
	struct rf_instance fresh = { .since_ns = clock_now_ns(), .flags = flags };
	__u32 zero = 0;

	if (conntrack_here())
		fresh.flags |= RF_INSTANCE_CONNTRACK;
	snprintf(fresh.name, sizeof(fresh.name), "%s", name);
	while (!fresh.id)
		if (getrandom(&fresh.id, sizeof(fresh.id), 0) < 0)
			return -errno;
	return bpf_map_update_elem(fd, &zero, &fresh, BPF_ANY) ? -errno : 0;
}

int datapath_put_conntrack(const struct datapath *dp, bool conntrack)
{
	struct rf_instance i;
	__u32 zero = 0;
	int err;

	err = datapath_instance(dp, &i);
	if (err)
		return err;
	i.flags &= ~(__u64)RF_INSTANCE_CONNTRACK;
	if (conntrack)
		i.flags |= RF_INSTANCE_CONNTRACK;
	return bpf_map_update_elem(dp->map[MAP_INSTANCE], &zero, &i, BPF_ANY) ? -errno : 0;
}

int datapath_programs_changed(const struct datapath *dp)
{
	return datapath_put_conntrack(dp, conntrack_here());
}

/* Media ports that are guarded for routed inside hosts: those of the prefixes that are there, else whatever
 * the configuration names. inside_sync() makes them follow the WAN devices. */
static void media_ports(const struct config *c, const struct datapath_inside *old, size_t n_old,
			struct rf_inside *value)
{
	int i;

	value->port_lo = CONFIG_MEDIA_LO;
	value->port_hi = CONFIG_MEDIA_HI;
	for (i = 0; i < c->n_wans; i++) {
		const struct config_wan *w = &c->wans[i];

		value->port_lo = i && value->port_lo < w->port_lo ? value->port_lo : w->port_lo;
		value->port_hi = i && value->port_hi > w->port_hi ? value->port_hi : w->port_hi;
	}
	if (n_old) {
		value->port_lo = old[0].inside.port_lo;
		value->port_hi = old[0].inside.port_hi;
	}
}

static int put_prefix(const struct datapath *dp, const struct prefix *p, struct rf_inside *value)
{
	struct rf_prefix_key key = { .prefix_len = p->len, .addr = p->addr };

	return bpf_map_update_elem(dp->map[MAP_INSIDE], &key, value, BPF_ANY) ? -errno : 0;
}

static bool config_has(const struct config *c, const struct prefix *p)
{
	int i;

	for (i = 0; i < c->n_inside; i++)
		if (c->inside[i].prefix.len == p->len &&
		    addr_eq(&c->inside[i].prefix.addr, &p->addr))
			return true;
	return false;
}

int datapath_apply_inside(const struct datapath *dp, const struct config *c,
			  const struct prefix *extra, size_t n_extra)
{
	struct rf_inside value = { 0 };
	struct datapath_inside *old;
	size_t n_old, i;
	bool defaults, attached = n_extra > 0;
	int err;

	err = datapath_insides(dp, &old, &n_old);
	if (err)
		return err;
	for (i = 0; i < n_old; i++)
		attached = attached || old[i].inside.from_attach;
	/* The default prefixes stand in for none given, by whomever. */
	defaults = !c->inside_given && !attached;
	media_ports(c, old, n_old, &value);
	for (i = 0; i < c->n_inside && !err && (c->inside_given || defaults); i++) {
		value.mode = c->inside[i].mode;
		err = put_prefix(dp, &c->inside[i].prefix, &value);
	}
	value.mode = RF_MODE_AUTO;
	value.from_attach = 1;
	for (i = 0; i < n_extra && !err; i++)
		if (!c->inside_given || !config_has(c, &extra[i]))
			err = put_prefix(dp, &extra[i], &value);
	for (i = 0; i < n_old && !err; i++) {
		struct rf_prefix_key key = { .prefix_len = old[i].prefix.len,
					     .addr = old[i].prefix.addr };

		if (old[i].inside.from_attach ||
		    (config_has(c, &old[i].prefix) && (c->inside_given || defaults)))
			continue;
		if (bpf_map_delete_elem(dp->map[MAP_INSIDE], &key) && errno != ENOENT)
			err = -errno;
	}
	free(old);
	return err;
}

int datapath_inside_ports(const struct datapath *dp, const struct datapath_inside *insides,
			  size_t n, uint16_t lo, uint16_t hi)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct rf_prefix_key key = { .prefix_len = insides[i].prefix.len,
					     .addr = insides[i].prefix.addr };
		struct rf_inside value = insides[i].inside;

		if (value.port_lo == lo && value.port_hi == hi)
			continue;
		value.port_lo = lo;
		value.port_hi = hi;
		if (bpf_map_update_elem(dp->map[MAP_INSIDE], &key, &value, BPF_ANY))
			return -errno;
	}
	return 0;
}

int datapath_count_reason(const struct datapath *dp, enum rf_reason reason, uint64_t packets,
			  uint64_t bytes)
{
	struct rf_counter *cpus = calloc(dp->n_cpus, sizeof(*cpus));
	__u32 key = reason;
	int err = 0;

	if (!cpus)
		return -ENOMEM;
	/* The kernel never writes these reasons, so the other CPUs' slots are and stay zero. */
	cpus[0] = (struct rf_counter){ .packets = packets, .bytes = bytes };
	if (bpf_map_update_elem(dp->map[MAP_REASONS], &key, cpus, BPF_ANY))
		err = -errno;
	free(cpus);
	return err;
}

int datapath_give(const struct datapath *dp, unsigned int uid, unsigned int gid)
{
	char path[PIN_PATH_MAX];
	int i, err;

	err = bpffs_open_way();
	if (err)
		return err;
	err = pin_give(pin_path(path, dp->instance, "links", NULL), uid, gid);
	if (!err)
		err = pin_give(pin_path(path, dp->instance, "lock", NULL), uid, gid);
	/* `replace` pins other programs: the controller opens them again before it attaches a device. */
	for (i = 0; i < PROG_COUNT && !err; i++)
		err = pin_give(pin_path(path, dp->instance, "progs", datapath_prog_names[i]), uid,
			       gid);
	return err;
}
