// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second, forgiving walk over a JSON text that only remembers where keys stand.
 */
#include "config_where.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 40 /* json-c has refused deeper texts (32) before we see them */

struct walk {
	struct where *w;
	struct view text;
	size_t at;
	unsigned int line;
	int error;
};

static int peek(const struct walk *k)
{
	return k->at < k->text.n ? (unsigned char)k->text.p[k->at] : -1;
}

static void step(struct walk *k)
{
	if (peek(k) == '\n')
		k->line++;
	if (k->at < k->text.n)
		k->at++;
}

static bool starts(const struct walk *k, const char *two)
{
	return k->at + 1 < k->text.n && !memcmp(k->text.p + k->at, two, 2);
}

static void skip(struct walk *k)
{
	for (;;) {
		int c = peek(k);

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v') {
			step(k);
		} else if (starts(k, "//")) {
			while (peek(k) >= 0 && peek(k) != '\n')
				step(k);
		} else if (starts(k, "/*")) {
			step(k);
			step(k);
			while (peek(k) >= 0 && !starts(k, "*/"))
				step(k);
			step(k);
			step(k);
		} else {
			return;
		}
	}
}

static struct view string(struct walk *k)
{
	int quote = peek(k);
	size_t start;

	step(k);
	start = k->at;
	while (peek(k) >= 0 && peek(k) != quote) {
		if (peek(k) == '\\')
			step(k);
		step(k);
	}
	struct view v = { k->text.p + start, k->at - start };

	step(k);
	return v;
}

static void remember(struct walk *k, const char *path, struct view key, size_t siblings)
{
	struct where *w = k->w;
	struct where_entry *e;

	if (w->n >= WHERE_ENTRIES_MAX || k->error)
		return;
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;

		e = realloc(w->v, cap * sizeof(*e));
		if (!e) {
			k->error = -ENOMEM;
			return;
		}
		w->v = e;
		w->cap = cap;
	}
	e = &w->v[w->n];
	*e = (struct where_entry){ .key = key, .line = k->line };
	snprintf(e->path, sizeof(e->path), "%s", path);
	for (size_t i = siblings; key.p && i < w->n; i++) {
		if (view_eq(w->v[i].key, key) && !strcmp(w->v[i].path, e->path)) {
			e->first_line = w->v[i].line;
			break;
		}
	}
	w->n++;
}

static void value(struct walk *k, const char *path, unsigned int depth);

static void object(struct walk *k, const char *path, unsigned int depth)
{
	size_t siblings = k->w->n;
	char sub[WHERE_PATH_MAX];

	step(k);
	for (;;) {
		skip(k);
		if (peek(k) != '"' && peek(k) != '\'')
			break;
		unsigned int line = k->line;
		struct view key = string(k);

		snprintf(sub, sizeof(sub), "%s%s" VIEW_FMT, path, *path ? "." : "", VIEW_ARG(key));
		unsigned int after = k->line;

		k->line = line;
		remember(k, sub, key, siblings);
		k->line = after;
		skip(k);
		if (peek(k) != ':')
			return;
		step(k);
		value(k, sub, depth + 1);
		skip(k);
		if (peek(k) != ',')
			break;
		step(k);
	}
	if (peek(k) == '}')
		step(k);
}

static void array(struct walk *k, const char *path, unsigned int depth)
{
	char sub[WHERE_PATH_MAX];

	step(k);
	for (size_t i = 0;; i++) {
		skip(k);
		if (peek(k) == ']' || peek(k) < 0)
			break;
		snprintf(sub, sizeof(sub), "%.*s[%zu]", WHERE_PATH_MAX - 24, path, i);
		remember(k, sub, VIEW_NONE, k->w->n);
		size_t before = k->at;

		value(k, sub, depth + 1);
		skip(k);
		if (peek(k) == ',')
			step(k);
		else if (k->at == before)
			return;
	}
	step(k);
}

static void value(struct walk *k, const char *path, unsigned int depth)
{
	if (depth > DEPTH_MAX)
		return;
	skip(k);
	switch (peek(k)) {
	case '{': object(k, path, depth); return;
	case '[': array(k, path, depth); return;
	case '"':
	case '\'': string(k); return;
	}
	while (peek(k) > ' ' && !strchr(",]}/", peek(k)))
		step(k);
}

int where_build(struct where *w, struct view text)
{
	struct walk k = { .w = w, .text = text, .line = 1 };

	*w = (struct where){ 0 };
	value(&k, "", 0);
	if (k.error)
		where_free(w);
	return k.error;
}

unsigned int where_line(const struct where *w, const char *path)
{
	char p[WHERE_PATH_MAX];

	snprintf(p, sizeof(p), "%s", path);
	while (*p) {
		char *cut = strrchr(p, '.'), *bracket = strrchr(p, '[');

		for (size_t i = w->n; i-- > 0;) /* the last of duplicates is the one that counts */
			if (!strcmp(w->v[i].path, p))
				return w->v[i].line;
		if (!cut || (bracket && bracket > cut))
			cut = bracket;
		*(cut ? cut : p) = '\0';
	}
	return 0;
}

void where_free(struct where *w)
{
	free(w->v);
	*w = (struct where){ 0 };
}

void where_offset(struct view text, size_t offset, unsigned int *line, unsigned int *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset && i < text.n; i++) {
		(*column)++;
		if (text.p[i] == '\n') {
			(*line)++;
			*column = 1;
		}
	}
}

size_t where_skip(struct view text, size_t offset)
{
	struct walk k = { .text = text, .at = offset, .line = 1 };

	skip(&k);
	return k.at - offset;
}
