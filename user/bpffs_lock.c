// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock over changes of one instance. It lies on a directory beside the pins, <instance>/lock, so that
 * everybody who sees the pins sees it, whatever /run he has; and as flock() needs no more than an open
 * descriptor, that directory can be opened by root and by the controller's user alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpffs.h"
#include "rf_abi.h"

/* -ENOENT: the last detach has just removed what it lies in. */
static int make_lock_dir(const char *path, const char *instance, struct why *w)
{
	char parent[PIN_PATH_MAX];
	int err = 0;

	pin_path(parent, instance, NULL, NULL);
	if ((mkdir(RF_BPFFS_ROOT, 0755) && errno != EEXIST) ||
	    (mkdir(parent, 0711) && errno != EEXIST) || (mkdir(path, 0700) && errno != EEXIST))
		err = -errno;
	if (err && err != -ENOENT) {
		rmdir(parent); /* unless somebody else uses them */
		rmdir(RF_BPFFS_ROOT);
	}
	if (err && err != -ENOENT)
		why_set(w, err, "cannot create %s: %s%s", path, strerror(-err),
			err == -EACCES || err == -EPERM ? "; run as root" : "");
	return err;
}

static int open_lock(const char *path, bool wait, struct why *w)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : why_set(w, -errno, "cannot open %s: %s", path, strerror(errno));
	if (!flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);
	if (err == -EWOULDBLOCK)
		return why_set(w, -EAGAIN,
			       "an attach, replace or detach of this instance is at work");
	return why_set(w, err, "cannot lock %s: %s", path, strerror(-err));
}

int bpffs_lock(const char *instance, bool wait, struct why *w)
{
	struct stat at_path, at_fd;
	char path[PIN_PATH_MAX];
	int fd, err;

	pin_path(path, instance, "lock", NULL);
	for (;;) {
		err = wait ? make_lock_dir(path, instance, w) : 0;
		fd = err ? err : open_lock(path, wait, w);
		if (fd == -ENOENT && wait)
			continue;
		if (fd == -ENOENT)
			return why_set(w, -ENOENT, "there is no %s", path);
		if (fd < 0)
			return fd;
		/* The last detach may have removed the directory while we waited. */
		if (!fstat(fd, &at_fd) && !stat(path, &at_path) && at_fd.st_ino == at_path.st_ino)
			return fd;
		close(fd);
	}
}

void bpffs_unlock(const char *instance, int lock)
{
	char path[PIN_PATH_MAX];

	if (access(pin_path(path, instance, "maps", NULL), F_OK) && errno == ENOENT) {
		rmdir(pin_path(path, instance, "lock", NULL));
		rmdir(pin_path(path, instance, NULL, NULL));
		rmdir(RF_BPFFS_ROOT); /* fails while there are other instances */
	}
	close(lock);
}
