/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running controller: held messages go to the engine, its actions to the doers, and the system's
 * changes to both. ringfenced.c starts and stops it.
 */
#ifndef RF_CONTROLLER_H
#define RF_CONTROLLER_H

#include <event2/event.h>

#include "doer.h"
#include "engine.h"
#include "inside.h"
#include "link_hold.h"
#include "netlink.h"
#include "punt.h"
#include "run_dir.h"
#include "sync_tell.h"

struct ring_buffer;

#define CONTROLLER_EVENTS 16

struct controller {
	const char *instance;
	const char *config_path; /* NULL: the default one, if it is there */
	struct config config;
	struct topology topology;
	struct datapath *dp;
	struct pinhole_table *table;
	struct release *release;
	struct journal *journal;
	struct engine *engine;
	bool told_conntrack; /* that it came later than the programs */
	uint64_t *flow_ports; /* mapped, read only */
	struct punt *punt;
	struct ring_buffer *events;
	struct nl_watch *watch;
	struct control *control;
	struct tcp_proxy *tcp;
	struct log_limit tcp_limit; /* of notes on connections that are not SIP */
	struct doer doer;
	struct action_list actions;
	struct rf_control heartbeat;
	struct run_dir_former former; /* whose run directory this was */
	struct inside_change last_sync;
	bool sync_due; /* something changed since the last look at the system */
	uint64_t sync_not_before_ns;
	struct sync_tell sync_tell;
	struct event_base *base;
	struct event *ev[CONTROLLER_EVENTS];
	int n_ev;
	bool gone; /* nothing left to do: .detached, or another instance has the name */
	bool detached; /* the instance has ended, and its calls with it */
	unsigned int n_unpinned; /* pins that are missing, as was said */
	int presence_err; /* that was said */
	struct link_hold links;
};

/* Fills .engine from the journal and brings the maps in line. Everything else but .punt, .events and
 * .control must be there. */
int controller_restore(struct controller *c, struct why *w);
/* Opens the ring buffers, the netlink watch and the control socket. */
int controller_open(struct controller *c, struct why *w);
/* Timers, descriptors and signals onto .base. */
int controller_events(struct controller *c, struct why *w);
void controller_close(struct controller *c);

/* Reads the configuration; config_path NULL: defaults where there is no file. Mistakes are logged. */
int controller_read_config(const char *path, struct config *out, struct why *w);
void controller_carry_out(struct controller *c, size_t bytes, uint64_t now_ns);
/* The WAN device that a packet from inside will leave by. */
uint32_t controller_wan_towards(struct controller *c, const struct rf_addr *dst);
bool controller_is_forged(const struct controller *c, enum rf_hook hook, const struct rf_addr *src);
void controller_dropped(enum rf_reason reason, uint64_t packets, uint64_t bytes, void *arg);

/* controller_tcp.c: SIP over TCP between its sockets and the engine. */
int controller_tcp_new(struct controller *c, struct why *w);
/* A held SYN: true when it is to be given back to the hook. */
json_object *controller_tcp_reply(struct controller *c); /* {"connections": N} */
bool controller_tcp_open(struct controller *c, const struct punt_message *m, size_t bytes);

/* controller_alone.c. -EBUSY: another controller, with another run directory, has the instance. */
int controller_alone(const struct controller *c, struct why *w);
bool controller_beat_is_ours(const struct controller *c);
bool controller_is_superseded(struct controller *c); /* the loop ends then */

/* controller_presence.c. True: the loop ends, as the instance is gone. */
bool controller_is_gone(struct controller *c); /* cheap */
bool controller_look(struct controller *c); /* a whole look at the pins */

void controller_heartbeat(struct controller *c);
void controller_away(
	struct controller *c); /* says good-bye: the kernel side acts by itself at once */

#endif
