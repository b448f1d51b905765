/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pieces of files: read and written whole, and many of them copied by few large calls.
 */
#ifndef RF_FILE_PIECE_H
#define RF_FILE_PIECE_H

#include <stddef.h>
#include <stdint.h>

struct file_piece {
	uint64_t at;
	size_t n;
};

int file_size(int fd, uint64_t *size); /* 0 or -errno */
/* 0 or -errno; -ENODATA: the file ends before. */
int file_read_at(int fd, void *buf, size_t n, uint64_t at);
int file_write_at(int fd, const void *buf, size_t n, uint64_t at);
/* Copies pieces, given in the order of their places, behind each other to to_at. 0 or -errno. */
int file_copy_pieces(int from, const struct file_piece *v, size_t n, int to, uint64_t to_at);

#endif
