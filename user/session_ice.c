// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the candidates of a description say (RFC 8839, trickled: RFC 8840): where the remote agent may
 * be, and which inside endpoint a stream has when c= and m= do not name it.
 */
#include "session_priv.h"

#include <errno.h>
#include <stdlib.h>

bool sdp_mapped_base(const struct sdp *sdp, uint16_t media, const struct rf_ep *ep,
		     struct rf_ep *base)
{
	for (uint16_t i = 0; i < sdp->n_candidates; i++) {
		const struct sdp_candidate *c = &sdp->candidates[i];
		uint16_t port = 0;

		if (c->media != media || !c->is_udp || !c->is_addr || !ep_eq(&c->ep, ep) ||
		    !view_caseeq(c->type, VIEW("srflx")) || addr_parse(c->raddr, &base->addr) ||
		    addr_is_any(&base->addr))
			continue;
		for (size_t k = 0; k < c->rport.n; k++)
			port = (uint16_t)(port * 10 + (c->rport.p[k] - '0'));
		*base = ep_make(base->addr, port);
		return port != 0;
	}
	return false;
}

/* Can media reach the inside host at this address? */
static bool servable(const struct desc_env *env, struct rf_addr a)
{
	return !(inside_flags(env, &a) & LINE_FOREIGN);
}

/* The inside host's own candidate of the highest priority that can be served. */
static const struct sdp_candidate *best_host(const struct desc_env *env, const struct sdp *sdp,
					     uint16_t media, uint8_t component)
{
	const struct sdp_candidate *best = NULL;

	for (uint16_t i = 0; i < sdp->n_candidates; i++) {
		const struct sdp_candidate *c = &sdp->candidates[i];

		if (c->media == media && c->component == component && c->is_udp && c->is_addr &&
		    c->ep.port && view_caseeq(c->type, VIEW("host")) && servable(env, c->ep.addr) &&
		    (!best || c->priority > best->priority))
			best = c;
	}
	return best;
}

/* RTCP's own component is named or not there (RFC 8839 5.1): no port is guessed next to that of RTP. */
static bool rtcp_by_host(struct media_line *l, const struct desc_env *env, const struct sdp *sdp,
			 uint16_t media)
{
	const struct sdp_candidate *rtcp =
		l->proto == SDP_P_RTP ? best_host(env, sdp, media, 2) : NULL;

	l->rtcp = rtcp ? rtcp->ep : (struct rf_ep){ 0 };
	return rtcp != NULL;
}

static bool line_by_host(struct media_line *l, const struct desc_env *env, const struct sdp *sdp,
			 uint16_t media)
{
	const struct sdp_candidate *rtp = best_host(env, sdp, media, 1);

	if (!rtp)
		return false;
	l->rtp = rtp->ep;
	l->flags |= LINE_BY_ICE;
	rtcp_by_host(l, env, sdp, media);
	line_inside(l, env);
	return true;
}

void line_by_host_instead(struct media_line *l, const struct desc_env *env, const struct sdp *sdp,
			  uint16_t i)
{
	struct media_line by = *l;

	by.flags &= (uint16_t)~LINE_PLACE;
	if (line_by_host(&by, env, sdp, i))
		*l = by;
}

/*
 * Default destinations that name no place: 0.0.0.0:9 (RFC 8840 4.1.1), an address that nobody outside
 * can reach; and the inside host's address as a STUN server saw it, which is ours, with a port that
 * is not: its base is meant.
 */
bool line_by_candidates(struct media_line *l, const struct desc_env *env, enum side side,
			const struct sdp *sdp, uint16_t i)
{
	const struct sdp_media *m = &sdp->media[i];
	bool none = addr_is_any(&m->c.addr) && m->port_value == 9;
	struct rf_ep ep = ep_make(m->c.addr, m->port_value), base;

	if (side == SIDE_OUTSIDE)
		return none; /* candidates are all there is */
	if (addr_is_any(&m->c.addr) && !none)
		return false; /* hold */
	if (none || (!servable(env, m->c.addr) && !topology_wan_by_addr(env->topo, &m->c.addr)))
		return line_by_host(l, env, sdp, i) || none;
	if (!topology_wan_by_addr(env->topo, &m->c.addr) || !sdp_mapped_base(sdp, i, &ep, &base) ||
	    !servable(env, base.addr))
		return false;
	l->rtp = base;
	if (l->proto == SDP_P_RTP)
		l->rtcp = ep_above(base, 1);
	ep = m->has_rtcp ? ep_make(m->rtcp_has_addr ? m->rtcp.addr : m->c.addr, m->rtcp_port_value)
			 : ep_above(ep, 1);
	if (l->proto == SDP_P_RTP && sdp_mapped_base(sdp, i, &ep, &base))
		l->rtcp = base;
	line_inside(l, env);
	return true;
}

static void add_candidates(struct ice_line *l, const struct desc_env *env, const struct sdp *sdp,
			   uint16_t media, bool trickled)
{
	for (uint16_t i = 0; i < sdp->n_candidates; i++) {
		const struct sdp_candidate *c = &sdp->candidates[i];
		struct ice_remote r = { .ep = c->ep,
					.priority = c->priority,
					.component = c->component,
					.trickled = trickled };

		if (c->media == media && c->is_udp && c->is_addr && remote_usable(env, &r.ep))
			ice_add(l, &r);
	}
}

/* What fragments have added holds until a restart, though later descriptions need not repeat it. */
static void keep_trickled(struct desc *d, enum side side, const struct desc *before, uint16_t i)
{
	const struct media_line *old = &before->line[i];
	struct media_line *l = &d->line[i];

	if (!(old->flags & LINE_ICE) || !ice_same(&d->ice[i], &before->ice[i]))
		return;
	for (uint16_t k = 0; k < before->ice[i].n; k++)
		if (before->ice[i].remotes[k].trickled)
			ice_add(&d->ice[i], &before->ice[i].remotes[k]);
	if (side == SIDE_OUTSIDE || !addr_is_any(&l->rtp.addr) || l->flags & LINE_ZERO)
		return;
	if (old->proto != l->proto)
		return;
	/* With all that is said about them: what was refused stays so. */
	l->rtp = old->rtp;
	l->rtcp = old->rtcp;
	l->flags |= old->flags & (LINE_PLACE & (uint16_t)~LINE_ZERO);
}

int desc_read_ice(struct desc *d, const struct desc_env *env, enum side side, const struct sdp *sdp,
		  const struct desc *before)
{
	bool any = false;

	for (uint16_t i = 0; i < d->n; i++)
		any = any || d->line[i].flags & LINE_ICE;
	if (!any)
		return 0;
	d->ice = calloc(d->n, sizeof(*d->ice));
	if (!d->ice)
		return -ENOMEM;
	for (uint16_t i = 0; i < d->n; i++) {
		if (!(d->line[i].flags & LINE_ICE))
			continue;
		ice_read(&d->ice[i], &sdp->media[i]);
		if (side == SIDE_OUTSIDE)
			add_candidates(&d->ice[i], env, sdp, i, false);
		if (before && before->ice && i < before->n)
			keep_trickled(d, side, before, i);
	}
	return 0;
}

static struct desc *desc_copy(const struct desc *d)
{
	size_t size = sizeof(*d) + desc_tail(d), n_ice = d->n * sizeof(d->ice[0]);
	size_t n_learn = d->n_learn * sizeof(d->learn[0]);
	struct desc *copy = malloc(size);

	if (!copy)
		return NULL;
	memcpy(copy, d, size);
	copy->refs = 1;
	copy->ice = malloc(n_ice);
	copy->learn = n_learn ? malloc(n_learn) : NULL;
	if (!copy->ice || (n_learn && !copy->learn)) {
		desc_put(copy);
		return NULL;
	}
	memcpy(copy->ice, d->ice, n_ice);
	if (n_learn)
		memcpy(copy->learn, d->learn, n_learn);
	return copy;
}

/* The m-line that a pseudo m= line stands for (RFC 8840 9.2): by mid, else by its place. */
static uint16_t line_of(const struct desc *d, const struct sdp *fragment, uint16_t media)
{
	struct view mid = fragment->media[media].mid;
	uint16_t i = media;

	if (!mid.p)
		return i;
	for (i = 0; i < d->n; i++)
		if (view_eq(mid, view_of(d->ice[i].mid)))
			break;
	return i;
}

struct desc *desc_trickle(const struct desc_env *env, enum side side, const struct sdp *fragment,
			  struct desc *d)
{
	struct desc *fresh;

	if (!d->ice)
		return desc_get(d);
	fresh = desc_copy(d);
	if (!fresh)
		return NULL;
	for (uint16_t i = 0; i < fragment->n_media; i++) {
		struct view ufrag = fragment->media[i].ice_ufrag;
		uint16_t k = line_of(d, fragment, i);

		if (k >= d->n || !(d->line[k].flags & LINE_ICE) ||
		    (ufrag.p && !view_eq(ufrag, view_of(d->ice[k].ufrag))))
			continue; /* of a generation before, or to come */
		if (side == SIDE_OUTSIDE)
			add_candidates(&fresh->ice[k], env, fragment, i, true);
		else if (addr_is_any(&d->line[k].rtp.addr) && !(d->line[k].flags & LINE_ZERO))
			line_by_host(&fresh->line[k], env, fragment, i);
		else if (d->line[k].flags & LINE_BY_ICE && !d->line[k].rtcp.port &&
			 rtcp_by_host(&fresh->line[k], env, fragment, i))
			line_inside(&fresh->line[k], env);
	}
	if (desc_eq(fresh, d)) {
		desc_put(fresh);
		return desc_get(d);
	}
	return fresh;
}
