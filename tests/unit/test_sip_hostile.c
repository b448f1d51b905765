/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What counts as SIP, and that no bytes, however broken, make the reader look outside of them or
 * keep it busy for long.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "check_views.h"
#include "sip_samples.h"

static struct sip_msg msg;

/* As sip_parse(), from a heap copy of exactly n bytes, so that ASan sees any look beyond. */
static enum sip_parse_result parse_copy(const char *text, size_t n, const char **error)
{
	char *copy = malloc(n ? n : 1);
	enum sip_parse_result result;

	memcpy(copy, text, n);
	result = sip_parse(copy, n, &msg, error);
	if (result == SIP_OK)
		check_msg(&msg, (struct view){ copy, n });
	free(copy);
	return result;
}

#define T(name, text, verdict)                        \
	{                                             \
		name, text, sizeof(text) - 1, verdict \
	}
static const struct verdict {
	const char *name, *text;
	size_t n;
	enum sip_parse_result verdict;
} verdicts[] = {
	/* what is not SIP */
	T("empty", "", SIP_NOT_SIP),
	T("keep-alive", "\r\n\r\n", SIP_NOT_SIP),
	T("NUL keep-alive", "\0\0\0\0", SIP_NOT_SIP),
	T("one NUL", "\0", SIP_NOT_SIP),
	T("STUN",
	  "\0\1\0\0\x21\x12\xa4\x42"
	  "123456789012",
	  SIP_NOT_SIP),
	T("RTP", "\x80\0\0\1\0\0\0\xa0\1\2\3\4", SIP_NOT_SIP),
	T("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", SIP_NOT_SIP),
	T("jaK", "jaK\0", SIP_NOT_SIP),
	T("word", "hello", SIP_NOT_SIP),
	/* start line */
	T("plain", BASE "\r\n", SIP_OK),
	T("leading CRLFs", "\r\n\r\n" BASE "\r\n", SIP_OK),
	T("lower case version", "OPTIONS sip:b@example.com sip/2.0\r\n" VIA REST "\r\n", SIP_OK),
	T("method only", "INVITE sip:b@example.com", SIP_MALFORMED),
	T("unknown method", "FOO sip:b@x SIP/2.0\r\n", SIP_MALFORMED),
	T("version 3", "OPTIONS sip:b@x SIP/3.0\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("version 2.00", "OPTIONS sip:b@x SIP/2.00\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("CR in it", "OPTIONS sip:b@x SIP/2.0\rX\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("tab", "OPTIONS\tsip:b@x SIP/2.0\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("no scheme", "OPTIONS b@x SIP/2.0\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("no host", "OPTIONS sip:b@ SIP/2.0\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("status 200", "SIP/2.0 200 OK\r\n" VIA REST "\r\n", SIP_OK),
	T("no reason", "SIP/2.0 200 \r\n" VIA REST "\r\n", SIP_OK),
	T("no blank", "SIP/2.0 200\r\n" VIA REST "\r\n", SIP_OK),
	T("status 99", "SIP/2.0 099 OK\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("status 700", "SIP/2.0 700 OK\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("status 1000", "SIP/2.0 1000 OK\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("status +20", "SIP/2.0 +20 OK\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("status cut", "SIP/2.0 20", SIP_MALFORMED),
	T("CR in reason", "SIP/2.0 200 O\rK\r\n" VIA REST "\r\n", SIP_MALFORMED),
	/* header lines */
	T("no empty line", BASE, SIP_MALFORMED),
	T("lone LF",
	  "OPTIONS sip:b@x SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@b>;tag=1\n"
	  "To: <sip:b@c>\nCall-ID: i\nCSeq: 1 OPTIONS\n\n",
	  SIP_OK),
	T("lone CR", BASE "X: y\rVia: z\r\n\r\n", SIP_MALFORMED),
	T("lone CR in a fold", BASE "X: y\rz\r\n w\r\n\r\n", SIP_MALFORMED),
	T("CR CR LF", BASE "X: y\r\r\n\r\n", SIP_MALFORMED),
	T("no colon", BASE "Subject\r\n\r\n", SIP_MALFORMED),
	T("no name", BASE ": x\r\n\r\n", SIP_MALFORMED),
	T("blank in name", BASE "My Header: x\r\n\r\n", SIP_MALFORMED),
	T("blank before colon", BASE "Subject \t: x\r\n\r\n", SIP_OK),
	T("empty value", BASE "Subject:\r\n\r\n", SIP_OK),
	T("fold first", LINE " x\r\n" VIA REST "\r\n", SIP_MALFORMED),
	T("fold of blanks", BASE "Subject: x\r\n  \r\n\ty\r\n\r\n", SIP_OK),
	T("cut in a fold", BASE "Subject: x\r\n  y", SIP_MALFORMED),
	T("NUL", BASE "Subject: a\0b\r\n\r\n", SIP_MALFORMED),
	T("NUL quoted pair", BASE "Contact: \"a\\\0b\" <sip:a@b>\r\n\r\n", SIP_OK),
	T("UTF-8", BASE "Subject: \xc3\xa4\r\nX: J\xc3\xb6rg\r\n\r\n", SIP_OK),
	/* mandatory headers */
	T("no Via", LINE REST "\r\n", SIP_MALFORMED),
	T("no From", LINE VIA TO CALL_ID CSEQ "\r\n", SIP_MALFORMED),
	T("no To", LINE VIA FROM CALL_ID CSEQ "\r\n", SIP_MALFORMED),
	T("no Call-ID", LINE VIA FROM TO CSEQ "\r\n", SIP_MALFORMED),
	T("no CSeq", LINE VIA FROM TO CALL_ID "\r\n", SIP_MALFORMED),
	T("two From", BASE FROM "\r\n", SIP_MALFORMED),
	T("two To, one compact", BASE "t: <sip:b@x>\r\n\r\n", SIP_MALFORMED),
	T("two Call-ID", BASE CALL_ID "\r\n", SIP_MALFORMED),
	T("two CSeq", BASE CSEQ "\r\n", SIP_MALFORMED),
	T("two Content-Type", BASE "c: a/b\r\nContent-Type: application/sdp\r\n\r\n",
	  SIP_MALFORMED),
	T("empty Call-ID", LINE VIA FROM TO CSEQ "Call-ID:\r\n\r\n", SIP_MALFORMED),
	T("blank in Call-ID", LINE VIA FROM TO CSEQ "i: a b\r\n\r\n", SIP_MALFORMED),
	T("fold in Call-ID", LINE VIA FROM TO CSEQ "i: a\r\n b\r\n\r\n", SIP_MALFORMED),
	T("empty From", LINE VIA TO CALL_ID CSEQ "From:\r\n\r\n", SIP_MALFORMED),
	T("empty Via", LINE "Via: \r\n" REST "\r\n", SIP_MALFORMED),
	/* CSeq */
	T("CSeq other method", LINE VIA FROM TO CALL_ID "CSeq: 1 INVITE\r\n\r\n", SIP_MALFORMED),
	T("CSeq other case", LINE VIA FROM TO CALL_ID "CSeq: 1 options\r\n\r\n", SIP_MALFORMED),
	T("CSeq tab, zeros", LINE VIA FROM TO CALL_ID "CSeq:\t0001\tOPTIONS\r\n\r\n", SIP_OK),
	T("CSeq max", LINE VIA FROM TO CALL_ID "CSeq: 4294967295 OPTIONS\r\n\r\n", SIP_OK),
	T("CSeq over", LINE VIA FROM TO CALL_ID "CSeq: 4294967296 OPTIONS\r\n\r\n", SIP_MALFORMED),
	T("CSeq negative", LINE VIA FROM TO CALL_ID "CSeq: -1 OPTIONS\r\n\r\n", SIP_MALFORMED),
	T("CSeq glued", LINE VIA FROM TO CALL_ID "CSeq: 1OPTIONS\r\n\r\n", SIP_MALFORMED),
	T("CSeq no method", LINE VIA FROM TO CALL_ID "CSeq: 1\r\n\r\n", SIP_MALFORMED),
	T("CSeq more", LINE VIA FROM TO CALL_ID "CSeq: 1 OPTIONS x\r\n\r\n", SIP_MALFORMED),
	/* Content-Length */
	T("length fits", BASE "l: 3\r\n\r\nabc", SIP_OK),
	T("length short", BASE "l: 2\r\n\r\nabc", SIP_OK),
	T("length long", BASE "l: 4\r\n\r\nabc", SIP_MALFORMED),
	T("length absurd", BASE "l: 99999999999999999999999\r\n\r\nabc", SIP_MALFORMED),
	T("length 2^32", BASE "l: 4294967296\r\n\r\n", SIP_MALFORMED),
	T("length 2^64+3", BASE "l: 18446744073709551619\r\n\r\nabc", SIP_MALFORMED),
	T("length negative", BASE "l: -1\r\n\r\nabc", SIP_MALFORMED),
	T("length signed", BASE "l: +3\r\n\r\nabc", SIP_MALFORMED),
	T("length hex", BASE "l: 0x3\r\n\r\nabc", SIP_MALFORMED),
	T("length empty", BASE "l:\r\n\r\nabc", SIP_MALFORMED),
	T("length list", BASE "l: 3, 3\r\n\r\nabc", SIP_MALFORMED),
	T("length zeros", BASE "l: 0000000000000000000000003\r\n\r\nabc", SIP_OK),
	T("length twice", BASE "l: 3\r\nContent-Length: 03\r\n\r\nabc", SIP_OK),
	T("length differs", BASE "l: 3\r\nContent-Length: 2\r\n\r\nabc", SIP_MALFORMED),
	/* From and To */
	T("no tag", LINE VIA "From: sip:a@b\r\n" TO CALL_ID CSEQ "\r\n", SIP_OK),
	T("tag again", LINE VIA "From: <sip:a@b>;tag=1;tag=1\r\n" TO CALL_ID CSEQ "\r\n", SIP_OK),
	T("two tags", LINE VIA "From: <sip:a@b>;tag=1;tag=2\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_MALFORMED),
	T("empty parameters", LINE VIA "From: <sip:a@b>;;tag=1;\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_OK),
	T("UTF-8 user",
	  LINE VIA "From: J\xc3\xb6 <sip:j\xc3\xb6@b>;tag=1\r\n" TO CALL_ID CSEQ "\r\n", SIP_OK),
	T("no >", LINE VIA "From: <sip:a@b;tag=1\r\n" TO CALL_ID CSEQ "\r\n", SIP_MALFORMED),
	T("no closing quote", LINE VIA "From: \"a <sip:a@b>;tag=1\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_MALFORMED),
	T("text behind >", LINE VIA "From: <sip:a@b> x;tag=1\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_MALFORMED),
	T("foreign scheme", LINE VIA "From: <isbn:2983792873>;tag=1\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_OK),
	T("port 65536", LINE VIA "From: <sip:a@b:65536>;tag=1\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_MALFORMED),
	T("broken IPv6", LINE VIA "From: <sip:a@[2001:db8::1>;tag=1\r\n" TO CALL_ID CSEQ "\r\n",
	  SIP_MALFORMED),
	/* Via */
	T("Via two branches", LINE "Via: SIP/2.0/UDP h;branch=1;branch=2\r\n" REST "\r\n",
	  SIP_MALFORMED),
	T("Via empty rport=", LINE "Via: SIP/2.0/UDP h;rport=;branch=1;\r\n" REST "\r\n", SIP_OK),
	T("Via bad received", LINE "Via: SIP/2.0/UDP h;received=a:b;branch=1\r\n" REST "\r\n",
	  SIP_OK),
	T("Via no port", LINE "Via: SIP/2.0/UDP h:;branch=1\r\n" REST "\r\n", SIP_MALFORMED),
	T("Via no transport", LINE "Via: SIP/2.0 h\r\n" REST "\r\n", SIP_MALFORMED),
	T("Via no host", LINE "Via: SIP/2.0/UDP ;branch=1\r\n" REST "\r\n", SIP_MALFORMED),
	T("second Via broken", BASE "Via: x\r\n\r\n", SIP_MALFORMED),
	/* headers that a call can do without */
	T("odd identity", BASE "P-Asserted-Identity: \"x <>,\r\n\r\n", SIP_OK),
	T("odd Contact", BASE "Contact: \"x <>,\r\n\r\n", SIP_MALFORMED),
	T("unknown with odd value", BASE "X: ;;,,;;,;\"\r\n\r\n", SIP_OK),
	/* what devices send although the grammar has it otherwise */
	T("# in the user", "OPTIONS sip:#31#1@x SIP/2.0\r\n" VIA REST "\r\n", SIP_OK),
	T("display name",
	  LINE VIA "From: +1 (5) <sip:1@b_c.d.>;tag=[1]/x@y\r\n" TO CALL_ID CSEQ "\r\n", SIP_OK),
	T("branch",
	  LINE "Via: SIP/2.0/WSS x.invalid;branch=z9hG4bK+1:2|{y}==;keep;oc-algo=\"a,b\"\r\n" REST
	       "\r\n",
	  SIP_OK),
	T("Call-ID", LINE VIA FROM TO CSEQ "i: {a}=b;c,d@[::1]:5@J\xc3\xb6\r\n\r\n", SIP_OK),
	T("instance", BASE "m: <sip:u@h>;+sip.instance=\"<urn:uuid:0,1>\";x=\"m;y\"\r\n\r\n",
	  SIP_OK),
	T("empty lists", BASE "Allow:\r\nSupported:\r\nContact:\r\nRoute:\r\n\r\n", SIP_OK),
	/* RFC 5118 */
	T("4.2 no brackets",
	  "REGISTER sip:2001:db8::10 SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 REGISTER\r\n\r\n",
	  SIP_MALFORMED),
	T("4.10 three colons",
	  LINE "Via: SIP/2.0/UDP [2001:db8:::192.0.2.1];branch=1\r\n" REST "\r\n", SIP_MALFORMED),
};

static void verdict_table(void **state)
{
	struct sip_msg *untouched = malloc(sizeof(msg));
	const char *error;
	size_t i;

	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const struct verdict *v = &verdicts[i];
		enum sip_parse_result got;

		memset(&msg, 0xa5, sizeof(msg));
		memcpy(untouched, &msg, sizeof(msg));
		error = NULL;
		got = parse_copy(v->text, v->n, &error);
		if (got != v->verdict)
			fail_msg("%s: %d, expected %d (%s)", v->name, got, v->verdict,
				 got == SIP_OK ? "" : error);
		if (got != SIP_OK) {
			assert_true(error && *error);
			assert_memory_equal(&msg, untouched, sizeof(msg));
		}
	}
	free(untouched);
}

static void every_truncation(void **state)
{
	const char *error;
	size_t n;

	/* The last byte of what Content-Length asks for decides. */
	for (n = 0; n < sizeof(INVITE); n++)
		assert_int_equal(parse_copy(INVITE, n, &error) == SIP_OK,
				 n >= sizeof(INVITE) - 1 - 8);
}

static void every_corruption(void **state)
{
	char *copy = malloc(sizeof(INVITE) - 1);
	const char *error;
	size_t at;
	int byte;

	memcpy(copy, INVITE, sizeof(INVITE) - 1);
	for (at = 0; at < sizeof(INVITE) - 1; at++) {
		for (byte = 0; byte < 256; byte++) {
			copy[at] = byte;
			if (sip_parse(copy, sizeof(INVITE) - 1, &msg, &error) == SIP_OK)
				check_msg(&msg, (struct view){ copy, sizeof(INVITE) - 1 });
		}
		copy[at] = INVITE[at];
	}
	free(copy);
}

/* head, then unit again and again up to 64 KB, then tail. */
static enum sip_parse_result repeated(const char *head, const char *unit, const char *tail,
				      size_t times)
{
	enum sip_parse_result result;
	static char buf[65536];
	const char *error;
	size_t n = strlen(head), i;

	memcpy(buf, head, n);
	for (i = 0; i < times && n + strlen(unit) + strlen(tail) <= sizeof(buf); i++) {
		memcpy(buf + n, unit, strlen(unit));
		n += strlen(unit);
	}
	memcpy(buf + n, tail, strlen(tail));
	result = parse_copy(buf, n + strlen(tail), &error);
	return result;
}

static void large_messages(void **state)
{
	const size_t all = 65536;

	assert_int_equal(repeated(BASE, "X: y\r\n", "\r\n", SIP_HEADERS_MAX - 5), SIP_OK);
	assert_int_equal(repeated(BASE, "X: y\r\n", "\r\n", SIP_HEADERS_MAX - 4), SIP_TOO_LARGE);
	assert_int_equal(repeated(BASE "Route: <sip:a>", ",<sip:a>", "\r\n\r\n",
				  SIP_VALUES_MAX - 4),
			 SIP_OK);
	assert_int_equal(repeated(BASE "Route: <sip:a>", ",<sip:a>", "\r\n\r\n",
				  SIP_VALUES_MAX - 3),
			 SIP_TOO_LARGE);
	assert_int_equal(repeated(BASE "Via: ", "SIP/2.0/UDP h,", "\r\n\r\n", all), SIP_TOO_LARGE);
	assert_int_equal(repeated(BASE "Subject: ", "x", "\r\n\r\n", all), SIP_OK);
	assert_int_equal(repeated(BASE "Subject: ", "\r\n x", "\r\n\r\n", all), SIP_OK);
	assert_int_equal(repeated(BASE "Contact: <sip:a@b>", ";", "\r\n\r\n", all), SIP_OK);
	assert_int_equal(repeated(BASE "Contact: ", "\"", "\r\n\r\n", all), SIP_MALFORMED);
	assert_int_equal(repeated(BASE "Contact: ", "<", "\r\n\r\n", all), SIP_MALFORMED);
	assert_int_equal(repeated(BASE "Contact: ", ",", "\r\n\r\n", all), SIP_OK);
	assert_int_equal(repeated(LINE FROM TO CSEQ VIA "i: ", "x", "\r\n\r\n", all), SIP_OK);
	assert_int_equal(repeated(LINE VIA REST "\r\n", "b", "", all), SIP_OK);
	assert_int_equal(repeated("", "\r\n", BASE "\r\n", all), SIP_OK);
	assert_int_equal(repeated("", "x", "", all), SIP_NOT_SIP);
	assert_int_equal(repeated("INVITE sip:", "x", "", all), SIP_MALFORMED);
}

/* libosip2 walks a list for each parameter: 64 KB of them cost seconds until they were kept from it.
 * The limit is a hundred times what it takes now under ASan. */
static void no_quadratic_time(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
	} table[] = {
		{ LINE VIA TO CALL_ID CSEQ "From: <sip:a@b>", ";a", ";tag=1\r\n\r\n" },
		{ LINE VIA TO CALL_ID CSEQ "From: <sip:a@b", ";a", ">;tag=1\r\n\r\n" },
		{ LINE VIA TO CALL_ID CSEQ "From: <sip:a@b?a=b", "&a=b", ">;tag=1\r\n\r\n" },
		{ LINE VIA TO CALL_ID CSEQ "From: <sip:", "%41", "@b>;tag=1\r\n\r\n" },
		{ LINE REST "Via: SIP/2.0/UDP h", ";a=b", "\r\n\r\n" },
		{ "OPTIONS sip:b@example.com", ";a", " SIP/2.0\r\n" VIA REST "\r\n" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		clock_t begin = clock();

		assert_int_equal(repeated(table[i].head, table[i].unit, table[i].tail, 65536),
				 SIP_OK);
		assert_true(clock() - begin < CLOCKS_PER_SEC / 2);
	}
}

static int setup(void **state)
{
	sip_parser_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict_table),     cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_corruption),  cmocka_unit_test(large_messages),
		cmocka_unit_test(no_quadratic_time),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
