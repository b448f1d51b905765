// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who outside may speak: configured, registered with, in a dialog, or asked by us.
 */
#include "policy.h"

#include <stdlib.h>

#include "expiry.h"
#include "hash.h"
#include "share.h"

struct expect_key {
	uint32_t binding_id;
	struct rf_addr remote;
};

struct expectation {
	struct expect_key key;
	uint64_t notify_until_ns; /* 0: nothing subscribed */
	uint64_t response_until_ns;
	struct expiry expiry; /* the later of both */
	struct share_item share;
	UT_hash_handle hh;
};

struct policy_table {
	struct expectation *expectations;
	struct expiry_heap heap;
	struct share share;
};

struct policy_table *policy_table_new(void)
{
	return calloc(1, sizeof(struct policy_table));
}

void policy_table_free(struct policy_table *t)
{
	struct expectation *x, *tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->expectations, x, tmp) {
		HASH_DEL(t->expectations, x);
		share_leave(&t->share, &x->share);
		free(x);
	}
	share_free(&t->share);
	free(t->heap.v);
	free(t);
}

size_t policy_count(const struct policy_table *t)
{
	return HASH_COUNT(t->expectations);
}

void policy_shares(const struct policy_table *t, show_share_fn fn, void *arg)
{
	share_show(&t->share, "expected_answers", NULL, POLICY_EXPECTATIONS_MAX, fn, arg);
}

static struct expectation *find(const struct policy_table *t, uint32_t binding_id,
				const struct rf_addr *remote)
{
	struct expect_key k = { .binding_id = binding_id, .remote = *remote };
	struct expectation *x;

	HASH_FIND(hh, t->expectations, &k, sizeof(k), x);
	return x;
}

static void forget(struct policy_table *t, struct expiry *e)
{
	struct expectation *x =
		(struct expectation *)((char *)e - offsetof(struct expectation, expiry));

	HASH_DEL(t->expectations, x);
	share_leave(&t->share, &x->share);
	free(x);
}

static void make_room(struct policy_table *t, const struct expectation *newest)
{
	struct share_item *i;

	while ((i = share_excess(&t->share, &newest->share, POLICY_EXPECTATIONS_MAX, SIZE_MAX))) {
		struct expectation *x =
			(struct expectation *)((char *)i - offsetof(struct expectation, share));

		t->share.n_gave_way++;
		expiry_remove(&t->heap, &x->expiry);
		forget(t, &x->expiry);
	}
}

/* NULL when out of memory: the answer will then not be let in, which is the safe side. */
static struct expectation *get(struct policy_table *t, const struct rf_addr *inside,
			       uint32_t binding_id, const struct rf_addr *remote, uint64_t until_ns)
{
	struct expectation *x = find(t, binding_id, remote);
	struct share_key who = share_inside(inside);

	if (x) {
		share_renew(&t->share, &x->share);
		expiry_extend(&x->expiry, until_ns);
		return x;
	}
	x = calloc(1, sizeof(*x));
	if (!x || expiry_add(&t->heap, &x->expiry, until_ns)) {
		free(x);
		return NULL;
	}
	if (share_join(&t->share, &x->share, &who, 1)) {
		expiry_remove(&t->heap, &x->expiry);
		free(x);
		return NULL;
	}
	x->key.binding_id = binding_id;
	x->key.remote = *remote;
	if (!hash_add(hh, t->expectations, key, sizeof(x->key), x)) {
		share_leave(&t->share, &x->share);
		expiry_remove(&t->heap, &x->expiry);
		free(x);
		return NULL;
	}
	make_room(t, x);
	return x;
}

bool policy_expect(struct policy_table *t, const struct rf_addr *inside, uint32_t binding_id,
		   const struct rf_addr *remote, uint64_t until_ns)
{
	struct expectation *x = get(t, inside, binding_id, remote, until_ns);

	if (x && until_ns > x->response_until_ns)
		x->response_until_ns = until_ns;
	return x != NULL;
}

bool policy_subscribed(struct policy_table *t, const struct rf_addr *inside, uint32_t binding_id,
		       const struct rf_addr *remote, uint64_t until_ns)
{
	struct expectation *x = get(t, inside, binding_id, remote, until_ns);

	if (x && until_ns > x->notify_until_ns)
		x->notify_until_ns = until_ns;
	return x != NULL;
}

const struct config_peer *policy_peer(const struct config *c, const struct rf_ep *remote)
{
	const struct config_peer *best = NULL;
	uint16_t i;

	for (i = 0; i < c->n_peers; i++) {
		const struct config_peer *p = &c->peers[i];

		if (!prefix_has(&p->address, &remote->addr) ||
		    (p->port && remote->port && htons(p->port) != remote->port))
			continue;
		if (!best || p->address.len > best->address.len ||
		    (p->address.len == best->address.len && p->port && !best->port))
			best = p;
	}
	return best;
}

bool policy_is_open(const struct config *c)
{
	return c->has_inbound && !c->n_peers;
}

/* No other host than that. */
static bool open_to_all(const struct policy_query *q)
{
	return policy_is_open(q->config) &&
	       (!q->binding || addr_eq(&q->binding->inside.addr, &q->config->inbound.addr));
}

enum policy_verdict policy_request(const struct policy_table *t, const struct policy_query *q,
				   enum sip_method m)
{
	if (policy_peer(q->config, &q->remote))
		return POLICY_PEER;
	if (q->in_dialog)
		return POLICY_DIALOG;
	if (q->binding) {
		if (registration_is_registrar(q->registrations, q->binding->id, &q->remote.addr,
					      q->now_ns))
			return POLICY_REGISTRAR;
		if (m == SIP_M_NOTIFY && q->subscribed)
			return POLICY_SUBSCRIPTION;
	}
	return open_to_all(q) ? POLICY_ANYBODY : POLICY_REFUSED;
}

bool policy_notifies(const struct policy_table *t, const struct policy_query *q)
{
	const struct expectation *x = q->binding ? find(t, q->binding->id, &q->remote.addr) : NULL;

	return x && q->now_ns < x->notify_until_ns;
}

bool policy_answers_for(const struct policy_query *q, const struct rf_addr *asked)
{
	const struct rf_ep at[2] = { { .addr = *asked }, { .addr = q->remote.addr } };
	const struct config_peer *peer = policy_peer(q->config, &at[0]);

	if (addr_eq(asked, &q->remote.addr))
		return true;
	if (peer && peer == policy_peer(q->config, &at[1]))
		return true;
	return q->binding &&
	       registration_is_registrar(q->registrations, q->binding->id, asked, q->now_ns) &&
	       registration_is_registrar(q->registrations, q->binding->id, &q->remote.addr,
					 q->now_ns);
}

bool policy_answers_as_peer(const struct policy_query *q)
{
	const struct rf_ep at = { .addr = q->remote.addr };

	return policy_peer(q->config, &at) != NULL;
}

enum policy_verdict policy_response(const struct policy_table *t, const struct policy_query *q)
{
	const struct expectation *x = q->binding ? find(t, q->binding->id, &q->remote.addr) : NULL;

	if (x && q->now_ns < x->response_until_ns)
		return POLICY_EXPECTED;
	return q->in_dialog ? POLICY_DIALOG : POLICY_REFUSED;
}

enum rf_reason policy_reason(enum policy_verdict v)
{
	return v == POLICY_REFUSED ? RF_R_SIP_UNKNOWN_PEER : RF_R_NONE;
}

const char *policy_name(enum policy_verdict v)
{
	static const char *const names[] = {
		[POLICY_REFUSED] = "refused",	    [POLICY_PEER] = "peer",
		[POLICY_REGISTRAR] = "registrar",   [POLICY_DIALOG] = "dialog",
		[POLICY_SUBSCRIPTION] = "notifier", [POLICY_EXPECTED] = "expected",
		[POLICY_ANYBODY] = "anybody",
	};

	return names[v];
}

void policy_tick(struct policy_table *t, uint64_t now_ns)
{
	struct expiry *e;

	while ((e = expiry_pop(&t->heap, now_ns)))
		forget(t, e);
}
