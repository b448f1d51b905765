/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that come from us: messages that the controller releases, and what is judged once more (media
 * that waited behind signalling, media turned around to another inside host).
 */
#ifndef RF_BPF_RELEASE_H
#define RF_BPF_RELEASE_H

#include "guard.h"

enum rf_sender {
	RF_SENDER_OTHER,
	RF_SENDER_RELEASE, /* the controller: passes */
	RF_SENDER_AGAIN, /* the controller gives back what was parked: judged as if it came only now */
};

/* Who sent this? Told by the socket, which nobody else can imitate. */
static __always_inline enum rf_sender rf_sender_of(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();
	__u64 cookie;
	int i;

	if (!c)
		return RF_SENDER_OTHER;
	cookie = bpf_get_socket_cookie(skb);
	if (!cookie)
		return RF_SENDER_OTHER;
	for (i = 0; i < RF_COOKIES_MAX; i++)
		if (c->cookies[i] == cookie)
			return i < RF_COOKIES_JUDGE ? RF_SENDER_RELEASE : RF_SENDER_AGAIN;
	return RF_SENDER_OTHER;
}

/* A release to this host, sent round by lo: arrives as if it had just been received. */
static __always_inline bool rf_injected(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();

	if (!skb->mark || !c || skb->mark != c->inject_mark)
		return false;
	skb->mark = 0;
	/* its Ethernet header is lo's, so the kernel took it for somebody else's */
	bpf_skb_change_type(skb, PACKET_HOST);
	return true;
}

/* From an inside host to another by way of our public address, or given back after parking: judged
 * like any packet that comes in here. */
static __always_inline bool rf_hairpinned(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();

	if (!skb->mark || !c || !c->inject_mark || skb->mark != RF_HAIRPIN_MARK(c->inject_mark))
		return false;
	skb->mark = 0;
	bpf_skb_change_type(skb, PACKET_HOST);
	return true;
}

/* The controller names the device by SO_MARK; anything else on lo is not touched. */
static __always_inline int rf_inject(struct __sk_buff *skb)
{
	struct rf_control *c = rf_control_get();
	__u32 ifindex = skb->mark;
	enum rf_sender sender;

	if (!ifindex || !c || !c->inject_mark)
		return TC_ACT_UNSPEC;
	sender = rf_sender_of(skb);
	if (sender == RF_SENDER_OTHER ||
	    !(rf_device_is(ifindex, RF_DEV_WAN) ||
	      (sender == RF_SENDER_AGAIN && rf_device_is(ifindex, RF_DEV_INSIDE))))
		return TC_ACT_UNSPEC;
	skb->mark = sender == RF_SENDER_AGAIN ? RF_HAIRPIN_MARK(c->inject_mark) : c->inject_mark;
	return bpf_redirect(ifindex, BPF_F_INGRESS);
}

#endif
