// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree as text for people: blocks, aligned lines and tables.
 */
#include <stdlib.h>
#include <string.h>

#include "out_node.h"

#define GAP 2 /* columns between columns */

unsigned int out_width(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* The next field after n in a record, walking into nested records; n NULL: the first one. */
static const struct out_node *next_field(const struct out_node *record, const struct out_node *n)
{
	const struct out_node *c = n ? n->next : record->first;
	const struct out_node *in = n ? n->parent : record;

	for (;;) {
		if (!c) {
			if (in == record)
				return NULL;
			c = in->next;
			in = in->parent;
		} else if (c->type == OUT_T_RECORD) {
			in = c;
			c = c->first;
		} else if (c->type == OUT_T_LIST) {
			c = c->next;
		} else {
			return c;
		}
	}
}

static const char *shown(const struct out_node *n)
{
	return n->text ? n->text : "";
}

static bool is_number(const struct out_node *n)
{
	return n->type == OUT_T_U64 || n->type == OUT_T_DOUBLE;
}

static void pad(FILE *f, unsigned int n)
{
	fprintf(f, "%*s", (int)n, "");
}

static void block(FILE *f, const struct out_node *record, unsigned int indent);

/* Blanks are written only before something, so that no line ends with them. */
struct line {
	FILE *f;
	unsigned int owed;
};

static void cell(struct line *l, const char *text, unsigned int width, bool right)
{
	unsigned int n = out_width(text), fill = n < width ? width - n : 0;

	if (*text) {
		pad(l->f, l->owed + (right ? fill : 0));
		fputs(text, l->f);
		l->owed = (right ? 0 : fill) + GAP;
	} else {
		l->owed += width + GAP;
	}
}

static void measure(struct out_node *list)
{
	bool used[OUT_COLUMNS_MAX] = { false };
	const struct out_node *f;

	for (const struct out_node *c = list->first; c; c = c->next) {
		unsigned int i = 0;

		if (c->type != OUT_T_RECORD)
			continue;
		for (f = next_field(c, NULL); f && i < OUT_COLUMNS_MAX; f = next_field(c, f), i++) {
			unsigned int n = out_width(shown(f)), head = out_width(f->label);

			if (n > list->widths[i])
				list->widths[i] = n;
			used[i] = used[i] || n;
			if (list->style == OUT_TABLE && used[i] && head > list->widths[i])
				list->widths[i] = head;
		}
	}
}

static void header(FILE *f, const struct out_node *list, unsigned int indent)
{
	struct line l = { f, indent };
	unsigned int i = 0;

	if (!list->first || list->first->type != OUT_T_RECORD)
		return;
	for (const struct out_node *n = next_field(list->first, NULL); n && i < OUT_COLUMNS_MAX;
	     n = next_field(list->first, n), i++)
		if (list->widths[i])
			cell(&l, n->label, list->widths[i], is_number(n));
	fputc('\n', f);
}

static void nested_lists(FILE *f, const struct out_node *record, unsigned int indent);

static void row(FILE *f, const struct out_node *list, const struct out_node *record,
		unsigned int indent)
{
	struct line l = { f, indent };
	unsigned int i = 0;

	for (const struct out_node *n = next_field(record, NULL); n && i < OUT_COLUMNS_MAX;
	     n = next_field(record, n), i++)
		if (list->widths[i])
			cell(&l, shown(n), list->widths[i], is_number(n));
	fputc('\n', f);
	nested_lists(f, record, indent + GAP);
}

static void list_print(FILE *f, struct out_node *list, unsigned int indent)
{
	if (!list->opened && list->label && *list->label && list->first) {
		pad(f, indent);
		fprintf(f, "%s\n", list->label);
	}
	if (list->label && *list->label)
		indent += GAP;
	if (list->style != OUT_BLOCKS)
		measure(list);
	if (list->style == OUT_TABLE && !list->opened)
		header(f, list, indent);
	for (const struct out_node *c = list->first; c; c = c->next) {
		if (c->type == OUT_T_STRING) {
			pad(f, indent);
			fprintf(f, "%s\n", shown(c));
		} else if (list->style == OUT_BLOCKS) {
			if (list->printed++ && !indent)
				fputc('\n', f);
			block(f, c, indent);
		} else {
			row(f, list, c, indent);
		}
		list->opened = true;
	}
}

static void nested_lists(FILE *f, const struct out_node *record, unsigned int indent)
{
	for (struct out_node *c = record->first; c; c = c->next) {
		if (c->type == OUT_T_LIST)
			list_print(f, c, indent);
		else if (c->type == OUT_T_RECORD)
			nested_lists(f, c, indent);
	}
}

static void block(FILE *f, const struct out_node *record, unsigned int indent)
{
	struct line l = { f, indent };
	unsigned int width = 0;
	const struct out_node *n;
	bool head = false;

	for (n = next_field(record, NULL); n; n = next_field(record, n)) {
		if (!*shown(n))
			continue;
		if (!*n->label) {
			cell(&l, shown(n), 0, false);
			head = true;
		} else if (out_width(n->label) > width) {
			width = out_width(n->label);
		}
	}
	if (head)
		fputc('\n', f);
	for (n = next_field(record, NULL); n; n = next_field(record, n)) {
		if (!*shown(n) || !*n->label)
			continue;
		l = (struct line){ f, indent + (head ? GAP : 0) };
		cell(&l, n->label, width, false);
		cell(&l, shown(n), 0, false);
		fputc('\n', f);
	}
	nested_lists(f, record, indent + (head ? GAP : 0));
}

static void root_list(struct out *o, struct out_node *list, bool complete)
{
	FILE *f = list->to_errors ? o->errors : o->data;

	if (!list->opened && o->printed && (list->first || list->empty) && !list->to_errors)
		fputc('\n', f);
	if (!list->opened && !list->first && list->empty && complete)
		fprintf(f, "%s\n", list->empty);
	o->printed += list->first || (list->empty && complete);
	list_print(f, list, 0);
	out_children_free(list);
	list->pending = 0;
}

/* The root's fields form a block; each of its lists is a section of its own. */
void out_text_print(struct out *o, bool all)
{
	struct out_node *root = o->root, *lists = NULL, **tail = &lists;

	/* Fields first, also those that were added after a list. */
	for (struct out_node **p = &root->first; *p;) {
		struct out_node *c = *p;

		if (c->type == OUT_T_LIST) {
			*p = c->next;
			c->next = NULL;
			*tail = c;
			tail = &c->next;
		} else {
			p = &c->next;
		}
	}
	if (root->first) {
		block(o->data, root, 0);
		o->printed++;
		out_children_free(root);
	}
	root->first = root->last = NULL;
	while (lists) {
		struct out_node *c = lists;
		bool open = !all && !c->next;

		root_list(o, c, !open);
		lists = c->next;
		if (open) {
			root->first = root->last = c;
			return;
		}
		out_node_free(c);
	}
}
