/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is shown of a call and of a registration: the engine fills these records while it walks its
 * state, the commands join them with what the kernel counted. Strings live during the callback.
 * Times are nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef RF_SHOW_CALL_H
#define RF_SHOW_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf_abi.h"

struct show_media { /* one pinhole */
	unsigned int stream; /* index of the m-line */
	bool rtcp;
	const char *media; /* "audio" */
	const char *codec; /* "PCMU"; NULL: unknown */
	const char *
		direction; /* "sendrecv", "sendonly", "recvonly", "inactive": as the inside host sees it */
	uint32_t pinhole_id;
	struct rf_ep outside, inside;
	struct rf_ep remotes[RF_REMOTES_MAX];
	unsigned int n_remotes;
	bool learn;
};

#define SHOW_BLOCKS_MAX 16

struct show_call {
	uint32_t id, wan_ifindex;
	const char *call_id, *from, *to;
	const char *state; /* "early", "talking", "held", "ending" */
	const char *direction; /* "out": from inside to the WAN, "in" */
	const char *mode; /* "nat", "routed", "host" */
	struct rf_ep inside_signalling, outside_signalling, remote_signalling;
	uint64_t since_ns;
	uint64_t answered_ns; /* 0: not yet */
	uint64_t deadline_ns;
	struct show_media *media;
	size_t n_media;
	const char *const *blocks; /* sentences: why media has no pinhole, or not yet */
	size_t n_blocks;
	bool last_opens; /* the last of them holds only while a pinhole waits for a packet out */
};

struct show_registration {
	const char *aor;
	struct rf_ep inside, outside, registrar;
	const char *contact;
	uint64_t since_ns;
	uint64_t expires_ns; /* the moment, not the interval */
};

/* A table that many share, and who holds most of it. */
struct show_share {
	const char *table; /* "calls", "media_ports", ... */
	struct rf_addr of; /* media_ports: the public address on the wire; any: no such */
	size_t held, max; /* max 0: not known */
	size_t strangers; /* of .held: of all whom nobody configured, and who are no registrars */
	const char *
		kind; /* of who holds most: "inside", "peer", "stranger"; NULL: nobody has anything */
	struct rf_addr most; /* a configured peer: of its prefix; IPv6 outside: of the /64 */
	size_t most_held;
	uint64_t gave_way, refused; /* since the controller started */
};

typedef void (*show_share_fn)(const struct show_share *s, void *arg);
typedef void (*show_call_fn)(const struct show_call *call, void *arg);
typedef void (*show_registration_fn)(const struct show_registration *registration, void *arg);

#endif
