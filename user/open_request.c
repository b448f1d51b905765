// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open requests, hashed by what their answers repeat. One request that is sent on several branches is one
 * entry with several places that may answer.
 */
#include "open_request.h"

#include <stdlib.h>

#include <uthash.h>
#include <utlist.h>

#include "expiry.h"

#define METHOD_MAX 64
#define KEY_HEAD   (sizeof(uint64_t) + sizeof(struct rf_addr) + sizeof(uint32_t))
#define KEY_MAX	   (KEY_HEAD + METHOD_MAX + 1 + OPEN_TEXT_MAX)

struct host {
	struct rf_addr addr;
	size_t n;
	struct entry *oldest;
	UT_hash_handle hh;
};

struct entry {
	struct host *host;
	struct entry *prev, *next; /* of the host, oldest first */
	struct open_request *branches; /* oldest first */
	size_t n_branches;
	struct expiry expiry;
	UT_hash_handle hh;
	size_t n_key;
	char key[];
};

struct open_table {
	struct entry *entries;
	struct host *hosts;
	struct expiry_heap heap;
	uint64_t seed;
};

struct open_table *open_table_new(void)
{
	struct open_table *t = calloc(1, sizeof(*t));

	if (t)
		t->seed = (uint64_t)(uintptr_t)t * 0x9e3779b97f4a7c15ull; /* as for calls */
	return t;
}

size_t open_table_count(const struct open_table *t)
{
	return HASH_COUNT(t->entries);
}

/* e is out of the heap already. */
static void forget(struct open_table *t, struct entry *e)
{
	struct host *h = e->host;
	struct open_request *r, *tmp;

	HASH_DEL(t->entries, e);
	DL_DELETE(h->oldest, e);
	if (!--h->n) {
		HASH_DEL(t->hosts, h);
		free(h);
	}
	LL_FOREACH_SAFE (e->branches, r, tmp)
		free(r);
	free(e);
}

static struct entry *entry_of(struct expiry *x)
{
	return (struct entry *)((char *)x - offsetof(struct entry, expiry));
}

void open_table_free(struct open_table *t)
{
	struct entry *e, *tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->entries, e, tmp)
		forget(t, e);
	free(t->heap.v);
	free(t);
}

void open_table_tick(struct open_table *t, uint64_t now_ns)
{
	struct expiry *x;

	while ((x = expiry_pop(&t->heap, now_ns)))
		forget(t, entry_of(x));
}

/* 0: not kept here. */
static size_t make_key(char *buf, const struct open_table *t, const struct rf_addr *inside,
		       struct view call_id, const struct sip_msg *m)
{
	char *p = buf;

	if (call_id.n > OPEN_TEXT_MAX || m->method_text.n > METHOD_MAX)
		return 0;
	memcpy(p, &t->seed, sizeof(t->seed));
	p += sizeof(t->seed);
	memcpy(p, inside, sizeof(*inside));
	p += sizeof(*inside);
	memcpy(p, &m->cseq, sizeof(m->cseq));
	p += sizeof(m->cseq);
	memcpy(p, m->method_text.p, m->method_text.n);
	p += m->method_text.n;
	*p++ = 0;
	memcpy(p, call_id.p, call_id.n);
	return (size_t)(p - buf) + call_id.n;
}

static struct entry *find(const struct open_table *t, const struct rf_addr *inside,
			  struct view call_id, const struct sip_msg *m)
{
	char key[KEY_MAX];
	size_t n = make_key(key, t, inside, call_id, m);
	struct entry *e = NULL;

	if (n)
		HASH_FIND(hh, t->entries, key, n, e);
	return e;
}

static struct host *host_get(struct open_table *t, const struct rf_addr *a)
{
	struct host *h;

	HASH_FIND(hh, t->hosts, a, sizeof(*a), h);
	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->addr = *a;
	HASH_ADD(hh, t->hosts, addr, sizeof(h->addr), h);
	return h;
}

static void make_room(struct open_table *t, struct host *h)
{
	if (h->n >= OPEN_REQUESTS_HOST_MAX) {
		struct entry *e = h->oldest; /* h stays: it has more */

		expiry_remove(&t->heap, &e->expiry);
		forget(t, e);
	}
}

static struct entry *entry_new(struct open_table *t, const struct rf_addr *inside,
			       const struct sip_msg *m, uint64_t until_ns)
{
	char key[KEY_MAX];
	size_t n = make_key(key, t, inside, m->call_id, m);
	struct entry *e;
	struct host *h;

	if (!n)
		return NULL;
	if (open_table_count(t) >= OPEN_REQUESTS_MAX)
		forget(t, entry_of(expiry_take_first(&t->heap)));
	e = calloc(1, sizeof(*e) + n);
	h = e ? host_get(t, inside) : NULL;
	if (!h)
		goto err;
	make_room(t, h);
	if (expiry_add(&t->heap, &e->expiry, until_ns))
		goto err;
	e->host = h;
	e->n_key = n;
	memcpy(e->key, key, n);
	HASH_ADD_KEYPTR(hh, t->entries, e->key, e->n_key, e);
	DL_APPEND(h->oldest, e);
	h->n++;
	return e;
err:
	if (h && !h->n) {
		HASH_DEL(t->hosts, h);
		free(h);
	}
	free(e);
	return NULL;
}

static struct view keep(char **p, struct view v)
{
	struct view kept = { v.p ? *p : NULL, v.n };

	if (v.n)
		memcpy(*p, v.p, v.n);
	*p += v.n;
	return kept;
}

static struct view event_of(const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->n_headers; i++)
		if (m->headers[i].id == SIP_H_EVENT)
			return m->headers[i].value;
	return VIEW_NONE;
}

/* NULL: longer than anybody writes, or out of memory. */
static struct open_request *branch_new(const struct rf_addr *remote, const struct sip_msg *m)
{
	struct view event = event_of(m);
	size_t n = m->via->branch.n + m->from->tag.n + event.n;
	struct open_request *r = n <= OPEN_TEXT_MAX ? calloc(1, sizeof(*r) + n) : NULL;
	char *p;

	if (!r)
		return NULL;
	p = r->text;
	r->remote = *remote;
	r->branch = keep(&p, m->via->branch);
	r->tag = keep(&p, m->from->tag);
	r->event = keep(&p, event);
	r->expires = m->expires;
	return r;
}

void open_request_add(struct open_table *t, const struct rf_addr *inside,
		      const struct rf_addr *remote, const struct sip_msg *m, uint64_t now_ns)
{
	struct entry *e;
	struct open_request *r;

	if (m->method == SIP_M_ACK) /* has no answer */
		return;
	e = find(t, inside, m->call_id, m);
	LL_FOREACH (e ? e->branches : NULL, r) {
		if (view_eq(r->branch, m->via->branch) && addr_eq(&r->remote, remote)) {
			expiry_extend(&e->expiry, now_ns + OPEN_NS); /* retransmission */
			return;
		}
	}
	r = branch_new(remote, m);
	if (!r)
		return;
	if (!e)
		e = entry_new(t, inside, m, now_ns + OPEN_NS);
	if (!e) {
		free(r);
		return;
	}
	expiry_extend(&e->expiry, now_ns + OPEN_NS);
	if (e->n_branches == OPEN_BRANCHES_MAX) {
		struct open_request *gone = e->branches;

		LL_DELETE(e->branches, gone);
		free(gone);
		e->n_branches--;
	}
	LL_APPEND(e->branches, r);
	e->n_branches++;
}

enum open_match open_request_find(struct open_table *t, const struct rf_addr *inside,
				  struct view call_id, const struct sip_msg *m, open_may_fn may,
				  const void *arg, struct open_request **out)
{
	struct entry *e = find(t, inside, call_id, m);
	struct open_request *r;

	if (!e)
		return OPEN_NONE;
	LL_FOREACH (e->branches, r) {
		if (!view_eq(r->branch, m->via->branch) || !view_eq(r->tag, m->from->tag) ||
		    !may(&r->remote, arg))
			continue;
		*out = r;
		return r->answered ? OPEN_ANSWERED : OPEN_ASKED;
	}
	return OPEN_OTHER;
}

void open_request_response(struct open_table *t, const struct rf_addr *inside, struct view call_id,
			   const struct sip_msg *m, struct open_request *r, uint64_t now_ns,
			   uint64_t wait_ns)
{
	struct entry *e = find(t, inside, call_id, m);
	bool invite = m->method == SIP_M_INVITE, all = true;
	struct open_request *other;

	if (!e)
		return;
	if (m->status < 200) {
		if (invite && !r->answered)
			expiry_extend(&e->expiry, now_ns + wait_ns);
		return;
	}
	if (r->answered)
		return;
	r->answered = true;
	LL_FOREACH (e->branches, other)
		all = all && other->answered;
	if (all)
		expiry_set(&t->heap, &e->expiry, now_ns + (invite ? OPEN_OK_NS : OPEN_T4_NS));
}
