/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the call decider share: a call, its dialogs, the table, and the message that is
 * being worked on. Nobody else includes this.
 */
#ifndef RF_CALL_PRIV_H
#define RF_CALL_PRIV_H

#include "call.h"
#include "expiry.h"
#include "hash.h"
#include "session.h"
#include "share.h"

#define SECONDS		  1000000000ull
#define CALL_T1_64	  (32 * SECONDS) /* 64*T1: life of a transaction (RFC 3261 17) */
#define CALL_MIN_SE	  90 /* RFC 4028 5 */
#define CALL_DIALOGS_MAX  16 /* forks of one call */
#define CALL_REMOTES_MAX  6 /* signalling addresses of the other side */
#define CALL_PINHOLES_MAX 256
#define CALL_SOURCES_MAX  64
#define CALL_TEXT_MAX	  512 /* Call-ID or tag that is kept */
#define CALL_URI_MAX	  128 /* for people: clipped */

enum dialog_state {
	DIALOG_EARLY,
	DIALOG_ANSWERED, /* 2xx seen */
	DIALOG_BYE, /* BYE seen: media is closed, but a challenge may reopen it */
	DIALOG_GONE, /* over; known for retransmissions */
};

struct dialog {
	struct dialog *next; /* in the order of appearance */
	enum dialog_state state;
	uint32_t init_cseq; /* of the INVITE that made it */
	int64_t cseq[2]; /* highest CSeq of a request by each side; -1: none */
	int64_t answered[2]; /* highest CSeq of an INVITE by each side that got a 2xx; -1 */
	int64_t updated[2]; /* the same of UPDATE */
	int64_t late[2]; /* CSeq of an INVITE by each side that had no offer; -1 */
	uint64_t ack_until; /* a 2xx waits for its ACK until then; 0: none does */
	uint32_t ack_cseq;
	uint8_t ack_side;
	uint8_t bye_from; /* bit per side */
	int64_t bye_cseq[2]; /* -1: none */
	uint64_t until; /* ANSWERED: the session ends then unless refreshed */
	uint64_t offer_until; /* an offer within the dialog is void then; 0: none is open */
	uint64_t bye_until; /* BYE: the answer is awaited until then */
	struct session s;
	size_t n_tag;
	char tag[]; /* of the callee, NUL-terminated */
};

enum call_note { /* said once per call */
		 NOTE_REMOTES = 1 << 0,
		 NOTE_HAIRPIN = 1 << 1,
		 NOTE_TCP = 1 << 2,
		 NOTE_NO_INSIDE = 1 << 3,
		 NOTE_NO_REMOTE = 1 << 4,
		 NOTE_PINHOLES = 1 << 5,
		 NOTE_FAMILY = 1 << 6,
		 NOTE_VERSION_SAME = 1 << 7,
		 NOTE_VERSION_JUMPS = 1 << 8,
		 NOTE_INSIDE_PORT = 1 << 9,
		 NOTE_LOW_REMOTE = 1 << 10,
		 NOTE_OURSELVES = 1 << 11,
		 NOTE_OWN_MAPPING = 1 << 12,
		 NOTE_OUT_FIRST = 1 << 13,
};

struct ice_source { /* a remote that has proved to be the agreed agent, or is its candidate in use */
	struct rf_ep inside, remote;
	uint64_t session; /* ice_session() */
	bool used; /* scratch of call_media() */
};

struct call {
	UT_hash_handle hh, hh_id;
	struct expiry expiry;
	uint32_t id, wan_ifindex;
	enum rf_mode mode;
	enum side caller;
	struct rf_ep inside, outside, remote; /* signalling */
	struct rf_addr remotes[CALL_REMOTES_MAX];
	size_t n_remotes;
	uint64_t since, answered; /* answered 0: not yet */
	/* The INVITE without To tag: */
	uint32_t init_cseq;
	bool pending; /* no final response yet */
	bool cancelled;
	struct desc *offer; /* of the INVITE, for every fork; NULL: late offer */
	bool late;
	uint64_t setup_until; /* pending: given up then */
	uint64_t
		retry_until; /* challenged or redirected: the next attempt is awaited until then; 0 */
	uint64_t fork_until; /* answered: more 2xx may come until then (RFC 3261 13.2.2.4); 0 */
	uint64_t linger_until; /* ended: forgotten then; 0: has not ended */
	bool told_end;
	uint32_t notes; /* enum call_note already said */
	uint32_t blocks; /* and those that hold for the media as it is agreed now */
	struct dialog *dialogs;
	struct share_key owner; /* who began it */
	struct share_item share;
	struct call_ports *ports; /* what .leases are of which public address */
	struct leases leases;
	struct pinhole_spec *pins; /* what exists now */
	size_t n_pins;
	struct ice_source *sources; /* last proved last */
	size_t n_sources;
	bool unsettled; /* its pinholes are not yet what was agreed: there was no memory */
	uint64_t heard; /* last message of it, or the restart */
	uint64_t
		idle_at; /* its media may be silent for too long by then; 0: silence means nothing */
	uint32_t pinhole_mark; /* next pinhole id at the last change */
	uint64_t saved; /* fingerprint of the record as saved; 0: never */
	size_t n_key;
	char *key; /* see call_key(); the first two texts are in it, the others behind it */
	char *call_id, *caller_tag, *from, *to;
};

struct place;

struct touched { /* a place at which something changes, and what the kernel knew of it before */
	struct rf_ep inside;
	struct pinhole_spec was; /* .id 0: nothing */
};

struct call_table {
	const struct config *cfg;
	struct call *by_key, *by_id;
	struct place *places;
	struct expiry_heap heap;
	struct share share; /* of calls */
	struct port_pool *pools; /* and of their ports */
	struct ports *ports;
	uint32_t next_call_id;
	uint32_t *next_pinhole_id;
	uint64_t seed;
	struct record scratch;
	struct pinhole_spec had[CALL_PINHOLES_MAX];
	struct pinhole_spec want[CALL_PINHOLES_MAX];
	uint32_t rank[CALL_PINHOLES_MAX][RF_REMOTES_MAX]; /* of the remotes of .want */
	size_t n_want;
	struct touched touched[2 * CALL_PINHOLES_MAX];
	size_t n_touched;
	call_signals_fn *signals; /* may be NULL */
	const void *signals_arg;
	struct sdp sdp;
	call_media_fn media; /* NULL: nobody knows */
	void *media_arg;
	struct wan_names *names; /* may be NULL */
};

struct call_ports;
struct port_pool;

struct call_op { /* one message at work */
	struct call_table *t;
	const struct call_ctx *ctx;
	const struct sip_msg *m;
	struct edit_list *edits;
	struct action_list *out;
	enum rf_reason *reason;
	struct call *call;
	struct dialog *d; /* NULL: none with these tags */
	enum side from; /* who sent the message */
	enum side requester; /* who sent the request that it is or answers */
	struct tx tx;
	bool has_sdp; /* t->sdp is that of the message */
	bool has_fragment; /* t->sdp is its fragment of trickle ICE */
	bool sdp_bad; /* there is one, but it cannot be read: *reason says why */
	bool fork_created; /* .d is new with this message */
	bool note_changed; /* for the event: an agreed session changed */
};

/* call_find.c */
struct call *call_find(const struct call_table *t, enum side caller, const struct rf_addr *inside,
		       struct view call_id, struct view tag);
struct dialog *dialog_find(const struct call *c, struct view tag);
/* 0, -ENOSPC: forks enough, or -ENOMEM; then *out is NULL. */
int dialog_new(struct call *c, struct view tag, uint32_t init_cseq, struct dialog **out);
void dialog_free(struct dialog *d);
void dialog_remove(struct call *c, struct dialog *d); /* frees it */
void call_lookup(struct call_op *op); /* sets .call, .d, .requester */
struct call *call_new(struct call_op *op); /* NULL: out of memory */
/* In the tables: 0 or -ENOMEM, -EEXIST. Keeps or frees the call. */
int call_insert(struct call_table *t, struct call *c);
int call_set_key(struct call *c, const struct call_table *t, struct view call_id, struct view tag,
		 struct view from, struct view to);
void call_free(struct call_table *t, struct call *c);
void call_note_remote(struct call_op *op);

/* call_share.c */
void call_set_owner(struct call *c, const struct config_peer *peer, bool stranger);
/* A call more: others give way if need be. RF_R_NONE, SIP_LIMIT or SIP_SHARE. */
enum rf_reason call_room(struct call_op *op);
/* Public ports for what inside says, as leases_take(), from others if need be. RF_R_NONE, or why not: then the call has
 * those that it had. */
enum rf_reason call_take_ports(struct call_op *op, const struct desc *d);
int call_ports_count(struct call_table *t,
		     struct call *c); /* after any change of .leases: 0, -ENOMEM */
void call_share_settle(struct call_table *t, struct call *c); /* answered or not? */
int call_share_restore(struct call_table *t, struct call *c); /* 0 or -ENOMEM */
void call_share_leave(struct call_table *t, struct call *c);
void call_shares_free(struct call_table *t);

/* call_sdp.c */
void op_read_sdp(struct call_op *op);
/* The SDP as what op->from says, with public ports and edits made. NULL: *op->reason says why. */
struct desc *op_desc(struct call_op *op, const struct desc *before);
void op_scrub(struct call_op *op); /* edits only: nothing inside must show */
/* The message will not be sent; the reason to refuse it for. */
enum rf_reason op_no_memory(struct call_op *op);

/* A fragment adds to what its sender says. */
void op_trickle(struct call_op *op);

/* call_invite.c, call_response.c, call_request.c: what messages mean */
enum call_result call_invite(struct call_op *op);
enum call_result call_response(struct call_op *op);
enum call_result call_request(struct call_op *op);
bool dialog_request_new(struct call_op *op); /* CSeq above all before it: takes note */

/* call_timer.c */
void dialog_offered(struct call_op *op); /* an offer was made that must be answered in time */
void dialog_end(struct dialog *d);
void dialogs_end(struct call *c); /* all of them, and what one may still come of */
bool call_live(const struct call *c); /* a dialog lives, or one may still come */
bool call_is_answered(const struct call *c);
void call_end_check(struct call_table *t, struct call *c, uint64_t now, const char *why,
		    struct action_list *out);
void call_told(struct call *c, enum event_kind kind, const char *why, struct action_list *out);
uint64_t call_due(const struct call *c);
void call_forget(struct call_table *t, struct call *c,
		 struct action_list *out); /* out of the heap already */
uint64_t deadline_after(const struct call_table *t, uint64_t now, int64_t session_expires);

/* call_idle.c */
void call_idle_arm(const struct call_table *t, struct call *c); /* after its pinholes are settled */
bool call_is_silent(const struct call_table *t, struct call *c, uint64_t now);
void call_idle_restored(struct call_table *t, uint64_t now);

/* call_stream.c: what streams the dialogs have agreed on */
struct pair { /* two descriptions that hold against each other */
	const struct dialog *d;
	const struct desc *side[2];
	/* The inside offers something new: the peer may use it before its answer has reached us, as
	 * media and signalling go different ways (RFC 3264 8.3.1). Its own side is the one agreed. */
	bool pending;
	uint64_t until;
};

struct stream { /* one component of an m-line */
	const struct pair *p;
	uint16_t i; /* index of the m-line */
	uint8_t component; /* as in ICE: 1 media, 2 RTCP */
	bool rtcp; /* component 2 */
	const struct media_line *a, *b; /* inside, outside */
	const struct media_line *ta,
		*tb; /* lines whose transport it has: of the bundle, or the same */
	const struct ice_line *ice[2]; /* of these, by side; NULL: ICE is not agreed */
	struct media_line other; /* what .ta or .tb points to when the other family was chosen */
	struct rf_ep inside, outside, remote; /* remote may be any when it is learnt, or with ICE */
};

typedef void (*stream_fn)(struct call_table *t, struct call *c, const struct stream *q,
			  struct action_list *out, void *arg);
/* out NULL: says nothing. */
void call_streams(struct call_table *t, struct call *c, stream_fn fn, struct action_list *out,
		  void *arg);

/* Is it one of the public endpoints that the call has? */
bool call_has_lease(const struct call *c, const struct rf_ep *outside);

/* call_note.c; out NULL: says nothing */
void call_note(struct call *c, enum call_note which, struct action_list *out, const char *text);
/* The same of what keeps media from flowing, which stands on the call until its media is agreed anew. ep: what is
 * refused, NULL or without an address: none that can be named. */
void call_block(struct call *c, enum call_note which, const struct rf_ep *ep,
		struct action_list *out);
size_t call_blocks(const struct call *c, const char *text[SHOW_BLOCKS_MAX]);

static inline bool both(const struct media_line *a, const struct media_line *b, uint16_t flag)
{
	return a->flags & b->flags & flag;
}

/* call_types.c: adds to .payload_types_in, .payload_types_out and .rtcp_types of a pinhole whose classes
 * are set. */
void call_types(const struct call_table *t, struct pinhole_spec *w, const struct stream *q);

/* call_media.c */
/* Brings pinholes and public ports in line with what the call agreed on. 0, or -ENOMEM: they are as they were. */
int call_media(struct call_table *t, struct call *c, struct action_list *out);
/* Public ports that no description names are given back. */
void call_keep_leases(struct call_table *t, struct call *c);
/* Out of memory: .failed of out, and tried again with the call's next message or tick. */
void call_settle(struct call_table *t, struct call *c, struct action_list *out);

/* Is the endpoint that of the host which signals, or of this machine, which signals itself? */
static inline bool call_owns(const struct call *c, const struct pinhole_spec *s)
{
	return addr_eq(&s->inside.addr, &c->inside.addr) || (c->mode == RF_MODE_HOST && s->local);
}

/* call_place.c: the pinholes of all calls, by inside endpoint */
/* From now on the call has those of t->want, each with its .id and .claim. 0, or -ENOMEM: it has those that it had.
 * Fewer of those that it has need no memory but that of .out. */
int places_move(struct call_table *t, struct call *c, struct action_list *out);
bool place_room(const struct call_table *t, const struct call *c, const struct pinhole_spec *s);
void places_leave(struct call_table *t, struct call *c); /* says nothing */
int places_restore(struct call_table *t, struct call *c); /* 0 or -ENOMEM */
void places_restored(struct call_table *t, struct action_list *out);
/* Asks once more for those that go by one of these devices. */
size_t places_count(const struct call_table *t);
void places_moved(struct call_table *t, const struct wan_moves *moves, struct action_list *out);
/* The pinhole that serves this one of c: its own, or that of a newer call. NULL: none does. */
const struct pinhole_spec *place_serves(const struct call_table *t, const struct call *c,
					const struct pinhole_spec *s);
/* The call after c (NULL: the first) that is served at a place; NULL: no more. */
struct call *place_next(const struct call_table *t, const struct rf_ep *inside,
			const struct call *c);

/* call_record.c */
void call_save(struct call_table *t, struct call *c, struct action_list *out);

#endif
