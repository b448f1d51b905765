/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pinhole is meant, and does it know this endpoint?
 */
#ifndef RF_BPF_FIND_H
#define RF_BPF_FIND_H

#include "maps.h"
#include "packet.h"

/* .ep: ours. True: .hit is filled. */
static __always_inline bool rf_pinhole_find(struct rf_pkt *p, const struct rf_ep *ep, __u8 dir)
{
	struct rf_pinhole_key key = { .addr = ep->addr, .port = ep->port, .dir = dir };
	struct rf_hit *h = &p->hit;
	struct rf_pinhole *ph;

	if (p->flags & RF_PKT_MISS)
		return false;
	ph = bpf_map_lookup_elem(&pinholes, &key);
	if (!ph)
		return false;
	h->ph = *ph;
	p->flags |= RF_PKT_HIT;
	h->media.cls = 0;
	h->dir = dir;
	h->to_learnt = 0;
	p->pinhole_id = ph->id;
	p->slot = ph->slot;
	return true;
}

/* NULL: it has none, and nothing is counted */
static __always_inline struct rf_pinhole_state *rf_pinhole_state_get(const struct rf_hit *h)
{
	__u32 slot = h->ph.slot;

	return slot ? bpf_map_lookup_elem(&pinhole_state, &slot) : NULL;
}

/* IN, of a host that another one named: has it sent by now? To whichever of the agreed remotes. */
static __always_inline enum rf_reason rf_out_first(const struct rf_hit *h)
{
	struct rf_pinhole_state *st;

	if (!(h->ph.flags & RF_PH_OUT_FIRST) || h->dir != RF_DIR_IN)
		return RF_R_NONE;
	st = rf_pinhole_state_get(h);
	if (!st)
		return RF_R_NOT_SENT_YET;
	return rf_media_out_first(h->ph.flags, RF_READ_ONCE(st->dir[RF_DIR_OUT].packets),
				  RF_READ_ONCE(st->dir[RF_DIR_OUT].last_reason));
}

/* RF_PH_LEARN only; NULL: nothing can be learnt */
static __always_inline struct rf_learnt *rf_learnt_get(const struct rf_hit *h)
{
	__u32 id = h->ph.id;

	return h->ph.flags & RF_PH_LEARN ? bpf_map_lookup_elem(&learnt, &id) : NULL;
}

/* A global function, verified once: the loop would multiply the states of every caller. */
__noinline int rf_more_have(__u32 id, __u32 dir, struct rf_ep *ep, __u32 n, bool prefix)
{
	struct rf_more_key key = { .id = id, .dir = dir };
	struct rf_more_remotes *more;
	__u32 i;

	if (!ep)
		return 0;
	more = bpf_map_lookup_elem(&more_remotes, &key);
	if (!more)
		return 0;
	for (i = 0; i < RF_REMOTES_MAX - 1 && i < n; i++)
		if (rf_remote_fits(&more->remotes[i], ep, prefix))
			return 1;
	return 0;
}

/* .prefix: any that covers it will do; else only an exact one. */
static __always_inline bool rf_remotes_have(const struct rf_hit *h, const struct rf_ep *ep,
					    bool prefix)
{
	struct rf_ep copy = *ep;

	if (!h->ph.n_remotes)
		return false;
	if (rf_remote_fits(&h->ph.remote, &copy, prefix))
		return true;
	if (h->ph.n_remotes == 1)
		return false;
	return rf_more_have(h->ph.id, h->dir, &copy, h->ph.n_remotes - 1, prefix);
}

#endif
