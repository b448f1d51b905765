/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the operator leaves to others: media ports (`wan[].except`) and SIP endpoints (`sip.except`). The kernel side
 * has the same rules in bpf/guard.h; here they keep calls and mappings away from such ports.
 */
#ifndef RF_EXCEPT_H
#define RF_EXCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/* port: host order */
static inline bool port_excepted(const struct config_range *v, uint16_t n, uint16_t port)
{
	for (uint16_t i = 0; i < n; i++)
		if (port >= v[i].lo && port <= v[i].hi)
			return true;
	return false;
}

/* An entry without address is of any, one without port too. */
static inline bool sip_excepted(const struct rf_ep *v, uint16_t n, const struct rf_ep *ep)
{
	for (uint16_t i = 0; i < n; i++)
		if ((addr_is_any(&v[i].addr) || addr_eq(&v[i].addr, &ep->addr)) &&
		    (!v[i].port || v[i].port == ep->port))
			return true;
	return false;
}

#endif
