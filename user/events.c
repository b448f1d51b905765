// SPDX-License-Identifier: GPL-2.0-only
/*
 * One description of an event for everybody who listens.
 */
#include "events.h"

#include <json-c/json.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_add.h"

static const struct {
	const char *name, *meaning;
} reasons[RF_R_MAX] = {
#define RF_REASON(id, name, action, meaning) [RF_R_##id] = { name, meaning },
	RF_REASONS(RF_REASON)
#undef RF_REASON
};

static const char *const kinds[] = {
	[EVENT_CALL_NEW] = "call_new",
	[EVENT_CALL_ANSWERED] = "call_answered",
	[EVENT_CALL_CHANGED] = "call_changed",
	[EVENT_CALL_ENDED] = "call_ended",
	[EVENT_PINHOLE_OPEN] = "pinhole_open",
	[EVENT_PINHOLE_CHANGE] = "pinhole_change",
	[EVENT_PINHOLE_CLOSE] = "pinhole_close",
	[EVENT_REGISTERED] = "registered",
	[EVENT_UNREGISTERED] = "unregistered",
	[EVENT_DROP] = "drop",
	[EVENT_NOTE] = "note",
	[EVENT_UNGUARDED] = "unguarded",
};

static const char *const hooks[] = {
	[RF_HOOK_WAN_XDP] = "wan_xdp", [RF_HOOK_WAN_IN] = "wan_in",
	[RF_HOOK_WAN_OUT] = "wan_out", [RF_HOOK_INSIDE_IN] = "inside_in",
	[RF_HOOK_LO_OUT] = "lo_out",   [RF_HOOK_INSIDE_OUT] = "inside_out",
};

const char *events_reason_name(uint32_t reason)
{
	return reason < RF_R_MAX && reasons[reason].name ? reasons[reason].name : "unknown";
}

static const char *meaning_of(uint32_t reason)
{
	return reason < RF_R_MAX && reasons[reason].meaning ? reasons[reason].meaning : "";
}

const char *events_kind_name(enum event_kind kind)
{
	return kinds[kind];
}

static json_object *event_new(uint64_t now_ns, const char *kind)
{
	json_object *o = json_object_new_object();

	json_add(&o, "time_ns", json_object_new_int64(now_ns));
	json_add(&o, "event", json_object_new_string(kind));
	return o;
}

static void add_id(json_object **o, const char *key, uint32_t id)
{
	if (id)
		json_add(o, key, json_object_new_int64(id));
}

static char *event_line(json_object *o)
{
	const char *text = o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : NULL;
	char *line = text ? strdup(text) : NULL;

	json_object_put(o);
	return line;
}

char *events_action_line(const struct action *a, uint64_t now_ns)
{
	json_object *o = event_new(now_ns, kinds[a->event.kind]);

	add_id(&o, "call_id", a->event.call_id);
	add_id(&o, "pinhole_id", a->event.pinhole_id);
	json_add(&o, "text", json_object_new_string(a->event.text));
	return event_line(o);
}

char *events_pinhole_line(enum event_kind kind, const struct pinhole_spec *s, uint64_t now_ns)
{
	char inside[EP_TEXT_MAX], outside[EP_TEXT_MAX], remote[EP_TEXT_MAX] = "", text[256];
	json_object *o = event_new(now_ns, kinds[kind]);
	struct rf_ep ep;

	ep_text(&s->inside, inside);
	ep_text(&s->outside, outside);
	if (s->n_remotes) {
		ep = (struct rf_ep){ .addr = s->remotes[0].addr, .port = s->remotes[0].port };
		ep_text(s->learn ? &s->announced : &ep, remote);
	}
	snprintf(text, sizeof(text), "%s%s: %s = %s%s%s%s", s->media[0] ? s->media : "media",
		 s->rtcp ? " rtcp" : "", inside, outside, remote[0] ? " <-> " : "", remote,
		 s->learn ? " (source to be learnt)" : "");
	add_id(&o, "call_id", s->call_id);
	add_id(&o, "pinhole_id", s->id);
	json_add(&o, "text", json_object_new_string(text));
	return event_line(o);
}

char *events_drop_line(enum rf_reason reason, const char *detail, uint64_t now_ns)
{
	json_object *o = event_new(now_ns, "drop");

	json_add(&o, "reason", json_object_new_string(events_reason_name(reason)));
	json_add(&o, "text", json_object_new_string(detail ? detail : meaning_of(reason)));
	return event_line(o);
}

char *events_kernel_line(const struct rf_event *e)
{
	char src[EP_TEXT_MAX], dst[EP_TEXT_MAX], dev[IF_NAMESIZE], text[512];
	json_object *o = event_new(e->time_ns, "drop");

	if (!if_indextoname(e->ifindex, dev))
		snprintf(dev, sizeof(dev), "%u", e->ifindex);
	ep_text(&e->src, src);
	ep_text(&e->dst, dst);
	snprintf(text, sizeof(text), "%s -> %s at %s: %s", src, dst, dev, meaning_of(e->reason));
	json_add(&o, "reason", json_object_new_string(events_reason_name(e->reason)));
	json_add(&o, "dev", json_object_new_string(dev));
	if (e->hook < sizeof(hooks) / sizeof(*hooks) && hooks[e->hook])
		json_add(&o, "hook", json_object_new_string(hooks[e->hook]));
	json_add(&o, "proto", json_object_new_int(e->proto));
	json_add(&o, "source", json_object_new_string(src));
	json_add(&o, "destination", json_object_new_string(dst));
	add_id(&o, "pinhole_id", e->pinhole_id);
	add_id(&o, "call_id", e->call_id);
	json_add(&o, "bytes", json_object_new_int64(e->len));
	json_add(&o, "suppressed", json_object_new_int64(e->suppressed));
	json_add(&o, "text", json_object_new_string(text));
	return event_line(o);
}
