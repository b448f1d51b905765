/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libFuzzer: any bytes as a datagram. What is accepted has all its views inside, survives an empty
 * edit unchanged, and after typical edits is the same message with other addresses; editing that
 * again changes nothing. The same bytes as a stream: however they are cut, they are the same message, and
 * what passes unread holds no request. Build: clang -fsanitize=fuzzer,address,undefined.
 */
#include <stdint.h>

#include "edit.h"
#include "sip_frame.h"
#include "sip_unread.h"
#include "unit/check_views.h"

static struct sip_msg before, after;
static struct sdp sdp;
static struct edit_list edits;
static char out[2][70000];

static void plan_edits(const struct sip_msg *m)
{
	struct view text = sip_sdp_body(m);
	size_t i;

	edit_init(&edits);
	edit_replace(&edits, m->via->sent_by.whole, "[2001:db8::1]:5062");
	for (i = 0; i < m->n_values; i++) {
		if (m->values[i].id == SIP_H_CONTACT && m->values[i].uri.is_sip)
			edit_replace(&edits, m->values[i].uri.hp.whole, "203.0.113.77:5062");
	}
	if (!text.p || sdp_parse(text, &sdp, NULL))
		return;
	check_sdp(&sdp, text);
	if (sdp.has_o)
		edit_replace(&edits, sdp.o.host, "203.0.113.77");
	for (i = 0; i < sdp.n_media; i++) {
		if (sdp.media[i].c.host.n)
			edit_replace(&edits, sdp.media[i].c.host, "203.0.113.77");
		edit_replace(&edits, sdp.media[i].port, "16384");
	}
}

static void check_unread(struct view v)
{
	struct sip_framer whole = { 0 }, cut = { 0 };
	size_t n = 0, cut_n = 0, i;
	enum sip_frame r = sip_frame_next(&whole, v, &n), got = SIP_FRAME_MORE;

	CHECK(r == SIP_FRAME_MORE || (r == SIP_FRAME_BAD) == !n);
	CHECK(n <= v.n && (r == SIP_FRAME_BAD) == !!whole.why);
	if (r == SIP_FRAME_KEEP_ALIVE)
		CHECK(!sip_holds_text((struct view){ v.p, n }));
	for (i = 1; i <= v.n && got == SIP_FRAME_MORE; i += i < 300 || i + 300 > v.n ? 1 : 300)
		got = sip_frame_next(&cut, (struct view){ v.p, i }, &cut_n);
	if (v.n && (r != SIP_FRAME_KEEP_ALIVE || (unsigned char)v.p[0] <= 1))
		CHECK(got == r && cut_n == n);
	if (sip_unread_kind(v) == SIP_UNREAD_RESPONSE)
		CHECK(!sip_holds_request(v));
	if (v.n > 4 && sip_unread_kind(v) == SIP_UNREAD_KEEP_ALIVE)
		CHECK(!sip_holds_text(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view buf = { (const char *)data, size };
	size_t n = 0, again = 0;
	const char *error = NULL;

	sip_parser_init();
	check_unread(buf);
	if (sip_parse(buf.p, buf.n, &before, &error) != SIP_OK) {
		CHECK(error && *error);
		return 0;
	}
	check_msg(&before, buf);
	edit_init(&edits);
	CHECK(!edit_apply(&edits, &before, out[0], sizeof(out[0]), &n));
	CHECK(n == before.raw.n && !memcmp(out[0], before.raw.p, n));

	plan_edits(&before);
	if (edit_apply(&edits, &before, out[0], sizeof(out[0]), &n))
		return 0;
	/* Ports that were fine may not be any more (16384/60000): then only the edit is of interest. */
	CHECK(sip_parse(out[0], n, &after, &error) == SIP_OK);
	check_msg(&after, (struct view){ out[0], n });
	CHECK(after.n_headers == before.n_headers && after.n_values == before.n_values);
	CHECK(after.raw.n == n && view_eq(after.call_id, before.call_id));
	plan_edits(&after);
	CHECK(!edit_apply(&edits, &after, out[1], sizeof(out[1]), &again));
	CHECK(again == n && !memcmp(out[0], out[1], n));
	return 0;
}
