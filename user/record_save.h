/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a written record to the action that keeps it: the bytes move into the action list.
 */
#ifndef RF_RECORD_SAVE_H
#define RF_RECORD_SAVE_H

#include "action.h"
#include "record.h"

/* Ends the writing of r, frees it, and adds ACT_SAVE. Out of memory: the list says so, to be saved later. */
static inline void record_save(struct record *r, enum record_kind kind, uint32_t id,
			       struct action_list *out)
{
	char *bytes = record_done(r) ? action_bytes(out, r->n) : NULL;
	struct action *a = bytes && action_reserve(out, 1, 0) ? action_add(out, ACT_SAVE) : NULL;

	if (a) {
		memcpy(bytes, r->buf, r->n);
		a->record.kind = kind;
		a->record.id = id;
		a->record.bytes = (struct view){ bytes, r->n };
	} else {
		out->unsaved = true;
	}
	record_free(r);
}

static inline void record_forget(enum record_kind kind, uint32_t id, struct action_list *out)
{
	struct action *a = action_add(out, ACT_FORGET);

	if (!a)
		return;
	a->record.kind = kind;
	a->record.id = id;
}

#endif
