// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds the controller's connections over TCP, by its own word: inside hosts, peers, strangers, and of each the
 * address that has most.
 */
#include <json-c/json.h>

#include "cmd_show.h"

static uint64_t number(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

static const char *text(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : NULL;
}

static void show_one(struct out_node *list, json_object *h)
{
	uint64_t n = number(h, "connections"), max = number(h, "connections_max");
	uint64_t opening = number(h, "opening"), opening_max = number(h, "opening_max");
	struct out_node *item = out_item(list);
	const char *most = text(h, "most");

	out_str(item, "who", "", text(h, "who"));
	out_shown(out_u64(item, "connections", "", n), "%llu of at most %llu,",
		  (unsigned long long)n, (unsigned long long)max);
	out_u64(item, "connections_max", NULL, max);
	out_shown(out_u64(item, "opening", "", opening), "handshakes %llu of at most %llu%s",
		  (unsigned long long)opening, (unsigned long long)opening_max, most ? "," : "");
	out_u64(item, "opening_max", NULL, opening_max);
	out_shown(out_str(item, "most", "", most), "most by %s: %llu, handshakes %llu",
		  most ? most : "", (unsigned long long)number(h, "most_connections"),
		  (unsigned long long)number(h, "most_opening"));
	out_u64(item, "most_connections", NULL, number(h, "most_connections"));
	out_u64(item, "most_opening", NULL, number(h, "most_opening"));
}

void show_tcp_holders(struct cmd_context *c, struct json_object *reply)
{
	struct out_node *list = out_list(out_root(c->out), "tcp_holders",
					 "SIP connections over TCP, by", OUT_LINES);
	json_object *holders;

	if (!json_object_object_get_ex(reply, "holders", &holders) ||
	    !json_object_is_type(holders, json_type_array))
		return; /* of another version */
	for (size_t i = 0; i < json_object_array_length(holders); i++) {
		json_object *h = json_object_array_get_idx(holders, i);

		if (out_format(c->out) != OUT_TEXT || number(h, "connections") ||
		    number(h, "opening"))
			show_one(list, h);
	}
}
