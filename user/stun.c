// SPDX-License-Identifier: GPL-2.0-only
/*
 * STUN: bytes -> attributes by type, length and value, padded to four bytes (RFC 8489 14).
 */
#include "stun.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <zlib.h>

#include "rf_media.h"
#include "sip_scan.h"

#define HEADER_SIZE	 20
#define FINGERPRINT_XOR	 0x5354554eu /* RFC 8489 14.7 */
#define ATTR_USERNAME	 0x0006
#define ATTR_INTEGRITY	 0x0008
#define ATTR_FINGERPRINT 0x8028

static uint32_t be(const char *p, int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | (uint8_t)*p++;
	return v;
}

static bool fingerprint_ok(struct view raw, const char *attr)
{
	uLong sum = crc32(0, (const Bytef *)raw.p, (uInt)(attr - raw.p));

	return ((uint32_t)sum ^ FINGERPRINT_XOR) == be(attr + 4, 4);
}

static int read_attributes(struct stun_msg *m)
{
	struct view rest = view_from(m->raw, HEADER_SIZE);

	while (rest.n) {
		const char *attr = rest.p;
		size_t len, whole;
		uint32_t type;

		if (rest.n < 4)
			return -EINVAL;
		type = be(attr, 2);
		len = be(attr + 2, 2);
		whole = 4 + ((len + 3) & ~(size_t)3);
		if (whole > rest.n)
			return -EINVAL;
		rest = view_from(rest, whole);
		if (type == ATTR_FINGERPRINT) {
			if (len != 4 || rest.n || !fingerprint_ok(m->raw, attr))
				return -EINVAL;
		} else if (m->integrity.p) {
			continue;
		} else if (type == ATTR_USERNAME && !m->username.p) {
			m->username = (struct view){ attr + 4, len };
		} else if (type == ATTR_INTEGRITY) {
			if (len != SHA1_DIGEST_SIZE)
				return -EINVAL;
			m->integrity = (struct view){ attr, whole };
		}
	}
	return 0;
}

int stun_parse(struct view bytes, struct stun_msg *out)
{
	struct stun_msg m = { .raw = bytes };
	int err;

	/* two zero bits in front keep it apart from RTP; nothing may follow it */
	if (bytes.n < HEADER_SIZE || (uint8_t)bytes.p[0] > 3 ||
	    !rf_shape_stun((const uint8_t *)bytes.p, (uint32_t)bytes.n) ||
	    be(bytes.p + 2, 2) != bytes.n - HEADER_SIZE)
		return -EINVAL;
	m.type = (uint16_t)be(bytes.p, 2);
	err = read_attributes(&m);
	if (!err)
		*out = m;
	return err;
}

/* The header in the sum has the length that it had when the attribute was the last (RFC 8489 14.5). */
bool stun_integrity_ok(const struct stun_msg *m, struct view password)
{
	uint8_t digest[SHA1_DIGEST_SIZE], header[HEADER_SIZE];
	struct hmac_sha1_ctx ctx;
	size_t before, len;

	if (!m->integrity.p || !password.n)
		return false;
	before = (size_t)(m->integrity.p - m->raw.p);
	len = before + m->integrity.n - HEADER_SIZE;
	memcpy(header, m->raw.p, sizeof(header));
	header[2] = (uint8_t)(len >> 8);
	header[3] = (uint8_t)len;
	hmac_sha1_set_key(&ctx, password.n, (const uint8_t *)password.p);
	hmac_sha1_update(&ctx, sizeof(header), header);
	hmac_sha1_update(&ctx, before - HEADER_SIZE, (const uint8_t *)m->raw.p + HEADER_SIZE);
	hmac_sha1_digest(&ctx, sizeof(digest), digest);
	return memeql_sec(digest, m->integrity.p + 4, sizeof(digest));
}
