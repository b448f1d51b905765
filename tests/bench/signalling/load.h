/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls through one gateway as fast as they go, or at a given rate: callers inside and a callee on the
 * WAN in one process (sipp is slower than what is measured), each side with a socket in its namespace.
 * INVITE with SDP, 200 with SDP, ACK; the calls stay up; then BYE, 200. No retransmissions: what is
 * not answered counts as failed.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define LOAD_CALLEE	 "203.0.113.2"
#define LOAD_CALLEE_PORT 20000 /* of the media; up, by two per call */
#define LOAD_MEDIA_PORT	 16384 /* likewise, inside */
#define LOAD_PORTS	 12000 /* calls on one media address */

enum load_method { LOAD_INVITE, LOAD_BYE };
enum load_message {
	LOAD_M_INVITE,
	LOAD_M_OK,
	LOAD_M_ACK,
	LOAD_M_BYE,
	LOAD_M_BYE_OK,
	LOAD_MESSAGES
};
enum load_way { LOAD_INWARD = 1 << 0, LOAD_OUTWARD = 1 << 1 };

struct load_call {
	uint64_t sent_ns; /* of the message under way */
	struct sockaddr_in seen[2]; /* media address as the callee saw it, as the caller did */
	char *route; /* Record-Route of the 200, as a Route of what follows; NULL: none */
	bool up; /* the INVITE was answered */
};

struct load {
	char in_ns[32], wan_ns[32];
	int in_fd, wan_fd;
	struct sockaddr_in next_hop; /* of the callers */
	unsigned int
		phones; /* 1: all calls from .inside; else from as many addresses, .phone_net and up */
	struct in_addr phone_net;
	char inside[20], media_net[20]; /* "10.0.0.2", "10.0.0": of one phone with all calls */
	char tag[24]; /* of the Call-IDs: a new one each time */
	unsigned int n_calls, window;
	unsigned int rate; /* requests per second, evenly; 0: as fast as the window lets */
	unsigned int seconds; /* no new calls after so many; 0: all of them */
	unsigned int last_second; /* answers to INVITE in the last whole one */
	struct load_call *calls;
	uint32_t *latency_us10[LOAD_MESSAGES]; /* from one end to the other, 0.1 us */
	uint32_t n_latency[LOAD_MESSAGES];
	uint32_t sent[2], done[2], refused[2],
		bad; /* refused: a final answer that is none of 2xx */
	/* Right after a request is answered by the callee (a BYE: before), a response read by the caller. */
	void (*at_callee)(struct load *l, unsigned int call, enum load_method m);
	void (*at_caller)(struct load *l, unsigned int call, enum load_method m);
};

/* Sockets in the namespaces named by .in_ns, .wan_ns. */
void load_open(struct load *l);
/* Forgets the calls of before: n calls, not set up yet. */
void load_begin(struct load *l, const char *tag, unsigned int n_calls, unsigned int window);
void load_end(struct load *l);
/*
 * INVITEs for all calls, or BYEs for those that are up; waits for the answers. With a window of 1 each
 * message travels alone, ACKs too. Seconds.
 */
double load_phase(struct load *l, enum load_method m);

/* Media address of a call inside; the callee's is LOAD_CALLEE. */
void load_inside_media(const struct load *l, unsigned int call, struct sockaddr_in *a);
/* Media sockets of a call at both ends. */
struct load_pair {
	int in, wan;
};
struct load_pair load_pair_open(const struct load *l, unsigned int call);
void load_pair_close(struct load_pair *p);
/* LOAD_*: one RTP packet each of these ways, to where the sender has been told. */
void load_media_send(struct load *l, struct load_pair *p, unsigned int call, unsigned int ways);
/* LOAD_*: which of them arrive within wait_ms each. */
unsigned int load_media_read(struct load_pair *p, unsigned int call, int wait_ms);

#endif
