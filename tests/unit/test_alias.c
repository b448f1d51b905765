// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of substituted identities: found by both forms, bounded, ended, restored.
 */
#include "rewrite_fixture.h"

#define IN  VIEW("1@10.0.0.5")
#define OUT VIEW("1@203.0.113.1")

static const struct share_key somebody; /* inside */

static struct alias_item item(enum alias_kind kind, const char *key, const char *inside,
			      const char *outside)
{
	return (struct alias_item){ kind, view_of(key), view_of(inside), view_of(outside) };
}

static void found_by_both_forms(void **state)
{
	struct alias_item known = item(ALIAS_LOCAL, "alice", "10.0.0.5:5060", "203.0.113.1:5062");
	const struct alias_item *found;
	struct alias *a;
	struct world w;

	world_init(&w);
	a = alias_get(w.aliases, &somebody, IN, OUT, w.now, &w.out);
	assert_ptr_equal(alias_get(w.aliases, &somebody, IN, VIEW("x"), w.now, &w.out), a);
	assert_ptr_equal(alias_by_internal(w.aliases, IN), a);
	assert_ptr_equal(alias_by_public(w.aliases, OUT), a);
	assert_null(alias_by_internal(w.aliases, OUT));
	assert_true(view_eq(alias_internal_call_id(w.aliases, OUT), IN));
	assert_true(view_eq(alias_internal_call_id(w.aliases, IN), IN));
	assert_int_equal(alias_learn(w.aliases, a, &known, &w.out), 0);
	assert_int_equal(alias_learn(w.aliases, a, &known, &w.out), 0);
	assert_int_equal(count(&w, ACT_SAVE), 2); /* the entry, the item once */
	found = alias_find_inside(a, ALIAS_LOCAL, known.key, known.inside);
	assert_true(view_eq(found->outside, known.outside));
	assert_ptr_equal(alias_find_outside(a, ALIAS_LOCAL, known.key, known.outside), found);
	assert_null(alias_find_outside(a, ALIAS_REMOTE, known.key, known.outside));
	assert_null(alias_find_outside(a, ALIAS_LOCAL, VIEW("bob"), known.outside));
	assert_null(alias_find_outside(NULL, ALIAS_LOCAL, known.key, known.outside));
	world_free(&w);
}

static void ends_after_its_last_use(void **state)
{
	struct world w;

	world_init(&w);
	alias_get(w.aliases, &somebody, IN, OUT, w.now, &w.out);
	alias_get(w.aliases, &somebody, VIEW("2@10.0.0.5"), VIEW("2@203.0.113.1"), w.now, &w.out);
	alias_touch(w.aliases, IN, w.now + 3600 * SECOND);
	alias_touch(w.aliases, VIEW("unknown"), w.now + 3600 * SECOND);
	w.now += 31 * SECOND;
	alias_tick(w.aliases, w.now, &w.out);
	assert_int_equal(alias_count(w.aliases), 2);
	/* a life that moved far is saved once, by the tick */
	assert_int_equal(count(&w, ACT_SAVE), 3);
	w.now += SECOND;
	alias_tick(w.aliases, w.now, &w.out);
	assert_int_equal(alias_count(w.aliases), 1);
	assert_int_equal(count(&w, ACT_FORGET), 1);
	w.now += 3568 * SECOND;
	alias_tick(w.aliases, w.now, &w.out);
	assert_int_equal(alias_count(w.aliases), 0);
	world_free(&w);
}

static void same_public_form_gets_a_suffix(void **state)
{
	struct alias *a;
	struct world w;

	world_init(&w);
	alias_get(w.aliases, &somebody, IN, OUT, w.now, &w.out);
	a = alias_get(w.aliases, &somebody, VIEW("1@10.0.0.6"), OUT, w.now, &w.out);
	assert_true(view_eq(alias_public(a), VIEW("1@203.0.113.1-2")));
	assert_true(
		view_eq(alias_internal_call_id(w.aliases, alias_public(a)), VIEW("1@10.0.0.6")));
	world_free(&w);
}

static void bounds_hold(void **state)
{
	struct alias_item known = item(ALIAS_LOCAL, "", "10.0.0.5", "203.0.113.1");
	char text[ALIAS_TEXT_MAX + 1], key[32];
	struct alias *a;
	struct world w;
	int i;

	world_init(&w);
	memset(text, 'x', sizeof(text));
	assert_null(alias_get(w.aliases, &somebody, (struct view){ text, sizeof(text) }, OUT, w.now,
			      &w.out));
	assert_null(alias_get(w.aliases, &somebody, VIEW(""), OUT, w.now, &w.out));
	a = alias_get(w.aliases, &somebody, IN, OUT, w.now, &w.out);
	assert_int_equal(alias_learn(w.aliases, a, &known, &w.out), 0);
	known.key = (struct view){ text, sizeof(text) };
	assert_int_equal(alias_learn(w.aliases, a, &known, &w.out), -ENOSPC);
	/* transactions push each other out, identities stay */
	for (i = 0; i < 3 * ALIAS_ITEMS_MAX; i++) {
		struct alias_item via = item(ALIAS_RECEIVED, key, "10.0.0.9", "203.0.113.1");

		sprintf(key, "z9hG4bK%d", i);
		via.key = view_of(key);
		assert_int_equal(alias_learn(w.aliases, a, &via, &w.out), 0);
	}
	assert_non_null(alias_find_inside(a, ALIAS_RECEIVED, view_of(key), VIEW("10.0.0.9")));
	assert_null(alias_find_inside(a, ALIAS_RECEIVED, VIEW("z9hG4bK0"), VIEW("10.0.0.9")));
	assert_non_null(alias_find_inside(a, ALIAS_LOCAL, VIEW(""), VIEW("10.0.0.5")));
	for (i = 0; i < ALIAS_ITEMS_MAX - 1; i++) {
		sprintf(key, "user%d", i);
		known.key = view_of(key);
		assert_int_equal(alias_learn(w.aliases, a, &known, &w.out), 0);
	}
	known.key = VIEW("one more");
	assert_int_equal(alias_learn(w.aliases, a, &known, &w.out), -ENOSPC);
	world_free(&w);
}

static void records_restore(void **state)
{
	struct alias_item known = item(ALIAS_REMOTE, "bob", "10.0.0.6", "203.0.113.1");
	struct alias_item via = item(ALIAS_RECEIVED, "z9hG4bK1", "10.0.0.9", "203.0.113.1");
	struct world w, after;
	struct action *last;
	struct view bytes;
	struct alias *a;
	size_t n;

	world_init(&w);
	world_init(&after);
	alias_get(w.aliases, &somebody, VIEW("0"), VIEW("0"), w.now, &w.out);
	a = alias_get(w.aliases, &somebody, IN, OUT, w.now, &w.out);
	alias_learn(w.aliases, a, &via, &w.out);
	alias_learn(w.aliases, a, &known, &w.out);
	alias_touch(w.aliases, IN, w.now + 600 * SECOND);
	alias_tick(w.aliases, w.now, &w.out);
	last = &w.out.v[w.out.n - 1];
	assert_int_equal(last->kind, ACT_SAVE);
	bytes = last->record.bytes;
	for (n = 0; n < bytes.n; n++)
		assert_int_equal(alias_restore(after.aliases, 2, (struct view){ bytes.p, n },
					       after.now),
				 -EINVAL);
	assert_int_equal(alias_restore(after.aliases, 2, bytes, after.now), 0);
	assert_int_equal(alias_restore(after.aliases, 3, bytes, after.now), -EINVAL);
	a = alias_by_public(after.aliases, OUT);
	assert_true(view_eq(alias_internal(a), IN));
	assert_non_null(alias_find_outside(a, ALIAS_REMOTE, known.key, known.outside));
	assert_null(alias_find_inside(a, ALIAS_RECEIVED, via.key, via.inside));
	/* lives as long as was saved */
	alias_tick(after.aliases, after.now + 599 * SECOND, &after.out);
	assert_int_equal(alias_count(after.aliases), 1);
	a = alias_get(after.aliases, &somebody, VIEW("n"), VIEW("n"), after.now, &after.out);
	assert_int_equal(after.out.v[after.out.n - 1].record.id, 3);
	world_free(&w);
	world_free(&after);
}

/* Strangers take no more than their part, nobody takes what an answered call knows, and an inside host finds room. */
static void who_may_have_how_many(void **state)
{
	struct share_key stranger = { .kind = SHARE_STRANGER };
	struct world w;
	char text[32];

	world_init(&w);
	alias_get(w.aliases, &stranger, IN, OUT, w.now, &w.out);
	alias_firm(w.aliases, IN, true);
	for (unsigned int i = 0; i < ALIASES_MAX + ALIASES_MAX / 4; i++) {
		struct view id = { text, (size_t)sprintf(text, "%u", i) };

		if (i == ALIASES_MAX / 16) /* alone, until here */
			assert_int_equal(alias_count(w.aliases), ALIASES_MAX / 16);
		if (i > ALIASES_MAX / 16)
			stranger.addr.w[3] = htonl(i / 100);
		assert_non_null(alias_get(w.aliases,
					  i < ALIASES_MAX * 3 / 4 ? &stranger : &somebody, id, id,
					  w.now, &w.out));
		if (i == ALIASES_MAX * 3 / 4)
			assert_int_equal(alias_count(w.aliases), ALIASES_MAX / 2 + 1);
		if (i == ALIASES_MAX / 2)
			alias_touch(w.aliases, id,
				    w.now + 100 * SECOND); /* one that waits to be saved */
		if (!(i % 1000))
			actions_reset(&w.out);
	}
	assert_non_null(alias_by_internal(w.aliases, IN));
	alias_tick(w.aliases, w.now, &w.out);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_have_how_many),
		cmocka_unit_test(found_by_both_forms),
		cmocka_unit_test(ends_after_its_last_use),
		cmocka_unit_test(same_public_form_gets_a_suffix),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(records_restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
