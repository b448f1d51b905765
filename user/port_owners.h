/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who else has UDP ports of this host unasked: sockets that are bound and connected to nobody, and NAT rules that
 * give a port away. Nothing of theirs can be told from media, so that the operator has to name it.
 */
#ifndef RF_PORT_OWNERS_H
#define RF_PORT_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct config;
struct datapath;

enum port_owner_kind {
	PORT_OWNER_SOCKET,
	PORT_OWNER_DNAT, /* .to: the new destination, as far as the rule says it */
	PORT_OWNER_RULE, /* of a table "nat", that hands the port on to another chain (kube-proxy's NodePorts) */
};

struct port_owner {
	enum port_owner_kind kind;
	uint16_t lo, hi; /* host order, inclusive */
	struct rf_addr at; /* its address; :: any */
	struct rf_ep to;
	uint32_t ifindex; /* of port_owners_guarded(): the WAN device */
	bool sip; /* a SIP port, else one of the media ports */
};

/* Those of a guarded port that is not excepted and is no call's; sorted, neighbours in one. A SIP port only if a rule
 * gives it to a host that it is not given to by us. c: may be NULL; else its sip.inbound counts. Rules of
 * iptables-legacy, and of nftables sets and maps, are not seen; *rules_err: 0, or why no rule is. malloc'ed; 0 or -errno. */
int port_owners_guarded(const struct datapath *dp, const struct config *c, struct port_owner **out,
			size_t *n, int *rules_err);

#define PORT_OWNER_TEXT_MAX 400
/* What it is, and the line of the configuration that leaves it alone. dev: its WAN device's name. Returns buf. */
const char *port_owner_text(const struct port_owner *o, const char *dev,
			    char buf[PORT_OWNER_TEXT_MAX]);

#endif
