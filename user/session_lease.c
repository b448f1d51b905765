// SPDX-License-Identifier: GPL-2.0-only
/*
 * Public ports for the inside endpoints of one call. A lease hangs on the inside endpoint: forks and
 * bundled m-lines share it, a re-INVITE that does not move the endpoint keeps it, and one that does
 * gets another while the old one lives as long as a description names it. Calls of one host that have
 * an endpoint in common have its public port in common (RFC 4787 REQ-1).
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX      16 /* of one m-line: 49170/2 has two */
#define CALL_PAIRS_MAX 64 /* of one call: a few SDPs must not take the whole range */

static struct ports_user user_of(const struct leases *l, const struct lease *q)
{
	return (struct ports_user){
		.host = l->host,
		.inside = q->inside,
		.wire = q->wire,
		.ifindex = q->ifindex,
		.pairs = q->pairs,
		.single = q->single,
	};
}

static void lease_release(const struct leases *l, struct ports *p, const struct lease *q)
{
	struct ports_user u = user_of(l, q);

	ports_share_release(p, &u);
}

static unsigned int pairs_held(const struct leases *l)
{
	unsigned int n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].pairs;
	return n;
}

/* Offset of inside within a lease; -1: not covered. */
static int lease_offset(const struct lease *l, uint32_t ifindex, const struct rf_ep *inside)
{
	int off = ntohs(inside->port) - ntohs(l->inside.port);

	if (l->ifindex != ifindex || !addr_eq(&l->inside.addr, &inside->addr) || off < 0 ||
	    off >= (l->single ? 1 : 2 * l->pairs))
		return -1;
	return off;
}

static struct lease *lease_find(const struct leases *l, uint32_t ifindex,
				const struct rf_ep *inside, bool first)
{
	struct lease *covering = NULL;

	for (size_t i = 0; i < l->n; i++) {
		int off = lease_offset(&l->v[i], ifindex, inside);

		if (off == 0)
			return &l->v[i];
		if (off > 0)
			covering = &l->v[i];
	}
	return first ? NULL : covering;
}

bool leases_find_index(const struct leases *l, uint32_t ifindex, const struct rf_ep *inside,
		       struct rf_ep *outside)
{
	const struct lease *q = lease_find(l, ifindex, inside, false);

	if (!q)
		return false;
	*outside = ep_make(q->wire, (uint16_t)(q->base + lease_offset(q, ifindex, inside)));
	return true;
}

bool leases_find(const struct leases *l, const struct topology_wan *wan, const struct rf_ep *inside,
		 struct rf_ep *outside)
{
	return leases_find_index(l, wan->ifindex, inside, outside);
}

bool leases_inside(const struct leases *l, uint32_t ifindex, const struct rf_ep *outside,
		   struct rf_ep *inside)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct lease *q = &l->v[i];
		int off = ntohs(outside->port) - q->base;

		if (q->ifindex != ifindex || !addr_eq(&q->wire, &outside->addr) || off < 0 ||
		    off >= (q->single ? 1 : 2 * q->pairs))
			continue;
		*inside = ep_above(q->inside, (unsigned int)off);
		return true;
	}
	return false;
}

/* The device has another address: nobody reaches the former one any more, so what was leased there is given back. */
static int lease_readdress(struct leases *l, struct ports *p, struct lease *q,
			   const struct topology_wan *wan)
{
	struct lease n = *q;
	struct ports_user user;
	int err;

	n.wire = *topology_wire(wan, &q->inside.addr);
	user = user_of(l, &n);
	err = ports_share(p, &user, wan->port_lo, wan->port_hi, &n.base);
	if (err == -ENOSPC)
		l->lacked = n.wire;
	if (err)
		return err == -EINVAL ? -ENOSPC : err;
	lease_release(l, p, q);
	*q = n;
	return 0;
}

static int lease_add(struct leases *l, struct ports *p, const struct rf_ep *inside,
		     unsigned int pairs, bool single, const struct topology_wan *wan)
{
	const struct rf_addr *wire = topology_wire(wan, &inside->addr);
	struct lease *q = lease_find(l, wan->ifindex, inside, true);
	struct ports_user user;
	int err;

	if (q && q->pairs >= pairs && (single || !q->single))
		return !wire || addr_eq(wire, &q->wire) ? 0 : lease_readdress(l, p, q, wan);
	if (!wire || pairs > PAIRS_MAX || pairs_held(l) + pairs > CALL_PAIRS_MAX)
		return -ENOSPC;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 1;
		struct lease *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	q = &l->v[l->n];
	*q = (struct lease){ .inside = *inside,
			     .wire = *wire,
			     .ifindex = wan->ifindex,
			     .pairs = (uint8_t)pairs,
			     .single = single };
	user = user_of(l, q);
	err = ports_share(p, &user, wan->port_lo, wan->port_hi, &q->base);
	if (err == -ENOSPC)
		l->lacked = *wire;
	if (err)
		return err == -EINVAL ? -ENOSPC : err;
	l->n++;
	return 0;
}

/* Does the line have a public port? Held ones keep theirs, refused ones have none. */
static bool line_leased(const struct media_line *m)
{
	return m->flags & LINE_XLATE && !(m->flags & (LINE_OFF | LINE_FOREIGN)) &&
	       proto_served(m->proto) && !addr_is_any(&m->rtp.addr);
}

/* Has it one of the other family, too? */
static bool alternative_leased(const struct media_line *m)
{
	struct media_line other;

	return line_other_family(m, &other) && line_leased(&other);
}

/* RTCP that is not in the pair of its RTP. */
static bool line_rtcp_apart(const struct media_line *m)
{
	struct rf_ep above = ep_above(m->rtp, 1);

	return m->rtcp.port && !ep_eq(&m->rtcp, &above) && !ep_eq(&m->rtcp, &m->rtp);
}

int leases_take(struct leases *l, struct ports *p, const struct desc *d,
		const struct topology_wan *wan)
{
	size_t had = l->n;
	int err = 0;

	l->lacked = (struct rf_addr){ 0 };

	for (uint16_t i = 0; i < d->n && !err; i++) {
		const struct media_line *m = &d->line[i];

		if (!line_leased(m))
			continue;
		err = lease_add(l, p, &m->rtp, m->count, false, wan);
		if (!err && line_rtcp_apart(m))
			err = lease_add(l, p, &m->rtcp, m->count, m->count == 1, wan);
	}
	for (uint16_t i = 0; i < d->n && !err; i++) {
		const struct media_line *m = &d->line[i];

		if (alternative_leased(m))
			err = lease_add(l, p, &m->alt_rtp, m->count, false, wan);
	}
	while (err && l->n > had)
		lease_release(l, p, &l->v[--l->n]);
	return err;
}

void leases_clear_marks(struct leases *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].used = false;
}

static void keep(struct leases *l, const struct rf_ep *inside)
{
	for (size_t i = 0; i < l->n; i++)
		if (ep_eq(&l->v[i].inside, inside))
			l->v[i].used = true;
}

void leases_keep(struct leases *l, const struct desc *d)
{
	for (uint16_t i = 0; d && i < d->n; i++) {
		const struct media_line *m = &d->line[i];

		if (alternative_leased(m))
			keep(l, &m->alt_rtp);
		if (!line_leased(m))
			continue;
		keep(l, &m->rtp);
		if (line_rtcp_apart(m))
			keep(l, &m->rtcp);
	}
}

size_t leases_park(struct leases *l)
{
	size_t n = 0, all = l->n;

	for (size_t i = 0; i < all; i++) {
		struct lease q = l->v[i];

		if (!q.used)
			continue;
		memmove(&l->v[n + 1], &l->v[n], (i - n) * sizeof(q));
		l->v[n++] = q;
	}
	l->n = n;
	return all - n;
}

void leases_unpark(struct leases *l, size_t n)
{
	l->n += n;
}

void leases_sweep(struct leases *l, struct ports *p)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct lease *q = &l->v[i];

		if (q->used)
			l->v[n++] = *q;
		else
			lease_release(l, p, q);
	}
	l->n = n;
	if (!n) {
		free(l->v);
		*l = (struct leases){ .host = l->host };
	}
}

int leases_claim(struct leases *l, struct ports *p)
{
	for (size_t i = 0; i < l->n; i++) {
		struct ports_user u = user_of(l, &l->v[i]);
		int err = ports_share_claim(p, &u, l->v[i].base);

		if (!err)
			continue;
		while (i-- > 0)
			lease_release(l, p, &l->v[i]);
		return err;
	}
	return 0;
}

void leases_moved(struct leases *l, const struct wan_moves *moves)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].ifindex = wan_moves_to(moves, l->v[i].ifindex);
}

void leases_record(struct record *r, struct leases *l, struct wan_names *names, bool named)
{
	size_t n = l->n;

	record_count(r, &n, 1024);
	if (r->reading) {
		*l = (struct leases){ .host = l->host };
		if (!n)
			return;
		/* A count that the bytes cannot hold must not cost memory. */
		if (n > r->n - r->pos) {
			r->failed = true;
			return;
		}
		l->v = record_calloc(r, n, sizeof(*l->v));
		if (!l->v)
			return;
		l->n = l->cap = n;
	}
	for (size_t i = 0; i < n; i++) {
		struct lease *q = &l->v[i];

		record_ep(r, &q->inside);
		record_addr(r, &q->wire);
		wan_names_record(names, r, named, &q->ifindex);
		record_u16(r, &q->base);
		record_u8(r, &q->pairs);
		record_bool(r, &q->single);
	}
}
