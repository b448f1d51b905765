// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls through a gateway as fast as they go: a caller inside and a callee on the WAN in one
 * process (sipp is slower than what is measured), each with a socket in its own namespace.
 * INVITE with SDP, 200 with SDP, ACK; all calls stay up; then BYE, 200. No retransmissions: what
 * is not answered counts as failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CALLS 200000

static int in_fd, wan_fd, pid;
static unsigned int n_calls, window = 32;
static const char *tag;
static char media_net[20], inside[20];
static struct sockaddr_in callee = { .sin_family = AF_INET };
static uint32_t latency_us10[MAX_CALLS];
static uint32_t n_latency, invited, answered, byes, ended, bad;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int sock_in(const char *ns, const char *addr)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(5060) };
	int size = 32 << 20, fd;
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		perror(path);
		exit(1);
	}
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	inet_pton(AF_INET, addr, &a.sin_addr);
	if (bind(fd, (void *)&a, sizeof(a))) {
		perror(addr);
		exit(1);
	}
	return fd;
}

static int sdp_write(char *b, size_t n, const char *addr, unsigned int port)
{
	return snprintf(
		b, n,
		"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0 8 101\r\n"
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
		"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
		addr, addr, port);
}

static void request(const char *method, unsigned int i, unsigned int cseq)
{
	char body[1024] = "", addr[48], b[4096];
	int n = 0, with_sdp = !strcmp(method, "INVITE");

	if (with_sdp) {
		snprintf(addr, sizeof(addr), "%s.%u", media_net, 2 + i / 8000);
		n = sdp_write(body, sizeof(body), addr, 16384 + 2 * (i % 8000));
	}
	n = snprintf(
		b, sizeof(b),
		"%s sip:bob@203.0.113.2:5060 SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-%s-%u-%u;rport\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:alice@%s>;tag=f%u\r\nTo: <sip:bob@203.0.113.2>%s\r\n"
		"Call-ID: %s-%u@%s\r\nCSeq: %u %s\r\nContact: <sip:alice@%s:5060>\r\nX-Sent: %llu\r\n%s"
		"Content-Length: %d\r\n\r\n%s",
		method, inside, tag, i, cseq + !strcmp(method, "ACK") * 10, inside, i,
		with_sdp ? "" : ";tag=t", tag, i, inside, cseq, method, inside,
		(unsigned long long)now_ns(), with_sdp ? "Content-Type: application/sdp\r\n" : "",
		n, body);
	if (sendto(in_fd, b, n, 0, (void *)&callee, sizeof(callee)) != n)
		bad++;
}

/* A header line of a request, copied with its line end. */
static int line_copy(char *to, size_t room, const char *msg, const char *name, const char *more)
{
	const char *at = strstr(msg, name), *end = at ? strstr(at + 2, "\r\n") : NULL;

	if (!at || !end)
		return 0;
	return snprintf(to, room, "%.*s%s\r\n", (int)(end - at - 2), at + 2, more);
}

static void callee_read(void)
{
	char m[8192], b[8192], body[1024];
	struct sockaddr_in from;
	socklen_t flen = sizeof(from);
	ssize_t got;
	const char *at;
	size_t n;
	int len;

	while ((got = recvfrom(wan_fd, m, sizeof(m) - 1, 0, (void *)&from, &flen)) > 0) {
		m[got] = 0;
		at = strstr(m, "\r\nX-Sent: ");
		if (at && n_latency < MAX_CALLS && !memcmp(m, "INVITE", 6))
			latency_us10[n_latency++] = (now_ns() - strtoull(at + 10, NULL, 10)) / 100;
		if (!memcmp(m, "ACK", 3))
			continue;
		if (memcmp(m, "INVITE", 6) && memcmp(m, "BYE", 3)) {
			bad++;
			continue;
		}
		at = strstr(m, "Call-ID: ");
		at = at ? strchr(at, '-') : NULL; /* of Call-ID itself */
		at = at ? strchr(at + 1, '-') : NULL;
		len = m[0] == 'I' ? sdp_write(body, sizeof(body), "203.0.113.2",
					      20000 + 2 * (at ? atoi(at + 1) % 20000 : 0))
				  : 0;
		n = snprintf(b, sizeof(b), "SIP/2.0 200 OK\r\n");
		n += line_copy(b + n, sizeof(b) - n, m, "\r\nVia: ", "");
		n += line_copy(b + n, sizeof(b) - n, m, "\r\nFrom: ", "");
		n += line_copy(b + n, sizeof(b) - n, m, "\r\nTo: ", m[0] == 'I' ? ";tag=t" : "");
		n += line_copy(b + n, sizeof(b) - n, m, "\r\nCall-ID: ", "");
		n += line_copy(b + n, sizeof(b) - n, m, "\r\nCSeq: ", "");
		n += snprintf(
			b + n, sizeof(b) - n,
			"Contact: <sip:bob@203.0.113.2:5060>\r\n%sContent-Length: %d\r\n\r\n%.*s",
			len ? "Content-Type: application/sdp\r\n" : "", len, len, body);
		if (sendto(wan_fd, b, n, 0, (void *)&from, flen) != (ssize_t)n)
			bad++;
	}
}

static void caller_read(void)
{
	const char *at;
	char m[8192];
	ssize_t got;

	while ((got = recv(in_fd, m, sizeof(m) - 1, 0)) > 0) {
		m[got] = 0;
		at = strstr(m, "Call-ID: ");
		at = at ? strchr(at + 9, '-') : NULL;
		if (strncmp(m, "SIP/2.0 200", 11) || !at) {
			if (!bad++)
				fprintf(stderr, "unexpected: %.60s\n", m);
			continue;
		}
		if (strstr(m, " INVITE\r\n")) {
			answered++;
			request("ACK", atoi(at + 1), 1);
		} else {
			ended++;
		}
	}
}

/* Sends .count requests with at most .window of them unanswered; seconds. */
static double phase(const char *method, uint32_t count, uint32_t *sent, uint32_t *done)
{
	struct pollfd p[2] = { { .fd = in_fd, .events = POLLIN },
			       { .fd = wan_fd, .events = POLLIN } };
	uint64_t start = now_ns(), last = start;
	uint32_t before, lost = 0;

	while (*done + lost < count) {
		while (*sent < count && *sent - *done - lost < window) {
			request(method, *sent, method[0] == 'B' ? 2 : 1);
			++*sent;
		}
		poll(p, 2, 100);
		before = *done;
		callee_read();
		caller_read();
		if (*done != before)
			last = now_ns();
		else if (now_ns() - last > 1000000000)
			lost = *sent - *done, last = now_ns();
	}
	return (now_ns() - start) / 1e9;
}

static double cpu_s(void)
{
	unsigned long u = 0, k = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = pid ? fopen(path, "r") : NULL;
	if (f) {
		if (fscanf(f, "%*d %*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u,
			   &k) != 2)
			u = k = 0;
		fclose(f);
	}
	return (double)(u + k) / sysconf(_SC_CLK_TCK);
}

static long rss_kb(void)
{
	char path[64], l[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = pid ? fopen(path, "r") : NULL;
	while (f && fgets(l, sizeof(l), f))
		if (!strncmp(l, "VmRSS:", 6))
			kb = atol(l + 6);
	if (f)
		fclose(f);
	return kb;
}

static int by_value(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b
		       ? -1
		       : *(const uint32_t *)a > *(const uint32_t *)b;
}

int main(int argc, char **argv)
{
	double setup, teardown, cpu0, cpu1, cpu2;
	long rss0;
	char answer[8];

	if (argc != 8) {
		fprintf(stderr,
			"usage: %s TAG CALLS WINDOW CONTROLLER-PID NS-INSIDE ADDRESS MEDIA-NET\n",
			argv[0]);
		return 2;
	}
	tag = argv[1];
	n_calls = atoi(argv[2]);
	window = atoi(argv[3]);
	pid = atoi(argv[4]);
	snprintf(inside, sizeof(inside), "%s", argv[6]);
	snprintf(media_net, sizeof(media_net), "%s", argv[7]);
	if (n_calls > MAX_CALLS)
		return 2;
	in_fd = sock_in(argv[5], inside);
	wan_fd = sock_in("s_wan", "203.0.113.2");
	inet_pton(AF_INET, "203.0.113.2", &callee.sin_addr);
	callee.sin_port = htons(5060);

	rss0 = rss_kb();
	cpu0 = cpu_s();
	setup = phase("INVITE", n_calls, &invited, &answered);
	cpu1 = cpu_s();
	qsort(latency_us10, n_latency, sizeof(*latency_us10), by_value);
	printf("{\"calls\": %u, \"window\": %u, \"failed\": %u, \"bad\": %u, \"setups_per_s\": %.0f, \"setup_cpu_us\": %.1f, \"invite_p50_us\": %.1f, \"invite_p99_us\": %.1f, \"rss_kb_per_call\": %.2f, ",
	       n_calls, window, n_calls - answered, bad, answered / setup,
	       (cpu1 - cpu0) * 1e6 / n_calls, n_latency ? latency_us10[n_latency / 2] / 10.0 : 0,
	       n_latency ? latency_us10[n_latency * 99 / 100] / 10.0 : 0,
	       (double)(rss_kb() - rss0) / n_calls);
	fflush(stdout);
	fprintf(stderr, "up\n");
	if (!fgets(answer, sizeof(answer), stdin)) /* the script looks at the maps now */
		answer[0] = 0;
	cpu1 = cpu_s();
	teardown = phase("BYE", n_calls, &byes, &ended);
	cpu2 = cpu_s();
	printf("\"unended\": %u, \"byes_per_s\": %.0f, \"bye_cpu_us\": %.1f}\n", n_calls - ended,
	       ended / teardown, (cpu2 - cpu1) * 1e6 / n_calls);
	return 0;
}
