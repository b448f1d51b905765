// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence config check FILE
 */
#include <stdlib.h>

#include "cmd.h"

static enum cmd_status check(struct cmd_context *c, struct cmd_args *args)
{
	struct out_node *root = out_root(c->out);
	const char *file = cmd_next(c, args, "FILE");
	enum cmd_status status = file ? cmd_end(c, args) : CMD_USAGE;
	struct config *config;

	if (status)
		return status;
	config = malloc(sizeof(*config));
	if (!config)
		return cmd_fail(c, NULL, "out of memory");
	status = cmd_config_read(c, file, config);
	if (!status) {
		out_shown(out_str(root, "file", "", file), "%s is fine:", file);
		out_bool(root, "valid", NULL, true);
		out_shown(out_u64(root, "wan", "", config->n_wans), "%u WAN device%s,",
			  config->n_wans, config->n_wans == 1 ? "" : "s");
		out_shown(out_u64(root, "inside", "", config->n_inside), "%u inside prefix%s%s,",
			  config->n_inside, config->n_inside == 1 ? "" : "es",
			  config->inside_given ? "" : " (default)");
		out_shown(out_u64(root, "peers", "", config->n_peers), "%u peer%s", config->n_peers,
			  config->n_peers == 1 ? "" : "s");
	}
	free(config);
	return status;
}

static const struct cmd_verb verbs[] = {
	{ "check", "FILE",
	  "tells every mistake in a configuration file, with its place and what was expected",
	  check },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_config = { "config", verbs };
