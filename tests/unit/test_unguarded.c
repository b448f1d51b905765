// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which media is open to everybody, what to write, and how often it is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unguarded.h"

#define WAN  3
#define WAN2 4

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static void guard(struct topology *t, const char *prefix, uint32_t ifindex, enum rf_mode mode,
		  uint16_t lo, uint16_t hi)
{
	struct topology_guard *g = &t->guards[t->n_guards++];

	*g = (struct topology_guard){ .ifindex = ifindex, .mode = mode, .lo = lo, .hi = hi };
	assert_int_equal(prefix_parse(view_of(prefix), &g->prefix), 0);
}

static void wan(struct topology *t, uint32_t ifindex, const char *name, uint16_t lo, uint16_t hi)
{
	struct topology_wan *w = &t->wans[t->n_wans++];

	*w = (struct topology_wan){ .ifindex = ifindex, .port_lo = lo, .port_hi = hi };
	snprintf(w->name, sizeof(w->name), "%s", name);
}

static struct topology *topology(void)
{
	struct topology *t = calloc(1, sizeof(*t));

	wan(t, WAN, "w0", 10000, 29999);
	wan(t, WAN2, "w1", 40000, 40999);
	guard(t, "203.0.113.1/32", WAN, 0, 10000, 29999);
	guard(t, "203.0.113.9/32", WAN, 0, 10000, 29999); /* a second one of the device */
	guard(t, "192.0.2.1/32", WAN2, 0, 40000, 40999);
	guard(t, "10.0.0.0/8", 0, RF_MODE_AUTO, 10000, 40999);
	guard(t, "198.51.100.0/24", 0, RF_MODE_AUTO, 10000, 40999);
	guard(t, "198.51.100.128/25", 0, RF_MODE_NAT, 10000, 40999);
	guard(t, "10.7.0.0/16", 0, RF_MODE_ROUTED, 10000, 40999);
	return t;
}

static void which(void **state)
{
	static const struct {
		const char *inside, *outside; /* outside NULL: the same */
		bool open;
	} rows[] = {
		{ "203.0.113.1:10000", NULL, false },
		{ "203.0.113.1:9999", NULL, true },
		{ "203.0.113.1:29999", NULL, false },
		{ "203.0.113.1:30000", NULL, true },
		{ "203.0.113.9:9998", NULL, true },
		{ "203.0.113.9:20000", NULL, false },
		{ "192.0.2.1:20000", NULL, true }, /* the other device's range */
		{ "198.51.100.7:20000", NULL, false }, /* routed, as it is public */
		{ "198.51.100.7:41000", NULL, true },
		{ "198.51.100.200:20000", NULL, true }, /* as mode nat guards nothing there */
		{ "10.7.0.1:41000", NULL, true },
		{ "10.7.0.1:40999", NULL, false },
		{ "10.8.0.1:20000", NULL, true },
		{ "10.8.0.1:41000", "203.0.113.1:20000", false }, /* translated */
		{ "10.8.0.1:41000", "203.0.113.1:41000", false }, /* range made smaller since */
		{ "198.18.0.1:20000", NULL, true }, /* an address that nobody guards */
	};
	struct topology *t = topology();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rf_ep in = ep(rows[i].inside);
		struct rf_ep out = ep(rows[i].outside ? rows[i].outside : rows[i].inside);

		assert_int_equal(unguarded_media(t, &in, &out), rows[i].open);
	}
	t->n_guards = 0; /* not known: nothing is claimed */
	struct rf_ep in = ep("203.0.113.1:9");
	assert_false(unguarded_media(t, &in, &in));
	free(t);
}

static void advice(void **state)
{
	static const struct {
		const char *host;
		uint16_t lo, hi;
		uint32_t wan;
		const char *text;
	} rows[] = {
		{ "203.0.113.1:1", 30000, 30001, WAN,
		  "write \"media_ports\": \"10000-30999\" for \"w0\", or give the server RTP ports in 10000-29999" },
		{ "203.0.113.1:1", 9998, 30001, WAN,
		  "write \"media_ports\": \"9000-30999\" for \"w0\", or give the server RTP ports in 10000-29999" },
		{ "203.0.113.1:1", 6000, 6001, WAN,
		  "write \"media_ports\": \"6000-29999\" for \"w0\", or give the server RTP ports in 10000-29999" },
		{ "203.0.113.1:1", 65530, 65535, WAN,
		  "write \"media_ports\": \"10000-65535\" for \"w0\", or give the server RTP ports in 10000-29999" },
		/* signalling ports lie between */
		{ "203.0.113.1:1", 4000, 4001, WAN, "give the server RTP ports in 10000-29999" },
		/* the device that has the address decides, not the one of the call */
		{ "192.0.2.1:1", 41000, 41001, WAN,
		  "write \"media_ports\": \"40000-41999\" for \"w1\", or give the server RTP ports in 40000-40999" },
		{ "198.51.100.7:1", 50000, 50001, WAN2,
		  "write \"media_ports\": \"40000-50999\" for \"w1\", or give the server RTP ports in 40000-40999" },
		{ "198.18.0.1:1", 20000, 20000, WAN,
		  "no WAN device has it; write \"inside\": [ { \"prefix\": \"198.18.0.1/32\", \"mode\": \"routed\" } ]" },
		{ "[2001:db8:1111:2222:3333:4444:5555:6666]:1", 20000, 20000, WAN,
		  "no WAN device has it; write \"inside\": [ { \"prefix\": \"2001:db8:1111:2222:3333:4444:5555:6666/128\", \"mode\": \"routed\" } ]" },
		{ "198.51.100.7:1", 50000, 50001, 99, "its WAN device is gone" },
	};
	struct topology *t = topology();
	char buf[UNGUARDED_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct unguarded_ports p = { .host = ep(rows[i].host).addr,
					     .wan_ifindex = rows[i].wan,
					     .lo = rows[i].lo,
					     .hi = rows[i].hi };

		assert_string_equal(unguarded_advice(t, &p, buf), rows[i].text);
	}
	free(t);
}

static struct unguarded_said said;

/* How many events the pinhole of a call makes; the last one's text stays in text[]. */
static char text[200];
static size_t told(const struct topology *t, const char *at, uint32_t call)
{
	struct action_list out = { 0 };
	struct action *a = action_add(&out, ACT_PINHOLE_SET);
	size_t n;

	memset(&a->pinhole, 0, sizeof(a->pinhole));
	a->pinhole.call_id = call;
	a->pinhole.wan_ifindex = WAN;
	a->pinhole.inside = a->pinhole.outside = ep(at);
	unguarded_tell(&said, t, 0, &out);
	n = out.n - 1;
	if (n) {
		assert_int_equal(out.v[1].kind, ACT_EVENT);
		assert_int_equal(out.v[1].event.kind, EVENT_UNGUARDED);
		assert_int_equal(out.v[1].event.call_id, call);
		memcpy(text, out.v[1].event.text, sizeof(text));
	}
	actions_free(&out);
	return n;
}

/* What `except` leaves to others nobody guards: of the device that has the address, or of any for inside prefixes. */
static void excepted(void **state)
{
	static const struct {
		const char *at;
		bool open;
	} rows[] = {
		{ "203.0.113.1:19999", false }, { "203.0.113.1:20000", true },
		{ "203.0.113.9:20100", true },	{ "203.0.113.1:20101", false },
		{ "192.0.2.1:40500", false },	{ "198.51.100.7:20050", true },
		{ "10.7.0.1:20101", false },
	};
	struct topology *t = topology();

	t->wans[0].excepts[0] = (struct config_range){ 20000, 20100 };
	t->wans[0].excepts[1] = (struct config_range){ 40500, 40500 };
	t->wans[0].n_excepts = 2;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rf_ep at = ep(rows[i].at);

		if (unguarded_media(t, &at, &at) != rows[i].open)
			fail_msg("%s", rows[i].at);
	}
	said.n = 0;
	assert_int_equal(told(t, "203.0.113.1:20010", 7), 1);
	assert_string_equal(
		text,
		"media at 203.0.113.1:20010 is open to anybody: take it out of \"except\" of the WAN device, or give the server other RTP ports in 10000-29999");
	assert_int_equal(told(t, "203.0.113.1:20012", 8), 0);
	assert_int_equal(told(t, "203.0.113.1:30000", 9), 1); /* for another reason */
	assert_non_null(strstr(text, "media_ports"));
	assert_int_equal(told(t, "203.0.113.1:20010", 9), 0);
	free(t);
}

static void how_often(void **state)
{
	struct topology *t = topology();
	char at[64];

	said.n = 0;
	assert_int_equal(told(t, "203.0.113.1:20000", 7), 0);
	assert_int_equal(told(t, "203.0.113.1:40000", 0), 0); /* by hand */
	assert_int_equal(told(t, "203.0.113.1:40000", 7), 1);
	assert_string_equal(
		text,
		"media at 203.0.113.1:40000 is open to anybody: write \"media_ports\": \"10000-40999\" for \"w0\", or give the server RTP ports in 10000-29999");
	assert_int_equal(told(t, "203.0.113.1:40001", 7), 0);
	assert_int_equal(told(t, "203.0.113.1:30000", 8), 0); /* the advice holds it */
	assert_int_equal(told(t, "203.0.113.1:40998", 8), 0);
	assert_int_equal(told(t, "203.0.113.1:41000", 9), 1); /* not this one */
	assert_non_null(strstr(text, "10000-41999"));
	assert_int_equal(told(t, "203.0.113.1:41000", 10), 0);
	assert_int_equal(told(t, "203.0.113.9:41000", 10), 1); /* another host */
	assert_int_equal(told(t, "[2001:db8:1111:2222:3333:4444:5555:6666]:41000", 10), 1);
	assert_string_equal(text + strlen(text) - 12, "\"routed\" } ]"); /* not cut off */
	assert_int_equal(told(t, "198.18.0.1:20000", 10), 1);
	assert_int_equal(told(t, "198.18.0.1:60000", 10), 0); /* whatever port */
	for (int i = 0; i < 2 * UNGUARDED_HOSTS; i++) {
		snprintf(at, sizeof(at), "198.51.100.%d:50000", i % 127);
		told(t, at, 11);
	}
	assert_int_equal(said.n, UNGUARDED_HOSTS);
	assert_int_equal(told(t, "198.51.100.126:50000", 12), 0); /* no room: status tells */
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which),
		cmocka_unit_test(advice),
		cmocka_unit_test(how_often),
		cmocka_unit_test(excepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
