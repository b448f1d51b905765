/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A view is a pointer and a length into bytes that somebody else owns: parsers hand out views,
 * never copies. A view with p == NULL is absent; one with n == 0 and p != NULL is present and empty.
 */
#ifndef RF_VIEW_H
#define RF_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct view {
	const char *p;
	size_t n;
};

#define VIEW(literal) ((struct view){ (literal), sizeof(literal) - 1 })
#define VIEW_NONE     ((struct view){ NULL, 0 })
#define VIEW_FMT      "%.*s"
#define VIEW_ARG(v)   (int)(v).n, (v).p

static inline struct view view_of(const char *s)
{
	return (struct view){ s, s ? strlen(s) : 0 };
}

static inline bool view_eq(struct view a, struct view b)
{
	return a.n == b.n && (a.n == 0 || !memcmp(a.p, b.p, a.n));
}

static inline bool view_caseeq(struct view a, struct view b)
{
	return a.n == b.n && (a.n == 0 || !strncasecmp(a.p, b.p, a.n));
}

/* Does outer hold all of inner? */
static inline bool view_within(struct view inner, struct view outer)
{
	return inner.p && outer.p && inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n;
}

#endif
