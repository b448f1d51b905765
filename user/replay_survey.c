// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where was this capture taken? On the inside of a NAT inside hosts speak with their own addresses;
 * outside of it, and at a server with a public address, they do not show.
 */
#include "replay_priv.h"

#include <errno.h>
#include <stdio.h>

#include "packet.h"
#include "sip_frame.h"

/* They stand for the public address when none is given: RFC 5737, RFC 3849. */
static const char *const documentation[] = { "192.0.2.1",   "198.51.100.1", "203.0.113.1",
					     "2001:db8::1", "2001:db8::2",  "2001:db8:ffff::1" };
#define DOCUMENTATION 6
#define FIRST_V6      3

static struct rf_addr stand_in(size_t i)
{
	struct rf_addr a = { 0 };

	addr_parse(view_of(documentation[i]), &a);
	return a;
}

static void spoke(struct replay_survey *s, const struct rf_addr *a)
{
	unsigned int i = 0;

	while (i < s->n_seen && !addr_eq(&s->seen[i].addr, a))
		i++;
	if (i == s->n_seen) {
		if (i == sizeof(s->seen) / sizeof(s->seen[0]))
			return;
		s->seen[s->n_seen++].addr = *a;
	}
	s->seen[i].n++;
	/* the most talkative first */
	if (i && s->seen[i].n > s->seen[i - 1].n) {
		struct rf_addr other = s->seen[i - 1].addr;
		uint64_t n = s->seen[i - 1].n;

		s->seen[i - 1] = s->seen[i];
		s->seen[i].addr = other;
		s->seen[i].n = n;
	}
}

static bool sip_payload(const struct packet *p)
{
	struct tcp_segment seg;
	struct view v;

	if (p->proto == IPPROTO_TCP && !tcp_segment_parse(p, &seg))
		v = seg.payload;
	else if (p->proto == IPPROTO_UDP && !p->frag_offset && p->l4.n > 8)
		v = (struct view){ p->l4.p + 8, p->l4.n - 8 };
	else
		return false;
	return v.n >= 16 && sip_frame_begins(v) && memchr(v.p, '\n', v.n);
}

/* The IP header only has to be whole; a cut packet still begins like a message. */
static int parse_cut(const struct pcap_packet *pk, struct packet *p, char *pad)
{
	size_t n = pk->wire_len < RF_PUNT_MAX ? pk->wire_len : RF_PUNT_MAX;

	if (pk->l3.n >= n)
		return packet_parse(pk->l3.p, pk->l3.n, p);
	memcpy(pad, pk->l3.p, pk->l3.n);
	memset(pad + pk->l3.n, 0, n - pk->l3.n);
	return packet_parse(pad, n, p);
}

static void look(const struct replay *r, struct replay_survey *s, const struct pcap_packet *pk)
{
	bool from, to;
	struct packet p;

	if (parse_cut(pk, &p, r->pad))
		return;
	for (size_t i = 0; i < DOCUMENTATION; i++) {
		struct rf_addr a = stand_in(i);

		s->taken[i] = s->taken[i] || addr_eq(&a, &p.src) || addr_eq(&a, &p.dst);
	}
	if (!sip_payload(&p))
		return;
	s->sip++;
	spoke(s, &p.src);
	if (addr_is_multicast(&p.dst))
		return;
	from = topology_is_inside(&r->topo, &p.src);
	to = topology_is_inside(&r->topo, &p.dst);
	if (topology_is_local(&r->topo, &p.src) || topology_is_local(&r->topo, &p.dst))
		s->to_public += !from && !to;
	else
		s->crossing += from != to;
}

int replay_survey(const struct replay *r, const char *path, struct replay_survey *s, char *why)
{
	struct pcap_packet pk;
	struct pcap_read *file;
	enum pcap_result got;
	int err = pcap_read_open(&file, path, why);

	if (err)
		return err;
	/* A damaged file is read twice to the same place; the second time it is told. */
	do {
		got = pcap_read_next(file, &pk, why);
		if (got == PCAP_GOT)
			look(r, s, &pk);
	} while (got == PCAP_GOT || got == PCAP_NOT_IP);
	pcap_read_close(file);
	return 0;
}

void replay_place(struct replay *r, const struct replay_survey *s)
{
	struct topology_wan *w = &r->topo.wans[0];

	r->from_inside = s->crossing > 0;
	for (size_t i = 0; i < DOCUMENTATION; i++) {
		struct rf_addr a = stand_in(i);

		if (s->taken[i])
			continue;
		if (i < FIRST_V6 && !w->has4) {
			w->has4 = true;
			w->wire4 = w->public4 = a;
		} else if (i >= FIRST_V6 && !w->has6) {
			w->has6 = true;
			w->wire6 = w->public6 = a;
		}
	}
}
