// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw sockets, two pairs: one for everything that leaves by a device, one whose packets carry the
 * WAN device's ifindex as mark and go to lo, where rf_lo_out turns them into packets received there.
 * Parked media goes the same ways by sockets of its own: as a frame on lo, or out again.
 * The kernel hooks know them by socket cookie; the mark alone would be anybody's to set.
 */
#include "release.h"

#include <errno.h>
#include <linux/icmpv6.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "netlink.h"

#ifndef IP_MTU
#define IP_MTU 14
#endif
#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

#define ROUTES	     64
#define ROUTE_AGE_NS 10000000000ULL
#define MTU_MIN	     576
/* What fits here goes without a look: IPv6 has no narrower path (RFC 8200 5), and of IPv4 a device that
 * is narrower refuses it, while for a narrower path behind it the kernel makes fragments. */
#define MTU_COMMON   1280
#define MTU_DEFAULT  1500

enum sock {
	SOCK_WAY4,
	SOCK_WAY6,
	SOCK_LOCAL4,
	SOCK_LOCAL6,
	SOCK_AGAIN, /* from here on (RF_COOKIES_JUDGE): packets are judged again */
	SOCK_AGAIN4,
	SOCK_AGAIN6,
	SOCKS
};
_Static_assert(SOCK_AGAIN == RF_COOKIES_JUDGE && SOCKS <= RF_COOKIES_MAX, "cookies");

struct route { /* MTU towards a destination; a look-up costs three system calls */
	struct rf_addr dst;
	uint32_t mtu;
	uint64_t time_ns; /* 0: unused */
};

struct release {
	int fd[SOCKS];
	uint64_t cookie[SOCKS];
	uint32_t mark[SOCKS]; /* set on the socket now */
	uint32_t inject_mark;
	uint32_t next_id;
	struct route routes[ROUTES];
	struct packet_buf buf;
};

static int sock_open(struct release *r, enum sock i)
{
	bool v6 = i == SOCK_WAY6 || i == SOCK_LOCAL6 || i == SOCK_AGAIN6;
	socklen_t n = sizeof(r->cookie[i]);
	int one = 1, small = 0;

	if (i == SOCK_AGAIN) /* protocol 0: receives nothing */
		r->fd[i] = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	else
		r->fd[i] = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
				  IPPROTO_RAW);
	if (r->fd[i] < 0)
		return -errno;
	if (i != SOCK_AGAIN &&
	    setsockopt(r->fd[i], v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HDRINCL : IP_HDRINCL,
		       &one, sizeof(one)) &&
	    !v6) /* IPv6: IPPROTO_RAW includes the header anyway */
		return -errno;
	/* Nothing is read here. */
	setsockopt(r->fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (getsockopt(r->fd[i], SOL_SOCKET, SO_COOKIE, &r->cookie[i], &n))
		return -errno;
	return 0;
}

int release_new(struct release **out, struct why *w)
{
	struct release *r = calloc(1, sizeof(*r));
	int i, err = 0;

	if (!r)
		return why_set(w, -ENOMEM, "out of memory");
	for (i = 0; i < SOCKS; i++)
		r->fd[i] = -1;
	for (i = 0; i < SOCKS && !err; i++) {
		err = sock_open(r, i);
		if (err == -EAFNOSUPPORT && r->fd[SOCK_WAY4] >= 0)
			err = 0; /* a kernel without IPv6 */
	}
	while (!err && !r->inject_mark)
		if (getrandom(&r->inject_mark, sizeof(r->inject_mark), 0) < 0)
			err = -errno;
	if (!err && getrandom(&r->next_id, sizeof(r->next_id), 0) < 0)
		err = -errno;
	if (err) {
		release_free(r);
		return why_set(w, err, "cannot open raw sockets: %s%s", strerror(-err),
			       err == -EPERM ? "; run as root or with CAP_NET_RAW" : "");
	}
	*out = r;
	return 0;
}

void release_free(struct release *r)
{
	int i;

	if (!r)
		return;
	for (i = 0; i < SOCKS; i++)
		if (r->fd[i] >= 0)
			close(r->fd[i]);
	packet_buf_free(&r->buf);
	free(r);
}

void release_identity(const struct release *r, struct rf_control *c)
{
	int i;

	for (i = 0; i < SOCKS && i < RF_COOKIES_MAX; i++)
		c->cookies[i] = r->cookie[i];
	c->inject_mark = r->inject_mark;
}

/* What the kernel would use on the way to dst, path MTU discovery included. */
static uint32_t mtu_ask(const struct rf_addr *dst)
{
	struct rf_ep ep = { .addr = *dst, .port = htons(9) };
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(&ep, &ss), n = sizeof(int);
	int mtu = MTU_DEFAULT, fd;
	bool v4 = addr_is_v4(dst);

	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return MTU_DEFAULT;
	/* A connected datagram socket sends nothing, but knows its route. */
	if (!connect(fd, (struct sockaddr *)&ss, len))
		getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &n);
	close(fd);
	return mtu < MTU_MIN ? MTU_MIN : mtu;
}

static uint32_t mtu_to(struct release *r, const struct rf_addr *dst)
{
	uint32_t hash = ntohl(dst->w[3]) * 2654435761u ^ ntohl(dst->w[1]);
	struct route *route = &r->routes[hash % ROUTES];
	uint64_t now = clock_now_ns();

	if (route->time_ns && addr_eq(&route->dst, dst) && now - route->time_ns < ROUTE_AGE_NS)
		return route->mtu;
	*route = (struct route){ .dst = *dst, .mtu = mtu_ask(dst), .time_ns = now };
	return route->mtu;
}

static int set_mark(struct release *r, enum sock i, uint32_t mark)
{
	if (r->mark[i] == mark)
		return 0;
	if (setsockopt(r->fd[i], SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return -errno;
	r->mark[i] = mark;
	return 0;
}

static int send_bytes(struct release *r, enum sock i, const struct rf_addr *dst, const void *bytes,
		      size_t n)
{
	/* the port of a raw IPv6 address must be zero (or the protocol) */
	struct rf_ep ep = { .addr = *dst };
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(&ep, &ss);
	ssize_t sent;

	if (r->fd[i] < 0)
		return -EAFNOSUPPORT;
	do
		sent = sendto(r->fd[i], bytes, n, 0, (struct sockaddr *)&ss, len);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static int send_built(struct release *r, enum sock i, const struct rf_addr *dst)
{
	size_t k;
	int err = 0;

	for (k = 0; k < r->buf.n && !err; k++)
		err = send_bytes(r, i, dst, r->buf.bytes + r->buf.v[k].at, r->buf.v[k].len);
	return err;
}

/* At least: whoever needs no more is not told more. */
static uint32_t mtu_for(struct release *r, const struct rf_addr *dst, struct view payload)
{
	size_t header = sizeof(struct udphdr) +
			(addr_is_v4(dst) ? sizeof(struct iphdr) : sizeof(struct ip6_hdr));

	return header + payload.n <= MTU_COMMON ? MTU_COMMON : mtu_to(r, dst);
}

static int send_udp(struct release *r, enum sock i, const struct action *a, uint32_t mtu)
{
	int err = packet_build_udp(&r->buf, &a->send.src, &a->send.dst, a->send.payload, mtu,
				   r->next_id++);

	return err ? err : send_built(r, i, &a->send.dst.addr);
}

int release_send(struct release *r, const struct action *a)
{
	const struct rf_addr *dst = &a->send.dst.addr;
	bool v4 = addr_is_v4(dst), local = a->send.to == SEND_TO_LOCAL;
	enum sock i = local ? (v4 ? SOCK_LOCAL4 : SOCK_LOCAL6) : (v4 ? SOCK_WAY4 : SOCK_WAY6);
	struct route *route;
	uint32_t mtu;
	int err;

	if (r->fd[i] < 0)
		return -EAFNOSUPPORT;
	mtu = mtu_for(r, dst, a->send.payload);
	if (local) {
		/* lo takes 64 KiB, and behind the redirect no device is left to be too small */
		err = set_mark(r, i, a->send.wan_ifindex);
		return err ? err : send_udp(r, i, a, mtu);
	}
	err = send_udp(r, i, a, mtu);
	if (err != -EMSGSIZE)
		return err;
	/* The route's MTU fell since we asked, or we did not ask. */
	for (route = r->routes; route < r->routes + ROUTES; route++)
		route->time_ns = 0;
	if (mtu_to(r, dst) >= mtu)
		return err;
	return send_udp(r, i, a, mtu_to(r, dst));
}

/* As a frame on lo, marked with the device, whose ingress rf_lo_out then hands it to. */
static int again_by_lo(struct release *r, uint32_t ifindex, const struct packet *p,
		       struct view packet)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(p->version == 4 ? ETH_P_IP : ETH_P_IPV6),
		.sll_ifindex = 1, /* lo, in every network namespace */
		.sll_halen = ETH_ALEN,
	};
	int err = set_mark(r, SOCK_AGAIN, ifindex);

	if (err)
		return err;
	if (sendto(r->fd[SOCK_AGAIN], packet.p, packet.n, 0, (struct sockaddr *)&ll, sizeof(ll)) <
	    0)
		return -errno;
	return 0;
}

int release_verbatim(struct release *r, const struct rf_punt *meta, struct view packet)
{
	struct packet p;
	int err = packet_parse(packet.p, packet.n, &p);

	if (err)
		return err;
	/* The other fragments pass by without us: only where these came in do they meet them before
	 * connection tracking puts them together. */
	return meta->hook != RF_HOOK_WAN_OUT ? again_by_lo(r, meta->ifindex, &p, packet)
					     : send_bytes(r, p.version == 4 ? SOCK_WAY4 : SOCK_WAY6,
							  &p.dst, packet.p, packet.n);
}

/* What a local sender's device was to do is done by nobody on the way that we give it back. */
static void complete_checksum(const struct packet *p, char *bytes)
{
	size_t at = (size_t)(p->l4.p - bytes) + (p->proto == IPPROTO_TCP
							 ? offsetof(struct tcphdr, check)
							 : offsetof(struct udphdr, check));
	uint16_t check = 0;

	memcpy(bytes + at, &check, sizeof(check));
	check = packet_checksum(p->l4.p, p->l4.n,
				packet_pseudo_sum(&p->src, &p->dst, p->proto, (uint32_t)p->l4.n));
	check = check || p->proto == IPPROTO_TCP ? check : 0xffff;
	memcpy(bytes + at, &check, sizeof(check));
}

int release_again(struct release *r, const struct rf_punt *meta, struct view packet)
{
	enum packet_checksum sum;
	struct rf_ep src, dst;
	struct view payload;
	struct packet p;
	size_t header;
	char *copy = malloc(packet.n);
	int err = copy ? 0 : -ENOMEM;

	if (!err) {
		memcpy(copy, packet.p, packet.n);
		err = packet_parse(copy, packet.n, &p);
	}
	if (!err)
		err = p.proto == IPPROTO_TCP ? packet_tcp(&p, &src, &dst, &header, &sum)
					     : packet_udp(&p, &src, &dst, &payload, &sum);
	if (!err && sum == PACKET_SUM_PARTIAL)
		complete_checksum(&p, copy);
	packet.p = copy;
	if (!err)
		err = meta->hook != RF_HOOK_WAN_OUT
			      ? again_by_lo(r, meta->ifindex, &p, packet)
			      : send_bytes(r, p.version == 4 ? SOCK_AGAIN4 : SOCK_AGAIN6, &p.dst,
					   packet.p, packet.n);
	free(copy);
	return err;
}
