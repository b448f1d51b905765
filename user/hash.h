/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hash tables (uthash), and what happens when memory runs out. No other file includes uthash.h: its own way is to end
 * the process, here an entry that finds no memory is not in the table and its caller says so.
 *
 * Out of memory is an error like others, everywhere:
 *  - first everything that is needed is allocated, then the state changes. What fails before leaves nothing behind.
 *  - A message that cannot be handled is not sent on: RF_R_OUT_OF_MEMORY, counted in memory that is there since the
 *    start. Its retransmission gets another chance. Facts that stay all the same are those that it would bring again.
 *  - What ends (a pinhole, a call) needs no memory, or is tried again until it has it (engine_tick()).
 *  - What could not be saved is saved later; the message goes on, as with a full disk.
 * tests/unit/test_memory.c lets the n-th allocation fail, one after the other.
 */
#ifndef RF_HASH_H
#define RF_HASH_H

#include <stdbool.h>

#ifdef UTHASH_H
#error "uthash.h is included by hash.h only"
#endif
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

static inline __attribute__((warn_unused_result)) bool hash_added(const struct UT_hash_table *t)
{
	return t != NULL;
}

/* True: it is in. False: out of memory, the table is as it was. As HASH_ADD_KEYPTR and HASH_ADD of uthash. */
#define hash_add_key(hh, head, key, size, add)             \
	({                                                 \
		HASH_ADD_KEYPTR(hh, head, key, size, add); \
		hash_added((add)->hh.tbl);                 \
	})
#define hash_add(hh, head, field, size, add) hash_add_key(hh, head, &((add)->field), size, add)

#endif
