// SPDX-License-Identifier: GPL-2.0-only
/*
 * One spec, both directions: each has its own classes, payload types and remotes.
 */
#include "pinhole_entry.h"

#include <string.h>

static struct rf_pinhole common_of(const struct pinhole_spec *s)
{
	struct rf_pinhole p = {
		.id = s->id,
		.deadline_ns = s->deadline_ns ? s->deadline_ns : 1, /* never 0; 1 is long past */
		.idle_s = s->idle_s,
		.clock_rate = s->clock_rate,
		.state = RF_PINHOLE_OPEN,
		.wan_ifindex = s->wan_ifindex,
	};

	if (s->local)
		p.flags |= RF_PH_LOCAL;
	if (s->learn)
		p.flags |= RF_PH_LEARN;
	if (s->ice)
		p.flags |= RF_PH_ICE;
	if (s->low_ports)
		p.flags |= RF_PH_LOW_PORTS;
	if (!ep_eq(&s->inside, &s->outside))
		p.flags |= RF_PH_XLATE;
	if (s->out_first)
		p.flags |= RF_PH_NAMED;
	p.rtcp_types = s->rtcp_types;
	return p;
}

struct rf_pinhole_cold pinhole_cold_of(const struct pinhole_spec *s, uint64_t now_ns)
{
	return (struct rf_pinhole_cold){
		.call_id = s->call_id,
		.learn_until_s = (__u32)((s->learn_until_ns + 999999999) / 1000000000),
		.idle_from_s = (__u32)(now_ns / 1000000000),
	};
}

static void remote_add(struct pinhole_entry *e, const struct rf_remote *r)
{
	if (e->p.n_remotes == RF_REMOTES_MAX)
		return;
	if (e->p.n_remotes)
		e->more.remotes[e->p.n_remotes - 1] = *r;
	else
		e->p.remote = *r;
	e->p.n_remotes++;
}

static struct pinhole_entry in_of(const struct pinhole_spec *s)
{
	struct pinhole_entry e = { .p = common_of(s) };

	e.p.classes = s->classes_in;
	if (s->out_first)
		e.p.flags |= RF_PH_OUT_FIRST;
	memcpy(e.p.payload_types, s->payload_types_in, sizeof(e.p.payload_types));
	if (s->held_in)
		e.p.flags |= RF_PH_HELD;
	e.p.xlate = s->inside;
	for (int i = 0; i < s->n_remotes; i++)
		if (!(s->not_in >> i & 1))
			remote_add(&e, &s->remotes[i]);
	return e;
}

/*
 * The way out while nothing is learnt yet: to what the SDP announced, then to the prefixes that a
 * source may be learnt from. The list is as long as the other, so with all four places taken the
 * last prefix gives way.
 */
static struct pinhole_entry out_of(const struct pinhole_spec *s)
{
	struct pinhole_entry e = { .p = common_of(s) };
	struct rf_remote announced = {
		.addr = s->announced.addr,
		.port = s->announced.port,
		.prefix_len = 128,
	};

	e.p.classes = s->classes_out;
	if (s->out_first)
		e.p.flags |= RF_PH_OUT_FIRST;
	memcpy(e.p.payload_types, s->payload_types_out, sizeof(e.p.payload_types));
	if (s->held_out)
		e.p.flags |= RF_PH_HELD;
	e.p.xlate = s->outside;
	if (s->learn)
		remote_add(&e, &announced);
	for (int i = 0; i < s->n_remotes; i++)
		if (!(s->not_out >> i & 1))
			remote_add(&e, &s->remotes[i]);
	return e;
}

struct pinhole_entry pinhole_entry_of(const struct pinhole_spec *s, enum rf_dir dir)
{
	return dir == RF_DIR_IN ? in_of(s) : out_of(s);
}

const struct rf_remote *pinhole_entry_remote(const struct pinhole_entry *e, unsigned int i)
{
	return i ? &e->more.remotes[i - 1] : &e->p.remote;
}

uint32_t pinhole_entry_sent(const struct pinhole_entry *was, uint32_t sent_to,
			    const struct pinhole_entry *now)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < now->p.n_remotes && i < RF_REMOTES_MAX; i++)
		for (unsigned int k = 0; k < was->p.n_remotes && k < RF_REMOTES_MAX; k++)
			if (sent_to >> k & 1 &&
			    !memcmp(pinhole_entry_remote(was, k), pinhole_entry_remote(now, i),
				    sizeof(struct rf_remote)))
				bits |= 1u << i;
	return bits;
}

bool pinhole_entries_open(const struct pinhole_entry *in, const struct pinhole_entry *out,
			  uint32_t sent_to)
{
	uint32_t all = (1u << in->p.n_remotes) - 1;

	return in->p.n_remotes <= RF_REMOTES_MAX && pinhole_entry_sent(out, sent_to, in) == all;
}
