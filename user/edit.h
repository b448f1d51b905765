/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Surgical edits: replace views of a message by other bytes, keep everything else (promise P4).
 */
#ifndef RF_EDIT_H
#define RF_EDIT_H

#include <stdint.h>

#include "sip_msg.h"
#include "view.h"

#define EDITS_MAX	256
#define EDIT_ARENA_SIZE 8192

struct edit {
	struct view old; /* a view into the message; n == 0 inserts before .p */
	struct view new_text; /* in the list's arena */
};

struct edit_list {
	struct edit edits[EDITS_MAX];
	uint16_t n;
	bool overflow; /* sticky: too many edits or too much text; edit_apply() then fails */
	char arena[EDIT_ARENA_SIZE];
	size_t arena_used;
};

void edit_init(struct edit_list *l);
/* Records a replacement; a no-op when the text is the same already (idempotence). Order is free. */
void edit_replace(struct edit_list *l, struct view old, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes the edited message to out: 0 and *out_len; when an edit lies in the body, the digits of
 * Content-Length follow (also of the enclosing message for a multipart part). Returns -EOVERFLOW (list overflowed),
 * -EINVAL (edits overlap or lie outside the message), -ENOSPC (out too small). */
int edit_apply(const struct edit_list *l, const struct sip_msg *m, char *out, size_t out_size,
	       size_t *out_len);

#endif
