// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses in two heaps by what they hold that may give way: who holds most is found without a scan.
 */
#include "share.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "addr.h"

static bool is_stranger(const struct share_host *h)
{
	return h->key.kind == SHARE_STRANGER;
}

static struct expiry_heap *heap_of(struct share *s, const struct share_host *h)
{
	return is_stranger(h) ? &s->strangers : &s->known;
}

static void charge(struct share *s, struct share_host *h, size_t more, size_t less)
{
	s->held += more - less;
	h->held += more - less;
	if (is_stranger(h))
		s->strangers_held += more - less;
}

/* After any change of what it has that may give way. */
static void rank(struct share *s, struct share_host *h)
{
	uint64_t key = UINT64_MAX;

	if (h->oldest)
		key = (uint64_t)(UINT32_MAX - (uint32_t)h->loose) << 32 | h->oldest->seq;
	h->rank.until_ns = h->rank.key_ns = key;
	expiry_sift(heap_of(s, h), &h->rank);
}

static void charge_loose(struct share *s, struct share_host *h, size_t more, size_t less)
{
	h->loose += more - less;
	if (is_stranger(h))
		s->strangers_loose += more - less;
}

static void append(struct share *s, struct share_item *i)
{
	i->seq = ++s->seq;
	DL_APPEND(i->host->oldest, i);
}

struct share_key share_remote(const struct rf_addr *a, bool known)
{
	struct share_key k = { .addr = *a, .kind = known ? SHARE_PEER : SHARE_STRANGER };

	if (!addr_is_v4(a))
		k.addr.w[2] = k.addr.w[3] = 0;
	return k;
}

static struct share_host *host_find(const struct share *s, const struct share_key *who)
{
	struct share_host *h;

	HASH_FIND(hh, s->hosts, who, sizeof(*who), h);
	return h;
}

static struct share_host *host_get(struct share *s, const struct share_key *who)
{
	struct share_host *h = host_find(s, who);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->key = *who;
	if (expiry_add(heap_of(s, h), &h->rank, UINT64_MAX)) {
		free(h);
		return NULL;
	}
	if (!hash_add(hh, s->hosts, key, sizeof(h->key), h)) {
		expiry_remove(heap_of(s, h), &h->rank);
		free(h);
		return NULL;
	}
	charge(s, h, s->host_cost, 0);
	return h;
}

int share_join(struct share *s, struct share_item *i, const struct share_key *who, size_t amount)
{
	struct share_host *h = host_get(s, who);

	if (!h)
		return -ENOMEM;
	*i = (struct share_item){ .host = h, .amount = amount };
	h->n++;
	append(s, i);
	charge(s, h, amount, 0);
	charge_loose(s, h, amount, 0);
	rank(s, h);
	return 0;
}

void share_leave(struct share *s, struct share_item *i)
{
	struct share_host *h = i->host;

	if (!h)
		return;
	charge(s, h, 0, i->amount);
	if (i->state != SHARE_FIRM) {
		DL_DELETE(h->oldest, i);
		charge_loose(s, h, 0, i->amount);
	}
	i->host = NULL;
	if (--h->n) {
		rank(s, h);
		return;
	}
	charge(s, h, 0, s->host_cost);
	expiry_remove(heap_of(s, h), &h->rank);
	HASH_DEL(s->hosts, h);
	free(h);
}

void share_resize(struct share *s, struct share_item *i, size_t amount)
{
	charge(s, i->host, amount, i->amount);
	if (i->state != SHARE_FIRM)
		charge_loose(s, i->host, amount, i->amount);
	i->amount = amount;
	rank(s, i->host);
}

void share_renew(struct share *s, struct share_item *i)
{
	if (i->state != SHARE_LOOSE)
		return;
	DL_DELETE(i->host->oldest, i);
	append(s, i);
	rank(s, i->host);
}

void share_state(struct share *s, struct share_item *i, enum share_state state)
{
	if (i->state == state)
		return;
	if (i->state == SHARE_FIRM)
		charge_loose(s, i->host, i->amount, 0);
	else
		DL_DELETE(i->host->oldest, i);
	i->state = state;
	switch (state) {
	case SHARE_LOOSE: append(s, i); break;
	case SHARE_FIRM: charge_loose(s, i->host, 0, i->amount); break;
	case SHARE_DONE:
		i->seq = 0;
		DL_PREPEND(i->host->oldest, i);
		break;
	}
	rank(s, i->host);
}

void share_free(struct share *s)
{
	free(s->known.v);
	free(s->strangers.v);
}

static size_t part(size_t max, size_t by)
{
	return max / by < SHARE_LEAST ? SHARE_LEAST : max / by;
}

enum share_over share_over(const struct share *s, const struct share_item *newest, size_t max,
			   size_t host_max)
{
	const struct share_host *h = newest->host;

	if (is_stranger(h) && part(max, SHARE_STRANGER_PART) < host_max)
		host_max = part(max, SHARE_STRANGER_PART);
	if (h->held > host_max)
		return SHARE_OVER_HOST;
	if (is_stranger(h) && s->strangers_held > part(max, SHARE_STRANGERS_PART))
		return SHARE_OVER_STRANGERS;
	return s->held > max ? SHARE_OVER_ALL : SHARE_FITS;
}

static struct share_item *oldest(const struct share_host *h, const struct share_item *but)
{
	return but && h->oldest == but ? but->next : h->oldest;
}

static const struct share_host *at(const struct expiry_heap *heap, size_t i)
{
	return (const struct share_host *)((char *)heap->v[i] - offsetof(struct share_host, rank));
}

/* Who comes first and has something else than that one entry, or the larger of the two behind. Who asks is taken
 * rather than others that hold as much. */
static const struct share_host *first(const struct expiry_heap *heap, const struct share_item *but)
{
	const struct share_host *best = NULL;

	for (size_t i = 0; i < 3 && i < heap->n; i++) {
		const struct share_host *h = at(heap, i);

		if (oldest(h, but) && (!best || h->rank.key_ns < best->rank.key_ns))
			best = h;
		if (!i && best)
			break;
	}
	if (best && but && but->host->loose == best->loose &&
	    is_stranger(but->host) == is_stranger(best) && oldest(but->host, but))
		return but->host;
	return best;
}

/* stranger: for one of these. Then a known host gives way only if it has more than fair. */
static struct share_item *most(const struct share *s, const struct share_item *but, bool stranger,
			       size_t fair)
{
	const struct share_host *k = first(&s->known, but), *x = first(&s->strangers, but);

	if (stranger && k && k->held <= fair)
		k = NULL;
	if (k && x)
		k = s->strangers_loose >= k->loose ? x : k;
	else if (!k)
		k = x;
	return k ? oldest(k, but) : NULL;
}

struct share_item *share_excess(const struct share *s, const struct share_item *newest, size_t max,
				size_t host_max)
{
	const struct share_host *h = newest->host;
	struct share_item *own;

	switch (share_over(s, newest, max, host_max)) {
	case SHARE_FITS: return NULL;
	case SHARE_OVER_HOST:
		own = oldest(h, newest);
		if (own || is_stranger(h) || s->held <= max)
			return own;
		break;
	case SHARE_OVER_STRANGERS:
		h = first(&s->strangers, newest);
		return h ? oldest(h, newest) : NULL;
	case SHARE_OVER_ALL: break;
	}
	return most(s, newest, is_stranger(newest->host), max / SHARE_HOST_PART);
}

struct share_item *share_wanted(const struct share *s, const struct share_key *who,
				const struct share_item *but, size_t host_max)
{
	const struct share_host *h = host_find(s, who);

	if (h && h->held > host_max && oldest(h, but))
		return oldest(h, but);
	return most(s, but, who->kind == SHARE_STRANGER, host_max);
}

void share_show(const struct share *s, const char *table, const struct rf_addr *of, size_t max,
		show_share_fn fn, void *arg)
{
	static const char *const kinds[] = {
		[SHARE_INSIDE] = "inside",
		[SHARE_PEER] = "peer",
		[SHARE_STRANGER] = "stranger",
	};
	struct show_share one = { .table = table,
				  .held = s->held,
				  .max = max,
				  .strangers = s->strangers_held,
				  .gave_way = s->n_gave_way,
				  .refused = s->n_refused };
	const struct share_host *most_held = NULL;

	for (const struct share_host *h = s->hosts; h; h = h->hh.next)
		if (!most_held || h->held > most_held->held)
			most_held = h;
	if (of)
		one.of = *of;
	if (most_held) {
		one.kind = kinds[most_held->key.kind];
		one.most = most_held->key.addr;
		one.most_held = most_held->held;
	}
	fn(&one, arg);
}
