/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random messages, sensible and hostile, in any order: no pinhole whose two ends were not named by
 * their sides, none that outlives its call, no port lost or given twice, and a message that comes again
 * changes nothing. RANDOM_SEQUENCES and RANDOM_SEED in the environment make it longer or other.
 */
#include "call_flow.h"

#define CALLS 3

enum hosts {
	APART, /* a host and ports of its own for each call */
	SHARED, /* one host whose calls use the same ports */
	HOSTILE, /* the same, and another host that names them in its call */
};

static enum hosts hosts;
static size_t messages, opened;

/* Ports of their own per call: a restored decider looks for free ones elsewhere than the old one. */
static const char *const sdp_in[] = {
	"c=IN IP4 192.168.1.1%1$d|m=audio 2%2$d000 RTP/AVP 0",
	"c=IN IP4 192.168.1.1%1$d|m=audio 2%2$d000 RTP/AVP 0|a=sendonly",
	"c=IN IP4 192.168.1.1%1$d|m=audio 2%2$d100 RTP/AVP 8|a=rtcp:2%2$d200",
	"c=IN IP4 192.168.1.1%1$d|m=audio 2%2$d000 RTP/AVP 0|m=video 2%2$d300 RTP/AVP 31|a=rtcp-mux",
	"c=IN IP4 192.168.1.1%1$d|m=audio 0 RTP/AVP 0",
	"c=IN IP4 0.0.0.0|m=audio 2%2$d000 RTP/AVP 0|a=x-call:%1$d",
	"c=IN IP4 192.168.1.1%1$d|m=image 2%2$d000 udptl t38",
	"c=IN IP4 192.168.1.1%1$d|m=audio 2%2$d400/2 RTP/AVP 0",
	"m=audio 1 RTP/AVP 0",
};
static const char *const sdp_out[] = {
	"c=IN IP4 198.51.100.9|m=audio 7%d00 RTP/AVP 0",
	"c=IN IP4 198.51.100.9|m=audio 7%d00 RTP/AVP 0|a=recvonly",
	"c=IN IP4 198.51.100.8|m=audio 8%d00 RTP/AVP 8|m=video 8%d00 RTP/AVP 31|a=rtcp-mux",
	"c=IN IP4 198.51.100.9|m=audio 7%d00 RTP/AVP 0|a=inactive",
	"c=IN IP4 10.9.9.9|m=audio 9%d00 RTP/AVP 0",
	"c=IN IP4 198.51.100.9|m=audio 0 RTP/AVP 0",
	"c=IN IP4 0.0.0.0|m=audio 7%d00 RTP/AVP 0",
	"c=IN IP4 198.51.100.9|m=image 7%d00 udptl t38",
	"c=IN IP4 203.0.113.1|m=audio 7%d00 RTP/AVP 0",
	"m=audio 1 RTP/AVP 0",
};
static const char *const whats[] = {
	"INVITE",     "INVITE",	    "INVITE",	  "ACK",	"ACK",	       "BYE",
	"CANCEL",     "PRACK",	    "UPDATE",	  "INFO",	"180 INVITE",  "183 INVITE",
	"183 INVITE", "200 INVITE", "200 INVITE", "200 INVITE", "486 INVITE",  "407 INVITE",
	"491 INVITE", "481 INVITE", "200 UPDATE", "488 UPDATE", "200 PRACK",   "200 BYE",
	"407 BYE",    "200 CANCEL", "500 UPDATE", "302 INVITE", "200 OPTIONS", "OPTIONS",
};

#define PICK(a) (a)[(size_t)random() % (sizeof(a) / sizeof((a)[0]))]

/* Addresses that only ever come from the right side. */
static void justified(struct flow *f)
{
	for (size_t i = 0; i < f->n_pins; i++) {
		const struct pinhole_spec *s = &f->pins[i];
		struct call *c = NULL;
		bool live = false;
		char text[ADDR_TEXT_MAX];

		HASH_FIND(hh_id, f->t->by_id, &s->call_id, sizeof(s->call_id), c);
		assert_non_null(c);
		for (const struct dialog *d = c->dialogs; d; d = d->next)
			live = live || d->state == DIALOG_ANSWERED ||
			       (d->state == DIALOG_EARLY && c->pending);
		assert_true(live);
		assert_true(hosts == HOSTILE || addr_eq(&s->inside.addr, &c->inside.addr));
		for (struct call *o = f->t->by_key; o; o = o->hh.next)
			for (size_t k = 0; k < o->n_pins; k++) /* its own host comes first */
				assert_false(!addr_eq(&s->inside.addr, &c->inside.addr) &&
					     ep_eq(&o->pins[k].inside, &s->inside) &&
					     addr_eq(&o->inside.addr, &s->inside.addr));
		assert_string_equal(addr_text(&s->outside.addr, text), "203.0.113.1");
		assert_true(
			s->outside.port != s->inside.port ||
			ports_is_taken(f->t->ports, 7, &s->outside.addr, ntohs(s->outside.port)));
		for (int k = 0; k < s->n_remotes; k++)
			assert_memory_equal(addr_text(&s->remotes[k].addr, text), "198.51.100.",
					    11);
		assert_int_equal(s->local, 0);
	}
}

struct side_state { /* what a well-behaved side would do next */
	uint32_t cseq[2]; /* last request by each side: [inside] */
	uint32_t pending, pending_side; /* CSeq of an INVITE or UPDATE, and who sent it */
	bool update, answered, begun;
};

/* Mostly what comes next in a call. */
static void sensible(struct step *s, struct side_state *c, bool caller_inside)
{
	static const char *const answers[] = { "183 INVITE", "200 INVITE", "200 INVITE",
					       "491 INVITE" };
	long dice = random() % 100;

	s->tag = random() % 8 ? "u" : "v";
	if (!c->begun || dice < 3) {
		*s = (struct step){ caller_inside ? ">" : "<", "INVITE" };
		c->begun = true;
		c->answered = c->update = false;
		c->pending_side = caller_inside;
		s->cseq = c->pending = ++c->cseq[caller_inside];
	} else if (dice < 50 && c->pending) {
		s->dir = c->pending_side ? "<" : ">";
		s->what = c->update ? (random() % 3 ? "200 UPDATE" : "488 UPDATE") : PICK(answers);
		s->cseq = c->pending;
	} else if (dice < 75 && c->pending && !c->update) {
		s->dir = c->pending_side ? ">" : "<";
		s->what = "ACK";
		s->cseq = c->pending;
		c->answered = true;
	} else if (dice < 92) {
		c->pending_side = (uint32_t)random() % 2;
		c->update = random() % 3 == 0;
		s->dir = c->pending_side ? ">" : "<";
		s->what = c->update ? "UPDATE" : "INVITE";
		s->cseq = c->pending = ++c->cseq[c->pending_side];
	} else if (dice < 96) {
		uint32_t side = (uint32_t)random() % 2;

		s->dir = side ? ">" : "<";
		s->what = "BYE";
		s->cseq = ++c->cseq[side];
	} else {
		s->dir = random() % 2 ? ">" : "<";
		s->what = PICK(whats);
		s->cseq = 1 + (uint32_t)random() % (c->cseq[0] + c->cseq[1] + 1);
	}
}

static void one(struct flow *f, struct side_state *calls)
{
	static char buf[MSG_MAX];
	static const char *const tags[] = { "u", "v", NULL };
	int call = (int)((size_t)random() % CALLS);
	struct step s = { random() % 2 ? ">" : "<", PICK(whats), 1, PICK(tags) };
	char sdp[256], inside[64];
	enum call_result res;
	size_t n;
	bool in;

	snprintf(inside, sizeof(inside), "192.168.1.1%d:5060",
		 hosts == SHARED || (hosts == HOSTILE && call == 0) ? 2 : call);
	f->inside = ep_of(inside);
	snprintf(f->call_id, sizeof(f->call_id), "random-%d", call);
	f->caller_inside = call != 1;
	if (random() % 10)
		sensible(&s, &calls[call], f->caller_inside);
	else
		s.cseq = 1 + (uint32_t)random() % 8;
	in = *s.dir == '>';
	if (random() % 8) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(sdp, sizeof(sdp),
			 random() % 3 ? (in ? sdp_in[0] : sdp_out[0])
				      : (in ? PICK(sdp_in) : PICK(sdp_out)),
			 hosts == APART || !in ? call : 2, (hosts == APART ? call : 0) + 3);
#pragma GCC diagnostic pop
		s.sdp = sdp;
	}
	if (random() % 4 == 0)
		s.extra = "Require: 100rel\r\nRSeq: 1\r\nSession-Expires: 300\r\n";
	if (random() % 20 == 0)
		flow_after(f, (unsigned int)random() % 60);
	n = flow_text(f, &s, buf, sizeof(buf));
	res = flow_bytes(f, in, buf, n);
	if (in && res != CALL_REFUSED)
		flow_no_leak(f->sent);
	justified(f);
	opened += f->n_pins != 0;
	messages++;
	if (flow_bytes(f, in, buf, n) != res)
		fail_msg("another result for the same message:\n%s", buf);
	if (f->n_set + f->n_close + f->n_event + f->n_save + f->n_forget)
		fail_msg("came again and changed something: %s %s\n%s%s\n%s", s.dir, s.what, buf,
			 f->events, flow_pins(f));
}

static void run(enum hosts how)
{
	const char *n = getenv("RANDOM_SEQUENCES"), *seed = getenv("RANDOM_SEED");

	hosts = how;
	messages = opened = 0;
	srandom(seed ? (unsigned int)atoi(seed) : 3);
	for (int i = 0; i < (n ? atoi(n) : 300); i++) {
		struct flow *f = flow_new();
		struct side_state calls[CALLS] = { 0 };

		f->alone = how == HOSTILE; /* a restored decider finds other ports for it */

		for (int k = 0; k < 60; k++)
			one(f, calls);
		flow_over(f);
		assert_int_equal(f->n_records, 0);
		flow_free(f);
	}
	assert_true(opened > messages / 4); /* else it would show little */
}

static void sequences(void **state)
{
	run(APART);
}

static void shared_endpoints(void **state)
{
	run(SHARED);
}

static void hostile_host(void **state)
{
	run(HOSTILE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences),
		cmocka_unit_test(shared_endpoints),
		cmocka_unit_test(hostile_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
