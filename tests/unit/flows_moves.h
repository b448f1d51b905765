/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random calls of well-behaved parties among hostile others. Every move is a line of flows_ladder.h,
 * chosen from what the parties may do next; a small model of offer and answer (RFC 3264, 6337), which
 * knows nothing of the decider, says exactly what must be open after it. In between, strangers repeat
 * and forge what they saw, old messages come again, the controller dies, time passes. The lines are
 * kept: put into a LADDER() they are the reproducer.
 */
#ifndef FLOWS_MOVES_H
#define FLOWS_MOVES_H

#include "flows_ladder.h"

#define M_CALLS	  6
#define M_STREAMS 3
#define M_LINES	  400

enum m_dir { M_SENDRECV, M_SENDONLY, M_RECVONLY, M_INACTIVE };

struct m_desc {
	bool there, zero;
	unsigned int n;
	struct {
		unsigned int port; /* 0: off */
		enum m_dir dir;
	} s[M_STREAMS];
};

enum m_state {
	M_IDLE,
	M_RINGING,
	M_PRACK, /* a reliable 183 waits for its PRACK */
	M_PRACKED, /* that one for its 200 */
	M_CANCELLED,
	M_FAILED, /* waits for ACK, then nothing is left */
	M_ACCEPTED, /* 2xx of the INVITE or re-INVITE waits for ACK */
	M_TALKING,
	M_REINVITE,
	M_REFUSED, /* the same, and the session goes on */
	M_UPDATE,
	M_BYE,
	M_OVER,
};

struct m_call {
	enum m_state state;
	const char *in, *out;
	unsigned int nth; /* "#n" */
	bool caller_inside, by_inside; /* who called; who sent what is open */
	bool late, early, reliable;
	bool preview;
	struct m_desc now[2], before[2]; /* outside, inside */
	struct m_desc offer;
	bool offer_inside;
	unsigned int last_port[2]; /* never used twice, so that every pinhole tells whose it is */
};

struct moves {
	uint32_t (*rnd)(void *arg);
	void *arg;
	struct ladder *l;
	struct m_call calls[M_CALLS];
	unsigned int n_dialogs, port[2];
	char *lines[M_LINES];
	size_t n_lines;
	size_t n_open; /* moves after which something was open */
};

static inline uint32_t m_dice(struct moves *m, uint32_t n)
{
	return m->rnd(m->arg) % n;
}

static inline bool m_sends(const struct m_desc *d, unsigned int i)
{
	return d->s[i].dir == M_SENDRECV || d->s[i].dir == M_SENDONLY;
}

static inline bool m_hears(const struct m_desc *d, unsigned int i)
{
	return !d->zero && (d->s[i].dir == M_SENDRECV || d->s[i].dir == M_RECVONLY);
}

struct m_hole {
	const char *in, *out;
	unsigned int in_port, out_port;
	bool hears, sends;
};

static inline void m_hole(struct m_hole *v, size_t *n, const struct m_call *c,
			  const struct m_desc *a, const struct m_desc *b, bool pending)
{
	for (unsigned int i = 0; i < a->n && i < b->n; i++) {
		struct m_hole h = { c->in, c->out, a->s[i].port, b->s[i].port, false, false };
		size_t k = 0;

		if (!h.in_port || !h.out_port)
			continue;
		h.hears = m_hears(a, i) && (pending || m_sends(b, i));
		h.sends = m_sends(a, i) && m_hears(b, i);
		while (k < *n && v[k].in_port != h.in_port)
			k++;
		if (k == *n)
			v[(*n)++] = h;
		v[k].hears |= h.hears;
		v[k].sends |= h.sends;
	}
}

static inline int m_hole_cmp(const void *a, const void *b)
{
	const struct m_hole *x = a, *y = b;
	int d = strcmp(x->in, y->in); /* their addresses are in this order too */

	return d ? d : (int)x->in_port - (int)y->in_port;
}

/* What must be open now, as flows_ladder.h writes it. */
static inline void m_expected(const struct moves *m, char *buf, size_t size)
{
	struct m_hole v[M_CALLS * M_STREAMS * 2];
	size_t n = 0, at = 0;

	for (int i = 0; i < M_CALLS; i++) {
		const struct m_call *c = &m->calls[i];

		if (c->state == M_IDLE || c->state == M_FAILED || c->state == M_BYE ||
		    c->state == M_OVER || !c->now[0].there || !c->now[1].there ||
		    (c->state == M_CANCELLED && c->preview))
			continue;
		m_hole(v, &n, c, &c->now[1], &c->now[0], false);
		if (c->offer.there && c->offer_inside && !c->preview)
			m_hole(v, &n, c, &c->offer, &c->now[0], true);
	}
	qsort(v, n, sizeof(v[0]), m_hole_cmp);
	strcpy(buf, n ? "" : "none");
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s:%u%s%s:%u", i ? ", " : "",
				       v[i].in, v[i].in_port,
				       v[i].hears && v[i].sends ? "<>"
				       : v[i].hears		? "<"
				       : v[i].sends		? ">"
								: "|",
				       v[i].out, v[i].out_port);
}

static inline unsigned int m_port(struct moves *m, bool inside)
{
	m->port[inside] += 2;
	return m->port[inside];
}

/* A description of one side: what it said before, changed a little; or an answer to an offer. */
static inline struct m_desc m_describe(struct moves *m, bool inside, const struct m_desc *before,
				       const struct m_desc *offer)
{
	struct m_desc d = { .there = true };

	d.n = offer ? offer->n : 1 + m_dice(m, 2);
	if (!offer && before->there && d.n < before->n)
		d.n = before->n;
	if (!offer && before->there && m_dice(m, 8) == 0) { /* hold of RFC 2543 */
		d = *before;
		d.zero = true;
		return d;
	}
	for (unsigned int i = 0; i < d.n; i++) {
		bool had = before->there && i < before->n && before->s[i].port;

		d.s[i].port = had && !before->zero && m_dice(m, 4) ? before->s[i].port
								   : m_port(m, inside);
		d.s[i].dir = m_dice(m, 3) ? M_SENDRECV : (enum m_dir)m_dice(m, 4);
		if (m_dice(m, 10) == 0 || (offer && !offer->s[i].port))
			d.s[i].port = 0;
		if (!offer || offer->s[i].dir == M_SENDRECV)
			continue;
		d.s[i].dir = offer->s[i].dir == M_SENDONLY && m_dice(m, 4)   ? M_RECVONLY
			     : offer->s[i].dir == M_RECVONLY && m_dice(m, 4) ? M_SENDONLY
									     : M_INACTIVE;
	}
	return d;
}

static inline void m_sdp(const struct m_desc *d, char *buf, size_t size)
{
	static const char *const dirs[] = { "", " sendonly", " recvonly", " inactive" };
	size_t at = (size_t)snprintf(buf, size, " {%s", d->zero ? "zero " : "");

	for (unsigned int i = 0; i < d->n; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s %u%s", i ? ", " : "",
				       i ? "video" : "audio", d->s[i].port, dirs[d->s[i].dir]);
	snprintf(buf + at, size - at, "}");
}

static inline void m_line(struct moves *m, const char *line)
{
	W_CHECK(m->n_lines < M_LINES);
	m->lines[m->n_lines++] = strdup(line);
	l_line(m->l, line);
}

/* One message of a call; the model has moved already. */
static inline void m_say(struct moves *m, const struct m_call *c, bool inside, const char *what,
			 const struct m_desc *sdp, const char *more)
{
	char line[4096], text[512] = "", want[2048];

	if (sdp)
		m_sdp(sdp, text, sizeof(text));
	m_expected(m, want, sizeof(want));
	m->n_open += strcmp(want, "none") != 0;
	snprintf(line, sizeof(line), "%s%c%s#%u %s%s%s == %s", c->in, inside ? '>' : '<', c->out,
		 c->nth, what, text, more, want);
	m_line(m, line);
}

static inline void m_begin(struct moves *m, struct m_call *c)
{
	static const char *const ins[] = { "alice", "bob", "carol" };
	static const char *const outs[] = { "xavier", "yolanda", "zoe" };

	if (m->n_dialogs + 1 >= L_DIALOGS)
		return;
	*c = (struct m_call){ .in = ins[m_dice(m, 3)],
			      .out = outs[m_dice(m, 3)],
			      .nth = ++m->n_dialogs,
			      .caller_inside = m_dice(m, 2),
			      .late = m_dice(m, 5) == 0,
			      .state = M_RINGING };
	c->by_inside = c->caller_inside;
	if (!c->late) {
		c->offer = m_describe(m, c->by_inside, &c->now[c->by_inside], NULL);
		c->offer_inside = c->by_inside;
	}
	m_say(m, c, c->by_inside, "INVITE", c->late ? NULL : &c->offer, "");
}

/* answerer's word on the open offer. */
static inline struct m_desc m_answer(struct moves *m, struct m_call *c, bool preview)
{
	bool answerer = !c->offer_inside;
	struct m_desc d = m_describe(m, answerer, &c->now[answerer], &c->offer);

	if (preview && !c->preview)
		memcpy(c->before, c->now, sizeof(c->before));
	c->now[answerer] = d;
	c->now[!answerer] = c->offer;
	c->preview = preview;
	if (!preview)
		c->offer.there = false;
	return d;
}

/* Of the open offer: the pair that is pending is the one in force. */
static inline void m_preview(struct moves *m, struct m_call *c, const char *what)
{
	struct m_desc d = m_answer(m, c, true);

	m_say(m, c, !c->by_inside, what, &d, "");
}

static inline void m_fail(struct m_call *c)
{
	if (c->preview)
		memcpy(c->now, c->before, sizeof(c->now));
	c->preview = c->offer.there = false;
}

/* The 2xx of an INVITE or re-INVITE, with whatever it has to say. */
static inline void m_accept(struct moves *m, struct m_call *c)
{
	struct m_desc d;

	c->state = M_ACCEPTED;
	if (c->late) {
		c->offer = m_describe(m, !c->by_inside, &c->now[!c->by_inside], NULL);
		c->offer_inside = !c->by_inside;
		m_say(m, c, !c->by_inside, "200 INVITE", &c->offer, "");
		return;
	}
	if (c->reliable || (c->preview && m_dice(m, 2))) { /* said before */
		c->preview = c->offer.there = false;
		m_say(m, c, !c->by_inside, "200 INVITE", NULL, "");
		return;
	}
	d = m_answer(m, c, false);
	m_say(m, c, !c->by_inside, "200 INVITE", &d, "");
}

static inline void m_ringing(struct moves *m, struct m_call *c)
{
	bool callee = !c->by_inside;
	struct m_desc d;

	switch (m_dice(m, c->late || c->reliable ? 6 : 9)) {
	case 0: m_say(m, c, callee, "180 INVITE", NULL, ""); break;
	case 1: m_say(m, c, callee, "100 INVITE", NULL, ""); break;
	case 2:
		c->state = M_CANCELLED;
		m_say(m, c, c->by_inside, "CANCEL", NULL, "");
		m_say(m, c, callee, "200 CANCEL", NULL, "");
		break;
	case 3:
		c->state = M_FAILED;
		m_say(m, c, callee, m_dice(m, 2) ? "486 INVITE" : "603 INVITE", NULL, "");
		break;
	case 4:
	case 5: m_accept(m, c); break;
	case 6:
	case 7: m_preview(m, c, "183 INVITE"); break;
	default:
		if (c->preview)
			break;
		d = m_answer(m, c, false);
		c->reliable = true;
		c->state = M_PRACK;
		m_say(m, c, callee, "183 INVITE", &d, " +Require: 100rel +RSeq: 1");
	}
}

static inline void m_talking(struct moves *m, struct m_call *c)
{
	c->by_inside = m_dice(m, 2);
	c->late = c->reliable = false;
	switch (m_dice(m, 8)) {
	case 0:
		c->state = M_BYE;
		m_say(m, c, c->by_inside, "BYE", NULL, "");
		break;
	case 1: m_say(m, c, c->by_inside, "INFO", NULL, ""); break;
	case 2:
	case 3:
		c->state = M_UPDATE;
		c->offer = m_describe(m, c->by_inside, &c->now[c->by_inside], NULL);
		c->offer_inside = c->by_inside;
		m_say(m, c, c->by_inside, "UPDATE", &c->offer, "");
		break;
	case 4:
		c->late = true;
		c->state = M_REINVITE;
		m_say(m, c, c->by_inside, "INVITE", NULL, "");
		break;
	default:
		c->state = M_REINVITE;
		c->offer = m_describe(m, c->by_inside, &c->now[c->by_inside], NULL);
		c->offer_inside = c->by_inside;
		m_say(m, c, c->by_inside, "INVITE", &c->offer, "");
	}
}

static inline void m_reinvite(struct moves *m, struct m_call *c)
{
	static const char *const errors[] = { "488 INVITE", "491 INVITE", "500 INVITE",
					      "603 INVITE" };

	switch (m_dice(m, 6)) {
	case 0:
		m_fail(c);
		c->state = M_REFUSED;
		m_say(m, c, !c->by_inside, errors[m_dice(m, 4)], NULL, "");
		break;
	case 1:
		c->state = M_FAILED; /* RFC 3261 12.2.1.2 */
		m_say(m, c, !c->by_inside, "481 INVITE", NULL, "");
		break;
	case 2:
		if (!c->late)
			m_preview(m, c, "183 INVITE");
		break;
	default: m_accept(m, c);
	}
}

static inline void m_update(struct moves *m, struct m_call *c)
{
	struct m_desc d;

	c->state = M_TALKING;
	if (m_dice(m, 3) == 0) {
		m_fail(c);
		m_say(m, c, !c->by_inside, m_dice(m, 2) ? "488 UPDATE" : "500 UPDATE", NULL, "");
		return;
	}
	d = m_answer(m, c, false);
	m_say(m, c, !c->by_inside, "200 UPDATE", &d, "");
}

static inline void m_ack(struct moves *m, struct m_call *c)
{
	struct m_desc d;

	c->state = M_TALKING;
	if (!c->late) {
		m_say(m, c, c->by_inside, "ACK", NULL, "");
		return;
	}
	c->late = false;
	d = m_answer(m, c, false);
	m_say(m, c, c->by_inside, "ACK", &d, "");
}

static inline void m_move(struct moves *m, struct m_call *c)
{
	switch (c->state) {
	case M_IDLE:
	case M_OVER: m_begin(m, c); break;
	case M_RINGING: m_ringing(m, c); break;
	case M_PRACK:
		c->state = M_PRACKED;
		m_say(m, c, c->by_inside, "PRACK", NULL, " +RAck: 1 1 INVITE");
		break;
	case M_PRACKED:
		c->state = M_RINGING;
		m_say(m, c, !c->by_inside, "200 PRACK", NULL, "");
		break;
	case M_CANCELLED:
		if (m_dice(m, 4) == 0 && !c->late) { /* crossed by the 2xx (9.1) */
			m_accept(m, c);
			break;
		}
		c->state = M_FAILED;
		m_say(m, c, !c->by_inside, "487 INVITE", NULL, "");
		break;
	case M_FAILED:
		c->state = M_OVER;
		m_say(m, c, c->by_inside, "ACK", NULL, "");
		break;
	case M_ACCEPTED: m_ack(m, c); break;
	case M_TALKING: m_talking(m, c); break;
	case M_REINVITE: m_reinvite(m, c); break;
	case M_REFUSED:
		c->state = M_TALKING;
		m_say(m, c, c->by_inside, "ACK", NULL, "");
		break;
	case M_UPDATE: m_update(m, c); break;
	case M_BYE:
		c->state = M_OVER;
		m_say(m, c, !c->by_inside, "200 BYE", NULL, "");
		break;
	}
}

static inline struct ladder_dialog *m_dialog(struct moves *m, const struct m_call *c)
{
	char key[48];

	snprintf(key, sizeof(key), "%s-%s#%u", c->in, c->out, c->nth);
	for (int i = 0; i < m->l->n_dialogs; i++)
		if (!strcmp(m->l->dialogs[i]->key, key))
			return m->l->dialogs[i];
	return NULL;
}

/* Somebody who is nobody speaks in a call whose identifiers it knows. */
static inline void m_stranger(struct moves *m, struct m_call *c)
{
	static const char *const methods[] = {
		"BYE", "INVITE", "UPDATE", "CANCEL", "REFER", "ACK"
	};
	static const char *const answers[] = { "200", "183", "487", "481" };
	static char buf[W_TEXT_MAX], body[2048];
	struct ladder_dialog *d = m_dialog(m, c);
	struct world *w = m->l->w;
	struct rf_ep who = w_ep(w->v6 ? "2001:db8:9::66" : "192.0.2.66", 5060);
	struct txn *t;
	size_t n, n_body;

	if (!d)
		return;
	n_body = (size_t)snprintf(body, sizeof(body),
				  "v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\ns=-\r\n"
				  "c=IN IP4 192.0.2.66\r\nt=0 0\r\nm=audio 6666 RTP/AVP 0\r\n");
	t = l_txn(d, true, "", 0);
	if (t && m_dice(m, 2))
		n = l_response(m->l, d, false, answers[m_dice(m, 4)], t, "", body, n_body, buf,
			       sizeof(buf));
	else
		n = l_request(m->l, d, false, methods[m_dice(m, 6)], d->cseq[0] + 1, "", body,
			      n_body, buf, sizeof(buf));
	if (m_dice(m, 4) == 0)
		buf[m_dice(m, (uint32_t)n)] = (char)m_dice(m, 256);
	w_feed(w, false, &who, &m->l->parties[d->in].outside, buf, n);
	if (w->n_send || w->n_set || w->n_close || w->n_save)
		W_FAIL("a stranger was listened to:\n%s\n%s", buf, w->log);
}

/* The other side says things that mean nothing: a wrong tag, an old CSeq, rubbish. */
static inline void m_nonsense(struct moves *m, struct m_call *c)
{
	static char buf[W_TEXT_MAX], body[2048];
	static const char *const methods[] = { "BYE", "INVITE", "UPDATE", "PRACK", "ACK" };
	struct ladder_dialog *d = m_dialog(m, c);
	bool inside = m_dice(m, 2);
	const char *method = methods[m_dice(m, 5)];
	struct rf_ep in, remote;
	uint32_t cseq;
	char tag[16];
	size_t n, n_body;

	if (!d || !d->answered)
		return;
	in = ep_make(m->l->parties[d->in].addr, 5060);
	remote = l_remote(m->l, d);
	memcpy(tag, d->tag, sizeof(tag));
	cseq = d->cseq[inside];
	if (m_dice(m, 2) || cseq < 2) {
		strcpy(d->tag, "wrong");
		cseq += 5;
	} else {
		cseq = 1 + m_dice(m, cseq - 1);
		if (!strcmp(method, "ACK"))
			method = "INVITE";
	}
	n_body = (size_t)snprintf(body, sizeof(body),
				  "v=0\r\no=- 1 1 IN IP4 198.51.100.99\r\ns=-\r\n"
				  "c=IN IP4 198.51.100.99\r\nt=0 0\r\nm=audio 6666 RTP/AVP 0\r\n");
	n = l_request(m->l, d, inside, method, cseq, "", body, n_body, buf, sizeof(buf));
	memcpy(d->tag, tag, sizeof(tag));
	w_feed(m->l->w, inside, inside ? &in : &remote,
	       inside ? &remote : &m->l->parties[d->in].outside, buf, n);
	if (m->l->w->n_set || m->l->w->n_close)
		W_FAIL("nonsense changed something:\n%s\n%s", buf, m->l->w->log);
}

static inline bool m_patient(const struct moves *m)
{
	for (int i = 0; i < M_CALLS; i++)
		if (m->calls[i].state != M_IDLE && m->calls[i].state != M_TALKING &&
		    m->calls[i].state != M_OVER)
			return false;
	return true;
}

static inline void moves_free(struct moves *m)
{
	for (size_t i = 0; i < m->n_lines; i++)
		free(m->lines[i]);
	if (m->l)
		l_free(m->l);
	free(m);
}

/* As LADDER() has it. */
static inline void moves_print(const struct moves *m, FILE *f)
{
	for (size_t i = 0; i < m->n_lines; i++)
		fprintf(f, "\t\"%s\",\n", m->lines[i]);
}

static inline void moves_run(struct moves *m, unsigned int steps)
{
	m->l = l_new(m_dice(m, 4) == 0, m_dice(m, 5) ? RF_MODE_NAT : RF_MODE_ROUTED);
	m->l->twice = m_dice(m, 2);
	m->l->restarts = m_dice(m, 4) == 0;
	m->port[0] = 7000;
	m->port[1] = 16382;
	m_line(m, "inside alice, bob, carol");
	if (m_dice(m, 2)) { /* none that could be its own public one */
		m->port[1] = 40000;
		m_line(m, "any port");
	}
	while (steps--) {
		struct m_call *c = &m->calls[m_dice(m, M_CALLS)];

		switch (m_dice(m, 24)) {
		case 0:
		case 1: m_stranger(m, c); break;
		case 2: m_nonsense(m, c); break;
		case 3: w_restart(m->l->w); break;
		case 4:
			if (m_patient(m)) {
				m_line(m, m_dice(m, 2) ? "wait 3" : "wait 250");
				m_line(m, "alive");
			}
			break;
		default:
			if (m->n_lines + 6 < M_LINES && m->l->at + 4 < L_LINES)
				m_move(m, c);
		}
	}
}

#endif
