/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A world for the call decider: messages made from a few words, the actions carried out on a model of
 * the kernel's pinholes, and what must hold after every message checked unasked: a retransmission
 * changes nothing, a decider restored from the saved records does the same, closes come before sets,
 * nothing inside shows, no pinhole is set twice or past its deadline.
 */
#ifndef CALL_FLOW_H
#define CALL_FLOW_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "call_priv.h"

/* Steps say what matters and leave out the rest. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define PINS_MAX 1024
#define MSG_MAX	 8192
#define RECORDS	 512

struct flow {
	struct config cfg;
	struct topology topo;
	struct call_table *t;
	uint32_t next_pinhole_id;
	uint64_t now;
	struct rf_ep inside, outside, remote;
	enum rf_mode mode;
	bool caller_inside;
	char call_id[64];
	const struct config_peer *peer;
	struct action_list out;
	struct pinhole_spec pins[PINS_MAX];
	size_t n_pins;
	size_t n_set, n_close, n_event, n_save, n_forget; /* of the last message */
	size_t n_counted; /* of all */
	uint32_t set_call;
	char events[4096]; /* texts of the last message */
	char sent[MSG_MAX]; /* the last message as it leaves */
	struct { /* as the journal would have them */
		uint32_t id;
		struct view bytes;
	} records[RECORDS];
	size_t n_records;
	bool message; /* .out is the answer to one */
	bool alone; /* do not compare with a restored decider */
	bool chosen; /* a=remote-candidates from outside name what is ours */
	bool once; /* do not try every message twice */
	enum rf_reason reason;
};

static inline struct rf_addr addr_of(const char *text)
{
	struct rf_addr a;

	assert_int_equal(addr_parse(view_of(text), &a), 0);
	return a;
}

static inline struct rf_ep ep_of(const char *text)
{
	struct rf_ep ep;

	assert_int_equal(ep_parse(view_of(text), &ep), 0);
	return ep;
}

static inline void flow_inside_prefix(struct flow *f, const char *text, enum rf_mode mode)
{
	struct config_inside *i = &f->topo.inside[f->topo.n_inside++];

	assert_int_equal(prefix_parse(view_of(text), &i->prefix), 0);
	i->mode = mode;
}

static inline struct flow *flow_new(void)
{
	struct flow *f = calloc(1, sizeof(*f));
	struct topology_wan *w = &f->topo.wans[0];

	config_defaults(&f->cfg);
	f->topo.n_wans = 1;
	w->ifindex = 7;
	w->has4 = w->has6 = true;
	w->wire4 = w->public4 = addr_of("203.0.113.1");
	w->wire6 = w->public6 = addr_of("2001:db8:1::1");
	w->port_lo = 16384;
	w->port_hi = 32767;
	flow_inside_prefix(f, "192.168.0.0/16", RF_MODE_AUTO);
	flow_inside_prefix(f, "10.0.0.0/8", RF_MODE_AUTO);
	flow_inside_prefix(f, "fd00::/8", RF_MODE_AUTO);
	flow_inside_prefix(f, "203.0.113.64/26", RF_MODE_AUTO);
	f->topo.locals[f->topo.n_locals++] = addr_of("192.168.1.1");
	f->next_pinhole_id = 1;
	f->now = 1000 * SECONDS;
	f->inside = ep_of("192.168.1.10:5060");
	f->outside = ep_of("203.0.113.1:5060");
	f->remote = ep_of("198.51.100.9:5060");
	f->mode = RF_MODE_NAT;
	f->caller_inside = true;
	strcpy(f->call_id, "call-1");
	f->t = call_table_new(&f->cfg, 1, &f->next_pinhole_id);
	assert_non_null(f->t);
	sip_parser_init();
	return f;
}

static inline void flow_free(struct flow *f)
{
	call_table_free(f->t);
	actions_free(&f->out);
	for (size_t i = 0; i < f->n_records; i++)
		free((void *)f->records[i].bytes.p);
	free(f);
}

static inline struct pinhole_spec *flow_pin(struct flow *f, uint32_t id)
{
	for (size_t i = 0; i < f->n_pins; i++)
		if (f->pins[i].id == id)
			return &f->pins[i];
	return NULL;
}

static inline void flow_set(struct flow *f, const struct pinhole_spec *s)
{
	struct pinhole_spec *p;

	assert_true(s->id && (s->n_remotes || s->ice));
	/* another one at the same endpoints is gone: its keys are taken over */
	for (size_t i = 0; i < f->n_pins; i++)
		if (f->pins[i].id != s->id && ep_eq(&f->pins[i].inside, &s->inside) &&
		    ep_eq(&f->pins[i].outside, &s->outside)) {
			f->pins[i] = f->pins[--f->n_pins];
			break;
		}
	p = flow_pin(f, s->id);
	if (!p) {
		assert_true(f->n_pins < PINS_MAX);
		p = &f->pins[f->n_pins++];
	} else {
		assert_true(ep_eq(&p->inside, &s->inside) && ep_eq(&p->outside, &s->outside));
	}
	*p = *s;
	f->set_call = s->call_id;
	f->n_set++;
}

static inline void flow_close(struct flow *f, const struct pinhole_spec *s)
{
	struct pinhole_spec *p = flow_pin(f, s->id);
	bool last = true;

	if (!p)
		return; /* was taken over, or never let in */
	assert_true(ep_eq(&p->inside, &s->inside) && ep_eq(&p->outside, &s->outside));
	*p = f->pins[--f->n_pins];
	for (size_t i = 0; i < f->n_pins; i++)
		last = last && !ep_eq(&f->pins[i].inside, &s->inside);
	/* closes first, but where another takes over; one tick may work on several calls */
	assert_true(!last || !f->message || !f->n_set || f->set_call != s->call_id);
	f->n_close++;
}

/* Absent bytes: forget. */
static inline void flow_save(struct flow *f, uint32_t id, struct view bytes)
{
	size_t i = 0;

	while (i < f->n_records && f->records[i].id != id)
		i++;
	if (i < f->n_records)
		free((void *)f->records[i].bytes.p);
	if (!bytes.p) {
		if (i < f->n_records)
			f->records[i] = f->records[--f->n_records];
		return;
	}
	assert_true(i < RECORDS);
	if (i == f->n_records)
		f->n_records++;
	f->records[i].id = id;
	f->records[i].bytes.p = memcpy(malloc(bytes.n), bytes.p, bytes.n);
	f->records[i].bytes.n = bytes.n;
}

/* One pinhole per endpoint, none past its deadline. */
static inline void flow_sound(const struct flow *f)
{
	for (size_t i = 0; i < f->n_pins; i++) {
		assert_true(f->pins[i].deadline_ns > f->now);
		for (size_t k = 0; k < i; k++) {
			assert_false(ep_eq(&f->pins[i].inside, &f->pins[k].inside));
			assert_false(ep_eq(&f->pins[i].outside, &f->pins[k].outside));
		}
	}
}

/* What the doers would do with the list. */
static inline void flow_carry_out(struct flow *f)
{
	assert_false(f->out.failed);
	f->n_set = f->n_close = f->n_event = f->n_save = f->n_forget = 0;
	f->events[0] = 0;
	for (size_t i = 0; i < f->out.n; i++) {
		const struct action *a = &f->out.v[i];
		size_t at = strlen(f->events);

		switch (a->kind) {
		case ACT_PINHOLE_SET: flow_set(f, &a->pinhole); break;
		case ACT_PINHOLE_CLOSE: flow_close(f, &a->pinhole); break;
		case ACT_COUNT: f->n_counted++; break;
		case ACT_EVENT:
			snprintf(f->events + at, sizeof(f->events) - at, "%s\n", a->event.text);
			f->n_event++;
			break;
		case ACT_SAVE:
			flow_save(f, a->record.id, a->record.bytes);
			f->n_save++;
			break;
		case ACT_FORGET:
			flow_save(f, a->record.id, VIEW_NONE);
			f->n_forget++;
			break;
		default: fail();
		}
	}
	flow_sound(f);
	actions_reset(&f->out);
}

static inline size_t flow_lines(char *buf, size_t size, const char *brief)
{
	size_t n = 0;

	while (*brief) {
		size_t len = strcspn(brief, "|");

		n += (size_t)snprintf(buf + n, size - n, "%.*s\r\n", (int)len, brief);
		brief += len + (brief[len] == '|');
	}
	return n;
}

/* "c=IN IP4 x|m=audio 4000 RTP/AVP 0|a=..." -> a whole SDP. A leading c= is session-level; before it "o=5 2|"
 * is another sess-id and version than 1 and 1. */
static inline size_t flow_sdp(char *buf, size_t size, const char *brief)
{
	const char *c = strstr(brief, "c=IN "), *bar = strchr(brief, '|');
	const char *o = c ? c + 2 : "IN IP4 0.0.0.0", *version = "1 1";
	size_t n_version = 3;
	size_t n;

	if (!strncmp(brief, "o=", 2)) {
		version = brief + 2;
		n_version = (size_t)(bar - version);
		brief = bar + 1;
		bar = strchr(brief, '|');
	}
	n = (size_t)snprintf(buf, size, "v=0\r\no=- %.*s %.*s\r\ns=-\r\n", (int)n_version, version,
			     (int)strcspn(o, "|"), o);
	if (c == brief) {
		n += (size_t)snprintf(buf + n, size - n, "%.*s\r\n", (int)(bar - brief), brief);
		brief = bar + 1;
	}
	n += (size_t)snprintf(buf + n, size - n, "t=0 0\r\n");
	return n + flow_lines(buf + n, size - n, brief);
}

struct step {
	const char *dir; /* ">": from inside, "<": from outside */
	const char *what; /* "INVITE", "183 INVITE" */
	uint32_t cseq;
	const char *tag; /* of the callee; NULL: none yet */
	const char *sdp; /* brief; NULL: no body */
	const char *extra; /* header lines, each with CRLF; NULL: none */
	const char *pins; /* what must be open afterwards; NULL: as before */
	enum call_result res;
	unsigned int after_s; /* seconds that pass before */
};

static inline size_t flow_text(const struct flow *f, const struct step *s, char *buf, size_t size)
{
	bool inside = *s->dir == '>', request = *s->what < '0' || *s->what > '9';
	bool by_caller = (request ? inside : !inside) == f->caller_inside;
	const char *method = request ? s->what : strchr(s->what, ' ') + 1;
	char sdp[MSG_MAX / 2] = "", callee[64] = "", ruri[EP_TEXT_MAX], peer[EP_TEXT_MAX];
	size_t n_sdp = 0;

	if (s->sdp && strstr(s->what, "INFO"))
		n_sdp = flow_lines(sdp, sizeof(sdp), s->sdp);
	else if (s->sdp)
		n_sdp = flow_sdp(sdp, sizeof(sdp), s->sdp);

	if (s->tag)
		snprintf(callee, sizeof(callee), ";tag=%s", s->tag);
	ep_text(inside ? &f->remote : &f->outside, ruri);
	ep_text(inside ? &f->inside : &f->remote, peer);
	return (size_t)snprintf(
		buf, size,
		"%s%s%s%s\r\n"
		"Via: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%u-%c\r\n"
		"From: <sip:%s@example.com>%s\r\nTo: <sip:%s@example.com>%s\r\n"
		"Call-ID: %s\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:x@%s>\r\n%s%s"
		"Content-Length: %zu\r\n\r\n%s",
		request ? s->what : "SIP/2.0 ", request ? " sip:x@" : "",
		request ? ruri : (char[]){ s->what[0], s->what[1], s->what[2], ' ', 'R', 0 },
		request ? " SIP/2.0" : "", peer, method, s->cseq, by_caller ? 'c' : 'u',
		by_caller ? "caller" : "callee", by_caller ? ";tag=c" : callee,
		by_caller ? "callee" : "caller", by_caller ? callee : ";tag=c", f->call_id, s->cseq,
		method, peer, s->extra ? s->extra : "",
		!s->sdp			  ? ""
		: !strcmp(method, "INFO") ? "Content-Type: application/trickle-ice-sdpfrag\r\n"
					  : "Content-Type: application/sdp\r\n",
		n_sdp, sdp);
}

/* A decider that died and came back, just before the message. */
static inline struct call_table *flow_restored(struct flow *f, uint32_t *next_pinhole_id)
{
	struct call_table *t = call_table_new(&f->cfg, f->t->next_call_id, next_pinhole_id);
	struct action_list out = { 0 };

	for (size_t i = 0; i < f->n_records; i++)
		assert_int_equal(call_restore(t, f->records[i].id, f->records[i].bytes), 0);
	assert_int_equal(call_count(t), call_count(f->t));
	assert_int_equal(ports_taken(t->ports), ports_taken(f->t->ports));
	call_restored(t, f->now, &out);
	/* all that is open, and nothing else */
	assert_int_equal(out.n, f->n_pins);
	for (size_t i = 0; i < out.n; i++) {
		assert_int_equal(out.v[i].kind, ACT_PINHOLE_SET);
		assert_non_null(flow_pin(f, out.v[i].pinhole.id));
		assert_memory_equal(flow_pin(f, out.v[i].pinhole.id), &out.v[i].pinhole,
				    sizeof(struct pinhole_spec));
	}
	actions_free(&out);
	return t;
}

static inline void flow_same(const struct action_list *a, const struct action_list *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct action *x = &a->v[i], *y = &b->v[i];

		assert_int_equal(x->kind, y->kind);
		switch (x->kind) {
		case ACT_PINHOLE_SET:
		case ACT_PINHOLE_CLOSE:
			assert_memory_equal(&x->pinhole, &y->pinhole, sizeof(x->pinhole));
			break;
		case ACT_EVENT: assert_string_equal(x->event.text, y->event.text); break;
		case ACT_SAVE:
			assert_int_equal(x->record.bytes.n, y->record.bytes.n);
			assert_memory_equal(x->record.bytes.p, y->record.bytes.p,
					    x->record.bytes.n);
			/* fall through */
		default: assert_int_equal(x->record.id, y->record.id);
		}
	}
}

/* One message through the decider; the edited text is in f->sent. */
static inline enum call_result flow_bytes(struct flow *f, bool inside, const char *buf, size_t n)
{
	static struct sip_msg m;
	static struct edit_list edits;
	const char *error = "";
	struct call_table *again = NULL;
	uint32_t next_pinhole_id = f->next_pinhole_id;
	struct call_ctx ctx = {
		.now = f->now,
		.from_inside = inside,
		.topo = &f->topo,
		.wan = &f->topo.wans[0],
		.mode = f->mode,
		.inside = f->inside,
		.outside = f->outside,
		.remote = f->remote,
		.peer = f->peer,
	};
	enum sip_parse_result parsed = sip_parse(buf, n, &m, &error);
	enum call_result res;
	size_t len;

	if (parsed != SIP_OK)
		fail_msg("%s: %.*s", error, (int)n, buf);
	call_tick(f->t, f->now, &f->out, NULL);
	flow_carry_out(f);
	if (!f->alone)
		again = flow_restored(f, &next_pinhole_id);
	edit_init(&edits);
	f->reason = RF_R_NONE;
	res = call_message(f->t, &ctx, &m, &edits, &f->out, &f->reason);
	assert_int_equal(res == CALL_REFUSED, f->reason != RF_R_NONE);
	if (res == CALL_REFUSED)
		assert_int_equal(f->out.n, 0);
	if (!inside && !f->chosen)
		assert_int_equal(edits.n, 0);
	if (again) {
		static struct edit_list other;
		struct action_list out = { 0 };
		enum rf_reason reason;

		edit_init(&other);
		assert_int_equal(call_message(again, &ctx, &m, &other, &out, &reason), res);
		assert_int_equal(reason, f->reason);
		flow_same(&f->out, &out);
		assert_int_equal(other.n, edits.n);
		actions_free(&out);
		call_table_free(again);
	}
	f->message = true;
	flow_carry_out(f);
	f->message = false;
	assert_int_equal(edit_apply(&edits, &m, f->sent, sizeof(f->sent) - 1, &len), 0);
	f->sent[len] = 0;
	return res;
}

static inline int flow_cmp(const void *a, const void *b)
{
	const struct pinhole_spec *x = a, *y = b;
	int d = memcmp(&x->inside.addr, &y->inside.addr, sizeof(x->inside.addr));

	return d ? d : ntohs(x->inside.port) - ntohs(y->inside.port);
}

static inline char *flow_classes(char *p, uint8_t classes)
{
	static const char letters[] = "rcsdu";

	for (int i = 0; i < 5; i++)
		if (classes >> i & 1)
			*p++ = letters[i];
	if (!classes)
		*p++ = '-';
	return p;
}

/* "INSIDE=OUTSIDE in/out REMOTE,REMOTE; ..." by inside endpoint; "" when nothing is open. '?' before
 * remotes that are learnt, '+' before those of a stream with ICE, '<' and '>' behind one that may only send or be sent to. */
static inline const char *flow_pins(struct flow *f)
{
	static char buf[65536];
	char *p = buf, text[EP_TEXT_MAX];

	*p = 0;
	qsort(f->pins, f->n_pins, sizeof(f->pins[0]), flow_cmp);
	for (size_t i = 0; i < f->n_pins; i++) {
		const struct pinhole_spec *s = &f->pins[i];

		p += sprintf(p, "%s%s=", i ? "; " : "", ep_text(&s->inside, text));
		p += sprintf(p, "%s ", ep_text(&s->outside, text));
		p = flow_classes(p, s->classes_in);
		*p++ = '/';
		p = flow_classes(p, s->classes_out);
		*p++ = ' ';
		if (s->ice)
			*p++ = '+';
		if (s->learn)
			*p++ = '?';
		*p = 0;
		for (int k = 0; k < s->n_remotes; k++) {
			struct rf_ep ep = { .addr = s->remotes[k].addr,
					    .port = s->remotes[k].port };

			p += sprintf(p, "%s%s%s%s", k ? "," : "", ep_text(&ep, text),
				     s->not_in >> k & 1 ? ">" : "", s->not_out >> k & 1 ? "<" : "");
		}
	}
	return buf;
}

/* The body may not show an inside address of mode nat. */
static inline void flow_no_leak(const char *sent)
{
	const char *body = strstr(sent, "\r\n\r\n");

	assert_non_null(body);
	if (strstr(body, "192.168.") || strstr(body, "10.0.") || strstr(body, "fd00:"))
		fail_msg("inside address in %s", body);
}

static inline void flow_step(struct flow *f, const struct step *s)
{
	static char buf[MSG_MAX], before[65536], sent[MSG_MAX];
	size_t n = flow_text(f, s, buf, sizeof(buf));
	enum call_result res;

	assert_true(n < sizeof(buf));
	if (s->after_s) {
		f->now += s->after_s * SECONDS;
		call_tick(f->t, f->now, &f->out, NULL);
		flow_carry_out(f);
	}
	strcpy(before, flow_pins(f));
	res = flow_bytes(f, *s->dir == '>', buf, n);
	if (res != s->res)
		fail_msg("%s %s: result %d (%d)", s->dir, s->what, res, f->reason);
	if (*s->dir == '>' && f->mode == RF_MODE_NAT && res != CALL_REFUSED)
		flow_no_leak(f->sent);
	if (strcmp(flow_pins(f), s->pins ? s->pins : before))
		fail_msg("%s %s %u: open are\n%s\nexpected\n%s", s->dir, s->what, s->cseq,
			 flow_pins(f), s->pins ? s->pins : before);
	if (f->once)
		return;
	strcpy(sent, f->sent);
	res = flow_bytes(f, *s->dir == '>', buf, n);
	assert_int_equal(res, s->res);
	if (f->n_set + f->n_close + f->n_event + f->n_save + f->n_forget)
		fail_msg("%s %s %u once more: %zu set %zu closed %zu saved, events: %s", s->dir,
			 s->what, s->cseq, f->n_set, f->n_close, f->n_save, f->events);
	assert_string_equal(f->sent, sent);
}

static inline void flow_after(struct flow *f, unsigned int seconds)
{
	f->now += seconds * SECONDS;
	call_tick(f->t, f->now, &f->out, NULL);
	flow_carry_out(f);
}

/* Everything ends by itself, and nothing stays behind. */
static inline void flow_over(struct flow *f)
{
	for (int i = 0; i < 4 && call_count(f->t); i++)
		flow_after(f, f->cfg.call_max_s + 100);
	assert_int_equal(call_count(f->t), 0);
	assert_int_equal(f->n_pins, 0);
	assert_int_equal(ports_taken(f->t->ports), 0);
}

#define FLOW(f, ...)                                                                         \
	do {                                                                                 \
		static const struct step flow_steps[] = { __VA_ARGS__ };                     \
		for (size_t flow_i = 0; flow_i < sizeof(flow_steps) / sizeof(flow_steps[0]); \
		     flow_i++)                                                               \
			flow_step(f, &flow_steps[flow_i]);                                   \
	} while (0)

static inline int flow_setup(void **state)
{
	*state = flow_new();
	return 0;
}

static inline int flow_teardown(void **state)
{
	flow_over(*state);
	flow_free(*state);
	return 0;
}

static inline bool flow_sent_has(const struct flow *f, const char *text)
{
	return strstr(f->sent, text) != NULL;
}

#endif
