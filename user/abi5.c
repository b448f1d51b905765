// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinholes of ABI 5 -> pinholes of this version, and their cold part by slot. Both directions of a pinhole
 * carried what is now there once; the way in has the last word, as only what comes in is learnt.
 */
#include "abi5.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

static int wrong(const struct abi5_entry *e, const char *what, struct why *w)
{
	struct rf_ep ep = { .addr = e->key.addr, .port = e->key.port };
	char text[EP_TEXT_MAX];

	return why_set(w, -EBADMSG, "pinhole %u at %s cannot be converted: %s", e->pinhole.id,
		       ep_text(&ep, text), what);
}

/* What the programs of either version would not survive, or not keep apart. */
static int check(const struct abi5_entry *e, uint32_t n_slots, struct why *w)
{
	const struct abi5_pinhole *p = &e->pinhole;

	if (e->key.dir > RF_DIR_OUT)
		return wrong(e, "it has no direction", w);
	if (p->state != RF_PINHOLE_OPEN && p->state != RF_PINHOLE_CLOSED)
		return wrong(e, "it is neither open nor closed", w);
	if (p->n_remotes > RF_REMOTES_MAX)
		return wrong(e, "it has too many remotes", w);
	if (p->slot >= n_slots)
		return wrong(e, "its statistics lie outside of their map", w);
	return 0;
}

static struct rf_pinhole pinhole_of(const struct abi5_pinhole *old)
{
	struct rf_pinhole p = {
		.deadline_ns = old->deadline_ns,
		.id = old->id,
		.slot = old->slot,
		.idle_s = old->idle_s,
		.clock_rate = old->clock_rate,
		.wan_ifindex = old->wan_ifindex,
		.classes = old->classes,
		.flags = old->flags,
		.state = old->state,
		.n_remotes = old->n_remotes,
		.rtcp_types = old->rtcp_types,
		.xlate = old->xlate,
		.remote = old->remote,
	};

	memcpy(p.payload_types, old->payload_types, sizeof(p.payload_types));
	return p;
}

/* .at: by slot, where its cold part stands in out->cold, counted from 1 */
static int cold_add(struct abi5_result *out, uint32_t *at, uint32_t *owner,
		    const struct abi5_entry *e, struct why *w)
{
	const struct abi5_pinhole *p = &e->pinhole;
	struct rf_pinhole_cold *c;

	if (!p->slot)
		return 0;
	if (!at[p->slot]) {
		out->slots[out->n_cold] = p->slot;
		out->cold[out->n_cold] = (struct rf_pinhole_cold){
			.call_id = p->call_id,
			.learn_until_s = p->learn_until_s,
			.idle_from_s = p->idle_from_s,
		};
		at[p->slot] = (uint32_t)++out->n_cold;
		owner[p->slot] = p->id;
		return 0;
	}
	if (owner[p->slot] != p->id)
		return wrong(e, "another pinhole has the same statistics", w);
	/* written one after the other: a second may have passed between them */
	c = &out->cold[at[p->slot] - 1];
	if (c->idle_from_s < p->idle_from_s)
		c->idle_from_s = p->idle_from_s;
	return 0;
}

int abi5_convert(const struct abi5_entry *v, size_t n, uint32_t n_slots, struct abi5_result *out,
		 struct why *w)
{
	size_t some = n ? n : 1, i;
	uint32_t *at = calloc(n_slots ? n_slots : 1, sizeof(*at)),
		 *owner = calloc(n_slots ? n_slots : 1, sizeof(*owner));
	struct abi5_result r = {
		.keys = calloc(some, sizeof(*r.keys)),
		.pinholes = calloc(some, sizeof(*r.pinholes)),
		.slots = calloc(some, sizeof(*r.slots)),
		.cold = calloc(some, sizeof(*r.cold)),
		.n = n,
	};
	int err = 0, dir;

	if (!at || !owner || !r.keys || !r.pinholes || !r.slots || !r.cold)
		err = why_set(w, -ENOMEM, "out of memory");
	for (i = 0; i < n && !err; i++) {
		err = check(&v[i], n_slots, w);
		r.keys[i] = v[i].key;
		r.pinholes[i] = pinhole_of(&v[i].pinhole);
	}
	for (dir = RF_DIR_IN; dir <= RF_DIR_OUT; dir++)
		for (i = 0; i < n && !err; i++)
			if (v[i].key.dir == dir)
				err = cold_add(&r, at, owner, &v[i], w);
	free(at);
	free(owner);
	if (err)
		abi5_result_free(&r);
	else
		*out = r;
	return err;
}

void abi5_result_free(struct abi5_result *r)
{
	free(r->keys);
	free(r->pinholes);
	free(r->slots);
	free(r->cold);
	memset(r, 0, sizeof(*r));
}
