/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records that outlive the process. One function describes a record and is run both ways: to write
 * it and to read it, so the two cannot drift apart:
 *
 *	static void thing_record(struct record *r, struct thing *t)
 *	{
 *		record_u32(r, &t->id);
 *		record_ep(r, &t->inside);
 *	}
 *
 * Integers are little endian. Every read is bounds-checked; the first error sticks, and what is read
 * after it is zero. Text and vectors carry their length.
 */
#ifndef RF_RECORD_H
#define RF_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "view.h"

struct record {
	bool reading;
	bool failed; /* sticky: damaged, too short, out of memory */
	bool no_memory; /* and that it was */
	/* writing: a buffer that grows and can be used again; reading: the bytes given */
	uint8_t *buf;
	size_t n, cap; /* bytes used (writing) or given (reading); allocated */
	size_t pos; /* reading */
	uint16_t
		version; /* of the record at hand, once its head is done: an older one may lack fields */
};

/* Starts a record; the memory of an earlier writing is used again. */
void record_write(struct record *r);
void record_read(struct record *r, struct view bytes);
void record_free(struct record *r); /* of a writer */
/* Reading went well and used every byte; writing went well. */
bool record_done(const struct record *r);
/* 0; else -ENOMEM, or -EINVAL: not a record that can be read. */
int record_error(const struct record *r);
/* Zeroed memory for what is read. NULL: the record has failed. */
void *record_calloc(struct record *r, size_t n, size_t size);

/* First bytes: which kind of record and which version of it. Written is `version`; read is any from
 * `oldest` to it, named by r->version then; another one fails. */
void record_head(struct record *r, uint32_t magic, uint16_t oldest, uint16_t version);
/* Of a record's head, whoever wrote it; 0: it has none. */
unsigned int record_version(struct view bytes);
void record_bytes(struct record *r, void *p, size_t n); /* fixed size */
void record_u8(struct record *r, uint8_t *v);
void record_u16(struct record *r, uint16_t *v);
/* One byte that has become two since. */
void record_u8_wide(struct record *r, uint16_t *v);
void record_u32(struct record *r, uint32_t *v);
void record_u64(struct record *r, uint64_t *v);
void record_bool(struct record *r, bool *v); /* reading: other than 0 and 1 fails */
/* A small enum; reading: values from limit on fail. */
#define record_enum(r, v, limit)                    \
	do {                                        \
		uint8_t record_e = (uint8_t) * (v); \
		record_u8(r, &record_e);            \
		if (record_e >= (limit)) {          \
			(r)->failed = true;         \
			record_e = 0;               \
		}                                   \
		*(v) = record_e;                    \
	} while (0)
/* The number of elements that follow; reading: more than max fails (and gives 0). */
void record_count(struct record *r, size_t *n, size_t max);
void record_addr(struct record *r, struct rf_addr *a);
void record_ep(struct record *r, struct rf_ep *ep);
/* Text up to max bytes. Reading: a view into the record's bytes. */
void record_view(struct record *r, struct view *v, size_t max);
/* NUL-terminated text in an array of size bytes. */
void record_text(struct record *r, char *buf, size_t size);

#endif
