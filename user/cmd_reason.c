// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence reason show [all]
 */
#include <string.h>

#include "cmd.h"

static const struct {
	const char *name, *meaning;
	enum rf_action action;
} reasons[RF_R_MAX] = {
#define X(id, name, action, meaning) { name, meaning, action },
	RF_REASONS(X)
#undef X
};

static const char *const actions[] = { "pass", "deliver", "hold", "drop" };

static enum cmd_status show(struct cmd_context *c, struct cmd_args *args)
{
	static const char *const words[] = { "all", NULL };
	struct rf_counter counters[RF_R_MAX];
	struct out_node *list, *item;
	enum cmd_status status;
	struct datapath *dp;
	bool all = args->n > 0;
	int err;

	if (all &&
	    (cmd_word(c, "argument", cmd_next(c, args, "all"), words) < 0 || cmd_end(c, args)))
		return CMD_USAGE;
	status = cmd_open(c, &dp);
	if (status)
		return status;
	err = datapath_reasons(dp, counters);
	datapath_close(dp);
	if (err)
		return cmd_fail(c, NULL, "cannot read the counters: %s", strerror(-err));
	list = out_list(out_root(c->out), "reasons", NULL, OUT_TABLE);
	out_empty(list, "no packet was seen yet");
	for (unsigned int i = 0; i < RF_R_MAX; i++) {
		if (i == RF_R_NONE || (!all && !counters[i].packets))
			continue;
		item = out_item(list);
		out_str(item, "name", "REASON", reasons[i].name);
		out_str(item, "action", "ACTION", actions[reasons[i].action]);
		out_u64(item, "packets", "PACKETS", counters[i].packets);
		out_u64(item, "bytes", "BYTES", counters[i].bytes);
		out_str(item, "meaning", "MEANING", reasons[i].meaning);
	}
	return CMD_OK;
}

static const struct cmd_verb verbs[] = {
	{ "show", "[all]", "verdicts with counters: those that occurred, or all there are", show },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_reason = { "reason", verbs };
