/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request and its answers, for the files that talk netlink.
 */
#ifndef RF_NETLINK_PRIV_H
#define RF_NETLINK_PRIV_H

#include <libmnl/libmnl.h>

#define NETLINK_BUF 32768

/* Sends a request on a bus (NETLINK_x) and hands each answer to cb; 0 or -errno. */
int netlink_talk(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg);

#endif
