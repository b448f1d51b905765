/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: any bytes as a TCP stream of SIP: the first says how it is cut and in which order the pieces come.
 * The messages in it are the same ones however it is cut, lie end to end, and replay, which puts segments
 * together again, finds them, too. Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <stdint.h>
#include <string.h>

#include "sip_frame.h"
#include "tcp_stream.h"
#include "unit/check_views.h"

#define MAX	 (128 << 10)
#define PIECES	 256
#define SEQUENCE 0xfffffff0u /* wraps soon */

struct found {
	size_t n, messages;
	bool bad;
	char text[MAX];
};
static struct found whole, cut, captured;

static void add(struct found *f, const char *p, size_t n)
{
	CHECK(f->n + n <= sizeof(f->text));
	memcpy(f->text + f->n, p, n);
	f->n += n;
	f->messages++;
}

/* What is complete of have bytes; in a block that ends there. Returns where it stopped. */
static size_t take(struct sip_framer *f, const char *p, size_t at, size_t have, struct found *to)
{
	while (at < have && !to->bad) {
		char *copy = malloc(have - at);
		size_t n = 0;
		enum sip_frame r;

		CHECK(copy);
		memcpy(copy, p + at, have - at);
		r = sip_frame_next(f, (struct view){ copy, have - at }, &n);
		CHECK((r == SIP_FRAME_BAD) == !!f->why);
		if (r == SIP_FRAME_WHOLE) {
			CHECK(n && n <= have - at && n <= SIP_FRAME_MAX);
			add(to, copy, n);
		} else if (r == SIP_FRAME_KEEP_ALIVE) {
			CHECK(n && n <= have - at);
		} else {
			n = 0;
		}
		free(copy);
		to->bad = r == SIP_FRAME_BAD;
		if (!n)
			break;
		at += n;
	}
	return at;
}

static void on_message(const struct tcp_segment *s, struct view m, void *arg)
{
	add(&captured, m.p, m.n);
}

static void on_trouble(const struct rf_ep *src, const struct rf_ep *dst, enum tcp_trouble what,
		       void *arg)
{
	captured.bad = captured.bad || what == TCP_NOT_SIP;
	CHECK(what != TCP_GAP);
}

static void segment(struct tcp_streams *t, const char *p, size_t at, size_t n)
{
	struct tcp_segment s = { .time_ns = 1, .seq = SEQUENCE + (uint32_t)at, .syn = !p };
	char *copy = malloc(n ? n : 1);

	CHECK(copy);
	if (n)
		memcpy(copy, p + at, n);
	ep_parse(VIEW("10.0.0.5:5060"), &s.src);
	ep_parse(VIEW("192.0.2.1:5060"), &s.dst);
	s.payload = (struct view){ copy, n };
	if (!p)
		s.seq--;
	CHECK(!tcp_streams_add(t, &s));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tcp_out out = { on_message, on_trouble, NULL };
	struct sip_framer f = { 0 }, g = { 0 };
	size_t ends[PIECES], n_pieces = 0, at = 0;
	struct tcp_streams *t;
	const char *p;
	uint32_t seed;

	if (size < 2 || size > MAX)
		return 0;
	seed = data[0];
	p = (const char *)data + 1;
	size--;
	whole.n = whole.messages = whole.bad = 0;
	cut.n = cut.messages = cut.bad = 0;
	captured.n = captured.messages = captured.bad = 0;
	take(&f, p, 0, size, &whole);

	for (size_t end = 0; end < size;) {
		size_t step = 1 + (seed >> 8) % (seed & 1 ? 16 : 700);

		end = n_pieces + 1 == PIECES || end + step > size ? size : end + step;
		ends[n_pieces++] = end;
		seed = seed * 1103515245 + 12345;
		at = take(&g, p, at, end, &cut);
	}
	CHECK(cut.n == whole.n && cut.messages == whole.messages && cut.bad == whole.bad);
	CHECK(!memcmp(cut.text, whole.text, whole.n));

	t = tcp_streams_new(&out);
	CHECK(t);
	segment(t, NULL, 0, 0);
	for (size_t i = 0; i < n_pieces; i++) {
		/* pairs the other way round, each third piece once more */
		size_t k = data[0] & 2 && (i | 1) < n_pieces ? i ^ 1 : i,
		       begin = k ? ends[k - 1] : 0;

		segment(t, p, begin, ends[k] - begin);
		if (data[0] & 4 && i % 3 == 0)
			segment(t, p, begin, ends[k] - begin);
	}
	tcp_streams_end(t);
	tcp_streams_free(t);
	CHECK(captured.n == whole.n && captured.bad == whole.bad);
	CHECK(!memcmp(captured.text, whole.text, whole.n));
	return 0;
}
