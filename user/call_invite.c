// SPDX-License-Identifier: GPL-2.0-only
/*
 * INVITE: the first of a call, its next attempt after a challenge, retransmissions, and re-INVITEs
 * (RFC 3261 13, 14).
 */
#include "call_priv.h"

/* What an earlier attempt left behind: its tags may come again. */
static void drop_earlier(struct call *c)
{
	struct dialog **at = &c->dialogs, *d;

	while ((d = *at)) {
		if (d->state == DIALOG_ANSWERED || d->state == DIALOG_BYE) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		dialog_free(d);
	}
}

static enum call_result attempt(struct call_op *op)
{
	struct call *c = op->call;
	struct desc *offer = NULL;

	if (op->has_sdp) {
		offer = op_desc(op, NULL);
		if (!offer)
			return CALL_REFUSED;
	}
	drop_earlier(c);
	desc_put(c->offer);
	c->offer = offer;
	c->late = !offer;
	c->init_cseq = op->m->cseq;
	c->pending = true;
	c->cancelled = false;
	c->retry_until = 0;
	c->fork_until = 0; /* that was for the offer of an earlier attempt */
	c->setup_until = op->ctx->now + op->t->cfg->setup_timeout_s * SECONDS;
	if (c->linger_until) { /* the same identifiers once more: a new call to people */
		c->linger_until = 0;
		c->told_end = false;
		c->since = op->ctx->now;
		c->answered = 0;
		c->notes = 0;
		call_told(c, EVENT_CALL_NEW, "tried again", op->out);
	}
	return CALL_GO_ON;
}

static enum call_result first(struct call_op *op)
{
	enum call_result res;

	if (op->m->call_id.n > CALL_TEXT_MAX || op->m->from->tag.n > CALL_TEXT_MAX) {
		*op->reason = RF_R_SIP_LIMIT;
		return CALL_REFUSED;
	}
	op->call = call_new(op);
	if (!op->call) {
		*op->reason = op_no_memory(op);
		return CALL_REFUSED;
	}
	*op->reason = call_room(op);
	res = *op->reason == RF_R_NONE ? attempt(op) : CALL_REFUSED;
	if (res == CALL_GO_ON) {
		op->call->id = op->t->next_call_id++;
		if (call_insert(op->t, op->call) == 0) {
			call_told(op->call, EVENT_CALL_NEW, "", op->out);
			return res;
		}
		*op->reason = op_no_memory(op);
	}
	call_free(op->t, op->call);
	op->call = NULL;
	return CALL_REFUSED;
}

static enum call_result without_to_tag(struct call_op *op)
{
	struct call *c = op->call;

	if (!c)
		return first(op);
	if (op->requester != c->caller || op->m->cseq <= c->init_cseq) {
		op_scrub(op); /* retransmission, or older than what is under way */
		return CALL_GO_ON;
	}
	return attempt(op);
}

static enum call_result re_invite(struct call_op *op)
{
	struct dialog *d = op->d;
	struct desc *offer;

	if (d->state != DIALOG_ANSWERED || op->m->cseq <= d->cseq[op->from]) {
		op_scrub(op);
		return CALL_GO_ON;
	}
	if (op->has_sdp) {
		offer = op_desc(op, d->s.now[op->from]);
		if (!offer)
			return CALL_REFUSED;
		session_offer(&d->s, op->from, op->tx, offer);
		dialog_offered(op);
		desc_put(offer);
	} else {
		d->late[op->from] = op->m->cseq;
	}
	d->cseq[op->from] = op->m->cseq;
	return CALL_GO_ON;
}

/* A dialog that is not known here: the phone has moved to another address in mid-call, or the call was
 * set up before we came. Its media is offered anew, so to us it is the first INVITE of a call. */
static bool begun_elsewhere(const struct call_op *op)
{
	if (op->from != SIDE_INSIDE || !op->has_sdp)
		return false;
	return !op->call || (op->requester == op->call->caller && !op->call->dialogs);
}

enum call_result call_invite(struct call_op *op)
{
	if (op->sdp_bad)
		return CALL_REFUSED;
	if (!op->m->to->tag.p)
		return without_to_tag(op);
	if (op->d)
		return re_invite(op);
	if (begun_elsewhere(op))
		return without_to_tag(op);
	op_scrub(op);
	return CALL_UNKNOWN;
}
