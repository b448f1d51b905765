/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only writer of the pinhole maps: carries pinhole and signalling specs out on them, leaves
 * tombstones behind closed ones and removes these once their senders are silent.
 */
#ifndef RF_PINHOLE_TABLE_H
#define RF_PINHOLE_TABLE_H

#include "action.h"
#include "datapath.h"

struct pinhole_table;

/* Reads the maps once. NULL: out of memory or unreadable maps. */
struct pinhole_table *pinhole_table_new(const struct datapath *dp);
void pinhole_table_free(struct pinhole_table *t); /* NULL ok; the maps stay as they are */

/* Of pinholes of calls; the other ranges of ids (action.h) come from the journal. */
uint32_t pinhole_table_highest_id(const struct pinhole_table *t);

/* Open, and set by this process? */
bool pinhole_table_has(const struct pinhole_table *t, uint32_t id);
/* When a packet was last delivered, either way; 0: never. -ENOENT: there is no such pinhole of media. */
int pinhole_table_last(const struct pinhole_table *t, uint32_t id, uint64_t *last_ns);
/* 0 or -errno (-E2BIG, -ENOSPC: full, although every tombstone gave way; -EADDRINUSE: signalling has the
 * place, or media of another inside endpoint the public one); nothing is then half open. */
int pinhole_table_set(struct pinhole_table *t, const struct pinhole_spec *s);
int pinhole_table_close(struct pinhole_table *t, const struct pinhole_spec *s, uint64_t now_ns);
int pinhole_table_signal_set(struct pinhole_table *t, const struct signal_spec *s);
int pinhole_table_signal_close(struct pinhole_table *t, const struct signal_spec *s);

/* After a start, once all restored specs were set: what the maps hold beyond that is closed.
 * Returns the number of closed entries. */
size_t pinhole_table_reconcile(struct pinhole_table *t, uint64_t now_ns);
/* Removes tombstones that no packet hit for 60 s, and makes plain what has opened (out_first.h). Call about once a
 * second. */
void pinhole_table_sweep(struct pinhole_table *t, uint64_t now_ns);

#endif
