/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between sip_msg.c and sip_value.c: from a header's value to its comma-separated values.
 */
#ifndef RF_SIP_VALUE_H
#define RF_SIP_VALUE_H

#include "sip_msg.h"

/* Does the header hold name-addr values or Vias, so that it has a place in sip_msg.values? */
bool sip_header_has_values(enum sip_header_id id);

/* Takes the next of a header's values off *rest, trimmed; false at the end. A header that may stand
 * only once is one value, commas included (unquoted display names with a comma do occur). */
bool sip_value_next(enum sip_header_id id, struct view *rest, struct view *value);

/* Reads one value; .id is set by it, .header by the caller. 0, or -EINVAL with *error set. */
int sip_value_parse(enum sip_header_id id, struct view text, struct sip_value *out,
		    const char **error);

#endif
