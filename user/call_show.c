// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls as records for those who show them.
 */
#include "call_priv.h"

static const char *direction(const struct pinhole_spec *s)
{
	bool in = s->classes_in & (RF_CLASS_RTP | RF_CLASS_UDPTL | RF_CLASS_BFCP);
	bool out = s->classes_out & (RF_CLASS_RTP | RF_CLASS_UDPTL | RF_CLASS_BFCP);

	if (s->rtcp)
		return "sendrecv";
	return in ? (out ? "sendrecv" : "recvonly") : out ? "sendonly" : "inactive";
}

static bool held(const struct call *c)
{
	bool any = false;

	for (size_t i = 0; i < c->n_pins; i++) {
		if (c->pins[i].rtcp)
			continue;
		any = true;
		if (!c->pins[i].held_in && !c->pins[i].held_out)
			return false;
	}
	return any;
}

static const char *state(const struct call *c)
{
	if (call_is_answered(c))
		return held(c) ? "held" : "talking";
	return call_live(c) && !c->told_end ? "early" : "ending";
}

/* id: of the pinhole that serves it */
static void show_pin(const struct pinhole_spec *s, uint32_t id, struct show_media *m)
{
	*m = (struct show_media){
		.stream = s->stream,
		.rtcp = s->rtcp,
		.media = s->media,
		.codec = *s->codec ? s->codec : NULL,
		.direction = direction(s),
		.pinhole_id = id,
		.outside = s->outside,
		.inside = s->inside,
		.n_remotes = s->learn ? 1 : s->n_remotes,
		.learn = s->learn,
	};
	if (s->learn)
		m->remotes[0] = s->announced;
	for (unsigned int i = 0; !s->learn && i < s->n_remotes; i++)
		m->remotes[i] =
			(struct rf_ep){ .addr = s->remotes[i].addr, .port = s->remotes[i].port };
}

static uint64_t deadline(const struct call *c)
{
	uint64_t last = 0;

	if (c->linger_until)
		return c->linger_until;
	if (c->pending)
		last = c->setup_until;
	if (c->retry_until > last)
		last = c->retry_until;
	for (const struct dialog *d = c->dialogs; d; d = d->next) {
		if (d->state == DIALOG_ANSWERED && d->until > last)
			last = d->until;
		if (d->state == DIALOG_BYE && d->bye_until > last)
			last = d->bye_until;
	}
	return last;
}

void call_show(const struct call_table *t, show_call_fn fn, void *arg)
{
	static const char *const modes[] = { "auto", "host", "routed", "nat" };
	struct show_media media[CALL_PINHOLES_MAX];
	const char *blocks[SHOW_BLOCKS_MAX];

	for (const struct call *c = t->by_key; c; c = c->hh.next) {
		struct show_call s = {
			.id = c->id,
			.wan_ifindex = c->wan_ifindex,
			.call_id = c->call_id,
			.from = c->from,
			.to = c->to,
			.state = state(c),
			.direction = c->caller == SIDE_INSIDE ? "out" : "in",
			.mode = modes[c->mode],
			.inside_signalling = c->inside,
			.outside_signalling = c->outside,
			.remote_signalling = c->remote,
			.since_ns = c->since,
			.answered_ns = c->answered,
			.deadline_ns = deadline(c),
			.media = media,
			.blocks = blocks,
			.n_blocks = call_live(c) ? call_blocks(c, blocks) : 0,
			.last_opens = call_live(c) && c->blocks & NOTE_OUT_FIRST,
		};

		for (size_t i = 0; i < c->n_pins; i++) {
			const struct pinhole_spec *by = place_serves(t, c, &c->pins[i]);

			if (by)
				show_pin(&c->pins[i], by->id, &media[s.n_media++]);
		}
		fn(&s, arg);
	}
}

void call_needs(const struct call_table *t, call_needs_fn fn, void *arg)
{
	for (const struct call *c = t->by_key; c; c = c->hh.next)
		fn(c->wan_ifindex, &c->inside, view_of(c->call_id), call_is_answered(c), arg);
}
