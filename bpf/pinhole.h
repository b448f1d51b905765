/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this packet what a live call agreed on? State and deadline first, then where it comes from or
 * goes to, then what it is. Learns the source where the SDP could not name it, and keeps the
 * books of the flow: packets, drops, RTP statistics.
 */
#ifndef RF_BPF_PINHOLE_H
#define RF_BPF_PINHOLE_H

#include "maps.h"
#include "rtp.h"

struct rf_hit {
	struct rf_pinhole *ph;
	struct rf_pinhole_state *st; /* NULL: it has none; then nothing is counted */
	struct rf_learnt *learnt; /* RF_PH_LEARN; NULL: nothing can be learnt */
	struct rf_media media;
	__u8 dir; /* enum rf_dir */
	__u8 to_learnt; /* RF_DIR_OUT: the packet has to go to .learnt->ep */
};

static __always_inline bool rf_pinhole_find(struct rf_pkt *p, const struct rf_ep *ep, __u8 dir,
					    struct rf_hit *h)
{
	struct rf_pinhole_key key = { .addr = ep->addr, .port = ep->port, .dir = dir };

	h->dir = dir;
	h->st = NULL;
	h->learnt = NULL;
	h->ph = p->flags & RF_PKT_NO_PH ? NULL : bpf_map_lookup_elem(&pinholes, &key);
	if (!h->ph)
		return false;
	p->pinhole_id = h->ph->id;
	p->slot = h->ph->slot;
	return true;
}

static __always_inline void rf_pinhole_state_find(struct rf_hit *h)
{
	__u32 slot = h->ph->slot, id = h->ph->id;

	if (slot)
		h->st = bpf_map_lookup_elem(&pinhole_state, &slot);
	if (h->ph->flags & RF_PH_LEARN)
		h->learnt = bpf_map_lookup_elem(&learnt, &id);
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

	if (!h->ph->n_remotes)
		return false;
	if (rf_remote_fits(&h->ph->remote, ep, prefix))
		return true;
	if (h->ph->n_remotes == 1)
		return false;
	return rf_more_have(h->ph->id, h->dir, &copy, h->ph->n_remotes - 1, prefix);
}

static __always_inline __u32 rf_check_alive(struct rf_pkt *p, const struct rf_hit *h)
{
	__u64 now = rf_now(p);
	__u32 r = rf_media_open(h->ph->state, h->ph->deadline_ns, now);
	struct rf_pinhole_cold *cold;

	if (r || !h->ph->idle_s || !h->st)
		return r;
	cold = rf_pinhole_cold_get(h->ph->slot);
	return rf_media_idle(h->ph->idle_s, cold ? cold->idle_from_s : 0,
			     RF_READ_ONCE(h->st->dir[RF_DIR_IN].last_ns),
			     RF_READ_ONCE(h->st->dir[RF_DIR_OUT].last_ns), now);
}

static __always_inline __u32 rf_check_class(void *ctx, const bool xdp, struct rf_pkt *p,
					    struct rf_hit *h)
{
	rf_classify(ctx, xdp, p, h->ph->classes, &h->media);
	return rf_media_agreed(h->ph->classes, h->ph->flags & RF_PH_HELD, h->ph->payload_types,
			       h->ph->rtcp_types, &h->media);
}

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

/* Of the learnt source only one RTP stream is taken: the first one's SSRC stays. */
static __always_inline __u32 rf_check_ssrc(const struct rf_hit *h)
{
	struct rf_learnt *l = h->learnt;

	if (h->media.cls != RF_CLASS_RTP || (h->ph->classes & RF_CLASS_ANY))
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

static __always_inline __u32 rf_check_learnt(const struct rf_hit *h, const struct rf_pkt *p)
{
	return rf_ep_eq(&h->learnt->ep, &p->src) ? RF_R_NONE : RF_R_WRONG_SOURCE;
}

static __always_inline __u32 rf_learn(struct rf_pkt *p, struct rf_hit *h)
{
	struct rf_pinhole_cold *cold = rf_pinhole_cold_get(h->ph->slot);
	struct rf_learnt *l = h->learnt;

	if (!rf_remotes_have(h, &p->src, true))
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
	return rf_check_learnt(h, p);
}

/*
 * Whom the pinhole does not list may still be a peer-reflexive candidate (RFC 8445 7.3.1.3). That is
 * told by the check's password, which only the controller knows; .reason is the answer to all else.
 */
static __always_inline __u32 rf_check_unlisted(void *ctx, const bool xdp, struct rf_pkt *p,
					       struct rf_hit *h, __u32 reason)
{
	if (!(h->ph->flags & RF_PH_ICE) || rf_check_class(ctx, xdp, p, h))
		return reason;
	return h->media.request ? RF_R_STUN_HELD : reason;
}

/* A source to be learnt must first have shown the agreed payload, so it comes after the class. */
static __always_inline __u32 rf_check_in(void *ctx, const bool xdp, struct rf_pkt *p,
					 struct rf_hit *h)
{
	bool learn = h->ph->flags & RF_PH_LEARN, locked = false;
	__u32 r;

	if (!learn) {
		if (!rf_remotes_have(h, &p->src, false))
			return rf_check_unlisted(ctx, xdp, p, h, RF_R_WRONG_SOURCE);
	} else {
		if (!h->learnt)
			return RF_R_WRONG_SOURCE;
		locked = rf_learn_state_settled(&h->learnt->state) == RF_LEARN_LOCKED;
		r = locked ? rf_check_learnt(h, p) : RF_R_NONE;
		if (r)
			return r;
	}
	r = rf_check_class(ctx, xdp, p, h);
	if (r || !learn)
		return r;
	if (!locked) {
		r = rf_learn(p, h);
		if (r)
			return r;
	}
	return rf_check_ssrc(h);
}

/*
 * From inside: to the endpoint that the far side's SDP announced. With RF_PH_LEARN that one cannot
 * be reached; what is sent to it goes to the learnt source, once there is one. An inside
 * host that answers to the source it sees (symmetric RTP) sends to the learnt one by itself.
 */
static __always_inline __u32 rf_check_out(void *ctx, const bool xdp, struct rf_pkt *p,
					  struct rf_hit *h)
{
	bool announced = rf_remotes_have(h, &p->dst, false);
	bool locked = false;

	if (h->ph->flags & RF_PH_LEARN) {
		locked = h->learnt && rf_learn_state_settled(&h->learnt->state) == RF_LEARN_LOCKED;
		if (locked && !announced && rf_ep_eq(&h->learnt->ep, &p->dst))
			announced = true;
		if (announced && !locked)
			return RF_R_LEARN_PENDING;
		h->to_learnt = announced;
	}
	if (!announced)
		return rf_check_unlisted(ctx, xdp, p, h, RF_R_WRONG_DESTINATION);
	return rf_check_class(ctx, xdp, p, h);
}

/* RF_R_NONE: go on and deliver. */
static __always_inline __u32 rf_check_media(void *ctx, const bool xdp, struct rf_pkt *p,
					    struct rf_hit *h)
{
	__u32 r;

	rf_pinhole_state_find(h);
	r = rf_check_alive(p, h);
	if (!r)
		r = h->dir == RF_DIR_IN ? rf_check_in(ctx, xdp, p, h)
					: rf_check_out(ctx, xdp, p, h);
	if (!r && !(h->ph->flags & RF_PH_LOCAL) && p->ttl <= 1)
		r = RF_R_TTL_EXPIRED;
	return r;
}

/* May the controller be asked about one more? Racing CPUs may let a few more through. */
static __always_inline bool rf_stun_may_ask(struct rf_pkt *p, const struct rf_hit *h)
{
	__u8 tick = rf_now(p) >> 28;
	struct rf_flow_stats *s;

	if (!h->st)
		return false;
	s = &h->st->dir[h->dir & 1];
	if (s->stun_tick != tick) {
		s->stun_tick = tick;
		s->stun_asked = 0;
	}
	if (s->stun_asked >= RF_STUN_ASK_MAX)
		return false;
	s->stun_asked++;
	return true;
}

static __always_inline void rf_book_drop(struct rf_flow_stats *s, __u32 reason)
{
	__sync_fetch_and_add(&s->drops, 1);
	s->last_reason = reason;
}

static __always_inline void rf_book_packet(struct rf_pkt *p, struct rf_flow_stats *s,
					   const struct rf_media *m, __u32 clock_rate)
{
	/* Not atomic: flows are steered to one CPU each, and an atomic add costs as much as a look-up. */
	s->packets++;
	s->bytes += p->len;
	RF_WRITE_ONCE(s->last_ns, rf_now(p));
	if (m->cls == RF_CLASS_RTP)
		rf_rtp_stats(s, m, rf_clock_mult(clock_rate));
}

static __always_inline void rf_book_delivery(struct rf_pkt *p, const struct rf_hit *h)
{
	if (h->st)
		rf_book_packet(p, &h->st->dir[h->dir & 1], &h->media, h->ph->clock_rate);
}

#endif
