/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines of many entries without a scan: a binary heap in which an entry that is extended stays
 * where it is and is only moved when its old deadline comes up. So extending, which happens with
 * every message, costs one store.
 */
#ifndef RF_EXPIRY_H
#define RF_EXPIRY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPIRY_NEVER UINT64_MAX

struct expiry { /* embedded in the entry */
	uint64_t until_ns; /* the deadline that holds */
	uint64_t key_ns; /* the deadline by which the heap is ordered; never later than until_ns */
	size_t at;
};

struct expiry_heap {
	struct expiry **v;
	size_t n, cap;
};

static inline void expiry_place(struct expiry_heap *h, size_t at, struct expiry *e)
{
	h->v[at] = e;
	e->at = at;
}

static inline void expiry_sift(struct expiry_heap *h, struct expiry *e)
{
	size_t at = e->at, child;

	while (at && h->v[(at - 1) / 2]->key_ns > e->key_ns) {
		expiry_place(h, at, h->v[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	while ((child = 2 * at + 1) < h->n) {
		if (child + 1 < h->n && h->v[child + 1]->key_ns < h->v[child]->key_ns)
			child++;
		if (h->v[child]->key_ns >= e->key_ns)
			break;
		expiry_place(h, at, h->v[child]);
		at = child;
	}
	expiry_place(h, at, e);
}

/* 0 or -ENOMEM. */
static inline int expiry_add(struct expiry_heap *h, struct expiry *e, uint64_t until_ns)
{
	if (h->n == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 64;
		struct expiry **v = realloc(h->v, cap * sizeof(struct expiry *));

		if (!v)
			return -ENOMEM;
		h->v = v;
		h->cap = cap;
	}
	e->until_ns = e->key_ns = until_ns;
	e->at = h->n++;
	expiry_sift(h, e);
	return 0;
}

static inline void expiry_remove(struct expiry_heap *h, struct expiry *e)
{
	struct expiry *last = h->v[--h->n];

	if (last == e)
		return;
	last->at = e->at;
	expiry_sift(h, last);
}

/* Sets the deadline, earlier or later than it was. */
static inline void expiry_set(struct expiry_heap *h, struct expiry *e, uint64_t until_ns)
{
	e->until_ns = until_ns;
	if (until_ns < e->key_ns) {
		e->key_ns = until_ns;
		expiry_sift(h, e);
	}
}

/* Never shortens. */
static inline void expiry_extend(struct expiry *e, uint64_t until_ns)
{
	if (until_ns > e->until_ns)
		e->until_ns = until_ns;
}

/* Takes out the entry that ends first, due or not; NULL when there is none. */
static inline struct expiry *expiry_take_first(struct expiry_heap *h)
{
	struct expiry *e = h->n ? h->v[0] : NULL;

	for (; e && e->key_ns != e->until_ns; e = h->v[0]) {
		e->key_ns = e->until_ns;
		expiry_sift(h, e);
	}
	if (e)
		expiry_remove(h, e);
	return e;
}

/* Takes out one entry whose deadline is not after now; NULL when there is none. */
static inline struct expiry *expiry_pop(struct expiry_heap *h, uint64_t now_ns)
{
	while (h->n && h->v[0]->key_ns <= now_ns) {
		struct expiry *e = h->v[0];

		if (e->until_ns <= now_ns) {
			expiry_remove(h, e);
			return e;
		}
		e->key_ns = e->until_ns;
		expiry_sift(h, e);
	}
	return NULL;
}

#endif
