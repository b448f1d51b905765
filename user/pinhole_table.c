// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinhole specs into the maps. A copy of what the maps hold is kept by id, so that a close finds
 * both entries again also when the caller knows only the id, and a sweep looks at tombstones only.
 */
#include "pinhole_table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "call_ends.h"
#include "datapath_priv.h"
#include "hash.h"
#include "inbound.h"
#include "out_first.h"
#include "pinhole_entry.h"
#include "pinhole_found.h"
#include "slots.h"

#define TOMBSTONE_QUIET_NS (60ULL * 1000000000)
#define SWEEP_BATCH	   2000 /* per call, so that a mass hang-up does not stop signalling */

struct entry {
	uint32_t id;
	uint32_t slot; /* of pinhole_state; SLOT_NONE: signalling */
	bool live; /* set since this start (or closed: false) */
	bool closed;
	bool unsure; /* closed, but the kernel would not have it: to be tried again */
	bool rest; /* there may be more in other maps: further remotes, a learnt source */
	bool has_key[2]; /* by enum rf_dir */
	struct rf_pinhole_key key[2];
	uint64_t quiet_since_ns; /* closed: when a packet last hit it, as far as is known */
	uint64_t drops;
	UT_hash_handle hh;
	struct entry *prev, *next; /* list of closed ones, oldest look first */
};

struct pinhole_table {
	const struct datapath *dp;
	struct entry *by_id;
	struct entry *closed;
	size_t n_unsure;
	uint32_t highest;
	struct slots slots; /* of pinhole_state */
	struct inbound inbound;
	struct out_first *out_first;
	struct call_ends ends;
	struct pinhole_found found; /* until all that lived before is set again */
};

static struct rf_pinhole_key key_of(const struct rf_ep *ep, enum rf_dir dir)
{
	return (struct rf_pinhole_key){ .addr = ep->addr, .port = ep->port, .dir = dir };
}

static struct entry *entry_find(const struct pinhole_table *t, uint32_t id)
{
	struct entry *e;

	HASH_FIND(hh, t->by_id, &id, sizeof(id), e);
	return e;
}

bool pinhole_table_has(const struct pinhole_table *t, uint32_t id)
{
	const struct entry *e = entry_find(t, id);

	return e && e->live && !e->closed;
}

int pinhole_table_last(const struct pinhole_table *t, uint32_t id, uint64_t *last_ns)
{
	const struct entry *e = entry_find(t, id);
	struct rf_pinhole_state s;

	if (!e || e->slot == SLOT_NONE)
		return -ENOENT;
	if (bpf_map_lookup_elem(t->dp->map[MAP_PINHOLE_STATE], &e->slot, &s))
		return -errno;
	*last_ns = s.dir[RF_DIR_IN].last_ns > s.dir[RF_DIR_OUT].last_ns ? s.dir[RF_DIR_IN].last_ns
									: s.dir[RF_DIR_OUT].last_ns;
	return 0;
}

static struct entry *entry_get(struct pinhole_table *t, uint32_t id)
{
	struct entry *e = entry_find(t, id);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->id = id;
	if (!hash_add(hh, t->by_id, id, sizeof(e->id), e)) {
		free(e);
		return NULL;
	}
	if (id < ID_FIRST_MANUAL && id > t->highest)
		t->highest = id;
	return e;
}

static void entry_delete(struct pinhole_table *t, struct entry *e)
{
	if (e->closed)
		DL_DELETE(t->closed, e);
	t->n_unsure -= e->unsure;
	slots_give(&t->slots, e->slot);
	HASH_DEL(t->by_id, e);
	free(e);
}

static void entry_closed(struct pinhole_table *t, struct entry *e, uint64_t now_ns)
{
	if (e->closed)
		return;
	e->closed = true;
	e->quiet_since_ns = now_ns;
	DL_APPEND(t->closed, e);
}

/* All that no entry has, after a restart. */
static int slots_read(struct pinhole_table *t)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct entry *e;
	bool *used;
	int err;

	if (bpf_obj_get_info_by_fd(t->dp->map[MAP_PINHOLE_STATE], &info, &len))
		return -errno;
	used = calloc(info.max_entries, sizeof(*used));
	if (!used)
		return -ENOMEM;
	for (e = t->by_id; e; e = e->hh.next)
		if (e->slot < info.max_entries)
			used[e->slot] = true;
	err = slots_init(&t->slots, info.max_entries, t->inbound.n, used);
	free(used);
	return err;
}

static bool has_rest(const struct rf_pinhole *p)
{
	return p->n_remotes > 1 || p->flags & RF_PH_LEARN;
}

/* As conntrack's time-outs are now; what cannot be read stays as it was. */
static void ends_keep(struct pinhole_table *t)
{
	struct rf_settings s;
	__u32 zero = 0;

	if (!bpf_map_lookup_elem(t->dp->map[MAP_SETTINGS], &zero, &s))
		call_ends_keep(&t->ends, s.call_end_s);
}

struct pinhole_table *pinhole_table_new(const struct datapath *dp)
{
	struct pinhole_table *t = calloc(1, sizeof(*t));
	const struct pinhole_found_entry *v;
	struct entry *e;
	size_t i;

	if (!t)
		return NULL;
	t->dp = dp;
	t->out_first = out_first_new();
	if (!t->out_first || inbound_open(&t->inbound, dp->map[MAP_INBOUND]) ||
	    call_ends_open(&t->ends, dp->map[MAP_CALL_ENDS]) || pinhole_found_read(&t->found, dp)) {
		pinhole_table_free(t);
		return NULL;
	}
	/* Each pinhole that is restored writes its own again. */
	inbound_clear_all(&t->inbound);
	for (i = 0; i < t->found.n; i++) {
		v = &t->found.v[i];
		e = entry_get(t, v->p.id);
		if (!e) {
			pinhole_table_free(t);
			return NULL;
		}
		e->slot = v->p.slot;
		e->rest = true; /* remotes that it no longer has may still be there */
		e->has_key[v->key.dir & 1] = true;
		e->key[v->key.dir & 1] = v->key;
		if (v->p.state == RF_PINHOLE_CLOSED)
			entry_closed(t, e, clock_now_ns());
	}
	if (slots_read(t)) {
		pinhole_table_free(t);
		return NULL;
	}
	ends_keep(t);
	return t;
}

void pinhole_table_free(struct pinhole_table *t)
{
	struct entry *e, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->by_id, e, next) {
		HASH_DEL(t->by_id, e);
		free(e);
	}
	slots_free(&t->slots);
	inbound_close(&t->inbound);
	out_first_free(t->out_first);
	pinhole_found_free(&t->found);
	call_ends_close(&t->ends);
	free(t);
}

uint32_t pinhole_table_highest_id(const struct pinhole_table *t)
{
	return t->highest;
}

static bool unread(int failed)
{
	return failed && errno != ENOENT;
}

/* Whom the pinhole p at key, from the WAN, let in; at most RF_REMOTES_MAX + 1. *known: false: that cannot be told */
static size_t let_in(const struct pinhole_table *t, const struct rf_pinhole *p, struct rf_ep *out,
		     bool *known)
{
	struct rf_more_key key = { .id = p->id, .dir = RF_DIR_IN };
	struct rf_remote all[RF_REMOTES_MAX] = { p->remote };
	struct rf_learnt l;
	size_t n = 0;
	int i, failed;

	*known = true;
	if (p->n_remotes > 1 && bpf_map_lookup_elem(t->dp->map[MAP_MORE_REMOTES], &key, &all[1]))
		*known = false; /* it must have them */
	/* of prefixes only who was learnt */
	for (i = 0; i < p->n_remotes && i < RF_REMOTES_MAX; i++)
		if (all[i].port && all[i].prefix_len == 128)
			out[n++] = (struct rf_ep){ .addr = all[i].addr, .port = all[i].port };
	if (!(p->flags & RF_PH_LEARN))
		return n;
	failed = bpf_map_lookup_elem(t->dp->map[MAP_LEARNT], &p->id, &l);
	if (!failed && l.state == RF_LEARN_LOCKED)
		out[n++] = l.ep;
	if (unread(failed))
		*known = false;
	return n;
}

/* The pinhole p at key goes, or lets in others: those are the call's for a while still. */
static void note_end(struct pinhole_table *t, const struct rf_pinhole_key *key,
		     const struct rf_pinhole *p)
{
	struct rf_ep own = { .addr = key->addr, .port = key->port }, remotes[RF_REMOTES_MAX + 1];
	bool known;
	size_t n;

	if (p->classes & RF_CLASS_SIP)
		return;
	n = let_in(t, p, remotes, &known);
	if (n || !known)
		call_ends_add(&t->ends, &own, known ? remotes : NULL, n, clock_now_ns());
}

static int gone(int failed)
{
	return failed && errno != ENOENT ? -errno : 0;
}

/* Before v is written to key. -errno: what is there is not known, so it must not be written over. */
static int note_before(struct pinhole_table *t, const struct rf_pinhole_key *key,
		       const struct pinhole_entry *v)
{
	struct rf_more_key more_key = { .id = v->p.id, .dir = RF_DIR_IN };
	struct rf_more_remotes more = { 0 };
	struct rf_pinhole old;

	if (bpf_map_lookup_elem(t->dp->map[MAP_PINHOLES], key, &old))
		return gone(-1);
	if (old.id == v->p.id && old.n_remotes == v->p.n_remotes &&
	    !memcmp(&old.remote, &v->p.remote, sizeof(old.remote)) &&
	    (old.n_remotes < 2 ||
	     (!bpf_map_lookup_elem(t->dp->map[MAP_MORE_REMOTES], &more_key, &more) &&
	      !memcmp(&more, &v->more, (old.n_remotes - 1) * sizeof(more.remotes[0])))))
		return 0;
	note_end(t, key, &old);
	return 0;
}

/* The remotes first: the entry says how many of them count. */
static int put(struct pinhole_table *t, const struct rf_pinhole_key *key,
	       const struct pinhole_entry *v)
{
	struct rf_more_key more = { .id = v->p.id, .dir = key->dir };
	int err = key->dir == RF_DIR_IN ? note_before(t, key, v) : 0;

	if (err)
		return err;
	inbound_clear(&t->inbound, key);
	pinhole_found_forget(&t->found, key);
	if (v->p.n_remotes > 1 &&
	    bpf_map_update_elem(t->dp->map[MAP_MORE_REMOTES], &more, &v->more, BPF_ANY))
		return -errno;
	return bpf_map_update_elem(t->dp->map[MAP_PINHOLES], key, &v->p, BPF_ANY) ? -errno : 0;
}

/* What a pinhole has beside its entries and its slot. */
static void remove_rest(const struct pinhole_table *t, uint32_t id)
{
	struct rf_more_key more = { .id = id };

	for (more.dir = 0; more.dir < 2; more.dir++)
		bpf_map_delete_elem(t->dp->map[MAP_MORE_REMOTES], &more);
	bpf_map_delete_elem(t->dp->map[MAP_LEARNT], &id);
}

/* The entry at key, if it is still the one of id: 1, 0, or -errno: not known. */
static int mine(const struct pinhole_table *t, const struct rf_pinhole_key *key, uint32_t id,
		struct rf_pinhole *out)
{
	if (bpf_map_lookup_elem(t->dp->map[MAP_PINHOLES], key, out))
		return gone(-1);
	return out->id == id;
}

/* 0: it is not there, or not ours. */
static int remove_mine(struct pinhole_table *t, const struct rf_pinhole_key *key, uint32_t id)
{
	struct rf_pinhole p;
	int is = mine(t, key, id, &p);

	if (!is)
		return 0;
	inbound_clear(&t->inbound, key);
	pinhole_found_forget(&t->found, key);
	if (is > 0 && key->dir == RF_DIR_IN)
		note_end(t, key, &p);
	return is < 0 ? is : gone(bpf_map_delete_elem(t->dp->map[MAP_PINHOLES], key));
}

static int remove_both(struct pinhole_table *t, const struct entry *e)
{
	int dir, err = 0, more;

	for (dir = 0; dir < 2; dir++) {
		more = e->has_key[dir] ? remove_mine(t, &e->key[dir], e->id) : 0;
		err = err ? err : more;
	}
	return err;
}

static void set_unsure(struct pinhole_table *t, struct entry *e, bool unsure)
{
	t->n_unsure += unsure - e->unsure;
	e->unsure = unsure;
}

/* False: it may still be in the map, so it stays here, too. */
static bool purge(struct pinhole_table *t, struct entry *e)
{
	set_unsure(t, e, remove_both(t, e) != 0);
	if (e->unsure)
		return false;
	if (e->rest)
		remove_rest(t, e->id);
	entry_delete(t, e);
	return true;
}

/* Tombstones only tell a drop's name: the oldest give way before anything else is refused. */
static bool make_way(struct pinhole_table *t, const struct entry *but)
{
	struct entry *e = t->closed;

	if (e == but && e)
		e = e->next;
	return e && purge(t, e);
}

/* A new pinhole begins with nothing counted; statistics and the learnt source of a known one stay. */
static int state_create(struct pinhole_table *t, struct entry *e, const struct rf_pinhole_key *in,
			bool learn, const struct rf_pinhole_cold *cold)
{
	uint32_t want = inbound_slot(&t->inbound, in);
	static const struct rf_pinhole_state no_state;
	static const struct rf_learnt nothing;
	int err = 0;

	if (e->slot == SLOT_NONE) {
		if (slots_take_this(&t->slots, want))
			e->slot = want;
		while (e->slot == SLOT_NONE && (err = slots_take(&t->slots, &e->slot)) &&
		       make_way(t, e))
			;
		if (!err && bpf_map_update_elem(t->dp->map[MAP_PINHOLE_STATE], &e->slot, &no_state,
						BPF_ANY))
			err = -errno;
	}
	if (!err && bpf_map_update_elem(t->dp->map[MAP_PINHOLE_COLD], &e->slot, cold, BPF_ANY))
		err = -errno;
	if (!err && learn &&
	    bpf_map_update_elem(t->dp->map[MAP_LEARNT], &e->id, &nothing, BPF_NOEXIST) &&
	    errno != EEXIST)
		err = -errno;
	return err;
}

/* Does signalling of somebody have this place? An SDP may name any port of any inside host as that of
 * its media: it must not take a SIP port away from who speaks there. -EADDRINUSE: it has; -errno: not known. */
static int not_signalling(const struct pinhole_table *t, const struct rf_pinhole_key *key)
{
	struct rf_pinhole p;

	if (bpf_map_lookup_elem(t->dp->map[MAP_PINHOLES], key, &p))
		return gone(-1);
	return p.classes & RF_CLASS_SIP && p.state == RF_PINHOLE_OPEN ? -EADDRINUSE : 0;
}

/* Does an open pinhole of this process lead elsewhere from this public place? The deciders give each its own; here
 * none takes a neighbour's media away where they are wrong, or where a program of this machine speaks at a port that
 * is leased to a host behind it. As not_signalling(). */
static int not_anothers(const struct pinhole_table *t, const struct pinhole_spec *s)
{
	struct rf_pinhole_key in = key_of(&s->outside, RF_DIR_IN),
			      out = key_of(&s->inside, RF_DIR_OUT);
	const struct entry *e;
	struct rf_pinhole p;

	if (bpf_map_lookup_elem(t->dp->map[MAP_PINHOLES], &in, &p))
		return gone(-1);
	if (p.id == s->id || p.state != RF_PINHOLE_OPEN || !pinhole_table_has(t, p.id))
		return 0;
	e = entry_find(t, p.id);
	return memcmp(&e->key[RF_DIR_IN], &in, sizeof(in)) != 0 ||
			       !memcmp(&e->key[RF_DIR_OUT], &out, sizeof(out))
		       ? 0
		       : -EADDRINUSE;
}

/* Nothing of a new one stays open; one that was there with these keys is as it was, in the map, too. */
static void set_failed(struct pinhole_table *t, struct entry *e, const struct rf_pinhole_key key[2],
		       const bool was[2])
{
	int dir, err = 0, more;

	for (dir = 0; dir < 2; dir++) {
		if (was[dir])
			continue;
		if (e->has_key[dir] && memcmp(&e->key[dir], &key[dir], sizeof(key[dir]))) {
			err = -EAGAIN; /* where it was before: closed with the next sweep */
			continue;
		}
		more = remove_mine(t, &key[dir], e->id);
		err = err ? err : more;
		e->has_key[dir] = more != 0;
		e->key[dir] = key[dir];
	}
	if (was[0] || was[1])
		return;
	remove_rest(t, e->id);
	if (err) {
		entry_closed(t, e, clock_now_ns());
		set_unsure(t, e, true);
	} else {
		entry_delete(t, e);
	}
}

/* Writes both entries; what the same id had elsewhere goes. On failure a new one is not open, and one that
 * was there is as it was in what has not been written.
 * .cold: of media; NULL: signalling, which has no slot. */
static int set_both(struct pinhole_table *t, uint32_t id, const struct rf_pinhole_key key[2],
		    struct pinhole_entry value[2], const struct rf_pinhole_cold *cold)
{
	struct entry *e = entry_get(t, id);
	bool was[2];
	int dir, err = 0;

	if (!e)
		return -ENOMEM;
	for (dir = 0; dir < 2; dir++)
		was[dir] = e->has_key[dir] && !e->closed &&
			   !memcmp(&e->key[dir], &key[dir], sizeof(key[dir]));
	e->rest |= has_rest(&value[RF_DIR_IN].p) || has_rest(&value[RF_DIR_OUT].p);
	if (cold)
		err = state_create(t, e, &key[RF_DIR_IN], value[RF_DIR_IN].p.flags & RF_PH_LEARN,
				   cold);
	value[RF_DIR_IN].p.slot = value[RF_DIR_OUT].p.slot = e->slot;
	for (dir = 0; dir < 2 && !err; dir++)
		if (e->has_key[dir] && !was[dir] &&
		    memcmp(&e->key[dir], &key[dir], sizeof(key[dir]))) {
			err = remove_mine(t, &e->key[dir], id);
			e->has_key[dir] = err != 0;
		}
	for (dir = 0; dir < 2 && !err; dir++)
		while ((err = put(t, &key[dir], &value[dir])) == -E2BIG && make_way(t, e))
			;
	if (err) {
		set_failed(t, e, key, was);
		return err;
	}
	if (e->closed) {
		DL_DELETE(t->closed, e);
		e->closed = false;
	}
	set_unsure(t, e, false);
	for (dir = 0; dir < 2; dir++) {
		e->has_key[dir] = true;
		e->key[dir] = key[dir];
	}
	e->live = true;
	if (value[RF_DIR_IN].p.flags & RF_PH_OUT_FIRST)
		out_first_add(t->out_first, &key[RF_DIR_IN], id);
	inbound_set(&t->inbound, &key[RF_DIR_IN], &value[RF_DIR_IN].p);
	return 0;
}

/* One entry: a tombstone, or nothing where that cannot be written. */
static int bury_one(struct pinhole_table *t, const struct rf_pinhole_key *key, uint32_t id)
{
	struct rf_pinhole p;
	int is = mine(t, key, id, &p);

	if (!is)
		return 0;
	inbound_clear(&t->inbound, key);
	pinhole_found_forget(&t->found, key);
	if (is < 0)
		return is;
	p.state = RF_PINHOLE_CLOSED;
	/* A tombstone on a SIP port would drop what is otherwise held. */
	if (!(p.classes & RF_CLASS_SIP) &&
	    !gone(bpf_map_update_elem(t->dp->map[MAP_PINHOLES], key, &p, BPF_EXIST)))
		return 0;
	return gone(bpf_map_delete_elem(t->dp->map[MAP_PINHOLES], key));
}

/* Entries of id become tombstones: the sender's packets are then dropped by that name. What the kernel would
 * not have is tried again with the next sweep, as it is still open. */
static void bury(struct pinhole_table *t, struct entry *e, uint64_t now_ns)
{
	bool unsure = false;
	int dir;

	for (dir = 0; dir < 2; dir++)
		if (e->has_key[dir] && bury_one(t, &e->key[dir], e->id))
			unsure = true;
	set_unsure(t, e, unsure);
	e->live = false;
	entry_closed(t, e, now_ns);
}

static void bury_unsure(struct pinhole_table *t, uint64_t now_ns)
{
	struct entry *e;

	if (t->n_unsure)
		DL_FOREACH (t->closed, e)
			if (e->unsure)
				bury(t, e, now_ns);
}

/*
 * Restored exactly as it stands in the maps: nothing of it is written but .cold, where it has that, as silence while
 * nobody was there does not count. What waits for a first packet out is looked at anew.
 */
static bool is_as_found(struct pinhole_table *t, uint32_t id, const struct rf_pinhole_key key[2],
			struct pinhole_entry value[2], const struct rf_pinhole_cold *cold)
{
	struct entry *e = t->found.n ? entry_find(t, id) : NULL;

	if (!e || e->live || e->closed || !cold != (e->slot == SLOT_NONE) ||
	    value[RF_DIR_IN].p.flags & RF_PH_OUT_FIRST)
		return false;
	for (int dir = 0; dir < 2; dir++) {
		value[dir].p.slot = e->slot;
		if (!e->has_key[dir] || memcmp(&e->key[dir], &key[dir], sizeof(key[dir])) ||
		    !pinhole_found_is(&t->found, &key[dir], &value[dir]))
			return false;
	}
	if (cold && bpf_map_update_elem(t->dp->map[MAP_PINHOLE_COLD], &e->slot, cold, BPF_ANY))
		return false;
	e->live = true;
	inbound_set(&t->inbound, &key[RF_DIR_IN], &value[RF_DIR_IN].p);
	return true;
}

int pinhole_table_set(struct pinhole_table *t, const struct pinhole_spec *s)
{
	struct rf_pinhole_key key[2] = { key_of(&s->outside, RF_DIR_IN),
					 key_of(&s->inside, RF_DIR_OUT) };
	struct pinhole_entry value[2] = { pinhole_entry_of(s, RF_DIR_IN),
					  pinhole_entry_of(s, RF_DIR_OUT) };
	struct rf_pinhole_cold cold = pinhole_cold_of(s, clock_now_ns());
	struct entry *e;
	int err;

	if (is_as_found(t, s->id, key, value, &cold))
		return 0;
	err = not_signalling(t, &key[RF_DIR_IN]);
	if (!err)
		err = not_signalling(t, &key[RF_DIR_OUT]);
	if (!err)
		err = not_anothers(t, s);
	if (err && err != -EADDRINUSE)
		return err;
	if (err) {
		e = entry_find(t, s->id);
		if (e) /* its place was taken: what it had in the other direction must go */
			bury(t, e, clock_now_ns());
		return -EADDRINUSE;
	}
	cold.sent_to = out_first_sent(t->dp, &key[RF_DIR_OUT], &value[RF_DIR_OUT]);
	return set_both(t, s->id, key, value, &cold);
}

int pinhole_table_close(struct pinhole_table *t, const struct pinhole_spec *s, uint64_t now_ns)
{
	struct entry *e = entry_find(t, s->id);

	if (e)
		bury(t, e, now_ns);
	else /* a newer one has had its keys since before this start */
		remove_rest(t, s->id);
	return 0;
}

int pinhole_table_signal_set(struct pinhole_table *t, const struct signal_spec *s)
{
	struct rf_pinhole_key key[2] = { key_of(&s->outside, RF_DIR_IN),
					 key_of(&s->inside, RF_DIR_OUT) };
	struct rf_pinhole p = {
		.id = s->id,
		.deadline_ns = UINT64_MAX,
		.state = RF_PINHOLE_OPEN,
		.classes = RF_CLASS_SIP,
		.flags = (s->local ? RF_PH_LOCAL : 0) |
			 (ep_eq(&s->inside, &s->outside) ? 0 : RF_PH_XLATE),
		.wan_ifindex = s->wan_ifindex,
	};
	struct pinhole_entry value[2] = { { .p = p }, { .p = p } };

	value[RF_DIR_IN].p.xlate = s->inside;
	value[RF_DIR_OUT].p.xlate = s->outside;
	if (is_as_found(t, s->id, key, value, NULL))
		return 0;
	return set_both(t, s->id, key, value, NULL);
}

/* Without a tombstone: nobody needs to know why a SIP port is silent. */
int pinhole_table_signal_close(struct pinhole_table *t, const struct signal_spec *s)
{
	struct entry *e = entry_find(t, s->id);

	if (!e || purge(t, e))
		return 0;
	e->live = false;
	entry_closed(t, e, clock_now_ns());
	return 0;
}

size_t pinhole_table_reconcile(struct pinhole_table *t, uint64_t now_ns)
{
	struct entry *e, *next;
	size_t n = 0;

	HASH_ITER (hh, t->by_id, e, next) {
		if (e->live || e->closed)
			continue;
		bury(t, e, now_ns);
		n++;
	}
	pinhole_found_free(&t->found);
	return n;
}

/* What cannot be read counts as one more: the tombstone stays. */
static uint64_t drops_of(const struct pinhole_table *t, const struct entry *e)
{
	struct rf_pinhole_state s;

	if (e->slot == SLOT_NONE)
		return 0;
	if (bpf_map_lookup_elem(t->dp->map[MAP_PINHOLE_STATE], &e->slot, &s))
		return e->drops + (errno != ENOENT);
	return s.dir[RF_DIR_IN].drops + s.dir[RF_DIR_OUT].drops;
}

void pinhole_table_sweep(struct pinhole_table *t, uint64_t now_ns)
{
	struct entry *e, *next;
	uint64_t drops;
	int i = 0;

	out_first_sweep(t->out_first, t->dp, &t->inbound);
	ends_keep(t);
	call_ends_sweep(&t->ends, now_ns);
	bury_unsure(t, now_ns);
	/* Oldest first: where one is not due, none behind it is. */
	DL_FOREACH_SAFE (t->closed, e, next) {
		if (now_ns - e->quiet_since_ns < TOMBSTONE_QUIET_NS || i++ == SWEEP_BATCH)
			return;
		drops = drops_of(t, e);
		if (drops == e->drops && purge(t, e))
			continue;
		/* The sender goes on: look again in a minute. */
		e->drops = drops;
		e->quiet_since_ns = now_ns;
		DL_DELETE(t->closed, e);
		DL_APPEND(t->closed, e);
	}
}
