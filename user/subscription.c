// SPDX-License-Identifier: GPL-2.0-only
/*
 * Subscriptions by dialog (Call-ID and the subscriber's tag: forks of a notifier have tags of their own),
 * event package and notifier's address.
 */
#include "subscription.h"

#include <stdlib.h>

#include <uthash.h>

#include "expiry.h"
#include "sip_scan.h"

#define TEXT_MAX 1024 /* Call-ID, tag and event; longer ones grant nothing */
#define KEY_HEAD (2 * sizeof(struct rf_addr))
#define KEY_MAX	 (KEY_HEAD + TEXT_MAX + 2)

struct subscription {
	struct expiry expiry;
	UT_hash_handle hh;
	size_t n_key;
	char key[];
};

struct subscription_table {
	struct subscription *all;
	struct expiry_heap heap;
};

struct subscription_table *subscription_table_new(void)
{
	return calloc(1, sizeof(struct subscription_table));
}

static void forget(struct subscription_table *t, struct expiry *x)
{
	struct subscription *s =
		(struct subscription *)((char *)x - offsetof(struct subscription, expiry));

	HASH_DEL(t->all, s);
	free(s);
}

void subscription_table_free(struct subscription_table *t)
{
	struct subscription *s, *tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->all, s, tmp) {
		HASH_DEL(t->all, s);
		free(s);
	}
	free(t->heap.v);
	free(t);
}

size_t subscription_count(const struct subscription_table *t)
{
	return HASH_COUNT(t->all);
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
static size_t make_key(char *buf, const struct rf_addr *inside, const struct rf_addr *remote,
		       struct view call_id, struct view tag, struct view event)
{
	char *p = buf;

	event = package(event);
	if (call_id.n + tag.n + event.n > TEXT_MAX)
		return 0;
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

void subscription_grant(struct subscription_table *t, const struct rf_addr *inside,
			struct view call_id, struct view tag, struct view event,
			const struct rf_addr *remote, uint64_t until_ns)
{
	char key[KEY_MAX];
	size_t n = make_key(key, inside, remote, call_id, tag, event);
	struct subscription *s = NULL;

	if (!n)
		return;
	HASH_FIND(hh, t->all, key, n, s);
	if (s) { /* refreshed, or ended: then the last NOTIFY is still to come */
		expiry_set(&t->heap, &s->expiry, until_ns);
		return;
	}
	if (subscription_count(t) >= SUBSCRIPTIONS_MAX)
		forget(t, expiry_take_first(&t->heap));
	s = calloc(1, sizeof(*s) + n);
	if (!s || expiry_add(&t->heap, &s->expiry, until_ns)) {
		free(s);
		return;
	}
	s->n_key = n;
	memcpy(s->key, key, n);
	HASH_ADD_KEYPTR(hh, t->all, s->key, s->n_key, s);
}

bool subscription_allows(const struct subscription_table *t, const struct rf_addr *inside,
			 struct view call_id, const struct rf_addr *remote, const struct sip_msg *m,
			 uint64_t now_ns)
{
	struct view event = VIEW_NONE;
	struct subscription *s = NULL;
	char key[KEY_MAX];
	size_t n;

	if (!m->is_request || m->method != SIP_M_NOTIFY)
		return false;
	for (uint16_t i = 0; i < m->n_headers && !event.p; i++)
		if (m->headers[i].id == SIP_H_EVENT)
			event = m->headers[i].value;
	n = make_key(key, inside, remote, call_id, m->to->tag, event);
	if (n)
		HASH_FIND(hh, t->all, key, n, s);
	return s && now_ns < s->expiry.until_ns;
}

void subscription_tick(struct subscription_table *t, uint64_t now_ns)
{
	struct expiry *x;

	while ((x = expiry_pop(&t->heap, now_ns)))
		forget(t, x);
}
