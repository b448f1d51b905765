// SPDX-License-Identifier: GPL-2.0-only
/* A look at the system comes every ten seconds, and more often where much changes: what lasts is said once. */
#include "sync_tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUSY_NS (10ULL * 1000000000)

static void say(struct sync_tell *t, const char *text)
{
	if (!strcmp(t->said, text))
		return;
	snprintf(t->said, sizeof(t->said), "%s", text);
	log_warning("cannot follow the devices, all stays as it is and is tried again: %s", text);
}

void sync_tell(struct sync_tell *t, int err, const char *text, uint64_t now_ns)
{
	if (err != -EAGAIN) {
		t->busy_since_ns = 0;
		if (err)
			say(t, text);
		else if (*t->said)
			log_info("the devices are followed again");
		if (!err)
			*t->said = 0;
		return;
	}
	if (!t->busy_since_ns)
		t->busy_since_ns = now_ns;
	if (now_ns - t->busy_since_ns >= BUSY_NS)
		say(t, text);
}
