// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay says to media what the kernel side says: the tables that test_reasons.c and test_spec.c run
 * through the programs, with the same reasons expected. None of their cases is without a meaning here;
 * how a packet got there (hooks, fragments, media that overtakes its signalling) is not in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/media_cases.h"
#include "lib/media_talks.h"
#include "replay_priv.h"

#define NOW (1790000000 * SEC)

static const char *const reason_names[] = {
#define RF_REASON(id, name, action, meaning) name,
	RF_REASONS(RF_REASON)
#undef RF_REASON
};

static void expect(const char *name, int step, enum rf_reason got, int want)
{
	if (got != (enum rf_reason)want)
		fail_msg("%s, %d: %s, expected %s", name, step, reason_names[got],
			 reason_names[want]);
}

/* The payload lies at the very end of an allocation: ASan sees a read beyond it. */
static enum rf_reason check(struct replay_pinhole *p, int dir, struct rf_ep far,
			    const struct pkt *mod)
{
	static uint8_t bytes[PKT_MAX];
	size_t n = (size_t)pay_build(mod, bytes);
	char *copy = malloc(n);
	struct replay_udp u = {
		.way = dir == RF_DIR_OUT ? WAY_OUT : WAY_IN,
		.src = dir == RF_DIR_OUT ? p->spec.inside : far,
		.dst = dir == RF_DIR_OUT ? far : p->spec.outside,
		.payload = { copy, n },
		.ttl = mod->ttl ? (uint8_t)mod->ttl : 64,
	};
	uint64_t last[2] = { p->last_ns[0], p->last_ns[1] };
	enum rf_reason reason;
	struct rf_media m;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	m = replay_classify(u.payload, p->entry[dir].p.classes);
	reason = replay_check(p, &u, NOW, &m);
	free(copy);
	assert_int_equal(p->last_ns[dir], reason ? last[dir] : NOW);
	assert_int_equal(p->last_ns[!dir], last[!dir]);
	return reason;
}

/* local: of this host itself */
static void media_case(const struct media_case *c, bool v6, int dir, bool local)
{
	int want = dir == RF_DIR_OUT && c->reason_out ? c->reason_out : c->reason;
	struct rf_pinhole_state st = { 0 };
	struct replay_pinhole p = { 0 };

	for (int d = 0; d < 2; d++) {
		struct media_facts f = { NOW,	    &p.entry[d].p, &st, &p.entry[d].more,
					 &p.learnt, &p.cold };

		p.entry[d].p = media_pinhole(v6, d, NOW, REPLAY_WAN);
		if (c->tweak)
			c->tweak(&f);
		if (local)
			p.entry[d].p.flags |= RF_PH_LOCAL;
	}
	for (int d = 0; d < 2; d++)
		p.last_ns[d] = st.dir[d].last_ns;
	if (want < 0 || (local && want == RF_R_TTL_EXPIRED))
		want = RF_R_NONE;
	expect(c->name, dir, check(&p, dir, ep(v6 ? PEER6 : PEER4, PEER_PORT), &c->mod), want);
}

static void test_cases(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(media_cases); i++)
		for (int k = 0; k < 8; k++)
			media_case(&media_cases[i], k & 1, k >> 1 & 1, k >> 2);
}

static void talk(const struct media_talk *t)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct pinhole_spec spec;

	assert_non_null(r);
	r->now_ns = NOW;
	for (int i = 0; t->step[i].far; i++) {
		const struct media_step *s = &t->step[i];

		if (s->close)
			replay_pinhole_close(r, PH_ID, NULL);
		if (s->set) {
			spec = talk_spec(NOW);
			s->set(&spec, NOW);
			replay_pinhole_set(r, &r->loose, &spec, NULL);
		}
		expect(t->name, i,
		       check(r->places->in_map, s->dir, ep(s->far, s->far_port), &s->mod),
		       s->reason);
	}
	assert_int_equal(r->err, 0);
	replay_media_free(r);
	replay_records_free(r);
	free(r);
}

static void test_talks(void **state)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(media_talks); i++)
		talk(&media_talks[i]);
}

/* Half a year on hold, and the silence before it; then the limit counts from when it was set. */
static void test_silence(void **state)
{
	struct replay_pinhole p = { .entry[RF_DIR_IN].p = media_pinhole(false, RF_DIR_IN, NOW, 1) };
	struct pinhole_spec spec = talk_spec(NOW);
	struct pkt rtp = { 0 };

	p.entry[RF_DIR_IN].p.idle_s = 300;
	p.last_ns[RF_DIR_OUT] = NOW - 180 * 86400 * SEC;
	p.cold = pinhole_cold_of(&spec, NOW - 300 * SEC);
	expect("at the limit", 0, check(&p, RF_DIR_IN, ep(PEER4, PEER_PORT), &rtp), 0);
	p.last_ns[RF_DIR_IN] = 0;
	p.cold = pinhole_cold_of(&spec, NOW - 301 * SEC);
	expect("over it", 0, check(&p, RF_DIR_IN, ep(PEER4, PEER_PORT), &rtp), RF_R_PINHOLE_IDLE);
}

/* What ends without a record belongs to no call, and is given back as the rest is (leak sanitizer). */
static void test_end_of_no_record(void **state)
{
	struct replay_options *o = calloc(1, sizeof(*o));
	struct replay *r;

	assert_non_null(o);
	config_defaults(&o->config);
	r = replay_new(o);
	assert_non_null(r);
	for (int i = 0; i < 2; i++) {
		actions_reset(&r->actions);
		action_event(&r->actions, EVENT_CALL_ENDED, 77, "call out from a to b: over");
		replay_actions(r, NULL, NULL);
	}
	assert_string_equal(r->loose.ended, "over");
	replay_free(r);
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_talks),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_end_of_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
