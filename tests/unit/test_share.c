// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule by which a table is shared (share.h), against a plain model: what gives way is the oldest of whoever holds
 * most, strangers have their parts, what is firm stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "addr.h"
#include "share.h"

#define ITEMS 4096
#define HOSTS 40

static struct share table;
static struct share_item items[ITEMS];

static int setup(void **state)
{
	memset(&table, 0, sizeof(table));
	memset(items, 0, sizeof(items));
	srand(1);
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < ITEMS; i++)
		share_leave(&table, &items[i]);
	assert_null(table.hosts);
	assert_int_equal(table.held + table.strangers_held + table.strangers_loose, 0);
	assert_int_equal(table.known.n + table.strangers.n, 0);
	share_free(&table);
	return 0;
}

static struct share_key who(enum share_kind kind, uint32_t n)
{
	return (struct share_key){ .addr = addr_from_v4(htonl(0x0a000000 + n)), .kind = kind };
}

static struct share_item *join(size_t i, enum share_kind kind, uint32_t n)
{
	struct share_key k = who(kind, n);

	assert_int_equal(share_join(&table, &items[i], &k, 1), 0);
	return &items[i];
}

/* As a table uses it: true when newest is let in. */
static bool admit(struct share_item *newest, size_t max)
{
	struct share_item *i;

	while ((i = share_excess(&table, newest, max, SIZE_MAX)))
		share_leave(&table, i);
	if (share_over(&table, newest, max, SIZE_MAX) == SHARE_FITS)
		return true;
	share_leave(&table, newest);
	return false;
}

static void strangers_have_parts(void **state)
{
	size_t n = 0;

	for (; n < 100; n++)
		assert_true(admit(join(n, SHARE_STRANGER, 1), 640));
	assert_int_equal(table.held, 640 / 16);
	assert_non_null(items[99].host);
	assert_null(items[0].host); /* its own, the oldest first */
	for (; n < 800; n++)
		assert_true(admit(join(n, SHARE_STRANGER, (uint32_t)n), 640));
	assert_int_equal(table.held, 640 / 2);
	/* the other half is there for who is known; then it is the strangers who give way */
	for (; n < 1200; n++)
		assert_true(admit(join(n, SHARE_PEER, (uint32_t)n), 640));
	assert_int_equal(table.held, 640);
	assert_int_equal(table.strangers_held, 240);
}

/* Who is known does not give way to strangers, unless it is one that has more than a quarter. */
static void strangers_take_from_strangers(void **state)
{
	size_t n = 0;

	for (; n < 900; n++) /* of nine that talk */
		share_state(&table,
			    &items[(admit(join(n, SHARE_INSIDE, (uint32_t)n % 9), 1000), n)],
			    SHARE_FIRM);
	for (; n < 1000; n++) /* a trunk, ringing */
		assert_true(admit(join(n, SHARE_PEER, 1), 1000));
	for (; n < 1400; n++)
		admit(join(n, SHARE_STRANGER, (uint32_t)n), 1000);
	for (n = 900; n < 1000; n++)
		assert_non_null(items[n].host);
	/* the trunk alone has half of the table: it does */
	for (n = 0; n < 400; n++)
		share_leave(&table, &items[n]);
	for (n = 2000; n < 2400; n++)
		admit(join(n, SHARE_PEER, 1), 1000);
	for (n = 3000; n < 3040; n++)
		assert_true(admit(join(n, SHARE_STRANGER, (uint32_t)n), 1000));
}

static void firm_stays(void **state)
{
	size_t n = 0;

	for (; n < 40; n++) {
		assert_true(admit(join(n, SHARE_STRANGER, 1), 640));
		share_state(&table, &items[n], SHARE_FIRM);
	}
	assert_false(admit(join(n, SHARE_STRANGER, 1), 640)); /* nothing of its may go */
	assert_int_equal(table.held, 40);
	for (n = 40; n < 640; n++) {
		assert_true(admit(join(n, SHARE_PEER, 2), 640));
		share_state(&table, &items[n], SHARE_FIRM);
	}
	assert_false(admit(join(n, SHARE_INSIDE, 3), 640)); /* all is taken in earnest */
	share_state(&table, &items[100], SHARE_LOOSE);
	assert_true(admit(join(n, SHARE_INSIDE, 3), 640));
	assert_null(items[100].host);
	/* again loose: the newest of its own, and back in the count */
	share_state(&table, &items[50], SHARE_LOOSE);
	share_state(&table, &items[45], SHARE_LOOSE);
	share_state(&table, &items[46], SHARE_LOOSE);
	assert_true(admit(join(n + 1, SHARE_INSIDE, 3), 640));
	assert_null(items[50].host);
	assert_non_null(items[45].host);
	/* what is over goes first */
	share_state(&table, &items[46], SHARE_DONE);
	share_state(&table, &items[47], SHARE_LOOSE);
	assert_true(admit(join(50, SHARE_INSIDE, 4), 640));
	assert_null(items[46].host);
}

/* Whoever asks where nothing is left: his own beyond the quarter, else of who holds most. */
static void wanted(void **state)
{
	struct share_key a = who(SHARE_INSIDE, 1), b = who(SHARE_INSIDE, 2);

	for (size_t n = 0; n < 30; n++)
		join(n, SHARE_INSIDE, n < 10 ? 1 : 2);
	assert_ptr_equal(share_wanted(&table, &a, NULL, 10), &items[10]);
	assert_ptr_equal(share_wanted(&table, &a, NULL, 9), &items[0]);
	assert_ptr_equal(share_wanted(&table, &a, &items[0], 9), &items[1]);
	assert_ptr_equal(share_wanted(&table, &b, NULL, 10), &items[10]);
	for (size_t n = 0; n < 30; n++)
		share_state(&table, &items[n], n == 3 ? SHARE_LOOSE : SHARE_FIRM);
	assert_ptr_equal(share_wanted(&table, &b, NULL, 10), &items[3]);
	assert_null(share_wanted(&table, &b, &items[3], 10));
	/* strangers count as one */
	for (size_t n = 30; n < 40; n++)
		join(n, SHARE_STRANGER, (uint32_t)n);
	for (size_t n = 0; n < 9; n++)
		share_state(&table, &items[n], SHARE_LOOSE);
	assert_ptr_equal(share_wanted(&table, &b, NULL, 100)->host, items[30].host);
}

static void remotes_are_networks(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.2", false },
		{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true },
		{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rf_addr a, b;

		addr_parse(view_of(rows[i].a), &a);
		addr_parse(view_of(rows[i].b), &b);
		struct share_key ka = share_remote(&a, false), kb = share_remote(&b, false);

		assert_int_equal(!memcmp(&ka, &kb, sizeof(ka)), rows[i].same);
		kb = share_remote(&a, true);
		assert_memory_not_equal(&ka, &kb, sizeof(ka));
	}
}

/* At random: never beyond the parts, and who gives way held most (counted by hand). */
static void random_moves(void **state)
{
	size_t max = 600;

	for (unsigned int step = 0; step < 200000; step++) {
		size_t at = (size_t)rand() % ITEMS, loose[3][HOSTS] = { 0 }, strangers = 0, top = 0;
		struct share_item *i = &items[at], *x;
		enum share_kind kind = (enum share_kind)(rand() % 3);

		if (i->host) {
			if (rand() % 4)
				share_state(&table, i, (enum share_state)(rand() % 3));
			else
				share_leave(&table, i);
			continue;
		}
		join(at, kind, (uint32_t)rand() % HOSTS);
		if (!(step % 16)) {
			for (size_t n = 0; n < ITEMS; n++)
				if (items[n].host && items[n].state != SHARE_FIRM && &items[n] != i)
					loose[items[n].host->key.kind]
					     [ntohl(items[n].host->key.addr.w[3]) & 0xff]++;
			for (size_t n = 0; n < HOSTS; n++) {
				strangers += loose[SHARE_STRANGER][n];
				for (int k = 0; k < 2; k++)
					top = loose[k][n] > top ? loose[k][n] : top;
			}
			x = share_excess(&table, i, max, SIZE_MAX);
			if (x && share_over(&table, i, max, SIZE_MAX) == SHARE_OVER_ALL) {
				size_t had = loose[x->host->key.kind]
						  [ntohl(x->host->key.addr.w[3]) & 0xff];

				/* the one just added counts, too */
				if (kind == SHARE_STRANGER)
					assert_true(x->host->key.kind == SHARE_STRANGER ||
						    x->host->held > max / SHARE_HOST_PART);
				else if (x->host->key.kind == SHARE_STRANGER)
					assert_true(strangers + 1 >= top);
				else
					assert_true(had + 1 >= top && had + 1 >= strangers);
			}
		}
		admit(i, max);
		assert_true(table.held <= max && table.strangers_held <= max / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(strangers_have_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_take_from_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(firm_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(remotes_are_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(random_moves, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
