/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration: JSON (comments allowed) -> struct config, with every default filled in.
 * A parser: no state, no logging; mistakes are collected, each with file, line or key, and what was
 * expected.
 */
#ifndef RF_CONFIG_H
#define RF_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "rf_abi.h"

#ifndef RF_SYSCONFDIR
#define RF_SYSCONFDIR "/etc"
#endif
#define CONFIG_DEFAULT_PATH RF_SYSCONFDIR "/ringfence/ringfence.json"
#define CONFIG_DEFAULT_USER "ringfence"
#define CONFIG_BYTES_MAX    (1 << 20) /* of the file */

#define CONFIG_WANS_MAX	       8
#define CONFIG_INSIDE_MAX      64
#define CONFIG_PEERS_MAX       128
#define CONFIG_MEDIA_MAX       8
#define CONFIG_SPEAKERS_MAX    32
#define CONFIG_EXCEPTS_MAX     64
#define CONFIG_SIP_EXCEPTS_MAX 32

/* Guarded media ports unless given: clear of NodePorts and of the kernel's ephemeral ports, with room for
 * what Asterisk, FreeSWITCH and phones use by default. */
#define CONFIG_MEDIA_LO 10000
#define CONFIG_MEDIA_HI 29999

struct config_range { /* of ports, host order, inclusive; 0-0 names none */
	uint16_t lo, hi;
};

struct config_wan {
	char dev[16];
	bool public4_auto, public6_auto; /* "auto": the device's own address is the public one */
	bool has_public4, has_public6; /* configured: 1:1 cloud NAT in front of the device */
	struct rf_addr public4, public6;
	uint16_t port_lo, port_hi; /* guarded media ports, host order, inclusive; port_lo is even */
	bool ports_given; /* false: the default is in .port_lo, .port_hi */
	/* of these, what is left to others: not guarded, and given to no call */
	struct config_range excepts[CONFIG_EXCEPTS_MAX];
	uint16_t n_excepts;
};

struct config_inside {
	struct prefix prefix;
	enum rf_mode mode; /* RF_MODE_AUTO unless given */
};

struct config_peer {
	char name[32];
	struct prefix address;
	uint16_t port; /* 0: any */
	/* where its media may come from when learnt; default: address */
	struct prefix media[CONFIG_MEDIA_MAX];
	uint16_t n_media;
	bool tcp_opaque; /* its TCP connections may carry what is not SIP, unread (false) */
	bool low_ports; /* its media may be at ports below RF_LOW_PORTS */
};

/* XDP on inside devices: on those of a driver, wherever native XDP is to be had, nowhere */
enum config_xdp { CONFIG_XDP_AUTO, CONFIG_XDP_ALWAYS, CONFIG_XDP_NEVER };
enum config_learn { CONFIG_LEARN_NEVER, CONFIG_LEARN_PRIVATE, CONFIG_LEARN_ALWAYS };

#define CONFIG_CALLS_MAX 1000000

struct config {
	struct config_wan wans[CONFIG_WANS_MAX];
	uint16_t n_wans;
	struct config_inside inside[CONFIG_INSIDE_MAX];
	uint16_t n_inside;
	enum config_xdp inside_xdp;
	bool inside_given; /* false: the defaults are in .inside */
	uint16_t sip_ports[RF_SIP_PORTS_MAX];
	uint16_t n_sip_ports;
	/* public signalling ports when the own number is taken */
	uint16_t sip_public_lo, sip_public_hi;
	/* endpoints whose SIP is left to others; address ::: any, port 0: any */
	struct rf_ep sip_excepts[CONFIG_SIP_EXCEPTS_MAX];
	uint16_t n_sip_excepts;
	bool has_inbound;
	struct rf_ep inbound; /* inside host for requests that match no registration */
	/* inside hosts that may name others' media endpoints in SDP, as .inbound may */
	struct prefix media_for_others[CONFIG_SPEAKERS_MAX];
	uint16_t n_media_for_others;
	struct config_peer peers[CONFIG_PEERS_MAX];
	uint16_t n_peers;
	bool away_pass; /* when_controller_is_away: "refuse-new" (false) or "pass" (true) */
	bool inside_direct; /* from the WAN straight to private inside addresses: "drop" (false) or "pass" */
	bool unparsed_drop; /* unreadable messages: "pass" (false) or "drop" (true) */
	enum config_learn learn; /* "never", "private" (default), "always" */
	bool any_types; /* payload_types: "agreed" (false) or "any" (true); RTCP packet types too */
	uint32_t learn_window_s; /* 10 */
	uint32_t setup_timeout_s; /* 180: unanswered INVITE (RFC 3261 timer C is > 180 s) */
	uint32_t call_max_s; /* 43200: an answered call without a session timer */
	uint32_t media_idle_s; /* 300: no media either way on an active stream ends it; 0: never */
	uint32_t max_calls; /* 100000; at most CONFIG_CALLS_MAX */
	uint32_t max_bindings; /* 10000 */
	char user[32]; /* the controller's user after start; "" stays root */
};

struct config_error {
	char where[160]; /* "FILE:LINE" or "FILE: key.path" */
	char what[240]; /* found and expected */
};
struct config_errors {
	struct config_error *v;
	size_t n;
};

/* Does media of others that this inside host names open at once? */
bool config_speaks_for_others(const struct config *c, const struct rf_addr *host);

void config_defaults(struct config *c);
/* Reads a file; path NULL: the default one, whose absence gives the defaults. Returns 0, or -errno
 * (-EINVAL when there are mistakes; *c is then untouched, errors->n > 0 also when reading failed). */
int config_read(const char *path, struct config *c, struct config_errors *errors);
/* The same from memory; name stands for the file in errors. */
int config_parse(const char *name, const char *text, size_t n, struct config *c,
		 struct config_errors *errors);
void config_errors_free(struct config_errors *errors);

#endif
