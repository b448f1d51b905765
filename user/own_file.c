// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory first, then the name in it: what is looked at is what was opened.
 */
#include "own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool own_file_is_foreign(int err)
{
	return err == -EPERM || err == -ELOOP || err == -ENOTDIR || err == -EISDIR ||
	       err == -ENXIO || err == -ENODEV;
}

int own_dir_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Of the path: .dir as a new string of so much room, the name as return value. NULL: too long, or none. */
static const char *split(const char *path, char *dir, size_t room)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int n = slash ? snprintf(dir, room, "%.*s", (int)(slash == path ? 1 : slash - path), path)
		      : snprintf(dir, room, ".");

	return n < (int)room && *name ? name : NULL;
}

static int check(int dir, int fd)
{
	struct stat st, d;

	if (fstat(fd, &st) || fstat(dir, &d))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1 ||
	    (st.st_uid && st.st_uid != d.st_uid && st.st_uid != geteuid()))
		return -EPERM;
	return 0;
}

int own_file_open(const char *path, int flags, int mode)
{
	char parent[4096];
	const char *name = split(path, parent, sizeof(parent));
	int dir, fd, err;

	if (!name)
		return -ENAMETOOLONG;
	dir = own_dir_open(parent);
	if (dir < 0)
		return dir;
	fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	err = fd < 0 ? -errno : check(dir, fd);
	close(dir);
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}
