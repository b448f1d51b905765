// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence call show [id ID] | drop id ID
 * Calls come from the journal, their packets from the pinned maps: the controller need not live.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"
#include "duration.h"
#include "json_add.h"
#include "unguarded.h"

struct call_show {
	struct out_node *list;
	struct show_pinholes pinholes;
	const struct topology *topology;
	uint64_t now_ns;
	uint32_t only; /* 0: all */
	size_t shown;
	bool waits; /* media of the call that is being shown */
};

static void show_path(struct out_node *record, const struct show_media *m)
{
	char inside[EP_TEXT_MAX], outside[EP_TEXT_MAX],
		remotes[RF_REMOTES_MAX * (EP_TEXT_MAX + 4)] = "";
	struct out_node *list = out_list(record, "remotes", NULL, OUT_HIDDEN);
	bool same = ep_eq(&m->inside, &m->outside);
	size_t used = 0;

	ep_text(&m->inside, inside);
	ep_text(&m->outside, outside);
	show_ep(record, "inside", NULL, &m->inside);
	show_ep(record, "outside", NULL, &m->outside);
	for (unsigned int i = 0; i < m->n_remotes; i++) {
		char remote[EP_TEXT_MAX];

		ep_text(&m->remotes[i], remote);
		out_entry(list, "%s", remote);
		used += snprintf(remotes + used, sizeof(remotes) - used, "%s%s", i ? " or " : "",
				 remote);
	}
	out_strf(record, NULL, "", "%s%s%s <-> %s", inside, same ? "" : " = ", same ? "" : outside,
		 *remotes ? remotes : "nobody yet");
}

static void show_one_media(struct call_show *s, struct out_node *list, const struct show_media *m)
{
	const struct datapath_pinhole *p =
		show_pinhole_find(&s->pinholes, m->pinhole_id, RF_DIR_IN);
	struct out_node *record = out_item(list);
	bool waits;

	if (!p)
		p = show_pinhole_find(&s->pinholes, m->pinhole_id, RF_DIR_OUT);
	out_u64(record, "stream", NULL, m->stream);
	out_str(record, "media", "", m->media);
	out_str(record, "protocol", "", m->rtcp ? "RTCP" : "RTP");
	out_str(record, "codec", "", m->codec);
	out_str(record, "direction", "", m->rtcp ? NULL : m->direction);
	out_bool(record, "open", NULL, p && p->pinhole.state == RF_PINHOLE_OPEN);
	show_path(record, m);
	out_shown(out_bool(record, "guarded", "",
			   !unguarded_media(s->topology, &m->inside, &m->outside)),
		  "%s",
		  unguarded_media(s->topology, &m->inside, &m->outside) ? "port not guarded" : "");
	out_bool(record, "learn", NULL, m->learn);
	waits = p && show_pinhole_waits(p);
	s->waits = s->waits || waits;
	out_shown(out_bool(record, "waits", "", waits), "%s",
		  waits ? "closed inwards until the inside host sends" : "");
	out_shown(out_u64(record, "pinhole", "", m->pinhole_id), "%s",
		  p ? "" : "(not open in the kernel)");
	show_pinhole_state(record, p, s->now_ns);
}

static void show_times(struct out_node *item, const struct show_call *call, uint64_t now_ns)
{
	uint64_t from = call->answered_ns ? call->answered_ns : call->since_ns;
	uint64_t lasted = now_ns > from ? now_ns - from : 0;
	char duration[DURATION_TEXT_MAX], text[DURATION_TEXT_MAX];

	duration_text(lasted, duration);
	out_shown(out_double(item, "duration_s", "", (double)lasted / 1e9), "%s", duration);
	moment_text(moment_of(from), text);
	out_shown(show_moment(item, "since", "", call->since_ns), "since %s", text);
	show_moment(item, "answered", NULL, call->answered_ns);
}

/* Media of its own server at ports that anybody can reach, and what to write. */
static void show_unguarded(const struct call_show *s, struct out_node *item,
			   const struct show_call *call)
{
	struct unguarded_ports v[UNGUARDED_HOSTS];
	char text[UNGUARDED_TEXT];
	struct out_node *list;
	size_t n = 0;

	for (size_t i = 0; i < call->n_media; i++)
		if (unguarded_media(s->topology, &call->media[i].inside, &call->media[i].outside))
			unguarded_add(s->topology, v, &n, UNGUARDED_HOSTS, call->wan_ifindex,
				      &call->media[i].outside);
	for (size_t i = 0; i < n; i++)
		out_str(item, NULL, "open to anybody", unguarded_advice(s->topology, &v[i], text));
	list = out_list(item, "unguarded", NULL, OUT_HIDDEN);
	for (size_t i = 0; i < n; i++)
		out_entry(list, "%s", unguarded_advice(s->topology, &v[i], text));
}

static void show_call(const struct show_call *call, void *arg)
{
	struct call_show *s = arg;
	struct out_node *item, *list;
	char inside[EP_TEXT_MAX], outside[EP_TEXT_MAX], remote[EP_TEXT_MAX];

	if (s->only && s->only != call->id)
		return;
	s->shown++;
	item = out_item(s->list);
	out_shown(out_u64(item, "id", "", call->id), "call %u", call->id);
	out_str(item, "state", "", call->state);
	show_times(item, call, s->now_ns);
	out_shown(out_str(item, "direction", "", call->direction), "%s",
		  strcmp(call->direction, "in") ? "outgoing" : "incoming");
	out_str(item, "mode", "", call->mode);
	out_str(item, "from", "from", call->from);
	out_str(item, "to", "to", call->to);
	out_str(item, "call_id", "Call-ID", call->call_id);
	show_moment(item, "deadline", "ends by", call->deadline_ns);
	show_ep(item, "inside", NULL, &call->inside_signalling);
	show_ep(item, "outside", NULL, &call->outside_signalling);
	show_ep(item, "remote", NULL, &call->remote_signalling);
	ep_text(&call->inside_signalling, inside);
	ep_text(&call->outside_signalling, outside);
	ep_text(&call->remote_signalling, remote);
	if (ep_eq(&call->inside_signalling, &call->outside_signalling))
		out_strf(item, NULL, "signalling", "%s <-> %s", inside, remote);
	else
		out_strf(item, NULL, "signalling", "%s = %s <-> %s", inside, outside, remote);
	show_unguarded(s, item, call);
	s->waits = false;
	list = out_list(item, "media", NULL, OUT_LINES);
	for (size_t i = 0; i < call->n_media; i++)
		show_one_media(s, list, &call->media[i]);
	list = out_list(item, "blocked_by", "blocked by", OUT_LINES);
	for (size_t i = 0; i < call->n_blocks; i++)
		if (i + 1 < call->n_blocks || !call->last_opens || s->waits)
			out_entry(list, "%s", call->blocks[i]);
}

static enum cmd_status show(struct cmd_context *c, struct cmd_args *args)
{
	struct call_show s = { .now_ns = clock_now_ns() };
	struct topology *topology = NULL;
	struct engine *engine = NULL;
	struct datapath *dp = NULL;
	enum cmd_status status;
	int err;

	if (cmd_id(c, args, &s.only, false) < 0)
		return CMD_USAGE;
	status = cmd_open(c, &dp);
	if (status)
		return status;
	topology = malloc(sizeof(*topology));
	err = topology ? datapath_pinholes(dp, &s.pinholes.v, &s.pinholes.n) : -ENOMEM;
	if (err)
		status = cmd_fail(c, NULL, "cannot read the pinholes: %s", strerror(-err));
	else
		status = show_engine(c, dp, &engine, topology);
	if (!status) {
		s.topology = topology;
		s.list = out_list(out_root(c->out), "calls", NULL, OUT_BLOCKS);
		if (!s.only)
			out_empty(s.list, "no calls");
		engine_show_calls(engine, show_call, &s);
		if (s.only && !s.shown)
			status = cmd_fail(c, NULL, "no call has the id %u", s.only);
		show_controller_warning(
			c, dp, out_list(out_root(c->out), "warnings", "warnings", OUT_LINES));
	}
	engine_free(engine);
	free(s.pinholes.v);
	free(topology);
	datapath_close(dp);
	return status;
}

static enum cmd_status drop(struct cmd_context *c, struct cmd_args *args)
{
	struct json_object *request, *reply;
	enum cmd_status status;
	uint32_t id;

	if (cmd_id(c, args, &id, true) < 0)
		return CMD_USAGE;
	request = json_object_new_object();
	json_add(&request, "command", json_object_new_string("call drop"));
	json_add(&request, "id", json_object_new_int64(id));
	status = cmd_request(c, request, &reply);
	json_object_put(request);
	if (status)
		return status;
	json_object_put(reply);
	out_shown(out_u64(out_root(c->out), "dropped", "", id), "call %u: its media is closed", id);
	return CMD_OK;
}

static const struct cmd_verb verbs[] = {
	{ "show", "[id ID]", "who with whom, state, since when, and the media each way", show },
	{ "drop", "id ID", "closes the media of a call at once", drop },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_call = { "call", verbs };
