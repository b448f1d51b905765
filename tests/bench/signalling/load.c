// SPDX-License-Identifier: GPL-2.0-only
#include "signalling/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bench.h"

static const char *const methods[] = { "INVITE", "BYE" };

static int sock_in(const char *ns, const char *addr, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int size = 32 << 20, fd;

	go("%s", ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	inet_pton(AF_INET, addr, &a.sin_addr);
	if (fd < 0 || bind(fd, (void *)&a, sizeof(a)))
		die("%s:%u in %s: %s", addr, port, ns, strerror(errno));
	return fd;
}

void load_open(struct load *l)
{
	l->in_fd = sock_in(l->in_ns, "0.0.0.0", 5060);
	l->wan_fd = sock_in(l->wan_ns, LOAD_CALLEE, 5060);
}

void load_begin(struct load *l, const char *tag, unsigned int n_calls, unsigned int window)
{
	snprintf(l->tag, sizeof(l->tag), "%s", tag);
	l->n_calls = n_calls;
	l->window = window;
	l->calls = calloc(n_calls, sizeof(*l->calls));
	for (int m = 0; m < LOAD_MESSAGES; m++) {
		l->latency_us10[m] = calloc(n_calls, sizeof(uint32_t));
		if (!l->calls || !l->latency_us10[m])
			die("out of memory");
		l->n_latency[m] = 0;
	}
	for (int m = 0; m < 2; m++)
		l->sent[m] = l->done[m] = l->refused[m] = 0;
	l->bad = 0;
}

void load_end(struct load *l)
{
	for (unsigned int i = 0; i < l->n_calls; i++)
		free(l->calls[i].route);
	free(l->calls);
	for (int m = 0; m < LOAD_MESSAGES; m++)
		free(l->latency_us10[m]);
	l->calls = NULL;
}

static void phone_addr(const struct load *l, unsigned int call, char *to, size_t n)
{
	struct in_addr a = { htonl(ntohl(l->phone_net.s_addr) + call % l->phones) };

	if (l->phones == 1)
		snprintf(to, n, "%s", l->inside);
	else
		inet_ntop(AF_INET, &a, to, n);
}

void load_inside_media(const struct load *l, unsigned int call, struct sockaddr_in *a)
{
	char text[48];

	*a = (struct sockaddr_in){ .sin_family = AF_INET,
				   .sin_port = htons(LOAD_MEDIA_PORT + 2 * (call % LOAD_PORTS)) };
	if (l->phones == 1)
		snprintf(text, sizeof(text), "%s.%u", l->media_net, 2 + call / LOAD_PORTS);
	else
		phone_addr(l, call, text, sizeof(text));
	inet_pton(AF_INET, text, &a->sin_addr);
}

static int sdp_write(char *b, size_t n, const struct sockaddr_in *media)
{
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &media->sin_addr, addr, sizeof(addr));
	return snprintf(
		b, n,
		"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0 8 101\r\n"
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
		"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
		addr, addr, ntohs(media->sin_port));
}

static void send_from(struct load *l, const char *addr, const char *b, size_t n)
{
	char room[CMSG_SPACE(sizeof(struct in_pktinfo))] = "";
	struct in_pktinfo info = {};
	struct iovec iov = { (void *)b, n };
	struct msghdr m = { .msg_name = &l->next_hop,
			    .msg_namelen = sizeof(l->next_hop),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	inet_pton(AF_INET, addr, &info.ipi_spec_dst);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	if (sendmsg(l->in_fd, &m, 0) != (ssize_t)n)
		l->bad++;
}

static void request(struct load *l, const char *method, unsigned int i, unsigned int cseq)
{
	char body[1024] = "", addr[48], b[4096];
	int n = 0, with_sdp = !strcmp(method, "INVITE");
	struct load_call *c = &l->calls[i];
	struct sockaddr_in media;

	phone_addr(l, i, addr, sizeof(addr));
	if (with_sdp) {
		load_inside_media(l, i, &media);
		n = sdp_write(body, sizeof(body), &media);
	}
	n = snprintf(
		b, sizeof(b),
		"%s sip:bob@" LOAD_CALLEE
		":5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-%s-%u-%u;rport\r\n"
		"%sMax-Forwards: 70\r\nFrom: <sip:alice@%s>;tag=f%u\r\nTo: <sip:bob@" LOAD_CALLEE
		">%s\r\n"
		"Call-ID: %s-%u@%s\r\nCSeq: %u %s\r\nContact: <sip:alice@%s:5060>\r\n%s"
		"Content-Length: %d\r\n\r\n%s",
		method, addr, l->tag, i, cseq + !strcmp(method, "ACK") * 10,
		c->route ? c->route : "", addr, i, with_sdp ? "" : ";tag=t", l->tag, i, addr, cseq,
		method, addr, with_sdp ? "Content-Type: application/sdp\r\n" : "", n, body);
	c->sent_ns = now_ns();
	send_from(l, addr, b, n);
}

/* The header lines of a request that its response repeats, in their order. */
static size_t lines_copy(char *to, size_t room, const char *msg, bool tag)
{
	static const char *const names[] = { "Via:",	 "Record-Route:", "From:",
					     "Call-ID:", "CSeq:",	  "To:" };
	const char *at = strstr(msg, "\r\n"), *end;
	size_t n = 0, i;

	for (; at && strncmp(at, "\r\n\r\n", 4); at = end) {
		at += 2;
		end = strstr(at, "\r\n");
		if (!end)
			break;
		for (i = 0; i < 6 && strncmp(at, names[i], strlen(names[i])); i++)
			;
		if (i < 6 && n < room)
			n += snprintf(to + n, room - n, "%.*s%s\r\n", (int)(end - at), at,
				      tag && i == 5 ? ";tag=t" : "");
	}
	return n;
}

/* Number of the call by its Call-ID "TAG-NUMBER@..."; -1: of another run. */
static int call_of(const struct load *l, const char *m)
{
	const char *at = strstr(m, "\r\nCall-ID: ");
	size_t n = strlen(l->tag);
	unsigned int i;

	if (!at || strncmp(at + 11, l->tag, n) || at[11 + n] != '-')
		return -1;
	i = atoi(at + 12 + n);
	return i < l->n_calls ? (int)i : -1;
}

static void media_of(const char *m, struct sockaddr_in *a)
{
	const char *c = strstr(m, "\r\nc=IN IP4 "), *at = strstr(m, "\r\nm=audio ");
	char text[20] = "";

	*a = (struct sockaddr_in){ .sin_family = AF_INET };
	if (!c || !at || sscanf(c + 11, "%15[0-9.]", text) != 1)
		return;
	inet_pton(AF_INET, text, &a->sin_addr);
	a->sin_port = htons(atoi(at + 10));
}

static void callee_media(unsigned int call, struct sockaddr_in *a)
{
	*a = (struct sockaddr_in){ .sin_family = AF_INET,
				   .sin_port = htons(LOAD_CALLEE_PORT + 2 * (call % LOAD_PORTS)) };
	inet_pton(AF_INET, LOAD_CALLEE, &a->sin_addr);
}

static void arrived(struct load *l, enum load_message m, unsigned int call)
{
	if (l->n_latency[m] < l->n_calls)
		l->latency_us10[m][l->n_latency[m]++] = (now_ns() - l->calls[call].sent_ns) / 100;
}

static void callee_read(struct load *l)
{
	char m[8192], b[8192], body[1024] = "";
	struct sockaddr_in from, media;
	socklen_t flen = sizeof(from);
	enum load_method method;
	int i, len = 0;
	ssize_t got;
	size_t n;

	while ((got = recvfrom(l->wan_fd, m, sizeof(m) - 1, 0, (void *)&from, &flen)) > 0) {
		m[got] = 0;
		i = call_of(l, m);
		if (!strncmp(m, "ACK", 3)) {
			if (i >= 0)
				arrived(l, LOAD_M_ACK, i);
			continue;
		}
		method = m[0] == 'I' ? LOAD_INVITE : LOAD_BYE;
		if (i < 0 || strncmp(m, methods[method], strlen(methods[method]))) {
			l->bad++;
			continue;
		}
		arrived(l, method == LOAD_INVITE ? LOAD_M_INVITE : LOAD_M_BYE, i);
		if (method == LOAD_INVITE) {
			media_of(m, &l->calls[i].seen[0]);
			callee_media(i, &media);
			len = sdp_write(body, sizeof(body), &media);
		}
		if (l->at_callee && method == LOAD_BYE)
			l->at_callee(l, i, method);
		n = snprintf(b, sizeof(b), "SIP/2.0 200 OK\r\n");
		n += lines_copy(b + n, sizeof(b) - n, m, method == LOAD_INVITE);
		n += snprintf(b + n, sizeof(b) - n,
			      "Contact: <sip:bob@" LOAD_CALLEE
			      ":5060>\r\n%sContent-Length: %d\r\n\r\n%.*s",
			      len ? "Content-Type: application/sdp\r\n" : "", len, len, body);
		l->calls[i].sent_ns = now_ns();
		if (sendto(l->wan_fd, b, n, 0, (void *)&from, flen) != (ssize_t)n)
			l->bad++;
		if (l->at_callee && method == LOAD_INVITE)
			l->at_callee(l, i, method);
	}
}

/* Record-Route lines, the last first, as Route lines. */
static char *route_of(const char *m)
{
	const char *at = m, *end;
	char b[2048] = "", was[2048];

	while ((at = strstr(at, "\r\nRecord-Route:"))) {
		at += 15;
		end = strstr(at, "\r\n");
		snprintf(was, sizeof(was), "%s", b);
		snprintf(b, sizeof(b), "Route:%.*s\r\n%.1900s", (int)(end ? end - at : 0), at, was);
	}
	return b[0] ? strdup(b) : NULL;
}

static void caller_read(struct load *l)
{
	enum load_method method;
	char m[8192];
	ssize_t got;
	int i;

	while ((got = recv(l->in_fd, m, sizeof(m) - 1, 0)) > 0) {
		m[got] = 0;
		i = call_of(l, m);
		if (!strncmp(m, "SIP/2.0 1", 9))
			continue;
		method = strstr(m, " INVITE\r\n") ? LOAD_INVITE : LOAD_BYE;
		if (strncmp(m, "SIP/2.0 200", 11) || i < 0) {
			if (!l->bad++)
				fprintf(stderr, "# %s: unexpected: %.*s\n", l->in_ns,
					(int)strcspn(m, "\r"), m);
			l->refused[method] += i >= 0;
			continue;
		}
		l->done[method]++;
		arrived(l, method == LOAD_INVITE ? LOAD_M_OK : LOAD_M_BYE_OK, i);
		if (method == LOAD_INVITE) {
			l->calls[i].up = true;
			media_of(m, &l->calls[i].seen[1]);
			if (!l->calls[i].route)
				l->calls[i].route = route_of(m);
			request(l, "ACK", i, 1);
		}
		if (l->at_caller)
			l->at_caller(l, i, method);
	}
}

double load_phase(struct load *l, enum load_method m)
{
	struct pollfd p[2] = { { .fd = l->in_fd, .events = POLLIN },
			       { .fd = l->wan_fd, .events = POLLIN } };
	uint64_t start = now_ns(), last = start;
	uint64_t second = start, limit = l->seconds * 1000000000ull;
	uint32_t before, next = 0, counted = 0;
	int under_way, lost = 0;
	bool ack;

	for (;;) {
		before = l->done[m] + l->refused[m];
		under_way = l->sent[m] - before - lost;
		if (now_ns() - second >= 1000000000 && m == LOAD_INVITE) {
			l->last_second = l->done[m] - counted;
			counted = l->done[m];
			second = now_ns();
		}
		if (limit && m == LOAD_INVITE && now_ns() - start > limit)
			next = l->n_calls;
		/* one at a time: 50 ms for it */
		ack = l->window == 1 && m == LOAD_INVITE && l->n_latency[LOAD_M_ACK] < l->done[m] &&
		      now_ns() - last < 50000000;
		for (; !ack && next < l->n_calls && under_way < (int)l->window &&
		       (!l->rate || now_ns() - start >= l->sent[m] * 1000000000ull / l->rate);
		     next++) {
			if (m == LOAD_BYE && !l->calls[next].up)
				continue;
			request(l, methods[m], next, m == LOAD_BYE ? 2 : 1);
			l->sent[m]++;
			under_way++;
		}
		if (next == l->n_calls && under_way <= 0 && !ack)
			break;
		poll(p, 2, l->rate && next < l->n_calls ? 0 : ack ? 10 : 100);
		callee_read(l);
		caller_read(l);
		if (l->done[m] + l->refused[m] != before)
			last = now_ns();
		else if (now_ns() - last > 1000000000)
			lost = l->sent[m] - before, last = now_ns();
	}
	return (now_ns() - start) / 1e9;
}

struct load_pair load_pair_open(const struct load *l, unsigned int call)
{
	char text[INET_ADDRSTRLEN];
	struct sockaddr_in a;
	struct load_pair p;

	load_inside_media(l, call, &a);
	inet_ntop(AF_INET, &a.sin_addr, text, sizeof(text));
	p.in = sock_in(l->in_ns, text, ntohs(a.sin_port));
	callee_media(call, &a);
	p.wan = sock_in(l->wan_ns, LOAD_CALLEE, ntohs(a.sin_port));
	return p;
}

void load_pair_close(struct load_pair *p)
{
	close(p->in);
	close(p->wan);
}

static void packet_send(int fd, const struct sockaddr_in *to, unsigned int call)
{
	uint8_t rtp[172] = { 0x80, 0, call >> 8, call, 0, 0, 0, 160, 1, 2, 3, 4, call >> 8, call };

	if (to->sin_port && sendto(fd, rtp, sizeof(rtp), 0, (void *)to, sizeof(*to)) < 0)
		return; /* it does not arrive, then */
}

static bool packet_read(int fd, unsigned int call, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t got[256];

	return poll(&p, 1, wait_ms) == 1 && recv(fd, got, sizeof(got), 0) == 172 &&
	       got[0] == 0x80 && got[12] == (uint8_t)(call >> 8) && got[13] == (uint8_t)call;
}

void load_media_send(struct load *l, struct load_pair *p, unsigned int call, unsigned int ways)
{
	if (ways & LOAD_INWARD)
		packet_send(p->wan, &l->calls[call].seen[0], call);
	if (ways & LOAD_OUTWARD)
		packet_send(p->in, &l->calls[call].seen[1], call);
}

unsigned int load_media_read(struct load_pair *p, unsigned int call, int wait_ms)
{
	return (packet_read(p->in, call, wait_ms) ? LOAD_INWARD : 0) |
	       (packet_read(p->wan, call, wait_ms) ? LOAD_OUTWARD : 0);
}
