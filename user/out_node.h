/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tree behind out.h, for its printers only.
 */
#ifndef RF_OUT_NODE_H
#define RF_OUT_NODE_H

#include "out.h"

#define OUT_COLUMNS_MAX 32

enum out_type { OUT_T_RECORD, OUT_T_LIST, OUT_T_STRING, OUT_T_U64, OUT_T_DOUBLE, OUT_T_BOOL };

struct out_node {
	struct out *out;
	struct out_node *parent, *first, *last, *next;
	enum out_type type;
	const char *key, *label;
	char *text; /* strings; what text shows; NULL: null */
	union {
		uint64_t u64;
		double real;
		bool flag;
	};
	/* lists */
	enum out_style style;
	const char *empty;
	bool opened; /* its beginning is printed already */
	bool to_errors;
	size_t pending; /* items not printed yet */
	size_t printed;
	unsigned int widths[OUT_COLUMNS_MAX]; /* so far, for a list that is printed in pieces */
};

struct out {
	enum out_format format;
	FILE *data, *errors;
	struct out_node *root;
	bool no_memory, failed;
	bool opened; /* JSON: the brace is printed */
	bool flushed; /* documents went out already: an empty last one is none */
	size_t printed; /* children of the root */
};

void out_node_free(struct out_node *n);
void out_children_free(struct out_node *n);

/* The printers: the root's children so far; all: also what could still grow. The root itself stays. */
void out_json_print(struct out *o, bool all);
void out_text_print(struct out *o, bool all);

unsigned int out_width(const char *s); /* in columns, of clean text */

#endif
