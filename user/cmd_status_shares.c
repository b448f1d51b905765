// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds most of what all share, as the controller says: in JSON of every table, for people of those that are
 * pressed.
 */
#include <errno.h>

#include "cmd_status.h"
#include "control.h"
#include "json_add.h"

static uint64_t number(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) ? (uint64_t)json_object_get_int64(v) : 0;
}

static const char *text(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : NULL;
}

static void show_one(json_object *o, struct out_node *list, struct out_node *warnings)
{
	static const char *const numbers[] = { "held",	    "max",	"strangers",
					       "most_held", "gave_way", "refused" };
	static const char *const texts[] = { "table", "of", "kind", "most" };
	const char *of = text(o, "of"), *kind = text(o, "kind"), *table = text(o, "table");
	struct out_node *item = out_item(list);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		out_str(item, texts[i], NULL, text(o, texts[i]));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		out_u64(item, numbers[i], NULL, number(o, numbers[i]));
	/* .max 0: nobody has asked yet */
	if (!kind || !number(o, "max") ||
	    (2 * number(o, "held") < number(o, "max") && !number(o, "gave_way") &&
	     !number(o, "refused")))
		return;
	out_entry(
		warnings,
		"%s%s%s: %llu of %llu are held, most by %s %s: %llu; %llu gave way and %llu were refused since the controller started",
		table ? table : "?", of ? " of " : "", of ? of : "",
		(unsigned long long)number(o, "held"), (unsigned long long)number(o, "max"), kind,
		text(o, "most"), (unsigned long long)number(o, "most_held"),
		(unsigned long long)number(o, "gave_way"),
		(unsigned long long)number(o, "refused"));
}

void status_show_shares(const char *instance, bool alive, struct out_node *root,
			struct out_node *warnings)
{
	struct out_node *list = out_list(root, "shares", NULL, OUT_HIDDEN);
	json_object *request = json_with("command", json_object_new_string("shares"));
	json_object *reply = NULL, *shares;

	/* one that hangs is not waited for */
	if (request && alive && !control_request(instance, request, &reply, NULL) &&
	    json_object_object_get_ex(reply, "shares", &shares) &&
	    json_object_is_type(shares, json_type_array))
		for (size_t i = 0; i < json_object_array_length(shares); i++)
			show_one(json_object_array_get_idx(shares, i), list, warnings);
	json_object_put(reply);
	json_object_put(request);
}
