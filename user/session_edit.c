// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which tokens of an SDP from inside must change so that peers see our public address and ports, and
 * nothing of the inside: o=, c=, m=, a=rtcp, a=candidate. What is public already stays.
 */
#include "session.h"

#include "sip_scan.h"

/* Must this address not be seen outside? Then *shown is the one to write. */
static bool hidden(const struct topology *topo, const struct topology_wan *wan,
		   const struct rf_addr *a, const struct rf_addr **shown)
{
	const struct rf_addr *wire = topology_wire(wan, a);
	enum rf_mode mode;

	*shown = topology_public(wan, a);
	if (!*shown || addr_eq(a, *shown) || addr_is_any(a))
		return false;
	if (addr_eq(a, wire))
		return true; /* behind 1:1 NAT */
	mode = topology_mode(topo, a);
	return mode == RF_MODE_NAT ||
	       (mode == RF_MODE_HOST && addr_is_private(a) && !topology_wan_by_addr(topo, a));
}

/* The same of an address for whose family the WAN has no address at all: there is none to write. */
static bool stranded(const struct topology *topo, const struct topology_wan *wan,
		     const struct rf_addr *a)
{
	enum rf_mode mode = topology_mode(topo, a);

	return !topology_public(wan, a) && !addr_is_any(a) &&
	       (mode == RF_MODE_NAT || (mode == RF_MODE_HOST && addr_is_private(a)));
}

static const char *any_text(const struct rf_addr *like)
{
	return addr_is_v4(like) ? "0.0.0.0" : "::";
}

static void edit_host(const struct topology *topo, const struct topology_wan *wan,
		      const struct sdp_addr *a, struct edit_list *edits)
{
	const struct rf_addr *shown;
	char buf[ADDR_TEXT_MAX];

	if (!a->is_addr)
		return;
	if (hidden(topo, wan, &a->addr, &shown))
		edit_replace(edits, a->host, "%s", addr_text(shown, buf));
	else if (stranded(topo, wan, &a->addr))
		edit_replace(edits, a->host, "%s", any_text(&a->addr));
}

/* o= names no place to send to; a private address there is only a leak (RFC 8866 5.2). */
static void edit_origin(const struct topology *topo, const struct topology_wan *wan,
			const struct sdp *sdp, struct edit_list *edits)
{
	const struct rf_addr *shown = NULL;
	char buf[ADDR_TEXT_MAX];

	if (!sdp->has_o || !sdp->o.is_addr)
		return;
	if (stranded(topo, wan, &sdp->o.addr)) {
		edit_replace(edits, sdp->o.host, "%s", any_text(&sdp->o.addr));
		return;
	}
	if (!hidden(topo, wan, &sdp->o.addr, &shown)) {
		if (!addr_is_private(&sdp->o.addr) || !shown || addr_eq(&sdp->o.addr, shown) ||
		    topology_wan_by_addr(topo, &sdp->o.addr))
			return;
	}
	edit_replace(edits, sdp->o.host, "%s", addr_text(shown, buf));
}

static void edit_port(const struct topology_wan *wan, const struct leases *l, struct view digits,
		      const struct rf_ep *inside, struct edit_list *edits)
{
	struct rf_ep outside;

	if (digits.p && leases_find(l, wan, inside, &outside))
		edit_replace(edits, digits, "%u", ntohs(outside.port));
}

static void edit_media(const struct topology *topo, const struct topology_wan *wan,
		       const struct leases *l, const struct sdp *sdp, uint16_t i,
		       const struct media_line *line, struct edit_list *edits)
{
	const struct sdp_media *m = &sdp->media[i];
	struct rf_ep rtp = { 0 }, rtcp, base;

	if (m->has_c)
		edit_host(topo, wan, &m->c, edits);
	if (m->has_rtcp && m->rtcp_has_addr)
		edit_host(topo, wan, &m->rtcp, edits);
	if (m->port_value == 0 || !proto_served(m->proto))
		return;
	/* No place at all, said so that the peer takes it for no ice-mismatch (RFC 8839 4.2.5). */
	if (m->ice && m->c.is_addr && stranded(topo, wan, &m->c.addr)) {
		edit_replace(edits, m->port, "9");
		return;
	}
	if (m->c.is_addr)
		rtp = ep_make(m->c.addr, m->port_value);
	/* c=0.0.0.0 (RFC 2543 hold): the port goes on to mean the endpoint known before. */
	if (line && line->flags & LINE_ZERO && ntohs(line->rtp.port) == m->port_value)
		rtp = line->rtp;
	if (addr_is_any(&rtp.addr))
		return;
	base = rtp;
	if (m->ice)
		sdp_mapped_base(sdp, i, &rtp, &base);
	edit_port(wan, l, m->port, &base, edits);
	if (!m->has_rtcp || !m->rtcp_port_value)
		return;
	rtcp = ep_make(rtp.addr, m->rtcp_port_value);
	if (m->rtcp_has_addr && m->rtcp.is_addr)
		rtcp.addr = m->rtcp.addr;
	base = rtcp;
	if (m->ice)
		sdp_mapped_base(sdp, i, &rtcp, &base);
	edit_port(wan, l, m->rtcp_port, &base, edits);
}

/* The whole line with its end. */
static struct view line_with_end(const struct sdp *sdp, struct view line)
{
	const char *end = sdp->raw.p + sdp->raw.n;

	if (line.p + line.n < end && line.p[line.n] == '\r')
		line.n++;
	if (line.p + line.n < end && line.p[line.n] == '\n')
		line.n++;
	return line;
}

static bool has_host(const struct sdp *sdp, const struct rf_ep *ep)
{
	for (uint16_t i = 0; i < sdp->n_candidates; i++) {
		const struct sdp_candidate *c = &sdp->candidates[i];

		if (c->is_udp && c->is_addr && ep_eq(&c->ep, ep) &&
		    view_caseeq(c->type, VIEW("host")))
			return true;
	}
	return false;
}

enum candidate_fate { CANDIDATE_STAYS, CANDIDATE_BECOMES, CANDIDATE_GOES };

/*
 * RFC 8839 5.1. An endpoint with a public port becomes that one, be it named by the host's own address
 * or by ours with the port that a STUN server saw (srflx), which is none of the call's. Any other inside
 * or private address has no pinhole and would only leak. Foreign ones (relays, other gateways) stay.
 */
static enum candidate_fate fate(const struct topology *topo, const struct topology_wan *wan,
				const struct leases *l, const struct sdp *sdp,
				const struct sdp_candidate *c, struct rf_ep *becomes)
{
	const struct rf_addr *shown;
	struct rf_ep base, outside;
	bool hide;

	if (!c->is_addr) /* IPv6 with a zone is no use to anybody else; names (mDNS) tell nothing */
		return view_index(c->address, ':') < c->address.n ? CANDIDATE_GOES
								  : CANDIDATE_STAYS;
	hide = hidden(topo, wan, &c->ep.addr, &shown);
	if (hide && c->is_udp && leases_find(l, wan, &c->ep, &outside)) {
		*becomes = (struct rf_ep){ .addr = *shown, .port = outside.port };
		return CANDIDATE_BECOMES;
	}
	if (topology_wan_by_addr(topo, &c->ep.addr)) {
		*becomes = (struct rf_ep){ .addr = hide ? *shown : c->ep.addr, .port = c->ep.port };
		if (!sdp_mapped_base(sdp, c->media, &c->ep, &base) ||
		    topology_mode(topo, &base.addr) != RF_MODE_NAT)
			return CANDIDATE_BECOMES;
		if (has_host(sdp, &base) || !leases_find(l, wan, &base, &outside))
			return CANDIDATE_GOES;
		becomes->port = outside.port;
		return CANDIDATE_BECOMES;
	}
	if (hide || stranded(topo, wan, &c->ep.addr) ||
	    (addr_is_private(&c->ep.addr) && topology_mode(topo, &c->ep.addr) != RF_MODE_ROUTED))
		return CANDIDATE_GOES;
	return CANDIDATE_STAYS;
}

/* An alternative becomes public with a port that is leased for it; any other one of ours would only
 * leak. */
static void edit_alternative(const struct topology *topo, const struct topology_wan *wan,
			     const struct leases *l, const struct sdp *sdp,
			     const struct sdp_alternative *a, struct edit_list *edits)
{
	const struct rf_addr *shown;
	struct rf_ep outside;
	char buf[ADDR_TEXT_MAX];
	bool hide;

	if (!a->is_addr) {
		if (view_index(a->host, ':') < a->host.n)
			edit_replace(edits, line_with_end(sdp, a->line), "%s", "");
		return;
	}
	hide = hidden(topo, wan, &a->ep.addr, &shown);
	if (hide && a->ep.port && leases_find(l, wan, &a->ep, &outside)) {
		edit_replace(edits, a->host, "%s", addr_text(shown, buf));
		edit_replace(edits, a->port, "%u", ntohs(outside.port));
	} else if (hide && topology_wan_by_addr(topo, &a->ep.addr)) {
		edit_replace(edits, a->host, "%s", addr_text(shown, buf));
	} else if (hide || stranded(topo, wan, &a->ep.addr) ||
		   (addr_is_private(&a->ep.addr) && !addr_is_any(&a->ep.addr) &&
		    topology_mode(topo, &a->ep.addr) != RF_MODE_ROUTED)) {
		edit_replace(edits, line_with_end(sdp, a->line), "%s", "");
	}
}

/* Related addresses are for diagnostics: 0.0.0.0 and port 9 when they must not be told. */
static void edit_related(const struct topology *topo, const struct topology_wan *wan,
			 const struct sdp_candidate *c, struct edit_list *edits)
{
	const struct rf_addr *shown;
	struct rf_addr related;

	if (!c->raddr.p || addr_parse(c->raddr, &related) ||
	    (!hidden(topo, wan, &related, &shown) &&
	     (!addr_is_private(&related) || topology_wan_by_addr(topo, &related))))
		return;
	edit_replace(edits, c->raddr, "%s", any_text(&related));
	if (c->rport.p)
		edit_replace(edits, c->rport, "9");
}

static void edit_candidate(const struct topology *topo, const struct topology_wan *wan,
			   const struct leases *l, const struct sdp *sdp,
			   const struct sdp_candidate *c, struct edit_list *edits)
{
	char buf[ADDR_TEXT_MAX];
	struct rf_ep ep;

	switch (fate(topo, wan, l, sdp, c, &ep)) {
	case CANDIDATE_GOES: edit_replace(edits, line_with_end(sdp, c->line), "%s", ""); return;
	case CANDIDATE_BECOMES:
		edit_replace(edits, c->address, "%s", addr_text(&ep.addr, buf));
		edit_replace(edits, c->port, "%u", ntohs(ep.port));
		break;
	case CANDIDATE_STAYS: break;
	}
	edit_related(topo, wan, c, edits);
}

/* The peer's candidates that were chosen (RFC 8839 5.2). One of our own side, found by a check that did
 * not cross the WAN, would be a leak, and no peer could use it. */
static void edit_remote_candidates(const struct topology *topo, const struct topology_wan *wan,
				   const struct sdp *sdp, const struct sdp_media *m,
				   struct edit_list *edits)
{
	struct view rest =
		view_from(m->remote_candidates, view_index(m->remote_candidates, ':') + 1);
	struct sdp_remote_candidate c;
	const struct rf_addr *shown;

	while (sdp_remote_candidate_next(&rest, &c)) {
		if (!hidden(topo, wan, &c.ep.addr, &shown) && !stranded(topo, wan, &c.ep.addr))
			continue;
		edit_replace(edits, line_with_end(sdp, m->remote_candidates), "%s", "");
		return;
	}
}

void sdp_unedit(const struct sdp *sdp, const struct topology_wan *wan, const struct leases *l,
		struct edit_list *edits)
{
	char buf[ADDR_TEXT_MAX];

	for (uint16_t i = 0; i < sdp->n_media; i++) {
		struct view line = sdp->media[i].remote_candidates, rest;
		struct sdp_remote_candidate c;

		if (!line.p)
			continue;
		rest = view_from(line, view_index(line, ':') + 1);
		while (sdp_remote_candidate_next(&rest, &c)) {
			const struct rf_addr *pub = topology_public(wan, &c.ep.addr);
			struct rf_ep inside;

			if (pub && addr_eq(&c.ep.addr, pub))
				c.ep.addr = *topology_wire(wan, pub);
			if (!leases_inside(l, wan->ifindex, &c.ep, &inside))
				continue;
			edit_replace(edits, c.address, "%s", addr_text(&inside.addr, buf));
			edit_replace(edits, c.port, "%u", ntohs(inside.port));
		}
	}
}

void sdp_edit(const struct sdp *sdp, const struct topology *topo, const struct topology_wan *wan,
	      const struct leases *l, const struct desc *d, struct edit_list *edits)
{
	edit_origin(topo, wan, sdp, edits);
	if (sdp->has_c)
		edit_host(topo, wan, &sdp->c, edits);
	for (uint16_t i = 0; i < sdp->n_media; i++)
		edit_media(topo, wan, l, sdp, i, d && i < d->n ? &d->line[i] : NULL, edits);
	for (uint16_t i = 0; i < sdp->n_media; i++)
		if (sdp->media[i].remote_candidates.p)
			edit_remote_candidates(topo, wan, sdp, &sdp->media[i], edits);
	for (uint16_t i = 0; i < sdp->n_alternatives; i++)
		edit_alternative(topo, wan, l, sdp, &sdp->alternatives[i], edits);
	for (uint16_t i = 0; i < sdp->n_candidates; i++)
		edit_candidate(topo, wan, l, sdp, &sdp->candidates[i], edits);
}
