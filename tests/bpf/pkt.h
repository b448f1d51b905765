/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets for the kernel side's tests: a description -> bytes, every checksum computed in full.
 * An expected packet is the same description with another address, so the kernel's incremental
 * arithmetic is compared with a computation that shares no code with it.
 */
#ifndef RF_TEST_PKT_H
#define RF_TEST_PKT_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rf_abi.h"

#define PKT_MAX 66000

enum pkt_payload {
	PAY_RTP,
	PAY_RTCP,
	PAY_STUN,
	PAY_DTLS,
	PAY_UDPTL,
	PAY_ZERO,
	PAY_SIP,
	PAY_BYTES,
};

enum pkt_csum {
	CSUM_FULL,
	CSUM_ZERO, /* UDP over IPv4: none */
	CSUM_PARTIAL, /* the bare pseudo header sum, as a local sender with offload leaves it */
	CSUM_WRONG, /* by a constant, which translation keeps */
};

struct pkt {
	int tags; /* in the frame: priority tags, unless .vid */
	int vid; /* VLAN of the innermost of .tags */
	bool no_eth;
	const char *src, *dst; /* IPv6 when .dst has a colon */
	uint16_t sport, dport;
	int ttl; /* 0: 64 */
	int proto; /* 0: UDP */
	int opts; /* bytes of IPv4 options (NOPs) */
	const uint8_t *opt; /* the first four of them */
	int segments; /* left, in routing headers of IPv6 */
	uint8_t ext[10]; /* IPv6 extension headers, in order; 255 is hop-by-hop (0 ends the list) */
	enum pkt_payload pay;
	int len; /* of the payload; 0: what suits the kind; -1: none */
	const uint8_t *bytes;
	int pt;
	uint16_t seq;
	uint32_t ts, ssrc;
	enum pkt_csum csum;
	bool df, mf;
	int frag; /* byte offset */
	uint32_t id;
	const uint8_t *dmac, *smac;
};

static const uint8_t pkt_mac_dev[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t pkt_mac_peer[6] = { 2, 0, 0, 0, 0, 0x11 };

static inline uint32_t csum_add(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *b = data;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += b[i] << 8 | b[i + 1];
	if (n & 1)
		sum += b[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline void put16(uint8_t *b, uint32_t v)
{
	b[0] = v >> 8;
	b[1] = v;
}

static inline void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v);
}

static inline uint32_t get16(const uint8_t *b)
{
	return b[0] << 8 | b[1];
}

static inline bool pkt_v6(const struct pkt *p)
{
	return strchr(p->dst, ':');
}

static inline struct rf_addr addr(const char *s)
{
	struct rf_addr a = {};

	if (strchr(s, ':')) {
		if (inet_pton(AF_INET6, s, &a) != 1)
			abort();
	} else {
		a.w[2] = htonl(0xffff);
		if (inet_pton(AF_INET, s, &a.w[3]) != 1)
			abort();
	}
	return a;
}

static inline struct rf_ep ep(const char *s, uint16_t port)
{
	return (struct rf_ep){ .addr = addr(s), .port = htons(port) };
}

/* sum over the pseudo header, not complemented */
static inline uint32_t pseudo_sum(const char *src, const char *dst, int proto, uint32_t len)
{
	struct rf_addr s = addr(src), d = addr(dst);
	bool v6 = strchr(dst, ':');
	uint32_t sum;

	sum = csum_add(0, v6 ? &s.w[0] : &s.w[3], v6 ? 16 : 4);
	sum = csum_add(sum, v6 ? &d.w[0] : &d.w[3], v6 ? 16 : 4);
	sum += proto + (len >> 16) + (len & 0xffff);
	return csum_add(sum, NULL, 0);
}

static inline int pay_build(const struct pkt *p, uint8_t *b)
{
	static const int suits[] = { 172, 52, 20, 64, 40, 32, 400, 0 };
	int n = p->len < 0 ? 0 : p->len ? p->len : suits[p->pay], i;
	uint8_t h[20] = {};
	int hn = 0;

	for (i = 0; i < n; i++)
		b[i] = 0x40 + i * 7;
	switch (p->pay) {
	case PAY_RTP:
		h[0] = 0x80;
		h[1] = p->pt;
		put16(h + 2, p->seq);
		put32(h + 4, p->ts);
		put32(h + 8, p->ssrc);
		hn = 12;
		break;
	case PAY_RTCP:
		h[0] = 0x80;
		h[1] = 200;
		put16(h + 2, n / 4 - 1);
		put32(h + 4, p->ssrc);
		hn = 8;
		break;
	case PAY_STUN:
		h[1] = 1;
		put16(h + 2, n - 20);
		put32(h + 4, 0x2112A442);
		hn = 20;
		break;
	case PAY_DTLS:
		h[0] = 22;
		h[1] = 0xfe;
		h[2] = 0xfd;
		put16(h + 11, n - 13);
		hn = 13;
		break;
	case PAY_UDPTL:
		put16(h, p->seq);
		h[2] = n - 5;
		h[3] = 0xc0; /* V.21 data; no redundancy behind it */
		hn = 4;
		if (n > 6)
			b[n - 2] = b[n - 1] = 0;
		break;
	case PAY_ZERO: memset(b, 0, n); break;
	case PAY_SIP: memcpy(b, "INVITE sip:bob@example.com SIP/2.0\r\n", n < 36 ? n : 36); break;
	case PAY_BYTES: memcpy(b, p->bytes, n); break;
	}
	memcpy(b, h, n < hn ? n : hn);
	return n;
}

static inline int pkt_l2(const struct pkt *p, uint8_t *b)
{
	int i, n = 12;

	if (p->no_eth)
		return 0;
	memcpy(b, p->dmac ? p->dmac : pkt_mac_dev, 6);
	memcpy(b + 6, p->smac ? p->smac : pkt_mac_peer, 6);
	for (i = 0; i < p->tags; i++) {
		put16(b + n, p->tags > 1 && !i ? 0x88a8 : 0x8100);
		put16(b + n + 2, 5 << 13 | (i == p->tags - 1 ? p->vid : 0));
		n += 4;
	}
	put16(b + n, pkt_v6(p) ? 0x86dd : 0x0800);
	return n + 2;
}

/* Header chain of IPv6 behind the fixed header; the last one names .proto. */
static inline int pkt_ext(const struct pkt *p, uint8_t *b, uint8_t *next, int proto)
{
	int i, n = 0;

	for (i = 0; i < 10 && p->ext[i]; i++) {
		int kind = p->ext[i] == 255 ? 0 : p->ext[i];

		*next = kind;
		next = b + n;
		memset(b + n, 0, 8);
		if (kind == 44) {
			put16(b + n + 2, p->frag | p->mf);
			put32(b + n + 4, p->id);
		} else {
			b[n + 2] = 1; /* PadN */
			b[n + 3] = 4;
			if (kind == 43)
				put32(b + n + 2, p->segments << 16); /* type 0 */
		}
		n += 8;
	}
	*next = proto;
	return n;
}

/* L3 header in front of .n bytes of L4, which are at their place already. Returns its length. */
static inline int pkt_l3_len(const struct pkt *p)
{
	int n = pkt_v6(p) ? 40 : 20 + p->opts, i;

	for (i = 0; i < 10 && p->ext[i]; i++)
		n += 8;
	return n;
}

static inline void pkt_l3(const struct pkt *p, uint8_t *b, int n)
{
	struct rf_addr s = addr(p->src), d = addr(p->dst);
	int proto = p->proto ? p->proto : IPPROTO_UDP, hl = pkt_l3_len(p);

	if (pkt_v6(p)) {
		put32(b, 6u << 28);
		put16(b + 4, hl - 40 + n);
		b[7] = p->ttl ? p->ttl : 64;
		memcpy(b + 8, &s, 16);
		memcpy(b + 24, &d, 16);
		pkt_ext(p, b + 40, b + 6, proto);
		return;
	}
	memset(b, 0, 20);
	memset(b + 20, 1, p->opts);
	if (p->opt)
		memcpy(b + 20, p->opt, 4);
	b[0] = 0x40 | hl / 4;
	put16(b + 2, hl + n);
	put16(b + 4, p->id);
	put16(b + 6, p->frag / 8 | (p->df ? 0x4000 : 0) | (p->mf ? 0x2000 : 0));
	b[8] = p->ttl ? p->ttl : 64;
	b[9] = proto;
	memcpy(b + 12, &s.w[3], 4);
	memcpy(b + 16, &d.w[3], 4);
	put16(b + 10, ~csum_add(0, b, hl));
}

static inline void pkt_udp(const struct pkt *p, uint8_t *b, int n)
{
	uint32_t sum = pseudo_sum(p->src, p->dst, IPPROTO_UDP, n);

	put16(b, p->sport);
	put16(b + 2, p->dport);
	put16(b + 4, n);
	put16(b + 6, 0);
	if (p->csum == CSUM_PARTIAL) {
		put16(b + 6, sum);
	} else if (p->csum != CSUM_ZERO) {
		sum = ~csum_add(sum, b, n) & 0xffff;
		put16(b + 6, sum ? sum : 0xffff);
		if (p->csum == CSUM_WRONG) {
			sum = sum + 0x1234;
			put16(b + 6, (sum & 0xffff) + (sum >> 16));
		}
	}
}

/* Returns the length of the frame. */
static inline int pkt_build(const struct pkt *p, uint8_t *b)
{
	int l2 = pkt_l2(p, b), l3 = pkt_l3_len(p), n = 0;
	uint8_t *l4 = b + l2 + l3;

	if (p->frag && p->pay == PAY_BYTES) { /* a later fragment: bytes as they come */
		n = pay_build(p, l4);
	} else {
		n = 8 + pay_build(p, l4 + 8);
		pkt_udp(p, l4, n);
	}
	pkt_l3(p, b + l2, n);
	return l2 + l3 + n;
}

#endif
