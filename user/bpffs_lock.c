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

#define WAIT_STEP_US 50000
#define WAIT_STEPS   300 /* 15 s */

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

/* Another attach or detach takes seconds; a controller that is stopped while it has the lock would have it for ever. */
static int take(int fd, bool wait)
{
	unsigned int left = wait ? WAIT_STEPS : 0;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || !left--)
			return -errno;
		usleep(WAIT_STEP_US);
	}
	return 0;
}

static int open_lock(const char *path, bool wait, struct why *w)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err;

	if (fd < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : why_set(w, -errno, "cannot open %s: %s", path, strerror(errno));
	err = take(fd, wait);
	if (!err)
		return fd;
	close(fd);
	if (err == -EWOULDBLOCK && wait)
		return why_set(
			w, -EBUSY,
			"another attach, replace or detach of this instance, or its controller, has held %s for %u seconds: it hangs or is stopped; see who: fuser -v %s; continue or end it, then again",
			path, WAIT_STEPS / (1000000 / WAIT_STEP_US), path);
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

int bpffs_make_lock(const char *instance, struct why *w)
{
	char parent[PIN_PATH_MAX], path[PIN_PATH_MAX];
	struct stat st;

	pin_path(path, instance, "lock", NULL);
	if (!lstat(path, &st) || errno != ENOENT ||
	    (stat(pin_path(parent, instance, "maps", NULL), &st) && errno == ENOENT))
		return 0; /* bpffs_lock() says what is wrong with it */
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return why_set(w, -errno, "cannot create %s: %s", path, strerror(errno));
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
