/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the journal into the deciders, at the start of the controller; what cannot be read is counted, never
 * passed over.
 */
#ifndef RF_RESTORE_H
#define RF_RESTORE_H

#include "engine.h"
#include "journal.h"

#define RESTORE_TEXT_MAX 200

struct restore_report {
	size_t unread[RECORD_PINHOLE +
		      2]; /* by enum record_kind; the last: kinds that are not known */
	size_t n_unread;
	unsigned int version; /* that the first of them says to have; 0: none, it is too short */
};

/* 0 or -errno: the journal cannot be read. engine_restored() is the caller's. */
int restore_records(struct journal *j, struct engine *e, uint64_t now_ns,
		    struct restore_report *out);

/* "2 calls, 1 registration"; buf of RESTORE_TEXT_MAX; returns buf. */
const char *restore_unread_text(const struct restore_report *r, char *buf);

#endif
