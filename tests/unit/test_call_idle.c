/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls whose media is silent both ways: they end after media_idle, and only where silence means something.
 */
#include "call_flow.h"

#define IN	"192.168.1.10"
#define WAN	"203.0.113.1"
#define REM	"198.51.100.9"
#define SDP_IN	"c=IN IP4 " IN "|m=audio 20000 RTP/AVP 0"
#define SDP_OUT "c=IN IP4 " REM "|m=audio 7000 RTP/AVP 0"
#define PINS(rtp) \
	IN ":20000=" WAN ":20000 " rtp " " REM ":7000; " IN ":20001=" WAN ":20001 c/c " REM ":7001"
#define BOTH PINS("r/r")
#define ICE  "|a=rtcp-mux|a=ice-ufrag:inin|a=ice-pwd:insidepasswordinsidepass"

/* What the kernel would say. */
static struct {
	struct flow *f;
	uint64_t rtp, rtcp;
	int err;
	unsigned int asked;
} seen;

static int last(uint32_t id, uint64_t *ns, void *arg)
{
	const struct pinhole_spec *p = flow_pin(seen.f, id);

	assert_ptr_equal(arg, &seen);
	assert_non_null(p);
	seen.asked++;
	if (seen.err)
		return seen.err;
	*ns = p->rtcp ? seen.rtcp : seen.rtp;
	return 0;
}

static int setup(void **state)
{
	flow_setup(state);
	memset(&seen, 0, sizeof(seen));
	seen.f = *state;
	call_watch(seen.f->t, last, &seen);
	return 0;
}

static void answered(struct flow *f)
{
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 1, "u" });
}

static void lives(struct flow *f, unsigned int after_s)
{
	flow_after(f, after_s);
	assert_int_equal(f->n_event, 0);
	assert_true(f->n_pins);
}

static void ends(struct flow *f, unsigned int after_s)
{
	if (after_s > 1)
		lives(f, after_s - 1);
	flow_after(f, 1);
	assert_non_null(strstr(f->events, "media_idle"));
	assert_int_equal(f->n_event, 1);
	assert_int_equal(f->n_pins, 0);
}

/* The peer's BYE comes in time or late, and is passed on either way. */
static void silent(void **state)
{
	struct flow *f = *state;

	answered(f);
	for (int i = 0; i < 100; i++) {
		seen.rtp = f->now;
		lives(f, 20);
	}
	ends(f, f->cfg.media_idle_s - 20);
	assert_in_range(seen.asked, 2, 2 * 10); /* two pinholes, once in media_idle */
	FLOW(f, { "<", "BYE", 1, "u", NULL, NULL, "" }, { ">", "200 BYE", 1, "u" });
	flow_after(f, 33);
	assert_int_equal(call_count(f->t), 0);
	FLOW(f, { "<", "BYE", 2, "u", NULL, NULL, "", CALL_UNKNOWN });
}

static void never_any(void **state)
{
	struct flow *f = *state;

	answered(f);
	ends(f, f->cfg.media_idle_s);
}

static void rtcp_is_life(void **state)
{
	struct flow *f = *state;

	answered(f);
	for (int i = 0; i < 100; i++) {
		seen.rtcp = f->now;
		lives(f, 20);
	}
	ends(f, f->cfg.media_idle_s - 20);
}

/* Whoever refreshes the session, or only asks, is there. */
static void signalling_is_life(void **state)
{
	struct flow *f = *state;

	answered(f);
	lives(f, 200);
	FLOW(f, { "<", "INVITE", 1, "u", SDP_OUT, NULL, BOTH },
	     { ">", "200 INVITE", 1, "u", SDP_IN, NULL, BOTH }, { "<", "ACK", 1, "u" });
	lives(f, 200);
	FLOW(f, { ">", "UPDATE", 2, "u" }, { "<", "200 UPDATE", 2, "u" });
	lives(f, 200);
	FLOW(f, { ">", "INFO", 3, "u" });
	ends(f, f->cfg.media_idle_s);
}

static void held(struct flow *f, const char *direction)
{
	static char offer[256];
	struct step invite = { ">", "INVITE", 2, "u", offer, NULL, BOTH };

	snprintf(offer, sizeof(offer), "%s|a=%s", SDP_IN, direction);
	flow_step(f, &invite);
}

/* For as long as the two agree, which is until call_max; the clock starts when they talk again. */
static void on_hold(void **state)
{
	struct flow *f = *state;

	answered(f);
	held(f, "sendonly");
	FLOW(f, { "<", "200 INVITE", 2, "u", SDP_OUT "|a=recvonly", NULL, PINS("-/r") },
	     { ">", "ACK", 2, "u" });
	lives(f, 7200);
	FLOW(f, { ">", "INVITE", 3, "u", SDP_IN "|a=inactive", NULL, PINS("-/r") },
	     { "<", "200 INVITE", 3, "u", SDP_OUT "|a=inactive", NULL, PINS("-/-") },
	     { ">", "ACK", 3, "u" });
	lives(f, 7200);
	FLOW(f, { ">", "INVITE", 4, "u", SDP_IN, NULL, PINS("r/-") },
	     { "<", "200 INVITE", 4, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 4, "u" });
	ends(f, f->cfg.media_idle_s);
}

/* Not before the call is answered, which has its own time. */
static void ringing(void **state)
{
	struct flow *f = *state;

	f->cfg.media_idle_s = 20;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" },
	     { "<", "183 INVITE", 1, "u", SDP_OUT, NULL, BOTH });
	lives(f, 100);
	FLOW(f, { "<", "200 INVITE", 1, "u", SDP_OUT, NULL, BOTH }, { ">", "ACK", 1, "u" });
	ends(f, 20);
}

static void not_known(void **state)
{
	struct flow *f = *state;

	answered(f);
	seen.err = -EIO;
	lives(f, 2000);
	seen.err = 0;
	flow_after(f, 10);
	assert_non_null(strstr(f->events, "media_idle"));
}

static void ice_goes_elsewhere(void **state)
{
	struct flow *f = *state;

	f->alone = true;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN ICE, NULL, "" },
	     { "<", "200 INVITE", 1, "u", SDP_OUT ICE, NULL,
	       IN ":20000=" WAN ":20000 rcs/rcs +" REM ":7000" },
	     { ">", "ACK", 1, "u" });
	lives(f, 7200);
	assert_int_equal(seen.asked, 0);
}

/* By the kernel's memory, not by ours: the controller was away for a moment, or for as long as the silence. */
static void restarted(void **state)
{
	struct flow *f = *state;
	struct call_table *old = f->t;

	answered(f);
	lives(f, 100);
	f->t = flow_restored(f, &f->next_pinhole_id);
	call_table_free(old);
	lives(f, 1000); /* nobody watches */
	call_watch(f->t, last, &seen);
	call_restored(f->t, f->now, &f->out);
	flow_carry_out(f);
	seen.rtp = f->now;
	lives(f, 290);
	seen.rtp = f->now;
	ends(f, f->cfg.media_idle_s);
}

static void reloaded(void **state)
{
	struct flow *f = *state;

	answered(f);
	f->cfg.media_idle_s = 0;
	call_refresh(f->t, &f->out);
	flow_carry_out(f);
	lives(f, 3000);
	f->cfg.media_idle_s = 60;
	call_refresh(f->t, &f->out);
	flow_carry_out(f);
	flow_after(f, 1);
	assert_non_null(strstr(f->events, "media_idle"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silent, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(never_any, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(rtcp_is_life, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(signalling_is_life, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(on_hold, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(ringing, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(not_known, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(ice_goes_elsewhere, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(restarted, setup, flow_teardown),
		cmocka_unit_test_setup_teardown(reloaded, setup, flow_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
