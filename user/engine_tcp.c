// SPDX-License-Identifier: GPL-2.0-only
/*
 * What connections add to messages: who may open one, whom it leads to, and for which endpoint the one
 * who opened it speaks. A connection's port says little: it is another one each time.
 */
#include "engine_state.h"

#define SIP_PORT 5060 /* RFC 3261 18.1.1: meant when none is written */

static bool own(const struct sip_hostport *hp, const struct rf_ep *src, struct rf_ep *out)
{
	if (!hp->is_addr || !addr_eq(&hp->addr, &src->addr))
		return false;
	*out = ep_make(src->addr, hp->port.p ? hp->port_value : SIP_PORT);
	return out->port != 0;
}

struct rf_ep engine_speaker(struct engine *e, const struct rf_ep *src, struct view message)
{
	const struct sip_msg *m = &e->msg;
	const char *why;
	struct rf_ep ep;

	if (sip_parse(message.p, message.n, &e->msg, &why) != SIP_OK)
		return *src;
	if (m->is_request && own(&m->via->sent_by, src, &ep))
		return ep;
	if (m->contact && m->contact->uri.is_sip && own(&m->contact->uri.hp, src, &ep))
		return ep;
	return *src;
}

static enum rf_reason from_outside(struct engine *e, const struct signal_in *in,
				   struct action_list *out, struct binding **b)
{
	struct policy_query q = { .config = &e->config,
				  .registrations = e->registrations,
				  .remote = in->src,
				  .now_ns = in->now_ns };
	enum rf_reason r;

	q.remote.port = 0; /* of a connection: any */
	r = engine_reached(e, in, &q, b, out);
	if (r != RF_R_NONE)
		return r;
	q.binding = *b;
	/* Its messages are judged one by one; this keeps strangers from having any. */
	if (policy_request(e->policy, &q, SIP_M_OTHER) != POLICY_REFUSED ||
	    policy_notifies(e->policy, &q))
		return RF_R_NONE;
	return policy_reason(policy_response(e->policy, &q));
}

enum rf_reason engine_connection(struct engine *e, const struct signal_in *in,
				 struct action_list *out, struct rf_ep *inside,
				 struct rf_ep *outside)
{
	struct binding *b;
	enum rf_reason r;

	if (!topology_wan_by_index(&e->topo, in->wan_ifindex))
		return RF_R_NO_ROUTE;
	if (in->hook != RF_HOOK_WAN_IN) {
		*inside = in->src;
		return topology_mode(&e->topo, &in->src.addr) == RF_MODE_AUTO ? RF_R_SIP_NO_INSIDE
									      : RF_R_NONE;
	}
	r = from_outside(e, in, out, &b);
	if (r != RF_R_NONE)
		return r;
	*inside = b->inside;
	*outside = b->outside;
	return RF_R_NONE;
}

struct binding *engine_target(struct engine *e, const struct topology_wan *wan, struct binding *b)
{
	struct binding *named;

	if (!e->msg.is_request || !e->msg.ruri.is_sip)
		return b;
	named = binding_by_token(e->bindings, wan, &e->msg.ruri.hp);
	return named && addr_eq(&named->inside.addr, &b->inside.addr) ? named : b;
}
