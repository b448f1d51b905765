// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who outside may speak, and whose answers are expected.
 */
#include "rewrite_fixture.h"

static enum policy_verdict request(struct world *w, const struct binding *b, const char *remote,
				   enum sip_method m, bool in_dialog)
{
	struct policy_query q = { &w->config, w->registrations, b, ep(remote), in_dialog, false,
				  w->now };

	q.subscribed = policy_notifies(w->policy, &q);
	return policy_request(w->policy, &q, m);
}

static enum policy_verdict response(struct world *w, const struct binding *b, const char *remote,
				    bool in_dialog)
{
	struct policy_query q = { &w->config, w->registrations, b, ep(remote), in_dialog, false,
				  w->now };

	return policy_response(w->policy, &q);
}

static void longest_prefix_names_the_peer(void **state)
{
	static const struct {
		const char *remote;
		int peer; /* -1: none */
	} table[] = {
		{ "198.51.100.7:5060", 2 },	{ "198.51.100.7:5080", 3 },
		{ "198.51.100.8:5060", 1 },	{ "198.51.7.1:9", 0 },
		{ "192.0.2.1:5060", -1 },	{ "192.0.2.9:5061", 4 },
		{ "192.0.2.9:5060", -1 },	{ "[2001:db8:7::1]:5060", 5 },
		{ "[2001:db8:8::1]:5060", -1 },
	};
	struct world w;
	size_t i;

	world_init(&w);
	world_peer(&w, "198.51.0.0/16", 0);
	world_peer(&w, "198.51.100.0/24", 0);
	world_peer(&w, "198.51.100.7", 0);
	world_peer(&w, "198.51.100.7", 5080);
	world_peer(&w, "192.0.2.9", 5061);
	world_peer(&w, "2001:db8:7::/48", 0);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_ep remote = ep(table[i].remote);
		const struct config_peer *p = policy_peer(&w.config, &remote);

		assert_int_equal(p ? (int)(p - w.config.peers) : -1, table[i].peer);
	}
	world_free(&w);
}

static void requests_need_a_title(void **state)
{
	struct rf_addr far = addr("192.0.2.1");
	struct binding *b, *other;
	struct world w;

	world_init(&w);
	world_peer(&w, "198.51.100.0/24", 0);
	b = bound(&w, "10.0.0.5:5060");
	other = bound(&w, "10.0.0.6:5060");
	assert_int_equal(request(&w, b, "198.51.100.7:5060", SIP_M_INVITE, false), POLICY_PEER);
	assert_int_equal(request(&w, NULL, "198.51.100.7:5060", SIP_M_INVITE, false), POLICY_PEER);
	assert_int_equal(request(&w, b, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_REFUSED);
	assert_int_equal(request(&w, b, "192.0.2.1:5060", SIP_M_BYE, true), POLICY_DIALOG);
	/* having been written to is no title to call */
	policy_expect(w.policy, &b->inside.addr, b->id, &far, w.now + POLICY_RESPONSE_NS);
	assert_int_equal(request(&w, b, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_REFUSED);
	policy_subscribed(w.policy, &b->inside.addr, b->id, &far, w.now + 60 * SECOND);
	assert_int_equal(request(&w, b, "192.0.2.1:5060", SIP_M_NOTIFY, false),
			 POLICY_SUBSCRIPTION);
	assert_int_equal(request(&w, b, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_REFUSED);
	assert_int_equal(request(&w, other, "192.0.2.1:5060", SIP_M_NOTIFY, false), POLICY_REFUSED);
	w.now += 60 * SECOND;
	assert_int_equal(request(&w, b, "192.0.2.1:5060", SIP_M_NOTIFY, false), POLICY_REFUSED);
	assert_int_equal(policy_reason(POLICY_REFUSED), RF_R_SIP_UNKNOWN_PEER);
	assert_int_equal(policy_reason(POLICY_PEER), RF_R_NONE);
	assert_string_equal(policy_name(POLICY_ANYBODY), "anybody");
	world_free(&w);
}

/* inbound without peers: its host is open to all, phones beside it are not. */
static void inbound_without_peers_is_open(void **state)
{
	struct binding *pbx, *phone;
	struct world w;

	world_init(&w);
	w.config.has_inbound = true;
	w.config.inbound = ep("10.0.0.2:5060");
	pbx = bound(&w, "10.0.0.2:5060");
	phone = bound(&w, "10.0.0.5:5060");
	assert_int_equal(request(&w, pbx, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_ANYBODY);
	assert_int_equal(request(&w, NULL, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_ANYBODY);
	assert_int_equal(request(&w, phone, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_REFUSED);
	assert_true(policy_is_open(&w.config));
	world_peer(&w, "198.51.100.0/24", 0); /* whatever it is added for */
	assert_false(policy_is_open(&w.config));
	assert_int_equal(request(&w, pbx, "192.0.2.1:5060", SIP_M_INVITE, false), POLICY_REFUSED);
	world_free(&w);
}

/* Whoever is told to write an entry is told that as well. */
static void advice_names_its_price(void **state)
{
	static const struct {
		enum rf_reason reason;
		const char *text;
	} reasons[] = {
#define X(name, text, action, meaning) { RF_R_##name, meaning },
		RF_REASONS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(reasons[i].text, "peers[]") &&
		    !strstr(reasons[i].text, "anybody may call"))
			fail_msg("%s", reasons[i].text);
	assert_non_null(strstr(reasons[RF_R_SIP_UNASKED].text, "anybody may call"));
}

static void responses_are_expected(void **state)
{
	struct rf_addr far = addr("192.0.2.1");
	struct binding *b, *other;
	struct world w;

	world_init(&w);
	world_peer(&w, "198.51.100.0/24", 0);
	b = bound(&w, "10.0.0.5:5060");
	other = bound(&w, "10.0.0.6:5060");
	assert_int_equal(response(&w, b, "192.0.2.1:5060", false), POLICY_REFUSED);
	policy_expect(w.policy, &b->inside.addr, b->id, &far, w.now + POLICY_RESPONSE_NS);
	assert_int_equal(response(&w, b, "192.0.2.1:5060", false), POLICY_EXPECTED);
	assert_int_equal(response(&w, b, "192.0.2.1:1024", false), POLICY_EXPECTED);
	assert_int_equal(response(&w, other, "192.0.2.1:5060", false), POLICY_REFUSED);
	assert_int_equal(response(&w, NULL, "192.0.2.1:5060", false), POLICY_REFUSED);
	/* a peer that was not asked does not answer */
	assert_int_equal(response(&w, b, "198.51.100.7:5060", false), POLICY_REFUSED);
	assert_int_equal(response(&w, b, "198.51.100.7:5060", true), POLICY_DIALOG);
	policy_expect(w.policy, &b->inside.addr, b->id, &far, w.now + 300 * SECOND);
	policy_expect(w.policy, &b->inside.addr, b->id, &far, w.now + 1); /* never shortens */
	w.now += 299 * SECOND;
	policy_tick(w.policy, w.now);
	assert_int_equal(response(&w, b, "192.0.2.1:5060", false), POLICY_EXPECTED);
	w.now += SECOND;
	assert_int_equal(response(&w, b, "192.0.2.1:5060", false), POLICY_REFUSED);
	policy_tick(w.policy, w.now);
	assert_int_equal(policy_count(w.policy), 0);
	world_free(&w);
}

static void expectations_are_bounded(void **state)
{
	struct rf_addr greedy = addr("10.0.0.66");
	struct world w;
	uint32_t i;

	world_init(&w);
	for (i = 0; i < POLICY_EXPECTATIONS_MAX + 100; i++) {
		struct rf_addr a = addr_from_v4(htonl((192u << 24) + i));

		policy_expect(w.policy, &greedy, 1, &a, w.now + i + 1);
	}
	assert_int_equal(policy_count(w.policy), POLICY_EXPECTATIONS_MAX);
	policy_tick(w.policy, w.now + i);
	assert_int_equal(policy_count(w.policy), 0);
	world_free(&w);
}

/* Who is spoken with all the time is not the one that is forgotten. */
static void a_flood_forgets_the_idle_first(void **state)
{
	struct rf_addr greedy = addr("10.0.0.66");
	struct rf_ep trunk = ep("203.0.113.7:5060");
	struct world w;
	uint32_t i;

	world_init(&w);
	policy_expect(w.policy, &greedy, 1, &trunk.addr, w.now + 32 * SECOND);
	for (i = 0; i < POLICY_EXPECTATIONS_MAX + 100; i++) {
		struct rf_addr a = addr_from_v4(htonl((192u << 24) + i));

		policy_expect(w.policy, &greedy, 1, &a, w.now + 40 * SECOND + i);
		if (i == POLICY_EXPECTATIONS_MAX / 2)
			policy_expect(w.policy, &greedy, 1, &trunk.addr, w.now + 60 * SECOND);
	}
	policy_tick(w.policy, w.now + 50 * SECOND);
	assert_int_equal(policy_count(w.policy), 1);
	world_free(&w);
}

/* And it is the host that asks all the world which forgets, not another one that has waited for longer. */
static void a_flood_is_its_own_loss(void **state)
{
	struct rf_addr greedy = addr("10.0.0.66"), far = addr("192.0.2.1");
	struct binding *b;
	struct world w;

	world_init(&w);
	b = bound(&w, "10.0.0.5:5060");
	policy_expect(w.policy, &b->inside.addr, b->id, &far, w.now + 32 * SECOND);
	for (uint32_t i = 0; i < POLICY_EXPECTATIONS_MAX + 100; i++) {
		struct rf_addr a = addr_from_v4(htonl((192u << 24) + i));

		policy_expect(w.policy, &greedy, 1000, &a, w.now + 40 * SECOND);
	}
	assert_int_equal(policy_count(w.policy), POLICY_EXPECTATIONS_MAX);
	assert_int_equal(response(&w, b, "192.0.2.1:5060", false), POLICY_EXPECTED);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_names_the_peer),
		cmocka_unit_test(requests_need_a_title),
		cmocka_unit_test(a_flood_is_its_own_loss),
		cmocka_unit_test(inbound_without_peers_is_open),
		cmocka_unit_test(advice_names_its_price),
		cmocka_unit_test(responses_are_expected),
		cmocka_unit_test(expectations_are_bounded),
		cmocka_unit_test(a_flood_forgets_the_idle_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
