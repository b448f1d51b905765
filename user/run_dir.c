// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock is a flock on a file that holds the process id, for people. Who removes it does so while he has it, so that
 * one who has opened it before sees by its inode that it is no longer the one.
 */
#include "run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own_file.h"

#define RUN_PATH_MAX 128
#define WAIT_NS \
	(5ULL * 1000000000) /* for a controller that has the lock: it looks ten times a second */
#define WAIT_BEAT_NS (1500000000ULL) /* for one elsewhere, of which only a heartbeat is known */
#define WAIT_STEP_US 20000

static const char *run_path(char *buf, const char *instance, const char *name)
{
	snprintf(buf, RUN_PATH_MAX, RF_RUN_ROOT "/%s%s%s", instance, name ? "/" : "",
		 name ? name : "");
	return buf;
}

static unsigned int pid_in(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtoul(text, NULL, 10) : 0;
}

static const char *pid_text(char *buf, size_t n, unsigned int pid)
{
	snprintf(buf, n, pid ? " (pid %u)" : "", pid);
	return buf;
}

/* Who had the lock last, by the second line: "last PID MARK". */
static struct run_dir_former former_in(int fd)
{
	struct run_dir_former f = { 0 };
	char text[64] = "";
	const char *at;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return f;
	at = strstr(text, "last ");
	if (!at || sscanf(at, "last %u %u", &f.pid, &f.mark) != 2)
		f = (struct run_dir_former){ 0 };
	return f;
}

/* The process id is only told to people. */
static void pid_write(int fd, const struct run_dir_former *f)
{
	char text[64];
	int n = snprintf(text, sizeof(text), f->pid ? "%d\nlast %u %u\n" : "%d\n", getpid(), f->pid,
			 f->mark);

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		log_debug("the lock file does not tell who has it: %s", strerror(errno));
}

struct run_dir_former run_dir_former(int lock)
{
	return former_in(lock);
}

void run_dir_sign(int lock, uint32_t mark)
{
	pid_write(lock, &(struct run_dir_former){ .pid = (uint32_t)getpid(), .mark = mark });
}

static bool still_there(int fd, const char *path)
{
	struct stat at_path, at_fd;

	return !fstat(fd, &at_fd) && !lstat(path, &at_path) && at_fd.st_ino == at_path.st_ino &&
	       at_fd.st_dev == at_path.st_dev;
}

static int open_lock(const char *path, int flags)
{
	return own_file_open(path, O_RDWR | flags, 0600);
}

/* Made by root, and nobody else could have put something in its place. */
static int root_check(struct why *w)
{
	int fd = own_dir_open(RF_RUN_ROOT), err = fd < 0 ? fd : 0;
	struct stat st;

	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err && (st.st_uid || st.st_mode & (S_IWGRP | S_IWOTH)))
		err = -EPERM;
	if (fd >= 0)
		close(fd);
	return err ? why_set(w, err, "%s",
			     RF_RUN_ROOT
			     " is not a directory that only root can write to: remove it")
		   : 0;
}

int run_dir_lock(const char *instance, int *lock, struct why *w)
{
	char path[RUN_PATH_MAX], who[32];
	struct run_dir_former former;
	int fd, err;

	for (;;) {
		if (mkdir(RF_RUN_ROOT, 0755) && errno != EEXIST)
			return why_set(w, -errno, "cannot create " RF_RUN_ROOT ": %s; run as root",
				       strerror(errno));
		err = root_check(w);
		if (err)
			return err;
		if (mkdir(run_path(path, instance, NULL), 0700) && errno != EEXIST)
			return why_set(w, -errno, "cannot create %s: %s; run as root", path,
				       strerror(errno));
		fd = open_lock(run_path(path, instance, "lock"), O_CREAT);
		if (fd == -ENOENT)
			continue; /* a detach has just removed the directory */
		if (fd < 0)
			return why_set(w, fd, "cannot open %s: %s%s", path, strerror(-fd),
				       own_file_is_foreign(fd)
					       ? "; it is not the file that it should be: remove it"
					       : "");
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			if (errno != EWOULDBLOCK) {
				err = why_set(w, -errno, "cannot lock %s: %s", path,
					      strerror(errno));
				close(fd);
				return err;
			}
			pid_text(who, sizeof(who), pid_in(fd));
			close(fd);
			return why_set(
				w, -EBUSY,
				"a controller of instance \"%s\" runs already%s; see: ringfence status",
				instance, who);
		}
		if (still_there(fd, path))
			break;
		close(fd);
	}
	former = former_in(fd);
	pid_write(fd, &former);
	*lock = fd;
	return 0;
}

int run_dir_give(const char *instance, unsigned int uid, unsigned int gid)
{
	char path[RUN_PATH_MAX];
	int fd = own_dir_open(run_path(path, instance, NULL)), err = 0;

	if (fd < 0)
		return fd;
	if (fchown(fd, uid, gid))
		err = -errno;
	close(fd);
	return err;
}

static void clear(const char *instance, bool journal)
{
	static const char *const files[] = { "journal",		"journal.old",	"journal.new",
					     "journal.damaged", "control.sock", "lock" };
	char path[RUN_PATH_MAX];
	size_t i;

	for (i = journal ? 0 : 5; i < sizeof(files) / sizeof(*files); i++)
		unlink(run_path(path, instance, files[i]));
	rmdir(run_path(path, instance, NULL));
}

void run_dir_clear(const char *instance, bool journal)
{
	clear(instance, journal);
}

void run_dir_remove(const char *instance)
{
	char path[RUN_PATH_MAX];
	int lock;

	lock = open_lock(run_path(path, instance, "lock"), 0);
	if (lock < 0 && lock != -ENOENT) { /* a controller may have it */
		log_warning("%s is left as it is: %s", path, strerror(-lock));
		return;
	}
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB)) {
		close(lock);
		return;
	}
	clear(instance, true);
	if (lock >= 0)
		close(lock);
}

/* Does a controller have the lock? 1, 0 or -errno. *pid: which, 0: not known. */
static int is_locked(const char *instance, unsigned int *pid)
{
	char path[RUN_PATH_MAX];
	int fd, locked = 0;

	fd = open_lock(run_path(path, instance, "lock"), 0);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (flock(fd, LOCK_EX | LOCK_NB))
		locked = errno == EWOULDBLOCK ? 1 : -errno;
	*pid = locked == 1 ? pid_in(fd) : 0;
	close(fd);
	return locked;
}

static int still_runs(const char *instance, unsigned int pid, struct why *w)
{
	char who[32], kill[32] = "";

	if (pid) /* 0 would be everybody of ours */
		snprintf(kill, sizeof(kill), ": kill -KILL %u", pid);
	return why_set(
		w, -ETIMEDOUT,
		"instance \"%s\" is detached, but its controller%s does not end: it is stopped or hangs, and no other can start before it is gone%s",
		instance, pid_text(who, sizeof(who), pid), kill);
}

/* By its heartbeat, wherever its lock is. 1, 0 or -errno */
static int is_alive(const struct datapath *dp, uint64_t now)
{
	struct controller_info info;
	int err = datapath_controller(dp, now, &info);

	return err ? err : info.state == CONTROLLER_ALIVE;
}

int run_dir_wait(const struct datapath *dp, struct why *w)
{
	uint64_t start = clock_now_ns(), now = start;
	unsigned int pid = 0;
	int runs;

	for (;;) {
		runs = is_locked(dp->instance, &pid);
		if (!runs && now - start < WAIT_BEAT_NS)
			runs = is_alive(dp, now);
		if (runs < 0)
			return why_set(
				w, runs,
				"instance \"%s\" is detached, but whether its controller has ended cannot be told: %s; what it has left in " RF_RUN_ROOT
				"/%s stays",
				dp->instance, strerror(-runs), dp->instance);
		if (!runs)
			break;
		if (now - start >= WAIT_NS)
			return still_runs(dp->instance, pid, w);
		usleep(WAIT_STEP_US);
		now = clock_now_ns();
	}
	run_dir_remove(dp->instance); /* what one that is not root may not */
	return 0;
}
