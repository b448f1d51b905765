/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /run/ringfence/<instance>: the lock that makes a controller the only one, its journal, its control socket.
 */
#ifndef RF_RUN_DIR_H
#define RF_RUN_DIR_H

#include "datapath.h"

/* Makes the directory and takes the lock. -EBUSY: another controller has it. */
int run_dir_lock(const char *instance, int *lock, struct why *w);
/* Under the lock: the directory is this user's from now on. 0 or -errno. */
int run_dir_give(const char *instance, unsigned int uid, unsigned int gid);
/* Under the lock: the controller that had it before and signed, by its process and the mark of its releases
 * (struct rf_control); .pid 0: not known. */
struct run_dir_former {
	uint32_t pid, mark;
};
struct run_dir_former run_dir_former(int lock);
void run_dir_sign(int lock, uint32_t mark);
/* Under the lock. journal: also the calls, which nobody can take up again; else only the lock, and the
 * directory if nothing else is in it. */
void run_dir_clear(const char *instance, bool journal);

/* The same by a detach: everything, unless a controller has the lock; that one clears it when it ends. */
void run_dir_remove(const char *instance);
/* Of an instance that has ended: waits until its controller has, too. -ETIMEDOUT: it still runs. */
int run_dir_wait(const struct datapath *dp, struct why *w);

#endif
