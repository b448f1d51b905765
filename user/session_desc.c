// SPDX-License-Identifier: GPL-2.0-only
/*
 * SDP -> what one side says about its media: endpoints as they count for pinholes, which of them need
 * a translation, which have to be learnt.
 */
#include "session_priv.h"

#include <stdlib.h>

#include "sip_scan.h"

struct rf_ep ep_above(struct rf_ep ep, unsigned int n)
{
	unsigned int port = ntohs(ep.port) + n;

	ep.port = port > 65535 ? 0 : htons((uint16_t)port);
	return ep;
}

static void text_copy(char *buf, size_t size, struct view v)
{
	size_t n = v.p ? v.n : 0;

	if (n > size - 1)
		n = size - 1;
	if (n)
		memcpy(buf, v.p, n);
	memset(buf + n, 0, size - n);
}

/* No host of either side has this address: whatever is sent there reaches many, or nobody. */
static bool is_nobodys(const struct desc_env *env, const struct rf_addr *a)
{
	return addr_is_multicast(a) || addr_is_loopback(a) || addr_is_reserved(a) ||
	       topology_is_broadcast(env->topo, a);
}

/* Which endpoint an address of an inside host's SDP stands for. */
uint16_t inside_flags(const struct desc_env *env, struct rf_addr *a)
{
	const struct rf_addr *wire = topology_wire(env->wan, a);
	const struct rf_addr *pub = topology_public(env->wan, a);

	if (is_nobodys(env, a))
		return LINE_FOREIGN;
	if (!env->host && topology_is_local(env->topo, a))
		return LINE_FOREIGN | LINE_OURSELVES;
	/* Already public: the host knows our public address. No translation, the wire address is
	 * where its media arrives. */
	if (wire && (addr_eq(a, wire) || addr_eq(a, pub))) {
		*a = *wire;
		return LINE_LOCAL;
	}
	switch (topology_mode(env->topo, a)) {
	case RF_MODE_ROUTED: return 0;
	case RF_MODE_NAT: return wire ? LINE_XLATE : LINE_FOREIGN;
	case RF_MODE_HOST:
		/* An address of this machine that no peer can reach, such as the LAN side's. */
		if (addr_is_private(a) && !topology_wan_by_addr(env->topo, a))
			return wire ? LINE_XLATE | LINE_LOCAL : LINE_FOREIGN;
		return LINE_LOCAL;
	case RF_MODE_AUTO: break;
	}
	return LINE_FOREIGN;
}

static bool peer_has_media(const struct config_peer *peer, const struct rf_addr *a)
{
	if (!peer)
		return false;
	for (uint16_t i = 0; i < peer->n_media; i++)
		if (prefix_has(&peer->media[i], a))
			return true;
	return false;
}

/* Nobody can be there who is the peer or speaks for it. */
static bool never_remote(const struct desc_env *env, const struct rf_addr *a)
{
	/* The second: turned around by the peer to one of our own hosts. */
	return is_nobodys(env, a) || topology_is_local(env->topo, a) ||
	       (topology_is_inside(env->topo, a) && !addr_is_private(a));
}

/* A private address is as reachable as the signalling peer, if that one's is private, too. */
static bool reachable(const struct desc_env *env, const struct rf_addr *a)
{
	return !addr_is_private(a) || addr_is_private(&env->remote) || peer_has_media(env->peer, a);
}

/* Who writes SDP, a web page included, must not make a host speak to name or management services. */
static bool port_fits(const struct desc_env *env, const struct rf_ep *ep)
{
	return ntohs(ep->port) >= RF_LOW_PORTS || (env->peer && env->peer->low_ports);
}

/*
 * What an address of a peer's SDP is good for. A private one behind the peer's NAT says nothing about
 * where media will come from: it is learnt. When the signalling peer itself is private the WAN is a
 * private network, and the address is as reachable as that one. An address of an inside prefix is no
 * exception: our own hosts' never reach a peer, it is somebody else's of the same private range.
 */
static uint16_t outside_flags(const struct desc_env *env, const struct rf_ep *ep)
{
	const struct rf_addr *a = &ep->addr;

	if (never_remote(env, a))
		return LINE_FOREIGN;
	if (!port_fits(env, ep))
		return LINE_FOREIGN | LINE_LOW_REMOTE;
	if (env->cfg->learn == CONFIG_LEARN_ALWAYS)
		return LINE_LEARN;
	return env->cfg->learn == CONFIG_LEARN_NEVER || reachable(env, a) ? 0 : LINE_LEARN;
}

/* Our own address with a port that belongs to an inside host of another call. One of this call is no place to send
 * to: it would be sent back to where it comes from. */
static bool hairpin_port(const struct desc_env *env, struct rf_ep *ep)
{
	const struct rf_addr *wire = topology_wire(env->wan, &ep->addr);
	struct rf_ep outside, own;

	if (!wire || !env->ports ||
	    (!addr_eq(&ep->addr, wire) &&
	     !addr_eq(&ep->addr, topology_public(env->wan, &ep->addr))) ||
	    !ports_is_taken(env->ports, env->wan->ifindex, wire, ntohs(ep->port)))
		return false;
	outside = ep_make(*wire, ntohs(ep->port));
	if (env->leases && leases_inside(env->leases, env->wan->ifindex, &outside, &own))
		return false;
	ep->addr = *wire;
	return true;
}

bool remote_usable(const struct desc_env *env, struct rf_ep *ep)
{
	if (!ep->port || addr_is_any(&ep->addr))
		return false;
	return hairpin_port(env, ep) ||
	       (!never_remote(env, &ep->addr) && port_fits(env, ep) && reachable(env, &ep->addr));
}

static void read_rtcp(struct media_line *l, const struct sdp_media *m)
{
	if (m->proto != SDP_P_RTP)
		return;
	/* with ICE 0.0.0.0:9 says that candidates will tell */
	if (!m->has_rtcp || m->rtcp_port_value == 0 ||
	    (m->ice && m->rtcp_has_addr && m->rtcp.is_addr && addr_is_any(&m->rtcp.addr))) {
		l->rtcp = ep_above(l->rtp, 1);
		return;
	}
	/* RFC 3605: without an address it is that of the media. */
	l->rtcp = ep_make(l->rtp.addr, m->rtcp_port_value);
	if (m->rtcp_has_addr && m->rtcp.is_addr && !addr_is_any(&m->rtcp.addr))
		l->rtcp.addr = m->rtcp.addr;
}

/* Hold of RFC 2543: the endpoints known before are still the ones media comes from. */
static void read_zero(struct media_line *l, const struct media_line *before)
{
	l->flags |= LINE_ZERO;
	l->rtp = (struct rf_ep){ 0 };
	l->rtcp = (struct rf_ep){ 0 };
	if (!before || before->proto != l->proto || before->flags & LINE_OFF)
		return;
	l->rtp = before->rtp;
	l->rtcp = before->rtcp;
	l->count = before->count;
	l->flags |= before->flags & (LINE_PLACE & (uint16_t)~LINE_BY_ICE);
}

/*
 * The peer turned a call around to us: its media is that of another inside host, known by the public
 * port that it was given (RFC 4787 REQ-9). Our address with a port that is nobody's is no place to
 * send to.
 */
static bool read_hairpin(struct media_line *l, const struct desc_env *env)
{
	if ((l->rtcp.port && !addr_eq(&l->rtp.addr, &l->rtcp.addr)) || !hairpin_port(env, &l->rtp))
		return false;
	if (l->rtcp.port)
		l->rtcp.addr = l->rtp.addr;
	return true;
}

enum known { KNOWN_NOT, KNOWN_OWN, KNOWN_OTHERS };

/* Is it a public endpoint that we lease: this call's own (then *ep is what is behind it), or another's? */
static enum known known_public(const struct desc_env *env, struct rf_ep *ep)
{
	const struct rf_addr *wire = topology_wire(env->wan, &ep->addr);
	struct rf_ep outside;

	if (!wire || !env->ports ||
	    (!addr_eq(&ep->addr, wire) &&
	     !addr_eq(&ep->addr, topology_public(env->wan, &ep->addr))))
		return KNOWN_NOT;
	outside = ep_make(*wire, ntohs(ep->port));
	if (env->leases && leases_inside(env->leases, env->wan->ifindex, &outside, ep))
		return KNOWN_OWN;
	return ports_is_taken(env->ports, env->wan->ifindex, wire, ntohs(ep->port)) ? KNOWN_OTHERS
										    : KNOWN_NOT;
}

/*
 * An inside host that has learnt its public endpoint (STUN, a peer-reflexive candidate of ICE) may
 * name it: what is behind it stays. That of another call is not its to name.
 */
static bool read_known(struct media_line *l, const struct desc_env *env)
{
	switch (known_public(env, &l->rtp)) {
	case KNOWN_OWN: break;
	case KNOWN_OTHERS: l->flags |= LINE_FOREIGN; return true;
	case KNOWN_NOT: return false;
	}
	l->flags |= LINE_XLATE;
	if (known_public(env, &l->rtcp) != KNOWN_OWN && !addr_eq(&l->rtcp.addr, &l->rtp.addr))
		l->rtcp = (struct rf_ep){ 0 };
	return true;
}

void line_outside(struct media_line *l, const struct desc_env *env)
{
	if (read_hairpin(l, env))
		return;
	l->flags |= outside_flags(env, &l->rtp);
	if (outside_flags(env, &l->rtcp) & LINE_FOREIGN)
		l->rtcp = (struct rf_ep){ 0 };
}

void line_inside(struct media_line *l, const struct desc_env *env)
{
	struct rf_addr rtcp = l->rtcp.addr;

	l->flags |= inside_flags(env, &l->rtp.addr);
	if (l->proto != SDP_P_RTP)
		return;
	/* RTCP of an address that is served otherwise than its RTP has no pinhole of this kind. LINE_LOCAL as well:
	 * who speaks for this machine does not speak for the hosts behind it. */
	if ((inside_flags(env, &rtcp) & (LINE_XLATE | LINE_FOREIGN | LINE_LOCAL)) ==
	    (l->flags & (LINE_XLATE | LINE_FOREIGN | LINE_LOCAL)))
		l->rtcp.addr = rtcp;
	else
		l->rtcp = (struct rf_ep){ 0 };
}

static void read_addr(struct media_line *l, const struct desc_env *env, enum side side,
		      const struct sdp *sdp, uint16_t i, const struct media_line *before)
{
	const struct sdp_media *m = &sdp->media[i];

	if (!m->c.is_addr) {
		l->flags |= LINE_NO_ADDR;
		if (side == SIDE_OUTSIDE && env->cfg->learn != CONFIG_LEARN_NEVER)
			l->flags |= LINE_LEARN;
		l->rtp.port = htons(m->port_value);
		l->rtcp = ep_above(l->rtp, 1);
		if (side == SIDE_OUTSIDE && !port_fits(env, &l->rtp))
			l->flags |= LINE_FOREIGN | LINE_LOW_REMOTE;
		return;
	}
	if (m->ice && line_by_candidates(l, env, side, sdp, i))
		return;
	if (addr_is_any(&m->c.addr)) {
		read_zero(l, before);
		return;
	}
	l->rtp = ep_make(m->c.addr, m->port_value);
	read_rtcp(l, m);
	if (side == SIDE_OUTSIDE)
		line_outside(l, env);
	else if (!read_known(l, env)) {
		line_inside(l, env);
		if (m->ice && l->flags & LINE_OURSELVES)
			line_by_host_instead(l, env, sdp, i);
	}
}

static bool in_bundle(const struct sdp *sdp, struct view mid)
{
	for (uint16_t g = 0; g < sdp->n_bundles; g++) {
		struct view rest = sdp->bundle[g], word;

		while (mid.n && (word = sdp_word(&rest)).p)
			if (view_eq(word, mid))
				return true;
	}
	return false;
}

static void read_line(struct media_line *l, const struct desc_env *env, enum side side,
		      const struct sdp *sdp, uint16_t i, const struct media_line *before)
{
	const struct sdp_media *m = &sdp->media[i];

	text_copy(l->media, sizeof(l->media), m->media);
	l->proto = (uint8_t)m->proto;
	l->count = m->port_count ? m->port_count : 1;
	if (m->port_value == 0) {
		l->flags = LINE_OFF;
		if (!m->bundle_only || !in_bundle(sdp, m->mid))
			return;
		l->flags |= LINE_BUNDLE_ONLY;
	}
	l->direction = (uint8_t)m->direction;
	l->clock_rate = m->clock_rate;
	text_copy(l->codec, sizeof(l->codec), m->first_encoding);
	memcpy(l->payload_types, m->payload_types, sizeof(l->payload_types));
	if (m->feedback)
		l->flags |= LINE_FB;
	if (m->rtcp_mux || m->rtcp_mux_only)
		l->flags |= LINE_MUX;
	if (m->ice)
		l->flags |= LINE_ICE;
	if (side == SIDE_OUTSIDE && env->peer && env->peer->low_ports)
		l->flags |= LINE_LOW_PORTS;
	if (m->dtls)
		l->flags |= LINE_DTLS;
	if (!m->port_value)
		return;
	read_addr(l, env, side, sdp, i, before);
	line_alternative(l, env, side, sdp, i);
}

/* RFC 9143 7: the first mid of a group that is in use lends its transport to all. */
static void read_bundles(struct desc *d, const struct sdp *sdp)
{
	for (uint16_t g = 0; g < sdp->n_bundles; g++) {
		struct view rest = sdp->bundle[g], mid;
		uint8_t tag = 0;

		while ((mid = sdp_word(&rest)).p) {
			uint16_t i = 0;

			while (i < d->n && !view_eq(sdp->media[i].mid, mid))
				i++;
			if (i == d->n || d->line[i].bundle ||
			    (d->line[i].flags & LINE_OFF &&
			     !(tag && d->line[i].flags & LINE_BUNDLE_ONLY)))
				continue;
			if (!tag)
				tag = (uint8_t)(i + 1);
			d->line[i].bundle = tag;
		}
	}
}

static void read_codecs(struct desc *d, const struct sdp *sdp)
{
	uint32_t *to = desc_codecs(d);

	for (uint16_t i = 0; i < d->n; i++) {
		struct media_line *l = &d->line[i];

		l->first_codec = (uint16_t)(to - desc_codecs(d));
		for (unsigned int type = 0; type < SDP_TYPES; type++)
			if (line_has_type(l, type))
				*to++ = sdp_codec_of(&sdp->media[i], type);
	}
	d->n_codecs = (uint16_t)(to - desc_codecs(d));
}

static void read_origin(struct desc *d, const struct sdp *sdp)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	if (!sdp->has_o || scan_uint(sdp->o_version, UINT64_MAX, &d->origin.version))
		return;
	for (size_t i = 0; i < sdp->o_session_id.n; i++)
		h = (h ^ (uint8_t)sdp->o_session_id.p[i]) * 0x100000001b3ull;
	d->origin.session = h ? h : 1;
}

struct learn { /* of a description that is being read */
	struct rf_remote v[RF_REMOTES_MAX];
	uint16_t n;
};

static void learn_add(struct learn *learn, const struct rf_addr *a, uint8_t len)
{
	struct rf_remote r = { .addr = *a, .prefix_len = len };

	for (uint16_t i = 0; i < learn->n; i++)
		if (!memcmp(&learn->v[i], &r, sizeof(r)))
			return;
	if (learn->n < RF_REMOTES_MAX)
		learn->v[learn->n++] = r;
}

static int read_learn(struct desc *d, const struct desc_env *env)
{
	struct learn learn = { .n = 0 };
	bool any = false;

	for (uint16_t i = 0; i < d->n; i++)
		any = any || d->line[i].flags & LINE_LEARN;
	if (!any)
		return 0;
	if (!env->peer || !env->peer->n_media)
		learn_add(&learn, &env->remote, 128);
	for (uint16_t i = 0; env->peer && i < env->peer->n_media; i++)
		learn_add(&learn, &env->peer->media[i].addr, env->peer->media[i].len);
	/* learn=always: the address that the SDP names is the first to expect. */
	for (uint16_t i = 0; i < d->n; i++) {
		const struct media_line *l = &d->line[i];

		if (l->flags & LINE_LEARN && !(l->flags & LINE_NO_ADDR) &&
		    !addr_is_any(&l->rtp.addr) && !addr_is_private(&l->rtp.addr))
			learn_add(&learn, &l->rtp.addr, 128);
	}
	d->learn = calloc(learn.n, sizeof(*d->learn));
	if (!d->learn)
		return -ENOMEM;
	d->n_learn = learn.n;
	memcpy(d->learn, learn.v, learn.n * sizeof(*d->learn));
	return 0;
}

struct desc *desc_read(const struct desc_env *env, enum side side, const struct sdp *sdp,
		       const struct desc *before)
{
	struct desc *d;
	size_t codecs = 0; /* at most: lines with port 0 have none */

	for (uint16_t i = 0; i < sdp->n_media; i++)
		codecs += types_count(sdp->media[i].payload_types);
	d = calloc(1, sizeof(*d) + sdp->n_media * sizeof(d->line[0]) + codecs * sizeof(uint32_t));
	if (!d)
		return NULL;
	d->refs = 1;
	d->n = sdp->n_media;
	for (uint16_t i = 0; i < d->n; i++)
		read_line(&d->line[i], env, side, sdp, i,
			  before && i < before->n ? &before->line[i] : NULL);
	read_bundles(d, sdp);
	read_codecs(d, sdp);
	read_origin(d, sdp);
	if ((side == SIDE_OUTSIDE && read_learn(d, env)) ||
	    desc_read_ice(d, env, side, sdp, before)) {
		desc_put(d);
		return NULL;
	}
	return d;
}

struct desc *desc_get(struct desc *d)
{
	if (d)
		d->refs++;
	return d;
}

void desc_put(struct desc *d)
{
	if (!d || --d->refs)
		return;
	free(d->learn);
	free(d->ice);
	free(d);
}

bool desc_eq(const struct desc *a, const struct desc *b)
{
	if (a == b)
		return true;
	return a && b && a->n == b->n && a->n_learn == b->n_learn && a->n_codecs == b->n_codecs &&
	       (!a->n_learn || !memcmp(a->learn, b->learn, a->n_learn * sizeof(*a->learn))) &&
	       !a->ice == !b->ice &&
	       (!a->ice || !memcmp(a->ice, b->ice, a->n * sizeof(a->ice[0]))) &&
	       !memcmp(a->line, b->line, desc_tail(a));
}
