// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinholes added by hand: request -> spec, kept in one small list.
 */
#include "manual.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "json_add.h"
#include "record.h"
#include "record_save.h"

#define MANUAL_MAGIC	      0x4d504831 /* "MPH1" */
#define MANUAL_VERSION	      3
#define MANUAL_VERSION_OLDEST 1 /* that can be read */

struct manual {
	struct pinhole_spec spec;
	struct manual *next, *prev;
};

struct manual_table {
	struct manual *list;
	size_t n;
	uint32_t next_id;
	struct wan_names *names;
};

struct manual_table *manual_table_new(uint32_t first_id)
{
	struct manual_table *t = calloc(1, sizeof(*t));

	if (t)
		t->next_id = first_id;
	return t;
}

void manual_table_free(struct manual_table *t)
{
	struct manual *m, *tmp;

	if (!t)
		return;
	DL_FOREACH_SAFE (t->list, m, tmp)
		free(m);
	free(t);
}

static const char *member_text(json_object *o, const char *key)
{
	json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static int class_bit(const char *name)
{
	static const struct {
		const char *name;
		int bit;
	} classes[] = { { "rtp", RF_CLASS_RTP },     { "rtcp", RF_CLASS_RTCP },
			{ "stun", RF_CLASS_STUN },   { "dtls", RF_CLASS_DTLS },
			{ "udptl", RF_CLASS_UDPTL }, { "bfcp", RF_CLASS_BFCP },
			{ "any", RF_CLASS_ANY } };

	for (size_t i = 0; name && i < sizeof(classes) / sizeof(*classes); i++)
		if (!strcmp(classes[i].name, name))
			return classes[i].bit;
	return -EINVAL;
}

/* Whoever opens a pinhole by hand has agreed on nothing with anybody. */
static void every_type(struct pinhole_spec *s)
{
	memset(s->payload_types_in, 0xff, sizeof(s->payload_types_in));
	memset(s->payload_types_out, 0xff, sizeof(s->payload_types_out));
	s->rtcp_types = UINT32_MAX;
}

/* NULL: fine; else what is wrong with the request. */
static const char *read_remotes(json_object *request, struct pinhole_spec *s)
{
	json_object *list;

	if (!json_object_object_get_ex(request, "remotes", &list) ||
	    !json_object_is_type(list, json_type_array) || !json_object_array_length(list))
		return "a pinhole needs at least one remote endpoint";
	if (json_object_array_length(list) > RF_REMOTES_MAX)
		return "too many remote endpoints: 4 at most";
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct rf_ep ep;

		if (ep_parse(view_of(json_object_get_string(json_object_array_get_idx(list, i))),
			     &ep) ||
		    !ep.port)
			return "a remote endpoint is not ADDRESS:PORT";
		s->remotes[s->n_remotes++] =
			(struct rf_remote){ .addr = ep.addr, .port = ep.port, .prefix_len = 128 };
	}
	return NULL;
}

static const char *read_classes(json_object *request, struct pinhole_spec *s)
{
	json_object *list;
	int bit;

	s->classes_in = RF_CLASS_RTP;
	if (!json_object_object_get_ex(request, "classes", &list) ||
	    !json_object_is_type(list, json_type_array) || !json_object_array_length(list))
		goto out;
	s->classes_in = 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		bit = class_bit(json_object_get_string(json_object_array_get_idx(list, i)));
		if (bit < 0)
			return "unknown class: rtp, rtcp, stun, dtls, udptl, bfcp or any";
		s->classes_in |= (uint16_t)bit;
	}
out:
	s->classes_out = s->classes_in;
	every_type(s);
	return NULL;
}

static const char *read_request(const struct topology *topo, json_object *request, uint64_t now_ns,
				struct pinhole_spec *s)
{
	const char *outside = member_text(request, "outside"),
		   *inside = member_text(request, "inside");
	const struct topology_wan *wan;
	json_object *until;
	const char *wrong;

	if (!outside || ep_parse(view_of(outside), &s->outside) || !s->outside.port)
		return "outside is not ADDRESS:PORT";
	if (!inside || ep_parse(view_of(inside), &s->inside) || !s->inside.port)
		return "inside is not ADDRESS:PORT";
	if (addr_is_v4(&s->outside.addr) != addr_is_v4(&s->inside.addr))
		return "outside and inside are of different address families";
	wan = topology_wan_by_addr(topo, &s->outside.addr);
	if (!wan && !ep_eq(&s->outside, &s->inside))
		return "outside is not an address of a WAN device that is attached";
	if (!wan && topo->n_wans)
		wan = &topo->wans[0];
	if (!wan)
		return "no WAN device is attached";
	s->wan_ifindex = wan->ifindex;
	s->local = topology_is_local(topo, &s->inside.addr);
	wrong = read_remotes(request, s);
	if (!wrong)
		wrong = read_classes(request, s);
	if (wrong)
		return wrong;
	s->deadline_ns = UINT64_MAX;
	if (json_object_object_get_ex(request, "until_ns", &until)) {
		int64_t ns = json_object_get_int64(until);

		if (ns <= 0 || (uint64_t)ns <= now_ns)
			return "the end lies in the past";
		s->deadline_ns = (uint64_t)ns;
	}
	snprintf(s->media, sizeof(s->media), "manual");
	return NULL;
}

static void manual_record(struct record *r, const struct manual_table *t, struct pinhole_spec *s)
{
	uint8_t local = s->local;
	size_t n = s->n_remotes;

	record_head(r, MANUAL_MAGIC, MANUAL_VERSION_OLDEST, MANUAL_VERSION);
	wan_names_record(t->names, r, r->version > 2, &s->wan_ifindex);
	record_ep(r, &s->outside);
	record_ep(r, &s->inside);
	record_u8(r, &local);
	if (r->version == 1)
		record_u8_wide(r, &s->classes_in);
	else
		record_u16(r, &s->classes_in);
	record_u64(r, &s->deadline_ns);
	record_count(r, &n, RF_REMOTES_MAX);
	for (size_t i = 0; i < n; i++) {
		record_addr(r, &s->remotes[i].addr);
		record_bytes(r, &s->remotes[i].port, sizeof(s->remotes[i].port));
		s->remotes[i].prefix_len = 128;
	}
	s->local = local;
	s->n_remotes = (uint8_t)n;
	s->classes_out = s->classes_in;
	every_type(s);
	memcpy(s->media, "manual", sizeof("manual"));
}

static void manual_save(const struct manual_table *t, const struct manual *m,
			struct action_list *out)
{
	struct pinhole_spec copy = m->spec;
	struct record r = { 0 };

	record_write(&r);
	manual_record(&r, t, &copy);
	record_save(&r, RECORD_PINHOLE, m->spec.id, out);
}

static void manual_set(const struct manual *m, struct action_list *out)
{
	struct action *a = action_add(out, ACT_PINHOLE_SET);

	if (a)
		a->pinhole = m->spec;
}

static void manual_end(struct manual_table *t, struct manual *m, struct action_list *out)
{
	struct action *a = action_add(out, ACT_PINHOLE_CLOSE);

	if (a)
		a->pinhole = m->spec;
	record_forget(RECORD_PINHOLE, m->spec.id, out);
	DL_DELETE(t->list, m);
	t->n--;
	free(m);
}

json_object *manual_add(struct manual_table *t, const struct topology *topo, json_object *request,
			uint64_t now_ns, struct action_list *out)
{
	struct manual *m, *other;
	const char *wrong;
	json_object *reply;

	if (t->n >= MANUAL_MAX)
		return json_error("too many pinholes were added by hand");
	m = calloc(1, sizeof(*m));
	if (!m)
		return json_error("out of memory");
	wrong = read_request(topo, request, now_ns, &m->spec);
	DL_FOREACH (t->list, other)
		if (!wrong && (ep_eq(&other->spec.outside, &m->spec.outside) ||
			       ep_eq(&other->spec.inside, &m->spec.inside)))
			wrong = "a pinhole with this endpoint was added before; delete it first";
	if (wrong) {
		free(m);
		return json_error(wrong);
	}
	reply = json_with("id", json_object_new_int64(t->next_id));
	if (!reply || !action_reserve(out, 2, 0)) {
		json_object_put(reply);
		free(m);
		return NULL;
	}
	m->spec.id = t->next_id++;
	DL_APPEND(t->list, m);
	t->n++;
	manual_set(m, out);
	manual_save(t, m, out);
	return reply;
}

json_object *manual_delete(struct manual_table *t, json_object *request, struct action_list *out)
{
	json_object *id, *reply;
	struct manual *m;

	if (!json_object_object_get_ex(request, "id", &id))
		return json_error("no id given");
	DL_FOREACH (t->list, m)
		if (m->spec.id == (uint32_t)json_object_get_int64(id))
			break;
	if (!m)
		return json_error(
			"no pinhole added by hand has this id; those of calls end with `call drop`");
	reply = json_with("deleted", json_object_get(id));
	if (reply && action_reserve(out, 2, 0)) {
		manual_end(t, m, out);
		return reply;
	}
	json_object_put(reply);
	return NULL;
}

void manual_save_all(struct manual_table *t, struct action_list *out)
{
	struct manual *m;

	DL_FOREACH (t->list, m)
		manual_save(t, m, out);
}

void manual_tick(struct manual_table *t, uint64_t now_ns, struct action_list *out)
{
	struct manual *m, *tmp;

	DL_FOREACH_SAFE (t->list, m, tmp)
		if (m->spec.deadline_ns <= now_ns && action_reserve(out, 2, 0))
			manual_end(t, m, out);
}

void manual_table_wans(struct manual_table *t, struct wan_names *names)
{
	t->names = names;
}

size_t manual_count(const struct manual_table *t)
{
	return t->n;
}

void manual_moved(struct manual_table *t, const struct wan_moves *moves, struct action_list *out)
{
	struct manual *m;

	DL_FOREACH (t->list, m) {
		uint32_t to = wan_moves_to(moves, m->spec.wan_ifindex);

		if (to == m->spec.wan_ifindex)
			continue;
		m->spec.wan_ifindex = to;
		manual_set(m, out);
		manual_save(t, m, out);
	}
}

int manual_restore(struct manual_table *t, uint32_t id, struct view bytes)
{
	struct manual *m = calloc(1, sizeof(*m));
	struct record r = { 0 };

	if (!m)
		return -ENOMEM;
	record_read(&r, bytes);
	manual_record(&r, t, &m->spec);
	if (!record_done(&r) || t->n >= MANUAL_MAX) {
		free(m);
		return -EINVAL;
	}
	m->spec.id = id;
	if (id >= t->next_id)
		t->next_id = id + 1;
	DL_APPEND(t->list, m);
	t->n++;
	return 0;
}

void manual_restored(struct manual_table *t, uint64_t now_ns, struct action_list *out)
{
	struct manual *m;

	manual_tick(t, now_ns, out);
	DL_FOREACH (t->list, m)
		manual_set(m, out);
}
