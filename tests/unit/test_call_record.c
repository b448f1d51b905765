/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls as bytes: whatever is cut off or damaged is refused or harmless, and leaves nothing behind.
 * That a restored call goes on exactly as the lost one would have is checked with every message of
 * every flow (call_flow.h).
 */
#include "call_flow.h"

#define SDP_IN	"c=IN IP4 192.168.1.10|m=audio 20000 RTP/AVP 0|a=rtcp:21000|m=video 20002 RTP/AVP 31"
#define SDP_OUT "c=IN IP4 10.8.8.8|m=audio 7000 RTP/AVP 0|m=video 7002 RTP/AVP 31"

/* A call with everything in its record: forks, a pending offer, a preview, learning. */
static struct flow *rich(void)
{
	struct flow *f = flow_new();

	f->once = true;
	FLOW(f, { ">", "INVITE", 1, NULL, SDP_IN, NULL, "" });
	for (int i = 0; i < 3; i++) {
		static const struct step s[] = { { "<", "183 INVITE", 1, "u", SDP_OUT },
						 { "<", "183 INVITE", 1, "v", SDP_OUT },
						 { "<", "200 INVITE", 1, "u", SDP_OUT } };
		static char buf[MSG_MAX];

		flow_bytes(f, false, buf, flow_text(f, &s[i], buf, sizeof(buf)));
	}
	assert_int_equal(f->n_pins, 4);
	assert_int_equal(f->n_records, 1);
	return f;
}

static int restore(const struct config *cfg, struct view bytes, size_t *taken)
{
	uint32_t next = 1;
	struct call_table *t = call_table_new(cfg, 1, &next);
	struct action_list out = { 0 };
	int err = call_restore(t, 1, bytes);

	*taken = ports_taken(t->ports);
	assert_int_equal(call_count(t), err ? 0 : 1);
	if (err)
		assert_int_equal(*taken, 0);
	call_restored(t, 1, &out);
	call_tick(t, UINT64_MAX / 2, &out, NULL);
	actions_free(&out);
	call_table_free(t);
	return err;
}

static void truncated(void **state)
{
	struct flow *f = rich();
	struct view r = f->records[0].bytes;
	size_t taken;

	assert_int_equal(restore(&f->cfg, r, &taken), 0);
	assert_int_equal(taken, 3);
	for (size_t n = 0; n < r.n; n++) {
		char *part = malloc(n ? n : 1); /* its own, so that reading beyond is seen */

		memcpy(part, r.p, n);
		assert_int_equal(restore(&f->cfg, (struct view){ part, n }, &taken), -EINVAL);
		free(part);
	}
	flow_over(f);
	flow_free(f);
}

static void damaged(void **state)
{
	struct flow *f = rich();
	struct view r = f->records[0].bytes;
	char *copy = malloc(r.n + 1);
	size_t taken;

	srandom(2);
	for (size_t i = 0; i < 8 * r.n; i++) {
		memcpy(copy, r.p, r.n);
		copy[i / 8] ^= (char)(1 << i % 8);
		restore(&f->cfg, (struct view){ copy, r.n }, &taken);
	}
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, r.p, r.n);
		for (int k = 0; k < 4; k++)
			copy[(size_t)random() % r.n] = (char)random();
		restore(&f->cfg, (struct view){ copy, r.n }, &taken);
	}
	memcpy(copy, r.p, r.n);
	copy[r.n] = 0;
	assert_int_equal(restore(&f->cfg, (struct view){ copy, r.n + 1 }, &taken), -EINVAL);
	free(copy);
	flow_over(f);
	flow_free(f);
}

static void twice(void **state)
{
	struct flow *f = rich();
	uint32_t next = 1;
	struct call_table *t = call_table_new(&f->cfg, 1, &next);

	assert_int_equal(call_restore(t, 5, f->records[0].bytes), 0);
	assert_int_equal(call_restore(t, 6, f->records[0].bytes), -EEXIST);
	assert_int_equal(call_restore(t, 0, f->records[0].bytes), -EINVAL);
	assert_int_equal(call_count(t), 1);
	assert_int_equal(ports_taken(t->ports), 3);
	assert_int_equal(next, f->next_pinhole_id); /* ids are not given again */
	call_table_free(t);
	flow_over(f);
	flow_free(f);
}

/* What timed out while nobody was there is closed and ended. */
static void away_too_long(void **state)
{
	struct flow *f = rich();
	uint32_t next = 1;
	struct call_table *t = call_table_new(&f->cfg, 1, &next);
	struct action_list out = { 0 };
	size_t closed = 0;

	assert_int_equal(call_restore(t, 1, f->records[0].bytes), 0);
	call_restored(t, f->now + 86400 * SECONDS, &out);
	for (size_t i = 0; i < out.n; i++) {
		assert_int_not_equal(out.v[i].kind, ACT_PINHOLE_SET);
		closed += out.v[i].kind == ACT_PINHOLE_CLOSE;
	}
	assert_int_equal(closed, 4);
	assert_int_equal(ports_taken(t->ports), 0);
	actions_free(&out);
	call_table_free(t);
	flow_over(f);
	flow_free(f);
}

/* n bytes in place of those that are there. */
static void splice(char *buf, size_t *used, size_t at, size_t there, const void *bytes, size_t n)
{
	memmove(buf + at + n, buf + at + there, *used - at - there);
	memcpy(buf + at, bytes, n);
	*used = *used - there + n;
}

static size_t offset_of(const char *buf, size_t used, const void *bytes, size_t n)
{
	const char *at = memmem(buf, used, bytes, n);

	assert_non_null(at);
	return (size_t)(at - buf);
}

/* The record as version 7 would have it, of a call with one pinhole: no names of devices, and the pinhole has the number
 * of its own. */
static struct view as_version_7(const struct call *c, struct view r)
{
	char *old = malloc(r.n + sizeof(uint32_t));
	uint32_t id = c->pins[0].id;
	char lease[34], pin[22];
	size_t n = r.n;

	memcpy(old, r.p, n);
	old[4] = 7;
	memcpy(lease, &c->leases.v[0].inside, 18);
	memcpy(lease + 18, &c->leases.v[0].wire, 16);
	memcpy(pin, &id, 4);
	memcpy(pin + 4, &c->pins[0].outside, 18);
	splice(old, &n, offset_of(old, n, pin, sizeof(pin)) + 4, 0, &c->pins[0].wan_ifindex, 4);
	splice(old, &n, offset_of(old, n, lease, sizeof(lease)) + sizeof(lease) + 4, 4, "", 0);
	splice(old, &n, 10, 4, "", 0);
	return (struct view){ old, n };
}

/* The same of version 6, without sources. */
static struct view as_version_6(const struct call *c, struct view r)
{
	uint32_t blocks[3] = { c->notes, c->blocks, c->pinhole_mark };
	struct view v = as_version_7(c, r);
	char *old = (char *)v.p;

	old[4] = 6;
	splice(old, &v.n, v.n - 6, 2, "",
	       0); /* .out_first and .low_ports, before the count of sources */
	splice(old, &v.n, offset_of(old, v.n, blocks, sizeof(blocks)) + 4, 4, "", 0);
	return v;
}

/* A call of an older version with a port of the peer below 1024, which is refused since. */
static void low_port_of_before(void **state)
{
	for (int allowed = 0; allowed < 2; allowed++)
		for (int low = 0; low < 2; low++) {
			struct config_peer peer = { .low_ports = true };
			struct flow *f = flow_new();
			uint32_t next = 1;
			struct call_table *t;
			struct view old;

			f->once = true;
			peer.address.len = 0; /* everybody */
			f->peer = &peer;
			FLOW(f, { ">", "INVITE", 1, NULL,
				  "c=IN IP4 192.168.1.10|m=audio 20000 RTP/AVP 0|a=rtcp-mux" });
			if (low)
				FLOW(f,
				     { "<", "200 INVITE", 1, "u",
				       "c=IN IP4 198.51.100.9|m=audio 1000 RTP/AVP 0|a=rtcp-mux",
				       NULL,
				       "192.168.1.10:20000=203.0.113.1:20000 rc/rc 198.51.100.9:1000" });
			else
				FLOW(f,
				     { "<", "200 INVITE", 1, "u",
				       "c=IN IP4 198.51.100.9|m=audio 7000 RTP/AVP 0|a=rtcp-mux",
				       NULL,
				       "192.168.1.10:20000=203.0.113.1:20000 rc/rc 198.51.100.9:7000" });
			assert_int_equal(f->n_pins, 1);
			old = as_version_6(f->t->by_id, f->records[0].bytes);
			f->cfg.n_peers = (uint16_t)allowed;
			f->cfg.peers[0] = peer;
			t = call_table_new(&f->cfg, 1, &next);
			assert_int_equal(call_restore(t, f->records[0].id, old), 0);
			assert_int_equal(t->by_id->pins[0].n_remotes, !low || allowed);
			assert_int_equal(t->by_id->dialogs->s.now[SIDE_OUTSIDE]->line[0].flags &
						 (LINE_FOREIGN | LINE_LOW_REMOTE),
					 low && !allowed ? LINE_FOREIGN | LINE_LOW_REMOTE : 0);
			call_table_free(t);
			free((void *)old.p);
			f->cfg.n_peers = 0;
			flow_over(f);
			flow_free(f);
		}
}

static void integers(void **state)
{
	struct record w = { 0 }, r;
	uint64_t a = 0x0102030405060708ull, b = 0;
	char text[8] = "abc", back[4];
	size_t n = 3;

	record_write(&w);
	record_head(&w, 1, 2, 2);
	record_u64(&w, &a);
	record_text(&w, text, sizeof(text));
	record_count(&w, &n, 3);
	assert_true(record_done(&w));
	assert_int_equal(w.buf[6], 8); /* little endian */
	record_read(&r, (struct view){ (char *)w.buf, w.n });
	record_head(&r, 1, 2, 2);
	record_u64(&r, &b);
	assert_true(a == b);
	record_text(&r, back, sizeof(back));
	assert_string_equal(back, "abc");
	record_count(&r, &n, 2); /* more than the reader takes */
	assert_int_equal(n, 0);
	assert_false(record_done(&r));
	record_read(&r, (struct view){ (char *)w.buf, w.n });
	record_head(&r, 1, 3, 4); /* another version */
	assert_false(record_done(&r));
	record_free(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),	 cmocka_unit_test(truncated),
		cmocka_unit_test(damaged),	 cmocka_unit_test(twice),
		cmocka_unit_test(away_too_long), cmocka_unit_test(low_port_of_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
