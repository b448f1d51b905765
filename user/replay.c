// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run: a survey, then packet by packet with the capture's clock, the engine's timers in between.
 */
#include "replay_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND 1000000000ull

static const char *const finding_names[] = {
#define X(id, name, meaning) name,
	REPLAY_FINDINGS(X)
#undef X
};

const char *replay_finding_name(enum replay_finding f)
{
	return finding_names[f];
}

uint64_t replay_found(const struct replay *r, enum replay_finding f)
{
	return r->stats.found[f];
}

/* One WAN device with what was given as public; the rest are other addresses of this machine. */
static void gateway(struct replay *r)
{
	struct topology *t = &r->topo;
	struct topology_wan *w = &t->wans[0];
	const struct config *c = &r->o.config;

	t->n_wans = 1;
	w->ifindex = REPLAY_WAN;
	snprintf(w->name, sizeof(w->name), "%s",
		 c->n_wans && *c->wans[0].dev ? c->wans[0].dev : "wan");
	w->port_lo = c->n_wans ? c->wans[0].port_lo : CONFIG_MEDIA_LO;
	w->port_hi = c->n_wans ? c->wans[0].port_hi : CONFIG_MEDIA_HI;
	t->n_inside = c->n_inside;
	memcpy(t->inside, c->inside, sizeof(t->inside));
	for (unsigned int i = 0; i < r->o.n_publics; i++) {
		const struct rf_addr *a = &r->o.publics[i];

		if (addr_is_v4(a) && !w->has4) {
			w->has4 = true;
			w->wire4 = w->public4 = *a;
		} else if (!addr_is_v4(a) && !w->has6) {
			w->has6 = true;
			w->wire6 = w->public6 = *a;
		} else {
			t->locals[t->n_locals++] = *a;
		}
	}
}

struct replay *replay_new(const struct replay_options *o)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct reassembly_out frags = replay_reassembly;
	struct tcp_out tcp = replay_tcp;

	if (!r)
		return NULL;
	sip_parser_init();
	r->o = *o;
	if (o->anybody) { /* one peer: everybody */
		struct config_peer *p = &r->o.config.peers[0];

		memset(p, 0, sizeof(*p));
		snprintf(p->name, sizeof(p->name), "anybody");
		r->o.config.n_peers = 1;
	}
	gateway(r);
	frags.arg = tcp.arg = r;
	r->pad = malloc(RF_PUNT_MAX);
	r->frags = reassembly_new(&frags);
	r->tcp = tcp_streams_new(&tcp);
	if (r->pad && r->frags && r->tcp)
		return r;
	replay_free(r);
	return NULL;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	engine_free(r->engine);
	actions_free(&r->actions);
	reassembly_free(r->frags);
	tcp_streams_free(r->tcp);
	pcap_read_close(r->file);
	replay_media_free(r);
	replay_records_free(r);
	free(r->path);
	free(r->pad);
	free(r);
}

static void tick(struct replay *r)
{
	actions_reset(&r->actions);
	engine_tick(r->engine, r->now_ns, &r->actions);
	replay_actions(r, NULL, NULL);
	reassembly_expire(r->frags, r->now_ns);
}

/* Timers run out between packets. Right after a packet it is known to 0.1 s when; the longer the
 * silence, the less it matters, and beyond a day one look will do. */
static void advance(struct replay *r, uint64_t to)
{
	uint64_t from = r->now_ns, step;

	if (!from) {
		r->first_ns = r->now_ns = r->ticked_ns = to;
		return;
	}
	if (to < from) { /* the clock was set, or files were merged: time never goes back */
		r->stats.backwards++;
		return;
	}
	for (;;) {
		uint64_t silence = r->ticked_ns > from ? r->ticked_ns - from : 0;

		step = silence < 60 * SECOND	  ? SECOND / 10
		       : silence < 3600 * SECOND  ? SECOND
		       : silence < 86400 * SECOND ? 10 * SECOND
						  : UINT64_MAX / 4;
		if (step > to - r->ticked_ns)
			break;
		r->ticked_ns += step;
		r->now_ns = r->ticked_ns > from ? r->ticked_ns : from;
		tick(r);
	}
	r->now_ns = to;
	if (step > 86400 * SECOND) {
		r->ticked_ns = to;
		tick(r);
	}
}

static int read_all(struct replay *r, char *why)
{
	struct pcap_packet pk;
	char cause[PCAP_WHY_MAX];

	for (;;) {
		switch (pcap_read_next(r->file, &pk, cause)) {
		case PCAP_GOT:
			r->stats.packets++;
			advance(r, pk.time_ns + REPLAY_EPOCH_NS);
			replay_packet(r, &pk);
			break;
		case PCAP_NOT_IP:
			r->stats.packets++;
			r->stats.not_ip++;
			break;
		case PCAP_END: return r->err;
		case PCAP_BROKEN:
			r->damaged = true;
			snprintf(
				why, REPLAY_WHY_MAX,
				"the capture is damaged after %llu packets (%s); up to there it was read",
				(unsigned long long)r->stats.packets, cause);
			return r->err ? r->err : -EBADMSG;
		}
		if (r->err)
			return r->err;
	}
}

static void note_open(const struct show_call *call, void *arg)
{
	struct replay *r = arg;
	struct replay_record *rec = replay_record_of_call(r, call->id);

	if (!rec || !strcmp(call->state, "ending"))
		return;
	rec->open = true;
	r->stats.found[REPLAY_OPEN_CALL]++;
}

static int nothing_crosses(const struct replay_survey *s, char *why)
{
	char text[4 * ADDR_TEXT_MAX] = "", addr[ADDR_TEXT_MAX];
	size_t used = 0;

	for (unsigned int i = 0; i < s->n_seen && i < 4; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
				 addr_text(&s->seen[i].addr, addr));
	snprintf(
		why, REPLAY_WHY_MAX,
		"no SIP message of this capture crosses from inside to outside or back; say which "
		"addresses are yours: \"inside PREFIX\" (behind the gateway) or \"public ADDR\" (of "
		"the machine itself); these speak: %s",
		text);
	return -EBADMSG;
}

int replay_run(struct replay *r, const char *path, char *why)
{
	struct replay_survey s = { 0 };
	int err = replay_survey(r, path, &s, why);

	if (err)
		return err;
	if (s.sip && !s.crossing && !s.to_public)
		return nothing_crosses(&s, why);
	replay_place(r, &s);
	err = pcap_read_open(&r->file, path, why);
	if (err)
		return err;
	r->path = strdup(path);
	snprintf(r->link, sizeof(r->link), "%s", pcap_read_link(r->file));
	r->snaplen = pcap_read_snaplen(r->file);
	r->engine = engine_new(&r->o.config, &r->topo, REPLAY_EPOCH_NS, 1);
	if (r->engine)
		engine_restored(r->engine, REPLAY_EPOCH_NS, &r->actions);
	if (!r->engine || !r->path || r->actions.failed)
		err = -ENOMEM;
	else
		err = read_all(r, why);
	if (err == -ENOMEM) {
		snprintf(why, REPLAY_WHY_MAX, "out of memory");
		return err;
	}
	tcp_streams_end(r->tcp);
	if (r->now_ns)
		tick(r);
	engine_show_calls(r->engine, note_open, r);
	replay_media_settle(r);
	return r->err ? r->err : err;
}
