// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry per direction of a connection. A stream is followed from its SYN, or, when the capture
 * began later, from the first segment that begins like a message.
 */
#include "tcp_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include <utlist.h>

#include "hash.h"
#include "sip_frame.h"
#include "sip_scan.h"

struct waiting { /* ahead of a missing segment, by sequence number */
	struct waiting *next;
	struct tcp_segment s; /* .payload: the bytes below */
	char bytes[];
};

struct tcp_key {
	struct rf_ep src, dst;
};

struct stream {
	struct tcp_key key;
	bool followed; /* .next is known */
	bool ignored; /* not SIP: until the next SYN */
	uint32_t first, next; /* sequence numbers: of the beginning, expected now */
	char *buf; /* in order, not yet a whole message */
	size_t n, cap;
	struct sip_framer framer;
	struct waiting *waiting;
	size_t waiting_n, waiting_bytes;
	UT_hash_handle hh;
	struct stream *prev, *after; /* silent longest first */
};

struct tcp_streams {
	struct tcp_out out;
	struct stream *by_key, *by_age;
};

int tcp_segment_parse(const struct packet *p, struct tcp_segment *out)
{
	struct tcphdr tcp;

	if (p->proto != IPPROTO_TCP || p->more || p->frag_offset || p->l4.n < sizeof(tcp))
		return -EINVAL;
	memcpy(&tcp, p->l4.p, sizeof(tcp));
	if (tcp.doff * 4u < sizeof(tcp) || tcp.doff * 4u > p->l4.n)
		return -EINVAL;
	*out = (struct tcp_segment){
		.src = { .addr = p->src, .port = tcp.source },
		.dst = { .addr = p->dst, .port = tcp.dest },
		.seq = ntohl(tcp.seq),
		.syn = tcp.syn,
		.fin = tcp.fin,
		.rst = tcp.rst,
		.payload = { p->l4.p + tcp.doff * 4u, p->l4.n - tcp.doff * 4u },
	};
	return 0;
}

struct tcp_streams *tcp_streams_new(const struct tcp_out *out)
{
	struct tcp_streams *t = calloc(1, sizeof(*t));

	if (t)
		t->out = *out;
	return t;
}

static void drop_waiting(struct stream *s)
{
	while (s->waiting) {
		struct waiting *w = s->waiting;

		LL_DELETE(s->waiting, w);
		free(w);
	}
	s->waiting_n = s->waiting_bytes = 0;
}

static void stream_restart(struct stream *s)
{
	drop_waiting(s);
	s->n = 0;
	s->framer = (struct sip_framer){ 0 };
	s->followed = s->ignored = false;
}

static void stream_free(struct tcp_streams *t, struct stream *s)
{
	drop_waiting(s);
	HASH_DEL(t->by_key, s);
	DL_DELETE2(t->by_age, s, prev, after);
	free(s->buf);
	free(s);
}

void tcp_streams_free(struct tcp_streams *t)
{
	if (!t)
		return;
	while (t->by_age)
		stream_free(t, t->by_age);
	free(t);
}

static void trouble(struct tcp_streams *t, const struct stream *s, enum tcp_trouble what)
{
	t->out.trouble(&s->key.src, &s->key.dst, what, t->out.arg);
}

static void finish(struct tcp_streams *t, struct stream *s)
{
	if (s->waiting)
		trouble(t, s, TCP_GAP);
	else if (s->n)
		trouble(t, s, TCP_CUT);
}

void tcp_streams_end(struct tcp_streams *t)
{
	while (t->by_age) {
		finish(t, t->by_age);
		stream_free(t, t->by_age);
	}
}

static struct stream *stream_get(struct tcp_streams *t, const struct tcp_segment *seg)
{
	struct tcp_key key = { seg->src, seg->dst };
	struct stream *s;

	HASH_FIND(hh, t->by_key, &key, sizeof(key), s);
	if (s) {
		DL_DELETE2(t->by_age, s, prev, after);
		DL_APPEND2(t->by_age, s, prev, after);
		return s;
	}
	if (HASH_COUNT(t->by_key) >= TCP_STREAMS_MAX) {
		finish(t, t->by_age);
		stream_free(t, t->by_age);
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = key;
	if (!hash_add(hh, t->by_key, key, sizeof(s->key), s)) {
		free(s);
		return NULL;
	}
	DL_APPEND2(t->by_age, s, prev, after);
	return s;
}

/* Hands out every whole message. seg: the segment that completed it. */
static void cut_messages(struct tcp_streams *t, struct stream *s, const struct tcp_segment *seg)
{
	size_t at = 0, n;

	while (!s->ignored && at < s->n) {
		struct view rest = { s->buf + at, s->n - at };

		switch (sip_frame_next(&s->framer, rest, &n)) {
		case SIP_FRAME_WHOLE:
			t->out.message(seg, view_head(rest, n), t->out.arg);
			at += n;
			continue;
		case SIP_FRAME_KEEP_ALIVE: at += n; continue;
		case SIP_FRAME_BAD:
			trouble(t, s, TCP_NOT_SIP);
			stream_restart(s);
			s->ignored = true;
			return;
		case SIP_FRAME_MORE: break;
		}
		break;
	}
	memmove(s->buf, s->buf + at, s->n - at);
	s->n -= at;
}

static int append(struct tcp_streams *t, struct stream *s, const struct tcp_segment *seg,
		  size_t skip)
{
	struct view v = view_from(seg->payload, skip);

	if (s->n + v.n > s->cap) {
		size_t cap = (s->n + v.n) * 2;
		char *grown = realloc(s->buf, cap);

		if (!grown)
			return -ENOMEM;
		s->buf = grown;
		s->cap = cap;
	}
	memcpy(s->buf + s->n, v.p, v.n);
	s->n += v.n;
	s->next += v.n;
	cut_messages(t, s, seg);
	return 0;
}

static int wait_for_it(struct stream *s, const struct tcp_segment *seg)
{
	struct waiting *w, **at = &s->waiting;

	while (*at && (int32_t)((*at)->s.seq - seg->seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->s.seq == seg->seq && (*at)->s.payload.n >= seg->payload.n)
		return 0; /* once more */
	w = malloc(sizeof(*w) + seg->payload.n);
	if (!w)
		return -ENOMEM;
	w->s = *seg;
	memcpy(w->bytes, seg->payload.p, seg->payload.n);
	w->s.payload.p = w->bytes;
	w->next = *at;
	*at = w;
	s->waiting_n++;
	s->waiting_bytes += seg->payload.n;
	return 0;
}

static int take_segment(struct tcp_streams *t, struct stream *s, const struct tcp_segment *seg)
{
	int32_t ahead;

	if (!s->followed) {
		if (!sip_frame_begins(seg->payload))
			return 0;
		s->first = s->next = seg->seq;
		s->followed = true;
	}
	ahead = (int32_t)(seg->seq - s->next);
	if (ahead > 0)
		return wait_for_it(s, seg);
	if ((size_t) - (int64_t)ahead >= seg->payload.n)
		return 0; /* retransmission */
	return append(t, s, seg, (size_t) - (int64_t)ahead);
}

/* A segment is missing and will not come: goes on behind it, at the next beginning of a message. */
static void give_up(struct tcp_streams *t, struct stream *s)
{
	trouble(t, s, TCP_GAP);
	s->n = 0;
	s->framer = (struct sip_framer){ 0 };
	s->followed = false;
}

static int drain(struct tcp_streams *t, struct stream *s)
{
	int err = 0;

	while (!err && s->waiting && !s->ignored &&
	       (!s->followed || (int32_t)(s->waiting->s.seq - s->next) <= 0)) {
		struct waiting *w = s->waiting;

		LL_DELETE(s->waiting, w);
		s->waiting_n--;
		s->waiting_bytes -= w->s.payload.n;
		err = take_segment(t, s, &w->s);
		free(w);
	}
	return err;
}

int tcp_streams_add(struct tcp_streams *t, const struct tcp_segment *seg)
{
	struct stream *s = stream_get(t, seg);
	struct tcp_segment data = *seg;
	int err;

	if (!s)
		return -ENOMEM;
	if (seg->syn) {
		/* A SYN sent again must not throw away what came after the first one. */
		if (!s->followed || seg->seq + 1 != s->first) {
			finish(t, s);
			stream_restart(s);
			s->first = s->next = seg->seq + 1;
			s->followed = true;
		}
		data.seq++;
	}
	if (seg->rst) {
		finish(t, s);
		stream_free(t, s);
		return 0;
	}
	if (s->ignored || !data.payload.n)
		return 0;
	err = take_segment(t, s, &data);
	if (!err)
		err = drain(t, s);
	while (!err && s->waiting &&
	       (s->waiting_bytes > TCP_WAITING_MAX || s->waiting_n > TCP_WAITING_SEGMENTS ||
		seg->time_ns - s->waiting->s.time_ns > TCP_WAIT_NS)) {
		give_up(t, s);
		err = drain(t, s);
	}
	return err;
}
