/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: every decider behind one door. (state, message, now) -> actions, nothing else: it
 * runs the same in the controller, in unit tests, in fuzzers and offline. Times are nanoseconds of
 * CLOCK_MONOTONIC, given by the caller.
 */
#ifndef RF_ENGINE_H
#define RF_ENGINE_H

#include <json-c/json.h>
#include <stdint.h>

#include "action.h"
#include "call.h"
#include "config.h"
#include "show_call.h"
#include "topology.h"

struct engine;

/* One UDP datagram that a hook held, or one message of a TCP connection. */
struct signal_in {
	uint64_t now_ns;
	enum rf_hook
		hook; /* RF_HOOK_WAN_IN: from outside; RF_HOOK_WAN_OUT, RF_HOOK_INSIDE_IN: from inside */
	uint32_t wan_ifindex; /* WAN device it came in by or will leave by */
	/* as on the wire at that hook; over TCP an inside endpoint is the one of engine_speaker() */
	struct rf_ep src, dst;
	struct view payload;
	uint32_t conn; /* the TCP connection, into the action that sends it on; 0: UDP */
};

/* c and t are copied. first_pinhole_id: ids below it are taken. NULL when out of memory. */
struct engine *engine_new(const struct config *c, const struct topology *t, uint64_t now_ns,
			  uint32_t first_pinhole_id);
void engine_free(struct engine *e);

/* Who knows when media last passed (call_watch()); before engine_restored(). */
void engine_watch(struct engine *e, call_media_fn fn, void *arg);

void engine_topology(struct engine *e, const struct topology *t, uint64_t now_ns,
		     struct action_list *out);
/* by_port: memory that others write, see ports_others(); NULL: there is none. */
void engine_others(struct engine *e, const uint64_t *by_port, uint64_t now_ns);
void engine_reconfigure(struct engine *e, const struct config *c, uint64_t now_ns,
			struct action_list *out);

void engine_message(struct engine *e, const struct signal_in *in, struct action_list *out);

/* Somebody opens a TCP connection (in without payload). RF_R_NONE: it may be; from outside, *inside is whom
 * it leads to and *outside what stands for that on the WAN. */
enum rf_reason engine_connection(struct engine *e, const struct signal_in *in,
				 struct action_list *out, struct rf_ep *inside,
				 struct rf_ep *outside);
/* The endpoint that the inside host at src, which sent this first message of a connection, is reached by:
 * what it writes in Via or Contact, else src itself. */
struct rf_ep engine_speaker(struct engine *e, const struct rf_ep *src, struct view message);

/* A STUN check of a call's pinhole with a remote that it does not list: true when it is one of the two
 * agents that the call agreed on, and then the pinhole lists it. */
bool engine_stun(struct engine *e, uint32_t call_id, const struct call_stun *s,
		 struct action_list *out);
/* The endpoint on the wire of this WAN that stands for an inside SIP endpoint: for those who see only
 * the inside, as an offline replay does. make: given to it now, as if it had spoken before. False:
 * there is none. */
bool engine_outside_of(struct engine *e, uint32_t wan_ifindex, const struct rf_ep *inside,
		       bool make, uint64_t now_ns, struct action_list *out, struct rf_ep *outside);
/* What the doer marked as failed in a list of ours does not exist: the next message that needs it asks
 * again. */
void engine_failed(struct engine *e, const struct action_list *done, struct action_list *out);
/* Timeouts; cheap when nothing is due. */
void engine_tick(struct engine *e, uint64_t now_ns, struct action_list *out);

/* After a start: each live record, then once restored(), which asks for every pinhole and
 * signalling port that must exist. Returns 0, -EINVAL (record is skipped), or -ENOMEM:
 * it may be read the next time. */
int engine_restore(struct engine *e, enum record_kind kind, uint32_t id, struct view bytes,
		   uint64_t now_ns);
/* Every record once more: some are not where they should be kept. */
void engine_save_all(struct engine *e, struct action_list *out);
void engine_restored(struct engine *e, uint64_t now_ns, struct action_list *out);

/* A request of the control socket: {"command": "call drop", "id": N} | {"command": "pinhole add", ...} |
 * {"command": "pinhole delete", "id": N} | {"command": "shares"}. Returns the reply, {"error": "..."} on failure. */
json_object *engine_request(struct engine *e, json_object *request, uint64_t now_ns,
			    struct action_list *out);

void engine_show_calls(const struct engine *e, show_call_fn fn, void *arg);
/* Who holds most of what all share. */
void engine_shares(const struct engine *e, show_share_fn fn, void *arg);
void engine_show_registrations(const struct engine *e, show_registration_fn fn, void *arg);

#endif
