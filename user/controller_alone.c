// SPDX-License-Identifier: GPL-2.0-only
/*
 * One controller per instance. The lock of the run directory sees to that among those who share it; one in another
 * container has another /run and the same maps. Two of them would each take half of the messages and close the
 * pinholes of the other's calls, so whoever beats in the map `control` has the instance.
 */
#include "controller.h"

#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "rf_heartbeat.h"

#define WAIT_NS	     (1500000000ULL) /* three beats: one that is killed has left a fresh one */
#define WAIT_STEP_US 20000

int controller_alone(const struct controller *c, struct why *w)
{
	uint64_t from = clock_now_ns(), now = from;
	struct rf_control first, beat;
	struct rf_settings s;
	int err;

	err = datapath_settings(c->dp, &s);
	if (!err)
		err = datapath_control(c->dp, &first);
	beat = first;
	/* The last one that had our run directory is gone, as its lock is ours. */
	if (!err && c->former.pid == first.pid && c->former.mark == first.inject_mark)
		return 0;
	while (!err && now - from < WAIT_NS &&
	       rf_heartbeat_alive(beat.heartbeat_ns, now, s.heartbeat_limit_ns)) {
		if (beat.heartbeat_ns != first.heartbeat_ns)
			return why_set(
				w, -EBUSY,
				"a controller of instance \"%s\" runs already (pid %u, perhaps in another container: its run directory is not our " RF_RUN_ROOT
				"/%s); see: ringfence status",
				c->instance, beat.pid, c->instance);
		usleep(WAIT_STEP_US);
		now = clock_now_ns();
		err = datapath_control(c->dp, &beat);
	}
	return err ? why_set(w, err, "cannot read whether another controller runs: %s",
			     strerror(-err))
		   : 0;
}

bool controller_beat_is_ours(const struct controller *c)
{
	struct rf_control beat;

	/* Not known: nothing is concluded from that. Without a process: one has said good-bye. */
	return datapath_control(c->dp, &beat) || !beat.pid ||
	       (beat.pid == c->heartbeat.pid && beat.inject_mark == c->heartbeat.inject_mark);
}

bool controller_is_superseded(struct controller *c)
{
	if (c->gone || controller_beat_is_ours(c))
		return c->gone;
	log_error(
		"another controller has taken instance \"%s\" over while this one did not run: leaving; calls are in its journal or end by their deadlines",
		c->instance);
	c->gone = true;
	event_base_loopbreak(c->base);
	return true;
}
