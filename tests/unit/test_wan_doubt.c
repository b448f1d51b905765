// SPDX-License-Identifier: GPL-2.0-only
/* A device that is no WAN device by the looks of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <cmocka.h>

#include "wan_doubt.h"

enum { ETH0 = 2, LAN = 3, BR0 = 4, PORT = 5, BARE = 6, VRF = 7, SLAVE = 8 };

static const struct nl_link links[] = {
	{ .ifindex = ETH0, .name = "eth0" },
	{ .ifindex = LAN, .name = "lan" },
	{ .ifindex = BR0, .name = "br0", .kind = "bridge" },
	{ .ifindex = PORT, .name = "port", .kind = "veth", .master = BR0 },
	{ .ifindex = BARE, .name = "bare" },
	{ .ifindex = VRF, .name = "red", .kind = "vrf" },
	{ .ifindex = SLAVE, .name = "ppp0", .master = VRF },
};

static struct nl_addr at(uint32_t ifindex, const char *text, uint8_t scope)
{
	struct nl_addr a = { .ifindex = ifindex, .scope = scope, .usable = true };

	assert_int_equal(addr_parse(view_of(text), &a.addr), 0);
	return a;
}

static struct nl_route route(uint32_t oif, const char *text)
{
	struct nl_route r = { .oif = oif };

	assert_int_equal(prefix_parse(view_of(text), &r.dst), 0);
	return r;
}

static const char *doubt(uint32_t ifindex, uint32_t oif, const char *dst, uint32_t also)
{
	const struct nl_addr addrs[] = {
		at(ETH0, "198.51.100.2", RT_SCOPE_UNIVERSE),
		at(LAN, "10.0.0.1", RT_SCOPE_UNIVERSE),
		at(BR0, "198.51.100.3", RT_SCOPE_UNIVERSE),
		at(BARE, "fe80::1", RT_SCOPE_LINK),
		at(SLAVE, "198.51.100.4", RT_SCOPE_UNIVERSE),
	};
	const struct nl_route routes[] = { route(LAN, "10.0.0.0/24"), route(oif, dst) };
	const uint32_t wans[] = { ifindex, also };
	const struct wan_doubt_from from = { links, 7, addrs, 5, routes, 2, wans, 2 };
	static char text[WAN_DOUBT_TEXT_MAX];

	return wan_doubt(&from, ifindex, text) ? text : "";
}

static void test_doubts(void **state)
{
	/* as it should be, by either family, and where nothing says otherwise */
	assert_string_equal(doubt(ETH0, ETH0, "0.0.0.0/0", 0), "");
	assert_string_equal(doubt(ETH0, ETH0, "::/0", 0), "");
	assert_string_equal(doubt(ETH0, LAN, "10.1.0.0/16", 0), "");
	/* a second WAN device beside the one with the default route */
	assert_string_equal(doubt(LAN, ETH0, "0.0.0.0/0", ETH0), "");
	/* a VRF's device keeps its addresses */
	assert_string_equal(doubt(SLAVE, SLAVE, "0.0.0.0/0", 0), "");
	assert_non_null(
		strstr(doubt(LAN, ETH0, "0.0.0.0/0", 0), "default route goes by eth0, not by lan"));
	assert_non_null(
		strstr(doubt(LAN, ETH0, "::/0", 0), "default route goes by eth0, not by lan"));
	assert_non_null(strstr(doubt(PORT, BR0, "0.0.0.0/0", 0), "attach dev br0"));
	assert_non_null(strstr(doubt(BARE, BARE, "0.0.0.0/0", 0), "bare has no address"));
	assert_string_equal(doubt(99, ETH0, "0.0.0.0/0", 0), ""); /* gone */
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_doubts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
