// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family "netdev" (kernel 6.3 and later): XDP features of a device, and a watch on
 * everything that may change where packets go. netlink.h declares both.
 */
#include "netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <time.h>

/* include/uapi/linux/netdev.h, which Debian 12's headers lack */
#define RF_NETDEV_FAMILY	     "netdev"
#define RF_NETDEV_MCGRP		     "mgmt"
#define RF_NETDEV_CMD_DEV_GET	     1
#define RF_NETDEV_A_DEV_IFINDEX	     1
#define RF_NETDEV_A_DEV_XDP_FEATURES 3
#define RF_NETDEV_XDP_ACT_NDO_XMIT   4

struct family {
	uint16_t id;
	uint32_t group; /* of RF_NETDEV_MCGRP, 0: none */
};

/* One request, one answer. */
static int genl_ask(uint16_t type, uint8_t cmd, uint16_t attr_type, const void *attr, size_t n,
		    mnl_cb_t cb, void *arg)
{
	char buf[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;
	struct mnl_socket *nl;
	ssize_t len;
	int ret = -1;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = 1;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	mnl_attr_put(nlh, attr_type, n, attr);
	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	errno = 0;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0 &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len > 0 && mnl_cb_run(buf, len, 1, mnl_socket_get_portid(nl), cb, arg) >= 0)
			ret = 0;
	}
	if (ret)
		ret = errno ? -errno : -EIO;
	mnl_socket_close(nl);
	return ret;
}

static int family_groups(const struct nlattr *groups, struct family *f)
{
	const struct nlattr *group, *a;

	mnl_attr_for_each_nested(group, groups)
	{
		const char *name = "";
		uint32_t id = 0;

		mnl_attr_for_each_nested(a, group)
		{
			if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME)
				name = mnl_attr_get_str(a);
			if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID)
				id = mnl_attr_get_u32(a);
		}
		if (!strcmp(name, RF_NETDEV_MCGRP))
			f->group = id;
	}
	return 0;
}

static int family_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct family *f = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			f->id = mnl_attr_get_u16(a);
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
			family_groups(a, f);
	}
	return MNL_CB_OK;
}

/* -ENOENT: the kernel has no such family. */
static int family_find(struct family *f)
{
	int err;

	*f = (struct family){ 0 };
	err = genl_ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, RF_NETDEV_FAMILY,
		       sizeof(RF_NETDEV_FAMILY), family_cb, f);
	if (err)
		return err;
	return f->id ? 0 : -ENOENT;
}

static int features_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) if (mnl_attr_get_type(a) ==
								 RF_NETDEV_A_DEV_XDP_FEATURES) *
		(uint64_t *)arg = mnl_attr_get_u64(a);
	return MNL_CB_OK;
}

int netlink_xdp_takes_redirect(uint32_t ifindex)
{
	uint64_t features = 0;
	struct family f;
	int err;

	err = family_find(&f);
	if (!err)
		err = genl_ask(f.id, RF_NETDEV_CMD_DEV_GET, RF_NETDEV_A_DEV_IFINDEX, &ifindex,
			       sizeof(ifindex), features_cb, &features);
	if (err) /* no family, or no longer a device */
		return err == -ENOENT || err == -ENODEV ? 0 : err;
	return (features & RF_NETDEV_XDP_ACT_NDO_XMIT) != 0;
}

struct nl_watch {
	struct mnl_socket *route, *genl;
};

static int watch_join(struct mnl_socket *nl, int group)
{
	return mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno
											    : 0;
}

static void watch_features(struct nl_watch *w)
{
	struct family f;

	if (family_find(&f) || !f.group)
		return; /* kernel before 6.3: the periodic recheck has to do */
	w->genl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->genl &&
	    (mnl_socket_bind(w->genl, 0, MNL_SOCKET_AUTOPID) < 0 || watch_join(w->genl, f.group))) {
		mnl_socket_close(w->genl);
		w->genl = NULL;
	}
}

int netlink_watch(struct nl_watch **out)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
	struct nl_watch *w = calloc(1, sizeof(*w));
	size_t i;
	int err;

	if (!w)
		return -ENOMEM;
	w->route = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->route || mnl_socket_bind(w->route, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (watch_join(w->route, groups[i]))
			goto fail;
	watch_features(w);
	*out = w;
	return 0;
fail:
	err = -errno;
	netlink_watch_free(w);
	return err;
}

int netlink_watch_fd(const struct nl_watch *w, int i)
{
	struct mnl_socket *nl = i == 0 ? w->route : i == 1 ? w->genl : NULL;

	return nl ? mnl_socket_get_fd(nl) : -1;
}

bool netlink_watch_drain(struct nl_watch *w)
{
	struct mnl_socket *socks[] = { w->route, w->genl };
	bool any = false;
	char buf[32768];
	ssize_t n;
	size_t i;

	for (i = 0; i < 2; i++) {
		if (!socks[i])
			continue;
		/* ENOBUFS, ENOSPC: some were lost or cut off, which is one more reason to look again. */
		do {
			errno = 0;
			n = mnl_socket_recvfrom(socks[i], buf, sizeof(buf));
			any = any || n > 0 || (errno && errno != EAGAIN);
		} while (n > 0 || errno == ENOBUFS || errno == ENOSPC || errno == EINTR);
	}
	return any;
}

void netlink_watch_free(struct nl_watch *w)
{
	if (!w)
		return;
	if (w->route)
		mnl_socket_close(w->route);
	if (w->genl)
		mnl_socket_close(w->genl);
	free(w);
}
