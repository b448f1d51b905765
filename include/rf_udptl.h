/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this datagram UDPTL, from its first byte to its last (ITU-T T.38 9.1, aligned PER of X.691)? It has no mark
 * of its own, and what only begins like it may be DNS, SNMP or NTP. Whoever holds the packet fetches RF_UDPTL_PEEK
 * bytes at rf_udptl_next() for each step; what they mean is decided here, once for the kernel side and `replay`.
 */
#ifndef RF_UDPTL_H
#define RF_UDPTL_H

#include "rf_media.h"

#define RF_UDPTL_PEEK	 4
#define RF_UDPTL_ENTRIES 32 /* of redundancy or FEC; senders in use have no more than eight */
#define RF_UDPTL_STEPS \
	(RF_UDPTL_ENTRIES + 3) /* the primary packet, kind and number of entries, and they */

enum rf_udptl_stage {
	RF_UDPTL_PRIMARY, /* the IFP packet that this datagram is for */
	RF_UDPTL_KIND, /* of error recovery */
	RF_UDPTL_COUNT, /* of entries */
	RF_UDPTL_IFP, /* an IFP packet sent before */
	RF_UDPTL_FEC, /* several of them, added up: any bytes */
	RF_UDPTL_WHOLE, /* to its end */
	RF_UDPTL_NOT,
};

struct rf_udptl {
	__u32 n; /* bytes of the datagram */
	__u32 at; /* so many of them are read */
	__u32 left; /* entries still to come */
	__u32 stage, entry; /* enum rf_udptl_stage; .entry: that of each entry */
};

RF_PURE void rf_udptl_begin(struct rf_udptl *u, __u32 n)
{
	u->n = n;
	u->at = 2; /* the sequence number is any */
	u->left = 0;
	u->entry = RF_UDPTL_NOT;
	u->stage = n < 2 + RF_UDPTL_PEEK ? RF_UDPTL_NOT : RF_UDPTL_PRIMARY;
}

RF_PURE bool rf_udptl_done(const struct rf_udptl *u)
{
	return u->stage >= RF_UDPTL_WHOLE;
}

/* Not done: where the bytes are that the next step asks for. They never go beyond the end. */
RF_PURE __u32 rf_udptl_next(const struct rf_udptl *u)
{
	return u->at + RF_UDPTL_PEEK > u->n ? u->n - RF_UDPTL_PEEK : u->at;
}

/*
 * The first bytes of an IFP packet of .len bytes: is there a data field, an indicator or the type of data, which of
 * them, in one byte or, behind the extension bit, in two. Only with a data field there is more.
 */
RF_PURE bool rf_udptl_ifp(__u32 first, __u32 len)
{
	bool extended = first & 0x20, data = first & 0x40;
	__u32 head = extended ? 2 : 1;

	if (extended ? first & 0x1c : data && (first >> 1 & 0xf) > 8)
		return false;
	if (first & 0x80)
		return data && len > head;
	return len == head && (extended || !(first & 1));
}

/* An open type: its length in one byte or two, never in fragments of 16 KiB; then at least one byte. */
RF_PURE void rf_udptl_open_type(struct rf_udptl *u, __u32 word, bool ifp)
{
	__u32 len = word >> 24, head = 1, first;

	if (len & 0x80) {
		len = word >> 16 & 0x3fff;
		head = 2;
		if (word & 0x40000000 || len < 0x80) {
			u->stage = RF_UDPTL_NOT;
			return;
		}
	}
	first = head == 1 ? word >> 16 & 0xff : word >> 8 & 0xff;
	if (!len || len > 0x3fff || u->at + head + len > u->n || (ifp && !rf_udptl_ifp(first, len)))
		u->stage = RF_UDPTL_NOT;
	else
		u->at += head + len;
}

/* Which error recovery: packets sent before, or FEC over a number of them, an INTEGER of one byte or two. */
RF_PURE void rf_udptl_kind(struct rf_udptl *u, __u32 word)
{
	__u32 kind = word >> 24, len = word >> 16 & 0xff;

	if (!kind) {
		u->entry = RF_UDPTL_IFP;
		u->at += 1;
	} else if (kind == 0x80 && (len == 1 || len == 2)) {
		u->entry = RF_UDPTL_FEC;
		u->at += 2 + len;
	} else {
		u->stage = RF_UDPTL_NOT;
		return;
	}
	u->stage = u->at < u->n ? RF_UDPTL_COUNT : RF_UDPTL_NOT;
}

/* .peek: the bytes at rf_udptl_next(), as a big endian number. Each step comes nearer to the end, or says no. */
RF_PURE void rf_udptl_step(struct rf_udptl *u, __u32 peek)
{
	/* at the end of the datagram they begin before .at; what is behind it reads as 0 */
	__u32 word = peek << 8 * ((u->at - rf_udptl_next(u)) & 3);

	switch (u->stage) {
	case RF_UDPTL_PRIMARY:
		rf_udptl_open_type(u, word, true);
		if (u->stage != RF_UDPTL_NOT)
			u->stage = u->at < u->n ? RF_UDPTL_KIND : RF_UDPTL_NOT;
		return;
	case RF_UDPTL_KIND: rf_udptl_kind(u, word); return;
	case RF_UDPTL_COUNT:
		u->left = word >> 24;
		u->at += 1;
		u->stage = u->left > RF_UDPTL_ENTRIES ? RF_UDPTL_NOT : u->entry;
		break;
	default:
		rf_udptl_open_type(u, word, u->entry == RF_UDPTL_IFP);
		u->left--;
		break;
	}
	if (u->stage == RF_UDPTL_NOT)
		return;
	if (!u->left)
		u->stage = u->at == u->n ? RF_UDPTL_WHOLE : RF_UDPTL_NOT;
	else if (u->at >= u->n)
		u->stage = RF_UDPTL_NOT;
}

#endif
