// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIP over TCP: what the proxy's sockets bring goes to the engine, as held datagrams do, and what the
 * engine sends on goes back to them by the doer.
 */
#include "controller.h"

#include <errno.h>

#include "addr.h"
#include "json_add.h"
#include "policy.h"

#define REPORT_NS (1ull * 1000000000) /* of connections that are not SIP */

/* A device that was made anew has another number; a connection that outlived it has its address. */
static uint32_t wan_of(const struct controller *c, const struct tcp_way *w)
{
	const struct topology_wan *wan = topology_wan_by_index(&c->topology, w->wan_ifindex);

	if (!wan)
		wan = topology_wan_by_addr(&c->topology, &w->own);
	return wan ? wan->ifindex : w->wan_ifindex;
}

static struct signal_in signal_of(const struct controller *c, const struct tcp_way *w)
{
	return (struct signal_in){ .now_ns = clock_now_ns(),
				   .hook = w->hook,
				   .wan_ifindex = wan_of(c, w) };
}

static enum rf_reason admit(struct tcp_way *w, void *arg)
{
	struct controller *c = arg;
	struct signal_in in = signal_of(c, w);
	const struct topology_wan *wan = topology_wan_by_index(&c->topology, w->wan_ifindex);
	const struct rf_addr *own = wan ? topology_wire(wan, &w->src.addr) : NULL;
	bool outside = w->hook == RF_HOOK_WAN_IN;
	enum rf_reason r;

	if (!own)
		return RF_R_NO_ROUTE;
	if (controller_is_forged(c, w->hook, &w->src.addr))
		return RF_R_SIP_UNKNOWN_PEER;
	in.src = w->src;
	in.dst = w->dst;
	r = engine_connection(c->engine, &in, &c->actions, &w->inside, &w->outside);
	controller_carry_out(c, 0, in.now_ns);
	w->own = *own;
	w->peer = outside ? w->src : w->dst;
	/* of a connection: any port */
	w->peer_known = policy_peer(&c->config, &(struct rf_ep){ .addr = w->peer.addr }) != NULL;
	if (outside)
		w->shown = w->src; /* real source addresses, also inside */
	return r;
}

/* The far side sees the inside host's own address where that is public, else the signalling port that
 * stands for it: what the registrar knows, and what its Contact says. */
static void identify(struct tcp_way *w, struct view message, void *arg)
{
	struct controller *c = arg;
	uint64_t now = clock_now_ns();

	w->inside = engine_speaker(c->engine, &w->src, message);
	if (!engine_outside_of(c->engine, wan_of(c, w), &w->inside, true, now, &c->actions,
			       &w->outside))
		w->outside = w->inside; /* the engine will say why, and drop the message */
	else if (topology_mode(&c->topology, &w->src.addr) == RF_MODE_NAT)
		w->shown = w->outside;
	else
		w->shown = w->src;
	controller_carry_out(c, 0, now);
}

static void message(const struct tcp_way *w, uint32_t conn, bool from_inside, struct view bytes,
		    void *arg)
{
	struct controller *c = arg;
	struct signal_in in = signal_of(c, w);

	in.hook = from_inside ? RF_HOOK_INSIDE_IN : RF_HOOK_WAN_IN;
	in.src = from_inside ? w->inside : w->peer;
	in.dst = from_inside ? w->peer : w->outside;
	in.payload = bytes;
	in.conn = conn;
	engine_message(c->engine, &in, &c->actions);
	controller_carry_out(c, bytes.n, in.now_ns);
}

/* A stream that nobody reads is a way past every decider, for whoever may connect: only with who is named
 * for it. */
static bool opaque(const struct tcp_way *w, bool from_inside, size_t bytes, const char *why,
		   void *arg)
{
	const struct rf_ep *inside = w->hook == RF_HOOK_INSIDE_IN ? &w->src : &w->inside;
	struct rf_ep peer = { .addr = w->peer.addr }; /* of a connection: any port */
	struct controller *c = arg;
	const struct config_peer *p = policy_peer(&c->config, &peer);
	char src[EP_TEXT_MAX], dst[EP_TEXT_MAX];
	uint64_t now = clock_now_ns();
	bool pass = p && p->tcp_opaque;
	const char *allow = pass ? ""
			    : policy_is_open(&c->config)
				    ? "; peers[].tcp_opaque allows it, "
				      "but the first peer ends that anybody may call"
				    : "; peers[].tcp_opaque allows it";
	uint32_t left_out;

	ep_text(from_inside ? inside : &w->peer, src);
	ep_text(from_inside ? &w->peer : inside, dst);
	if (log_limit_ok(&c->tcp_limit, now, &left_out)) {
		action_event(&c->actions, EVENT_NOTE, 0, "TCP %s -> %s %s: %s%s (%u more)", src,
			     dst, pass ? "passes unread (tcp_opaque)" : "ended", why, allow,
			     left_out);
		controller_carry_out(c, 0, now);
	}
	controller_dropped(pass ? RF_R_SIP_UNPARSED_PASSED : RF_R_TCP_NOT_SIP, 1, bytes, c);
	return pass;
}

int controller_tcp_new(struct controller *c, struct why *w)
{
	struct tcp_env env = { .admit = admit,
			       .identify = identify,
			       .message = message,
			       .opaque = opaque,
			       .dropped = controller_dropped,
			       .arg = c };
	int err;

	c->tcp_limit.interval_ns = REPORT_NS;
	err = tcp_proxy_new(&c->tcp, c->base, c->dp->map[MAP_TCP_FLOWS], &env, w);

	if (!err)
		c->doer.tcp = c->tcp;
	return err;
}

bool controller_tcp_open(struct controller *c, const struct punt_message *m, size_t bytes)
{
	struct tcp_way w = { .hook = m->hook, .src = m->src, .dst = m->dst };
	enum rf_reason r;

	w.wan_ifindex =
		m->hook == RF_HOOK_WAN_IN ? m->ifindex : controller_wan_towards(c, &m->dst.addr);
	r = tcp_proxy_open(c->tcp, &w, clock_now_ns());
	if (r != RF_R_NONE)
		controller_dropped(r, 1, bytes, c);
	return r == RF_R_NONE;
}

static json_object *holder(const struct tcp_holders *h)
{
	json_object *o = json_object_new_object();
	char text[ADDR_TEXT_MAX];
	const struct {
		const char *key;
		size_t n;
	} numbers[] = {
		{ "connections", h->connections },
		{ "connections_max", h->connections_max },
		{ "opening", h->opening },
		{ "opening_max", h->opening_max },
		{ "most_connections", h->most_connections },
		{ "most_opening", h->most_opening },
	};

	json_add(&o, "who", json_object_new_string(h->who));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		json_add(&o, numbers[i].key, json_object_new_int64(numbers[i].n));
	if (h->most_connections + h->most_opening)
		json_add(&o, "most", json_object_new_string(addr_text(&h->most, text)));
	return o;
}

json_object *controller_tcp_reply(struct controller *c)
{
	json_object *reply = json_object_new_object(), *list = json_object_new_array();
	struct tcp_holders holders[TCP_HOLDERS];

	tcp_proxy_holders(c->tcp, holders);
	for (int i = 0; i < TCP_HOLDERS; i++)
		json_append(&list, holder(&holders[i]));
	json_add(&reply, "connections", json_object_new_int64(tcp_proxy_count(c->tcp)));
	json_add(&reply, "holders", list);
	return reply;
}
