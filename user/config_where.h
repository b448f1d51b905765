/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In which line of a JSON text a key stands, and which keys stand there twice: what json-c does not
 * tell. Only for texts that json-c has accepted; what cannot be followed has simply no line.
 */
#ifndef RF_CONFIG_WHERE_H
#define RF_CONFIG_WHERE_H

#include "view.h"

#define WHERE_PATH_MAX	  120
#define WHERE_ENTRIES_MAX 16384

struct where_entry {
	char path[WHERE_PATH_MAX]; /* "peers[0].address" */
	struct view key; /* as written, in the text */
	unsigned int line; /* of the key, or of an array's element; from 1 */
	unsigned int first_line; /* the same key stood there before; 0: no duplicate */
};

struct where {
	struct where_entry *v;
	size_t n, cap;
};

/* 0 or -ENOMEM. */
int where_build(struct where *w, struct view text);
/* The line of a path, of its nearest parent if it has none itself, or 0. */
unsigned int where_line(const struct where *w, const char *path);
void where_free(struct where *w);
/* Line and column (both from 1) of an offset. */
void where_offset(struct view text, size_t offset, unsigned int *line, unsigned int *column);
/* How much of the text from offset on is white space and comments. */
size_t where_skip(struct view text, size_t offset);

#endif
