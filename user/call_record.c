// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call as bytes that outlive the process, and back. Whatever decides what the next message does is
 * in here; a test restores after every message of its flows and expects the same actions.
 */
#include "call_priv.h"

#include <errno.h>
#include <stdlib.h>

#define CALL_MAGIC	    0x4c4c4143 /* "CALL" */
#define CALL_VERSION	    8
#define CALL_VERSION_OLDEST 5 /* that can be read */

static void record_i64(struct record *r, int64_t *v)
{
	uint64_t u = (uint64_t)*v;

	record_u64(r, &u);
	*v = (int64_t)u;
}

static void dialog_record(struct record *r, struct dialog *d)
{
	uint8_t state = (uint8_t)d->state;

	record_enum(r, &state, DIALOG_GONE + 1);
	d->state = state;
	record_u32(r, &d->init_cseq);
	for (int side = 0; side < 2; side++) {
		record_i64(r, &d->cseq[side]);
		record_i64(r, &d->answered[side]);
		record_i64(r, &d->updated[side]);
		record_i64(r, &d->late[side]);
		record_i64(r, &d->bye_cseq[side]);
	}
	record_u64(r, &d->ack_until);
	record_u32(r, &d->ack_cseq);
	record_enum(r, &d->ack_side, 2);
	record_u8(r, &d->bye_from);
	record_u64(r, &d->until);
	record_u64(r, &d->offer_until);
	record_u64(r, &d->bye_until);
	session_record(r, &d->s);
}

static void fail(struct record *r, int err)
{
	r->failed = true;
	r->no_memory |= err == -ENOMEM;
}

static void dialogs_record(struct record *r, struct call *c)
{
	size_t n = 0;
	int err;

	for (struct dialog *d = c->dialogs; d; d = d->next)
		n++;
	record_count(r, &n, CALL_DIALOGS_MAX);
	for (struct dialog *d = c->dialogs; !r->reading && d; d = d->next) {
		struct view tag = { d->tag, d->n_tag };

		record_view(r, &tag, CALL_TEXT_MAX);
		dialog_record(r, d);
	}
	while (r->reading && !r->failed && n--) {
		struct view tag = VIEW_NONE;
		struct dialog *d;

		record_view(r, &tag, CALL_TEXT_MAX);
		if (r->failed || dialog_find(c, tag))
			r->failed = true;
		else if ((err = dialog_new(c, tag, 0, &d)))
			fail(r, err);
		else
			dialog_record(r, d);
	}
}

static void classes_record(struct record *r, uint16_t *classes)
{
	if (r->version > 5)
		record_u16(r, classes);
	else
		record_u8_wide(r, classes);
}

static void pin_record(struct record *r, struct pinhole_spec *s)
{
	size_t n = s->n_remotes;
	uint32_t former;

	record_u32(r, &s->id);
	if (r->version < 8)
		record_u32(r, &former); /* since then that of the call: it has no other */
	record_ep(r, &s->outside);
	record_ep(r, &s->inside);
	record_bool(r, &s->local);
	classes_record(r, &s->classes_in);
	classes_record(r, &s->classes_out);
	record_bool(r, &s->held_in);
	record_bool(r, &s->held_out);
	record_bool(r, &s->ice);
	record_bool(r, &s->learn);
	record_u64(r, &s->learn_until_ns);
	record_ep(r, &s->announced);
	record_count(r, &n, RF_REMOTES_MAX);
	s->n_remotes = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		remote_record(r, &s->remotes[i]);
	record_u64(r, &s->deadline_ns);
	record_u32(r, &s->idle_s);
	record_u32(r, &s->clock_rate);
	record_bytes(r, s->payload_types_in, sizeof(s->payload_types_in));
	record_bytes(r, s->payload_types_out, sizeof(s->payload_types_out));
	record_u32(r, &s->rtcp_types);
	record_u8(r, &s->stream);
	record_bool(r, &s->rtcp);
	record_text(r, s->media, sizeof(s->media));
	record_text(r, s->codec, sizeof(s->codec));
	record_u32(r, &s->claim);
	if (r->version > 6) {
		record_bool(r, &s->out_first);
		record_bool(r, &s->low_ports);
	}
	if (!s->id || !s->deadline_ns)
		r->failed = true;
}

static void pins_record(struct record *r, struct call *c)
{
	size_t n = c->n_pins;

	record_count(r, &n, CALL_PINHOLES_MAX);
	if (r->reading && n) {
		if (n > r->n - r->pos) {
			r->failed = true;
			return;
		}
		c->pins = record_calloc(r, n, sizeof(*c->pins));
		if (!c->pins)
			return;
		c->n_pins = n;
	}
	for (size_t i = 0; i < n; i++) {
		pin_record(r, &c->pins[i]);
		c->pins[i].call_id = c->id;
		c->pins[i].wan_ifindex = c->wan_ifindex;
	}
}

static void sources_record(struct record *r, struct call *c)
{
	record_count(r, &c->n_sources, CALL_SOURCES_MAX);
	if (r->reading && c->n_sources) {
		c->sources = record_calloc(r, c->n_sources, sizeof(*c->sources));
		if (!c->sources)
			c->n_sources = 0;
	}
	for (size_t i = 0; i < c->n_sources; i++) {
		record_ep(r, &c->sources[i].inside);
		record_ep(r, &c->sources[i].remote);
		record_u64(r, &c->sources[i].session);
	}
}

static void names_record(struct record *r, struct call *c, const struct call_table *t)
{
	struct view call_id = view_of(c->call_id), tag = view_of(c->caller_tag);
	struct view from = view_of(c->from), to = view_of(c->to);
	int err;

	record_view(r, &call_id, CALL_TEXT_MAX);
	record_view(r, &tag, CALL_TEXT_MAX);
	record_view(r, &from, CALL_URI_MAX);
	record_view(r, &to, CALL_URI_MAX);
	if (r->reading && !r->failed && (err = call_set_key(c, t, call_id, tag, from, to)))
		fail(r, err);
}

static void remotes_record(struct record *r, struct call *c)
{
	record_count(r, &c->n_remotes, CALL_REMOTES_MAX);
	for (size_t i = 0; i < c->n_remotes; i++)
		record_addr(r, &c->remotes[i]);
}

static void call_record(struct record *r, struct call *c, const struct call_table *t)
{
	uint8_t mode = (uint8_t)c->mode, caller = (uint8_t)c->caller;

	record_head(r, CALL_MAGIC, CALL_VERSION_OLDEST, CALL_VERSION);
	wan_names_record(t->names, r, r->version > 7, &c->wan_ifindex);
	record_enum(r, &mode, RF_MODE_NAT + 1);
	record_enum(r, &caller, 2);
	c->mode = mode;
	c->caller = caller;
	record_ep(r, &c->inside);
	record_ep(r, &c->outside);
	record_ep(r, &c->remote);
	names_record(r, c, t);
	remotes_record(r, c);
	record_u64(r, &c->since);
	record_u64(r, &c->answered);
	record_u32(r, &c->init_cseq);
	record_bool(r, &c->pending);
	record_bool(r, &c->cancelled);
	record_bool(r, &c->late);
	desc_record(r, &c->offer);
	record_u64(r, &c->setup_until);
	record_u64(r, &c->retry_until);
	record_u64(r, &c->fork_until);
	record_u64(r, &c->linger_until);
	record_bool(r, &c->told_end);
	record_u32(r, &c->notes);
	if (r->version > 6)
		record_u32(r, &c->blocks);
	record_u32(r, &c->pinhole_mark);
	dialogs_record(r, c);
	c->leases.host = c->inside.addr;
	leases_record(r, &c->leases, t->names, r->version > 7);
	pins_record(r, c);
	sources_record(r, c);
}

/* FNV-1a, eight bytes at a time: tells whether a record changed, protects from nothing. */
static uint64_t fingerprint(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull, w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0x100000001b3ull;
		h ^= h >> 29;
	}
	for (; n; p++, n--)
		h = (h ^ *p) * 0x100000001b3ull;
	return h ? h : 1;
}

void call_save(struct call_table *t, struct call *c, struct action_list *out)
{
	struct action *a;
	uint64_t print;
	char *bytes;

	record_write(&t->scratch);
	call_record(&t->scratch, c, t);
	if (!record_done(&t->scratch)) {
		out->unsaved = true; /* and so it will be asked for again */
		return;
	}
	print = fingerprint(t->scratch.buf, t->scratch.n);
	if (print == c->saved)
		return;
	bytes = action_bytes(out, t->scratch.n);
	a = bytes && action_reserve(out, 1, 0) ? action_add(out, ACT_SAVE) : NULL;
	if (!a) {
		out->unsaved = true;
		return;
	}
	memcpy(bytes, t->scratch.buf, t->scratch.n);
	a->record.kind = RECORD_CALL;
	a->record.id = c->id;
	a->record.bytes = (struct view){ bytes, t->scratch.n };
	c->saved = print;
}

void call_save_all(struct call_table *t, struct action_list *out)
{
	for (struct call *c = t->by_key; c; c = c->hh.next) {
		c->saved = 0;
		call_save(t, c, out);
	}
}

static bool is_low(const struct rf_ep *ep)
{
	return ep->port && ntohs(ep->port) < RF_LOW_PORTS;
}

static void low_candidates_go(struct ice_line *l)
{
	uint16_t n = 0;

	for (uint16_t k = 0; k < l->n; k++)
		if (!is_low(&l->remotes[k].ep))
			l->remotes[n++] = l->remotes[k];
	memset(&l->remotes[n], 0, (size_t)(l->n - n) * sizeof(l->remotes[0]));
	l->n = n;
}

static void low_lines_refuse(struct desc *d)
{
	for (uint16_t i = 0; d && i < d->n; i++) {
		struct media_line *l = &d->line[i];

		if (is_low(&l->rtp))
			l->flags |= LINE_FOREIGN | LINE_LOW_REMOTE;
		if (is_low(&l->rtcp))
			l->rtcp = (struct rf_ep){ 0 };
		if (is_low(&l->alt_rtp))
			l->alt_rtp = l->alt_rtcp = (struct rf_ep){ 0 };
		if (is_low(&l->alt_rtcp))
			l->alt_rtcp = (struct rf_ep){ 0 };
		if (d->ice)
			low_candidates_go(&d->ice[i]);
	}
}

/* Records before version 7 know nothing of what the peer's ports below 1024 are refused for. */
static void low_ports_refuse(const struct call_table *t, struct call *c)
{
	for (uint16_t i = 0; i < t->cfg->n_peers; i++)
		if (t->cfg->peers[i].low_ports &&
		    prefix_has(&t->cfg->peers[i].address, &c->remote.addr))
			return;
	if (c->caller == SIDE_OUTSIDE)
		low_lines_refuse(c->offer);
	for (struct dialog *d = c->dialogs; d; d = d->next) {
		low_lines_refuse(d->s.now[SIDE_OUTSIDE]);
		low_lines_refuse(d->s.before[SIDE_OUTSIDE]);
		low_lines_refuse(d->s.offer[SIDE_OUTSIDE].desc);
	}
	for (size_t i = 0; i < c->n_pins; i++) {
		struct pinhole_spec *s = &c->pins[i];
		uint8_t n = 0;

		for (uint8_t k = 0; k < s->n_remotes; k++)
			if (!s->remotes[k].port || ntohs(s->remotes[k].port) >= RF_LOW_PORTS)
				s->remotes[n++] = s->remotes[k];
		memset(&s->remotes[n], 0, (s->n_remotes - n) * sizeof(s->remotes[0]));
		s->n_remotes = n;
	}
}

int call_restore(struct call_table *t, uint32_t id, struct view bytes)
{
	struct call *c = calloc(1, sizeof(*c));
	struct record r;
	int err;

	if (!c)
		return -ENOMEM;
	c->id = id;
	record_read(&r, bytes);
	call_record(&r, c, t);
	err = !id ? -EINVAL : record_error(&r);
	if (err)
		goto err_leases;
	err = leases_claim(&c->leases, t->ports);
	if (err)
		goto err_leases;
	c->saved = fingerprint(r.buf, r.n);
	if (r.version < 7)
		low_ports_refuse(t, c);
	err = places_restore(t, c);
	if (!err)
		err = call_share_restore(t, c);
	if (err)
		goto err;
	err = call_insert(t, c);
	if (err)
		goto err;
	if (id >= t->next_call_id)
		t->next_call_id = id + 1;
	if (c->pinhole_mark > *t->next_pinhole_id)
		*t->next_pinhole_id = c->pinhole_mark;
	for (size_t i = 0; i < c->n_pins; i++)
		if (c->pins[i].id >= *t->next_pinhole_id)
			*t->next_pinhole_id = c->pins[i].id + 1;
	expiry_set(&t->heap, &c->expiry, call_due(c));
	return 0;

err_leases: /* not ours to give back */
	c->leases.n = 0;
	free(c->leases.v);
	c->leases.v = NULL;
err:
	call_free(t, c);
	return err;
}

void call_restored(struct call_table *t, uint64_t now, struct action_list *out)
{
	call_tick(t, now, out, NULL);
	places_restored(t, out);
	call_idle_restored(t, now);
}
