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
	return reply_error("unknown command");
}
