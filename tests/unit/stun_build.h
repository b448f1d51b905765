/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connectivity checks as an ICE agent sends them, for tests.
 */
#ifndef STUN_BUILD_H
#define STUN_BUILD_H

#include <nettle/hmac.h>
#include <stdint.h>
#include <string.h>

/* type 1: request, 0x11: response. Returns the length; pwd NULL: no MESSAGE-INTEGRITY, user NULL: no USERNAME. */
static inline size_t stun_build(uint8_t *b, uint8_t type, const char *user, const char *pwd)
{
	size_t n = 20, len;
	struct hmac_sha1_ctx ctx;

	memset(b, 0, 20);
	b[0] = type == 0x11; /* 0x0101 is the response */
	b[1] = 1;
	memcpy(b + 4, "\x21\x12\xa4\x42transaction1", 16);
	if (user) {
		len = strlen(user);
		memcpy(b + n, (uint8_t[]){ 0, 6, (uint8_t)(len >> 8), (uint8_t)len }, 4);
		memset(b + n + 4, 0, (len + 3) & ~3ul);
		memcpy(b + n + 4, user, len);
		n += 4 + ((len + 3) & ~3ul);
	}
	if (pwd) {
		b[2] = (uint8_t)((n + 4) >> 8);
		b[3] = (uint8_t)(n + 4);
		hmac_sha1_set_key(&ctx, strlen(pwd), (const uint8_t *)pwd);
		hmac_sha1_update(&ctx, n, b);
		memcpy(b + n, "\0\x08\0\x14", 4);
		hmac_sha1_digest(&ctx, 20, b + n + 4);
		n += 24;
	}
	b[2] = (uint8_t)((n - 20) >> 8);
	b[3] = (uint8_t)(n - 20);
	return n;
}

#endif
