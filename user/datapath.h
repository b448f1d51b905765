/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel side as seen from userspace: load, pin, attach, detach, and open what is pinned.
 * Everything of an instance lies below /sys/fs/bpf/ringfence/<instance>/, so neither the loader nor the
 * controller need to live for packets to flow. Errors: -errno and one sentence in struct why.
 */
#ifndef RF_DATAPATH_H
#define RF_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "config.h"
#include "log.h"
#include "rf_abi.h"

#define RF_RUN_ROOT	   "/run/ringfence" /* /run/ringfence/<instance>/ : lock, journal, control.sock */
#define RF_INSTANCE_MAX	   32
#define DATAPATH_TC_HANDLE 0x5246 /* first of a few: two instances may meet on lo */
#define DATAPATH_TC_PRIO   1

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC, ATTACH_TC };

/* "native", "generic", "tc", "auto"; -EINVAL. */
int attach_mode_parse(const char *text, enum attach_mode *out);
const char *attach_mode_text(enum attach_mode mode);

struct attach_request {
	const char *instance;
	const char *dev;
	enum attach_mode mode;
	bool replace; /* new programs onto the maps and devices of a running instance, maybe an older version's */
	const struct config *config; /* never NULL: config_defaults() at least */
	const struct prefix *inside; /* given on the command line */
	size_t n_inside;
};
struct attach_result {
	enum attach_mode mode; /* in use: NATIVE, GENERIC or TC */
	char note[256]; /* why it is less than asked for, ""; one sentence */
	uint32_t upgraded_from; /* ABI version of the instance that was taken over; 0: ours */
	uint32_t inside_devices; /* attached now, all in all */
};

/* Attaches the WAN device (loads and pins on the first one) and the inside devices found by route.
 * -EEXIST: attached already (the sentence tells about replace). All or nothing: a failure leaves all as it was. */
int datapath_attach(const struct attach_request *r, struct attach_result *out, struct why *w);
/* dev NULL: all. Without a WAN device left, every pin, link, filter and qdisc of ours is gone, and
 * its controller has ended, too. -ENOENT: not attached; -ETIMEDOUT: detached, but the controller still runs.
 * What fails half way says so, and is finished by another one. */
int datapath_detach(const char *instance, const char *dev, struct why *w);

/* 1..31 letters, digits, - and _; -EINVAL. */
int instance_check(const char *instance, struct why *w);
/* Names of pinned instances; free() each and the array. 0, or -errno (no bpffs: 0 with *n == 0). */
int datapath_instances(char ***names, size_t *n);

/* ---- an opened instance ---- */

#define DATAPATH_MAPS(X)                \
	X(PINHOLES, pinholes)           \
	X(PINHOLE_STATE, pinhole_state) \
	X(PINHOLE_COLD, pinhole_cold)   \
	X(MORE_REMOTES, more_remotes)   \
	X(LEARNT, learnt)               \
	X(GUARDS, guards)               \
	X(INSIDE, inside)               \
	X(DEVICES, devices)             \
	X(SETTINGS, settings)           \
	X(FLOWS, flows)                 \
	X(FLOW_PORTS, flow_ports)       \
	X(CALL_ENDS, call_ends)         \
	X(EXCEPTS, excepts)             \
	X(SIP_EXCEPTS, sip_excepts)     \
	X(INSTANCE, instance)           \
	X(CONTROL, control)             \
	X(REASONS, reasons)             \
	X(PUNT, punt)                   \
	X(EVENTS, events)               \
	X(FRAGS, frags)                 \
	X(SCRATCH, scratch)             \
	X(PROGRESS, progress)           \
	X(INBOUND, inbound)             \
	X(TCP_FLOWS, tcp_flows)
enum datapath_map {
#define X(id, name) MAP_##id,
	DATAPATH_MAPS(X)
#undef X
		MAP_COUNT
};

#define DATAPATH_PROGS(X)            \
	X(WAN_XDP, rf_wan_xdp)       \
	X(WAN_IN, rf_wan_in)         \
	X(WAN_OUT, rf_wan_out)       \
	X(INSIDE_IN, rf_inside_in)   \
	X(INSIDE_XDP, rf_inside_xdp) \
	X(LO_OUT, rf_lo_out)         \
	X(INSIDE_OUT, rf_inside_out)
enum datapath_prog {
#define X(id, name) PROG_##id,
	DATAPATH_PROGS(X)
#undef X
		PROG_COUNT
};

struct datapath {
	char instance[RF_INSTANCE_MAX];
	bool rw;
	uint32_t abi; /* version of the layouts; another than ours only below attach and detach */
	int map[MAP_COUNT]; /* -1: not opened (ring buffers, frags and scratch of a read-only one) */
	int prog[PROG_COUNT]; /* rw only, for devices that appear later; else -1 */
	int n_cpus; /* possible CPUs, for per-CPU values */
};

/* -ENOENT: no such instance attached; -EUCLEAN: it lives, but a pin of it is missing; -ESTALE: pinned by another ABI version; -EXDEV: lives in another netns. */
int datapath_open(struct datapath **out, const char *instance, bool rw, struct why *w);
void datapath_close(struct datapath *dp); /* NULL ok; nothing is detached */

struct datapath_device {
	uint32_t ifindex;
	struct rf_device dev;
	bool present; /* the device still exists with this name */
	bool up;
};
/* Which of the hooks that the device's record says it has are not there ("XDP", "TC ingress", ...); NULL: none.
 * 0, or -errno: not known. */
int datapath_hooks_missing(const struct datapath *dp, uint32_t ifindex, const struct rf_device *dev,
			   const char **what);
/* All records in malloc'ed arrays, free() them; 0 or -errno (outputs untouched). */
int datapath_devices(const struct datapath *dp, struct datapath_device **out, size_t *n);

struct datapath_pinhole {
	struct rf_pinhole_key key;
	struct rf_pinhole pinhole;
	struct rf_remote remotes[RF_REMOTES_MAX]; /* .pinhole.n_remotes of them */
	struct rf_pinhole_state state; /* zero when has_state is false (signalling) */
	struct rf_learnt learnt; /* zero unless RF_PH_LEARN */
	struct rf_pinhole_cold cold; /* zero: signalling */
	bool has_state;
};
/* Both directions are separate records with the same .pinhole.id; sorted by id, then direction. */
int datapath_pinholes(const struct datapath *dp, struct datapath_pinhole **out, size_t *n);

struct datapath_guard {
	struct rf_addr addr;
	struct rf_guard guard;
};
int datapath_guards(const struct datapath *dp, struct datapath_guard **out, size_t *n);

struct datapath_inside {
	struct prefix prefix;
	struct rf_inside inside;
};
int datapath_insides(const struct datapath *dp, struct datapath_inside **out, size_t *n);

int datapath_reasons(const struct datapath *dp,
		     struct rf_counter out[RF_R_MAX]); /* summed over CPUs */
int datapath_settings(const struct datapath *dp, struct rf_settings *out);
int datapath_control(const struct datapath *dp, struct rf_control *out);
int datapath_instance(const struct datapath *dp, struct rf_instance *out);

enum controller_state { CONTROLLER_NEVER, CONTROLLER_ALIVE, CONTROLLER_AWAY };
struct controller_info {
	enum controller_state state;
	uint32_t pid; /* 0: none */
	bool pid_exists; /* process is there (AWAY with it: hangs or stopped) */
	uint64_t age_ns; /* of the last heartbeat */
};
int datapath_controller(const struct datapath *dp, uint64_t now_ns, struct controller_info *out);

/* ---- for the controller (rw) ---- */

/* 0: all is attached as the records say. -EUCLEAN: an attach or detach was interrupted, with the sentence that says
 * what to do; -EAGAIN: it is still at work. */
int datapath_unfinished(const struct datapath *dp, struct why *w);
/* Both of the following, or neither. */
int datapath_apply(const struct datapath *dp, const struct config *c, const struct prefix *extra,
		   size_t n_extra);
/* SIP ports, policy and heartbeat limit of a configuration into the settings map. */
int datapath_apply_settings(const struct datapath *dp, const struct config *c);
/* Conntrack's time-outs may be changed at any time. 0 or -errno. */
int datapath_follow_conntrack(const struct datapath *dp);
/* Inside prefixes of a configuration; those given to attach stay. extra: further ones from attach. */
int datapath_apply_inside(const struct datapath *dp, const struct config *c,
			  const struct prefix *extra, size_t n_extra);
/* Lets a user who is not root go on attaching devices: owner of the links directory. */
int datapath_give(const struct datapath *dp, unsigned int uid, unsigned int gid);
/* Writes the reasons that userspace counts (absolute values) into the slot of CPU 0. */
int datapath_count_reason(const struct datapath *dp, enum rf_reason reason, uint64_t packets,
			  uint64_t bytes);

#endif
