// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry per own endpoint, so that there are never more than ports in use; an endpoint that had calls with more
 * parties within the time than an entry holds is closed to everybody until then.
 */
#include "call_ends.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "datapath_priv.h"
#include "rf_bystander.h"

#define SWEEP_BATCH 2000

struct call_end_node {
	struct rf_ep own;
	uint64_t due_ns;
	struct call_end_node *prev, *next;
};

static int node_add(struct call_ends *c, const struct rf_ep *own, uint64_t due_ns)
{
	struct call_end_node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->own = *own;
	n->due_ns = due_ns;
	DL_APPEND(c->first, n);
	return 0;
}

static void node_remove(struct call_ends *c, struct call_end_node *n)
{
	bpf_map_delete_elem(c->fd, &n->own);
	DL_DELETE(c->first, n);
	free(n);
}

static int by_due(const struct call_end_node *a, const struct call_end_node *b)
{
	return a->due_ns < b->due_ns ? -1 : a->due_ns > b->due_ns;
}

int call_ends_open(struct call_ends *c, int fd)
{
	struct record {
		struct rf_ep own;
		struct rf_call_end end;
	} * v;
	size_t n, i;
	void *raw;
	int err;

	*c = (struct call_ends){ .fd = fd };
	err = datapath_read_all(fd, sizeof(v->own), sizeof(v->end), sizeof(*v),
				offsetof(struct record, end), &raw, &n);
	if (err)
		return err;
	v = raw;
	for (i = 0; i < n && !err; i++)
		err = node_add(c, &v[i].own, v[i].end.until_ns);
	free(raw);
	if (err)
		call_ends_close(c);
	else
		DL_SORT(c->first, by_due);
	return err;
}

void call_ends_close(struct call_ends *c)
{
	struct call_end_node *n, *next;

	DL_FOREACH_SAFE (c->first, n, next) {
		DL_DELETE(c->first, n);
		free(n);
	}
}

static void add_remote(struct rf_call_end *e, const struct rf_ep *r)
{
	__u32 i;

	if (e->n > RF_CALL_END_REMOTES)
		return;
	for (i = 0; i < e->n; i++)
		if (rf_ep_eq(&e->remotes[i], r))
			return;
	if (e->n < RF_CALL_END_REMOTES)
		e->remotes[e->n] = *r;
	e->n++;
}

void call_ends_add(struct call_ends *c, const struct rf_ep *own, const struct rf_ep *remotes,
		   size_t n, uint64_t now_ns)
{
	struct rf_call_end e = { 0 };
	bool known;
	size_t i;

	known = !bpf_map_lookup_elem(c->fd, own, &e);
	if (known && now_ns >= e.until_ns)
		e = (struct rf_call_end){ 0 };
	e.until_ns = now_ns + RF_CALL_END_NS;
	for (i = 0; i < n; i++)
		add_remote(&e, &remotes[i]);
	while (bpf_map_update_elem(c->fd, own, &e, BPF_ANY)) {
		if (errno != E2BIG || !c->first) {
			log_warning("cannot note the end of a call: %s", strerror(errno));
			return;
		}
		if (!c->told)
			log_warning(
				"more ends of calls within %u s than there is room for: the oldest are forgotten; raise sip.max_calls",
				(unsigned int)(RF_CALL_END_NS / RF_NS_PER_SEC));
		c->told = true;
		node_remove(c, c->first);
	}
	if (!known && node_add(c, own, e.until_ns))
		bpf_map_delete_elem(c->fd, own); /* nobody would remove it */
}

void call_ends_sweep(struct call_ends *c, uint64_t now_ns)
{
	struct call_end_node *n, *next;
	struct rf_call_end e;
	int i = 0;

	DL_FOREACH_SAFE (c->first, n, next) {
		if (now_ns < n->due_ns || i++ == SWEEP_BATCH)
			return;
		if (bpf_map_lookup_elem(c->fd, &n->own, &e) || now_ns >= e.until_ns) {
			node_remove(c, n);
			continue;
		}
		/* prolonged meanwhile */
		n->due_ns = e.until_ns;
		DL_DELETE(c->first, n);
		DL_APPEND(c->first, n);
	}
}
