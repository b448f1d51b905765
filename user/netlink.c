// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtnetlink dumps and look-ups by libmnl. Each call opens its own socket: these are rare, and a
 * half-read dump can then never confuse the next one.
 */
#include "netlink.h"
#include "netlink_priv.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A growing array of any struct. */
struct vec {
	void *v;
	size_t n, cap, size;
};

static void *vec_add(struct vec *a)
{
	void *v;

	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 64;

		v = reallocarray(a->v, cap, a->size);
		if (!v)
			return NULL;
		a->v = v;
		a->cap = cap;
	}
	v = (char *)a->v + a->n++ * a->size;
	memset(v, 0, a->size);
	return v;
}

/* The end of a dump says whether it was one: libmnl itself does not look. */
static int done_cb(const struct nlmsghdr *nlh, void *arg)
{
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (err >= 0)
		return MNL_CB_STOP;
	errno = -err;
	return MNL_CB_ERROR;
}

static int error_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return errno = EBADMSG, MNL_CB_ERROR;
	errno = e->error < 0 ? -e->error : e->error;
	return e->error ? MNL_CB_ERROR : MNL_CB_STOP;
}

/* Sends a request and hands each answer to cb; 0 or -errno. */
int netlink_talk(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	static mnl_cb_t control[] = { [NLMSG_ERROR] = error_cb, [NLMSG_DONE] = done_cb };
	char buf[NETLINK_BUF];
	struct mnl_socket *nl;
	unsigned int port, seq;
	ssize_t n;
	int ret = 0;

	nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	port = mnl_socket_get_portid(nl);
	seq = nlh->nlmsg_seq = time(NULL);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		goto fail;
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			goto fail;
		errno = 0;
		ret = mnl_cb_run2(buf, n, seq, port, cb, arg, control,
				  sizeof(control) / sizeof(*control));
		if (ret < 0)
			goto fail;
	} while (ret > MNL_CB_STOP);
	mnl_socket_close(nl);
	return 0;
fail:
	ret = errno ? -errno : -EIO;
	mnl_socket_close(nl);
	return ret;
}

/* The same for dumps: EINTR says that the dump changed while it was read, so it starts again. */
static int netlink_dump(int type, const void *extra, size_t n_extra, mnl_cb_t cb, struct vec *out)
{
	char buf[256];
	struct nlmsghdr *nlh;
	int i, err = -EINTR;

	for (i = 0; i < 5 && err == -EINTR; i++) {
		out->n = 0;
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = type;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		memcpy(mnl_nlmsg_put_extra_header(nlh, n_extra), extra, n_extra);
		err = netlink_talk(NETLINK_ROUTE, nlh, cb, out);
	}
	return err;
}

static int link_info_kind(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		snprintf(arg, 16, "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int link_xdp_id(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_XDP_PROG_ID)
		*(uint32_t *)arg = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int link_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct nl_link *l = vec_add(arg);

	if (!l)
		return errno = ENOMEM, MNL_CB_ERROR;
	l->ifindex = ifi->ifi_index;
	l->type = ifi->ifi_type;
	l->up = ifi->ifi_flags & IFF_UP;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			snprintf(l->name, sizeof(l->name), "%s", mnl_attr_get_str(attr));
			break;
		case IFLA_MTU: l->mtu = mnl_attr_get_u32(attr); break;
		case IFLA_MASTER: l->master = mnl_attr_get_u32(attr); break;
		case IFLA_LINK: l->lower = mnl_attr_get_u32(attr); break;
		case IFLA_LINKINFO: mnl_attr_parse_nested(attr, link_info_kind, l->kind); break;
		case IFLA_XDP: mnl_attr_parse_nested(attr, link_xdp_id, &l->xdp_prog_id); break;
		default: break;
		}
	}
	return MNL_CB_OK;
}

int netlink_links(struct nl_link **out, size_t *n)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct vec v = { .size = sizeof(struct nl_link) };
	int err = netlink_dump(RTM_GETLINK, &ifi, sizeof(ifi), link_cb, &v);

	if (err) {
		free(v.v);
		return err;
	}
	*out = v.v;
	*n = v.n;
	return 0;
}

/* Reads an address attribute of a family; false when it does not fit. */
static bool attr_addr(const struct nlattr *attr, int family, struct rf_addr *out)
{
	struct in6_addr v6;
	__be32 v4;

	if (family == AF_INET && mnl_attr_get_payload_len(attr) == 4) {
		memcpy(&v4, mnl_attr_get_payload(attr), 4);
		*out = addr_from_v4(v4);
		return true;
	}
	if (family == AF_INET6 && mnl_attr_get_payload_len(attr) == 16) {
		memcpy(&v6, mnl_attr_get_payload(attr), 16);
		*out = addr_from_v6(&v6);
		return true;
	}
	return false;
}

static int addr_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct rf_addr address, local;
	bool has_address = false, has_local = false;
	uint32_t flags = ifa->ifa_flags;
	struct nl_addr *a;

	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFA_ADDRESS: has_address = attr_addr(attr, ifa->ifa_family, &address); break;
		case IFA_LOCAL: has_local = attr_addr(attr, ifa->ifa_family, &local); break;
		case IFA_FLAGS: flags = mnl_attr_get_u32(attr); break;
		default: break;
		}
	}
	if (!has_address && !has_local)
		return MNL_CB_OK;
	a = vec_add(arg);
	if (!a)
		return errno = ENOMEM, MNL_CB_ERROR;
	a->ifindex = ifa->ifa_index;
	a->addr = has_local ? local : address; /* point to point: IFA_ADDRESS is the other end */
	a->scope = ifa->ifa_scope;
	a->usable = !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
	return MNL_CB_OK;
}

int netlink_addrs(struct nl_addr **out, size_t *n)
{
	struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
	struct vec v = { .size = sizeof(struct nl_addr) };
	int err = netlink_dump(RTM_GETADDR, &ifa, sizeof(ifa), addr_cb, &v);

	if (err) {
		free(v.v);
		return err;
	}
	*out = v.v;
	*n = v.n;
	return 0;
}

static int route_add(struct vec *v, uint32_t oif, bool via, const struct prefix *dst)
{
	struct nl_route *r;

	if (!oif)
		return 0;
	r = vec_add(v);
	if (!r)
		return -ENOMEM;
	r->oif = oif;
	r->via = via;
	r->dst = *dst;
	return 0;
}

/* Every next hop of a multipath route counts. */
static int route_multipath(struct vec *v, const struct nlattr *attr, const struct prefix *dst)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(attr);
	int len = mnl_attr_get_payload_len(attr);

	while (RTNH_OK(nh, len)) {
		if (route_add(v, nh->rtnh_ifindex, true, dst))
			return -ENOMEM;
		len -= RTNH_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
	return 0;
}

static int route_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *multipath = NULL;
	struct prefix dst = { .len = rtm->rtm_dst_len };
	uint32_t table = rtm->rtm_table, oif = 0;
	bool via = false;

	if (rtm->rtm_type != RTN_UNICAST || (rtm->rtm_flags & RTM_F_CLONED))
		return MNL_CB_OK;
	if (rtm->rtm_family == AF_INET) {
		dst.addr = addr_from_v4(0);
		dst.len += 96;
	} else if (rtm->rtm_family != AF_INET6) {
		return MNL_CB_OK;
	}
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_DST: attr_addr(attr, rtm->rtm_family, &dst.addr); break;
		case RTA_OIF: oif = mnl_attr_get_u32(attr); break;
		case RTA_GATEWAY:
		case RTA_VIA: via = true; break;
		case RTA_TABLE: table = mnl_attr_get_u32(attr); break;
		case RTA_MULTIPATH: multipath = attr; break;
		default: break;
		}
	}
	if (table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	if (multipath ? route_multipath(arg, multipath, &dst) : route_add(arg, oif, via, &dst))
		return errno = ENOMEM, MNL_CB_ERROR;
	return MNL_CB_OK;
}

int netlink_routes(struct nl_route **out, size_t *n)
{
	struct rtmsg rtm = { .rtm_family = AF_UNSPEC, .rtm_table = RT_TABLE_MAIN };
	struct vec v = { .size = sizeof(struct nl_route) };
	int err = netlink_dump(RTM_GETROUTE, &rtm, sizeof(rtm), route_cb, &v);

	if (err) {
		free(v.v);
		return err;
	}
	*out = v.v;
	*n = v.n;
	return 0;
}

static int oif_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg)) if (mnl_attr_get_type(attr) == RTA_OIF) *
		(uint32_t *)arg = mnl_attr_get_u32(attr);
	return MNL_CB_STOP; /* one answer, no ACK was asked for */
}

int netlink_route_oif(const struct rf_addr *dst, uint32_t *oif)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	uint32_t found = 0;
	int err;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	if (addr_is_v4(dst)) {
		rtm->rtm_family = AF_INET;
		rtm->rtm_dst_len = 32;
		mnl_attr_put_u32(nlh, RTA_DST, addr_v4(dst));
	} else {
		rtm->rtm_family = AF_INET6;
		rtm->rtm_dst_len = 128;
		mnl_attr_put(nlh, RTA_DST, 16, dst);
	}
	err = netlink_talk(NETLINK_ROUTE, nlh, oif_cb, &found);
	if (err)
		return err;
	if (!found)
		return -ENETUNREACH;
	*oif = found;
	return 0;
}

/* Also by a route of type unreachable, blackhole, prohibit (ip-route(8)). */
bool netlink_no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EINVAL || err == -EACCES ||
	       err == -ESRCH;
}

struct tc_dump {
	uint32_t ifindex;
	size_t filters;
	char kind[16];
};

static int filter_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct vec *v = arg;

	return vec_add(v) ? MNL_CB_OK : (errno = ENOMEM, MNL_CB_ERROR);
}

int netlink_count_filters(uint32_t ifindex, uint32_t parent, size_t *n)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = ifindex,
			     .tcm_parent = parent };
	struct vec v = { .size = 1 };
	int err = netlink_dump(RTM_GETTFILTER, &tcm, sizeof(tcm), filter_cb, &v);

	free(v.v);
	if (!err)
		*n = v.n;
	return err;
}

static int qdisc_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct vec *v = arg;
	const struct nlattr *attr;
	struct tc_dump *d;

	if (tcm->tcm_parent != TC_H_CLSACT)
		return MNL_CB_OK;
	d = vec_add(v);
	if (!d)
		return errno = ENOMEM, MNL_CB_ERROR;
	d->ifindex = tcm->tcm_ifindex;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm)) if (mnl_attr_get_type(attr) == TCA_KIND)
		snprintf(d->kind, sizeof(d->kind), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

int netlink_clsact_kind(uint32_t ifindex, char *kind)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex };
	struct vec v = { .size = sizeof(struct tc_dump) };
	const struct tc_dump *d;
	int err = netlink_dump(RTM_GETQDISC, &tcm, sizeof(tcm), qdisc_cb, &v);
	size_t i;

	if (!err) {
		kind[0] = 0;
		for (i = 0, d = v.v; i < v.n; i++)
			if (d[i].ifindex == ifindex)
				memcpy(kind, d[i].kind, 16);
	}
	free(v.v);
	return err;
}
