// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reassembly: every order, duplicates, overlaps, floods, timeouts, and fragments that turn out not
 * to be signalling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"
#include "reassembly.h"

#define SECOND 1000000000ULL

static struct {
	int datagrams, resent;
	uint64_t dropped;
	char payload[4096];
	size_t n;
	char order[16]; /* frag offset / 8 of what was resent, one byte each */
} seen;

static void on_datagram(const struct rf_punt *meta, struct view packet, void *arg)
{
	enum packet_checksum sum;
	struct rf_ep src, dst;
	struct view payload;
	struct packet p;

	seen.datagrams++;
	assert_int_equal(meta->len, packet.n);
	assert_int_equal(packet_parse(packet.p, packet.n, &p), 0);
	assert_false(p.fragment);
	assert_int_equal(packet_udp(&p, &src, &dst, &payload, &sum), 0);
	assert_int_equal(sum, PACKET_SUM_OK);
	if (p.version == 4)
		assert_int_equal(packet_checksum(packet.p, 20, 0), 0);
	assert_true(payload.n <= sizeof(seen.payload));
	memcpy(seen.payload, payload.p, payload.n);
	seen.n = payload.n;
}

static void on_resend(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct packet p;

	assert_int_equal(packet_parse(packet.p, packet.n, &p), 0);
	seen.order[seen.resent++ % 16] = (char)(p.frag_offset / 8);
}

static void on_dropped(uint32_t packets, uint64_t bytes, void *arg)
{
	seen.dropped += packets;
}

static const struct reassembly_out out = {
	.datagram = on_datagram,
	.resend = on_resend,
	.dropped = on_dropped,
};

static char text[3000];

/* A datagram of four fragments (three of them 800 bytes). */
static void build(struct packet_buf *b, bool v6, uint32_t id)
{
	struct rf_ep src, dst;
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 31 + i / 253);
	assert_int_equal(ep_parse(view_of(v6 ? "[2001:db8::2]:5060" : "192.0.2.2:5060"), &src), 0);
	assert_int_equal(ep_parse(view_of(v6 ? "[fd00::2]:5060" : "10.0.0.2:5060"), &dst), 0);
	assert_int_equal(packet_build_udp(b, &src, &dst, (struct view){ text, sizeof(text) },
					  v6 ? 848 : 820, id),
			 0);
	assert_int_equal(b->n, 4);
}

static void give(struct reassembly *r, const struct packet_buf *b, int i, int kind, uint64_t now)
{
	/* in a block of its own size, so that a sanitizer sees any read beyond */
	char *copy = malloc(b->v[i].len);
	struct rf_punt meta = { .hook = RF_HOOK_WAN_IN, .kind = kind, .len = b->v[i].len };

	memcpy(copy, b->bytes + b->v[i].at, b->v[i].len);
	reassembly_add(r, &meta, (struct view){ copy, b->v[i].len }, now);
	free(copy);
}

static struct reassembly *fresh(void)
{
	memset(&seen, 0, sizeof(seen));
	return reassembly_new(&out);
}

/* All 24 orders; the kernel calls what comes before the first fragment deferred. */
static void every_order(void **state)
{
	struct packet_buf b = { 0 };
	int v6, order, i;

	for (v6 = 0; v6 < 2; v6++) {
		build(&b, v6, 7);
		for (order = 0; order < 24; order++) {
			struct reassembly *r = fresh();
			int left[4] = { 0, 1, 2, 3 }, n = 4, code = order;
			bool first_seen = false;

			for (i = 0; i < 4; i++, n--) {
				int pick = code % n, piece = left[pick];

				code /= n;
				memmove(left + pick, left + pick + 1, (n - pick - 1) * sizeof(int));
				first_seen = first_seen || piece == 0;
				give(r, &b, piece, first_seen ? RF_PUNT_FRAGMENT : RF_PUNT_DEFERRED,
				     SECOND);
				assert_int_equal(seen.datagrams, i == 3);
			}
			assert_int_equal(seen.n, sizeof(text));
			assert_memory_equal(seen.payload, text, sizeof(text));
			assert_int_equal(seen.dropped, 0);
			assert_int_equal(reassembly_datagrams(r), 0);
			assert_int_equal(reassembly_bytes(r), 0);
			reassembly_free(r);
		}
	}
	packet_buf_free(&b);
}

static void duplicates(void **state)
{
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };
	int i;

	build(&b, false, 7);
	for (i = 0; i < 3; i++) {
		give(r, &b, i, RF_PUNT_FRAGMENT, SECOND);
		give(r, &b, i, RF_PUNT_FRAGMENT, SECOND);
	}
	give(r, &b, 3, RF_PUNT_FRAGMENT, SECOND);
	assert_int_equal(seen.datagrams, 1);
	assert_int_equal(seen.dropped, 0);
	/* the same place with other bytes is an attack */
	give(r, &b, 0, RF_PUNT_FRAGMENT, SECOND);
	b.bytes[b.v[0].at + 100] ^= 1;
	give(r, &b, 0, RF_PUNT_FRAGMENT, SECOND);
	assert_int_equal(seen.dropped, 2);
	reassembly_free(r);
	packet_buf_free(&b);
}

/* RFC 5722: the whole datagram goes, also what comes later. */
static void overlaps(void **state)
{
	static const int shifts[] = { -1, 1, -50, 50 };
	struct packet_buf b = { 0 };
	size_t s;
	int i;

	for (s = 0; s < 4; s++) {
		struct reassembly *r = fresh();
		uint16_t off;

		build(&b, false, 7);
		give(r, &b, 0, RF_PUNT_FRAGMENT, SECOND);
		give(r, &b, 2, RF_PUNT_FRAGMENT, SECOND);
		memcpy(&off, b.bytes + b.v[1].at + 6, 2);
		off = htons(ntohs(off) + shifts[s]);
		memcpy(b.bytes + b.v[1].at + 6, &off, 2);
		give(r, &b, 1, RF_PUNT_FRAGMENT, SECOND);
		build(&b, false, 7);
		for (i = 0; i < 4; i++)
			give(r, &b, i, RF_PUNT_FRAGMENT, SECOND);
		assert_int_equal(seen.datagrams, 0);
		assert_int_equal(seen.dropped, 7);
		assert_int_equal(reassembly_bytes(r), 0);
		/* the id is free again afterwards */
		for (i = 0; i < 4; i++)
			give(r, &b, i, RF_PUNT_FRAGMENT, 10 * SECOND);
		assert_int_equal(seen.datagrams, 1);
		reassembly_free(r);
	}
	packet_buf_free(&b);
}

static void timeouts(void **state)
{
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };

	build(&b, true, 7);
	give(r, &b, 0, RF_PUNT_FRAGMENT, SECOND);
	give(r, &b, 1, RF_PUNT_DEFERRED, 3 * SECOND);
	reassembly_expire(r, 6 * SECOND - 1);
	assert_int_equal(seen.dropped, 0);
	reassembly_expire(r, 6 * SECOND);
	assert_int_equal(seen.dropped, 2);
	assert_int_equal(reassembly_datagrams(r), 0);
	/* a late rest begins anew and does not complete anything */
	give(r, &b, 2, RF_PUNT_FRAGMENT, 6 * SECOND);
	give(r, &b, 3, RF_PUNT_FRAGMENT, 6 * SECOND);
	assert_int_equal(seen.datagrams, 0);
	reassembly_free(r);
	packet_buf_free(&b);
}

static void not_signalling(void **state)
{
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };

	build(&b, false, 7);
	give(r, &b, 3, RF_PUNT_DEFERRED, SECOND);
	give(r, &b, 1, RF_PUNT_DEFERRED, SECOND);
	give(r, &b, 2, RF_PUNT_DEFERRED, SECOND);
	assert_int_equal(seen.resent, 0);
	give(r, &b, 0, RF_PUNT_DEFERRED_END, SECOND);
	assert_int_equal(seen.resent, 4);
	assert_int_equal(seen.order[0], (char)300);
	assert_int_equal(seen.order[1], 100);
	assert_int_equal(seen.order[2], (char)200);
	assert_int_equal(seen.order[3], 0);
	assert_int_equal(seen.datagrams + seen.dropped, 0);
	assert_int_equal(reassembly_bytes(r), 0);
	/* all deferred, complete, but never said to be signalling: times out */
	give(r, &b, 1, RF_PUNT_DEFERRED, SECOND);
	reassembly_expire(r, 100 * SECOND);
	assert_int_equal(seen.dropped, 1);
	reassembly_free(r);
	packet_buf_free(&b);
}

static void floods(void **state)
{
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };
	uint32_t id;

	for (id = 0; id < 2 * REASSEMBLY_DATAGRAMS_MAX; id++) {
		build(&b, false, id);
		give(r, &b, 1, RF_PUNT_DEFERRED, SECOND);
	}
	assert_int_equal(reassembly_datagrams(r), REASSEMBLY_DATAGRAMS_MAX);
	assert_int_equal(seen.dropped, REASSEMBLY_DATAGRAMS_MAX);
	assert_true(reassembly_bytes(r) <= REASSEMBLY_BYTES_MAX);
	reassembly_expire(r, 7 * SECOND);
	assert_int_equal(seen.dropped, 2 * REASSEMBLY_DATAGRAMS_MAX);
	assert_int_equal(reassembly_bytes(r), 0);
	reassembly_free(r);
	packet_buf_free(&b);
}

/* Who fills every place with first fragments must not keep a whole datagram out. */
static void flood_locks_nobody_out(void **state)
{
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };
	uint32_t id;
	int i;

	for (id = 0; id < REASSEMBLY_DATAGRAMS_MAX; id++) {
		build(&b, false, id);
		give(r, &b, 0, RF_PUNT_FRAGMENT, SECOND);
	}
	build(&b, false, id);
	for (i = 0; i < 4; i++)
		give(r, &b, i, RF_PUNT_FRAGMENT, SECOND + 1);
	assert_int_equal(seen.datagrams, 1);
	assert_memory_equal(seen.payload, text, sizeof(text));
	assert_int_equal(seen.dropped, 1); /* the oldest gave way */
	reassembly_free(r);
	packet_buf_free(&b);
}

/* The same by memory: few datagrams of large fragments. */
static void bytes_lock_nobody_out(void **state)
{
	static char large[60028];
	struct rf_punt meta = { .hook = RF_HOOK_WAN_IN,
				.kind = RF_PUNT_FRAGMENT,
				.len = sizeof(large) };
	static const unsigned char header[] = { 0x45, 0, 0xea, 0x7c, 0, 0, 0x20, 0, 64, 17,
						0,    0, 192,  0,    2, 1, 192,	 0, 2,	2 };
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };
	uint16_t id;
	int i;

	memcpy(large, header, sizeof(header));
	for (i = 0; i < 100; i++) {
		id = htons(i);
		memcpy(large + 4, &id, sizeof(id));
		reassembly_add(r, &meta, (struct view){ large, sizeof(large) }, SECOND + i);
		assert_true(reassembly_bytes(r) <= REASSEMBLY_BYTES_MAX);
	}
	for (i = 0; i < 100; i++) { /* into what is left */
		build(&b, false, 1000 + i);
		give(r, &b, 0, RF_PUNT_FRAGMENT, SECOND + 100);
	}
	build(&b, false, 2000);
	for (i = 0; i < 4; i++)
		give(r, &b, i, RF_PUNT_FRAGMENT, 2 * SECOND);
	assert_int_equal(seen.datagrams, 1);
	assert_true(reassembly_bytes(r) <= REASSEMBLY_BYTES_MAX);
	reassembly_free(r);
	packet_buf_free(&b);
}

/* One datagram of many tiny fragments. */
static void many_fragments(void **state)
{
	struct reassembly *r = fresh();
	struct rf_punt meta = { .hook = RF_HOOK_WAN_IN, .kind = RF_PUNT_FRAGMENT, .len = 28 };
	unsigned char p[28] = {
		0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2
	};
	int i;

	for (i = 0; i < 100; i++) {
		uint16_t off = htons(0x2000 | i);

		memcpy(p + 6, &off, 2);
		reassembly_add(r, &meta, (struct view){ (char *)p, sizeof(p) }, SECOND);
	}
	assert_int_equal(seen.dropped, 100);
	assert_int_equal(reassembly_bytes(r), 0);
	reassembly_free(r);
}

static void malformed(void **state)
{
	struct reassembly *r = fresh();
	struct packet_buf b = { 0 };
	int v6;
	size_t n;

	for (v6 = 0; v6 < 2; v6++) {
		build(&b, v6, 9);
		for (n = 0; n < b.v[1].len; n++) {
			struct rf_punt meta = { .hook = RF_HOOK_WAN_IN,
						.kind = RF_PUNT_FRAGMENT,
						.len = n };
			char *cut = malloc(n ? n : 1);

			memcpy(cut, b.bytes + b.v[1].at, n);
			reassembly_add(r, &meta, (struct view){ cut, n }, SECOND);
			free(cut);
		}
		assert_int_equal(reassembly_datagrams(r), 0);
	}
	packet_buf_free(&b);
	/* more to come, but not a multiple of 8: spoils; beyond 65,535: spoils */
	{
		struct rf_punt meta = { .hook = RF_HOOK_WAN_IN,
					.kind = RF_PUNT_FRAGMENT,
					.len = 27 };
		unsigned char odd[27] = { 0x45, 0, 0, 27, 0, 1, 0x20, 0, 64, 17 };
		unsigned char far[28] = { 0x45, 0, 0, 28, 0, 2, 0x1f, 0xff, 64, 17 };
		uint64_t before = seen.dropped;

		reassembly_add(r, &meta, (struct view){ (char *)odd, sizeof(odd) }, SECOND);
		reassembly_add(r, &meta, (struct view){ (char *)far, sizeof(far) }, SECOND);
		assert_int_equal(seen.dropped, before + 2);
	}
	assert_int_equal(reassembly_bytes(r), 0);
	reassembly_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(not_signalling),
		cmocka_unit_test(floods),
		cmocka_unit_test(many_fragments),
		cmocka_unit_test(malformed),
		cmocka_unit_test(flood_locks_nobody_out),
		cmocka_unit_test(bytes_lock_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
