/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinholes that a person added by hand (`ringfence pinhole add`): kept, shown, journaled and ended
 * like those of calls, but nobody's signalling.
 */
#ifndef RF_MANUAL_H
#define RF_MANUAL_H

#include <json-c/json.h>
#include <stdint.h>

#include "action.h"
#include "topology.h"
#include "wan_names.h"

#define MANUAL_MAX 4096

struct manual_table;

struct manual_table *manual_table_new(uint32_t first_id);
void manual_table_free(struct manual_table *t);
/* By which name a WAN device stands in records; must outlive the table. */
void manual_table_wans(struct manual_table *t, struct wan_names *names);
/* WAN devices have other numbers: pinholes go with theirs. */
void manual_moved(struct manual_table *t, const struct wan_moves *moves, struct action_list *out);
size_t manual_count(const struct manual_table *t);
/* {"outside": EP, "inside": EP, "remotes": [EP...], "classes": [NAME...], "until_ns": N or absent}.
 * Returns {"id": N}, or {"error": SENTENCE}. */
json_object *manual_add(struct manual_table *t, const struct topology *topo, json_object *request,
			uint64_t now_ns, struct action_list *out);
/* {"id": N} */
json_object *manual_delete(struct manual_table *t, json_object *request, struct action_list *out);
void manual_save_all(struct manual_table *t, struct action_list *out);
void manual_tick(struct manual_table *t, uint64_t now_ns, struct action_list *out);
int manual_restore(struct manual_table *t, uint32_t id, struct view bytes); /* 0 or -EINVAL */
void manual_restored(struct manual_table *t, uint64_t now_ns, struct action_list *out);

#endif
