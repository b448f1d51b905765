// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which RTP payload types and RTCP packet types a stream has agreed on. What is sent to a side has a
 * type from that side's own list (RFC 3264 5.1, 6.1); and once there is an answer, only codecs in it.
 */
#include "call_priv.h"

#define RTCP_BIT(type) (1u << ((type)-192))
/* SR, RR, SDES, BYE, APP need no agreement (RFC 3550 6.1), nor does XR (RFC 3611 5): phones report the
 * quality of a call to whom never asked. */
#define RTCP_ALWAYS                                                                      \
	(RTCP_BIT(200) | RTCP_BIT(201) | RTCP_BIT(202) | RTCP_BIT(203) | RTCP_BIT(204) | \
	 RTCP_BIT(207))
#define RTCP_FEEDBACK (RTCP_BIT(205) | RTCP_BIT(206)) /* RTPFB, PSFB (RFC 4585 6.1) */
#define RTCP_H261     (RTCP_BIT(192) | RTCP_BIT(193)) /* FIR, NACK (RFC 2032 5.2) */
#define STATIC_TYPES  35 /* RFC 3551: these numbers mean the same to everybody */

/* One m-line with the description that it stands in. */
struct side_line {
	const struct desc *d;
	const struct media_line *l;
};

static struct side_line line_at(const struct desc *d, uint16_t i)
{
	return (struct side_line){ d, &d->line[i] };
}

/* Does the line list the codec of this type of another line? */
static bool lists(struct side_line s, unsigned int type, uint32_t codec)
{
	const uint32_t *own = desc_codecs(s.d) + s.l->first_codec;

	for (unsigned int t = 0; t < SDP_TYPES; t++) {
		if (!line_has_type(s.l, t))
			continue;
		if (codec && *own == codec)
			return true;
		if (t == type && (!codec || !*own || t < STATIC_TYPES))
			return true;
		own++;
	}
	return false;
}

/* Adds what may be sent to the side that says .to; answer.l NULL: there is none yet. */
static void add_types(uint8_t bitmap[SDP_TYPES / 8], struct side_line to, struct side_line answer)
{
	const uint32_t *codec = desc_codecs(to.d) + to.l->first_codec;

	for (unsigned int t = 0; t < SDP_TYPES; t++) {
		if (!line_has_type(to.l, t))
			continue;
		if (!answer.l || lists(answer, t, *codec))
			bitmap[t / 8] |= (uint8_t)(1u << t % 8);
		codec++;
	}
}

/*
 * A preview is no answer yet: what was offered may come (RFC 3264 5.1). So may what an open offer from
 * inside lists, but the way out is the one agreed before.
 */
static void add_rtp(struct pinhole_spec *w, const struct stream *q)
{
	const struct session *s = &q->p->d->s;
	struct side_line side[2] = { line_at(q->p->side[SIDE_INSIDE], q->i),
				     line_at(q->p->side[SIDE_OUTSIDE], q->i) };
	struct side_line answer[2] = { { 0 } }; /* by the side that offered */
	enum side answerer = (enum side)s->answerer;

	if (q->p->pending) {
		if (answerer == SIDE_INSIDE && q->i < s->now[SIDE_INSIDE]->n)
			answer[SIDE_OUTSIDE] = line_at(s->now[SIDE_INSIDE], q->i);
	} else if (!s->preview) {
		answer[side_other(answerer)] = side[answerer];
	}
	add_types(w->payload_types_in, side[SIDE_INSIDE], answer[SIDE_INSIDE]);
	add_types(w->payload_types_out, side[SIDE_OUTSIDE], answer[SIDE_OUTSIDE]);
}

static uint32_t rtcp_types(const struct stream *q)
{
	const struct session *s = &q->p->d->s;
	enum side offerer = q->p->pending ? SIDE_INSIDE : side_other((enum side)s->answerer);
	bool answered = !q->p->pending && !s->preview;
	uint32_t types = RTCP_ALWAYS, h261 = sdp_codec(VIEW("H261"), 90000);
	bool feedback = true, picture = true;

	for (int side = 0; side < 2; side++) {
		struct side_line l = line_at(q->p->side[side], q->i);

		if (!answered && side != (int)offerer)
			continue;
		feedback = feedback && l.l->flags & LINE_FB;
		picture = picture && lists(l, SDP_TYPES, h261);
	}
	if (feedback)
		types |= RTCP_FEEDBACK;
	if (picture)
		types |= RTCP_H261;
	return types;
}

void call_types(const struct call_table *t, struct pinhole_spec *w, const struct stream *q)
{
	if (q->a->proto != SDP_P_RTP)
		return;
	if (t->cfg->any_types) {
		memset(w->payload_types_in, 0xff, sizeof(w->payload_types_in));
		memset(w->payload_types_out, 0xff, sizeof(w->payload_types_out));
		w->rtcp_types = UINT32_MAX;
		return;
	}
	if (!q->rtcp)
		add_rtp(w, q);
	if ((w->classes_in | w->classes_out) & RF_CLASS_RTCP)
		w->rtcp_types |= rtcp_types(q);
}
