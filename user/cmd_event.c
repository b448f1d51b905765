// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence event monitor
 */
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "control.h"
#include "duration.h"

/* Every event is written out before the next is waited for, so there is nothing to lose. */
static void on_signal(int sig)
{
	_exit(CMD_OK);
}

/* Holds the signals back while an event is half written. */
static void hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(how, &set, NULL);
}

static const char *text_of(struct json_object *event, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(event, key, &v) && v ? json_object_get_string(v) : NULL;
}

static void field(struct out_node *root, const char *key, struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_int: out_u64(root, key, NULL, json_object_get_uint64(v)); break;
	case json_type_double: out_double(root, key, NULL, json_object_get_double(v)); break;
	case json_type_boolean: out_bool(root, key, NULL, json_object_get_boolean(v)); break;
	case json_type_null: out_str(root, key, NULL, NULL); break;
	default: out_str(root, key, NULL, json_object_get_string(v)); break;
	}
}

/* An event is {"time_ns": N, "event": KIND, ..., "text": SENTENCE}: text shows these three, JSON
 * gets all there is. */
static int print_line(const char *line, void *arg)
{
	struct cmd_context *c = arg;
	struct out_node *root = out_root(c->out);
	struct json_object *event = json_tokener_parse(line), *ns;
	char iso[DURATION_TEXT_MAX], text[DURATION_TEXT_MAX];
	time_t when;
	int err;

	hold_signals(SIG_BLOCK);
	when = json_object_object_get_ex(event, "time_ns", &ns)
		       ? moment_of(json_object_get_uint64(ns))
		       : time(NULL);
	out_shown(out_str(root, "time", "", moment_iso(when, iso)), "%s", moment_text(when, text));
	if (json_object_is_type(event, json_type_object)) {
		const char *kind = text_of(event, "event");

		json_object_object_foreach(event, key, v)
		{
			if (strcmp(key, "time"))
				field(root, key, v);
		}
		out_strf(root, NULL, "", "%-14s", kind ? kind : "event");
		if (text_of(event, "reason"))
			out_str(root, NULL, "", text_of(event, "reason"));
		out_str(root, NULL, "", text_of(event, "text") ? text_of(event, "text") : line);
	} else {
		out_str(root, "text", "", line);
	}
	err = out_flush(c->out); /* keys point into the event until here */
	json_object_put(event);
	hold_signals(SIG_UNBLOCK);
	return err;
}

static enum cmd_status monitor(struct cmd_context *c, struct cmd_args *args)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct why why = { 0 };
	int err;

	if (cmd_end(c, args))
		return CMD_USAGE;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	err = control_events(c->instance, print_line, NULL, c, &why);
	if (!err || err == -EIO) /* out_close() tells about an output that cannot be written */
		return CMD_OK;
	if (err == -EPIPE)
		return cmd_fail(c, NULL, "the controller has ended the connection");
	return cmd_fail(c, NULL, "%s", *why.text ? why.text : strerror(-err));
}

static const struct cmd_verb verbs[] = {
	{ "monitor", "",
	  "a line (or JSON object) per call, pinhole, drop and attack event, until interrupted",
	  monitor },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_event = { "event", verbs };
