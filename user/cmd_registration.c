// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence registration show
 * Registrations come from the journal: the controller need not live.
 */
#include <stdlib.h>

#include "cmd_show.h"
#include "duration.h"

struct registration_show {
	struct out_node *list;
	uint64_t now_ns;
};

static void show_registration(const struct show_registration *r, void *arg)
{
	struct registration_show *s = arg;
	struct out_node *item = out_item(s->list);
	char buf[DURATION_TEXT_MAX];
	uint64_t left = r->expires_ns > s->now_ns ? r->expires_ns - s->now_ns : 0;

	out_str(item, "aor", "ADDRESS OF RECORD", r->aor);
	show_ep(item, "inside", "INSIDE", &r->inside);
	show_ep(item, "outside", "OUTSIDE", &r->outside);
	show_ep(item, "registrar", "REGISTRAR", &r->registrar);
	show_moment(item, "since", "SINCE", r->since_ns);
	out_shown(show_moment(item, "expires", "EXPIRES", r->expires_ns), "%s%s",
		  left ? "in " : "now", left ? duration_text(left, buf) : "");
	out_str(item, "contact", "CONTACT", r->contact);
}

static enum cmd_status show(struct cmd_context *c, struct cmd_args *args)
{
	struct registration_show s = { .now_ns = clock_now_ns() };
	struct topology *topology;
	struct engine *engine;
	struct datapath *dp;
	enum cmd_status status = cmd_end(c, args);

	if (!status)
		status = cmd_open(c, &dp);
	if (status)
		return status;
	topology = malloc(sizeof(*topology));
	status = topology ? show_engine(c, dp, &engine, topology)
			  : cmd_fail(c, NULL, "out of memory");
	if (!status) {
		s.list = out_list(out_root(c->out), "registrations", NULL, OUT_TABLE);
		out_empty(s.list, "no registrations");
		engine_show_registrations(engine, show_registration, &s);
		show_controller_warning(
			c, dp, out_list(out_root(c->out), "warnings", "warnings", OUT_LINES));
		engine_free(engine);
	}
	free(topology);
	datapath_close(dp);
	return status;
}

static const struct cmd_verb verbs[] = {
	{ "show", "", "inside hosts that are registered outside, and until when", show },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_registration = { "registration", verbs };
