// SPDX-License-Identifier: GPL-2.0-only
/*
 * One host[:port] of a message: whose it is, and what stands in its place on the other side. Host
 * and port are edited apart where both stay, so white space around the colon of a Via survives.
 */
#include "rewrite_priv.h"

#include <stdio.h>

#include "sip_scan.h"

#define SIP_PORT 5060

static uint16_t port_of(const struct sip_hostport *hp)
{
	return hp->port.p ? hp->port_value : SIP_PORT;
}

/* A configured peer whose prefix is at least as narrow as the inside one that matches: outside. */
static bool is_peer(const struct rewrite_ctx *ctx, const struct rf_addr *a)
{
	unsigned int inside = 0, peer = 0;
	uint16_t i;

	if (!ctx->config)
		return false;
	for (i = 0; i < ctx->config->n_peers; i++) {
		const struct prefix *p = &ctx->config->peers[i].address;

		if (prefix_has(p, a) && p->len > peer)
			peer = p->len;
	}
	if (!peer)
		return false;
	for (i = 0; i < ctx->topo->n_inside; i++) {
		const struct prefix *p = &ctx->topo->inside[i].prefix;

		if (prefix_has(p, a) && p->len > inside)
			inside = p->len;
	}
	return peer >= inside;
}

bool rewrite_is_inside(const struct rewrite_ctx *ctx, const struct rf_addr *a)
{
	/* The message comes from or goes to it by the WAN: whatever it looks like, it is outside. */
	if (ctx->remote && addr_eq(&ctx->remote->addr, a))
		return false;
	return topology_is_inside(ctx->topo, a) && topology_mode(ctx->topo, a) == RF_MODE_NAT &&
	       !is_peer(ctx, a);
}

bool token_is_ours(const struct rewrite_ctx *ctx, const struct rf_addr *a)
{
	const struct rf_addr *wire = topology_wire(ctx->wan, a);

	return wire && (addr_eq(wire, a) || addr_eq(topology_public(ctx->wan, a), a));
}

enum token_side token_side(const struct rewrite_ctx *ctx, const struct rf_addr *a)
{
	const struct rf_addr *text = topology_public(ctx->wan, a);

	if (!text || addr_eq(text, a))
		return TOKEN_LEAVE; /* no address of that family; or public already (idempotence) */
	if (token_is_ours(ctx, a))
		return TOKEN_WIRE;
	if (ctx->binding->mode == RF_MODE_NAT && rewrite_is_inside(ctx, a))
		return TOKEN_INSIDE;
	return TOKEN_LEAVE;
}

static struct view foreign_key(const struct sip_hostport *hp, char *buf)
{
	struct rf_ep ep = ep_make(hp->addr, port_of(hp));

	return view_of(ep_text(&ep, buf));
}

bool token_is_foreign(const struct rewrite *r, const struct sip_hostport *hp)
{
	char buf[EP_TEXT_MAX];

	return r->alias &&
	       alias_find_inside(r->alias, ALIAS_FOREIGN, foreign_key(hp, buf), VIEW(""));
}

void token_learn_foreign(struct rewrite *r, const struct sip_hostport *hp)
{
	struct alias_item item = { .kind = ALIAS_FOREIGN, .inside = VIEW(""), .outside = VIEW("") };
	char buf[EP_TEXT_MAX];

	if (!hp->is_addr || token_side(r->ctx, &hp->addr) != TOKEN_INSIDE || !alias_needed(r))
		return;
	item.key = foreign_key(hp, buf);
	alias_learn(r->ctx->aliases, r->alias, &item, r->ctx->out);
}

/* host and, if port is not 0, ":port" in the place of hp. */
static void put(struct edit_list *edits, const struct sip_hostport *hp, const char *host,
		uint16_t port)
{
	if (!port) {
		edit_replace(edits, hp->whole, "%s", host);
	} else if (hp->port.p) {
		edit_replace(edits, hp->host, "%s", host);
		if (port != hp->port_value)
			edit_replace(edits, hp->port, "%u", port);
	} else {
		edit_replace(edits, hp->whole, "%s:%u", host, port);
	}
}

/* Only the host changes, the port stays as it is written. */
static void put_host(struct edit_list *edits, const struct sip_hostport *hp, const char *host)
{
	edit_replace(edits, hp->host, "%s", host);
}

static const char *public_text(const struct rewrite_ctx *ctx, const struct rf_addr *like, char *buf)
{
	return addr_uri_text(topology_public(ctx->wan, like), buf);
}

/* The port that stands for (inside address, port) outside; 0: none is to be written. */
static uint16_t public_port(const struct binding *b, const struct sip_hostport *hp)
{
	uint16_t port = ntohs(b->outside.port);

	return !hp->port.p && port == SIP_PORT ? 0 : port;
}

/* Identities are no place to send to: they make no binding, and use one where there is one. */
static uint16_t identity_port(const struct rewrite_ctx *ctx, const struct sip_hostport *hp)
{
	struct rf_ep ep = ep_make(hp->addr, hp->port_value);
	const struct binding *b;

	if (!hp->port.p)
		return 0;
	b = binding_by_inside(ctx->bindings, ctx->wan->ifindex, &ep);
	return b ? ntohs(b->outside.port) : hp->port_value;
}

const char *identity_text(const struct rewrite_ctx *ctx, const struct sip_hostport *hp, char *buf)
{
	uint16_t port = token_side(ctx, &hp->addr) == TOKEN_INSIDE ? identity_port(ctx, hp)
								   : hp->port_value;
	char host[ADDR_TEXT_MAX];

	public_text(ctx, &hp->addr, host);
	if (hp->port.p)
		snprintf(buf, EP_TEXT_MAX, "%s:%u", host, port);
	else
		snprintf(buf, EP_TEXT_MAX, "%s", host);
	return buf;
}

/* Our own wire address (1:1 NAT): the number is the same outside. */
static void wire_outbound(struct rewrite *r, int role, const struct sip_hostport *hp)
{
	struct binding *b = binding_by_token(r->ctx->bindings, r->ctx->wan, hp);
	char host[ADDR_TEXT_MAX];

	if (b && role != ROLE_IDENTITY && b->mode != RF_MODE_NAT)
		binding_style(b, role, hp, false, r->ctx->out);
	put_host(r->edits, hp, public_text(r->ctx, &hp->addr, host));
}

enum rf_reason token_outbound(struct rewrite *r, int role, const struct sip_hostport *hp)
{
	const struct rewrite_ctx *ctx = r->ctx;
	char host[ADDR_TEXT_MAX];
	enum rf_reason reason;
	struct binding *b;
	struct rf_ep ep;

	switch (hp->is_addr ? token_side(ctx, &hp->addr) : TOKEN_LEAVE) {
	case TOKEN_LEAVE: return RF_R_NONE;
	case TOKEN_WIRE: wire_outbound(r, role, hp); return RF_R_NONE;
	case TOKEN_INSIDE: break;
	}
	ep = ep_make(hp->addr, port_of(hp));
	public_text(ctx, &hp->addr, host);
	if (role == ROLE_IDENTITY || !ep.port) {
		put(r->edits, hp, host, identity_port(ctx, hp));
		return RF_R_NONE;
	}
	reason = binding_get(ctx->bindings, ctx->topo, ctx->wan->ifindex, &ep, ctx->now_ns,
			     ctx->out, &b);
	if (reason != RF_R_NONE)
		return reason;
	binding_style(b, role, hp, false, ctx->out);
	put(r->edits, hp, host, public_port(b, hp));
	return RF_R_NONE;
}

/* maddr says where to send to, so it is maddr with the URI's port that must be bound; the host before
 * it is only a name, which must not show an inside address. */
static enum rf_reason maddr_outbound(struct rewrite *r, int role, const struct sip_uri *u)
{
	const struct rewrite_ctx *ctx = r->ctx;
	struct rf_ep ep = ep_make(u->maddr.addr, port_of(&u->hp));
	char host[ADDR_TEXT_MAX], name[ADDR_TEXT_MAX];
	enum rf_reason reason;
	struct binding *b;

	reason = binding_get(ctx->bindings, ctx->topo, ctx->wan->ifindex, &ep, ctx->now_ns,
			     ctx->out, &b);
	if (reason != RF_R_NONE)
		return reason;
	binding_style(b, role, &u->hp, false, ctx->out);
	put_host(r->edits, &u->maddr, public_text(ctx, &u->maddr.addr, host));
	if (u->hp.is_addr && token_side(ctx, &u->hp.addr) != TOKEN_LEAVE)
		public_text(ctx, &u->hp.addr, name);
	else if (u->hp.host.n < sizeof(name))
		snprintf(name, sizeof(name), VIEW_FMT, VIEW_ARG(u->hp.host));
	else
		return RF_R_NONE; /* a long host name: its port stays, and maddr's binding may differ */
	put(r->edits, &u->hp, name, public_port(b, &u->hp));
	return RF_R_NONE;
}

enum rf_reason uri_outbound(struct rewrite *r, int role, const struct sip_uri *u)
{
	enum token_side side;

	if (!u->is_sip)
		return RF_R_NONE;
	side = u->has_maddr && u->maddr.is_addr ? token_side(r->ctx, &u->maddr.addr) : TOKEN_LEAVE;
	if (side == TOKEN_INSIDE && role != ROLE_IDENTITY && port_of(&u->hp))
		return maddr_outbound(r, role, u);
	if (side != TOKEN_LEAVE) {
		char host[ADDR_TEXT_MAX];

		put_host(r->edits, &u->maddr, public_text(r->ctx, &u->maddr.addr, host));
	}
	return token_outbound(r, role, &u->hp);
}

static const char *inside_text(const struct binding *b, char *buf)
{
	return b->inside_text[0] ? b->inside_text : addr_uri_text(&b->inside.addr, buf);
}

/* Puts b's inside endpoint in the place of hp. Where both sides have the same number the form that
 * came back is the form that was written; else the endpoint's style tells. */
static void restore(struct rewrite *r, enum binding_role role, const struct sip_hostport *hp,
		    const struct binding *b)
{
	uint16_t inside = ntohs(b->inside.port);
	char host[ADDR_TEXT_MAX];

	inside_text(b, host);
	if (inside == port_of(hp))
		put_host(r->edits, hp, inside_text(b, host));
	else
		put(r->edits, hp, inside_text(b, host),
		    inside == SIP_PORT && (b->portless & role) ? 0 : inside);
}

/* The local server behind a 1:1 NAT knows its wire address only, on whatever port. */
static void wire_inbound(struct rewrite *r, const struct sip_hostport *hp)
{
	const struct rf_addr *wire = topology_wire(r->ctx->wan, &hp->addr);
	char host[ADDR_TEXT_MAX];

	if (r->ctx->binding->mode == RF_MODE_HOST && !addr_eq(wire, &hp->addr))
		put_host(r->edits, hp, addr_uri_text(wire, host));
}

void token_inbound(struct rewrite *r, enum binding_role role, const struct sip_hostport *hp,
		   const struct binding *fallback)
{
	const struct binding *b;

	if (!hp->is_addr || !token_is_ours(r->ctx, &hp->addr))
		return;
	b = binding_by_token(r->ctx->bindings, r->ctx->wan, hp);
	if (!b && !hp->port.p)
		b = fallback;
	if (!b)
		wire_inbound(r, hp);
	else if (!(b->own_public & role))
		restore(r, role, hp, b);
}

void uri_inbound(struct rewrite *r, enum binding_role role, const struct sip_uri *u,
		 const struct binding *fallback)
{
	struct sip_hostport sent_to;
	const struct binding *b;
	char host[ADDR_TEXT_MAX];

	if (!u->is_sip)
		return;
	if (!u->has_maddr || !u->maddr.is_addr || !token_is_ours(r->ctx, &u->maddr.addr)) {
		token_inbound(r, role, &u->hp, fallback);
		return;
	}
	sent_to = u->hp;
	sent_to.addr = u->maddr.addr;
	sent_to.is_addr = true;
	b = binding_by_token(r->ctx->bindings, r->ctx->wan, &sent_to);
	if (!b || (b->own_public & role))
		return;
	put_host(r->edits, &u->maddr, inside_text(b, host));
	if (u->hp.is_addr && token_is_ours(r->ctx, &u->hp.addr))
		restore(r, role, &u->hp, b);
	else if (u->hp.port.p && u->hp.port_value != ntohs(b->inside.port))
		edit_replace(r->edits, u->hp.port, "%u", ntohs(b->inside.port));
}

/* received= is written with brackets by some and without by others (RFC 5118 4.5). */
static const char *like_received(const struct sip_hostport *hp, const struct rf_addr *a, char *buf)
{
	return hp->host.n && hp->host.p[0] == '[' ? addr_uri_text(a, buf) : addr_text(a, buf);
}

/* maddr= of a Via: where answers go before anything else (RFC 3261 18.2.2). */
static bool via_maddr(const struct sip_value *via, struct sip_hostport *hp)
{
	struct view rest = via->params;
	struct sip_param param;

	while (sip_param_next(&rest, &param) > 0) {
		if (view_caseeq(param.name, VIEW("maddr")) && param.value.n)
			return !sip_host_parse(param.value, hp) && hp->is_addr;
	}
	return false;
}

void via_maddr_outbound(struct rewrite *r, const struct sip_value *via)
{
	struct sip_hostport hp;
	char host[ADDR_TEXT_MAX];

	if (via_maddr(via, &hp) && token_side(r->ctx, &hp.addr) != TOKEN_LEAVE)
		put_host(r->edits, &hp, public_text(r->ctx, &hp.addr, host));
}

enum rf_reason received_outbound(struct rewrite *r, const struct sip_value *via)
{
	struct alias_item item = { .kind = ALIAS_RECEIVED, .key = via->branch };
	const struct sip_hostport *hp = &via->received;
	char host[ADDR_TEXT_MAX];

	if (!via->has_received || !hp->is_addr || token_side(r->ctx, &hp->addr) == TOKEN_LEAVE)
		return RF_R_NONE;
	item.inside = hp->whole;
	item.outside = view_of(like_received(hp, topology_public(r->ctx->wan, &hp->addr), host));
	if (!alias_needed(r) || alias_learn(r->ctx->aliases, r->alias, &item, r->ctx->out))
		return RF_R_SIP_LIMIT;
	edit_replace(r->edits, hp->whole, "%s", host);
	return RF_R_NONE;
}

/* Who sent the request that this Via belongs to: by rport, else whom sent-by names. */
static const struct binding *sender(const struct rewrite *r, const struct sip_value *via,
				    const struct binding *sent_by)
{
	struct sip_hostport hp = via->received;
	const struct binding *b;
	unsigned int port = 0;
	size_t i;

	for (i = 0; i < via->rport.n && port <= UINT16_MAX; i++)
		port = port * 10 + (via->rport.p[i] - '0');
	hp.port = via->rport;
	hp.port_value = port;
	b = hp.port.p && port <= UINT16_MAX ? binding_by_token(r->ctx->bindings, r->ctx->wan, &hp)
					    : NULL;
	if (!b)
		b = sent_by;
	return b || via != r->m->via ? b : r->ctx->binding;
}

/* RFC 3581: with the answer's received and rport un-rewritten the inside host sees no NAT; many
 * would change their Contact otherwise. */
static void received_inbound(struct rewrite *r, const struct sip_value *via,
			     const struct binding *sent_by)
{
	const struct sip_hostport *hp = &via->received;
	const struct alias_item *item;
	const struct binding *b;
	char host[ADDR_TEXT_MAX];

	if (!via->has_received || !hp->is_addr || !token_is_ours(r->ctx, &hp->addr))
		return;
	item = alias_find_outside(r->alias, ALIAS_RECEIVED, via->branch, hp->whole);
	if (item && (via->branch.n || via != r->m->via)) {
		edit_replace(r->edits, hp->whole, VIEW_FMT, VIEW_ARG(item->inside));
		return;
	}
	/* The topmost Via is the inside host's own whatever it names; one below may be a proxy's
	 * outside, and its received= not about us. */
	if (!sent_by && via->sent_by.is_addr && via != r->m->via)
		return;
	b = sender(r, via, sent_by);
	if (!b || (b->own_public & BINDING_VIA))
		return;
	edit_replace(r->edits, hp->whole, "%s", like_received(hp, &b->inside.addr, host));
	if (via->rport.p && b->inside.port != b->outside.port)
		edit_replace(r->edits, via->rport, "%u", ntohs(b->inside.port));
}

void via_inbound(struct rewrite *r, const struct sip_value *via)
{
	const struct binding *b = NULL;
	struct sip_hostport maddr;
	char host[ADDR_TEXT_MAX];

	if (via->sent_by.is_addr && token_is_ours(r->ctx, &via->sent_by.addr)) {
		b = binding_by_token(r->ctx->bindings, r->ctx->wan, &via->sent_by);
		if (b && (b->own_public & BINDING_VIA))
			return;
	}
	token_inbound(r, BINDING_VIA, &via->sent_by, NULL);
	if (b && via_maddr(via, &maddr) && token_is_ours(r->ctx, &maddr.addr))
		put_host(r->edits, &maddr, inside_text(b, host));
	received_inbound(r, via, b);
}
