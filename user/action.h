/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What deciders ask the doers to do. Deciders only append here; doers carry the list out in order
 * (so a pinhole is set before the message that announces it is sent: promise P2).
 */
#ifndef RF_ACTION_H
#define RF_ACTION_H

#include <stdint.h>

#include "addr.h"
#include "rf_abi.h"
#include "view.h"

/* Ids of what stands in the pinhole map come from three ranges, so that a number names one thing:
 * pinholes of calls from 1 on, pinholes added by hand, signalling ports. */
#define ID_FIRST_SIGNAL 2000000000u
#define ID_FIRST_MANUAL 1000000000u

/* One pinhole, both directions: the doer makes two map entries and one state entry of it. */
struct pinhole_spec {
	uint32_t
		id; /* never reused; a changed spec keeps it, unless the learnt source must be forgotten */
	uint32_t call_id; /* 0: manual */
	uint32_t wan_ifindex;
	struct rf_ep
		outside; /* our endpoint on the WAN wire (public; equal to .inside without translation) */
	struct rf_ep inside; /* the inside host's endpoint */
	bool local; /* inside host is this machine */
	uint16_t classes_in, classes_out; /* enum rf_class bits per direction */
	bool held_in, held_out; /* RTP is missing from classes_x because of hold/direction */
	bool out_first; /* another host named .inside: inwards it opens with the first packet out */
	bool low_ports; /* learn: also sources below RF_LOW_PORTS */
	bool ice; /* STUN checks with remotes that are not listed are verified by the controller */
	bool learn;
	uint64_t learn_until_ns;
	struct rf_ep announced; /* learn: the (unreachable) remote endpoint that the SDP named */
	uint8_t n_remotes;
	struct rf_remote remotes[RF_REMOTES_MAX];
	uint8_t not_in, not_out; /* bit i: .remotes[i] is not for this direction */
	uint64_t deadline_ns;
	uint32_t idle_s;
	uint32_t clock_rate;
	uint8_t payload_types_in[16], payload_types_out[16]; /* as in struct rf_pinhole */
	uint32_t rtcp_types;
	/* for people only: */
	uint8_t stream; /* index of the m-line */
	bool rtcp;
	char media[12]; /* "audio" */
	char codec[16];
	/* for the call decider only: when its call came to .inside, among all calls */
	uint32_t claim;
};

/* One signalling port: packets to .outside and from .inside are held. */
struct signal_spec {
	uint32_t id;
	uint32_t wan_ifindex;
	struct rf_ep outside, inside;
	bool local;
};

enum send_to { SEND_TO_WAN, SEND_TO_INSIDE, SEND_TO_LOCAL };

enum event_kind {
	EVENT_CALL_NEW,
	EVENT_CALL_ANSWERED,
	EVENT_CALL_CHANGED,
	EVENT_CALL_ENDED,
	EVENT_PINHOLE_OPEN,
	EVENT_PINHOLE_CHANGE,
	EVENT_PINHOLE_CLOSE,
	EVENT_REGISTERED,
	EVENT_UNREGISTERED,
	EVENT_DROP,
	EVENT_NOTE,
	EVENT_UNGUARDED, /* media at a port that is not guarded; not of each call */
};

enum record_kind {
	RECORD_CALL = 1,
	RECORD_BINDING,
	RECORD_REGISTRATION,
	RECORD_ALIAS,
	RECORD_PINHOLE /* added by hand */
};

enum action_kind {
	ACT_PINHOLE_SET, /* open or change */
	ACT_PINHOLE_CLOSE, /* leaves a tombstone while the sender goes on */
	ACT_SIGNAL_SET,
	ACT_SIGNAL_CLOSE,
	ACT_SEND,
	ACT_DROP,
	ACT_EVENT,
	ACT_COUNT, /* by the name of .drop.reason: what no packet shows */
	ACT_SAVE, /* keep this record where a crash cannot take it */
	ACT_FORGET,
};

struct action {
	enum action_kind kind;
	bool failed; /* PINHOLE_SET, SIGNAL_SET: the doer could not; the decider must know */
	union {
		struct pinhole_spec pinhole; /* SET; CLOSE uses .id, .outside, .inside */
		struct signal_spec signal;
		struct {
			enum send_to to;
			uint32_t wan_ifindex;
			struct rf_ep src, dst; /* as they must be on the wire */
			struct view payload; /* lives as long as the action list */
			uint32_t conn; /* by this TCP connection; 0: by UDP */
		} send;
		struct {
			enum rf_reason reason;
			const char *detail; /* constant sentence or NULL */
		} drop;
		struct {
			enum event_kind kind;
			uint32_t call_id, pinhole_id;
			char text[200]; /* one readable line */
		} event;
		struct {
			enum record_kind kind;
			uint32_t id;
			struct view bytes; /* SAVE: the record; lives as long as the action list */
		} record;
	};
};

struct action_list {
	struct action *v;
	size_t n, cap;
	char *arena; /* payload and record bytes; what it cannot hold stands in the chunks */
	size_t arena_used, arena_cap;
	char **chunks;
	size_t n_chunks, cap_chunks;
	bool failed; /* out of memory: something is missing, so no message of it is to be sent */
	bool unsaved; /* out of memory: a record is missing, which has to be saved later */
};

/* Memory for n more actions, and for bytes in an empty list, so that they cannot fail; it is kept over
 * actions_reset(). False: there is none, and nothing was changed. */
bool action_reserve(struct action_list *l, size_t n, size_t bytes);
struct action *action_add(struct action_list *l,
			  enum action_kind kind); /* NULL when out of memory */
char *action_bytes(struct action_list *l,
		   size_t n); /* n bytes that live as long as the list; NULL */
void action_event(struct action_list *l, enum event_kind kind, uint32_t call_id, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
void action_drop(struct action_list *l, enum rf_reason reason, const char *detail);
void action_count(struct action_list *l, enum rf_reason reason);
void actions_reset(struct action_list *l); /* empties, keeps the memory of .v and .arena */
void actions_free(struct action_list *l);

#endif
