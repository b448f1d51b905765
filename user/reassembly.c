// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments are kept as they came, sorted by offset, until a datagram is whole or given up.
 * A datagram that was spoilt (overlap, limits) stays as an empty entry until its time is over, so
 * that its remaining fragments cannot begin a new one. Where room is short the oldest one gives way:
 * fragments of one datagram come together, so what waits longest is what will never be whole.
 */
#include "reassembly.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

struct piece {
	struct piece *next; /* by offset */
	struct piece *next_arrived; /* in order of arrival, for sending on */
	struct rf_punt meta;
	uint32_t offset, len; /* of the L4 bytes */
	bool more;
	size_t prefix_n, l4_at; /* within bytes */
	size_t n;
	char bytes[];
};

struct key { /* as in the kernel's tracker */
	struct rf_addr src, dst;
	uint32_t id;
	uint8_t version, proto, hook;
};

struct datagram {
	bool used, spoilt;
	bool signalling; /* the kernel said so for at least one fragment */
	struct key key;
	uint64_t since_ns;
	struct piece *first, *arrived, **arrived_end;
	uint32_t pieces;
	size_t bytes;
};

struct reassembly {
	struct reassembly_out out;
	struct datagram v[REASSEMBLY_DATAGRAMS_MAX];
	size_t used, bytes;
};

struct reassembly *reassembly_new(const struct reassembly_out *out)
{
	struct reassembly *r = calloc(1, sizeof(*r));

	if (r)
		r->out = *out;
	return r;
}

/* Lets the fragments go. dropped: they are counted as lost. */
static void datagram_empty(struct reassembly *r, struct datagram *d, bool dropped)
{
	struct piece *p, *next;
	uint32_t packets = d->pieces;
	size_t bytes = d->bytes;

	for (p = d->arrived; p; p = next) {
		next = p->next_arrived;
		free(p);
	}
	r->bytes -= d->bytes;
	d->first = d->arrived = NULL;
	d->arrived_end = &d->arrived;
	d->pieces = 0;
	d->bytes = 0;
	if (dropped && packets)
		r->out.dropped(packets, bytes, r->out.arg);
}

static void datagram_remove(struct reassembly *r, struct datagram *d, bool dropped)
{
	datagram_empty(r, d, dropped);
	d->used = false;
	r->used--;
}

void reassembly_free(struct reassembly *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++)
		if (r->v[i].used)
			datagram_empty(r, &r->v[i], false);
	free(r);
}

size_t reassembly_datagrams(const struct reassembly *r)
{
	return r->used;
}

size_t reassembly_bytes(const struct reassembly *r)
{
	return r->bytes;
}

static struct key key_of(const struct packet *p, const struct rf_punt *meta)
{
	struct key k;

	memset(&k, 0, sizeof(k)); /* compared as bytes */
	k.src = p->src;
	k.dst = p->dst;
	k.id = p->frag_id;
	k.version = p->version;
	k.proto = p->version == 4 ? p->proto : 0; /* IPv6: only the first fragment's counts */
	k.hook = meta->hook;
	return k;
}

static struct datagram *datagram_find(struct reassembly *r, const struct key *k)
{
	size_t i;

	for (i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++)
		if (r->v[i].used && !memcmp(&r->v[i].key, k, sizeof(*k)))
			return &r->v[i];
	return NULL;
}

/* The one that is waited for longest; .holding: of those that have fragments. NULL: there is none. */
static struct datagram *oldest(struct reassembly *r, bool holding, const struct datagram *but)
{
	struct datagram *found = NULL;
	size_t i;

	for (i = 0; i < REASSEMBLY_DATAGRAMS_MAX; i++) {
		struct datagram *d = &r->v[i];

		if (d->used && d != but && (!holding || d->pieces) &&
		    (!found || d->since_ns < found->since_ns))
			found = d;
	}
	return found;
}

static struct datagram *datagram_add(struct reassembly *r, const struct key *k, uint64_t now_ns)
{
	struct datagram *d = NULL;
	size_t i;

	if (r->used == REASSEMBLY_DATAGRAMS_MAX)
		datagram_remove(r, oldest(r, false, NULL), true);
	for (i = 0; !d; i++)
		if (!r->v[i].used)
			d = &r->v[i];
	memset(d, 0, sizeof(*d));
	d->used = true;
	d->key = *k;
	d->since_ns = now_ns;
	d->arrived_end = &d->arrived;
	r->used++;
	return d;
}

static void spoil(struct reassembly *r, struct datagram *d, const struct view packet)
{
	datagram_empty(r, d, true);
	d->spoilt = true;
	r->out.dropped(1, packet.n, r->out.arg);
}

enum fit { FIT_OK, FIT_DUPLICATE, FIT_OVERLAP };

/* Where the fragment belongs; *at: the link to put it into. */
static enum fit find_place(struct datagram *d, const struct packet *p, struct piece ***at)
{
	uint32_t end = p->frag_offset + p->l4.n;
	struct piece **link = &d->first, *prev = NULL;

	while (*link && (*link)->offset < p->frag_offset) {
		prev = *link;
		link = &prev->next;
	}
	if (*link && (*link)->offset == p->frag_offset && (*link)->len == p->l4.n &&
	    (*link)->more == p->more)
		return memcmp((*link)->bytes + (*link)->l4_at, p->l4.p, p->l4.n) ? FIT_OVERLAP
										 : FIT_DUPLICATE;
	if (prev && (prev->offset + prev->len > p->frag_offset || !prev->more))
		return FIT_OVERLAP; /* also: something behind the last fragment */
	if (*link && (end > (*link)->offset || !p->more))
		return FIT_OVERLAP;
	*at = link;
	return FIT_OK;
}

static bool complete(const struct datagram *d)
{
	const struct piece *p;
	uint32_t at = 0;

	for (p = d->first; p && p->offset == at; p = p->next) {
		at += p->len;
		if (!p->more)
			return true;
	}
	return false;
}

/* Header of the whole: the first fragment's without what makes it a fragment. */
static size_t whole_header(const struct piece *first, uint32_t l4_len, char *out)
{
	struct iphdr ip4;
	struct ip6_hdr ip6;
	size_t n = first->prefix_n;

	memcpy(out, first->bytes, n);
	if ((unsigned char)out[0] >> 4 == 4) {
		memcpy(&ip4, out, sizeof(ip4));
		ip4.tot_len = htons(n + l4_len);
		ip4.frag_off = 0;
		ip4.check = 0;
		memcpy(out, &ip4, sizeof(ip4));
		ip4.check = packet_checksum(out, n, 0);
		memcpy(out, &ip4, sizeof(ip4));
		return n;
	}
	memcpy(&ip6, out, sizeof(ip6));
	ip6.ip6_plen = htons(n - sizeof(ip6) + l4_len);
	/* Only UDP is held, and extension headers before the fragment header mean nothing to SIP. */
	if (n > sizeof(ip6)) {
		ip6.ip6_plen = htons(l4_len);
		n = sizeof(ip6);
	}
	ip6.ip6_nxt = first->bytes[first->prefix_n]; /* the fragment header's next header */
	memcpy(out, &ip6, sizeof(ip6));
	return n;
}

static void deliver(struct reassembly *r, struct datagram *d)
{
	const struct piece *p;
	uint32_t l4_len = 0;
	struct rf_punt meta;
	size_t at;
	char *buf;

	for (p = d->first; p; p = p->next)
		l4_len += p->len;
	buf = malloc(d->first->prefix_n + l4_len);
	if (!buf || d->first->prefix_n + l4_len > RF_PUNT_MAX) {
		free(buf);
		datagram_remove(r, d, true);
		return;
	}
	at = whole_header(d->first, l4_len, buf);
	for (p = d->first; p; p = p->next) {
		memcpy(buf + at, p->bytes + p->l4_at, p->len);
		at += p->len;
	}
	meta = d->first->meta;
	meta.kind = RF_PUNT_SIP;
	meta.len = at;
	datagram_remove(r, d, false);
	r->out.datagram(&meta, (struct view){ buf, at }, r->out.arg);
	free(buf);
}

/* The datagram is not signalling: everything goes on as it came, the first fragment last. */
static void send_on(struct reassembly *r, const struct rf_punt *meta, struct view packet,
		    struct datagram *d)
{
	const struct piece *p;

	for (p = d ? d->arrived : NULL; p; p = p->next_arrived)
		r->out.resend(&p->meta, (struct view){ p->bytes, p->n }, r->out.arg);
	r->out.resend(meta, packet, r->out.arg);
	if (d)
		datagram_remove(r, d, false);
}

static struct piece *piece_new(const struct rf_punt *meta, struct view packet,
			       const struct packet *p)
{
	struct piece *piece = malloc(sizeof(*piece) + packet.n);

	if (!piece)
		return NULL;
	*piece = (struct piece){
		.meta = *meta,
		.offset = p->frag_offset,
		.len = p->l4.n,
		.more = p->more,
		.prefix_n = p->frag_prefix.n,
		.l4_at = p->header_len,
		.n = packet.n,
	};
	memcpy(piece->bytes, packet.p, packet.n);
	return piece;
}

static void make_room(struct reassembly *r, const struct datagram *d, size_t n)
{
	struct datagram *old;

	while (r->bytes + n > REASSEMBLY_BYTES_MAX && (old = oldest(r, true, d)))
		datagram_remove(r, old, true);
}

static void keep(struct reassembly *r, struct datagram *d, const struct rf_punt *meta,
		 struct view packet, const struct packet *p)
{
	struct piece **link = NULL, *piece = NULL;
	enum fit fit = find_place(d, p, &link);

	if (fit == FIT_DUPLICATE)
		return;
	if (fit == FIT_OK && d->pieces < REASSEMBLY_FRAGMENTS_MAX) {
		make_room(r, d, packet.n);
		piece = piece_new(meta, packet, p);
	}
	if (!piece) {
		spoil(r, d, packet);
		return;
	}
	piece->next = *link;
	*link = piece;
	*d->arrived_end = piece;
	d->arrived_end = &piece->next_arrived;
	d->pieces++;
	d->bytes += packet.n;
	r->bytes += packet.n;
	d->signalling = d->signalling || meta->kind == RF_PUNT_FRAGMENT;
	if (d->signalling && complete(d))
		deliver(r, d);
}

/* RFC 791, RFC 8200 4.5: all but the last carry multiples of 8; nothing reaches beyond 65,535. */
static bool piece_valid(const struct packet *p)
{
	if (!p->l4.n || (p->more && p->l4.n % 8))
		return false;
	return p->frag_prefix.n + p->frag_offset + p->l4.n <= RF_PUNT_MAX;
}

void reassembly_add(struct reassembly *r, const struct rf_punt *meta, struct view packet,
		    uint64_t now_ns)
{
	struct datagram *d;
	struct packet p;
	struct key key;

	if (packet_parse(packet.p, packet.n, &p) || !p.fragment) {
		r->out.dropped(1, packet.n, r->out.arg);
		return;
	}
	key = key_of(&p, meta);
	d = datagram_find(r, &key);
	if (d && now_ns - d->since_ns >= REASSEMBLY_TIMEOUT_NS) {
		datagram_remove(r, d, true);
		d = NULL;
	}
	if (meta->kind == RF_PUNT_DEFERRED_END) {
		if (d && d->spoilt)
			r->out.dropped(1, packet.n, r->out.arg);
		else
			send_on(r, meta, packet, d);
		return;
	}
	if (!d)
		d = datagram_add(r, &key, now_ns);
	if (d->spoilt)
		r->out.dropped(1, packet.n, r->out.arg);
	else if (!piece_valid(&p))
		spoil(r, d, packet);
	else
		keep(r, d, meta, packet, &p);
}

void reassembly_expire(struct reassembly *r, uint64_t now_ns)
{
	size_t i;

	for (i = 0; i < REASSEMBLY_DATAGRAMS_MAX && r->used; i++)
		if (r->v[i].used && now_ns - r->v[i].since_ns >= REASSEMBLY_TIMEOUT_NS)
			datagram_remove(r, &r->v[i], true);
}
