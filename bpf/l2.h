/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands in front of the L3 header? Devices without a link layer header, frames that lost theirs,
 * tags in the frame or beside it.
 */
#ifndef RF_BPF_L2_H
#define RF_BPF_L2_H

#include "maps.h"
#include "packet.h"

/*
 * Behind generic XDP the kernel may hand over a copy of the frame that forgot its mac_len, so that
 * the packet starts at the L3 header although the device has a link layer.
 */
__noinline bool rf_starts_at_l3(struct __sk_buff *skb)
{
	__u32 here[5] = {}, net[5] = {};

	return !bpf_skb_load_bytes(skb, 0, here, sizeof(here)) &&
	       !bpf_skb_load_bytes_relative(skb, 0, net, sizeof(net), BPF_HDR_START_NET) &&
	       here[0] == net[0] && here[1] == net[1] && here[2] == net[2] && here[3] == net[3] &&
	       here[4] == net[4];
}

/* Does the packet start at its L3 header? */
static __always_inline bool rf_lacks_eth(struct __sk_buff *skb)
{
	const __u8 *first = (void *)(long)skb->data;
	__u32 ifindex = skb->ifindex;
	struct rf_device *d;

	/* what does not start like an IP header has a link layer header in front of one */
	if ((void *)(first + 1) <= (void *)(long)skb->data_end && *first >> 4 != 4 &&
	    *first >> 4 != 6)
		return false;
	d = bpf_map_lookup_elem(&devices, &ifindex);
	return d && ((d->flags & RF_DEV_L3) ||
		     ((d->flags & RF_DEV_XDP_GENERIC) && rf_starts_at_l3(skb)));
}

static __always_inline void rf_device_shape(struct __sk_buff *skb, struct rf_pkt *p)
{
	if (rf_lacks_eth(skb))
		p->flags |= RF_PKT_NO_ETH;
}

/* Is there an Ethernet header, and nothing but one, to be written anew? */
static __always_inline bool rf_plain_eth(struct __sk_buff *skb, const struct rf_pkt *p)
{
	return !(p->flags & RF_PKT_NO_ETH) && !p->tags && !skb->vlan_present;
}

#endif
