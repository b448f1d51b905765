/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reader of session descriptions: every token a media firewall acts on, what is refused with
 * which sentence, and that no bytes make it look outside of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "check_views.h"

#define O "o=- 1 2 IN IP4 192.0.2.1\r\n"
#define C "c=IN IP4 192.0.2.1\r\n"
#define V "v=0\r\n"
#define T "s=-\r\nt=0 0\r\n"
#define A "m=audio 4000 RTP/AVP 0\r\n"

static struct sdp sdp;

#define assert_view(v, lit) assert_true(view_eq(v, VIEW(lit)))
#define PARSE(text)	    parse(text, sizeof(text) - 1)

static struct sdp *parse(const char *text, size_t n)
{
	const char *error = "";

	if (sdp_parse((struct view){ text, n }, &sdp, &error))
		fail_msg("%s: %s", error, text);
	check_sdp(&sdp, (struct view){ text, n });
	return &sdp;
}

/* From a heap copy of exactly n bytes, so that ASan sees any look beyond. */
static int parse_copy(const char *text, size_t n, const char **error)
{
	char *copy = malloc(n ? n : 1);
	int err;

	memcpy(copy, text, n);
	err = sdp_parse((struct view){ copy, n }, &sdp, error);
	if (!err)
		check_sdp(&sdp, (struct view){ copy, n });
	free(copy);
	return err;
}

static const struct verdict {
	const char *name, *text;
	size_t n;
	int err;
} verdicts[] = {
#define R(name, text, err)                        \
	{                                         \
		name, text, sizeof(text) - 1, err \
	}
	R("plain", V O T C A, 0),
	R("no media", V O T C, 0),
	R("only v=", "v=0", 0),
	R("LF", "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n", 0),
	R("no last line end", V C "m=audio 4000 RTP/AVP 0", 0),
	R("empty lines", "\r\n" V "\r\n" C A "\r\n\r\n", 0),
	R("no o, s, t", V C A, 0),
	R("c= behind a=", V A "a=sendrecv\r\n" C, 0),
	R("unknown lines", V "x=1\r\nhello\r\n=\r\n" C A "Z\r\n", 0),
	R("blanks", V "c=IN  IP4\t192.0.2.1 \r\nm=audio  4000  RTP/AVP  0 \r\n", 0),
	R("port 0 without c=", V "m=audio 0 RTP/AVP 0\r\n", 0),
	R("odd o=", V "o=x\r\n" C A, 0),
	R("type above 127", V C "m=audio 4000 RTP/AVP 128 999999999999999999999 x -1\r\n", 0),
	R("no format", V C "m=audio 4000 RTP/AVP\r\n", 0),
	R("a=rtpmap of nonsense", V C A "a=rtpmap:\r\na=rtpmap:x y/z\r\na=rtpmap:0 PCMU/x\r\n", 0),
	R("candidate of another draft", V C A "a=candidate:x 1 pw UDP 0.9 192.0.2.1 5000\r\n", 0),
	R("last port", V C "m=audio 65535 RTP/AVP 0\r\n", 0),
	R("last range", V C "m=audio 65533/2 RTP/AVP 0\r\n", 0),

	R("empty", "", -EINVAL),
	R("blank", "\r\n\r\n", -EINVAL),
	R("no v=", O T C A, -EINVAL),
	R("not SDP", "<xml/>", -EINVAL),
	R("no c=", V O T A, -EINVAL),
	R("second without c=", V A C "m=video 4002 RTP/AVP 31\r\n", -EINVAL),
	R("c= of two words", V "c=IN IP4\r\n" A, -EINVAL),
	R("c= empty", V C A "c=\r\n", -EINVAL),
	R("m= of two words", V C "m=audio 4000\r\n", -EINVAL),
	R("m= empty", V C "m=\r\n", -EINVAL),
	R("port 65536", V C "m=audio 65536 RTP/AVP 0\r\n", -EINVAL),
	R("port absurd", V C "m=audio 99999999999999999999 RTP/AVP 0\r\n", -EINVAL),
	R("port negative", V C "m=audio -1 RTP/AVP 0\r\n", -EINVAL),
	R("port text", V C "m=audio x RTP/AVP 0\r\n", -EINVAL),
	R("port empty", V C "m=audio /2 RTP/AVP 0\r\n", -EINVAL),
	R("no ports", V C "m=audio 4000/0 RTP/AVP 0\r\n", -EINVAL),
	R("range text", V C "m=audio 4000/ RTP/AVP 0\r\n", -EINVAL),
	R("range beyond", V C "m=audio 65534/2 RTP/AVP 0\r\n", -EINVAL),
	R("range absurd", V C "m=audio 4000/65536 RTP/AVP 0\r\n", -EINVAL),
	R("a=rtcp text", V C A "a=rtcp:x\r\n", -EINVAL),
	R("a=rtcp empty", V C A "a=rtcp\r\n", -EINVAL),
	R("a=rtcp 65536", V C A "a=rtcp:65536\r\n", -EINVAL),
	R("a=rtcp half address", V C A "a=rtcp:4001 IN IP4\r\n", -EINVAL),
	R("candidate port", V C A "a=candidate:1 1 udp 1 192.0.2.1 65536 typ host\r\n", -EINVAL),
	R("candidate component", V C A "a=candidate:1 256 udp 1 192.0.2.1 5 typ host\r\n", -EINVAL),
	R("candidate rport",
	  V C A "a=candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr 10.0.0.1 rport x\r\n", -EINVAL),
	R("lone CR", V C A "a=x\rc=IN IP4 203.0.113.1\r\n", -EINVAL),
	R("NUL", V C "m=audio 4000 RTP/AVP 0\0\r\n", -EINVAL),
#undef R
};

static void verdict_table(void **state)
{
	struct sdp *untouched = malloc(sizeof(sdp));
	const char *error;
	size_t i;

	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const struct verdict *v = &verdicts[i];
		int got;

		memset(&sdp, 0xa5, sizeof(sdp));
		memcpy(untouched, &sdp, sizeof(sdp));
		error = NULL;
		got = parse_copy(v->text, v->n, &error);
		if (got != v->err)
			fail_msg("%s: %d, expected %d (%s)", v->name, got, v->err,
				 got ? error : "");
		if (got) {
			assert_true(error && *error);
			assert_memory_equal(&sdp, untouched, sizeof(sdp));
		}
	}
	free(untouched);
}

#define RICH                                                                                     \
	"v=0\r\n"                                                                                \
	"o=John Doe 2890844526 2890842807 IN IP6 2001:db8::1\r\n"                                \
	"s= \r\n"                                                                                \
	"c=IN IP4 192.168.1.5\r\n"                                                               \
	"t=0 0\r\n"                                                                              \
	"a=sendonly\r\n"                                                                         \
	"a=group:BUNDLE a v\r\n"                                                                 \
	"a=ice-ufrag:sess\r\n"                                                                   \
	"a=ice-pwd:secret\r\n"                                                                   \
	"a=setup:actpass\r\n"                                                                    \
	"m=audio 49170/2 RTP/AVP 96 0 127 200\r\n"                                               \
	"c=IN IP4 224.2.1.1/127/3\r\n"                                                           \
	"c=IN IP4 224.2.1.2/127\r\n"                                                             \
	"a=rtpmap:0 PCMU/8000\r\n"                                                               \
	"a=rtpmap:96 opus/48000/2\r\n"                                                           \
	"a=rtcp:53020 IN IP6 2001:db8::2\r\n"                                                    \
	"a=recvonly\r\n"                                                                         \
	"a=mid:a\r\n"                                                                            \
	"a=candidate:1 1 UDP 2130706431 192.168.1.5 8998 typ host generation 0\r\n"              \
	"a=candidate:2 2 udp 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998\r\n" \
	"a=candidate:3 1 tcp 1 x.local 9 typ host tcptype active\r\n"                            \
	"m=video 5000 UDP/TLS/RTP/SAVPF 31\r\n"                                                  \
	"a=rtcp:5003\r\n"                                                                        \
	"a=rtcp-mux\r\n"                                                                         \
	"a=rtcp-mux-only\r\n"                                                                    \
	"a=ice-ufrag:own\r\n"                                                                    \
	"a=setup:active\r\n"                                                                     \
	"m=image 0 udptl t38\r\n"                                                                \
	"c=IN IP4 fax.example.com\r\n"                                                           \
	"m=message 9 TCP/MSRP *\r\n"                                                             \
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"                                   \
	"m=audio 6000 rtp/savp 8\r\n"                                                            \
	"c=IN IP4 0.0.0.0\r\n"                                                                   \
	"a=inactive\r\n"                                                                         \
	"a=fingerprint:sha-1 4A\r\n"

static void session_level(void **state)
{
	const struct sdp *s = PARSE(RICH);

	assert_true(s->has_o && s->has_c && s->n_bundles == 1);
	assert_view(s->o_session_id, "2890844526");
	assert_view(s->o_version, "2890842807");
	assert_view(s->o.nettype_addrtype, "IN IP6");
	assert_view(s->o.host, "2001:db8::1");
	assert_true(s->o.is_addr);
	assert_view(s->c.host, "192.168.1.5");
	assert_int_equal(s->n_media, 6);
	assert_int_equal(s->n_candidates, 3);
}

static void audio(void **state)
{
	const struct sdp_media *m = &PARSE(RICH)->media[0];

	assert_view(m->line, "m=audio 49170/2 RTP/AVP 96 0 127 200");
	assert_view(m->media, "audio");
	assert_view(m->port, "49170");
	assert_int_equal(m->port_value, 49170);
	assert_int_equal(m->port_count, 2);
	assert_int_equal(m->proto, SDP_P_RTP);
	assert_true(!m->secure && !m->dtls && m->has_c);
	assert_view(m->c.host, "224.2.1.1");
	assert_view(m->c.nettype_addrtype, "IN IP4");
	assert_int_equal(m->more_c, 1);
	assert_int_equal(m->payload_types[0], 1);
	assert_int_equal(m->payload_types[12], 1);
	assert_int_equal(m->payload_types[15], 0x80);
	assert_view(m->first_encoding, "opus");
	assert_int_equal(m->clock_rate, 48000);
	assert_true(m->has_rtcp && m->rtcp_has_addr && m->rtcp.is_addr);
	assert_view(m->rtcp_port, "53020");
	assert_int_equal(m->rtcp_port_value, 53020);
	assert_view(m->rtcp.host, "2001:db8::2");
	assert_int_equal(m->direction, SDP_RECVONLY);
	assert_true(m->ice && !m->rtcp_mux);
	assert_view(m->ice_ufrag, "sess");
	assert_view(m->mid, "a");
	assert_view(m->setup, "actpass");
	assert_ptr_equal(m->section.p + m->section.n, m[1].line.p);
}

static void video(void **state)
{
	const struct sdp_media *m = &PARSE(RICH)->media[1];

	assert_int_equal(m->proto, SDP_P_RTP);
	assert_true(m->secure && m->dtls && !m->has_c);
	assert_view(m->c.host, "192.168.1.5");
	assert_true(m->has_rtcp && !m->rtcp_has_addr && m->rtcp_mux && m->rtcp_mux_only);
	assert_int_equal(m->rtcp_port_value, 5003);
	assert_view(m->ice_ufrag, "own");
	assert_view(m->ice_pwd, "secret");
	assert_int_equal(m->direction, SDP_SENDONLY);
	assert_view(m->first_encoding, "H261");
	assert_int_equal(m->clock_rate, 90000);
	assert_view(m->setup, "active");
}

static void other_media(void **state)
{
	const struct sdp_media *m = PARSE(RICH)->media;

	assert_int_equal(m[2].proto, SDP_P_UDPTL);
	assert_true(m[2].has_c && !m[2].c.is_addr);
	assert_view(m[2].c.host, "fax.example.com");
	assert_int_equal(m[2].port_value, 0);
	assert_int_equal(m[2].clock_rate, 0);
	assert_int_equal(m[3].proto, SDP_P_TCP);
	assert_int_equal(m[4].proto, SDP_P_SCTP);
	assert_true(m[4].dtls);
	assert_int_equal(m[5].proto, SDP_P_RTP);
	assert_true(m[5].secure && m[5].dtls);
	assert_true(m[5].c.is_addr && addr_is_any(&m[5].c.addr));
	assert_int_equal(m[5].direction, SDP_INACTIVE);
	assert_view(m[5].first_encoding, "PCMA");
}

static void candidates(void **state)
{
	const struct sdp_candidate *c = PARSE(RICH)->candidates;

	assert_true(c[0].is_udp && c[0].is_addr && !c[0].raddr.p);
	assert_view(c[0].address, "192.168.1.5");
	assert_int_equal(c[0].ep.port, htons(8998));
	assert_int_equal(c[1].component, 2);
	assert_view(c[1].raddr, "10.0.1.1");
	assert_view(c[1].rport, "8998");
	assert_true(!c[2].is_udp && !c[2].is_addr);
	assert_view(c[2].line, "a=candidate:3 1 tcp 1 x.local 9 typ host tcptype active");
}

static void protocols(void **state)
{
	static const struct {
		const char *proto;
		enum sdp_proto is;
		bool secure, dtls;
	} table[] = {
		{ "RTP/AVP", SDP_P_RTP, false, false },
		{ "RTP/AVPF", SDP_P_RTP, false, false },
		{ "RTP/SAVP", SDP_P_RTP, true, false },
		{ "RTP/SAVPF", SDP_P_RTP, true, false },
		{ "UDP/TLS/RTP/SAVP", SDP_P_RTP, true, true },
		{ "UDPTL", SDP_P_UDPTL, false, false },
		{ "UDP/TLS/UDPTL", SDP_P_UDPTL, true, true },
		{ "UDP/BFCP", SDP_P_BFCP, false, false },
		{ "udp/tls/bfcp", SDP_P_BFCP_DTLS, true, true },
		{ "TCP/BFCP", SDP_P_TCP, false, false },
		{ "TCP", SDP_P_TCP, false, false },
		{ "TCP/RTP/AVP", SDP_P_TCP, false, false },
		{ "TCP/TLS/BFCP", SDP_P_TCP, false, false },
		{ "UDP/MSRP", SDP_P_OTHER, false, false },
		{ "RTP", SDP_P_OTHER, false, false },
		{ "RTP/AVPX", SDP_P_OTHER, false, false },
		{ "TCPX", SDP_P_OTHER, false, false },
		{ "udp", SDP_P_OTHER, false, false },
	};
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int n = snprintf(text, sizeof(text), V C "m=audio 9 %s 0\r\n", table[i].proto);
		const struct sdp_media *m = parse(text, n)->media;

		assert_int_equal(m->proto, table[i].is);
		assert_int_equal(m->secure, table[i].secure);
		assert_int_equal(m->dtls, table[i].dtls);
	}
}

static void clocks(void **state)
{
	const struct sdp_media *m = PARSE(V C A "m=audio 2 RTP/AVP 9\r\n"
						"m=audio 2 RTP/AVP 97 0\r\na=rtpmap:0 PCMU/8000\r\n"
						"m=audio 2 RTP/AVP 0 97\r\na=rtpmap:97 x/16000\r\n"
						"m=audio 2 RTP/AVP 2\r\n"
						"m=audio 2 RTP/AVP 8\r\na=rtpmap:8 PCMA\r\n")
					    ->media;

	assert_int_equal(m[0].clock_rate, 8000);
	assert_int_equal(m[1].clock_rate, 8000); /* G722: 8000 by RFC 3551 4.5.2 */
	assert_true(m[2].clock_rate == 0 && !m[2].first_encoding.p);
	assert_int_equal(m[3].clock_rate, 8000);
	assert_int_equal(m[4].clock_rate, 0);
	assert_int_equal(m[5].clock_rate, 0);
	assert_view(m[5].first_encoding, "PCMA");
}

static void every_truncation(void **state)
{
	const char *error;
	size_t n;

	for (n = 0; n < sizeof(RICH); n++)
		parse_copy(RICH, n, &error);
}

static void every_corruption(void **state)
{
	char *copy = malloc(sizeof(RICH) - 1);
	const char *error;
	size_t at;
	int byte;

	memcpy(copy, RICH, sizeof(RICH) - 1);
	for (at = 0; at < sizeof(RICH) - 1; at++) {
		for (byte = 0; byte < 256; byte++) {
			copy[at] = byte;
			if (!sdp_parse((struct view){ copy, sizeof(RICH) - 1 }, &sdp, &error))
				check_sdp(&sdp, (struct view){ copy, sizeof(RICH) - 1 });
		}
		copy[at] = RICH[at];
	}
	free(copy);
}

static int repeated(const char *head, const char *unit, size_t times)
{
	static char buf[65536];
	const char *error;
	size_t n = strlen(head), i;

	memcpy(buf, head, n);
	for (i = 0; i < times && n + strlen(unit) <= sizeof(buf); i++) {
		memcpy(buf + n, unit, strlen(unit));
		n += strlen(unit);
	}
	return parse_copy(buf, n, &error);
}

#define CANDIDATE "a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n"

static void limits(void **state)
{
	const size_t all = 65536;

	assert_int_equal(repeated(V C, A, SDP_MEDIA_MAX), 0);
	assert_int_equal(repeated(V C, A, SDP_MEDIA_MAX + 1), -E2BIG);
	assert_int_equal(repeated(V C A, CANDIDATE, SDP_CANDIDATES_MAX), 0);
	assert_int_equal(repeated(V C A, CANDIDATE, SDP_CANDIDATES_MAX + 1), -E2BIG);
	assert_int_equal(repeated(V C "m=audio 1 RTP/AVP", " 0", all), 0);
	assert_int_equal(repeated(V C A, "a=rtpmap:0 PCMU/8000\r\n", all), 0);
	assert_int_equal(repeated(V C A, "c=IN IP4 x\n", all), 0);
	assert_int_equal(repeated(V C A "a=", "x", all), 0);
	assert_int_equal(repeated(V "o=", "x ", all), 0);
	assert_int_equal(repeated(V C "m=audio ", "1", all), -EINVAL);
	assert_int_equal(repeated("", "\r\n", all), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict_table),
		cmocka_unit_test(session_level),
		cmocka_unit_test(audio),
		cmocka_unit_test(video),
		cmocka_unit_test(other_media),
		cmocka_unit_test(candidates),
		cmocka_unit_test(protocols),
		cmocka_unit_test(clocks),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_corruption),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
