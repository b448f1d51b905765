// SPDX-License-Identifier: GPL-2.0-only
/*
 * A captured packet finds its way: which side it comes from, signalling or media, whole or in
 * fragments, over UDP or TCP.
 */
#include "replay_priv.h"

#include <errno.h>
#include <netinet/in.h>

#include "packet.h"
#include "sip_frame.h"
#include "sip_scan.h"

static bool is_mine(const struct replay *r, const struct rf_addr *a)
{
	return topology_is_inside(&r->topo, a) || topology_is_local(&r->topo, a);
}

enum replay_way replay_way(const struct replay *r, const struct rf_addr *src,
			   const struct rf_addr *dst)
{
	bool from = is_mine(r, src), to = is_mine(r, dst);

	if (addr_is_multicast(dst) || (!from && !to))
		return WAY_OTHER;
	if (from && to)
		return WAY_STAYS;
	return from ? WAY_OUT : WAY_IN;
}

/* In a capture of both sides of a NAT each packet comes twice: its outer form is no other message. */
static bool is_copy(const struct replay *r, enum replay_way way, const struct rf_addr *src,
		    const struct rf_addr *dst)
{
	return r->from_inside && topology_is_local(&r->topo, way == WAY_OUT ? src : dst);
}

/* Counts what does not cross, and what comes twice. */
static bool crosses(struct replay *r, const struct rf_addr *src, const struct rf_addr *dst,
		    enum replay_way *way)
{
	*way = replay_way(r, src, dst);
	if (*way == WAY_OTHER)
		r->stats.other++;
	else if (*way == WAY_STAYS)
		r->stats.stays++;
	else if (is_copy(r, *way, src, dst))
		r->stats.copies++;
	else
		return true;
	return false;
}

bool replay_sip_port(const struct replay *r, uint16_t port)
{
	for (uint16_t i = 0; i < r->o.config.n_sip_ports; i++)
		if (htons(r->o.config.sip_ports[i]) == port)
			return true;
	return false;
}

static bool is_signalling(struct replay *r, enum replay_way way, const struct rf_ep *src,
			  const struct rf_ep *dst)
{
	struct rf_ep outside;

	return replay_sip_port(r, src->port) || replay_sip_port(r, dst->port) ||
	       engine_outside_of(r->engine, REPLAY_WAN, way == WAY_OUT ? src : dst, false,
				 r->now_ns, &r->actions, &outside);
}

/* Is it SIP where nobody would look for it? A whole start line, not just its beginning. */
static bool is_sip_elsewhere(struct replay *r, struct view payload, const struct rf_ep *dst)
{
	if (payload.n < 16 || !sip_frame_begins(payload) || !memchr(payload.p, '\n', payload.n))
		return false;
	r->stats.other_port++;
	r->stats.other_port_seen = ntohs(dst->port);
	return true;
}

/* Time to live as the gateway would have seen it. What has left a gateway already had enough. */
static uint8_t ttl_of(const struct replay *r, const struct packet *p, enum replay_way way)
{
	return r->from_inside == (way == WAY_OUT) ? p->ttl : TTL_ENOUGH;
}

static void cut_message(struct replay *r)
{
	r->stats.cut_messages++;
	r->stats.found[REPLAY_UNPARSED]++;
}

static void udp(struct replay *r, const struct packet *p, bool cut, bool fragmented)
{
	struct replay_udp u = { .fragmented = fragmented };
	enum packet_checksum sum;

	if (!crosses(r, &p->src, &p->dst, &u.way))
		return;
	u.ttl = ttl_of(r, p, u.way);
	if (packet_udp(p, &u.src, &u.dst, &u.payload, &sum)) {
		r->stats.bad_packets++;
		return;
	}
	if (!is_signalling(r, u.way, &u.src, &u.dst)) {
		if (!is_sip_elsewhere(r, u.payload, &u.dst))
			replay_media(r, &u);
	} else if (cut) {
		cut_message(r);
	} else if (sum == PACKET_SUM_BAD) {
		/* as the controller does: nobody would accept it */
		r->stats.reasons[RF_R_SIP_BAD_CHECKSUM]++;
		r->stats.found[REPLAY_DROP]++;
	} else {
		struct replay_in in = { u.way, u.src, u.dst, u.payload, false };

		replay_message(r, &in);
	}
}

static void tcp(struct replay *r, const struct packet *p, bool cut)
{
	struct tcp_segment s;
	enum replay_way way;

	if (!crosses(r, &p->src, &p->dst, &way))
		return;
	if (tcp_segment_parse(p, &s)) {
		r->stats.bad_packets++;
		return;
	}
	if (!is_signalling(r, way, &s.src, &s.dst)) {
		if (!is_sip_elsewhere(r, s.payload, &s.dst))
			r->stats.other++;
		return;
	}
	if (cut && s.payload.n) { /* a gap, and nothing made up in its place */
		r->stats.cut_messages++;
		return;
	}
	s.time_ns = r->now_ns;
	if (tcp_streams_add(r->tcp, &s))
		r->err = -ENOMEM;
}

static void on_message(const struct tcp_segment *s, struct view message, void *arg)
{
	struct replay *r = arg;
	struct replay_in in = { .src = s->src, .dst = s->dst, .payload = message, .tcp = true };

	in.way = replay_way(r, &s->src.addr, &s->dst.addr);
	replay_message(r, &in);
}

static void on_trouble(const struct rf_ep *src, const struct rf_ep *dst, enum tcp_trouble what,
		       void *arg)
{
	static const char *const text[] = {
		[TCP_GAP] = "a TCP segment is not in the capture: messages around it are lost",
		[TCP_NOT_SIP] = "this TCP stream is not SIP, or no longer",
		[TCP_CUT] = "this TCP stream ends in the middle of a message",
	};
	struct replay *r = arg;
	struct replay_entry *e = replay_entry_add(r, &r->loose, ENTRY_NOTE, view_of(text[what]));

	r->stats.tcp_gaps++;
	r->stats.found[REPLAY_UNPARSED]++;
	if (e) {
		e->src = *src;
		e->dst = *dst;
	}
}

const struct tcp_out replay_tcp = { .message = on_message, .trouble = on_trouble };

static void whole(struct replay *r, const struct packet *p, bool cut, bool fragmented)
{
	if (p->proto == IPPROTO_UDP)
		udp(r, p, cut, fragmented);
	else if (p->proto == IPPROTO_TCP)
		tcp(r, p, cut);
	else
		r->stats.other++;
}

static void on_datagram(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct replay *r = arg;
	struct packet p;

	if (packet_parse(packet.p, packet.n, &p))
		r->stats.bad_packets++;
	else
		whole(r, &p, false, true);
}

/* Never: nothing is deferred here. */
static void on_resend(const struct rf_punt *meta, struct view packet, void *arg)
{
}

static void on_lost(uint32_t packets, uint64_t bytes, void *arg)
{
	struct replay *r = arg;

	r->stats.fragments_lost += packets;
	r->stats.found[REPLAY_UNPARSED]++;
}

const struct reassembly_out replay_reassembly = { .datagram = on_datagram,
						  .resend = on_resend,
						  .dropped = on_lost };

/* Headers are enough for media; what is missing of a packet is taken as zeros. */
static bool fill_up(struct replay *r, struct view *v, size_t wire_len)
{
	if (wire_len <= v->n)
		return false;
	r->stats.cut++;
	if (wire_len > RF_PUNT_MAX)
		wire_len = RF_PUNT_MAX;
	if (v->n > wire_len)
		v->n = wire_len;
	memcpy(r->pad, v->p, v->n);
	memset(r->pad + v->n, 0, wire_len - v->n);
	*v = (struct view){ r->pad, wire_len };
	return true;
}

/* Does what the capture left out belong to the packet, or is it Ethernet's padding? */
static bool is_cut(const struct packet *p, size_t captured)
{
	return p->header_len + p->l4.n > captured;
}

/* FNV-1a */
static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (; n; n--, p++)
		h = (h ^ *p) * 0x100000001b3ull;
	return h;
}

/* A capture of several devices ("any", a bridge and its ports, a mirror port) has each packet as often
 * as it was seen. Senders that repeat themselves take more time, and another IPv4 identification. */
static bool is_twice(struct replay *r, const struct packet *p)
{
	uint64_t h = hash(0xcbf29ce484222325ull, &p->src, sizeof(p->src));
	size_t sum = p->fragment	       ? 0
		     : p->proto == IPPROTO_UDP ? 6
		     : p->proto == IPPROTO_TCP ? 16
					       : 0;
	bool twice;

	h = hash(h, &p->dst, sizeof(p->dst));
	h = hash(h, &p->frag_id, sizeof(p->frag_id));
	h = hash(h, &p->frag_offset, sizeof(p->frag_offset));
	h = hash(h, p->l4.p, p->l4.n < sum ? p->l4.n : sum);
	if (p->l4.n > sum + 2) /* a device fills in the checksum on the way */
		h = hash(h, p->l4.p + sum + 2, p->l4.n - sum - 2);
	twice = r->recent[h % REPLAY_RECENT].hash == h &&
		r->now_ns - r->recent[h % REPLAY_RECENT].time_ns < REPLAY_TWICE_NS;
	if (twice) {
		r->stats.twice++;
		return true;
	}
	r->recent[h % REPLAY_RECENT].hash = h;
	r->recent[h % REPLAY_RECENT].time_ns = r->now_ns;
	return false;
}

void replay_packet(struct replay *r, const struct pcap_packet *pk)
{
	struct view v = pk->l3;
	bool filled = fill_up(r, &v, pk->wire_len), cut;
	struct rf_punt meta = { .kind = RF_PUNT_FRAGMENT, .time_ns = r->now_ns };
	struct packet p;
	enum replay_way way;

	if (packet_parse(v.p, v.n, &p)) {
		r->stats.bad_packets++;
		return;
	}
	if (is_twice(r, &p))
		return;
	cut = filled && is_cut(&p, pk->l3.n);
	if (!p.fragment) {
		whole(r, &p, cut, false);
		return;
	}
	if ((p.proto != IPPROTO_UDP && p.proto != IPPROTO_TCP) || cut) {
		r->stats.other++;
		return;
	}
	if (!crosses(r, &p.src, &p.dst, &way))
		return;
	r->stats.fragmented++;
	meta.len = v.n;
	reassembly_add(r->frags, &meta, v, r->now_ns);
}
