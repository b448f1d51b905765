// SPDX-License-Identifier: GPL-2.0-only
/* Two rings of free indexes, each with a head that is no index. */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t head_of(const struct slots *s, uint32_t slot)
{
	return slot < s->own ? 0 : s->n;
}

static void append(struct slots *s, uint32_t slot)
{
	uint32_t head = head_of(s, slot), last = s->links[head].prev;

	s->links[slot] = (struct slot_link){ .prev = last, .next = head };
	s->links[last].next = slot;
	s->links[head].prev = slot;
}

static void take(struct slots *s, uint32_t slot)
{
	struct slot_link *l = &s->links[slot];

	s->links[l->prev].next = l->next;
	s->links[l->next].prev = l->prev;
	*l = (struct slot_link){ slot, slot };
}

int slots_init(struct slots *s, uint32_t n, uint32_t own, const bool *used)
{
	*s = (struct slots){ .n = n, .own = own };
	s->links = calloc((size_t)n + 1, sizeof(*s->links));
	if (!s->links)
		return -ENOMEM;
	for (uint32_t i = 0; i <= n; i++)
		s->links[i] = (struct slot_link){ i, i };
	for (uint32_t i = SLOT_NONE + 1; i < n; i++)
		if (!used[i])
			append(s, i);
	return 0;
}

void slots_free(struct slots *s)
{
	free(s->links);
}

int slots_take(struct slots *s, uint32_t *slot)
{
	uint32_t first = s->links[s->n].next;

	if (first == s->n)
		first = s->links[0].next;
	if (!first)
		return -ENOSPC;
	take(s, first);
	*slot = first;
	return 0;
}

bool slots_take_this(struct slots *s, uint32_t slot)
{
	if (slot == SLOT_NONE || slot >= s->n || s->links[slot].next == slot)
		return false;
	take(s, slot);
	return true;
}

void slots_give(struct slots *s, uint32_t slot)
{
	if (slot != SLOT_NONE && slot < s->n && s->links[slot].next == slot)
		append(s, slot);
}
