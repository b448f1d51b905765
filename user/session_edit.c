// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which tokens of an SDP from inside must change so that peers see our public address and ports, and
 * nothing of the inside: o=, c=, m=, a=rtcp, a=candidate. What is public already stays.
 */
#include "session.h"

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

static void edit_host(const struct topology *topo, const struct topology_wan *wan,
		      const struct sdp_addr *a, struct edit_list *edits)
{
	const struct rf_addr *shown;
	char buf[ADDR_TEXT_MAX];

	if (a->is_addr && hidden(topo, wan, &a->addr, &shown))
		edit_replace(edits, a->host, "%s", addr_text(shown, buf));
}

/* o= names no place to send to; a private address there is only a leak (RFC 8866 5.2). */
static void edit_origin(const struct topology *topo, const struct topology_wan *wan,
			const struct sdp *sdp, struct edit_list *edits)
{
	const struct rf_addr *shown = NULL;
	char buf[ADDR_TEXT_MAX];

	if (!sdp->has_o || !sdp->o.is_addr)
		return;
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
		       const struct leases *l, const struct sdp_media *m,
		       const struct media_line *line, struct edit_list *edits)
{
	struct rf_ep rtp = { 0 }, rtcp;

	if (m->has_c)
		edit_host(topo, wan, &m->c, edits);
	if (m->has_rtcp && m->rtcp_has_addr)
		edit_host(topo, wan, &m->rtcp, edits);
	if (m->port_value == 0 || (m->proto != SDP_P_RTP && m->proto != SDP_P_UDPTL))
		return;
	if (m->c.is_addr)
		rtp = ep_make(m->c.addr, m->port_value);
	/* c=0.0.0.0 (RFC 2543 hold): the port goes on to mean the endpoint known before. */
	if (line && line->flags & LINE_ZERO && ntohs(line->rtp.port) == m->port_value)
		rtp = line->rtp;
	if (addr_is_any(&rtp.addr))
		return;
	edit_port(wan, l, m->port, &rtp, edits);
	if (!m->has_rtcp || !m->rtcp_port_value)
		return;
	rtcp = ep_make(rtp.addr, m->rtcp_port_value);
	if (m->rtcp_has_addr && m->rtcp.is_addr)
		rtcp.addr = m->rtcp.addr;
	edit_port(wan, l, m->rtcp_port, &rtcp, edits);
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

/*
 * RFC 8839 5.1. A candidate that is the stream's own endpoint becomes the public one; any other inside
 * address has no pinhole and would only leak, so its line goes. Related addresses are for diagnostics:
 * 0.0.0.0 and port 9 when they must not be told.
 */
static void edit_candidate(const struct topology *topo, const struct topology_wan *wan,
			   const struct leases *l, const struct sdp *sdp,
			   const struct sdp_candidate *c, struct edit_list *edits)
{
	const struct rf_addr *shown;
	struct rf_addr related;
	struct rf_ep outside;
	char buf[ADDR_TEXT_MAX];
	bool hide;

	if (c->is_addr) {
		hide = hidden(topo, wan, &c->ep.addr, &shown);
		if (hide && c->is_udp && leases_find(l, wan, &c->ep, &outside)) {
			edit_replace(edits, c->address, "%s", addr_text(shown, buf));
			edit_replace(edits, c->port, "%u", ntohs(outside.port));
		} else if (hide && topology_wan_by_addr(topo, &c->ep.addr)) {
			edit_replace(edits, c->address, "%s", addr_text(shown, buf));
		} else if (hide || (shown && addr_is_private(&c->ep.addr) &&
				    !topology_wan_by_addr(topo, &c->ep.addr))) {
			edit_replace(edits, line_with_end(sdp, c->line), "%s", "");
			return;
		}
	}
	if (!c->raddr.p || addr_parse(c->raddr, &related) ||
	    (!hidden(topo, wan, &related, &shown) &&
	     (!addr_is_private(&related) || topology_wan_by_addr(topo, &related))))
		return;
	edit_replace(edits, c->raddr, "%s", addr_is_v4(&related) ? "0.0.0.0" : "::");
	if (c->rport.p)
		edit_replace(edits, c->rport, "9");
}

void sdp_edit(const struct sdp *sdp, const struct topology *topo, const struct topology_wan *wan,
	      const struct leases *l, const struct desc *d, struct edit_list *edits)
{
	edit_origin(topo, wan, sdp, edits);
	if (sdp->has_c)
		edit_host(topo, wan, &sdp->c, edits);
	for (uint16_t i = 0; i < sdp->n_media; i++)
		edit_media(topo, wan, l, &sdp->media[i], d && i < d->n ? &d->line[i] : NULL, edits);
	for (uint16_t i = 0; i < sdp->n_candidates; i++)
		edit_candidate(topo, wan, l, sdp, &sdp->candidates[i], edits);
}
