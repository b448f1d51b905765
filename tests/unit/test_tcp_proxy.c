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
	bool pass_unreadable;
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

/* As the kernel side would lead it: straight to the proxy's port. */
static int enter(void)
{
	struct rf_ep proxy = ep("127.0.0.1:1");
	struct sockaddr_storage ss;
	socklen_t len;

	proxy.port = w.proxy->port[0][0];
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

static void test_limits(void **state)
{
	struct tcp_way asked;
	int i;

	w.client_ep = ep("192.0.2.1:1");
	for (i = 1; i <= TCP_SOURCE_MAX; i++) {
		w.client_ep.port = htons(i);
		asked = way();
		assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_NONE);
	}
	w.client_ep.port = htons(i);
	asked = way();
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_TCP_LIMIT);
	w.client_ep = ep("192.0.2.2:1");
	asked = way();
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_NONE);
	/* outside, a /64 counts as one */
	w.hook = RF_HOOK_WAN_IN;
	for (i = 1; i <= TCP_SOURCE_MAX; i++) {
		w.client_ep = ep("[2001:db8::1]:1");
		w.client_ep.addr.w[3] = htonl(i);
		asked = way();
		assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()),
				 w.proxy->port[1][0] ? RF_R_NONE : RF_R_TCP_LIMIT);
	}
	w.client_ep.addr.w[3] = htonl(i);
	asked = way();
	assert_int_equal(tcp_proxy_open(w.proxy, &asked, clock_now_ns()), RF_R_TCP_LIMIT);
	/* those who were let in and did not come make room */
	tcp_proxy_tick(w.proxy, clock_now_ns() + TCP_PENDING_NS + SECONDS(1));
	assert_int_equal(HASH_COUNT(w.proxy->conns), 0);
	assert_null(w.proxy->sources);
	assert_int_equal(w.proxy->pending, 0);
	assert_int_equal(w.proxy->from_outside, 0);
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
	tcp_flow_end(&t, f, SECONDS(1));
	tcp_flow_clear(&t, RF_DEV_INSIDE, &phone, &local_2); /* not over */
	tcp_flow_tick(&t, SECONDS(100));
	assert_ptr_equal(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen), f);
	tcp_flow_tick(&t, SECONDS(152));
	assert_null(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen));
	/* or gives way, when either address is needed again */
	tcp_flow_end(&t, g, SECONDS(200));
	assert_int_equal(tcp_flow_add(&t, RF_DEV_INSIDE, &phone, &local_2, &seen, &owner, &f), 0);
	assert_null(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &other));
	assert_ptr_equal(tcp_flow_by_local(&t, RF_DEV_INSIDE, &phone, &local_2), f);
	tcp_flow_end(&t, f, SECONDS(300));
	tcp_flow_clear(&t, RF_DEV_INSIDE, &phone, &local_2);
	assert_null(tcp_flow_by_seen(&t, RF_DEV_INSIDE, &phone, &seen));
	tcp_flow_free(&t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_message),	 TEST(test_from_outside),
		TEST(test_uninvited),	 TEST(test_syn_again),
		TEST(test_limits),	 TEST(test_half_of_a_message),
		TEST(test_nothing_said), TEST(test_said_once_may_be_silent),
		TEST(test_half_closed),	 TEST(test_both_end),
		TEST(test_not_sip),	 cmocka_unit_test(test_flows),
		TEST(test_keep_alives),	 TEST(test_half_a_message_and_the_end),
		TEST(test_opaque),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
