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

	if (!body.p)
		return;
	err = sdp_parse(body, &op->t->sdp, NULL);
	op->has_sdp = err == 0;
	op->sdp_bad = err != 0;
	if (err)
		*op->reason = err == -E2BIG ? RF_R_SIP_LIMIT : RF_R_SIP_BAD_SDP;
}

struct desc *op_desc(struct call_op *op, const struct desc *before)
{
	const struct call_ctx *ctx = op->ctx;
	struct desc_env env = {
		.cfg = op->t->cfg,
		.topo = ctx->topo,
		.wan = ctx->wan,
		.peer = ctx->peer,
		.remote = ctx->remote.addr,
		.ports = op->t->ports,
		.leases = &op->call->leases,
	};
	struct desc *d = desc_read(&env, op->from, &op->t->sdp, before);
	int err;

	if (!d) {
		*op->reason = RF_R_SIP_LIMIT;
		return NULL;
	}
	if (op->from == SIDE_OUTSIDE)
		return d;
	err = leases_take(&op->call->leases, op->t->ports, d, ctx->wan);
	if (err) {
		*op->reason = err == -ENOMEM ? RF_R_SIP_LIMIT : RF_R_SIP_NO_PORTS;
		desc_put(d);
		return NULL;
	}
	op->call->wan_ifindex = ctx->wan->ifindex; /* its media goes where its last SDP went */
	sdp_edit(&op->t->sdp, ctx->topo, ctx->wan, &op->call->leases, d, op->edits);
	return d;
}

/* An SDP that changes nothing (a retransmission, a late message, capabilities in an answer to
 * OPTIONS) shows nothing of the inside either. */
void op_scrub(struct call_op *op)
{
	static const struct leases none;

	if (op->has_sdp && op->from == SIDE_INSIDE)
		sdp_edit(&op->t->sdp, op->ctx->topo, op->ctx->wan,
			 op->call ? &op->call->leases : &none, NULL, op->edits);
}
