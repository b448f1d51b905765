// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations: what the answer grants, for how long, who may speak then, and what is said of it.
 */
#include "registration_pending.h"
#include "rewrite_fixture.h"

#define PHONE "10.0.0.5:5060"

static struct registration_ctx context(struct world *w, struct binding *b)
{
	return (struct registration_ctx){ .topo = &w->topo,
					  .wan = &w->topo.wans[0],
					  .bindings = w->bindings,
					  .binding = b,
					  .remote = w->remote,
					  .now_ns = w->now,
					  .out = &w->out };
}

static unsigned int cseq;

/* The phone's REGISTER, rewritten and noted; more: Contact and Expires headers. */
static void send_register(struct world *w, const char *inside, const char *more)
{
	char text[MSG_MAX], sent[MSG_MAX];
	struct registration_ctx ctx = context(w, bound(w, inside));
	struct sip_msg *m;

	sprintf(text,
		"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u\r\n"
		"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:alice@example.com>\r\n"
		"Call-ID: r1@10.0.0.5\r\nCSeq: %u REGISTER\r\n%s\r\n",
		inside, cseq + 1, cseq + 1, more);
	cseq++;
	outbound(w, inside, text, sent);
	m = parse(text);
	assert_int_equal(registration_request(w->registrations, &ctx, m), RF_R_NONE);
	free(m);
}

/* The registrar's answer to the last one. */
static void answer(struct world *w, const char *inside, const char *status, const char *more)
{
	char text[MSG_MAX];
	struct registration_ctx ctx = context(w, bound(w, inside));
	struct sip_msg *m;

	sprintf(text,
		"SIP/2.0 %s\r\nVia: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK%u\r\n"
		"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:alice@example.com>;tag=r\r\n"
		"Call-ID: r1@203.0.113.1\r\nCSeq: %u REGISTER\r\n%s\r\n",
		status, cseq, cseq, more);
	m = parse(text);
	assert_int_equal(registration_response(w->registrations, &ctx, m,
					       alias_internal_call_id(w->aliases, m->call_id)),
			 RF_R_NONE);
	free(m);
}

static size_t events(const struct world *w, enum event_kind kind)
{
	size_t n = 0, i;

	for (i = 0; i < w->out.n; i++)
		n += w->out.v[i].kind == ACT_EVENT && w->out.v[i].event.kind == kind;
	return n;
}

static uint64_t seconds_left(const struct world *w, const char *inside, const char *user)
{
	struct rf_ep e = ep(inside);
	struct binding *b = binding_by_inside(w->bindings, WAN, &e);
	const struct registration *r = registration_find(w->registrations, b->id, view_of(user));

	return r ? (r->expires_ns - w->now) / SECOND : 0;
}

static void what_is_granted(void **state)
{
	static const struct {
		const char *name, *asked, *answered;
		uint64_t seconds;
	} table[] = {
		{ "own Contact's expires", "Contact: <sip:alice@10.0.0.5:5060>;expires=600\r\n",
		  "Contact: <sip:x@192.0.2.1>;expires=7, <sip:alice@203.0.113.1:5060>;expires=300\r\nExpires: 9\r\n",
		  300 },
		{ "Contact without a port", "Contact: <sip:alice@10.0.0.5>\r\n",
		  "Contact: <sip:alice@203.0.113.1>;expires=300\r\n", 300 },
		{ "Expires header", "Contact: <sip:alice@10.0.0.5:5060>\r\nExpires: 600\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>\r\nExpires: 200\r\n", 200 },
		{ "nothing listed: what was asked",
		  "Contact: <sip:alice@10.0.0.5:5060>\r\nExpires: 600\r\n", "", 600 },
		{ "nothing said at all", "Contact: <sip:alice@10.0.0.5:5060>\r\n", "", 3600 },
		{ "quoted number", "Contact: <sip:alice@10.0.0.5:5060>\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=\"120\"\r\n", 120 },
		{ "unreadable number", "Contact: <sip:alice@10.0.0.5:5060>\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=soon\r\n", 3600 },
		{ "absurd number", "Contact: <sip:alice@10.0.0.5:5060>\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=99999999999999999999\r\n",
		  REGISTRATION_MAX_S },
		{ "more than was asked for: a registrar's least time",
		  "Contact: <sip:alice@10.0.0.5:5060>;expires=60\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=120\r\n", 120 },
		{ "a day instead of a minute", "Contact: <sip:alice@10.0.0.5:5060>;expires=60\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=86400\r\n", 3600 },
		{ "a month instead of a day",
		  "Contact: <sip:alice@10.0.0.5:5060>;expires=86400\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=2592000\r\n", 86400 },
		{ "a name in the Contact", "Contact: <sip:alice@phone.lan>\r\n",
		  "Contact: <sip:alice@phone.lan>;expires=100\r\n", 100 },
		{ "a query", "", "Contact: <sip:alice@203.0.113.1:5060>;expires=100\r\n", 0 },
		{ "removed by the registrar", "Contact: <sip:alice@10.0.0.5:5060>\r\n",
		  "Contact: <sip:alice@203.0.113.1:5060>;expires=0\r\n", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct world w;

		print_message("  %s\n", table[i].name);
		world_init(&w);
		send_register(&w, PHONE, table[i].asked);
		assert_int_equal(registration_count(w.registrations),
				 0); /* pending grants nothing */
		answer(&w, PHONE, "100 Trying", "");
		answer(&w, PHONE, "200 OK", table[i].answered);
		assert_int_equal(seconds_left(&w, PHONE, "alice"), table[i].seconds);
		assert_int_equal(events(&w, EVENT_REGISTERED), table[i].seconds ? 1 : 0);
		answer(&w, PHONE, "200 OK", table[i].answered); /* retransmitted: no change */
		assert_int_equal(events(&w, EVENT_REGISTERED), table[i].seconds ? 1 : 0);
		world_free(&w);
	}
}

static void registrar_may_speak_until_it_expires(void **state)
{
	struct rf_addr registrar = addr("198.51.100.7"), other = addr("198.51.100.8");
	struct binding *b;
	struct world w;

	world_init(&w);
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>\r\n");
	b = bound(&w, PHONE);
	assert_false(registration_is_registrar(w.registrations, b->id, &registrar, w.now));
	answer(&w, PHONE, "401 Unauthorized", "");
	assert_false(registration_is_registrar(w.registrations, b->id, &registrar, w.now));
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>\r\n");
	answer(&w, PHONE, "200 OK", "Contact: <sip:alice@203.0.113.1:5060>;expires=600\r\n");
	assert_true(registration_is_registrar(w.registrations, b->id, &registrar, w.now));
	assert_false(registration_is_registrar(w.registrations, b->id, &other, w.now));
	assert_false(registration_is_registrar(w.registrations, b->id + 1, &registrar, w.now));
	/* the binding lives as long */
	w.now += 599 * SECOND;
	binding_tick(w.bindings, w.now, &w.out);
	registration_tick(w.registrations, w.now, &w.out);
	assert_int_equal(binding_count(w.bindings), 1);
	assert_true(registration_is_registrar(w.registrations, b->id, &registrar, w.now));
	w.now += SECOND;
	assert_false(registration_is_registrar(w.registrations, b->id, &registrar, w.now));
	registration_tick(w.registrations, w.now, &w.out);
	assert_int_equal(registration_count(w.registrations), 0);
	assert_int_equal(events(&w, EVENT_UNREGISTERED), 1);
	assert_int_equal(count(&w, ACT_FORGET), 1);
	world_free(&w);
}

static void refresh_is_quiet_and_removal_is_not(void **state)
{
	struct world w;

	world_init(&w);
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>\r\n");
	answer(&w, PHONE, "200 OK", "Contact: <sip:alice@203.0.113.1:5060>;expires=600\r\n");
	w.now += 300 * SECOND;
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>\r\n");
	answer(&w, PHONE, "200 OK", "Contact: <sip:alice@203.0.113.1:5060>;expires=600\r\n");
	assert_int_equal(seconds_left(&w, PHONE, "alice"), 600);
	assert_int_equal(events(&w, EVENT_REGISTERED), 1);
	/* a refusal takes nothing away */
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>;expires=0\r\n");
	answer(&w, PHONE, "403 Forbidden", "");
	assert_int_equal(registration_count(w.registrations), 1);
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>;expires=0\r\n");
	answer(&w, PHONE, "200 OK", "");
	assert_int_equal(registration_count(w.registrations), 0);
	assert_int_equal(events(&w, EVENT_UNREGISTERED), 1);
	world_free(&w);
}

static void several_contacts_and_star(void **state)
{
	struct world w;

	world_init(&w);
	send_register(&w, PHONE,
		      "Contact: <sip:alice@10.0.0.5:5060>, <sip:al@10.0.0.5:5060>;expires=50\r\n"
		      "m: <sip:alice@10.0.0.5:5070>, <mailto:a@example.com>\r\n");
	answer(&w, PHONE, "200 OK",
	       "Contact: <sip:al@203.0.113.1:5060>;expires=40, <sip:alice@203.0.113.1:5070>;expires=70,\r\n"
	       " <sip:alice@203.0.113.1:5060>;expires=60\r\n");
	assert_int_equal(registration_count(w.registrations), 3);
	assert_int_equal(seconds_left(&w, PHONE, "alice"), 60);
	assert_int_equal(seconds_left(&w, PHONE, "al"), 40);
	assert_int_equal(seconds_left(&w, "10.0.0.5:5070", "alice"), 70);
	send_register(&w, PHONE, "Contact: *\r\nExpires: 0\r\n");
	answer(&w, PHONE, "200 OK", "");
	assert_int_equal(registration_count(w.registrations), 0);
	assert_int_equal(events(&w, EVENT_UNREGISTERED), 3);
	world_free(&w);
}

static void nobody_else_answers(void **state)
{
	struct world w;

	world_init(&w);
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>\r\n");
	/* an older CSeq, another endpoint, too late */
	cseq--;
	answer(&w, PHONE, "200 OK", "");
	cseq++;
	answer(&w, "10.0.0.6:5060", "200 OK", "");
	assert_int_equal(registration_count(w.registrations), 0);
	registration_tick(w.registrations, w.now + REGISTRATION_PENDING_NS, &w.out);
	answer(&w, PHONE, "200 OK", "");
	assert_int_equal(registration_count(w.registrations), 0);
	world_free(&w);
}

static void show_one(const struct show_registration *r, void *arg)
{
	struct rf_ep inside = ep("10.0.0.6:5060"), outside = ep("203.0.113.1:5062");

	assert_string_equal(r->aor, "sip:alice@example.com");
	assert_string_equal(r->contact, "sip:alice@10.0.0.6;line=3");
	assert_true(ep_eq(&r->inside, &inside));
	assert_true(ep_eq(&r->outside, &outside));
	assert_true(r->expires_ns > r->since_ns);
	++*(int *)arg;
}

static void shown_and_restored(void **state)
{
	struct view saved = VIEW_NONE, binding = VIEW_NONE;
	struct world w, after;
	int shown = 0;
	size_t i;

	world_init(&w);
	world_init(&after);
	bound(&w, PHONE);
	actions_reset(&w.out);
	send_register(&w, "10.0.0.6:5060", "Contact: \"A\" <sip:alice@10.0.0.6;line=3>;q=1\r\n");
	answer(&w, "10.0.0.6:5060", "200 OK",
	       "Contact: <sip:alice@203.0.113.1:5062;line=3>;expires=600\r\n");
	registration_show(w.registrations, show_one, &shown);
	for (i = 0; i < w.out.n; i++) {
		if (w.out.v[i].kind == ACT_SAVE && w.out.v[i].record.kind == RECORD_REGISTRATION)
			saved = w.out.v[i].record.bytes;
		if (w.out.v[i].kind == ACT_SAVE && w.out.v[i].record.kind == RECORD_BINDING)
			binding = w.out.v[i].record.bytes;
	}
	for (i = 0; i < saved.n; i++)
		assert_int_equal(registration_restore(after.registrations, after.bindings, 1,
						      (struct view){ saved.p, i }, after.now),
				 -EINVAL);
	/* records come in any order: its binding may follow */
	assert_int_equal(
		registration_restore(after.registrations, after.bindings, 1, saved, after.now), 0);
	assert_int_equal(registration_restore(after.registrations, after.bindings, 2, saved,
					      after.now),
			 -EINVAL);
	assert_int_equal(binding_restore(after.bindings, 2, binding, after.now), 0);
	registration_restored(after.registrations, after.bindings, &after.out);
	registration_show(after.registrations, show_one, &shown);
	assert_int_equal(shown, 2);
	assert_true(
		registration_is_registrar(after.registrations, 2, &after.remote.addr, after.now));
	binding_tick(after.bindings, after.now + 600 * SECOND, &after.out);
	assert_int_equal(binding_count(after.bindings), 1);
	/* without its binding it is worth nothing */
	binding_tick(after.bindings, after.now + 1000 * SECOND, &after.out);
	registration_restored(after.registrations, after.bindings, &after.out);
	assert_int_equal(registration_count(after.registrations), 0);
	world_free(&w);
	world_free(&after);
}

/* REGISTERs that nobody answers keep nobody from registering. */
static void a_flood_locks_nobody_out(void **state)
{
	struct registration_ctx ctx;
	struct world w;
	struct sip_msg *m;
	char id[32];
	unsigned int i;

	world_init(&w);
	bound(&w, PHONE); /* has its own port number */
	ctx = context(&w, bound(&w, "10.0.0.66:5060"));
	m = parse("REGISTER sip:example.com SIP/2.0\r\n"
		  "Via: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bK\r\n"
		  "From: <sip:m@example.com>;tag=a\r\nTo: <sip:m@example.com>\r\n"
		  "Call-ID: x\r\nCSeq: 1 REGISTER\r\n\r\n");
	/* also one that has waited for longer */
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>;expires=600\r\n");
	for (i = 0; i < PENDING_MAX + 10; i++) {
		m->call_id = (struct view){ id, snprintf(id, sizeof(id), "%u@m", i) };
		assert_int_equal(registration_request(w.registrations, &ctx, m), RF_R_NONE);
	}
	free(m);
	answer(&w, PHONE, "200 OK", "Contact: <sip:alice@203.0.113.1:5060>;expires=200\r\n");
	assert_int_equal(seconds_left(&w, PHONE, "alice"), 200);
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>;expires=600\r\n");
	answer(&w, PHONE, "200 OK", "Contact: <sip:alice@203.0.113.1:5060>;expires=300\r\n");
	assert_int_equal(seconds_left(&w, PHONE, "alice"), 300);
	world_free(&w);
}

/* 16 Contacts that somebody outside grants; the first that is refused ends it: false. */
static bool many_contacts(struct world *w, const char *inside, unsigned int first)
{
	char text[MSG_MAX], contacts[MSG_MAX / 2];
	struct registration_ctx ctx = context(w, bound(w, inside));
	enum rf_reason reason;
	struct sip_msg *m;
	size_t n = 0;

	for (unsigned int i = 0; i < PENDING_CONTACTS_MAX; i++)
		n += (size_t)sprintf(contacts + n, "Contact: <sip:u%u@%s>\r\n", first + i, inside);
	sprintf(text,
		"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u\r\n"
		"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:alice@example.com>\r\n"
		"Call-ID: m%u\r\nCSeq: 1 REGISTER\r\n%s\r\n",
		inside, first, first, contacts);
	m = parse(text);
	assert_int_equal(registration_request(w->registrations, &ctx, m), RF_R_NONE);
	free(m);
	sprintf(text,
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%u\r\n"
		"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:alice@example.com>;tag=r\r\n"
		"Call-ID: m%u\r\nCSeq: 1 REGISTER\r\nExpires: 600\r\n\r\n",
		inside, first, first);
	m = parse(text);
	reason = registration_response(w->registrations, &ctx, m, m->call_id);
	free(m);
	actions_reset(&w->out);
	return reason == RF_R_NONE;
}

/* Nor do those that somebody grants: the host that has most of them gives way to others, and is refused itself. */
static void nor_do_granted_ones(void **state)
{
	struct world w;
	unsigned int n = 0;

	world_init(&w);
	send_register(&w, PHONE, "Contact: <sip:alice@10.0.0.5:5060>\r\n");
	answer(&w, PHONE, "200 OK", "Contact: <sip:alice@203.0.113.1:5060>;expires=300\r\n");
	for (; many_contacts(&w, "10.0.0.66:5060", n); n += PENDING_CONTACTS_MAX)
		;
	assert_int_equal(registration_count(w.registrations), REGISTRATIONS_MAX);
	for (unsigned int i = 0; i < 100; i++)
		assert_true(many_contacts(&w, "10.0.0.7:5060", 1000000 + i * PENDING_CONTACTS_MAX));
	assert_false(many_contacts(&w, "10.0.0.66:5060", n + PENDING_CONTACTS_MAX));
	assert_int_equal(registration_count(w.registrations), REGISTRATIONS_MAX);
	assert_int_equal(seconds_left(&w, PHONE, "alice"), 300);
	assert_int_equal(seconds_left(&w, "10.0.0.66:5060", "u0"), 0);
	assert_int_equal(seconds_left(&w, "10.0.0.7:5060", "u1000000"), 600);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_granted),
		cmocka_unit_test(a_flood_locks_nobody_out),
		cmocka_unit_test(nor_do_granted_ones),
		cmocka_unit_test(registrar_may_speak_until_it_expires),
		cmocka_unit_test(refresh_is_quiet_and_removal_is_not),
		cmocka_unit_test(several_contacts_and_star),
		cmocka_unit_test(nobody_else_answers),
		cmocka_unit_test(shown_and_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
