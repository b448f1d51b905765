/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where an address lies: on this machine, inside, or outside; and in which mode an inside host is
 * served. Pure look-ups in a description that the doers keep up to date.
 */
#ifndef RF_TOPOLOGY_H
#define RF_TOPOLOGY_H

#include "addr.h"
#include "config.h"

#define TOPOLOGY_LOCALS_MAX 1024
#define TOPOLOGY_NETS_MAX   1024

struct topology_wan {
	uint32_t ifindex;
	char name[16];
	bool has4, has6;
	struct rf_addr wire4, wire6; /* addresses on the wire */
	struct rf_addr public4,
		public6; /* what stands in signalling; equal to wire without cloud NAT */
	uint16_t port_lo, port_hi; /* guarded media ports, host order */
	struct config_range excepts[CONFIG_EXCEPTS_MAX]; /* of these, those of others */
	uint16_t n_excepts;
};

/* Where the kernel side guards media ports: an address of a WAN device, or a prefix of inside hosts. */
struct topology_guard {
	struct prefix prefix;
	uint32_t
		ifindex; /* of the WAN device; 0: an inside prefix, for the routed ones of its hosts */
	enum rf_mode mode; /* of the inside prefix */
	uint16_t lo, hi; /* host order, inclusive */
};
#define TOPOLOGY_GUARDS_MAX (RF_GUARDS_MAX + CONFIG_INSIDE_MAX)

struct topology {
	struct topology_wan wans[CONFIG_WANS_MAX];
	uint16_t n_wans;
	struct config_inside inside[CONFIG_INSIDE_MAX];
	uint16_t n_inside;
	struct rf_addr locals[TOPOLOGY_LOCALS_MAX]; /* every address of this machine */
	uint16_t n_locals;
	struct prefix
		nets[TOPOLOGY_NETS_MAX]; /* IPv4 networks of known extent: connected, or inside */
	uint16_t n_nets;
	bool locals_full, nets_full; /* there are more than were taken */
	struct topology_guard guards[TOPOLOGY_GUARDS_MAX];
	uint16_t n_guards; /* 0: not known */
};

/* What it does not know for want of room, and what that means; NULL: nothing. */
const char *topology_lacks(const struct topology *t);

bool topology_is_local(const struct topology *t, const struct rf_addr *a);
/* Of an inside prefix or one of .nets: its broadcast address, or its own (RFC 1812 4.2.3.1). */
bool topology_is_broadcast(const struct topology *t, const struct rf_addr *a);
/* In an inside prefix (longest match) and not an address of a WAN device. */
bool topology_is_inside(const struct topology *t, const struct rf_addr *a);
/* The mode in which an inside (or local) host is served; RF_MODE_AUTO when a is outside. */
enum rf_mode topology_mode(const struct topology *t, const struct rf_addr *a);
/* The guard of media to this address, as rf_guarded() of the kernel side finds it; NULL: there is none. */
const struct topology_guard *topology_guard(const struct topology *t, const struct rf_addr *a);
/* WAN by ifindex, or by one of its wire or public addresses; NULL when there is none. */
const struct topology_wan *topology_wan_by_index(const struct topology *t, uint32_t ifindex);
const struct topology_wan *topology_wan_by_addr(const struct topology *t, const struct rf_addr *a);
/* The WAN's wire/public address of the family of like; NULL when it has none. */
const struct rf_addr *topology_wire(const struct topology_wan *w, const struct rf_addr *like);
const struct rf_addr *topology_public(const struct topology_wan *w, const struct rf_addr *like);

#endif
