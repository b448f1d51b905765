// SPDX-License-Identifier: GPL-2.0-only
/*
 * A replay for people and for programs: per call what happened in order, its media, and a summary.
 */
#include "replay_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "duration.h"

#define TIME_TEXT_MAX 48

static const struct {
	const char *name, *meaning;
} reasons[] = {
#define X(id, name, action, meaning) { name, meaning },
	RF_REASONS(X)
#undef X
};

static const char *const meanings[] = {
#define X(id, name, meaning) meaning,
	REPLAY_FINDINGS(X)
#undef X
};

/* RFC 3339 with microseconds: what captures are compared by. */
static const char *time_iso(uint64_t ns, char *buf)
{
	time_t t = (ns - REPLAY_EPOCH_NS) / SECOND_NS;
	unsigned int us = ns % SECOND_NS / 1000;
	char head[24], zone[8];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &tm) ||
	    !strftime(zone, sizeof(zone), "%z", &tm))
		snprintf(buf, TIME_TEXT_MAX, "?");
	else
		snprintf(buf, TIME_TEXT_MAX, "%s.%06u%.3s:%.2s", head, us, zone, zone + 3);
	return buf;
}

static void show_time(struct out_node *item, const char *key, const char *label, uint64_t ns)
{
	char buf[TIME_TEXT_MAX];

	out_str(item, key, label, ns ? time_iso(ns, buf) : NULL);
}

static void show_ep(struct out_node *item, const char *key, const struct rf_ep *ep)
{
	char buf[EP_TEXT_MAX];

	out_str(item, key, NULL, ep_text(ep, buf));
}

static void show_edits(struct out_node *item, const struct replay_entry *e)
{
	struct out_node *list = out_list(item, "edits", NULL, OUT_LINES), *edit;

	for (size_t i = 0; i < e->n_edits; i++) {
		edit = out_item(list);
		out_str(edit, "where", "", e->edits[i].where);
		out_str(edit, "before", "", e->edits[i].before);
		out_str(edit, NULL, "", "->");
		out_str(edit, "after", "", e->edits[i].after);
	}
}

static void show_message(struct out_node *item, const struct replay_entry *e)
{
	char src[EP_TEXT_MAX], dst[EP_TEXT_MAX];
	bool dropped = e->reason && e->reason != RF_R_SIP_UNPARSED_PASSED;

	out_shown(out_str(item, "direction", "", e->out ? "out" : "in"), "%s",
		  e->out ? "-->" : "<--");
	out_str(item, "line", "", e->text);
	out_str(item, "transport", NULL, e->tcp ? "tcp" : "udp");
	out_shown(out_str(item, "src", "", ep_text(&e->src, src)), "%s -> %s%s", src,
		  ep_text(&e->dst, dst), e->tcp ? " (tcp)" : "");
	out_str(item, "dst", NULL, dst);
	out_shown(out_str(item, "verdict", "", dropped ? "dropped" : "passed"), "%s",
		  dropped ? "DROPPED" : "");
	out_shown(out_str(item, "reason", "", e->reason ? reasons[e->reason].name : NULL), "%s",
		  e->reason ? reasons[e->reason].name : "");
	out_str(item, "detail", "", e->detail);
	if (e->leak)
		out_shown(out_str(item, "leak", "", e->leak), "LEAKS %s", e->leak);
	show_edits(item, e);
}

static void classes_text(uint16_t classes, char *buf, size_t n)
{
	static const char *const names[] = { "rtp",   "rtcp", "stun", "dtls",
					     "udptl", "any",  "sip",  "bfcp" };
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (classes & 1 << i)
			used += snprintf(buf + used, n - used, "%s%s", used ? "," : "", names[i]);
}

static void show_pinhole(struct out_node *item, const struct replay_entry *e)
{
	const struct pinhole_spec *s = &e->pinhole;
	char inside[EP_TEXT_MAX], outside[EP_TEXT_MAX],
		text[RF_REMOTES_MAX * (EP_TEXT_MAX + 4)] = "";
	char in[48], out[48], addr[EP_TEXT_MAX];
	struct out_node *list;
	bool same = ep_eq(&s->inside, &s->outside);
	size_t used = 0;

	out_shown(out_str(item, "change", "", e->word), "pinhole %s", e->word);
	out_shown(out_u64(item, "pinhole", "", s->id), "%u", s->id);
	ep_text(&s->inside, inside);
	ep_text(&s->outside, outside);
	list = out_list(item, "remotes", NULL, OUT_HIDDEN);
	for (uint8_t i = 0; i < s->n_remotes; i++) {
		struct rf_ep ep = { .addr = s->remotes[i].addr, .port = s->remotes[i].port };

		ep_text(&ep, addr);
		out_entry(list, "%s", addr);
		used += snprintf(text + used, sizeof(text) - used, "%s%s", i ? " or " : "", addr);
	}
	out_shown(out_str(item, "inside", "", inside), "%s%s%s <-> %s%s", inside, same ? "" : " = ",
		  same ? "" : outside, text, s->learn ? " (source is learnt)" : "");
	out_str(item, "outside", NULL, outside);
	out_str(item, "media", "", s->media);
	out_str(item, "protocol", "", s->rtcp ? "RTCP" : "RTP");
	out_str(item, "codec", "", *s->codec ? s->codec : NULL);
	out_bool(item, "learn", NULL, s->learn);
	classes_text(s->classes_in, in, sizeof(in));
	classes_text(s->classes_out, out, sizeof(out));
	out_str(item, "classes_in", NULL, in);
	out_str(item, "classes_out", NULL, out);
	if (strcmp(e->word, "close"))
		out_strf(item, NULL, "", "in: %s; out: %s", *in ? in : "nothing",
			 *out ? out : "nothing");
}

static void show_entry(struct out_node *list, const struct replay_entry *e, uint64_t since_ns)
{
	static const char *const kinds[] = { "message", "state", "pinhole", "note" };
	struct out_node *item = out_item(list);
	double at = (double)(e->time_ns - since_ns) / 1e9;

	out_shown(out_double(item, "at_s", "", at), "+%.3f", at);
	show_time(item, "time", NULL, e->time_ns);
	out_str(item, "kind", NULL, kinds[e->kind]);
	switch (e->kind) {
	case ENTRY_MESSAGE: show_message(item, e); break;
	case ENTRY_STATE:
		out_shown(out_str(item, "state", "", e->word), "= %s", e->word);
		out_str(item, "why", "", e->text && *e->text ? e->text : NULL);
		break;
	case ENTRY_PINHOLE: show_pinhole(item, e); break;
	case ENTRY_NOTE:
		out_str(item, "note", "", e->text);
		if (e->src.port) {
			char src[EP_TEXT_MAX], dst[EP_TEXT_MAX];

			out_shown(out_str(item, "src", "", ep_text(&e->src, src)), "%s -> %s", src,
				  ep_text(&e->dst, dst));
			out_str(item, "dst", NULL, dst);
		}
		break;
	}
}

static void show_entries(struct out_node *item, const struct replay_record *rec, uint64_t since_ns)
{
	struct out_node *list = out_list(item, "events", NULL, OUT_BLOCKS);

	for (const struct replay_entry *e = rec->first; e; e = e->next)
		show_entry(list, e, since_ns);
}

static void show_flow(struct out_node *list, const struct replay_flow *f)
{
	struct out_node *item = out_item(list), *drops, *drop;
	uint64_t passed = f->packets[RF_R_NONE] + f->packets[RF_R_NOT_GUARDED];
	uint64_t lost = replay_flow_lost(f);
	char inside[EP_TEXT_MAX], remote[EP_TEXT_MAX];

	ep_text(&f->key.inside, inside);
	ep_text(&f->key.remote, remote);
	out_str(item, "direction", "", f->key.out ? "out" : "in");
	out_shown(out_str(item, "inside", "", inside), "%s -> %s", f->key.out ? inside : remote,
		  f->key.out ? remote : inside);
	out_str(item, "remote", NULL, remote);
	if (f->rtp) {
		out_shown(out_u64(item, "payload_type", "", f->payload_type), "payload type %u",
			  f->payload_type);
		out_u64(item, "ssrc", NULL, f->ssrc);
	} else {
		out_str(item, NULL, "", "no RTP");
	}
	show_time(item, "first", NULL, f->first_ns);
	show_time(item, "last", NULL, f->last_ns);
	out_shown(out_u64(item, "passed", "", passed), "%llu passed", (unsigned long long)passed);
	out_shown(out_u64(item, "dropped", "", f->total - passed), "%llu dropped",
		  (unsigned long long)(f->total - passed));
	out_u64(item, "lost", NULL, lost);
	out_str(item, NULL, "", !lost ? NULL : passed ? "LOST IN PART" : "LOST STREAM");
	drops = out_list(item, "reasons", NULL, OUT_LINES);
	for (unsigned int i = 0; i < RF_R_MAX; i++) {
		if (!f->packets[i] || i == RF_R_NONE)
			continue;
		drop = out_item(drops);
		out_u64(drop, "packets", "", f->packets[i]);
		out_str(drop, "reason", "", reasons[i].name);
		out_str(drop, "meaning", "", reasons[i].meaning);
	}
}

static void show_flows(struct out_node *list, const struct replay_record *rec)
{
	for (const struct replay_flow *f = rec->flows; f; f = f->of_record)
		show_flow(list, f);
}

static void show_parties(struct out_node *item, const struct replay_record *rec)
{
	char inside[EP_TEXT_MAX], remote[EP_TEXT_MAX];

	out_str(item, "from", "from", rec->from);
	out_str(item, "to", "to", rec->to);
	out_str(item, "call_id", "Call-ID", rec->call_id);
	show_time(item, "began", "began", rec->since_ns);
	ep_text(&rec->inside, inside);
	ep_text(&rec->remote, remote);
	show_ep(item, "inside", &rec->inside);
	show_ep(item, "remote", &rec->remote);
	out_strf(item, NULL, "signalling", "%s <-> %s", inside, remote);
}

static void show_call(struct out_node *list, const struct replay_record *rec)
{
	struct out_node *item = out_item(list);
	char text[DURATION_TEXT_MAX];

	out_shown(out_u64(item, "id", "", rec->call), "call %u", rec->call);
	out_shown(out_str(item, "direction", "", rec->out ? "out" : "in"), "%s",
		  rec->out ? "outgoing" : "incoming");
	out_str(item, "state", "", rec->state);
	out_str(item, NULL, "", rec->open ? "STILL OPEN at the end of the capture" : NULL);
	out_bool(item, "open", NULL, rec->open);
	out_shown(out_str(item, "ended_by", "",
			  rec->state && !strcmp(rec->state, "ended") && rec->ended && *rec->ended
				  ? rec->ended
				  : NULL),
		  "%s", rec->ended && *rec->ended ? rec->ended : "");
	show_parties(item, rec);
	if (rec->answered_ns && rec->ended_ns > rec->answered_ns)
		out_shown(out_double(item, "talked_s", "talked",
				     (double)(rec->ended_ns - rec->answered_ns) / 1e9),
			  "%s", duration_text(rec->ended_ns - rec->answered_ns, text));
	show_time(item, "answered", NULL, rec->answered_ns);
	show_time(item, "ended", NULL, rec->ended_ns);
	out_u64(item, "messages", NULL, rec->messages);
	out_u64(item, "edited", NULL, rec->edited);
	out_u64(item, "dropped", NULL, rec->dropped);
	show_entries(item, rec, rec->since_ns);
	show_flows(out_list(item, "media", "media", OUT_LINES), rec);
}

static void show_other(struct out_node *list, const struct replay_record *rec)
{
	struct out_node *item = out_item(list);

	out_str(item, "method", "", rec->method);
	show_parties(item, rec);
	out_u64(item, "messages", NULL, rec->messages);
	out_u64(item, "edited", NULL, rec->edited);
	out_u64(item, "dropped", NULL, rec->dropped);
	show_entries(item, rec, rec->since_ns);
}

static void count(struct out_node *item, const char *key, const char *label, uint64_t n)
{
	out_shown(out_u64(item, key, label, n), n ? "%llu" : "", (unsigned long long)n);
}

static void show_place(const struct replay *r, struct out_node *item)
{
	const struct topology_wan *w = &r->topo.wans[0];
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	out_str(item, "file", "capture", r->path);
	out_str(item, "link", "link type", r->link);
	if (!r->stats.messages) {
		show_time(item, "first", "from", r->first_ns);
		show_time(item, "last", "to", r->now_ns);
		return;
	}
	out_shown(out_str(item, "taken", "taken", r->from_inside ? "inside" : "outside"), "%s",
		  r->from_inside ? "on the inside of the gateway"
				 : "on the outside, or at the SIP server itself");
	out_shown(out_str(item, "public4", "public", addr_text(&w->public4, a)), "%s, %s", a,
		  addr_text(&w->public6, b));
	out_str(item, "public6", NULL, b);
	show_time(item, "first", "from", r->first_ns);
	show_time(item, "last", "to", r->now_ns);
}

static void show_counts(const struct replay *r, struct out_node *item)
{
	const struct replay_stats *s = &r->stats;

	out_u64(item, "packets", "packets", s->packets);
	out_u64(item, "messages", "SIP messages", s->messages);
	count(item, "messages_tcp", "of them over TCP", s->tcp_messages);
	count(item, "edited", "edited", s->edited);
	count(item, "malformed", "malformed", s->malformed);
	count(item, "not_sip", "not SIP on a signalling port", s->not_sip);
	count(item, "keep_alives", "keep-alives", s->keepalives);
	count(item, "media_passed", "media packets passed", s->media_passed);
	count(item, "media_dropped", "media packets dropped", s->media_dropped);
	count(item, "fragments", "fragments", s->fragmented);
	count(item, "fragments_lost", "fragments without the rest", s->fragments_lost);
	count(item, "tcp_troubles", "TCP streams not read to the end", s->tcp_gaps);
	count(item, "cut_packets", "cut by the capture", s->cut);
	count(item, "cut_messages", "messages cut by the capture", s->cut_messages);
	count(item, "bad_packets", "broken packets", s->bad_packets);
	count(item, "between_inside", "packets that stay inside", s->stays);
	count(item, "twice", "captured more than once", s->twice);
	count(item, "copies", "packets seen again outside", s->copies);
	count(item, "other", "other IP packets", s->other);
	count(item, "not_ip", "not IP", s->not_ip);
	count(item, "sip_on_other_ports", "SIP on other ports", s->other_port);
}

static void show_warnings(const struct replay *r, struct out_node *list)
{
	const struct replay_stats *s = &r->stats;

	if (s->cut)
		out_entry(list,
			  "%llu packets are cut (the capture kept %d bytes of each): capture with "
			  "tcpdump -s 0",
			  (unsigned long long)s->cut, r->snaplen);
	if (s->other_port)
		out_entry(
			list,
			"%llu packets look like SIP, but not on a signalling port (such as %u): add it "
			"to sip.ports of a configuration",
			(unsigned long long)s->other_port, s->other_port_seen);
	if (s->backwards)
		out_entry(list,
			  "%llu packets are older than the one before: taken as of the same time",
			  (unsigned long long)s->backwards);
	if (s->entries_lost || s->flows_lost)
		out_entry(list,
			  "too much to keep: %llu events and %llu packets of media are not shown",
			  (unsigned long long)s->entries_lost, (unsigned long long)s->flows_lost);
	if (!s->messages && !s->cut_messages)
		out_entry(list, "no SIP message in this capture");
}

static void show_sums(const struct replay *r, struct out_node *root)
{
	struct out_node *list = out_list(root, "reasons", NULL, OUT_TABLE), *item;

	for (unsigned int i = 0; i < RF_R_MAX; i++) {
		if (!r->stats.reasons[i])
			continue;
		item = out_item(list);
		out_str(item, "name", "REASON", reasons[i].name);
		out_u64(item, "messages", "MESSAGES", r->stats.reasons[i]);
		out_str(item, "meaning", "MEANING", reasons[i].meaning);
	}
	list = out_list(root, "findings", NULL, OUT_TABLE);
	out_empty(list, "nothing to complain about");
	for (unsigned int i = 0; i < REPLAY_FINDINGS_MAX; i++) {
		if (!r->stats.found[i])
			continue;
		item = out_item(list);
		out_str(item, "kind", "FINDING", replay_finding_name(i));
		out_u64(item, "count", "COUNT", r->stats.found[i]);
		out_str(item, "meaning", "MEANING", meanings[i]);
	}
}

void replay_show(struct replay *r, struct out *o)
{
	struct out_node *root = out_root(o), *list, *summary;
	const struct replay_record *rec;

	if (!r->path)
		return;
	summary = out_record(root, "summary");
	show_place(r, summary);
	show_counts(r, summary);
	show_warnings(r, out_list(root, "warnings", "warnings", OUT_LINES));
	list = out_list(root, "calls", NULL, OUT_BLOCKS);
	for (rec = r->records; rec; rec = rec->hh.next)
		if (rec->call)
			show_call(list, rec);
	list = out_list(root, "others", NULL, OUT_BLOCKS);
	for (rec = r->records; rec; rec = rec->hh.next)
		if (!rec->call)
			show_other(list, rec);
	show_entries(root, &r->loose, r->first_ns);
	list = out_list(root, "media", "media of no call that is known", OUT_LINES);
	show_flows(list, &r->loose);
	show_sums(r, root);
}
