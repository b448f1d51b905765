// SPDX-License-Identifier: GPL-2.0-only
/*
 * A controller whose instance is gone has nothing left to do, and must not hold up the next one. One whose pins are
 * incomplete goes on: it says so, and pins again what it may.
 */
#include "controller.h"

#include <string.h>

#include "presence.h"

static void leave(struct controller *c)
{
	c->gone = true;
	event_base_loopbreak(c->base);
}

static void ended(struct controller *c)
{
	log_info("instance \"%s\" was detached: nothing left to do", c->instance);
	c->detached = true;
	leave(c);
}

bool controller_is_gone(struct controller *c)
{
	if (!c->gone && presence_ended(c->dp))
		ended(c);
	if (c->gone) /* the loop may not have begun the first time */
		event_base_loopbreak(c->base);
	return c->gone;
}

/* True: all is there again. */
static bool mended(struct controller *c, const struct presence *p)
{
	unsigned int n = presence_pin(c->dp);

	if (n)
		log_warning(
			"%s of instance \"%s\" was not pinned any more: pinned again (%u of %u)",
			p->pins.missing, c->instance, n, p->pins.n_missing);
	return n == p->pins.n_missing;
}

static void look_at_links(struct controller *c)
{
	unsigned int n;

	link_hold_look(&c->links, c->dp, &n);
	if (n)
		log_warning("%u hooks of WAN devices were not pinned any more: pinned again", n);
}

static void tell_unpinned(struct controller *c, const struct presence *p)
{
	const char *dev = c->topology.n_wans ? c->topology.wans[0].name : "DEV";

	if (p->pins.n_missing == c->n_unpinned)
		return;
	c->n_unpinned = p->pins.n_missing;
	if (!p->pins.n_there)
		log_error(
			"nothing of instance \"%s\" is pinned any more: the bpf file system was unmounted or emptied, which is no detach; the guard of the WAN lives only as long as this process; to mend it, calls go on: ringfence attach dev %s replace",
			c->instance, dev);
	else
		log_error(
			"%s of instance \"%s\" is not pinned any more (%u missing): somebody removed it, which is no detach; to mend it, calls go on: ringfence attach dev %s replace",
			p->pins.missing, c->instance, p->pins.n_missing, dev);
}

bool controller_look(struct controller *c)
{
	struct presence p;
	int err;

	if (controller_is_gone(c))
		return true;
	err = presence_look(c->dp, &p);
	if (err && err != c->presence_err)
		log_error("cannot tell whether instance \"%s\" is still attached: %s", c->instance,
			  strerror(-err));
	c->presence_err = err;
	if (err)
		return false;
	switch (p.kind) {
	case PRESENCE_ENDED: ended(c); break;
	case PRESENCE_OTHER:
		log_warning(
			"another instance has the name \"%s\" by now: leaving, and what we know of calls stays in the journal for whoever looks for it",
			c->instance);
		leave(c);
		break;
	case PRESENCE_UNPINNED:
		if (!mended(c, &p))
			tell_unpinned(c, &p);
		break;
	case PRESENCE_HERE:
		if (c->n_unpinned)
			log_info("instance \"%s\" is pinned again", c->instance);
		c->n_unpinned = 0;
		break;
	}
	if (!c->gone)
		look_at_links(c);
	return c->gone;
}
