/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What two sides say about their media (RFC 3264), kept without the text: descriptions, the public
 * ports leased for inside endpoints, and the offer/answer state of one dialog. A decider.
 */
#ifndef RF_SESSION_H
#define RF_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "config.h"
#include "edit.h"
#include "ice.h"
#include "ports.h"
#include "record.h"
#include "rf_media.h"
#include "sdp.h"
#include "topology.h"

/* Does media of this protocol have a pinhole? */
static inline bool proto_served(unsigned int proto)
{
	return proto != SDP_P_OTHER && proto != SDP_P_TCP;
}

enum side { SIDE_INSIDE, SIDE_OUTSIDE };

static inline enum side side_other(enum side s)
{
	return s == SIDE_INSIDE ? SIDE_OUTSIDE : SIDE_INSIDE;
}

enum line_flag {
	LINE_OFF = 1 << 0, /* port 0 */
	LINE_ZERO = 1 << 1, /* c=0.0.0.0: hold of RFC 2543; endpoints are those known before */
	LINE_NO_ADDR = 1 << 2, /* host name */
	LINE_FOREIGN = 1 << 3, /* an address that this side cannot have: no pinhole */
	LINE_MUX = 1 << 4, /* a=rtcp-mux */
	LINE_ICE = 1 << 5,
	LINE_DTLS = 1 << 6,
	LINE_XLATE = 1 << 7, /* inside: has a lease of a public port */
	LINE_LOCAL = 1 << 8, /* inside: an address of this machine */
	LINE_LEARN = 1 << 9, /* outside: the source has to be learnt */
	LINE_BUNDLE_ONLY =
		1 << 10, /* port 0, but in use when bundled (RFC 9143 6); LINE_OFF as well */
	LINE_FB = 1 << 12, /* RTCP feedback messages: RFC 4585 */
	LINE_BY_ICE = 1 << 11, /* inside: c= and m= name another place, so nothing without ICE */
	LINE_LOW_PORTS = 1 << 13, /* outside: the peer's media may be at ports below RF_LOW_PORTS */
	LINE_OURSELVES =
		1 << 14, /* inside: LINE_FOREIGN, as it is this gateway, and who says so is not */
	LINE_LOW_REMOTE = 1 << 15, /* outside: LINE_FOREIGN for its port alone */
};

/* Of these what its endpoint is like, and whether it may be served: they go where the endpoint goes. */
#define LINE_PLACE                                                                        \
	(LINE_ZERO | LINE_NO_ADDR | LINE_FOREIGN | LINE_XLATE | LINE_LOCAL | LINE_LEARN | \
	 LINE_BY_ICE | LINE_OURSELVES | LINE_LOW_REMOTE)

/* What one m-line says. Zeroed padding: compared as bytes. */
struct media_line {
	struct rf_ep rtp, rtcp; /* address any: not known */
	struct rf_ep alt_rtp, alt_rtcp; /* of the other family (RFC 6947); address any: none */
	uint32_t clock_rate;
	uint16_t flags; /* enum line_flag */
	uint16_t count; /* 49170/2: 2 */
	uint16_t alt_flags; /* enum line_flag of .alt_rtp */
	uint16_t first_codec; /* index in desc_codecs() of that of its lowest payload type */
	uint8_t bundle; /* 1 + index of the m-line whose transport its bundle has; 0: none */
	uint8_t proto; /* enum sdp_proto */
	uint8_t direction; /* enum sdp_direction, of the side that says it */
	uint8_t payload_types[16];
	char media[12], codec[16];
	uint8_t pad[1];
};
_Static_assert(sizeof(struct media_line) == 140, "compared as bytes, and followed by codecs");

/* Which description of a session it is (RFC 8866 5.2). */
struct origin {
	uint64_t session; /* hash of sess-id; 0: none that can be read */
	uint64_t version;
};

struct desc { /* shared by the dialogs of a forked call, never changed after reading */
	unsigned int refs;
	uint16_t n;
	uint16_t n_learn;
	uint16_t n_codecs;
	struct rf_remote *learn; /* .n_learn: where LINE_LEARN lines may be learnt from */
	struct origin origin;
	struct ice_line *ice; /* .n of them; NULL: no line has LINE_ICE */
	struct media_line line[]; /* and .n_codecs words: desc_codecs() */
};

/* sdp_codec() of every payload type, line by line, in the order of the numbers; 0: not known. */
static inline uint32_t *desc_codecs(const struct desc *d)
{
	return (uint32_t *)&d->line[d->n];
}

/* What .line and the codecs are in bytes. */
static inline size_t desc_tail(const struct desc *d)
{
	return d->n * sizeof(d->line[0]) + d->n_codecs * sizeof(uint32_t);
}

static inline bool line_has_type(const struct media_line *l, unsigned int type)
{
	return rf_types_have(l->payload_types, (uint8_t)type);
}

struct leases;

/* What reading needs to know. */
struct desc_env {
	const struct config *cfg;
	const struct topology *topo;
	const struct topology_wan *wan;
	const struct config_peer *peer; /* may be NULL */
	bool host; /* the inside host that speaks is this machine */
	struct rf_addr remote; /* signalling peer */
	const struct ports *ports; /* which public ports are ours; may be NULL */
	const struct leases *leases; /* which of them are this call's; may be NULL */
};

/* before (may be NULL) is what this side said last: it lends its endpoints to c=0.0.0.0 lines.
 * NULL: out of memory. */
struct desc *desc_read(const struct desc_env *env, enum side side, const struct sdp *sdp,
		       const struct desc *before);
struct desc *desc_get(struct desc *d); /* one more reference; NULL ok */
void desc_put(struct desc *d); /* NULL ok */
bool desc_eq(const struct desc *a, const struct desc *b);
/* What d and a fragment of trickle ICE say together: d itself when that is nothing new, NULL: out of
 * memory. One more reference in either case. */
struct desc *desc_trickle(const struct desc_env *env, enum side side, const struct sdp *fragment,
			  struct desc *d);
void desc_record(struct record *r, struct desc **d);
void remote_record(struct record *r, struct rf_remote *m);
struct rf_ep ep_above(struct rf_ep ep,
		      unsigned int n); /* n ports above; port 0 when beyond 65535 */

/* The same line at its address of the other family; false: it has none. */
bool line_other_family(const struct media_line *l, struct media_line *out);

/* Public ports for inside endpoints. */
struct lease {
	struct rf_ep inside;
	struct rf_addr wire;
	uint32_t ifindex;
	uint16_t base; /* public port of .inside; host order, even */
	uint8_t pairs; /* base .. base + 2 * pairs - 1 belong to inside.port .. and so on */
	bool single; /* RTCP elsewhere: only the first port of the pair is in use */
	bool used; /* scratch of leases_keep() */
};
struct leases {
	struct rf_addr host; /* who signals: its calls have the same port for the same endpoint */
	struct lease *v;
	size_t n, cap;
	struct rf_addr
		lacked; /* leases_take(): the public address that had too few; any: it was not that */
};

/* Leases for every line of an inside description that has none: 0, -ENOSPC or -ENOMEM, and then
 * nothing was taken. */
int leases_take(struct leases *l, struct ports *p, const struct desc *d,
		const struct topology_wan *wan);
/* The public endpoint on the wire of an inside endpoint. */
bool leases_find(const struct leases *l, const struct topology_wan *wan, const struct rf_ep *inside,
		 struct rf_ep *outside);
bool leases_find_index(const struct leases *l, uint32_t ifindex, const struct rf_ep *inside,
		       struct rf_ep *outside);
/* The other way round: whose public endpoint is this? */
bool leases_inside(const struct leases *l, uint32_t ifindex, const struct rf_ep *outside,
		   struct rf_ep *inside);
/* Gives back what no kept description names: clear, keep each, sweep. */
void leases_clear_marks(struct leases *l);
void leases_keep(struct leases *l, const struct desc *d);
void leases_sweep(struct leases *l, struct ports *p);
/* In between: what will be swept is not found until leases_unpark() of as many. */
size_t leases_park(struct leases *l);
void leases_unpark(struct leases *l, size_t n);
int leases_claim(struct leases *l, struct ports *p); /* after reading a record; all or nothing */
/* names: NULL: not known; named: see wan_names_record() */
void leases_record(struct record *r, struct leases *l, struct wan_names *names, bool named);
void leases_moved(struct leases *l, const struct wan_moves *moves);

/* Edits of an SDP from inside: inside addresses become the public one, ports those leased. A port
 * without a lease stays as it is. */
void sdp_edit(const struct sdp *sdp, const struct topology *topo, const struct topology_wan *wan,
	      const struct leases *l, const struct desc *d, struct edit_list *edits);

/* Edits of an SDP from outside: what it repeats of our side is what the inside host calls it. */
void sdp_unedit(const struct sdp *sdp, const struct topology_wan *wan, const struct leases *l,
		struct edit_list *edits);
/* The inside endpoint that a candidate behind NAT (srflx) names as its base; false: ep is no such. */
bool sdp_mapped_base(const struct sdp *sdp, uint16_t media, const struct rf_ep *ep,
		     struct rf_ep *base);

/* A transaction that carries offer or answer; method SIP_M_OTHER: none. */
struct tx {
	uint32_t cseq;
	uint8_t side; /* who sent the request */
	uint8_t method; /* enum sip_method */
};

static inline bool tx_eq(struct tx a, struct tx b)
{
	return a.method && a.cseq == b.cseq && a.side == b.side && a.method == b.method;
}

struct session { /* of one dialog */
	struct desc *now[2]; /* by side; both or none: what is agreed, or a preview of it */
	struct tx agreed; /* by which transaction */
	uint8_t answerer; /* who answered in it */
	bool preview; /* by an unreliable provisional answer only */
	struct desc *before[2]; /* preview: what holds if it comes to nothing */
	struct tx before_agreed;
	uint8_t before_answerer;
	struct {
		struct desc *desc;
		struct tx tx;
	} offer[2]; /* by who offers; both in a glare (RFC 3261 14.1) */
	struct origin said[2]; /* of the last description of each side, agreed or not */
	uint64_t since; /* when it was last agreed anew: sources are learnt from then */
};

/* RFC 3264 8: a new description has the version of the one before, and one more. */
enum session_version {
	VERSION_FINE,
	VERSION_SAME, /* but the description is another one */
	VERSION_JUMPS, /* by more than one, or back */
};
enum session_version session_version(const struct session *s, enum side side,
				     const struct desc *desc);
/* Takes a reference of desc. */
void session_offer(struct session *s, enum side side, struct tx tx, struct desc *desc);
/* answerer's desc answers the offer made in tx, or repeats an answer in it. Returns whether media may
 * have changed. */
bool session_answer(struct session *s, enum side answerer, struct tx tx, struct desc *desc,
		    bool preview, uint64_t now);
/* tx succeeded without (another) answer: a preview in it becomes agreed. */
void session_confirm(struct session *s, struct tx tx, uint64_t now);
/* tx came to nothing: its offers are void, and so is a preview in it. */
void session_fail(struct session *s, struct tx tx);
void session_clear(struct session *s);
/* A fragment of trickle ICE adds to what this side says: 0 or -ENOMEM. */
int session_trickle(struct session *s, enum side side, const struct desc_env *env,
		    const struct sdp *fragment);
void session_record(struct record *r, struct session *s);

#endif
