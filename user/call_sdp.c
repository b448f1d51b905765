// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SDP of a message: read once, turned into a description with public ports, edited on its way
 * out.
 */
#include "call_priv.h"

#include <errno.h>

void op_read_sdp(struct call_op *op)
{
	struct view body = sip_sdp_body(op->m);
	int err;

	if (!body.p) {
		body = sip_sdp_fragment_body(op->m);
		op->has_fragment = body.p && !sdp_parse_fragment(body, &op->t->sdp, NULL);
		return;
	}
	err = sdp_parse(body, &op->t->sdp, NULL);
	op->has_sdp = err == 0;
	op->sdp_bad = err != 0;
	if (err)
		*op->reason = err == -E2BIG ? RF_R_SIP_LIMIT : RF_R_SIP_BAD_SDP;
}

enum rf_reason op_no_memory(struct call_op *op)
{
	op->out->failed = true;
	return RF_R_OUT_OF_MEMORY;
}

static struct desc_env env_of(const struct call_op *op)
{
	return (struct desc_env){
		.cfg = op->t->cfg,
		.topo = op->ctx->topo,
		.wan = op->ctx->wan,
		.peer = op->ctx->peer,
		.host = op->ctx->mode == RF_MODE_HOST,
		.remote = op->ctx->remote.addr,
		.ports = op->t->ports,
		.leases = op->call ? &op->call->leases : NULL,
	};
}

/* RFC 3264 8. Others may go by the version alone, but there are enough devices that forget it: what a
 * description says counts. */
static void note_version(const struct call_op *op, const struct desc *d)
{
	if (!op->d)
		return;
	switch (session_version(&op->d->s, op->from, d)) {
	case VERSION_FINE: break;
	case VERSION_SAME:
		call_note(op->call, NOTE_VERSION_SAME, op->out,
			  "a description changes without a new version in o=: taken as it is");
		break;
	case VERSION_JUMPS:
		call_note(op->call, NOTE_VERSION_JUMPS, op->out,
			  "the version in o= does not go up by one: taken as it is");
		break;
	}
}

struct desc *op_desc(struct call_op *op, const struct desc *before)
{
	const struct call_ctx *ctx = op->ctx;
	struct desc_env env = env_of(op);
	struct desc *d = desc_read(&env, op->from, &op->t->sdp, before);
	enum rf_reason refused;

	if (!d) {
		*op->reason = op_no_memory(op);
		return NULL;
	}
	if (op->from == SIDE_OUTSIDE) {
		sdp_unedit(&op->t->sdp, ctx->wan, &op->call->leases, op->edits);
		note_version(op, d);
		return d;
	}
	refused = call_take_ports(op, d);
	if (refused != RF_R_NONE) {
		*op->reason = refused;
		desc_put(d);
		return NULL;
	}
	op->call->wan_ifindex = ctx->wan->ifindex; /* its media goes where its last SDP went */
	sdp_edit(&op->t->sdp, ctx->topo, ctx->wan, &op->call->leases, d, op->edits);
	note_version(op, d);
	return d;
}

/* What the inside host has said in this transaction, or said last: ports of c=0.0.0.0 mean the same. */
static const struct desc *inside_said(const struct call_op *op)
{
	const struct session *s;

	if (!op->call)
		return NULL;
	if (!op->d)
		return op->call->offer;
	s = &op->d->s;
	return s->offer[SIDE_INSIDE].desc && tx_eq(s->offer[SIDE_INSIDE].tx, op->tx)
		       ? s->offer[SIDE_INSIDE].desc
		       : s->now[SIDE_INSIDE];
}

/* An SDP that changes nothing (a retransmission, a late message, capabilities in an answer to
 * OPTIONS) shows nothing of the inside either. */
void op_scrub(struct call_op *op)
{
	static const struct leases none;
	const struct leases *l = op->call ? &op->call->leases : &none;

	if (!op->has_sdp && !op->has_fragment)
		return;
	if (op->from == SIDE_INSIDE)
		sdp_edit(&op->t->sdp, op->ctx->topo, op->ctx->wan, l, inside_said(op), op->edits);
	else
		sdp_unedit(&op->t->sdp, op->ctx->wan, l, op->edits);
}

static void lease_all(struct call_op *op)
{
	const struct session *s = &op->d->s;
	const struct desc *d[] = { s->now[SIDE_INSIDE], s->before[SIDE_INSIDE],
				   s->offer[SIDE_INSIDE].desc };

	/* Without a port its candidate is dropped from the fragment. */
	for (size_t i = 0; i < sizeof(d) / sizeof(d[0]); i++)
		if (d[i])
			call_take_ports(op, d[i]);
}

void op_trickle(struct call_op *op)
{
	struct desc_env env = env_of(op);

	if (!op->has_fragment)
		return;
	if (op->d && op->d->state <= DIALOG_ANSWERED) {
		if (session_trickle(&op->d->s, op->from, &env, &op->t->sdp))
			op_no_memory(op);
		else if (op->from == SIDE_INSIDE)
			lease_all(op);
	}
	op_scrub(op);
	op->has_fragment = false;
}
