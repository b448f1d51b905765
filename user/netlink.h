/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says about links, addresses and routes, as plain structs; filters on a device; and
 * whether redirect by native XDP works. Sockets and NAT rules: netlink_nat.h.
 */
#ifndef RF_NETLINK_H
#define RF_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct nl_link {
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t master; /* 0: none */
	uint32_t lower; /* the device under this one, as of a VLAN; 0: none */
	uint16_t type; /* ARPHRD_x */
	bool up; /* IFF_UP */
	char name[16];
	char kind[16]; /* "veth", "bridge", "vlan", ...; "" for hardware */
	uint32_t xdp_prog_id; /* 0: none */
};
struct nl_addr {
	uint32_t ifindex;
	struct rf_addr addr;
	uint8_t scope; /* RT_SCOPE_x */
	bool usable; /* neither tentative nor failed */
};
struct nl_route { /* of the main table, unicast */
	uint32_t oif;
	bool via; /* by a router */
	struct prefix dst;
};

/* Arrays are malloc'ed, free() them; 0 or -errno with untouched outputs. */
int netlink_links(struct nl_link **out, size_t *n);
int netlink_addrs(struct nl_addr **out, size_t *n);
int netlink_routes(struct nl_route **out, size_t *n);

/* Device by which a packet to dst leaves; 0, or -errno. */
int netlink_route_oif(const struct rf_addr *dst, uint32_t *oif);
/* Does this error of it say that there is no route, rather than that it is not known? */
bool netlink_no_route(int err);

/* Filters on a clsact hook (parent TC_H_x). */
int netlink_count_filters(uint32_t ifindex, uint32_t parent, size_t *n);
/* Kind of the qdisc at ffff: ("clsact", "ingress"), "" when there is none. kind of 16. */
int netlink_clsact_kind(uint32_t ifindex, char *kind);

/* Does the device take frames that native XDP redirects to it? 1, 0 (also where the kernel cannot tell), or
 * -errno: not known. */
int netlink_xdp_takes_redirect(uint32_t ifindex);

/* A socket that gets readable when links, addresses, routes or XDP features change. */
struct nl_watch;
int netlink_watch(struct nl_watch **out);
int netlink_watch_fd(const struct nl_watch *w, int i); /* i = 0, 1; -1 when there is none */
bool netlink_watch_drain(struct nl_watch *w); /* reads all; was there anything? */
void netlink_watch_free(struct nl_watch *w); /* NULL ok */

#endif
