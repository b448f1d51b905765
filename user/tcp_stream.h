/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIP over TCP from captured segments: each direction of a connection is put in order, then cut into
 * messages (sip_frame.h). Time is passed in; no I/O. Limits bound what a capture
 * can take; what is missing is told, never guessed.
 */
#ifndef RF_TCP_STREAM_H
#define RF_TCP_STREAM_H

#include <stdint.h>

#include "packet.h"
#include "rf_abi.h"
#include "view.h"

#define TCP_STREAMS_MAX	     4096 /* directions; beyond that the one that is silent longest goes */
#define TCP_WAITING_MAX	     (256 << 10) /* bytes of one direction ahead of a missing segment */
#define TCP_WAITING_SEGMENTS 512
#define TCP_WAIT_NS	     (5ull * 1000000000) /* for a missing segment */

struct tcp_segment {
	uint64_t time_ns;
	struct rf_ep src, dst;
	uint32_t seq;
	bool syn, fin, rst;
	struct view payload;
};

enum tcp_trouble {
	TCP_GAP, /* a segment is not in the capture: what lies around it is lost */
	TCP_NOT_SIP, /* the stream is not, or no longer, readable as SIP: ignored from here on */
	TCP_CUT, /* it ends in the middle of a message */
};

struct tcp_out {
	void (*message)(const struct tcp_segment *s, struct view message, void *arg);
	void (*trouble)(const struct rf_ep *src, const struct rf_ep *dst, enum tcp_trouble what,
			void *arg);
	void *arg;
};

struct tcp_streams;

/* 0, or -EINVAL when the headers do not fit. time_ns is left to the caller. */
int tcp_segment_parse(const struct packet *p, struct tcp_segment *out);

struct tcp_streams *tcp_streams_new(const struct tcp_out *out);
void tcp_streams_free(struct tcp_streams *t); /* NULL ok */
int tcp_streams_add(struct tcp_streams *t, const struct tcp_segment *s); /* 0 or -ENOMEM */
/* No more segments: tells of everything that is incomplete. */
void tcp_streams_end(struct tcp_streams *t);

#endif
