/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the datapath's own files share: loading, and the hooks of one device.
 */
#ifndef RF_DATAPATH_PRIV_H
#define RF_DATAPATH_PRIV_H

#include "datapath.h"
#include "inside.h"
#include "netlink.h"

extern const char *const datapath_map_names[MAP_COUNT];
extern const char *const datapath_prog_names[PROG_COUNT];

/* ---- datapath_load.c ---- */

/* Loads the programs with fresh maps. 0 or -errno. */
struct ringfence_bpf;
int datapath_load_fresh(struct ringfence_bpf **out, const struct config *c, struct why *w);
void datapath_loaded_free(struct ringfence_bpf *skel); /* NULL ok; what is pinned stays */
/* Pins everything of it; 0 or -errno, nothing is left pinned on failure. */
int datapath_pin_fresh(struct ringfence_bpf *skel, const char *instance, struct why *w);
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

/* ---- datapath_prepare.c: what is loaded before the lock is taken ---- */

struct datapath_prepared {
	struct ringfence_bpf *fresh; /* of an instance that there was none of; NULL: not loaded */
	int progs[PROG_COUNT]; /* onto the maps of the one that there was; -1: not loaded */
	uint32_t maps[MAP_COUNT]; /* the ids of these */
};
/* 0 or -errno: programs that cannot be loaded. In any case datapath_prepared_free() is due. */
int datapath_prepare(struct datapath_prepared *p, const struct attach_request *r,
		     const struct nl_link *link, struct why *w);
/* Under the lock: the programs, if they were loaded onto the maps of dp. They are the caller's then. */
bool datapath_prepared_take(struct datapath_prepared *p, const struct datapath *dp,
			    int fds[PROG_COUNT]);
void datapath_prepared_free(struct datapath_prepared *p);

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
/* Notes what freshly loaded programs of the same instance can do. 0 or -errno. */
int datapath_programs_changed(const struct datapath *dp);
/* The endpoints that are left to others, and those alone. 0 or -errno. */
int datapath_sip_excepts_read(const struct datapath *dp, struct rf_ep **out, size_t *n);
int datapath_sip_excepts_put(const struct datapath *dp, const struct rf_ep *v, size_t n);
/* 0 or -errno. */
int datapath_put_conntrack(const struct datapath *dp, bool conntrack);

/* ---- datapath_excepts.c; all: 0 or -errno ---- */

/* Left to others at a device (0: at any): the ports that wans except. */
int datapath_put_excepts(const struct datapath *dp, uint32_t ifindex, const struct config_wan *wans,
			 size_t n);
/* Removes the entries of all devices but these. */
int datapath_prune_excepts(const struct datapath *dp, const uint32_t *keep, size_t n);
/* The settings' word on whether there are any. */
int datapath_put_except_policy(const struct datapath *dp, const struct config *c);

struct datapath_except {
	uint32_t ifindex;
	struct rf_excepts ports;
};
int datapath_excepts_read(const struct datapath *dp, struct datapath_except **out, size_t *n);
int datapath_excepts_restore(const struct datapath *dp, const struct datapath_except *v, size_t n);

/* ---- hooks.c: what is attached to one device ---- */

/* XDP by a pinned link. *mode in: asked for, out: in use. note: why it is less. */
int hook_xdp_attach(const struct datapath *dp, const char *dev, uint32_t ifindex, bool l3,
		    enum attach_mode *mode, char *note, size_t n_note, struct why *w);
/* Native XDP of an inside device; 0 or -errno (-EBUSY: somebody else's is there). */
int hook_xdp_inside(const struct datapath *dp, uint32_t ifindex);
int hook_xdp_replace(const struct datapath *dp, uint32_t ifindex,
		     int prog_fd); /* -ENOENT: no link */
int hook_xdp_detach(const char *instance, uint32_t ifindex); /* 0 also where there is none */

enum hook_side { HOOK_INGRESS, HOOK_EGRESS };
/* Attaches prog, or swaps it in where one of dp is attached. By tcx, or clsact where there is no tcx. */
int hook_tc_attach(const struct datapath *dp, const char *dev, uint32_t ifindex,
		   enum hook_side side, enum datapath_prog prog, int new_fd, struct why *w);
/* Removes dp's links and filters, and the qdisc if we made it and nobody else uses it. 0 also where there are
 * none; on failure as much as can be is off, and it may be tried again. */
int hook_tc_detach(const struct datapath *dp, uint32_t ifindex);

/* ---- hook_query.c: what runs on a device; 1 (yes), 0 (no), -errno (not known) ---- */

#define HOOK_TCX_INGRESS 46 /* BPF_TCX_INGRESS of enum bpf_attach_type since Linux 6.6 */
#define HOOK_TCX_EGRESS	 47
#define HOOK_TC_HANDLES	 8 /* instances that can share a device (lo) */

int hook_is_ours(const struct datapath *dp, uint32_t prog_id);
/* Is a program of dp there? */
int hook_tcx_runs(const struct datapath *dp, uint32_t ifindex, enum hook_side side);
int hook_tc_attached(const struct datapath *dp, uint32_t ifindex, enum hook_side side);
int hook_xdp_attached(const struct datapath *dp, uint32_t ifindex);
/* 0 or -errno. Handle of dp's filter at clsact, 0: none; *unused: the first free one, 0: none. */
int hook_clsact_handle(const struct datapath *dp, uint32_t ifindex, enum hook_side side,
		       uint32_t *handle, uint32_t *unused);
/* -EBUSY: another instance has the device as its WAN device, in whatever mode; 0: none has. */
int hook_other(const struct datapath *dp, const char *dev, uint32_t ifindex, struct why *w);

/* ---- hook_again.c: hooks of devices whose record says that they have them ---- */

/* What does not work with one device: everything goes on without it, and the first is told; but one that is nobody's
 * fault (the device is somebody else's, or fit for nothing) hides no other. */
bool inside_trouble_is_mild(int err);
void inside_trouble(struct inside_change *change, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void hook_again_wan(struct datapath *dp, struct datapath_device *d, struct inside_change *change);
void hook_again_lo(struct datapath *dp, struct inside_change *change);
/* fresh: it had no hooks so far, and has none when this fails. */
int hook_again_inside(struct datapath *dp, const struct nl_link *link, bool fresh,
		      struct inside_change *change);
/* XDP of an inside device, wanted or not. */
void hook_inside_xdp(struct datapath *dp, const struct nl_link *link, struct rf_device *dev,
		     bool want, struct inside_change *change);

/* ---- datapath_settings.c ---- */

/* Other media ports for the inside prefixes that are there (mode routed). Host order, inclusive. */
int datapath_inside_ports(const struct datapath *dp, const struct datapath_inside *insides,
			  size_t n, uint16_t lo, uint16_t hi);

/* ---- inside.c ---- */

/* inside_sync() for callers that hold the lock. */
int inside_sync_locked(struct datapath *dp, const struct config *c, struct inside_change *change,
		       struct why *w);

/* The part of it that hooks inside devices, and leaves those that lead there no longer. */
int inside_sync_devices(struct datapath *dp, const struct config *c, struct inside_change *change);

/* ---- datapath_undo.c: what was, to go back to it ---- */

struct datapath_undo {
	struct rf_settings settings;
	struct datapath_inside *insides;
	struct datapath_guard *guards;
	struct datapath_except *excepts;
	struct rf_ep *sip_excepts;
	size_t n_insides, n_guards, n_excepts, n_sip_excepts;
	bool has_instance, conntrack; /* its flag */
};
int datapath_undo_read(const struct datapath *dp, struct datapath_undo *u);
void datapath_undo_free(struct datapath_undo *u);
/* Settings, inside prefixes, guards, what is left to others and what the programs can do as they were; as many of
 * them as can be. 0 or -errno. */
int datapath_undo(const struct datapath *dp, const struct datapath_undo *u);

/* ---- datapath_attach.c ---- */

/* inside_sync_locked() for a command: what does not work with a device fails it, unless it is nobody's fault. */
int datapath_sync_all(struct datapath *dp, const struct attach_request *r,
		      struct attach_result *res, struct why *w);

/* Guards, hooks and record of one WAN device, in this order: what is hooked is guarded, and what is not finished
 * says so in its record. was: the ifindex that its guards have so far. On failure datapath_unhook() is the caller's. */
int datapath_hook_wan(struct datapath *dp, const struct config *c, struct rf_device *dev,
		      uint32_t ifindex, uint32_t was, enum attach_mode *mode, char *note,
		      size_t n_note, struct why *w);

/* ---- datapath_detach.c ---- */

int datapath_put_device(const struct datapath *dp, uint32_t ifindex, const struct rf_device *dev,
			struct why *w);
/* Hooks off, then the record: on failure it is there still, to be tried again. */
int datapath_unhook(struct datapath *dp, uint32_t ifindex);
/* The whole instance. On failure what is left is still known, and it may be tried again. */
int datapath_remove(struct datapath *dp, struct why *w);
/* Pins of a network namespace that is gone: removed? */
bool datapath_remove_orphan(const char *instance);
/* Takes off what another attach or detach has left half done, but of the device with this ifindex. */
int datapath_settle(struct datapath *dp, uint32_t but, struct why *w);

/* ---- datapath_replace.c ---- */

int datapath_replace(struct datapath *dp, const struct attach_request *r,
		     const struct nl_link *link, struct datapath_prepared *p,
		     struct attach_result *res, struct why *w);
/* Swaps the programs under running traffic. What runs so far stays until its successor is in place. */
int datapath_replace_hooks(struct datapath *dp, const int fds[PROG_COUNT], struct why *w);

/* ---- datapath_upgrade.c ---- */

/* A map that an instance of the version abi need not have. */
bool datapath_map_is_new(enum datapath_map i, uint32_t abi);

/* Makes an instance of an older version (datapath_open_older()) one of this version while media flows. dp is
 * the new one then, but for dp->prog. Fails with everything as it was, or such that it may be tried again. */
int datapath_upgrade(struct datapath *dp, struct why *w);

#endif
