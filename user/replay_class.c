// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is this payload? The same answers as the kernel side's rtp.h gives (RFC 7983, RFC 5761), from
 * bytes that lie in memory.
 */
#include "replay_priv.h"
#include "stun.h"

#define STUN_COOKIE 0x2112a442

static uint32_t be16(const unsigned char *b)
{
	return (uint32_t)b[0] << 8 | b[1];
}

static uint32_t be32(const unsigned char *b)
{
	return be16(b) << 16 | be16(b + 2);
}

static uint8_t shape_stun(const unsigned char *b, size_t n)
{
	return n >= 20 && !(be16(b + 2) & 3) && 20 + be16(b + 2) <= n && be32(b + 4) == STUN_COOKIE
		       ? RF_CLASS_STUN
		       : 0;
}

static uint8_t shape_dtls(const unsigned char *b, size_t n)
{
	if (b[0] >= 32) /* DTLS 1.3 unified header */
		return n >= 18 ? RF_CLASS_DTLS : 0;
	if (b[0] > 26 || n < 14 || b[1] != 0xfe || b[2] < 0xfc)
		return 0;
	return b[0] == 25 || 13 + be16(b + 11) <= n ? RF_CLASS_DTLS : 0;
}

static uint8_t shape_rtp(const unsigned char *b, size_t n, struct replay_class *c)
{
	size_t hdr = 12 + (n ? (b[0] & 0xf) * 4u : 0);

	c->rtcp_type = n >= 2 ? b[1] : 0;
	if (n >= 2 && b[1] >= 192 && b[1] <= 223)
		return n >= 8 && (be16(b + 2) + 1) * 4 <= n ? RF_CLASS_RTCP : 0;
	if (hdr > n)
		return 0;
	if ((b[0] & 0x10) && (hdr + 4 > n || hdr + 4 + be16(b + hdr + 2) * 4 > n))
		return 0;
	c->payload_type = b[1] & 0x7f;
	c->ssrc = be32(b + 8);
	return RF_CLASS_RTP;
}

static uint8_t shape_udptl(const unsigned char *b, size_t n)
{
	if (n < 4)
		return 0;
	if (!(b[2] & 0x80))
		return b[2] && 3u + b[2] <= n ? RF_CLASS_UDPTL : 0;
	return !(b[2] & 0x40) && 4 + (be16(b + 2) & 0x3fff) <= n ? RF_CLASS_UDPTL : 0;
}

/* BFCP over UDP (RFC 8855 5.1): version 2, then 12 bytes of header, or 16 in a fragment */
static uint8_t shape_bfcp(const unsigned char *b, size_t n)
{
	if (n < 12 || (b[0] & 0x08 && n < 16))
		return 0;
	return 12 + 4 * (b[0] & 0x08 ? 1 + be16(b + 14) : be16(b + 2)) <= n ? RF_CLASS_BFCP : 0;
}

struct replay_class replay_classify(struct view payload, uint8_t agreed)
{
	const unsigned char *b = (const unsigned char *)payload.p;
	struct replay_class c = { 0 };

	if (!payload.n)
		return c;
	if (b[0] < 4) {
		c.cls = shape_stun(b, payload.n);
		c.request = c.cls && be16(b) == STUN_BINDING_REQUEST;
	}
	if (b[0] >= 20 && b[0] <= 63)
		c.cls = shape_dtls(b, payload.n);
	else if (b[0] >= 64 && b[0] <= 95 && agreed & RF_CLASS_BFCP)
		c.cls = shape_bfcp(b, payload.n);
	else if (b[0] >= 128 && b[0] <= 191)
		c.cls = shape_rtp(b, payload.n, &c);
	if ((agreed & RF_CLASS_UDPTL) && !(c.cls & agreed) && shape_udptl(b, payload.n))
		c.cls = RF_CLASS_UDPTL;
	return c;
}
