/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between session_desc.c, session_family.c, session_ice.c and session_record.c: one m-line. Nobody else
 * includes this.
 */
#ifndef RF_SESSION_PRIV_H
#define RF_SESSION_PRIV_H

#include "session.h"

/* enum line_flag: how an address of an inside host is served; *a becomes the one that it stands for. */
uint16_t inside_flags(const struct desc_env *env, struct rf_addr *a);
/* Flags and RTCP of an inside line whose endpoints are set. */
void line_inside(struct media_line *l, const struct desc_env *env);
/* The same of an outside line. */
void line_outside(struct media_line *l, const struct desc_env *env);
/* May a candidate of the peer be sent to? Its address becomes the one on the wire. */
bool remote_usable(const struct desc_env *env, struct rf_ep *ep);

/* The endpoints of a line whose c= and m= do not name them, but its candidates do or will. */
bool line_by_candidates(struct media_line *l, const struct desc_env *env, enum side side,
			const struct sdp *sdp, uint16_t i);
/* Of an inside line that is refused: its host candidates, if there is one that can be served. */
void line_by_host_instead(struct media_line *l, const struct desc_env *env, const struct sdp *sdp,
			  uint16_t i);
/* session_family.c: the first alternative of the other family that can be served, if there is one. */
void line_alternative(struct media_line *l, const struct desc_env *env, enum side side,
		      const struct sdp *sdp, uint16_t i);
/* 0 or -ENOMEM */
int desc_read_ice(struct desc *d, const struct desc_env *env, enum side side, const struct sdp *sdp,
		  const struct desc *before);

static inline unsigned int types_count(const uint8_t bitmap[SDP_TYPES / 8])
{
	unsigned int n = 0;

	for (int i = 0; i < SDP_TYPES / 8; i++)
		n += (unsigned int)__builtin_popcount(bitmap[i]);
	return n;
}

#endif
