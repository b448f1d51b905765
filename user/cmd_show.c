// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fields that several commands show alike.
 */
#include "cmd_show.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action.h"
#include "duration.h"
#include "inside.h"
#include "journal.h"
#include "port_owners.h"
#include "rf_media.h"

struct out_node *show_ep(struct out_node *record, const char *key, const char *label,
			 const struct rf_ep *ep)
{
	static const struct rf_ep none;
	char buf[EP_TEXT_MAX];

	return out_str(record, key, label,
		       memcmp(ep, &none, sizeof(none)) ? ep_text(ep, buf) : NULL);
}

struct out_node *show_moment(struct out_node *record, const char *key, const char *label,
			     uint64_t ns)
{
	char iso[DURATION_TEXT_MAX], text[DURATION_TEXT_MAX];
	struct out_node *n;
	time_t t;

	if (!ns || ns == UINT64_MAX)
		return out_str(record, key, label, NULL);
	t = moment_of(ns);
	n = out_str(record, key, label, moment_iso(t, iso));
	out_shown(n, "%s", moment_text(t, text));
	return n;
}

const char *show_reason_name(unsigned int reason)
{
	static const char *const names[RF_R_MAX] = {
#define X(id, name, action, meaning) name,
		RF_REASONS(X)
#undef X
	};

	return reason < RF_R_MAX ? names[reason] : "?";
}

const struct datapath_pinhole *show_pinhole_find(const struct show_pinholes *p, uint32_t id,
						 enum rf_dir dir)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct datapath_pinhole *m = &p->v[mid];

		if (m->pinhole.id == id && m->key.dir == dir)
			return m;
		if (m->pinhole.id < id || (m->pinhole.id == id && m->key.dir < dir))
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool show_pinhole_waits(const struct datapath_pinhole *p)
{
	const struct rf_flow_stats *out = &p->state.dir[RF_DIR_OUT];

	return rf_media_out_first(p->pinhole.flags, out->packets, out->last_reason) != RF_R_NONE;
}

/* Lost packets by sequence numbers (RFC 3550 A.3); late duplicates can make it negative: then none. */
static void show_loss(struct out_node *flow, const struct rf_flow_stats *s)
{
	int64_t expected = (int64_t)s->seq_ext - s->seq_base + 1, lost = expected - s->rtp_packets;

	if (!s->rtp_packets) {
		out_str(flow, "lost", "", NULL);
		out_str(flow, "loss_percent", NULL, NULL);
		return;
	}
	if (lost < 0)
		lost = 0;
	out_shown(out_u64(flow, "lost", "", lost), "%lld lost (%.2f %%)", (long long)lost,
		  expected > 0 ? 100.0 * (double)lost / (double)expected : 0.0);
	out_double(flow, "loss_percent", NULL,
		   expected > 0 ? 100.0 * (double)lost / (double)expected : 0.0);
}

static void show_jitter(struct out_node *flow, const struct rf_flow_stats *s, uint32_t clock_rate)
{
	double ms;

	/* A pair of each eight packets is measured, and the mean begins at nothing. */
	if (!clock_rate || s->rtp_packets < 256) {
		out_str(flow, "jitter_ms", "", NULL);
		return;
	}
	ms = s->jitter / 16.0 * 1000.0 / clock_rate;
	out_shown(out_double(flow, "jitter_ms", "", ms), "jitter %.1f ms", ms);
}

static void show_flow(struct out_node *list, enum rf_dir dir, const struct rf_flow_stats *s,
		      uint32_t clock_rate, uint64_t now_ns)
{
	struct out_node *flow = out_item(list), *n;
	char buf[DURATION_TEXT_MAX];

	out_str(flow, "direction", "", dir == RF_DIR_IN ? "in" : "out");
	out_shown(out_u64(flow, "packets", "", s->packets), "%llu packets",
		  (unsigned long long)s->packets);
	out_u64(flow, "bytes", NULL, s->bytes);
	show_loss(flow, s);
	show_jitter(flow, s, clock_rate);
	if (s->last_ns) {
		uint64_t ago = now_ns > s->last_ns ? now_ns - s->last_ns : 0;

		out_shown(out_u64(flow, "last_seen_ms", "", ago / 1000000), "last %s ago",
			  duration_text(ago, buf));
	} else {
		out_str(flow, "last_seen_ms", "", NULL);
	}
	if (s->ssrc_known) {
		out_shown(out_strf(flow, "ssrc", "", "0x%08x", s->ssrc), "SSRC %08x", s->ssrc);
		out_u64(flow, "payload_type", NULL, s->payload_type);
	} else {
		out_str(flow, "ssrc", "", NULL);
		out_str(flow, "payload_type", NULL, NULL);
	}
	n = out_u64(flow, "dropped", "", s->drops);
	if (s->drops)
		out_shown(n, "%llu dropped, last: %s", (unsigned long long)s->drops,
			  show_reason_name(s->last_reason));
	else
		out_shown(n, "%s", "");
	out_str(flow, "last_drop", NULL, s->drops ? show_reason_name(s->last_reason) : NULL);
}

void show_pinhole_state(struct out_node *record, const struct datapath_pinhole *p, uint64_t now_ns)
{
	const struct rf_pinhole_state *s = p && p->has_state ? &p->state : NULL;
	char buf[EP_TEXT_MAX];
	struct out_node *list;

	if (s && p->learnt.state == RF_LEARN_LOCKED) {
		out_shown(show_ep(record, "learnt", "", &p->learnt.ep), "locked to %s",
			  ep_text(&p->learnt.ep, buf));
		out_strf(record, "learnt_ssrc", NULL, "0x%08x", p->learnt.ssrc);
	} else {
		out_shown(out_str(record, "learnt", "", NULL), "%s",
			  p && p->pinhole.flags & RF_PH_LEARN && p->pinhole.state == RF_PINHOLE_OPEN
				  ? "no source learnt yet"
				  : "");
	}
	list = out_list(record, "flows", NULL, OUT_LINES);
	if (!s)
		return;
	show_flow(list, RF_DIR_IN, &s->dir[RF_DIR_IN], p->pinhole.clock_rate, now_ns);
	show_flow(list, RF_DIR_OUT, &s->dir[RF_DIR_OUT], p->pinhole.clock_rate, now_ns);
}

void show_controller_warning(struct cmd_context *c, const struct datapath *dp,
			     struct out_node *warnings)
{
	struct controller_info info;
	char buf[DURATION_TEXT_MAX];

	if (datapath_controller(dp, clock_now_ns(), &info) || info.state == CONTROLLER_ALIVE)
		return;
	if (info.state == CONTROLLER_NEVER)
		out_entry(
			warnings,
			"the controller has never run: start ringfenced, no call can be set up without it");
	else if (!info.pid)
		out_entry(
			warnings,
			"the controller was stopped: running media goes on, signalling waits for it");
	else if (info.pid_exists)
		out_entry(warnings, "the controller (process %u) hangs: no heartbeat for %s",
			  info.pid, duration_text(info.age_ns, buf));
	else
		out_entry(
			warnings,
			"the controller is away for %s: running media goes on, signalling waits for it",
			duration_text(info.age_ns, buf));
}

struct restore {
	struct engine *engine;
	enum record_kind kind;
	uint64_t now_ns;
};

static int restore_one(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	struct restore *r = arg;

	if (kind == r->kind) /* a record that cannot be read is the controller's matter */
		engine_restore(r->engine, kind, id, (struct view){ bytes, n }, r->now_ns);
	return 0;
}

/* In the order in which they refer to each other, as the controller does at its start. */
static int restore_all(struct engine *engine, const struct datapath *dp, uint64_t now_ns)
{
	static const enum record_kind order[] = { RECORD_BINDING, RECORD_ALIAS, RECORD_REGISTRATION,
						  RECORD_CALL, RECORD_PINHOLE };
	struct action_list ignored = { 0 };
	struct rf_instance own;
	struct journal *journal;
	char path[128];
	int err;

	snprintf(path, sizeof(path), "%s/%s/journal", RF_RUN_ROOT, dp->instance);
	err = datapath_instance(dp, &own);
	if (!err)
		err = journal_open(
			&journal, path, false,
			(struct journal_owner){ own.id, own.flags & RF_INSTANCE_TAKEN_OVER }, NULL);
	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && !err; i++) {
		struct restore r = { engine, order[i], now_ns };

		err = journal_load(journal, restore_one, &r);
	}
	journal_close(journal);
	engine_restored(engine, now_ns,
			&ignored); /* ends what is over; nobody carries it out here */
	actions_free(&ignored);
	return err;
}

enum cmd_status show_engine(struct cmd_context *c, const struct datapath *dp, struct engine **out,
			    struct topology *topology)
{
	struct config *config = malloc(sizeof(*config));
	uint64_t now_ns = clock_now_ns();
	int err = -ENOMEM;

	*out = NULL;
	memset(topology, 0, sizeof(*topology));
	if (!config)
		goto out;
	config_defaults(config);
	/* What the controller took in under its configuration must all be shown under any. */
	config->max_calls = UINT32_MAX;
	config->max_bindings = UINT32_MAX;
	if ((err = inside_topology(dp, config, topology)))
		goto out;
	*out = engine_new(config, topology, now_ns, 1);
	err = *out ? restore_all(*out, dp, now_ns) : -ENOMEM;
out:
	free(config);
	if (!err)
		return CMD_OK;
	engine_free(*out);
	*out = NULL;
	return cmd_fail(c, NULL, "cannot read the journal of calls: %s", strerror(-err));
}

#define OWNERS_SHOWN 20

void show_port_owners(const struct datapath *dp, const struct config *c, struct out_node *list)
{
	char text[PORT_OWNER_TEXT_MAX];
	struct port_owner *v;
	struct rf_device d;
	int err, rules_err = 0;
	size_t n, i;

	err = port_owners_guarded(dp, c, &v, &n, &rules_err);
	if (err) {
		out_entry(list, "cannot tell which guarded ports are used by others: %s",
			  strerror(-err));
		return;
	}
	for (i = 0; i < n && i < OWNERS_SHOWN; i++)
		out_entry(
			list, "%s",
			port_owner_text(&v[i],
					bpf_map_lookup_elem(dp->map[MAP_DEVICES], &v[i].ifindex, &d)
						? "DEV"
						: d.name,
					text));
	if (i < n)
		out_entry(list, "%zu more guarded ports or ranges are used by others", n - i);
	if (rules_err)
		out_entry(list, "cannot tell which guarded ports NAT rules give to others: %s",
			  strerror(-rules_err));
	free(v);
}
