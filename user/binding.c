// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalling bindings: which endpoint on the WAN stands for which inside SIP endpoint. Look-ups are
 * hashed three ways; what ends is found by a heap.
 */
#include "binding.h"
#include "except.h"

#include <stdlib.h>
#include <utlist.h>

#include "record_save.h"

#define RECORD_MAGIC	      0x474e4942 /* "BING" */
#define RECORD_VERSION	      2
#define RECORD_VERSION_OLDEST 1 /* that can be read */

#define SIP_PORT 5060 /* RFC 3261 19.1.2: meant when none is written */

/* Linux's ip_local_port_range by default: other flows of this machine (and of its MASQUERADE) use
 * these numbers, so a signalling port there would catch strangers' packets. Below 1024 the same
 * holds for the machine's services. */
#define EPHEMERAL_LO  32768
#define EPHEMERAL_HI  60999
#define PRIVILEGED_HI 1023

#define HOST_MAX 16 /* of the range for one inside address, or half of it if that is more */

/* .inside and .wan_ifindex, .wan_ifindex and .outside */
#define KEY_SIZE (sizeof(struct rf_ep) + sizeof(uint32_t))
_Static_assert(offsetof(struct binding, wan_ifindex) ==
			       offsetof(struct binding, inside) + sizeof(struct rf_ep) &&
		       offsetof(struct binding, outside) ==
			       offsetof(struct binding, wan_ifindex) + sizeof(uint32_t),
	       "keys of bindings");

struct binding_host { /* an inside address */
	UT_hash_handle hh;
	struct rf_addr addr;
	uint32_t n, n_new;
	uint32_t n_range; /* whose port is of the configured range: those have to do for all */
	struct binding *waiting; /* unanswered */
};

struct binding_table {
	struct binding *by_id, *by_inside, *by_outside;
	struct binding
		anchor; /* in the latter two, so that they are never empty: see binding_moved() */
	struct expiry_heap heap;
	uint32_t *next_id;
	uint32_t max;
	uint16_t lo, hi;
	struct rf_ep excepts[CONFIG_SIP_EXCEPTS_MAX]; /* left to others */
	uint16_t n_excepts;
	uint16_t cursor[2]; /* by family: port to look at first; 0: .lo */
	struct binding_host *hosts;
	struct binding *waiting; /* unanswered */
	struct wan_names *names;
	/* WANs that ever had a binding: where an endpoint's other bindings are looked for */
	uint32_t wans[2 * CONFIG_WANS_MAX];
	size_t n_wans;
};

struct binding_table *binding_table_new(const struct config *c, uint32_t *next_id)
{
	struct binding_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->next_id = next_id;
	binding_reconfigure(t, c);
	t->anchor.wan_ifindex = UINT32_MAX; /* nobody's */
	if (!hash_add(hh_inside, t->by_inside, inside, KEY_SIZE, &t->anchor) ||
	    !hash_add(hh_outside, t->by_outside, wan_ifindex, KEY_SIZE, &t->anchor)) {
		binding_table_free(t);
		return NULL;
	}
	return t;
}

void binding_reconfigure(struct binding_table *t, const struct config *c)
{
	t->max = c->max_bindings;
	t->lo = c->sip_public_lo;
	t->hi = c->sip_public_hi;
	t->n_excepts = c->n_sip_excepts;
	memcpy(t->excepts, c->sip_excepts, sizeof(t->excepts));
}

void binding_table_free(struct binding_table *t)
{
	struct binding_host *h, *next;
	struct binding *b, *tmp;

	if (!t)
		return;
	HASH_CLEAR(hh_inside, t->by_inside);
	HASH_CLEAR(hh_outside, t->by_outside);
	HASH_ITER (hh_id, t->by_id, b, tmp) {
		HASH_DELETE(hh_id, t->by_id, b);
		free(b);
	}
	HASH_ITER (hh, t->hosts, h, next) {
		HASH_DELETE(hh, t->hosts, h);
		free(h);
	}
	free(t->heap.v);
	free(t);
}

size_t binding_count(const struct binding_table *t)
{
	return HASH_CNT(hh_id, t->by_id);
}

/* Hashed and compared as bytes: .pad of a caller's endpoint must not count. */
static struct rf_ep ep_key(const struct rf_ep *ep)
{
	return (struct rf_ep){ .addr = ep->addr, .port = ep->port };
}

struct binding *binding_by_inside(const struct binding_table *t, uint32_t wan_ifindex,
				  const struct rf_ep *inside)
{
	struct {
		struct rf_ep ep;
		uint32_t wan_ifindex;
	} k = { ep_key(inside), wan_ifindex };
	struct binding *b;

	_Static_assert(sizeof(k) == KEY_SIZE, "as in struct binding");
	HASH_FIND(hh_inside, t->by_inside, &k, sizeof(k), b);
	return b;
}

struct binding *binding_by_outside(const struct binding_table *t, uint32_t wan_ifindex,
				   const struct rf_ep *outside)
{
	struct {
		uint32_t wan_ifindex;
		struct rf_ep ep;
	} k = { wan_ifindex, ep_key(outside) };
	struct binding *b;

	_Static_assert(sizeof(k) == KEY_SIZE, "as in struct binding");
	HASH_FIND(hh_outside, t->by_outside, &k, sizeof(k), b);
	return b;
}

struct binding *binding_by_id(const struct binding_table *t, uint32_t id)
{
	struct binding *b;

	HASH_FIND(hh_id, t->by_id, &id, sizeof(id), b);
	return b;
}

struct binding *binding_by_token(const struct binding_table *t, const struct topology_wan *wan,
				 const struct sip_hostport *hp)
{
	const struct rf_addr *wire, *text;
	struct binding *b = NULL;
	struct rf_ep ep;

	if (!hp->is_addr)
		return NULL;
	wire = topology_wire(wan, &hp->addr);
	text = topology_public(wan, &hp->addr);
	ep = ep_make(hp->addr, hp->port.p ? hp->port_value : SIP_PORT);
	if (wire && (addr_eq(wire, &hp->addr) || addr_eq(text, &hp->addr))) {
		ep.addr = *wire;
		b = binding_by_outside(t, wan->ifindex, &ep);
	}
	return b ? b : binding_by_inside(t, wan->ifindex, &ep);
}

struct rf_ep binding_public(const struct topology *topo, const struct binding *b)
{
	const struct topology_wan *wan = topology_wan_by_index(topo, b->wan_ifindex);
	const struct rf_addr *wire = wan ? topology_wire(wan, &b->outside.addr) : NULL;
	struct rf_ep ep = b->outside;

	if (wire && addr_eq(wire, &ep.addr))
		ep.addr = *topology_public(wan, &ep.addr);
	return ep;
}

static void record(struct record *r, const struct binding_table *t, struct binding *b)
{
	record_head(r, RECORD_MAGIC, RECORD_VERSION_OLDEST, RECORD_VERSION);
	wan_names_record(t->names, r, r->version > 1, &b->wan_ifindex);
	record_ep(r, &b->inside);
	record_ep(r, &b->outside);
	record_enum(r, &b->mode, RF_MODE_NAT + 1);
	record_bool(r, &b->is_static);
	record_u8(r, &b->portless);
	record_u8(r, &b->own_public);
	record_text(r, b->inside_text, sizeof(b->inside_text));
	record_u64(r, &b->expiry.until_ns);
}

static void save(const struct binding_table *t, struct binding *b, struct action_list *out)
{
	struct record r = { 0 };

	record_write(&r);
	record(&r, t, b);
	record_save(&r, RECORD_BINDING, b->id, out);
}

static void signal_action(const struct binding *b, enum action_kind kind, struct action_list *out)
{
	struct action *a = action_add(out, kind);

	if (!a)
		return;
	a->signal.id = b->id;
	a->signal.wan_ifindex = b->wan_ifindex;
	a->signal.outside = b->outside;
	a->signal.inside = b->inside;
	a->signal.local = b->mode == RF_MODE_HOST;
}

static struct binding_host *host_find(const struct binding_table *t, const struct rf_addr *a)
{
	struct binding_host *h;

	HASH_FIND(hh, t->hosts, a, sizeof(*a), h);
	return h;
}

static struct binding_host *host_get(struct binding_table *t, const struct rf_addr *a)
{
	struct binding_host *h = host_find(t, a);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->addr = *a;
	if (hash_add(hh, t->hosts, addr, sizeof(h->addr), h))
		return h;
	free(h);
	return NULL;
}

static void host_put(struct binding_table *t, struct binding_host *h)
{
	if (h->n)
		return;
	HASH_DELETE(hh, t->hosts, h);
	free(h);
}

static void wait_begin(struct binding_table *t, struct binding *b)
{
	DL_APPEND(t->waiting, b);
	DL_APPEND2(b->host->waiting, b, host_prev, host_next);
	b->host->n_new++;
}

static void wait_end(struct binding_table *t, struct binding *b)
{
	DL_DELETE(t->waiting, b);
	DL_DELETE2(b->host->waiting, b, host_prev, host_next);
	b->host->n_new--;
}

static bool is_of_range(const struct binding_table *t, const struct binding *b)
{
	uint16_t port = ntohs(b->outside.port);

	return b->mode == RF_MODE_NAT && port >= t->lo && port <= t->hi;
}

/* Where an endpoint's other bindings are looked for. */
static void wan_note(struct binding_table *t, uint32_t wan_ifindex)
{
	size_t i;

	for (i = 0; i < t->n_wans && t->wans[i] != wan_ifindex; i++)
		;
	if (i == t->n_wans && i < sizeof(t->wans) / sizeof(t->wans[0]))
		t->wans[t->n_wans++] = wan_ifindex;
}

/* -ENOMEM: b is not in the table. */
static int insert(struct binding_table *t, struct binding *b, uint64_t until_ns)
{
	b->table = t;
	b->host = host_get(t, &b->inside.addr);
	if (!b->host)
		return -ENOMEM;
	b->inside = ep_key(&b->inside);
	b->outside = ep_key(&b->outside);
	if (expiry_add(&t->heap, &b->expiry, until_ns))
		goto err_host;
	if (!hash_add(hh_id, t->by_id, id, sizeof(b->id), b))
		goto err_expiry;
	if (!hash_add(hh_inside, t->by_inside, inside, KEY_SIZE, b))
		goto err_id;
	if (!hash_add(hh_outside, t->by_outside, wan_ifindex, KEY_SIZE, b))
		goto err_inside;
	b->host->n++;
	b->of_range = is_of_range(t, b);
	b->host->n_range += b->of_range;
	if (!b->answered)
		wait_begin(t, b);
	wan_note(t, b->wan_ifindex);
	return 0;

err_inside:
	HASH_DELETE(hh_inside, t->by_inside, b);
err_id:
	HASH_DELETE(hh_id, t->by_id, b);
err_expiry:
	expiry_remove(&t->heap, &b->expiry);
err_host:
	host_put(t, b->host);
	return -ENOMEM;
}

/* The kernel knows an inside endpoint once, whatever WAN it speaks to: closing one binding's port
 * takes the entry of the endpoint's others away, so they are asked for again. */
static void set_siblings(const struct binding_table *t, const struct binding *b,
			 struct action_list *out)
{
	size_t i;

	for (i = 0; i < t->n_wans; i++) {
		struct binding *other = binding_by_inside(t, t->wans[i], &b->inside);

		if (other)
			signal_action(other, ACT_SIGNAL_SET, out);
	}
}

/* Room for what closing one asks for; false: it has to wait. */
static bool close_room(const struct binding_table *t, struct action_list *out)
{
	return action_reserve(out, 2 + t->n_wans, 0);
}

/* b is out of the heap already. */
static void close_binding(struct binding_table *t, struct binding *b, struct action_list *out)
{
	HASH_DELETE(hh_id, t->by_id, b);
	/* not there: moved without memory */
	if (b->hh_inside.tbl)
		HASH_DELETE(hh_inside, t->by_inside, b);
	if (b->hh_outside.tbl)
		HASH_DELETE(hh_outside, t->by_outside, b);
	if (!b->answered)
		wait_end(t, b);
	b->host->n--;
	b->host->n_range -= b->of_range;
	host_put(t, b->host);
	signal_action(b, ACT_SIGNAL_CLOSE, out);
	record_forget(RECORD_BINDING, b->id, out);
	set_siblings(t, b, out);
	free(b);
}

static bool port_free(const struct binding_table *t, const struct topology_wan *wan,
		      const struct rf_ep *ep)
{
	uint16_t port = ntohs(ep->port);

	if (port >= wan->port_lo && port <= wan->port_hi)
		return false; /* media: given out per call */
	if (sip_excepted(t->excepts, t->n_excepts, ep))
		return false;
	return !binding_by_outside(t, wan->ifindex, ep);
}

/* Its own number where free (RFC 4787 4.2.1), else the next free one of the configured range. */
static bool pick_port(struct binding_table *t, const struct topology_wan *wan,
		      const struct rf_ep *inside, struct rf_ep *ep)
{
	uint16_t *cursor = &t->cursor[addr_is_v4(&inside->addr)];
	uint32_t port = ntohs(inside->port), n;

	ep->port = inside->port;
	if (port > PRIVILEGED_HI && (port < EPHEMERAL_LO || port > EPHEMERAL_HI) &&
	    port_free(t, wan, ep))
		return true;
	if (!t->lo || t->lo > t->hi)
		return false;
	port = *cursor >= t->lo && *cursor <= t->hi ? *cursor : t->lo;
	for (n = t->hi - t->lo + 1; n; n--) {
		ep->port = htons((uint16_t)port);
		port = port == t->hi ? t->lo : port + 1;
		if (!port_free(t, wan, ep))
			continue;
		*cursor = (uint16_t)port;
		return true;
	}
	return false;
}

static enum rf_reason outside_of(struct binding_table *t, const struct topology *topo,
				 uint32_t wan_ifindex, const struct rf_ep *inside,
				 enum rf_mode mode, struct rf_ep *outside)
{
	const struct topology_wan *wan = topology_wan_by_index(topo, wan_ifindex);
	const struct rf_addr *wire;

	if (mode == RF_MODE_AUTO)
		return RF_R_SIP_NO_INSIDE;
	if (!wan)
		return RF_R_NO_ROUTE;
	*outside = *inside;
	if (mode != RF_MODE_NAT)
		return binding_by_outside(t, wan_ifindex, inside) ? RF_R_SIP_NO_PORTS : RF_R_NONE;
	wire = topology_wire(wan, &inside->addr);
	if (!wire)
		return RF_R_NO_ROUTE;
	outside->addr = *wire;
	return pick_port(t, wan, inside, outside) ? RF_R_NONE : RF_R_SIP_NO_PORTS;
}

static bool give_way(struct binding_table *t, struct binding *b, uint64_t now_ns,
		     struct action_list *out)
{
	/* not one of the message at work */
	if (!b || b->asked_ns == now_ns || b->is_static || !close_room(t, out))
		return false;
	expiry_remove(&t->heap, &b->expiry);
	close_binding(t, b, out);
	return true;
}

/* Room for one more of this address? Who asks for much gives up its own first. */
static bool make_room(struct binding_table *t, const struct binding *new, uint64_t now_ns,
		      struct action_list *out)
{
	const struct rf_addr *inside = &new->inside.addr;
	uint32_t host_max = (uint32_t)(t->hi - t->lo + 1) / 2;
	struct binding_host *h = host_find(t, inside);

	if (host_max < HOST_MAX || t->hi < t->lo)
		host_max = HOST_MAX;
	if (h && h->n_new >= BINDING_NEW_MAX && !give_way(t, h->waiting, now_ns, out))
		return false;
	h = host_find(t, inside);
	if (h && is_of_range(t, new) && h->n_range >= host_max &&
	    !give_way(t, h->waiting, now_ns, out))
		return false;
	/* Answered ones last until they are not used any more: a quarter is left to others. */
	h = host_find(t, inside);
	if (h && h->n >= t->max - t->max / 4 && !give_way(t, h->waiting, now_ns, out))
		return false;
	if (binding_count(t) < t->max)
		return true;
	h = host_find(t, inside);
	return (h && give_way(t, h->waiting, now_ns, out)) || give_way(t, t->waiting, now_ns, out);
}

/* A port of the range for one of this address: the same order. */
static bool make_port(struct binding_table *t, uint32_t wan_ifindex, const struct rf_addr *inside,
		      uint64_t now_ns, struct action_list *out)
{
	struct binding *best = NULL, *b;

	DL_FOREACH (t->waiting, b) {
		if (b->wan_ifindex != wan_ifindex || !is_of_range(t, b) || b->asked_ns == now_ns ||
		    addr_is_v4(&b->inside.addr) != addr_is_v4(inside))
			continue;
		if (!best)
			best = b;
		if (addr_eq(&b->inside.addr, inside)) {
			best = b;
			break;
		}
	}
	return give_way(t, best, now_ns, out);
}

static enum rf_reason create(struct binding_table *t, const struct topology *topo,
			     uint32_t wan_ifindex, const struct rf_ep *inside, uint64_t now_ns,
			     struct action_list *out, struct binding **b)
{
	struct binding n = { .wan_ifindex = wan_ifindex, .inside = *inside };
	enum rf_reason reason;

	n.mode = topology_mode(topo, &inside->addr);
	reason = outside_of(t, topo, wan_ifindex, inside, n.mode, &n.outside);
	if (reason == RF_R_SIP_NO_PORTS && n.mode == RF_MODE_NAT &&
	    make_port(t, wan_ifindex, &inside->addr, now_ns, out))
		reason = outside_of(t, topo, wan_ifindex, inside, n.mode, &n.outside);
	if (reason != RF_R_NONE)
		return reason;
	if (!make_room(t, &n, now_ns, out))
		return RF_R_SIP_LIMIT;
	n.asked_ns = now_ns;
	*b = malloc(sizeof(**b));
	if (!*b || !action_reserve(out, 2, 0))
		goto err;
	n.id = (*t->next_id)++;
	**b = n;
	if (insert(t, *b, now_ns + binding_life(*b)))
		goto err;
	signal_action(*b, ACT_SIGNAL_SET, out);
	save(t, *b, out);
	return RF_R_NONE;
err:
	free(*b);
	*b = NULL;
	out->failed = true;
	return RF_R_OUT_OF_MEMORY;
}

enum rf_reason binding_get(struct binding_table *t, const struct topology *topo,
			   uint32_t wan_ifindex, const struct rf_ep *inside, uint64_t now_ns,
			   struct action_list *out, struct binding **b)
{
	struct binding *found = binding_by_inside(t, wan_ifindex, inside);
	enum rf_reason reason = RF_R_NONE;

	if (found && found->unset)
		signal_action(found, ACT_SIGNAL_SET, out);
	if (found) {
		found->unset = false;
		found->asked_ns = now_ns;
		binding_touch(found, now_ns + binding_life(found));
		if (!found->answered) { /* to the end of the queue */
			wait_end(t, found);
			wait_begin(t, found);
		}
	} else {
		reason = create(t, topo, wan_ifindex, inside, now_ns, out, &found);
	}
	if (reason == RF_R_NONE)
		*b = found;
	return reason;
}

void binding_answered(struct binding_table *t, struct binding *b, uint64_t now_ns)
{
	if (!b->answered) {
		wait_end(t, b);
		b->answered = true;
	}
	binding_touch(b, now_ns + BINDING_LIFE_NS);
}

void binding_failed(struct binding_table *t, uint32_t id)
{
	struct binding *b = binding_by_id(t, id);

	if (b)
		b->unset = true;
}

void binding_touch(struct binding *b, uint64_t until_ns)
{
	expiry_extend(&b->expiry, until_ns);
}

static struct binding *from_expiry(struct expiry *e)
{
	return (struct binding *)((char *)e - offsetof(struct binding, expiry));
}

void binding_tick(struct binding_table *t, uint64_t now_ns, struct action_list *out)
{
	struct expiry *e;

	while (close_room(t, out) && (e = expiry_pop(&t->heap, now_ns)))
		close_binding(t, from_expiry(e), out);
}

void binding_save_all(struct binding_table *t, struct action_list *out)
{
	for (struct binding *b = t->by_id; b; b = b->hh_id.next)
		save(t, b, out);
}

/* Would binding_get() still give this? */
static bool still_right(const struct topology *topo, const struct binding *b)
{
	const struct topology_wan *wan = topology_wan_by_index(topo, b->wan_ifindex);
	const struct rf_addr *wire = wan ? topology_wire(wan, &b->inside.addr) : NULL;

	/* Without an address for now, as of a device that is made anew: peers go on writing to this one, which may
	 * come back. Another one in its place ends it. */
	if (wan && !wire)
		return true;
	if (!wan || topology_mode(topo, &b->inside.addr) != b->mode)
		return false;
	return b->mode != RF_MODE_NAT || addr_eq(wire, &b->outside.addr);
}

static void make_static(struct binding_table *t, const struct topology *topo,
			const struct rf_ep *inbound, uint64_t now_ns, struct action_list *out)
{
	struct binding *b;
	uint16_t i;

	for (i = 0; i < topo->n_wans; i++) {
		if (!topology_wire(&topo->wans[i], &inbound->addr) ||
		    binding_get(t, topo, topo->wans[i].ifindex, inbound, now_ns, out, &b) !=
			    RF_R_NONE)
			continue;
		if (b->is_static)
			continue;
		b->is_static = true;
		expiry_set(&t->heap, &b->expiry, EXPIRY_NEVER);
		save(t, b, out);
	}
}

void binding_topology(struct binding_table *t, const struct topology *topo,
		      const struct rf_ep *inbound, uint64_t now_ns, struct action_list *out)
{
	struct binding *b, *tmp;

	HASH_ITER (hh_id, t->by_id, b, tmp) {
		if (!still_right(topo, b)) {
			if (!close_room(t, out)) {
				out->failed =
					true; /* asked again with the next look at the system */
				return;
			}
			expiry_remove(&t->heap, &b->expiry);
			close_binding(t, b, out);
		} else if (b->is_static && (!inbound || !ep_eq(&b->inside, inbound))) {
			b->is_static = false;
			expiry_set(&t->heap, &b->expiry, now_ns + BINDING_LIFE_NS);
			save(t, b, out);
		}
	}
	if (inbound)
		make_static(t, topo, inbound, now_ns, out);
}

void binding_table_wans(struct binding_table *t, struct wan_names *names)
{
	t->names = names;
}

/* Entries come back into tables that are not empty and were as large before, which takes no memory but by an accident
 * of the hash. */
void binding_moved(struct binding_table *t, const struct wan_moves *moves, struct action_list *out)
{
	struct binding *b, *tmp;

	HASH_ITER (hh_id, t->by_id, b, tmp) {
		if (wan_moves_to(moves, b->wan_ifindex) == b->wan_ifindex)
			continue;
		HASH_DELETE(hh_inside, t->by_inside, b);
		HASH_DELETE(hh_outside, t->by_outside, b);
	}
	for (size_t i = 0; i < t->n_wans; i++)
		t->wans[i] = wan_moves_to(moves, t->wans[i]);
	HASH_ITER (hh_id, t->by_id, b, tmp) {
		uint32_t to = wan_moves_to(moves, b->wan_ifindex);
		bool found;

		if (to == b->wan_ifindex)
			continue;
		b->wan_ifindex = to;
		found = hash_add(hh_inside, t->by_inside, inside, KEY_SIZE, b);
		found = hash_add(hh_outside, t->by_outside, wan_ifindex, KEY_SIZE, b) && found;
		if (!found) { /* its host asks again */
			expiry_remove(&t->heap, &b->expiry);
			close_binding(t, b, out);
			out->failed = true;
			continue;
		}
		signal_action(b, ACT_SIGNAL_SET, out);
		save(t, b, out);
	}
}

int binding_restore(struct binding_table *t, uint32_t id, struct view bytes, uint64_t now_ns)
{
	struct record r = { 0 };
	/* Whether it was answered is not known any more; it has the benefit of the doubt. */
	struct binding n = { .id = id, .answered = true }, *b;
	uint64_t until;
	int err;

	record_read(&r, bytes);
	record(&r, t, &n);
	err = record_error(&r);
	if (err)
		return err;
	if (!id || n.mode == RF_MODE_AUTO || binding_by_id(t, id) ||
	    binding_by_inside(t, n.wan_ifindex, &n.inside) ||
	    binding_by_outside(t, n.wan_ifindex, &n.outside))
		return -EINVAL;
	until = n.expiry.until_ns;
	if (until < now_ns + BINDING_LIFE_NS)
		until = now_ns + BINDING_LIFE_NS;
	b = malloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = n;
	if (insert(t, b, until)) {
		free(b);
		return -ENOMEM;
	}
	if (*t->next_id <= id)
		*t->next_id = id + 1;
	return 0;
}

void binding_restored(struct binding_table *t, struct action_list *out)
{
	struct binding *b, *tmp;

	HASH_ITER (hh_id, t->by_id, b, tmp)
		signal_action(b, ACT_SIGNAL_SET, out);
}

void binding_style(struct binding *b, enum binding_role role, const struct sip_hostport *hp,
		   bool own_public, struct action_list *out)
{
	uint8_t own = (b->own_public & ~role) | (own_public ? role : 0);
	char text[sizeof(b->inside_text)], canonical[ADDR_TEXT_MAX];
	uint8_t portless = b->portless;

	memcpy(text, b->inside_text, sizeof(text));
	if (!own_public) {
		portless = (portless & ~role) | (hp->port.p ? 0 : role);
	}
	if (!own_public && hp->is_addr && addr_eq(&hp->addr, &b->inside.addr)) {
		memset(text, 0, sizeof(text));
		if (hp->host.n < sizeof(text) &&
		    !view_eq(hp->host, view_of(addr_uri_text(&b->inside.addr, canonical))))
			memcpy(text, hp->host.p, hp->host.n);
	}
	if (portless == b->portless && own == b->own_public &&
	    !memcmp(text, b->inside_text, sizeof(text)))
		return;
	b->portless = portless;
	b->own_public = own;
	memcpy(b->inside_text, text, sizeof(text));
	save(b->table, b, out);
}
