// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rest without memory (test_memory.c has the deciders): the n-th allocation fails, alone or with all behind it,
 * while a configuration is read and while a command prints. What comes out is
 * whole or is said not to be; never something else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr.h"
#include "config.h"
#include "failing_memory.h"
#include "log.h"
#include "out.h"

#define EACH_MAX 20000

/* True: it has failed at least once; to be called with the next n then. */
#define EACH(n, lasting, ...)                           \
	for (int lasting = 0; lasting < 2; lasting++) { \
		bool more = true;                       \
		for (unsigned long n = 1; more; n++) {  \
			assert_true(n < EACH_MAX);      \
			failing_begin(n, lasting);      \
			__VA_ARGS__                     \
			more = failing.failed;          \
		}                                       \
	}

#ifdef __SANITIZE_ADDRESS__ /* our own allocations only: json-c 0.16 takes a key that it could not copy, and falls over it */
static const char text[] =
	"{ \"wan\": [ { \"dev\": \"eth0\", \"public_address\": \"203.0.113.9\", \"media_ports\": \"20000-21999\", "
	"\"except\": [ \"20100\", \"20200-20210\" ] } ],\n"
	"  \"inside\": [ \"10.1.0.0/16\", \"fd00::/8\" ], \"inside_direct\": \"pass\",\n"
	"  \"sip\": { \"ports\": [ 5060, 5062 ], \"inbound\": \"10.1.0.2:5060\", \"max_calls\": 77 },\n"
	"  \"peers\": [ { \"name\": \"trunk\", \"address\": \"198.51.100.0/24\", \"media\": [ \"198.51.100.0/24\" ] } ],\n"
	"  \"when_controller_is_away\": \"pass\" }";

static void assert_same(const struct config *a, const struct config *b)
{
	const struct config_wan *w = &a->wans[0], *x = &b->wans[0];

	assert_int_equal(a->n_wans, b->n_wans);
	assert_int_equal(w->has_public4, x->has_public4);
	assert_int_equal(w->port_lo, x->port_lo);
	assert_int_equal(w->n_excepts, x->n_excepts);
	assert_memory_equal(w->excepts, x->excepts, w->n_excepts * sizeof(w->excepts[0]));
	assert_int_equal(a->n_inside, b->n_inside);
	for (uint16_t i = 0; i < a->n_inside; i++) {
		assert_true(addr_eq(&a->inside[i].prefix.addr, &b->inside[i].prefix.addr));
		assert_int_equal(a->inside[i].prefix.len, b->inside[i].prefix.len);
	}
	assert_int_equal(a->n_sip_ports, b->n_sip_ports);
	assert_memory_equal(a->sip_ports, b->sip_ports, sizeof(a->sip_ports));
	assert_int_equal(a->has_inbound, b->has_inbound);
	assert_int_equal(a->max_calls, b->max_calls);
	assert_int_equal(a->n_peers, b->n_peers);
	assert_string_equal(a->peers[0].name, b->peers[0].name);
	assert_int_equal(a->peers[0].n_media, b->peers[0].n_media);
	assert_int_equal(a->away_pass, b->away_pass);
	assert_int_equal(a->inside_direct, b->inside_direct);
}

static void configuration(void **state)
{
	struct config *whole = malloc(sizeof(*whole)), *before = malloc(sizeof(*before));
	struct config *c = malloc(sizeof(*c));
	struct config_errors errors = { 0 };
	int err;

	assert_non_null(whole);
	assert_non_null(before);
	assert_non_null(c);
	config_defaults(before);
	*whole = *before;
	assert_int_equal(config_parse("f", text, strlen(text), whole, &errors), 0);
	EACH(n, lasting, {
		*c = *before;
		failing.armed = true;
		err = config_parse("f", text, strlen(text), c, &errors);
		failing.armed = false;
		assert_true(!err || errors.n || err == -ENOMEM);
		config_errors_free(&errors);
		/* a part that is missing would be another configuration */
		assert_same(c, err ? before : whole);
	})
	free(whole);
	free(before);
	free(c);
}

#endif

static int print(enum out_format format, FILE *to)
{
	struct out *o = out_new(format, to, to);
	struct out_node *root, *list, *item;

	if (!o)
		return -1;
	root = out_root(o);
	out_str(root, "name", "name", "a\x01\xc2\x9b<b>");
	out_strf(root, "formatted", "formatted", "%d of %s", 7, "nine");
	out_u64(root, "number", "number", 1ull << 40);
	out_shown(out_bool(root, "yes", "yes", true), "certainly");
	list = out_list(root, "rows", "rows", OUT_TABLE);
	for (int i = 0; i < 3; i++) {
		item = out_item(list);
		out_str(item, "peer", "peer", i ? "198.51.100.7:5060" : NULL);
		out_double(item, "jitter", "jitter", i * .5);
	}
	out_entry(out_list(root, "warnings", "warnings", OUT_LINES), "%s", "one");
	return out_close(o);
}

static void printed(enum out_format format)
{
	static char whole[4096], got[4096];
	size_t size;
	int err;
	FILE *f = fmemopen(whole, sizeof(whole), "w");

	assert_non_null(f);
	assert_int_equal(print(format, f), 0);
	size = (size_t)ftell(f);
	fclose(f);
	assert_true(size > 100);
	EACH(n, lasting, {
		memset(got, 0, sizeof(got));
		f = fmemopen(got, sizeof(got), "w");
		assert_non_null(f);
		setvbuf(f, NULL, _IONBF, 0);
		failing.armed = true;
		err = print(format, f);
		failing.armed = false;
		if (!err) {
			assert_int_equal(ftell(f), size);
			assert_memory_equal(got, whole, size);
		}
		fclose(f);
	})
}

static void output(void **state)
{
	printed(OUT_TEXT);
	printed(OUT_JSON);
	printed(OUT_PRETTY);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#ifdef __SANITIZE_ADDRESS__
		cmocka_unit_test(configuration),
#endif
		cmocka_unit_test(output),
	};

	log_init("test", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
