/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between tcp_proxy.c (who may connect: listeners, limits, times) and tcp_relay.c (what goes through one
 * connection).
 */
#ifndef RF_TCP_PROXY_PRIV_H
#define RF_TCP_PROXY_PRIV_H

#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "hash.h"
#include "sip_frame.h"
#include "tcp_flow.h"
#include "tcp_proxy.h"
#include "tcp_share.h"

/* Of each family and class: a client may use one port towards so many servers. The stack's queues are a
 * listener's, so strangers who fill theirs take nothing of others'. */
#define TCP_LISTENERS	  4
#define TCP_LISTENERS_ALL (2 * TCP_CLASSES * TCP_LISTENERS)

#define TCP_CONNS_MAX 4096

#define SECONDS(n)	  ((n)*1000000000ull)
#define TCP_PENDING_NS	  SECONDS(10) /* until the handshake is done */
#define TCP_CONNECT_NS	  SECONDS(30) /* until the other side has accepted */
#define TCP_ADVANCE_NS	  SECONDS(1) /* after that nobody waits for the first message any more */
#define TCP_FIRST_NS	  SECONDS(60) /* until the first message */
#define TCP_MESSAGE_NS	  SECONDS(32) /* from the first byte of a message to its last: 64*T1 */
#define TCP_BLOCKED_NS	  SECONDS(32) /* without anything being taken from us */
#define TCP_HALF_CLOSE_NS SECONDS(32) /* for the other side to close, too */

enum tcp_side { TCP_INSIDE, TCP_OUTSIDE }; /* ! of one is the other */

struct tcp_conn;

struct tcp_leg {
	struct tcp_conn *conn; /* back, for callbacks */
	struct bufferevent *bev; /* NULL: not opened */
	struct tcp_flow *flow; /* NULL: the other side sees the socket's own address */
	struct sip_framer framer;
	bool connected, eof;
	bool opaque; /* not SIP, and allowed to pass unread */
	bool stalled; /* not read from, as the other leg's buffer is full */
	bool shut; /* we have said that no more comes */
	uint64_t partial_ns; /* since then a message is on its way; 0: none */
	uint64_t blocked_ns; /* since then nothing was taken from its buffer; 0: nothing waits */
	size_t waiting; /* bytes in it, then */
};

struct tcp_conn {
	struct tcp_proxy *proxy;
	uint32_t id;
	struct tcp_way way;
	enum tcp_side opener;
	struct tcp_leg leg[2]; /* by enum tcp_side */
	struct tcp_claim claim;
	bool accepted, identified;
	bool spoken; /* a whole message has come by */
	uint64_t since_ns; /* opened, then accepted */
	uint64_t closing_ns; /* since then one side has ended; 0: none */
	UT_hash_handle hh;
};

struct tcp_proxy {
	struct tcp_env env;
	struct event_base *base;
	struct tcp_flow_table flows;
	struct evconnlistener *listener[TCP_LISTENERS_ALL];
	size_t n_listeners;
	__be16 port[2][TCP_CLASSES][TCP_LISTENERS]; /* of IPv4, IPv6; 0: none */
	struct tcp_conn *conns;
	struct tcp_shares shares;
	uint32_t next_id;
	uint64_t next_tick_ns;
	bool paused; /* out of descriptors */
	struct log_limit limit;
};

/* tcp_proxy.c */
void tcp_conn_free(struct tcp_conn *c); /* both sides orderly */
void tcp_conn_reset(struct tcp_conn *c); /* both sides by RST */
int tcp_socket_setup(int fd); /* keep-alive and the like */
void tcp_conn_spoke(struct tcp_conn *c); /* something whole has come by: from now on it stays */

/* tcp_relay.c */
/* The side that opened it is there, by fd. 0 or -errno; fd is the connection's once that side has a .bev. */
int tcp_relay_begin(struct tcp_conn *c, int fd);
/* Is it past one of its times? Then the reason. */
enum rf_reason tcp_relay_overdue(struct tcp_conn *c, uint64_t now_ns);

#endif
