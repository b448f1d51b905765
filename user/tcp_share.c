// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts, and whose turn it is. The limits of handshakes are fixed for each class, as such a one is soon
 * over; of connections, which may last, a class takes what the others do not need and leaves them a reserve.
 */
#include "tcp_share.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "addr.h"

#define UNIT 1024 /* bytes of one, for share.h: those of an address are small beside it */

const char *tcp_class_name(enum tcp_class class)
{
	static const char *const names[] = {
		[TCP_FROM_INSIDE] = "inside",
		[TCP_FROM_PEER] = "peers",
		[TCP_FROM_STRANGER] = "strangers",
	};

	return names[class];
}

static struct tcp_source *source_get(struct tcp_shares *s, enum tcp_class class,
				     const struct rf_addr *from)
{
	struct tcp_source_key key = { .addr = *from, .class = class };
	struct tcp_source *o;

	if (class != TCP_FROM_INSIDE && !addr_is_v4(from))
		key.addr.w[2] = key.addr.w[3] = 0;
	HASH_FIND(hh, s->sources, &key, sizeof(key), o);
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->key = key;
	if (hash_add(hh, s->sources, key, sizeof(o->key), o))
		return o;
	free(o);
	return NULL;
}

static void source_put(struct tcp_shares *s, struct tcp_source *o)
{
	if (o->n[TCP_OPENING] + o->n[TCP_SILENT] + o->n[TCP_TALKS])
		return;
	HASH_DELETE(hh, s->sources, o);
	free(o);
}

static void count(struct tcp_shares *s, const struct tcp_claim *c, int by)
{
	s->class[c->class].n[c->stage] += by;
	c->source->n[c->stage] += by;
}

/* Each class has a share of its own: within it all are alike. */
static int list(struct tcp_shares *s, struct tcp_claim *c, const struct tcp_source *o,
		enum tcp_class class, enum tcp_stage stage)
{
	struct share_key who = share_inside(&o->key.addr);

	return share_join(&s->class[class].by_host[stage], &c->item, &who, UNIT);
}

int tcp_share_join(struct tcp_shares *s, struct tcp_claim *c, enum tcp_class class,
		   const struct rf_addr *from, uint64_t now_ns)
{
	struct tcp_source *o = source_get(s, class, from);

	if (!o)
		return -ENOMEM;
	if (list(s, c, o, class, TCP_OPENING)) {
		source_put(s, o);
		return -ENOMEM;
	}
	c->class = class;
	c->stage = TCP_OPENING;
	c->since_ns = now_ns;
	c->source = o;
	count(s, c, 1);
	return 0;
}

static void unlist(struct tcp_shares *s, struct tcp_claim *c)
{
	if (c->item.host)
		share_leave(&s->class[c->class].by_host[c->stage], &c->item);
	c->item.host = NULL;
}

void tcp_share_leave(struct tcp_shares *s, struct tcp_claim *c)
{
	unlist(s, c);
	count(s, c, -1);
	source_put(s, c->source);
}

int tcp_share_move(struct tcp_shares *s, struct tcp_claim *c, enum tcp_stage to, uint64_t now_ns)
{
	if (to <= c->stage)
		return 0;
	unlist(s, c);
	count(s, c, -1);
	c->stage = to;
	c->since_ns = now_ns;
	count(s, c, 1);
	return to == TCP_TALKS ? 0 : list(s, c, c->source, c->class, to);
}

void tcp_share_free(struct tcp_shares *s)
{
	for (int kind = 0; kind < TCP_CLASSES; kind++)
		for (int stage = 0; stage < TCP_TALKS; stage++)
			share_free(&s->class[kind].by_host[stage]);
}

/* ---- limits ---- */

static size_t connections(const size_t *n)
{
	return n[TCP_SILENT] + n[TCP_TALKS];
}

/* What stays free for this class, whatever the others hold; half of the table is for nobody in particular. */
static size_t reserve(const struct tcp_shares *s, enum tcp_class class)
{
	return class == TCP_FROM_STRANGER ? 0 : s->max / 4;
}

size_t tcp_share_class_max(const struct tcp_shares *s, enum tcp_class class, enum tcp_stage stage)
{
	size_t max = s->max;

	if (stage == TCP_OPENING)
		return TCP_OPENING_MAX / (class == TCP_FROM_STRANGER ? 2 : 4);
	for (int other = 0; other < TCP_CLASSES; other++)
		if (other != (int)class)
			max -= reserve(s, other);
	return max;
}

/* A stranger's address 1/16 of the table; one that is known, behind which there may be many, a quarter. */
static size_t connections_max(const struct tcp_shares *s, enum tcp_class class)
{
	if (class != TCP_FROM_STRANGER)
		return s->max / 4;
	return s->max >= 16 ? s->max / 16 : 1;
}

static bool source_over(const struct tcp_shares *s, const struct tcp_claim *c)
{
	const struct tcp_source *o = c->source;

	if (c->stage == TCP_OPENING)
		return o->n[TCP_OPENING] > TCP_OPENING_MAX / 16;
	return o->n[TCP_SILENT] > TCP_SILENT_MAX ||
	       o->n[TCP_SILENT] + o->n[TCP_TALKS] > connections_max(s, c->class);
}

/* Of connections: all of them, and what the others have left of their reserves. */
static bool class_over(const struct tcp_shares *s, const struct tcp_claim *c)
{
	const size_t *own = s->class[c->class].n;
	size_t wanted = 0, n;

	if (c->stage == TCP_OPENING)
		return own[TCP_OPENING] > tcp_share_class_max(s, c->class, TCP_OPENING);
	for (int i = 0; i < TCP_CLASSES; i++) {
		n = connections(s->class[i].n);
		wanted += i != (int)c->class && n < reserve(s, i) ? reserve(s, i) : n;
	}
	return wanted > s->max;
}

enum tcp_room tcp_share_room(const struct tcp_shares *s, const struct tcp_claim *c, uint64_t now_ns,
			     struct tcp_claim **out)
{
	const struct share *all = &s->class[c->class].by_host[c->stage];
	bool own = source_over(s, c);
	struct share_item *i;
	struct tcp_claim *v;
	int64_t least;

	if (!own && !class_over(s, c))
		return TCP_ROOM;
	i = own ? share_excess(all, &c->item, SIZE_MAX, 0)
		: share_excess(all, &c->item, 0, SIZE_MAX);
	if (!i)
		return TCP_NO_ROOM;
	v = (struct tcp_claim *)((char *)i - offsetof(struct tcp_claim, item));
	least = c->stage == TCP_OPENING ? TCP_OPENING_MIN_NS : TCP_SILENT_MIN_NS;
	if ((int64_t)(now_ns - v->since_ns) < least)
		return TCP_NO_ROOM;
	*out = v;
	return TCP_GIVES_WAY;
}

const struct tcp_source *tcp_share_most(const struct tcp_shares *s, enum tcp_class class)
{
	const struct tcp_source *o, *best = NULL;
	uint32_t most = 0, n;

	for (o = s->sources; o; o = o->hh.next) {
		n = o->n[TCP_OPENING] + o->n[TCP_SILENT] + o->n[TCP_TALKS];
		if (o->key.class == (uint32_t) class && n > most) {
			best = o;
			most = n;
		}
	}
	return best;
}
