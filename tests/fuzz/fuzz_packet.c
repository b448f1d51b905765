/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: packets as the kernel side hands them over, through the packet parser, TCP's and reassembly.
 * The input: each packet has a byte that says what it is, two of length, and its bytes.
 *	bits 0-2	its kind (enum rf_punt_kind)	bit 3	two seconds pass before
 *	bit 4		a fragment of a good datagram, its bytes are: where / 8, length / 8, flags (1 more follow, 2 IPv6)
 * Views lie within the packet, what comes out is whole and no fragment, the limits hold, and in the end nothing is left.
 * Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "packet.h"
#include "reassembly.h"
#include "tcp_stream.h"
#include "unit/check_views.h"

static void check_ports(const struct packet *p)
{
	enum packet_checksum sum;
	struct tcp_segment s;
	struct view payload;
	struct rf_ep src, dst;
	size_t header;

	if (!packet_udp(p, &src, &dst, &payload, &sum)) {
		CHECK(p->proto == 17 && !p->frag_offset);
		check_view(payload, p->l4);
	}
	if (!packet_tcp(p, &src, &dst, &header, &sum))
		CHECK(p->proto == 6 && header >= 20 && header <= p->l4.n);
	if (!tcp_segment_parse(p, &s))
		check_view(s.payload, p->l4);
}

static bool check_packet(struct view v, struct packet *p)
{
	if (packet_parse(v.p, v.n, p))
		return false;
	CHECK(p->version == 4 || p->version == 6);
	check_view(p->l4, v);
	check_view(p->frag_prefix, v);
	CHECK(p->header_len <= v.n && p->header_len + p->l4.n <= v.n);
	CHECK(p->fragment || (!p->more && !p->frag_offset));
	check_ports(p);
	return true;
}

static void on_datagram(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct packet p;

	CHECK(meta->len == packet.n && packet.n <= RF_PUNT_MAX + 40u);
	CHECK(check_packet(packet, &p) && !p.fragment);
}

static void on_resend(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct packet p;

	CHECK(meta->len == packet.n && check_packet(packet, &p) && p.fragment);
}

static void on_dropped(uint32_t packets, uint64_t bytes, void *arg)
{
	CHECK(packets);
}

/* Of one datagram of 64 kB at most; where several overlap they say the same. */
static size_t good_fragment(uint8_t *b, const uint8_t *how, size_t n)
{
	size_t at = n > 0 ? how[0] * 8u : 0, len = n > 1 ? how[1] * 8u : 8;
	bool more = n > 2 && how[2] & 1, v6 = n > 2 && how[2] & 2;
	size_t head = v6 ? 48 : 20;

	memset(b, 0, head);
	if (v6) {
		b[0] = 0x60;
		b[4] = (uint8_t)((len + 8) >> 8);
		b[5] = (uint8_t)(len + 8);
		b[6] = 44;
		memcpy(b + 8,
		       "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 32);
		b[40] = 17;
		b[42] = (uint8_t)(at >> 8);
		b[43] = (uint8_t)((at & 0xf8) | more);
	} else {
		b[0] = 0x45;
		b[2] = (uint8_t)((len + 20) >> 8);
		b[3] = (uint8_t)(len + 20);
		b[6] = (uint8_t)((more ? 0x20 : 0) | at >> 11);
		b[7] = (uint8_t)(at >> 3);
		b[8] = 64;
		b[9] = 17;
		memcpy(b + 12, "\xc0\0\2\1\xc0\0\2\2", 8);
	}
	for (size_t i = 0; i < len; i++)
		b[head + i] = (uint8_t)((at + i) * 31);
	if (!at && len)
		memcpy(b + head, "\x13\xc4\x13\xc4\x08\0\0\0", 8);
	return head + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reassembly_out out = { on_datagram, on_resend, on_dropped, NULL };
	struct reassembly *r = reassembly_new(&out);
	uint64_t now = 1000000000;

	CHECK(r);
	while (size >= 3) {
		size_t n = data[1] | data[2] << 8, len;
		struct rf_punt meta = { .kind = data[0] & 7, .hook = RF_HOOK_WAN_IN };
		uint8_t what = data[0], *copy;
		struct packet p;

		data += 3;
		size -= 3;
		if (n > size)
			n = size;
		copy = malloc(
			2200 +
			n); /* its end is that of the packet: a sanitizer sees what reads beyond */
		CHECK(copy);
		if (what & 16) {
			len = good_fragment(copy, data, n);
		} else {
			len = n;
			memcpy(copy, data, n);
		}
		copy = realloc(copy, len ? len : 1);
		if (what & 8)
			now += 2000000000;
		meta.len = (uint32_t)len;
		check_packet((struct view){ (char *)copy, len }, &p);
		reassembly_add(r, &meta, (struct view){ (char *)copy, len }, now);
		free(copy);
		CHECK(reassembly_bytes(r) <= REASSEMBLY_BYTES_MAX);
		CHECK(reassembly_datagrams(r) <= REASSEMBLY_DATAGRAMS_MAX);
		reassembly_expire(r, now);
		data += n;
		size -= n;
	}
	reassembly_expire(r, now + 2 * REASSEMBLY_TIMEOUT_NS);
	CHECK(!reassembly_datagrams(r) && !reassembly_bytes(r));
	reassembly_free(r);
	return 0;
}
