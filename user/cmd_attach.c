// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence attach dev DEV [inside PREFIX]... [config FILE] [mode MODE] [replace]
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"

struct attach_args {
	struct attach_request r;
	struct prefix inside[CONFIG_INSIDE_MAX];
	const char *config_path;
};

static enum cmd_status read_inside(struct cmd_context *c, struct attach_args *a, const char *text)
{
	int err;

	if (a->r.n_inside == CONFIG_INSIDE_MAX)
		return cmd_usage(c, "at most %d inside prefixes", CONFIG_INSIDE_MAX);
	err = prefix_parse(view_of(text), &a->inside[a->r.n_inside]);
	if (err == -EDOM)
		return cmd_usage(
			c, "inside \"%.60s\": the bits after the prefix length must be zero", text);
	if (err)
		return cmd_usage(
			c, "inside \"%.60s\": expected a prefix such as 192.168.0.0/16 or fd00::/8",
			text);
	a->r.n_inside++;
	return CMD_OK;
}

static enum cmd_status read_args(struct cmd_context *c, struct cmd_args *args,
				 struct attach_args *a)
{
	static const char *const words[] = { "dev", "inside", "config", "mode", "replace", NULL };
	static const char *const modes[] = { "auto", "native", "generic", "tc", NULL };
	static const char *const what[] = { "DEV", "PREFIX", "FILE", "MODE" };
	const char *value = NULL;
	int word, mode;

	while (args->n) {
		word = cmd_word(c, "argument", *args->v++, words);
		args->n--;
		if (word < 0 || (word < 4 && !(value = cmd_next(c, args, what[word]))))
			return CMD_USAGE;
		if ((word == 0 && a->r.dev) || (word == 2 && a->config_path))
			return cmd_usage(c, "%s is given twice", words[word]);
		switch (word) {
		case 0: a->r.dev = value; break;
		case 1:
			if (read_inside(c, a, value))
				return CMD_USAGE;
			break;
		case 2: a->config_path = value; break;
		case 3:
			mode = cmd_word(c, "mode", value, modes);
			if (mode < 0 || attach_mode_parse(modes[mode], &a->r.mode))
				return CMD_USAGE;
			break;
		default: a->r.replace = true; break;
		}
	}
	if (!a->r.dev)
		return cmd_usage(c, "dev DEV is missing");
	if (!*a->r.dev || strlen(a->r.dev) >= IF_NAMESIZE || strchr(a->r.dev, '/'))
		return cmd_usage(c, "\"%.40s\" is not the name of a network device", a->r.dev);
	return CMD_OK;
}

/* What looks like a mistake, and what this attach takes away from others, as far as it can be told. */
static void show_warnings(struct cmd_context *c, const struct attach_args *a)
{
	struct out_node *list = out_list(out_root(c->out), "warnings", "warnings", OUT_LINES);
	struct why why = { 0 };
	struct datapath *dp;

	if (datapath_open(&dp, a->r.instance, false, &why))
		return;
	show_wan_doubts(dp, a->r.dev, list);
	show_port_owners(dp, a->r.config, list);
	datapath_close(dp);
}

static enum cmd_status attach(struct cmd_context *c, const struct attach_args *a)
{
	struct out_node *root = out_root(c->out);
	struct attach_result result = { 0 };
	struct why why = { 0 };
	int err = datapath_attach(&a->r, &result, &why);

	if (err)
		return cmd_fail(c, NULL, "%s", *why.text ? why.text : strerror(-err));
	out_shown(out_str(root, "dev", "", a->r.dev), "%s is guarded,", a->r.dev);
	out_str(root, "instance", NULL, a->r.instance);
	out_shown(out_str(root, "mode", "", attach_mode_text(result.mode)), "mode %s,",
		  attach_mode_text(result.mode));
	out_shown(out_u64(root, "inside_devices", "", result.inside_devices), "%u inside device%s",
		  result.inside_devices, result.inside_devices == 1 ? "" : "s");
	if (result.upgraded_from)
		out_shown(out_u64(root, "upgraded_from_abi", "upgrade", result.upgraded_from),
			  "from ABI %u, calls are kept; now start the controller",
			  result.upgraded_from);
	out_str(root, "note", "note", *result.note ? result.note : NULL);
	show_warnings(c, a);
	return CMD_OK;
}

static enum cmd_status run(struct cmd_context *c, struct cmd_args *args)
{
	struct attach_args a = { .r = { .instance = c->instance, .mode = ATTACH_AUTO } };
	enum cmd_status status = read_args(c, args, &a);
	struct config *config;

	if (status)
		return status;
	config = malloc(sizeof(*config));
	if (!config)
		return cmd_fail(c, NULL, "out of memory");
	a.r.config = config;
	a.r.inside = a.inside;
	status = cmd_config_read(c, a.config_path, config);
	if (!status)
		status = attach(c, &a);
	free(config);
	return status;
}

static const struct cmd_verb verbs[] = {
	{ NULL, "dev DEV [inside PREFIX]... [config FILE] [mode native|generic|tc|auto] [replace]",
	  "guards a WAN device: its media ports are closed, except for the media of calls", run },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_attach = { "attach", verbs };
