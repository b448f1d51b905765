// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places: inside endpoints at which calls have pinholes. The kernel knows one pinhole per place, so
 * that of several calls is made of what they agreed on together, and one host's call cannot take the
 * media of another host's away by naming it in an SDP (promise P6).
 *
 * Who may be at a place: calls signalled by the host whose address it is; when there are none, those
 * of the host that named it first. The newest of these lends the pinhole its id and translation, the
 * others add to it what they allow as far as both fit together; the rest waits until it is over.
 */
#include "call_priv.h"

#include <stdlib.h>

#define CLAIMS_MAX 64 /* of one place, by its own host and by others each */
#define MEDIA	   (RF_CLASS_RTP | RF_CLASS_UDPTL)

enum claim_state {
	CLAIM_NEW, /* nobody has been told of it yet */
	CLAIM_SERVED,
	CLAIM_WAITS, /* a newer call of its host has the place, and both do not fit together */
	CLAIM_REFUSED, /* it is the place of another host's call */
};

struct claim { /* of one pinhole of a call */
	struct claim *next; /* newer */
	struct call *call;
	uint32_t order; /* pinhole_spec.claim */
	bool own; /* the place is the signalling host's */
	uint8_t state; /* enum claim_state */
};

struct place_key { /* hashed and compared as bytes */
	uint64_t seed;
	struct rf_ep inside;
	uint32_t pad;
};
_Static_assert(sizeof(struct place_key) == 32, "place_key");

struct place {
	UT_hash_handle hh;
	struct place_key key;
	struct claim *claims; /* oldest first */
};

static struct place_key key_of(const struct call_table *t, const struct rf_ep *inside)
{
	struct place_key k = { .seed = t->seed, .inside = *inside };

	k.inside.pad = 0;
	return k;
}

static struct place *place_find(const struct call_table *t, const struct rf_ep *inside)
{
	struct place_key k = key_of(t, inside);
	struct place *p;

	HASH_FIND(hh, t->places, &k, sizeof(k), p);
	return p;
}

static struct place *place_get(struct call_table *t, const struct rf_ep *inside)
{
	struct place *p = place_find(t, inside);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = key_of(t, inside);
	if (hash_add(hh, t->places, key, sizeof(p->key), p))
		return p;
	free(p);
	return NULL;
}

static void place_put(struct call_table *t, struct place *p)
{
	if (p->claims)
		return;
	HASH_DELETE(hh, t->places, p);
	free(p);
}

/* Its place, without claims if it is new, and memory for one. NULL: out of memory. */
static struct claim *claim_reserve(struct call_table *t, const struct rf_ep *inside)
{
	struct place *p = place_get(t, inside);
	struct claim *n = p ? calloc(1, sizeof(*n)) : NULL;

	if (p && !n)
		place_put(t, p);
	return n;
}

static void claim_add(struct call_table *t, struct call *c, const struct pinhole_spec *s,
		      struct claim *n)
{
	struct place *p = place_find(t, &s->inside);
	struct claim **at;

	n->call = c;
	n->order = s->claim;
	n->own = call_owns(c, s);
	for (at = &p->claims; *at && (*at)->order < n->order; at = &(*at)->next)
		;
	n->next = *at;
	*at = n;
}

static void claim_remove(struct call_table *t, const struct call *c, const struct rf_ep *inside)
{
	struct place *p = place_find(t, inside);

	for (struct claim **at = p ? &p->claims : NULL; at && *at; at = &(*at)->next) {
		struct claim *gone = *at;

		if (gone->call != c)
			continue;
		*at = gone->next;
		free(gone);
		place_put(t, p);
		return;
	}
}

/* May one more claim it? So many pinholes of one endpoint are no media but an attempt at our time. */
bool place_room(const struct call_table *t, const struct call *c, const struct pinhole_spec *s)
{
	const struct place *p = place_find(t, &s->inside);
	bool own = call_owns(c, s);
	size_t n = 0;

	for (const struct claim *q = p ? p->claims : NULL; q; q = q->next)
		n += q->own == own && q->call != c;
	return n < CLAIMS_MAX;
}

/* Whose calls have the place? */
static const struct claim *place_master(const struct place *p)
{
	for (const struct claim *q = p->claims; q; q = q->next)
		if (q->own)
			return q;
	return p->claims;
}

static bool may(const struct claim *q, const struct claim *master)
{
	if (master->own)
		return q->own;
	return addr_eq(&q->call->inside.addr, &master->call->inside.addr);
}

static const struct claim *place_lead(const struct place *p)
{
	const struct claim *master = place_master(p), *lead = master;

	for (const struct claim *q = master; q; q = q->next)
		if (may(q, master))
			lead = q;
	return lead;
}

static const struct pinhole_spec *pin_of(const struct place *p, const struct claim *q)
{
	const struct call *c = q->call;
	size_t i = 0;

	while (!ep_eq(&c->pins[i].inside, &p->key.inside))
		i++;
	return &c->pins[i];
}

/* A source that has to be learnt is one, so it cannot be that of two. */
static bool compatible(const struct pinhole_spec *a, const struct pinhole_spec *b)
{
	return ep_eq(&a->outside, &b->outside) && a->wan_ifindex == b->wan_ifindex &&
	       a->local == b->local && !a->learn && !b->learn;
}

static void merge_terms(struct pinhole_spec *s, const struct pinhole_spec *b)
{
	s->classes_in |= b->classes_in;
	s->classes_out |= b->classes_out;
	s->held_in = s->held_in && b->held_in;
	s->held_out = s->held_out && b->held_out;
	s->ice = s->ice || b->ice;
	s->out_first = s->out_first && b->out_first;
	s->low_ports = s->low_ports || b->low_ports;
	if (b->deadline_ns > s->deadline_ns)
		s->deadline_ns = b->deadline_ns;
	if (!b->idle_s || (s->idle_s && b->idle_s > s->idle_s))
		s->idle_s = b->idle_s;
	if (b->clock_rate != s->clock_rate)
		s->clock_rate = 0; /* there is no jitter of such a mixture */
	for (size_t n = 0; n < sizeof(s->payload_types_in); n++) {
		s->payload_types_in[n] |= b->payload_types_in[n];
		s->payload_types_out[n] |= b->payload_types_out[n];
	}
	s->rtcp_types |= b->rtcp_types;
}

/* False: there is no room for it. */
static bool merge_remote(struct pinhole_spec *s, const struct rf_remote *r, bool in, bool out)
{
	uint8_t i = 0;

	if (!in && !out)
		return true;
	while (i < s->n_remotes && memcmp(&s->remotes[i], r, sizeof(*r)) != 0)
		i++;
	if (i == RF_REMOTES_MAX)
		return false;
	if (i == s->n_remotes) {
		s->remotes[s->n_remotes++] = *r;
		s->not_in |= (uint8_t)(1 << i);
		s->not_out |= (uint8_t)(1 << i);
	}
	if (in)
		s->not_in &= (uint8_t) ~(1 << i);
	if (out)
		s->not_out &= (uint8_t) ~(1 << i);
	return true;
}

/* Remotes in turn, so that each call has one before another has its second. Where media is agreed to
 * flow, it is with those that agreed on it: the others may be on hold. */
static bool merge_remotes(struct pinhole_spec *s, const struct pinhole_spec *const *v, size_t n)
{
	bool all = true;

	memset(s->remotes, 0, sizeof(s->remotes));
	s->n_remotes = 0;
	for (uint8_t k = 0; k < RF_REMOTES_MAX; k++)
		for (size_t i = 0; i < n; i++) {
			bool in = v[i]->classes_in & MEDIA || !(s->classes_in & MEDIA);
			bool out = v[i]->classes_out & MEDIA || !(s->classes_out & MEDIA);

			if (k < v[i]->n_remotes && !merge_remote(s, &v[i]->remotes[k], in, out))
				all = false;
		}
	return all;
}

/* What the kernel has to know of a place. *all: every remote found its place. */
static void place_spec(const struct place *p, struct pinhole_spec *s, bool *all)
{
	const struct claim *master = place_master(p), *lead = place_lead(p);
	const struct pinhole_spec *v[CLAIMS_MAX + 1];
	size_t n = 0;

	*s = *pin_of(p, lead);
	*all = true;
	for (const struct claim *q = p->claims; q && n < CLAIMS_MAX; q = q->next) {
		if (q == lead || !may(q, master) || !compatible(s, pin_of(p, q)))
			continue;
		v[n++] = pin_of(p, q);
		merge_terms(s, v[n - 1]);
	}
	if (!n)
		return;
	v[n++] = pin_of(p, lead);
	for (size_t i = 0; i < n / 2; i++) { /* newest first */
		const struct pinhole_spec *other = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = other;
	}
	*all = merge_remotes(s, v, n);
}

static enum claim_state claim_should(const struct place *p, const struct claim *q)
{
	const struct claim *lead = place_lead(p);
	const struct pinhole_spec *a, *b;

	if (!may(q, place_master(p)))
		return CLAIM_REFUSED;
	a = pin_of(p, lead);
	b = pin_of(p, q);
	/* At the same endpoints nothing of it is left in the kernel that would have to be closed. */
	return ep_eq(&a->outside, &b->outside) ? CLAIM_SERVED : CLAIM_WAITS;
}

static void emit(struct action_list *out, enum action_kind kind, const struct pinhole_spec *s)
{
	struct action *a = action_add(out, kind);

	if (a)
		a->pinhole = *s;
}

static void tell_claims(struct place *p, struct action_list *out)
{
	for (struct claim *q = p->claims; q; q = q->next) {
		enum claim_state now = claim_should(p, q), before = q->state;
		uint32_t id = q->call->id;

		q->state = (uint8_t)now;
		if (now == before || now == CLAIM_SERVED)
			continue;
		if (before == CLAIM_SERVED)
			emit(out, ACT_PINHOLE_CLOSE, pin_of(p, q));
		if (now == CLAIM_REFUSED)
			action_event(
				out, EVENT_NOTE, id,
				"call %u: names the media endpoint of another host's call: no pinhole",
				id);
	}
}

static void touch(struct call_table *t, const struct rf_ep *inside)
{
	struct touched *n = &t->touched[t->n_touched];
	struct place *p = place_find(t, inside);
	bool all;

	for (size_t i = 0; i < t->n_touched; i++)
		if (ep_eq(&t->touched[i].inside, inside))
			return;
	n->inside = *inside;
	n->was.id = 0;
	if (p && p->claims)
		place_spec(p, &n->was, &all);
	t->n_touched++;
}

static const struct pinhole_spec *pin_at(const struct pinhole_spec *v, size_t n,
					 const struct rf_ep *inside)
{
	for (size_t i = 0; i < n; i++)
		if (ep_eq(&v[i].inside, inside))
			return &v[i];
	return NULL;
}

/* The place lives on without this pinhole: a set follows that takes its key over. */
static bool goes_on(struct call_table *t, const struct rf_ep *inside)
{
	const struct place *p = place_find(t, inside);

	return (p && p->claims && p->claims->next) || pin_at(t->want, t->n_want, inside);
}

static const struct pinhole_spec *by_id(const struct pinhole_spec *v, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].id == id)
			return &v[i];
	return NULL;
}

/* Of old pinholes that are gone: those whose place goes on, or the others. */
static void close_gone(struct call_table *t, const struct pinhole_spec *old, size_t n_old,
		       const bool *later, bool which, struct action_list *out)
{
	for (size_t i = 0; i < n_old; i++)
		if (later[i] == which && !by_id(t->want, t->n_want, old[i].id))
			emit(out, ACT_PINHOLE_CLOSE, &old[i]);
}

static void claims_unreserve(struct call_table *t, struct claim *spare)
{
	struct claim *next;

	for (; spare; spare = next) {
		next = spare->next;
		free(spare);
	}
	for (size_t k = 0; k < t->n_want; k++) {
		struct place *p = place_find(t, &t->want[k].inside);

		if (p)
			place_put(t, p);
	}
}

/* For what is new, before anything is changed; -ENOMEM: nothing was. */
static int claims_reserve(struct call_table *t, const struct pinhole_spec *old, size_t n_old,
			  struct claim **spare)
{
	*spare = NULL;
	for (size_t k = 0; k < t->n_want; k++) {
		struct claim *n;

		if (pin_at(old, n_old, &t->want[k].inside))
			continue;
		n = claim_reserve(t, &t->want[k].inside);
		if (!n) {
			claims_unreserve(t, *spare);
			return -ENOMEM;
		}
		n->next = *spare;
		*spare = n;
	}
	return 0;
}

static void claims_move(struct call_table *t, struct call *c, const struct pinhole_spec *old,
			size_t n_old, struct claim *spare)
{
	for (size_t i = 0; i < n_old; i++)
		if (!pin_at(t->want, t->n_want, &old[i].inside))
			claim_remove(t, c, &old[i].inside);
	for (size_t k = 0; k < t->n_want; k++) {
		struct claim *n = spare;

		if (pin_at(old, n_old, &t->want[k].inside))
			continue;
		spare = n->next;
		claim_add(t, c, &t->want[k], n);
	}
}

/* Closes of the call, then of each place a set, a note, and a close and a note per claim. */
static bool moves_reserve(struct call_table *t, const struct call *c, struct action_list *out)
{
	size_t n = c->n_pins;

	for (size_t i = 0; i < t->n_touched; i++) {
		const struct place *p = place_find(t, &t->touched[i].inside);

		n += 4;
		for (const struct claim *q = p ? p->claims : NULL; q; q = q->next)
			n += 2;
	}
	return action_reserve(out, n, 0);
}

static void places_tell(struct call_table *t, struct call *c, struct action_list *out)
{
	struct pinhole_spec now;

	for (size_t i = 0; i < t->n_touched; i++) {
		struct touched *was = &t->touched[i];
		struct place *p = place_find(t, &was->inside);
		bool all;

		if (!p)
			continue;
		place_spec(p, &now, &all);
		if (memcmp(&now, &was->was, sizeof(now)) != 0)
			emit(out, ACT_PINHOLE_SET, &now);
		if (!all)
			call_note(c, NOTE_REMOTES, out,
				  "more remote endpoints than one pinhole holds");
		tell_claims(p, out);
	}
}

int places_move(struct call_table *t, struct call *c, struct action_list *out)
{
	struct pinhole_spec *old = t->had, *v = c->pins;
	bool later[CALL_PINHOLES_MAX] = { false };
	size_t n_old = c->n_pins;
	struct claim *spare;

	if (n_old)
		memcpy(old, c->pins, n_old * sizeof(*old));
	if (claims_reserve(t, old, n_old, &spare))
		return -ENOMEM;
	if (t->n_want > n_old && !(v = malloc(t->n_want * sizeof(*v))))
		goto err;
	t->n_touched = 0;
	for (size_t i = 0; i < n_old; i++)
		if (!by_id(t->want, t->n_want, old[i].id)) {
			touch(t, &old[i].inside);
			later[i] = goes_on(t, &old[i].inside);
		}
	for (size_t k = 0; k < t->n_want; k++) {
		const struct pinhole_spec *w = &t->want[k], *was = by_id(old, n_old, w->id);

		if (!was || memcmp(was, w, sizeof(*was)) != 0)
			touch(t, &w->inside);
	}
	if (!moves_reserve(t, c, out))
		goto err;
	close_gone(t, old, n_old, later, false, out);
	claims_move(t, c, old, n_old, spare);
	if (v != c->pins || !t->n_want)
		free(c->pins);
	if (!t->n_want)
		v = NULL;
	else
		memcpy(v, t->want, t->n_want * sizeof(*v));
	c->pins = v;
	c->n_pins = t->n_want;
	places_tell(t, c, out);
	close_gone(t, old, n_old, later, true, out);
	return 0;
err:
	if (v != c->pins)
		free(v);
	claims_unreserve(t, spare);
	return -ENOMEM;
}

void places_leave(struct call_table *t, struct call *c)
{
	for (size_t i = 0; i < c->n_pins; i++)
		claim_remove(t, c, &c->pins[i].inside);
}

int places_restore(struct call_table *t, struct call *c)
{
	size_t i = 0;

	for (; i < c->n_pins; i++) {
		struct claim *n = claim_reserve(t, &c->pins[i].inside);

		if (!n)
			break;
		claim_add(t, c, &c->pins[i], n);
	}
	if (i == c->n_pins)
		return 0;
	while (i-- > 0)
		claim_remove(t, c, &c->pins[i].inside);
	return -ENOMEM;
}

void places_restored(struct call_table *t, struct action_list *out)
{
	struct pinhole_spec s;
	bool all;

	for (struct place *p = t->places; p; p = p->hh.next) {
		for (struct claim *q = p->claims; q; q = q->next)
			q->state = (uint8_t)claim_should(p, q);
		place_spec(p, &s, &all);
		emit(out, ACT_PINHOLE_SET, &s);
	}
}

size_t places_count(const struct call_table *t)
{
	return HASH_COUNT(t->places);
}

void places_moved(struct call_table *t, const struct wan_moves *moves, struct action_list *out)
{
	struct pinhole_spec s;
	bool all;

	for (struct place *p = t->places; p; p = p->hh.next) {
		place_spec(p, &s, &all);
		for (size_t i = 0; i < moves->n; i++)
			if (s.wan_ifindex == moves->v[i].to) {
				emit(out, ACT_PINHOLE_SET, &s);
				break;
			}
	}
}

const struct pinhole_spec *place_serves(const struct call_table *t, const struct call *c,
					const struct pinhole_spec *s)
{
	const struct place *p = place_find(t, &s->inside);

	for (const struct claim *q = p ? p->claims : NULL; q; q = q->next)
		if (q->call == c)
			return q->state == CLAIM_SERVED ? pin_of(p, place_lead(p)) : NULL;
	return NULL;
}

struct call *place_next(const struct call_table *t, const struct rf_ep *inside,
			const struct call *c)
{
	const struct place *p = place_find(t, inside);
	const struct claim *q = p ? p->claims : NULL;

	while (c && q && q->call != c)
		q = q->next;
	if (c && q)
		q = q->next;
	while (q && q->state != CLAIM_SERVED)
		q = q->next;
	return q ? q->call : NULL;
}
