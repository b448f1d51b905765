/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a replay is made of; for replay*.c only. Times are the capture's nanoseconds since 1970, plus
 * REPLAY_EPOCH_NS.
 */
#ifndef RF_REPLAY_PRIV_H
#define RF_REPLAY_PRIV_H

#include "action.h"
#include "engine.h"
#include "hash.h"
#include "pcap_read.h"
#include "pinhole_entry.h"
#include "reassembly.h"
#include "replay.h"
#include "rf_media.h"
#include "sip_msg.h"
#include "tcp_stream.h"
#include "topology.h"

#define REPLAY_EPOCH_NS \
	(1000ull * 1000000000) /* some captures begin at 0, which means "never" to deciders */
#define REPLAY_WAN	   1 /* ifindex of the one WAN device there is */
#define REPLAY_ENTRIES_MAX 2000000 /* of all records together */
#define REPLAY_PLACE_MAX   32 /* pinholes at one inside endpoint that media is compared with */
#define REPLAY_RECENT	   4096
#define REPLAY_TWICE_NS	   (10 * 1000000ull) /* the same packet again within: at another device */
#define REPLAY_FLOWS_MAX   65536

enum replay_way { WAY_OTHER, WAY_STAYS, WAY_OUT, WAY_IN };

struct replay_edit {
	char *where, *before, *after;
};

enum replay_entry_kind { ENTRY_MESSAGE, ENTRY_STATE, ENTRY_PINHOLE, ENTRY_NOTE };

struct replay_entry {
	struct replay_entry *next;
	uint64_t time_ns;
	enum replay_entry_kind kind;
	char *text; /* start line, reason of a state, note */
	const char *word; /* state: "early", ...; pinhole: "open", "change", "close" */
	/* messages: */
	bool out, tcp;
	struct rf_ep src, dst; /* as captured */
	enum rf_reason reason; /* NONE: passed */
	const char *detail; /* constant or NULL */
	char *leak; /* the inside address that is left; NULL */
	struct replay_edit *edits;
	size_t n_edits;
	/* pinholes: */
	struct pinhole_spec pinhole;
};

struct replay_pinhole { /* also after it is closed */
	uint32_t id; /* key */
	struct pinhole_spec spec;
	struct replay_record *record;
	uint64_t closed_ns; /* 0: open */
	uint64_t dialog; /* dialog_of() the message that set it last */
	bool outvoted; /* closed because another dialog of its call was answered */
	/* as the maps would hold it; the arrays by enum rf_dir */
	struct pinhole_entry entry[2];
	struct rf_pinhole_cold cold;
	struct rf_learnt learnt;
	uint64_t last_ns[2]; /* last packet that passed */
	bool sent; /* something from inside, as rf_media_out_first() asks */
	uint64_t stun_tick[2]; /* by direction, 1: out; as in struct rf_flow_stats */
	unsigned int stun_asked[2];
	struct replay_pinhole *of_record; /* the next one of the same record */
	UT_hash_handle hh;
};

/* An inside endpoint: calls may use it one after another, and some hosts use it for all at once. */
struct replay_place {
	struct rf_ep inside; /* key */
	struct replay_pinhole *v[REPLAY_PLACE_MAX]; /* the latest first */
	struct replay_pinhole *in_map; /* the one set last: the map has one entry per key */
	size_t n;
	UT_hash_handle hh;
};

struct flow_key {
	struct rf_ep inside, remote;
	uint32_t out; /* enum as number: the key is compared as bytes */
};

struct replay_flow { /* media of one direction between two endpoints */
	struct flow_key key;
	struct replay_record *record; /* NULL: of no call that is known */
	uint64_t first_ns, last_ns;
	uint64_t packets[RF_R_MAX]; /* by verdict; RF_R_NONE: passed */
	uint64_t total;
	uint64_t lost; /* dropped although the call that it is of would have needed it */
	bool rtp;
	uint32_t ssrc;
	uint64_t same_ssrc; /* RTP packets with the first one's SSRC */
	uint8_t payload_type;
	struct replay_flow *of_record; /* the next one of the same record */
	UT_hash_handle hh;
};

/* A call, or another exchange under one Call-ID, of one inside host. */
struct replay_record {
	char *key; /* inside address, blank, Call-ID */
	size_t key_n;
	uint32_t call; /* the engine's id; 0: no call */
	char *call_id, *from, *to, *method;
	bool out; /* who began */
	struct rf_ep inside, remote;
	uint64_t since_ns, last_ns, answered_ns, ended_ns;
	const char *state; /* NULL: no call */
	char *ended; /* why */
	bool open; /* at the end of the capture */
	uint64_t messages, edited, dropped;
	struct replay_entry *first, *last;
	struct replay_pinhole *pinholes;
	struct replay_flow *flows, *last_flow; /* once all is read */
	UT_hash_handle hh, hh_call;
};

struct replay_stats {
	uint64_t packets, not_ip, other, stays, copies, twice, cut, cut_messages, backwards;
	uint64_t messages, tcp_messages, edited, keepalives, fragmented, fragments_lost, tcp_gaps;
	uint64_t not_sip, malformed, bad_packets, other_port, entries_lost, flows_lost;
	uint64_t media_passed, media_dropped;
	uint64_t reasons[RF_R_MAX]; /* messages that did not simply pass */
	uint64_t found[REPLAY_FINDINGS_MAX];
	uint16_t other_port_seen; /* host order */
};

struct replay {
	struct replay_options o;
	struct topology topo;
	struct engine *engine;
	struct action_list actions;
	struct reassembly *frags;
	struct tcp_streams *tcp;
	struct pcap_read *file;
	char *path;
	char link[80];
	int snaplen;
	bool from_inside; /* taken on the inside of a NAT: inside hosts speak with their own addresses */
	bool damaged;
	int err;
	uint64_t first_ns, now_ns, ticked_ns; /* 0: no packet yet */
	struct sip_msg msg;
	struct replay_record *records; /* by key; in the order of their beginning */
	struct replay_record *by_call;
	struct replay_record loose; /* what has no Call-ID, and notes about nothing in particular */
	struct replay_pinhole *pinholes;
	struct replay_place *places;
	struct replay_flow *flows;
	struct { /* inside hosts that spoke, and private addresses that came from outside */
		struct rf_addr v[256];
		size_t n;
	} spoke, foreign;
	size_t entries;
	struct { /* of packets just seen */
		uint64_t hash, time_ns;
	} recent[REPLAY_RECENT];
	struct replay_stats stats;
	char *pad; /* a packet that the capture cut, filled up with zeros */
};

/* replay_survey.c: a first pass that finds out where the capture was taken. 0, or -errno and why.
 * hint: what to say when nothing crosses. */
struct replay_survey {
	uint64_t sip; /* packets that look like it */
	uint64_t crossing; /* of them between an inside address and one that is not */
	uint64_t to_public; /* between a given public address and another one */
	struct { /* addresses that spoke */
		struct rf_addr addr;
		uint64_t n;
	} seen[64];
	unsigned int n_seen;
	bool taken[6]; /* the documentation addresses that stand for a public one: in use */
};
int replay_survey(const struct replay *r, const char *path, struct replay_survey *s, char *why);
/* Puts the gateway together: what is public, and which side the capture is from. */
void replay_place(struct replay *r, const struct replay_survey *s);

/* replay_packet.c */
void replay_packet(struct replay *r, const struct pcap_packet *p);
extern const struct reassembly_out replay_reassembly;
extern const struct tcp_out replay_tcp;
enum replay_way replay_way(const struct replay *r, const struct rf_addr *src,
			   const struct rf_addr *dst);
bool replay_sip_port(const struct replay *r, uint16_t port); /* network order */

/* replay_message.c */
struct replay_in { /* one datagram or message of a stream */
	enum replay_way way;
	struct rf_ep src, dst;
	struct view payload;
	bool tcp;
};
void replay_message(struct replay *r, const struct replay_in *in);
/* Carries out what the engine says to message m (NULL: to something else), for the given record (NULL: a
 * timeout). */
void replay_actions(struct replay *r, struct replay_record *rec, const struct sip_msg *m);
void replay_remember(struct replay *r, bool spoke, const struct rf_addr *a);

/* replay_leak.c: the first inside address that is left in a message on its way out; 0-terminated in
 * buf of ADDR_TEXT_MAX, or NULL. rec: whose Call-ID is it? */
const char *replay_leak(const struct replay *r, const struct replay_record *rec,
			struct view message, char *buf);
void replay_note_foreign(struct replay *r, struct view message);

/* replay_media.c */
struct replay_udp {
	enum replay_way way;
	struct rf_ep src, dst;
	struct view payload;
	bool fragmented;
	uint8_t ttl; /* when it came to the gateway; TTL_ENOUGH: captured when it had left it */
};
#define TTL_ENOUGH UINT8_MAX
void replay_media(struct replay *r, const struct replay_udp *u);
/* m: the message that they are set or closed by, or NULL */
void replay_pinhole_set(struct replay *r, struct replay_record *rec, const struct pinhole_spec *s,
			const struct sip_msg *m);
void replay_pinhole_close(struct replay *r, uint32_t id, const struct sip_msg *m);
bool replay_call_held(const struct replay_record *rec);
/* After the last packet: whose flows are they, and what was lost. */
void replay_media_settle(struct replay *r);
bool replay_flow_counts(const struct replay_flow *f); /* is media, not a chance hit */
uint64_t replay_flow_lost(const struct replay_flow *f); /* packets lost while a call lived */
void replay_media_free(struct replay *r);

/* replay_ice.c: if the check proves to be one of the agreed agent's, the pinhole lists its address then. */
void replay_stun(struct replay *r, struct replay_pinhole *p, const struct replay_udp *u);

/* replay_check.c */
/* .agreed: enum rf_class bits, as in rf_media_read() */
struct rf_media replay_classify(struct view payload, uint16_t agreed);
bool replay_remotes_have(const struct pinhole_entry *e, const struct rf_ep *ep, bool prefix);
/* What the kernel side says to the packet, RF_R_NONE: it passes; *m: its payload, read with the classes of the
 * pinhole. Learns as it would. RF_R_STUN_HELD: the controller has to verify it. */
enum rf_reason replay_check(struct replay_pinhole *p, const struct replay_udp *u, uint64_t now_ns,
			    const struct rf_media *m);

/* replay_record.c */
struct replay_record *replay_record_get(struct replay *r, const struct rf_ep *inside,
					struct view call_id);
struct replay_record *replay_record_of_call(const struct replay *r, uint32_t call);
void replay_record_call(struct replay *r, struct replay_record *rec, uint32_t call);
/* NULL: too many or out of memory (told in the summary). */
struct replay_entry *replay_entry_add(struct replay *r, struct replay_record *rec,
				      enum replay_entry_kind kind, struct view text);
int replay_entry_diff(struct replay *r, struct replay_entry *e, struct view before,
		      struct view after);
void replay_records_free(struct replay *r);
char *replay_copy(struct replay *r, struct view v, size_t max); /* NULL: r->err is set */

#endif
