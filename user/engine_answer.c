// SPDX-License-Identifier: GPL-2.0-only
/*
 * Responses from outside: is this one let through, and what does it grant? Two questions. Whoever was sent
 * something lately may answer; but only who was asked, in the transaction that asked (Call-ID, CSeq,
 * branch, place), wins anything by it, once, and only what was asked for. A provider may have several
 * addresses, each a peer of its own: a configured peer may answer for whoever was asked, who then wins.
 */
#include <errno.h>

#include "duration.h"
#include "engine_state.h"

static bool may_answer(const struct rf_addr *asked, const void *arg)
{
	const struct policy_query *q = arg;

	return q->in_dialog || policy_answers_for(q, asked);
}

static bool may_any(const struct rf_addr *asked, const void *arg)
{
	return true;
}

enum engine_answer engine_answer_of(struct engine *e, const struct binding *b,
				    const struct policy_query *q, struct view call_id,
				    struct open_request **r)
{
	const struct rf_addr *inside = &b->inside.addr;
	enum engine_answer a = ANSWER_STRAY;

	*r = NULL;
	switch (open_request_find(e->open, inside, call_id, &e->msg, may_answer, q, r)) {
	case OPEN_ASKED: return ANSWER_ASKED;
	case OPEN_ANSWERED: return ANSWER_AGAIN;
	case OPEN_OTHER: a = ANSWER_SPOOFED; break;
	case OPEN_NONE: break;
	}
	if (!policy_answers_as_peer(q))
		return a;
	switch (open_request_find(e->open, inside, call_id, &e->msg, may_any, NULL, r)) {
	case OPEN_ASKED: return ANSWER_FOR;
	case OPEN_ANSWERED: return ANSWER_AGAIN;
	case OPEN_OTHER:
	case OPEN_NONE: break;
	}
	return a;
}

enum rf_reason engine_answer_admitted(struct engine *e, const struct call_ctx *ctx,
				      const struct policy_query *q, enum engine_answer a)
{
	if (a == ANSWER_ASKED || a == ANSWER_FOR || a == ANSWER_AGAIN)
		return RF_R_NONE;
	if (policy_response(e->policy, q) == POLICY_REFUSED)
		return RF_R_SIP_UNKNOWN_PEER;
	/* A call of ours that its sender is no part of: it was not asked. */
	if (a == ANSWER_SPOOFED || (!q->in_dialog && call_known(e->calls, ctx, &e->msg)))
		return RF_R_SIP_UNASKED;
	return RF_R_NONE;
}

/* What a NOTIFY to it says that it is of; false: m asks for none. */
static bool notified(const struct sip_msg *m, struct view event, struct view *out)
{
	*out = m->method == SIP_M_REFER ? VIEW("refer") : event;
	return m->method == SIP_M_SUBSCRIBE || m->method == SIP_M_REFER;
}

enum rf_reason engine_asks(struct engine *e, const struct binding *b, const struct rf_addr *remote,
			   uint64_t now_ns)
{
	const struct sip_msg *m = &e->msg;
	struct view event;
	int open;

	if (!m->is_request)
		return RF_R_NONE;
	open = open_request_add(e->open, &b->inside.addr, remote, m, now_ns);
	if (open > 0 && notified(m, open_request_event(m), &event) &&
	    subscription_ask(e->subscriptions, &b->inside.addr, m->call_id, m->from->tag, event,
			     remote, now_ns + OPEN_NS))
		open = -ENOMEM;
	return open < 0 ? RF_R_OUT_OF_MEMORY : RF_R_NONE;
}

static enum rf_reason subscription(struct engine *e, const struct binding *b,
				   const struct open_request *r, const struct rf_addr *remote,
				   struct view call_id, uint64_t now_ns)
{
	const struct sip_msg *m = &e->msg;
	bool refer = m->method == SIP_M_REFER;
	uint64_t s = subscription_seconds(refer ? -1 : r->expires, m->expires), until;
	struct view event;

	if (!notified(m, r->event, &event) || m->status < 200)
		return RF_R_NONE;
	subscription_answered(e->subscriptions, &b->inside.addr, call_id, r->tag, event,
			      &r->remote);
	if (m->status >= 300)
		return RF_R_NONE;
	if (s > REGISTRATION_MAX_S)
		s = REGISTRATION_MAX_S;
	until = now_ns + (s + 32) * SECOND_NS;
	alias_touch(e->aliases, call_id, until);
	if (subscription_grant(e->subscriptions, &b->inside.addr, call_id, r->tag, event, remote,
			       until) ||
	    !policy_subscribed(e->policy, &b->inside.addr, b->id, remote, until))
		return RF_R_OUT_OF_MEMORY;
	return RF_R_NONE;
}

enum rf_reason engine_answer_grants(struct engine *e, const struct registration_ctx *ctx,
				    struct open_request *r, enum engine_answer a,
				    struct view call_id)
{
	bool open = a == ANSWER_ASKED || a == ANSWER_FOR;
	struct registration_ctx winner = *ctx;
	enum rf_reason reason = RF_R_NONE;

	if (a == ANSWER_FOR)
		winner.remote.addr = r->remote;
	if (open && e->msg.method == SIP_M_REGISTER)
		reason = registration_response(e->registrations, &winner, &e->msg, call_id);
	else if (open)
		reason =
			subscription(e, ctx->binding, r, &winner.remote.addr, call_id, ctx->now_ns);
	if (r && reason == RF_R_NONE)
		open_request_response(e->open, &ctx->binding->inside.addr, call_id, &e->msg, r,
				      ctx->now_ns, e->config.setup_timeout_s * SECOND_NS + OPEN_NS);
	return reason;
}
