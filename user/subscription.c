// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subscriptions by dialog (Call-ID and the subscriber's tag: forks of a notifier have tags of their own),
 * event package and notifier's address.
 */
#include "subscription.h"

#include <errno.h>
#include <stdlib.h>

#include "expiry.h"
#include "hash.h"
#include "open_request.h"
#include "share.h"
#include "sip_scan.h"

#define TEXT_MAX 1024 /* Call-ID, tag and event; longer ones grant nothing */
#define KEY_HEAD (sizeof(uint64_t) + 2 * sizeof(struct rf_addr))
#define KEY_MAX	 (KEY_HEAD + TEXT_MAX + 2)

struct subscription {
	struct share_item share;
	uint64_t granted_ns, open_ns; /* until then; 0: not */
	struct expiry expiry; /* the later of both */
	UT_hash_handle hh;
	size_t n_key;
	char key[];
};

struct subscription_table {
	struct subscription *all;
	struct share share;
	uint64_t seed;
	struct expiry_heap heap;
};

struct subscription_table *subscription_table_new(void)
{
	struct subscription_table *t = calloc(1, sizeof(*t));

	if (t) {
		t->seed = (uint64_t)(uintptr_t)t * 0x9e3779b97f4a7c15ull; /* as for calls */
		t->share.host_cost = SHARE_HOST_BYTES;
	}
	return t;
}

static void forget(struct subscription_table *t, struct expiry *x)
{
	struct subscription *s =
		(struct subscription *)((char *)x - offsetof(struct subscription, expiry));

	share_leave(&t->share, &s->share);
	HASH_DEL(t->all, s);
	free(s);
}

void subscription_table_free(struct subscription_table *t)
{
	struct subscription *s, *tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->all, s, tmp)
		forget(t, &s->expiry);
	share_free(&t->share);
	free(t->heap.v);
	free(t);
}

size_t subscription_count(const struct subscription_table *t)
{
	return HASH_COUNT(t->all);
}

size_t subscription_bytes(const struct subscription_table *t)
{
	return t->share.held;
}

void subscription_shares(const struct subscription_table *t, show_share_fn fn, void *arg)
{
	share_show(&t->share, "subscription_bytes", NULL, SUBSCRIPTION_BYTES_MAX, fn, arg);
}

uint64_t subscription_seconds(int64_t asked, int64_t granted)
{
	if (!asked) /* ended by the subscriber */
		return 0;

	int64_t most = asked > SUBSCRIPTION_DEFAULT_S ? asked : SUBSCRIPTION_DEFAULT_S;

	if (granted < 0)
		granted = asked >= 0 ? asked : SUBSCRIPTION_DEFAULT_S;
	return (uint64_t)(granted < most ? granted : most);
}

/* The package without templates' or other parameters (8.2.1); its case says nothing. */
static struct view package(struct view event)
{
	return view_trim(view_head(event, view_index(event, ';')));
}

/* 0: too long. */
static size_t make_key(char *buf, const struct subscription_table *t, const struct rf_addr *inside,
		       const struct rf_addr *remote, struct view call_id, struct view tag,
		       struct view event)
{
	char *p = buf;

	event = package(event);
	if (call_id.n + tag.n + event.n > TEXT_MAX)
		return 0;
	memcpy(p, &t->seed, sizeof(t->seed));
	p += sizeof(t->seed);
	memcpy(p, inside, sizeof(*inside));
	p += sizeof(*inside);
	memcpy(p, remote, sizeof(*remote));
	p += sizeof(*remote);
	for (size_t i = 0; i < event.n; i++) {
		char c = event.p[i];

		*p++ = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	*p++ = 0;
	if (tag.n)
		memcpy(p, tag.p, tag.n);
	p += tag.n;
	*p++ = 0;
	if (call_id.n)
		memcpy(p, call_id.p, call_id.n);
	return (size_t)(p - buf) + call_id.n;
}

static struct subscription *find(const struct subscription_table *t, const char *key, size_t n)
{
	struct subscription *s = NULL;

	if (n)
		HASH_FIND(hh, t->all, key, n, s);
	return s;
}

static void make_room(struct subscription_table *t, const struct subscription *newest)
{
	struct share_item *i;

	while ((i = share_excess(&t->share, &newest->share, SUBSCRIPTION_BYTES_MAX,
				 SUBSCRIPTION_BYTES_HOST_MAX))) {
		struct subscription *s =
			(struct subscription *)((char *)i - offsetof(struct subscription, share));

		expiry_remove(&t->heap, &s->expiry);
		t->share.n_gave_way++;
		forget(t, &s->expiry);
	}
}

/* NULL: too long, or out of memory. */
static struct subscription *get(struct subscription_table *t, const struct rf_addr *inside,
				const char *key, size_t n)
{
	struct subscription *s = find(t, key, n);
	struct share_key who = share_inside(inside);

	if (s)
		share_renew(&t->share, &s->share);
	if (s || !n)
		return s;
	s = calloc(1, sizeof(*s) + n);
	if (!s || expiry_add(&t->heap, &s->expiry, 0)) {
		free(s);
		return NULL;
	}
	if (share_join(&t->share, &s->share, &who, sizeof(*s) + n + sizeof(struct expiry *) + 16)) {
		expiry_remove(&t->heap, &s->expiry);
		free(s);
		return NULL;
	}
	s->n_key = n;
	memcpy(s->key, key, n);
	if (!hash_add_key(hh, t->all, s->key, s->n_key, s)) {
		share_leave(&t->share, &s->share);
		expiry_remove(&t->heap, &s->expiry);
		free(s);
		return NULL;
	}
	make_room(t, s);
	return s;
}

static void settle(struct subscription_table *t, struct subscription *s)
{
	expiry_set(&t->heap, &s->expiry, s->granted_ns > s->open_ns ? s->granted_ns : s->open_ns);
}

int subscription_grant(struct subscription_table *t, const struct rf_addr *inside,
		       struct view call_id, struct view tag, struct view event,
		       const struct rf_addr *remote, uint64_t until_ns)
{
	char key[KEY_MAX];
	size_t n = make_key(key, t, inside, remote, call_id, tag, event);
	struct subscription *s = get(t, inside, key, n);

	if (!s)
		return n ? -ENOMEM : 0;
	s->granted_ns = until_ns; /* refreshed, or ended: then the last NOTIFY is still to come */
	settle(t, s);
	return 0;
}

int subscription_ask(struct subscription_table *t, const struct rf_addr *inside,
		     struct view call_id, struct view tag, struct view event,
		     const struct rf_addr *remote, uint64_t until_ns)
{
	char key[KEY_MAX];
	size_t n = make_key(key, t, inside, remote, call_id, tag, event);
	struct subscription *s = get(t, inside, key, n);

	if (!s)
		return n ? -ENOMEM : 0;
	s->open_ns = until_ns;
	settle(t, s);
	return 0;
}

void subscription_answered(struct subscription_table *t, const struct rf_addr *inside,
			   struct view call_id, struct view tag, struct view event,
			   const struct rf_addr *remote)
{
	char key[KEY_MAX];
	struct subscription *s =
		find(t, key, make_key(key, t, inside, remote, call_id, tag, event));

	if (!s)
		return;
	s->open_ns = 0;
	settle(t, s);
}

bool subscription_allows(const struct subscription_table *t, const struct rf_addr *inside,
			 struct view call_id, const struct rf_addr *remote, const struct sip_msg *m,
			 uint64_t now_ns)
{
	struct subscription *s;
	char key[KEY_MAX];
	size_t n;

	if (!m->is_request || m->method != SIP_M_NOTIFY)
		return false;
	n = make_key(key, t, inside, remote, call_id, m->to->tag, open_request_event(m));
	s = find(t, key, n);
	return s && now_ns < s->expiry.until_ns;
}

void subscription_tick(struct subscription_table *t, uint64_t now_ns)
{
	struct expiry *x;

	while ((x = expiry_pop(&t->heap, now_ns)))
		forget(t, x);
}
