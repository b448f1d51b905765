// SPDX-License-Identifier: GPL-2.0-only
/*
 * What traffic that is not ours pays for Ringfence: ordinary TCP and UDP through a gateway, attached and not.
 * Each way is a gateway of its own between an outside and an inside namespace (set up by bystander.sh); all are
 * there at the same time, and those that are compared are measured right after each other, in rounds.
 *
 * Both ends and the gateway share one core and one thread, whose CPU time (with ksoftirqd's) is what a
 * byte, packet or connection costs; wall clock is not looked at. So a rate is what one core carries.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/bench.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define ROUNDS_MAX 64
#define WAYS_MAX   32
#define TCP_PORT   7777
#define UDP_PORT   7000
#define NEAR_PORT  45000 /* guarded by no range of media */
#define BATCH	   32
#define UDP_BYTES  172 /* as a G.711 packet */
#define SEGMENT	   1400
#define SEGMENTS   44
#define STUCK_NS   5000000000ull

enum { NEAR, FAR }; /* inside host, outside host */

struct way {
	char mode[16], delivery[16], ns[40]; /* .ns: of the inside end */
	char far_ns[40];
	bool six;
	int listener, tcp[2], udp[2], gso[2];
};

struct load {
	const char *name, *unit;
	double scale;
	int from; /* who sends */
	double (*step)(struct way *w, int from); /* units that arrived; 0: nothing moved */
};

static struct way ways[WAYS_MAX];
static int n_ways, rounds = 7, cpu;
static unsigned int sample_ms = 60;
static char big[256 << 10], sink[256 << 10];

static struct sockaddr_in6 address(const struct way *w, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	inet_pton(AF_INET6, w->six ? "2001:db8::2" : "::ffff:203.0.113.2", &a.sin6_addr);
	return a;
}

static int opened(const char *ns, int type, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int one = 1, fd, size = 4 << 20;

	go("%s", ns);
	fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || (port && bind(fd, (void *)&a, sizeof(a))))
		die("%s: no socket at port %d: %s", ns, port, strerror(errno));
	return fd;
}

static void wait_for(int fd, short what, const char *ns)
{
	struct pollfd p = { .fd = fd, .events = what };

	if (poll(&p, 1, 5000) != 1)
		die("%s: nothing gets through", ns);
}

static void pair_tcp(struct way *w)
{
	struct sockaddr_in6 to = address(w, TCP_PORT);
	int *fd = w->tcp;

	w->listener = opened(w->far_ns, SOCK_STREAM, TCP_PORT);
	if (listen(w->listener, 64))
		die("%s: listen: %s", w->far_ns, strerror(errno));
	fd[NEAR] = opened(w->ns, SOCK_STREAM, 0);
	if (connect(fd[NEAR], (void *)&to, sizeof(to)) && errno != EINPROGRESS)
		die("%s: connect: %s", w->ns, strerror(errno));
	wait_for(w->listener, POLLIN, w->ns);
	fd[FAR] = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	wait_for(fd[NEAR], POLLOUT, w->ns);
}

/* The far end answers to where the first datagram came from, as a server does. */
static void pair_udp(struct way *w, int *fd, int n, bool gro)
{
	struct sockaddr_in6 to = address(w, UDP_PORT + n);
	socklen_t len = sizeof(to);
	int one = 1;

	fd[NEAR] = opened(w->ns, SOCK_DGRAM, NEAR_PORT + n);
	fd[FAR] = opened(w->far_ns, SOCK_DGRAM, UDP_PORT + n);
	if (connect(fd[NEAR], (void *)&to, sizeof(to)) || send(fd[NEAR], "", 1, 0) != 1)
		die("%s: UDP: %s", w->ns, strerror(errno));
	wait_for(fd[FAR], POLLIN, w->ns);
	if (recvfrom(fd[FAR], sink, sizeof(sink), 0, (void *)&to, &len) != 1 ||
	    connect(fd[FAR], (void *)&to, len))
		die("%s: UDP: %s", w->far_ns, strerror(errno));
	for (int i = 0; i < 2 && gro; i++)
		setsockopt(fd[i], SOL_UDP, UDP_GRO, &one, sizeof(one));
}

static double step_tcp(struct way *w, int from)
{
	double n = 0;
	ssize_t got;

	while (send(w->tcp[from], big, sizeof(big), 0) > 0)
		;
	while ((got = recv(w->tcp[!from], sink, sizeof(sink), 0)) > 0)
		n += got;
	return n;
}

/* Opened, accepted, ended by a reset: no TIME_WAIT fills up. */
static double step_connect(struct way *w, int from)
{
	struct linger reset = { .l_onoff = 1 };
	struct sockaddr_in6 to = address(w, TCP_PORT);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), far;
	struct pollfd p = { .fd = w->listener, .events = POLLIN };

	if (fd < 0 || (connect(fd, (void *)&to, sizeof(to)) && errno != EINPROGRESS))
		die("%s: connect: %s", w->ns, strerror(errno));
	far = poll(&p, 1, 1000) == 1 ? accept4(w->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	if (far >= 0)
		close(far);
	return far >= 0;
}

static double step_udp(struct way *w, int from)
{
	static struct mmsghdr out[BATCH], in[BATCH];
	static struct iovec iov = { .iov_base = big, .iov_len = UDP_BYTES };
	static struct iovec into = { .iov_base = sink, .iov_len = 2048 };
	double n = 0;
	int got;

	for (int i = 0; i < BATCH; i++) {
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &into, .msg_iovlen = 1 };
	}
	sendmmsg(w->udp[from], out, BATCH, 0);
	while ((got = recvmmsg(w->udp[!from], in, BATCH, 0, NULL)) > 0)
		n += got;
	return n;
}

static double step_gso(struct way *w, int from)
{
	int size = SEGMENT;
	double n = 0;
	ssize_t got;

	setsockopt(w->gso[from], SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
	send(w->gso[from], big, SEGMENT * SEGMENTS, 0);
	while ((got = recv(w->gso[!from], sink, sizeof(sink), 0)) > 0)
		n += got;
	return n;
}

static const struct load loads[] = {
	{ "TCP bulk, in", "Gbit/s", 8e-9, FAR, step_tcp },
	{ "TCP bulk, out", "Gbit/s", 8e-9, NEAR, step_tcp },
	{ "TCP connections", "1000/s", 1e-3, NEAR, step_connect },
	{ "UDP packets, in", "1000/s", 1e-3, FAR, step_udp },
	{ "UDP packets, out", "1000/s", 1e-3, NEAR, step_udp },
	{ "UDP in large segments, in", "Gbit/s", 8e-9, FAR, step_gso },
	{ "UDP in large segments, out", "Gbit/s", 8e-9, NEAR, step_gso },
};
#define N_LOADS ((int)(sizeof(loads) / sizeof(loads[0])))

static double rates[WAYS_MAX][N_LOADS][ROUNDS_MAX];

static uint64_t cpu_ns(void)
{
	struct timespec t;
	char name[32];

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	snprintf(name, sizeof(name), "ksoftirqd/%d", cpu);
	return t.tv_sec * 1000000000ull + t.tv_nsec + thread_cpu_ns(name);
}

/* Units per second of CPU time. */
static double sample(struct way *w, const struct load *l)
{
	uint64_t began, used = 0, moved_ns = now_ns();
	double n = 0, step;

	go("%s", w->ns);
	for (int i = 0; i < 4; i++) /* caches, and what waits from the last time */
		l->step(w, l->from);
	began = cpu_ns();
	do {
		for (int i = 0; i < 8; i++) {
			step = l->step(w, l->from);
			n += step;
			if (step > 0)
				moved_ns = now_ns();
			else if (now_ns() - moved_ns > STUCK_NS)
				die("%s, %s, %s: nothing gets through", w->mode, w->delivery,
				    l->name);
			else
				usleep(100); /* an acknowledgement is on its way by ksoftirqd */
		}
		used = cpu_ns() - began;
	} while (used < sample_ms * 1000000ull);
	return n * l->scale * 1e9 / used;
}

/* Of the same mode with nothing attached; itself: it is that one. */
static const struct way *bare(const struct way *w)
{
	for (int i = 0; i < n_ways; i++)
		if (!strcmp(ways[i].mode, w->mode) && !strcmp(ways[i].delivery, "none"))
			return &ways[i];
	die("mode %s: no way without anything attached", w->mode);
}

static bool wanted(int l)
{
	const char *part = getenv("LOAD");

	return !part || strstr(loads[l].name, part);
}

static void row(FILE *json, const struct way *w, int l, bool first)
{
	double v[ROUNDS_MAX], r[ROUNDS_MAX], middle, ratio;
	int at = w - ways, other = bare(w) - ways;

	fprintf(json,
		"%s{ \"mode\": \"%s\", \"delivery\": \"%s\", \"load\": \"%s\", \"unit\": \"%s\", \"rates\": [",
		first ? "" : ",\n", w->mode, w->delivery, loads[l].name, loads[l].unit);
	for (int i = 0; i < rounds; i++) {
		v[i] = rates[at][l][i];
		r[i] = v[i] / rates[other][l][i];
		fprintf(json, "%s%.4g", i ? ", " : "", v[i]);
	}
	middle = median(v, rounds);
	ratio = median(r, rounds);
	fprintf(json, "], \"ratio\": %.4f }", ratio);
	if (at == other)
		printf("%-9s%-28s%-9s %8.2f %s\n", w->mode, loads[l].name, w->delivery, middle,
		       loads[l].unit);
	else
		printf("%-9s%-28s%-9s %8.2f %-7s %5.2f x (%.2f-%.2f)\n", w->mode, loads[l].name,
		       w->delivery, middle, loads[l].unit, ratio, r[0], r[rounds - 1]);
}

static void write_all(const char *path)
{
	FILE *json = fopen(path, "w");
	struct utsname u;

	if (!json || uname(&u))
		die("%s: %s", path, strerror(errno));
	fprintf(json, "{ \"kernel\": \"%s\", \"rounds\": %d, \"sample_ms\": %u, \"bystander\": [\n",
		u.release, rounds, sample_ms);
	printf("\n# one core carries, with both ends on it; x: to nothing attached, median of %d rounds (range); Linux %s\n",
	       rounds, u.release);
	for (int w = 0, n = 0; w < n_ways; w++)
		for (int l = 0; l < N_LOADS; l++)
			if (wanted(l))
				row(json, &ways[w], l, !n++);
	fprintf(json, "\n] }\n");
	if (fclose(json))
		die("%s: %s", path, strerror(errno));
}

/* MODE:DELIVERY */
static void way_open(struct way *w, char *arg)
{
	char *colon = strchr(arg, ':');

	if (!colon)
		die("a way is MODE:DELIVERY, not %s", arg);
	*colon = 0;
	snprintf(w->mode, sizeof(w->mode), "%s", arg);
	snprintf(w->delivery, sizeof(w->delivery), "%s", colon + 1);
	w->six = strchr(arg, '6');
	/* a server on the gateway is its own inside host */
	snprintf(w->ns, sizeof(w->ns), "%s_%s_%s", strncmp(arg, "host", 4) ? "i" : "g", arg,
		 colon + 1);
	snprintf(w->far_ns, sizeof(w->far_ns), "o_%s_%s", arg, colon + 1);
	pair_tcp(w);
	pair_udp(w, w->udp, 0, false);
	pair_udp(w, w->gso, 1, true);
}

int main(int argc, char **argv)
{
	const char *r = getenv("ROUNDS"), *ms = getenv("SAMPLE_MS");
	cpu_set_t set;

	if (argc < 3)
		die("usage: %s OUT.json MODE:DELIVERY...", argv[0]);
	rounds = r ? atoi(r) : rounds;
	sample_ms = ms ? (unsigned int)atoi(ms) : sample_ms;
	if (rounds < 1 || rounds > ROUNDS_MAX || argc - 2 > WAYS_MAX || !sample_ms)
		die("ROUNDS: 1 to %d; SAMPLE_MS: 1 or more; at most %d ways", ROUNDS_MAX, WAYS_MAX);
	setlinebuf(stdout);
	cpu = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int i = 2; i < argc; i++)
		way_open(&ways[n_ways++], argv[i]);
	for (int i = 0; i < rounds; i++)
		for (int l = 0; l < N_LOADS; l++)
			for (int k = 0; wanted(l) && k < n_ways; k++) {
				int w = (k + i) % n_ways; /* nobody is always the first */

				rates[w][l][i] = sample(&ways[w], &loads[l]);
			}
	write_all(argv[1]);
	return 0;
}
