// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection: bytes come in on one leg, whole messages are handed over, and what becomes of them
 * leaves by the other leg, in order. A side that does not read makes the other one wait.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "tcp_proxy_priv.h"

#define IN_MAX	(2 * SIP_FRAME_MAX) /* read ahead of one leg */
#define OUT_MAX (4 * SIP_FRAME_MAX) /* waiting for one leg: then the other one is not read */

static void on_read(struct bufferevent *bev, void *arg);
static void on_write(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

static enum tcp_side side_of(const struct tcp_leg *leg)
{
	return leg == &leg->conn->leg[TCP_INSIDE] ? TCP_INSIDE : TCP_OUTSIDE;
}

static struct tcp_leg *other(const struct tcp_leg *leg)
{
	return &leg->conn->leg[side_of(leg) == TCP_INSIDE ? TCP_OUTSIDE : TCP_INSIDE];
}

static size_t input_n(const struct tcp_leg *leg)
{
	return evbuffer_get_length(bufferevent_get_input(leg->bev));
}

static size_t output_n(const struct tcp_leg *leg)
{
	return evbuffer_get_length(bufferevent_get_output(leg->bev));
}

static int leg_open(struct tcp_leg *leg, int fd)
{
	leg->bev = bufferevent_socket_new(leg->conn->proxy->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!leg->bev)
		return -ENOMEM;
	bufferevent_setcb(leg->bev, on_read, on_write, on_event, leg);
	bufferevent_setwatermark(leg->bev, EV_READ, 0, IN_MAX);
	return bufferevent_enable(leg->bev, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

/* A socket of our address, known to the kernel side by what the other one is to see. */
static int socket_towards(struct tcp_conn *c, struct tcp_leg *leg, const struct rf_ep *remote)
{
	bool outward = side_of(leg) == TCP_OUTSIDE;
	struct rf_ep local = { .addr = c->way.own };
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(&local, &ss);
	int fd, err;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = tcp_socket_setup(fd);
	if (!err && bind(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	len = sizeof(ss);
	if (!err && getsockname(fd, (struct sockaddr *)&ss, &len))
		err = -errno;
	if (!err)
		err = addr_from_sockaddr((struct sockaddr *)&ss, &local);
	if (!err && !c->way.shown.port)
		tcp_flow_clear(&c->proxy->flows, outward ? RF_DEV_WAN : RF_DEV_INSIDE, remote,
			       &local);
	if (!err && c->way.shown.port) {
		err = tcp_flow_add(&c->proxy->flows, outward ? RF_DEV_WAN : RF_DEV_INSIDE, remote,
				   &local, &c->way.shown, c, &leg->flow);
		/* a second connection to the same place: from another port, then */
		if (err == -EADDRINUSE && outward && addr_eq(&c->way.shown.addr, &c->way.own))
			err = 0;
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int go_on(struct tcp_conn *c)
{
	struct tcp_leg *leg = other(&c->leg[c->opener]);
	const struct rf_ep *remote = side_of(leg) == TCP_OUTSIDE ? &c->way.peer : &c->way.inside;
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(remote, &ss);
	int fd, err;

	c->since_ns = clock_now_ns();
	fd = socket_towards(c, leg, remote);
	if (fd < 0)
		return fd;
	err = leg_open(leg, fd);
	if (err) {
		if (!leg->bev)
			close(fd);
		return err;
	}
	return bufferevent_socket_connect(leg->bev, (struct sockaddr *)&ss, len) ? -EIO : 0;
}

/* Whose connection is it? Known once the first message is there; and then it can go on. */
static int identify(struct tcp_conn *c, struct view message)
{
	struct tcp_proxy *t = c->proxy;

	if (!c->identified && message.n) {
		c->identified = true;
		t->env.identify(&c->way, message, t->env.arg);
	}
	return c->leg[!c->opener].bev ? 0 : go_on(c);
}

int tcp_relay_begin(struct tcp_conn *c, int fd)
{
	struct tcp_leg *leg = &c->leg[c->opener];
	int err = tcp_socket_setup(fd);

	if (!err)
		err = leg_open(leg, fd);
	leg->connected = !err;
	if (err || c->opener == TCP_INSIDE)
		return err;
	/* opened from outside: where it leads to is known */
	c->identified = true;
	return go_on(c);
}

enum took { TOOK_SOME, TOOK_NOTHING, TOOK_LEAVE };

/* Nobody reads it, so nobody is judged by what it says: only where the operator has said so. */
static enum took opaque(struct tcp_leg *leg, size_t n)
{
	struct tcp_conn *c = leg->conn;
	struct tcp_proxy *t = c->proxy;

	if (!leg->opaque &&
	    !t->env.opaque(&c->way, side_of(leg) == TCP_INSIDE, n, leg->framer.why, t->env.arg)) {
		tcp_conn_reset(c);
		return TOOK_LEAVE;
	}
	leg->opaque = true;
	tcp_conn_spoke(c);
	leg->partial_ns = 0;
	if (identify(c, VIEW_NONE)) {
		tcp_conn_reset(c);
		return TOOK_LEAVE;
	}
	bufferevent_write_buffer(other(leg)->bev, bufferevent_get_input(leg->bev));
	return TOOK_SOME;
}

static enum took take_message(struct tcp_leg *leg, struct view message)
{
	struct tcp_conn *c = leg->conn;
	struct tcp_proxy *t = c->proxy;

	if (identify(c, message)) {
		tcp_conn_reset(c);
		return TOOK_LEAVE;
	}
	tcp_conn_spoke(c);
	t->env.message(&c->way, c->id, side_of(leg) == TCP_INSIDE, message, t->env.arg);
	return TOOK_SOME;
}

/* One message, or whatever else is at the head of the input. */
static enum took take(struct tcp_leg *leg)
{
	struct evbuffer *in = bufferevent_get_input(leg->bev);
	struct view v = { NULL, evbuffer_get_length(in) };
	enum took took = TOOK_SOME;
	size_t n = 0;

	if (leg->opaque)
		return opaque(leg, v.n);
	v.p = (const char *)evbuffer_pullup(in, -1);
	if (!v.p)
		return TOOK_NOTHING;
	switch (sip_frame_next(&leg->framer, v, &n)) {
	case SIP_FRAME_MORE: return TOOK_NOTHING;
	case SIP_FRAME_BAD: return opaque(leg, v.n);
	case SIP_FRAME_WHOLE: took = take_message(leg, (struct view){ v.p, n }); break;
	case SIP_FRAME_KEEP_ALIVE:
		/* before the first message there is nobody whom they could reach */
		if (other(leg)->bev)
			bufferevent_write(other(leg)->bev, v.p, n);
		break;
	}
	if (took == TOOK_LEAVE)
		return took;
	evbuffer_drain(in, n);
	leg->partial_ns = 0;
	return took;
}

/* A side has ended: what is out for the other one, then its end. */
static void pass_end(struct tcp_leg *from)
{
	struct tcp_leg *to = other(from);
	struct tcp_conn *c = from->conn;

	if (!to->bev) {
		tcp_conn_free(c);
		return;
	}
	if (!to->connected || output_n(to))
		return; /* on_write() comes back to it */
	if (!to->shut) {
		to->shut = true;
		shutdown(bufferevent_getfd(to->bev), SHUT_WR);
	}
	if (to->eof && !output_n(from))
		tcp_conn_free(c);
}

/* Everything that is there. May free the connection. */
static void pump(struct tcp_leg *leg)
{
	struct tcp_leg *to = other(leg);
	enum took took = TOOK_SOME;

	while (took == TOOK_SOME && input_n(leg)) {
		if (to->bev && output_n(to) > OUT_MAX) {
			leg->stalled = true;
			bufferevent_disable(leg->bev, EV_READ);
			return;
		}
		took = take(leg);
	}
	if (took == TOOK_LEAVE)
		return;
	if (input_n(leg) && !leg->partial_ns)
		leg->partial_ns = clock_now_ns();
	if (leg->eof)
		pass_end(leg);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	pump(arg);
}

/* The buffer of this leg is empty. */
static void on_write(struct bufferevent *bev, void *arg)
{
	struct tcp_leg *leg = arg, *from = other(leg);

	leg->blocked_ns = 0;
	if (!from->bev)
		return;
	if (from->stalled) {
		from->stalled = false;
		if (!from->eof)
			bufferevent_enable(from->bev, EV_READ);
		pump(from);
	} else if (from->eof) {
		pass_end(from);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct tcp_leg *leg = arg;

	if (what & BEV_EVENT_CONNECTED) {
		leg->connected = true;
		if (other(leg)->eof && !output_n(leg))
			pass_end(other(leg));
		return;
	}
	if (what & BEV_EVENT_EOF) {
		leg->eof = true;
		if (!leg->conn->closing_ns)
			leg->conn->closing_ns = clock_now_ns();
		if (!leg->stalled)
			pump(leg);
		return;
	}
	tcp_conn_reset(leg->conn);
}

/* A tick's time may be before what it has just begun. */
static bool past(uint64_t since_ns, uint64_t now_ns, uint64_t limit_ns)
{
	return (int64_t)(now_ns - since_ns) > (int64_t)limit_ns;
}

/* Nothing goes out although something waits. */
static bool blocked(struct tcp_leg *leg, uint64_t now_ns)
{
	size_t n = leg->bev ? output_n(leg) : 0;

	if (!n || !leg->blocked_ns || n < leg->waiting) {
		leg->blocked_ns = n ? now_ns : 0;
		leg->waiting = n;
		return false;
	}
	return past(leg->blocked_ns, now_ns, TCP_BLOCKED_NS);
}

static bool leg_overdue(struct tcp_leg *leg, uint64_t now_ns)
{
	if (leg->bev && !leg->connected && past(leg->conn->since_ns, now_ns, TCP_CONNECT_NS))
		return true;
	if (leg->partial_ns && past(leg->partial_ns, now_ns, TCP_MESSAGE_NS))
		return true;
	return blocked(leg, now_ns);
}

enum rf_reason tcp_relay_overdue(struct tcp_conn *c, uint64_t now_ns)
{
	if (!c->accepted)
		return past(c->since_ns, now_ns, TCP_PENDING_NS) ? RF_R_TCP_TIMEOUT : RF_R_NONE;
	/* opened in advance, and nothing said: it goes on by whatever port, as the far side may wait */
	if (!c->leg[!c->opener].bev && past(c->since_ns, now_ns, TCP_ADVANCE_NS) && go_on(c))
		return RF_R_NO_ROUTE;
	if ((!c->spoken && past(c->since_ns, now_ns, TCP_FIRST_NS)) ||
	    leg_overdue(&c->leg[TCP_INSIDE], now_ns) || leg_overdue(&c->leg[TCP_OUTSIDE], now_ns))
		return RF_R_TCP_TIMEOUT;
	return RF_R_NONE;
}
