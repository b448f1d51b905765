// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each record to the decider whose it is. What a newer version has written, or an older one than can be
 * read, does not keep the others from being restored.
 */
#include "restore.h"

#include <errno.h>
#include <stdio.h>

#include "record.h"

#define UNKNOWN (RECORD_PINHOLE + 1)

struct restore {
	struct engine *engine;
	uint64_t now_ns;
	struct restore_report report;
};

static int restore_one(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg)
{
	struct restore *r = arg;
	struct view record = { bytes, n };
	int err = engine_restore(r->engine, kind, id, record, r->now_ns);

	if (!err || err == -ENOMEM) /* which says nothing of the record */
		return err;
	if (!r->report.n_unread++)
		r->report.version = record_version(record);
	r->report.unread[kind < UNKNOWN ? kind : UNKNOWN]++;
	return 0;
}

int restore_records(struct journal *j, struct engine *e, uint64_t now_ns,
		    struct restore_report *out)
{
	struct restore r = { .engine = e, .now_ns = now_ns };
	int err = journal_load(j, restore_one, &r);

	if (!err)
		*out = r.report;
	return err;
}

const char *restore_unread_text(const struct restore_report *r, char *buf)
{
	static const char *const names[UNKNOWN + 1] = {
		[RECORD_CALL] = "call",
		[RECORD_BINDING] = "signalling port",
		[RECORD_REGISTRATION] = "registration",
		[RECORD_ALIAS] = "rewritten identifier",
		[RECORD_PINHOLE] = "pinhole added by hand",
		[UNKNOWN] = "record of an unknown kind",
	};
	static const char *const many[UNKNOWN + 1] = {
		[RECORD_CALL] = "calls",
		[RECORD_BINDING] = "signalling ports",
		[RECORD_REGISTRATION] = "registrations",
		[RECORD_ALIAS] = "rewritten identifiers",
		[RECORD_PINHOLE] = "pinholes added by hand",
		[UNKNOWN] = "records of unknown kinds",
	};
	size_t used = 0;

	*buf = 0;
	for (int k = RECORD_CALL; k <= UNKNOWN && used < RESTORE_TEXT_MAX; k++)
		if (r->unread[k])
			used += (size_t)snprintf(buf + used, RESTORE_TEXT_MAX - used, "%s%zu %s",
						 used ? ", " : "", r->unread[k],
						 r->unread[k] == 1 ? names[k] : many[k]);
	return buf;
}
