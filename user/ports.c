// SPDX-License-Identifier: GPL-2.0-only
/*
 * Public media ports: one bitmap of the 32,768 pairs per public address. The range is given with
 * each request, so a reload that changes it applies at once and strands nothing.
 */
#include "ports.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define PAIRS 32768
#define WORD  64

struct pool {
	struct pool *next;
	uint32_t ifindex;
	struct rf_addr wire;
	unsigned int cursor; /* pair to look at first */
	uint64_t taken[PAIRS / WORD]; /* bit i: ports 2i and 2i + 1 */
};

struct share_key { /* compared and hashed as bytes */
	uint64_t seed; /* keeps inside hosts from choosing endpoints that fall into one bucket */
	struct ports_user user;
	uint32_t pad;
};
_Static_assert(sizeof(struct share_key) == 72, "share_key");

struct share {
	UT_hash_handle hh;
	struct share_key key;
	uint32_t refs;
	uint16_t base;
	struct share *moved; /* ports_moved(): the next one */
};

/* Left to others on one device */
struct excepted {
	uint32_t ifindex;
	uint64_t never[PAIRS / WORD];
};

struct ports {
	struct excepted excepted[CONFIG_WANS_MAX];
	const uint64_t *others; /* NULL: nobody tells */
	uint64_t now_s;
	struct pool *pools; /* one per WAN address: a handful */
	size_t n_taken;
	struct share *shares;
	struct share anchor; /* among them, so that they are never none: see ports_moved() */
};

struct ports *ports_new(void)
{
	struct ports *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->anchor.key.user.ifindex = UINT32_MAX; /* nobody's */
	if (hash_add(hh, p->shares, key, sizeof(p->anchor.key), &p->anchor))
		return p;
	free(p);
	return NULL;
}

void ports_free(struct ports *p)
{
	struct share *s, *next_share;
	struct pool *next;

	if (!p)
		return;
	HASH_ITER (hh, p->shares, s, next_share) {
		HASH_DEL(p->shares, s);
		if (s != &p->anchor)
			free(s);
	}
	for (struct pool *q = p->pools; q; q = next) {
		next = q->next;
		free(q);
	}
	free(p);
}

static struct pool *pool_find(const struct ports *p, uint32_t ifindex, const struct rf_addr *wire)
{
	for (struct pool *q = p->pools; q; q = q->next)
		if (q->ifindex == ifindex && addr_eq(&q->wire, wire))
			return q;
	return NULL;
}

static struct pool *pool_get(struct ports *p, uint32_t ifindex, const struct rf_addr *wire)
{
	struct pool *q = pool_find(p, ifindex, wire);

	if (q)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->ifindex = ifindex;
	q->wire = *wire;
	q->next = p->pools;
	p->pools = q;
	return q;
}

static bool pair_taken(const struct pool *q, unsigned int i)
{
	return q->taken[i / WORD] >> (i % WORD) & 1;
}

/* Which pairs are sought */
struct search {
	const struct pool *q;
	const struct excepted *except; /* NULL: none */
	const struct ports *resting; /* those of others rest; NULL: whatever is free */
};

/* Somebody else's a moment ago: his answers pass anyhow, but he would not know the call's packets. */
static bool pair_rests(const struct ports *p, unsigned int i)
{
	for (unsigned int port = 2 * i; port < 2 * i + 2; port++)
		if (p->others[port] && (int64_t)(p->now_s - p->others[port]) <= PORTS_RESTING_S)
			return true;
	return false;
}

/* First free pair in [from, to), or to. Full words are passed over at once. */
static unsigned int next_free(const struct search *s, unsigned int from, unsigned int to)
{
	while (from < to) {
		uint64_t never = s->except ? s->except->never[from / WORD] : 0;
		uint64_t free_bits = ~(s->q->taken[from / WORD] | never) >> (from % WORD);

		if (free_bits) {
			from += (unsigned int)__builtin_ctzll(free_bits);
			return from < to ? from : to;
		}
		from = (from / WORD + 1) * WORD;
	}
	return to;
}

/* Pairs i..i+n-1 all free? Otherwise *busy is the last one that is not. */
static bool run_free(const struct search *s, unsigned int i, unsigned int n, unsigned int *busy)
{
	for (unsigned int k = n; k-- > 0;) {
		unsigned int at = i + k;

		if (pair_taken(s->q, at) ||
		    (s->except && s->except->never[at / WORD] >> (at % WORD) & 1) ||
		    (s->resting && pair_rests(s->resting, at))) {
			*busy = i + k;
			return false;
		}
	}
	return true;
}

/* First run of n free pairs that begins in [from, to) and ends before end; PAIRS: none. */
static unsigned int find_run(const struct search *s, unsigned int from, unsigned int to,
			     unsigned int end, unsigned int n)
{
	unsigned int busy;

	while ((from = next_free(s, from, to)) < to && from + n <= end) {
		if (run_free(s, from, n, &busy))
			return from;
		from = busy + 1;
	}
	return PAIRS;
}

static void mark(struct ports *p, struct pool *q, unsigned int i, unsigned int n, bool taken)
{
	for (unsigned int k = i; k < i + n; k++) {
		assert(pair_taken(q, k) != taken);
		q->taken[k / WORD] ^= 1ULL << (k % WORD);
	}
	if (taken)
		p->n_taken += n;
	else
		p->n_taken -= n;
}

static const struct excepted *excepted_find(const struct ports *p, uint32_t ifindex)
{
	for (size_t i = 0; i < CONFIG_WANS_MAX; i++)
		if (p->excepted[i].ifindex == ifindex)
			return &p->excepted[i];
	return NULL;
}

void ports_except(struct ports *p, unsigned int i, uint32_t ifindex, const struct config_range *v,
		  size_t n)
{
	struct excepted *x = &p->excepted[i];

	*x = (struct excepted){ .ifindex = ifindex };
	for (size_t r = 0; r < n; r++)
		for (unsigned int k = v[r].lo / 2u; v[r].lo && k <= v[r].hi / 2u; k++)
			x->never[k / WORD] |= 1ULL << (k % WORD);
}

void ports_others(struct ports *p, const uint64_t *by_port, uint64_t now_s)
{
	p->others = by_port;
	p->now_s = now_s;
}

/* The pair wanted (0: none), else the next after those given last; PAIRS: none. */
static unsigned int choose(const struct search *s, unsigned int want, unsigned int first,
			   unsigned int end, unsigned int n)
{
	unsigned int start = s->q->cursor, i, busy;

	if (want && run_free(s, want, n, &busy))
		return want;
	if (start < first || start >= end)
		start = first;
	i = find_run(s, start, end, end, n);
	return i == PAIRS ? find_run(s, first, start, end, n) : i;
}

int ports_take(struct ports *p, uint32_t ifindex, const struct rf_addr *wire, uint16_t lo,
	       uint16_t hi, uint16_t preferred, unsigned int n, uint16_t *base)
{
	unsigned int first = (lo + 1u) / 2, end = (hi + 1u) / 2; /* whole pairs within lo..hi */
	unsigned int i, want = preferred / 2u;
	struct search s = { .except = excepted_find(p, ifindex), .resting = p->others ? p : NULL };
	struct pool *q;

	if (!first)
		first = 1; /* port 0 is no port */
	if (n == 0 || n > PAIRS || first >= end)
		return -EINVAL;
	q = pool_get(p, ifindex, wire);
	if (!q)
		return -ENOMEM;
	s.q = q;
	if (preferred & 1 || want < first || want + n > end)
		want = 0;
	i = choose(&s, want, first, end, n);
	if (i == PAIRS && s.resting) {
		s.resting = NULL;
		i = choose(&s, want, first, end, n);
	}
	if (i == PAIRS)
		return -ENOSPC;
	if (i != want)
		q->cursor = i + n;
	mark(p, q, i, n, true);
	*base = (uint16_t)(i * 2);
	return 0;
}

int ports_claim(struct ports *p, uint32_t ifindex, const struct rf_addr *wire, uint16_t base,
		unsigned int n)
{
	unsigned int i = base / 2u, busy;
	struct search s = { 0 };
	struct pool *q;

	if (base == 0 || base & 1 || n == 0 || n > PAIRS - i)
		return -EINVAL;
	q = pool_get(p, ifindex, wire);
	if (!q)
		return -ENOMEM;
	s.q = q;
	if (!run_free(&s, i, n, &busy))
		return -EADDRINUSE;
	mark(p, q, i, n, true);
	return 0;
}

void ports_release(struct ports *p, uint32_t ifindex, const struct rf_addr *wire, uint16_t base,
		   unsigned int n)
{
	struct pool *q = pool_find(p, ifindex, wire);

	assert(q && !(base & 1) && base / 2u + n <= PAIRS);
	mark(p, q, base / 2u, n, false);
}

static struct share_key share_key(const struct ports *p, const struct ports_user *u)
{
	struct share_key k = {
		/* ASLR is random enough here */
		.seed = (uint64_t)(uintptr_t)p * 0x9e3779b97f4a7c15ull,
		.user = *u,
	};

	k.user.inside.pad = 0;
	return k;
}

static struct share *share_find(const struct ports *p, const struct ports_user *u)
{
	struct share_key k = share_key(p, u);
	struct share *s;

	HASH_FIND(hh, p->shares, &k, sizeof(k), s);
	return s;
}

/* One that has no base yet. */
static struct share *share_add(struct ports *p, const struct ports_user *u)
{
	struct share *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->key = share_key(p, u);
	s->refs = 1;
	if (hash_add(hh, p->shares, key, sizeof(s->key), s))
		return s;
	free(s);
	return NULL;
}

static void share_remove(struct ports *p, struct share *s)
{
	HASH_DEL(p->shares, s);
	free(s);
}

int ports_share(struct ports *p, const struct ports_user *u, uint16_t lo, uint16_t hi,
		uint16_t *base)
{
	struct share *s = share_find(p, u);
	int err;

	if (s) {
		s->refs++;
		*base = s->base;
		return 0;
	}
	s = share_add(p, u);
	if (!s)
		return -ENOMEM;
	err = ports_take(p, u->ifindex, &u->wire, lo, hi, ntohs(u->inside.port), u->pairs,
			 &s->base);
	if (err)
		share_remove(p, s);
	else
		*base = s->base;
	return err;
}

int ports_share_claim(struct ports *p, const struct ports_user *u, uint16_t base)
{
	struct share *s = share_find(p, u);
	int err;

	if (s && s->base != base)
		return -EADDRINUSE;
	if (s) {
		s->refs++;
		return 0;
	}
	s = share_add(p, u);
	if (!s)
		return -ENOMEM;
	err = ports_claim(p, u->ifindex, &u->wire, base, u->pairs);
	if (err)
		share_remove(p, s);
	else
		s->base = base;
	return err;
}

void ports_share_release(struct ports *p, const struct ports_user *u)
{
	struct share *s = share_find(p, u);

	if (!s || --s->refs) /* none: see ports_moved() */
		return;
	ports_release(p, u->ifindex, &u->wire, s->base, u->pairs);
	share_remove(p, s);
}

void ports_moved(struct ports *p, const struct wan_moves *moves)
{
	struct share *s, *next, *moved = NULL;

	for (struct pool *q = p->pools; q; q = q->next)
		q->ifindex = wan_moves_to(moves, q->ifindex);
	HASH_ITER (hh, p->shares, s, next) {
		if (wan_moves_to(moves, s->key.user.ifindex) == s->key.user.ifindex)
			continue;
		HASH_DEL(p->shares, s);
		s->moved = moved;
		moved = s;
	}
	for (s = moved; s; s = next) {
		next = s->moved;
		s->key.user.ifindex = wan_moves_to(moves, s->key.user.ifindex);
		/* takes no memory but by an accident of the hash; the port stays taken then */
		if (!hash_add(hh, p->shares, key, sizeof(s->key), s))
			free(s);
	}
}

bool ports_is_taken(const struct ports *p, uint32_t ifindex, const struct rf_addr *wire,
		    uint16_t port)
{
	const struct pool *q = pool_find(p, ifindex, wire);

	return q && pair_taken(q, port / 2u);
}

size_t ports_taken(const struct ports *p)
{
	return p->n_taken;
}
