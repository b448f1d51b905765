// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners at ports that nobody needs to know, as the kernel side leads there whom we let in: one who
 * comes by himself has no flow, and is reset. Limits on how many, and on how long anything may take.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "tcp_proxy_priv.h"

#define BACKLOG	     512
#define OTHER_FDS    256 /* of the process, besides connections */
#define TICK_NS	     SECONDS(1)
#define REPORT_NS    SECONDS(5)
#define KEEP_IDLE_S  60 /* a dead end is noticed within two minutes */
#define KEEP_EVERY_S 15
#define KEEP_TRIES   4

int tcp_socket_setup(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEP_TRIES },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)))
			return -errno;
	return 0;
}

/* Closing such a socket sends RST, as its other side's end was no orderly one either. */
static void reset_on_close(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* ---- connections ---- */

static enum tcp_class class_of(const struct tcp_way *w)
{
	if (w->hook != RF_HOOK_WAN_IN)
		return TCP_FROM_INSIDE;
	return w->peer_known ? TCP_FROM_PEER : TCP_FROM_STRANGER;
}

void tcp_conn_free(struct tcp_conn *c)
{
	struct tcp_proxy *t = c->proxy;
	uint64_t now = clock_now_ns();
	int i;

	for (i = 0; i < 2; i++) {
		if (c->leg[i].bev)
			bufferevent_free(c->leg[i].bev);
		tcp_flow_end(&t->flows, c->leg[i].flow, c->accepted, now);
	}
	tcp_share_leave(&t->shares, &c->claim);
	HASH_DELETE(hh, t->conns, c);
	free(c);
}

void tcp_conn_reset(struct tcp_conn *c)
{
	int i;

	for (i = 0; i < 2; i++)
		if (c->leg[i].bev)
			reset_on_close(bufferevent_getfd(c->leg[i].bev));
	tcp_conn_free(c);
}

void tcp_conn_spoke(struct tcp_conn *c)
{
	c->spoken = true;
	tcp_share_move(&c->proxy->shares, &c->claim, TCP_TALKS, clock_now_ns());
}

static struct tcp_conn *conn_new(struct tcp_proxy *t, const struct tcp_way *w, uint64_t now_ns)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));
	int i;

	if (c)
		do
			c->id = ++t->next_id;
		while (!c->id);
	if (!c || !hash_add(hh, t->conns, id, sizeof(c->id), c)) {
		free(c);
		return NULL;
	}
	if (tcp_share_join(&t->shares, &c->claim, class_of(w), &w->src.addr, now_ns)) {
		HASH_DELETE(hh, t->conns, c);
		free(c);
		return NULL;
	}
	c->proxy = t;
	c->way = *w;
	c->opener = w->hook == RF_HOOK_WAN_IN ? TCP_OUTSIDE : TCP_INSIDE;
	c->since_ns = now_ns;
	for (i = 0; i < 2; i++)
		c->leg[i].conn = c;
	return c;
}

/* False: there is none, and c has to go. */
static bool make_room(struct tcp_proxy *t, struct tcp_conn *c, uint64_t now_ns)
{
	struct tcp_claim *claim;
	enum tcp_room room;

	while ((room = tcp_share_room(&t->shares, &c->claim, now_ns, &claim)) == TCP_GIVES_WAY) {
		struct tcp_conn *v = (void *)((char *)claim - offsetof(struct tcp_conn, claim));

		t->env.dropped(RF_R_TCP_LIMIT, 1, 0, t->env.arg);
		tcp_conn_reset(v);
	}
	return room == TCP_ROOM;
}

/* One of our ports that this client does not use yet. */
static int flow_for(struct tcp_proxy *t, struct tcp_conn *c)
{
	uint8_t role = c->opener == TCP_OUTSIDE ? RF_DEV_WAN : RF_DEV_INSIDE;
	bool v4 = addr_is_v4(&c->way.src.addr);
	int i, err = -EAFNOSUPPORT;

	for (i = 0; i < TCP_LISTENERS; i++) {
		struct rf_ep local = { .addr = c->way.own,
				       .port = t->port[!v4][c->claim.class][i] };

		if (!local.port)
			break;
		err = tcp_flow_add(&t->flows, role, &c->way.src, &local, &c->way.dst, c,
				   &c->leg[c->opener].flow);
		if (err != -EADDRINUSE)
			break;
	}
	return err;
}

enum rf_reason tcp_proxy_open(struct tcp_proxy *t, const struct tcp_way *asked, uint64_t now_ns)
{
	uint8_t role = asked->hook == RF_HOOK_WAN_IN ? RF_DEV_WAN : RF_DEV_INSIDE;
	struct tcp_flow *f = tcp_flow_by_seen(&t->flows, role, &asked->src, &asked->dst);
	struct tcp_way w = *asked;
	struct tcp_conn *c;
	enum rf_reason r;

	/* Once more, or of a connection that is there: the stack knows what to answer. */
	if (f && f->owner)
		return RF_R_NONE;
	r = t->env.admit(&w, t->env.arg);
	if (r != RF_R_NONE)
		return r;
	c = conn_new(t, &w, now_ns);
	if (!c)
		return RF_R_TCP_LIMIT;
	if (make_room(t, c, now_ns) && !flow_for(t, c))
		return RF_R_NONE;
	tcp_conn_free(c);
	return RF_R_TCP_LIMIT;
}

int tcp_proxy_send(struct tcp_proxy *t, uint32_t conn, bool to_inside, struct view message)
{
	struct tcp_conn *c;
	struct tcp_leg *leg;

	HASH_FIND(hh, t->conns, &conn, sizeof(conn), c);
	if (!c)
		return -ENOENT;
	leg = &c->leg[to_inside ? TCP_INSIDE : TCP_OUTSIDE];
	if (!leg->bev || leg->shut)
		return -ENOENT;
	return bufferevent_write(leg->bev, message.p, message.n) ? -ENOMEM : 0;
}

/* ---- listeners ---- */

static struct tcp_conn *expected(struct tcp_proxy *t, int fd, const struct sockaddr *from)
{
	static const uint8_t roles[] = { RF_DEV_INSIDE, RF_DEV_WAN };
	struct rf_ep remote, local;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct tcp_conn *c;
	size_t i;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) ||
	    addr_from_sockaddr((struct sockaddr *)&ss, &local) || addr_from_sockaddr(from, &remote))
		return NULL;
	for (i = 0; i < sizeof(roles); i++) {
		const struct tcp_flow *f = tcp_flow_by_local(&t->flows, roles[i], &remote, &local);

		c = f ? f->owner : NULL;
		if (c && !c->accepted && f == c->leg[c->opener].flow)
			return c;
	}
	return NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
		      int len, void *arg)
{
	struct tcp_proxy *t = arg;
	struct tcp_conn *c = expected(t, fd, from);

	if (!c) {
		reset_on_close(fd);
		close(fd);
		return;
	}
	c->accepted = true;
	c->since_ns = clock_now_ns();
	if (tcp_share_move(&t->shares, &c->claim, TCP_SILENT, c->since_ns) ||
	    !make_room(t, c, c->since_ns)) {
		reset_on_close(fd);
		close(fd);
		t->env.dropped(RF_R_TCP_LIMIT, 1, 0, t->env.arg);
		tcp_conn_reset(c);
		return;
	}
	if (!tcp_relay_begin(c, fd))
		return;
	if (!c->leg[c->opener].bev) {
		reset_on_close(fd);
		close(fd);
	}
	t->env.dropped(RF_R_NO_ROUTE, 1, 0, t->env.arg);
	tcp_conn_reset(c);
}

static void pause_all(struct tcp_proxy *t, bool pause)
{
	size_t i;

	t->paused = pause;
	for (i = 0; i < t->n_listeners; i++)
		pause ? evconnlistener_disable(t->listener[i])
		      : evconnlistener_enable(t->listener[i]);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct tcp_proxy *t = arg;
	uint32_t left_out;
	int err = errno;

	if (log_limit_ok(&t->limit, clock_now_ns(), &left_out))
		log_warning("cannot accept SIP connections: %s (%u more like this)", strerror(err),
			    left_out);
	pause_all(t, true); /* until the next tick */
}

static int listen_on(struct tcp_proxy *t, bool v6, __be16 *port)
{
	struct evconnlistener **listener = &t->listener[t->n_listeners];
	struct rf_ep ep = { 0 };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, err = 0, one = 1;

	if (!v6)
		ep.addr = addr_from_v4(INADDR_ANY);
	len = ep_to_sockaddr(&ep, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if ((v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    bind(fd, (struct sockaddr *)&ss, len) || getsockname(fd, (struct sockaddr *)&ss, &len))
		err = -errno;
	if (!err)
		err = addr_from_sockaddr((struct sockaddr *)&ss, &ep);
	if (!err) {
		*listener = evconnlistener_new(t->base, on_accept, t,
					       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					       BACKLOG, fd);
		if (!*listener)
			err = errno ? -errno : -ENOMEM;
	}
	if (err) {
		close(fd);
		return err;
	}
	evconnlistener_set_error_cb(*listener, on_accept_error);
	t->n_listeners++;
	*port = ep.port;
	return 0;
}

static int listen_all(struct tcp_proxy *t)
{
	int i, v6, err;

	for (v6 = 0; v6 < 2; v6++)
		for (i = 0; i < TCP_CLASSES * TCP_LISTENERS; i++) {
			err = listen_on(t, v6, &t->port[v6][i / TCP_LISTENERS][i % TCP_LISTENERS]);
			if (v6 && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL))
				return 0; /* a kernel without IPv6 */
			if (err)
				return err;
		}
	return 0;
}

/* ---- start, time and end ---- */

/* As many as there are descriptors for, two each. */
static size_t conns_max(void)
{
	struct rlimit r;
	size_t n;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return 256;
	if (r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
		getrlimit(RLIMIT_NOFILE, &r);
	}
	n = r.rlim_cur > OTHER_FDS + 64 ? (r.rlim_cur - OTHER_FDS) / 2 : 32;
	return n < TCP_CONNS_MAX ? n : TCP_CONNS_MAX;
}

int tcp_proxy_new(struct tcp_proxy **out, struct event_base *base, int map,
		  const struct tcp_env *env, struct why *w)
{
	struct tcp_proxy *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return why_set(w, -ENOMEM, "out of memory");
	t->env = *env;
	t->base = base;
	t->flows.map = map;
	t->shares.max = conns_max();
	t->limit.interval_ns = REPORT_NS;
	err = tcp_flow_adopt(&t->flows, clock_now_ns());
	if (!err)
		err = listen_all(t);
	if (err) {
		tcp_proxy_free(t);
		return why_set(w, err, "cannot listen for SIP over TCP: %s", strerror(-err));
	}
	*out = t;
	return 0;
}

void tcp_proxy_free(struct tcp_proxy *t)
{
	struct tcp_conn *c, *tmp;
	size_t i;

	if (!t)
		return;
	HASH_ITER (hh, t->conns, c, tmp)
		tcp_conn_free(c);
	tcp_share_free(&t->shares);
	for (i = 0; i < t->n_listeners; i++)
		evconnlistener_free(t->listener[i]);
	tcp_flow_free(&t->flows);
	free(t);
}

void tcp_proxy_tick(struct tcp_proxy *t, uint64_t now_ns)
{
	struct tcp_conn *c, *tmp;
	enum rf_reason r;

	if (now_ns < t->next_tick_ns)
		return;
	t->next_tick_ns = now_ns + TICK_NS;
	if (t->paused)
		pause_all(t, false);
	HASH_ITER (hh, t->conns, c, tmp) {
		if (c->closing_ns && now_ns - c->closing_ns > TCP_HALF_CLOSE_NS) {
			tcp_conn_free(c);
			continue;
		}
		r = tcp_relay_overdue(c, now_ns);
		if (r == RF_R_NONE)
			continue;
		t->env.dropped(r, 1, 0, t->env.arg);
		tcp_conn_reset(c);
	}
	tcp_flow_tick(&t->flows, now_ns);
}

size_t tcp_proxy_count(const struct tcp_proxy *t)
{
	size_t n = HASH_COUNT(t->conns);

	for (int i = 0; i < TCP_CLASSES; i++)
		n -= t->shares.class[i].n[TCP_OPENING];
	return n;
}

void tcp_proxy_holders(const struct tcp_proxy *t, struct tcp_holders out[TCP_HOLDERS])
{
	_Static_assert(TCP_HOLDERS == TCP_CLASSES, "struct tcp_holders");

	for (int i = 0; i < TCP_CLASSES; i++) {
		const struct tcp_source *most = tcp_share_most(&t->shares, i);
		const size_t *n = t->shares.class[i].n;

		out[i] = (struct tcp_holders){
			.who = tcp_class_name(i),
			.connections = n[TCP_SILENT] + n[TCP_TALKS],
			.connections_max = tcp_share_class_max(&t->shares, i, TCP_SILENT),
			.opening = n[TCP_OPENING],
			.opening_max = tcp_share_class_max(&t->shares, i, TCP_OPENING),
		};
		if (!most)
			continue;
		out[i].most = most->key.addr;
		out[i].most_connections = most->n[TCP_SILENT] + most->n[TCP_TALKS];
		out[i].most_opening = most->n[TCP_OPENING];
	}
}
