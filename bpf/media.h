/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way of a packet that hit a pinhole: check, deliver, keep the books. Each packet is booked
 * once, at the hook that ends it; what XDP leaves to TC is booked there.
 */
#ifndef RF_BPF_MEDIA_H
#define RF_BPF_MEDIA_H

#include "deliver.h"
#include "punt.h"
#include "verdict.h"

static __always_inline __u32 rf_media_booked(struct rf_pkt *p, const struct rf_hit *h, __u32 reason)
{
	if (rf_action_of(reason) == RF_ACT_DROP && h->st)
		rf_book_drop(&h->st->dir[h->dir & 1], reason);
	else if (rf_action_of(reason) == RF_ACT_DELIVER)
		rf_book_delivery(p, h);
	return reason;
}

/* A STUN check that the controller has to verify; once it is given back, the answer stands. */
static __always_inline __u32 rf_stun_ask(struct __sk_buff *skb, struct rf_pkt *p,
					 const struct rf_hit *h)
{
	if ((p->flags & RF_PKT_AGAIN) || rf_controller_away(p) || !rf_stun_may_ask(p, h))
		return RF_R_STUN_NOT_AGREED;
	return rf_punt_copy(skb, p, RF_PUNT_STUN);
}

static __always_inline __u32 rf_media_xdp(struct xdp_md *ctx, struct rf_pkt *p, struct rf_hit *h)
{
	__u32 reason = rf_check_media(ctx, true, p, h);

	if (reason == RF_R_STUN_HELD || (rf_may_turn(reason) && rf_may_park()))
		return RF_R_TO_TC;
	if (!reason)
		reason = rf_deliver_xdp(ctx, p, h);
	return rf_media_booked(p, h, reason);
}

static __always_inline __u32 rf_media_tc(struct __sk_buff *skb, struct rf_pkt *p, struct rf_hit *h)
{
	__u32 reason = rf_check_media(skb, false, p, h);

	if (reason == RF_R_STUN_HELD)
		reason = rf_stun_ask(skb, p, h);
	else
		reason = rf_park(skb, p, reason);
	if (!reason)
		reason = h->dir == RF_DIR_IN ? rf_deliver_in(skb, p, h) : rf_deliver_out(skb, p, h);
	return rf_media_booked(p, h, reason);
}

#endif
