/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where pins live: the bpf file system, the directories of an instance, the lock over changes.
 */
#ifndef RF_BPFFS_H
#define RF_BPFFS_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"

#define PIN_PATH_MAX 192

/* /sys/fs/bpf/ringfence/<instance>[/<sub>[/<name>]]; sub and name may be NULL. Returns buf. */
const char *pin_path(char *buf, const char *instance, const char *sub, const char *name);
/* <prefix><ifindex> below links/: "xdp_", "tcx_in_", "tcx_out_" pins, "clsact_" marks (directories) */
const char *pin_link_path(char *buf, const char *instance, const char *prefix, uint32_t ifindex);

/* bpf_obj_get() of a pin below links/: of what lies there itself. Anything else counts as EACCES. */
int pin_open(const char *path);
/* chown() of a pin or directory itself. 0 or -errno; -EPERM: it is neither, or has another name. */
int pin_give(const char *path, unsigned int uid, unsigned int gid);

/* Is the bpf file system there? mount: if not, mount it where that can last. */
int bpffs_ready(bool mount, struct why *w);
/* Root's: the controller's user may walk through the bpf file system, however it was mounted. 0 or -errno. */
int bpffs_open_way(void);
/* Directories of an instance; existing ones are fine. */
int bpffs_make_dirs(const char *instance, struct why *w);
/* One below it, where pins are put back one by one. */
int bpffs_make_sub(const char *instance, const char *sub, struct why *w);
/* An empty directory for pins, beside those that are in use; and its move to where all others look. */
int bpffs_make_new(const char *instance, const char *sub, struct why *w);
int bpffs_publish(const char *instance, const char *sub, const char *as, struct why *w);
/* Removes every pin and directory of an instance, but those that bpffs_unlock() removes: at first, and at one
 * stroke, what makes it an instance (maps). */
int bpffs_remove(const char *instance);
/* Has it maps, or is that not known? Cheap: says nothing of their state. */
bool bpffs_is_instance(const char *instance);
/* Is there anything that bpffs_remove() would remove? */
bool bpffs_has_remains(const char *instance);

/* bpffs_lock.c: one change of an instance's hooks, pins and devices at a time. wait: until it is free, making
 * its directories (for root's commands), -EBUSY when that lasts; else -EAGAIN when somebody has it. Returns what bpffs_unlock()
 * takes, or -errno. */
int bpffs_lock(const char *instance, bool wait, struct why *w);
/* By root: the lock's directory of an instance that is pinned, where somebody has removed it. 0 or -errno. */
int bpffs_make_lock(const char *instance, struct why *w);
/* Releases the lock; its directories go with the last pin. */
void bpffs_unlock(const char *instance, int lock);

/* Inode of the network namespace we are in; 0 when it cannot be read. */
uint64_t netns_inode(void);
/* Does a process or a name below /run/netns or /run/docker/netns still hold it? 1, 0, or -errno: not known. */
int netns_exists(uint64_t inode);

#endif
