// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which networks are known to end where they do, and what happens with too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inside_nets.h"

#define WAN    1
#define LAN    2
#define OTHER  3
#define MANY   5000
#define ENOUGH (2 * TOPOLOGY_NETS_MAX)

static const struct datapath_device devices[] = {
	{ .ifindex = WAN, .dev.role = RF_DEV_WAN },
	{ .ifindex = LAN, .dev.role = RF_DEV_INSIDE },
};
static struct nl_route routes[MANY + ENOUGH];
static struct nl_addr addrs[ENOUGH];
static struct inside_nets_from from;
static struct topology *t;

static struct rf_addr addr(const char *text)
{
	struct rf_addr a;

	assert_int_equal(addr_parse(view_of(text), &a), 0);
	return a;
}

static void has(uint32_t ifindex, const char *text)
{
	addrs[from.n_addrs++] = (struct nl_addr){ .ifindex = ifindex, .addr = addr(text) };
}

static void route(uint32_t oif, bool via, const char *prefix)
{
	struct nl_route *r = &routes[from.n_routes++];

	*r = (struct nl_route){ .oif = oif, .via = via };
	assert_int_equal(prefix_parse(view_of(prefix), &r->dst), 0);
}

/* 10.x.y.0/24 */
static void many(uint32_t oif, bool via, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		routes[from.n_routes++] = (struct nl_route){
			.oif = oif,
			.via = via,
			.dst = { .addr = addr_from_v4(htonl(10u << 24 | i << 8)), .len = 120 },
		};
}

static bool ends(const char *text)
{
	struct rf_addr a = addr(text);

	return topology_is_broadcast(t, &a);
}

static int setup(void **state)
{
	from = (struct inside_nets_from){
		.routes = routes, .addrs = addrs, .devices = devices, .n_devices = 2
	};
	t = calloc(1, sizeof(*t));
	has(WAN, "198.51.100.7");
	has(LAN, "192.168.1.1");
	has(LAN, "fd00::1");
	return t ? 0 : -1;
}

static int teardown(void **state)
{
	free(t);
	return 0;
}

static void which(void **state)
{
	route(WAN, true, "0.0.0.0/0");
	route(WAN, false, "198.51.100.0/24");
	route(WAN, true, "203.0.113.0/24");
	route(WAN, false, "192.0.2.0/24"); /* a tunnel's, as far as can be told */
	route(LAN, false, "192.168.1.0/24");
	route(LAN, true, "192.168.2.0/24");
	route(LAN, true, "192.168.3.7/32");
	route(LAN, false, "fd00::/64");
	route(OTHER, true, "172.16.0.0/16");
	inside_nets(t, &from);
	assert_true(ends("198.51.100.255") && ends("198.51.100.0"));
	assert_false(ends("203.0.113.255") || ends("203.0.113.0"));
	assert_false(ends("192.0.2.255"));
	assert_true(ends("192.168.1.255") && ends("192.168.2.255") && ends("192.168.2.0"));
	assert_false(ends("192.168.3.7"));
	assert_false(ends("172.16.255.255"));
	assert_int_equal(t->n_nets, 3);
	assert_int_equal(t->n_locals, 3);
	assert_null(topology_lacks(t));
}

/* A table of the whole internet, and ours behind it. */
static void internet(void **state)
{
	many(WAN, true, MANY);
	route(LAN, true, "192.168.2.0/24");
	route(LAN, false, "192.168.1.0/24");
	inside_nets(t, &from);
	assert_true(ends("192.168.1.255") && ends("192.168.2.255"));
	assert_false(ends("10.0.1.255"));
	assert_null(topology_lacks(t));
}

static void too_many(void **state)
{
	many(LAN, true, ENOUGH);
	route(LAN, false, "192.168.1.0/24");
	inside_nets(t, &from);
	assert_true(ends("192.168.1.255")); /* first, as it is connected */
	assert_int_equal(t->n_nets, TOPOLOGY_NETS_MAX);
	assert_non_null(strstr(topology_lacks(t), "broadcast"));
}

static void too_many_addresses(void **state)
{
	while (from.n_addrs < TOPOLOGY_LOCALS_MAX)
		addrs[from.n_addrs++] = addrs[0];
	inside_nets(t, &from);
	assert_null(topology_lacks(t));
	addrs[from.n_addrs++] = addrs[0];
	memset(t, 0, sizeof(*t));
	inside_nets(t, &from);
	assert_int_equal(t->n_locals, TOPOLOGY_LOCALS_MAX);
	assert_non_null(strstr(topology_lacks(t), "addresses"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(which),
		T(internet),
		T(too_many),
		T(too_many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
