// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot and instance are random and long: one damaged byte does not make a header another's.
 */
#include "journal_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "file_piece.h"
#include "journal_entry.h"

#define MAGIC	      "RFJRNL3\n"
#define PLAIN_MAGIC   "RFJRNL2\n" /* whose entries have no mark */
#define UNNAMED_MAGIC "RFJRNL1\n" /* nor its header an instance */
#define MAGIC_VERSION 6 /* the digit's place */

struct header {
	char magic[8];
	char boot_id[40];
	uint64_t instance; /* whose calls these are */
};
_Static_assert(sizeof(struct header) == JOURNAL_HEADER_SIZE, "header");
#define UNNAMED_SIZE offsetof(struct header, instance)

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

static int header_now(const struct journal_owner *owner, struct header *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	h->instance = owner->instance;
	return boot_id(h->boot_id);
}

static bool has_magic(const struct header *h, const char *magic)
{
	return !memcmp(h->magic, magic, sizeof(h->magic));
}

/* This version's or the one's before, but for one byte. */
static bool is_ours(const struct header *h, const struct header *want, bool *damaged)
{
	const uint8_t *a = (const uint8_t *)h, *b = (const uint8_t *)want;
	size_t differ = 0;

	for (size_t i = 0; i < sizeof(*h); i++)
		differ +=
			a[i] != b[i] && !(i == MAGIC_VERSION && a[i] == PLAIN_MAGIC[MAGIC_VERSION]);
	*damaged = differ;
	return differ <= 1;
}

/* The digit alone may be what is damaged: the first entry says it, too. */
static int read_version(int fd, const struct journal_owner *owner, const struct header *h,
			struct journal_header_found *out)
{
	struct journal_frame f = { .plain = false, .instance = owner->instance };
	bool marked, plain = false;
	int err = journal_entry_whole(fd, &f, sizeof(*h), &marked);

	f.plain = true;
	if (!err && !marked)
		err = journal_entry_whole(fd, &f, sizeof(*h), &plain);
	if (err)
		return err;
	out->plain = plain || (!marked && h->magic[MAGIC_VERSION] == PLAIN_MAGIC[MAGIC_VERSION]);
	if (!has_magic(h, out->plain ? PLAIN_MAGIC : MAGIC))
		out->damaged = true;
	return 0;
}

static int judge(int fd, const struct journal_owner *owner, const struct header *have, bool whole,
		 struct journal_header_found *out)
{
	struct header want;
	int err = header_now(owner, &want);

	if (err)
		return err;
	if (whole && is_ours(have, &want, &out->damaged)) {
		out->kind = JOURNAL_OURS;
		out->begin = sizeof(*have);
		return read_version(fd, owner, have, out);
	}
	out->damaged = false;
	if (memcmp(have->boot_id, want.boot_id, sizeof(want.boot_id)))
		return 0;
	if (has_magic(have, UNNAMED_MAGIC)) {
		out->kind = owner->unnamed_too ? JOURNAL_OURS : JOURNAL_FOREIGN;
		out->begin = UNNAMED_SIZE;
		out->plain = true;
	} else if (whole && (has_magic(have, MAGIC) || has_magic(have, PLAIN_MAGIC))) {
		out->kind = JOURNAL_FOREIGN;
	}
	return 0;
}

int journal_header_find(int fd, const struct journal_owner *owner, struct journal_header_found *out)
{
	struct journal_header_found found = { .kind = JOURNAL_OTHER, .begin = JOURNAL_HEADER_SIZE };
	struct header have = { 0 };
	uint64_t size;
	int err = file_size(fd, &size);

	if (err)
		return err;
	if (!size)
		found.kind = JOURNAL_EMPTY;
	if (size >= UNNAMED_SIZE) {
		bool whole = size >= sizeof(have);

		err = file_read_at(fd, &have, whole ? sizeof(have) : UNNAMED_SIZE, 0);
		if (!err)
			err = judge(fd, owner, &have, whole, &found);
	}
	if (!err)
		*out = found;
	return err;
}

int journal_header_write(int fd, const struct journal_owner *owner)
{
	struct header h;
	int err = header_now(owner, &h);

	return err ? err : file_write_at(fd, &h, sizeof(h), 0);
}
