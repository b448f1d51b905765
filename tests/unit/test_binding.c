// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling bindings: which public port an inside endpoint gets, how long it has it, and that it
 * survives as a record.
 */
#include "rewrite_fixture.h"

static unsigned int public_port(const struct binding *b)
{
	return ntohs(b->outside.port);
}

static void ports_as_nat_gives_them(void **state)
{
	static const struct {
		const char *inside;
		unsigned int port;
	} table[] = {
		{ "10.0.0.5:5060", 5060 }, /* its own */
		{ "10.0.0.6:5060", 5062 }, /* taken */
		{ "10.0.0.6:5080", 5080 },
		{ "10.0.0.7:5062", 5063 }, /* taken by one of the range */
		{ "10.0.0.7:32767", 5064 }, /* media */
		{ "10.0.0.7:16384", 5065 },
		{ "10.0.0.7:16383", 16383 },
		{ "10.0.0.7:32768", 5066 }, /* other flows' numbers */
		{ "10.0.0.7:60999", 5067 },
		{ "10.0.0.7:61000", 61000 },
		{ "10.0.0.7:53", 5068 }, /* this machine's services */
		{ "[fd00::5]:5060", 5060 }, /* the families are apart */
		{ "[fd00::6]:5060", 5062 },
	};
	struct world w;
	size_t i;

	world_init(&w);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_ep inside = ep(table[i].inside);
		struct binding *b = bound(&w, table[i].inside);

		assert_int_equal(public_port(b), table[i].port);
		assert_int_equal(b->mode, RF_MODE_NAT);
		assert_ptr_equal(binding_by_inside(w.bindings, WAN, &inside), b);
		assert_ptr_equal(binding_by_outside(w.bindings, WAN, &b->outside), b);
		assert_ptr_equal(binding_by_id(w.bindings, b->id), b);
		assert_null(binding_by_inside(w.bindings, WAN + 1, &inside));
		assert_ptr_equal(bound(&w, table[i].inside), b);
	}
	assert_int_equal(count(&w, ACT_SIGNAL_SET), i);
	assert_int_equal(count(&w, ACT_SAVE), i);
	world_free(&w);
}

static void refusals_have_names(void **state)
{
	static const struct {
		const char *inside;
		uint32_t wan;
		enum rf_reason reason;
	} table[] = {
		{ "192.0.2.5:5060", WAN, RF_R_SIP_NO_INSIDE },
		{ "10.0.0.5:5060", 99, RF_R_NO_ROUTE },
		{ "[fd00::5]:5060", WAN, RF_R_NO_ROUTE },
		{ "10.0.0.5:40000", WAN, RF_R_SIP_NO_PORTS },
		{ "10.0.0.5:5070", WAN, RF_R_NONE },
		{ "10.0.0.5:5071", WAN, RF_R_SIP_LIMIT },
	};
	struct world w;
	size_t i;

	world_init(&w);
	w.topo.wans[0].has6 = false;
	w.config.sip_public_hi = 5062;
	w.config.max_bindings = 2;
	binding_reconfigure(w.bindings, &w.config);
	bound(&w, "10.0.0.9:5062");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_ep inside = ep(table[i].inside);
		struct binding *b = NULL;

		assert_int_equal(binding_get(w.bindings, &w.topo, table[i].wan, &inside, w.now,
					     &w.out, &b),
				 table[i].reason);
		assert_int_equal(b != NULL, table[i].reason == RF_R_NONE);
	}
	assert_int_equal(count(&w, ACT_SIGNAL_SET), 2);
	world_free(&w);
}

/* What `sip.except` leaves to others is given to nobody. */
static void excepted_ports_are_not_given(void **state)
{
	struct world w;

	world_init(&w);
	w.config.sip_excepts[0] = ep("203.0.113.1:5060");
	w.config.sip_excepts[1] = (struct rf_ep){ .port = htons(5062) };
	w.config.n_sip_excepts = 2;
	binding_reconfigure(w.bindings, &w.config);
	assert_int_equal(public_port(bound(&w, "10.0.0.5:5060")), 5063);
	assert_int_equal(public_port(bound(&w, "10.0.0.6:5062")), 5064);
	assert_int_equal(public_port(bound(&w, "[fd00::5]:5060")), 5060);
	world_free(&w);
}

static void identity_without_translation(void **state)
{
	struct rf_ep taken = ep("203.0.113.1:5070");
	struct binding *b;
	struct world w;

	world_init(&w);
	world_inside(&w, "192.0.2.0/24", RF_MODE_AUTO);
	b = bound(&w, "192.0.2.9:40000");
	assert_int_equal(b->mode, RF_MODE_ROUTED);
	assert_true(ep_eq(&b->inside, &b->outside));
	b = bound(&w, "203.0.113.1:5060");
	assert_int_equal(b->mode, RF_MODE_HOST);
	assert_true(ep_eq(&b->inside, &b->outside));
	assert_true(w.out.v[w.out.n - 2].signal.local);
	/* an inside phone may not take the local server's number, nor the other way round */
	assert_int_equal(public_port(bound(&w, "10.0.0.5:5060")), 5062);
	bound(&w, "10.0.0.5:5070");
	assert_int_equal(binding_get(w.bindings, &w.topo, WAN, &taken, w.now, &w.out, &b),
			 RF_R_SIP_NO_PORTS);
	world_free(&w);
}

static void text_differs_behind_cloud_nat(void **state)
{
	struct rf_ep text;
	struct binding *b;
	struct world w;

	world_init(&w);
	w.topo.wans[0].wire4 = addr("10.9.0.2");
	b = bound(&w, "10.0.0.5:5060");
	text = binding_public(&w.topo, b);
	assert_true(addr_eq(&b->outside.addr, &w.topo.wans[0].wire4));
	assert_true(addr_eq(&text.addr, &w.topo.wans[0].public4));
	assert_int_equal(text.port, b->outside.port);
	world_free(&w);
}

static void ends_after_silence(void **state)
{
	struct rf_ep inside = ep("10.0.0.5:5060");
	struct binding *b, *other;
	struct world w;
	uint32_t id;

	world_init(&w);
	b = bound(&w, "10.0.0.5:5060");
	other = bound(&w, "10.0.0.6:5060");
	id = b->id;
	binding_answered(w.bindings, b, w.now);
	binding_touch(other, w.now + 3600 * SECOND);
	binding_touch(other, w.now + 1); /* never shortens */
	w.now += 299 * SECOND;
	binding_tick(w.bindings, w.now, &w.out);
	assert_int_equal(count(&w, ACT_SIGNAL_CLOSE), 0);
	bound(&w, "10.0.0.5:5060"); /* a message: five minutes more */
	w.now += 299 * SECOND;
	binding_tick(w.bindings, w.now, &w.out);
	assert_non_null(binding_by_inside(w.bindings, WAN, &inside));
	w.now += SECOND;
	binding_tick(w.bindings, w.now, &w.out);
	assert_null(binding_by_inside(w.bindings, WAN, &inside));
	assert_null(binding_by_id(w.bindings, id));
	assert_int_equal(count(&w, ACT_SIGNAL_CLOSE), 1);
	assert_int_equal(count(&w, ACT_FORGET), 1);
	assert_int_equal(binding_count(w.bindings), 1);
	/* its number is free again, its id is not */
	b = bound(&w, "10.0.0.7:5060");
	assert_int_equal(public_port(b), 5060);
	assert_int_equal(b->id, 3);
	world_free(&w);
}

static bool alive(const struct world *w, const char *inside)
{
	struct rf_ep e = ep(inside);

	return binding_by_inside(w->bindings, WAN, &e);
}

/* Nobody outside has answered: 64*T1, and five minutes from the first answer on. */
static void unanswered_ends_early(void **state)
{
	struct binding *b;
	struct world w;

	world_init(&w);
	bound(&w, "10.0.0.5:5060");
	b = bound(&w, "10.0.0.6:5060");
	w.now += 20 * SECOND;
	binding_answered(w.bindings, b, w.now);
	binding_tick(w.bindings, w.now + 11 * SECOND, &w.out);
	assert_true(alive(&w, "10.0.0.5:5060"));
	binding_tick(w.bindings, w.now + 12 * SECOND, &w.out);
	assert_false(alive(&w, "10.0.0.5:5060"));
	binding_tick(w.bindings, w.now + 299 * SECOND, &w.out);
	assert_true(alive(&w, "10.0.0.6:5060"));
	binding_tick(w.bindings, w.now + 300 * SECOND, &w.out);
	assert_int_equal(binding_count(w.bindings), 0);
	world_free(&w);
}

/* One host sends junk from many ports: it takes nothing from the others, answered or not. */
static void junk_gives_way(void **state)
{
	char text[32];
	struct world w;

	world_init(&w);
	w.config.max_bindings = 20;
	binding_reconfigure(w.bindings, &w.config);
	binding_answered(w.bindings, bound(&w, "10.0.0.5:5060"), w.now);
	bound(&w, "10.0.0.6:5060");
	for (int i = 0; i < 1000; i++) {
		w.now++;
		snprintf(text, sizeof(text), "10.0.0.66:%d", 32768 + i); /* each of the range */
		bound(&w, text);
		w.now++;
		bound(&w, "10.0.0.66:7000"); /* asked for all the time, so it stays */
	}
	assert_int_equal(binding_count(w.bindings), 2 + 7 + 1); /* the range has 8, one is .6's */
	assert_true(alive(&w, "10.0.0.5:5060") && alive(&w, "10.0.0.6:5060"));
	assert_true(alive(&w, "10.0.0.66:7000") && alive(&w, text));
	for (int i = 0; i < 1000; i++) {
		w.now++;
		snprintf(text, sizeof(text), "10.0.0.66:%d", 8000 + i); /* each its own number */
		bound(&w, text);
		assert_true(binding_count(w.bindings) <= 20);
	}
	assert_true(alive(&w, "10.0.0.5:5060") && alive(&w, "10.0.0.6:5060"));
	/* and somebody new finds room */
	for (int i = 0; i < 5; i++) {
		w.now++;
		snprintf(text, sizeof(text), "10.0.1.%d:5060", i);
		binding_answered(w.bindings, bound(&w, text), w.now);
	}
	assert_int_equal(binding_count(w.bindings), 20);
	assert_true(alive(&w, "10.0.0.5:5060") && alive(&w, "10.0.1.0:5060"));
	assert_int_equal(count(&w, ACT_SIGNAL_SET) - count(&w, ACT_SIGNAL_CLOSE), 20);
	world_free(&w);
}

/* Answered ones do not give way, but one address does not get all ports of the range. Ports of its own
 * number, which nobody else would get, do not count: a PBX may have a thousand. */
static void cap_per_address(void **state)
{
	struct binding *b;
	char text[32];
	struct world w;

	world_init(&w);
	w.config.sip_public_hi = w.config.sip_public_lo + 39;
	w.config.max_bindings = 2000;
	binding_reconfigure(w.bindings, &w.config);
	for (int i = 0; i < 30; i++) {
		struct rf_ep inside;

		w.now++;
		snprintf(text, sizeof(text), "10.0.0.66:%d", 32768 + i);
		inside = ep(text);
		assert_int_equal(binding_get(w.bindings, &w.topo, WAN, &inside, w.now, &w.out, &b),
				 i < 20 ? RF_R_NONE : RF_R_SIP_LIMIT);
		if (i < 20)
			binding_answered(w.bindings, b, w.now);
	}
	for (int i = 0; i < 1000; i++) {
		w.now++;
		snprintf(text, sizeof(text), "10.0.0.66:%d", 8000 + i);
		binding_answered(w.bindings, bound(&w, text), w.now);
	}
	bound(&w, "10.0.0.5:5060");
	bound(&w, "10.0.0.5:32768");
	/* a quarter of all is left to others, whatever numbers they have */
	w.config.max_bindings = 1100;
	binding_reconfigure(w.bindings, &w.config);
	struct rf_ep more = ep("10.0.0.66:9999");

	w.now++;
	assert_int_equal(binding_get(w.bindings, &w.topo, WAN, &more, w.now, &w.out, &b),
			 RF_R_SIP_LIMIT);
	bound(&w, "10.0.0.6:5060");
	world_free(&w);
}

/* A port that has just become free rests. */
static void ports_take_turns(void **state)
{
	struct world w;

	world_init(&w);
	assert_int_equal(public_port(bound(&w, "10.0.0.5:53")), 5062);
	w.now += 33 * SECOND;
	binding_tick(w.bindings, w.now, &w.out);
	for (int i = 1; i < 20; i++) {
		assert_int_equal(public_port(bound(&w, "10.0.0.5:53")), 5062 + i % 8);
		w.now += 33 * SECOND;
		binding_tick(w.bindings, w.now, &w.out);
	}
	world_free(&w);
}

static void static_binding_follows_the_topology(void **state)
{
	struct rf_ep inbound = ep("10.0.0.2:5060"), other = ep("10.0.0.3:5060");
	struct topology_wan *second;
	struct binding *b;
	struct world w;

	world_init(&w);
	binding_topology(w.bindings, &w.topo, &inbound, w.now, &w.out);
	b = binding_by_inside(w.bindings, WAN, &inbound);
	assert_true(b->is_static);
	binding_topology(w.bindings, &w.topo, &inbound, w.now, &w.out);
	assert_int_equal(binding_count(w.bindings), 1);
	binding_tick(w.bindings, w.now + 1000000 * SECOND, &w.out);
	assert_int_equal(binding_count(w.bindings), 1);
	/* a second WAN; then a new address on the first, so a new binding there */
	second = &w.topo.wans[w.topo.n_wans++];
	*second = w.topo.wans[0];
	second->ifindex = 3;
	second->wire4 = second->public4 = addr("198.18.0.1");
	w.topo.wans[0].wire4 = w.topo.wans[0].public4 = addr("203.0.113.99");
	actions_reset(&w.out);
	binding_topology(w.bindings, &w.topo, &inbound, w.now, &w.out);
	assert_int_equal(binding_count(w.bindings), 2);
	assert_int_equal(count(&w, ACT_SIGNAL_CLOSE), 1);
	b = binding_by_inside(w.bindings, WAN, &inbound);
	assert_true(addr_eq(&b->outside.addr, &w.topo.wans[0].wire4));
	assert_int_equal(public_port(binding_by_inside(w.bindings, 3, &inbound)), 5060);
	/* another inbound host: the old binding ends like any other */
	binding_topology(w.bindings, &w.topo, &other, w.now, &w.out);
	assert_false(binding_by_inside(w.bindings, WAN, &inbound)->is_static);
	assert_int_equal(binding_count(w.bindings), 4);
	binding_tick(w.bindings, w.now + BINDING_LIFE_NS, &w.out);
	assert_int_equal(binding_count(w.bindings), 2);
	w.topo.n_wans = 0;
	binding_topology(w.bindings, &w.topo, NULL, w.now, &w.out);
	assert_int_equal(binding_count(w.bindings), 0);
	world_free(&w);
}

/* One endpoint on two WANs: closing one port must not take the kernel's entry of the other away. */
static void siblings_are_set_again(void **state)
{
	struct rf_ep inside = ep("10.0.0.5:5060");
	struct binding *b, *left;
	struct world w;

	world_init(&w);
	w.topo.wans[1] = w.topo.wans[0];
	w.topo.wans[1].ifindex = 3;
	w.topo.n_wans = 2;
	b = bound(&w, "10.0.0.5:5060");
	binding_get(w.bindings, &w.topo, 3, &inside, w.now, &w.out, &left);
	assert_ptr_not_equal(b, left);
	binding_touch(left, w.now + 1000 * SECOND);
	actions_reset(&w.out);
	binding_tick(w.bindings, w.now + BINDING_LIFE_NS, &w.out);
	assert_int_equal(w.out.v[0].kind, ACT_SIGNAL_CLOSE);
	assert_int_equal(w.out.v[w.out.n - 1].kind, ACT_SIGNAL_SET);
	assert_int_equal(w.out.v[w.out.n - 1].signal.id, left->id);
	world_free(&w);
}

static struct view last_record(const struct world *w, enum record_kind kind, uint32_t *id)
{
	size_t i;

	for (i = w->out.n; i-- > 0;) {
		if (w->out.v[i].kind == ACT_SAVE && w->out.v[i].record.kind == kind) {
			*id = w->out.v[i].record.id;
			return w->out.v[i].record.bytes;
		}
	}
	fail();
	return VIEW_NONE;
}

static void records_restore(void **state)
{
	struct sip_hostport hp;
	struct world w, after;
	struct binding *b;
	struct view bytes;
	uint32_t id = 0;
	size_t n;

	world_init(&w);
	world_init(&after);
	w.next_id = 41;
	b = bound(&w, "[fd00::a]:5060");
	sip_hostport_parse(VIEW("[FD00::000A]"), &hp);
	binding_style(b, BINDING_CONTACT, &hp, false, &w.out);
	n = count(&w, ACT_SAVE);
	binding_style(b, BINDING_CONTACT, &hp, false, &w.out); /* no news */
	assert_int_equal(count(&w, ACT_SAVE), n);
	bytes = last_record(&w, RECORD_BINDING, &id);
	for (n = 0; n < bytes.n; n++)
		assert_int_equal(binding_restore(after.bindings, id, (struct view){ bytes.p, n },
						 after.now),
				 -EINVAL);
	assert_int_equal(binding_restore(after.bindings, id, bytes, after.now), 0);
	assert_int_equal(binding_restore(after.bindings, id, bytes, after.now), -EINVAL);
	assert_int_equal(binding_restore(after.bindings, id + 1, bytes, after.now), -EINVAL);
	b = binding_by_id(after.bindings, 41);
	assert_int_equal(b->portless, BINDING_CONTACT);
	assert_string_equal(b->inside_text, "[FD00::000A]");
	assert_int_equal(after.next_id, 42);
	binding_topology(after.bindings, &after.topo, NULL, after.now, &after.out);
	binding_restored(after.bindings, &after.out);
	assert_int_equal(count(&after, ACT_SIGNAL_SET), 1);
	assert_ptr_equal(bound(&after, "[fd00::a]:5060"), b);
	binding_tick(after.bindings, after.now + BINDING_LIFE_NS - 1, &after.out);
	assert_int_equal(binding_count(after.bindings), 1);
	world_free(&w);
	world_free(&after);
}

static void tokens_find_their_binding(void **state)
{
	static const struct {
		const char *token, *inside; /* NULL: none */
	} table[] = {
		{ "203.0.113.1", "10.0.0.5:5060" },
		{ "203.0.113.1:5060", "10.0.0.5:5060" },
		{ "10.9.0.2:5062", "10.0.0.6:5060" }, /* on the wire */
		{ "203.0.113.1:5062", "10.0.0.6:5060" },
		{ "10.0.0.6", "10.0.0.6:5060" },
		{ "203.0.113.1:5063", NULL },
		{ "example.com", NULL },
		{ "192.0.2.1:5060", NULL },
	};
	struct world w;
	size_t i;

	world_init(&w);
	w.topo.wans[0].wire4 = addr("10.9.0.2");
	bound(&w, "10.0.0.5:5060");
	bound(&w, "10.0.0.6:5060");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sip_hostport hp;
		struct binding *b;

		sip_hostport_parse(view_of(table[i].token), &hp);
		b = binding_by_token(w.bindings, &w.topo.wans[0], &hp);
		assert_int_equal(b != NULL, table[i].inside != NULL);
		if (b) {
			struct rf_ep want = ep(table[i].inside);

			assert_true(ep_eq(&b->inside, &want));
		}
	}
	world_free(&w);
}

/* The heap under all deadlines: random touches, then everything comes out, in time and once. */
static void deadlines_come_up_in_time(void **state)
{
	enum { N = 500 };
	struct expiry entries[N], *e;
	struct expiry_heap heap = { 0 };
	uint64_t now, i, out = 0;

	srand(1);
	for (i = 0; i < N; i++)
		assert_int_equal(expiry_add(&heap, &entries[i], rand() % 1000), 0);
	for (i = 0; i < 4 * N; i++) {
		e = &entries[rand() % N];
		if (rand() % 2)
			expiry_extend(e, rand() % 2000);
		else
			expiry_set(&heap, e, rand() % 2000);
	}
	for (i = 0; i < N; i += 5)
		expiry_remove(&heap, &entries[i]);
	for (now = 0; now < 2000; now++) {
		while ((e = expiry_pop(&heap, now))) {
			assert_int_equal(e->until_ns, now);
			out++;
		}
	}
	assert_int_equal(out, N - N / 5);
	assert_int_equal(heap.n, 0);
	free(heap.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_as_nat_gives_them),
		cmocka_unit_test(refusals_have_names),
		cmocka_unit_test(excepted_ports_are_not_given),
		cmocka_unit_test(identity_without_translation),
		cmocka_unit_test(text_differs_behind_cloud_nat),
		cmocka_unit_test(unanswered_ends_early),
		cmocka_unit_test(junk_gives_way),
		cmocka_unit_test(cap_per_address),
		cmocka_unit_test(ports_take_turns),
		cmocka_unit_test(ends_after_silence),
		cmocka_unit_test(static_binding_follows_the_topology),
		cmocka_unit_test(siblings_are_set_again),
		cmocka_unit_test(records_restore),
		cmocka_unit_test(tokens_find_their_binding),
		cmocka_unit_test(deadlines_come_up_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
