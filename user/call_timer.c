// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a call lives: what each step waits for, and what happens when it does not come.
 */
#include "call_priv.h"

#include <errno.h>

uint64_t deadline_after(const struct call_table *t, uint64_t now, int64_t session_expires)
{
	uint64_t s = t->cfg->call_max_s;

	/* RFC 4028 10: the session is over then unless refreshed. */
	if (session_expires >= 0 && (uint64_t)session_expires < s)
		s = session_expires < CALL_MIN_SE ? CALL_MIN_SE : (uint64_t)session_expires;
	return now + s * SECONDS;
}

/* INVITE may ring, anything else is answered within a transaction. */
void dialog_offered(struct call_op *op)
{
	op->d->offer_until = op->ctx->now + (op->m->method == SIP_M_INVITE
						     ? op->t->cfg->setup_timeout_s * SECONDS
						     : CALL_T1_64);
}

static bool has_offer(const struct dialog *d)
{
	return d->s.offer[SIDE_INSIDE].desc || d->s.offer[SIDE_OUTSIDE].desc;
}

void dialog_end(struct dialog *d)
{
	session_clear(&d->s);
	d->state = DIALOG_GONE;
	d->ack_until = 0;
	d->bye_until = 0;
	d->offer_until = 0;
}

void dialogs_end(struct call *c)
{
	c->pending = false;
	c->retry_until = 0;
	for (struct dialog *d = c->dialogs; d; d = d->next)
		dialog_end(d);
}

bool call_is_answered(const struct call *c)
{
	for (const struct dialog *d = c->dialogs; d; d = d->next)
		if (d->state == DIALOG_ANSWERED)
			return true;
	return false;
}

static bool dialog_live(const struct call *c, const struct dialog *d)
{
	switch (d->state) {
	case DIALOG_EARLY: return c->pending;
	case DIALOG_ANSWERED:
	case DIALOG_BYE: return true;
	case DIALOG_GONE: break;
	}
	return false;
}

bool call_live(const struct call *c)
{
	if (c->pending || c->retry_until)
		return true;
	for (const struct dialog *d = c->dialogs; d; d = d->next)
		if (dialog_live(c, d))
			return true;
	return false;
}

void call_told(struct call *c, enum event_kind kind, const char *why, struct action_list *out)
{
	action_event(out, kind, c->id, "call %s from %.60s to %.60s%s%.60s",
		     c->caller == SIDE_INSIDE ? "out" : "in", c->from, c->to, *why ? ": " : "",
		     why);
}

/* Only dialogs whose BYE is not answered yet are left: people see the end now. */
static bool only_byes(const struct call *c)
{
	bool bye = false;

	if (c->pending || c->retry_until)
		return false;
	for (const struct dialog *d = c->dialogs; d; d = d->next) {
		if (d->state == DIALOG_BYE)
			bye = true;
		else if (dialog_live(c, d))
			return false;
	}
	return bye;
}

void call_end_check(struct call_table *t, struct call *c, uint64_t now, const char *why,
		    struct action_list *out)
{
	bool over = !call_live(c);

	if (c->linger_until || (!over && !only_byes(c)))
		return;
	if (!c->told_end)
		call_told(c, EVENT_CALL_ENDED, why, out);
	c->told_end = true;
	if (!over)
		return;
	for (struct dialog *d = c->dialogs; d; d = d->next)
		dialog_end(d);
	desc_put(c->offer);
	c->offer = NULL;
	c->fork_until = 0;
	c->linger_until = now + CALL_T1_64;
}

static void sooner(uint64_t *due, uint64_t t)
{
	if (t && t < *due)
		*due = t;
}

uint64_t call_due(const struct call *c)
{
	uint64_t due = EXPIRY_NEVER;

	if (c->unsettled)
		return 0;
	if (c->pending)
		sooner(&due, c->setup_until);
	sooner(&due, c->retry_until);
	sooner(&due, c->fork_until);
	sooner(&due, c->linger_until);
	sooner(&due, c->idle_at);
	for (const struct dialog *d = c->dialogs; d; d = d->next) {
		sooner(&due, d->ack_until);
		if (has_offer(d))
			sooner(&due, d->offer_until);
		if (d->state == DIALOG_ANSWERED)
			sooner(&due, d->until);
		if (d->state == DIALOG_BYE)
			sooner(&due, d->bye_until);
	}
	return due;
}

/* Early dialogs end with their INVITE, or 64*T1 after another fork was accepted. */
static void end_early(struct call *c)
{
	for (struct dialog *d = c->dialogs; d; d = d->next)
		if (d->state == DIALOG_EARLY)
			dialog_end(d);
}

/* Those of the INVITE that made the dialog wait as long as it does. */
static void void_offers(const struct call *c, struct dialog *d)
{
	struct tx first = { d->init_cseq, (uint8_t)c->caller, SIP_M_INVITE };

	for (int side = 0; side < 2; side++)
		if (!tx_eq(d->s.offer[side].tx, first))
			session_fail(&d->s, d->s.offer[side].tx);
}

static const char *time_out(struct call *c, uint64_t now)
{
	const char *why = "over";

	for (struct dialog *d = c->dialogs; d; d = d->next) {
		if (d->state == DIALOG_BYE && d->bye_until <= now) {
			dialog_end(d);
			why = "BYE";
		} else if (d->state == DIALOG_ANSWERED && d->until <= now) {
			dialog_end(d);
			why = "session timer ran out";
		} else if (d->ack_until && d->ack_until <= now) {
			dialog_end(d);
			why = "no ACK";
		}
		if (d->offer_until && d->offer_until <= now) {
			d->offer_until = 0;
			void_offers(c, d);
		}
	}
	if (c->pending && c->setup_until <= now) {
		c->pending = false;
		end_early(c);
		why = c->cancelled ? "cancelled" : "not answered in time";
	}
	if (c->retry_until && c->retry_until <= now) {
		c->retry_until = 0;
		why = "not tried again";
	}
	if (c->fork_until && c->fork_until <= now) {
		c->fork_until = 0;
		end_early(c);
		desc_put(c->offer);
		c->offer = NULL;
	}
	return why;
}

void call_forget(struct call_table *t, struct call *c, struct action_list *out)
{
	struct action *a = action_add(out, ACT_FORGET);

	if (a) {
		a->record.kind = RECORD_CALL;
		a->record.id = c->id;
	}
	HASH_DELETE(hh, t->by_key, c);
	HASH_DELETE(hh_id, t->by_id, c);
	call_free(t, c);
}

void call_tick(struct call_table *t, uint64_t now, struct action_list *out, uint64_t *next)
{
	struct expiry *e;
	const char *why;

	/* What is left over for want of memory is tried again with the next tick. */
	while (!out->failed && action_reserve(out, 1, 0) && (e = expiry_pop(&t->heap, now))) {
		struct call *c = (struct call *)((char *)e - offsetof(struct call, expiry));

		if (c->linger_until && c->linger_until <= now && !c->n_pins) {
			call_forget(t, c, out);
			continue;
		}
		if (c->linger_until && c->linger_until <= now)
			dialogs_end(c); /* there was no memory to close its pinholes */
		expiry_add(&t->heap, e, EXPIRY_NEVER); /* in the room that it has just left */
		why = time_out(c, now);
		if (call_is_silent(t, c, now)) {
			dialogs_end(c);
			why = "no media either way (media_idle)";
		}
		call_end_check(t, c, now, why, out);
		call_settle(t, c, out);
	}
	if (next)
		*next = t->heap.n ? t->heap.v[0]->key_ns : EXPIRY_NEVER;
}

int call_drop(struct call_table *t, uint32_t id, uint64_t now, const char *why,
	      struct action_list *out)
{
	struct call *c = NULL;

	HASH_FIND(hh_id, t->by_id, &id, sizeof(id), c);
	if (!c || c->linger_until)
		return -ENOENT;
	dialogs_end(c);
	call_end_check(t, c, now, why, out);
	call_settle(t, c, out);
	return 0;
}
