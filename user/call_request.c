// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests within a call: ACK, PRACK, UPDATE, BYE, CANCEL and those that open nothing.
 */
#include "call_priv.h"

/* A request older than one that has been seen changes nothing (RFC 3261 12.2.2). */
bool dialog_request_new(struct call_op *op)
{
	if (!op->d || op->m->cseq <= op->d->cseq[op->from])
		return false;
	op->d->cseq[op->from] = op->m->cseq;
	return true;
}

/* The answer to the offer that other made in tx; the description is read only when it is one. */
static enum call_result answer(struct call_op *op, struct tx tx)
{
	struct dialog *d = op->d;
	struct desc *desc;

	desc = op_desc(op, d->s.now[op->from]);
	if (!desc)
		return CALL_REFUSED;
	if (session_answer(&d->s, op->from, tx, desc, false, op->ctx->now))
		op->note_changed = true;
	desc_put(desc);
	return CALL_GO_ON;
}

static enum call_result ack(struct call_op *op)
{
	struct tx invite = { op->m->cseq, (uint8_t)op->from, SIP_M_INVITE };
	enum call_result res = CALL_GO_ON;
	struct dialog *d = op->d;

	if (!d || d->state != DIALOG_ANSWERED) {
		op_scrub(op);
		return CALL_GO_ON;
	}
	if (tx_eq(d->s.offer[side_other(op->from)].tx, invite)) {
		if (op->sdp_bad)
			return CALL_REFUSED;
		if (op->has_sdp)
			res = answer(op, invite);
		else /* a late offer must be answered here (RFC 3264 4); it was not */
			session_fail(&d->s, invite);
	} else {
		op_scrub(op);
	}
	if (res == CALL_GO_ON && d->ack_until && d->ack_side == op->from &&
	    d->ack_cseq == op->m->cseq)
		d->ack_until = 0;
	return res;
}

static enum call_result offer(struct call_op *op)
{
	struct dialog *d = op->d;
	struct desc *desc = op_desc(op, d->s.now[op->from]);

	if (!desc)
		return CALL_REFUSED;
	session_offer(&d->s, op->from, op->tx, desc);
	dialog_offered(op);
	desc_put(desc);
	return CALL_GO_ON;
}

/* PRACK answers an offer of a reliable provisional response, or makes one (RFC 3262 5); UPDATE makes
 * one (RFC 3311 5.1). */
static enum call_result prack_update(struct call_op *op)
{
	enum side other = side_other(op->from);
	enum call_result res = CALL_GO_ON;
	struct dialog *d = op->d;

	if (!d || d->state > DIALOG_ANSWERED || op->m->cseq <= d->cseq[op->from]) {
		op_scrub(op);
		return CALL_GO_ON;
	}
	if (op->sdp_bad)
		return CALL_REFUSED;
	if (op->has_sdp) {
		struct tx theirs = d->s.offer[other].tx;

		if (op->m->method == SIP_M_PRACK && theirs.method == SIP_M_INVITE &&
		    theirs.side == op->from)
			res = answer(op, theirs);
		else
			res = offer(op);
	}
	if (res == CALL_GO_ON)
		d->cseq[op->from] = op->m->cseq;
	return res;
}

/* Media stops with the BYE, not with its answer. */
static enum call_result bye(struct call_op *op)
{
	struct dialog *d = op->d;

	op_scrub(op);
	if (!d || d->state == DIALOG_GONE || op->m->cseq < d->cseq[op->from])
		return CALL_GO_ON;
	if (op->m->cseq <= d->bye_cseq[op->from])
		return CALL_GO_ON; /* retransmission, maybe of one that was challenged */
	d->cseq[op->from] = op->m->cseq;
	d->bye_from |= (uint8_t)(1 << op->from);
	d->bye_cseq[op->from] = op->m->cseq;
	d->state = DIALOG_BYE;
	d->ack_until = 0;
	d->bye_until = op->ctx->now + CALL_T1_64;
	return CALL_GO_ON;
}

/* CANCEL has the CSeq of the INVITE (RFC 3261 9.1). What is agreed lives until the 487; a 2xx may
 * still cross it. One for a re-INVITE changes nothing before its 487 either. */
static enum call_result cancel(struct call_op *op)
{
	struct call *c = op->call;

	op_scrub(op);
	if (op->from != c->caller || op->m->cseq != c->init_cseq || !c->pending || c->cancelled)
		return CALL_GO_ON;
	c->cancelled = true;
	if (c->setup_until > op->ctx->now + CALL_T1_64)
		c->setup_until = op->ctx->now + CALL_T1_64;
	return CALL_GO_ON;
}

enum call_result call_request(struct call_op *op)
{
	switch (op->m->method) {
	case SIP_M_ACK: return ack(op);
	case SIP_M_PRACK:
	case SIP_M_UPDATE: return prack_update(op);
	case SIP_M_BYE: return bye(op);
	case SIP_M_CANCEL: return cancel(op);
	default:
		op_scrub(op);
		dialog_request_new(op);
		return CALL_GO_ON;
	}
}
