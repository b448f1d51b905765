/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every view that a parser hands out lies within the bytes it was given. Shared by the unit tests
 * and the fuzzers: aborts, so that both notice.
 */
#ifndef RF_CHECK_VIEWS_H
#define RF_CHECK_VIEWS_H

#include <stdio.h>
#include <stdlib.h>

#include "sdp.h"
#include "sip_msg.h"

#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

static inline void check_view(struct view v, struct view buf)
{
	if (!v.p)
		CHECK(v.n == 0);
	else
		CHECK(view_within(v, buf));
}

static inline void check_hostport(const struct sip_hostport *hp, struct view buf)
{
	check_view(hp->whole, buf);
	check_view(hp->host, buf);
	check_view(hp->port, buf);
	if (hp->whole.p) {
		CHECK(hp->host.n && view_within(hp->host, hp->whole));
		CHECK(!hp->port.p || view_within(hp->port, hp->whole));
	}
}

static inline void check_uri(const struct sip_uri *u, struct view buf)
{
	check_view(u->whole, buf);
	check_view(u->scheme, buf);
	check_view(u->user, buf);
	check_view(u->params, buf);
	check_hostport(&u->hp, buf);
	check_hostport(&u->maddr, buf);
	CHECK(!u->is_sip || u->hp.host.n);
}

static inline void check_value(const struct sip_value *v, struct view buf)
{
	check_view(v->whole, buf);
	CHECK(v->whole.n);
	check_uri(&v->uri, v->whole);
	check_view(v->params, v->whole);
	check_view(v->tag, v->whole);
	check_view(v->expires, v->whole);
	check_view(v->transport, v->whole);
	check_hostport(&v->sent_by, v->whole);
	check_view(v->branch, v->whole);
	check_hostport(&v->received, v->whole);
	check_view(v->rport, v->whole);
	check_view(v->via_end, v->whole);
	CHECK(v->id != SIP_H_VIA || (v->sent_by.host.n && v->via_end.p));
}

static inline bool in_values(const struct sip_msg *m, const struct sip_value *v)
{
	return v >= m->values && v < m->values + m->n_values;
}

static inline void check_msg(const struct sip_msg *m, struct view buf)
{
	size_t i;

	CHECK(m->raw.p == buf.p && m->raw.n <= buf.n);
	CHECK(m->n_headers <= SIP_HEADERS_MAX && m->n_values <= SIP_VALUES_MAX);
	for (i = 0; i < m->n_headers; i++) {
		check_view(m->headers[i].name, m->raw);
		check_view(m->headers[i].value, m->raw);
		CHECK(m->headers[i].name.n && m->headers[i].value.p);
	}
	for (i = 0; i < m->n_values; i++) {
		CHECK(m->values[i].header < m->n_headers);
		CHECK(m->values[i].id == m->headers[m->values[i].header].id);
		check_value(&m->values[i], m->headers[m->values[i].header].value);
	}
	CHECK(in_values(m, m->via) && m->via->id == SIP_H_VIA);
	CHECK(in_values(m, m->from) && m->from->id == SIP_H_FROM);
	CHECK(in_values(m, m->to) && m->to->id == SIP_H_TO);
	CHECK(!m->contact || (in_values(m, m->contact) && m->contact->id == SIP_H_CONTACT));
	CHECK(m->call_id.n && m->method_text.n && m->body.p);
	CHECK(m->is_request ? m->ruri.whole.n && !m->status : m->status >= 100 && m->status < 700);
	check_uri(&m->ruri, m->raw);
	check_view(m->method_text, m->raw);
	check_view(m->reason, m->raw);
	check_view(m->call_id, m->raw);
	check_view(m->content_type, m->raw);
	check_view(m->content_type_value, m->raw);
	check_view(m->content_length, m->raw);
	check_view(m->body, m->raw);
	CHECK(m->body.p + m->body.n == m->raw.p + m->raw.n);
	check_view(sip_sdp_body(m), m->body);
}

static inline void check_sdp_addr(const struct sdp_addr *a, struct view buf)
{
	check_view(a->nettype_addrtype, buf);
	check_view(a->host, buf);
}

static inline void check_sdp_media(const struct sdp *s, const struct sdp_media *m)
{
	check_view(m->line, s->raw);
	check_view(m->section, s->raw);
	CHECK(view_within(m->line, m->section));
	check_view(m->media, m->line);
	check_view(m->port, m->line);
	check_view(m->proto_text, m->line);
	CHECK(m->port.n && m->port_count);
	check_sdp_addr(&m->c, m->has_c ? m->section : s->raw);
	CHECK(!m->port_value || m->c.host.p);
	check_view(m->rtcp_port, m->section);
	check_sdp_addr(&m->rtcp, m->section);
	check_view(m->ice_ufrag, s->raw);
	check_view(m->ice_pwd, s->raw);
	check_view(m->setup, s->raw);
	check_view(m->mid, m->section);
	check_view(m->remote_candidates, m->section);
}

static inline void check_sdp(const struct sdp *s, struct view text)
{
	size_t i;

	CHECK(s->raw.p == text.p && s->raw.n == text.n);
	CHECK(s->n_media <= SDP_MEDIA_MAX && s->n_candidates <= SDP_CANDIDATES_MAX);
	check_sdp_addr(&s->o, s->raw);
	check_sdp_addr(&s->c, s->raw);
	check_view(s->o_session_id, s->raw);
	check_view(s->o_version, s->raw);
	for (i = 0; i < s->n_media; i++)
		check_sdp_media(s, &s->media[i]);
	for (i = 0; i < s->n_candidates; i++) {
		const struct sdp_candidate *c = &s->candidates[i];

		CHECK(c->media == SDP_NO_MEDIA || c->media < s->n_media);
		check_view(c->line, c->media == SDP_NO_MEDIA ? s->raw : s->media[c->media].section);
		check_view(c->address, c->line);
		check_view(c->port, c->line);
		check_view(c->raddr, c->line);
		check_view(c->rport, c->line);
		check_view(c->type, c->line);
	}
}

#endif
