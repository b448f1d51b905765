/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses and prefixes: text in, text out, and which kind one is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "addr.h"

static struct rf_addr addr(const char *text)
{
	struct rf_addr a;

	assert_int_equal(addr_parse(view_of(text), &a), 0);
	return a;
}

static void text_both_ways(void **state)
{
	static const struct {
		const char *in, *text, *uri;
	} table[] = {
		{ "192.0.2.1", "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0::1", "2001:db8::1", "[2001:db8::1]" },
		{ "[2001:db8::1]", "2001:db8::1", "[2001:db8::1]" },
		{ "::", "::", "[::]" },
		/* RFC 5118 4.9: the same host, so the same key */
		{ "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1111:2222:3333:4444:5555:6666",
		  "2001:db8:1111:2222:3333:4444:5555:6666",
		  "[2001:db8:1111:2222:3333:4444:5555:6666]" },
	};
	char buf[ADDR_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_addr a = addr(table[i].in);

		assert_string_equal(addr_text(&a, buf), table[i].text);
		assert_string_equal(addr_uri_text(&a, buf), table[i].uri);
	}
}

static void unreadable_text(void **state)
{
	static const struct view table[] = {
		{ "", 0 },
		{ NULL, 0 },
		{ "192.0.2", 7 },
		{ "192.0.2.1 ", 10 },
		{ "192.0.2.256", 11 },
		{ "192.0.2.01", 10 }, /* octal to some readers */
		{ "[192.0.2.1]", 11 },
		{ "192.0.2.1\0x", 11 },
		{ "[2001:db8::1", 12 },
		{ "2001:db8::1]", 12 },
		{ "fe80::1%eth0", 12 },
		{ "2001:db8:::192.0.2.1", 20 }, /* RFC 5118 4.10 */
		{ "host.example", 12 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000", 49 },
	};
	struct rf_addr a, poison;
	size_t i;

	memset(&poison, 0xa5, sizeof(poison));
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		a = poison;
		assert_int_equal(addr_parse(table[i], &a), -EINVAL);
		assert_memory_equal(&a, &poison, sizeof(a));
	}
}

static void endpoints(void **state)
{
	static const char *const bad[] = { "192.0.2.1",	      "192.0.2.1:",    "192.0.2.1:65536",
					   "192.0.2.1:-1",    ":5060",	       "2001:db8::1:5060",
					   "[2001:db8::1]",   "[192.0.2.1]:5", "192.0.2.1:5060x",
					   "[2001:db8::1]x:5" };
	struct sockaddr_storage ss;
	struct rf_ep ep, back;
	char buf[EP_TEXT_MAX];
	size_t i;

	assert_int_equal(ep_parse(VIEW("192.0.2.1:5060"), &ep), 0);
	assert_string_equal(ep_text(&ep, buf), "192.0.2.1:5060");
	assert_int_equal(ep_to_sockaddr(&ep, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
	assert_true(ep_eq(&ep, &back));

	assert_int_equal(ep_parse(VIEW("[2001:db8::1]:65535"), &ep), 0);
	assert_string_equal(ep_text(&ep, buf), "[2001:db8::1]:65535");
	assert_int_equal(ep_to_sockaddr(&ep, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
	assert_true(ep_eq(&ep, &back));
	back = ep_make(ep.addr, 1);
	assert_false(ep_eq(&ep, &back));

	ss.ss_family = AF_UNIX;
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), -EAFNOSUPPORT);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ep_parse(view_of(bad[i]), &ep), -EINVAL);
}

static void prefixes(void **state)
{
	static const struct {
		const char *in;
		int err;
		unsigned int len;
		const char *text;
	} table[] = {
		{ "10.0.0.0/8", 0, 104, "10.0.0.0/8" },
		{ "192.0.2.1", 0, 128, "192.0.2.1/32" },
		{ "0.0.0.0/0", 0, 96, "0.0.0.0/0" },
		{ "::/0", 0, 0, "::/0" },
		{ "fd00::/8", 0, 8, "fd00::/8" },
		{ "2001:db8::1", 0, 128, "2001:db8::1/128" },
		{ "2001:db8::/33", 0, 33, "2001:db8::/33" },
		{ "10.0.0.1/8", -EDOM, 0, NULL },
		{ "2001:db8::1/127", -EDOM, 0, NULL },
		{ "10.0.0.0/33", -EINVAL, 0, NULL },
		{ "::/129", -EINVAL, 0, NULL },
		{ "10.0.0.0/", -EINVAL, 0, NULL },
		{ "10.0.0.0/-1", -EINVAL, 0, NULL },
		{ "/8", -EINVAL, 0, NULL },
		{ "", -EINVAL, 0, NULL },
	};
	char buf[ADDR_TEXT_MAX + 4];
	struct prefix p;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(prefix_parse(view_of(table[i].in), &p), table[i].err);
		if (table[i].err)
			continue;
		assert_int_equal(p.len, table[i].len);
		assert_string_equal(prefix_text(&p, buf), table[i].text);
	}
}

static void prefix_membership(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} table[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "0.0.0.0/0", "203.0.113.1", true },
		{ "0.0.0.0/0", "2001:db8::1", false }, /* every IPv4 address, no IPv6 one */
		{ "::/0", "2001:db8::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
	};
	struct rf_addr a;
	struct prefix p;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(prefix_parse(view_of(table[i].prefix), &p), 0);
		a = addr(table[i].addr);
		assert_int_equal(prefix_has(&p, &a), table[i].in);
	}
}

static void kinds(void **state)
{
	enum { ANY = 1, MULTICAST = 2, LOOPBACK = 4, PRIVATE = 8, RESERVED = 16 };
	static const struct {
		const char *addr;
		int kinds;
	} table[] = {
		{ "0.0.0.0", ANY | RESERVED },
		{ "::", ANY | RESERVED },
		{ "::1", LOOPBACK | RESERVED },
		{ "127.255.0.1", LOOPBACK },
		{ "128.0.0.1", 0 },
		{ "224.2.1.1", MULTICAST },
		{ "239.255.255.255", MULTICAST },
		{ "ff02::1", MULTICAST },
		{ "10.1.2.3", PRIVATE },
		{ "172.16.0.1", PRIVATE },
		{ "172.31.255.255", PRIVATE },
		{ "172.32.0.1", 0 },
		{ "192.168.1.1", PRIVATE },
		{ "192.169.1.1", 0 },
		{ "100.64.0.1", PRIVATE },
		{ "100.127.255.255", PRIVATE },
		{ "100.128.0.1", 0 },
		{ "169.254.1.1", PRIVATE },
		{ "fd12::1", PRIVATE },
		{ "fc00::1", PRIVATE },
		{ "fe80::1", PRIVATE },
		{ "febf::1", PRIVATE },
		{ "fec0::1", 0 },
		{ "2001:db8::1", 0 },
		{ "203.0.113.1", 0 },
		{ "0.1.2.3", RESERVED },
		{ "240.0.0.1", RESERVED },
		{ "255.255.255.255", RESERVED },
		{ "::ffff:255.255.255.255", RESERVED },
		{ "::192.0.2.1", RESERVED },
		{ "1.0.0.0", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_addr a = addr(table[i].addr);
		int got = (addr_is_any(&a) ? ANY : 0) | (addr_is_multicast(&a) ? MULTICAST : 0) |
			  (addr_is_loopback(&a) ? LOOPBACK : 0) |
			  (addr_is_private(&a) ? PRIVATE : 0) |
			  (addr_is_reserved(&a) ? RESERVED : 0);

		if (got != table[i].kinds)
			fail_msg("%s: %d, expected %d", table[i].addr, got, table[i].kinds);
	}
}

static void ends_of_prefixes(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool ends;
	} table[] = {
		{ "10.0.0.0/24", "10.0.0.0", true },
		{ "10.0.0.0/24", "10.0.0.255", true },
		{ "10.0.0.0/24", "::ffff:10.0.0.255", true },
		{ "10.0.0.0/24", "10.0.0.1", false },
		{ "10.0.0.0/24", "10.0.1.255", false },
		{ "10.0.0.0/8", "10.0.0.255", false },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.4/30", "10.0.0.7", true },
		{ "10.0.0.4/31", "10.0.0.5", false }, /* RFC 3021 */
		{ "10.0.0.4/32", "10.0.0.4", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "fd00::/64", "fd00::", false },
		{ "fd00::/64", "fd00::ffff:ffff:ffff:ffff", false },
		{ "::/0", "10.0.0.255", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rf_addr a = addr(table[i].addr);
		struct prefix p;

		assert_int_equal(prefix_parse(view_of(table[i].prefix), &p), 0);
		if (prefix_ends_at(&p, &a) != table[i].ends)
			fail_msg("%s in %s", table[i].addr, table[i].prefix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_both_ways),    cmocka_unit_test(unreadable_text),
		cmocka_unit_test(endpoints),	     cmocka_unit_test(prefixes),
		cmocka_unit_test(prefix_membership), cmocka_unit_test(kinds),
		cmocka_unit_test(ends_of_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
