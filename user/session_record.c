// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptions as bytes that outlive the process, and back.
 */
#include "session_priv.h"

#include <stdlib.h>

static void line_record(struct record *r, struct media_line *l)
{
	record_ep(r, &l->rtp);
	record_ep(r, &l->rtcp);
	record_ep(r, &l->alt_rtp);
	record_ep(r, &l->alt_rtcp);
	record_u16(r, &l->alt_flags);
	record_u32(r, &l->clock_rate);
	record_u16(r, &l->flags);
	record_u16(r, &l->count);
	record_u16(r, &l->first_codec);
	record_u8(r, &l->bundle);
	if (l->bundle > SDP_MEDIA_MAX)
		r->failed = true;
	record_enum(r, &l->proto, SDP_P_BFCP_DTLS + 1);
	record_enum(r, &l->direction, SDP_INACTIVE + 1);
	record_bytes(r, l->payload_types, sizeof(l->payload_types));
	record_text(r, l->media, sizeof(l->media));
	record_text(r, l->codec, sizeof(l->codec));
}

void remote_record(struct record *r, struct rf_remote *m)
{
	record_addr(r, &m->addr);
	record_bytes(r, &m->port, sizeof(m->port));
	record_u8(r, &m->prefix_len);
	if (m->prefix_len > 128)
		r->failed = true;
	m->pad = 0;
}

void desc_record(struct record *r, struct desc **at)
{
	bool there = *at != NULL;
	struct desc *d = *at;
	size_t n, n_learn, n_codecs, n_types = 0;
	bool ice;

	record_bool(r, &there);
	if (!there)
		return;
	n = r->reading ? 0 : d->n;
	record_count(r, &n, SDP_MEDIA_MAX);
	n_codecs = r->reading ? 0 : d->n_codecs;
	record_count(r, &n_codecs, SDP_MEDIA_MAX * SDP_TYPES);
	if (r->reading) {
		d = record_calloc(
			r, 1, sizeof(*d) + n * sizeof(d->line[0]) + n_codecs * sizeof(uint32_t));
		if (!d)
			return;
		d->refs = 1;
		d->n = (uint16_t)n;
		d->n_codecs = (uint16_t)n_codecs;
		*at = d;
	}
	record_u64(r, &d->origin.session);
	record_u64(r, &d->origin.version);
	n_learn = d->n_learn;
	record_count(r, &n_learn, RF_REMOTES_MAX);
	if (r->reading && n_learn && !(d->learn = record_calloc(r, n_learn, sizeof(*d->learn))))
		return;
	d->n_learn = (uint16_t)n_learn;
	for (size_t i = 0; i < n_learn; i++)
		remote_record(r, &d->learn[i]);
	for (size_t i = 0; i < n; i++) {
		line_record(r, &d->line[i]);
		if (d->line[i].first_codec != n_types)
			r->failed = true;
		n_types += types_count(d->line[i].payload_types);
	}
	if (n_types != n_codecs)
		r->failed = true;
	for (size_t i = 0; i < n_codecs; i++)
		record_u32(r, &desc_codecs(d)[i]);
	ice = d->ice != NULL;
	record_bool(r, &ice);
	if (!ice || r->failed)
		return;
	if (r->reading && !(d->ice = record_calloc(r, n ? n : 1, sizeof(*d->ice))))
		return;
	for (size_t i = 0; i < n; i++)
		if (d->line[i].flags & LINE_ICE)
			ice_record(r, &d->ice[i]);
}
