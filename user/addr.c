/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses: text <-> struct rf_addr, prefixes, and which kind of address one is.
 * IPv4 is kept as v4-mapped IPv6 throughout, so one comparison serves both families.
 */
#include "addr.h"
#include "rf_media.h"

#include <errno.h>
#include <stdio.h>

#define V4_BITS_OFFSET 96 /* prefix length of ::ffff:0:0/96 */

struct rf_addr addr_from_v4(__be32 v4)
{
	return (struct rf_addr){ .w = { 0, 0, htonl(0xffff), v4 } };
}

struct rf_addr addr_from_v6(const struct in6_addr *v6)
{
	struct rf_addr a;

	memcpy(&a, v6, sizeof(a));
	return a;
}

bool addr_is_v4(const struct rf_addr *a)
{
	return rf_addr_is_v4(a);
}

__be32 addr_v4(const struct rf_addr *a)
{
	return a->w[3];
}

bool addr_eq(const struct rf_addr *a, const struct rf_addr *b)
{
	return rf_addr_eq(a, b);
}

bool ep_eq(const struct rf_ep *a, const struct rf_ep *b)
{
	return rf_ep_eq(a, b);
}

int addr_parse(struct view text, struct rf_addr *out)
{
	char buf[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	struct in_addr v4;
	bool bracketed = false;

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
		text.p++;
		text.n -= 2;
		bracketed = true;
	}
	/* An embedded NUL would hide what follows from inet_pton(). */
	if (!text.n || text.n >= sizeof(buf) || memchr(text.p, 0, text.n))
		return -EINVAL;
	memcpy(buf, text.p, text.n);
	buf[text.n] = 0;
	if (!bracketed && inet_pton(AF_INET, buf, &v4) == 1) {
		*out = addr_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, buf, &v6) != 1)
		return -EINVAL;
	*out = addr_from_v6(&v6);
	return 0;
}

const char *addr_text(const struct rf_addr *a, char *buf)
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, &a->w[3], buf, ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, a, buf, ADDR_TEXT_MAX);
	return buf;
}

const char *addr_uri_text(const struct rf_addr *a, char *buf)
{
	char plain[ADDR_TEXT_MAX];

	if (addr_is_v4(a))
		return addr_text(a, buf);
	inet_ntop(AF_INET6, a, plain, INET6_ADDRSTRLEN);
	snprintf(buf, ADDR_TEXT_MAX, "[%.45s]", plain);
	return buf;
}

const char *ep_text(const struct rf_ep *ep, char *buf)
{
	char host[ADDR_TEXT_MAX];

	snprintf(buf, EP_TEXT_MAX, "%s:%u", addr_uri_text(&ep->addr, host), ntohs(ep->port));
	return buf;
}

/* Decimal digits only, at most max; -EINVAL. */
static int number_parse(struct view text, uint32_t max, uint32_t *out)
{
	uint32_t value = 0;
	size_t i;

	if (!text.n || text.n > 5)
		return -EINVAL;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -EINVAL;
		value = value * 10 + (text.p[i] - '0');
	}
	if (value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

int ep_parse(struct view text, struct rf_ep *out)
{
	struct view host, port;
	struct rf_addr addr;
	const char *colon;
	uint32_t value;

	colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	if (!colon)
		return -EINVAL;
	host = (struct view){ text.p, colon - text.p };
	port = (struct view){ colon + 1, text.n - host.n - 1 };
	/* "2001:db8::1:5060" is an address without a port, not one with it. */
	if (!host.n || (host.p[0] != '[' && memchr(host.p, ':', host.n)))
		return -EINVAL;
	if (number_parse(port, 65535, &value) || addr_parse(host, &addr))
		return -EINVAL;
	*out = ep_make(addr, value);
	return 0;
}

static uint32_t mask_word(unsigned int bits)
{
	if (bits == 0)
		return 0;
	return bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
}

/* The 32 bits of word i that a prefix of len bits covers, in network order. */
static __be32 prefix_mask(unsigned int len, int i)
{
	unsigned int before = i * 32;

	return htonl(mask_word(len > before ? len - before : 0));
}

int prefix_parse(struct view text, struct prefix *out)
{
	const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	struct view host = text;
	struct prefix p;
	uint32_t len;
	int i;

	if (slash)
		host.n = slash - text.p;
	if (addr_parse(host, &p.addr))
		return -EINVAL;
	len = addr_is_v4(&p.addr) ? 32 : 128;
	if (slash && number_parse((struct view){ slash + 1, text.n - host.n - 1 }, len, &len))
		return -EINVAL;
	p.len = len + (addr_is_v4(&p.addr) ? V4_BITS_OFFSET : 0);
	for (i = 0; i < 4; i++) {
		if (p.addr.w[i] & ~prefix_mask(p.len, i))
			return -EDOM;
	}
	*out = p;
	return 0;
}

const char *prefix_text(const struct prefix *p, char *buf)
{
	char host[ADDR_TEXT_MAX];
	bool v4 = addr_is_v4(&p->addr) && p->len >= V4_BITS_OFFSET;

	snprintf(buf, ADDR_TEXT_MAX + 4, "%s/%u", addr_text(&p->addr, host),
		 v4 ? p->len - V4_BITS_OFFSET : p->len);
	return buf;
}

bool prefix_has(const struct prefix *p, const struct rf_addr *a)
{
	const struct rf_remote r = { .addr = p->addr, .prefix_len = p->len };

	return rf_remote_covers(&r, &(struct rf_ep){ .addr = *a });
}

bool prefix_ends_at(const struct prefix *p, const struct rf_addr *a)
{
	uint32_t host = ~ntohl(prefix_mask(p->len, 3)), bits = ntohl(a->w[3]) & host;

	return addr_is_v4(a) && p->len >= V4_BITS_OFFSET && host >= 3 && prefix_has(p, a) &&
	       (!bits || bits == host);
}

int addr_from_sockaddr(const struct sockaddr *sa, struct rf_ep *out)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	/* Copies, because the caller's buffer need not be aligned for the family. */
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in4, sa, sizeof(in4));
		*out = (struct rf_ep){ .addr = addr_from_v4(in4.sin_addr.s_addr),
				       .port = in4.sin_port };
		return 0;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		*out = (struct rf_ep){ .addr = addr_from_v6(&in6.sin6_addr),
				       .port = in6.sin6_port };
		return 0;
	default: return -EAFNOSUPPORT;
	}
}

socklen_t ep_to_sockaddr(const struct rf_ep *ep, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(&ep->addr)) {
		in4->sin_family = AF_INET;
		in4->sin_port = ep->port;
		in4->sin_addr.s_addr = addr_v4(&ep->addr);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = ep->port;
	memcpy(&in6->sin6_addr, &ep->addr, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* Does the IPv4 address lie in net/len (host order)? */
static bool v4_in(const struct rf_addr *a, uint32_t net, unsigned int len)
{
	return addr_is_v4(a) && (ntohl(a->w[3]) & mask_word(len)) == net;
}

#define NET4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

bool addr_is_any(const struct rf_addr *a)
{
	return !a->w[0] && !a->w[1] && !a->w[3] && (!a->w[2] || a->w[2] == htonl(0xffff));
}

bool addr_is_multicast(const struct rf_addr *a)
{
	return v4_in(a, NET4(224, 0, 0, 0), 4) || (ntohl(a->w[0]) >> 24) == 0xff;
}

bool addr_is_loopback(const struct rf_addr *a)
{
	return v4_in(a, NET4(127, 0, 0, 0), 8) ||
	       (!a->w[0] && !a->w[1] && !a->w[2] && a->w[3] == htonl(1));
}

bool addr_is_reserved(const struct rf_addr *a)
{
	return v4_in(a, 0, 8) || v4_in(a, NET4(240, 0, 0, 0), 4) ||
	       (!a->w[0] && !a->w[1] && !a->w[2]);
}

bool addr_is_private(const struct rf_addr *a)
{
	return rf_addr_private(a);
}
