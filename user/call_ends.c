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
#include "hash.h"
#include "rf_bystander.h"

#define SWEEP_BATCH 2000

struct call_end_node {
	struct rf_ep own;
	uint64_t due_ns;
	struct call_end_node *prev, *next;
	UT_hash_handle hh;
};

static struct rf_ep key_of(const struct rf_ep *own)
{
	return (struct rf_ep){ .addr = own->addr, .port = own->port }; /* without .pad */
}

static struct call_end_node *node_find(const struct call_ends *c, const struct rf_ep *own)
{
	struct rf_ep key = key_of(own);
	struct call_end_node *n;

	HASH_FIND(hh, c->by_own, &key, sizeof(key), n);
	return n;
}

static int node_add(struct call_ends *c, const struct rf_ep *own, uint64_t due_ns)
{
	struct call_end_node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->own = key_of(own);
	n->due_ns = due_ns;
	if (!hash_add(hh, c->by_own, own, sizeof(n->own), n)) {
		free(n);
		return -ENOMEM;
	}
	DL_APPEND(c->first, n);
	return 0;
}

/* Now the last one due */
static void node_renew(struct call_ends *c, struct call_end_node *n, uint64_t due_ns)
{
	n->due_ns = due_ns;
	DL_DELETE(c->first, n);
	DL_APPEND(c->first, n);
}

static void node_remove(struct call_ends *c, struct call_end_node *n)
{
	bpf_map_delete_elem(c->fd, &n->own);
	HASH_DEL(c->by_own, n);
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

	*c = (struct call_ends){ .fd = fd, .keep_ns = rf_call_end_ns(0) };
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
		HASH_DEL(c->by_own, n);
		DL_DELETE(c->first, n);
		free(n);
	}
}

void call_ends_keep(struct call_ends *c, uint32_t call_end_s)
{
	c->keep_ns = rf_call_end_ns(call_end_s);
}

/* Whoever it was: nobody is let in for another's sake. */
static void add_anybody(struct rf_call_end *e)
{
	e->n = RF_CALL_END_REMOTES + 1;
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
	struct call_end_node *known;
	struct rf_call_end e;
	bool unread = false;
	size_t i;

	if (bpf_map_lookup_elem(c->fd, own, &e)) {
		unread = errno != ENOENT;
		e = (struct rf_call_end){ 0 };
	} else if (now_ns >= e.until_ns) {
		e = (struct rf_call_end){ 0 };
	}
	e.until_ns = now_ns + c->keep_ns;
	for (i = 0; remotes && i < n; i++)
		add_remote(&e, &remotes[i]);
	if (unread || !remotes)
		add_anybody(&e);
	while (bpf_map_update_elem(c->fd, own, &e, BPF_ANY)) {
		if (errno != E2BIG || !c->first) {
			log_warning("cannot note the end of a call: %s", strerror(errno));
			return;
		}
		if (!c->told)
			log_warning(
				"more ends of calls within %u s than there is room for: the oldest are forgotten; raise sip.max_calls",
				(unsigned int)(c->keep_ns / RF_NS_PER_SEC));
		c->told = true;
		node_remove(c, c->first);
	}
	known = node_find(c, own); /* as it may have given way just now */
	if (known)
		node_renew(c, known, e.until_ns);
	else if (node_add(c, own, e.until_ns))
		/* it holds in the kernel until its time all the same; its room is had again with the next start */
		log_warning("no memory to follow the end of a call");
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
		node_renew(c, n, e.until_ns);
	}
}
