/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which addresses the legs of the TCP proxy have, and which ones the other side sees: the controller's
 * own book of the kernel's map tcp_flows. A flow stays a while after its connection, so that what the
 * kernel still has to say about it finds the way, and what comes too late is answered with a reset.
 */
#ifndef RF_TCP_FLOW_H
#define RF_TCP_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"
#include "rf_abi.h"

#define TCP_FLOW_LINGER_NS \
	(150ull * 1000000000) /* longer than TIME_WAIT and the last retransmissions */
#define TCP_FLOW_UNMADE_NS \
	(65ull *           \
	 1000000000) /* of a handshake that came to nothing: the last SYN-ACK of the stack */
#define TCP_FLOW_UNMADE_MAX 4096 /* of these; the oldest goes */
#define TCP_FLOWS_KEPT_MAX  \
	(RF_TCP_FLOWS_MAX / \
	 4) /* of all that are over, so that half of the map is for connections */
#define TCP_FLOW_ADOPTED_NS \
	(3600ull * 1000000000) /* of a controller before us: its peers learn it late */

struct tcp_flow {
	/* by the kernel's keys: of RF_TCP_IN (remote, seen), of RF_TCP_OUT (remote, local) */
	struct rf_tcp_key in, out;
	void *owner; /* NULL: its connection is over */
	uint64_t ends_ns; /* then */
	bool unmade; /* and it has never been one */
	UT_hash_handle hh_in, hh_out;
	struct tcp_flow *prev, *next; /* without an owner, that which ends first in front */
};

struct tcp_flow_table {
	int map; /* fd of tcp_flows; -1: none (tests) */
	struct tcp_flow *by_in, *by_out, *over, *unmade;
	size_t n_over, n_unmade;
};

/* role: enum rf_device_role, where remote is; local: the socket's; seen: by remote. 0, -EADDRINUSE (another
 * connection has one of these), -ENOMEM, or the map's. One that is over gives way. */
int tcp_flow_add(struct tcp_flow_table *t, uint8_t role, const struct rf_ep *remote,
		 const struct rf_ep *local, const struct rf_ep *seen, void *owner,
		 struct tcp_flow **out);
/* NULL ok. Its connection is over (made: there was one): stays for a while. */
void tcp_flow_end(struct tcp_flow_table *t, struct tcp_flow *f, bool made, uint64_t now_ns);
struct tcp_flow *tcp_flow_by_seen(const struct tcp_flow_table *t, uint8_t role,
				  const struct rf_ep *remote, const struct rf_ep *seen);
struct tcp_flow *tcp_flow_by_local(const struct tcp_flow_table *t, uint8_t role,
				   const struct rf_ep *remote, const struct rf_ep *local);
/* A leg without a flow begins: none that is over may be mistaken for its own. */
void tcp_flow_clear(struct tcp_flow_table *t, uint8_t role, const struct rf_ep *remote,
		    const struct rf_ep *local);
void tcp_flow_tick(struct tcp_flow_table *t, uint64_t now_ns);
/* What a controller before us left in the map: connections that no longer are. 0 or -errno. */
int tcp_flow_adopt(struct tcp_flow_table *t, uint64_t now_ns);
/* Leaves the map as it is. */
void tcp_flow_free(struct tcp_flow_table *t);

#endif
