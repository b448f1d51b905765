// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two messages are aligned by lines, and lines that differ by tokens: in both cases a longest common
 * subsequence, after what is the same at both ends is taken off.
 */
#include "diff.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define PARTS_MAX 1024 /* in the middle; beyond that it counts as one change */

struct parts {
	struct view *v;
	size_t n;
};

/* One level of the comparison: lines of messages, or tokens of a line. */
struct level {
	void (*changed)(struct level *l, size_t a, size_t na, size_t b, size_t nb);
	struct parts a, b;
	void *arg;
};

/* Runs of parts that differ; eq[] is the table of common lengths, (na+1) x (nb+1). */
static void walk(struct level *l, size_t at, size_t na, size_t nb, const uint16_t *eq)
{
	size_t i = 0, j = 0, from_i = 0, from_j = 0, w = nb + 1;

	while (i < na || j < nb) {
		if (i < na && j < nb && view_eq(l->a.v[at + i], l->b.v[at + j])) {
			if (i > from_i || j > from_j)
				l->changed(l, at + from_i, i - from_i, at + from_j, j - from_j);
			from_i = ++i;
			from_j = ++j;
		} else if (j == nb || (i < na && eq[(i + 1) * w + j] >= eq[i * w + j + 1])) {
			i++;
		} else {
			j++;
		}
	}
	if (i > from_i || j > from_j)
		l->changed(l, at + from_i, i - from_i, at + from_j, j - from_j);
}

static int compare(struct level *l)
{
	size_t at = 0, na = l->a.n, nb = l->b.n, w;
	uint16_t *eq;

	while (at < na && at < nb && view_eq(l->a.v[at], l->b.v[at]))
		at++;
	while (na > at && nb > at && view_eq(l->a.v[na - 1], l->b.v[nb - 1])) {
		na--;
		nb--;
	}
	na -= at;
	nb -= at;
	if (!na && !nb)
		return 0;
	if (na > PARTS_MAX || nb > PARTS_MAX) {
		l->changed(l, at, na, at, nb);
		return 0;
	}
	w = nb + 1;
	eq = calloc((na + 1) * w, sizeof(*eq));
	if (!eq)
		return -ENOMEM;
	for (size_t i = na; i-- > 0;)
		for (size_t j = nb; j-- > 0;) {
			uint16_t down = eq[(i + 1) * w + j], right = eq[i * w + j + 1];

			eq[i * w + j] = view_eq(l->a.v[at + i], l->b.v[at + j])
						? eq[(i + 1) * w + j + 1] + 1
					: down > right ? down
						       : right;
		}
	walk(l, at, na, nb, eq);
	free(eq);
	return 0;
}

static bool is_separator(char c)
{
	return strchr(" \t;,<>@=\"()", c) !=
	       NULL; /* not ":", so that host and port stay together */
}

static size_t line_length(struct view v)
{
	const char *end = v.n ? memchr(v.p, '\n', v.n) : NULL;

	return end ? (size_t)(end - v.p) + 1 : v.n;
}

static size_t token_run(struct view v)
{
	size_t n = 1;

	if (v.n && is_separator(v.p[0]))
		return 1;
	while (n < v.n && !is_separator(v.p[n]))
		n++;
	return n;
}

static int split(struct view v, size_t (*length)(struct view v), struct parts *out)
{
	struct view rest = v;
	size_t n = 0;

	for (; rest.n; n++) {
		size_t len = length(rest);

		rest = (struct view){ rest.p + len, rest.n - len };
	}
	out->v = calloc(n ? n : 1, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	out->n = n;
	for (n = 0; v.n; n++) {
		size_t len = length(v);

		out->v[n] = (struct view){ v.p, len };
		v = (struct view){ v.p + len, v.n - len };
	}
	return 0;
}

struct change { /* what both levels share */
	diff_fn fn;
	void *arg;
	struct view where;
	int err;
};

static struct view joined(const struct parts *p, size_t at, size_t n)
{
	if (!n)
		return VIEW("");
	return (struct view){ p->v[at].p,
			      (size_t)(p->v[at + n - 1].p + p->v[at + n - 1].n - p->v[at].p) };
}

static void tokens_changed(struct level *l, size_t a, size_t na, size_t b, size_t nb)
{
	struct change *c = l->arg;
	struct diff_change out = { .where = c->where };

	out.before = joined(&l->a, a, na);
	out.after = joined(&l->b, b, nb);
	c->fn(&out, c->arg);
}

static struct view chomp(struct view line)
{
	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* SDP type and, for an attribute, its name; else the header's name; folded lines are their header's. */
static struct view where_of(const struct level *l, size_t at)
{
	const struct parts *p = &l->a;
	struct view line;
	size_t n = 0;

	if (!at && p->n && p->v[0].n >= 4)
		return !memcmp(p->v[0].p, "SIP/", 4) ? VIEW("status line") : VIEW("request line");
	while (at > 0 && at < p->n && p->v[at].n && (p->v[at].p[0] == ' ' || p->v[at].p[0] == '\t'))
		at--;
	if (at >= p->n)
		return VIEW("");
	line = chomp(p->v[at]);
	if (line.n > 1 && line.p[1] == '=') {
		for (n = 2; line.p[0] == 'a' && n < line.n && line.p[n] != ':' && line.p[n] != ' ';)
			n++;
		return (struct view){ line.p, n };
	}
	while (n < line.n && line.p[n] != ':' && line.p[n] != ' ')
		n++;
	return (struct view){ line.p, n };
}

static void line_changed(struct change *c, struct view before, struct view after)
{
	struct level l = { .changed = tokens_changed, .arg = c };

	if (split(before, token_run, &l.a) || split(after, token_run, &l.b) || compare(&l))
		c->err = -ENOMEM;
	free(l.a.v);
	free(l.b.v);
}

/* Edits change lines: they are paired in order. What is left over was added or taken away. */
static void lines_changed(struct level *l, size_t a, size_t na, size_t b, size_t nb)
{
	struct change *c = l->arg;

	for (size_t i = 0; i < na || i < nb; i++) {
		c->where = where_of(l, a + i);
		if (i < na && i < nb) {
			line_changed(c, chomp(l->a.v[a + i]), chomp(l->b.v[b + i]));
			continue;
		}
		struct diff_change out = {
			.where = c->where,
			.before = i < na ? chomp(l->a.v[a + i]) : VIEW(""),
			.after = i < nb ? chomp(l->b.v[b + i]) : VIEW(""),
		};

		c->fn(&out, c->arg);
	}
}

int diff_messages(struct view before, struct view after, diff_fn fn, void *arg)
{
	struct change c = { .fn = fn, .arg = arg };
	struct level l = { .changed = lines_changed, .arg = &c };

	if (split(before, line_length, &l.a) || split(after, line_length, &l.b) || compare(&l))
		c.err = -ENOMEM;
	free(l.a.v);
	free(l.b.v);
	return c.err;
}
