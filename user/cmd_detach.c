// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence detach dev DEV | all
 */
#include <string.h>

#include "cmd.h"

static enum cmd_status run(struct cmd_context *c, struct cmd_args *args)
{
	static const char *const words[] = { "dev", "all", NULL };
	struct out_node *root = out_root(c->out);
	const char *text = cmd_next(c, args, "dev DEV or all"), *dev = NULL;
	struct why why = { 0 };
	int word, err;

	if (!text)
		return CMD_USAGE;
	word = cmd_word(c, "argument", text, words);
	if (word < 0 || (word == 0 && !(dev = cmd_next(c, args, "DEV"))) || cmd_end(c, args))
		return CMD_USAGE;
	err = datapath_detach(c->instance, dev, &why);
	if (err)
		return cmd_fail(c, NULL, "%s", *why.text ? why.text : strerror(-err));
	out_shown(out_str(root, "detached", "", dev ? dev : "all"), "%s%s no longer guarded",
		  dev ? dev : "all devices", dev ? " is" : " are");
	return CMD_OK;
}

static const struct cmd_verb verbs[] = {
	{ NULL, "dev DEV | all", "takes Ringfence off a device, or off all devices of the instance",
	  run },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_detach = { "detach", verbs };
