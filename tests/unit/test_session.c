/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDP edits byte by byte, each edited text given once more (nothing may change then), and the
 * offer/answer state of one dialog.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "session.h"

#define MSG_MAX 4096

static struct config cfg;
static struct topology topo;

static struct rf_addr addr(const char *text)
{
	struct rf_addr a = { 0 };

	if (addr_parse(view_of(text), &a))
		abort();
	return a;
}

static int world(void **state)
{
	static const char *const prefixes[] = { "192.168.0.0/16", "10.0.0.0/8", "fd00::/8",
						"203.0.113.64/26" };
	struct topology_wan *w = &topo.wans[0];

	config_defaults(&cfg);
	topo.n_wans = 1;
	w->ifindex = 7;
	w->has4 = w->has6 = true;
	w->wire4 = w->public4 = addr("203.0.113.1");
	w->wire6 = w->public6 = addr("2001:db8::1");
	w->port_lo = 16384;
	w->port_hi = 32767;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (prefix_parse(view_of(prefixes[i]), &topo.inside[topo.n_inside++].prefix))
			return -1;
	topo.locals[topo.n_locals++] = addr("192.168.1.1");
	sip_parser_init();
	return 0;
}

/* A message around the SDP, as edits are applied to messages. */
static void edit(const char *sdp_text, char *out)
{
	static char buf[MSG_MAX];
	static struct sip_msg m;
	static struct sdp sdp;
	static struct edit_list edits;
	struct desc_env env = { .cfg = &cfg, .topo = &topo, .wan = &topo.wans[0], .host = true };
	struct leases l = { 0 };
	struct ports *p = ports_new();
	struct desc *d;
	size_t n, len;

	n = (size_t)snprintf(
		buf, sizeof(buf),
		"INVITE sip:a@198.51.100.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
		"Max-Forwards: 70\r\nContact: <sip:a@b>\r\nContent-Type: application/sdp\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		strlen(sdp_text), sdp_text);
	assert_int_equal(sip_parse(buf, n, &m, NULL), SIP_OK);
	assert_int_equal(sdp_parse(sip_sdp_body(&m), &sdp, NULL), 0);
	d = desc_read(&env, SIDE_INSIDE, &sdp, NULL);
	assert_int_equal(leases_take(&l, p, d, &topo.wans[0]), 0);
	edit_init(&edits);
	sdp_edit(&sdp, &topo, &topo.wans[0], &l, d, &edits);
	static char whole[MSG_MAX];

	assert_int_equal(edit_apply(&edits, &m, whole, sizeof(whole) - 1, &len), 0);
	whole[len] = 0;
	strcpy(out, strstr(whole, "\r\n\r\n") + 4);
	desc_put(d);
	leases_clear_marks(&l);
	leases_sweep(&l, p);
	assert_int_equal(ports_taken(p), 0);
	ports_free(p);
}

struct edit_case {
	const char *name, *in, *out;
};

static void edit_cases(const struct edit_case *table, size_t n)
{
	char once[MSG_MAX], twice[MSG_MAX];

	for (size_t i = 0; i < n; i++) {
		edit(table[i].in, once);
		if (strcmp(once, table[i].out))
			fail_msg("%s:\n%s", table[i].name, once);
		edit(once, twice);
		if (strcmp(once, twice))
			fail_msg("%s, once more:\n%s", table[i].name, twice);
	}
}

static void edits(void **state)
{
	static const struct edit_case table[] = {
		{ "session-level c=",
		  "v=0\r\no=a 1 2 IN IP4 192.168.1.10\r\ns=-\r\nc=IN IP4 192.168.1.10\r\nt=0 0\r\n"
		  "m=audio 20000 RTP/AVP 0\r\nm=video 20002 RTP/AVP 31\r\n",
		  "v=0\r\no=a 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		  "m=audio 20000 RTP/AVP 0\r\nm=video 20002 RTP/AVP 31\r\n" },
		{ "another port; bare LF; unknown lines stay",
		  "v=0\no=a 1 2 IN IP4 10.1.1.1\ns=x y \ni=192.168.1.10 stays\nc=IN IP4 192.168.1.10\nt=0 0\n"
		  "m=audio 4000 RTP/AVP 0\na=x-odd:  two  spaces\n",
		  "v=0\no=a 1 2 IN IP4 203.0.113.1\ns=x y \ni=192.168.1.10 stays\nc=IN IP4 203.0.113.1\n"
		  "t=0 0\nm=audio 16384 RTP/AVP 0\na=x-odd:  two  spaces\n" },
		{ "media-level c= of another host, a=rtcp with and without address",
		  "v=0\r\no=a 1 2 IN IP4 192.168.1.10\r\ns=-\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
		  "c=IN IP4 192.168.1.10\r\na=rtcp:20007\r\nm=audio 22000 RTP/AVP 0\r\n"
		  "c=IN IP4 192.168.1.99\r\na=rtcp:22010 IN IP4 192.168.1.98\r\n",
		  "v=0\r\no=a 1 2 IN IP4 203.0.113.1\r\ns=-\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
		  "c=IN IP4 203.0.113.1\r\na=rtcp:16384\r\nm=audio 22000 RTP/AVP 0\r\n"
		  "c=IN IP4 203.0.113.1\r\na=rtcp:22010 IN IP4 203.0.113.1\r\n" },
		{ "RTCP of the pair named explicitly",
		  "v=0\r\no=- 1 2 IN IP4 192.168.1.10\r\ns=-\r\nc=IN IP4 192.168.1.10\r\nt=0 0\r\n"
		  "m=audio 4000 RTP/AVP 0\r\na=rtcp:4001\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		  "m=audio 16384 RTP/AVP 0\r\na=rtcp:16385\r\n" },
		{ "hold, host name, port 0",
		  "v=0\r\no=- 1 2 IN IP4 192.168.1.10\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		  "c=IN IP4 0.0.0.0\r\nm=audio 4002 RTP/AVP 0\r\nc=IN IP4 pbx.example.com\r\n"
		  "m=video 0 RTP/AVP 31\r\nc=IN IP4 192.168.1.10\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		  "c=IN IP4 0.0.0.0\r\nm=audio 4002 RTP/AVP 0\r\nc=IN IP4 pbx.example.com\r\n"
		  "m=video 0 RTP/AVP 31\r\nc=IN IP4 203.0.113.1\r\n" },
		{ "IPv6, two families",
		  "v=0\r\no=- 1 2 IN IP6 fd00::5\r\ns=-\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
		  "c=IN IP6 fd00::5\r\nm=video 20002 RTP/AVP 31\r\nc=IN IP4 192.168.1.10\r\n",
		  "v=0\r\no=- 1 2 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
		  "c=IN IP6 2001:db8::1\r\nm=video 20002 RTP/AVP 31\r\nc=IN IP4 203.0.113.1\r\n" },
		{ "a public inside host, an outside address: left alone",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.70\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		  "c=IN IP4 203.0.113.70\r\nm=video 4002 RTP/AVP 31\r\nc=IN IP4 198.51.100.77\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.70\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
		  "c=IN IP4 203.0.113.70\r\nm=video 4002 RTP/AVP 31\r\nc=IN IP4 198.51.100.77\r\n" },
		{ "the gateway's own LAN address; MSRP over TCP keeps its port",
		  "v=0\r\no=- 1 2 IN IP4 192.168.1.1\r\ns=-\r\nc=IN IP4 192.168.1.1\r\nt=0 0\r\n"
		  "m=audio 20000 RTP/AVP 0\r\nm=message 2855 TCP/MSRP *\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		  "m=audio 20000 RTP/AVP 0\r\nm=message 2855 TCP/MSRP *\r\n" },
		{ "candidates",
		  "v=0\r\no=- 1 2 IN IP4 192.168.1.10\r\ns=-\r\nc=IN IP4 192.168.1.10\r\nt=0 0\r\n"
		  "m=audio 4000 RTP/AVP 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:1 1 UDP 2130706431 192.168.1.10 4000 typ host\r\n"
		  "a=candidate:1 2 UDP 2130706430 192.168.1.10 4001 typ host\r\n"
		  "a=candidate:2 1 UDP 2130706431 fd00::5 4000 typ host\r\n"
		  "a=candidate:3 1 UDP 1694498815 203.0.113.1 40000 typ srflx raddr 192.168.1.10 rport 4000\r\n"
		  "a=candidate:4 1 UDP 100 198.51.100.50 5000 typ relay raddr 203.0.113.1 rport 40000\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		  "m=audio 16384 RTP/AVP 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:1 1 UDP 2130706431 203.0.113.1 16384 typ host\r\n"
		  "a=candidate:1 2 UDP 2130706430 203.0.113.1 16385 typ host\r\n"
		  "a=candidate:4 1 UDP 100 198.51.100.50 5000 typ relay raddr 203.0.113.1 rport 40000\r\n" },
		{ "the host knows how a STUN server saw it: the port of its call takes that one's place",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		  "m=audio 40000 RTP/AVP 0\r\na=rtcp:40007 IN IP4 203.0.113.1\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:3 1 UDP 1694498815 203.0.113.1 40000 typ srflx raddr 192.168.1.10 rport 4000\r\n"
		  "a=candidate:3 2 UDP 1694498814 203.0.113.1 40007 typ srflx raddr 192.168.1.10 rport 4001\r\n"
		  "a=candidate:5 1 UDP 1 x.local 4000 typ host\r\n"
		  "a=candidate:6 1 UDP 1 fe80::1%eth0 4000 typ host\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		  "m=audio 16384 RTP/AVP 0\r\na=rtcp:16385 IN IP4 203.0.113.1\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:3 1 UDP 1694498815 203.0.113.1 16384 typ srflx raddr 0.0.0.0 rport 9\r\n"
		  "a=candidate:3 2 UDP 1694498814 203.0.113.1 16385 typ srflx raddr 0.0.0.0 rport 9\r\n"
		  "a=candidate:5 1 UDP 1 x.local 4000 typ host\r\n" },
		{ "a host of two addresses; TCP candidates; a default by a relay",
		  "v=0\r\no=- 1 2 IN IP4 192.168.1.10\r\ns=-\r\nc=IN IP4 198.51.100.50\r\nt=0 0\r\n"
		  "m=audio 5000 RTP/AVP 0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:1 1 UDP 10 192.168.1.10 4000 typ host\r\n"
		  "a=candidate:2 1 UDP 9 10.0.0.7 4000 typ host\r\n"
		  "a=candidate:3 1 TCP 8 192.168.1.10 9 typ host tcptype active\r\n"
		  "a=candidate:4 1 UDP 1 198.51.100.50 5000 typ relay raddr 192.168.1.10 rport 4000\r\n",
		  "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 198.51.100.50\r\nt=0 0\r\n"
		  "m=audio 5000 RTP/AVP 0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:1 1 UDP 10 203.0.113.1 16384 typ host\r\n"
		  "a=candidate:4 1 UDP 1 198.51.100.50 5000 typ relay raddr 0.0.0.0 rport 9\r\n" },
		{ "no default yet (RFC 8840); chosen candidates of the peer stay, of the inside they go",
		  "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		  "a=ice-options:trickle ice2\r\na=ice-lite\r\n"
		  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\na=fingerprint:sha-1 00:11\r\n"
		  "a=candidate:1 1 UDP 10 192.168.1.10 4000 typ host\r\n"
		  "a=remote-candidates:1 198.51.100.9 7000 2 198.51.100.9 7001\r\n"
		  "m=audio 9 RTP/AVP 0\r\na=remote-candidates:1 192.168.1.77 7000\r\n"
		  "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n",
		  "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		  "a=ice-options:trickle ice2\r\na=ice-lite\r\n"
		  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\na=fingerprint:sha-1 00:11\r\n"
		  "a=candidate:1 1 UDP 10 203.0.113.1 16384 typ host\r\n"
		  "a=remote-candidates:1 198.51.100.9 7000 2 198.51.100.9 7001\r\n"
		  "m=audio 9 RTP/AVP 0\r\n"
		  "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n" },
	};
	static const struct edit_case only4[] = {
		{ "an address of a family that the WAN has not is shown as none",
		  "v=0\r\no=- 1 2 IN IP6 fd00::5\r\ns=-\r\nc=IN IP6 fd00::5\r\nt=0 0\r\n"
		  "m=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP6 fd00::5\r\n"
		  "m=audio 5000 RTP/AVP 0\r\nc=IN IP4 192.168.1.10\r\n",
		  "v=0\r\no=- 1 2 IN IP6 ::\r\ns=-\r\nc=IN IP6 ::\r\nt=0 0\r\n"
		  "m=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP6 ::\r\n"
		  "m=audio 16384 RTP/AVP 0\r\nc=IN IP4 203.0.113.1\r\n" },
		{ "with ICE the candidates of the other family serve",
		  "v=0\r\no=- 1 2 IN IP6 fd00::5\r\ns=-\r\nc=IN IP6 fd00::5\r\nt=0 0\r\n"
		  "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:1 1 UDP 10 fd00::5 4000 typ host\r\n"
		  "a=candidate:2 1 UDP 9 192.168.1.10 4000 typ host\r\n",
		  "v=0\r\no=- 1 2 IN IP6 ::\r\ns=-\r\nc=IN IP6 ::\r\nt=0 0\r\n"
		  "m=audio 9 RTP/AVP 0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
		  "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
		  "a=candidate:2 1 UDP 9 203.0.113.1 16384 typ host\r\n" },
	};

	edit_cases(table, sizeof(table) / sizeof(table[0]));
	topo.wans[0].has6 = false;
	edit_cases(only4, sizeof(only4) / sizeof(only4[0]));
	topo.wans[0].has6 = true;
}

/* Who speaks for this machine does not speak for the hosts behind it: RTCP that is said to be theirs has no pinhole
 * beside RTP of this one. */
static void rtcp_elsewhere(void **state)
{
	static const struct {
		const char *c, *rtcp;
		bool kept;
	} table[] = {
		{ "203.0.113.1", "203.0.113.1", true },
		{ "203.0.113.1", "203.0.113.70", false }, /* routed as it is */
		{ "203.0.113.1", "192.168.1.10", false },
		{ "192.168.1.1", "192.168.1.1", true },
		{ "192.168.1.1", "192.168.1.10", false }, /* translated both */
		{ "192.168.1.10", "192.168.1.1", false },
		{ "203.0.113.70", "203.0.113.1", false },
		{ "203.0.113.70", "203.0.113.71", true },
		{ "192.168.1.10", "192.168.1.11", true },
	};
	struct desc_env env = { .cfg = &cfg, .topo = &topo, .wan = &topo.wans[0], .host = true };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[256];
		struct sdp sdp;
		struct desc *d;
		int n = snprintf(
			text, sizeof(text),
			"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
			"m=audio 20000 RTP/AVP 0\r\na=rtcp:5005 IN IP4 %s\r\n",
			table[i].c, table[i].rtcp);

		assert_int_equal(sdp_parse((struct view){ .p = text, .n = (size_t)n }, &sdp, NULL),
				 0);
		d = desc_read(&env, SIDE_INSIDE, &sdp, NULL);
		assert_non_null(d);
		assert_int_equal(d->line[0].rtp.port, htons(20000));
		if ((d->line[0].rtcp.port != 0) != table[i].kept)
			fail_msg("RTP of %s, RTCP of %s", table[i].c, table[i].rtcp);
		desc_put(d);
	}
}

static struct desc *desc(uint16_t port)
{
	struct desc *d = calloc(1, sizeof(*d) + sizeof(d->line[0]));

	d->refs = 1;
	d->n = 1;
	d->line[0].rtp.port = htons(port);
	return d;
}

static uint16_t port(const struct desc *d)
{
	return d ? ntohs(d->line[0].rtp.port) : 0;
}

#define INVITE(n) ((struct tx){ .cseq = (n), .side = SIDE_INSIDE, .method = SIP_M_INVITE })
#define UPDATE(n) ((struct tx){ .cseq = (n), .side = SIDE_OUTSIDE, .method = SIP_M_UPDATE })

static void offer_answer(void **state)
{
	struct session s = { 0 };
	struct desc *a = desc(1), *b = desc(2), *c = desc(3), *d = desc(4);

	session_offer(&s, SIDE_INSIDE, INVITE(1), a);
	assert_null(s.now[0]);
	/* an answer to something else, by the wrong side: none */
	assert_false(session_answer(&s, SIDE_OUTSIDE, INVITE(2), b, false, 5));
	assert_false(session_answer(&s, SIDE_INSIDE, INVITE(1), b, false, 5));
	/* previews follow each other, the answer holds */
	assert_true(session_answer(&s, SIDE_OUTSIDE, INVITE(1), b, true, 5));
	assert_false(session_answer(&s, SIDE_OUTSIDE, INVITE(1), b, true, 6));
	assert_true(session_answer(&s, SIDE_OUTSIDE, INVITE(1), c, true, 7));
	assert_int_equal(port(s.now[SIDE_OUTSIDE]), 3);
	assert_true(session_answer(&s, SIDE_OUTSIDE, INVITE(1), c, false, 8));
	assert_int_equal(s.since, 8);
	assert_null(s.offer[SIDE_INSIDE].desc);
	assert_false(session_answer(&s, SIDE_OUTSIDE, INVITE(1), c, false, 9));
	/* refused: as before */
	session_offer(&s, SIDE_OUTSIDE, UPDATE(1), d);
	session_fail(&s, INVITE(1));
	assert_non_null(s.offer[SIDE_OUTSIDE].desc);
	session_fail(&s, UPDATE(1));
	assert_null(s.offer[SIDE_OUTSIDE].desc);
	assert_int_equal(port(s.now[SIDE_OUTSIDE]), 3);
	/* a preview that is refused */
	session_offer(&s, SIDE_INSIDE, INVITE(2), d);
	assert_true(session_answer(&s, SIDE_OUTSIDE, INVITE(2), b, true, 10));
	assert_int_equal(port(s.now[SIDE_INSIDE]), 4);
	session_fail(&s, INVITE(2));
	assert_int_equal(port(s.now[SIDE_INSIDE]), 1);
	assert_int_equal(port(s.now[SIDE_OUTSIDE]), 3);
	assert_false(s.preview);
	/* one that is confirmed without another answer, then overtaken by an UPDATE */
	session_offer(&s, SIDE_INSIDE, INVITE(3), d);
	session_answer(&s, SIDE_OUTSIDE, INVITE(3), b, true, 11);
	session_confirm(&s, INVITE(3), 12);
	session_offer(&s, SIDE_OUTSIDE, UPDATE(2), c);
	assert_true(session_answer(&s, SIDE_INSIDE, UPDATE(2), a, false, 13));
	assert_false(session_answer(&s, SIDE_OUTSIDE, INVITE(3), b, false, 14));
	assert_int_equal(port(s.now[SIDE_OUTSIDE]), 3);
	session_clear(&s);
	assert_int_equal(a->refs + b->refs + c->refs + d->refs, 4);
	desc_put(a);
	desc_put(b);
	desc_put(c);
	desc_put(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits),
		cmocka_unit_test(rtcp_elsewhere),
		cmocka_unit_test(offer_answer),
	};

	return cmocka_run_group_tests(tests, world, NULL);
}
