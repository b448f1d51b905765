// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open requests, hashed by what their answers repeat. One request that is sent on several branches is one
 * entry with several places that may answer.
 */
#include "open_request.h"

#include <stdlib.h>

#include <utlist.h>

#include "expiry.h"
#include "hash.h"
#include "share.h"

#define METHOD_MAX 64
#define KEY_HEAD   (sizeof(uint64_t) + sizeof(struct rf_addr) + sizeof(uint32_t))
#define KEY_MAX	   (KEY_HEAD + METHOD_MAX + 1 + OPEN_TEXT_MAX)

struct entry {
	struct share_item share;
	struct open_request *branches; /* oldest first */
	size_t n_branches;
	bool incomplete; /* it went to more places than are known here */
	struct expiry expiry;
	UT_hash_handle hh;
	size_t n_key;
	char key[];
};

struct open_table {
	struct entry *entries;
	struct share share;
	struct expiry_heap heap;
	/* Until then answers may come to what was forgotten too early: of hosts that have nothing here any
	 * more. A host that has keeps its own. */
	uint64_t lost_ns;
	uint64_t seed;
};

/* What malloc() adds is counted by a round number. */
static size_t branch_cost(const struct open_request *r)
{
	return sizeof(*r) + r->branch.n + r->tag.n + r->event.n + 16;
}

struct open_table *open_table_new(void)
{
	struct open_table *t = calloc(1, sizeof(*t));

	if (t) {
		t->seed = (uint64_t)(uintptr_t)t * 0x9e3779b97f4a7c15ull; /* as for calls */
		t->share.host_cost = SHARE_HOST_BYTES;
	}
	return t;
}

size_t open_table_count(const struct open_table *t)
{
	return HASH_COUNT(t->entries);
}

size_t open_table_bytes(const struct open_table *t)
{
	return t->share.held;
}

void open_table_shares(const struct open_table *t, show_share_fn fn, void *arg)
{
	share_show(&t->share, "open_request_bytes", NULL, OPEN_BYTES_MAX, fn, arg);
}

static void branch_forget(struct open_table *t, struct entry *e, struct open_request *r)
{
	share_resize(&t->share, &e->share, e->share.amount - branch_cost(r));
	LL_DELETE(e->branches, r);
	e->n_branches--;
	free(r);
}

static void lost(uint64_t *lost_ns, uint64_t until_ns)
{
	if (until_ns > *lost_ns)
		*lost_ns = until_ns;
}

/* e is out of the heap already. */
static void forget(struct open_table *t, struct entry *e)
{
	const struct share_host *h = e->share.host;

	if (h->oldest == &e->share && !e->share.next) /* and so the host */
		lost(&t->lost_ns, h->lost_ns);
	while (e->branches)
		branch_forget(t, e, e->branches);
	share_leave(&t->share, &e->share);
	HASH_DEL(t->entries, e);
	free(e);
}

/* Before its time. */
static void evict(struct open_table *t, struct share_item *i)
{
	struct entry *e = (struct entry *)((char *)i - offsetof(struct entry, share));

	lost(&i->host->lost_ns, e->expiry.until_ns);
	t->share.n_gave_way++;
	expiry_remove(&t->heap, &e->expiry);
	forget(t, e);
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
	share_free(&t->share);
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

/* *out NULL: not kept here, as its texts are too long. 0 or -ENOMEM. */
static int entry_new(struct open_table *t, const struct rf_addr *inside, const struct sip_msg *m,
		     uint64_t now_ns, struct entry **out)
{
	char key[KEY_MAX];
	size_t n = make_key(key, t, inside, m->call_id, m);
	struct share_key who = share_inside(inside);
	struct entry *e;

	*out = NULL;
	if (!n)
		return 0;
	e = calloc(1, sizeof(*e) + n);
	if (!e || expiry_add(&t->heap, &e->expiry, now_ns + OPEN_NS))
		goto err;
	if (share_join(&t->share, &e->share, &who, sizeof(*e) + n + sizeof(struct expiry *) + 16)) {
		expiry_remove(&t->heap, &e->expiry);
		goto err;
	}
	e->n_key = n;
	e->incomplete = now_ns < e->share.host->lost_ns || now_ns < t->lost_ns;
	memcpy(e->key, key, n);
	if (hash_add_key(hh, t->entries, e->key, e->n_key, e)) {
		*out = e;
		return 0;
	}
	share_leave(&t->share, &e->share);
	expiry_remove(&t->heap, &e->expiry);
err:
	free(e);
	lost(&t->lost_ns, now_ns + OPEN_NS);
	return -ENOMEM;
}

static struct view keep(char **p, struct view v)
{
	struct view kept = { v.p ? *p : NULL, v.n };

	if (v.n)
		memcpy(*p, v.p, v.n);
	*p += v.n;
	return kept;
}

struct view open_request_event(const struct sip_msg *m)
{
	for (uint16_t i = 0; i < m->n_headers; i++)
		if (m->headers[i].id == SIP_H_EVENT)
			return m->headers[i].value;
	return VIEW_NONE;
}

/* *out NULL: longer than anybody writes. 0 or -ENOMEM. */
static int branch_new(const struct rf_addr *remote, const struct sip_msg *m,
		      struct open_request **out)
{
	struct view event = open_request_event(m);
	size_t n = m->via->branch.n + m->from->tag.n + event.n;
	struct open_request *r = n <= OPEN_TEXT_MAX ? calloc(1, sizeof(*r) + n) : NULL;
	char *p;

	*out = r;
	if (!r)
		return n <= OPEN_TEXT_MAX ? -ENOMEM : 0;
	p = r->text;
	r->remote = *remote;
	r->branch = keep(&p, m->via->branch);
	r->tag = keep(&p, m->from->tag);
	r->event = keep(&p, event);
	r->expires = m->expires;
	return 0;
}

/* The branch that is missed least: the oldest that has been answered, else the oldest. */
static struct open_request *least(const struct entry *e)
{
	struct open_request *r;

	LL_FOREACH (e->branches, r)
		if (r->answered)
			return r;
	return e->branches;
}

int open_request_add(struct open_table *t, const struct rf_addr *inside,
		     const struct rf_addr *remote, const struct sip_msg *m, uint64_t now_ns)
{
	struct share_item *excess;
	struct entry *e;
	struct open_request *r;
	int err = 0;

	if (m->method == SIP_M_ACK) /* has no answer */
		return 0;
	e = find(t, inside, m->call_id, m);
	LL_FOREACH (e ? e->branches : NULL, r) {
		if (view_eq(r->branch, m->via->branch) && addr_eq(&r->remote, remote)) {
			expiry_extend(&e->expiry, now_ns + OPEN_NS); /* retransmission */
			return !r->answered;
		}
	}
	if (!e)
		err = entry_new(t, inside, m, now_ns, &e);
	if (!e)
		return err;
	expiry_extend(&e->expiry, now_ns + OPEN_NS);
	share_renew(&t->share, &e->share);
	err = branch_new(remote, m, &r);
	if (!r) {
		e->incomplete = true;
		return err;
	}
	if (e->n_branches == OPEN_BRANCHES_MAX) {
		branch_forget(t, e, least(e));
		e->incomplete = true;
	}
	LL_APPEND(e->branches, r);
	e->n_branches++;
	share_resize(&t->share, &e->share, e->share.amount + branch_cost(r));
	while ((excess = share_excess(&t->share, &e->share, OPEN_BYTES_MAX, OPEN_BYTES_HOST_MAX)))
		evict(t, excess);
	return 1;
}

enum open_match open_request_find(struct open_table *t, const struct rf_addr *inside,
				  struct view call_id, const struct sip_msg *m, open_may_fn may,
				  const void *arg, struct open_request **out)
{
	struct entry *e = find(t, inside, call_id, m);
	struct open_request *r;
	bool known = false; /* the branch is, wherever it went */

	if (!e)
		return OPEN_NONE;
	LL_FOREACH (e->branches, r) {
		if (!view_eq(r->branch, m->via->branch) || !view_eq(r->tag, m->from->tag))
			continue;
		known = true;
		if (!may(&r->remote, arg))
			continue;
		*out = r;
		return r->answered ? OPEN_ANSWERED : OPEN_ASKED;
	}
	return e->incomplete && !known ? OPEN_NONE : OPEN_OTHER;
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
