// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a message in a stream: every cut, several messages at once, and lengths that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip_frame.h"

#define START "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nCSeq: 1 OPTIONS\r\n"
#define ONE   START "Content-Length: 5\r\n\r\nhello"
#define TWO   "SIP/2.0 200 OK\r\nl:0\r\n\r\n"

/* In a block of its own size, so that a sanitizer sees any read beyond. */
static enum sip_frame next(struct sip_framer *f, const char *p, size_t n, size_t *out)
{
	char *copy = malloc(n ? n : 1);
	enum sip_frame r;

	memcpy(copy, p, n);
	r = sip_frame_next(f, (struct view){ copy, n }, out);
	free(copy);
	return r;
}

/* Takes what there is; names it: W whole, K keep-alive, B bad; each with its length. */
static void take(struct sip_framer *f, const char *bytes, size_t have, size_t *at, char *said)
{
	size_t n = 0;

	while (*at < have) {
		enum sip_frame r = next(f, bytes + *at, have - *at, &n);

		if (r == SIP_FRAME_MORE)
			return;
		sprintf(said + strlen(said), "%c%zu ", "MWKB"[r], r == SIP_FRAME_BAD ? 0 : n);
		if (r == SIP_FRAME_BAD)
			return;
		*at += n;
	}
}

static void test_every_cut(void **state)
{
	static const char bytes[] = ONE TWO ONE;
	size_t n = sizeof(bytes) - 1, a, b;
	char wanted[64];

	sprintf(wanted, "W%zu W%zu W%zu ", strlen(ONE), strlen(TWO), strlen(ONE));
	for (a = 0; a <= n; a++) {
		for (b = a; b <= n; b++) {
			struct sip_framer f = { 0 };
			char said[256] = "";
			size_t at = 0;

			take(&f, bytes, a, &at, said);
			take(&f, bytes, b, &at, said);
			take(&f, bytes, n, &at, said);
			assert_string_equal(said, wanted);
			assert_int_equal(at, n);
		}
	}
}

static void test_byte_by_byte(void **state)
{
	static const char bytes[] = "\r\n\r\n" ONE "\r\n" TWO;
	struct sip_framer f = { 0 };
	char said[256] = "", wanted[64];
	size_t at = 0, i;

	for (i = 1; i < sizeof(bytes); i++)
		take(&f, bytes, i, &at, said);
	sprintf(wanted, "K1 K1 K1 K1 W%zu K1 K1 W%zu ", strlen(ONE), strlen(TWO));
	assert_string_equal(said, wanted);
}

static void test_keep_alives_are_one(void **state)
{
	struct sip_framer f = { 0 };
	size_t n;

	assert_int_equal(next(&f, "\r\n\r\nSIP", 7, &n), SIP_FRAME_KEEP_ALIVE);
	assert_int_equal(n, 4);
	assert_int_equal(next(&f, "SIP", 3, &n), SIP_FRAME_MORE);
	assert_int_equal(next(&f, "", 0, &n), SIP_FRAME_MORE);
}

static const struct {
	const char *name, *bytes;
	enum sip_frame wanted;
	size_t n;
} cases[] = {
	{ "no Content-Length: no body", START "\r\nrest", SIP_FRAME_WHOLE,
	  sizeof(START "\r\n") - 1 },
	{ "compact form, spaces", START "L :  3 \r\n\r\nabc", SIP_FRAME_WHOLE,
	  sizeof(START "L :  3 \r\n\r\nabc") - 1 },
	{ "twice the same", START "l: 1\r\nContent-Length: 1\r\n\r\nx", SIP_FRAME_WHOLE,
	  sizeof(START "l: 1\r\nContent-Length: 1\r\n\r\nx") - 1 },
	{ "two that differ", START "l: 1\r\nContent-Length: 2\r\n\r\nxx", SIP_FRAME_BAD, 0 },
	{ "negative", START "Content-Length: -1\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "signed", START "Content-Length: +1\r\n\r\nx", SIP_FRAME_BAD, 0 },
	{ "hexadecimal", START "Content-Length: 0x1\r\n\r\nx", SIP_FRAME_BAD, 0 },
	{ "nothing", START "Content-Length:\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "a list", START "Content-Length: 1, 2\r\n\r\nxx", SIP_FRAME_BAD, 0 },
	{ "on the next line", START "Content-Length:\r\n 4\r\n\r\nabcd", SIP_FRAME_BAD, 0 },
	{ "a message hidden behind an empty line of LF",
	  START "Subject: a\n\nBYE sip:b@x SIP/2.0\r\nl: 0\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "the same with a CR", START "Subject: a\n\r\nBYE sip:b@x SIP/2.0\r\nl: 0\r\n\r\n",
	  SIP_FRAME_BAD, 0 },
	{ "a length behind LF", START "Subject: a\nContent-Length: 4\r\n\r\nabcd", SIP_FRAME_BAD,
	  0 },
	{ "larger than all", START "Content-Length: 65536\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "with its header larger than all", START "Content-Length: 65535\r\n\r\n", SIP_FRAME_BAD,
	  0 },
	{ "wraps 64 bits", START "Content-Length: 18446744073709551617\r\n\r\nx", SIP_FRAME_BAD,
	  0 },
	{ "as large as can be", START "Content-Length: 65000\r\n\r\nx", SIP_FRAME_MORE, 0 },
	{ "LF before the end of the header", "OPTIONS sip:a SIP/2.0\n", SIP_FRAME_BAD, 0 },
	{ "LF behind other lines", START "Subject: a\n", SIP_FRAME_BAD, 0 },
	{ "LF in a body", START "l: 2\r\n\r\n\n\n", SIP_FRAME_WHOLE,
	  sizeof(START "l: 2\r\n\r\n\n\n") - 1 },
	{ "no Content-Length, and a body", "SIP/2.0 200 OK\r\n\r\nv=0\r\n", SIP_FRAME_WHOLE,
	  sizeof("SIP/2.0 200 OK\r\n\r\n") - 1 },
	{ "a blank behind the version", "INVITE sip:a SIP/2.0 \t\r\nl: 0\r\n\r\n", SIP_FRAME_WHOLE,
	  sizeof("INVITE sip:a SIP/2.0 \t\r\nl: 0\r\n\r\n") - 1 },
	{ "a blank and something behind the version", "INVITE sip:a SIP/2.0 x\r\nl: 0\r\n\r\n",
	  SIP_FRAME_BAD, 0 },
	{ "a length behind CR", START "X: a\rContent-Length: 400\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "a message hidden behind an empty line of CR",
	  START "l: 40\r\nX: a\r\rBYE sip:b@x SIP/2.0\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "CR twice before LF", START "X: a\r\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "CR in the start line", "OPTIONS sip:a\rl: 4 SIP/2.0\r\n\r\n", SIP_FRAME_BAD, 0 },
	{ "CR in a body", START "l: 2\r\n\r\n\r\r", SIP_FRAME_WHOLE,
	  sizeof(START "l: 2\r\n\r\n\r\r") - 1 },
	{ "the start line goes on", "OPTIONS sip:a SIP/2.0\r\n l: 4\r\n\r\nabcd", SIP_FRAME_BAD,
	  0 },
	{ "the start line goes on behind a tab", "SIP/2.0 200 OK\r\n\tl: 4\r\n\r\nabcd",
	  SIP_FRAME_BAD, 0 },
	{ "HTTP", "GET / HTTP/1.1\r\n", SIP_FRAME_BAD, 0 },
	{ "TLS", "\x16\x03\x01\x02\x00\x01", SIP_FRAME_BAD, 0 },
	{ "a start line without a version", "INVITE sip:a\r\n", SIP_FRAME_BAD, 0 },
	{ "a space first", " INVITE", SIP_FRAME_BAD, 0 },
	{ "a method without an end", "INVITEINVITEINVITEINVITEINVITEINVITEINVITE", SIP_FRAME_BAD,
	  0 },
};

static void test_cases(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_framer f = { 0 };
		size_t n = 0;
		enum sip_frame r = next(&f, cases[i].bytes, strlen(cases[i].bytes), &n);

		if (r != cases[i].wanted || n != cases[i].n)
			fail_msg("%s: %d, %zu bytes", cases[i].name, r, n);
	}
}

/* However the bytes are cut, a CR of its own is seen. */
static void test_cr_at_a_cut(void **state)
{
	static const char bytes[] = START "X: a\rb\r\n\r\n";
	size_t n = sizeof(bytes) - 1, cut, got;

	for (cut = 0; cut < n; cut++) {
		struct sip_framer f = { 0 };

		if (next(&f, bytes, cut, &got) == SIP_FRAME_MORE)
			assert_int_equal(next(&f, bytes, n, &got), SIP_FRAME_BAD);
	}
}

/* A body without Content-Length is no message, and the log says whose fault that is. */
static void test_no_length_is_said(void **state)
{
	static const char bytes[] = "SIP/2.0 200 OK\r\n\r\nv=0\r\n";
	struct sip_framer f = { 0 };
	size_t n;

	assert_int_equal(next(&f, bytes, sizeof(bytes) - 1, &n), SIP_FRAME_WHOLE);
	assert_int_equal(next(&f, bytes + n, sizeof(bytes) - 1 - n, &n), SIP_FRAME_BAD);
	assert_non_null(strstr(f.why, "without Content-Length"));
	f = (struct sip_framer){ 0 };
	assert_int_equal(next(&f, TWO "v=0", sizeof(TWO) + 2, &n), SIP_FRAME_WHOLE);
	assert_int_equal(next(&f, "v=0", 3, &n), SIP_FRAME_BAD);
	assert_string_equal(f.why, "not SIP");
}

/* RFC 5626 4.4.2: by its own length; what is not Binding, too long, or hides SIP is none. */
static void test_stun(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum sip_frame wanted;
		size_t got;
	} stun[] = {
#define CASE(text, wanted, got) { text, sizeof(text) - 1, wanted, got }
		CASE("\x00\x01\x00\x00\x21\x12\xa4\x42"
		     "0123456789ab"
		     "more",
		     SIP_FRAME_KEEP_ALIVE, 20),
		CASE("\x01\x01\x00\x04\x21\x12\xa4\x42"
		     "0123\r\n\r\n89ab"
		     "\x80\x22\x00\x00",
		     SIP_FRAME_KEEP_ALIVE, 24),
		CASE("\x00\x11\x00\x00\x21\x12\xa4\x42"
		     "0123456789ab",
		     SIP_FRAME_KEEP_ALIVE, 20),
		CASE("\x01\x11\x00\x00\x21\x12\xa4\x42"
		     "0123456789ab",
		     SIP_FRAME_KEEP_ALIVE, 20),
		CASE("\x00\x01\x00\x04\x21\x12\xa4\x42"
		     "0123456789ab"
		     "\x80",
		     SIP_FRAME_MORE, 0),
		CASE("\x00", SIP_FRAME_MORE, 0),
		CASE("\x00\x01\x00\x00\x21\x12", SIP_FRAME_MORE, 0),
		CASE("\x00\x02", SIP_FRAME_BAD, 0),
		CASE("\x00\x03\x00\x00\x21\x12\xa4\x42"
		     "0123456789ab",
		     SIP_FRAME_BAD, 0), /* Allocate */
		CASE("\x00\x01\x00\x00\x21\x13", SIP_FRAME_BAD, 0),
		CASE("\x00\x01\x00\x02\x21\x12\xa4\x42"
		     "0123456789ab",
		     SIP_FRAME_BAD, 0),
		CASE("\x00\x01\x02\x14\x21\x12\xa4\x42"
		     "0123456789ab",
		     SIP_FRAME_BAD, 0),
		CASE("\x00\x01\x00\x0c\x21\x12\xa4\x42"
		     "0123456789ab"
		     "\x80\x22\x00\x08"
		     "\nX SIP/2",
		     SIP_FRAME_BAD, 0),
		CASE("\x00\x01\x00\x0c\x21\x12\xa4\x42"
		     "0123456789ab"
		     "\x80\x22\x00\x08"
		     "\nX sip:a",
		     SIP_FRAME_BAD, 0),
	};
	size_t i;

	for (i = 0; i < sizeof(stun) / sizeof(stun[0]); i++) {
		struct sip_framer f = { 0 };
		size_t n = 0;
		enum sip_frame r = next(&f, stun[i].bytes, stun[i].n, &n);

		if (r != stun[i].wanted || n != stun[i].got || (r == SIP_FRAME_BAD && !f.why))
			fail_msg("STUN %zu: %d, %zu bytes", i, r, n);
	}
}

/* A NUL in the header is the end of it for some. */
static void test_nul(void **state)
{
	static const char nul[] = START "Subject: \"\\\0\"\r\nl: 0\r\n\r\n";
	struct sip_framer f = { 0 };
	size_t n;

	assert_int_equal(next(&f, nul, sizeof(nul) - 1, &n), SIP_FRAME_BAD);
}

/* A header that never ends: refused at the limit, however it comes. */
static void test_endless_header(void **state)
{
	size_t step, n, at;
	char *bytes = malloc(SIP_FRAME_MAX + 2000);

	memset(bytes, 'a', SIP_FRAME_MAX + 2000);
	memcpy(bytes, START, sizeof(START) - 1);
	for (step = 1; step < 2000; step += 999) {
		struct sip_framer f = { 0 };
		enum sip_frame r = SIP_FRAME_MORE;

		for (at = step; at <= SIP_FRAME_MAX + 1000 && r == SIP_FRAME_MORE; at += step)
			r = sip_frame_next(&f, (struct view){ bytes, at }, &n);
		assert_int_equal(r, SIP_FRAME_BAD);
		assert_true(at - step > SIP_FRAME_MAX);
	}
	free(bytes);
}

/* The end mark may lie across what was seen before and what comes now. */
static void test_end_across_pieces(void **state)
{
	static const char bytes[] = START "X: 1\r\n\r\n";
	size_t n = sizeof(bytes) - 1, back, got;

	for (back = 1; back < 6; back++) {
		struct sip_framer f = { 0 };

		assert_int_equal(next(&f, bytes, n - back, &got), SIP_FRAME_MORE);
		assert_int_equal(next(&f, bytes, n, &got), SIP_FRAME_WHOLE);
		assert_int_equal(got, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_keep_alives_are_one),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cr_at_a_cut),
		cmocka_unit_test(test_no_length_is_said),
		cmocka_unit_test(test_stun),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_endless_header),
		cmocka_unit_test(test_end_across_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
