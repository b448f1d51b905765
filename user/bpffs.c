// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins and their directories. Modes: the way to links/ can be walked by the controller's user, the
 * pinned maps and programs themselves stay root's (0600, the kernel's default).
 */
#include "bpffs.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rf_abi.h"

#define BPFFS_MOUNT "/sys/fs/bpf"

const char *pin_path(char *buf, const char *instance, const char *sub, const char *name)
{
	snprintf(buf, PIN_PATH_MAX, "%s/%s%s%s%s%s", RF_BPFFS_ROOT, instance, sub ? "/" : "",
		 sub ? sub : "", name ? "/" : "", name ? name : "");
	return buf;
}

const char *pin_link_path(char *buf, const char *instance, const char *prefix, uint32_t ifindex)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", prefix, ifindex);
	return pin_path(buf, instance, "links", name);
}

/* The bpf file system knows links, and links/ is the controller's user's: what he put there in place of a pin may lead
 * to one that only root can open. By a descriptor, so that it is the one that was looked at. */
int pin_open(const char *path)
{
	int at = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd = -1, err = 0;
	char by_fd[32];
	struct stat st;

	if (at < 0)
		return -1;
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", at);
	if (fstat(at, &st))
		err = errno;
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		err = EACCES;
	if (!err) {
		fd = bpf_obj_get(by_fd);
		err = errno;
	}
	close(at);
	errno = err;
	return fd;
}

int pin_give(const char *path, unsigned int uid, unsigned int gid)
{
	int at = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;

	if (at < 0)
		return -errno;
	if (fstat(at, &st))
		err = -errno;
	else if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		err = -EPERM;
	else if (fchownat(at, "", uid, gid, AT_EMPTY_PATH))
		err = -errno;
	close(at);
	return err;
}

/* 1, 0 or -errno: what cannot be read is not "no", as another one would be mounted over it. */
static int is_bpffs(void)
{
	struct statfs fs;

	if (statfs(BPFFS_MOUNT, &fs))
		return errno == ENOENT ? 0 : -errno;
	return fs.f_type == BPF_FS_MAGIC;
}

int bpffs_open_way(void)
{
	struct stat st;

	if (stat(BPFFS_MOUNT, &st))
		return -errno;
	if (st.st_mode & S_IXOTH)
		return 0;
	if (chmod(BPFFS_MOUNT, (st.st_mode & 07777) | S_IXOTH))
		return -errno;
	log_info("%s had mode %04o: others may walk through it now, as the controller's user must",
		 BPFFS_MOUNT, st.st_mode & 07777);
	return 0;
}

/* Is it the name of the network namespace that this process is in? */
static bool is_our_netns(const char *name)
{
	struct stat ours, named;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "/run/netns/%s", name);

	return *name && !strchr(name, '/') && n < (int)sizeof(path) &&
	       !stat("/proc/self/ns/net", &ours) && !stat(path, &named) &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/*
 * `ip netns exec` mounts a sysfs of its own over /sys, with the namespace's name as source. The real
 * bpf file system is hidden below it, and one mounted there would vanish with the command. Others mount it
 * with whatever source they like.
 */
static bool hidden_by_ip_netns(char *name, size_t n)
{
	char line[1024], *dash, *point, *source;
	bool hidden = false;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		char mount_point[256], type[32], from[256];

		point = line;
		dash = strstr(line, " - ");
		if (!dash || sscanf(point, "%*s %*s %*s %*s %255s", mount_point) != 1 ||
		    strcmp(mount_point, "/sys"))
			continue;
		source = dash + 3;
		if (sscanf(source, "%31s %255s", type, from) != 2 || strcmp(type, "sysfs"))
			continue;
		hidden = is_our_netns(from);
		if (hidden)
			snprintf(name, n, "%.63s", from);
	}
	fclose(f);
	return hidden;
}

int bpffs_ready(bool mount_it, struct why *w)
{
	char ns[64];
	int there = is_bpffs();

	if (there < 0)
		return why_set(w, there,
			       "cannot tell whether " BPFFS_MOUNT " is a bpf file system: %s",
			       strerror(-there));
	if (there) {
		if (mount_it && !geteuid() && (there = bpffs_open_way()) < 0)
			log_warning("a controller that is not root cannot walk through " BPFFS_MOUNT
				    ": %s",
				    strerror(-there));
		return 0;
	}
	if (hidden_by_ip_netns(ns, sizeof(ns)))
		return why_set(
			w, -ENODEV,
			"\"ip netns exec\" hides the bpf file system; run instead: nsenter --net=/run/netns/%s ringfence ...",
			ns);
	if (!mount_it)
		return why_set(w, -ENODEV,
			       "no bpf file system on " BPFFS_MOUNT
			       ": nothing is attached on this machine");
	if (mount("bpf", BPFFS_MOUNT, "bpf", 0, "mode=0700"))
		return why_set(w, -errno,
			       "cannot mount the bpf file system on " BPFFS_MOUNT
			       ": %s; run as root, or first: mount -t bpf bpf " BPFFS_MOUNT,
			       strerror(errno));
	/* The controller's user must be able to walk through. */
	if (chmod(BPFFS_MOUNT, 0711))
		log_warning("a controller that is not root cannot walk through " BPFFS_MOUNT ": %s",
			    strerror(errno));
	return 0;
}

static int make_dir(const char *path, mode_t mode, struct why *w)
{
	if (mkdir(path, mode) && errno != EEXIST)
		return why_set(w, -errno, "cannot create %s: %s%s", path, strerror(errno),
			       errno == EACCES || errno == EPERM ? "; run as root" : "");
	return 0;
}

int bpffs_make_dirs(const char *instance, struct why *w)
{
	static const char *const subs[] = { NULL, "links" };
	char path[PIN_PATH_MAX];
	size_t i;
	int err;

	for (i = 0; i < sizeof(subs) / sizeof(*subs); i++) {
		err = make_dir(pin_path(path, instance, subs[i], NULL), 0711, w);
		if (err)
			return err;
	}
	return 0;
}

int bpffs_make_sub(const char *instance, const char *sub, struct why *w)
{
	char path[PIN_PATH_MAX];

	return make_dir(pin_path(path, instance, sub, NULL), 0711, w);
}

static int remove_entries(const char *path)
{
	char child[PIN_PATH_MAX + 256];
	const struct dirent *e;
	DIR *d = opendir(path);

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		if (unlink(child))
			rmdir(child);
	}
	closedir(d);
	return rmdir(path) ? -errno : 0;
}

int bpffs_make_new(const char *instance, const char *sub, struct why *w)
{
	char path[PIN_PATH_MAX];
	int err = remove_entries(pin_path(path, instance, sub, NULL));

	return err ? why_set(w, err, "cannot remove %s: %s", path, strerror(-err))
		   : make_dir(path, 0711, w);
}

int bpffs_publish(const char *instance, const char *sub, const char *as, struct why *w)
{
	char from[PIN_PATH_MAX], to[PIN_PATH_MAX];

	pin_path(from, instance, sub, NULL);
	pin_path(to, instance, as, NULL);
	return rename(from, to)
		       ? why_set(w, -errno, "cannot rename %s to %s: %s", from, to, strerror(errno))
		       : 0;
}

int bpffs_remove(const char *instance)
{
	static const char *const subs[] = { "maps_old", "links",    "progs",
					    "maps",	"maps_new", "progs_new" };
	char maps[PIN_PATH_MAX], old[PIN_PATH_MAX], path[PIN_PATH_MAX];
	int err, first = 0;
	size_t i;

	/* From one moment to the next there is no instance, wherever we are killed. */
	err = remove_entries(pin_path(old, instance, "maps_old", NULL));
	if (err || (rename(pin_path(maps, instance, "maps", NULL), old) && errno != ENOENT))
		return err ? err : -errno;
	for (i = 0; i < sizeof(subs) / sizeof(*subs); i++) {
		err = remove_entries(pin_path(path, instance, subs[i], NULL));
		first = first ? first : err;
	}
	return first;
}

bool bpffs_is_instance(const char *instance)
{
	char path[PIN_PATH_MAX];

	return !access(pin_path(path, instance, "maps", NULL), F_OK) || errno != ENOENT;
}

bool bpffs_has_remains(const char *instance)
{
	static const char *const subs[] = { "links",	"progs",    "maps",
					    "maps_old", "maps_new", "progs_new" };
	char path[PIN_PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(subs) / sizeof(*subs); i++)
		if (!access(pin_path(path, instance, subs[i], NULL), F_OK) || errno != ENOENT)
			return true;
	return false;
}

uint64_t netns_inode(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}

/* Does any <dir>/<entry><suffix> have this inode? 1, 0 or -errno. */
static int dir_has_inode(const char *dir, const char *suffix, uint64_t inode)
{
	const struct dirent *e;
	int found = 0, unread = 0;
	char path[512];
	struct stat st;
	DIR *d = opendir(dir);

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (!found && (errno = 0, e = readdir(d))) {
		/* of /proc only the processes */
		if (e->d_name[0] == '.' ||
		    (suffix[0] && (e->d_name[0] < '0' || e->d_name[0] > '9')))
			continue;
		snprintf(path, sizeof(path), "%s/%.255s%s", dir, e->d_name, suffix);
		if (!stat(path, &st))
			found = st.st_ino == inode;
		else if (errno != ENOENT && errno != ESRCH) /* else the process has ended */
			unread = -errno;
	}
	if (!found && !unread)
		unread = -errno;
	closedir(d);
	return found ? found : unread;
}

int netns_exists(uint64_t inode)
{
	int found = dir_has_inode("/run/netns", "", inode);

	if (!found)
		found = dir_has_inode("/run/docker/netns", "", inode);
	return found ? found : dir_has_inode("/proc", "/ns/net", inode);
}
