/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signalling bindings: each inside SIP endpoint has one endpoint on the WAN's wire, as a NAT would
 * give it (RFC 4787 REQ-1: one for all destinations). In modes host and routed both are the same;
 * the binding then only says that this port carries signalling. A decider: time is passed in.
 */
#ifndef RF_BINDING_H
#define RF_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "action.h"
#include "config.h"
#include "expiry.h"
#include "hash.h"
#include "sip_msg.h"
#include "topology.h"
#include "wan_names.h"

#define BINDING_LIFE_NS (300ull * 1000000000) /* after the last message from inside */
#define BINDING_NEW_NS	(32ull * 1000000000) /* the same, while nobody outside has answered: 64*T1 */
#define BINDING_NEW_MAX 32 /* unanswered ones of one inside address: the oldest gives way */

/* Where an inside endpoint may write its own address; how it does is kept per role, so that what it
 * wrote can be put back exactly. */
enum binding_role {
	BINDING_VIA = 1 << 0, /* Via sent-by */
	BINDING_CONTACT = 1 << 1, /* Contact, and so the Request-URI of what comes back */
	BINDING_ROUTE = 1 << 2, /* Record-Route, Route, Path, Service-Route */
	BINDING_TARGET = 1 << 3, /* Request-URI of its own requests, Refer-To, Warning */
};

struct binding {
	uint32_t id; /* never reused; also the id of the signalling port in the kernel */
	/* The WAN between both: with either it is a key that is hashed as bytes. */
	struct rf_ep inside;
	uint32_t wan_ifindex;
	struct rf_ep outside; /* on the WAN's wire; see binding_public() for the text */
	enum rf_mode mode; /* HOST, ROUTED or NAT */
	bool of_range; /* its port is of sip.public_ports */
	bool is_static; /* `inbound` of the configuration: never expires */
	uint8_t portless; /* enum binding_role bits: written without a port (5060 is meant) */
	uint8_t own_public; /* enum binding_role bits: the endpoint writes our public address itself */
	/* The inside address as its host writes it where that is not addr_uri_text() (IPv6 has many
	 * spellings); "" otherwise. */
	char inside_text[ADDR_TEXT_MAX];
	struct expiry expiry; /* .until_ns is when it ends */
	/* private: */
	bool unset; /* the kernel does not know it */
	bool answered; /* somebody outside that may speak to it did */
	uint64_t asked_ns; /* binding_get() last gave it */
	struct binding_table *table;
	struct binding_host *host;
	struct binding *prev, *next; /* unanswered ones, the one that waits longest first: all, */
	struct binding *host_prev, *host_next; /* and those of the host */
	UT_hash_handle hh_id, hh_inside, hh_outside;
};

struct binding_table;

/* next_id is shared with the other users of pinhole ids; it must outlive the table. c gives the port
 * range and the limit, and is read now only. NULL when out of memory. */
struct binding_table *binding_table_new(const struct config *c, uint32_t *next_id);
void binding_table_free(struct binding_table *t);
/* By which name a WAN device stands in records; must outlive the table. NULL: by none. */
void binding_table_wans(struct binding_table *t, struct wan_names *names);
/* WAN devices have other numbers: bindings go with theirs. */
void binding_moved(struct binding_table *t, const struct wan_moves *moves, struct action_list *out);
/* New limits; bindings that exist stay. */
void binding_reconfigure(struct binding_table *t, const struct config *c);

/*
 * Finds or creates the binding of an inside endpoint for a WAN, and keeps it alive for
 * binding_life(). Where there is no room for a new one, one that nobody has answered gives way, the
 * same address's first, but none that was asked for at the same now_ns. RF_R_NONE and *b; SIP_NO_PORTS, SIP_LIMIT, SIP_NO_INSIDE (address is neither
 * inside nor local) or NO_ROUTE (the WAN has no address of that family): *b is untouched.
 * A new one adds ACT_SIGNAL_SET and ACT_SAVE.
 */
enum rf_reason binding_get(struct binding_table *t, const struct topology *topo,
			   uint32_t wan_ifindex, const struct rf_ep *inside, uint64_t now_ns,
			   struct action_list *out, struct binding **b);

struct binding *binding_by_inside(const struct binding_table *t, uint32_t wan_ifindex,
				  const struct rf_ep *inside);
/* outside: on the wire. */
struct binding *binding_by_outside(const struct binding_table *t, uint32_t wan_ifindex,
				   const struct rf_ep *outside);
struct binding *binding_by_id(const struct binding_table *t, uint32_t id);
size_t binding_count(const struct binding_table *t);

/* The binding's endpoint as it stands in signalling (1:1 cloud NAT: not the one on the wire). */
struct rf_ep binding_public(const struct topology *topo, const struct binding *b);
/* The binding that a token of a message on this WAN means, as the inside or as the outside writes
 * it; no port means 5060. NULL when it is none of ours. */
struct binding *binding_by_token(const struct binding_table *t, const struct topology_wan *wan,
				 const struct sip_hostport *hp);

static inline uint64_t binding_life(const struct binding *b)
{
	return b->answered ? BINDING_LIFE_NS : BINDING_NEW_NS;
}

/* Somebody outside who may has spoken to it. */
void binding_answered(struct binding_table *t, struct binding *b, uint64_t now_ns);
/* Keeps it at least until then. Not journaled each time: a restored binding lives a full
 * BINDING_LIFE_NS, and calls and registrations touch theirs again. */
void binding_touch(struct binding *b, uint64_t until_ns);
/* Its signalling port could not be set: the next message of it asks again. */
void binding_failed(struct binding_table *t, uint32_t id);
void binding_tick(struct binding_table *t, uint64_t now_ns, struct action_list *out);
/* At the start and after each change: closes bindings whose WAN or mode is no more or whose wire address
 * is another one (not: none for now),
 * and sees to the static ones (inbound, on every WAN with an address of its family; NULL: none). */
void binding_topology(struct binding_table *t, const struct topology *topo,
		      const struct rf_ep *inbound, uint64_t now_ns, struct action_list *out);

/* One RECORD_BINDING; 0 or -EINVAL. *next_id is raised above its id. */
int binding_restore(struct binding_table *t, uint32_t id, struct view bytes, uint64_t now_ns);
/* Asks for every signalling port again. */
void binding_save_all(struct binding_table *t, struct action_list *out);
void binding_restored(struct binding_table *t, struct action_list *out);

/* Notes how b's endpoint wrote itself in this role: with or without a port, its inside address in
 * which spelling, or (own_public) our public address. Adds ACT_SAVE when that is news. */
void binding_style(struct binding *b, enum binding_role role, const struct sip_hostport *hp,
		   bool own_public, struct action_list *out);

#endif
