// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration: defaults, a full file, every mistake with its place and wording, and that no
 * damaged file harms the parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "config.h"
#include "except.h"

#define EXAMPLE "scripts/ringfence.json.example"

static char *all_errors(const struct config_errors *e)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	for (size_t i = 0; i < e->n; i++)
		fprintf(f, "%s: %s\n", e->v[i].where, e->v[i].what);
	fclose(f);
	return text;
}

static void parse_ok(const char *text, struct config *c)
{
	struct config_errors e = { 0 };
	int rc = config_parse("f", text, strlen(text), c, &e);
	char *errors = all_errors(&e);

	assert_string_equal(errors, "");
	assert_int_equal(rc, 0);
	free(errors);
	config_errors_free(&e);
}

static void test_defaults(void **state)
{
	static const char *const inside[] = { "172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8",
					      "fd00::/8" };
	char buf[ADDR_TEXT_MAX + 4];
	struct config c;

	config_defaults(&c);
	assert_int_equal(c.n_wans, 0);
	assert_int_equal(c.n_inside, 4);
	assert_false(c.inside_given);
	for (int i = 0; i < 4; i++)
		assert_string_equal(prefix_text(&c.inside[i].prefix, buf), inside[i]);
	assert_int_equal(c.n_sip_ports, 1);
	assert_int_equal(c.sip_ports[0], 5060);
	assert_int_equal(c.sip_public_lo, 5060);
	assert_int_equal(c.sip_public_hi, 5999);
	assert_int_equal(c.learn, CONFIG_LEARN_PRIVATE);
	assert_int_equal(c.learn_window_s, 10);
	assert_int_equal(c.setup_timeout_s, 180);
	assert_int_equal(c.call_max_s, 43200);
	assert_int_equal(c.media_idle_s, 300);
	assert_int_equal(c.max_calls, 100000);
	assert_int_equal(c.max_bindings, 10000);
	assert_false(c.away_pass || c.inside_direct);
	assert_false(c.unparsed_drop);
	assert_string_equal(c.user, CONFIG_DEFAULT_USER);
}

static void test_empty_object_is_defaults(void **state)
{
	struct config a, b;

	memset(&a, 0xa5, sizeof(a));
	memset(&b, 0x5a, sizeof(b));
	config_defaults(&a);
	parse_ok("{}", &b);
	assert_memory_equal(a.inside, b.inside, 4 * sizeof(a.inside[0]));
	assert_int_equal(a.max_calls, b.max_calls);
	assert_string_equal(a.user, b.user);
	parse_ok(" // nothing\n/* more\n */ { } // end\n/* end */", &b);
	assert_int_equal(b.n_inside, 4);
	assert_int_equal(b.inside_xdp, CONFIG_XDP_AUTO);
}

static const char full[] =
	"{\n"
	"  \"wan\": [ { \"dev\": \"eth0\", \"public_address\": [\"198.51.100.7\", \"2001:db8::7\"],\n"
	"             \"media_ports\": \"20000-29999\" },\n"
	"           { \"dev\": \"wan1\", \"public_address\": \"192.0.2.3\" } ],\n"
	"  \"inside\": [ \"10.1.0.0/16\", { \"prefix\": \"198.51.100.64/26\", \"mode\": \"routed\" } ],\n"
	"  \"inside_xdp\": \"never\",\n"
	"  // a comment\n"
	"  \"sip\": { \"ports\": [5060, 5070], \"inbound\": \"10.1.2.3:5080\", \"public_ports\": \"6000-6099\",\n"
	"           \"unreadable\": \"drop\", \"learn\": \"never\", \"learn_window\": 5, \"setup_timeout\": 60,\n"
	"           \"call_max\": 7200, \"media_idle\": 0, \"max_calls\": 10, \"max_bindings\": 20,\n"
	"           \"media_for_others\": [\"10.1.9.9\", \"10.1.8.0/24\"] },\n"
	"  \"peers\": [ { \"name\": \"t\", \"address\": \"203.0.113.0/24\", \"media\": [\"203.0.113.0/25\", \"2001:db8::/32\"],\n"
	"               \"low_ports\": true, \"tcp_opaque\": true },\n"
	"             { \"address\": \"192.0.2.9:5061\" }, { \"address\": \"[2001:db8::9]:5062\" },\n"
	"             { \"address\": \"2001:db8:1::/48\" }, { \"address\": \"[2001:db8:2::/48]:5063\" } ],\n"
	"  /* another */ \"when_controller_is_away\": \"pass\", \"inside_direct\": \"pass\", \"user\": \"\"\n"
	"}\n";

static bool speaks(const struct config *c, const char *host)
{
	struct rf_addr a;

	assert_int_equal(addr_parse(view_of(host), &a), 0);
	return config_speaks_for_others(c, &a);
}

static void test_full(void **state)
{
	char buf[ADDR_TEXT_MAX + 4];
	struct config c;

	parse_ok(full, &c);
	assert_int_equal(c.n_wans, 2);
	assert_string_equal(c.wans[0].dev, "eth0");
	assert_true(c.wans[0].has_public4 && c.wans[0].has_public6);
	assert_false(c.wans[0].public4_auto || c.wans[0].public6_auto);
	assert_string_equal(addr_text(&c.wans[0].public6, buf), "2001:db8::7");
	assert_int_equal(c.wans[0].port_lo, 20000);
	assert_int_equal(c.wans[0].port_hi, 29999);
	assert_true(c.wans[1].has_public4 && c.wans[1].public6_auto && !c.wans[1].has_public6);
	assert_int_equal(c.wans[1].port_lo, 10000);
	assert_int_equal(c.wans[1].port_hi, 29999);
	assert_true(c.wans[0].ports_given && !c.wans[1].ports_given);
	assert_true(c.inside_given);
	assert_int_equal(c.n_inside, 2);
	assert_int_equal(c.inside[0].mode, RF_MODE_AUTO);
	assert_int_equal(c.inside[1].mode, RF_MODE_ROUTED);
	assert_int_equal(c.n_sip_ports, 2);
	assert_true(c.has_inbound);
	assert_string_equal(ep_text(&c.inbound, buf), "10.1.2.3:5080");
	assert_true(c.unparsed_drop && c.away_pass && c.inside_direct);
	assert_int_equal(c.learn, CONFIG_LEARN_NEVER);
	assert_int_equal(c.inside_xdp, CONFIG_XDP_NEVER);
	assert_int_equal(c.media_idle_s, 0);
	assert_int_equal(c.n_media_for_others, 2);
	assert_string_equal(prefix_text(&c.media_for_others[1], buf), "10.1.8.0/24");
	assert_true(speaks(&c, "10.1.9.9") && speaks(&c, "10.1.8.77"));
	assert_true(speaks(&c, "10.1.2.3")); /* inbound */
	assert_false(speaks(&c, "10.1.9.8") || speaks(&c, "10.1.7.77"));
	assert_int_equal(c.n_peers, 5);
	assert_true(c.peers[0].low_ports && !c.peers[1].low_ports);
	assert_int_equal(c.peers[0].n_media, 2);
	assert_int_equal(c.peers[0].port, 0);
	assert_true(c.peers[0].tcp_opaque && !c.peers[1].tcp_opaque);
	assert_int_equal(c.peers[1].port, 5061);
	assert_int_equal(c.peers[1].n_media, 1);
	assert_string_equal(c.peers[1].name, "peer2");
	assert_string_equal(prefix_text(&c.peers[1].media[0], buf), "192.0.2.9/32");
	assert_int_equal(c.peers[2].port, 5062);
	assert_string_equal(prefix_text(&c.peers[2].address, buf), "2001:db8::9/128");
	assert_string_equal(prefix_text(&c.peers[3].address, buf), "2001:db8:1::/48");
	assert_int_equal(c.peers[4].port, 5063);
	assert_string_equal(prefix_text(&c.peers[4].address, buf), "2001:db8:2::/48");
	assert_string_equal(c.user, "");
}

static const struct bad {
	const char *text, *errors;
} bads[] = {
#include "test_config_bad.inc"
};

static void test_excepts(void **state)
{
	struct config c;

	parse_ok(
		"{ \"wan\": [ { \"dev\": \"a\", \"except\": [ 20000, \"20100\", \"20200-20299\" ] } ],"
		"  \"sip\": { \"except\": [ 5060, \"192.0.2.7\", \"192.0.2.8:5060\", \"[2001:db8::1]:5070\","
		" \"2001:db8::2\" ] } }",
		&c);
	assert_int_equal(c.wans[0].n_excepts, 3);
	assert_true(port_excepted(c.wans[0].excepts, 3, 20000));
	assert_false(port_excepted(c.wans[0].excepts, 3, 20001));
	assert_true(port_excepted(c.wans[0].excepts, 3, 20100));
	assert_true(port_excepted(c.wans[0].excepts, 3, 20299));
	assert_false(port_excepted(c.wans[0].excepts, 3, 20300));
	assert_int_equal(c.n_sip_excepts, 5);
	static const struct {
		const char *ep;
		bool is;
	} table[] = {
		{ "203.0.113.1:5060", true },	{ "203.0.113.1:5061", false },
		{ "192.0.2.7:9", true },	{ "192.0.2.8:5061", false },
		{ "[2001:db8::1]:5070", true }, { "[2001:db8::1]:5071", false },
		{ "[2001:db8::2]:5071", true },
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_ep ep;

		assert_int_equal(ep_parse(view_of(table[i].ep), &ep), 0);
		assert_int_equal(sip_excepted(c.sip_excepts, c.n_sip_excepts, &ep), table[i].is);
	}
}

static void test_bad(void **state)
{
	bool fail = false;

	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct config_errors e = { 0 };
		struct config c, untouched;

		memset(&c, 0xa5, sizeof(c));
		memset(&untouched, 0xa5, sizeof(untouched));
		int rc = config_parse("f", bads[i].text, strlen(bads[i].text), &c, &e);
		char *got = all_errors(&e);

		if (rc != -EINVAL || strcmp(got, bads[i].errors)) {
			print_error("%s\nrc %d, got:\n%swanted:\n%s\n", bads[i].text, rc, got,
				    bads[i].errors);
			fail = true;
		}
		assert_memory_equal(&c, &untouched, sizeof(c));
		free(got);
		config_errors_free(&e);
	}
	assert_false(fail);
}

static void test_nul_byte(void **state)
{
	static const char text[] = "{ \"user\": \"a\" }\n\0{}";
	struct config_errors e = { 0 };
	struct config c;

	assert_int_equal(config_parse("f", text, sizeof(text) - 1, &c, &e), -EINVAL);
	assert_string_equal(e.v[0].where, "f:2:1");
	assert_string_equal(e.v[0].what,
			    "found byte 0x00, expected nothing after the closing brace");
	config_errors_free(&e);
}

/* Exact-size heap copies, so that ASan sees any byte read beyond the end. */
static void parse_any(const char *text, size_t n)
{
	struct config_errors e = { 0 };
	char *exact = malloc(n ? n : 1);
	struct config c;

	memcpy(exact, text, n);
	int rc = config_parse("f", exact, n, &c, &e);

	assert_true(rc == 0 ? !e.n : rc == -EINVAL && e.n);
	free(exact);
	config_errors_free(&e);
}

static void test_every_truncation(void **state)
{
	for (size_t n = 0; n <= strlen(full); n++)
		parse_any(full, n);
}

static void test_every_corruption(void **state)
{
	static const char bytes[] = { 0,   '"', '{',  '}', '[', ']',  ',',	 ':',
				      '/', '*', '\\', '9', '-', '\n', (char)0xff };
	char copy[sizeof(full)];

	for (size_t i = 0; i < sizeof(full) - 1; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++) {
			memcpy(copy, full, sizeof(full));
			copy[i] = bytes[k];
			parse_any(copy, sizeof(full) - 1);
		}
		copy[i] = full[i] ^ 1;
		parse_any(copy, sizeof(full) - 1);
	}
}

static void test_many_mistakes_end(void **state)
{
	struct config_errors e = { 0 };
	struct config c;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fprintf(f, "{");
	for (int i = 0; i < 5000; i++)
		fprintf(f, "%s\"k%d\": %d", i ? "," : "", i, i);
	fprintf(f, "}");
	fclose(f);
	assert_int_equal(config_parse("f", text, n, &c, &e), -EINVAL);
	assert_int_equal(e.n, 201);
	assert_string_equal(e.v[200].what, "more mistakes are not shown");
	free(text);
	config_errors_free(&e);
}

static void test_too_big_and_deep(void **state)
{
	size_t n = CONFIG_BYTES_MAX + 1;
	struct config_errors e = { 0 };
	char *text = malloc(n);
	struct config c;

	memset(text, '[', n);
	assert_int_equal(config_parse("f", text, n, &c, &e), -EFBIG);
	config_errors_free(&e);
	parse_any(text, 100000);
	free(text);
}

static void test_files(void **state)
{
	struct config_errors e = { 0 };
	struct config c;

	assert_int_equal(config_read("/nonexistent/file.json", &c, &e), -ENOENT);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.v[0].where, "/nonexistent/file.json: cannot read");
	assert_string_equal(e.v[0].what, "No such file or directory");
	config_errors_free(&e);
	assert_int_equal(config_read("/", &c, &e), -EISDIR);
	config_errors_free(&e);
	if (access(CONFIG_DEFAULT_PATH, F_OK)) {
		assert_int_equal(config_read(NULL, &c, &e), 0);
		assert_int_equal(c.sip_ports[0], 5060);
	}
	if (!access(EXAMPLE, F_OK)) {
		assert_int_equal(config_read(EXAMPLE, &c, &e), 0);
		assert_int_equal(c.n_wans, 1);
		assert_string_equal(c.user, CONFIG_DEFAULT_USER);
	}
	config_errors_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_empty_object_is_defaults),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_excepts),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_corruption),
		cmocka_unit_test(test_many_mistakes_end),
		cmocka_unit_test(test_too_big_and_deep),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
