// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying reads what stands between the pieces, too, as long as it is in the same buffer: that is
 * cheaper than a call for each.
 */
#include "file_piece.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BUFFER (64 << 10)

int file_size(int fd, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	*size = (uint64_t)st.st_size;
	return 0;
}

int file_read_at(int fd, void *buf, size_t n, uint64_t at)
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

int file_write_at(int fd, const void *buf, size_t n, uint64_t at)
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

struct copy {
	int from, to;
	uint64_t end; /* of the last piece: nothing behind it is read */
	size_t room; /* of each buffer: no piece is larger */
	char *in, *out;
	uint64_t in_at, out_at; /* where they stand in the files */
	size_t n_in, n_out;
};

static int flush(struct copy *c)
{
	int err = file_write_at(c->to, c->out, c->n_out, c->out_at);

	c->out_at += c->n_out;
	c->n_out = 0;
	return err;
}

static int copy_piece(struct copy *c, const struct file_piece *p)
{
	int err = 0;

	if (c->n_out + p->n > c->room)
		err = flush(c);
	if (!err && p->at + p->n > c->in_at + c->n_in) {
		c->in_at = p->at;
		c->n_in = c->end - p->at < c->room ? c->end - p->at : c->room;
		err = file_read_at(c->from, c->in, c->n_in, c->in_at);
	}
	if (err)
		return err;
	memcpy(c->out + c->n_out, c->in + (p->at - c->in_at), p->n);
	c->n_out += p->n;
	return 0;
}

int file_copy_pieces(int from, const struct file_piece *v, size_t n, int to, uint64_t to_at)
{
	struct copy c = { .from = from, .to = to, .room = COPY_BUFFER, .out_at = to_at };
	size_t i;
	int err;

	for (i = 0; i < n; i++)
		c.room = v[i].n > c.room ? v[i].n : c.room;
	c.end = n ? v[n - 1].at + v[n - 1].n : 0;
	c.in = malloc(c.room);
	c.out = malloc(c.room);
	err = c.in && c.out ? 0 : -ENOMEM;
	for (i = 0; i < n && !err; i++)
		err = copy_piece(&c, &v[i]);
	if (!err)
		err = flush(&c);
	free(c.in);
	free(c.out);
	return err;
}
