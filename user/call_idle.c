// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call whose media has died ends, long before call_max: neither side has sent anything for media_idle by any of its
 * pinholes, RTCP included, nor said anything about the call. The kernel side refuses such media already.
 *
 * Silence means something only where media was agreed on that flows both ways: a call on hold may be silent for
 * hours, and media with ICE may have found a way that does not lead through here.
 */
#include "call_priv.h"

#define ASK_AGAIN (10 * SECONDS) /* when it cannot be told */

static uint64_t limit(const struct call_table *t)
{
	return t->cfg->media_idle_s * SECONDS;
}

static bool means_something(const struct call *c)
{
	bool any = false;

	if (c->pending)
		return false;
	for (size_t i = 0; i < c->n_pins; i++) {
		const struct pinhole_spec *s = &c->pins[i];

		if (s->ice)
			return false;
		any = any || (s->idle_s && !s->rtcp && !s->held_in && !s->held_out);
	}
	return any;
}

void call_idle_arm(const struct call_table *t, struct call *c)
{
	if (!t->media || !limit(t) || c->linger_until || !means_something(c))
		c->idle_at = 0;
	else if (!c->idle_at)
		c->idle_at = c->heard + limit(t);
}

/* False: it is not known. */
static bool last_sign(const struct call_table *t, const struct call *c, uint64_t *last)
{
	*last = c->heard;
	for (size_t i = 0; i < c->n_pins; i++) {
		const struct pinhole_spec *by = place_serves(t, c, &c->pins[i]);
		uint64_t ns;

		if (!by || t->media(by->id, &ns, t->media_arg))
			return false;
		*last = ns > *last ? ns : *last;
	}
	return true;
}

bool call_is_silent(const struct call_table *t, struct call *c, uint64_t now)
{
	uint64_t last;

	if (!c->idle_at || c->idle_at > now || !means_something(c))
		return false;
	if (!last_sign(t, c, &last)) {
		c->idle_at = now + ASK_AGAIN;
		return false;
	}
	c->idle_at = last + limit(t);
	return c->idle_at <= now;
}

void call_watch(struct call_table *t, call_media_fn fn, void *arg)
{
	t->media = fn;
	t->media_arg = arg;
}

/* What was heard before is not known any more; when media was last seen is. */
void call_idle_restored(struct call_table *t, uint64_t now)
{
	for (struct call *c = t->by_key; c; c = c->hh.next) {
		c->heard = now;
		c->idle_at = 0;
		call_idle_arm(t, c);
		expiry_set(&t->heap, &c->expiry, call_due(c));
	}
}
