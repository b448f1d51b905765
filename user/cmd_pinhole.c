// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence pinhole show [id ID] | add ... | delete id ID
 * Shown from the pinned maps; added and deleted by the controller, their only writer.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"
#include "duration.h"
#include "json_add.h"

static const char *const class_names[] = { "rtp", "rtcp", "stun", "dtls", "udptl",
					   "any", "sip",  "bfcp", NULL };
_Static_assert(RF_CLASS_RTP == 1 && RF_CLASS_ANY == 1 << 5 && RF_CLASS_SIP == 1 << 6 &&
		       RF_CLASS_BFCP == 1 << 7,
	       "class_names[] follows enum rf_class");

/* A command without memory says so and ends; nothing has been asked for yet. */
static void need(bool there)
{
	if (there)
		return;
	fputs("ringfence: out of memory\n", stderr);
	exit(1);
}

static void put(json_object *o, const char *key, json_object *v)
{
	need(o && v && !json_object_object_add(o, key, v));
}

static void put_item(json_object *list, json_object *v)
{
	need(list && v && !json_object_array_add(list, v));
}

/* ---- show ---- */

static void show_classes(struct out_node *record, uint16_t classes)
{
	struct out_node *list = out_list(record, "classes", NULL, OUT_HIDDEN);
	char text[64] = "";
	size_t used = 0;

	for (unsigned int i = 0; class_names[i]; i++) {
		if (!(classes & 1 << i))
			continue;
		out_entry(list, "%s", class_names[i]);
		used += snprintf(text + used, sizeof(text) - used, "%s%s", used ? "," : "",
				 class_names[i]);
	}
	out_str(record, NULL, "", text);
}

static void show_remotes(struct out_node *record, const struct datapath_pinhole *p, char *text,
			 size_t size)
{
	struct out_node *list = out_list(record, "remotes", NULL, OUT_HIDDEN);
	size_t used = 0;

	*text = '\0';
	for (unsigned int i = 0; i < p->pinhole.n_remotes && i < RF_REMOTES_MAX; i++) {
		const struct rf_remote *r = &p->remotes[i];
		struct prefix prefix = { r->addr, r->prefix_len };
		struct rf_ep ep = { .addr = r->addr, .port = r->port };
		char one[EP_TEXT_MAX + 8];

		if (r->prefix_len == 128 && r->port)
			ep_text(&ep, one);
		else
			prefix_text(&prefix, one);
		out_entry(list, "%s", one);
		if (used < size)
			used += snprintf(text + used, size - used, "%s%s", i ? " or " : "", one);
	}
}

static void show_deadline(struct out_node *record, const struct rf_pinhole *p, uint64_t now_ns)
{
	char buf[DURATION_TEXT_MAX];
	struct out_node *n = show_moment(record, "deadline", "", p->deadline_ns);

	if (p->state == RF_PINHOLE_CLOSED || p->deadline_ns == UINT64_MAX)
		out_shown(n, "%s", "");
	else if (p->deadline_ns <= now_ns)
		out_shown(n, "expired");
	else
		out_shown(n, "for %s at most", duration_text(p->deadline_ns - now_ns, buf));
}

/* in and out are the two directions of one pinhole; one of them may be NULL. */
static void show_one(struct out_node *list, const struct datapath_pinhole *in,
		     const struct datapath_pinhole *out, uint64_t now_ns)
{
	const struct datapath_pinhole *any = in ? in : out;
	const struct rf_pinhole *p = &any->pinhole;
	struct rf_ep key = { .addr = any->key.addr, .port = any->key.port };
	struct rf_ep other = p->flags & RF_PH_XLATE ? p->xlate : key;
	const struct rf_ep *outside = in ? &key : &other, *inside = in ? &other : &key;
	char a[EP_TEXT_MAX], b[EP_TEXT_MAX], remotes[RF_REMOTES_MAX * (EP_TEXT_MAX + 12)];
	bool sip = p->classes & RF_CLASS_SIP;
	uint32_t call = any->cold.call_id;
	struct out_node *item = out_item(list);

	out_shown(out_u64(item, "id", "", p->id), "pinhole %u", p->id);
	out_shown(out_u64(item, "call", "", call),
		  call	? "call %u"
		  : sip ? "signalling"
			: "by hand",
		  call);
	out_str(item, "state", "", p->state == RF_PINHOLE_OPEN ? "open" : "closed");
	show_classes(item, p->classes | (out ? out->pinhole.classes : 0));
	out_bool(item, "held", NULL, p->flags & RF_PH_HELD);
	out_bool(item, "learn", NULL, p->flags & RF_PH_LEARN);
	out_bool(item, "out_first", NULL, p->flags & RF_PH_OUT_FIRST);
	out_shown(out_bool(item, "waits", "", show_pinhole_waits(any)), "%s",
		  show_pinhole_waits(any) ? "closed inwards until the inside host sends" : "");
	show_ep(item, "inside", NULL, inside);
	show_ep(item, "outside", NULL, outside);
	show_remotes(item, any, remotes, sizeof(remotes));
	ep_text(inside, a);
	ep_text(outside, b);
	out_strf(item, NULL, "", "%s%s%s <-> %s", a, ep_eq(inside, outside) ? "" : " = ",
		 ep_eq(inside, outside) ? "" : b, *remotes ? remotes : "anyone");
	show_deadline(item, p, now_ns);
	show_pinhole_state(item, in && in->has_state ? in : any, now_ns);
}

static enum cmd_status show(struct cmd_context *c, struct cmd_args *args)
{
	struct show_pinholes all = { 0 };
	uint64_t now_ns = clock_now_ns();
	struct out_node *list;
	enum cmd_status status;
	struct datapath *dp;
	uint32_t only = 0;
	size_t count = 0;
	int err;

	if (cmd_id(c, args, &only, false) < 0)
		return CMD_USAGE;
	status = cmd_open(c, &dp);
	if (status)
		return status;
	err = datapath_pinholes(dp, &all.v, &all.n);
	list = out_list(out_root(c->out), "pinholes", NULL, OUT_BLOCKS);
	if (!only)
		out_empty(list, "no pinholes");
	for (size_t i = 0; !err && i < all.n; i++) {
		const struct datapath_pinhole *a = &all.v[i], *b = i + 1 < all.n ? a + 1 : NULL;
		bool pair = b && b->pinhole.id == a->pinhole.id && b->key.dir != a->key.dir;

		if (!only || only == a->pinhole.id) {
			if (a->key.dir == RF_DIR_IN)
				show_one(list, a, pair ? b : NULL, now_ns);
			else
				show_one(list, pair ? b : NULL, a, now_ns);
			count++;
		}
		i += pair;
	}
	if (err)
		status = cmd_fail(c, NULL, "cannot read the pinholes: %s", strerror(-err));
	else if (only && !count)
		status = cmd_fail(c, NULL, "no pinhole has the id %u", only);
	free(all.v);
	datapath_close(dp);
	return status;
}

/* ---- add ---- */

static enum cmd_status add_ep(struct cmd_context *c, struct json_object *request, const char *key,
			      const char *text)
{
	struct json_object *list, *value;
	struct rf_ep ep;
	char buf[EP_TEXT_MAX];

	if (ep_parse(view_of(text), &ep) || !ep.port || addr_is_any(&ep.addr) ||
	    addr_is_multicast(&ep.addr))
		return cmd_usage(c, "%s \"%.60s\": expected ADDRESS:PORT or [ADDRESS6]:PORT", key,
				 text);
	value = json_object_new_string(ep_text(&ep, buf));
	if (strcmp(key, "remote")) {
		if (json_object_object_get_ex(request, key, NULL)) {
			json_object_put(value);
			return cmd_usage(c, "%s is given twice", key);
		}
		put(request, key, value);
		return CMD_OK;
	}
	if (!json_object_object_get_ex(request, "remotes", &list)) {
		list = json_object_new_array();
		put(request, "remotes", list);
	}
	put_item(list, value);
	return json_object_array_length(list) > RF_REMOTES_MAX
		       ? cmd_usage(c, "at most %d remotes", RF_REMOTES_MAX)
		       : CMD_OK;
}

static enum cmd_status add_class(struct cmd_context *c, struct json_object *request,
				 const char *text)
{
	static const char *const names[] = { "rtp",   "rtcp", "stun", "dtls",
					     "udptl", "bfcp", "any",  NULL };
	int class = cmd_word(c, "class", text, names);
	struct json_object *list;

	if (class < 0)
		return CMD_USAGE;
	if (!json_object_object_get_ex(request, "classes", &list)) {
		list = json_object_new_array();
		put(request, "classes", list);
	}
	put_item(list, json_object_new_string(names[class]));
	return CMD_OK;
}

static enum cmd_status add_until(struct cmd_context *c, struct json_object *request,
				 const char *text, bool moment)
{
	uint64_t ns, now = clock_now_ns();
	time_t t;

	if (json_object_object_get_ex(request, "until_ns", NULL))
		return cmd_usage(c, "the end is given twice");
	if (moment) {
		if (moment_parse(text, &t))
			return cmd_usage(
				c, "until \"%.40s\": expected ISO 8601 such as 2026-08-01T18:30",
				text);
		if (t <= time(NULL) || t - time(NULL) > 366 * 86400)
			return cmd_usage(
				c, "until \"%.40s\": expected a moment within the next 366 days",
				text);
		ns = now + (uint64_t)(t - time(NULL)) * SECOND_NS;
	} else {
		if (duration_parse(text, &ns))
			return cmd_usage(
				c, "for \"%.40s\": expected a time such as 30s, 10m, 2h or 1h30m",
				text);
		ns += now;
	}
	put(request, "until_ns", json_object_new_uint64(ns));
	return CMD_OK;
}

static enum cmd_status add_args(struct cmd_context *c, struct cmd_args *args,
				struct json_object *request)
{
	static const char *const words[] = { "outside", "inside", "remote", "class",
					     "for",	"until",  NULL };
	static const char *const what[] = { "EP", "EP", "EP", "CLASS", "TIME", "TIME" };
	static const char *const needed[] = { "outside", "inside", "remotes" };

	while (args->n) {
		int word = cmd_word(c, "argument", *args->v++, words);
		enum cmd_status status = CMD_OK;
		const char *value;

		args->n--;
		value = word < 0 ? NULL : cmd_next(c, args, what[word]);
		if (!value)
			return CMD_USAGE;
		if (word < 3)
			status = add_ep(c, request, words[word], value);
		else if (word == 3)
			status = add_class(c, request, value);
		else
			status = add_until(c, request, value, word == 5);
		if (status)
			return status;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!json_object_object_get_ex(request, needed[i], NULL))
			return cmd_usage(c, "%s EP is missing", words[i]);
	return CMD_OK;
}

static enum cmd_status add(struct cmd_context *c, struct cmd_args *args)
{
	struct json_object *request = json_object_new_object(), *reply, *id;
	enum cmd_status status = add_args(c, args, request);

	put(request, "command", json_object_new_string("pinhole add"));
	if (!status)
		status = cmd_request(c, request, &reply);
	json_object_put(request);
	if (status)
		return status;
	if (json_object_object_get_ex(reply, "id", &id))
		out_shown(out_u64(out_root(c->out), "id", "", json_object_get_uint64(id)),
			  "pinhole %s is open", json_object_get_string(id));
	json_object_put(reply);
	return CMD_OK;
}

static enum cmd_status delete (struct cmd_context *c, struct cmd_args *args) {
	struct json_object *request, *reply; enum cmd_status status; uint32_t id;

	if (cmd_id(c, args, &id, true) < 0) return CMD_USAGE;
	request = json_object_new_object();
	json_add(&request, "command", json_object_new_string("pinhole delete"));
	json_add(&request, "id", json_object_new_int64(id));
	status = cmd_request(c, request, &reply);
	json_object_put(request);
	if (status) return status;
	json_object_put(reply);
	out_shown(out_u64(out_root(c->out), "deleted", "", id), "pinhole %u is closed", id);
	return CMD_OK;
}

static const struct cmd_verb verbs[] = {
	{ "show", "[id ID]", "what is open, for whom, and what passes", show },
	{ "add", "outside EP inside EP {remote EP}... [class CLASS]... [for TIME|until TIME]",
	  "opens one by hand; EP: ADDR:PORT, CLASS: rtp rtcp stun dtls udptl bfcp any, TIME: 30s 10m 2h, until: ISO 8601",
	  add },
	{ "delete", "id ID", "closes one that was opened by hand", delete },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_pinhole = { "pinhole", verbs };
