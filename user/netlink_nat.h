/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says about UDP sockets and NAT rules of this network namespace.
 */
#ifndef RF_NETLINK_NAT_H
#define RF_NETLINK_NAT_H

#include "port_owners.h"

/* Unconnected UDP sockets, and NAT rules that name UDP ports. malloc'ed; 0 or -errno with untouched outputs.
 * *rules_err: 0, or why the rules could not be read; the sockets are there then. */
int netlink_port_owners(struct port_owner **out, size_t *n, int *rules_err);

#endif
