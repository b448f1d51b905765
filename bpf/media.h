/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of a packet that hit a pinhole: is it what a live call agreed on? State and deadline first, then
 * where it comes from or goes to, then what it is; deliver; keep the books. Each packet is booked
 * once, at the hook that ends it; what XDP leaves to TC is booked there.
 */
#ifndef RF_BPF_MEDIA_H
#define RF_BPF_MEDIA_H

#include "bystander.h"
#include "classify.h"
#include "deliver.h"
#include "learn.h"
#include "punt.h"
#include "stats.h"

static __always_inline enum rf_reason rf_check_alive(struct rf_pkt *p)
{
	const struct rf_pinhole *ph = &p->hit.ph;
	enum rf_reason r = rf_media_open(ph->state, ph->deadline_ns, rf_now(p));
	struct rf_pinhole_state *st;
	struct rf_pinhole_cold *cold;

	if (r || !ph->idle_s)
		return r;
	st = rf_pinhole_state_get(&p->hit);
	cold = rf_pinhole_cold_get(ph->slot);
	if (!st || !cold)
		return r;
	return rf_media_idle(ph->idle_s, cold->idle_from_s,
			     RF_READ_ONCE(st->dir[RF_DIR_IN].last_ns),
			     RF_READ_ONCE(st->dir[RF_DIR_OUT].last_ns), rf_now(p));
}

/* .l: of RF_PH_LEARN. A source to be learnt must show the agreed payload first, so it may be anyone yet. */
static __always_inline enum rf_reason rf_check_source(struct rf_pkt *p, struct rf_learnt *l,
						      bool locked)
{
	if (!(p->hit.ph.flags & RF_PH_LEARN))
		return rf_remotes_have(&p->hit, &p->src, false) ? RF_R_NONE : RF_R_WRONG_SOURCE;
	if (!l)
		return RF_R_WRONG_SOURCE;
	return locked ? rf_check_learnt(l, p) : RF_R_NONE;
}

/*
 * From inside: to the endpoint that the far side's SDP announced. With RF_PH_LEARN that one cannot
 * be reached; what is sent to it goes to the learnt source, once there is one. An inside
 * host that answers to the source it sees (symmetric RTP) sends to the learnt one by itself.
 */
static __always_inline enum rf_reason rf_check_destination(struct rf_pkt *p, struct rf_learnt *l,
							   bool locked)
{
	bool announced = rf_remotes_have(&p->hit, &p->dst, false);

	if (p->hit.ph.flags & RF_PH_LEARN) {
		if (locked && !announced && rf_ep_eq(&l->ep, &p->dst))
			announced = true;
		if (announced && !locked)
			return RF_R_LEARN_PENDING;
		if (announced && l) {
			p->hit.learnt = l->ep;
			p->hit.to_learnt = 1;
		}
	}
	return announced ? RF_R_NONE : RF_R_WRONG_DESTINATION;
}

/*
 * Whom the pinhole does not list may still be a peer-reflexive candidate (RFC 8445 7.3.1.3). That is
 * told by the check's password, which only the controller knows; nobody takes a learnt source's place so.
 */
static __always_inline bool rf_may_be_reflexive(const struct rf_hit *h, enum rf_reason reason)
{
	return (h->ph.flags & RF_PH_ICE) &&
	       (reason == RF_R_WRONG_DESTINATION ||
		(reason == RF_R_WRONG_SOURCE && !(h->ph.flags & RF_PH_LEARN)));
}

/* A function of its own, as the verifier would go through all payload classes for each state that it comes with. */
__noinline int rf_classify_hit(struct __sk_buff *skb, struct rf_pkt *p)
{
	if (p)
		rf_classify(skb, false, p, p->hit.ph.classes, &p->hit.media);
	return 0;
}

/* RF_R_NONE: go on and deliver. RF_R_STUN_HELD: the controller must verify it. */
static __always_inline enum rf_reason rf_check_media(void *ctx, const bool xdp, struct rf_pkt *p)
{
	enum rf_reason alive = rf_check_alive(p), end, shut, agreed;
	struct rf_hit *h = &p->hit;
	struct rf_learnt *l;
	bool locked;

	if (alive)
		return alive;
	l = rf_learnt_get(h);
	locked = rf_learnt_locked(l);
	end = h->dir == RF_DIR_IN ? rf_check_source(p, l, locked)
				  : rf_check_destination(p, l, locked);
	/* what waits for the far side to be learnt counts as sent, so it must be media */
	if (end && end != RF_R_LEARN_PENDING && !rf_may_be_reflexive(h, end))
		return end;
	shut = rf_out_first(p, &p->src);
	/* a check that may come in is TC's */
	if (shut && (xdp || shut != RF_R_STUN_HELD))
		return shut;
	if (xdp)
		rf_classify(ctx, xdp, p, h->ph.classes, &h->media);
	else
		rf_classify_hit(ctx, p);
	agreed = rf_media_agreed(h->ph.classes, h->ph.flags & RF_PH_HELD, h->ph.payload_types,
				 h->ph.rtcp_types, &h->media);
	if (!xdp && shut && !h->media.request)
		return end ? end : RF_R_NOT_SENT_YET;
	if (end == RF_R_LEARN_PENDING)
		return agreed ? agreed : end;
	if (end)
		return !agreed && h->media.request ? RF_R_STUN_HELD : end;
	if (!agreed && h->dir == RF_DIR_IN && l) {
		if (!locked)
			agreed = rf_learn(l, p);
		if (!agreed)
			agreed = rf_check_ssrc(l, h);
	}
	if (!agreed && !(h->ph.flags & RF_PH_LOCAL) && p->ttl <= 1)
		return RF_R_TTL_EXPIRED;
	if (!xdp && !agreed && h->dir == RF_DIR_OUT && h->ph.flags & RF_PH_OUT_FIRST)
		rf_note_sent(p);
	return agreed;
}

/* May the controller be asked about one more? Racing CPUs may let a few more through. */
static __always_inline bool rf_stun_may_ask(struct rf_pkt *p)
{
	struct rf_pinhole_state *st = rf_pinhole_state_get(&p->hit);
	__u8 tick = rf_now(p) >> 28;
	struct rf_flow_stats *s;

	if (!st)
		return false;
	s = &st->dir[p->hit.dir & 1];
	if (s->stun_tick != tick) {
		s->stun_tick = tick;
		s->stun_asked = 0;
	}
	if (s->stun_asked >= RF_STUN_ASK_MAX)
		return false;
	s->stun_asked++;
	return true;
}

/* A STUN check that the controller has to verify; once it is given back, the answer stands. */
static __always_inline enum rf_reason rf_stun_ask(struct __sk_buff *skb, struct rf_pkt *p)
{
	if ((p->flags & RF_PKT_AGAIN) || rf_controller_away(p) || !rf_stun_may_ask(p))
		return RF_R_STUN_NOT_AGREED;
	return rf_punt_copy(skb, p, RF_PUNT_STUN);
}

/*
 * From an inside host whose endpoint another one named, refused for .reason: its own business? Not SIP, which
 * is held, and not where its ports are guarded as they are.
 */
__noinline bool rf_own_business(struct __sk_buff *skb, struct rf_pkt *p, __u32 reason)
{
	enum rf_reason why = reason;
	struct rf_learnt *l;
	struct rf_hit *h;

	if (!p)
		return false;
	h = &p->hit;
	if (!(h->ph.flags & RF_PH_NAMED) || !(h->ph.flags & RF_PH_XLATE) || h->dir != RF_DIR_OUT ||
	    p->hook != RF_HOOK_INSIDE_IN || rf_sip_port(p->dst.port))
		return false;
	if (rf_media_is_over(why)) {
		l = rf_learnt_get(h);
		if (!rf_remotes_have(h, &p->dst, true) &&
		    !(rf_learnt_locked(l) && rf_ep_eq(&l->ep, &p->dst)))
			return true;
		rf_classify_hit(skb, p);
		why = rf_media_agreed(h->ph.classes, h->ph.flags & RF_PH_HELD, h->ph.payload_types,
				      h->ph.rtcp_types, &h->media);
	}
	return rf_media_own_business(h->ph.flags, why);
}

__noinline enum rf_reason rf_media_xdp(struct xdp_md *ctx, struct rf_pkt *p)
{
	enum rf_reason reason;

	/* the stack takes it, so TC judges it: once is enough */
	if (!p || p->hit.ph.flags & RF_PH_LOCAL)
		return RF_R_TO_TC;
	reason = rf_check_media(ctx, true, p);
	if (reason == RF_R_STUN_HELD || (rf_may_turn(reason) && rf_may_park()))
		return RF_R_TO_TC;
	reason = reason ? rf_refused_hit(ctx, true, p, reason) : rf_deliver_xdp(ctx, p);
	if (reason == RF_R_BYSTANDER_REPLY)
		return reason;
	rf_book(p, reason);
	return reason;
}

__noinline enum rf_reason rf_media_tc(struct __sk_buff *skb, struct rf_pkt *p)
{
	enum rf_reason reason;

	if (!p)
		return RF_R_NO_PINHOLE;
	reason = rf_check_media(skb, false, p);
	if (reason && rf_refused_hit(skb, false, p, reason) == RF_R_BYSTANDER_REPLY)
		return RF_R_BYSTANDER_REPLY;
	if (reason == RF_R_STUN_HELD)
		reason = rf_stun_ask(skb, p);
	else
		reason = rf_park(skb, p, reason);
	if (reason && rf_own_business(skb, p, reason))
		return RF_R_NOT_OURS;
	if (!reason)
		reason = p->hit.dir == RF_DIR_IN ? rf_deliver_in(skb, p) : rf_deliver_out(skb, p);
	rf_book(p, reason);
	return reason;
}

#endif
