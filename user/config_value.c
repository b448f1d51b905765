// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers for each kind of configuration value, and the wording of mistakes.
 */
#include "config_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FOUND_MAX 48 /* of a wrong value that is shown */

static struct config_error *add_error(struct config_reader *r)
{
	struct config_errors *l = r->errors;
	struct config_error *e;

	if (r->error || l->n > CONFIG_ERRORS_MAX)
		return NULL;
	e = realloc(l->v, (l->n + 1) * sizeof(*e));
	if (!e) {
		r->error = -ENOMEM;
		return NULL;
	}
	l->v = e;
	e = &l->v[l->n++];
	memset(e, 0, sizeof(*e));
	if (l->n > CONFIG_ERRORS_MAX) {
		snprintf(e->where, sizeof(e->where), "%s", r->name);
		snprintf(e->what, sizeof(e->what), "more mistakes are not shown");
		return NULL;
	}
	return e;
}

void config_note(struct config_reader *r, const char *where, const char *fmt, ...)
{
	struct config_error *e = add_error(r);
	va_list ap;

	if (!e)
		return;
	snprintf(e->where, sizeof(e->where), "%s:%s", r->name, where);
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
}

static void describe(struct json_object *v, char *buf, size_t size)
{
	const char *text;

	switch (json_object_get_type(v)) {
	case json_type_object: snprintf(buf, size, "an object"); return;
	case json_type_array:
		if (json_object_array_length(v))
			snprintf(buf, size, "a list of %zu", json_object_array_length(v));
		else
			snprintf(buf, size, "an empty list");
		return;
	default: break;
	}
	text = json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	snprintf(buf, size, "%.*s%s", FOUND_MAX, text, strlen(text) > FOUND_MAX ? "..." : "");
}

void config_mistake(struct config_reader *r, const char *path, struct json_object *found,
		    const char *fmt, ...)
{
	unsigned int line = where_line(r->where, path);
	char value[FOUND_MAX + 8], text[200], where[140];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(where, sizeof(where), "%u: %s", line, path);
	else
		snprintf(where, sizeof(where), " %s", *path ? path : "the file");
	if (found) {
		describe(found, value, sizeof(value));
		config_note(r, where, "found %s, expected %s", value, text);
	} else {
		config_note(r, where, "%s", text);
	}
}

/* A null is what json-c gives as NULL, so it has to be named here. */
static void mistake_value(struct config_reader *r, const char *path, struct json_object *v,
			  const char *expected)
{
	if (v)
		config_mistake(r, path, v, "%s", expected);
	else
		config_mistake(r, path, NULL, "found null, expected %s", expected);
}

/* Levenshtein distance, for short words; a swap of neighbours counts as two. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[33], n = strlen(b);

	if (strlen(a) > 32 || n > 32)
		return 99;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= n; j++) {
			unsigned int best =
				diagonal + (tolower((unsigned char)a[i - 1]) != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

static void unknown_key(struct config_reader *r, const char *path, const char *name,
			const struct config_key *keys)
{
	const struct config_key *nearest = NULL;
	unsigned int best = 4;
	char list[200] = "";
	size_t used = 0;

	for (const struct config_key *k = keys; k->name; k++) {
		unsigned int d = distance(name, k->name);

		if (d < best && d <= (strlen(k->name) + 1) / 3) {
			best = d;
			nearest = k;
		}
		if (used < sizeof(list))
			used += snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 k->name);
	}
	if (nearest)
		config_mistake(r, path, NULL, "unknown key, did you mean \"%s\"?", nearest->name);
	else
		config_mistake(r, path, NULL, "unknown key, expected one of: %s", list);
}

bool config_object(struct config_reader *r, const char *path, struct json_object *v,
		   const struct config_key *keys, void *base)
{
	char sub[WHERE_PATH_MAX];

	if (!json_object_is_type(v, json_type_object)) {
		mistake_value(r, path, v, "an object { ... }");
		return false;
	}
	json_object_object_foreach(v, name, value)
	{
		const struct config_key *k = keys;

		snprintf(sub, sizeof(sub), "%s%s%s", path, *path ? "." : "", name);
		while (k->name && strcmp(k->name, name))
			k++;
		if (k->name)
			k->read(r, sub, value, k, (char *)base + k->offset);
		else
			unknown_key(r, sub, name, keys);
	}
	for (const struct config_key *k = keys; k->name; k++)
		if (k->required && !json_object_object_get_ex(v, k->name, NULL))
			config_mistake(r, path, NULL, "\"%s\" is missing", k->name);
	return true;
}

bool config_array(struct config_reader *r, const char *path, struct json_object *v, size_t min,
		  size_t max, const char *of)
{
	char expected[120];

	if (json_object_is_type(v, json_type_array) && json_object_array_length(v) >= min &&
	    json_object_array_length(v) <= max)
		return true;
	if (min)
		snprintf(expected, sizeof(expected), "a list [ ... ] of %zu to %zu %s", min, max,
			 of);
	else
		snprintf(expected, sizeof(expected), "a list [ ... ] of at most %zu %s", max, of);
	mistake_value(r, path, v, expected);
	return false;
}

bool config_text(struct config_reader *r, const char *path, struct json_object *v,
		 const char *expected, struct view *out)
{
	if (json_object_is_type(v, json_type_string)) {
		struct view t = { json_object_get_string(v), json_object_get_string_len(v) };

		if (strlen(t.p) == t.n) {
			*out = t;
			return true;
		}
	}
	mistake_value(r, path, v, expected);
	return false;
}

void config_string(struct config_reader *r, const char *path, struct json_object *v,
		   const struct config_key *key, void *to)
{
	struct view t;
	char expected[80];

	snprintf(expected, sizeof(expected), "a word of at most %d characters", (int)key->hi - 1);
	if (!config_text(r, path, v, expected, &t))
		return;
	bool fine = t.n < (size_t)key->hi && (int64_t)t.n >= key->lo;

	for (size_t i = 0; i < t.n && fine; i++)
		fine = isgraph((unsigned char)t.p[i]);
	if (!fine) {
		mistake_value(r, path, v, expected);
		return;
	}
	memset(to, 0, key->hi);
	memcpy(to, t.p, t.n);
}

void config_device(struct config_reader *r, const char *path, struct json_object *v,
		   const struct config_key *key, void *to)
{
	static const char expected[] =
		"a network device's name such as \"eth0\" (1 to 15 characters)";
	struct view t;

	if (!config_text(r, path, v, expected, &t))
		return;
	bool fine = t.n && t.n < 16 && strcmp(t.p, ".") && strcmp(t.p, "..");

	for (size_t i = 0; i < t.n && fine; i++) /* as the kernel's dev_valid_name() */
		fine = isgraph((unsigned char)t.p[i]) && t.p[i] != '/' && t.p[i] != ':';
	if (!fine) {
		mistake_value(r, path, v, expected);
		return;
	}
	memset(to, 0, 16);
	memcpy(to, t.p, t.n);
}

static bool number(struct config_reader *r, const char *path, struct json_object *v,
		   const struct config_key *key, uint32_t *out)
{
	char expected[120];

	if (json_object_is_type(v, json_type_int)) {
		int64_t n = json_object_get_int64(v);

		if (n >= key->lo && n <= key->hi) {
			*out = n;
			return true;
		}
	}
	snprintf(expected, sizeof(expected), "a whole number%s%s, %lld to %lld",
		 key->unit ? " of " : "", key->unit ? key->unit : "", (long long)key->lo,
		 (long long)key->hi);
	mistake_value(r, path, v, expected);
	return false;
}

void config_u32(struct config_reader *r, const char *path, struct json_object *v,
		const struct config_key *key, void *to)
{
	number(r, path, v, key, to);
}

void config_bool(struct config_reader *r, const char *path, struct json_object *v,
		 const struct config_key *key, void *to)
{
	if (json_object_is_type(v, json_type_boolean))
		*(bool *)to = json_object_get_boolean(v);
	else
		config_mistake(r, path, v, "true or false");
}

void config_u16(struct config_reader *r, const char *path, struct json_object *v,
		const struct config_key *key, void *to)
{
	uint32_t n;

	if (number(r, path, v, key, &n))
		*(uint16_t *)to = n;
}

void config_word(struct config_reader *r, const char *path, struct json_object *v,
		 const struct config_key *key, void *to)
{
	char expected[120] = "";
	size_t used = 0;
	struct view t;

	for (unsigned int i = 0; key->words[i]; i++)
		used += snprintf(expected + used, sizeof(expected) - used, "%s\"%s\"",
				 i ? " or " : "", key->words[i]);
	if (!config_text(r, path, v, expected, &t))
		return;
	for (unsigned int i = 0; key->words[i]; i++) {
		if (view_eq(t, view_of(key->words[i]))) {
			*(uint32_t *)to = i;
			return;
		}
	}
	mistake_value(r, path, v, expected);
}

static bool port_number(const char **p, uint32_t *out)
{
	const char *start = *p;

	*out = 0;
	while (isdigit((unsigned char)**p) && *p - start < 6)
		*out = *out * 10 + (uint32_t)(*(*p)++ - '0');
	return *p > start && *out <= 65535;
}

/* Writes two uint16_t at to: low and high end. Both become 0 after a mistake, so that no second one
 * is drawn from the default. */
void config_port_range(struct config_reader *r, const char *path, struct json_object *v,
		       const struct config_key *key, void *to)
{
	static const char expected[] = "a port range \"LOW-HIGH\"";
	uint16_t *range = to;
	uint32_t lo, hi;
	struct view t;
	const char *p;

	range[0] = range[1] = 0;
	if (!config_text(r, path, v, expected, &t))
		return;
	p = t.p;
	if (!port_number(&p, &lo) || *p++ != '-' || !port_number(&p, &hi) || *p) {
		mistake_value(r, path, v, expected);
	} else if (lo > hi) {
		config_mistake(r, path, v, "%s with the lower port first", expected);
	} else if (lo < key->lo || hi > key->hi) {
		config_mistake(r, path, v, "%s within %lld-%lld", expected, (long long)key->lo,
			       (long long)key->hi);
	} else if (key->pairs && (lo & 1 || hi == lo)) {
		config_mistake(r, path, v,
			       "%s that starts at an even port and has room for a pair (RTP, RTCP)",
			       expected);
	} else {
		range[0] = lo;
		range[1] = hi;
	}
}

void config_endpoint(struct config_reader *r, const char *path, struct json_object *v,
		     const struct config_key *key, void *to)
{
	static const char expected[] = "\"ADDRESS:PORT\" or \"[ADDRESS6]:PORT\" of one host";
	struct view t;
	struct rf_ep ep;

	if (!config_text(r, path, v, expected, &t))
		return;
	if (ep_parse(t, &ep) || !ep.port || addr_is_any(&ep.addr) || addr_is_multicast(&ep.addr)) {
		mistake_value(r, path, v, expected);
		return;
	}
	memcpy(to, &ep, sizeof(ep));
}

bool config_prefix(struct config_reader *r, const char *path, struct json_object *found,
		   struct view text, struct prefix *out)
{
	switch (prefix_parse(text, out)) {
	case 0: return true;
	case -EDOM:
		config_mistake(
			r, path, found,
			"a prefix without host bits (the bits after the length must be zero)");
		return false;
	default:
		config_mistake(
			r, path, found,
			"an address or prefix such as \"192.0.2.0/24\" or \"2001:db8::/32\"");
		return false;
	}
}
