// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal's index: whatever comes and goes, what is in it is found where it was said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "journal_index.h"

#define IDS   300
#define KINDS 3

static int by_place(const void *a, const void *b)
{
	const struct journal_place *x = *(struct journal_place *const *)a;
	const struct journal_place *y = *(struct journal_place *const *)b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void check(const struct journal_index *x, uint64_t want[KINDS][IDS])
{
	struct journal_place **sorted = journal_index_sorted(x, by_place);
	size_t n = 0;

	for (uint32_t kind = 1; kind <= KINDS; kind++)
		for (uint32_t id = 0; id < IDS; id++) {
			struct journal_place *p = journal_index_find(x, kind, id);

			assert_int_equal(p ? p->at : 0, want[kind - 1][id]);
			n += p != NULL;
		}
	assert_int_equal(x->n, n);
	assert_non_null(sorted);
	for (size_t i = 1; i < n; i++)
		assert_true(sorted[i - 1]->at < sorted[i]->at);
	free(sorted);
}

static void comes_and_goes(void **state)
{
	static uint64_t want[KINDS][IDS];
	struct journal_index x = { 0 };
	unsigned int seed = 7;

	check(&x, want);
	for (uint64_t i = 1; i < 50000; i++) {
		uint32_t kind = 1 + rand_r(&seed) % KINDS, id = rand_r(&seed) % IDS;
		/* in turn mostly filled and mostly emptied */
		int add = rand_r(&seed) % 8 < (i / 5000 % 2 ? 2 : 6);
		struct journal_place *p =
			add ? journal_index_get(&x, kind, id) : journal_index_find(&x, kind, id);

		assert_int_equal(p ? p->at : 0, want[kind - 1][id]);
		if (add) {
			assert_non_null(p);
			p->at = i;
			p->length = JOURNAL_LENGTH_MAX;
		} else if (p) {
			assert_int_equal(p->length, JOURNAL_LENGTH_MAX);
			journal_index_remove(&x, p);
		}
		want[kind - 1][id] = add ? i : 0;
		if (i % 97 == 0)
			check(&x, want);
	}
	journal_index_free(&x);
	assert_null(journal_index_find(&x, 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(comes_and_goes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
