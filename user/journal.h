/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records that must outlive the process (promise P5): an append-only file of saves and forgets.
 * Every entry carries a mark, its length and a CRC32, so a file that is cut off or damaged anywhere costs the entries
 * there and no other: a record is then as the last whole entry of it says. Page cache outlives kill -9; nothing is fsync'ed, as calls do not outlive the machine anyway.
 */
#ifndef RF_JOURNAL_H
#define RF_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "action.h"

#define JOURNAL_RECORD_MAX (1 << 20)

struct journal;

/* Calls belong to the instance that carried them: ids and times of another one mean nothing to it. */
struct journal_owner {
	uint64_t instance; /* its id, as of struct rf_instance */
	/* Also a journal without an id, as versions before ABI 7 wrote: of an instance that was taken over. */
	bool unnamed_too;
};

struct journal_report { /* what opening found */
	size_t live; /* records */
	size_t torn_bytes; /* cut off at the end (writer died, or damage) */
	size_t damaged,
		damaged_bytes; /* entries before that which are not whole, and were skipped */
	size_t damaged_calls; /* of them, at most */
	bool damaged_header;
	bool copy_kept; /* of what was damaged, as it was: .damaged, in the place of an earlier one (rw) */
	bool set_aside; /* the file was of another boot or version: renamed to .old (rw) or ignored (ro) */
	bool foreign; /* set aside, as it was of another instance */
};

/* rw: creates, locks and repairs the file. !rw: -ENOENT when there is none; works while another writes.
 * -EWOULDBLOCK: another process writes it. report may be NULL. */
int journal_open(struct journal **out, const char *path, bool rw, struct journal_owner owner,
		 struct journal_report *report);
void journal_close(struct journal *j); /* NULL ok */
/* The file is this user's from now on: the directory is, and whoever had it before is somebody else. 0 or -errno. */
int journal_give(struct journal *j, unsigned int uid, unsigned int gid);

/* cb for each live record, by kind then id; bytes are valid during the call. A cb value != 0 ends it. */
typedef int journal_cb(enum record_kind kind, uint32_t id, const void *bytes, size_t n, void *arg);
int journal_load(struct journal *j, journal_cb *cb, void *arg);

int journal_save(struct journal *j, enum record_kind kind, uint32_t id, const void *bytes,
		 size_t n);
int journal_forget(struct journal *j, enum record_kind kind, uint32_t id); /* unknown ids: 0 */

#endif
