// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open addressing, linear probing. Ids are ours and run on, so no sender can choose them to collide.
 */
#include "journal_index.h"

#include <stdbool.h>
#include <stdlib.h>

#define BITS_MIN 6

static size_t mask_of(const struct journal_index *x)
{
	return ((size_t)1 << x->bits) - 1;
}

/* Where a record's place is looked for first. */
static size_t home(const struct journal_index *x, uint32_t kind, uint32_t id)
{
	return (((uint64_t)id << 8 | kind) * 0x9e3779b97f4a7c15ull) >> (64 - x->bits);
}

/* Its place, or the unused one where it would be. */
static struct journal_place *look(const struct journal_index *x, uint32_t kind, uint32_t id)
{
	size_t i = home(x, kind, id);

	while (x->v[i].kind && (x->v[i].kind != kind || x->v[i].id != id))
		i = (i + 1) & mask_of(x);
	return &x->v[i];
}

struct journal_place *journal_index_find(const struct journal_index *x, uint32_t kind, uint32_t id)
{
	struct journal_place *p = x->v ? look(x, kind, id) : NULL;

	return p && p->kind ? p : NULL;
}

static bool grow(struct journal_index *x)
{
	struct journal_index more = { .bits = x->v ? x->bits + 1 : BITS_MIN, .n = x->n };
	size_t i;

	more.v = calloc((size_t)1 << more.bits, sizeof(*more.v));
	if (!more.v)
		return false;
	for (i = 0; x->v && i <= mask_of(x); i++)
		if (x->v[i].kind)
			*look(&more, x->v[i].kind, x->v[i].id) = x->v[i];
	free(x->v);
	*x = more;
	return true;
}

struct journal_place *journal_index_get(struct journal_index *x, uint32_t kind, uint32_t id)
{
	struct journal_place *p = journal_index_find(x, kind, id);

	if (p)
		return p;
	if ((!x->v || x->n + 1 > (mask_of(x) + 1) / 4 * 3) && !grow(x))
		return NULL;
	p = look(x, kind, id);
	*p = (struct journal_place){ .id = id, .kind = kind };
	x->n++;
	return p;
}

void journal_index_remove(struct journal_index *x, struct journal_place *p)
{
	size_t mask = mask_of(x), gap = p - x->v, i, from;

	/* What stands behind moves up, unless it would come before its home. */
	for (i = (gap + 1) & mask; x->v[i].kind; i = (i + 1) & mask) {
		from = home(x, x->v[i].kind, x->v[i].id);
		if (((i - from) & mask) < ((i - gap) & mask))
			continue;
		x->v[gap] = x->v[i];
		gap = i;
	}
	x->v[gap].kind = 0;
	x->n--;
}

void journal_index_free(struct journal_index *x)
{
	free(x->v);
	*x = (struct journal_index){ 0 };
}

struct journal_place **journal_index_sorted(const struct journal_index *x,
					    int (*order)(const void *, const void *))
{
	struct journal_place **sorted = calloc(x->n ? x->n : 1, sizeof(*sorted));
	size_t i, n = 0;

	if (!sorted)
		return NULL;
	for (i = 0; x->v && i <= mask_of(x); i++)
		if (x->v[i].kind)
			sorted[n++] = &x->v[i];
	qsort(sorted, n, sizeof(*sorted), order);
	return sorted;
}
