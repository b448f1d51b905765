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
	return c->gone;
}

static void tell_unpinned(struct controller *c, const struct presence *p)
{
	if (p->n_missing == c->n_unpinned)
		return;
	c->n_unpinned = p->n_missing;
	log_error(
		"%s of instance \"%s\" is not pinned any more (%u pins are missing): somebody removed it, this is no detach; calls go on, and to mend it: ringfence attach dev DEV replace",
		p->missing, c->instance, p->n_missing);
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
	case PRESENCE_UNPINNED: tell_unpinned(c, &p); break;
	case PRESENCE_HERE:
		if (c->n_unpinned)
			log_info("instance \"%s\" is pinned again", c->instance);
		c->n_unpinned = 0;
		break;
	}
	return c->gone;
}
