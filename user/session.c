// SPDX-License-Identifier: GPL-2.0-only
/*
 * Offer/answer state of one dialog (RFC 3264, RFC 6337). The agreed session stays in force until the
 * next one is agreed, so a refused re-INVITE or UPDATE only voids its offer.
 */
#include "session.h"

#include <errno.h>
#include <string.h>

static void desc_set(struct desc **at, struct desc *d)
{
	struct desc *old = *at;

	*at = desc_get(d);
	desc_put(old);
}

static void offer_void(struct session *s, enum side side)
{
	desc_set(&s->offer[side].desc, NULL);
	s->offer[side].tx = (struct tx){ 0 };
}

void session_offer(struct session *s, enum side side, struct tx tx, struct desc *desc)
{
	desc_set(&s->offer[side].desc, desc);
	s->offer[side].tx = tx;
	s->said[side] = desc->origin;
}

enum session_version session_version(const struct session *s, enum side side,
				     const struct desc *desc)
{
	const struct desc *known[] = { s->offer[side].desc, s->now[side], s->before[side] };
	const struct origin *was = &s->said[side], *is = &desc->origin;

	if (!was->session || was->session != is->session)
		return VERSION_FINE;
	if (is->version != was->version)
		return is->version == was->version + 1 ? VERSION_FINE : VERSION_JUMPS;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] && known[i]->origin.session == is->session &&
		    known[i]->origin.version == is->version)
			return desc_eq(known[i], desc) ? VERSION_FINE : VERSION_SAME;
	return VERSION_FINE;
}

static void before_drop(struct session *s)
{
	desc_set(&s->before[0], NULL);
	desc_set(&s->before[1], NULL);
	s->before_agreed = (struct tx){ 0 };
	s->before_answerer = 0;
}

static void before_keep(struct session *s)
{
	desc_set(&s->before[0], s->now[0]);
	desc_set(&s->before[1], s->now[1]);
	s->before_agreed = s->agreed;
	s->before_answerer = s->answerer;
}

static void before_restore(struct session *s)
{
	desc_set(&s->now[0], s->before[0]);
	desc_set(&s->now[1], s->before[1]);
	s->agreed = s->before_agreed;
	s->answerer = s->before_answerer;
	s->preview = false;
	before_drop(s);
}

bool session_answer(struct session *s, enum side answerer, struct tx tx, struct desc *desc,
		    bool preview, uint64_t now)
{
	enum side offerer = side_other(answerer);
	bool fresh = tx_eq(s->offer[offerer].tx, tx);
	bool changed;

	if (!fresh && !(tx_eq(s->agreed, tx) && s->answerer == answerer && s->now[offerer]))
		return false;
	if (!fresh)
		preview = false; /* it was agreed before: another answer does not unsettle it */
	if (preview && !s->preview)
		before_keep(s);
	changed = (fresh && !desc_eq(s->now[offerer], s->offer[offerer].desc)) ||
		  !desc_eq(s->now[answerer], desc) || (s->preview && !preview);
	if (fresh)
		desc_set(&s->now[offerer], s->offer[offerer].desc);
	desc_set(&s->now[answerer], desc);
	s->said[answerer] = desc->origin;
	s->agreed = tx;
	s->answerer = (uint8_t)answerer;
	s->preview = preview;
	if (!preview) {
		if (fresh)
			offer_void(s, offerer);
		before_drop(s);
	}
	if (changed)
		s->since = now;
	return changed;
}

void session_confirm(struct session *s, struct tx tx, uint64_t now)
{
	if (!s->preview || !tx_eq(s->agreed, tx))
		return;
	s->preview = false;
	s->since = now;
	before_drop(s);
	offer_void(s, side_other(s->answerer));
}

void session_fail(struct session *s, struct tx tx)
{
	for (int side = 0; side < 2; side++)
		if (tx_eq(s->offer[side].tx, tx))
			offer_void(s, (enum side)side);
	if (s->preview && tx_eq(s->agreed, tx))
		before_restore(s);
}

void session_clear(struct session *s)
{
	for (int side = 0; side < 2; side++) {
		desc_set(&s->now[side], NULL);
		offer_void(s, (enum side)side);
	}
	before_drop(s);
	memset(s->said, 0, sizeof(s->said));
	s->agreed = (struct tx){ 0 };
	s->answerer = 0;
	s->preview = false;
	s->since = 0;
}

int session_trickle(struct session *s, enum side side, const struct desc_env *env,
		    const struct sdp *fragment)
{
	struct desc **at[] = { &s->now[side], &s->before[side], &s->offer[side].desc };

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct desc *old = desc_get(*at[i]), *fresh;

		if (!old)
			continue;
		fresh = desc_trickle(env, side, fragment, old);
		for (size_t k = i; fresh && k < sizeof(at) / sizeof(at[0]); k++)
			if (*at[k] == old)
				desc_set(at[k], fresh);
		desc_put(old);
		if (!fresh)
			return -ENOMEM;
		desc_put(fresh);
	}
	return 0;
}

static void tx_record(struct record *r, struct tx *tx)
{
	record_u32(r, &tx->cseq);
	record_enum(r, &tx->side, 2);
	record_u8(r, &tx->method);
}

void session_record(struct record *r, struct session *s)
{
	for (int side = 0; side < 2; side++) {
		desc_record(r, &s->now[side]);
		desc_record(r, &s->before[side]);
		desc_record(r, &s->offer[side].desc);
		tx_record(r, &s->offer[side].tx);
		record_u64(r, &s->said[side].session);
		record_u64(r, &s->said[side].version);
		if (!s->offer[side].desc != !s->offer[side].tx.method)
			r->failed = true;
	}
	/* Half a session would have no meaning. */
	if (!s->now[0] != !s->now[1] || !s->before[0] != !s->before[1])
		r->failed = true;
	tx_record(r, &s->agreed);
	record_enum(r, &s->answerer, 2);
	record_bool(r, &s->preview);
	tx_record(r, &s->before_agreed);
	record_enum(r, &s->before_answerer, 2);
	record_u64(r, &s->since);
}
