/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several calls at one inside endpoint (call_place.c): those of one host share its pinhole and its
 * public port, and nobody's SDP takes the media of another host's call away.
 */
#include "call_flow.h"

#define PHONE	"192.168.1.10"
#define WAN	"203.0.113.1"
#define REM	"198.51.100.9:"
#define SDP_IN	"c=IN IP4 " PHONE "|m=audio 20000 RTP/AVP 0|a=rtcp-mux"
#define SDP(p)	"c=IN IP4 198.51.100.9|m=audio " p " RTP/AVP 0|a=rtcp-mux"
#define AT	PHONE ":20000=" WAN ":20000 "
#define OPEN(r) AT "rc/rc " r
#define INVITE	">", "INVITE", 1, NULL, SDP_IN, NULL
#define OK(p)	"<", "200 INVITE", 1, "u", SDP(p), NULL
#define ACK                        \
	{                          \
		">", "ACK", 1, "u" \
	}
#define BYE	 ">", "BYE", 9, "u", NULL, NULL
#define NO_MEDIA "names the media endpoint of another host's call"

static int setup(void **state)
{
	*state = flow_new();
	return 0;
}

static int teardown(void **state)
{
	flow_over(*state);
	assert_null(((struct flow *)*state)->t->places);
	flow_free(*state);
	return 0;
}

static void call_of(struct flow *f, const char *host, const char *call_id)
{
	char text[64];

	snprintf(text, sizeof(text), "%s:5060", host);
	f->inside = ep_of(text);
	strcpy(f->call_id, call_id);
}

/* One phone, one RTP port, two calls: both peers both ways, over one public port. */
static void two_calls(void **state)
{
	struct flow *f = *state;

	call_of(f, PHONE, "first");
	FLOW(f, { INVITE, "" }, { OK("7000"), OPEN(REM "7000") }, ACK);
	call_of(f, PHONE, "second");
	FLOW(f, { INVITE, OPEN(REM "7000") });
	assert_non_null(strstr(f->sent, "m=audio 20000 "));
	FLOW(f, { OK("8000"), OPEN(REM "8000," REM "7000") }, ACK);
	assert_int_equal(ports_taken(f->t->ports), 1);
	/* the older one moves while the newer one leads */
	call_of(f, PHONE, "first");
	FLOW(f, { "<", "INVITE", 1, "u", SDP("7002") },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, OPEN(REM "8000," REM "7002") });
	call_of(f, PHONE, "second");
	FLOW(f, { BYE, OPEN(REM "7002") });
	call_of(f, PHONE, "first");
	FLOW(f, { BYE, "" });
}

static void older_ends(void **state)
{
	struct flow *f = *state;
	uint32_t id;

	call_of(f, PHONE, "first");
	FLOW(f, { INVITE, "" }, { OK("7000"), OPEN(REM "7000") }, ACK);
	call_of(f, PHONE, "second");
	FLOW(f, { INVITE, OPEN(REM "7000") }, { OK("8000"), OPEN(REM "8000," REM "7000") }, ACK);
	id = f->pins[0].id;
	call_of(f, PHONE, "first");
	FLOW(f, { BYE, OPEN(REM "8000") });
	assert_int_equal(f->pins[0].id, id);
	/* and the newer one goes elsewhere */
	call_of(f, PHONE, "third");
	FLOW(f, { INVITE, OPEN(REM "8000") }, { OK("9000"), OPEN(REM "9000," REM "8000") }, ACK,
	     { ">", "INVITE", 2, "u", "c=IN IP4 " PHONE "|m=audio 22000 RTP/AVP 0|a=rtcp-mux", NULL,
	       OPEN(REM "9000," REM "8000") "; " PHONE ":22000=" WAN ":22000 rc/rc " REM "9000" },
	     { "<", "200 INVITE", 2, "u", SDP("9000"), NULL,
	       OPEN(REM "8000") "; " PHONE ":22000=" WAN ":22000 rc/rc " REM "9000" });
}

/* Call waiting: who is on hold neither sends into the call that goes on nor is sent its media. */
static void on_hold(void **state)
{
	struct flow *f = *state;

	call_of(f, PHONE, "first");
	FLOW(f, { INVITE, "" }, { OK("7000"), OPEN(REM "7000") }, ACK,
	     { ">", "INVITE", 2, "u", SDP_IN "|a=sendonly", NULL, AT "rc/rc " REM "7000" },
	     { "<", "200 INVITE", 2, "u", SDP("7000") "|a=recvonly", NULL, AT "c/rc " REM "7000" });
	assert_true(f->pins[0].held_in && !f->pins[0].held_out);
	call_of(f, PHONE, "second");
	FLOW(f, { INVITE, AT "c/rc " REM "7000" }, { OK("8000"), OPEN(REM "8000," REM "7000>") },
	     ACK);
	assert_true(!f->pins[0].held_in && !f->pins[0].held_out);
	/* the other way round: the newer one is on hold */
	FLOW(f,
	     { ">", "INVITE", 2, "u", SDP_IN "|a=inactive", NULL, OPEN(REM "8000," REM "7000>") },
	     { "<", "200 INVITE", 2, "u", SDP("8000") "|a=inactive", NULL,
	       AT "c/rc " REM "8000<," REM "7000" });
	call_of(f, PHONE, "first");
	FLOW(f, { ">", "INVITE", 3, "u", SDP_IN, NULL, OPEN(REM "7000") },
	     { "<", "200 INVITE", 3, "u", SDP("7000"), NULL, OPEN(REM "7000") });
}

/* A hostile phone names the place of a call that lives, before and after it does. */
static void hostile(void **state)
{
	struct flow *f = *state;

	f->alone = true; /* a restored decider looks elsewhere for the hostile one's public port */
	call_of(f, PHONE, "victim");
	FLOW(f, { INVITE, "" }, { OK("7000"), OPEN(REM "7000") }, ACK);
	call_of(f, "192.168.1.66", "hostile");
	FLOW(f, { INVITE, OPEN(REM "7000") });
	assert_null(strstr(f->sent, "m=audio 20000 ")); /* nor does it get to know the port */
	f->once = true;
	FLOW(f, { OK("6666"), OPEN(REM "7000") });
	assert_non_null(strstr(f->events, NO_MEDIA));
	assert_int_equal(f->n_set + f->n_close, 0);
	f->once = false;
	FLOW(f, ACK);
	/* The victim moves: what it leaves behind may be the other's, until it comes back. */
	call_of(f, PHONE, "victim");
	FLOW(f, { BYE, PHONE ":20000=" WAN ":16384 rc/rc " REM "6666" });
	call_of(f, PHONE, "again");
	FLOW(f, { INVITE, PHONE ":20000=" WAN ":16384 rc/rc " REM "6666" });
	f->once = true;
	FLOW(f, { OK("7000"), OPEN(REM "7000") });
	assert_int_equal(f->n_close, 1);
	assert_non_null(strstr(f->events, NO_MEDIA));
	f->once = false;
	call_of(f, "192.168.1.66", "hostile");
	FLOW(f, { BYE, OPEN(REM "7000") });
	call_of(f, PHONE, "again");
	FLOW(f, { BYE, "" });
}

static void show_one(const struct show_call *c, void *arg)
{
	const char *want = arg;

	assert_int_equal(c->n_media, want[c->id - 1] == '1');
	if (c->n_media)
		assert_int_equal(c->media[0].pinhole_id, 1);
}

/* What was refused is not shown as open, also after a restart. */
static void hostile_restored(void **state)
{
	struct flow *f = *state;

	call_of(f, PHONE, "victim");
	FLOW(f, { INVITE, "" }, { OK("7000"), OPEN(REM "7000") }, ACK);
	call_of(f, "192.168.1.66", "hostile");
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, OPEN(REM "7000") });
	FLOW(f, { OK("6666"), OPEN(REM "7000") }, ACK);
	call_show(f->t, show_one, (void *)"10");
	struct call_table *t = flow_restored(f, &f->next_pinhole_id);

	call_show(t, show_one, (void *)"10");
	call_table_free(t);
}

/* A PBX that speaks for a phone: the first to name it keeps it from other hosts, but not from the
 * phone itself. */
static void spoken_for(void **state)
{
	struct flow *f = *state;

	f->alone = true;
	call_of(f, "192.168.1.2", "pbx-1");
	FLOW(f, { INVITE, "" }, { OK("7000"), OPEN(REM "7000") }, ACK);
	call_of(f, "192.168.1.66", "hostile");
	FLOW(f, { INVITE, OPEN(REM "7000") }, { OK("6666"), OPEN(REM "7000") }, ACK);
	call_of(f, "192.168.1.2", "pbx-2");
	FLOW(f, { INVITE, OPEN(REM "7000") }, { OK("8000"), OPEN(REM "8000," REM "7000") }, ACK);
	call_of(f, PHONE, "itself");
	FLOW(f, { INVITE, OPEN(REM "8000," REM "7000") },
	     { OK("9000"), PHONE ":20000=" WAN ":16386 rc/rc " REM "9000" }, ACK,
	     { BYE, OPEN(REM "8000," REM "7000") });
}

/* A source that is still to be learnt is one: the newer call has the place until it ends, and what the
 * older one learnt is kept. */
static void learnt(void **state)
{
	struct flow *f = *state;
	uint32_t id;

	call_of(f, PHONE, "first");
	FLOW(f, { INVITE, "" },
	     { "<", "200 INVITE", 1, "u", "c=IN IP4 10.1.2.3|m=audio 7000 RTP/AVP 0|a=rtcp-mux",
	       NULL, OPEN("?198.51.100.9:0") },
	     ACK);
	id = f->pins[0].id;
	call_of(f, PHONE, "second");
	FLOW(f, { INVITE, OPEN("?198.51.100.9:0") }, { OK("8000"), OPEN(REM "8000") }, ACK,
	     { BYE, OPEN("?198.51.100.9:0") });
	assert_int_equal(f->pins[0].id, id);
}

/* More calls than a pinhole has remotes: the newest are served, and it is said. */
static void crowd(void **state)
{
	struct flow *f = *state;
	char sdp[128], call_id[32];

	for (int i = 0; i < 70; i++) {
		struct step ok = { "<", "200 INVITE", 1, "u", sdp };
		char buf[MSG_MAX];
		size_t n;

		snprintf(call_id, sizeof(call_id), "call-%d", i);
		call_of(f, PHONE, call_id);
		FLOW(f, { INVITE });
		snprintf(sdp, sizeof(sdp), SDP("%d"), 7000 + 2 * i);
		n = flow_text(f, &ok, buf, sizeof(buf));
		assert_int_equal(flow_bytes(f, false, buf, n), CALL_GO_ON);
		if (i == 4)
			assert_non_null(strstr(f->events, "more remote endpoints"));
		if (i == 64)
			assert_non_null(strstr(f->events, "too many calls"));
		assert_int_equal(f->n_pins, 1);
		assert_int_equal(f->pins[0].n_remotes, i < 4 ? i + 1 : 4);
		assert_int_equal(ntohs(f->pins[0].remotes[0].port), i < 64 ? 7000 + 2 * i : 7126);
	}
	assert_int_equal(ports_taken(f->t->ports), 1);
}

/* Without translation the place is one in both directions. */
static void routed(void **state)
{
	struct flow *f = *state;

	f->mode = RF_MODE_ROUTED;
	call_of(f, "203.0.113.70", "first");
#define R_IN "c=IN IP4 203.0.113.70|m=audio 20000 RTP/AVP 0|a=rtcp-mux"
#define R(r) "203.0.113.70:20000=203.0.113.70:20000 rc/rc " r
	FLOW(f, { ">", "INVITE", 1, NULL, R_IN, NULL, "" }, { OK("7000"), R(REM "7000") }, ACK);
	call_of(f, "203.0.113.71", "hostile");
	FLOW(f, { ">", "INVITE", 1, NULL, R_IN, NULL, R(REM "7000") },
	     { OK("6666"), R(REM "7000") }, ACK);
	call_of(f, "203.0.113.70", "second");
	FLOW(f, { ">", "INVITE", 1, NULL, R_IN, NULL, R(REM "7000") },
	     { OK("8000"), R(REM "8000," REM "7000") }, ACK, { BYE, R(REM "7000") });
}

/* Both sides of the machine's own SIP server: media on an address that it does not signal from. Who is not this machine
 * has nothing at its addresses to open. */
static void host(void **state)
{
	struct flow *f = *state;

	f->mode = RF_MODE_HOST;
	f->topo.locals[f->topo.n_locals++] = addr_of(WAN);
	call_of(f, "192.168.1.66", "hostile");
	f->mode = RF_MODE_NAT;
#define H_IN "c=IN IP4 " WAN "|m=audio 30000 RTP/AVP 0|a=rtcp-mux"
#define H(r) WAN ":30000=" WAN ":30000 rc/rc " r
	FLOW(f, { ">", "INVITE", 1, NULL, H_IN, NULL, "" }, { OK("6666"), "" }, ACK);
	call_of(f, "192.168.1.1", "server");
	f->mode = RF_MODE_HOST;
	FLOW(f, { ">", "INVITE", 1, NULL, H_IN, NULL, "" }, { OK("7000"), H(REM "7000") }, ACK);
	call_of(f, "192.168.1.66", "hostile");
	f->mode = RF_MODE_NAT;
	FLOW(f, { BYE, H(REM "7000") });
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(two_calls),  T(older_ends), T(on_hold), T(hostile), T(hostile_restored),
		T(spoken_for), T(learnt),     T(crowd),	  T(routed),  T(host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
