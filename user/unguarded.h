/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Media of hosts that are not translated (modes host and routed) has the port that the host's own SIP server
 * chose. When that is none of the guarded ones, or excepted from them, it stays open to everybody, before, during and after the call:
 * nothing is done about that, but it is said, with the line to write. Pure.
 */
#ifndef RF_UNGUARDED_H
#define RF_UNGUARDED_H

#include "action.h"
#include "topology.h"

#define UNGUARDED_HOSTS 64
#define UNGUARDED_TEXT	160

/* Is this media, inside at .inside and on the wire at .outside, open to everybody? */
bool unguarded_media(const struct topology *t, const struct rf_ep *inside,
		     const struct rf_ep *outside);

struct unguarded_ports { /* of one host, host order */
	struct rf_addr host;
	uint32_t wan_ifindex; /* of its calls */
	uint16_t lo, hi; /* ports that are open */
	bool excepted; /* as `except` of a WAN device names them, not as they are outside what is guarded */
};

/* Which of n hosts this media adds a port to; *n grows by a new one while there is room. NULL: no room. */
struct unguarded_ports *unguarded_add(const struct topology *t, struct unguarded_ports *v,
				      size_t *n, size_t max, uint32_t wan_ifindex,
				      const struct rf_ep *outside);
/* What to do about it, for people: 'write "media_ports": ...'. buf of UNGUARDED_TEXT; returns it. */
const char *unguarded_advice(const struct topology *t, const struct unguarded_ports *p, char *buf);

struct unguarded_said { /* each host once, until a port is seen that the advice did not cover */
	struct unguarded_ports v[UNGUARDED_HOSTS];
	size_t n;
};

/* An event for what the pinholes in out->v[from..] leave open, unless it is said already. Of more than
 * UNGUARDED_HOSTS hosts status alone tells. */
void unguarded_tell(struct unguarded_said *said, const struct topology *t, size_t from,
		    struct action_list *out);

#endif
