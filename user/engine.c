// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of one message through the deciders, in order. Nothing is decided here but the order:
 * whose message it is, whether it may pass, what it means for calls and registrations, which tokens
 * change, and then, after everything that must exist before, the send.
 */
#include "engine_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"

/* What one message asks for, pinholes apart: these have their own room (places_move()). */
#define MESSAGE_ACTIONS 128
#define MESSAGE_RECORDS (16 << 10)

static bool signals(const void *arg, uint32_t wan_ifindex, const struct rf_ep *inside)
{
	return binding_by_inside(arg, wan_ifindex, inside) != NULL;
}

struct engine *engine_new(const struct config *c, const struct topology *t, uint64_t now_ns,
			  uint32_t first_pinhole_id)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	sip_parser_init();
	e->config = *c;
	e->topo = *t;
	e->next_binding = ID_FIRST_SIGNAL;
	e->next_pinhole = first_pinhole_id ? first_pinhole_id : 1;
	e->bindings = binding_table_new(&e->config, &e->next_binding);
	e->aliases = alias_table_new();
	e->registrations = registration_table_new();
	e->policy = policy_table_new();
	e->open = open_table_new();
	e->subscriptions = subscription_table_new();
	e->calls = call_table_new(&e->config, 1, &e->next_pinhole);
	e->manual = manual_table_new(ID_FIRST_MANUAL);
	if (e->calls)
		call_table_signals(e->calls, signals, e->bindings);
	if (e->bindings && e->aliases && e->registrations && e->policy && e->open &&
	    e->subscriptions && e->calls && e->manual) {
		call_table_topology(e->calls, &e->topo);
		wan_names_follow(&e->wans, &e->topo, &(struct wan_moves){ 0 });
		binding_table_wans(e->bindings, &e->wans);
		call_table_wans(e->calls, &e->wans);
		manual_table_wans(e->manual, &e->wans);
		return e;
	}
	engine_free(e);
	return NULL;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	manual_table_free(e->manual);
	call_table_free(e->calls);
	subscription_table_free(e->subscriptions);
	open_table_free(e->open);
	policy_table_free(e->policy);
	registration_table_free(e->registrations);
	alias_table_free(e->aliases);
	binding_table_free(e->bindings);
	free(e);
}

void engine_watch(struct engine *e, call_media_fn fn, void *arg)
{
	call_watch(e->calls, fn, arg);
}

/* What was made anew under its name has another number: all that goes by it goes on with that. All of it at once, so
 * without memory for that it is tried again with the next tick. */
static void wans_follow(struct engine *e, struct action_list *out)
{
	struct wan_names names = e->wans;
	struct wan_moves moves;

	e->moves_due = false;
	wan_names_follow(&names, &e->topo, &moves);
	if (moves.n &&
	    !action_reserve(out,
			    moves.n + 2 * binding_count(e->bindings) + call_moved_room(e->calls) +
				    2 * manual_count(e->manual),
			    0)) {
		e->moves_due = out->failed = true;
		return;
	}
	e->wans = names;
	if (!moves.n)
		return;
	for (size_t i = 0; i < moves.n; i++)
		if (topology_wan_by_index(&e->topo, moves.v[i].to))
			action_event(out, EVENT_NOTE, 0,
				     "WAN device %s has been made anew: its calls go on by it",
				     wan_names_of(&e->wans, moves.v[i].to));
	binding_moved(e->bindings, &moves, out);
	call_moved(e->calls, &moves, out);
	manual_moved(e->manual, &moves, out);
}

void engine_topology(struct engine *e, const struct topology *t, uint64_t now_ns,
		     struct action_list *out)
{
	if (memcmp(e->topo.guards, t->guards, sizeof(t->guards)) != 0)
		e->unguarded.n = 0; /* what was said may hold no more */
	e->topo = *t;
	wans_follow(e, out);
	call_table_topology(e->calls, &e->topo);
	binding_topology(e->bindings, &e->topo, e->config.has_inbound ? &e->config.inbound : NULL,
			 now_ns, out);
}

void engine_others(struct engine *e, const uint64_t *by_port, uint64_t now_ns)
{
	e->others = by_port;
	call_table_others(e->calls, by_port, now_ns / SECOND_NS);
}

void engine_reconfigure(struct engine *e, const struct config *c, uint64_t now_ns,
			struct action_list *out)
{
	e->config = *c;
	binding_reconfigure(e->bindings, &e->config);
	call_table_config(e->calls, &e->config);
	call_refresh(e->calls, out);
	engine_topology(e, &e->topo, now_ns, out);
}

static void send_to(struct action_list *out, enum send_to to, const struct signal_in *in,
		    struct rf_ep src, struct rf_ep dst, struct view payload)
{
	struct action *a = action_add(out, ACT_SEND);

	if (!a)
		return;
	a->send.to = to;
	a->send.wan_ifindex = in->wan_ifindex;
	a->send.conn = in->conn;
	a->send.src = src;
	a->send.dst = dst;
	a->send.payload = payload;
}

/* Where a message to or from this binding goes, in the given direction. */
static void forward(const struct signal_in *in, const struct binding *b, bool from_inside,
		    struct view payload, struct action_list *out)
{
	if (from_inside)
		send_to(out, SEND_TO_WAN, in, b->outside, in->dst, payload);
	else
		send_to(out, b->mode == RF_MODE_HOST ? SEND_TO_LOCAL : SEND_TO_INSIDE, in, in->src,
			b->inside, payload);
}

static size_t room_size(const struct engine *e, const struct signal_in *in)
{
	return in->payload.n + sizeof(e->edits.arena) + 64;
}

/* Applies the recorded edits; what followed the message in the datagram stays behind it. */
static enum rf_reason edited(struct engine *e, const struct signal_in *in, struct view *payload)
{
	size_t tail = in->payload.n - e->msg.raw.n;
	char *buf = e->room;
	size_t n;

	*payload = in->payload;
	if (!e->edits.n && !e->edits.overflow)
		return RF_R_NONE;
	if (edit_apply(&e->edits, &e->msg, buf, room_size(e, in) - tail, &n))
		return RF_R_SIP_LIMIT;
	memcpy(buf + n, in->payload.p + e->msg.raw.n, tail);
	if (n + tail > RF_PUNT_MAX - 48) /* no longer fits a datagram */
		return RF_R_SIP_LIMIT;
	*payload = (struct view){ buf, n + tail };
	return RF_R_NONE;
}

static struct call_ctx call_context(struct engine *e, const struct signal_in *in,
				    const struct topology_wan *wan, const struct binding *b,
				    bool from_inside)
{
	struct rf_ep remote = from_inside ? in->dst : in->src;
	struct rf_ep peer = remote;

	if (in->conn)
		peer.port = 0;
	return (struct call_ctx){
		.now = in->now_ns,
		.from_inside = from_inside,
		.topo = &e->topo,
		.wan = wan,
		.mode = b->mode,
		.inside = b->inside,
		.outside = b->outside,
		.remote = remote,
		.call_id = e->msg.call_id,
		.peer = policy_peer(&e->config, &peer),
	};
}

/* A call keeps its signalling port and the identities substituted in it: touched with every message
 * and, as a call may be silent for hours, in between. */
#define KEEP_NS	 BINDING_LIFE_NS
#define SWEEP_NS (KEEP_NS / 3)

static void keep(struct engine *e, struct binding *b, struct view call_id, uint64_t now_ns)
{
	binding_touch(b, now_ns + KEEP_NS);
	alias_touch(e->aliases, call_id, now_ns + KEEP_NS);
}

struct sweep {
	struct engine *e;
	uint64_t now_ns;
};

static void keep_one(uint32_t wan_ifindex, const struct rf_ep *inside, struct view call_id,
		     bool answered, void *arg)
{
	struct sweep *s = arg;
	struct binding *b = binding_by_inside(s->e->bindings, wan_ifindex, inside);

	if (b)
		keep(s->e, b, call_id, s->now_ns);
	alias_firm(s->e->aliases, call_id, answered);
}

static void keep_all(struct engine *e, uint64_t now_ns)
{
	struct sweep s = { e, now_ns };

	call_needs(e->calls, keep_one, &s);
	e->next_sweep_ns = now_ns + SWEEP_NS;
}

/* RF_R_NONE: it may pass as far as calls are concerned. */
static enum rf_reason calls(struct engine *e, const struct call_ctx *ctx, struct binding *b,
			    struct action_list *out)
{
	enum rf_reason r = RF_R_NONE;

	switch (call_message(e->calls, ctx, &e->msg, &e->edits, out, &r)) {
	case CALL_REFUSED: return r;
	case CALL_GO_ON: keep(e, b, ctx->call_id, ctx->now); break;
	case CALL_NOT_OURS:
	case CALL_UNKNOWN: break;
	}
	return RF_R_NONE;
}

/* Not SIP, or not readable: never altered. Inside it may only pass by policy. */
static void unreadable(struct engine *e, const struct signal_in *in, enum sip_parse_result r,
		       struct binding *b, bool from_inside, const char *why,
		       struct action_list *out)
{
	if (r == SIP_NO_MEMORY) {
		action_drop(out, RF_R_OUT_OF_MEMORY, NULL);
		return;
	}
	if (r != SIP_NOT_SIP && e->config.unparsed_drop) {
		action_drop(out, RF_R_SIP_MALFORMED, why);
		return;
	}
	if (r != SIP_NOT_SIP)
		action_event(out, EVENT_NOTE, 0, "unreadable message passed on unaltered: %s",
			     why ? why : "?");
	action_drop(out, RF_R_SIP_UNPARSED_PASSED,
		    why); /* counted by its name; its action is to pass */
	forward(in, b, from_inside, in->payload, out);
}

static void from_inside(struct engine *e, const struct signal_in *in,
			const struct topology_wan *wan, struct action_list *out)
{
	const char *why = NULL;
	struct binding *b;
	struct view payload;
	enum rf_reason r =
		binding_get(e->bindings, &e->topo, in->wan_ifindex, &in->src, in->now_ns, out, &b);

	if (r != RF_R_NONE) {
		action_drop(out, r, "no signalling port for this inside host");
		return;
	}
	enum sip_parse_result p = sip_parse(in->payload.p, in->payload.n, &e->msg, &why);

	/* Answers are expected to requests, and to what may be one. */
	if (p != SIP_NO_MEMORY && (p != SIP_OK || e->msg.is_request) &&
	    !policy_expect(e->policy, &b->inside.addr, b->id, &in->dst.addr,
			   in->now_ns + POLICY_RESPONSE_NS))
		p = SIP_NO_MEMORY;
	if (p != SIP_OK) {
		unreadable(e, in, p, b, true, why, out);
		return;
	}
	struct rewrite_ctx rw = { .topo = &e->topo,
				  .wan = wan,
				  .config = &e->config,
				  .bindings = e->bindings,
				  .aliases = e->aliases,
				  .binding = b,
				  .remote = &in->dst,
				  .owner = share_inside(&b->inside.addr),
				  .now_ns = in->now_ns,
				  .out = out };
	struct call_ctx ctx = call_context(e, in, wan, b, true);

	edit_init(&e->edits);
	r = rewrite_outbound(&rw, &e->msg, &e->edits);
	if (r == RF_R_NONE)
		r = calls(e, &ctx, b, out);
	if (r == RF_R_NONE && e->msg.is_request && e->msg.method == SIP_M_REGISTER) {
		struct registration_ctx reg = { .topo = &e->topo,
						.wan = wan,
						.bindings = e->bindings,
						.binding = b,
						.remote = in->dst,
						.now_ns = in->now_ns,
						.out = out };

		r = registration_request(e->registrations, &reg, &e->msg);
	}
	if (r == RF_R_NONE)
		r = edited(e, in, &payload);
	if (r == RF_R_NONE)
		r = engine_asks(e, b, &in->dst.addr, in->now_ns);
	if (r != RF_R_NONE) {
		action_drop(out, r, NULL);
		return;
	}
	forward(in, b, true, payload, out);
}

enum rf_reason engine_reached(struct engine *e, const struct signal_in *in,
			      const struct policy_query *q, struct binding **b,
			      struct action_list *out)
{
	const struct binding as_if = { .inside = in->dst };
	struct policy_query as_if_bound = *q;

	*b = binding_by_outside(e->bindings, in->wan_ifindex, &in->dst);
	if (*b)
		return RF_R_NONE;
	if (topology_mode(&e->topo, &in->dst.addr) != RF_MODE_ROUTED)
		return RF_R_SIP_NO_INSIDE;
	/* Judged as if it had its binding, so that strangers make none. */
	as_if_bound.binding = &as_if;
	if (policy_request(e->policy, &as_if_bound, SIP_M_OTHER) == POLICY_REFUSED)
		return RF_R_SIP_UNKNOWN_PEER;
	return binding_get(e->bindings, &e->topo, in->wan_ifindex, &in->dst, in->now_ns, out, b);
}

static void from_outside(struct engine *e, const struct signal_in *in,
			 const struct topology_wan *wan, struct action_list *out)
{
	struct policy_query q = { .config = &e->config,
				  .registrations = e->registrations,
				  .remote = in->src,
				  .now_ns = in->now_ns };
	const char *why = NULL;
	struct binding *b;
	struct view payload;
	enum rf_reason r;

	if (in->conn)
		q.remote.port = 0; /* of a connection: any */
	r = engine_reached(e, in, &q, &b, out);
	if (r != RF_R_NONE) {
		action_drop(out, r, NULL);
		return;
	}
	q.binding = b;
	enum sip_parse_result p = sip_parse(in->payload.p, in->payload.n, &e->msg, &why);

	if (p != SIP_OK) {
		if (p != SIP_NO_MEMORY && !engine_unread_passes(e, in, &q))
			action_drop(out, RF_R_SIP_UNKNOWN_PEER, why);
		else
			unreadable(e, in, p, b, false, why, out);
		return;
	}
	if (in->conn)
		q.binding = b = engine_target(e, wan, b);
	struct call_ctx ctx = call_context(e, in, wan, b, false);
	struct rewrite_ctx rw = { .topo = &e->topo,
				  .wan = wan,
				  .config = &e->config,
				  .bindings = e->bindings,
				  .aliases = e->aliases,
				  .binding = b,
				  .remote = &in->src,
				  .now_ns = in->now_ns,
				  .out = out };

	/* Everything but the rewriting knows the Call-ID as the inside host does. */
	ctx.call_id = alias_internal_call_id(e->aliases, e->msg.call_id);
	q.in_dialog = call_in_dialog(e->calls, &ctx, &e->msg);
	q.subscribed = subscription_allows(e->subscriptions, &b->inside.addr, ctx.call_id,
					   &in->src.addr, &e->msg, in->now_ns);
	enum engine_answer a = ANSWER_STRAY;
	struct open_request *asked = NULL;

	if (!e->msg.is_request)
		a = engine_answer_of(e, b, &q, ctx.call_id, &asked);
	if (e->msg.is_request) {
		enum policy_verdict v = policy_request(e->policy, &q, e->msg.method);

		ctx.stranger = v == POLICY_ANYBODY;
		r = policy_reason(v);
	} else {
		r = engine_answer_admitted(e, &ctx, &q, a);
	}
	if (r == RF_R_NONE && engine_hides_request(e, in, &q, &why))
		r = RF_R_SIP_UNKNOWN_PEER;
	edit_init(&e->edits);
	if (r == RF_R_NONE)
		r = calls(e, &ctx, b, out);
	if (r == RF_R_NONE && !e->msg.is_request) {
		struct registration_ctx reg = { .topo = &e->topo,
						.wan = wan,
						.bindings = e->bindings,
						.binding = b,
						.remote = in->src,
						.now_ns = in->now_ns,
						.out = out };

		r = engine_answer_grants(e, &reg, asked, a, ctx.call_id);
	}
	rw.owner = share_remote(&in->src.addr, !ctx.stranger);
	rw.stray = !e->msg.is_request && a == ANSWER_STRAY && !q.in_dialog;
	if (r == RF_R_NONE)
		r = rewrite_inbound(&rw, &e->msg, &e->edits);
	if (r == RF_R_NONE)
		r = edited(e, in, &payload);
	if (r != RF_R_NONE) {
		action_drop(out, r, why);
		return;
	}
	if (!rw.stray)
		binding_answered(e->bindings, b, in->now_ns);
	forward(in, b, false, payload, out);
}

void engine_message(struct engine *e, const struct signal_in *in, struct action_list *out)
{
	const struct topology_wan *wan = topology_wan_by_index(&e->topo, in->wan_ifindex);
	size_t from = out->n;

	if (!wan) {
		action_drop(out, RF_R_NO_ROUTE, "the WAN device is not known (any more)");
		return;
	}
	/* Before anything changes: what is asked for below shall not fail for want of room for the answer. */
	e->new_pinholes = e->next_pinhole;
	if (!action_reserve(out, MESSAGE_ACTIONS, room_size(e, in) + MESSAGE_RECORDS) ||
	    !(e->room = action_bytes(out, room_size(e, in)))) {
		out->failed = true;
		return;
	}
	if (in->hook == RF_HOOK_WAN_IN)
		from_outside(e, in, wan, out);
	else
		from_inside(e, in, wan, out);
	unguarded_tell(&e->unguarded, &e->topo, from, out);
}

bool engine_stun(struct engine *e, uint32_t call_id, const struct call_stun *s,
		 struct action_list *out)
{
	return call_stun(e->calls, call_id, s, out);
}

bool engine_outside_of(struct engine *e, uint32_t wan_ifindex, const struct rf_ep *inside,
		       bool make, uint64_t now_ns, struct action_list *out, struct rf_ep *outside)
{
	struct binding *b = binding_by_inside(e->bindings, wan_ifindex, inside);

	if (!b && (!make || binding_get(e->bindings, &e->topo, wan_ifindex, inside, now_ns, out,
					&b) != RF_R_NONE))
		return false;
	if (make)
		binding_answered(e->bindings, b, now_ns);
	*outside = b->outside;
	return true;
}

/* New with a message that will not be sent, as another pinhole of it could not be made? */
static bool is_half_open(const struct engine *e, const struct action_list *done,
			 const struct pinhole_spec *s)
{
	for (size_t i = 0; s->id >= e->new_pinholes && i < done->n; i++) {
		const struct action *a = &done->v[i];

		if (a->failed && a->kind == ACT_PINHOLE_SET && a->pinhole.call_id == s->call_id)
			return true;
	}
	return false;
}

void engine_failed(struct engine *e, const struct action_list *done, struct action_list *out)
{
	for (size_t i = 0; i < done->n; i++) {
		const struct action *a = &done->v[i];

		if (a->kind == ACT_PINHOLE_SET && a->pinhole.call_id &&
		    (a->failed || is_half_open(e, done, &a->pinhole)))
			call_failed(e->calls, a->pinhole.call_id, a->pinhole.id, out);
		else if (a->failed && a->kind == ACT_SIGNAL_SET)
			binding_failed(e->bindings, a->signal.id);
	}
}

void engine_tick(struct engine *e, uint64_t now_ns, struct action_list *out)
{
	engine_others(e, e->others, now_ns);
	if (e->moves_due)
		wans_follow(e, out);
	call_tick(e->calls, now_ns, out, NULL);
	if (now_ns >= e->next_sweep_ns) /* after the calls: what ended keeps nothing */
		keep_all(e, now_ns);
	registration_tick(e->registrations, now_ns, out);
	alias_tick(e->aliases, now_ns, out);
	binding_tick(e->bindings, now_ns, out);
	policy_tick(e->policy, now_ns);
	open_table_tick(e->open, now_ns);
	subscription_tick(e->subscriptions, now_ns);
	manual_tick(e->manual, now_ns, out);
}

/* What is not a matter of memory is one of the record. */
static int call_restored_as(int err)
{
	return err && err != -ENOMEM ? -EINVAL : err;
}

int engine_restore(struct engine *e, enum record_kind kind, uint32_t id, struct view bytes,
		   uint64_t now_ns)
{
	switch (kind) {
	case RECORD_CALL: return call_restored_as(call_restore(e->calls, id, bytes));
	case RECORD_BINDING: return binding_restore(e->bindings, id, bytes, now_ns);
	case RECORD_REGISTRATION:
		return registration_restore(e->registrations, e->bindings, id, bytes, now_ns);
	case RECORD_ALIAS: return alias_restore(e->aliases, id, bytes, now_ns);
	case RECORD_PINHOLE: return manual_restore(e->manual, id, bytes);
	}
	return -EINVAL;
}

void engine_restored(struct engine *e, uint64_t now_ns, struct action_list *out)
{
	size_t from = out->n;

	binding_topology(e->bindings, &e->topo, e->config.has_inbound ? &e->config.inbound : NULL,
			 now_ns, out);
	binding_restored(e->bindings, out);
	registration_tick(e->registrations, now_ns, out); /* not even until the first tick */
	registration_restored(e->registrations, e->bindings, out);
	call_restored(e->calls, now_ns, out);
	unguarded_tell(&e->unguarded, &e->topo, from, out);
	keep_all(e, now_ns);
	manual_restored(e->manual, now_ns, out);
}

void engine_save_all(struct engine *e, struct action_list *out)
{
	call_save_all(e->calls, out);
	binding_save_all(e->bindings, out);
	registration_save_all(e->registrations, out);
	alias_save_all(e->aliases, out);
	manual_save_all(e->manual, out);
}

void engine_show_calls(const struct engine *e, show_call_fn fn, void *arg)
{
	call_show(e->calls, fn, arg);
}

void engine_shares(const struct engine *e, show_share_fn fn, void *arg)
{
	call_shares(e->calls, fn, arg);
	open_table_shares(e->open, fn, arg);
	subscription_shares(e->subscriptions, fn, arg);
	registration_shares(e->registrations, fn, arg);
	policy_shares(e->policy, fn, arg);
	alias_shares(e->aliases, fn, arg);
}

void engine_show_registrations(const struct engine *e, show_registration_fn fn, void *arg)
{
	registration_show(e->registrations, fn, arg);
}
