/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file at `path` as a version before wrote it: 2, entries without a mark and the CRC without the instance; 1, its
 * header without the instance, too.
 */
#ifndef RF_TEST_JOURNAL_OLD_H
#define RF_TEST_JOURNAL_OLD_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static size_t journal_old(const char *path, char version)
{
	static unsigned char in[1 << 16], out[1 << 16];
	int fd = open(path, O_RDWR);
	ssize_t n = read(fd, in, sizeof(in)), begin = version == '1' ? 48 : 56, at = 56, to = begin;

	assert_true(n >= at && n < (ssize_t)sizeof(in));
	memcpy(out, in, (size_t)begin);
	out[6] = (unsigned char)version;
	while (at < n) {
		uint32_t h[5], crc; /* mark, length, crc, kind, id */

		memcpy(h, in + at, sizeof(h));
		crc = (uint32_t)crc32(crc32(0, NULL, 0), (unsigned char *)&h[1], 4);
		crc = (uint32_t)crc32(crc, (unsigned char *)&h[3], 8);
		if (h[1])
			crc = (uint32_t)crc32(crc, in + at + sizeof(h), h[1]);
		h[2] = crc;
		memcpy(out + to, &h[1], 16);
		memcpy(out + to + 16, in + at + sizeof(h), h[1]);
		at += (ssize_t)(sizeof(h) + h[1]);
		to += 16 + h[1];
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, out, (size_t)to, 0), to);
	close(fd);
	return (size_t)to;
}

#endif
