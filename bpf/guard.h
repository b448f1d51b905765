/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which addresses and ports are under guard: public addresses of this box, inside hosts in mode
 * routed, the SIP ports; and whether the controller is there to be asked.
 */
#ifndef RF_BPF_GUARD_H
#define RF_BPF_GUARD_H

#include "maps.h"
#include "packet.h"
#include "rf_heartbeat.h"

struct rf_range { /* host order, inclusive */
	__u16 lo, hi;
	__u32 ifindex; /* WAN device that has the address; 0: an inside host's */
};

static __always_inline bool rf_range_has(const struct rf_range *r, __be16 port)
{
	__u16 n = bpf_ntohs(port);

	return n >= r->lo && n <= r->hi;
}

static __always_inline struct rf_inside *rf_inside_get(const struct rf_addr *a)
{
	struct rf_prefix_key key = { .prefix_len = 128, .addr = *a };

	return bpf_map_lookup_elem(&inside, &key);
}

static __always_inline __u8 rf_inside_mode(const struct rf_inside *in, const struct rf_addr *a)
{
	return in->mode != RF_MODE_AUTO ? in->mode : rf_mode_by_addr(a);
}

/* Linux 6.1 takes no key out of a global function's argument: here it is copied to the stack. */
static __always_inline struct rf_guard *rf_guard_get(const struct rf_addr *a)
{
	struct rf_addr key = *a;

	return bpf_map_lookup_elem(&guards, &key);
}

enum rf_guarded_as {
	RF_GUARDED_NOT,
	RF_GUARDED, /* a public address of ours, or an inside host that peers reach under its own address */
	RF_GUARDED_NAT, /* the private address of an inside host, which peers have no business with */
};

/* RF_GUARDED: *ports is set */
static __always_inline enum rf_guarded_as rf_guarded_as(const struct rf_addr *a,
							struct rf_range *ports)
{
	struct rf_guard *g = rf_guard_get(a);
	struct rf_inside *in;

	if (g) {
		ports->lo = g->port_lo;
		ports->hi = g->port_hi;
		ports->ifindex = g->ifindex;
		return RF_GUARDED;
	}
	in = rf_inside_get(a);
	if (!in)
		return RF_GUARDED_NOT;
	switch (rf_inside_mode(in, a)) {
	case RF_MODE_ROUTED: break;
	case RF_MODE_NAT: return RF_GUARDED_NAT;
	default: return RF_GUARDED_NOT;
	}
	ports->lo = in->port_lo;
	ports->hi = in->port_hi;
	ports->ifindex = 0;
	return RF_GUARDED;
}

static __always_inline bool rf_guarded(const struct rf_addr *a, struct rf_range *ports)
{
	return rf_guarded_as(a, ports) == RF_GUARDED;
}

static __always_inline bool rf_sip_port(__be16 port)
{
	struct rf_settings *s = rf_settings_get();
	int i;

	if (!s)
		return false;
	for (i = 0; i < RF_SIP_PORTS_MAX; i++)
		if (i < s->n_sip_ports && s->sip_ports[i] == port)
			return true;
	return false;
}

/* Left to others by `wan[].except`? .ifindex: of the WAN device, 0: any */
static __always_inline bool rf_port_excepted(__u32 ifindex, __be16 port)
{
	struct rf_settings *s = rf_settings_get();
	__u32 n = bpf_ntohs(port), word = n / 64;
	struct rf_excepts *x;

	if (!s || !(s->policy & RF_POLICY_EXCEPTS))
		return false;
	x = bpf_map_lookup_elem(&excepts, &ifindex);
	if (!x)
		return false;
	/* Linux 6.1 knows no bounds of what the byte order was changed of */
	RF_BARRIER(word);
	word &= 65536 / 64 - 1;
	return x->ports[word] >> n % 64 & 1;
}

/* .ifindex: of the device at hand, which says what is excepted where no WAN device has the address */
static __always_inline bool rf_media_port(const struct rf_range *r, __u32 ifindex, __be16 port)
{
	return rf_range_has(r, port) && !rf_port_excepted(r->ifindex ? r->ifindex : ifindex, port);
}

/* Left to others by `sip.except`? As address and port, as one of them. */
static __always_inline bool rf_sip_excepted(const struct rf_ep *ep)
{
	struct rf_settings *s = rf_settings_get();
	struct rf_ep key = { .addr = ep->addr, .port = ep->port };

	if (!s || !(s->policy & RF_POLICY_SIP_EXCEPTS))
		return false;
	if (bpf_map_lookup_elem(&sip_excepts, &key))
		return true;
	key.port = 0;
	if (bpf_map_lookup_elem(&sip_excepts, &key))
		return true;
	__builtin_memset(&key.addr, 0, sizeof(key.addr));
	key.port = ep->port;
	return bpf_map_lookup_elem(&sip_excepts, &key);
}

static __always_inline bool rf_controller_away(struct rf_pkt *p)
{
	struct rf_settings *s = rf_settings_get();
	struct rf_control *c = rf_control_get();

	return !s || !c ||
	       !rf_heartbeat_alive(RF_READ_ONCE(c->heartbeat_ns), rf_now(p), s->heartbeat_limit_ns);
}

/* Of a packet from the wire: can nobody have sent it, or only this host itself? */
__noinline bool rf_source_spoofed(struct rf_pkt *p)
{
	return p && !(p->flags & RF_PKT_AGAIN) &&
	       (rf_addr_no_source(&p->src.addr) || rf_guard_get(&p->src.addr));
}

static __always_inline bool rf_device_is(__u32 ifindex, __u8 role)
{
	struct rf_device *d = bpf_map_lookup_elem(&devices, &ifindex);

	return d && d->role == role;
}

#endif
