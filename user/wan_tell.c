// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address that goes, comes back or becomes another one means something to calls, so it is said.
 */
#include "wan_tell.h"

#include "log.h"

static const struct topology_wan *by_name(const struct topology *t, const char *name)
{
	for (uint16_t i = 0; i < t->n_wans; i++)
		if (!strcmp(t->wans[i].name, name))
			return &t->wans[i];
	return NULL;
}

static void tell(const char *dev, const char *family, const struct rf_addr *was,
		 const struct rf_addr *now)
{
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	if (was && !now)
		log_warning(
			"%s has no %s address any more (it was %s): calls keep their ports at it, no new ones can be made (no_route) until there is one",
			dev, family, addr_text(was, a));
	else if (!was && now)
		log_info("%s has the %s address %s", dev, family, addr_text(now, b));
	else if (was && !addr_eq(was, now))
		log_warning(
			"%s has the %s address %s instead of %s: running calls have media again when one side offers anew (re-INVITE), phones register anew",
			dev, family, addr_text(now, b), addr_text(was, a));
}

void wan_tell(const struct topology *was, const struct topology *now)
{
	for (uint16_t i = 0; i < now->n_wans; i++) {
		const struct topology_wan *n = &now->wans[i], *w = by_name(was, n->name);

		if (!w)
			continue;
		tell(n->name, "IPv4", w->has4 ? &w->wire4 : NULL, n->has4 ? &n->wire4 : NULL);
		tell(n->name, "IPv6", w->has6 ? &w->wire6 : NULL, n->has6 ? &n->wire6 : NULL);
	}
}
