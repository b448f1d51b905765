// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the commands share: words, arguments, usage, and the usual ways to fail.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "control.h"

static const char *const help_words[] = { "help", "-h", "--help", NULL };

bool cmd_is_help(const char *word)
{
	for (int i = 0; help_words[i]; i++)
		if (word && !strcmp(word, help_words[i]))
			return true;
	return false;
}

static void usage_line(struct out_node *list, const struct cmd *cmd, const struct cmd_verb *v)
{
	out_entry(list, "ringfence [-j|-p] [--instance NAME] %s%s%s%s%s", cmd->object,
		  v->name ? " " : "", v->name ? v->name : "", *v->args ? " " : "", v->args);
}

static void usage_error(struct cmd_context *c, const char *text)
{
	struct out_node *list;

	out_error(c->out, NULL, "%s", text);
	list = out_error_list(c->out, "usage", "usage:", OUT_LINES);
	if (!c->cmd) {
		out_entry(list, "ringfence [-j|-p] [--instance NAME] OBJECT COMMAND [ARGS]");
		out_entry(list, "ringfence help");
		return;
	}
	for (const struct cmd_verb *v = c->cmd->verbs; v->run; v++)
		if (!c->verb || v == c->verb)
			usage_line(list, c->cmd, v);
}

enum cmd_status cmd_usage(struct cmd_context *c, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	usage_error(c, text);
	return CMD_USAGE;
}

enum cmd_status cmd_help(struct cmd_context *c, const struct cmd *cmd)
{
	struct out_node *root = out_root(c->out), *list, *item;

	out_str(root, "program", NULL, "ringfence");
	out_strf(root, NULL, "usage:", "ringfence [-j|-p] [--instance NAME] OBJECT COMMAND [ARGS]");
	list = out_list(
		root, "commands",
		cmd ? NULL : "commands (words may be shortened while unambiguous):", OUT_LINES);
	for (const struct cmd *const *t = c->table; *t; t++) {
		if (cmd && *t != cmd)
			continue;
		for (const struct cmd_verb *v = (*t)->verbs; v->run; v++) {
			item = out_item(list);
			out_strf(item, "command", "", "%s%s%s%s%s", (*t)->object,
				 v->name ? " " : "", v->name ? v->name : "", *v->args ? " " : "",
				 v->args);
			out_str(item, "help", NULL, v->help);
			out_entry(out_list(item, NULL, NULL, OUT_LINES), "  %s", v->help);
		}
	}
	if (cmd)
		return CMD_OK;
	list = out_list(root, "options", "options:", OUT_LINES);
	out_entry(list, "-j, --json         one line of JSON; errors too");
	out_entry(list, "-p, --pretty       indented JSON");
	out_entry(list, "--instance NAME    one of several instances on this machine (\"%s\")",
		  RF_DEFAULT_INSTANCE);
	out_entry(list, "-V, --version      version");
	out_entry(list, "-h, --help         this text; \"help\" works after every word, too");
	return CMD_OK;
}

int cmd_word(struct cmd_context *c, const char *what, const char *text, const char *const *words)
{
	char list[300] = "", message[400];
	size_t used = 0, n = strlen(text);
	int found = -1, count = 0;

	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], text))
			return i;
		if (n && !strncmp(words[i], text, n)) {
			found = i;
			count++;
		}
	}
	if (count == 1)
		return found;
	for (int i = 0; words[i]; i++)
		if ((!count || !strncmp(words[i], text, n)) && used < sizeof(list))
			used += snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 words[i]);
	if (count)
		snprintf(message, sizeof(message), "%s \"%.40s\" is ambiguous: %s", what, text,
			 list);
	else
		snprintf(message, sizeof(message), "unknown %s \"%.40s\", expected: %s", what, text,
			 list);
	usage_error(c, message);
	return -1;
}

char *cmd_next(struct cmd_context *c, struct cmd_args *args, const char *what)
{
	if (!args->n) {
		cmd_usage(c, "%s is missing", what);
		return NULL;
	}
	args->n--;
	return *args->v++;
}

enum cmd_status cmd_end(struct cmd_context *c, struct cmd_args *args)
{
	return args->n ? cmd_usage(c, "too many arguments: \"%.40s\"", args->v[0]) : CMD_OK;
}

enum cmd_status cmd_fail(struct cmd_context *c, const char *hint, const char *fmt, ...)
{
	char text[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_error(c->out, hint, "%s", text);
	return CMD_FAILED;
}

int cmd_id(struct cmd_context *c, struct cmd_args *args, uint32_t *id, bool required)
{
	static const char *const words[] = { "id", NULL };
	unsigned long value;
	const char *text;
	char *end;

	if (!args->n && !required)
		return 0;
	text = cmd_next(c, args, "id ID");
	if (!text || cmd_word(c, "argument", text, words) < 0)
		return -1;
	text = cmd_next(c, args, "ID");
	if (!text)
		return -1;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !value || value > UINT32_MAX) {
		cmd_usage(c, "\"%.40s\" is not an id (a number from 1 on)", text);
		return -1;
	}
	*id = value;
	return cmd_end(c, args) == CMD_OK ? 1 : -1;
}

enum cmd_status cmd_config_read(struct cmd_context *c, const char *path, struct config *config)
{
	struct config_errors errors = { 0 };
	struct out_node *list, *item;
	int err = config_read(path, config, &errors);

	if (!err)
		return CMD_OK;
	if (errors.n)
		out_error(c->out, NULL, "%s: %zu mistake%s", path ? path : CONFIG_DEFAULT_PATH,
			  errors.n, errors.n > 1 ? "s" : "");
	else
		out_error(c->out, NULL, "cannot read %s: %s", path ? path : CONFIG_DEFAULT_PATH,
			  strerror(-err));
	list = out_error_list(c->out, "mistakes", NULL, OUT_LINES);
	for (size_t i = 0; i < errors.n; i++) {
		item = out_item(list);
		out_shown(out_str(item, "where", "", errors.v[i].where), "%s: %s",
			  errors.v[i].where, errors.v[i].what);
		out_str(item, "what", NULL, errors.v[i].what);
	}
	config_errors_free(&errors);
	return CMD_FAILED;
}

enum cmd_status cmd_open(struct cmd_context *c, struct datapath **out)
{
	struct why why = { 0 };
	int err = datapath_open(out, c->instance, false, &why);

	if (!err)
		return CMD_OK;
	return cmd_fail(c, NULL, "%s", *why.text ? why.text : strerror(-err));
}

enum cmd_status cmd_request(struct cmd_context *c, struct json_object *request,
			    struct json_object **reply)
{
	struct why why = { 0 };
	struct json_object *error;
	int err = control_request(c->instance, request, reply, &why);

	if (err)
		return cmd_fail(c, NULL, "%s", *why.text ? why.text : strerror(-err));
	if (!json_object_object_get_ex(*reply, "error", &error))
		return CMD_OK;
	cmd_fail(c, NULL, "%s", json_object_get_string(error));
	json_object_put(*reply);
	*reply = NULL;
	return CMD_FAILED;
}
