/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One description, two outputs: a command fills a record (fields, lists of records), this prints it
 * as readable text or as one JSON object. Long lists are printed while they grow. Text from
 * messages is made harmless for terminals; JSON is always valid UTF-8.
 *
 * Every field has a JSON key and a text label: key NULL is text only, label NULL is JSON only,
 * label "" is shown without a label. Keys and labels are constants (not copied). A NULL node is
 * accepted everywhere and ignored, so running out of memory shows once, in out_close().
 */
#ifndef RF_OUT_H
#define RF_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum out_format { OUT_TEXT, OUT_JSON, OUT_PRETTY };

enum out_style {
	OUT_BLOCKS, /* a head line of the fields without label, then a line per field, then lists */
	OUT_LINES, /* a line per record, columns aligned, without a header */
	OUT_TABLE, /* the same with the labels as header; columns without any value are left out */
	OUT_HIDDEN, /* only in JSON */
};

struct out;
struct out_node;

struct out *out_new(enum out_format format, FILE *data, FILE *errors); /* NULL: out of memory */
/* Prints what is left and frees. 0, -ENOMEM (something is missing) or -EIO (could not be written). */
int out_close(struct out *o);
enum out_format out_format(const struct out *o);

struct out_node *out_root(struct out *o);
struct out_node *out_list(struct out_node *record, const char *key, const char *title,
			  enum out_style style);
void out_empty(struct out_node *list,
	       const char *text); /* shown as text when the list stays empty */
struct out_node *out_item(struct out_node *list); /* a record */
void out_entry(struct out_node *list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))); /* a string */
/* An object in JSON; in text its fields are those of the record around it. */
struct out_node *out_record(struct out_node *record, const char *key);

/* Each returns the node for out_shown(). text NULL: null in JSON, nothing in text. */
struct out_node *out_str(struct out_node *record, const char *key, const char *label,
			 const char *text);
struct out_node *out_strf(struct out_node *record, const char *key, const char *label,
			  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
struct out_node *out_u64(struct out_node *record, const char *key, const char *label,
			 uint64_t value);
struct out_node *out_double(struct out_node *record, const char *key, const char *label,
			    double value);
struct out_node *out_bool(struct out_node *record, const char *key, const char *label, bool value);
/* What text shows instead of the plain value; "" hides the field there. */
void out_shown(struct out_node *field, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The whole message goes out now, as a document (JSON) or one line (text) of its own; then begins the next. */
int out_flush(struct out *o);

/* "ringfence: ..." on the error stream, or "error" and "hint" (may be NULL) in the JSON object. */
void out_error(struct out *o, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A list that belongs to an error: on the error stream as text. */
struct out_node *out_error_list(struct out *o, const char *key, const char *title,
				enum out_style style);
bool out_failed(const struct out *o); /* was out_error() called? */

#endif
