// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line tool: options, and the table of commands. What a command does is in its cmd_*.c.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"

#define OBJECTS_MAX 16
#define VERBS_MAX   8

static const struct cmd *const table[] = {
	&cmd_attach, &cmd_detach, &cmd_status, &cmd_call,   &cmd_pinhole, &cmd_registration,
	&cmd_reason, &cmd_event,  &cmd_config, &cmd_replay, NULL,
};
_Static_assert(sizeof(table) / sizeof(table[0]) <= OBJECTS_MAX, "find_object() has room");

struct options {
	enum out_format format;
	const char *instance;
	bool help, version;
	char wrong[80]; /* the first option that cannot be used */
};

static void read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },	      { "pretty", no_argument, NULL, 'p' },
		{ "instance", required_argument, NULL, 'i' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },	      { NULL, 0, NULL, 0 },
	};
	int opt;

	opterr = 0; /* under -j errors must be JSON, also those about options after the bad one */
	while ((opt = getopt_long(argc, argv, "+:jphV", longs, NULL)) != -1) {
		switch (opt) {
		case 'j': o->format = OUT_JSON; break;
		case 'p': o->format = OUT_PRETTY; break;
		case 'i': o->instance = optarg; break;
		case 'h': o->help = true; break;
		case 'V': o->version = true; break;
		default:
			if (!*o->wrong)
				snprintf(o->wrong, sizeof(o->wrong), "%s \"%.40s\"",
					 opt == ':' ? "a name is missing after" : "unknown option",
					 argv[optind - 1]);
		}
	}
}

static enum cmd_status version(struct cmd_context *c)
{
	struct out_node *root = out_root(c->out);

	out_shown(out_str(root, "version", "", RF_VERSION), "ringfence %s", RF_VERSION);
	out_u64(root, "abi", NULL, RF_ABI_VERSION);
	return CMD_OK;
}

static const struct cmd *find_object(struct cmd_context *c, const char *word)
{
	const char *words[OBJECTS_MAX + 1] = { NULL };
	int i;

	for (i = 0; table[i]; i++)
		words[i] = table[i]->object;
	words[i] = "help";
	i = cmd_word(c, "object", word, words);
	return i < 0 ? NULL : table[i];
}

static const struct cmd_verb *find_verb(struct cmd_context *c, const char *word)
{
	const char *words[VERBS_MAX + 1] = { NULL };
	int i;

	for (i = 0; c->cmd->verbs[i].run && i < VERBS_MAX; i++)
		words[i] = c->cmd->verbs[i].name;
	i = cmd_word(c, "command", word, words);
	return i < 0 ? NULL : &c->cmd->verbs[i];
}

static enum cmd_status run(struct cmd_context *c, struct cmd_args *args)
{
	const char *word = cmd_next(c, args, "OBJECT");

	if (!word)
		return CMD_USAGE;
	if (!strncmp("help", word, strlen(word)) && *word) {
		if (!args->n)
			return cmd_help(c, NULL);
		word = cmd_next(c, args, "OBJECT");
		c->cmd = cmd_is_help(word) ? NULL : find_object(c, word);
		return c->cmd || cmd_is_help(word) ? cmd_help(c, c->cmd) : CMD_USAGE;
	}
	c->cmd = find_object(c, word);
	if (!c->cmd)
		return CMD_USAGE;
	if (args->n && cmd_is_help(args->v[0]))
		return cmd_help(c, c->cmd);
	if (!c->cmd->verbs[0].name) {
		c->verb = c->cmd->verbs;
	} else {
		word = cmd_next(c, args, "COMMAND");
		c->verb = word ? find_verb(c, word) : NULL;
	}
	if (!c->verb)
		return CMD_USAGE;
	if (args->n && cmd_is_help(args->v[args->n - 1]))
		return cmd_help(c, c->cmd);
	return c->verb->run(c, args);
}

int main(int argc, char **argv)
{
	struct options o = { .format = OUT_TEXT, .instance = RF_DEFAULT_INSTANCE };
	struct cmd_context c = { .table = table };
	enum cmd_status status;
	struct why why = { 0 };
	int err;

	read_options(argc, argv, &o);
	tzset();
	c.instance = o.instance;
	c.out = out_new(o.format, stdout, stderr);
	if (!c.out) {
		fprintf(stderr, "ringfence: out of memory\n");
		return CMD_FAILED;
	}
	struct cmd_args args = { argc - optind, argv + optind };

	if (*o.wrong)
		status = cmd_usage(&c, "%s", o.wrong);
	else if (o.help)
		status = cmd_help(&c, NULL);
	else if (o.version)
		status = version(&c);
	else if (instance_check(o.instance, &why))
		status = cmd_usage(&c, "%s", why.text);
	else
		status = run(&c, &args);
	err = out_close(c.out);
	if (err)
		fprintf(stderr, "ringfence: cannot write the output: %s\n", strerror(-err));
	return err && status == CMD_OK ? CMD_FAILED : (int)status;
}
