// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the control socket may ask of the engine.
 */
#include "engine_state.h"
#include "json_add.h"

static json_object *drop_call(struct engine *e, json_object *request, uint64_t now_ns,
			      struct action_list *out)
{
	json_object *id, *reply;

	if (!json_object_object_get_ex(request, "id", &id))
		return json_error("no id given");
	reply = json_with("dropped", json_object_get(id));
	if (!reply)
		return NULL;
	if (!call_drop(e->calls, (uint32_t)json_object_get_int64(id), now_ns, "dropped by hand",
		       out))
		return reply;
	json_object_put(reply);
	return json_error("no call has this id");
}

static void add_number(json_object **o, const char *key, uint64_t n)
{
	json_add(o, key, json_object_new_int64((int64_t)n));
}

static void one_share(const struct show_share *s, void *arg)
{
	json_object **list = arg, *o = json_object_new_object();
	char text[ADDR_TEXT_MAX];

	json_add(&o, "table", json_object_new_string(s->table));
	if (!addr_is_any(&s->of))
		json_add(&o, "of", json_object_new_string(addr_text(&s->of, text)));
	if (s->kind) {
		json_add(&o, "kind", json_object_new_string(s->kind));
		json_add(&o, "most", json_object_new_string(addr_text(&s->most, text)));
	}
	add_number(&o, "held", s->held);
	add_number(&o, "max", s->max);
	add_number(&o, "strangers", s->strangers);
	add_number(&o, "most_held", s->most_held);
	add_number(&o, "gave_way", s->gave_way);
	add_number(&o, "refused", s->refused);
	json_append(list, o);
}

/* {"shares": [...]}, struct show_share each; NULL: out of memory */
static json_object *show_shares(const struct engine *e)
{
	json_object *list = json_object_new_array();

	engine_shares(e, one_share, &list);
	return json_with("shares", list);
}

json_object *engine_request(struct engine *e, json_object *request, uint64_t now_ns,
			    struct action_list *out)
{
	json_object *v;
	const char *command = NULL;

	if (json_object_object_get_ex(request, "command", &v))
		command = json_object_get_string(v);
	if (command && !strcmp(command, "call drop"))
		return drop_call(e, request, now_ns, out);
	if (command && !strcmp(command, "pinhole add"))
		return manual_add(e->manual, &e->topo, request, now_ns, out);
	if (command && !strcmp(command, "pinhole delete"))
		return manual_delete(e->manual, request, out);
	if (command && !strcmp(command, "shares"))
		return show_shares(e);
	return json_error("unknown command");
}
