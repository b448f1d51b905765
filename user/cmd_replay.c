// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence replay FILE [config FILE] [inside PREFIX]... [public ADDR]... [fail-on KIND]...
 * No kernel side, no controller, no rights: the deciders alone, on a capture.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "replay.h"

struct replay_args {
	const char *file, *config;
	struct prefix inside[CONFIG_INSIDE_MAX];
	uint16_t n_inside;
	struct rf_addr publics[REPLAY_PUBLIC_MAX];
	unsigned int n_publics;
	bool fail_on[REPLAY_FINDINGS_MAX];
};

static enum cmd_status read_inside(struct cmd_context *c, struct replay_args *a, const char *text)
{
	struct prefix *p = &a->inside[a->n_inside];
	int err;

	if (a->n_inside == CONFIG_INSIDE_MAX)
		return cmd_usage(c, "at most %d inside prefixes", CONFIG_INSIDE_MAX);
	err = prefix_parse(view_of(text), p);
	if (err == -EDOM)
		return cmd_usage(c,
				 "inside \"%.50s\": the bits behind the prefix length must be zero",
				 text);
	if (err)
		return cmd_usage(
			c, "inside \"%.50s\": expected a prefix such as 10.0.0.0/8 or fd00::/8",
			text);
	a->n_inside++;
	return CMD_OK;
}

static enum cmd_status read_public(struct cmd_context *c, struct replay_args *a, const char *text)
{
	if (a->n_publics == REPLAY_PUBLIC_MAX)
		return cmd_usage(c, "at most %d public addresses", REPLAY_PUBLIC_MAX);
	if (addr_parse(view_of(text), &a->publics[a->n_publics]))
		return cmd_usage(c, "public \"%.50s\": expected an address", text);
	a->n_publics++;
	return CMD_OK;
}

static enum cmd_status read_fail_on(struct cmd_context *c, struct replay_args *a, const char *text)
{
	const char *words[REPLAY_FINDINGS_MAX + 2] = { NULL };
	int i;

	for (i = 0; i < REPLAY_FINDINGS_MAX; i++)
		words[i] = replay_finding_name(i);
	words[REPLAY_FINDINGS_MAX] = "all";
	i = cmd_word(c, "finding", text, words);
	if (i < 0)
		return CMD_USAGE;
	for (int f = 0; f < REPLAY_FINDINGS_MAX; f++)
		a->fail_on[f] = a->fail_on[f] || f == i || i == REPLAY_FINDINGS_MAX;
	return CMD_OK;
}

static enum cmd_status read_args(struct cmd_context *c, struct cmd_args *args,
				 struct replay_args *a)
{
	static const char *const words[] = { "config", "inside", "public", "fail-on", NULL };
	static const char *const values[] = { "FILE", "PREFIX", "ADDR", "KIND" };
	enum cmd_status status = CMD_OK;

	a->file = cmd_next(c, args, "FILE");
	if (!a->file)
		return CMD_USAGE;
	while (args->n && status == CMD_OK) {
		int i = cmd_word(c, "argument", cmd_next(c, args, "argument"), words);
		const char *value = i < 0 ? NULL : cmd_next(c, args, values[i]);

		if (!value)
			return CMD_USAGE;
		switch (i) {
		case 0:
			if (a->config)
				return cmd_usage(c, "config is given twice");
			a->config = value;
			break;
		case 1: status = read_inside(c, a, value); break;
		case 2: status = read_public(c, a, value); break;
		default: status = read_fail_on(c, a, value); break;
		}
	}
	return status;
}

/* What is given here goes before what the configuration says. */
static enum cmd_status make_options(struct cmd_context *c, const struct replay_args *a,
				    struct replay_options *o)
{
	struct config *config = &o->config;

	config_defaults(config);
	if (a->config && cmd_config_read(c, a->config, config))
		return CMD_FAILED;
	o->anybody = !config->n_peers && !config->has_inbound;
	if (a->n_inside) {
		config->n_inside = a->n_inside;
		for (uint16_t i = 0; i < a->n_inside; i++)
			config->inside[i] = (struct config_inside){ .prefix = a->inside[i] };
	}
	o->n_publics = a->n_publics;
	memcpy(o->publics, a->publics, sizeof(o->publics));
	if (!a->n_publics && config->n_wans) {
		if (config->wans[0].has_public4)
			o->publics[o->n_publics++] = config->wans[0].public4;
		if (config->wans[0].has_public6)
			o->publics[o->n_publics++] = config->wans[0].public6;
	}
	return CMD_OK;
}

static enum cmd_status verdict(struct cmd_context *c, const struct replay *r,
			       const struct replay_args *a)
{
	char found[200] = "";
	size_t used = 0;

	for (int f = 0; f < REPLAY_FINDINGS_MAX; f++)
		if (a->fail_on[f] && replay_found(r, f))
			used += snprintf(found + used, sizeof(found) - used, "%s%s",
					 used ? ", " : "", replay_finding_name(f));
	return used ? cmd_fail(c, NULL, "found what was asked to fail on: %s", found) : CMD_OK;
}

static enum cmd_status run(struct cmd_context *c, struct cmd_args *args)
{
	struct replay_options *o = calloc(1, sizeof(*o));
	struct replay_args *a = calloc(1, sizeof(*a));
	struct replay *r = NULL;
	char why[REPLAY_WHY_MAX];
	enum cmd_status status;
	int err;

	status = o && a ? read_args(c, args, a) : cmd_fail(c, NULL, "out of memory");
	if (!status)
		status = make_options(c, a, o);
	if (!status) {
		r = replay_new(o);
		err = r ? replay_run(r, a->file, why) : -ENOMEM;
		if (r)
			replay_show(r, c->out);
		if (err)
			status = cmd_fail(c, NULL, "%s", r ? why : "out of memory");
		else
			status = verdict(c, r, a);
	}
	replay_free(r);
	free(o);
	free(a);
	return status;
}

static const struct cmd_verb verbs[] = {
	{ NULL, "FILE [config FILE] [inside PREFIX]... [public ADDR]... [fail-on KIND]...",
	  "offline, from a capture: what would have been opened, edited and dropped", run },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_replay = { "replay", verbs };
