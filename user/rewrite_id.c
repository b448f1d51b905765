// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identities of a dialog: Call-ID (also where another header names one), From and To. Both sides
 * compare them, so what is substituted is remembered per Call-ID and put back word by word.
 */
#include "rewrite_priv.h"

#include <ctype.h>
#include <stdio.h>

struct text { /* a growing text of bounded size */
	char buf[ALIAS_TEXT_MAX];
	size_t n;
	bool overflow;
};

static void text_add(struct text *t, struct view v)
{
	if (v.n > sizeof(t->buf) - t->n) {
		t->overflow = true;
		return;
	}
	memcpy(t->buf + t->n, v.p, v.n);
	t->n += v.n;
}

static struct view text_view(const struct text *t)
{
	return (struct view){ t->buf, t->n };
}

struct alias *alias_needed(struct rewrite *r)
{
	const struct rewrite_ctx *ctx = r->ctx;

	if (!r->alias)
		r->alias = alias_get(ctx->aliases, &ctx->owner, r->internal, r->public_form,
				     ctx->now_ns, ctx->out);
	return r->alias;
}

/* Length of the literal address that text begins with; 0: none. Greedy, so that "10.0.0.50" is not
 * taken for "10.0.0.5". */
static size_t address_length(struct view text, struct rf_addr *a)
{
	size_t n;

	for (n = 0; n < text.n && (isxdigit((unsigned char)text.p[n]) || text.p[n] == ':'); n++)
		;
	if (n && memchr(text.p, ':', n) && !addr_parse((struct view){ text.p, n }, a))
		return n;
	for (n = 0; n < text.n && (isdigit((unsigned char)text.p[n]) || text.p[n] == '.'); n++)
		;
	return n && !addr_parse((struct view){ text.p, n }, a) ? n : 0;
}

/* Is v[at] behind a character that could belong to the same address? */
static bool mid_address(struct view v, size_t at)
{
	unsigned char before = at ? v.p[at - 1] : 0;

	return isdigit(before) || before == '.' || before == ':';
}

/* Copies v with every inside address in it made public; true when there was one. */
static bool substitute(const struct rewrite_ctx *ctx, struct view v, struct text *out)
{
	char buf[ADDR_TEXT_MAX];
	bool changed = false;
	struct rf_addr a;
	size_t at = 0, n;

	out->n = 0;
	out->overflow = false;
	while (at < v.n) {
		struct view rest = { v.p + at, v.n - at };

		n = mid_address(v, at) ? 0 : address_length(rest, &a);
		if (n && token_side(ctx, &a) != TOKEN_LEAVE) {
			text_add(out, view_of(addr_text(topology_public(ctx->wan, &a), buf)));
			changed = true;
		} else {
			n = n ? n : 1;
			text_add(out, (struct view){ rest.p, n });
		}
		at += n;
	}
	return changed;
}

static void replace_view(struct edit_list *edits, struct view old, struct view text)
{
	edit_replace(edits, old, VIEW_FMT, VIEW_ARG(text));
}

enum rf_reason call_id_outbound(struct rewrite *r)
{
	const struct rewrite_ctx *ctx = r->ctx;
	struct view call_id = r->m->call_id;
	struct text text;

	r->internal = r->public_form = call_id;
	r->alias = alias_by_internal(ctx->aliases, call_id);
	/* A response's Call-ID is the requester's: unknown to us, it stays. */
	if (!r->alias && r->m->is_request && substitute(ctx, call_id, &text)) {
		r->public_form = text_view(&text);
		if (text.overflow || !alias_needed(r))
			return RF_R_SIP_LIMIT;
	}
	if (!r->alias)
		return RF_R_NONE;
	r->public_form = alias_public(r->alias);
	alias_touch(ctx->aliases, call_id, ctx->now_ns + ALIAS_LIFE_NS);
	replace_view(r->edits, call_id, r->public_form);
	return RF_R_NONE;
}

void call_id_inbound(struct rewrite *r)
{
	const struct rewrite_ctx *ctx = r->ctx;
	struct view call_id = r->m->call_id;
	struct text text;

	r->internal = r->public_form = call_id;
	r->alias = alias_by_public(ctx->aliases, call_id);
	if (r->alias) {
		r->internal = alias_internal(r->alias);
		alias_touch(ctx->aliases, r->internal, ctx->now_ns + ALIAS_LIFE_NS);
		replace_view(r->edits, call_id, r->internal);
	} else if (r->m->is_request && substitute(ctx, call_id, &text)) {
		/* The other side's own Call-ID names an address that looks like an inside one: it
		 * must come back as it is. */
		alias_needed(r);
	}
}

/* From of what inside requests and To of what it answers stand for the inside party. */
static enum alias_kind party_of(const struct rewrite *r, const struct sip_value *v, bool outbound)
{
	bool local_is_from = r->m->is_request == outbound;

	return (v->id == SIP_H_FROM) == local_is_from ? ALIAS_LOCAL : ALIAS_REMOTE;
}

enum rf_reason party_outbound(struct rewrite *r, const struct sip_value *v)
{
	const struct rewrite_ctx *ctx = r->ctx;
	const struct sip_hostport *hp = &v->uri.hp;
	struct alias_item item = { .kind = party_of(r, v, true), .key = v->uri.user };
	const struct alias_item *known;
	char buf[EP_TEXT_MAX];

	if (!v->uri.is_sip || !hp->is_addr)
		return RF_R_NONE;
	item.inside = hp->whole;
	known = alias_find_inside(r->alias, item.kind, item.key, item.inside);
	if (known) {
		replace_view(r->edits, hp->whole, known->outside);
		return RF_R_NONE;
	}
	/* A response repeats what the request said (RFC 3261 8.2.6.2), which was not about us. */
	if (!r->m->is_request || token_side(ctx, &hp->addr) == TOKEN_LEAVE ||
	    token_is_foreign(r, hp))
		return RF_R_NONE;
	item.outside = view_of(identity_text(ctx, hp, buf));
	if (!alias_needed(r) || alias_learn(ctx->aliases, r->alias, &item, ctx->out))
		return RF_R_SIP_LIMIT;
	replace_view(r->edits, hp->whole, item.outside);
	return RF_R_NONE;
}

void party_inbound(struct rewrite *r, const struct sip_value *v)
{
	const struct sip_hostport *hp = &v->uri.hp;
	const struct alias_item *item;

	if (!v->uri.is_sip || !hp->is_addr)
		return;
	item = alias_find_outside(r->alias, party_of(r, v, false), v->uri.user, hp->whole);
	if (item)
		replace_view(r->edits, hp->whole, item->inside);
	else if (r->m->is_request)
		token_learn_foreign(r, hp);
}

/* The other side's form of a Call-ID that is not this message's own; false: the same. */
static bool other_form(const struct rewrite_ctx *ctx, struct view call_id, bool outbound,
		       struct text *out)
{
	const struct alias *a = outbound ? alias_by_internal(ctx->aliases, call_id)
					 : alias_by_public(ctx->aliases, call_id);

	if (!a)
		return outbound && substitute(ctx, call_id, out) && !out->overflow;
	out->n = 0;
	out->overflow = false;
	text_add(out, outbound ? alias_public(a) : alias_internal(a));
	return !out->overflow;
}

void replaces_rewrite(struct rewrite *r, struct view value, bool outbound)
{
	struct view call_id = value;
	struct text text;

	for (call_id.n = 0; call_id.n < value.n && value.p[call_id.n] != ';' &&
			    !isspace((unsigned char)value.p[call_id.n]);
	     call_id.n++)
		;
	if (call_id.n && other_form(r->ctx, call_id, outbound, &text))
		replace_view(r->edits, call_id, text_view(&text));
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void unescape(struct view v, struct text *out)
{
	size_t i;

	out->n = 0;
	out->overflow = false;
	for (i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '%' && i + 2 < v.n && isxdigit((unsigned char)v.p[i + 1]) &&
		    isxdigit((unsigned char)v.p[i + 2])) {
			c = (char)(hex(v.p[i + 1]) << 4 | hex(v.p[i + 2]));
			i += 2;
		}
		text_add(out, (struct view){ &c, 1 });
	}
}

/* hnv-unreserved and unreserved stay (RFC 3261 25.1), everything else is escaped. */
static void escape(struct view v, struct text *out)
{
	char buf[4];
	size_t i;

	out->n = 0;
	out->overflow = false;
	for (i = 0; i < v.n; i++) {
		unsigned char c = v.p[i];

		if (isalnum(c) || strchr("-_.!~*'()[]/?:+$", c))
			text_add(out, (struct view){ &v.p[i], 1 });
		else
			text_add(out,
				 (struct view){ buf, snprintf(buf, sizeof(buf), "%%%02X", c) });
	}
}

/* Where the Call-ID in "...?Replaces=call-id%3Bto-tag%3D..." stands; absent view when there is none. */
static struct view embedded_call_id(struct view uri)
{
	static const char name[] = "Replaces=";
	const size_t name_n = sizeof(name) - 1;
	const char *at = uri.n ? memchr(uri.p, '?', uri.n) : NULL;
	const char *end = uri.p + uri.n;
	struct view v;

	for (; at && at < end; at = memchr(at, '&', end - at)) {
		at++;
		if ((size_t)(end - at) < name_n || strncasecmp(at, name, name_n))
			continue;
		v = (struct view){ at + name_n, 0 };
		while (v.p + v.n < end && v.p[v.n] != '&' && v.p[v.n] != ';' &&
		       !(end - (v.p + v.n) >= 3 && !strncasecmp(v.p + v.n, "%3b", 3)))
			v.n++;
		return v;
	}
	return VIEW_NONE;
}

void refer_to_replaces(struct rewrite *r, const struct sip_uri *u, bool outbound)
{
	struct view raw = embedded_call_id(u->whole);
	struct text plain, other, escaped;

	if (!raw.n)
		return;
	unescape(raw, &plain);
	if (plain.overflow || !other_form(r->ctx, text_view(&plain), outbound, &other) ||
	    view_eq(text_view(&plain), text_view(&other)))
		return;
	escape(text_view(&other), &escaped);
	if (!escaped.overflow)
		replace_view(r->edits, raw, text_view(&escaped));
}
