/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds how much of the TCP proxy: three classes of openers, each with a share that the others leave
 * it, and within a class each address with one of its own. Where a share is used up, whoever holds most of
 * it loses his oldest that has proven nothing yet; a connection that talks never goes. Decides only.
 */
#ifndef RF_TCP_SHARE_H
#define RF_TCP_SHARE_H

#include <stdint.h>

#include "hash.h"
#include "rf_abi.h"
#include "share.h"

#define TCP_OPENING_MAX 4096 /* handshakes: strangers half, inside hosts and peers a quarter each */
#define TCP_SILENT_MAX	128 /* connections of one address that have said nothing */
#define TCP_OPENING_MIN_NS \
	(500ull * 1000000) /* nobody loses a handshake before: a round trip or two */
#define TCP_SILENT_MIN_NS \
	(10ull * 1000000000) /* nor a connection that may still be about to speak */

enum tcp_class { TCP_FROM_INSIDE, TCP_FROM_PEER, TCP_FROM_STRANGER, TCP_CLASSES };
enum tcp_stage { TCP_OPENING, TCP_SILENT, TCP_TALKS, TCP_STAGES };

struct tcp_source { /* an address; outside, one IPv6 source has a whole /64 */
	struct tcp_source_key {
		struct rf_addr addr;
		uint32_t class;
	} key;
	uint32_t n[TCP_STAGES];
	UT_hash_handle hh;
};

struct tcp_claim { /* embedded in the connection */
	enum tcp_class class;
	enum tcp_stage stage;
	uint64_t since_ns; /* it is in that stage */
	struct tcp_source *source;
	struct share_item item; /* of its stage, until it talks */
};

struct tcp_shares { /* all zero at the beginning, but for .max */
	size_t max; /* of connections: opening ones are not among them */
	struct tcp_class_share {
		size_t n[TCP_STAGES];
		struct share by_host[TCP_TALKS];
	} class[TCP_CLASSES];
	struct tcp_source *sources;
};

enum tcp_room { TCP_ROOM, TCP_GIVES_WAY, TCP_NO_ROOM };

/* Begins as opening. 0 or -ENOMEM. */
int tcp_share_join(struct tcp_shares *s, struct tcp_claim *c, enum tcp_class class,
		   const struct rf_addr *from, uint64_t now_ns);
void tcp_share_leave(struct tcp_shares *s, struct tcp_claim *c);
/* To the next stage. 0, or -ENOMEM: it is to be ended. */
int tcp_share_move(struct tcp_shares *s, struct tcp_claim *c, enum tcp_stage to, uint64_t now_ns);

void tcp_share_free(struct tcp_shares *s); /* once all have left */

/* c has just joined or moved. TCP_GIVES_WAY: *out has to leave, then ask again; TCP_NO_ROOM: c itself. */
enum tcp_room tcp_share_room(const struct tcp_shares *s, const struct tcp_claim *c, uint64_t now_ns,
			     struct tcp_claim **out);

const char *tcp_class_name(enum tcp_class class);
/* May hold: opening ones, or else connections. */
size_t tcp_share_class_max(const struct tcp_shares *s, enum tcp_class class, enum tcp_stage stage);
/* The address of that class with most of both; NULL: none. */
const struct tcp_source *tcp_share_most(const struct tcp_shares *s, enum tcp_class class);

#endif
