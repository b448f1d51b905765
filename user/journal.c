// SPDX-License-Identifier: GPL-2.0-only
/*
 * File: one header, then entries {length, crc, kind, id, bytes}; the CRC covers all but itself. The header names the
 * boot, whose clock the times are of, and the instance. What
 * is live is kept as (kind, id) -> place in the file, so the bytes are held once, by the page cache.
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
#include <zlib.h>

#include "file_piece.h"
#include "journal_index.h"
#include "own_file.h"

#define JOURNAL_MAGIC "RFJRNL2\n"
#define UNNAMED_MAGIC "RFJRNL1\n" /* whose header ends before .instance */
#define UNNAMED_SIZE  offsetof(struct header, instance)
#define COMPACT_MIN   (1 << 20) /* dead bytes that are worth a rewrite */
#define KIND_FORGET   0x8000
_Static_assert(JOURNAL_RECORD_MAX <= JOURNAL_LENGTH_MAX, "journal_place.length");

struct header {
	char magic[8];
	char boot_id[40];
	uint64_t instance; /* whose calls these are */
};
_Static_assert(sizeof(struct header) == 56, "header");

struct entry {
	uint32_t length; /* of the bytes behind it */
	uint32_t crc;
	uint32_t kind; /* enum record_kind, KIND_FORGET */
	uint32_t id;
};

struct journal {
	char *path;
	int fd;
	bool rw;
	struct journal_owner owner;
	uint64_t begin; /* of the entries: the size of the header */
	uint64_t end; /* where the next entry goes */
	uint64_t live_bytes; /* entries that count; the rest up to end is dead */
	uint64_t compact_from; /* of end: a rewrite that failed is not tried again before */
	struct journal_index live;
};

/* 0 or -errno: a journal that could not be told from one of another boot must not be set aside. */
static int boot_id(char out[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	memset(out, 0, 40);
	n = read(fd, out, 36);
	close(fd);
	return n == 36 ? 0 : n < 0 ? -errno : -EIO;
}

static int header_now(const struct journal *j, struct header *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, JOURNAL_MAGIC, sizeof(h->magic));
	h->instance = j->owner.instance;
	return boot_id(h->boot_id);
}

static uint32_t entry_crc(const struct entry *e, const void *bytes)
{
	uint32_t head[3] = { e->length, e->kind, e->id };
	uint32_t crc = crc32(crc32(0, NULL, 0), (const unsigned char *)head, sizeof(head));

	return e->length ? crc32(crc, bytes, e->length) : crc;
}

/* Takes note of an entry that is in the file at `at`. */
static int live_note(struct journal *j, const struct entry *e, uint64_t at)
{
	uint32_t kind = e->kind & ~KIND_FORGET;
	struct journal_place *p = journal_index_find(&j->live, kind, e->id);

	if (p)
		j->live_bytes -= sizeof(*e) + p->length;
	if (e->kind & KIND_FORGET) {
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
	j->live_bytes += sizeof(*e) + e->length;
	return 0;
}

static bool is_entry(const struct entry *e)
{
	uint32_t kind = e->kind & ~KIND_FORGET;

	return kind && kind <= JOURNAL_KIND_MAX && e->length <= JOURNAL_RECORD_MAX;
}

/* Reads entries until the end or the first that is not whole; j->end is then behind the last good one. */
static int scan(struct journal *j)
{
	char *buf = malloc(JOURNAL_RECORD_MAX);
	struct entry e;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	j->end = j->begin;
	for (;;) {
		err = file_read_at(j->fd, &e, sizeof(e), j->end);
		if (err || !is_entry(&e))
			break;
		err = file_read_at(j->fd, buf, e.length, j->end + sizeof(e));
		if (err || e.crc != entry_crc(&e, buf))
			break;
		err = live_note(j, &e, j->end);
		if (err)
			break;
		j->end += sizeof(e) + e.length;
	}
	free(buf);
	return err == -ENODATA ? 0 : err;
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

enum header_kind { HEADER_OURS, HEADER_EMPTY, HEADER_FOREIGN, HEADER_OTHER };

/* Whose file is it? Sets .begin when it is ours; an empty one is as good as new. */
static int header_check(struct journal *j, enum header_kind *kind)
{
	struct header have = { 0 }, want;
	struct stat st;
	int err = header_now(j, &want);

	if (err)
		return err;
	if (fstat(j->fd, &st))
		return -errno;
	*kind = st.st_size ? HEADER_OTHER : HEADER_EMPTY;
	if (st.st_size < (off_t)UNNAMED_SIZE)
		return 0;
	err = file_read_at(j->fd, &have, UNNAMED_SIZE, 0);
	if (err || memcmp(have.boot_id, want.boot_id, sizeof(want.boot_id)))
		return err;
	if (!memcmp(have.magic, UNNAMED_MAGIC, sizeof(have.magic))) {
		j->begin = UNNAMED_SIZE;
		*kind = j->owner.unnamed_too ? HEADER_OURS : HEADER_FOREIGN;
		return 0;
	}
	if (memcmp(have.magic, want.magic, sizeof(want.magic)) || st.st_size < (off_t)sizeof(have))
		return 0;
	err = file_read_at(j->fd, &have, sizeof(have), 0);
	if (err)
		return err;
	j->begin = sizeof(have);
	*kind = have.instance == want.instance ? HEADER_OURS : HEADER_FOREIGN;
	return 0;
}

/* The writer's file: locked, and with our header. What is not ours is moved away. */
static int open_writer(struct journal *j, struct journal_report *report)
{
	enum header_kind kind;
	struct header h;
	char old[4096];
	int err = header_now(j, &h);

	if (err)
		return err;
	for (;;) {
		j->fd = own_file_open(j->path, O_RDWR | O_CREAT, 0600);
		if (j->fd < 0)
			return j->fd;
		if (flock(j->fd, LOCK_EX | LOCK_NB))
			return -errno;
		err = header_check(j, &kind);
		if (err || kind == HEADER_OURS)
			return err;
		if (kind == HEADER_EMPTY) {
			j->begin = sizeof(h);
			return file_write_at(j->fd, &h, sizeof(h), 0);
		}
		snprintf(old, sizeof(old), "%s.old", j->path);
		if (rename(j->path, old))
			return -errno;
		report->set_aside = true;
		report->foreign = kind == HEADER_FOREIGN;
		close(j->fd);
	}
}

static int open_reader(struct journal *j, struct journal_report *report)
{
	enum header_kind kind;
	int err;

	j->fd = own_file_open(j->path, O_RDONLY, 0);
	if (j->fd < 0)
		return j->fd;
	err = header_check(j, &kind);
	if (err || kind == HEADER_OURS)
		return err;
	report->set_aside = kind != HEADER_EMPTY;
	report->foreign = kind == HEADER_FOREIGN;
	return -ENOENT;
}

static int compact(struct journal *j);

int journal_open(struct journal **out, const char *path, bool rw, struct journal_owner owner,
		 struct journal_report *report)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct journal_report found = { 0 };
	struct stat st;
	int err;

	if (!j)
		return -ENOMEM;
	j->fd = -1;
	j->rw = rw;
	j->owner = owner;
	j->path = strdup(path);
	err = !j->path ? -ENOMEM : rw ? open_writer(j, &found) : open_reader(j, &found);
	if (!err)
		err = scan(j);
	if (!err && !fstat(j->fd, &st) && (uint64_t)st.st_size > j->end) {
		found.torn_bytes = st.st_size - j->end;
		if (rw && ftruncate(j->fd, j->end))
			err = -errno;
	}
	/* From now on it has a name. One that cannot be written anew is taken for what it is next time, too. */
	if (!err && rw && j->begin != sizeof(struct header))
		compact(j);
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
		err = file_read_at(j->fd, buf, v[i]->length, v[i]->at + sizeof(struct entry));
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
		pieces[i] = (struct file_piece){ v[i]->at, sizeof(struct entry) + v[i]->length };
	err = file_copy_pieces(j->fd, pieces, n, to, sizeof(struct header));
	free(pieces);
	return err;
}

/* A journal of v under this name first, then in the place of the old one. */
static int replace_file(const struct journal *j, const char *name, struct journal_place **v,
			size_t n, int *fd)
{
	struct header h;
	int err = header_now(j, &h);

	if (err)
		return err;
	/* what a rewrite that was killed has left, or somebody else: never what it leads to */
	if (unlink(name) && errno != ENOENT)
		return -errno;
	*fd = own_file_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (*fd < 0)
		return *fd;
	err = flock(*fd, LOCK_EX | LOCK_NB) ? -errno : file_write_at(*fd, &h, sizeof(h), 0);
	if (!err)
		err = copy_live(j, v, n, *fd);
	if (!err && rename(name, j->path))
		err = -errno;
	if (err) {
		unlink(name);
		close(*fd);
	}
	return err;
}

/*
 * Rewrites the live entries into a new file and renames it over the old one: at any moment the name
 * stands for a whole journal. A reader that has the old one open reads on in it.
 */
static int compact(struct journal *j)
{
	size_t n = j->live.n, i;
	struct journal_place **v = journal_index_sorted(&j->live, by_place);
	char fresh[4096];
	int err, fd = -1;

	if (!v)
		return -ENOMEM;
	snprintf(fresh, sizeof(fresh), "%s.new", j->path);
	err = replace_file(j, fresh, v, n, &fd);
	if (!err) {
		close(j->fd);
		j->fd = fd;
		j->begin = j->end = sizeof(struct header);
	}
	for (i = 0; i < n && !err; i++) {
		v[i]->at = j->end;
		j->end += sizeof(struct entry) + v[i]->length;
	}
	free(v);
	return err;
}

static int append(struct journal *j, struct entry *e, const void *bytes)
{
	uint64_t dead;
	char *buf;
	int err;

	if (!j->rw)
		return -EROFS;
	if (e->length > JOURNAL_RECORD_MAX)
		return -E2BIG;
	/* One write: a reader sees all of an entry or, by its CRC, none. */
	buf = malloc(sizeof(*e) + e->length);
	if (!buf)
		return -ENOMEM;
	e->crc = entry_crc(e, bytes);
	memcpy(buf, e, sizeof(*e));
	if (e->length)
		memcpy(buf + sizeof(*e), bytes, e->length);
	err = file_write_at(j->fd, buf, sizeof(*e) + e->length, j->end);
	free(buf);
	if (err) {
		/* a torn entry would hide all later ones */
		if (ftruncate(j->fd, j->end))
			return err;
		return err;
	}
	err = live_note(j, e, j->end);
	j->end += sizeof(*e) + e->length;
	dead = j->end - j->begin - j->live_bytes;
	/* A failure (disk full) leaves the old file as it is; each attempt costs as much as all that lives. */
	if (!err && dead > COMPACT_MIN && dead > j->live_bytes && j->end >= j->compact_from)
		j->compact_from = compact(j) ? j->end + COMPACT_MIN : 0;
	return err;
}

int journal_save(struct journal *j, enum record_kind kind, uint32_t id, const void *bytes, size_t n)
{
	struct entry e = { .length = n, .kind = kind, .id = id };

	if (n > JOURNAL_RECORD_MAX)
		return -E2BIG;
	return append(j, &e, bytes);
}

int journal_forget(struct journal *j, enum record_kind kind, uint32_t id)
{
	struct entry e = { .kind = kind | KIND_FORGET, .id = id };

	return journal_index_find(&j->live, kind, id) ? append(j, &e, NULL) : 0;
}
