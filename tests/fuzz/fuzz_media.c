/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: any bytes as the payload of a media packet: what class it is of (RTP, RTCP, STUN, DTLS, UDPTL; the rules
 * that the kernel side has, too), and STUN as ICE reads it. The first two bytes are the classes that were agreed on.
 * Views lie within it, what lies behind it does not matter, and nobody's password fits by chance.
 * Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <stdint.h>
#include <string.h>

#include "replay_priv.h"
#include "rf_udptl.h"
#include "stun.h"
#include "unit/check_views.h"

static void check_stun(struct view v)
{
	struct stun_msg m;

	if (stun_parse(v, &m))
		return;
	CHECK(v.n >= 20);
	check_view(m.raw, v);
	check_view(m.username, v);
	check_view(m.integrity, v);
	CHECK(!m.integrity.p || m.integrity.n == 24);
	(void)stun_integrity_ok(&m, VIEW("insidepasswordinsidepass"));
	CHECK(!stun_integrity_ok(&m, VIEW("a password that no sender knows")) || !m.integrity.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t agreed;
	struct rf_media m, again;
	char *copy, *longer;
	size_t n;

	if (size < 2)
		return 0;
	agreed = (uint16_t)(data[0] | data[1] << 8);
	n = size - 2;
	copy = malloc(n ? n : 1);
	longer = malloc(n + 64);
	CHECK(copy && longer);
	memcpy(copy, data + 2, n);
	memcpy(longer, data + 2, n);
	memset(longer + n, 0xff, 64);
	m = replay_classify((struct view){ copy, n }, agreed);
	again = replay_classify((struct view){ longer, n }, agreed);
	CHECK(!memcmp(&m, &again, sizeof(m)));
	check_stun((struct view){ copy, n });
	free(copy);
	free(longer);
	return 0;
}
