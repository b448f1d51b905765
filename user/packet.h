/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L3 packets: read IPv4/IPv6 + UDP out of bytes, build them, checksum them, cut them into fragments.
 * Pure: no state, no I/O.
 */
#ifndef RF_PACKET_H
#define RF_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "view.h"

#define PACKET_UDP_MAX 65507 /* payload of one UDP datagram that both families can carry */

struct packet { /* of one IPv4 or IPv6 packet */
	struct rf_addr src, dst;
	uint8_t version; /* 4 or 6 */
	uint8_t ttl; /* hop limit */
	uint8_t proto; /* after IPv6 extension headers */
	size_t header_len; /* up to and with the fragment header, if there is one */
	struct view l4; /* what follows; shorter than the datagram in a fragment */
	bool fragment; /* part of a fragmented datagram */
	bool more; /* more fragments follow */
	uint32_t frag_offset; /* bytes */
	uint32_t frag_id; /* host order */
	struct view frag_prefix; /* IPv6: unfragmentable part; IPv4: the header */
};

enum packet_checksum { PACKET_SUM_OK, PACKET_SUM_NONE, PACKET_SUM_PARTIAL, PACKET_SUM_BAD };

/* -EINVAL: not an IP packet, contradictory or truncated. Bytes after the IP length are ignored. */
int packet_parse(const void *bytes, size_t n, struct packet *out);
/* UDP of a whole (reassembled or never fragmented) datagram. -EINVAL: lengths do not fit. */
int packet_udp(const struct packet *p, struct rf_ep *src, struct rf_ep *dst, struct view *payload,
	       enum packet_checksum *sum);
/* TCP of a whole packet: ports and the state of its checksum, and its header's length. -EINVAL. */
int packet_tcp(const struct packet *p, struct rf_ep *src, struct rf_ep *dst, size_t *header_len,
	       enum packet_checksum *sum);

/* RFC 1071 over bytes, onto a sum such as packet_pseudo_sum()'s; as it stands in a header. */
uint16_t packet_checksum(const void *bytes, size_t n, uint32_t start);
uint32_t packet_pseudo_sum(const struct rf_addr *src, const struct rf_addr *dst, uint8_t proto,
			   uint32_t l4_len);

struct packet_buf { /* the packets of one datagram; release with packet_buf_free() */
	unsigned char *bytes;
	size_t cap, used;
	struct {
		size_t at, len;
	} v[64];
	size_t n;
};
/* One UDP datagram in place of what b held, fragmented where it is larger than mtu (0: never). id: IP identification.
 * -EMSGSIZE: payload or number of fragments too large, or mtu too small; -EAFNOSUPPORT: mixed families. */
int packet_build_udp(struct packet_buf *b, const struct rf_ep *src, const struct rf_ep *dst,
		     struct view payload, size_t mtu, uint32_t id);
void packet_buf_free(struct packet_buf *b);

#endif
