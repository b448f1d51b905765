/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between sdp.c and sdp_attr.c: what a= lines of the session hand down, and the token helpers.
 */
#ifndef RF_SDP_ATTR_H
#define RF_SDP_ATTR_H

#include "sdp.h"

/* What lines before hand down: session-level attributes hold for every media section that does not
 * say otherwise. */
struct sdp_defaults {
	enum sdp_direction direction;
	struct view ice_ufrag, ice_pwd, setup;
	bool fingerprint;
	int first_type; /* first payload type of the current media section, -1: none */
};

int sdp_port(struct view digits, uint16_t *out);
/* "IN IP4 192.0.2.1/127": 0, or -EINVAL when there are fewer than three words. */
int sdp_addr_parse(struct view value, struct sdp_addr *out);

/* One a= line, without CRLF. m is NULL at session level. 0, -EINVAL with *error, -E2BIG. */
int sdp_attribute(struct view line, struct sdp *s, struct sdp_media *m, struct sdp_defaults *d,
		  const char **error);

/* sdp_codec.c */
/* RFC 3551 tables 4 and 5 for the first payload type of m. */
void sdp_static_payload(unsigned int type, struct sdp_media *m);
/* The value of a=rtpmap; first: the first payload type of the m= line. */
void sdp_rtpmap(struct view value, int first, struct sdp_media *m);

#endif
