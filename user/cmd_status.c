// SPDX-License-Identifier: GPL-2.0-only
/*
 * ringfence status: devices, hooks and delivery in use, controller, inside hosts, and what is wrong.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_show.h"
#include "cmd_status.h"
#include "conntrack.h"
#include "control.h"
#include "duration.h"
#include "json_add.h"
#include "netlink.h"
#include "unguarded.h"
#include "vlan_tags.h"
#include "xdp_cost.h"

#define HOSTS_MAX 256 /* shown; a list for people */

struct host {
	struct rf_addr addr;
	const char *mode;
	unsigned int calls, registrations;
};

struct status {
	struct cmd_context *c;
	struct datapath *dp;
	struct engine *engine; /* NULL: could not be read */
	struct topology *topology;
	struct datapath_device *devices;
	size_t n_devices;
	struct datapath_guard *guards;
	size_t n_guards;
	struct host hosts[HOSTS_MAX];
	size_t n_hosts;
	size_t calls, registrations;
	struct unguarded_ports unguarded[UNGUARDED_HOSTS];
	size_t n_unguarded;
	uint64_t now_ns;
	int unread; /* 0, or the first error that left something out */
};

static bool unread(struct status *s, int err)
{
	if (err && !s->unread)
		s->unread = err;
	return err != 0;
}

static const char *mode_text(enum rf_mode mode)
{
	static const char *const text[] = { "auto", "host", "routed", "nat" };

	return mode <= RF_MODE_NAT ? text[mode] : "?";
}

static void show_controller(struct status *s)
{
	static const char *const states[] = { "never", "alive", "away" };
	struct out_node *record = out_record(out_root(s->c->out), "controller"), *n;
	struct controller_info info;
	char buf[DURATION_TEXT_MAX];

	if (unread(s, datapath_controller(s->dp, s->now_ns, &info)))
		return;
	/* Without a process it has said goodbye: the heartbeat is then no moment. */
	bool stopped = info.state == CONTROLLER_AWAY && !info.pid;
	bool beat = info.state != CONTROLLER_NEVER && !stopped;

	n = out_str(record, "state", "controller", stopped ? "stopped" : states[info.state]);
	if (info.state == CONTROLLER_ALIVE)
		out_shown(n, "alive, process %u, heartbeat %s ago", info.pid,
			  duration_text(info.age_ns, buf));
	else if (info.state == CONTROLLER_NEVER)
		out_shown(n, "has never run");
	else if (beat)
		out_shown(n, "away%s, last heartbeat %s ago",
			  info.pid_exists ? " (process is there, but hangs)" : "",
			  duration_text(info.age_ns, buf));
	out_bool(record, "alive", NULL, info.state == CONTROLLER_ALIVE);
	if (info.pid)
		out_u64(record, "pid", NULL, info.pid);
	else
		out_str(record, "pid", NULL, NULL);
	if (beat)
		out_u64(record, "heartbeat_age_ms", NULL, info.age_ns / 1000000);
	else
		out_str(record, "heartbeat_age_ms", NULL, NULL);
}

static void show_settings(struct status *s)
{
	struct out_node *root = out_root(s->c->out), *list;
	struct rf_settings settings;
	char text[64] = "";
	size_t used = 0;

	if (unread(s, datapath_settings(s->dp, &settings)))
		return;
	list = out_list(root, "sip_ports", NULL, OUT_HIDDEN);
	for (unsigned int i = 0; i < settings.n_sip_ports && i < RF_SIP_PORTS_MAX; i++) {
		unsigned int port = ntohs(settings.sip_ports[i]);

		out_u64(list, "", "", port);
		used += snprintf(text + used, sizeof(text) - used, "%s%u", i ? ", " : "", port);
	}
	out_str(root, NULL, "SIP ports", text);
	out_str(root, "when_controller_is_away", "when it is away",
		settings.policy & RF_POLICY_AWAY_PASS ? "pass" : "refuse-new");
	out_str(root, "inside_direct", NULL,
		settings.policy & RF_POLICY_INSIDE_DIRECT ? "pass" : "drop");
}

/* Only the controller knows; without one there are none. */
static void show_connections(struct status *s)
{
	json_object *request = json_object_new_object(), *reply = NULL, *n;
	struct controller_info info;

	json_add(&request, "command", json_object_new_string("connections"));
	/* one that hangs is not waited for */
	if (!datapath_controller(s->dp, s->now_ns, &info) && info.state == CONTROLLER_ALIVE &&
	    !control_request(s->c->instance, request, &reply, NULL) &&
	    json_object_object_get_ex(reply, "connections", &n))
		out_u64(out_root(s->c->out), "tcp_connections", "SIP connections over TCP",
			json_object_get_int64(n));
	else
		out_str(out_root(s->c->out), "tcp_connections", NULL, NULL);
	show_tcp_holders(s->c, reply);
	json_object_put(reply);
	json_object_put(request);
}

static void show_guards(struct status *s, struct out_node *device, uint32_t ifindex)
{
	struct out_node *list = out_list(device, "guarded", NULL, OUT_LINES), *item;
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < s->n_guards; i++) {
		const struct datapath_guard *g = &s->guards[i];

		if (g->guard.ifindex != ifindex)
			continue;
		item = out_item(list);
		out_str(item, "address", "", addr_text(&g->addr, buf));
		out_shown(out_u64(item, "port_low", "", g->guard.port_lo), "media ports %u-%u",
			  g->guard.port_lo, g->guard.port_hi);
		out_u64(item, "port_high", NULL, g->guard.port_hi);
	}
}

static const char *device_state(const struct datapath_device *d)
{
	if (d->dev.role == RF_DEV_UNFINISHED)
		return "unfinished";
	return !d->present ? "missing" : d->up ? "up" : "down";
}

/* Why a WAN device has this way of delivery, where another one would cost others. */
static void show_cost(struct out_node *item, const struct rf_device *dev,
		      const struct nl_link *link)
{
	const char *cost = link && !(dev->flags & RF_DEV_L3) ? xdp_cost(link) : NULL;

	if (cost && dev->flags & RF_DEV_XDP_NATIVE)
		out_strf(item, "note", "", "native XDP slows ordinary TCP down: %s", cost);
	else if (dev->flags & RF_DEV_XDP_GENERIC)
		out_strf(item, "note", "", "%s", XDP_GENERIC_COST);
	else if (cost)
		out_strf(
			item, "note", "",
			"native XDP would slow ordinary TCP down (%s); \"mode native\" asks for it",
			cost);
	else
		out_str(item, "note", "", NULL);
}

/* Nothing is redirected by XDP that does not come in by it. */
static bool wan_runs_xdp(const struct status *s)
{
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct rf_device *dev = &s->devices[i].dev;

		if (dev->role == RF_DEV_WAN &&
		    dev->flags & (RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC))
			return true;
	}
	return false;
}

/* Hooks that the device should have, and that somebody has removed. */
static const char *missing_hooks(struct status *s, const struct datapath_device *d)
{
	const char *what = NULL;

	if (!d->present || d->dev.role == RF_DEV_UNFINISHED ||
	    unread(s, datapath_hooks_missing(s->dp, d->ifindex, &d->dev, &what)))
		return NULL;
	return what;
}

static void show_missing(struct status *s, struct out_node *item, const struct datapath_device *d)
{
	const char *what = missing_hooks(s, d);

	out_shown(out_str(item, "missing_hooks", "", what), "%s%s",
		  what ? "without its hooks: " : "", what ? what : "");
}

static void show_devices(struct status *s)
{
	struct out_node *wan = out_list(out_root(s->c->out), "wan", "WAN devices", OUT_LINES);
	struct out_node *inside = out_list(out_root(s->c->out), "inside", "inside devices",
					   OUT_LINES),
			*item;
	struct nl_link *links = NULL;
	bool xdp_wan = wan_runs_xdp(s);
	size_t n_links = 0;

	if (netlink_links(&links, &n_links))
		n_links = 0; /* only a note is missing then */
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct datapath_device *d = &s->devices[i];
		const struct nl_link *link = NULL;
		const char *xdp = d->dev.flags & RF_DEV_XDP_NATIVE    ? "native"
				  : d->dev.flags & RF_DEV_XDP_GENERIC ? "generic"
								      : "none";

		item = out_item(d->dev.role == RF_DEV_INSIDE ? inside : wan);
		out_str(item, "dev", "", d->dev.name);
		out_str(item, "state", "", device_state(d));
		if (d->dev.role != RF_DEV_INSIDE) {
			out_shown(out_str(item, "xdp", "", xdp), "%s",
				  strcmp(xdp, "none") == 0 ? "TC only"
				  : strcmp(xdp, "native")  ? "XDP generic + TC"
							   : "XDP native + TC");
			show_guards(s, item, d->ifindex);
		} else {
			out_str(item, "delivery", "",
				d->dev.flags & RF_DEV_STACK		  ? "network stack"
				: xdp_wan && d->dev.flags & RF_DEV_XDP_TX ? "XDP redirect"
									  : "TC redirect");
			out_shown(out_str(item, "xdp", "", xdp), "%s",
				  strcmp(xdp, "native") ? "from there TC" : "from there XDP + TC");
		}
		show_missing(s, item, d);
		out_shown(out_u64(item, "mtu", "", d->dev.mtu), "MTU %u", d->dev.mtu);
		for (size_t k = 0; k < n_links; k++)
			if (links[k].ifindex == d->ifindex)
				link = &links[k];
		if (d->dev.role == RF_DEV_WAN)
			show_cost(item, &d->dev, link);
		out_u64(item, "ifindex", NULL, d->ifindex);
	}
	free(links);
	out_empty(inside, "no inside device: nothing on this machine leads to an inside prefix");
}

static struct host *host_of(struct status *s, const struct rf_addr *a)
{
	struct host *h;

	for (size_t i = 0; i < s->n_hosts; i++)
		if (addr_eq(&s->hosts[i].addr, a))
			return &s->hosts[i];
	if (s->n_hosts == HOSTS_MAX)
		return NULL;
	h = &s->hosts[s->n_hosts++];
	*h = (struct host){ .addr = *a, .mode = mode_text(topology_mode(s->topology, a)) };
	return h;
}

static void count_call(const struct show_call *call, void *arg)
{
	struct status *s = arg;
	struct host *h = host_of(s, &call->inside_signalling.addr);

	s->calls++;
	if (h)
		h->calls++;
	for (size_t i = 0; i < call->n_media; i++)
		if (unguarded_media(s->topology, &call->media[i].inside, &call->media[i].outside))
			unguarded_add(s->topology, s->unguarded, &s->n_unguarded, UNGUARDED_HOSTS,
				      call->wan_ifindex, &call->media[i].outside);
}

static void count_registration(const struct show_registration *r, void *arg)
{
	struct status *s = arg;
	struct host *h = host_of(s, &r->inside.addr);

	s->registrations++;
	if (h)
		h->registrations++;
}

static void show_hosts(struct status *s)
{
	struct out_node *list, *item;
	char buf[ADDR_TEXT_MAX];

	if (!s->engine)
		return;
	engine_show_calls(s->engine, count_call, s);
	engine_show_registrations(s->engine, count_registration, s);
	out_u64(out_root(s->c->out), "calls", "calls", s->calls);
	out_u64(out_root(s->c->out), "registrations", "registrations", s->registrations);
	list = out_list(out_root(s->c->out), "hosts", "inside hosts", OUT_TABLE);
	for (size_t i = 0; i < s->n_hosts; i++) {
		item = out_item(list);
		out_str(item, "address", "HOST", addr_text(&s->hosts[i].addr, buf));
		out_str(item, "mode", "MODE", s->hosts[i].mode);
		out_u64(item, "calls", "CALLS", s->hosts[i].calls);
		out_u64(item, "registrations", "REGISTRATIONS", s->hosts[i].registrations);
	}
}

static void show_prefixes(struct status *s)
{
	struct out_node *list = out_list(out_root(s->c->out), "prefixes", "inside prefixes",
					 OUT_LINES),
			*item;
	struct datapath_inside *insides = NULL;
	char buf[ADDR_TEXT_MAX + 4];
	size_t n = 0;

	if (unread(s, datapath_insides(s->dp, &insides, &n)))
		return;
	for (size_t i = 0; i < n; i++) {
		item = out_item(list);
		out_str(item, "prefix", "", prefix_text(&insides[i].prefix, buf));
		out_shown(out_str(item, "mode", "", mode_text(insides[i].inside.mode)), "mode %s",
			  mode_text(insides[i].inside.mode));
		out_shown(out_bool(item, "from_attach", "", insides[i].inside.from_attach), "%s",
			  insides[i].inside.from_attach ? "given to attach" : "");
	}
	free(insides);
}

static bool sysctl_is_off(const char *path)
{
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : '1';

	if (f)
		fclose(f);
	return c == '0';
}

static void warn_forwarding(struct status *s, struct out_node *list)
{
	bool v4 = false, v6 = false, inside = false;

	for (size_t i = 0; i < s->n_devices; i++)
		inside = inside || s->devices[i].dev.role == RF_DEV_INSIDE;
	for (size_t i = 0; i < s->n_guards; i++)
		*(addr_is_v4(&s->guards[i].addr) ? &v4 : &v6) = true;
	if (inside && v4 && sysctl_is_off("/proc/sys/net/ipv4/ip_forward"))
		out_entry(
			list,
			"IPv4 forwarding is off, media cannot be delivered: sysctl -w net.ipv4.ip_forward=1");
	if (inside && v6 && sysctl_is_off("/proc/sys/net/ipv6/conf/all/forwarding"))
		out_entry(
			list,
			"IPv6 forwarding is off, media cannot be delivered: sysctl -w net.ipv6.conf.all.forwarding=1");
}

/* What holds on every router, so no warning. */
static void show_notes(struct status *s)
{
	struct out_node *list = out_list(out_root(s->c->out), "notes", "notes", OUT_LINES);
	struct status_direct direct = {
		.topology = s->topology,
		.devices = s->devices,
		.n_devices = s->n_devices,
		.forwards4 = !sysctl_is_off("/proc/sys/net/ipv4/ip_forward"),
		.forwards6 = !sysctl_is_off("/proc/sys/net/ipv6/conf/all/forwarding"),
	};
	struct rf_settings settings;

	if (datapath_settings(s->dp, &settings))
		return;
	direct.policy = settings.policy;
	status_show_direct(&direct, list);
}

static void warn_devices(struct status *s, struct out_node *list)
{
	struct nl_link *links = NULL;
	bool native = false;
	size_t n = 0;

	if (unread(s, netlink_links(&links, &n)))
		n = 0;
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct datapath_device *d = &s->devices[i];

		native = native || d->dev.flags & RF_DEV_XDP_NATIVE;
		if (!d->present || !d->up)
			out_entry(list, "device %s is %s", d->dev.name, device_state(d));
		if (missing_hooks(s, d))
			out_entry(
				list,
				"somebody removed hooks of %s (%s): the controller attaches them again, if it runs",
				d->dev.name, missing_hooks(s, d));
		if (d->dev.role == RF_DEV_WAN && d->dev.flags & RF_DEV_XDP_GENERIC)
			out_entry(
				list,
				"%s runs XDP in generic mode, which is slower than its driver could be",
				d->dev.name);
		for (size_t k = 0; k < n; k++)
			if (links[k].ifindex == d->ifindex && d->dev.role == RF_DEV_WAN &&
			    d->dev.flags & (RF_DEV_XDP_NATIVE | RF_DEV_XDP_GENERIC) &&
			    vlan_tags_hidden(&links[k]) && vlan_tags_used(&links[k]))
				out_entry(
					list,
					"XDP on %s cannot see the tags of its VLAN devices, and takes their SIP and media for its own: ethtool -K %s rxvlan off, or attach with mode tc",
					d->dev.name, d->dev.name);
		if (d->dev.flags & RF_DEV_STACK)
			out_entry(
				list,
				"media to %s goes through the network stack: the slowest way, and firewall rules apply",
				d->dev.name);
	}
	for (size_t i = 0; native && i < s->n_devices; i++) {
		const struct datapath_device *d = &s->devices[i];

		for (size_t k = 0; k < n; k++)
			if (links[k].ifindex == d->ifindex && !strcmp(links[k].kind, "veth") &&
			    d->dev.role == RF_DEV_INSIDE && !(d->dev.flags & RF_DEV_XDP_TX))
				out_entry(
					list,
					"media to %s is delivered by TC; with GRO on at the veth's other end XDP could do it faster",
					d->dev.name);
	}
	free(links);
}

/* Known from the calls that show_hosts() went through. */
static void warn_unguarded(const struct status *s, struct out_node *list)
{
	char addr[ADDR_TEXT_MAX], text[UNGUARDED_TEXT];

	for (size_t i = 0; i < s->n_unguarded; i++) {
		const struct unguarded_ports *p = &s->unguarded[i];

		out_entry(list, "media of calls of %s, ports %u-%u, is open to anybody: %s",
			  addr_text(&p->host, addr), p->lo, p->hi,
			  unguarded_advice(s->topology, p, text));
	}
}

static void warn_topology(const struct status *s, struct out_node *list)
{
	const char *text = topology_lacks(s->topology);

	if (text)
		out_entry(list, "%s", text);
}

static void warn_counters(struct status *s, struct out_node *list)
{
	static const struct {
		enum rf_reason reason;
		const char *text;
	} rows[] = {
		{ RF_R_PUNT_FULL,
		  "SIP packets were dropped because the controller did not keep up" },
		{ RF_R_SEND_FAILED, "released messages could not be sent" },
		{ RF_R_REWRITE_FAILED, "packets could not be rewritten" },
		{ RF_R_NO_ROUTE, "packets had no route to their inside host or peer" },
		{ RF_R_SIP_NO_PORTS,
		  "messages found no free public port: widen media_ports or sip.public_ports" },
		{ RF_R_INSIDE_DIRECT,
		  "packets of SIP or call media from the WAN straight to private inside addresses were dropped: see inside_direct" },
		{ RF_R_OUT_OF_MEMORY,
		  "messages were dropped for want of memory: see the controller's limit (MemoryMax) and the machine's" },
		{ RF_R_SIP_LIMIT,
		  "messages met a limit on calls or bindings: see max_calls and max_bindings" },
		{ RF_R_SIP_SHARE,
		  "messages met the share of calls or media ports of their sender" },
	};
	struct rf_counter counters[RF_R_MAX];

	if (unread(s, datapath_reasons(s->dp, counters)))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (counters[rows[i].reason].packets)
			out_entry(list, "%llu %s",
				  (unsigned long long)counters[rows[i].reason].packets,
				  rows[i].text);
}

/* What others own unasked in the guarded range, with the line to write. */
static void warn_others(struct status *s, struct out_node *list)
{
	struct rf_instance i;

	show_wan_doubts(s->dp, NULL, list);
	show_port_owners(s->dp, NULL, list);
	if (datapath_instance(s->dp, &i) || i.flags & RF_INSTANCE_CONNTRACK)
		return;
	if (conntrack_here())
		out_entry(list, "%s", CONNTRACK_CAME_LATER);
	else
		out_entry(
			list,
			"the kernel has no conntrack that could be asked: replies to others pass if what they answer has left since attach, or by a connected socket");
}

static void warn_shares(struct status *s, struct out_node *list)
{
	struct controller_info info;

	status_show_shares(s->c->instance,
			   !datapath_controller(s->dp, s->now_ns, &info) &&
				   info.state == CONTROLLER_ALIVE,
			   out_root(s->c->out), list);
}

static void show_all(struct status *s)
{
	struct out_node *list;

	out_str(out_root(s->c->out), "instance", "instance", s->c->instance);
	show_controller(s);
	show_settings(s);
	show_devices(s);
	show_hosts(s);
	show_connections(s);
	show_prefixes(s);
	show_notes(s);
	list = out_list(out_root(s->c->out), "warnings", "warnings", OUT_LINES);
	show_controller_warning(s->c, s->dp, list);
	warn_forwarding(s, list);
	warn_devices(s, list);
	warn_unguarded(s, list);
	warn_topology(s, list);
	warn_counters(s, list);
	warn_shares(s, list);
	warn_others(s, list);
}

static enum cmd_status run(struct cmd_context *c, struct cmd_args *args)
{
	struct status *s = calloc(1, sizeof(*s));
	enum cmd_status status = cmd_end(c, args);
	struct why why = { 0 };
	int err;

	if (!s)
		return cmd_fail(c, NULL, "out of memory");
	s->c = c;
	s->now_ns = clock_now_ns();
	if (!status)
		status = cmd_open(c, &s->dp);
	if (status)
		goto out;
	s->topology = calloc(1, sizeof(*s->topology));
	err = s->topology ? datapath_devices(s->dp, &s->devices, &s->n_devices) : -ENOMEM;
	if (!err)
		err = datapath_guards(s->dp, &s->guards, &s->n_guards);
	status = err ? cmd_fail(c, NULL, "cannot read the devices: %s", strerror(-err))
		     : show_engine(c, s->dp, &s->engine, s->topology);
	if (err)
		goto out;
	show_all(s); /* also when the journal cannot be read */
	if (!status && s->unread)
		status = cmd_fail(c, NULL, "not all of it could be read: %s", strerror(-s->unread));
	if (!status && datapath_unfinished(s->dp, &why))
		status = cmd_fail(c, NULL, "%s", why.text);
out:
	engine_free(s->engine);
	datapath_close(s->dp);
	free(s->topology);
	free(s->devices);
	free(s->guards);
	free(s);
	return status;
}

static const struct cmd_verb verbs[] = {
	{ NULL, "", "devices, hooks and delivery in use, controller, inside hosts, warnings", run },
	{ NULL, NULL, NULL, NULL },
};

const struct cmd cmd_status = { "status", verbs };
