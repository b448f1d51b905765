// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two entries of the kernel's map for each flow. The controller is the only writer, so its own book
 * is never behind.
 */
#include "tcp_flow.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

static struct rf_tcp_key key_of(uint8_t role, enum rf_tcp_dir dir, const struct rf_ep *remote,
				const struct rf_ep *local)
{
	/* Hashed and compared as bytes: .pad of a caller's endpoint must not count. */
	struct rf_tcp_key k = { .role = role, .dir = dir };

	k.remote.addr = remote->addr;
	k.remote.port = remote->port;
	k.local.addr = local->addr;
	k.local.port = local->port;
	return k;
}

static int map_set(const struct tcp_flow_table *t, const struct rf_tcp_key *key,
		   const struct rf_ep *to)
{
	struct rf_tcp_flow flow = { .to = *to };

	if (t->map < 0)
		return 0;
	return bpf_map_update_elem(t->map, key, &flow, BPF_ANY) ? -errno : 0;
}

static void map_delete(const struct tcp_flow_table *t, const struct rf_tcp_key *key)
{
	if (t->map >= 0)
		bpf_map_delete_elem(t->map, key);
}

static struct tcp_flow *find_in(const struct tcp_flow_table *t, const struct rf_tcp_key *key)
{
	struct tcp_flow *f;

	HASH_FIND(hh_in, t->by_in, key, sizeof(*key), f);
	return f;
}

static struct tcp_flow *find_out(const struct tcp_flow_table *t, const struct rf_tcp_key *key)
{
	struct tcp_flow *f;

	HASH_FIND(hh_out, t->by_out, key, sizeof(*key), f);
	return f;
}

static void forget(struct tcp_flow_table *t, struct tcp_flow *f)
{
	HASH_DELETE(hh_in, t->by_in, f);
	HASH_DELETE(hh_out, t->by_out, f);
	if (!f->owner && f->unmade) {
		DL_DELETE(t->unmade, f);
		t->n_unmade--;
	} else if (!f->owner) {
		DL_DELETE(t->over, f);
		t->n_over--;
	}
	free(f);
}

static void drop(struct tcp_flow_table *t, struct tcp_flow *f)
{
	map_delete(t, &f->in);
	map_delete(t, &f->out);
	forget(t, f);
}

static struct tcp_flow *insert(struct tcp_flow_table *t, const struct rf_tcp_key *in,
			       const struct rf_tcp_key *out, void *owner)
{
	struct tcp_flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->in = *in;
	f->out = *out;
	f->owner = owner;
	if (!hash_add(hh_in, t->by_in, in, sizeof(f->in), f))
		goto err;
	if (hash_add(hh_out, t->by_out, out, sizeof(f->out), f))
		return f;
	HASH_DELETE(hh_in, t->by_in, f);
err:
	free(f);
	return NULL;
}

int tcp_flow_add(struct tcp_flow_table *t, uint8_t role, const struct rf_ep *remote,
		 const struct rf_ep *local, const struct rf_ep *seen, void *owner,
		 struct tcp_flow **out)
{
	struct rf_tcp_key kin = key_of(role, RF_TCP_IN, remote, seen);
	struct rf_tcp_key kout = key_of(role, RF_TCP_OUT, remote, local);
	struct tcp_flow *f = find_in(t, &kin), *g = find_out(t, &kout);
	int err;

	if ((f && f->owner) || (g && g->owner))
		return -EADDRINUSE;
	if (f)
		drop(t, f);
	if (g && g != f)
		drop(t, g);
	f = insert(t, &kin, &kout, owner);
	if (!f)
		return -ENOMEM;
	/* the way out first: what comes in finds its answer's way */
	err = map_set(t, &kout, seen);
	if (!err)
		err = map_set(t, &kin, local);
	if (err) {
		drop(t, f);
		return err;
	}
	*out = f;
	return 0;
}

/* Nobody fills the map with what is over: connections need it. */
static void keep(struct tcp_flow_table *t, struct tcp_flow *f, uint64_t until_ns)
{
	f->owner = NULL;
	f->ends_ns = until_ns;
	if (f->unmade) {
		DL_APPEND(t->unmade, f);
		if (++t->n_unmade > TCP_FLOW_UNMADE_MAX)
			drop(t, t->unmade);
	} else {
		DL_APPEND(t->over, f);
		if (++t->n_over > TCP_FLOWS_KEPT_MAX)
			drop(t, t->over);
	}
}

void tcp_flow_end(struct tcp_flow_table *t, struct tcp_flow *f, bool made, uint64_t now_ns)
{
	if (!f)
		return;
	f->unmade = !made;
	keep(t, f, now_ns + (made ? TCP_FLOW_LINGER_NS : TCP_FLOW_UNMADE_NS));
}

struct tcp_flow *tcp_flow_by_seen(const struct tcp_flow_table *t, uint8_t role,
				  const struct rf_ep *remote, const struct rf_ep *seen)
{
	struct rf_tcp_key key = key_of(role, RF_TCP_IN, remote, seen);

	return find_in(t, &key);
}

struct tcp_flow *tcp_flow_by_local(const struct tcp_flow_table *t, uint8_t role,
				   const struct rf_ep *remote, const struct rf_ep *local)
{
	struct rf_tcp_key key = key_of(role, RF_TCP_OUT, remote, local);

	return find_out(t, &key);
}

void tcp_flow_clear(struct tcp_flow_table *t, uint8_t role, const struct rf_ep *remote,
		    const struct rf_ep *local)
{
	struct tcp_flow *f = tcp_flow_by_local(t, role, remote, local);

	if (f && !f->owner)
		drop(t, f);
}

void tcp_flow_tick(struct tcp_flow_table *t, uint64_t now_ns)
{
	struct tcp_flow *f, *tmp;

	/* adopted ones, which last longer, may stand in front of others */
	DL_FOREACH_SAFE (t->over, f, tmp)
		if (now_ns >= f->ends_ns)
			drop(t, f);
	while (t->unmade && now_ns >= t->unmade->ends_ns)
		drop(t, t->unmade);
}

int tcp_flow_adopt(struct tcp_flow_table *t, uint64_t now_ns)
{
	struct rf_tcp_key *keys = NULL, key, kout;
	struct rf_tcp_flow flow;
	size_t n = 0, i;
	void *prev = NULL;

	if (t->map < 0)
		return 0;
	keys = malloc(RF_TCP_FLOWS_MAX * sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	while (n < RF_TCP_FLOWS_MAX && !bpf_map_get_next_key(t->map, prev, &key)) {
		keys[n++] = key;
		prev = &key;
	}
	for (i = 0; i < n; i++) {
		struct tcp_flow *f = NULL;

		if (keys[i].dir != RF_TCP_IN)
			continue;
		if (!bpf_map_lookup_elem(t->map, &keys[i], &flow)) {
			kout = key_of(keys[i].role, RF_TCP_OUT, &keys[i].remote, &flow.to);
			if (!find_in(t, &keys[i]) && !find_out(t, &kout))
				f = insert(t, &keys[i], &kout, NULL);
		}
		if (!f) {
			map_delete(t, &keys[i]);
			continue;
		}
		keep(t, f, now_ns + TCP_FLOW_ADOPTED_NS);
	}
	/* half a flow: its writer died in between */
	for (i = 0; i < n; i++)
		if (keys[i].dir != RF_TCP_IN && !find_out(t, &keys[i]))
			map_delete(t, &keys[i]);
	free(keys);
	return 0;
}

void tcp_flow_free(struct tcp_flow_table *t)
{
	struct tcp_flow *f, *tmp;

	HASH_ITER (hh_in, t->by_in, f, tmp)
		forget(t, f);
}
