// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decider for calls: a message comes in, its call and dialog are found, what it means is left to
 * call_invite.c, call_request.c and call_response.c, and the pinholes follow what is then agreed.
 */
#include "call_priv.h"

#include <stdio.h>
#include <stdlib.h>

struct call_table *call_table_new(const struct config *cfg, uint32_t first_call_id,
				  uint32_t *next_pinhole_id)
{
	struct call_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ports = ports_new();
	if (!t->ports) {
		free(t);
		return NULL;
	}
	t->cfg = cfg;
	t->next_call_id = first_call_id ? first_call_id : 1;
	t->next_pinhole_id = next_pinhole_id;
	t->seed = (uint64_t)(uintptr_t)t * 0x9e3779b97f4a7c15ull; /* ASLR is random enough here */
	return t;
}

void call_table_free(struct call_table *t)
{
	struct call *c, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->by_key, c, next) {
		HASH_DELETE(hh, t->by_key, c);
		HASH_DELETE(hh_id, t->by_id, c);
		call_free(t, c);
	}
	free(t->heap.v);
	call_shares_free(t);
	ports_free(t->ports);
	record_free(&t->scratch);
	free(t);
}

void call_table_signals(struct call_table *t, call_signals_fn *fn, const void *arg)
{
	t->signals = fn;
	t->signals_arg = arg;
}

void call_table_config(struct call_table *t, const struct config *cfg)
{
	t->cfg = cfg;
}

void call_table_topology(struct call_table *t, const struct topology *topo)
{
	for (unsigned int i = 0; i < CONFIG_WANS_MAX; i++) {
		const struct topology_wan *w = &topo->wans[i];

		if (i < topo->n_wans)
			ports_except(t->ports, i, w->ifindex, w->excepts, w->n_excepts);
		else
			ports_except(t->ports, i, 0, NULL, 0);
	}
}

void call_table_others(struct call_table *t, const uint64_t *by_port, uint64_t now_s)
{
	ports_others(t->ports, by_port, now_s);
}

void call_table_wans(struct call_table *t, struct wan_names *names)
{
	t->names = names;
}

size_t call_moved_room(const struct call_table *t)
{
	return places_count(t) + HASH_COUNT(t->by_key);
}

void call_moved(struct call_table *t, const struct wan_moves *moves, struct action_list *out)
{
	ports_moved(t->ports, moves);
	for (struct call *c = t->by_key; c; c = c->hh.next) {
		c->wan_ifindex = wan_moves_to(moves, c->wan_ifindex);
		leases_moved(&c->leases, moves);
		for (size_t i = 0; i < c->n_pins; i++)
			c->pins[i].wan_ifindex = wan_moves_to(moves, c->pins[i].wan_ifindex);
		call_ports_count(t, c);
	}
	places_moved(t, moves, out);
	for (struct call *c = t->by_key; c; c = c->hh.next)
		call_save(t, c, out); /* nothing where its record is the same */
}

size_t call_count(const struct call_table *t)
{
	return HASH_CNT(hh, t->by_key);
}

/* After whatever happened to a call: its pinholes, its timer, its record. */
void call_settle(struct call_table *t, struct call *c, struct action_list *out)
{
	c->unsettled = call_media(t, c, out) != 0;
	out->failed |= c->unsettled;
	call_share_settle(t, c);
	call_idle_arm(t, c);
	expiry_set(&t->heap, &c->expiry, call_due(c));
	call_save(t, c, out);
}

void call_refresh(struct call_table *t, struct action_list *out)
{
	for (struct call *c = t->by_key; c; c = c->hh.next) {
		c->idle_at = 0; /* the limit may be another one */
		call_settle(t, c, out);
	}
}

/* Methods that only exist within a dialog of INVITE. */
static bool of_invite(enum sip_method m)
{
	switch (m) {
	case SIP_M_INVITE:
	case SIP_M_ACK:
	case SIP_M_BYE:
	case SIP_M_CANCEL:
	case SIP_M_PRACK:
	case SIP_M_UPDATE:
	case SIP_M_INFO: return true;
	default: return false;
	}
}

static const char *why_ended(const struct call_op *op, char *buf, size_t size)
{
	const struct sip_msg *m = op->m;

	if (m->is_request && m->method == SIP_M_BYE)
		return op->from == SIDE_INSIDE ? "BYE from inside" : "BYE from outside";
	if (!m->is_request && m->method == SIP_M_BYE)
		return "BYE";
	if (!m->is_request) {
		snprintf(buf, size, "%u %.*s", m->status,
			 (int)(m->reason.n > 40 ? 40 : m->reason.n),
			 m->reason.p ? m->reason.p : "");
		return buf;
	}
	return "over";
}

static enum call_result dispatch(struct call_op *op)
{
	const struct sip_msg *m = op->m;

	op_trickle(op);
	if (m->is_request && m->method == SIP_M_INVITE)
		return call_invite(op);
	if (!op->call) {
		op_scrub(op);
		return of_invite(m->method) ? CALL_UNKNOWN : CALL_NOT_OURS;
	}
	return m->is_request ? call_request(op) : call_response(op);
}

enum call_result call_message(struct call_table *t, const struct call_ctx *ctx,
			      const struct sip_msg *m, struct edit_list *edits,
			      struct action_list *out, enum rf_reason *reason)
{
	struct call_op op = {
		.t = t, .ctx = ctx, .m = m, .edits = edits, .out = out, .reason = reason
	};
	enum call_result res;
	char why[64];

	*reason = RF_R_NONE;
	call_lookup(&op);
	op_read_sdp(&op);
	res = dispatch(&op);
	if (res != CALL_REFUSED)
		*reason = RF_R_NONE;
	if (res == CALL_REFUSED && op.fork_created)
		dialog_remove(op.call, op.d);
	if (!op.call || res == CALL_REFUSED)
		return res;
	op.call->heard = ctx->now;
	if (res == CALL_GO_ON) {
		call_note_remote(&op);
		if (op.note_changed && op.call->answered)
			call_told(op.call, EVENT_CALL_CHANGED, "media", out);
		call_end_check(t, op.call, ctx->now, why_ended(&op, why, sizeof(why)), out);
	}
	call_settle(t, op.call, out);
	return res;
}
