// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connectivity checks of ICE from or to an address that the pinhole does not list: verified by the call's
 * decider as live, at the same pace as the kernel side asks for it.
 */
#include "replay_priv.h"

static bool may_ask(struct replay *r, struct replay_pinhole *p, bool out)
{
	uint64_t tick = r->now_ns >> 28;

	if (p->stun_tick[out] != tick) {
		p->stun_tick[out] = tick;
		p->stun_asked[out] = 0;
	}
	return p->stun_asked[out]++ < RF_STUN_ASK_MAX;
}

void replay_stun(struct replay *r, struct replay_pinhole *p, const struct replay_udp *u)
{
	bool out = u->way == WAY_OUT;
	/* a capture from the inside shows the inside endpoint where the WAN had the public one */
	struct call_stun s = {
		.now = r->now_ns,
		.from_inside = out,
		.src = out ? p->spec.inside : u->src,
		.dst = out ? u->dst : p->spec.outside,
		.payload = u->payload,
	};

	if (!may_ask(r, p, out))
		return;
	actions_reset(&r->actions);
	engine_stun(r->engine, p->spec.call_id, &s, &r->actions);
	replay_actions(r, p->record, NULL);
}
