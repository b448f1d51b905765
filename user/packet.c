// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv4 (RFC 791), IPv6 (RFC 8200) and UDP as bytes. Reading trusts nothing; building is one pass
 * per fragment into one buffer.
 */
#include "packet.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define EXT_HEADERS_MAX 8
#define TTL		64
#define FRAG_ALIGN	8u

/* Sum of 16-bit words in network order; an odd last byte is padded with zero. */
static uint32_t sum16(const void *bytes, size_t n, uint32_t start)
{
	const unsigned char *p = bytes;
	uint64_t sum = start;
	uint16_t word;

	for (; n > 1; n -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum += word;
	}
	if (n) {
		word = 0;
		memcpy(&word, p, 1);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t packet_checksum(const void *bytes, size_t n, uint32_t start)
{
	return ~sum16(bytes, n, start);
}

uint32_t packet_pseudo_sum(const struct rf_addr *src, const struct rf_addr *dst, uint8_t proto,
			   uint32_t l4_len)
{
	uint32_t tail[2] = { htonl(l4_len), htonl(proto) };
	uint32_t sum = sum16(tail, sizeof(tail), 0);

	if (addr_is_v4(src))
		return sum16(&dst->w[3], 4, sum16(&src->w[3], 4, sum));
	return sum16(dst, sizeof(*dst), sum16(src, sizeof(*src), sum));
}

static int parse_v4(const unsigned char *p, size_t n, struct packet *out)
{
	struct packet pkt = { .version = 4 };
	struct iphdr ip;
	size_t header, total;

	if (n < sizeof(ip))
		return -EINVAL;
	memcpy(&ip, p, sizeof(ip));
	header = ip.ihl * 4u;
	total = ntohs(ip.tot_len);
	if (header < sizeof(ip) || total < header || total > n)
		return -EINVAL;
	pkt.src = addr_from_v4(ip.saddr);
	pkt.dst = addr_from_v4(ip.daddr);
	pkt.ttl = ip.ttl;
	pkt.proto = ip.protocol;
	pkt.header_len = header;
	pkt.l4 = (struct view){ (const char *)p + header, total - header };
	pkt.more = ntohs(ip.frag_off) & IP_MF;
	pkt.frag_offset = (ntohs(ip.frag_off) & IP_OFFMASK) * FRAG_ALIGN;
	pkt.fragment = pkt.more || pkt.frag_offset;
	pkt.frag_id = ntohs(ip.id);
	pkt.frag_prefix = (struct view){ (const char *)p, header };
	*out = pkt;
	return 0;
}

/* Walks the extension headers up to UDP (or whatever ends them). */
static int parse_v6(const unsigned char *p, size_t n, struct packet *out)
{
	struct packet pkt = { .version = 6 };
	struct ip6_hdr ip;
	struct ip6_frag frag;
	size_t at = sizeof(ip), end, len;
	uint8_t next;
	int i;

	if (n < sizeof(ip))
		return -EINVAL;
	memcpy(&ip, p, sizeof(ip));
	end = sizeof(ip) + ntohs(ip.ip6_plen);
	if (end > n)
		return -EINVAL;
	next = ip.ip6_nxt;
	pkt.frag_prefix = (struct view){ (const char *)p, at };
	for (i = 0; i < EXT_HEADERS_MAX && !pkt.fragment; i++) {
		if (next == IPPROTO_FRAGMENT) {
			if (at + sizeof(frag) > end)
				return -EINVAL;
			memcpy(&frag, p + at, sizeof(frag));
			pkt.frag_prefix.n = at;
			pkt.frag_offset = ntohs(frag.ip6f_offlg & IP6F_OFF_MASK);
			pkt.more = (frag.ip6f_offlg & IP6F_MORE_FRAG) != 0;
			pkt.fragment = true; /* atomic ones (RFC 6946) too: the header must go */
			pkt.frag_id = ntohl(frag.ip6f_ident);
			next = frag.ip6f_nxt;
			at += sizeof(frag);
			break;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		if (at + 8 > end)
			return -EINVAL;
		len = (p[at + 1] + 1u) * 8;
		if (at + len > end)
			return -EINVAL;
		next = p[at];
		at += len;
	}
	memcpy(&pkt.src, &ip.ip6_src, sizeof(pkt.src));
	memcpy(&pkt.dst, &ip.ip6_dst, sizeof(pkt.dst));
	/* nobody's on the wire, as in bpf/parse.h: here they would be IPv4's */
	if (addr_is_v4(&pkt.src) || addr_is_v4(&pkt.dst))
		return -EINVAL;
	pkt.ttl = ip.ip6_hlim;
	pkt.proto = next;
	pkt.header_len = at;
	pkt.l4 = (struct view){ (const char *)p + at, end - at };
	*out = pkt;
	return 0;
}

int packet_parse(const void *bytes, size_t n, struct packet *out)
{
	const unsigned char *p = bytes;

	if (!n)
		return -EINVAL;
	if (p[0] >> 4 == 4)
		return parse_v4(p, n, out);
	if (p[0] >> 4 == 6)
		return parse_v6(p, n, out);
	return -EINVAL;
}

int packet_udp(const struct packet *p, struct rf_ep *src, struct rf_ep *dst, struct view *payload,
	       enum packet_checksum *sum)
{
	struct udphdr udp;
	uint32_t pseudo;
	size_t len;

	if (p->proto != IPPROTO_UDP || p->l4.n < sizeof(udp) || p->more || p->frag_offset)
		return -EINVAL;
	memcpy(&udp, p->l4.p, sizeof(udp));
	len = ntohs(udp.len);
	if (len < sizeof(udp) || len > p->l4.n)
		return -EINVAL;
	pseudo = packet_pseudo_sum(&p->src, &p->dst, IPPROTO_UDP, len);
	if (!udp.check && p->version == 4)
		*sum = PACKET_SUM_NONE;
	else if (udp.check && packet_checksum(p->l4.p, len, pseudo) == 0)
		*sum = PACKET_SUM_OK;
	else if (udp.check == (uint16_t)pseudo)
		*sum = PACKET_SUM_PARTIAL; /* a local sender left the rest to the device */
	else
		*sum = PACKET_SUM_BAD;
	*src = (struct rf_ep){ .addr = p->src, .port = udp.source };
	*dst = (struct rf_ep){ .addr = p->dst, .port = udp.dest };
	*payload = (struct view){ p->l4.p + sizeof(udp), len - sizeof(udp) };
	return 0;
}

int packet_tcp(const struct packet *p, struct rf_ep *src, struct rf_ep *dst, size_t *header_len,
	       enum packet_checksum *sum)
{
	struct tcphdr tcp;
	uint32_t pseudo;

	if (p->proto != IPPROTO_TCP || p->l4.n < sizeof(tcp) || p->more || p->frag_offset)
		return -EINVAL;
	memcpy(&tcp, p->l4.p, sizeof(tcp));
	if (tcp.doff * 4u < sizeof(tcp) || tcp.doff * 4u > p->l4.n)
		return -EINVAL;
	pseudo = packet_pseudo_sum(&p->src, &p->dst, IPPROTO_TCP, p->l4.n);
	if (packet_checksum(p->l4.p, p->l4.n, pseudo) == 0)
		*sum = PACKET_SUM_OK;
	else
		*sum = tcp.check == (uint16_t)pseudo ? PACKET_SUM_PARTIAL : PACKET_SUM_BAD;
	*src = (struct rf_ep){ .addr = p->src, .port = tcp.source };
	*dst = (struct rf_ep){ .addr = p->dst, .port = tcp.dest };
	*header_len = tcp.doff * 4u;
	return 0;
}

static int buf_reserve(struct packet_buf *b, size_t n)
{
	unsigned char *grown;

	if (n <= b->cap)
		return 0;
	grown = realloc(b->bytes, n);
	if (!grown)
		return -ENOMEM;
	b->bytes = grown;
	b->cap = n;
	return 0;
}

void packet_buf_free(struct packet_buf *b)
{
	free(b->bytes);
	memset(b, 0, sizeof(*b));
}

struct piece { /* one packet of a datagram */
	const struct rf_ep *src, *dst;
	uint32_t id;
	size_t offset, len; /* of the UDP datagram */
	bool last, whole;
};

static size_t put_v4(unsigned char *out, const struct piece *f)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + f->len),
		.id = htons(f->id),
		.frag_off = htons(f->offset / FRAG_ALIGN | (f->last ? 0 : IP_MF)),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
		.saddr = addr_v4(&f->src->addr),
		.daddr = addr_v4(&f->dst->addr),
	};

	ip.check = packet_checksum(&ip, sizeof(ip), 0);
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t put_v6(unsigned char *out, const struct piece *f)
{
	struct ip6_frag frag = {
		.ip6f_nxt = IPPROTO_UDP,
		.ip6f_offlg = htons(f->offset) | (f->last ? 0 : IP6F_MORE_FRAG),
		.ip6f_ident = htonl(f->id),
	};
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(f->len + (f->whole ? 0 : sizeof(frag))),
		.ip6_nxt = f->whole ? IPPROTO_UDP : IPPROTO_FRAGMENT,
		.ip6_hlim = TTL,
	};

	memcpy(&ip.ip6_src, &f->src->addr, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, &f->dst->addr, sizeof(ip.ip6_dst));
	memcpy(out, &ip, sizeof(ip));
	if (f->whole)
		return sizeof(ip);
	memcpy(out + sizeof(ip), &frag, sizeof(frag));
	return sizeof(ip) + sizeof(frag);
}

/* The UDP datagram itself, checksum and all; never zero, which would mean "none" (RFC 768). */
static void put_udp(unsigned char *out, const struct rf_ep *src, const struct rf_ep *dst,
		    struct view payload)
{
	struct udphdr udp = {
		.source = src->port,
		.dest = dst->port,
		.len = htons(sizeof(udp) + payload.n),
	};

	memcpy(out, &udp, sizeof(udp));
	if (payload.n)
		memcpy(out + sizeof(udp), payload.p, payload.n);
	udp.check = packet_checksum(out, sizeof(udp) + payload.n,
				    packet_pseudo_sum(&src->addr, &dst->addr, IPPROTO_UDP,
						      sizeof(udp) + payload.n));
	if (!udp.check)
		udp.check = 0xffff;
	memcpy(out, &udp, sizeof(udp));
}

int packet_build_udp(struct packet_buf *b, const struct rf_ep *src, const struct rf_ep *dst,
		     struct view payload, size_t mtu, uint32_t id)
{
	bool v4 = addr_is_v4(&src->addr);
	size_t header = v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t l4 = sizeof(struct udphdr) + payload.n, room, count, i, at;
	unsigned char *datagram;
	struct piece f = { .src = src, .dst = dst, .id = id };

	if (v4 != addr_is_v4(&dst->addr))
		return -EAFNOSUPPORT;
	if (payload.n > PACKET_UDP_MAX)
		return -EMSGSIZE;
	f.whole = !mtu || header + l4 <= mtu;
	if (!f.whole && !v4)
		header += sizeof(struct ip6_frag);
	if (!f.whole && mtu < header + FRAG_ALIGN)
		return -EMSGSIZE;
	room = f.whole ? l4 : (mtu - header) & ~(size_t)(FRAG_ALIGN - 1);
	count = (l4 + room - 1) / room;
	if (count > sizeof(b->v) / sizeof(*b->v))
		return -EMSGSIZE;
	if (buf_reserve(b, l4 + count * header + l4))
		return -ENOMEM;
	/* The datagram is built behind the packets, then dealt out to them. */
	datagram = b->bytes + l4 + count * header;
	put_udp(datagram, src, dst, payload);
	for (i = 0, at = 0; i < count; i++) {
		f.offset = i * room;
		f.len = l4 - f.offset < room ? l4 - f.offset : room;
		f.last = i + 1 == count;
		b->v[i].at = at;
		at += v4 ? put_v4(b->bytes + at, &f) : put_v6(b->bytes + at, &f);
		memcpy(b->bytes + at, datagram + f.offset, f.len);
		at += f.len;
		b->v[i].len = at - b->v[i].at;
	}
	b->n = count;
	b->used = at;
	return 0;
}
