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
			return i + 1;
	return 0;
}

/* Which one it is, from 1; 0: none. .dir: enum rf_dir */
static __always_inline __u32 rf_remote_nth(const struct rf_pinhole *ph, __u32 dir,
					   const struct rf_ep *ep)
{
	struct rf_ep copy = *ep;
	__u32 n;

	if (!ph->n_remotes)
		return 0;
	if (rf_remote_is(&ph->remote, &copy))
		return 1;
	if (ph->n_remotes == 1)
		return 0;
	n = rf_more_have(ph->id, dir, &copy, ph->n_remotes - 1, false);
	return n ? n + 1 : 0;
}

/* A hit of RF_DIR_IN: has the inside host sent to .remote, as its own entry lists it? */
__noinline enum rf_reason rf_sent_to(struct rf_pkt *p, struct rf_ep *remote)
{
	struct rf_pinhole_key key = { .dir = RF_DIR_OUT };
	struct rf_pinhole_cold *cold;
	struct rf_pinhole *out;

	if (!p || !remote)
		return RF_R_NOT_SENT_YET;
	key.addr = p->hit.ph.xlate.addr;
	key.port = p->hit.ph.xlate.port;
	out = bpf_map_lookup_elem(&pinholes, &key);
	cold = rf_pinhole_cold_get(p->hit.ph.slot);
	if (!out || out->id != p->hit.ph.id || !cold)
		return RF_R_NOT_SENT_YET;
	return rf_media_sent_to(RF_READ_ONCE(cold->sent_to),
				rf_remote_nth(out, RF_DIR_OUT, remote));
}

/* A hit of RF_DIR_OUT that passes */
__noinline enum rf_reason rf_note_sent(struct rf_pkt *p)
{
	struct rf_pinhole_cold *cold;
	__u32 nth, sent;

	if (!p)
		return RF_R_NONE;
	cold = rf_pinhole_cold_get(p->hit.ph.slot);
	nth = rf_remote_nth(&p->hit.ph, RF_DIR_OUT, &p->dst);
	if (!cold || !nth)
		return RF_R_NONE;
	/* what another CPU writes over comes back with the next packet */
	sent = RF_READ_ONCE(cold->sent_to);
	if (rf_media_sent_to(sent, nth))
		RF_WRITE_ONCE(cold->sent_to, sent | 1u << ((nth - 1) & 31));
	return RF_R_NONE;
}

/*
 * A hit of RF_DIR_IN with RF_PH_OUT_FIRST: has the inside host sent to .remote by now? RF_R_STUN_HELD: no, but a
 * check of ICE may come in.
 */
__noinline enum rf_reason rf_shut(struct rf_pkt *p, struct rf_ep *remote)
{
	struct rf_pinhole_cold *cold;
	struct rf_pinhole_state *st;
	const struct rf_pinhole *ph;
	enum rf_reason reason;

	if (!p || !remote)
		return RF_R_NOT_SENT_YET;
	ph = &p->hit.ph;
	if (ph->flags & RF_PH_LEARN) {
		st = rf_pinhole_state_get(&p->hit);
		return st ? rf_media_out_first(ph->flags, RF_READ_ONCE(st->dir[RF_DIR_OUT].packets),
					       RF_READ_ONCE(st->dir[RF_DIR_OUT].last_reason))
			  : RF_R_NOT_SENT_YET;
	}
	cold = rf_pinhole_cold_get(ph->slot);
	if (!cold)
		return RF_R_NOT_SENT_YET;
	reason = rf_sent_to(p, remote);
	return reason && rf_media_may_knock(ph->flags, RF_READ_ONCE(cold->sent_to)) ? RF_R_STUN_HELD
										    : reason;
}

static __always_inline enum rf_reason rf_out_first(struct rf_pkt *p, struct rf_ep *remote)
{
	if (!(p->hit.ph.flags & RF_PH_OUT_FIRST) || p->hit.dir != RF_DIR_IN)
		return RF_R_NONE;
	return rf_shut(p, remote);
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
