/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files in a directory that belongs to the user whom the controller becomes, opened by root, too: he may
 * have put anything there in place of one.
 */
#ifndef RF_OWN_FILE_H
#define RF_OWN_FILE_H

#include <stdbool.h>

/* open() of a regular file that has no other name (none at all, if it was just replaced) and is root's, ours, or of the owner of its directory, which is no
 * link either. Nothing else is followed, waited for, or touched (flags: without O_TRUNC). The descriptor, or -errno:
 * -EPERM, -ELOOP and the like mean that it is not the file that it should be (own_file_is_foreign()). */
int own_file_open(const char *path, int flags, int mode);
/* Is the answer of own_file_open() that? Then somebody has to remove it. */
bool own_file_is_foreign(int err);
/* A directory, no link. The descriptor, or -errno. */
int own_dir_open(const char *path);

#endif
