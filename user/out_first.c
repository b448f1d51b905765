// SPDX-License-Identifier: GPL-2.0-only
/* By id, as a pinhole that is set again is the same. */
#include "out_first.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "datapath_priv.h"
#include "hash.h"
#include "rf_media.h"

#define SWEEP_BATCH \
	2000 /* per call, as of tombstones: who never sends is asked about for as long as the call lasts */

struct waiting {
	uint32_t id;
	struct rf_pinhole_key key;
	UT_hash_handle hh;
	struct waiting *prev, *next; /* last looked at last */
};

struct out_first {
	struct waiting *by_id, *list;
};

struct out_first *out_first_new(void)
{
	return calloc(1, sizeof(struct out_first));
}

static void forget(struct out_first *o, struct waiting *w)
{
	DL_DELETE(o->list, w);
	HASH_DEL(o->by_id, w);
	free(w);
}

void out_first_free(struct out_first *o)
{
	while (o && o->list)
		forget(o, o->list);
	free(o);
}

void out_first_add(struct out_first *o, const struct rf_pinhole_key *key, uint32_t id)
{
	struct waiting *w;

	HASH_FIND(hh, o->by_id, &id, sizeof(id), w);
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		w->id = id;
		if (!hash_add(hh, o->by_id, id, sizeof(w->id), w)) {
			free(w);
			return;
		}
		DL_APPEND(o->list, w);
	}
	w->key = *key;
}

/* Is it still the pinhole that was set, and shut? */
static bool waits(const struct datapath *dp, const struct waiting *w, struct rf_pinhole *p)
{
	return !bpf_map_lookup_elem(dp->map[MAP_PINHOLES], &w->key, p) && p->id == w->id &&
	       p->state == RF_PINHOLE_OPEN && p->flags & RF_PH_OUT_FIRST;
}

/* False: it is not there, or cannot be read. */
static bool entry_read(const struct datapath *dp, const struct rf_pinhole_key *key,
		       struct pinhole_entry *e)
{
	struct rf_more_key more = { .dir = key->dir };

	memset(e, 0, sizeof(*e));
	if (bpf_map_lookup_elem(dp->map[MAP_PINHOLES], key, &e->p))
		return false;
	more.id = e->p.id;
	return e->p.n_remotes < 2 ||
	       !bpf_map_lookup_elem(dp->map[MAP_MORE_REMOTES], &more, &e->more);
}

uint32_t out_first_sent(const struct datapath *dp, const struct rf_pinhole_key *key,
			const struct pinhole_entry *now)
{
	struct rf_pinhole_cold cold;
	struct pinhole_entry was;

	if (!(now->p.flags & RF_PH_OUT_FIRST) || !entry_read(dp, key, &was) ||
	    was.p.state != RF_PINHOLE_OPEN || !was.p.slot || was.p.flags & RF_PH_LEARN ||
	    bpf_map_lookup_elem(dp->map[MAP_PINHOLE_COLD], &was.p.slot, &cold))
		return 0;
	return pinhole_entry_sent(&was, cold.sent_to, now);
}

static bool has_sent(const struct datapath *dp, const struct waiting *w, const struct rf_pinhole *p,
		     const struct pinhole_entry *out)
{
	struct rf_pinhole_state s;
	struct rf_pinhole_cold cold;
	struct pinhole_entry in;

	if (p->flags & RF_PH_LEARN)
		return !bpf_map_lookup_elem(dp->map[MAP_PINHOLE_STATE], &p->slot, &s) &&
		       rf_media_out_first(p->flags, s.dir[RF_DIR_OUT].packets,
					  s.dir[RF_DIR_OUT].last_reason) == RF_R_NONE;
	return entry_read(dp, &w->key, &in) &&
	       !bpf_map_lookup_elem(dp->map[MAP_PINHOLE_COLD], &p->slot, &cold) &&
	       pinhole_entries_open(&in, out, cold.sent_to);
}

/* What cannot be written now is tried again: until then it is served, but slowly. */
static bool unmark(const struct datapath *dp, const struct rf_pinhole_key *key,
		   struct rf_pinhole *p)
{
	p->flags &= (__u16)~RF_PH_OUT_FIRST;
	return !bpf_map_update_elem(dp->map[MAP_PINHOLES], key, p, BPF_EXIST);
}

/* At an endpoint that may be told apart: one that is agreed, and need not be learnt. */
static bool is_definite(const struct rf_pinhole *p)
{
	return p->state == RF_PINHOLE_OPEN && p->n_remotes == 1 && !(p->flags & RF_PH_LEARN);
}

static uint32_t call_of(const struct datapath *dp, const struct rf_pinhole *p)
{
	struct rf_pinhole_cold cold;

	return bpf_map_lookup_elem(dp->map[MAP_PINHOLE_COLD], &p->slot, &cold) ? 0 : cold.call_id;
}

/*
 * Who only listens sends nothing but RTCP, which has a pinhole of its own above that of RTP: it opens this one as
 * well, if the same endpoint has sent it for the same call to the same host.
 */
static bool has_reported(const struct datapath *dp, const struct waiting *w,
			 const struct rf_pinhole *p)
{
	struct rf_pinhole_key above = w->key;
	struct rf_pinhole_state s;
	struct rf_pinhole rtcp;
	uint32_t call;

	if (!is_definite(p) || !(p->classes & RF_CLASS_RTP) || w->key.port == htons(65535))
		return false;
	above.port = htons((uint16_t)(ntohs(w->key.port) + 1));
	if (bpf_map_lookup_elem(dp->map[MAP_PINHOLES], &above, &rtcp) || !is_definite(&rtcp) ||
	    rtcp.classes != RF_CLASS_RTCP || !addr_eq(&rtcp.remote.addr, &p->remote.addr) ||
	    !addr_eq(&rtcp.xlate.addr, &p->xlate.addr))
		return false;
	call = call_of(dp, p);
	return call && call == call_of(dp, &rtcp) &&
	       !bpf_map_lookup_elem(dp->map[MAP_PINHOLE_STATE], &rtcp.slot, &s) &&
	       s.dir[RF_DIR_OUT].packets;
}

void out_first_sweep(struct out_first *o, const struct datapath *dp, struct inbound *in)
{
	struct waiting *w, *next;
	struct pinhole_entry out;
	struct rf_pinhole p;
	int i = 0;

	DL_FOREACH_SAFE (o->list, w, next) {
		if (i++ == SWEEP_BATCH)
			return;
		if (!waits(dp, w, &p)) {
			forget(o, w);
			continue;
		}
		struct rf_pinhole_key key = { .addr = p.xlate.addr,
					      .port = p.xlate.port,
					      .dir = RF_DIR_OUT };
		if (!entry_read(dp, &key, &out) || out.p.id != p.id ||
		    (!has_sent(dp, w, &p, &out) && !has_reported(dp, w, &p))) {
			DL_DELETE(o->list, w);
			DL_APPEND(o->list, w);
			continue;
		}
		if (!unmark(dp, &key, &out.p) || !unmark(dp, &w->key, &p))
			continue;
		inbound_set(in, &w->key, &p);
		forget(o, w);
	}
}
