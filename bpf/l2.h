/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands in front of the L3 header, and is the frame for this device? Devices without a link layer
 * header, frames that lost theirs, tags in the frame or beside it, frames that XDP sees and the stack refuses.
 */
#ifndef RF_BPF_L2_H
#define RF_BPF_L2_H

#include "maps.h"
#include "packet.h"

/*
 * XDP sees every frame that the device does: those to other stations too (promiscuous, flooded by a switch,
 * of a macvlan above it), and broadcasts. The stack tells them apart by the destination and takes, or forwards,
 * its own; so the TC hook notes the address of those, and XDP leaves alone what has another one. It changes
 * with the device's: the next packet that comes to TC has the new one.
 */
static __always_inline __u64 rf_own_mac_of(const struct ethhdr *eth, __u32 ifindex)
{
	const __u16 *first =
		(const void *)eth->h_dest; /* the header begins 2 bytes behind a multiple of 4 */
	__u64 last = *(const __u32 *)(eth->h_dest + 2);

	return (__u64)ifindex << 48 | last << 16 | *first;
}

static __always_inline bool rf_own_frame(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 ifindex = ctx->ingress_ifindex, place = ifindex & (RF_OWN_MACS - 1);
	__u64 *own;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return false;
	own = bpf_map_lookup_elem(&own_macs, &place);
	return own && *own == rf_own_mac_of(eth, ifindex);
}

/* .skb: PACKET_HOST */
static __always_inline void rf_own_mac_learn(struct __sk_buff *skb)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	__u32 ifindex = skb->ifindex, place = ifindex & (RF_OWN_MACS - 1);
	__u64 *own;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return;
	own = bpf_map_lookup_elem(&own_macs, &place);
	if (own && *own != rf_own_mac_of(eth, ifindex))
		RF_WRITE_ONCE(*own, rf_own_mac_of(eth, ifindex));
}

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
