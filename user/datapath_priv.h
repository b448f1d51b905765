/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the datapath's own files share: loading, and the hooks of one device.
 */
#ifndef RF_DATAPATH_PRIV_H
#define RF_DATAPATH_PRIV_H

#include "datapath.h"
#include "inside.h"

extern const char *const datapath_map_names[MAP_COUNT];
extern const char *const datapath_prog_names[PROG_COUNT];

/* ---- datapath_load.c ---- */

/* Loads the programs with fresh maps and pins everything; 0 or -errno, nothing is left on failure. */
int datapath_load(const char *instance, const struct config *c, struct why *w);
/* Loads new programs onto the maps of dp; fds[] are theirs (to be closed by the caller). Where dp has no map
 * (-1) a fresh one is made, with room[] entries (0: the usual number) and returned in maps[], also to be
 * closed; both NULL: dp has all. */
int datapath_load_onto(const struct datapath *dp, const uint32_t *room, int *maps,
		       int fds[PROG_COUNT], struct why *w);
/* Pins a map, `instance` such that everybody can read it. 0 or -errno. */
int datapath_pin_map(int fd, enum datapath_map i, const char *path);
/* Makes fds the pinned programs. */
int datapath_repin(const char *instance, const int fds[PROG_COUNT], struct why *w);
/* Keeps libbpf's own messages out of the output (they are shown in the sentence where they help). */
void datapath_quiet(void);

/* ---- datapath.c ---- */

/* datapath_open() for maps that were loaded just now: writes their settings first. */
int datapath_open_fresh(struct datapath **out, const char *instance, const struct config *c,
			struct why *w);
/* Opens an instance of an older version that can be taken over or removed: what all versions since
 * RF_ABI_OLDEST have in common. -ESTALE: too old, or newer. */
int datapath_open_older(struct datapath **out, const char *instance, struct why *w);
/* All keys and values of a map, into records: the key at offset 0, the value at value_at. free() them. */
int datapath_read_all(int fd, size_t key, size_t value, size_t record, size_t value_at, void **out,
		      size_t *n);
/* Opens the pinned programs again: `replace` may have put others there. */
int datapath_reopen_progs(struct datapath *dp);

/* ---- datapath_settings.c ---- */

/* Gives fresh maps an id of their own; fd: of `instance`; flags: enum rf_instance_flag. 0 or -errno. */
int datapath_new_instance(int fd, const char *name, uint64_t flags);

/* ---- hooks.c: what is attached to one device ---- */

/* XDP by a pinned link. *mode in: asked for, out: in use. note: why it is less. */
int hook_xdp_attach(const struct datapath *dp, const char *dev, uint32_t ifindex, bool l3,
		    enum attach_mode *mode, char *note, size_t n_note, struct why *w);
/* Native XDP of an inside device; 0 or -errno (-EBUSY: somebody else's is there). */
int hook_xdp_inside(const struct datapath *dp, uint32_t ifindex);
int hook_xdp_replace(const struct datapath *dp, uint32_t ifindex,
		     int prog_fd); /* -ENOENT: no link */
void hook_xdp_detach(const char *instance, uint32_t ifindex);

enum hook_side { HOOK_INGRESS, HOOK_EGRESS };
/* Attaches prog, or swaps it in where one of dp is attached. By tcx, or clsact where there is no tcx. */
int hook_tc_attach(const struct datapath *dp, const char *dev, uint32_t ifindex,
		   enum hook_side side, enum datapath_prog prog, int new_fd, struct why *w);
/* Is a program of dp there? */
bool hook_tc_attached(const struct datapath *dp, uint32_t ifindex, enum hook_side side);
/* Removes dp's links and filters, and the qdisc if we made it and nobody else uses it. */
void hook_tc_detach(const struct datapath *dp, uint32_t ifindex);

/* ---- datapath_settings.c ---- */

/* Other media ports for the inside prefixes that are there (mode routed). Host order, inclusive. */
int datapath_inside_ports(const struct datapath *dp, const struct datapath_inside *insides,
			  size_t n, uint16_t lo, uint16_t hi);

/* ---- inside.c ---- */

/* inside_sync() for callers that hold the lock. */
int inside_sync_locked(struct datapath *dp, const struct config *c, struct inside_change *change,
		       struct why *w);

/* ---- datapath_attach.c ---- */

/* Swaps the programs under running traffic. What runs so far stays until its successor is in place. */
int datapath_replace_hooks(struct datapath *dp, const int fds[PROG_COUNT], struct why *w);
/* The hooks of one WAN device; undone on failure. The record in the devices map is the caller's. */
int datapath_hook_wan(struct datapath *dp, struct rf_device *dev, uint32_t ifindex,
		      enum attach_mode *mode, char *note, size_t n_note, struct why *w);

/* ---- datapath_upgrade.c ---- */

/* A map that an instance of the version abi need not have. */
bool datapath_map_is_new(enum datapath_map i, uint32_t abi);

/* Makes an instance of an older version (datapath_open_older()) one of this version while media flows. dp is
 * the new one then, but for dp->prog. Fails with everything as it was, or such that it may be tried again. */
int datapath_upgrade(struct datapath *dp, struct why *w);

#endif
