// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which header gets which treatment, each way. Outbound, a request's Vias, routes and identities are
 * the inside's own; a response repeats those of the request, so only what is known to be ours is
 * touched there.
 */
#include "rewrite.h"

#include <ctype.h>

#include "rewrite_priv.h"

/* What a failed pass leaves behind is nothing. */
struct mark {
	uint16_t n;
	size_t arena_used;
	bool overflow;
};

static struct mark mark(const struct edit_list *l)
{
	return (struct mark){ l->n, l->arena_used, l->overflow };
}

static enum rf_reason finish(struct edit_list *l, const struct mark *at, enum rf_reason reason)
{
	if (reason == RF_R_NONE && l->overflow && !at->overflow)
		reason = RF_R_SIP_LIMIT;
	if (reason != RF_R_NONE) {
		l->n = at->n;
		l->arena_used = at->arena_used;
		l->overflow = at->overflow;
	}
	return reason;
}

/* Does the text of a message differ between the two sides of this WAN? */
static bool translated(const struct rewrite_ctx *ctx)
{
	const struct topology_wan *w = ctx->wan;

	switch (ctx->binding->mode) {
	case RF_MODE_NAT: return true;
	case RF_MODE_HOST:
		return (w->has4 && !addr_eq(&w->wire4, &w->public4)) ||
		       (w->has6 && !addr_eq(&w->wire6, &w->public6));
	default: return false;
	}
}

/* A host that is not translated may want its answers on another port than the one it sends from
 * (sent-by and Contact count, RFC 3261 18.2.2): that port carries signalling too. */
static enum rf_reason bind_own(const struct rewrite_ctx *ctx, const struct sip_hostport *hp)
{
	struct rf_ep ep = ep_make(hp->addr, hp->port.p ? hp->port_value : 5060);
	struct binding *b;

	if (!hp->is_addr || !ep.port || !addr_eq(&hp->addr, &ctx->binding->inside.addr) ||
	    ctx->binding->mode == RF_MODE_NAT)
		return RF_R_NONE;
	return binding_get(ctx->bindings, ctx->topo, ctx->wan->ifindex, &ep, ctx->now_ns, ctx->out,
			   &b);
}

static enum rf_reason bind_own_ports(const struct rewrite_ctx *ctx, const struct sip_msg *m)
{
	enum rf_reason reason = RF_R_NONE;

	if (m->is_request)
		reason = bind_own(ctx, &m->via->sent_by);
	if (reason == RF_R_NONE && m->contact && m->contact->uri.is_sip)
		reason = bind_own(ctx, &m->contact->uri.hp);
	return reason;
}

/* An endpoint that knows its public address (STUN, externip) writes it itself and expects it back. */
static void learn_own_public(struct rewrite *r, enum binding_role role,
			     const struct sip_hostport *hp)
{
	const struct rewrite_ctx *ctx = r->ctx;
	const struct rf_addr *text = hp->is_addr ? topology_public(ctx->wan, &hp->addr) : NULL;

	if (!text || !addr_eq(text, &hp->addr))
		return;
	/* Without 1:1 NAT the local server's own address is the public one: nothing to tell apart. */
	if (ctx->binding->mode != RF_MODE_HOST || !addr_eq(topology_wire(ctx->wan, text), text))
		binding_style(ctx->binding, role, hp, true, ctx->out);
}

static enum rf_reason via_outbound(struct rewrite *r, const struct sip_value *v)
{
	enum rf_reason reason;

	if (!r->m->is_request)
		return RF_R_NONE; /* the requester's, also where it looks like an inside one */
	if (v == r->m->via)
		learn_own_public(r, BINDING_VIA, &v->sent_by);
	via_maddr_outbound(r, v);
	reason = token_outbound(r, BINDING_VIA, &v->sent_by);
	return reason == RF_R_NONE ? received_outbound(r, v) : reason;
}

static enum rf_reason contact_outbound(struct rewrite *r, const struct sip_value *v)
{
	if (!v->uri.is_sip)
		return RF_R_NONE;
	/* A registrar inside lists the contacts that were registered from outside. */
	if (!r->m->is_request && r->m->method == SIP_M_REGISTER && v->uri.hp.is_addr &&
	    token_is_foreign(r, &v->uri.hp))
		return RF_R_NONE;
	/* A 3xx or a registrar's list names others. */
	if (v == r->m->contact &&
	    (r->m->is_request || (r->m->status < 300 && r->m->method != SIP_M_REGISTER)))
		learn_own_public(r, BINDING_CONTACT, &v->uri.hp);
	return uri_outbound(r, BINDING_CONTACT, &v->uri);
}

static enum rf_reason other_outbound(struct rewrite *r, int role, const struct sip_uri *u)
{
	if (u->is_sip && u->hp.is_addr && token_is_foreign(r, &u->hp))
		return RF_R_NONE;
	return uri_outbound(r, role, u);
}

/* Places that messages are sent to: they make the bindings. */
static enum rf_reason place_outbound(struct rewrite *r, const struct sip_value *v)
{
	switch (v->id) {
	case SIP_H_VIA: return via_outbound(r, v);
	case SIP_H_CONTACT: return contact_outbound(r, v);
	case SIP_H_ROUTE:
	case SIP_H_RECORD_ROUTE:
	case SIP_H_PATH:
	case SIP_H_SERVICE_ROUTE: return other_outbound(r, BINDING_ROUTE, &v->uri);
	case SIP_H_REFER_TO:
		refer_to_replaces(r, &v->uri, true);
		return other_outbound(r, BINDING_TARGET, &v->uri);
	default: return RF_R_NONE;
	}
}

static enum rf_reason identity_outbound(struct rewrite *r, const struct sip_value *v)
{
	switch (v->id) {
	case SIP_H_FROM:
	case SIP_H_TO: return party_outbound(r, v);
	case SIP_H_P_ASSERTED_IDENTITY:
	case SIP_H_P_PREFERRED_IDENTITY:
	case SIP_H_REMOTE_PARTY_ID:
	case SIP_H_REFERRED_BY:
	case SIP_H_REPLY_TO:
	case SIP_H_DIVERSION:
	case SIP_H_HISTORY_INFO:
	case SIP_H_P_CALLED_PARTY_ID:
	case SIP_H_P_ASSOCIATED_URI:
	case SIP_H_CALL_INFO: return other_outbound(r, ROLE_IDENTITY, &v->uri);
	default: return RF_R_NONE;
	}
}

static struct view skip(struct view v, bool space)
{
	while (v.n && !!isspace((unsigned char)v.p[0]) == space)
		v = (struct view){ v.p + 1, v.n - 1 };
	return v;
}

/* 3DIGIT SP warn-agent SP quoted-string (RFC 3261 20.43); the agent is often the own address. */
static enum rf_reason warning_outbound(struct rewrite *r, struct view value)
{
	struct view agent = skip(skip(value, false), true);
	struct sip_hostport hp;

	agent.n -= skip(agent, false).n;
	if (!agent.n || sip_hostport_parse(agent, &hp))
		return RF_R_NONE;
	return token_outbound(r, ROLE_IDENTITY, &hp);
}

static enum rf_reason headers_outbound(struct rewrite *r)
{
	enum rf_reason reason = RF_R_NONE;
	uint16_t i;

	for (i = 0; i < r->m->n_headers && reason == RF_R_NONE; i++) {
		const struct sip_header *h = &r->m->headers[i];

		if (h->id == SIP_H_REPLACES)
			replaces_rewrite(r, h->value, true);
		else if (h->id == SIP_H_WARNING)
			reason = warning_outbound(r, h->value);
	}
	return reason;
}

static enum rf_reason outbound(struct rewrite *r)
{
	const struct sip_msg *m = r->m;
	enum rf_reason reason = call_id_outbound(r);
	uint16_t i;

	if (reason == RF_R_NONE && m->is_request)
		reason = other_outbound(r, BINDING_TARGET, &m->ruri);
	/* Places first: identities take the port of a binding that is there. */
	for (i = 0; i < m->n_values && reason == RF_R_NONE; i++)
		reason = place_outbound(r, &m->values[i]);
	for (i = 0; i < m->n_values && reason == RF_R_NONE; i++)
		reason = identity_outbound(r, &m->values[i]);
	return reason == RF_R_NONE ? headers_outbound(r) : reason;
}

enum rf_reason rewrite_outbound(const struct rewrite_ctx *ctx, const struct sip_msg *m,
				struct edit_list *edits)
{
	struct rewrite r = { .ctx = ctx, .m = m, .edits = edits };
	const struct mark at = mark(edits);
	enum rf_reason reason;

	binding_touch(ctx->binding, ctx->now_ns + binding_life(ctx->binding));
	reason = bind_own_ports(ctx, m);
	if (reason != RF_R_NONE || !translated(ctx))
		return reason;
	return finish(edits, &at, outbound(&r));
}

/* Routes and contacts of the other side that look like inside ones will be repeated by the inside
 * host, and must then stay. */
static void learn_foreign(struct rewrite *r, const struct sip_value *v)
{
	if (r->ctx->binding->mode != RF_MODE_NAT || !v->uri.is_sip || r->ctx->stray)
		return;
	/* The 200 of a REGISTER lists contacts that others registered: not this side's own. */
	if (v->id == SIP_H_CONTACT && r->m->method == SIP_M_REGISTER && !r->m->is_request)
		return;
	token_learn_foreign(r, &v->uri.hp);
}

static void value_inbound(struct rewrite *r, const struct sip_value *v)
{
	switch (v->id) {
	case SIP_H_VIA:
		if (!r->m->is_request)
			via_inbound(r, v);
		break;
	case SIP_H_FROM:
	case SIP_H_TO: party_inbound(r, v); break;
	case SIP_H_CONTACT:
		learn_foreign(r, v);
		/* Elsewhere a Contact with our address is another inside host's, to be reached by
		 * the way this one came: a direct way would lead past us. */
		if (!r->m->is_request && r->m->method == SIP_M_REGISTER)
			uri_inbound(r, BINDING_CONTACT, &v->uri, NULL);
		break;
	case SIP_H_RECORD_ROUTE:
	case SIP_H_PATH: learn_foreign(r, v); /* fall through */
	case SIP_H_ROUTE:
	case SIP_H_SERVICE_ROUTE: uri_inbound(r, BINDING_ROUTE, &v->uri, NULL); break;
	case SIP_H_REFER_TO:
		refer_to_replaces(r, &v->uri, false);
		uri_inbound(r, BINDING_TARGET, &v->uri, NULL);
		break;
	default: break;
	}
}

enum rf_reason rewrite_inbound(const struct rewrite_ctx *ctx, const struct sip_msg *m,
			       struct edit_list *edits)
{
	struct rewrite r = { .ctx = ctx, .m = m, .edits = edits };
	const struct mark at = mark(edits);
	uint16_t i;

	if (!translated(ctx))
		return RF_R_NONE;
	call_id_inbound(&r);
	if (m->is_request)
		uri_inbound(&r, BINDING_CONTACT, &m->ruri, ctx->binding);
	for (i = 0; i < m->n_values; i++)
		value_inbound(&r, &m->values[i]);
	for (i = 0; i < m->n_headers; i++) {
		if (m->headers[i].id == SIP_H_REPLACES)
			replaces_rewrite(&r, m->headers[i].value, false);
	}
	return finish(edits, &at, RF_R_NONE);
}
