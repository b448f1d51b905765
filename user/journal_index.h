/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which entry of the journal's file counts for each record. There is one for each call and more, so
 * they are small and stand in one array.
 */
#ifndef RF_JOURNAL_INDEX_H
#define RF_JOURNAL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_KIND_MAX   UINT8_MAX
#define JOURNAL_LENGTH_MAX ((1u << 23) - 1)

struct journal_place {
	uint64_t at; /* of the entry */
	uint32_t id;
	uint32_t length : 23, gone : 1, kind : 8; /* kind 0: unused; gone: the owner's */
};
_Static_assert(sizeof(struct journal_place) == 16, "journal_place");

struct journal_index { /* all zero: empty */
	struct journal_place *v; /* hashed: 1 << bits of them, at most three of four in use */
	unsigned int bits;
	size_t n; /* in use */
};

/* Valid until the next get or remove. */
struct journal_place *journal_index_find(const struct journal_index *x, uint32_t kind, uint32_t id);
/* Makes one, .at and .length 0, when there is none. NULL: out of memory. kind: 1 to JOURNAL_KIND_MAX. */
struct journal_place *journal_index_get(struct journal_index *x, uint32_t kind, uint32_t id);
void journal_index_remove(struct journal_index *x, struct journal_place *p);
void journal_index_free(struct journal_index *x);
/* All places in use, in this order of pointers to them; to be freed. NULL: out of memory. */
struct journal_place **journal_index_sorted(const struct journal_index *x,
					    int (*order)(const void *, const void *));

#endif
