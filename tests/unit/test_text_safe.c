// SPDX-License-Identifier: GPL-2.0-only
/* Which characters of others' text are shown as they are: in plain text, JSON and log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "log.h"
#include "out.h"
#include "text_safe.h"

/* The UTF-8 of c, whatever it is (surrogates, beyond the end of Unicode). */
static unsigned int encode(uint32_t c, char *s)
{
	unsigned int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	s[n] = '\0';
	for (unsigned int i = n; --i;) {
		s[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	s[0] = (char)(n == 1 ? c : (0xf00 >> n & 0xff) | c);
	return n;
}

static void test_every_character(void **state)
{
	char s[8];

	for (uint32_t c = 1; c < 0x120000; c++) {
		bool surrogate = c >= 0xd800 && c <= 0xdfff, valid = !surrogate && c <= 0x10ffff;
		unsigned int n, len = encode(c, s);

		assert_int_equal(text_char(s, &n), valid ? (int32_t)c : -1);
		assert_int_equal(n, valid ? len : 1);
		/* cut off by the end */
		s[len - 1] = '\0';
		if (len > 1)
			assert_int_equal(text_char(s, &n), -1);
	}
	/* longer than need be, and what is no first byte */
	for (int b = 0x80; b < 0x100; b++) {
		unsigned int n;

		snprintf(s, sizeof(s), "%c%s", b, "\x80\x80\x80");
		if (b < 0xc2 || b > 0xf4 || b == 0xe0 || b == 0xf0)
			assert_int_equal(text_char(s, &n), -1);
	}
}

static const uint32_t harmful[] = {
	0x01,	0x07,	0x08,	0x09,	0x0a,	0x0d,	0x1b,	 0x1f,	  0x7f,	   0x80,   0x84,
	0x85,	0x8e,	0x90,	0x9b,	0x9c,	0x9d,	0x9f,	 0xad,	  0x061c,  0x200b, 0x200e,
	0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d,	 0x202e,  0x2060,  0x2066, 0x2067,
	0x2068, 0x2069, 0x206f, 0xfeff, 0xfff9, 0xfffb, 0xe0001, 0xe0041, 0xe007f,
};
static const uint32_t good[] = {
	' ',	'~',	0xa0,	0xa1,	0xe9,	0x3b1,	0x5d0,	 0x627,
	0x2010, 0x2027, 0x202f, 0x20ac, 0x4e2d, 0xfffd, 0x1f600,
};

/* In a record of both formats, in an error, in a log line and in a reason. */
static void show(enum out_format format, const char *value, char *data, char *errors, size_t size)
{
	FILE *d = fmemopen(data, size, "w"), *e = fmemopen(errors, size, "w");
	struct out *o = out_new(format, d, e);

	out_str(out_root(o), "k", "k", value);
	out_error(o, NULL, "%s", value);
	out_close(o);
	fclose(d);
	fclose(e);
}

static void logged(const char *value, char *line, size_t size)
{
	int old = dup(STDERR_FILENO), p[2];
	ssize_t n;

	assert_int_equal(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	log_warning("%s", value);
	dup2(old, STDERR_FILENO);
	n = read(p[0], line, size - 1);
	assert_true(n > 0);
	line[n] = '\0';
	close(old);
	close(p[0]);
	close(p[1]);
}

static void test_where_it_is_shown(void **state)
{
	char value[32], shown[32], data[256], errors[256], line[256], want[300];
	struct why why;

	for (size_t i = 0; i < sizeof(harmful) / 4 + sizeof(good) / 4; i++) {
		bool bad = i < sizeof(harmful) / 4;
		uint32_t c = bad ? harmful[i] : good[i - sizeof(harmful) / 4];
		char s[8];

		encode(c, s);
		snprintf(value, sizeof(value), "a%sb", s);
		snprintf(shown, sizeof(shown), "a%sb", bad ? "?" : s);
		show(OUT_TEXT, value, data, errors, sizeof(data));
		snprintf(want, sizeof(want), "k  %s\n", shown);
		assert_string_equal(data, want);
		snprintf(want, sizeof(want), "ringfence: %s\n", shown);
		assert_string_equal(errors, want);
		logged(value, line, sizeof(line));
		snprintf(want, sizeof(want), "ringfence: warning: %s\n", shown);
		assert_string_equal(line, want);
		why_set(&why, 0, "%s", value);
		assert_string_equal(why.text, shown);
	}
}

/* JSON loses nothing: what was escaped is read as what it was. */
static void test_json_keeps_it(void **state)
{
	char value[32], data[256], errors[256];
	struct json_object *o, *v;

	for (size_t i = 0; i < sizeof(harmful) / 4 + sizeof(good) / 4; i++) {
		bool bad = i < sizeof(harmful) / 4;
		uint32_t c = bad ? harmful[i] : good[i - sizeof(harmful) / 4];
		char s[8];

		encode(c, s);
		snprintf(value, sizeof(value), "a%s\"\\b", s);
		show(OUT_JSON, value, data, errors, sizeof(data));
		assert_int_equal(!strstr(data, s), bad && c != '\n');
		o = json_tokener_parse(data);
		assert_true(json_object_object_get_ex(o, "k", &v));
		assert_string_equal(json_object_get_string(v), value);
		assert_true(json_object_object_get_ex(o, "error", &v));
		assert_string_equal(json_object_get_string(v), value);
		json_object_put(o);
	}
}

static void test_invalid(void **state)
{
	static const char *const pieces[][2] = {
		{ "\x9b", "?" },
		{ "1m", "1m" },
		{ "\xff", "?" },
		{ "\xc3", "?" },
		{ "(", "(" },
		{ "\xe2\x82", "??" },
		{ "\xf0\x9f\x98", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xc0\x80", "??" },
		{ "z", "z" },
		{ "\xc2", "?" },
	};
	char text[64] = "", want[64] = "", want_json[200] = "", *json;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		strcat(text, pieces[i][0]);
		strcat(want, pieces[i][1]);
		for (const char *p = pieces[i][1]; *p; p++)
			strcat(want_json, *p == '?' ? "\xef\xbf\xbd" : (char[]){ *p, 0 });
	}
	json = text_utf8(text);
	assert_string_equal(json, want_json);
	text_clean(text);
	assert_string_equal(text, want);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_where_it_is_shown),
		cmocka_unit_test(test_json_keeps_it),
		cmocka_unit_test(test_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
