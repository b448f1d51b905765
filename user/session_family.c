// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alternative addresses of the other family (RFC 6947): which one of a description can be used. The
 * family that the answer has in c= is the one that was chosen.
 */
#include "session_priv.h"

void line_alternative(struct media_line *l, const struct desc_env *env, enum side side,
		      const struct sdp *sdp, uint16_t i)
{
	const struct sdp_media *m = &sdp->media[i];

	/* With ICE candidates tell (RFC 6947 1); with none of the two families known there is no other. */
	if (m->ice || !m->c.is_addr || addr_is_any(&l->rtp.addr))
		return;
	for (uint16_t k = 0; k < sdp->n_alternatives; k++) {
		const struct sdp_alternative *alt = &sdp->alternatives[k];
		struct media_line probe = *l;

		if (alt->media != i || !alt->is_addr || !alt->ep.port ||
		    addr_is_any(&alt->ep.addr) ||
		    addr_is_v4(&alt->ep.addr) == addr_is_v4(&l->rtp.addr))
			continue;
		probe.flags &= (uint16_t)~LINE_PLACE;
		probe.rtp = alt->ep;
		probe.rtcp = l->proto == SDP_P_RTP ? ep_above(alt->ep, 1) : (struct rf_ep){ 0 };
		if (side == SIDE_OUTSIDE)
			line_outside(&probe, env);
		else
			line_inside(&probe, env);
		if (probe.flags & (LINE_FOREIGN | LINE_LEARN))
			continue;
		l->alt_rtp = probe.rtp;
		l->alt_rtcp = probe.rtcp;
		l->alt_flags = probe.flags & LINE_PLACE;
		return;
	}
}

bool line_other_family(const struct media_line *l, struct media_line *out)
{
	if (addr_is_any(&l->alt_rtp.addr))
		return false;
	*out = *l;
	out->rtp = l->alt_rtp;
	out->rtcp = l->alt_rtcp;
	out->flags = (uint16_t)((l->flags & ~LINE_PLACE) | l->alt_flags);
	return true;
}
