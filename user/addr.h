/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses: text <-> struct rf_addr, prefixes, and which kind of address one is. No I/O, no DNS.
 */
#ifndef RF_ADDR_H
#define RF_ADDR_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rf_abi.h"
#include "view.h"

#define ADDR_TEXT_MAX 48 /* "[" INET6 "]" NUL */
#define EP_TEXT_MAX   56

struct prefix {
	struct rf_addr addr; /* host bits are zero */
	uint8_t len; /* 0..128; IPv4 prefixes are 96 + n */
};

/* The whole view must be an address: "192.0.2.1", "2001:db8::1" or "[2001:db8::1]" (no zone).
 * Returns 0, or -EINVAL and leaves *out untouched. */
int addr_parse(struct view text, struct rf_addr *out);
/* "192.0.2.1" / "2001:db8::1" (no brackets); buf of ADDR_TEXT_MAX; returns buf. */
const char *addr_text(const struct rf_addr *a, char *buf);
/* As it stands in a URI or host port: IPv6 in brackets. */
const char *addr_uri_text(const struct rf_addr *a, char *buf);
/* "192.0.2.1:5060" / "[2001:db8::1]:5060"; buf of EP_TEXT_MAX; returns buf. */
const char *ep_text(const struct rf_ep *ep, char *buf);
/* "ADDR:PORT" / "[ADDR6]:PORT"; 0 or -EINVAL. */
int ep_parse(struct view text, struct rf_ep *out);
/* "ADDR" or "ADDR/LEN"; host bits must be zero, else -EDOM; -EINVAL when unreadable. */
int prefix_parse(struct view text, struct prefix *out);
const char *prefix_text(const struct prefix *p, char *buf); /* buf of ADDR_TEXT_MAX + 4 */

struct rf_addr addr_from_v4(__be32 v4);
struct rf_addr addr_from_v6(const struct in6_addr *v6);
int addr_from_sockaddr(const struct sockaddr *sa, struct rf_ep *out); /* -EAFNOSUPPORT */
socklen_t ep_to_sockaddr(const struct rf_ep *ep, struct sockaddr_storage *out);

bool addr_is_v4(const struct rf_addr *a); /* v4-mapped */
__be32 addr_v4(const struct rf_addr *a); /* only if addr_is_v4() */
bool addr_eq(const struct rf_addr *a, const struct rf_addr *b);
bool ep_eq(const struct rf_ep *a, const struct rf_ep *b);
bool addr_is_any(const struct rf_addr *a); /* 0.0.0.0 or :: */
bool addr_is_multicast(const struct rf_addr *a);
bool addr_is_loopback(const struct rf_addr *a);
/* 0.0.0.0/8, 240.0.0.0/4 with 255.255.255.255, ::/96: no host has it (RFC 6890). */
bool addr_is_reserved(const struct rf_addr *a);
/* RFC 1918, RFC 6598, RFC 3927, ULA, IPv6 link-local: not reachable from the outside. */
bool addr_is_private(const struct rf_addr *a);
bool prefix_has(const struct prefix *p, const struct rf_addr *a);
/* IPv4: first or last address of a network of four or more, so the network's own or its broadcast address. */
bool prefix_ends_at(const struct prefix *p, const struct rf_addr *a);

static inline struct rf_ep ep_make(struct rf_addr a, uint16_t port_host_order)
{
	return (struct rf_ep){ .addr = a, .port = htons(port_host_order) };
}

#endif
