// SPDX-License-Identifier: GPL-2.0-only
/*
 * One action after the other. When a pinhole could not be opened, the messages behind it in the list
 * are not sent either: they would announce what does not exist (promise P2).
 */
#include "doer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"

#define REPORT_INTERVAL_NS 5000000000ULL
/* Lines on what happens to calls: 100 in a second, which is more than a person reads. */
#define EVENT_INTERVAL_NS  1000000000ULL
#define EVENT_BURST	   100
#define SAVE_AGAIN_NS	   5000000000ULL

int doer_init(struct doer *d, const struct datapath *dp)
{
	memset(d, 0, sizeof(*d));
	d->dp = dp;
	d->send_limit.interval_ns = REPORT_INTERVAL_NS;
	d->map_limit.interval_ns = REPORT_INTERVAL_NS;
	d->journal_limit.interval_ns = REPORT_INTERVAL_NS;
	d->event_burst.interval_ns = EVENT_INTERVAL_NS;
	d->event_burst.max = EVENT_BURST;
	d->memory_limit.interval_ns = REPORT_INTERVAL_NS;
	return datapath_reasons(dp, d->count);
}

void doer_count(struct doer *d, enum rf_reason reason, uint64_t packets, uint64_t bytes)
{
	d->count[reason].packets += packets;
	d->count[reason].bytes += bytes;
	d->count_changed[reason] = true;
}

void doer_flush_counts(struct doer *d)
{
	int i;

	for (i = 0; i < RF_R_MAX; i++) {
		if (!d->count_changed[i])
			continue;
		if (!datapath_count_reason(d->dp, i, d->count[i].packets, d->count[i].bytes))
			d->count_changed[i] = false;
	}
}

static void publish(struct doer *d, char *line)
{
	if (line && d->control)
		control_publish(d->control, line);
	free(line);
}

static void say_left_out(uint32_t n)
{
	if (n)
		log_warning(
			"%u more lines on calls and the like within a second or more were left out: see \"ringfence event monitor\"",
			n);
}

void doer_flush_log(struct doer *d, uint64_t now_ns)
{
	say_left_out(log_burst_left_out(&d->event_burst, now_ns));
}

static void log_event(struct doer *d, const struct action *a, uint64_t now_ns)
{
	uint32_t left_out;
	bool ok = log_burst_ok(&d->event_burst, now_ns, &left_out);

	say_left_out(left_out);
	if (ok)
		log_info("%s: %s", events_kind_name(a->event.kind), a->event.text);
}

static void do_event(struct doer *d, const struct action *a, uint64_t now_ns)
{
	if (a->event.kind == EVENT_DROP || a->event.kind == EVENT_PINHOLE_OPEN ||
	    a->event.kind == EVENT_PINHOLE_CHANGE || a->event.kind == EVENT_PINHOLE_CLOSE)
		log_debug("%s: %s", events_kind_name(a->event.kind), a->event.text);
	else if (a->event.kind == EVENT_UNGUARDED)
		log_warning("call %u: %s", a->event.call_id, a->event.text);
	else
		log_event(d, a, now_ns);
	if (d->control && control_subscribers(d->control))
		publish(d, events_action_line(a, now_ns));
}

/* Counted in what is there since the start; the line is the only thing that may fail. */
static void no_memory(struct doer *d, size_t bytes, uint64_t now_ns)
{
	uint32_t left_out;

	if (bytes)
		doer_count(d, RF_R_OUT_OF_MEMORY, 1, bytes);
	if (log_limit_ok(&d->memory_limit, now_ns, &left_out))
		log_error(
			"out of memory: %s (%u more like this); see out_of_memory in ringfence reason show",
			bytes ? "a message is not answered, so that its sender tries again"
			      : "something is done later",
			left_out);
	if (bytes && d->control && control_subscribers(d->control))
		publish(d, events_drop_line(RF_R_OUT_OF_MEMORY, NULL, now_ns));
}

static void do_drop(struct doer *d, const struct action *a, size_t bytes, uint64_t now_ns)
{
	if (a->drop.reason == RF_R_OUT_OF_MEMORY) {
		no_memory(d, bytes, now_ns);
		return;
	}
	doer_count(d, a->drop.reason, 1, bytes);
	log_debug("dropped: %s",
		  a->drop.detail ? a->drop.detail : events_reason_name(a->drop.reason));
	if (d->control && control_subscribers(d->control))
		publish(d, events_drop_line(a->drop.reason, a->drop.detail, now_ns));
}

static void do_send(struct doer *d, const struct action *a, uint64_t now_ns)
{
	char src[EP_TEXT_MAX], dst[EP_TEXT_MAX];
	uint32_t left_out;
	int err;

	if (a->send.conn)
		err = d->tcp ? tcp_proxy_send(d->tcp, a->send.conn, a->send.to != SEND_TO_WAN,
					      a->send.payload)
			     : -ENOENT;
	else
		err = release_send(d->release, a);
	if (!err)
		return;
	doer_count(d, RF_R_SEND_FAILED, 1, a->send.payload.n);
	if (log_limit_ok(&d->send_limit, now_ns, &left_out))
		log_warning(
			"cannot send a message of %zu bytes from %s to %s: %s (%u more like this)",
			a->send.payload.n, ep_text(&a->send.src, src), ep_text(&a->send.dst, dst),
			strerror(-err), left_out);
}

static void report_map(struct doer *d, uint32_t id, int err, uint64_t now_ns)
{
	uint32_t left_out;

	d->map_err = err;
	if (log_limit_ok(&d->map_limit, now_ns, &left_out))
		log_error("cannot write pinhole %u: %s (%u more like this)%s", id, strerror(-err),
			  left_out,
			  err == -E2BIG ? "; the table is full"
			  : err == -EADDRINUSE
				  ? "; signalling or another call's media has its place"
				  : "");
}

static void report_journal(struct doer *d, int err, uint64_t now_ns)
{
	uint32_t left_out;

	d->save_failed = d->unsaved = true;
	if (log_limit_ok(&d->journal_limit, now_ns, &left_out))
		log_error(
			"cannot write the journal: %s; running calls would not survive a restart, it is tried again every %u s (%u more like this)",
			strerror(-err), (unsigned int)(SAVE_AGAIN_NS / 1000000000), left_out);
}

bool doer_save_again(struct doer *d, uint64_t now_ns)
{
	if (!d->unsaved || now_ns < d->save_again_ns)
		return false;
	d->unsaved = false;
	d->save_again_ns = now_ns + SAVE_AGAIN_NS;
	return true;
}

/* After the deed: what is told has happened. */
static void tell_pinhole(struct doer *d, enum event_kind kind, const struct pinhole_spec *s,
			 uint64_t now_ns)
{
	if (d->control && control_subscribers(d->control))
		publish(d, events_pinhole_line(kind, s, now_ns));
}

static int do_pinhole_set(struct doer *d, const struct pinhole_spec *s, uint64_t now_ns)
{
	bool had = pinhole_table_has(d->table, s->id);
	int err = pinhole_table_set(d->table, s);

	if (err)
		report_map(d, s->id, err, now_ns);
	else
		tell_pinhole(d, had ? EVENT_PINHOLE_CHANGE : EVENT_PINHOLE_OPEN, s, now_ns);
	return err;
}

static void do_pinhole_close(struct doer *d, const struct pinhole_spec *s, uint64_t now_ns)
{
	bool had = pinhole_table_has(d->table, s->id);

	pinhole_table_close(d->table, s, now_ns);
	if (had)
		tell_pinhole(d, EVENT_PINHOLE_CLOSE, s, now_ns);
}

static int do_one(struct doer *d, const struct action *a, size_t bytes, uint64_t now_ns)
{
	int err = 0;

	switch (a->kind) {
	case ACT_PINHOLE_SET: return do_pinhole_set(d, &a->pinhole, now_ns);
	case ACT_SIGNAL_SET:
		err = pinhole_table_signal_set(d->table, &a->signal);
		if (err)
			report_map(d, a->signal.id, err, now_ns);
		return err;
	case ACT_PINHOLE_CLOSE: do_pinhole_close(d, &a->pinhole, now_ns); break;
	case ACT_SIGNAL_CLOSE: pinhole_table_signal_close(d->table, &a->signal); break;
	case ACT_SEND: do_send(d, a, now_ns); break;
	case ACT_DROP: do_drop(d, a, bytes, now_ns); break;
	case ACT_COUNT: doer_count(d, a->drop.reason, 1, 0); break;
	case ACT_EVENT: do_event(d, a, now_ns); break;
	case ACT_SAVE:
		err = journal_save(d->journal, a->record.kind, a->record.id, a->record.bytes.p,
				   a->record.bytes.n);
		break;
	case ACT_FORGET: err = journal_forget(d->journal, a->record.kind, a->record.id); break;
	}
	if (err)
		report_journal(d, err, now_ns);
	return 0;
}

bool doer_carry_out(struct doer *d, struct action_list *l, size_t bytes, uint64_t now_ns)
{
	enum rf_reason refused = RF_R_NONE;
	size_t i;
	int err;

	d->save_failed = false;
	d->unsaved |= l->unsaved;
	if (l->failed)
		no_memory(d, bytes, now_ns);
	for (i = 0; i < l->n; i++) {
		struct action *a = &l->v[i];

		if (l->failed && (a->kind == ACT_SEND || a->kind == ACT_DROP))
			continue; /* counted once */
		if (refused && a->kind == ACT_SEND) {
			doer_count(d, refused, 1, a->send.payload.n);
			continue;
		}
		/* a disk that is full is not asked for each of them: they are all saved again later */
		if (d->save_failed && a->kind == ACT_SAVE)
			continue;
		err = do_one(d, a, bytes, now_ns);
		if (!err)
			continue;
		a->failed = true;
		if (refused != RF_R_OUT_OF_MEMORY)
			refused = err == -ENOMEM ? RF_R_OUT_OF_MEMORY : RF_R_SIP_LIMIT;
	}
	return !refused;
}
