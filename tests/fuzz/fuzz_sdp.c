/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: any bytes as a session description. What is accepted has all its views inside, and is
 * read alike once more. Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <errno.h>
#include <stdint.h>

#include "unit/check_views.h"

static struct sdp sdp;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { (const char *)data, size };
	const char *error = NULL;
	int err = sdp_parse(text, &sdp, &error);

	CHECK(err == 0 || err == -EINVAL || err == -E2BIG);
	if (err)
		CHECK(error && *error);
	else
		check_sdp(&sdp, text);
	return 0;
}
