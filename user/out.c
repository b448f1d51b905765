// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds the tree that the printers (out_text.c, out_json.c) print, and decides when they do.
 */
#include "out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "out_node.h"
#include "text_safe.h"

#define CHUNK 256 /* items of a list of the root that are kept before they are printed */

static struct out_node *node_new(struct out *o, struct out_node *parent, enum out_type type,
				 const char *key, const char *label)
{
	struct out_node *n = calloc(1, sizeof(*n));

	if (!n) {
		o->no_memory = true;
		return NULL;
	}
	n->out = o;
	n->type = type;
	n->key = key;
	n->label = label;
	n->parent = parent;
	if (!parent)
		return n;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

void out_children_free(struct out_node *n)
{
	while (n->first) {
		struct out_node *c = n->first;

		n->first = c->next;
		out_node_free(c);
	}
	n->last = NULL;
}

void out_node_free(struct out_node *n)
{
	if (!n)
		return;
	out_children_free(n);
	free(n->text);
	free(n);
}

static void print(struct out *o, bool all)
{
	if (o->format == OUT_TEXT)
		out_text_print(o, all);
	else
		out_json_print(o, all);
}

struct out *out_new(enum out_format format, FILE *data, FILE *errors)
{
	struct out *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->format = format;
	o->data = data;
	o->errors = errors;
	o->root = node_new(o, NULL, OUT_T_RECORD, NULL, NULL);
	if (!o->root) {
		free(o);
		return NULL;
	}
	return o;
}

int out_close(struct out *o)
{
	int err;

	if (!o->flushed || o->root->first)
		print(o, true);
	err = fflush(o->data) || ferror(o->data) ? -EIO : o->no_memory ? -ENOMEM : 0;
	out_node_free(o->root);
	free(o);
	return err;
}

int out_flush(struct out *o)
{
	print(o, true);
	out_children_free(o->root);
	o->opened = false;
	o->flushed = true;
	o->printed = 0;
	return fflush(o->data) || ferror(o->data) ? -EIO : 0;
}

enum out_format out_format(const struct out *o)
{
	return o->format;
}

struct out_node *out_root(struct out *o)
{
	return o->root;
}

bool out_failed(const struct out *o)
{
	return o->failed;
}

/* What the chosen output will not print is not even built. */
static bool wanted(const struct out_node *record, const char *key, const char *label)
{
	return record && (record->out->format == OUT_TEXT ? label != NULL : key != NULL);
}

static struct out_node *field(struct out_node *record, enum out_type type, const char *key,
			      const char *label)
{
	return wanted(record, key, label) ? node_new(record->out, record, type, key, label) : NULL;
}

struct out_node *out_list(struct out_node *record, const char *key, const char *title,
			  enum out_style style)
{
	struct out_node *n = NULL;

	if (record && !(style == OUT_HIDDEN && record->out->format == OUT_TEXT))
		n = node_new(record->out, record, OUT_T_LIST, key, title);

	if (n)
		n->style = style;
	return n;
}

void out_empty(struct out_node *list, const char *text)
{
	if (list)
		list->empty = text;
}

static void make_room(struct out_node *list)
{
	struct out *o = list->out;

	if (list->parent == o->root && list == o->root->last && list->pending >= CHUNK)
		print(o, false);
	list->pending++;
}

struct out_node *out_item(struct out_node *list)
{
	if (!list)
		return NULL;
	make_room(list);
	return node_new(list->out, list, OUT_T_RECORD, NULL, NULL);
}

struct out_node *out_record(struct out_node *record, const char *key)
{
	return record ? node_new(record->out, record, OUT_T_RECORD, key, NULL) : NULL;
}

static void set_text(struct out_node *n, const char *text)
{
	if (!n || !text)
		return;
	free(n->text);
	n->text = n->out->format == OUT_TEXT ? strdup(text) : text_utf8(text);
	if (!n->text)
		n->out->no_memory = true;
	else if (n->out->format == OUT_TEXT)
		text_clean(n->text);
}

static void set_textv(struct out_node *n, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (!n)
		return;
	if (vasprintf(&text, fmt, ap) < 0) {
		n->out->no_memory = true;
		return;
	}
	set_text(n, text);
	free(text);
}

void out_entry(struct out_node *list, const char *fmt, ...)
{
	va_list ap;

	if (!list)
		return;
	make_room(list);
	va_start(ap, fmt);
	set_textv(node_new(list->out, list, OUT_T_STRING, "", ""), fmt, ap);
	va_end(ap);
}

struct out_node *out_str(struct out_node *record, const char *key, const char *label,
			 const char *text)
{
	struct out_node *n = field(record, OUT_T_STRING, key, label);

	set_text(n, text);
	return n;
}

struct out_node *out_strf(struct out_node *record, const char *key, const char *label,
			  const char *fmt, ...)
{
	struct out_node *n = field(record, OUT_T_STRING, key, label);
	va_list ap;

	va_start(ap, fmt);
	set_textv(n, fmt, ap);
	va_end(ap);
	return n;
}

/* Plain values have their text from the start, so that the text printer knows strings only. */
static struct out_node *shown(struct out_node *n, const char *fmt, ...)
{
	va_list ap;

	if (!n || n->out->format != OUT_TEXT)
		return n;
	va_start(ap, fmt);
	set_textv(n, fmt, ap);
	va_end(ap);
	return n;
}

struct out_node *out_u64(struct out_node *record, const char *key, const char *label,
			 uint64_t value)
{
	struct out_node *n = field(record, OUT_T_U64, key, label);

	if (n)
		n->u64 = value;
	return shown(n, "%llu", (unsigned long long)value);
}

struct out_node *out_double(struct out_node *record, const char *key, const char *label,
			    double value)
{
	struct out_node *n = field(record, OUT_T_DOUBLE, key, label);

	if (n)
		n->real = value;
	return shown(n, "%.2f", value);
}

struct out_node *out_bool(struct out_node *record, const char *key, const char *label, bool value)
{
	struct out_node *n = field(record, OUT_T_BOOL, key, label);

	if (n)
		n->flag = value;
	return shown(n, "%s", value ? "yes" : "no");
}

void out_shown(struct out_node *n, const char *fmt, ...)
{
	va_list ap;

	if (!n || n->out->format != OUT_TEXT)
		return;
	va_start(ap, fmt);
	set_textv(n, fmt, ap);
	va_end(ap);
}

void out_error(struct out *o, const char *hint, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	o->failed = true;
	if (o->format == OUT_TEXT) {
		if (text)
			text_clean(text);
		fflush(o->data);
		fprintf(o->errors, "ringfence: %s\n", text ? text : "out of memory");
		if (hint)
			fprintf(o->errors, "           %s\n", hint);
	} else {
		out_str(o->root, "error", NULL, text ? text : "out of memory");
		if (hint)
			out_str(o->root, "hint", NULL, hint);
	}
	free(text);
}

struct out_node *out_error_list(struct out *o, const char *key, const char *title,
				enum out_style style)
{
	struct out_node *n = out_list(o->root, key, title, style);

	if (n)
		n->to_errors = true;
	return n;
}
