/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends and receives RTP on one or many ports and counts exactly: what was sent, what came, which
 * sequence numbers are missing, from whom. One JSON line at the end, and one on each SIGUSR1.
 * Every run is bounded in time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STREAMS_MAX 1024
#define MS	    1000000UL

struct stream {
	int fd;
	struct sockaddr_storage remote;
	uint64_t due_ns, last_rx_ns, silence_ns;
	uint32_t sent, send_errors, received, unique, duplicate, reordered, bad, foreign;
	bool rx_started;
	uint16_t first_seq, last_seq;
	uint8_t seen[65536 / 8];
};

static struct options {
	const char *local, *remote, *name, *out, *kind;
	int local_port, remote_port, step, streams, payload_type, size;
	uint32_t count, expect, ssrc, seq;
	uint64_t interval_ns, limit_ns, linger_ns, delay_ns;
	bool verbose, burst;
} opt = { .name = "rtp",
	  .kind = "rtp",
	  .step = 2,
	  .streams = 1,
	  .size = 160,
	  .ssrc = 0x1000,
	  .seq = 1,
	  .interval_ns = 20 * MS,
	  .limit_ns = 10000 * MS };

static struct stream *streams;
static volatile sig_atomic_t stop, snapshot;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		snapshot = 1;
	else
		stop = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "rtp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Brackets around an IPv6 address are taken off. */
static socklen_t endpoint(const char *host, int port, struct sockaddr_storage *out)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_DGRAM };
	char text[64], service[8];
	struct addrinfo *found;
	socklen_t len;

	snprintf(text, sizeof(text), "%s", host[0] == '[' ? host + 1 : host);
	text[strcspn(text, "]")] = 0;
	snprintf(service, sizeof(service), "%u", port & 0xffff);
	if (getaddrinfo(text, service, &hints, &found)) {
		fprintf(stderr, "rtp: not an address: %s\n", host);
		exit(2);
	}
	len = found->ai_addrlen;
	memset(out, 0, sizeof(*out));
	memcpy(out, found->ai_addr, len);
	freeaddrinfo(found);
	return len;
}

static bool same_endpoint(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && !memcmp(&a6->sin6_addr, &b6->sin6_addr, 16);
}

static void stream_open(struct stream *s, int i)
{
	struct sockaddr_storage local;
	int big = 4 << 20, one = 1;
	socklen_t len = endpoint(opt.local, opt.local_port + i * opt.step, &local);

	s->fd = socket(local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		die("socket");
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s->fd, (void *)&local, len))
		die("bind");
	if (opt.remote)
		endpoint(opt.remote, opt.remote_port + i * opt.step, &s->remote);
}

static size_t packet_make(const struct stream *s, uint32_t ssrc, uint8_t *p)
{
	uint16_t seq = opt.seq + s->sent;
	uint32_t stamp = htonl(s->sent * 160);
	size_t n = 12 + opt.size;

	memset(p, 0xd5, n);
	p[0] = 0x80;
	p[1] = opt.payload_type | (s->sent == 0 ? 0x80 : 0);
	p[2] = seq >> 8;
	p[3] = seq;
	memcpy(p + 4, &stamp, 4);
	ssrc = htonl(ssrc);
	memcpy(p + 8, &ssrc, 4);
	if (!strcmp(opt.kind, "rtcp")) { /* receiver report without blocks */
		p[1] = 201;
		p[2] = 0;
		p[3] = 1;
		memcpy(p + 4, &ssrc, 4);
		return 8;
	}
	if (!strcmp(opt.kind, "stun")) { /* binding request */
		memset(p, 0, 20);
		p[1] = 1;
		memcpy(p + 4, "\x21\x12\xa4\x42", 4);
		memcpy(p + 8, "ringfence-st", 12);
		return 20;
	}
	if (!strcmp(opt.kind, "garbage"))
		memset(p, 'G', n); /* 0x47: version 1, no class of RFC 7983 */
	return n;
}

static void stream_send(struct stream *s, int i)
{
	uint8_t packet[65536];
	size_t n = packet_make(s, opt.ssrc + i, packet);
	socklen_t len = s->remote.ss_family == AF_INET ? sizeof(struct sockaddr_in)
						       : sizeof(struct sockaddr_in6);

	if (sendto(s->fd, packet, n, 0, (void *)&s->remote, len) < 0)
		s->send_errors++;
	s->sent++;
}

static void stream_count(struct stream *s, const uint8_t *p, ssize_t n,
			 const struct sockaddr_storage *from)
{
	uint64_t now = now_ns();
	uint16_t seq;

	s->received++;
	if (s->last_rx_ns && now - s->last_rx_ns > s->silence_ns)
		s->silence_ns = now - s->last_rx_ns;
	s->last_rx_ns = now;
	if (opt.remote && !same_endpoint(from, &s->remote))
		s->foreign++;
	if (n < 12 || (p[0] & 0xc0) != 0x80 || (p[1] >= 192 && p[1] <= 223)) {
		s->bad++;
		return;
	}
	seq = p[2] << 8 | p[3];
	if (s->seen[seq / 8] & 1 << seq % 8) {
		s->duplicate++;
		return;
	}
	s->seen[seq / 8] |= 1 << seq % 8;
	s->unique++;
	if (!s->rx_started || (int16_t)(seq - s->first_seq) < 0)
		s->first_seq = seq;
	if (s->rx_started && (int16_t)(seq - s->last_seq) < 0)
		s->reordered++;
	else
		s->last_seq = seq;
	s->rx_started = true;
}

static void stream_receive(struct stream *s)
{
	struct sockaddr_storage from;
	uint8_t packet[65536];
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(s->fd, packet, sizeof(packet), 0, (void *)&from, &len);
		if (n < 0)
			return;
		stream_count(s, packet, n, &from);
	}
}

struct totals {
	unsigned long sent, send_errors, received, unique, lost, duplicate, reordered, bad, foreign,
		silence_ns;
	int first, last,
		complete; /* highest first and lowest last sequence number: the worst stream */
};

static struct totals sum(void)
{
	struct totals t = { .first = -1, .last = -1 };
	int i;

	for (i = 0; i < opt.streams; i++) {
		const struct stream *s = &streams[i];

		t.sent += s->sent - s->send_errors;
		t.send_errors += s->send_errors;
		t.received += s->received;
		t.unique += s->unique;
		t.duplicate += s->duplicate;
		t.reordered += s->reordered;
		t.bad += s->bad;
		t.foreign += s->foreign;
		t.complete += s->unique >= opt.expect && s->sent >= opt.count;
		if (s->silence_ns > t.silence_ns)
			t.silence_ns = s->silence_ns;
		if (!s->rx_started)
			continue;
		t.lost += (uint16_t)(s->last_seq - s->first_seq) + 1u - s->unique;
		if (t.first < 0 || s->first_seq > t.first)
			t.first = s->first_seq;
		if (t.last < 0 || s->last_seq < t.last)
			t.last = s->last_seq;
	}
	return t;
}

/* One write() per line, so that several processes may share a file. */
static void report(bool final, uint64_t start)
{
	struct totals t = sum();
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i, fd;

	if (!f)
		die("memory");
	fprintf(f,
		"{\"name\":\"%s\",\"final\":%s,\"streams\":%d,\"complete\":%d,\"sent\":%lu,\"send_errors\":%lu,"
		"\"received\":%lu,\"unique\":%lu,\"lost\":%lu,\"duplicate\":%lu,\"reordered\":%lu,\"bad\":%lu,"
		"\"foreign\":%lu,\"first_seq\":%d,\"last_seq\":%d,\"silence_ms\":%lu,\"ms\":%lu",
		opt.name, final ? "true" : "false", opt.streams, t.complete, t.sent, t.send_errors,
		t.received, t.unique, t.lost, t.duplicate, t.reordered, t.bad, t.foreign, t.first,
		t.last, t.silence_ns / MS, (unsigned long)(now_ns() - start) / MS);
	if (opt.verbose) {
		fprintf(f, ",\"per_stream\":[");
		for (i = 0; i < opt.streams; i++)
			fprintf(f, "%s%u", i ? "," : "", streams[i].received);
		fprintf(f, "]");
	}
	fprintf(f, "}\n");
	fclose(f);
	fd = opt.out ? open(opt.out, O_WRONLY | O_CREAT | O_APPEND, 0644) : STDOUT_FILENO;
	if (fd < 0 || write(fd, text, size) != (ssize_t)size)
		die("output");
	if (opt.out)
		close(fd);
	free(text);
}

static bool all_done(void)
{
	int i;

	if (!opt.count && !opt.expect)
		return false;
	for (i = 0; i < opt.streams; i++)
		if (streams[i].sent < opt.count || streams[i].unique < opt.expect)
			return false;
	return true;
}

/* Sends what is due; returns the time of the next packet, UINT64_MAX: none. */
static uint64_t send_due(uint64_t now)
{
	uint64_t next = UINT64_MAX;
	int i;

	for (i = 0; i < opt.streams; i++) {
		struct stream *s = &streams[i];

		while (s->sent < opt.count && s->due_ns <= now) {
			stream_send(s, i);
			s->due_ns += opt.interval_ns;
		}
		if (s->sent < opt.count && s->due_ns < next)
			next = s->due_ns;
	}
	return next;
}

/* A signal that comes just before the wait is seen after it, so no wait is long. */
static int wait_ms(uint64_t until)
{
	uint64_t now = now_ns(), left = until > now ? (until - now) / MS : 0;

	return left < 20 ? (int)left : 20;
}

static void run(void)
{
	static struct pollfd fds[STREAMS_MAX];
	uint64_t start = now_ns(), end = start + opt.limit_ns, done_at = 0, now, next;
	int i;

	for (i = 0; i < opt.streams; i++) {
		fds[i] = (struct pollfd){ .fd = streams[i].fd, .events = POLLIN };
		streams[i].due_ns =
			start + opt.delay_ns + (opt.burst ? 0 : opt.interval_ns * i / opt.streams);
	}
	if (opt.verbose)
		report(false, start); /* signals are taken from here on */
	while (!stop) {
		now = now_ns();
		next = send_due(now);
		if (snapshot) {
			snapshot = 0;
			report(false, start);
		}
		if (!done_at && all_done())
			done_at = now;
		if (now >= end || (done_at && now >= done_at + opt.linger_ns))
			break;
		if (next > end)
			next = end;
		if (done_at && next > done_at + opt.linger_ns)
			next = done_at + opt.linger_ns;
		if (poll(fds, opt.streams, wait_ms(next)) <= 0)
			continue;
		for (i = 0; i < opt.streams; i++)
			if (fds[i].revents)
				stream_receive(&streams[i]);
	}
	for (i = 0; i < opt.streams; i++)
		stream_receive(&streams[i]);
	report(true, start);
}

static void usage(void)
{
	fputs("usage: rtp -l ADDR -p PORT [-r ADDR -q PORT] [-c COUNT] [-e EXPECT] [-i USEC] [-t SECONDS]\n"
	      "  -n N streams on consecutive ports  -S N port step (2)   -w MS wait for more after the end\n"
	      "  -d MS delay before the first packet  -T N payload type  -x N SSRC  -Q N first sequence number\n"
	      "  -z N payload bytes  -k rtp|rtcp|stun|garbage  -N NAME  -o FILE append there\n"
	      "  -v per stream, and a line at the start, too\n"
	      "  -b all streams in step (bursts)\n"
	      "-e counts distinct sequence numbers; exit status 0 when all was sent and all expected came.\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "l:p:r:q:c:e:i:t:n:S:w:d:T:x:Q:z:k:N:o:vb")) != -1) {
		switch (c) {
		case 'l': opt.local = optarg; break;
		case 'p': opt.local_port = atoi(optarg); break;
		case 'r': opt.remote = optarg; break;
		case 'q': opt.remote_port = atoi(optarg); break;
		case 'c': opt.count = strtoul(optarg, NULL, 0); break;
		case 'e': opt.expect = strtoul(optarg, NULL, 0); break;
		case 'i': opt.interval_ns = strtoull(optarg, NULL, 0) * 1000; break;
		case 't': opt.limit_ns = strtod(optarg, NULL) * 1e9; break;
		case 'n': opt.streams = atoi(optarg); break;
		case 'S': opt.step = atoi(optarg); break;
		case 'w': opt.linger_ns = strtoull(optarg, NULL, 0) * MS; break;
		case 'd': opt.delay_ns = strtoull(optarg, NULL, 0) * MS; break;
		case 'T': opt.payload_type = atoi(optarg) & 0x7f; break;
		case 'x': opt.ssrc = strtoul(optarg, NULL, 0); break;
		case 'Q': opt.seq = strtoul(optarg, NULL, 0); break;
		case 'z': opt.size = atoi(optarg); break;
		case 'k': opt.kind = optarg; break;
		case 'N': opt.name = optarg; break;
		case 'o': opt.out = optarg; break;
		case 'v': opt.verbose = true; break;
		case 'b': opt.burst = true; break;
		default: usage();
		}
	}
	if (!opt.local || optind != argc || opt.streams < 1 || opt.streams > STREAMS_MAX ||
	    opt.size < 8 || opt.size > 60000 || (opt.count && !opt.remote) || !opt.interval_ns)
		usage();
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	bool good;
	int i;

	parse(argc, argv);
	streams = calloc(opt.streams, sizeof(*streams));
	if (!streams)
		die("memory");
	for (i = 0; i < opt.streams; i++)
		stream_open(&streams[i], i);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	run();
	good = all_done() || (!opt.count && !opt.expect);
	for (i = 0; i < opt.streams; i++)
		close(streams[i].fd);
	free(streams);
	return good ? 0 : 1;
}
