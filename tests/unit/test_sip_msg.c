/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The message reader: what every token of a message is, and where its SDP lies.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "check_views.h"
#include "sip_samples.h"

static struct sip_msg msg;

#define assert_view(v, lit) assert_true(view_eq(v, VIEW(lit)))
#define PARSE(text)	    parse(text, sizeof(text) - 1)

static struct sip_msg *parse(const char *text, size_t n)
{
	const char *error = "";

	if (sip_parse(text, n, &msg, &error) != SIP_OK)
		fail_msg("%s: %s", error, text);
	check_msg(&msg, (struct view){ text, n });
	return &msg;
}

static void request_line_uri(void **state)
{
	const struct sip_uri *u = &PARSE(INVITE)->ruri;

	assert_true(msg.is_request && msg.method == SIP_M_INVITE);
	assert_view(u->scheme, "sip");
	assert_view(u->user, "+4930");
	assert_view(u->hp.whole, "[2001:db8::5]:5070");
	assert_view(u->hp.host, "[2001:db8::5]");
	assert_view(u->hp.port, "5070");
	assert_int_equal(u->hp.port_value, 5070);
	assert_true(u->hp.is_addr && !addr_is_v4(&u->hp.addr));
	assert_view(u->params, ";user=phone;maddr=192.0.2.9");
	assert_true(u->has_maddr);
	assert_view(u->maddr.whole, "192.0.2.9");
}

static void vias(void **state)
{
	const struct sip_value *v = PARSE(INVITE)->via;

	assert_ptr_equal(v, &msg.values[0]);
	assert_view(v->transport, "UDP");
	assert_view(v->sent_by.whole, "192.168.1.5 : 5062");
	assert_view(v->sent_by.host, "192.168.1.5");
	assert_int_equal(v->sent_by.port_value, 5062);
	assert_view(v->branch, "z9hG4bK9");
	assert_true(v->has_rport && !v->rport.p && !v->has_received);
	assert_ptr_equal(v->via_end.p, v->whole.p + v->whole.n);
	assert_int_equal(v->via_end.p[0], ',');
	v++;
	assert_view(v->transport, "TCP");
	assert_view(v->sent_by.whole, "[2001:db8::9]:5060");
	assert_view(v->branch, "b2");
	assert_view(v->rport, "40000");
	assert_true(v->has_received && v->received.is_addr);
	assert_view(v->received.whole, "2001:db8::7");
	v++;
	assert_view(v->sent_by.whole, "proxy.example.com");
	assert_false(v->sent_by.is_addr);
	assert_null(v->sent_by.port.p);
	assert_false(v->has_rport);
	assert_view(v->received.whole, "[2001:db8::8]");
}

static void from_to_contact(void **state)
{
	const struct sip_msg *m = PARSE(INVITE);

	assert_view(m->from->uri.whole, "sip:alice@192.168.1.5");
	assert_view(m->from->tag, "f1");
	assert_true(m->from->uri.hp.is_addr);
	assert_view(m->to->uri.whole, "sip:bob@example.com");
	assert_view(m->to->tag, "t1");
	assert_view(m->call_id, "abc@192.168.1.5");
	assert_int_equal(m->cseq, 4711);
	assert_view(m->contact[0].uri.user, "alice;p=1?q");
	assert_view(m->contact[0].uri.hp.whole, "192.168.1.5:5062");
	assert_view(m->contact[0].uri.params, ";ob");
	assert_view(m->contact[0].expires, "60");
	assert_view(m->contact[1].uri.scheme, "sips");
	assert_true(m->contact[1].uri.is_sip);
	assert_false(m->contact[2].uri.is_sip);
	assert_view(m->contact[2].uri.whole, "tel:+4930");
	assert_view(m->contact[2].params, ";ext=1");
}

static void other_headers(void **state)
{
	const struct sip_msg *m = PARSE(INVITE);
	const struct sip_value *v = m->contact + 3;

	assert_int_equal(v[0].id, SIP_H_ROUTE);
	assert_view(v[1].uri.hp.whole, "192.0.2.7:5080");
	assert_int_equal(v[2].id, SIP_H_RECORD_ROUTE);
	assert_view(v[2].uri.params, ";lr;x=a,b");
	assert_int_equal(v[3].id, SIP_H_P_ASSERTED_IDENTITY);
	assert_view(v[3].uri.hp.whole, "192.168.1.5");
	assert_false(v[4].uri.is_sip);
	assert_int_equal(v[5].id, SIP_H_REFER_TO);
	assert_view(v[5].uri.hp.whole, "192.168.1.6");
	assert_int_equal(v + 6 - m->values, m->n_values);
	assert_int_equal(m->session_expires, 1800);
	assert_int_equal(m->expires, UINT32_MAX);
	assert_view(m->content_type, "Application/SDP");
	assert_view(m->content_length, "5");
	assert_view(m->body, "v=0\r\n");
	assert_view(sip_sdp_body(m), "v=0\r\n");
	assert_int_equal(m->raw.n, sizeof(INVITE) - 1 - 8);
}

static void responses(void **state)
{
	const struct sip_msg *m =
		PARSE("SIP/2.0 183 Session \xc3\x9c\r\n" VIA REST "Expires: x\r\n\r\n");

	assert_false(m->is_request);
	assert_int_equal(m->status, 183);
	assert_view(m->reason, "Session \xc3\x9c");
	assert_int_equal(m->method, SIP_M_OPTIONS);
	assert_view(m->method_text, "OPTIONS");
	assert_int_equal(m->expires, -1);
	assert_int_equal(m->session_expires, -1);
	assert_null(m->contact);
	assert_null(m->content_length.p);
	assert_true(m->body.p && !m->body.n);
}

static void star_and_identity(void **state)
{
	const struct sip_msg *m = PARSE(BASE "Contact: *\r\nExpires: 0\r\n"
					     "P-Asserted-Identity: oops\r\n\r\n");

	assert_true(m->contact->is_star);
	assert_int_equal(m->expires, 0);
	assert_int_equal(m->values[m->n_values - 1].id, SIP_H_P_ASSERTED_IDENTITY);
	assert_false(m->values[m->n_values - 1].uri.is_sip);
}

/* RFC 5118: what is valid in it. */
static void ipv6(void **state)
{
	const struct sip_msg *m = PARSE(
		"REGISTER sip:[2001:db8::10:5070] SIP/2.0\r\n"
		"Via: SIP/2.0/UDP [2001:db8::9:1]:6050;received=[2001:db8::9:255];branch=z9hG4bKas3\r\n"
		"Via: SIP/2.0/UDP [::ffff:192.0.2.10];branch=z9hG4bKas4\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKas5\r\n"
		"From: <sip:user@[2001:db8::10]:5070>;tag=81x2\r\n"
		"To: sip:user@example.com\r\n" CALL_ID
		"CSeq: 98176 REGISTER\r\nContent-Length: 0\r\n\r\n");

	assert_view(m->ruri.hp.host, "[2001:db8::10:5070]");
	assert_null(m->ruri.hp.port.p);
	assert_int_equal(m->from->uri.hp.port_value, 5070);
	assert_true(addr_eq(&m->values[0].received.addr, &m->via->received.addr));
	assert_true(m->values[1].sent_by.is_addr && addr_is_v4(&m->values[1].sent_by.addr));
}

static void uris(void **state)
{
	static const char *const bad[] = { "",
					   "sip:",
					   "sip",
					   "sip:a@",
					   "sip:a@b@c",
					   "sip:a@b:",
					   "sip:a@b:c",
					   "sip:a b@c",
					   "sip:a@b:5060x",
					   "sip:a@[::1",
					   "sip:a@::1",
					   "sip:<a@b",
					   "sip:a@b;maddr=",
					   "sip:a@b;maddr=x:5",
					   "sip:a@b%20" };
	struct sip_hostport hp;
	struct sip_uri u;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sip_uri_parse(view_of(bad[i]), &u) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(sip_uri_parse(VIEW("SIP:@h"), &u), 0);
	assert_true(u.is_sip && u.user.p && !u.user.n);
	assert_int_equal(sip_uri_parse(VIEW("sip:h?a=b"), &u), 0);
	assert_true(!u.user.p && u.params.p && !u.params.n);
	assert_view(u.hp.whole, "h");
	assert_int_equal(sip_uri_parse(VIEW("urn:service:sos"), &u), 0);
	assert_false(u.is_sip);
	assert_int_equal(sip_hostport_parse(VIEW("192.0.2.1:00005060"), &hp), 0);
	assert_int_equal(hp.port_value, 5060);
	assert_int_equal(sip_hostport_parse(VIEW("h:0"), &hp), 0);
	assert_true(hp.port.p && !hp.port_value);
	assert_int_equal(sip_hostport_parse(VIEW("h "), &hp), -EINVAL);
	assert_int_equal(sip_hostport_parse(VIEW("h: 5060 "), &hp), -EINVAL);
}

#define SDP_PART	  "v=0\r\nm=audio 0 RTP/AVP 0"
#define MIXED(type, body) BASE "Content-Type: " type "\r\n\r\n" body

static void sdp_bodies(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		const char *sdp;
	} table[] = {
#define B(name, text, sdp) { name, text, sizeof(text) - 1, sdp }
		B("alone", MIXED("application/sdp", "v=0\r\n"), "v=0\r\n"),
		B("slash with blanks", MIXED("application / SDP", "v=0\r\n"), "v=0\r\n"),
		B("empty", MIXED("application/sdp", ""), NULL),
		B("other", MIXED("application/sdpx", "v=0\r\n"), NULL),
		B("no type", BASE "\r\nv=0\r\n", NULL),
		B("encoded", BASE "c: application/sdp\r\ne: gzip\r\n\r\nv=0\r\n", NULL),
		B("identity", BASE "c: application/sdp\r\ne: Identity\r\n\r\nv=0\r\n", "v=0\r\n"),
		B("first part",
		  MIXED("multipart/mixed;boundary=b",
			"--b\r\nc: application/sdp\r\n\r\n" SDP_PART "\r\n--b--\r\n"),
		  SDP_PART),
		B("second part, quoted, preamble",
		  MIXED("Multipart/Mixed ; x=y; Boundary = \"b b\"",
			"pre\r\n--b b\r\n\r\ntext\r\n--b b \t\r\nX: y\r\nContent-Type:\r\n application/sdp\r\n\r\n" SDP_PART
			"\r\n--b b--\r\nepilogue"),
		  SDP_PART),
		B("prefix of the boundary is text",
		  MIXED("multipart/mixed;boundary=b",
			"--bb\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp"
			"\r\n\r\n" SDP_PART "\r\n--b--"),
		  SDP_PART),
		B("LF only",
		  MIXED("multipart/mixed;boundary=b",
			"--b\nContent-Type: application/sdp\n\nv=0\n--b--\n"),
		  "v=0"),
		B("nested",
		  MIXED("multipart/mixed;boundary=o",
			"--o\r\nContent-Type: multipart/alternative;boundary=i\r\n\r\n"
			"--i\r\nContent-Type: application/sdp\r\n\r\n" SDP_PART "\r\n--i--\r\n"
			"\r\n--o--\r\n"),
		  SDP_PART),
		B("no closing delimiter",
		  MIXED("multipart/mixed;boundary=b", "--b\r\nc: application/sdp\r\n\r\nv=0"),
		  "v=0"),
		B("base64 part",
		  MIXED("multipart/mixed;boundary=b",
			"--b\r\nContent-Type: application/sdp\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--"),
		  NULL),
		B("no boundary",
		  MIXED("multipart/mixed", "--\r\nc: application/sdp\r\n\r\nv=0\r\n----"), NULL),
		B("empty boundary",
		  MIXED("multipart/mixed;boundary=\"\"",
			"--\r\nc: application/sdp\r\n\r\nv=0\r\n----"),
		  NULL),
		B("no part", MIXED("multipart/mixed;boundary=b", "--b--\r\n"), NULL),
#undef B
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct view sdp = sip_sdp_body(parse(table[i].text, table[i].n));

		if (table[i].sdp ? !view_eq(sdp, view_of(table[i].sdp)) : sdp.p != NULL)
			fail_msg("%s: \"%.*s\"", table[i].name, VIEW_ARG(sdp));
	}
}

static void method_names(void **state)
{
	assert_string_equal(sip_method_name(SIP_M_INVITE), "INVITE");
	assert_string_equal(sip_method_name(SIP_M_MESSAGE), "MESSAGE");
	assert_string_equal(sip_method_name((enum sip_method)99), sip_method_name(SIP_M_OTHER));
}

static int setup(void **state)
{
	sip_parser_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_line_uri),
		cmocka_unit_test(vias),
		cmocka_unit_test(from_to_contact),
		cmocka_unit_test(other_headers),
		cmocka_unit_test(responses),
		cmocka_unit_test(star_and_identity),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(uris),
		cmocka_unit_test(sdp_bodies),
		cmocka_unit_test(method_names),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
