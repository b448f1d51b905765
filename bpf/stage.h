/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens to a packet next. The two sides (wan.h, inside.h) tell by ports and pinholes what a packet is;
 * here that becomes a stage, for a whole datagram and for the first fragment of one alike.
 */
#ifndef RF_BPF_STAGE_H
#define RF_BPF_STAGE_H

#include "guard.h"
#include "packet.h"

enum rf_stage {
	RF_STAGE_DECIDED, /* .reason is set */
	RF_STAGE_MEDIA, /* .hit is set */
	RF_STAGE_SIP,
	RF_STAGE_FRAGMENT, /* .frag is set, if it is the first */
	RF_STAGE_ICMP,
	RF_STAGE_TCP,
	RF_STAGE_DIRECT, /* to an inside host past its pinholes; .reason, if it cannot be read */
};

enum rf_kind {
	RF_KIND_OTHER, /* none of our business */
	RF_KIND_UNGUARDED, /* the address is guarded, the port is not */
	RF_KIND_SIP,
	RF_KIND_SIP_EXCEPTED, /* of others */
	RF_KIND_MEDIA, /* of a pinhole: .hit is set */
	RF_KIND_STRAY, /* to or from a guarded port that no pinhole takes */
	RF_KIND_DIRECT, /* from the WAN to a private inside address */
};

static __always_inline enum rf_stage rf_decided(struct rf_pkt *p, enum rf_reason reason)
{
	p->reason = reason;
	return RF_STAGE_DECIDED;
}

/* Of a kind that no stage is for */
static __always_inline enum rf_reason rf_reason_of_kind(enum rf_kind kind)
{
	switch (kind) {
	case RF_KIND_STRAY: return RF_R_NO_PINHOLE;
	case RF_KIND_SIP_EXCEPTED: return RF_R_SIP_EXCEPTED;
	case RF_KIND_UNGUARDED: return RF_R_NOT_GUARDED;
	default: return RF_R_NOT_OURS;
	}
}

static __always_inline enum rf_stage rf_stage_of_kind(struct rf_pkt *p, enum rf_kind kind)
{
	if (kind == RF_KIND_DIRECT)
		return RF_STAGE_DIRECT;
	if (p->flags & RF_PKT_FRAGMENT) {
		p->frag = kind == RF_KIND_SIP				   ? RF_FRAG_SIP
			  : kind == RF_KIND_MEDIA || kind == RF_KIND_STRAY ? RF_FRAG_MEDIA
									   : RF_FRAG_PASS;
		return RF_STAGE_FRAGMENT;
	}
	switch (kind) {
	case RF_KIND_SIP: return RF_STAGE_SIP;
	case RF_KIND_MEDIA: return RF_STAGE_MEDIA;
	default: return rf_decided(p, rf_reason_of_kind(kind));
	}
}

/* .own: the endpoint on our side */
static __always_inline enum rf_kind rf_sip_kind(const struct rf_ep *own)
{
	return rf_sip_excepted(own) ? RF_KIND_SIP_EXCEPTED : RF_KIND_SIP;
}

/* Of a pinhole that was found. */
static __always_inline enum rf_kind rf_kind_of_hit(const struct rf_pkt *p)
{
	if (p->hit.ph.classes & RF_CLASS_SIP)
		return rf_sip_kind(p->hit.dir == RF_DIR_IN ? &p->dst : &p->src);
	return RF_KIND_MEDIA;
}

static __always_inline bool rf_is_tcp(const struct rf_pkt *p, enum rf_parsed parsed)
{
	return parsed == RF_PARSED_OTHER && p->proto == IPPROTO_TCP && (p->flags & RF_PKT_ADDRS);
}

#endif
