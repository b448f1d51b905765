// SPDX-License-Identifier: GPL-2.0-only
/* Free indexes: a number for those never used, a ring for those given back. */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>

int slots_init(struct slots *s, uint32_t n, const bool *used)
{
	uint32_t i;

	*s = (struct slots){ .n = n, .fresh = SLOT_NONE + 1 };
	s->given_back = calloc(n, sizeof(*s->given_back));
	if (!s->given_back)
		return -ENOMEM;
	for (i = n; i > s->fresh; i--)
		if (used[i - 1])
			s->fresh = i;
	for (i = SLOT_NONE + 1; i < s->fresh; i++)
		if (!used[i])
			slots_give(s, i);
	return 0;
}

void slots_free(struct slots *s)
{
	free(s->given_back);
}

int slots_take(struct slots *s, uint32_t *slot)
{
	if (s->fresh < s->n) {
		*slot = s->fresh++;
		return 0;
	}
	if (!s->count)
		return -ENOSPC;
	*slot = s->given_back[s->first];
	s->first = (s->first + 1) % s->n;
	s->count--;
	return 0;
}

void slots_give(struct slots *s, uint32_t slot)
{
	if (slot != SLOT_NONE)
		s->given_back[(s->first + s->count++) % s->n] = slot;
}
