/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decider for calls: (state, message, now) -> actions. It follows the INVITE dialogs that cross
 * the WAN (RFC 3261 12-15, 3262, 3264, 3311, 4028, 6337), gives their media public ports, says which
 * tokens of an SDP must change, and which pinholes must exist after each message.
 * No system call, no logging; time is passed in (nanoseconds of CLOCK_MONOTONIC).
 *
 * Actions appended per message: ACT_PINHOLE_CLOSE, then ACT_PINHOLE_SET, ACT_EVENT (calls and notes;
 * the doer of pinholes says what became of those), ACT_SAVE when anything changed, ACT_FORGET at
 * the end. The caller appends ACT_SEND or ACT_DROP after them.
 */
#ifndef RF_CALL_H
#define RF_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "action.h"
#include "config.h"
#include "edit.h"
#include "show_call.h"
#include "sip_msg.h"
#include "topology.h"
#include "wan_names.h"

struct call_table;

/* Where a message came from and goes to; the caller has found out before it asks. */
struct call_ctx {
	uint64_t now;
	bool from_inside;
	const struct topology *topo;
	const struct topology_wan *wan; /* the WAN device that the message crosses; never NULL */
	enum rf_mode mode; /* of the inside host: host, routed or nat */
	/* Signalling endpoints: of the inside host, ours on the wire, and of the peer. */
	struct rf_ep inside, outside, remote;
	const struct config_peer *peer; /* may be NULL */
	bool stranger; /* of a request from outside: it is let in because anybody is */
	/* Call-ID as the inside host knows it (alias_internal_call_id()); absent: as in the message. */
	struct view call_id;
};

enum call_result {
	CALL_GO_ON, /* belongs to a call: passes */
	CALL_NOT_OURS, /* a method or dialog that opens nothing: passes, translated; an SDP in it is edited */
	CALL_UNKNOWN, /* within a dialog of INVITE, or answers one, for which there is no call */
	CALL_REFUSED, /* must not pass as it is; *reason says why, nothing of its call was changed or opened */
};

/* cfg is kept, not copied: see call_table_config(). Call ids count up from first_call_id, pinhole ids
 * from *next_pinhole_id, which is shared with others and must outlive the table; both skip what
 * records name. NULL: out of memory. */
struct call_table *call_table_new(const struct config *cfg, uint32_t first_call_id,
				  uint32_t *next_pinhole_id);
void call_table_free(struct call_table *t); /* no actions: pinholes outlive the process */
/* From now on this configuration holds (reload); limits apply to what comes next. */
void call_table_config(struct call_table *t, const struct config *cfg);
/* Which public ports are left to others. */
void call_table_topology(struct call_table *t, const struct topology *topo);
/* The same of flows that are no call's: see ports_others(). */
void call_table_others(struct call_table *t, const uint64_t *by_port, uint64_t now_s);
/* Brings the pinholes of running calls in line with it (idle limit, learn window): one pass over all
 * calls. What was read from an SDP before (whether to learn) stays until the next one. */
void call_refresh(struct call_table *t, struct action_list *out);
/* By which name a WAN device stands in records; must outlive the table. NULL: by none. */
void call_table_wans(struct call_table *t, struct wan_names *names);
/* WAN devices have other numbers: calls, their public ports and pinholes go with theirs. */
void call_moved(struct call_table *t, const struct wan_moves *moves, struct action_list *out);
size_t call_moved_room(const struct call_table *t); /* actions of that at most */
size_t call_count(const struct call_table *t); /* lingering ones (after BYE) included */

/* Does somebody signal from this inside endpoint on that WAN? It is no media's then. */
typedef bool call_signals_fn(const void *arg, uint32_t wan_ifindex, const struct rf_ep *inside);
void call_table_signals(struct call_table *t, call_signals_fn *fn, const void *arg);
/* When a packet was last delivered by a pinhole, either way; 0: never. -errno: it is not known, and nothing is
 * concluded from that. */
typedef int (*call_media_fn)(uint32_t pinhole_id, uint64_t *last_ns, void *arg);
/* From now on calls end whose media is silent for media_idle (call_idle.c). Before call_restored(); without it
 * none ends by that. fn is asked once per call and media_idle. */
void call_watch(struct call_table *t, call_media_fn fn, void *arg);

/* Edits of the SDP (messages from inside only) go to edits, which may hold others already.
 * *reason is set when CALL_REFUSED is returned: SIP_BAD_SDP, SIP_NO_PORTS, SIP_SHARE or SIP_LIMIT. Other calls may
 * have given way in either case (share.h). */
enum call_result call_message(struct call_table *t, const struct call_ctx *ctx,
			      const struct sip_msg *m, struct edit_list *edits,
			      struct action_list *out, enum rf_reason *reason);

struct call_stun { /* a connectivity check of ICE (RFC 8445 7.3), as on the wire where it came in */
	uint64_t now;
	bool from_inside;
	struct rf_ep src, dst;
	struct view payload;
};

/* Does the check prove that it comes from an agent of this call, by user names and password? Then its
 * remote is one that the pinhole lists, if need be in place of another. */
bool call_stun(struct call_table *t, uint32_t id, const struct call_stun *s,
	       struct action_list *out);

/* Does m belong to a call that lives or lingers, and does ctx->remote.addr take part in it? Looks
 * at ctx->from_inside, .inside, .remote and .call_id only. */
bool call_in_dialog(const struct call_table *t, const struct call_ctx *ctx,
		    const struct sip_msg *m);
/* Does m belong to a call that lives or lingers, whoever sends it? */
bool call_known(const struct call_table *t, const struct call_ctx *ctx, const struct sip_msg *m);
/* Ends what has timed out. *next (may be NULL) is when to call again; UINT64_MAX: nothing waits. */
void call_tick(struct call_table *t, uint64_t now, struct action_list *out, uint64_t *next);
/* Ends the media of a call now and keeps it ended: 0, or -ENOENT. why stands in the event. */
int call_drop(struct call_table *t, uint32_t id, uint64_t now, const char *why,
	      struct action_list *out);

/* A pinhole of a call could not be made: the call has it no more, and its next message asks for it
 * again. */
void call_failed(struct call_table *t, uint32_t id, uint32_t pinhole_id, struct action_list *out);

/* After a restart: each saved record, then once call_restored(), which appends ACT_PINHOLE_SET for
 * everything that must exist and ends what timed out meanwhile.
 * Returns 0, -EINVAL (not a record of ours, damaged), -EEXIST, -ENOMEM, -EADDRINUSE (its ports are
 * taken by another record). */
int call_restore(struct call_table *t, uint32_t id, struct view bytes);
void call_restored(struct call_table *t, uint64_t now, struct action_list *out);

void call_save_all(struct call_table *t, struct action_list *out);

/* What a live or lingering call needs outside of this table: its signalling port and what is known by
 * its Call-ID (as the inside host writes it). */
typedef void (*call_needs_fn)(uint32_t wan_ifindex, const struct rf_ep *inside, struct view call_id,
			      bool answered, void *arg);
void call_needs(const struct call_table *t, call_needs_fn fn, void *arg);

/* Who holds most of the calls and of the media ports. */
void call_shares(const struct call_table *t, show_share_fn fn, void *arg);

/* Every call, oldest first; strings live during the callback. */
void call_show(const struct call_table *t, show_call_fn fn, void *arg);

#endif
