// SPDX-License-Identifier: GPL-2.0-only
/*
 * Punt records -> messages. Lengths and checksums are checked here: what the controller reads has
 * passed no network stack yet.
 */
#include "punt.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "packet.h"
#include "reassembly.h"

#define PUNT_ROUNDS 16
#define PUNT_BATCH  256 /* then timers and the heartbeat have their turn, flood or not */

struct punt {
	int left; /* records until then */
	struct punt_out out;
	struct reassembly *frags;
	struct ring_buffer *ring;
	volatile struct rf_progress *progress; /* in the kernel's map */
};

static int open_datagram(const struct rf_punt *meta, struct view packet, struct punt_message *m,
			 enum packet_checksum *sum)
{
	struct packet pkt;

	*m = (struct punt_message){ .time_ns = meta->time_ns,
				    .hook = meta->hook,
				    .ifindex = meta->ifindex };
	if (packet_parse(packet.p, packet.n, &pkt))
		return -EINVAL;
	return packet_udp(&pkt, &m->src, &m->dst, &m->payload, sum);
}

static void punt_datagram(const struct rf_punt *meta, struct view packet, void *arg)
{
	enum packet_checksum sum;
	struct punt_message m;
	struct punt *p = arg;

	if (open_datagram(meta, packet, &m, &sum)) {
		/* not TRUNCATED: that counter is the kernel side's */
		p->out.dropped(RF_R_SIP_MALFORMED, 1, packet.n, p->out.arg);
		return;
	}
	if (sum == PACKET_SUM_BAD) {
		p->out.dropped(RF_R_SIP_BAD_CHECKSUM, 1, packet.n, p->out.arg);
		return;
	}
	p->out.message(&m, p->out.arg);
}

/* The checksum is the receiver's affair, as for all media: the check has a better one. */
static void punt_stun(const struct rf_punt *meta, struct view packet, struct punt *p)
{
	enum packet_checksum sum;
	struct punt_message m;

	if (open_datagram(meta, packet, &m, &sum))
		p->out.again(meta, packet, p->out.arg);
	else
		p->out.stun(&m, meta->call_id, meta, packet, p->out.arg);
}

static void punt_connection(const struct rf_punt *meta, struct view packet, struct punt *p)
{
	struct punt_message m = { .time_ns = meta->time_ns,
				  .hook = meta->hook,
				  .ifindex = meta->ifindex };
	enum packet_checksum sum;
	struct packet pkt;
	size_t header;

	if (packet_parse(packet.p, packet.n, &pkt) ||
	    packet_tcp(&pkt, &m.src, &m.dst, &header, &sum))
		p->out.dropped(RF_R_SIP_MALFORMED, 1, packet.n, p->out.arg);
	else if (sum == PACKET_SUM_BAD)
		p->out.dropped(RF_R_SIP_BAD_CHECKSUM, 1, packet.n, p->out.arg);
	else
		p->out.connection(&m, meta, packet, p->out.arg);
}

static void punt_resend(const struct rf_punt *meta, struct view packet, void *arg)
{
	struct punt *p = arg;

	p->out.resend(meta, packet, p->out.arg);
}

static void punt_lost(uint32_t packets, uint64_t bytes, void *arg)
{
	struct punt *p = arg;

	p->out.dropped(RF_R_FRAGMENT_LIMIT, packets, bytes, p->out.arg);
}

static int punt_record(void *ctx, void *data, size_t n)
{
	struct punt *p = ctx;
	struct rf_punt meta;
	struct view packet;

	if (n < sizeof(meta))
		return 0; /* never from our own kernel side */
	memcpy(&meta, data, sizeof(meta));
	packet = (struct view){ (char *)data + sizeof(meta), n - sizeof(meta) };
	if (meta.len < packet.n)
		packet.n = meta.len;
	if (meta.kind == RF_PUNT_SIP)
		punt_datagram(&meta, packet, p);
	else if (meta.kind == RF_PUNT_STUN)
		punt_stun(&meta, packet, p);
	else if (meta.kind == RF_PUNT_TCP)
		punt_connection(&meta, packet, p);
	else if (meta.kind == RF_PUNT_MEDIA)
		p->out.again(&meta, packet, p->out.arg);
	else
		reassembly_add(p->frags, &meta, packet, clock_now_ns());
	return --p->left > 0 ? 0 : -EAGAIN;
}

int punt_new(struct punt **out, const struct datapath *dp, const struct punt_out *callbacks)
{
	struct punt *p = calloc(1, sizeof(*p));
	struct reassembly_out frags = { punt_datagram, punt_resend, punt_lost, p };
	int err;

	if (!p)
		return -ENOMEM;
	p->out = *callbacks;
	p->frags = reassembly_new(&frags);
	if (!p->frags) {
		punt_free(p);
		return -ENOMEM;
	}
	p->progress = mmap(NULL, sizeof(*p->progress), PROT_READ | PROT_WRITE, MAP_SHARED,
			   dp->map[MAP_PROGRESS], 0);
	if (p->progress == MAP_FAILED) {
		p->progress = NULL;
		err = -errno;
		punt_free(p);
		return err;
	}
	errno = 0;
	p->ring = ring_buffer__new(dp->map[MAP_PUNT], punt_record, p, NULL);
	if (!p->ring) {
		err = errno ? -errno : -ENOMEM;
		punt_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void punt_free(struct punt *p)
{
	if (!p)
		return;
	ring_buffer__free(p->ring);
	if (p->progress)
		munmap((void *)p->progress, sizeof(*p->progress));
	reassembly_free(p->frags);
	free(p);
}

int punt_fd(const struct punt *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

int punt_consume(struct punt *p)
{
	uint64_t held;
	int n, i;

	p->left = PUNT_BATCH;
	/* Once more when something was held meanwhile: its record may have come in this very round. */
	for (i = 0; i < PUNT_ROUNDS; i++) {
		held = p->progress->held;
		n = ring_buffer__consume(p->ring);
		if (n == -EAGAIN)
			return PUNT_BATCH; /* the rest keeps the descriptor readable */
		/* the ring is empty: what was held by then has had its effect */
		p->progress->done = held;
		if (n < 0 || p->progress->held == held)
			break;
	}
	return n;
}

void punt_expire(struct punt *p, uint64_t now_ns)
{
	punt_consume(p); /* so that .done never stays behind */
	reassembly_expire(p->frags, now_ns);
}
