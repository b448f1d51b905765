// SPDX-License-Identifier: GPL-2.0-only
/*
 * WAN devices by name: which number each has, and which it had before.
 */
#include "wan_names.h"

#include <stdio.h>
#include <string.h>

static struct wan_name *by_index(const struct wan_names *names, uint32_t ifindex)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->v[i].ifindex == ifindex)
			return (struct wan_name *)&names->v[i];
	return NULL;
}

static struct wan_name *by_name(const struct wan_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i].name, name))
			return (struct wan_name *)&names->v[i];
	return NULL;
}

static bool is_of(const struct topology *t, const char *name)
{
	for (uint16_t i = 0; i < t->n_wans; i++)
		if (!strcmp(t->wans[i].name, name))
			return true;
	return false;
}

/* The entry of a device whose name is new: its own, where it was renamed; else a free one, or that of one which is
 * attached no more. */
static struct wan_name *place_for(struct wan_names *names, const struct topology *t,
				  uint32_t ifindex)
{
	struct wan_name *e = by_index(names, ifindex);

	if (e && !is_of(t, e->name))
		return e;
	if (names->n < WAN_NAMES_MAX)
		return &names->v[names->n++];
	for (e = names->v; is_of(t, e->name); e++) /* t has fewer than there are */
		;
	return e;
}

static bool is_new_of(const struct wan_moves *moves, uint32_t ifindex)
{
	for (size_t i = 0; i < moves->n; i++)
		if (moves->v[i].to == ifindex)
			return true;
	return false;
}

/* One that is attached no more, and whose number another one has got: from now on a number that none has, so that
 * what is kept of both stays apart. */
static void retire(struct wan_names *names, const struct topology *t, struct wan_moves *moves)
{
	for (size_t i = 0; i < names->n; i++) {
		struct wan_name *e = &names->v[i];
		uint32_t none =
			UINT32_MAX - names->n_retired; /* those of devices are positive ints */

		if (is_of(t, e->name) || !is_new_of(moves, e->ifindex))
			continue;
		moves->v[moves->n++] = (struct wan_move){ e->ifindex, none };
		e->ifindex = none;
		names->n_retired++;
	}
}

void wan_names_follow(struct wan_names *names, const struct topology *t, struct wan_moves *moves)
{
	struct wan_name *e;

	moves->n = 0;
	for (uint16_t i = 0; i < t->n_wans; i++) {
		const struct topology_wan *wan = &t->wans[i];

		e = by_name(names, wan->name);
		if (!*wan->name || !e || e->ifindex == wan->ifindex)
			continue;
		moves->v[moves->n++] = (struct wan_move){ e->ifindex, wan->ifindex };
		e->ifindex = wan->ifindex;
	}
	retire(names, t, moves);
	for (uint16_t i = 0; i < t->n_wans; i++) {
		const struct topology_wan *wan = &t->wans[i];

		if (!*wan->name || by_name(names, wan->name))
			continue;
		e = place_for(names, t, wan->ifindex);
		e->ifindex = wan->ifindex;
		memcpy(e->name, wan->name, sizeof(e->name));
	}
}

uint32_t wan_moves_to(const struct wan_moves *moves, uint32_t ifindex)
{
	for (size_t i = 0; i < moves->n; i++)
		if (moves->v[i].from == ifindex)
			return moves->v[i].to;
	return ifindex;
}

const char *wan_names_of(const struct wan_names *names, uint32_t ifindex)
{
	const struct wan_name *e = by_index(names, ifindex);

	return e ? e->name : "";
}

void wan_names_record(struct wan_names *names, struct record *r, bool named, uint32_t *ifindex)
{
	const struct wan_name *now = NULL;
	char name[16] = "";

	if (!r->reading && names)
		snprintf(name, sizeof(name), "%s", wan_names_of(names, *ifindex));
	record_u32(r, ifindex);
	if (named)
		record_text(r, name, sizeof(name));
	if (!r->reading || !names)
		return;
	if (*name)
		now = by_name(names, name);
	if (*name && !now && !by_index(names, *ifindex) && names->n < WAN_NAMES_MAX) {
		names->v[names->n].ifindex = *ifindex;
		memcpy(names->v[names->n++].name, name, sizeof(name));
	}
	if (!named && names->n == 1 && !by_index(names, *ifindex))
		now = &names->v[0];
	if (now)
		*ifindex = now->ifindex;
}
