/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The message reader: what counts as SIP, what every token is, and that no bytes, however broken,
 * make it look outside of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "check_views.h"

#define VIA	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
#define FROM	"From: <sip:a@example.com>;tag=1\r\n"
#define TO	"To: <sip:b@example.com>\r\n"
#define CALL_ID "Call-ID: id@192.0.2.1\r\n"
#define CSEQ	"CSeq: 1 OPTIONS\r\n"
#define LINE	"OPTIONS sip:b@example.com SIP/2.0\r\n"
#define REST	FROM TO CALL_ID CSEQ
#define BASE	LINE VIA REST

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

#define INVITE                                                                                           \
	"INVITE sip:+4930:pw@[2001:db8::5]:5070;user=phone;maddr=192.0.2.9?Subject=x SIP/2.0\r\n"        \
	"v: SIP / 2.0 / UDP  192.168.1.5 : 5062 ;branch=z9hG4bK9;rport;alias,\r\n"                       \
	"  SIP/2.0/TCP [2001:db8::9]:5060;received=2001:db8::7;rport=40000;branch = b2\r\n"              \
	"Via: SIP/2.0/TLS proxy.example.com;branch=b3;received=[2001:db8::8]\r\n"                        \
	"Max-Forwards: 70\r\n"                                                                           \
	"f: \"A, \\\"B\\\" <sip:not@this>;tag=no\" <sip:alice@192.168.1.5>;x=\";tag=no\" ; tag = f1\r\n" \
	"t: sip:bob@example.com;tag=t1\r\n"                                                              \
	"i: abc@192.168.1.5\r\n"                                                                         \
	"CSeq: 4711 INVITE\r\n"                                                                          \
	"m: \"x,y\" <sip:alice;p=1?q@192.168.1.5:5062;ob>;expires=60;q=0.5, <sips:alice@h>,"             \
	" tel:+4930;ext=1\r\n"                                                                           \
	"Route: <sip:p1.example.com;lr>,<sip:192.0.2.7:5080;lr>\r\n"                                     \
	"Record-Route: <sip:192.0.2.8;lr;x=a,b>\r\n"                                                     \
	"P-Asserted-Identity: \"A\" <sip:alice@192.168.1.5>, <tel:+4930>\r\n"                            \
	"r: <sip:carol@192.168.1.6?Replaces=a%40b%3Bto-tag%3D1>\r\n"                                     \
	"x: 1800;refresher=uac\r\n"                                                                      \
	"Expires: 99999999999999\r\n"                                                                    \
	"c: Application/SDP ; charset=utf-8\r\n"                                                         \
	"l: 5\r\n"                                                                                       \
	"\r\n"                                                                                           \
	"v=0\r\nTRAILING"

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
		cmocka_unit_test(verdict_table),
		cmocka_unit_test(request_line_uri),
		cmocka_unit_test(vias),
		cmocka_unit_test(from_to_contact),
		cmocka_unit_test(other_headers),
		cmocka_unit_test(responses),
		cmocka_unit_test(star_and_identity),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(uris),
		cmocka_unit_test(sdp_bodies),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_corruption),
		cmocka_unit_test(large_messages),
		cmocka_unit_test(method_names),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
