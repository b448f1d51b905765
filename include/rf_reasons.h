/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every verdict has one name: one line per reason. The list makes the enum, the size of the
 * counter map, the action and the JSON name, so none of them can drift apart.
 * RF_REASON(id, json_name, action, meaning); append only, the order is ABI.
 */
#ifndef RF_REASONS_H
#define RF_REASONS_H

enum rf_action {
	RF_ACT_PASS, /* goes on to the next hook or the stack, untouched by us */
	RF_ACT_DELIVER, /* checked by us and sent on its way, translated where needed */
	RF_ACT_HOLD, /* copied to the controller; the original goes no further */
	RF_ACT_DROP,
};

/* clang-format off */
#define RF_REASONS(RF_REASON) \
	RF_REASON(NONE, "none", RF_ACT_PASS, "no verdict yet") \
	RF_REASON(NOT_OURS, "not_ours", RF_ACT_PASS, "not UDP to a guarded address, or another protocol") \
	RF_REASON(NOT_GUARDED, "not_guarded", RF_ACT_PASS, "UDP to a port outside the guarded media ports") \
	RF_REASON(TO_TC, "to_tc", RF_ACT_PASS, "XDP leaves the packet to the TC hook (delivery or signalling)") \
	RF_REASON(RELEASED, "released", RF_ACT_PASS, "a message or fragment that the controller released") \
	RF_REASON(MEDIA_LOCAL, "media_local", RF_ACT_DELIVER, "media of a call to or from this host itself") \
	RF_REASON(MEDIA_XDP, "media_xdp", RF_ACT_DELIVER, "media delivered by XDP redirect") \
	RF_REASON(MEDIA_TC, "media_tc", RF_ACT_DELIVER, "media delivered by TC redirect") \
	RF_REASON(MEDIA_STACK, "media_stack", RF_ACT_DELIVER, "media translated, delivered by the network stack") \
	RF_REASON(ICMP_RELATED, "icmp_related", RF_ACT_DELIVER, "ICMP error about a pinhole's media, translated") \
	RF_REASON(SIP_HELD, "sip_held", RF_ACT_HOLD, "SIP message held for the controller") \
	RF_REASON(FRAGMENT_HELD, "fragment_held", RF_ACT_HOLD, "fragment held for reassembly by the controller") \
	RF_REASON(NO_PINHOLE, "no_pinhole", RF_ACT_DROP, "no call agreed on media to or from this address and port") \
	RF_REASON(PINHOLE_CLOSED, "pinhole_closed", RF_ACT_DROP, "the call that agreed on this media is over or changed it") \
	RF_REASON(PINHOLE_EXPIRED, "pinhole_expired", RF_ACT_DROP, "past the pinhole's deadline") \
	RF_REASON(PINHOLE_IDLE, "pinhole_idle", RF_ACT_DROP, "no media for longer than the idle limit") \
	RF_REASON(WRONG_SOURCE, "wrong_source", RF_ACT_DROP, "source address or port is not the one agreed on or learnt") \
	RF_REASON(WRONG_DESTINATION, "wrong_destination", RF_ACT_DROP, "media from inside to an address or port not agreed on") \
	RF_REASON(LEARN_TOO_LATE, "learn_too_late", RF_ACT_DROP, "a source could have been learnt, but the time for it is over") \
	RF_REASON(WRONG_SSRC, "wrong_ssrc", RF_ACT_DROP, "RTP from the learnt source with another SSRC") \
	RF_REASON(NOT_MEDIA, "not_media", RF_ACT_DROP, "payload is not what was agreed: not RTP, RTCP, STUN, DTLS or UDPTL") \
	RF_REASON(WRONG_CLASS, "wrong_class", RF_ACT_DROP, "well-formed, but this kind of payload was not agreed on") \
	RF_REASON(ON_HOLD, "on_hold", RF_ACT_DROP, "RTP in a direction that is on hold or was not agreed on") \
	RF_REASON(WRONG_PAYLOAD_TYPE, "wrong_payload_type", RF_ACT_DROP, "RTP payload type that the answer does not contain") \
	RF_REASON(MEDIA_FRAGMENT, "media_fragment", RF_ACT_DROP, "IP fragment to or from a media port") \
	RF_REASON(TRUNCATED, "truncated", RF_ACT_DROP, "headers or lengths do not fit the packet") \
	RF_REASON(BAD_HEADER, "bad_header", RF_ACT_DROP, "contradictory header (version, length, offset)") \
	RF_REASON(TTL_EXPIRED, "ttl_expired", RF_ACT_DROP, "TTL or hop limit ran out") \
	RF_REASON(NO_ROUTE, "no_route", RF_ACT_DROP, "no way to the inside host or peer: no route, or its WAN device or the address of that is gone (ringfence status)") \
	RF_REASON(REWRITE_FAILED, "rewrite_failed", RF_ACT_DROP, "the kernel refused to rewrite the packet") \
	RF_REASON(CONTROLLER_AWAY, "controller_away", RF_ACT_DROP, "signalling refused while the controller is away") \
	RF_REASON(PUNT_FULL, "punt_full", RF_ACT_DROP, "the ring buffer to the controller is full") \
	RF_REASON(PUNT_TOO_BIG, "punt_too_big", RF_ACT_DROP, "larger than the controller accepts") \
	RF_REASON(FRAGMENT_LIMIT, "fragment_limit", RF_ACT_DROP, "too many, overlapping or too late fragments") \
	RF_REASON(SIP_MALFORMED, "sip_malformed", RF_ACT_DROP, "cannot be parsed as SIP, and policy drops such messages") \
	RF_REASON(SIP_UNKNOWN_PEER, "sip_unknown_peer", RF_ACT_DROP, "SIP from outside from somebody who may not speak here") \
	RF_REASON(SIP_NO_INSIDE, "sip_no_inside", RF_ACT_DROP, "SIP from outside that matches no registration, call or inbound host") \
	RF_REASON(SIP_BAD_SDP, "sip_bad_sdp", RF_ACT_DROP, "SDP that cannot be read, and policy drops such messages") \
	RF_REASON(SIP_NO_PORTS, "sip_no_ports", RF_ACT_DROP, "no free public port for the media or the signalling") \
	RF_REASON(SIP_LIMIT, "sip_limit", RF_ACT_DROP, "a limit on calls, streams or bindings is reached") \
	RF_REASON(SIP_BAD_CHECKSUM, "sip_bad_checksum", RF_ACT_DROP, "UDP checksum of a held message is wrong") \
	RF_REASON(SIP_UNPARSED_PASSED, "sip_unparsed_passed", RF_ACT_PASS, "not SIP (keep-alive, STUN or unreadable): passed on unaltered") \
	RF_REASON(SEND_FAILED, "send_failed", RF_ACT_DROP, "the kernel refused to send a released message") \
	RF_REASON(UNSUPPORTED_L2, "unsupported_l2", RF_ACT_PASS, "link layer or encapsulation that is not looked into") \
	RF_REASON(LEARN_PENDING, "learn_pending", RF_ACT_DROP, "media from inside before the far side's source is learnt") \
	RF_REASON(TOO_BIG, "too_big", RF_ACT_DROP, "larger than the MTU ahead") \
	RF_REASON(TOO_BIG_TO_STACK, "too_big_to_stack", RF_ACT_PASS, "larger than the MTU ahead: left to the stack, which says so by ICMP") \
	RF_REASON(SIP_AWAY_PASSED, "sip_away_passed", RF_ACT_PASS, "signalling passed unseen: the controller is away and policy allows it") \
	RF_REASON(MEDIA_PARKED, "media_parked", RF_ACT_HOLD, "media that overtook the signalling in front of it: judged again behind it") \
	RF_REASON(UNTRANSLATED, "untranslated", RF_ACT_DROP, "media of a private inside host that no call agreed on, about to leave with its private address") \
	RF_REASON(STUN_HELD, "stun_held", RF_ACT_HOLD, "STUN check with an address that the call does not name: held to be verified") \
	RF_REASON(STUN_NOT_AGREED, "stun_not_agreed", RF_ACT_DROP, "STUN check without the agreed user names and password, or too many of them") \
	RF_REASON(WRONG_RTCP_TYPE, "wrong_rtcp_type", RF_ACT_DROP, "RTCP packet type that the call did not agree on") \
	RF_REASON(TCP_HELD, "tcp_held", RF_ACT_HOLD, "opening of a SIP connection over TCP held for the controller") \
	RF_REASON(TCP_STEERED, "tcp_steered", RF_ACT_DELIVER, "SIP over TCP on its way to or from the controller") \
	RF_REASON(TCP_LIMIT, "tcp_limit", RF_ACT_DROP, "a limit on SIP connections over TCP is reached") \
	RF_REASON(TCP_TIMEOUT, "tcp_timeout", RF_ACT_DROP, "a SIP connection over TCP that says nothing, or not to the end") \
	RF_REASON(NOT_SENT_YET, "not_sent_yet", RF_ACT_DROP, "media to an inside host that another host named in its SDP, before its own first packet; name who may in sip.media_for_others") \
	RF_REASON(OTHER_VLAN, "other_vlan", RF_ACT_PASS, "frame with a VLAN tag: that VLAN's device has it, not this one") \
	RF_REASON(SOURCE_ROUTED, "source_routed", RF_ACT_DROP, "source route in the packet (IPv4 option or IPv6 routing header), which hosts refuse") \
	RF_REASON(LINK_BROADCAST, "link_broadcast", RF_ACT_DROP, "media in a broadcast or multicast frame, which no router forwards") \
	RF_REASON(SPOOFED_SOURCE, "spoofed_source", RF_ACT_DROP, "source address that cannot come in here: this host's own, loopback or multicast") \
	RF_REASON(INSIDE_DIRECT, "inside_direct", RF_ACT_DROP, "SIP or call media from the WAN straight to a private inside address, past its pinholes") \
	RF_REASON(TCP_FRAGMENT, "tcp_fragment", RF_ACT_DROP, "IP fragment that would open a SIP connection over TCP") \
	RF_REASON(TCP_NOT_SIP, "tcp_not_sip", RF_ACT_DROP, "not SIP on a connection for it, which is ended: see the log; peers[].tcp_opaque lets a peer's pass unread (the first entry of peers[] ends that anybody may call an inbound host)") \
	RF_REASON(SIP_UNASKED, "sip_unasked", RF_ACT_DROP, "response from outside to a request that was sent elsewhere or in another transaction; a configured peer may answer for another address (the first entry of peers[] ends that anybody may call an inbound host)") \
	RF_REASON(BYSTANDER_REPLY, "bystander_reply", RF_ACT_PASS, "to a guarded port, but it answers UDP of this host or of a host behind it that is no call's") \
	RF_REASON(BYSTANDER_OUT, "bystander_out", RF_ACT_PASS, "from a guarded port of a host that no call knows: what answers it may come in") \
	RF_REASON(SIP_EXCEPTED, "sip_excepted", RF_ACT_PASS, "SIP of others: sip.except names the endpoint") \
	RF_REASON(SIP_SHARE, "sip_share", RF_ACT_DROP, "a sender outside has its sixteenth of the calls or media ports, or all whom nobody configured have their half: name who may have more in peers, or raise sip.max_calls, wan[].media_ports") \
	RF_REASON(SIP_GAVE_WAY, "sip_gave_way", RF_ACT_DROP, "call that nobody had answered, ended early as there was no room for another: status says who holds most") \
	RF_REASON(OUT_OF_MEMORY, "out_of_memory", RF_ACT_DROP, "the controller has no memory for it: see its limit (MemoryMax, ulimit -v) and that of the machine")
/* clang-format on */

enum rf_reason {
#define RF_REASON(id, name, action, meaning) RF_R_##id,
	RF_REASONS(RF_REASON)
#undef RF_REASON
		RF_R_MAX
};

#endif
