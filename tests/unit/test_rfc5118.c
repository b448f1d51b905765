/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The torture messages of RFC 5118 (IPv6): what the parser says to each, that a valid one leaves byte for
 * byte as it came, and that none opens anything by itself.
 */
#include "check_views.h"
#include "flows_world.h"

#define MESSAGE(name, text) static const char name[] = text;
#include "flows_rfc5118.inc"
#undef MESSAGE

static struct sip_msg msg;

static const struct {
	const char *name, *text;
	size_t n;
	enum sip_parse_result verdict;
} table[] = {
#define M(name, verdict)                               \
	{                                              \
#name, name, sizeof(name) - 1, verdict \
	}
	M(ipv6_good, SIP_OK), /* 4.1 */
	M(ipv6_bad, SIP_MALFORMED), /* 4.2: no brackets */
	M(port_ambiguous, SIP_OK), /* 4.3: the port is part of the address */
	M(port_unambiguous, SIP_OK), /* 4.4 */
	M(via_received_param_with_delim, SIP_OK), /* 4.5: "must nonetheless be able to parse" */
	M(via_received_param_no_delim, SIP_OK),
	M(ipv6_in_sdp, SIP_OK), /* 4.6 */
	M(mult_ip_in_header, SIP_OK), /* 4.7 */
	M(mult_ip_in_sdp, SIP_OK), /* 4.8 */
	M(ipv4_mapped_ipv6, SIP_OK), /* 4.9 */
	M(ipv6_bug_abnf_3_colons,
	  SIP_MALFORMED), /* 4.10: unreadable, so it passes by policy only */
	M(ipv6_correct_abnf_2_colons, SIP_OK),
#undef M
};

#define N (sizeof(table) / sizeof(table[0]))

static void verdicts(void **state)
{
	static struct edit_list edits;
	static char out[4096];
	const char *error = "";
	size_t n;

	for (size_t i = 0; i < N; i++) {
		enum sip_parse_result got = sip_parse(table[i].text, table[i].n, &msg, &error);

		if (got != table[i].verdict)
			fail_msg("%s: %d, expected %d (%s)", table[i].name, got, table[i].verdict,
				 got == SIP_OK ? "" : error);
		if (got != SIP_OK)
			continue;
		check_msg(&msg, (struct view){ table[i].text, table[i].n });
		edit_init(&edits);
		assert_int_equal(edit_apply(&edits, &msg, out, sizeof(out), &n), 0);
		assert_int_equal(n, table[i].n);
		assert_memory_equal(out, table[i].text, n);
	}
}

#define PARSE(name) assert_int_equal(sip_parse(name, sizeof(name) - 1, &msg, NULL), SIP_OK)

static void assert_addr(const struct sip_hostport *hp, const char *text, uint16_t port)
{
	struct rf_addr a = w_addr(text);

	assert_true(hp->is_addr && addr_eq(&hp->addr, &a));
	assert_int_equal(hp->port_value, port);
}

static void readings(void **state)
{
	static struct sdp sdp;
	struct rf_addr a;

	PARSE(ipv6_good);
	assert_addr(&msg.ruri.hp, "2001:db8::10", 0);
	assert_addr(&msg.via->sent_by, "2001:db8::9:1", 0);
	assert_addr(&msg.contact->uri.hp, "2001:db8::1", 0);
	PARSE(port_ambiguous);
	assert_addr(&msg.ruri.hp, "2001:db8::10:5070", 0);
	PARSE(port_unambiguous);
	assert_addr(&msg.ruri.hp, "2001:db8::10", 5070);
	PARSE(via_received_param_with_delim);
	assert_addr(&msg.via->received, "2001:db8::9:255", 0);
	PARSE(via_received_param_no_delim);
	assert_addr(&msg.via->received, "2001:db8::9:255", 0);
	PARSE(mult_ip_in_header);
	assert_addr(&msg.via->sent_by, "2001:db8::9:1", 6050);
	assert_addr(&msg.values[1].sent_by, "192.0.2.1", 0);
	assert_addr(&msg.values[2].sent_by, "2001:db8::9:255", 0);
	assert_addr(&msg.values[2].received, "192.0.2.200", 0);
	PARSE(ipv6_in_sdp);
	assert_int_equal(sdp_parse(sip_sdp_body(&msg), &sdp, NULL), 0);
	a = w_addr("2001:db8::20");
	assert_int_equal(sdp.n_media, 2);
	assert_true(addr_eq(&sdp.media[1].c.addr, &a) && sdp.media[1].port_value == 6024);
	PARSE(mult_ip_in_sdp);
	assert_int_equal(sdp_parse(sip_sdp_body(&msg), &sdp, NULL), 0);
	a = w_addr("192.0.2.1");
	assert_true(addr_eq(&sdp.media[0].c.addr, &a));
	a = w_addr("2001:db8::1");
	assert_true(addr_eq(&sdp.media[1].c.addr, &a));
	PARSE(ipv4_mapped_ipv6); /* the mapped form is the same address as the IPv4 one */
	assert_addr(&msg.via->sent_by, "192.0.2.10", 19823);
}

/* From a peer, from a stranger, and from inside: none opens anything, and what comes from outside
 * reaches its host as it was. */
static void nothing_opens(void **state)
{
	struct world *w = w_new(true, RF_MODE_NAT);
	struct rf_ep inside = w_ep("fd00::10", 5060), peer = w_ep("2001:db8:2::9", 5060), outside;
	struct rf_ep stranger = w_ep("2001:db8:9::66", 5060);

	assert_true(engine_outside_of(w->e, W_WAN, &inside, true, w->now, &w->out, &outside));
	w_carry_out(w, NULL);
	for (size_t i = 0; i < N; i++) {
		w_feed(w, false, &stranger, &outside, table[i].text, table[i].n);
		assert_int_equal(w->n_send, 0);
		w_feed(w, false, &peer, &outside, table[i].text, table[i].n);
		assert_int_equal(w->n_send, 1);
		assert_int_equal(w->n_sent, table[i].n);
		assert_memory_equal(w->sent, table[i].text, table[i].n);
		w_feed(w, true, &inside, &peer, table[i].text, table[i].n);
		assert_int_equal(w->n_pins, 0);
	}
	w_over(w);
	w_free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(readings),
		cmocka_unit_test(nothing_opens),
	};

	sip_parser_init();
	return cmocka_run_group_tests_name("RFC 5118", tests, NULL, NULL);
}
