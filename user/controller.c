// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens on each event of the controller's loop. One thread: nothing here blocks but the
 * netlink dumps after a change of devices, addresses or routes.
 */
#include "controller.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conntrack.h"
#include "events.h"
#include "hurry.h"
#include "json_add.h"
#include "restore.h"
#include "wan_tell.h"

#define LO_IFINDEX 1 /* in every network namespace */

/* What could not be done is taken away from the deciders, and what follows from that is carried out: it ends. */
static void carry_out_rest(struct controller *c, uint64_t now_ns)
{
	struct action_list again = { 0 };

	do {
		struct action_list done = c->actions;

		engine_failed(c->engine, &done, &again);
		c->actions = again;
		again = done;
		actions_reset(&again);
	} while (!doer_carry_out(&c->doer, &c->actions, 0, now_ns));
	actions_free(&again);
}

void controller_carry_out(struct controller *c, size_t bytes, uint64_t now_ns)
{
	if (!doer_carry_out(&c->doer, &c->actions, bytes, now_ns))
		carry_out_rest(c, now_ns);
	actions_reset(&c->actions);
}

/* Of a restart: what the kernel would not take for the moment ends no call that has lived until here. */
static int carry_out_restored(struct controller *c, uint64_t now_ns, struct why *w)
{
	int err = 0;

	if (c->actions.failed) /* some are missing in it, which would be taken for over */
		return why_set(w, -ENOMEM,
			       "out of memory; running calls are left as they are, start it again");
	c->doer.map_err = 0;
	if (!doer_carry_out(&c->doer, &c->actions, 0, now_ns)) {
		err = c->doer.map_err;
		if (err == -E2BIG || err == -EADDRINUSE) /* which will be so the next time, too */
			err = 0;
		if (!err)
			carry_out_rest(c, now_ns);
	}
	actions_reset(&c->actions);
	return err ? why_set(w, err,
			     "cannot write the pinholes of running calls: %s; they are left as they are, start it again",
			     strerror(-err))
		   : 0;
}

void controller_heartbeat(struct controller *c)
{
	__u32 zero = 0;

	c->heartbeat.heartbeat_ns = clock_now_ns();
	c->heartbeat.pid = getpid();
	release_identity(c->release, &c->heartbeat);
	bpf_map_update_elem(c->dp->map[MAP_CONTROL], &zero, &c->heartbeat, BPF_ANY);
}

void controller_away(struct controller *c)
{
	/* The oldest time that is not "never". */
	struct rf_control gone = { .heartbeat_ns = 1 };
	__u32 zero = 0;

	if (controller_beat_is_ours(c))
		bpf_map_update_elem(c->dp->map[MAP_CONTROL], &zero, &gone, BPF_ANY);
}

/* ---- held messages ---- */

uint32_t controller_wan_towards(struct controller *c, const struct rf_addr *dst)
{
	const struct topology *t = &c->topology;
	uint32_t oif;

	if (t->n_wans == 1)
		return t->wans[0].ifindex;
	if (!netlink_route_oif(dst, &oif) && topology_wan_by_index(t, oif))
		return oif;
	return t->n_wans ? t->wans[0].ifindex : 0;
}

void controller_dropped(enum rf_reason reason, uint64_t packets, uint64_t bytes, void *arg)
{
	struct controller *c = arg;

	doer_count(&c->doer, reason, packets, bytes);
	if (c->control && control_subscribers(c->control)) {
		char *line = events_drop_line(reason, NULL, clock_now_ns());

		if (line)
			control_publish(c->control, line);
		free(line);
	}
}

/*
 * From the WAN with a source that is this machine's or that is routed to an inside device: forged. The
 * stack's own reverse path check comes behind our hook, and a release is sent anew, so that an inside
 * host which trusts its network by address would take it for one of that.
 */
bool controller_is_forged(const struct controller *c, enum rf_hook hook, const struct rf_addr *src)
{
	struct rf_device d;
	uint32_t oif;
	int err;

	if (hook != RF_HOOK_WAN_IN ||
	    (!topology_is_inside(&c->topology, src) && !topology_is_local(&c->topology, src)))
		return false;
	err = netlink_route_oif(src, &oif);
	if (err) /* no route is an answer; no answer is none: the message will be sent again */
		return !netlink_no_route(err);
	if (oif == LO_IFINDEX)
		return true;
	if (bpf_map_lookup_elem(c->dp->map[MAP_DEVICES], &oif, &d))
		return errno != ENOENT;
	return d.role == RF_DEV_INSIDE;
}

static void on_message(const struct punt_message *m, void *arg)
{
	struct controller *c = arg;
	uint64_t now = clock_now_ns();
	struct signal_in in = {
		.now_ns = now,
		.hook = m->hook,
		.wan_ifindex = m->ifindex,
		.src = m->src,
		.dst = m->dst,
		.payload = m->payload,
	};

	if (controller_is_forged(c, m->hook, &m->src.addr)) {
		controller_dropped(RF_R_SIP_UNKNOWN_PEER, 1, m->payload.n, c);
		return;
	}
	if (m->hook == RF_HOOK_INSIDE_IN)
		in.wan_ifindex = controller_wan_towards(c, &m->dst.addr);
	engine_message(c->engine, &in, &c->actions);
	controller_carry_out(c, m->payload.n, now);
}

static void on_resend(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct controller *c = arg;

	if (release_verbatim(c->release, meta, packet))
		doer_count(&c->doer, RF_R_SEND_FAILED, 1, packet.n);
}

static void on_again(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct controller *c = arg;

	if (release_again(c->release, meta, packet))
		doer_count(&c->doer, RF_R_SEND_FAILED, 1, packet.n);
}

static void on_stun(const struct punt_message *m, uint32_t call_id, const struct rf_punt *meta,
		    struct view packet, void *arg)
{
	struct controller *c = arg;
	uint64_t now = clock_now_ns();
	struct call_stun s = {
		.now = now,
		.from_inside = m->hook != RF_HOOK_WAN_IN,
		.src = m->src,
		.dst = m->dst,
		.payload = m->payload,
	};

	engine_stun(c->engine, call_id, &s, &c->actions);
	controller_carry_out(c, 0, now);
	on_again(meta, packet, arg); /* either listed now, or refused for good: one place counts */
}

static void on_connection(const struct punt_message *m, const struct rf_punt *meta,
			  struct view packet, void *arg)
{
	if (controller_tcp_open(arg, m, packet.n))
		on_again(meta, packet, arg);
}

static void on_punt(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	punt_consume(c->punt);
}

static int on_kernel_event(void *arg, void *data, size_t n)
{
	struct controller *c = arg;
	char *line;

	if (n < sizeof(struct rf_event) || !control_subscribers(c->control))
		return 0;
	line = events_kernel_line(data);
	if (line)
		control_publish(c->control, line);
	free(line);
	return 0;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	ring_buffer__consume(c->events);
}

/* ---- the system around us ---- */

static void tell_changes(struct controller *c, const struct inside_change *now)
{
	if (now->wan_gone != c->last_sync.wan_gone)
		now->wan_gone
			? log_warning(
				  "%u WAN device(s) are gone; calls through them have no media until they are back",
				  now->wan_gone)
			: log_info("all WAN devices are there");
	if (now->attached || now->detached)
		log_info("inside devices: %u (%u new, %u gone)", now->inside_devices, now->attached,
			 now->detached);
	if (now->guards_changed)
		log_info("the addresses of the WAN devices have changed");
	c->last_sync = *now;
}

static void sync_system(struct controller *c)
{
	struct inside_change change = { 0 };
	struct why w = { "" };
	struct topology t;
	uint64_t now;
	int err;

	if (controller_look(c))
		return;
	err = inside_sync(c->dp, &c->config, &change, &w);
	sync_tell(&c->sync_tell, err ? err : change.trouble_err, err ? w.text : change.trouble.text,
		  clock_now_ns());
	if (err == -EAGAIN)
		c->sync_due = true;
	if (err)
		return;
	tell_changes(c, &change);
	if (inside_topology(c->dp, &c->config, &t) || !memcmp(&t, &c->topology, sizeof(t)))
		return;
	now = clock_now_ns();
	if (topology_lacks(&t) && !topology_lacks(&c->topology))
		log_warning("%s", topology_lacks(&t));
	wan_tell(&c->topology, &t);
	c->topology = t;
	engine_topology(c->engine, &c->topology, now, &c->actions);
	controller_carry_out(c, 0, now);
}

/* Looks again, but spends at most a tenth of the time on it: routing tables can be large and busy. */
static void sync_if_due(struct controller *c)
{
	uint64_t start = clock_now_ns();

	if (!c->sync_due || start < c->sync_not_before_ns)
		return;
	c->sync_due = false;
	sync_system(c);
	c->sync_not_before_ns = clock_now_ns() + 9 * (clock_now_ns() - start);
}

static void on_netlink(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	if (netlink_watch_drain(c->watch))
		c->sync_due = true;
	sync_if_due(c);
}

static void on_recheck(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;
	struct rf_instance i;
	int err;

	c->sync_due = true;
	sync_if_due(c);
	err = datapath_follow_conntrack(c->dp);
	if (err)
		log_warning("cannot follow conntrack's time-outs: %s", strerror(-err));
	/* the flag first: to look for conntrack may be to read all types of the kernel */
	if (!c->told_conntrack && !datapath_instance(c->dp, &i) &&
	    !(i.flags & RF_INSTANCE_CONNTRACK) && conntrack_here()) {
		/* programs are root's to load */
		log_warning("%s", CONNTRACK_CAME_LATER);
		c->told_conntrack = true;
	}
}

static void on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	if (controller_is_superseded(c))
		return;
	controller_heartbeat(c);
	doer_flush_counts(&c->doer);
	doer_flush_log(&c->doer, clock_now_ns());
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;
	uint64_t now = clock_now_ns();

	if (controller_is_gone(c))
		return;
	hurry_end();
	sync_if_due(c);
	punt_expire(c->punt, now);
	engine_tick(c->engine, now, &c->actions);
	controller_carry_out(c, 0, now);
	if (doer_save_again(&c->doer, now)) {
		engine_save_all(c->engine, &c->actions);
		controller_carry_out(c, 0, now);
		if (!c->doer.unsaved)
			log_info("the journal holds everything again");
	}
	tcp_proxy_tick(c->tcp, now);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	if (!controller_look(c))
		pinhole_table_sweep(c->table, clock_now_ns());
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct controller *c = arg;

	event_base_loopbreak(c->base);
}

/* ---- configuration and requests ---- */

int controller_read_config(const char *path, struct config *out, struct why *w)
{
	const char *name = path ? path : RF_SYSCONFDIR "/ringfence/ringfence.json";
	struct config_errors errors = { 0 };
	size_t i;
	int err;

	if (!path && access(name, F_OK) && errno == ENOENT) {
		config_defaults(out);
		return 0;
	}
	err = config_read(name, out, &errors);
	for (i = 0; i < errors.n; i++)
		log_error("%s: %s", errors.v[i].where, errors.v[i].what);
	if (err && errors.n)
		why_set(w, err, "%s has %zu mistake(s)", name, errors.n);
	else if (err)
		why_set(w, err, "cannot read %s: %s", name, strerror(-err));
	config_errors_free(&errors);
	return err;
}

static int reload(struct controller *c, struct why *w)
{
	struct config fresh;
	uint64_t now;
	int err;

	err = controller_read_config(c->config_path, &fresh, w);
	if (err)
		return err;
	err = datapath_apply(c->dp, &fresh, NULL, 0);
	if (err)
		return why_set(w, err, "cannot write the settings: %s", strerror(-err));
	c->config = fresh;
	now = clock_now_ns();
	engine_reconfigure(c->engine, &c->config, now, &c->actions);
	controller_carry_out(c, 0, now);
	sync_system(c);
	log_info("configuration read again");
	return 0;
}

static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	struct why w = { "" };

	if (reload(arg, &w))
		log_error("configuration stays as it is: %s", w.text);
}

static json_object *reload_reply(struct controller *c)
{
	json_object *reply = json_object_new_object();
	struct why w = { "" };

	if (!reply)
		return NULL;
	if (reload(c, &w))
		json_add(&reply, "error", json_object_new_string(w.text));
	else
		json_add(&reply, "reloaded", json_object_new_boolean(1));
	return reply;
}

static json_object *on_request(json_object *request, void *arg)
{
	uint64_t now = clock_now_ns();
	struct controller *c = arg;
	json_object *command, *reply;
	const char *word = "";

	if (json_object_object_get_ex(request, "command", &command) &&
	    json_object_is_type(command, json_type_string))
		word = json_object_get_string(command);
	if (!strcmp(word, "reload"))
		return reload_reply(c);
	if (!strcmp(word, "connections"))
		return controller_tcp_reply(c);
	reply = engine_request(c->engine, request, now, &c->actions);
	controller_carry_out(c, 0, now);
	return reply;
}

/* ---- start and stop ---- */

static int last_media(uint32_t pinhole_id, uint64_t *last_ns, void *arg)
{
	const struct controller *c = arg;

	return pinhole_table_last(c->table, pinhole_id, last_ns);
}

#define FLOW_PORTS_BYTES (RF_FLOW_PORTS * sizeof(uint64_t))

/* Which ports others use, as the kernel side goes on writing it. */
static int flow_ports_open(struct controller *c, uint64_t now_ns, struct why *w)
{
	void *p =
		mmap(NULL, FLOW_PORTS_BYTES, PROT_READ, MAP_SHARED, c->dp->map[MAP_FLOW_PORTS], 0);

	if (p == MAP_FAILED)
		return why_set(w, -errno, "cannot map the ports of others: %s", strerror(errno));
	c->flow_ports = p;
	engine_others(c->engine, c->flow_ports, now_ns);
	return 0;
}

int controller_restore(struct controller *c, struct why *w)
{
	struct restore_report report;
	char text[RESTORE_TEXT_MAX];
	uint64_t now = clock_now_ns();
	size_t closed;
	int err;

	c->engine =
		engine_new(&c->config, &c->topology, now, pinhole_table_highest_id(c->table) + 1);
	if (!c->engine)
		return why_set(w, -ENOMEM, "out of memory");
	engine_watch(c->engine, last_media, c);
	err = flow_ports_open(c, now, w);
	if (err)
		return err;
	err = restore_records(c->journal, c->engine, now, &report);
	if (err)
		return why_set(w, err, "cannot read the journal: %s; it is left as it is",
			       strerror(-err));
	if (report.n_unread)
		log_warning(
			"journal: forgotten, as other versions wrote it or it is damaged: %s (the first is of version %u); media of such calls is closed",
			restore_unread_text(&report, text), report.version);
	engine_restored(c->engine, now, &c->actions);
	err = carry_out_restored(c, now, w);
	if (err)
		return err;
	closed = pinhole_table_reconcile(c->table, now);
	if (closed)
		log_info("closed %zu pinholes that belong to no call that is known", closed);
	return 0;
}

int controller_open(struct controller *c, struct why *w)
{
	struct punt_out out = { on_message,    on_resend,	   on_again, on_stun,
				on_connection, controller_dropped, c };
	int err;

	err = control_listen(&c->control, c->instance, c->base, on_request, c, w);
	if (err)
		return err;
	c->doer.control = c->control;
	err = punt_new(&c->punt, c->dp, &out);
	if (err)
		return why_set(w, err, "cannot map the punt ring buffer: %s", strerror(-err));
	errno = ENOMEM;
	c->events = ring_buffer__new(c->dp->map[MAP_EVENTS], on_kernel_event, c, NULL);
	if (!c->events)
		return why_set(w, -errno, "cannot map the events ring buffer: %s", strerror(errno));
	err = controller_tcp_new(c, w);
	if (err)
		return err;
	err = netlink_watch(&c->watch);
	return err ? why_set(w, err, "cannot watch devices and routes: %s", strerror(-err)) : 0;
}

static int add(struct controller *c, int fd, short what, int ms, event_callback_fn fn)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct event *ev = event_new(c->base, fd, what | EV_PERSIST, fn, c);

	if (!ev || event_add(ev, ms ? &tv : NULL)) {
		if (ev)
			event_free(ev);
		return -ENOMEM;
	}
	c->ev[c->n_ev++] = ev;
	return 0;
}

int controller_events(struct controller *c, struct why *w)
{
	int err = 0, i, fd;

	err = err ?: add(c, punt_fd(c->punt), EV_READ, 0, on_punt);
	err = err ?: add(c, ring_buffer__epoll_fd(c->events), EV_READ, 0, on_events);
	for (i = 0; i < 2 && !err; i++) {
		fd = netlink_watch_fd(c->watch, i);
		if (fd >= 0)
			err = add(c, fd, EV_READ, 0, on_netlink);
	}
	err = err ?: add(c, -1, 0, 500, on_heartbeat);
	err = err ?: add(c, -1, 0, 100, on_tick);
	err = err ?: add(c, -1, 0, 1000, on_sweep);
	err = err ?: add(c, -1, 0, 10000, on_recheck);
	err = err ?: add(c, SIGTERM, EV_SIGNAL, 0, on_stop);
	err = err ?: add(c, SIGINT, EV_SIGNAL, 0, on_stop);
	err = err ?: add(c, SIGHUP, EV_SIGNAL, 0, on_reload);
	return err ? why_set(w, err, "cannot set up the event loop: %s", strerror(-err)) : 0;
}

void controller_close(struct controller *c)
{
	while (c->n_ev)
		event_free(c->ev[--c->n_ev]);
	tcp_proxy_free(c->tcp);
	c->doer.tcp = NULL;
	c->doer.control = NULL;
	control_free(c->control);
	netlink_watch_free(c->watch);
	ring_buffer__free(c->events);
	punt_free(c->punt);
	engine_free(c->engine);
	if (c->flow_ports)
		munmap(c->flow_ports, FLOW_PORTS_BYTES);
	journal_close(c->journal);
	release_free(c->release);
	pinhole_table_free(c->table);
	actions_free(&c->actions);
	link_hold_close(&c->links);
	datapath_close(c->dp);
	if (c->base)
		event_base_free(c->base);
}
