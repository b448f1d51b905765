// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages out of TCP segments: every way to cut two messages in three pieces, every order of the
 * pieces, what is missing, what is no SIP; and the small diff that shows edits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff.h"
#include "tcp_stream.h"

#define SECOND 1000000000ull

static struct {
	char text[8192]; /* all messages, each followed by "|" */
	size_t n;
	int messages, trouble[3];
} seen;

static void on_message(const struct tcp_segment *s, struct view m, void *arg)
{
	assert_true(seen.n + m.n + 1 < sizeof(seen.text));
	memcpy(seen.text + seen.n, m.p, m.n);
	seen.n += m.n;
	seen.text[seen.n++] = '|';
	seen.text[seen.n] = '\0';
	seen.messages++;
}

static void on_trouble(const struct rf_ep *src, const struct rf_ep *dst, enum tcp_trouble what,
		       void *arg)
{
	seen.trouble[what]++;
}

static const struct tcp_out out = { .message = on_message, .trouble = on_trouble };

static struct tcp_streams *fresh(void)
{
	memset(&seen, 0, sizeof(seen));
	return tcp_streams_new(&out);
}

static int64_t clock_ns;

/* In a block of its own size, so that a sanitizer sees any read beyond. */
static void give(struct tcp_streams *t, uint32_t seq, const char *p, size_t n, const char *flags)
{
	struct tcp_segment s = { .time_ns = clock_ns, .seq = seq };
	char *copy = malloc(n ? n : 1);

	ep_parse(VIEW("10.0.0.5:5060"), &s.src);
	ep_parse(VIEW("192.0.2.1:5060"), &s.dst);
	memcpy(copy, p, n);
	s.payload = (struct view){ copy, n };
	s.syn = strchr(flags, 'S');
	s.rst = strchr(flags, 'R');
	assert_int_equal(tcp_streams_add(t, &s), 0);
	free(copy);
}

#define ONE   "INVITE sip:b@c SIP/2.0\r\nContent-Length: 5\r\n\r\nhello"
#define TWO   "SIP/2.0 200 OK\r\nl : 3\r\nX: y\r\n\r\nabc"
#define BOTH  ONE "\r\n\r\n" TWO
#define WHOLE ONE "|" TWO "|"
#define ISN   0xfffffff0u /* wraps within the first message */

static void every_cut_every_order(void **state)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	const size_t n = strlen(BOTH);

	for (size_t a = 0; a <= n; a += 3)
		for (size_t b = a; b <= n; b += 3)
			for (int o = 0; o < 6; o++) {
				struct tcp_streams *t = fresh();
				const size_t at[4] = { 0, a, b, n };

				give(t, ISN - 1, "", 0, "S");
				for (int i = 0; i < 3; i++) {
					const int k = orders[o][i];

					give(t, ISN + at[k], BOTH + at[k], at[k + 1] - at[k], "");
				}
				assert_string_equal(seen.text, WHOLE);
				tcp_streams_end(t);
				assert_int_equal(
					seen.trouble[0] + seen.trouble[1] + seen.trouble[2], 0);
				tcp_streams_free(t);
			}
}

static void retransmissions(void **state)
{
	struct tcp_streams *t = fresh();

	give(t, 99, "", 0, "S");
	give(t, 100, BOTH, 30, "");
	give(t, 99, "", 0, "S");
	give(t, 100, BOTH, 30, "");
	give(t, 120, BOTH + 20, 20, ""); /* half of it is known */
	give(t, 100, BOTH, strlen(BOTH), "");
	give(t, 100, BOTH, strlen(BOTH), "");
	assert_string_equal(seen.text, WHOLE);
	/* the same ports, another connection, with a lower number */
	give(t, 5, "", 0, "S");
	give(t, 6, TWO, strlen(TWO), "");
	assert_string_equal(seen.text, WHOLE TWO "|");
	tcp_streams_free(t);
}

static void joined_later(void **state)
{
	struct tcp_streams *t = fresh();

	give(t, 500, "lf of a message\r\n", 17, "");
	assert_int_equal(seen.messages, 0);
	give(t, 517, TWO, strlen(TWO), "");
	assert_string_equal(seen.text, TWO "|");
	tcp_streams_end(t);
	assert_int_equal(seen.trouble[TCP_GAP] + seen.trouble[TCP_CUT] + seen.trouble[TCP_NOT_SIP],
			 0);
	tcp_streams_free(t);
}

static void missing(void **state)
{
	struct tcp_streams *t = fresh();
	char big[1400];

	clock_ns = SECOND;
	give(t, 0, "", 0, "S");
	give(t, 1, ONE, 20, "");
	give(t, 101, ONE, strlen(ONE), "");
	assert_int_equal(seen.messages, 0);
	clock_ns += TCP_WAIT_NS + 1; /* the rest of the first one never comes */
	give(t, 101 + strlen(ONE), TWO, strlen(TWO), "");
	assert_string_equal(seen.text, WHOLE);
	assert_int_equal(seen.trouble[TCP_GAP], 1);
	tcp_streams_free(t);
	/* as much as fits is kept, and no more */
	t = fresh();
	memset(big, 'x', sizeof(big));
	give(t, 0, "", 0, "S");
	for (int i = 1; i < 2000; i++)
		give(t, 1 + i * sizeof(big), big, sizeof(big), "");
	assert_true(seen.trouble[TCP_GAP] >= 1);
	tcp_streams_end(t);
	tcp_streams_free(t);
	clock_ns = 0;
}

static void not_sip(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"\x16\x03\x01\x02",
		"INVITE sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
		"INVITE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
		"INVITE sip:a SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"INVITE sip:a SIP/2.0\r\nContent-Length: 65536\r\n\r\n",
		" INVITE sip:a SIP/2.0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct tcp_streams *t = fresh();

		give(t, 0, "", 0, "S");
		give(t, 1, bad[i], strlen(bad[i]), "");
		give(t, 1 + strlen(bad[i]), TWO, strlen(TWO), "");
		assert_int_equal(seen.trouble[TCP_NOT_SIP], 1);
		assert_int_equal(seen.messages, 0);
		give(t, 77777, "", 0, "S"); /* a new connection is a new chance */
		give(t, 77778, TWO, strlen(TWO), "");
		assert_int_equal(seen.messages, 1);
		tcp_streams_free(t);
	}
	/* headers without end */
	struct tcp_streams *t = fresh();
	char line[1000];

	memset(line, 'x', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	give(t, 0, "", 0, "S");
	give(t, 1, "INVITE sip:a SIP/2.0\r\n", 22, "");
	for (int i = 0; i < 100; i++)
		give(t, 23 + i * sizeof(line), line, sizeof(line), "");
	assert_int_equal(seen.trouble[TCP_NOT_SIP], 1);
	tcp_streams_free(t);
}

static void ends_early(void **state)
{
	struct tcp_streams *t = fresh();

	give(t, 0, "", 0, "S");
	give(t, 1, ONE, strlen(ONE) - 1, "");
	give(t, 1, "", 0, "R");
	assert_int_equal(seen.trouble[TCP_CUT], 1);
	give(t, 0, "", 0, "S");
	give(t, 1, ONE, 10, "");
	tcp_streams_end(t);
	assert_int_equal(seen.trouble[TCP_CUT], 2);
	tcp_streams_free(t);
}

static void many_connections(void **state)
{
	struct tcp_streams *t = fresh();

	for (uint32_t i = 0; i < 2 * TCP_STREAMS_MAX; i++) {
		struct tcp_segment s = { .seq = 1, .payload = VIEW(ONE) };

		ep_parse(VIEW("10.0.0.5:5060"), &s.src);
		s.dst = (struct rf_ep){ .addr = addr_from_v4(htonl(i + 1)), .port = htons(5060) };
		s.payload.n = 30;
		assert_int_equal(tcp_streams_add(t, &s), 0);
	}
	assert_int_equal(seen.trouble[TCP_CUT], TCP_STREAMS_MAX);
	tcp_streams_free(t);
}

static void headers(void **state)
{
	unsigned char bytes[40] = { 0x13, 0xc4, 0x13, 0xc4, 0, 0, 0, 9, 0, 0, 0, 1, 0x60, 0x12 };
	struct packet p = { .proto = 6 };
	struct tcp_segment s;

	for (size_t n = 0; n < sizeof(bytes); n++) {
		unsigned char *copy = malloc(n ? n : 1);

		memcpy(copy, bytes, n);
		p.l4 = (struct view){ (char *)copy, n };
		assert_int_equal(tcp_segment_parse(&p, &s), n < 24 ? -22 : 0);
		if (n >= 24) {
			assert_int_equal(s.seq, 9);
			assert_int_equal(s.payload.n, n - 24);
			assert_true(s.syn && !s.fin && !s.rst);
		}
		free(copy);
	}
	bytes[12] = 0x40; /* shorter than a header is */
	p.l4 = (struct view){ (char *)bytes, sizeof(bytes) };
	assert_int_equal(tcp_segment_parse(&p, &s), -22);
}

static void on_change(const struct diff_change *c, void *arg)
{
	seen.n += snprintf(seen.text + seen.n, sizeof(seen.text) - seen.n,
			   VIEW_FMT ":" VIEW_FMT ">" VIEW_FMT "|", VIEW_ARG(c->where),
			   VIEW_ARG(c->before), VIEW_ARG(c->after));
}

static const char *diffed(const char *a, const char *b)
{
	seen.n = 0;
	seen.text[0] = '\0';
	assert_int_equal(diff_messages(view_of(a), view_of(b), on_change, NULL), 0);
	return seen.text;
}

static void diffs(void **state)
{
	assert_string_equal(diffed("", ""), "");
	assert_string_equal(
		diffed("INVITE a SIP/2.0\r\nX: 1\r\n\r\n", "INVITE a SIP/2.0\r\nX: 1\r\n\r\n"), "");
	assert_string_equal(diffed("INVITE sip:a@10.0.0.5 SIP/2.0\r\n",
				   "INVITE sip:a@192.0.2.1 SIP/2.0\r\n"),
			    "request line:10.0.0.5>192.0.2.1|");
	assert_string_equal(diffed("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a:1;rport=5;received=b\r\n",
				   "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x:1;rport=6;received=y\r\n"),
			    "Via:a:1>x:1|Via:5>6|Via:b>y|");
	/* folded lines are their header's; an SDP line is named by its type, an attribute by its name */
	assert_string_equal(
		diffed("A b SIP/2.0\r\nContact : x,\r\n <sip:q@r>\r\n\r\na=rtcp:9 IN IP4 z\r\n",
		       "A b SIP/2.0\r\nContact : x,\r\n <sip:q@R>\r\n\r\na=rtcp:9 IN IP4 Z\r\n"),
		"Contact:r>R|a=rtcp:z>Z|");
	/* lines that go and come */
	assert_string_equal(diffed("S x\r\na=candidate:1 x\r\na=candidate:2 y\r\nc=z\r\n",
				   "S x\r\nc=z\r\n"),
			    "a=candidate:a=candidate:1 x>|a=candidate:a=candidate:2 y>|");
	assert_string_equal(diffed("S x\r\n", "S x\r\na=b\r\n"), ":>a=b|");
	assert_string_equal(diffed("S x\n", ""), "request line:S x>|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_every_order),
		cmocka_unit_test(retransmissions),
		cmocka_unit_test(joined_later),
		cmocka_unit_test(missing),
		cmocka_unit_test(not_sip),
		cmocka_unit_test(ends_early),
		cmocka_unit_test(many_connections),
		cmocka_unit_test(headers),
		cmocka_unit_test(diffs),
	};

	return cmocka_run_group_tests_name("tcp_stream", tests, NULL, NULL);
}
