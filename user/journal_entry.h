/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An entry of the journal's file, and how the whole ones are found again behind bytes that are none: each begins with
 * a mark, and its CRC begins with the instance's id, which nobody knows whose text stands in a record.
 */
#ifndef RF_JOURNAL_ENTRY_H
#define RF_JOURNAL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_ENTRY_HEAD_MAX 20

struct journal_frame {
	bool plain; /* as versions before wrote it: no mark, and no id in the CRC */
	uint64_t instance;
};

struct journal_entry {
	uint32_t kind; /* enum record_kind, perhaps with JOURNAL_FORGET */
	uint32_t id;
	uint32_t length; /* of the bytes behind its head */
};
#define JOURNAL_FORGET 0x8000

struct journal_damage {
	size_t entries; /* that are not whole; what stood in a place that is all broken counts as one */
	size_t bytes;
	size_t calls; /* of the entries, as far as they still say so */
};

size_t journal_entry_head_size(const struct journal_frame *f);
/* The head of an entry with these bytes; its size. */
size_t journal_entry_head(const struct journal_frame *f, const struct journal_entry *e,
			  const void *bytes, uint8_t head[JOURNAL_ENTRY_HEAD_MAX]);

int journal_entry_whole(int fd, const struct journal_frame *f, uint64_t at, bool *whole);

/* 0, or what ends the reading. at: where its head begins. */
typedef int journal_entry_cb(const struct journal_entry *e, uint64_t at, void *arg);
/*
 * Each whole entry from `begin` on, in order. *end: behind the last one, or begin. between: what was skipped before
 * it; behind: what follows it. 0 or -errno.
 */
int journal_entries(int fd, const struct journal_frame *f, uint64_t begin, journal_entry_cb *cb,
		    void *arg, uint64_t *end, struct journal_damage *between,
		    struct journal_damage *behind);

#endif
