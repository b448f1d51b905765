// SPDX-License-Identifier: GPL-2.0-only
/*
 * {mark, length, crc, kind, id} and the bytes; the CRC is of the instance's id and of all but itself and the mark. No
 * length is believed before the CRC has said that it is one.
 */
#include "journal_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "action.h"
#include "file_piece.h"
#include "journal.h"
#include "journal_index.h"

#define MARK	  0xf5e1d1f0u /* no text: 0xf5 stands nowhere in UTF-8 */
#define WINDOW	  ((size_t)256 << 10)
#define ENTRY_MAX (sizeof(struct head) + JOURNAL_RECORD_MAX)

struct head { /* as it is in the file; plain ones begin with .length */
	uint32_t mark;
	uint32_t length;
	uint32_t crc;
	uint32_t kind;
	uint32_t id;
};
_Static_assert(sizeof(struct head) == JOURNAL_ENTRY_HEAD_MAX, "head");
#define PLAIN_SKIP offsetof(struct head, length)

size_t journal_entry_head_size(const struct journal_frame *f)
{
	return sizeof(struct head) - (f->plain ? PLAIN_SKIP : 0);
}

static uint32_t crc_of(const struct journal_frame *f, const struct head *h, const void *bytes)
{
	const uint32_t head[3] = { h->length, h->kind, h->id };
	uint32_t crc = crc32(0, NULL, 0);

	if (!f->plain)
		crc = crc32(crc, (const unsigned char *)&f->instance, sizeof(f->instance));
	crc = crc32(crc, (const unsigned char *)head, sizeof(head));
	return h->length ? crc32(crc, bytes, h->length) : crc;
}

size_t journal_entry_head(const struct journal_frame *f, const struct journal_entry *e,
			  const void *bytes, uint8_t out[JOURNAL_ENTRY_HEAD_MAX])
{
	struct head h = { MARK, e->length, 0, e->kind, e->id };
	size_t skip = f->plain ? PLAIN_SKIP : 0;

	h.crc = crc_of(f, &h, bytes);
	memcpy(out, (const uint8_t *)&h + skip, sizeof(h) - skip);
	return sizeof(h) - skip;
}

/* What is read of the file at the moment. */
struct reader {
	int fd;
	const struct journal_frame *f;
	uint64_t size; /* of the file when it was opened: a writer may go on */
	uint8_t *buf;
	uint64_t at; /* where .buf stands */
	size_t n, cap;
};

/* n bytes at this place; NULL: the file has not so many, or *err. */
static const uint8_t *bytes_at(struct reader *r, uint64_t at, size_t n, int *err)
{
	size_t want;

	if (at > r->size || n > r->size - at)
		return NULL;
	if (at >= r->at && at - r->at <= r->n && n <= r->n - (at - r->at))
		return r->buf + (at - r->at);
	want = r->size - at < r->cap ? r->size - at : r->cap;
	r->n = 0;
	*err = file_read_at(r->fd, r->buf, want, at);
	if (*err == -ENODATA) { /* cut off by its writer meanwhile */
		*err = 0;
		r->size = at;
		return NULL;
	}
	if (*err)
		return NULL;
	r->at = at;
	r->n = want;
	return r->buf;
}

static bool is_kind(uint32_t kind)
{
	kind &= ~(uint32_t)JOURNAL_FORGET;
	return kind && kind <= JOURNAL_KIND_MAX;
}

static bool head_at(struct reader *r, uint64_t at, struct head *h, int *err)
{
	size_t skip = r->f->plain ? PLAIN_SKIP : 0;
	const uint8_t *p = bytes_at(r, at, sizeof(*h) - skip, err);

	if (!p)
		return false;
	h->mark = MARK;
	memcpy((uint8_t *)h + skip, p, sizeof(*h) - skip);
	return h->mark == MARK;
}

/* Is a whole one there? */
static bool entry_at(struct reader *r, uint64_t at, struct journal_entry *e, int *err)
{
	size_t head = journal_entry_head_size(r->f);
	const uint8_t *p;
	struct head h;

	if (!head_at(r, at, &h, err) || !is_kind(h.kind) || h.length > JOURNAL_RECORD_MAX)
		return false;
	p = bytes_at(r, at, head + h.length, err);
	if (!p || h.crc != crc_of(r->f, &h, p + head))
		return false;
	*e = (struct journal_entry){ .kind = h.kind, .id = h.id, .length = h.length };
	return true;
}

/* The next place from `at` on where one could begin; the size of the file: none. */
static uint64_t next_mark(struct reader *r, uint64_t at, int *err)
{
	const uint32_t mark = MARK;
	size_t head = journal_entry_head_size(r->f), n;
	const uint8_t *p, *found;

	if (r->f->plain)
		return r->size - at < head ? r->size : at;
	while (at < r->size && r->size - at >= head) {
		n = r->size - at < WINDOW ? r->size - at : WINDOW;
		p = bytes_at(r, at, n, err);
		if (!p)
			break;
		found = memmem(p, n, &mark, sizeof(mark));
		if (found)
			return at + (uint64_t)(found - p);
		at += n - (sizeof(mark) - 1);
	}
	return r->size;
}

static void note_damage(struct reader *r, uint64_t at, struct journal_damage *d, int *err)
{
	struct head h;

	d->entries++;
	if (!head_at(r, at, &h, err) || !is_kind(h.kind) ||
	    (h.kind & ~(uint32_t)JOURNAL_FORGET) == RECORD_CALL)
		d->calls++;
}

/* From a place where no whole one is to the next whole one, or to the end of the file. */
static uint64_t resync(struct reader *r, uint64_t at, struct journal_damage *d, int *err)
{
	struct journal_entry e;
	uint64_t from = at;

	note_damage(r, at, d, err);
	while (!*err) {
		at = next_mark(r, at + 1, err);
		if (*err || at == r->size || entry_at(r, at, &e, err))
			break;
		if (!r->f->plain) /* a mark is an entry's */
			note_damage(r, at, d, err);
	}
	if (at > r->size)
		at = r->size;
	d->bytes += at - from;
	return at;
}

static int read_all(struct reader *r, uint64_t at, journal_entry_cb *cb, void *arg, uint64_t *end,
		    struct journal_damage *between, struct journal_damage *behind)
{
	struct journal_damage gap = { 0 };
	struct journal_entry e;
	int err = 0;

	*end = at;
	while (at < r->size && !err) {
		if (!entry_at(r, at, &e, &err)) {
			if (!err)
				at = resync(r, at, &gap, &err);
			continue;
		}
		err = cb(&e, at, arg);
		if (err)
			break;
		at += journal_entry_head_size(r->f) + e.length;
		*end = at;
		between->entries += gap.entries;
		between->bytes += gap.bytes;
		between->calls += gap.calls;
		gap = (struct journal_damage){ 0 };
	}
	*behind = gap;
	return err;
}

static int reader_open(struct reader *r, int fd, const struct journal_frame *f)
{
	*r = (struct reader){ .fd = fd, .f = f, .cap = ENTRY_MAX + WINDOW };
	r->buf = malloc(r->cap);
	if (!r->buf)
		return -ENOMEM;
	return file_size(fd, &r->size);
}

int journal_entries(int fd, const struct journal_frame *f, uint64_t begin, journal_entry_cb *cb,
		    void *arg, uint64_t *end, struct journal_damage *between,
		    struct journal_damage *behind)
{
	struct reader r;
	int err = reader_open(&r, fd, f);

	*between = *behind = (struct journal_damage){ 0 };
	if (!err)
		err = read_all(&r, begin, cb, arg, end, between, behind);
	free(r.buf);
	return err;
}

int journal_entry_whole(int fd, const struct journal_frame *f, uint64_t at, bool *whole)
{
	struct journal_entry e;
	struct reader r;
	int err = reader_open(&r, fd, f);

	if (!err)
		*whole = entry_at(&r, at, &e, &err);
	free(r.buf);
	return err;
}
