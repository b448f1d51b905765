/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of a multipart body (RFC 2046 5.1), in order, without recursion.
 */
#ifndef RF_SIP_BODY_H
#define RF_SIP_BODY_H

#include "sip_msg.h"

struct sip_part {
	struct view content_type; /* type/subtype; absent: text/plain */
	struct view content_type_value; /* with parameters */
	struct view content_length; /* as written */
	bool encoded; /* Content-Encoding or -Transfer-Encoding hides the content from us */
	struct view body;
};

struct sip_parts {
	struct view rest;
	struct view boundary;
};

/* Begins to read body as the multipart that content_type_value says it is; false when it is none. */
bool sip_parts_begin(struct sip_parts *it, struct view content_type_value, struct view body);
/* The next part; false at the end. */
bool sip_part_next(struct sip_parts *it, struct sip_part *out);

#endif
