// SPDX-License-Identifier: GPL-2.0-only
/*
 * File: one header, then entries {length, crc, kind, id, bytes}; the CRC covers all but itself. What
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
#include <uthash.h>
#include <zlib.h>

#define JOURNAL_MAGIC "RFJRNL1\n"
#define COMPACT_MIN   (1 << 20) /* dead bytes that are worth a rewrite */
#define KIND_FORGET   0x8000

struct header {
	char magic[8];
	char boot_id[40];
};

struct entry {
	uint32_t length; /* of the bytes behind it */
	uint32_t crc;
	uint32_t kind; /* enum record_kind, KIND_FORGET */
	uint32_t id;
};

struct live {
	struct {
		uint32_t id, kind;
	} key;
	uint64_t at; /* of the entry */
	uint32_t length;
	UT_hash_handle hh;
};

struct journal {
	char *path;
	int fd;
	bool rw;
	uint64_t end; /* where the next entry goes */
	uint64_t live_bytes; /* entries that count; the rest up to end is dead */
	uint64_t compact_from; /* of end: a rewrite that failed is not tried again before */
	struct live *live;
};

static void boot_id(char out[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	memset(out, 0, 40);
	if (fd < 0)
		return;
	n = read(fd, out, 36);
	close(fd);
	if (n != 36)
		memset(out, 0, 40);
}

static struct header header_now(void)
{
	struct header h;

	memset(&h, 0, sizeof(h));
	memcpy(h.magic, JOURNAL_MAGIC, sizeof(h.magic));
	boot_id(h.boot_id);
	return h;
}

static uint32_t entry_crc(const struct entry *e, const void *bytes)
{
	uint32_t head[3] = { e->length, e->kind, e->id };
	uint32_t crc = crc32(crc32(0, NULL, 0), (const unsigned char *)head, sizeof(head));

	return e->length ? crc32(crc, bytes, e->length) : crc;
}

static int read_at(int fd, void *buf, size_t n, uint64_t at)
{
	char *p = buf;
	ssize_t got;

	while (n) {
		got = pread(fd, p, n, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -ENODATA;
		p += got;
		at += got;
		n -= got;
	}
	return 0;
}

static int write_at(int fd, const void *buf, size_t n, uint64_t at)
{
	const char *p = buf;
	ssize_t done;

	while (n) {
		done = pwrite(fd, p, n, at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		at += done;
		n -= done;
	}
	return 0;
}

static struct live *live_find(struct journal *j, uint32_t kind, uint32_t id)
{
	struct live *l, key;

	memset(&key, 0, sizeof(key));
	key.key.id = id;
	key.key.kind = kind;
	HASH_FIND(hh, j->live, &key.key, sizeof(key.key), l);
	return l;
}

static void live_remove(struct journal *j, struct live *l)
{
	j->live_bytes -= sizeof(struct entry) + l->length;
	HASH_DEL(j->live, l);
	free(l);
}

/* Takes note of an entry that is in the file at `at`. */
static int live_note(struct journal *j, const struct entry *e, uint64_t at)
{
	struct live *l = live_find(j, e->kind & ~KIND_FORGET, e->id);

	if (e->kind & KIND_FORGET) {
		if (l)
			live_remove(j, l);
		return 0;
	}
	if (l) {
		j->live_bytes -= sizeof(*e) + l->length;
	} else {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->key.id = e->id;
		l->key.kind = e->kind;
		HASH_ADD(hh, j->live, key, sizeof(l->key), l);
	}
	l->at = at;
	l->length = e->length;
	j->live_bytes += sizeof(*e) + e->length;
	return 0;
}

/* Reads entries until the end or the first that is not whole; j->end is then behind the last good one. */
static int scan(struct journal *j)
{
	char *buf = malloc(JOURNAL_RECORD_MAX);
	struct entry e;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	j->end = sizeof(struct header);
	for (;;) {
		err = read_at(j->fd, &e, sizeof(e), j->end);
		if (err || e.length > JOURNAL_RECORD_MAX)
			break;
		err = read_at(j->fd, buf, e.length, j->end + sizeof(e));
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

static void live_clear(struct journal *j)
{
	struct live *l, *next;

	HASH_ITER (hh, j->live, l, next) {
		HASH_DEL(j->live, l);
		free(l);
	}
	j->live_bytes = 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	live_clear(j);
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j);
}

/* Is the file one of ours, of this boot? An empty one is as good as new. */
static int header_check(int fd, bool *ours, bool *empty)
{
	struct header have, want = header_now();
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	*empty = st.st_size == 0;
	*ours = false;
	if (st.st_size < (off_t)sizeof(have))
		return 0;
	err = read_at(fd, &have, sizeof(have), 0);
	if (!err)
		*ours = !memcmp(&have, &want, sizeof(have));
	return err;
}

/* The writer's file: locked, and with our header. Another boot's is moved away. */
static int open_writer(struct journal *j, struct journal_report *report)
{
	struct header h = header_now();
	char old[4096];
	bool ours, empty;
	int err;

	for (;;) {
		j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (j->fd < 0)
			return -errno;
		if (flock(j->fd, LOCK_EX | LOCK_NB))
			return -errno;
		err = header_check(j->fd, &ours, &empty);
		if (err || ours)
			return err;
		if (empty)
			return write_at(j->fd, &h, sizeof(h), 0);
		snprintf(old, sizeof(old), "%s.old", j->path);
		if (rename(j->path, old))
			return -errno;
		report->set_aside = true;
		close(j->fd);
	}
}

static int open_reader(struct journal *j, struct journal_report *report)
{
	bool ours, empty;
	int err;

	j->fd = open(j->path, O_RDONLY | O_CLOEXEC);
	if (j->fd < 0)
		return -errno;
	err = header_check(j->fd, &ours, &empty);
	if (err || ours)
		return err;
	report->set_aside = !empty;
	return -ENOENT;
}

int journal_open(struct journal **out, const char *path, bool rw, struct journal_report *report)
{
	struct journal *j = calloc(1, sizeof(*j));
	struct journal_report found = { 0 };
	struct stat st;
	int err;

	if (!j)
		return -ENOMEM;
	j->fd = -1;
	j->rw = rw;
	j->path = strdup(path);
	err = !j->path ? -ENOMEM : rw ? open_writer(j, &found) : open_reader(j, &found);
	if (!err)
		err = scan(j);
	if (!err && !fstat(j->fd, &st) && (uint64_t)st.st_size > j->end) {
		found.torn_bytes = st.st_size - j->end;
		if (rw && ftruncate(j->fd, j->end))
			err = -errno;
	}
	found.live = HASH_COUNT(j->live);
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
	const struct live *x = *(struct live *const *)a, *y = *(struct live *const *)b;

	if (x->key.kind != y->key.kind)
		return x->key.kind < y->key.kind ? -1 : 1;
	return x->key.id < y->key.id ? -1 : x->key.id > y->key.id;
}

/* Calls fn for each live entry in order, with its bytes. */
static int each_live(struct journal *j, int (*fn)(struct live *l, const void *bytes, void *arg),
		     void *arg)
{
	size_t n = HASH_COUNT(j->live), i = 0;
	struct live **v = calloc(n ? n : 1, sizeof(*v)), *l, *next;
	char *buf = malloc(JOURNAL_RECORD_MAX);
	int err = v && buf ? 0 : -ENOMEM;

	if (!err) {
		HASH_ITER (hh, j->live, l, next)
			v[i++] = l;
		qsort(v, n, sizeof(*v), by_kind);
	}
	for (i = 0; i < n && !err; i++) {
		err = read_at(j->fd, buf, v[i]->length, v[i]->at + sizeof(struct entry));
		if (!err)
			err = fn(v[i], buf, arg);
	}
	free(v);
	free(buf);
	return err;
}

struct load_arg {
	journal_cb *cb;
	void *arg;
};

static int load_one(struct live *l, const void *bytes, void *arg)
{
	const struct load_arg *a = arg;

	return a->cb(l->key.kind, l->key.id, bytes, l->length, a->arg);
}

int journal_load(struct journal *j, journal_cb *cb, void *arg)
{
	struct load_arg a = { cb, arg };

	return each_live(j, load_one, &a);
}

struct copy {
	int fd;
	uint64_t at;
};

static int copy_one(struct live *l, const void *bytes, void *arg)
{
	struct entry e = { .length = l->length, .kind = l->key.kind, .id = l->key.id };
	struct copy *c = arg;
	int err;

	e.crc = entry_crc(&e, bytes);
	err = write_at(c->fd, &e, sizeof(e), c->at);
	if (!err)
		err = write_at(c->fd, bytes, l->length, c->at + sizeof(e));
	if (!err)
		c->at += sizeof(e) + l->length;
	return err;
}

/*
 * Rewrites the live entries into a new file and renames it over the old one: at any moment the name
 * stands for a whole journal. A reader that has the old one open reads on in it.
 */
static int compact(struct journal *j)
{
	struct header h = header_now();
	struct copy c = { .fd = -1, .at = sizeof(h) };
	char fresh[4096];
	int err;

	snprintf(fresh, sizeof(fresh), "%s.new", j->path);
	c.fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (c.fd < 0)
		return -errno;
	err = flock(c.fd, LOCK_EX | LOCK_NB) ? -errno : write_at(c.fd, &h, sizeof(h), 0);
	if (!err)
		err = each_live(j, copy_one, &c);
	if (!err && rename(fresh, j->path))
		err = -errno;
	if (err) {
		unlink(fresh);
		close(c.fd);
		return err;
	}
	close(j->fd);
	j->fd = c.fd;
	live_clear(j);
	return scan(j);
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
	err = write_at(j->fd, buf, sizeof(*e) + e->length, j->end);
	free(buf);
	if (err) {
		/* a torn entry would hide all later ones */
		if (ftruncate(j->fd, j->end))
			return err;
		return err;
	}
	err = live_note(j, e, j->end);
	j->end += sizeof(*e) + e->length;
	dead = j->end - sizeof(struct header) - j->live_bytes;
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

	return live_find(j, kind, id) ? append(j, &e, NULL) : 0;
}
