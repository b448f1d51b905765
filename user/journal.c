// SPDX-License-Identifier: GPL-2.0-only
/*
 * File: one header, then entries (journal_entry.c). The header names the boot, whose clock the times are of, and the
 * instance. What is live is kept as (kind, id) -> place in the file, so the bytes are held once, by the page cache.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_piece.h"
#include "journal_entry.h"
#include "journal_header.h"
#include "journal_index.h"
#include "own_file.h"

#define COMPACT_MIN (1 << 20) /* dead bytes that are worth a rewrite */
_Static_assert(JOURNAL_RECORD_MAX <= JOURNAL_LENGTH_MAX, "journal_place.length");

struct journal {
	char *path;
	int fd;
	bool rw;
	struct journal_owner owner;
	struct journal_frame frame;
	uint64_t begin; /* of the entries: the size of the header */
	uint64_t end; /* where the next entry goes */
	uint64_t live_bytes; /* entries that count; the rest up to end is dead */
	uint64_t compact_from; /* of end: a rewrite that failed is not tried again before */
	struct journal_index live;
	size_t n_gone; /* forgotten, but the file does not say so yet: the disk was full */
};

static uint64_t size_in_file(const struct journal *j, uint32_t length)
{
	return journal_entry_head_size(&j->frame) + length;
}

/* Takes note of an entry that is in the file at `at`. */
static int live_note(struct journal *j, const struct journal_entry *e, uint64_t at)
{
	uint32_t kind = e->kind & ~(uint32_t)JOURNAL_FORGET;
	struct journal_place *p = journal_index_find(&j->live, kind, e->id);

	if (p)
		j->live_bytes -= size_in_file(j, p->length);
	if (p)
		j->n_gone -= p->gone;
	if (e->kind & JOURNAL_FORGET) {
		if (p)
			journal_index_remove(&j->live, p);
		return 0;
	}
	if (!p)
		p = journal_index_get(&j->live, kind, e->id);
	if (!p)
		return -ENOMEM;
	p->at = at;
	p->length = e->length;
	p->gone = 0;
	j->live_bytes += size_in_file(j, e->length);
	return 0;
}

static int scanned(const struct journal_entry *e, uint64_t at, void *arg)
{
	return live_note(arg, e, at);
}

/* j->end is then behind the last whole entry. */
static int scan(struct journal *j, struct journal_report *report)
{
	struct journal_damage between, behind;
	int err =
		journal_entries(j->fd, &j->frame, j->begin, scanned, j, &j->end, &between, &behind);

	report->damaged = between.entries;
	report->damaged_bytes = between.bytes;
	report->damaged_calls = between.calls;
	report->torn_bytes = behind.bytes;
	return err;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	journal_index_free(&j->live);
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j);
}

int journal_give(struct journal *j, unsigned int uid, unsigned int gid)
{
	return fchown(j->fd, uid, gid) ? -errno : 0;
}

/* Whose file is it? What is ours is read as it was written. */
static int header_check(struct journal *j, struct journal_report *report,
			struct journal_header_found *h)
{
	int err = journal_header_find(j->fd, &j->owner, h);

	if (err)
		return err;
	j->begin = h->begin;
	j->frame = (struct journal_frame){ h->plain, j->owner.instance };
	report->damaged_header = h->damaged;
	return 0;
}

/* The writer's file: locked, and with our header. What is not ours is moved away. */
static int open_writer(struct journal *j, struct journal_report *report)
{
	struct journal_header_found h;
	char old[4096];
	int err;

	for (;;) {
		j->fd = own_file_open(j->path, O_RDWR | O_CREAT, 0600);
		if (j->fd < 0)
			return j->fd;
		if (flock(j->fd, LOCK_EX | LOCK_NB))
			return -errno;
		err = header_check(j, report, &h);
		if (err || h.kind == JOURNAL_OURS)
			return err;
		if (h.kind == JOURNAL_EMPTY)
			return journal_header_write(j->fd, &j->owner);
		snprintf(old, sizeof(old), "%s.old", j->path);
		if (rename(j->path, old))
			return -errno;
		report->set_aside = true;
		report->foreign = h.kind == JOURNAL_FOREIGN;
		close(j->fd);
	}
}

static int open_reader(struct journal *j, struct journal_report *report)
{
	struct journal_header_found h;
	int err;

	j->fd = own_file_open(j->path, O_RDONLY, 0);
	if (j->fd < 0)
		return j->fd;
	err = header_check(j, report, &h);
	if (err || h.kind == JOURNAL_OURS)
		return err;
	report->set_aside = h.kind != JOURNAL_EMPTY;
	report->foreign = h.kind == JOURNAL_FOREIGN;
	return -ENOENT;
}

static int compact(struct journal *j, bool *keep);

/* Damage is not carried along, and an older version's file is of this one from now on. One that cannot be written
 * anew is taken for what it is next time, too. 0 or -errno. */
static int mend(struct journal *j, struct journal_report *found)
{
	bool damaged = found->damaged || found->damaged_header || found->torn_bytes;

	found->copy_kept = damaged;
	if ((damaged || j->frame.plain) && !compact(j, &found->copy_kept))
		return 0;
	found->copy_kept = false;
	return found->torn_bytes && ftruncate(j->fd, (off_t)j->end) ? -errno : 0;
}

int journal_open(struct journal **out, const char *path, bool rw, struct journal_owner owner,
		 struct journal_report *report)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct journal_report found = { 0 };
	int err;

	if (!j)
		return -ENOMEM;
	j->fd = -1;
	j->rw = rw;
	j->owner = owner;
	j->path = strdup(path);
	err = !j->path ? -ENOMEM : rw ? open_writer(j, &found) : open_reader(j, &found);
	if (!err)
		err = scan(j, &found);
	if (!err && rw)
		err = mend(j, &found);
	found.live = j->live.n;
	if (report)
		*report = found;
	if (err) {
		journal_close(j);
		return err;
	}
	*out = j;
	return 0;
}

/* Kind first: a registration finds its binding restored (enum record_kind is in that order). */
static int by_kind(const void *a, const void *b)
{
	const struct journal_place *x = *(struct journal_place *const *)a;
	const struct journal_place *y = *(struct journal_place *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

int journal_load(struct journal *j, journal_cb *cb, void *arg)
{
	size_t n = j->live.n, i;
	struct journal_place **v = journal_index_sorted(&j->live, by_kind);
	char *buf = malloc(JOURNAL_RECORD_MAX);
	int err = v && buf ? 0 : -ENOMEM;

	for (i = 0; i < n && !err; i++) {
		err = file_read_at(j->fd, buf, v[i]->length,
				   v[i]->at + journal_entry_head_size(&j->frame));
		if (!err)
			err = cb(v[i]->kind, v[i]->id, buf, v[i]->length, arg);
	}
	free(v);
	free(buf);
	return err;
}

static int by_place(const void *a, const void *b)
{
	const struct journal_place *x = *(struct journal_place *const *)a;
	const struct journal_place *y = *(struct journal_place *const *)b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Entries go as they are, in the order of the old file. */
static int copy_live(const struct journal *j, struct journal_place **v, size_t n, int to)
{
	struct file_piece *pieces = calloc(n ? n : 1, sizeof(*pieces));
	size_t i;
	int err;

	if (!pieces)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		pieces[i] = (struct file_piece){ v[i]->at, size_in_file(j, v[i]->length) };
	err = file_copy_pieces(j->fd, pieces, n, to, JOURNAL_HEADER_SIZE);
	free(pieces);
	return err;
}

static int write_entry(int fd, const struct journal_frame *f, const struct journal_entry *e,
		       const void *bytes, uint64_t at)
{
	uint8_t head[JOURNAL_ENTRY_HEAD_MAX];
	size_t n = journal_entry_head(f, e, bytes, head);
	uint8_t *buf = malloc(n + e->length);
	int err;

	if (!buf)
		return -ENOMEM;
	/* One write: a reader sees all of an entry or, by its CRC, none. */
	memcpy(buf, head, n);
	if (e->length)
		memcpy(buf + n, bytes, e->length);
	err = file_write_at(fd, buf, n + e->length, at);
	free(buf);
	return err;
}

/* The same with heads as this version writes them. */
static int convert_live(const struct journal *j, const struct journal_frame *f,
			struct journal_place **v, size_t n, int to)
{
	uint64_t at = JOURNAL_HEADER_SIZE;
	char *buf = malloc(JOURNAL_RECORD_MAX);
	int err = buf ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !err; i++) {
		struct journal_entry e = { v[i]->kind, v[i]->id, v[i]->length };

		err = file_read_at(j->fd, buf, e.length,
				   v[i]->at + journal_entry_head_size(&j->frame));
		if (!err)
			err = write_entry(to, f, &e, buf, at);
		at += journal_entry_head_size(f) + e.length;
	}
	free(buf);
	return err;
}

/* The new file in the place of the old one, which is to be kept, or not; *keep: it is. 0 or -errno. */
static int exchange(const struct journal *j, const char *name, bool *keep)
{
	char kept[4096];

	if (*keep) {
		snprintf(kept, sizeof(kept), "%s.damaged", j->path);
		if (!renameat2(AT_FDCWD, name, AT_FDCWD, j->path, RENAME_EXCHANGE)) {
			*keep = !rename(name, kept);
			if (!*keep)
				unlink(name);
			return 0;
		}
		*keep = false; /* not by this file system */
	}
	return rename(name, j->path) ? -errno : 0;
}

/* A journal of v under this name first, then in the place of the old one. */
static int replace_file(const struct journal *j, const struct journal_frame *f, const char *name,
			struct journal_place **v, size_t n, int *fd, bool *keep)
{
	int err;

	/* what a rewrite that was killed has left, or somebody else: never what it leads to */
	if (unlink(name) && errno != ENOENT)
		return -errno;
	*fd = own_file_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (*fd < 0)
		return *fd;
	err = flock(*fd, LOCK_EX | LOCK_NB) ? -errno : journal_header_write(*fd, &j->owner);
	if (!err)
		err = j->frame.plain ? convert_live(j, f, v, n, *fd) : copy_live(j, v, n, *fd);
	if (!err)
		err = exchange(j, name, keep);
	if (err) {
		unlink(name);
		close(*fd);
	}
	return err;
}

/*
 * Rewrites the live entries into a new file and renames it over the old one: at any moment the name
 * stands for a whole journal. A reader that has the old one open reads on in it. keep: the old one beside it, and
 * whether that could be done.
 */
static int compact(struct journal *j, bool *keep)
{
	struct journal_frame frame = { .instance = j->owner.instance };
	size_t n = j->live.n, i;
	struct journal_place **v = journal_index_sorted(&j->live, by_place);
	char fresh[4096];
	int err, fd = -1;

	if (!v)
		return -ENOMEM;
	snprintf(fresh, sizeof(fresh), "%s.new", j->path);
	err = replace_file(j, &frame, fresh, v, n, &fd, keep);
	if (!err) {
		close(j->fd);
		j->fd = fd;
		j->frame = frame;
		j->begin = j->end = JOURNAL_HEADER_SIZE;
		j->live_bytes = 0;
	}
	for (i = 0; i < n && !err; i++) {
		v[i]->at = j->end;
		j->end += size_in_file(j, v[i]->length);
		j->live_bytes += size_in_file(j, v[i]->length);
	}
	free(v);
	return err;
}

static int append_one(struct journal *j, const struct journal_entry *e, const void *bytes)
{
	bool keep = false;
	uint64_t dead;
	int err;

	if (!j->rw)
		return -EROFS;
	if (e->length > JOURNAL_RECORD_MAX)
		return -E2BIG;
	err = write_entry(j->fd, &j->frame, e, bytes, j->end);
	if (err) {
		/* a torn entry would be damage to the next reader */
		if (ftruncate(j->fd, j->end))
			return err;
		return err;
	}
	err = live_note(j, e, j->end);
	j->end += size_in_file(j, e->length);
	dead = j->end - j->begin - j->live_bytes;
	/* A failure (disk full) leaves the old file as it is; each attempt costs as much as all that lives. */
	if (!err && dead > COMPACT_MIN && dead > j->live_bytes && j->end >= j->compact_from)
		j->compact_from = compact(j, &keep) ? j->end + COMPACT_MIN : 0;
	return err;
}

/* What could not be said of those that are gone. */
static void forget_again(struct journal *j)
{
	for (size_t i = 0; j->n_gone && i >> j->live.bits == 0; i++) {
		const struct journal_place *p = &j->live.v[i];
		struct journal_entry e = { .kind = p->kind | JOURNAL_FORGET, .id = p->id };

		if (!p->kind || !p->gone)
			continue;
		if (append_one(j, &e, NULL))
			return;
		i--; /* another one may have moved here */
	}
}

static int append(struct journal *j, const struct journal_entry *e, const void *bytes)
{
	int err = append_one(j, e, bytes);

	if (!err && j->n_gone)
		forget_again(j);
	return err;
}

int journal_save(struct journal *j, enum record_kind kind, uint32_t id, const void *bytes, size_t n)
{
	struct journal_entry e = { .length = n, .kind = kind, .id = id };

	if (n > JOURNAL_RECORD_MAX)
		return -E2BIG;
	return append(j, &e, bytes);
}

int journal_forget(struct journal *j, enum record_kind kind, uint32_t id)
{
	struct journal_entry e = { .kind = kind | JOURNAL_FORGET, .id = id };
	struct journal_place *p = journal_index_find(&j->live, kind, id);
	int err = p ? append(j, &e, NULL) : 0;

	p = err ? journal_index_find(&j->live, kind, id) : NULL;
	if (p && !p->gone) {
		p->gone = 1;
		j->n_gone++;
	}
	return err;
}
