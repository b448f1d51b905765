/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinholes of ABI 5: every field is where this version looks for it, what both directions share stands once,
 * and an entry that makes no sense is refused by name.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "abi5.h"

#define SLOTS 16

static struct rf_ep ep(uint8_t last, uint16_t port)
{
	struct rf_ep e = { .port = htons(port) };

	e.addr.w[2] = htonl(0xffff);
	e.addr.w[3] = htonl(0xcb007100u | last); /* 203.0.113.x */
	return e;
}

/* Every byte that can be other than zero is, and no two fields are alike. */
static struct abi5_entry entry(uint32_t id, uint32_t slot, uint8_t dir)
{
	struct abi5_entry e = {
		.key = { .addr = ep(1, 0).addr, .port = htons(20000 + slot), .dir = dir },
		.pinhole = {
			.id = id,
			.call_id = 0x01020304,
			.deadline_ns = 0x1112131415161718,
			.learn_until_s = 0x21222324,
			.slot = slot,
			.idle_s = 0x31323334,
			.idle_from_s = 0x41424344,
			.clock_rate = 0x51525354,
			.state = RF_PINHOLE_OPEN,
			.classes = RF_CLASS_BFCP | RF_CLASS_STUN, /* the highest bit, too */
			.flags = RF_PH_ICE | RF_PH_LEARN,
			.n_remotes = RF_REMOTES_MAX,
			.wan_ifindex = 0x61626364,
			.xlate = ep(7, 7000),
			.remote = { .addr = ep(9, 0).addr, .port = htons(9000), .prefix_len = 120 },
			.rtcp_types = 0x71727374,
		},
	};

	for (size_t i = 0; i < sizeof(e.pinhole.payload_types); i++)
		e.pinhole.payload_types[i] = (uint8_t)(0x81 + i);
	return e;
}

static void every_field(void **state)
{
	struct abi5_entry e = entry(77, 5, RF_DIR_IN);
	static const uint8_t zero[16];
	const struct rf_pinhole *p;
	struct abi5_result r;

	assert_int_equal(abi5_convert(&e, 1, SLOTS, &r, NULL), 0);
	assert_int_equal(r.n, 1);
	assert_memory_equal(&r.keys[0], &e.key, sizeof(e.key));
	p = &r.pinholes[0];
	assert_int_equal(p->id, 77);
	assert_int_equal(p->slot, 5);
	assert_true(p->deadline_ns == 0x1112131415161718);
	assert_int_equal(p->idle_s, 0x31323334);
	assert_int_equal(p->clock_rate, 0x51525354);
	assert_int_equal(p->wan_ifindex, 0x61626364);
	assert_int_equal(p->state, RF_PINHOLE_OPEN);
	assert_int_equal(p->classes, RF_CLASS_BFCP | RF_CLASS_STUN);
	assert_int_equal(p->flags, RF_PH_ICE | RF_PH_LEARN);
	assert_int_equal(p->n_remotes, RF_REMOTES_MAX);
	assert_int_equal(p->rtcp_types, 0x71727374);
	assert_memory_equal(&p->xlate, &e.pinhole.xlate, sizeof(p->xlate));
	assert_memory_equal(&p->remote, &e.pinhole.remote, sizeof(p->remote));
	assert_memory_equal(p->payload_types, e.pinhole.payload_types, sizeof(p->payload_types));
	assert_int_equal(p->spare_bits, 0);
	assert_memory_equal(p->spare, zero, sizeof(p->spare));
	assert_int_equal(r.n_cold, 1);
	assert_int_equal(r.slots[0], 5);
	assert_int_equal(r.cold[0].call_id, 0x01020304);
	assert_int_equal(r.cold[0].learn_until_s, 0x21222324);
	assert_int_equal(r.cold[0].idle_from_s, 0x41424344);
	assert_int_equal(r.cold[0].sent_to, 0);
	abi5_result_free(&r);
}

/* Both directions were written one after the other. The way in says until when a source may be learnt. */
static void directions(void **state)
{
	struct abi5_entry e[2] = { entry(77, 5, RF_DIR_OUT), entry(77, 5, RF_DIR_IN) };
	struct abi5_result r;

	e[0].pinhole.idle_from_s++;
	e[0].pinhole.learn_until_s = 9;
	e[1].pinhole.state = RF_PINHOLE_CLOSED;
	assert_int_equal(abi5_convert(e, 2, SLOTS, &r, NULL), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.n_cold, 1);
	assert_int_equal(r.cold[0].idle_from_s, 0x41424345);
	assert_int_equal(r.cold[0].learn_until_s, 0x21222324);
	assert_int_equal(r.keys[0].dir, RF_DIR_OUT);
	assert_int_equal(r.pinholes[1].state, RF_PINHOLE_CLOSED);
	abi5_result_free(&r);

	/* one that has lost its way in to another */
	assert_int_equal(abi5_convert(e, 1, SLOTS, &r, NULL), 0);
	assert_int_equal(r.cold[0].learn_until_s, 9);
	abi5_result_free(&r);
}

static void signalling(void **state)
{
	struct abi5_entry e[2] = { entry(1, 0, RF_DIR_IN), entry(2, 0, RF_DIR_IN) };
	struct abi5_result r;

	e[0].pinhole.classes = e[1].pinhole.classes = RF_CLASS_SIP;
	assert_int_equal(abi5_convert(e, 2, SLOTS, &r, NULL), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.n_cold, 0);
	abi5_result_free(&r);
	assert_int_equal(abi5_convert(NULL, 0, 0, &r, NULL), 0);
	assert_int_equal(r.n, 0);
	abi5_result_free(&r);
}

static void wrong(struct abi5_entry e, const char *says)
{
	struct abi5_entry v[2] = { entry(1, 1, RF_DIR_IN), e };
	struct abi5_result r = { .n = 42 };
	struct why w = { "" };

	assert_int_equal(abi5_convert(v, 2, SLOTS, &r, &w), -EBADMSG);
	assert_int_equal(r.n, 42);
	assert_non_null(strstr(w.text, "pinhole 77 at 203.0.113.1:200"));
	if (!strstr(w.text, says))
		fail_msg("\"%s\" does not say \"%s\"", w.text, says);
}

static void refused(void **state)
{
	struct abi5_entry e = entry(77, 5, RF_DIR_IN);

	e.key.dir = 2;
	wrong(e, "no direction");
	e.key.dir = RF_DIR_IN;
	e.pinhole.state = 0;
	wrong(e, "neither open nor closed");
	e.pinhole.state = 3;
	wrong(e, "neither open nor closed");
	e.pinhole.state = RF_PINHOLE_OPEN;
	e.pinhole.n_remotes = RF_REMOTES_MAX + 1;
	wrong(e, "too many remotes");
	e.pinhole.n_remotes = 0;
	e.pinhole.slot = SLOTS;
	wrong(e, "outside of their map");
	e.pinhole.slot = 1; /* of the other one */
	wrong(e, "same statistics");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field),
		cmocka_unit_test(directions),
		cmocka_unit_test(signalling),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
