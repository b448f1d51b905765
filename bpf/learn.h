/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the SDP could not name the source: the first packet that may be it decides, and is kept.
 */
#ifndef RF_BPF_LEARN_H
#define RF_BPF_LEARN_H

#include "find.h"

/* A packet of the same flow may be on another CPU, just writing what it learnt: wait for it,
 * so that not even the second packet is lost. */
static __always_inline __u32 rf_learn_state_settled(__u32 *state)
{
	__u32 s = RF_READ_ONCE(*state);
	int i;

	for (i = 0; i < RF_LEARN_SPINS && s == RF_LEARN_BUSY; i++)
		s = RF_READ_ONCE(*state);
	return s;
}

/* True: this CPU may write. The atomic read-modify-writes order the data against the state. */
static __always_inline bool rf_learn_begin(__u32 *state)
{
	return __sync_val_compare_and_swap(state, RF_LEARN_NONE, RF_LEARN_BUSY) == RF_LEARN_NONE;
}

static __always_inline void rf_learn_end(__u32 *state)
{
	__sync_lock_test_and_set(state, RF_LEARN_LOCKED);
}

static __always_inline bool rf_learnt_locked(struct rf_learnt *l)
{
	return l && rf_learn_state_settled(&l->state) == RF_LEARN_LOCKED;
}

static __always_inline enum rf_reason rf_check_learnt(const struct rf_learnt *l,
						      const struct rf_pkt *p)
{
	return rf_ep_eq(&l->ep, &p->src) ? RF_R_NONE : RF_R_WRONG_SOURCE;
}

/* Of the learnt source only one RTP stream is taken: the first one's SSRC stays. */
static __always_inline enum rf_reason rf_check_ssrc(struct rf_learnt *l, const struct rf_hit *h)
{
	if (h->media.cls != RF_CLASS_RTP || (h->ph.classes & RF_CLASS_ANY))
		return RF_R_NONE;
	if (rf_learn_begin(&l->ssrc_state)) {
		l->ssrc = h->media.ssrc;
		rf_learn_end(&l->ssrc_state);
		return RF_R_NONE;
	}
	if (rf_learn_state_settled(&l->ssrc_state) != RF_LEARN_LOCKED)
		return RF_R_WRONG_SSRC;
	return l->ssrc == h->media.ssrc ? RF_R_NONE : RF_R_WRONG_SSRC;
}

/* The packet has shown the agreed payload already. */
static __always_inline enum rf_reason rf_learn(struct rf_learnt *l, struct rf_pkt *p)
{
	struct rf_pinhole_cold *cold = rf_pinhole_cold_get(p->hit.ph.slot);

	if (!rf_learn_port_fits(p->hit.ph.flags, bpf_ntohs(p->src.port)) ||
	    !rf_remotes_have(&p->hit, &p->src, true))
		return RF_R_WRONG_SOURCE;
	if (!cold || rf_now(p) >= cold->learn_until_s * RF_NS_PER_SEC)
		return RF_R_LEARN_TOO_LATE;
	if (rf_learn_begin(&l->state)) {
		l->ep = p->src;
		rf_learn_end(&l->state);
		return RF_R_NONE;
	}
	if (rf_learn_state_settled(&l->state) != RF_LEARN_LOCKED)
		return RF_R_WRONG_SOURCE;
	return rf_check_learnt(l, p);
}

#endif
