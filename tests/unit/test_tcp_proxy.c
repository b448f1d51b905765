// SPDX-License-Identifier: GPL-2.0-only
/*
 * The proxy's sockets, on the loopback: a client that is let in, a server beyond, and what happens to
 * those who come uninvited, say too little, too slowly, or not to the end; and the book of its flows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "addr.h"
#include "tcp_proxy_priv.h"

#define MESSAGE "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nContent-Length: 2\r\n\r\nab"

static struct world {
	struct event_base *base;
	struct tcp_proxy *proxy;
	int server, client, far; /* listening, connecting, what the server accepted */
	struct rf_ep server_ep, client_ep;
	enum rf_hook hook;
	enum rf_reason admit;
	bool pass_unreadable, peer_known;
	const char *why; /* of the last refusal */
	unsigned int identified, messages, dropped[RF_R_MAX];
} w;

static struct rf_ep ep(const char *text)
{
	struct rf_ep e;

	assert_int_equal(ep_parse(view_of(text), &e), 0);
	return e;
}

static int bound(const char *text, struct rf_ep *out)
{
	struct rf_ep local = ep(text);
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(&local, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, out), 0);
	return fd;
}

static enum rf_reason on_admit(struct tcp_way *way, void *arg)
{
	way->own = ep("127.0.0.1:1").addr;
	way->peer_known = w.peer_known;
	way->peer = way->hook == RF_HOOK_WAN_IN ? way->src : way->dst;
	way->inside = way->hook == RF_HOOK_WAN_IN ? w.server_ep : way->src;
	return w.admit;
}

static void on_identify(struct tcp_way *way, struct view message, void *arg)
{
	w.identified++;
}

static void on_message(const struct tcp_way *way, uint32_t conn, bool from_inside,
		       struct view message, void *arg)
{
	w.messages++;
	assert_int_equal(tcp_proxy_send(w.proxy, conn, !from_inside, VIEW("edited:")), 0);
	assert_int_equal(tcp_proxy_send(w.proxy, conn, !from_inside, message), 0);
	assert_int_equal(tcp_proxy_send(w.proxy, conn + 1, true, message), -ENOENT);
}

static bool on_opaque(const struct tcp_way *way, bool from_inside, size_t bytes, const char *why,
		      void *arg)
{
	w.why = why;
	return w.pass_unreadable;
}

static void on_dropped(enum rf_reason reason, uint64_t packets, uint64_t bytes, void *arg)
{
	w.dropped[reason] += packets;
}

static const struct tcp_env env = {
	on_admit, on_identify, on_message, on_opaque, on_dropped, NULL
};

static int setup(void **state)
{
	struct why why;

	memset(&w, 0, sizeof(w));
	w.client = w.far = -1;
	w.hook = RF_HOOK_INSIDE_IN;
	w.base = event_base_new();
	assert_int_equal(tcp_proxy_new(&w.proxy, w.base, -1, &env, &why), 0);
	w.server = bound("127.0.0.1:0", &w.server_ep);
	assert_int_equal(listen(w.server, 200), 0);
	assert_int_equal(fcntl(w.server, F_SETFL, O_NONBLOCK), 0);
	return 0;
}

static int teardown(void **state)
{
	tcp_proxy_free(w.proxy);
	event_base_free(w.base);
	close(w.server);
	if (w.client >= 0)
		close(w.client);
	if (w.far >= 0)
		close(w.far);
	return 0;
}

/* Until nothing more happens. */
static void run(void)
{
	struct timeval tv = { 0, 20000 };
	int i;

	for (i = 0; i < 3; i++) {
		event_base_loopexit(w.base, &tv);
		event_base_dispatch(w.base);
	}
}

static struct tcp_way way(void)
{
	return (struct tcp_way){ .hook = w.hook, .src = w.client_ep, .dst = w.server_ep };
}

static enum tcp_class class(void) {
	return w.hook == RF_HOOK_INSIDE_IN ? TCP_FROM_INSIDE
	       : w.peer_known		   ? TCP_FROM_PEER
					   : TCP_FROM_STRANGER;
}

/* As the kernel side would lead it: straight to the proxy's port. */
static int enter(void)
{
	struct rf_ep proxy = ep("127.0.0.1:1");
	struct sockaddr_storage ss;
	socklen_t len;

	proxy.port = w.proxy->port[0][class()][0];
	len = ep_to_sockaddr(&proxy, &ss);
	return connect(w.client, (struct sockaddr *)&ss, len);
}

static void connected(void)
{
	struct tcp_way asked;

	w.client = bound("127.0.0.1:0", &w.client_ep);
	asked = way();
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_NONE);
	assert_int_equal(enter(), 0);
	run();
	assert_int_equal(tcp_proxy_count(w.proxy), 1);
}

static void far_side(void)
{
	w.far = accept(w.server, NULL, NULL);
	assert_true(w.far >= 0);
}

static void expect_bytes(int fd, const char *wanted)
{
	char got[1024] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_int_equal(n, strlen(wanted));
	assert_string_equal(got, wanted);
}

static void expect_end(int fd, int err)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	if (err)
		assert_true(n < 0 && errno == err);
	else
		assert_int_equal(n, 0);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	run();
}

static void test_message(void **state)
{
	connected();
	say(w.client, "\r\n\r\nOPTIONS");
	assert_int_equal(w.identified, 0);
	say(w.client, MESSAGE + 7);
	assert_int_equal(w.identified, 1);
	far_side();
	expect_bytes(w.far, "edited:" MESSAGE);
	say(w.client, "\r\n");
	expect_bytes(w.far, "\r\n");
	say(w.far, MESSAGE MESSAGE);
	expect_bytes(w.client, "edited:" MESSAGE "edited:" MESSAGE);
	assert_int_equal(w.messages, 3);
	assert_int_equal(w.identified, 1);
}

static void test_from_outside(void **state)
{
	w.hook = RF_HOOK_WAN_IN;
	connected();
	far_side(); /* at once, as it is known where it leads to */
	say(w.client, MESSAGE);
	expect_bytes(w.far, "edited:" MESSAGE);
	assert_int_equal(w.identified, 0);
}

static void test_uninvited(void **state)
{
	struct tcp_way asked;

	w.client = bound("127.0.0.1:0", &w.client_ep);
	assert_int_equal(enter(), 0);
	run();
	expect_end(w.client, ECONNRESET);
	close(w.client);
	w.client = bound("127.0.0.1:0", &w.client_ep);
	asked = way();
	w.admit = RF_R_SIP_UNKNOWN_PEER;
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_SIP_UNKNOWN_PEER);
	assert_int_equal(enter(), 0);
	run();
	expect_end(w.client, ECONNRESET);
	assert_int_equal(tcp_proxy_count(w.proxy), 0);
}

/* The same SYN once more is let in as often as it comes, and is one connection. */
static void test_syn_again(void **state)
{
	struct tcp_way asked;

	w.client = bound("127.0.0.1:0", &w.client_ep);
	asked = way();
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_NONE);
	w.admit = RF_R_SIP_UNKNOWN_PEER; /* not asked again */
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_NONE);
	assert_int_equal(HASH_COUNT(w.proxy->conns), 1);
	assert_int_equal(enter(), 0);
	run();
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_NONE);
	assert_int_equal(tcp_proxy_count(w.proxy), 1);
}

static enum rf_reason syn(const char *from, uint32_t n, uint64_t now_ns)
{
	struct rf_ep e = ep(from);
	struct tcp_way asked;

	/* n: of the address, where that is of IPv4, else of its network; or of the port */
	if (e.port)
		e.addr.w[addr_is_v4(&e.addr) ? 3 : 1] = htonl(n);
	else
		e.port = htons(n);
	w.client_ep = e;
	asked = way();
	return tcp_proxy_open(w.proxy, &asked, now_ns);
}

static const size_t *held(enum tcp_class c)
{
	return w.proxy->shares.class[c].n;
}

#define MS(n) ((n)*1000000ull)

/* Of one address: its own oldest goes, once it has had its time; and not more than 1/16 of the table. */
static void test_one_address(void **state)
{
	uint64_t t = clock_now_ns();
	int i;

	w.hook = RF_HOOK_WAN_IN;
	for (i = 1; i <= TCP_OPENING_MAX / 16; i++)
		assert_int_equal(syn("192.0.2.1:0", i, t), RF_R_NONE);
	assert_int_equal(syn("192.0.2.1:0", i, t), RF_R_TCP_LIMIT);
	assert_int_equal(syn("192.0.2.2:0", 1, t), RF_R_NONE);
	assert_int_equal(syn("192.0.2.1:0", i, t + MS(600)), RF_R_NONE);
	assert_int_equal(held(TCP_FROM_STRANGER)[TCP_OPENING], TCP_OPENING_MAX / 16 + 1);
	assert_int_equal(w.dropped[RF_R_TCP_LIMIT], 1);
	/* outside, a /64 counts as one */
	for (i = 1; i <= TCP_OPENING_MAX / 16; i++)
		assert_int_equal(syn(i % 2 ? "[2001:db8::1]:0" : "[2001:db8::2]:0", i, t),
				 w.proxy->port[1][0][0] ? RF_R_NONE : RF_R_TCP_LIMIT);
	assert_int_equal(syn("[2001:db8::3]:0", i, t), RF_R_TCP_LIMIT);
	/* those who were let in and did not come make room */
	tcp_proxy_tick(w.proxy, t + TCP_PENDING_NS + SECONDS(1));
	assert_int_equal(HASH_COUNT(w.proxy->conns), 0);
	assert_null(w.proxy->shares.sources);
	assert_int_equal(held(TCP_FROM_STRANGER)[TCP_OPENING], 0);
}

/* A flood of forged sources: half of the table, and all of it if there were no limit; inside hosts and peers open as if
 * there were none, and a stranger who answers has the time for it. */
static void test_forged_flood(void **state)
{
	uint64_t t = clock_now_ns(), at = t;
	struct rf_ep honest;
	struct tcp_flow *f;
	int i, n = 0;

	for (i = 0; i < 15000; i++, at += MS(1000) / 1500) {
		w.hook = RF_HOOK_WAN_IN;
		w.peer_known = false;
		syn("10.9.0.1:1", 0x0b000000 + i, at);
		if (i % 100)
			continue;
		w.peer_known = true;
		assert_int_equal(syn("198.51.100.1:0", 1024 + i / 100, at), RF_R_NONE);
		w.hook = RF_HOOK_INSIDE_IN;
		assert_int_equal(syn("10.0.0.1:0", 1024 + i / 100, at), RF_R_NONE);
		n++;
	}
	assert_int_equal(held(TCP_FROM_STRANGER)[TCP_OPENING], TCP_OPENING_MAX / 2);
	assert_int_equal(held(TCP_FROM_PEER)[TCP_OPENING], n);
	assert_int_equal(held(TCP_FROM_INSIDE)[TCP_OPENING], n);
	/* who comes within half a second is there for him */
	w.hook = RF_HOOK_WAN_IN;
	w.peer_known = false;
	assert_int_equal(syn("192.0.2.77:0", 99, at), RF_R_NONE);
	honest = w.client_ep;
	for (i = 0; i < 700; i++, at += MS(1000) / 1500)
		syn("10.9.0.1:1", 0x0c000000 + i, at);
	f = tcp_flow_by_seen(&w.proxy->flows, RF_DEV_WAN, &honest, &w.server_ep);
	assert_true(f && f->owner);
	/* and what was pushed out is no burden: the map has room for all */
	assert_int_equal(w.proxy->flows.n_unmade, TCP_FLOW_UNMADE_MAX);
	tcp_proxy_tick(w.proxy, at + SECONDS(80));
	tcp_proxy_tick(w.proxy, at + SECONDS(160));
	assert_null(w.proxy->flows.by_in);
}

/* Faster than they can be answered: nobody loses his time to another who forges. */
static void test_too_fast(void **state)
{
	uint64_t t = clock_now_ns();
	unsigned int i, n = 0;

	w.hook = RF_HOOK_WAN_IN;
	for (i = 0; i < TCP_OPENING_MAX; i++)
		n += syn("10.9.0.1:1", 0x0b000000 + i, t + i) == RF_R_NONE;
	assert_int_equal(n, TCP_OPENING_MAX / 2);
	assert_int_equal(w.dropped[RF_R_TCP_LIMIT], 0); /* none that was let in */
}

static struct tcp_claim *accepted(struct tcp_shares *s, struct tcp_claim *c, enum tcp_class class,
				  const char *from, uint64_t now_ns)
{
	struct rf_addr a = ep(from).addr;

	memset(c, 0, sizeof(*c));
	assert_int_equal(tcp_share_join(s, c, class, &a, now_ns), 0);
	assert_int_equal(tcp_share_move(s, c, TCP_SILENT, now_ns), 0);
	return c;
}

/* Connections: reserves, and those that talk stay. */
static void test_reserves(void **state)
{
	struct tcp_shares s = { .max = 64 };
	struct tcp_claim c[80], *v = NULL;
	uint64_t t = clock_now_ns();
	int i, n = 0;

	/* strangers, each another one: half */
	for (i = 0; i < 32; i++) {
		char from[32];

		snprintf(from, sizeof(from), "192.0.2.%d:1", i);
		assert_int_equal(tcp_share_room(&s,
						accepted(&s, &c[n++], TCP_FROM_STRANGER, from, t),
						t, &v),
				 TCP_ROOM);
	}
	accepted(&s, &c[n], TCP_FROM_STRANGER, "198.51.100.1:1", t);
	assert_int_equal(tcp_share_room(&s, &c[n], t, &v), TCP_NO_ROOM);
	/* the oldest, once it had its time, if it has said nothing */
	assert_int_equal(tcp_share_room(&s, &c[n], t + SECONDS(11), &v), TCP_GIVES_WAY);
	assert_ptr_equal(v, &c[0]);
	assert_int_equal(tcp_share_move(&s, &c[0], TCP_TALKS, t), 0);
	assert_int_equal(tcp_share_room(&s, &c[n], t + SECONDS(11), &v), TCP_GIVES_WAY);
	assert_ptr_equal(v, &c[1]);
	for (i = 1; i < 32; i++)
		assert_int_equal(tcp_share_move(&s, &c[i], TCP_TALKS, t), 0);
	assert_int_equal(tcp_share_room(&s, &c[n], t + SECONDS(11), &v), TCP_NO_ROOM);
	tcp_share_leave(&s, &c[n]);
	/* peers and inside hosts have theirs, whatever the others hold: here each a quarter */
	for (i = 0; i < 32; i++) {
		accepted(&s, &c[n], i % 2 ? TCP_FROM_PEER : TCP_FROM_INSIDE,
			 i % 2 ? "203.0.113.1:1" : "10.0.0.1:1", t);
		assert_int_equal(tcp_share_room(&s, &c[n], t, &v), TCP_ROOM);
		assert_int_equal(tcp_share_move(&s, &c[n++], TCP_TALKS, t), 0);
	}
	accepted(&s, &c[n], TCP_FROM_INSIDE, "10.0.0.2:1", t);
	assert_int_equal(tcp_share_room(&s, &c[n++], t, &v), TCP_NO_ROOM);
	while (n)
		tcp_share_leave(&s, &c[--n]);
	assert_null(s.sources);
	tcp_share_free(&s);
}

static void test_one_address_connected(void **state)
{
	struct tcp_shares s = { .max = 64 };
	static const struct {
		enum tcp_class class;
		const char *from;
		int max;
	} cases[] = {
		{ TCP_FROM_STRANGER, "192.0.2.1:1", 64 / 16 },
		{ TCP_FROM_PEER, "192.0.2.1:1", 64 / 4 },
		{ TCP_FROM_INSIDE, "10.0.0.1:1", 64 / 4 },
	};
	struct tcp_claim c[64], *v;
	size_t k;
	int n;

	for (k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		for (n = 0; n <= cases[k].max; n++) {
			accepted(&s, &c[n], cases[k].class, cases[k].from, SECONDS(5));
			assert_int_equal(tcp_share_room(&s, &c[n], SECONDS(5), &v),
					 n < cases[k].max ? TCP_ROOM : TCP_NO_ROOM);
		}
		assert_int_equal(tcp_share_room(&s, &c[n - 1], SECONDS(16), &v), TCP_GIVES_WAY);
		assert_ptr_equal(v, &c[0]);
		while (n)
			tcp_share_leave(&s, &c[--n]);
	}
	tcp_share_free(&s);
}

static void test_half_of_a_message(void **state)
{
	connected();
	say(w.client, MESSAGE);
	far_side();
	say(w.client, "INVITE sip:");
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(30));
	assert_int_equal(tcp_proxy_count(w.proxy), 1);
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(34));
	assert_int_equal(tcp_proxy_count(w.proxy), 0);
	assert_int_equal(w.dropped[RF_R_TCP_TIMEOUT], 1);
	run();
	expect_end(w.client, ECONNRESET);
}

static void test_nothing_said(void **state)
{
	connected();
	say(w.client, "\r\n\r\n");
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(3));
	run();
	far_side(); /* it may wait for it */
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(58));
	assert_int_equal(tcp_proxy_count(w.proxy), 1);
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(64));
	assert_int_equal(tcp_proxy_count(w.proxy), 0);
	assert_int_equal(w.dropped[RF_R_TCP_TIMEOUT], 1);
	run();
	expect_end(w.client, ECONNRESET);
}

static void test_said_once_may_be_silent(void **state)
{
	connected();
	say(w.client, MESSAGE);
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(7200));
	assert_int_equal(tcp_proxy_count(w.proxy), 1);
}

static void test_half_closed(void **state)
{
	connected();
	say(w.client, MESSAGE);
	far_side();
	shutdown(w.client, SHUT_WR);
	run();
	expect_bytes(w.far, "edited:" MESSAGE);
	expect_end(w.far, 0);
	say(w.far, MESSAGE);
	expect_bytes(w.client, "edited:" MESSAGE);
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(30));
	assert_int_equal(tcp_proxy_count(w.proxy), 1);
	tcp_proxy_tick(w.proxy, clock_now_ns() + SECONDS(34));
	assert_int_equal(tcp_proxy_count(w.proxy), 0);
}

static void test_both_end(void **state)
{
	connected();
	say(w.client, MESSAGE);
	far_side();
	expect_bytes(w.far, "edited:" MESSAGE);
	close(w.far);
	w.far = -1;
	run();
	expect_end(w.client, 0);
	shutdown(w.client, SHUT_WR);
	run();
	assert_int_equal(tcp_proxy_count(w.proxy), 0);
}

/* Whatever is not framed as SIP ends both sides; nothing of it arrives, nor of what stands behind it. */
static void test_not_sip(void **state)
{
	static const struct {
		const char *bytes, *why;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n", "not SIP" },
		{ "\x7f" MESSAGE, "not SIP" },
		{ "SIP/2.0 200 OK\n\nINVITE sip:a SIP/2.0\r\n\r\n",
		  "a line of the header ends with LF alone, not with CRLF" },
		{ "OPTIONS sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nab",
		  "Content-Length is unreadable or contradicts itself" },
		{ "OPTIONS sip:a SIP/2.0\r\nl: 65535\r\n\r\n", "the message is too long" },
		{ "OPTIONS sip:a SIP/2.0\r\n\r\nbody",
		  NULL }, /* 18.3: the body's length is missing */
		{ "\x01\x01\x02\x04!\x13", "not SIP, and not STUN" },
	};
	size_t i;
	int k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (k = 0; k < 3; k++) { /* first, behind a message, from the far side */
			connected();
			if (k) {
				say(w.client, MESSAGE);
				far_side();
				expect_bytes(w.far, "edited:" MESSAGE);
			}
			say(k == 2 ? w.far : w.client, cases[i].bytes);
			if (!cases[i].why) { /* the message went; what follows it is none */
				assert_int_equal(tcp_proxy_count(w.proxy), 1);
				say(k == 2 ? w.far : w.client, " is here\r\n" MESSAGE);
			}
			assert_int_equal(tcp_proxy_count(w.proxy), 0);
			if (cases[i].why)
				assert_string_equal(w.why, cases[i].why);
			else
				assert_non_null(strstr(w.why, "without Content-Length"));
			if (cases[i].why) {
				expect_end(w.client, ECONNRESET);
				if (k)
					expect_end(w.far, ECONNRESET);
			}
			close(w.client);
			if (w.far >= 0)
				close(w.far);
			w.far = -1;
			while (!k && (w.far = accept(w.server, NULL, NULL)) >= 0)
				close(w.far);
			w.far = -1;
		}
}

static void expect_raw(int fd, const char *wanted, size_t n)
{
	char got[64];

	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), n);
	assert_memory_equal(got, wanted, n);
}

/* RFC 5626: line ends and STUN pass as they are, between messages and in pieces. */
static void test_keep_alives(void **state)
{
	static const char stun[] = "\x00\x01\x00\x04!\x12\xa4\x42"
				   "abcdefgh\r\nij"
				   "\x80\x22\x00\x00";

	connected();
	say(w.client, MESSAGE);
	far_side();
	expect_bytes(w.far, "edited:" MESSAGE);
	assert_int_equal(send(w.client, stun, 9, 0), 9);
	run();
	expect_end(w.far, EAGAIN);
	assert_int_equal(send(w.client, stun + 9, 15, 0), 15);
	run();
	expect_raw(w.far, stun, 24);
	say(w.far, "\r\n");
	expect_bytes(w.client, "\r\n");
	say(w.client, "\r\n\r\n" MESSAGE);
	expect_bytes(w.far, "\r\n\r\nedited:" MESSAGE);
	assert_int_equal(w.messages, 2);
}

/* The end of a side in the middle of a message: what there is of it does not arrive. */
static void test_half_a_message_and_the_end(void **state)
{
	connected();
	say(w.client, MESSAGE);
	far_side();
	expect_bytes(w.far, "edited:" MESSAGE);
	say(w.client, "INVITE sip:a SIP/2.0\r\nContent-Length: 0\r\n");
	shutdown(w.client, SHUT_WR);
	run();
	expect_end(w.far, 0);
}

/* By the operator's word. */
static void test_opaque(void **state)
{
	w.pass_unreadable = true;
	connected();
	say(w.client, "GET / HTTP/1.1\r\n");
	far_side();
	expect_bytes(w.far, "GET / HTTP/1.1\r\n");
	say(w.client, MESSAGE);
	expect_bytes(w.far, MESSAGE);
	assert_int_equal(w.messages, 0);
}

static void test_flows(void **state)
{
	struct tcp_flow_table t = { .map = -1 };
	struct rf_ep phone = ep("10.0.0.5:4000"), seen = ep("198.51.100.7:5060"),
		     other = ep("198.51.100.8:5060"), local = ep("203.0.113.1:40000"),
		     local_2 = ep("203.0.113.1:40001");
	struct tcp_flow *f, *g;
	int owner;

	assert_int_equal(tcp_flow_add(&t, RF_DEV_INSIDE, &phone, &local, &seen, &owner, &f), 0);
	assert_ptr_equal(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen), f);
	assert_ptr_equal(tcp_flow_by_local(&t, RF_DEV_INSIDE, &phone, &local), f);
	assert_null(tcp_flow_by_seen(&t, RF_DEV_WAN, &phone, &seen));
	assert_null(tcp_flow_by_local(&t, RF_DEV_INSIDE, &phone, &seen));
	/* the same on either side is taken */
	assert_int_equal(tcp_flow_add(&t, RF_DEV_INSIDE, &phone, &local_2, &seen, &owner, &g),
			 -EADDRINUSE);
	assert_int_equal(tcp_flow_add(&t, RF_DEV_INSIDE, &phone, &local, &other, &owner, &g),
			 -EADDRINUSE);
	assert_int_equal(tcp_flow_add(&t, RF_DEV_INSIDE, &phone, &local_2, &other, &owner, &g), 0);
	/* one that is over stays for a while */
	tcp_flow_end(&t, f, true, SECONDS(1));
	tcp_flow_clear(&t, RF_DEV_INSIDE, &phone, &local_2); /* not over */
	tcp_flow_tick(&t, SECONDS(100));
	assert_ptr_equal(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen), f);
	tcp_flow_tick(&t, SECONDS(152));
	assert_null(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen));
	/* or gives way, when either address is needed again */
	tcp_flow_end(&t, g, true, SECONDS(200));
	assert_int_equal(tcp_flow_add(&t, RF_DEV_INSIDE, &phone, &local_2, &seen, &owner, &f), 0);
	assert_null(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &other));
	assert_ptr_equal(tcp_flow_by_local(&t, RF_DEV_INSIDE, &phone, &local_2), f);
	tcp_flow_end(&t, f, true, SECONDS(300));
	tcp_flow_clear(&t, RF_DEV_INSIDE, &phone, &local_2);
	assert_null(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen));
	tcp_flow_free(&t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_message),
		TEST(test_from_outside),
		TEST(test_uninvited),
		TEST(test_syn_again),
		TEST(test_one_address),
		TEST(test_half_of_a_message),
		TEST(test_forged_flood),
		TEST(test_too_fast),
		cmocka_unit_test(test_reserves),
		cmocka_unit_test(test_one_address_connected),
		TEST(test_nothing_said),
		TEST(test_said_once_may_be_silent),
		TEST(test_half_closed),
		TEST(test_both_end),
		TEST(test_not_sip),
		cmocka_unit_test(test_flows),
		TEST(test_keep_alives),
		TEST(test_half_a_message_and_the_end),
		TEST(test_opaque),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
