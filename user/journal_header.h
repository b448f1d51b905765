/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal's first bytes: whose file it is, by which version, of which boot.
 */
#ifndef RF_JOURNAL_HEADER_H
#define RF_JOURNAL_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "journal.h"

#define JOURNAL_HEADER_SIZE 56 /* as this version writes it */

enum journal_header_kind { JOURNAL_OURS, JOURNAL_EMPTY, JOURNAL_FOREIGN, JOURNAL_OTHER };

struct journal_header_found {
	enum journal_header_kind kind;
	uint64_t begin; /* of the entries; also of one that is empty */
	bool plain; /* as of struct journal_frame */
	bool damaged; /* and ours nevertheless */
};

/* 0 or -errno: what could not be read is no other's. */
int journal_header_find(int fd, const struct journal_owner *owner,
			struct journal_header_found *out);
int journal_header_write(int fd, const struct journal_owner *owner); /* 0 or -errno */

#endif
