/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIP over TCP: the controller's sockets in the middle of each connection. The kernel side leads both
 * legs here (bpf/tcp.h), so that each end sees the other's address. A doer: who may connect, what a
 * message means and what becomes of it is asked by callbacks.
 */
#ifndef RF_TCP_PROXY_H
#define RF_TCP_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "rf_abi.h"
#include "view.h"

struct event_base;
struct tcp_proxy;

struct tcp_way { /* of one connection */
	enum rf_hook hook; /* RF_HOOK_WAN_IN: opened from outside; RF_HOOK_INSIDE_IN: from inside */
	uint32_t wan_ifindex;
	struct rf_ep src, dst; /* of the SYN, on the wire */
	/* filled in by the callbacks: */
	struct rf_addr own; /* address of this machine for the socket that goes on */
	bool peer_known; /* outside, a configured one */
	struct rf_ep peer; /* the side outside */
	struct rf_ep inside, outside; /* the inside endpoint, and what stands for it on the WAN */
	struct rf_ep shown; /* what the far side sees as source; port 0: the socket's own */
};

struct tcp_env {
	/* A SYN: RF_R_NONE, and .own, .peer_known and .peer are set; from outside .inside, .outside and .shown, too. */
	enum rf_reason (*admit)(struct tcp_way *w, void *arg);
	/* The first message of a connection from inside: .inside, .outside and .shown. */
	void (*identify)(struct tcp_way *w, struct view message, void *arg);
	/* One whole message; what is to be sent on comes by tcp_proxy_send() before this returns. */
	void (*message)(const struct tcp_way *w, uint32_t conn, bool from_inside,
			struct view message, void *arg);
	/* What this side sends is not SIP (why: a constant sentence). May it pass from here on, unread and
	 * unaltered? Otherwise the connection ends. */
	bool (*opaque)(const struct tcp_way *w, bool from_inside, size_t bytes, const char *why,
		       void *arg);
	void (*dropped)(enum rf_reason reason, uint64_t packets, uint64_t bytes, void *arg);
	void *arg;
};

/* map: fd of tcp_flows. */
int tcp_proxy_new(struct tcp_proxy **out, struct event_base *base, int map,
		  const struct tcp_env *env, struct why *w);
void tcp_proxy_free(struct tcp_proxy *t); /* NULL ok; connections end, flows stay in the map */

/* A held SYN (w: .hook, .wan_ifindex, .src, .dst). RF_R_NONE: give it back to the hook that held it. */
enum rf_reason tcp_proxy_open(struct tcp_proxy *t, const struct tcp_way *w, uint64_t now_ns);
/* 0; -ENOENT: the connection is gone. */
int tcp_proxy_send(struct tcp_proxy *t, uint32_t conn, bool to_inside, struct view message);
void tcp_proxy_tick(struct tcp_proxy *t, uint64_t now_ns); /* time limits; cheap */
size_t tcp_proxy_count(const struct tcp_proxy *t); /* connections */

#define TCP_HOLDERS 3
struct tcp_holders { /* one class of those who connect */
	const char *who;
	size_t connections, connections_max, opening, opening_max;
	struct rf_addr
		most; /* the address that has most of both: so many; of IPv6 outside, its /64 */
	size_t most_connections, most_opening;
};
void tcp_proxy_holders(const struct tcp_proxy *t, struct tcp_holders out[TCP_HOLDERS]);

#endif
