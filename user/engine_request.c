// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the control socket may ask of the engine.
 */
#include "engine_state.h"

static json_object *reply_error(const char *text)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "error", json_object_new_string(text));
	return o;
}

static json_object *drop_call(struct engine *e, json_object *request, uint64_t now_ns,
			      struct action_list *out)
{
	json_object *id, *reply;

	if (!json_object_object_get_ex(request, "id", &id))
		return reply_error("no id given");
	if (call_drop(e->calls, (uint32_t)json_object_get_int64(id), now_ns, "dropped by hand",
		      out))
		return reply_error("no call has this id");
	reply = json_object_new_object();
	json_object_object_add(reply, "dropped", json_object_get(id));
	return reply;
}

static int add(json_object *o, const char *key, json_object *v)
{
	return v ? json_object_object_add(o, key, v) : -1;
}

static int add_number(json_object *o, const char *key, uint64_t n)
{
	return add(o, key, json_object_new_int64((int64_t)n));
}

struct shares {
	json_object *list;
	bool failed;
};

static void one_share(const struct show_share *s, void *arg)
{
	struct shares *all = arg;
	json_object *o = json_object_new_object();
	char text[ADDR_TEXT_MAX];
	int err = !o;

	err = err || add(o, "table", json_object_new_string(s->table));
	if (!err && !addr_is_any(&s->of))
		err = add(o, "of", json_object_new_string(addr_text(&s->of, text)));
	if (!err && s->kind)
		err = add(o, "kind", json_object_new_string(s->kind)) ||
		      add(o, "most", json_object_new_string(addr_text(&s->most, text)));
	err = err || add_number(o, "held", s->held) || add_number(o, "max", s->max) ||
	      add_number(o, "strangers", s->strangers) ||
	      add_number(o, "most_held", s->most_held) || add_number(o, "gave_way", s->gave_way) ||
	      add_number(o, "refused", s->refused);
	if (!err && !json_object_array_add(all->list, o))
		return;
	json_object_put(o);
	all->failed = true;
}

/* {"shares": [...]}, struct show_share each; NULL: out of memory */
static json_object *show_shares(const struct engine *e)
{
	struct shares all = { .list = json_object_new_array() };
	json_object *reply = json_object_new_object();

	if (all.list && reply)
		engine_shares(e, one_share, &all);
	if (all.list && reply && !all.failed && !json_object_object_add(reply, "shares", all.list))
		return reply;
	json_object_put(all.list);
	json_object_put(reply);
	return NULL;
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
	return reply_error("unknown command");
}
