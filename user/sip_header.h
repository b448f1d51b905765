/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Header and method names -> what they mean to us.
 */
#ifndef RF_SIP_HEADER_H
#define RF_SIP_HEADER_H

#include "sip_msg.h"

/* Case-insensitive, compact forms folded; SIP_H_OTHER when it is none of ours. */
enum sip_header_id sip_header_lookup(struct view name);

/* Case-sensitive (RFC 3261 7.1); SIP_M_OTHER when it is none of ours. */
enum sip_method sip_method_lookup(struct view text);

#endif
