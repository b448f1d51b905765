/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Edits: only the bytes asked for change, and the digits of Content-Length that must follow.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "check_views.h"
#include "edit.h"

#define VIA "vIa :  SIP/2.0/UDP 192.168.1.5:5060 ;branch=z9hG4bK1;rport\r\n"
#define REST \
	"From:<sip:a@192.168.1.5>;tag=1\r\nTO: \t<sip:b@example.com>\r\nCall-ID: id\r\nCSeq: 1 INVITE\r\n"
#define HEAD "INVITE sip:b@example.com SIP/2.0\r\n" VIA REST
#define SDP(h)                                              \
	"v=0\r\no=- 1 1 IN IP4 " h "\r\ns=-\r\nc=IN IP4 " h \
	"\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

static struct sip_msg msg;
static struct edit_list list;
static char out[70000];
static size_t out_len;

static void parse(const char *text, size_t n)
{
	const char *error = "";

	if (sip_parse(text, n, &msg, &error) != SIP_OK)
		fail_msg("%s: %s", error, text);
	check_msg(&msg, (struct view){ text, n });
	edit_init(&list);
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static int apply(void)
{
	memset(out, 0xa5, sizeof(out));
	out_len = 0;
	return edit_apply(&list, &msg, out, sizeof(out), &out_len);
}

/* The edited message, byte for byte. */
static void expect(const char *text)
{
	assert_int_equal(apply(), 0);
	if (out_len != strlen(text) || memcmp(out, text, out_len))
		fail_msg("got:\n%.*s\nexpected:\n%s", (int)out_len, out, text);
	assert_int_equal((unsigned char)out[out_len], 0xa5);
}

static struct view find(const char *what)
{
	const char *hit = memmem(msg.raw.p, msg.raw.n, what, strlen(what));

	assert_non_null(hit);
	return (struct view){ hit, strlen(what) };
}

static void nothing_changes(void **state)
{
	static const char text[] = "\r\n" HEAD "l: 3\r\nX:  y \r\n z\r\n\r\nabc";

	PARSE(text);
	expect(text);
	edit_replace(&list, msg.via->sent_by.whole, "192.168.1.5:5060");
	assert_int_equal(list.n, 0);
	expect(text);
}

static void headers_only(void **state)
{
	PARSE(HEAD "l: 3\r\n\r\nabcTRAILING");
	edit_replace(&list, msg.from->uri.hp.whole, "%s", "[2001:db8::1]");
	edit_replace(&list, msg.via->sent_by.whole, "%s:%u", "203.0.113.7", 5062);
	edit_replace(&list, msg.via->via_end, ";received=%s", "192.0.2.9");
	expect("INVITE sip:b@example.com SIP/2.0\r\n"
	       "vIa :  SIP/2.0/UDP 203.0.113.7:5062 ;branch=z9hG4bK1;rport;received=192.0.2.9\r\n"
	       "From:<sip:a@[2001:db8::1]>;tag=1\r\nTO: \t<sip:b@example.com>\r\nCall-ID: id\r\n"
	       "CSeq: 1 INVITE\r\nl: 3\r\n\r\nabc");
}

static void body_length_follows(void **state)
{
	PARSE(HEAD "Content-Type: application/sdp\r\nContent-Length  :  91 \r\nX: 91\r\n\r\n" SDP(
		"192.168.1.5"));
	assert_int_equal(msg.body.n, 91);
	edit_replace(&list, find("c=IN IP4 192.168.1.5"), "c=IN IP4 203.0.113.77");
	edit_replace(&list, find("4000"), "16384");
	edit_replace(&list, find("192.168.1.5\r\ns="), "203.0.113.77\r\ns=");
	expect(HEAD
	       "Content-Type: application/sdp\r\nContent-Length  :  94 \r\nX: 91\r\n\r\n"
	       "v=0\r\no=- 1 1 IN IP4 203.0.113.77\r\ns=-\r\nc=IN IP4 203.0.113.77\r\nt=0 0\r\n"
	       "m=audio 16384 RTP/AVP 0\r\n");
}

static void length_gains_and_loses_digits(void **state)
{
	PARSE(HEAD "l: 9\r\nl:09\r\n\r\n123456789");
	edit_replace(&list, find("456"), "4556");
	expect(HEAD "l: 10\r\nl:10\r\n\r\n1234556789");
	PARSE(HEAD "l: 10\r\n\r\n1234567890");
	edit_replace(&list, find("5678"), "%s", "");
	expect(HEAD "l: 6\r\n\r\n123490");
}

static void no_length_no_edit(void **state)
{
	PARSE(HEAD "\r\nabc");
	edit_replace(&list, find("abc"), "abcd");
	expect(HEAD "\r\nabcd");
}

static void same_length_no_edit(void **state)
{
	PARSE(HEAD "l: 003\r\n\r\nabc");
	edit_replace(&list, find("abc"), "xyz");
	expect(HEAD "l: 003\r\n\r\nxyz");
}

#define PART(length, host) \
	"--b\r\nContent-Type: application/sdp\r\nContent-Length: " length "\r\n\r\n" SDP(host)
#define MULTI(total, length, host)                                                \
	HEAD "Content-Type: multipart/mixed;boundary=b\r\nContent-Length: " total \
	     "\r\n\r\n" PART(length, host) "\r\n--b\r\n\r\ntext\r\n--b--\r\n"

static void part_length_follows(void **state)
{
	/* The part's length gains a digit, which the message's length counts too. */
	PARSE(MULTI("171", "91", "192.168.1.5"));
	assert_int_equal(sip_sdp_body(&msg).n, 91);
	edit_replace(&list, find("192.168.1.5\r\ns="), "2001:db8:0:1::15\r\ns=");
	edit_replace(&list, find("192.168.1.5\r\nt="), "2001:db8:0:1::15\r\nt=");
	expect(MULTI("182", "101", "2001:db8:0:1::15"));
}

static void wrong_part_length_stays(void **state)
{
	PARSE(MULTI("171", "90", "192.168.1.5"));
	edit_replace(&list, find("192.168.1.5\r\ns="), "192.168.1.55\r\ns=");
	edit_replace(&list, find("192.168.1.5\r\nt="), "192.168.1.55\r\nt=");
	expect(MULTI("173", "90", "192.168.1.55"));
}

#define NESTED(total, outer, inner, x)                                                         \
	HEAD "Content-Type: multipart/mixed;boundary=o\r\nContent-Length: " total "\r\n\r\n"   \
	     "--o\r\nContent-Type: multipart/alternative;boundary=i\r\nContent-Length: " outer \
	     "\r\n\r\n--i\r\nContent-Type: application/sdp\r\nContent-Length: " inner          \
	     "\r\n\r\nv=" x "\r\n--i--\r\n--o--\r\n"

static void nested_part_length_follows(void **state)
{
	PARSE(NESTED("151", "67", "3", "0"));
	edit_replace(&list, sip_sdp_body(&msg), "v=01234567");
	expect(NESTED("159", "75", "10", "01234567"));
}

static void order_and_insertions(void **state)
{
	PARSE(HEAD "l: 6\r\n\r\nabcdef");
	edit_replace(&list, find("ef"), "EF");
	edit_replace(&list, (struct view){ find("cd").p, 0 }, "1");
	edit_replace(&list, find("cd"), "CD");
	edit_replace(&list, (struct view){ find("cd").p, 0 }, "2");
	edit_replace(&list, (struct view){ msg.raw.p + msg.raw.n, 0 }, "!");
	edit_replace(&list, (struct view){ msg.body.p, 0 }, "^");
	expect(HEAD "l: 10\r\n\r\n^ab12CDEF!");
}

static void asked_twice(void **state)
{
	PARSE(HEAD "l: 6\r\n\r\nabcdef");
	edit_replace(&list, find("cd"), "x");
	edit_replace(&list, find("cd"), "x");
	assert_int_equal(list.n, 1);
	expect(HEAD "l: 5\r\n\r\nabxef");
	edit_replace(&list, find("cd"), "y");
	assert_int_equal(apply(), -EINVAL);
}

static void idempotence(void **state)
{
	static char first[4096];
	size_t n;

	PARSE(HEAD
	      "Content-Type: application/sdp\r\nContent-Length: 91\r\n\r\n" SDP("192.168.1.5"));
	edit_replace(&list, msg.via->sent_by.whole, "203.0.113.7:5060");
	edit_replace(&list, find("c=IN IP4 192.168.1.5"), "c=IN IP4 203.0.113.7");
	assert_int_equal(apply(), 0);
	memcpy(first, out, out_len);
	n = out_len;
	parse(first, n);
	edit_replace(&list, msg.via->sent_by.whole, "203.0.113.7:5060");
	edit_replace(&list, find("c=IN IP4 203.0.113.7"), "c=IN IP4 203.0.113.7");
	assert_int_equal(list.n, 0);
	/* and back, exactly */
	edit_replace(&list, msg.via->sent_by.whole, "192.168.1.5:5060");
	edit_replace(&list, find("c=IN IP4 203.0.113.7"), "c=IN IP4 192.168.1.5");
	expect(HEAD
	       "Content-Type: application/sdp\r\nContent-Length: 91\r\n\r\n" SDP("192.168.1.5"));
}

static void refused(void **state)
{
	static const char elsewhere[] = "elsewhere";

	PARSE(HEAD "l: 6\r\n\r\nabcdefTRAIL");
	edit_replace(&list, find("abc"), "x");
	edit_replace(&list, find("cd"), "y");
	assert_int_equal(apply(), -EINVAL);
	edit_init(&list);
	edit_replace(&list, find("abc"), "x");
	edit_replace(&list, (struct view){ find("abc").p + 1, 0 }, "y");
	assert_int_equal(apply(), -EINVAL);
	edit_init(&list);
	edit_replace(&list, view_of(elsewhere), "x");
	assert_int_equal(apply(), -EINVAL);
	edit_init(&list);
	edit_replace(&list, VIEW_NONE, "x");
	assert_int_equal(apply(), -EINVAL);
	edit_init(&list);
	edit_replace(&list, (struct view){ msg.raw.p + msg.raw.n, 5 }, "x"); /* TRAIL */
	assert_int_equal(apply(), -EINVAL);
	edit_init(&list);
	edit_replace(&list, msg.content_length, "7");
	assert_int_equal(apply(), -EINVAL);
	edit_init(&list);
	edit_replace(&list, (struct view){ msg.body.p - 2, 4 }, "x");
	assert_int_equal(apply(), -EINVAL);
	assert_int_equal(out_len, 0);
}

static void space(void **state)
{
	size_t n = 0;

	PARSE(HEAD "l: 3\r\n\r\nabc");
	edit_replace(&list, find("abc"), "abcd");
	memset(out, 0xa5, sizeof(out));
	assert_int_equal(edit_apply(&list, &msg, out, msg.raw.n, &n), -ENOSPC);
	assert_int_equal(n, 0);
	assert_int_equal((unsigned char)out[0], 0xa5);
	assert_int_equal(edit_apply(&list, &msg, out, msg.raw.n + 1, &n), 0);
	assert_int_equal(n, msg.raw.n + 1);
}

static void overflow(void **state)
{
	static char big[EDIT_ARENA_SIZE + 1], body[sizeof(HEAD) + 2000];
	size_t i, n;

	PARSE(HEAD "\r\nabc");
	memset(big, 'x', sizeof(big) - 1);
	edit_replace(&list, find("abc"), "%s", big);
	assert_true(list.overflow);
	assert_int_equal(apply(), -EOVERFLOW);
	edit_init(&list);
	assert_int_equal(apply(), 0);

	n = sprintf(body, HEAD "\r\n");
	for (i = 0; i < 2 * (EDITS_MAX + 1); i++)
		body[n++] = 'a';
	parse(body, n);
	for (i = 0; i < EDITS_MAX; i++)
		edit_replace(&list, (struct view){ msg.body.p + 2 * i, 1 }, "b");
	assert_int_equal(apply(), 0);
	edit_replace(&list, (struct view){ msg.body.p + 2 * i, 1 }, "b");
	assert_int_equal(apply(), -EOVERFLOW);
}

static int setup(void **state)
{
	sip_parser_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes),
		cmocka_unit_test(headers_only),
		cmocka_unit_test(body_length_follows),
		cmocka_unit_test(length_gains_and_loses_digits),
		cmocka_unit_test(no_length_no_edit),
		cmocka_unit_test(same_length_no_edit),
		cmocka_unit_test(part_length_follows),
		cmocka_unit_test(wrong_part_length_stays),
		cmocka_unit_test(nested_part_length_follows),
		cmocka_unit_test(order_and_insertions),
		cmocka_unit_test(asked_twice),
		cmocka_unit_test(idempotence),
		cmocka_unit_test(refused),
		cmocka_unit_test(space),
		cmocka_unit_test(overflow),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
