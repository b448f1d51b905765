// SPDX-License-Identifier: GPL-2.0-only
/*
 * Call flows without memory: in each of them the n-th allocation of the deciders fails, one after the other, once alone and
 * once with all behind it until the message is done with. Nothing is open then that should not be, nothing is lost (see
 * flows_world.h), and the message, sent again, comes to what it would have come to.
 */
#include "flows_ladder.h"

#include "failing_memory.h"

#define EACH_MAX  5000 /* allocations of one flow */
#define STEPS_MAX 20000
#ifdef __SANITIZE_ADDRESS__
#define EVERY 29
#else
#define EVERY 1
#endif

#define EVENTS_MAX 16

static struct action_list saved;
static struct action said[EVENTS_MAX];
static size_t n_said;

/* As the doer does: all but the messages. True: the message has to come again. */
static bool without_memory(struct world *w, const struct signal_in *in)
{
	bool again = w->out.failed;
	size_t n = 0;

	for (size_t i = 0; i < w->out.n; i++)
		again |= w->out.v[i].kind == ACT_DROP &&
			 w->out.v[i].drop.reason == RF_R_OUT_OF_MEMORY;
	if (!again)
		return false;
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];

		if (a->kind != ACT_SEND && a->kind != ACT_DROP)
			w->out.v[n++] = *a;
	}
	w->out.n = n;
	w->out.failed = false;
	n_said = 0;
	for (size_t i = 0; i < n && n_said < EVENTS_MAX; i++)
		if (w->out.v[i].kind == ACT_EVENT)
			said[n_said++] = w->out.v[i];
	w_carry_out(w, NULL);
	w_consistent(w);
	return true;
}

/* What was said the first time belongs to the step. */
static void say_again(struct world *w)
{
	assert_true(action_reserve(&w->out, n_said, 0));
	memmove(&w->out.v[n_said], w->out.v, w->out.n * sizeof(w->out.v[0]));
	memcpy(w->out.v, said, n_said * sizeof(said[0]));
	w->out.n += n_said;
}

/* What a step came to, as it does with memory: it is written down by a run without failures. */
struct step {
	size_t calls, pins, bindings, aliases, registrations, expectations, requests, subscriptions;
	size_t sends, drops, bytes;
};
static struct step steps[STEPS_MAX];
static size_t at_step;
static bool first_run;

static struct step step_of(const struct world *w)
{
	struct step s = {
		.calls = call_count(w->e->calls),
		.bindings = binding_count(w->e->bindings),
		.aliases = alias_count(w->e->aliases),
		.registrations = registration_count(w->e->registrations),
		.expectations = policy_count(w->e->policy),
		.requests = open_table_count(w->e->open),
		.subscriptions = subscription_count(w->e->subscriptions),
	};

	for (const struct call *c = w->e->calls->by_key; c; c = c->hh.next)
		s.pins += c->n_pins;
	for (size_t i = 0; i < w->out.n; i++) {
		const struct action *a = &w->out.v[i];

		s.drops += a->kind == ACT_DROP;
		if (a->kind != ACT_SEND)
			continue;
		s.sends++;
		s.bytes = a->send.payload.n;
	}
	return s;
}

static void compare(const struct world *w)
{
	struct step now = step_of(w), *was = &steps[at_step++];

	assert_true(at_step < STEPS_MAX);
	if (first_run)
		*was = now;
	else if (memcmp(was, &now, sizeof(now)) != 0)
		W_FAIL("step %zu: calls %zu %zu, pinholes %zu %zu, bindings %zu %zu, aliases %zu %zu, "
		       "registrations %zu %zu, expectations %zu %zu, requests %zu %zu, subscriptions %zu %zu, "
		       "sent %zu %zu, dropped %zu %zu, bytes %zu %zu",
		       at_step, was->calls, now.calls, was->pins, now.pins, was->bindings,
		       now.bindings, was->aliases, now.aliases, was->registrations,
		       now.registrations, was->expectations, now.expectations, was->requests,
		       now.requests, was->subscriptions, now.subscriptions, was->sends, now.sends,
		       was->drops, now.drops, was->bytes, now.bytes);
}

static void decide(struct world *w, const struct signal_in *in)
{
	unsigned long before = failing.failed;
	bool unsaved;

	failing.armed = true;
	w_decide(w, in);
	failing.armed = false;
	if (failing.lasting && failing.failed) /* until here */
		failing.n = 0;
	W_CHECK(!w->out.failed || failing.failed != before);
	unsaved = w->out.unsaved;
	if (without_memory(w, in)) {
		w_decide(w, in);
		say_again(w);
	}
	compare(w);
	if (!unsaved)
		return;
	W_CHECK(failing.failed != before);
	engine_save_all(w->e, &saved);
	W_CHECK(!saved.unsaved && !saved.failed);
	for (size_t i = 0; i < saved.n; i++)
		w_record(w, saved.v[i].record.kind, saved.v[i].record.id, saved.v[i].record.bytes);
	actions_reset(&saved);
}

/* False: the flow had no n-th allocation. */
static bool run_once(const char *const *lines, size_t n, unsigned long nth, bool lasting)
{
	struct ladder *l = l_new(false, RF_MODE_NAT);
	bool failed;

	failing_begin(nth, lasting);
	first_run = !nth;
	at_step = 0;
	world_decide = decide;
	for (size_t i = 0; i < n; i++) {
		snprintf(world_where, sizeof(world_where), "allocation %lu%s: %s\n", nth,
			 lasting ? " and all after it" : "", lines[i]);
		l_line(l, lines[i]);
	}
	world_decide = w_decide;
	failed = failing.failed;
	l_free(l);
	return failed;
}

/* A record that there is no memory for is not one that cannot be read. */
static bool restore_once(struct world *w, unsigned long nth)
{
	struct engine *e = engine_new(&w->config, &w->topo, w->now, w->e->next_pinhole);
	int err = 0;

	assert_non_null(e);
	failing_begin(nth, false);
	failing.armed = true;
	for (size_t i = 0; i < w->n_records && !err; i++)
		err = engine_restore(e, w->records[i].kind, w->records[i].id, w->records[i].bytes,
				     w->now);
	failing.armed = false;
	engine_free(e);
	assert_int_equal(err, failing.failed ? -ENOMEM : 0);
	return failing.failed;
}

static void restores(void **state)
{
	static const char *const lines[] = {
		"inside alice",
		"alice>registrar REGISTER +Expires: 600",
		"alice<registrar 200/r +Expires: 600",
		"alice>bob INVITE {audio 20000}",
		"alice<bob 183/v {audio 7002}      == alice:20000<>bob:7002",
		"alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
		"alice>bob ACK",
	};
	struct ladder *l = l_new(false, RF_MODE_NAT);
	unsigned long nth = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		l_line(l, lines[i]);
	qsort(l->w->records, l->w->n_records, sizeof(l->w->records[0]), w_record_cmp);
	while (restore_once(l->w, ++nth))
		assert_true(nth < EACH_MAX);
	assert_true(nth > 20);
	l_free(l);
}

static bool full; /* the kernel's table */

/* The last pinhole of the first message that opens some finds no room. */
static void decide_full(struct world *w, const struct signal_in *in)
{
	struct action_list done = { 0 };
	struct action *last = NULL;
	size_t n = 0;

	w_decide(w, in);
	for (size_t i = 0; i < w->out.n; i++)
		if (w->out.v[i].kind == ACT_PINHOLE_SET)
			last = &w->out.v[i];
	if (!last || !full)
		return;
	full = false;
	last->failed = true;
	engine_failed(w->e, &w->out, &done);
	for (size_t i = 0; i < w->out.n; i++) /* as the doer does */
		if (&w->out.v[i] != last && w->out.v[i].kind != ACT_SEND)
			w->out.v[n++] = w->out.v[i];
	w->out.n = n;
	w_carry_out(w, NULL);
	W_CHECK(w->n_set == 1 && w->n_pins == 1); /* RTP's, without that of its RTCP */
	assert_true(action_reserve(&w->out, done.n, 0));
	for (size_t i = 0; i < done.n; i++)
		*action_add(&w->out, done.v[i].kind) = done.v[i];
	w_carry_out(w, NULL);
	W_CHECK(!w->n_pins);
	w_consistent(w);
	actions_free(&done);
	w_decide(w, in); /* there is room again */
}

static void table_full(void **state)
{
	static const char *const lines[] = {
		"inside alice",
		"alice>bob INVITE {audio 20000}",
		"alice<bob 200 {audio 7000}        == alice:20000<>bob:7000",
		"alice>bob ACK",
		"alice<bob BYE                     == none",
		"alice>bob 200",
	};
	struct ladder *l = l_new(false, RF_MODE_NAT);

	full = true;
	world_decide = decide_full;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		l_line(l, lines[i]);
	world_decide = w_decide;
	assert_false(full);
	l_free(l);
}

/* In the place of l_run(). */
static void each(const char *const *lines, size_t n, bool v6, enum rf_mode mode, const char *name)
{
	if (v6 || mode != RF_MODE_NAT)
		return;
	/* the first port that is free is another one at the second try */
	for (size_t i = 0; i < n; i++)
		if (strstr(lines[i], "=16384"))
			return;
	for (int lasting = 0; lasting < 2; lasting++) {
		unsigned long nth = 0;

		run_once(lines, n, 0, false);
		do
			assert_true((nth += EVERY) < EACH_MAX);
		while (run_once(lines, n, nth, lasting));
	}
}

#define l_run each
#define main  main_rfc3665
#include "test_flows_rfc3665.c"
#undef main
#define main main_forks
#include "test_flows_forks.c"
#undef main
#define main main_offer_answer
#include "test_flows_offer_answer.c"
#undef main
#define main main_3pcc
#include "test_flows_3pcc.c"
#undef main
#define main main_rfc5359
#include "test_flows_rfc5359.c"
#undef main
#define main main_holes
#include "test_flows_holes.c"
#undef main
#define main main_types
#include "test_flows_types.c"
#undef main
#define main main_bodies
#include "test_flows_bodies.c"
#undef main

/* clang-format off */

static void registers(void **state)
{
	LADDER("inside alice",
	       "alice>registrar REGISTER +Expires: 600",
	       "alice<registrar 401/r +WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"",
	       "alice>registrar REGISTER +Expires: 600",
	       "alice<registrar 200/r +Expires: 600",
	       "alice<registrar#2 INVITE {audio 7000}",
	       "alice>registrar#2 200 {audio 20000}    == alice:20000<>registrar:7000",
	       "alice<registrar#2 ACK",
	       "alice>registrar REGISTER +Expires: 600",
	       "alice<registrar 200/r +Expires: 600",
	       "alice<registrar#2 BYE                  == none",
	       "alice>registrar#2 200",
	       "alice>registrar REGISTER +Expires: 0",
	       "alice<registrar 200/r +Expires: 0");
}

static void subscribes(void **state)
{
	LADDER("inside alice",
	       "guests dave",
	       "alice>dave SUBSCRIBE +Event: presence +Expires: 600",
	       "alice<dave 202/d +Expires: 600",
	       "alice<dave NOTIFY +Event: presence +Subscription-State: active",
	       "alice>dave 200",
	       "wait 100",
	       "alice<dave NOTIFY +Event: presence +Subscription-State: terminated",
	       "alice>dave 200");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(registers),
		cmocka_unit_test(subscribes),
		cmocka_unit_test(restores),
		cmocka_unit_test(table_full),
	};
	int failed = cmocka_run_group_tests_name("memory", others, NULL, NULL) + main_rfc3665() +
		     main_forks() + main_offer_answer() + main_3pcc() + main_rfc5359() +
		     main_holes() + main_types() + main_bodies();

	actions_free(&saved);
	return failed;
}
