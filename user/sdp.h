/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session description as views (RFC 8866), with what a media firewall needs: the transport address
 * of every stream, its RTCP, direction, formats, and where those tokens stand.
 */
#ifndef RF_SDP_H
#define RF_SDP_H

#include <stdint.h>

#include "addr.h"
#include "view.h"

#define SDP_MEDIA_MAX	   32
#define SDP_BUNDLES_MAX	   4 /* further groups are not read */
#define SDP_ALTC_MAX	   32 /* a=altc lines and the like in one description */
#define SDP_TYPES	   128 /* RTP payload types */
#define SDP_CANDIDATES_MAX 64 /* a=candidate lines in one description */

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

enum sdp_proto {
	SDP_P_OTHER, /* left alone and said so */
	SDP_P_RTP, /* RTP/AVP, AVPF, SAVP, SAVPF, UDP/TLS/RTP/SAVP(F) */
	SDP_P_UDPTL, /* udptl, UDP/TLS/UDPTL */
	SDP_P_TCP, /* TCP/..., no UDP pinhole */
	SDP_P_SCTP, /* UDP/DTLS/SCTP (RFC 8841): on the wire it is DTLS */
	SDP_P_BFCP, /* UDP/BFCP (RFC 8856) */
	SDP_P_BFCP_DTLS, /* UDP/TLS/BFCP: on the wire it is DTLS */
};

/* The address of a c= or o= line, or of a=rtcp. */
struct sdp_addr {
	struct view
		nettype_addrtype; /* e.g. "IN IP4": an edit to another family would replace it */
	struct view host; /* token as written, without "/ttl" */
	bool is_addr;
	struct rf_addr addr;
};

#define SDP_NO_MEDIA UINT16_MAX

struct sdp_candidate { /* RFC 8839 5.1 */
	uint16_t media; /* SDP_NO_MEDIA: at session level, where it means nothing */
	struct view line; /* whole line, without CRLF */
	struct view address, port, raddr, rport; /* raddr/rport may be absent */
	struct view type; /* "host", "srflx", "prflx", "relay" */
	uint32_t priority;
	uint8_t component;
	bool is_udp;
	struct rf_ep ep; /* valid if is_addr */
	bool is_addr;
};

/* An address that stands beside that of c= and m=: a=altc (RFC 6947), a=ccap (RFC 7006), a=alt. */
struct sdp_alternative {
	uint16_t media; /* SDP_NO_MEDIA: at session level */
	struct view line; /* whole line, without CRLF */
	struct view host, port; /* port absent: none that could be used */
	struct rf_ep ep; /* .addr if is_addr; .port 0: none */
	bool is_addr;
};

struct sdp_media {
	struct view line; /* m= line, without CRLF */
	struct view section; /* from m= to before the next m= */
	struct view media; /* "audio", "video", "image", "application" */
	struct view port; /* digits */
	uint16_t port_value; /* host order; 0: refused or disabled */
	uint16_t port_count; /* 49170/2: 2; 1 otherwise */
	struct view proto_text;
	enum sdp_proto proto;
	bool secure; /* SAVP(F), DTLS: payload is still RTP by shape */
	bool dtls; /* a=fingerprint or UDP/TLS/..: DTLS is agreed on */
	bool has_c; /* media-level c= */
	uint16_t
		more_c; /* further c= lines of this media (RFC 8866 5.7, multicast layers): not read */
	struct sdp_addr c; /* the one that holds: media-level, else session-level */
	bool has_rtcp; /* a=rtcp:port [IN IP4 addr] (RFC 3605) */
	struct view rtcp_port;
	uint16_t rtcp_port_value;
	bool rtcp_has_addr;
	struct sdp_addr rtcp;
	bool rtcp_mux, rtcp_mux_only;
	bool ice; /* a=ice-ufrag here or at session level, and no a=ice-mismatch */
	bool ice_mismatch;
	struct view ice_ufrag, ice_pwd;
	struct view
		remote_candidates; /* whole a=remote-candidates line (RFC 8839 5.2), without CRLF */
	bool bundle_only; /* port 0, but not refused (RFC 9143 6) */
	enum sdp_direction direction; /* media-level, else session-level, else sendrecv */
	uint8_t payload_types[16]; /* bitmap of the m= line's formats when proto is RTP */
	uint32_t codecs[SDP_TYPES]; /* by payload type: sdp_codec() of its a=rtpmap; 0: none */
	bool feedback; /* a profile with F, or a=rtcp-fb (RFC 4585) */
	uint32_t
		clock_rate; /* of the first payload type: a=rtpmap, else RFC 3551's static table; 0 unknown */
	struct view first_encoding; /* name of the first payload type, "PCMU"; absent if unknown */
	struct view mid; /* a=mid */
	struct view setup; /* a=setup here or at session level: "active", "passive", "actpass" */
};

struct sdp {
	struct view raw;
	bool has_o;
	struct sdp_addr o;
	struct view o_session_id, o_version;
	bool has_c;
	struct sdp_addr c; /* session-level */
	struct sdp_media media[SDP_MEDIA_MAX];
	uint16_t n_media;
	struct sdp_candidate candidates[SDP_CANDIDATES_MAX];
	uint16_t n_candidates;
	struct sdp_alternative alternatives[SDP_ALTC_MAX];
	uint16_t n_alternatives;
	struct view bundle[SDP_BUNDLES_MAX]; /* the mids of each a=group:BUNDLE */
	uint16_t n_bundles;
};

/* 0, or -EINVAL with *error (may be NULL) = a constant sentence; -E2BIG when a table is too small.
 * *out is untouched on error and holds views into text. A media section without any c= is an error
 * unless its port is 0. */
int sdp_parse(struct view text, struct sdp *out, const char **error);
/* The same for a fragment of trickle ICE (RFC 8840 9.1): attributes and pseudo m= lines alone. */
int sdp_parse_fragment(struct view text, struct sdp *out, const char **error);
/* "1 192.0.2.1 5000 2 ..." behind the colon of a=remote-candidates: the next one, false at the end or
 * where it is unreadable. */
struct sdp_remote_candidate {
	uint64_t component;
	struct view address, port;
	struct rf_ep ep;
};
bool sdp_remote_candidate_next(struct view *rest, struct sdp_remote_candidate *out);
/* A number for a name and clock rate, to tell codecs apart: names do not care about case (RFC 8866 6.6),
 * a number of channels is not looked at, as some leave it out. Never 0. */
uint32_t sdp_codec(struct view encoding, uint32_t clock_rate);
/* What a payload type of the m= line stands for: by a=rtpmap, else by RFC 3551; 0: not known. */
uint32_t sdp_codec_of(const struct sdp_media *m, unsigned int type);
/* The next word of a line, an absent view at its end; words are parted by blanks or tabs. */
struct view sdp_word(struct view *rest);

#endif
