/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One JSON value -> one member, checked; a mistake is noted with its place, what was found and what
 * was expected. Objects are read by a table of keys. Only config.c uses this.
 */
#ifndef RF_CONFIG_VALUE_H
#define RF_CONFIG_VALUE_H

#include <json-c/json.h>

#include "config.h"
#include "config_where.h"

#define CONFIG_ERRORS_MAX 200 /* what nobody would read to the end */

struct config_reader {
	const char *name; /* of the file */
	const struct where *where;
	struct config *config;
	struct config_errors *errors;
	int error; /* -ENOMEM, sticky */
};

struct config_key;
/* Reads v into *to; path names the value in mistakes. A mistake leaves *to as it was. */
typedef void config_value_fn(struct config_reader *r, const char *path, struct json_object *v,
			     const struct config_key *key, void *to);

struct config_key {
	const char *name;
	config_value_fn *read;
	size_t offset; /* of the member in the object's struct */
	int64_t lo, hi; /* numbers, ranges: limits, inclusive; strings: hi = size of the member */
	const char *const *words; /* enumerations: the index is the value; NULL-terminated */
	const char *unit;
	bool required;
	bool pairs; /* port range: starts even, at least two */
};

/* Reads the whole tree into r->config, which holds the defaults. In config_keys.c. */
void config_keys(struct config_reader *r, struct json_object *root);

/* Notes a mistake at path; found may be NULL. */
void config_mistake(struct config_reader *r, const char *path, struct json_object *found,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void config_note(struct config_reader *r, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* keys ends with a row without a name. False: v is no object at all. */
bool config_object(struct config_reader *r, const char *path, struct json_object *v,
		   const struct config_key *keys, void *base);
/* Is v an array of min..max elements? Otherwise the mistake is noted. */
bool config_array(struct config_reader *r, const char *path, struct json_object *v, size_t min,
		  size_t max, const char *of);
/* Is v a string without NUL? Otherwise the mistake is noted; *out is a view into v. */
bool config_text(struct config_reader *r, const char *path, struct json_object *v,
		 const char *expected, struct view *out);
bool config_prefix(struct config_reader *r, const char *path, struct json_object *found,
		   struct view text, struct prefix *out);

/* config_except.c */
config_value_fn config_excepts, config_sip_excepts;

config_value_fn config_string, config_device, config_bool, config_u16, config_u32, config_word,
	config_port_range, config_endpoint;

#endif
