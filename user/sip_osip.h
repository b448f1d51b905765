/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second reader: libosip2 must read the same message as our scanner did.
 */
#ifndef RF_SIP_OSIP_H
#define RF_SIP_OSIP_H

#include "sip_msg.h"

/* Compares what our scanner read with what libosip2 reads: 0, -EINVAL with *error set when
 * libosip2 rejects the message or reads it otherwise, -ENOMEM. */
int sip_osip_agrees(const struct sip_msg *m, const char **error);

#endif
