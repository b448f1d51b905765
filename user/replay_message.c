// SPDX-License-Identifier: GPL-2.0-only
/*
 * One message of the capture through the engine, and what the engine says about it into the record
 * of its call.
 */
#include "replay_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "sip_scan.h"

static const enum rf_action reason_action[] = {
#define X(id, name, action, meaning) action,
	RF_REASONS(X)
#undef X
};

static struct view first_line(struct view payload)
{
	struct view line;

	line_next(&payload, &line);
	return line;
}

/* CRLF (RFC 5626), zeros, nothing at all, STUN: keeps a NAT open and says nothing. */
static bool is_keep_alive(struct view v)
{
	size_t i;

	for (i = 0; i < v.n && (v.p[i] == '\r' || v.p[i] == '\n' || v.p[i] == '\0'); i++)
		;
	return i == v.n || v.n <= 4 || replay_classify(v, 0).cls == RF_CLASS_STUN;
}

static void describe(struct replay *r, struct replay_record *rec, const struct replay_in *in)
{
	const struct sip_msg *m = &r->msg;

	rec->out = in->way == WAY_OUT;
	rec->remote = rec->out ? in->dst : in->src;
	rec->from = replay_copy(r, m->from->uri.whole, 200);
	rec->to = replay_copy(r, m->to->uri.whole, 200);
	rec->method = replay_copy(
		r, m->is_request ? m->method_text : view_of(sip_method_name(m->method)), 32);
}

static void state(struct replay *r, struct replay_record *rec, const char *word, struct view why)
{
	struct replay_entry *e;

	if (rec->state == word)
		return;
	rec->state = word;
	e = replay_entry_add(r, rec, ENTRY_STATE, why);
	if (e)
		e->word = word;
}

/* "call out from A to B: why" */
static struct view why_of(const char *text)
{
	const char *at = NULL;

	for (const char *p = strstr(text, ": "); p; p = strstr(p + 1, ": "))
		at = p + 2;
	return at ? view_of(at) : VIEW("");
}

static void event(struct replay *r, struct replay_record *rec, const struct action *a)
{
	const char *text = a->event.text;

	switch (a->event.kind) {
	case EVENT_CALL_NEW:
		rec->answered_ns = rec->ended_ns = 0;
		state(r, rec, "early", VIEW(""));
		break;
	case EVENT_CALL_ANSWERED: rec->answered_ns = r->now_ns; /* fall through */
	case EVENT_CALL_CHANGED:
		rec->ended_ns = 0; /* if it was: its BYE was challenged */
		state(r, rec, replay_call_held(rec) ? "held" : "talking", VIEW(""));
		break;
	case EVENT_CALL_ENDED:
		rec->ended_ns = r->now_ns;
		free(rec->ended);
		rec->ended = replay_copy(r, why_of(text), 200);
		state(r, rec, "ended", why_of(text));
		break;
	case EVENT_NOTE:
	case EVENT_UNGUARDED:
	case EVENT_REGISTERED:
	case EVENT_UNREGISTERED: replay_entry_add(r, rec, ENTRY_NOTE, view_of(text)); break;
	default: break;
	}
}

static struct replay_record *owner(struct replay *r, struct replay_record *rec, uint32_t call)
{
	struct replay_record *of = call ? replay_record_of_call(r, call) : rec;

	if (!of && rec) {
		replay_record_call(r, rec, call);
		of = rec;
	}
	return of ? of : &r->loose;
}

void replay_actions(struct replay *r, struct replay_record *rec, const struct sip_msg *m)
{
	const struct action_list *l = &r->actions;

	if (l->failed)
		r->err = -ENOMEM;
	for (size_t i = 0; i < l->n; i++) { /* what is open first: the state says what it means */
		const struct action *a = &l->v[i];

		if (a->kind == ACT_PINHOLE_SET)
			replay_pinhole_set(r, owner(r, rec, a->pinhole.call_id), &a->pinhole, m);
		else if (a->kind == ACT_PINHOLE_CLOSE)
			replay_pinhole_close(r, a->pinhole.id, m);
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == ACT_EVENT)
			event(r, owner(r, rec, l->v[i].event.call_id), &l->v[i]);
}

static void dropped(struct replay *r, struct replay_record *rec, struct replay_entry *e,
		    enum rf_reason reason, const char *detail)
{
	r->stats.reasons[reason]++;
	if (e) {
		e->reason = reason;
		e->detail = detail;
	}
	if (reason_action[reason] != RF_ACT_DROP)
		return;
	rec->dropped++;
	r->stats.found[REPLAY_DROP]++;
	if (reason == RF_R_SIP_UNKNOWN_PEER || reason == RF_R_SIP_NO_INSIDE)
		r->stats.found[REPLAY_REFUSED]++;
}

static void sent(struct replay *r, struct replay_record *rec, struct replay_entry *e,
		 const struct replay_in *in, struct view payload)
{
	bool out = in->way == WAY_OUT;
	char addr[ADDR_TEXT_MAX];
	const char *leak = NULL;

	if (!view_eq(payload, in->payload)) {
		rec->edited++;
		r->stats.edited++;
		if (e && replay_entry_diff(r, e, in->payload, payload))
			r->err = -ENOMEM;
	}
	if (out && topology_mode(&r->topo, &in->src.addr) == RF_MODE_NAT)
		leak = replay_leak(r, rec, payload, addr);
	if (!leak)
		return;
	r->stats.found[REPLAY_LEAK]++;
	if (e)
		e->leak = replay_copy(r, view_of(leak), ADDR_TEXT_MAX);
}

/* The message as the hook would have held it. From outside it was sent to the inside host's endpoint
 * on the WAN, which a capture from the inside does not show. */
static struct signal_in held(struct replay *r, const struct replay_in *in)
{
	struct signal_in s = { .now_ns = r->now_ns,
			       .wan_ifindex = REPLAY_WAN,
			       .src = in->src,
			       .dst = in->dst,
			       .payload = in->payload };
	const struct rf_addr *wire = topology_wire(&r->topo.wans[0], &in->dst.addr);

	if (in->way == WAY_OUT) {
		s.hook = topology_is_local(&r->topo, &in->src.addr) ? RF_HOOK_WAN_OUT
								    : RF_HOOK_INSIDE_IN;
		return s;
	}
	s.hook = RF_HOOK_WAN_IN;
	if (!engine_outside_of(r->engine, REPLAY_WAN, &in->dst, r->o.anybody, r->now_ns,
			       &r->actions, &s.dst) &&
	    topology_mode(&r->topo, &in->dst.addr) == RF_MODE_NAT && wire)
		s.dst.addr = *wire; /* nobody is behind it: refused by its name */
	return s;
}

static void grammar(struct replay *r, struct replay_entry *e, enum sip_parse_result p,
		    const char *why)
{
	if (p == SIP_OK)
		return;
	if (p == SIP_NOT_SIP) {
		r->stats.not_sip++;
		r->stats.found[REPLAY_UNPARSED]++;
	} else {
		r->stats.malformed++;
		r->stats.found[REPLAY_MALFORMED]++;
	}
	if (e)
		e->detail = why ? why : "not SIP";
}

void replay_message(struct replay *r, const struct replay_in *in)
{
	const struct rf_ep *inside = in->way == WAY_OUT ? &in->src : &in->dst;
	const char *why = NULL;
	enum sip_parse_result p = sip_parse(in->payload.p, in->payload.n, &r->msg, &why);
	bool quiet = p == SIP_NOT_SIP && is_keep_alive(in->payload);
	struct replay_record *rec = &r->loose;
	struct replay_entry *e = NULL;
	struct signal_in s;

	if (in->way == WAY_OUT)
		replay_remember(r, true, &in->src.addr);
	else if (!quiet)
		replay_note_foreign(r, in->payload);
	if (p == SIP_OK)
		rec = replay_record_get(r, inside, r->msg.call_id);
	if (!rec)
		return;
	if (quiet) {
		r->stats.keepalives++;
	} else {
		r->stats.messages++;
		r->stats.tcp_messages += in->tcp;
		e = replay_entry_add(r, rec, ENTRY_MESSAGE, first_line(in->payload));
		if (p == SIP_OK && !rec->messages++)
			describe(r, rec, in);
	}
	if (e) {
		e->out = in->way == WAY_OUT;
		e->tcp = in->tcp;
		e->src = in->src;
		e->dst = in->dst;
	}
	if (!quiet)
		grammar(r, e, p, why);
	actions_reset(&r->actions);
	s = held(r, in);
	engine_message(r->engine, &s, &r->actions);
	for (size_t i = 0; i < r->actions.n; i++) {
		const struct action *a = &r->actions.v[i];

		if (a->kind == ACT_SEND)
			sent(r, rec, e, in, a->send.payload);
		else if (a->kind == ACT_DROP && !quiet)
			dropped(r, rec, e, a->drop.reason, a->drop.detail);
	}
	replay_actions(r, rec, p == SIP_OK ? &r->msg : NULL);
}
