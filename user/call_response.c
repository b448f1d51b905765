// SPDX-License-Identifier: GPL-2.0-only
/*
 * Responses within a call: what INVITE, UPDATE, PRACK and BYE came to.
 */
#include "call_priv.h"

#include <errno.h>

static bool has_header(const struct sip_msg *m, enum sip_header_id id)
{
	for (uint16_t i = 0; i < m->n_headers; i++)
		if (m->headers[i].id == id)
			return true;
	return false;
}

/* A provisional response with RSeq is reliable (RFC 3262 3): its SDP is an offer or answer. Without
 * it the SDP is only a preview of the answer. */
static bool is_preview(const struct sip_msg *m)
{
	return m->status < 200 && !has_header(m, SIP_H_RSEQ);
}

/* The SDP of a response to an INVITE is an answer, an offer, one of these once more, or late. */
static enum call_result invite_sdp(struct call_op *op, bool late)
{
	struct session *s = &op->d->s;
	bool answers = tx_eq(s->offer[op->requester].tx, op->tx);
	bool repeats = tx_eq(s->agreed, op->tx) && s->answerer == op->from;
	bool offers = late && !tx_eq(s->agreed, op->tx);
	/* Reliable responses and 2xx come until their PRACK or ACK does; the first 2xx is a new step. */
	bool again = tx_eq(s->offer[op->from].tx, op->tx) &&
		     (op->m->status < 200 || op->m->cseq <= op->d->answered[op->requester]);
	struct desc *desc;

	if (op->sdp_bad)
		return CALL_REFUSED;
	if (!answers && !repeats && !offers) {
		op_scrub(op);
		return CALL_GO_ON;
	}
	desc = op_desc(op, s->now[op->from]);
	if (!desc)
		return CALL_REFUSED;
	if (!answers && !repeats) {
		session_offer(s, op->from, op->tx, desc);
		if (!again) /* else it waits no longer for its answer */
			dialog_offered(op);
	}
	if ((answers || repeats) &&
	    session_answer(s, op->from, op->tx, desc, is_preview(op->m), op->ctx->now))
		op->note_changed = true;
	desc_put(desc);
	return CALL_GO_ON;
}

/* The fork that a response of the first INVITE belongs to, made if it is the first of it. 0, -ENOENT: no more
 * are awaited, -ENOSPC, -ENOMEM. */
static int fork_get(struct call_op *op)
{
	struct call *c = op->call;
	struct tx tx = op->tx;
	int err;

	if (op->d)
		return 0;
	if (!c->pending && !c->fork_until)
		return -ENOENT;
	err = dialog_new(c, op->m->to->tag, c->init_cseq, &op->d);
	if (err)
		return err;
	op->fork_created = true;
	if (c->late)
		op->d->late[c->caller] = c->init_cseq;
	else if (c->offer)
		session_offer(&op->d->s, c->caller, tx, c->offer);
	return 0;
}

/* A sign of life renews the wait (timer C, RFC 3261 16.6): not with each retransmission, so that these
 * change nothing. */
static void setup_renew(struct call_op *op)
{
	uint64_t wait = op->t->cfg->setup_timeout_s * SECONDS, now = op->ctx->now;

	if (op->call->pending && !op->call->cancelled && op->call->setup_until < now + wait / 2)
		op->call->setup_until = now + wait;
}

static enum call_result no_memory(struct call_op *op)
{
	*op->reason = op_no_memory(op);
	return CALL_REFUSED;
}

static enum call_result provisional(struct call_op *op)
{
	enum call_result res = CALL_GO_ON;
	int err;

	if (!op->d && !op->m->to->tag.n && !op->has_sdp) {
		setup_renew(op);
		return res;
	}
	if (op->sdp_bad)
		return CALL_REFUSED;
	err = fork_get(op);
	if (err == -ENOMEM)
		return no_memory(op);
	if (err || op->d->state != DIALOG_EARLY) {
		op_scrub(op);
		return res;
	}
	if (op->has_sdp)
		res = invite_sdp(op, op->call->late);
	if (res == CALL_GO_ON)
		setup_renew(op);
	return res;
}

static void await_ack(struct call_op *op)
{
	struct dialog *d = op->d;

	d->answered[op->requester] = op->m->cseq;
	d->ack_until = op->ctx->now + CALL_T1_64;
	d->ack_side = (uint8_t)op->requester;
	d->ack_cseq = op->m->cseq;
	d->until = deadline_after(op->t, op->ctx->now, op->m->session_expires);
}

static enum call_result accepted(struct call_op *op)
{
	struct call *c = op->call;
	enum call_result res = CALL_GO_ON;
	int err;

	if (op->sdp_bad)
		return CALL_REFUSED;
	err = fork_get(op);
	if (err == -ENOMEM)
		return no_memory(op);
	if (err || op->d->state > DIALOG_ANSWERED) {
		op_scrub(op);
		return res;
	}
	if (op->has_sdp)
		res = invite_sdp(op, c->late);
	if (res != CALL_GO_ON)
		return res;
	session_confirm(&op->d->s, op->tx, op->ctx->now);
	if (op->d->state == DIALOG_ANSWERED)
		return res; /* retransmission */
	op->d->state = DIALOG_ANSWERED;
	await_ack(op);
	c->pending = false;
	c->retry_until = 0;
	if (!c->fork_until)
		c->fork_until = op->ctx->now + CALL_T1_64;
	if (!c->answered) {
		c->answered = op->ctx->now;
		call_told(c, EVENT_CALL_ANSWERED, "", op->out);
		op->note_changed = false;
	}
	return res;
}

/* A final refusal ends every early dialog: a forking proxy sends one only (RFC 3261 16.7). After a
 * challenge or redirection the caller tries again with the same Call-ID and tag. */
static void refused(struct call_op *op)
{
	struct call *c = op->call;
	uint16_t st = op->m->status;

	if (!c->pending)
		return;
	c->pending = false;
	for (struct dialog *d = c->dialogs; d; d = d->next)
		if (d->state == DIALOG_EARLY)
			dialog_end(d);
	if (!c->cancelled && !c->fork_until && (st < 400 || st == 401 || st == 407 || st == 422))
		c->retry_until = op->ctx->now + CALL_T1_64;
}

static enum call_result re_invite_response(struct call_op *op)
{
	struct dialog *d = op->d;
	bool ours = d && d->state == DIALOG_ANSWERED;
	enum call_result res = CALL_GO_ON;

	if (!ours || op->m->status >= 300) {
		op_scrub(op);
		if (!ours)
			return res;
		session_fail(&d->s, op->tx);
		/* RFC 3261 12.2.1.2: the other side knows the dialog no more. */
		if ((op->m->status == 408 || op->m->status == 481) &&
		    op->m->cseq == d->cseq[op->requester])
			dialog_end(d);
		return res;
	}
	if (op->has_sdp || op->sdp_bad)
		res = invite_sdp(op, d->late[op->requester] == op->m->cseq);
	if (res != CALL_GO_ON || op->m->status < 200)
		return res;
	session_confirm(&d->s, op->tx, op->ctx->now);
	if (op->m->cseq > d->answered[op->requester] && op->m->cseq <= d->cseq[op->requester])
		await_ack(op);
	return res;
}

static enum call_result invite_response(struct call_op *op)
{
	struct call *c = op->call;

	if (op->m->status == 100) {
		op_scrub(op);
		return CALL_GO_ON;
	}
	if (op->requester != c->caller || op->m->cseq != c->init_cseq ||
	    (op->d && op->d->init_cseq != op->m->cseq))
		return re_invite_response(op);
	if (op->m->status < 200)
		return provisional(op);
	if (op->m->status < 300)
		return accepted(op);
	op_scrub(op);
	refused(op);
	return CALL_GO_ON;
}

static enum call_result prack_update_response(struct call_op *op)
{
	struct dialog *d = op->d;
	struct desc *desc;

	if (!d || d->state > DIALOG_ANSWERED || op->m->status < 200) {
		op_scrub(op);
		return CALL_GO_ON;
	}
	if (op->m->status >= 300) {
		op_scrub(op);
		session_fail(&d->s, op->tx);
		if (op->m->method == SIP_M_UPDATE && d->state == DIALOG_ANSWERED &&
		    (op->m->status == 408 || op->m->status == 481) &&
		    op->m->cseq == d->cseq[op->requester])
			dialog_end(d);
		return CALL_GO_ON;
	}
	if (!tx_eq(d->s.offer[op->requester].tx, op->tx)) {
		op_scrub(op);
	} else if (op->sdp_bad) {
		return CALL_REFUSED;
	} else if (op->has_sdp) {
		desc = op_desc(op, d->s.now[op->from]);
		if (!desc)
			return CALL_REFUSED;
		if (session_answer(&d->s, op->from, op->tx, desc, false, op->ctx->now))
			op->note_changed = true;
		desc_put(desc);
	} else {
		session_fail(&d->s, op->tx); /* an offer without an answer */
	}
	if (op->m->method == SIP_M_UPDATE && d->state == DIALOG_ANSWERED &&
	    op->m->cseq > d->updated[op->requester] && op->m->cseq <= d->cseq[op->requester]) {
		d->updated[op->requester] = op->m->cseq;
		d->until = deadline_after(op->t, op->ctx->now, op->m->session_expires);
	}
	return CALL_GO_ON;
}

/* Whatever final answer ends the dialog (RFC 3261 15.1.1), but for a challenge: then the call goes on
 * until the next BYE. */
static enum call_result bye_response(struct call_op *op)
{
	struct dialog *d = op->d;
	uint16_t st = op->m->status;

	op_scrub(op);
	if (!d || st < 200)
		return CALL_GO_ON;
	if (d->state == DIALOG_ANSWERED && st < 300) {
		dialog_end(
			d); /* the BYE itself was taken for an old one, the other side thinks not */
	} else if (d->state == DIALOG_BYE && d->bye_cseq[op->requester] == op->m->cseq) {
		if ((st != 401 && st != 407) || d->bye_from != 1 << op->requester ||
		    !op->call->answered) {
			dialog_end(d);
			return CALL_GO_ON;
		}
		d->bye_from = 0;
		d->state = DIALOG_ANSWERED;
		op->call->told_end = false;
		call_told(op->call, EVENT_CALL_CHANGED, "goes on: BYE was challenged", op->out);
	}
	return CALL_GO_ON;
}

enum call_result call_response(struct call_op *op)
{
	switch (op->m->method) {
	case SIP_M_INVITE: return invite_response(op);
	case SIP_M_PRACK:
	case SIP_M_UPDATE: return prack_update_response(op);
	case SIP_M_BYE: return bye_response(op);
	default: op_scrub(op); return CALL_GO_ON;
	}
}
