// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands' end of the control socket: one request and its reply, or a stream of events.
 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "datapath.h"
#include "json_add.h"

#define TIMEOUT_NS (5ULL * 1000000000)
#define REPLY_MAX  (16 << 20)

struct conn {
	int fd;
	char *buf;
	size_t n, cap, used; /* used: bytes of the line that was handed out */
};

static int conn_why(int err, struct why *w)
{
	if (err == -ETIMEDOUT || err == -EAGAIN)
		return why_set(
			w, -ETIMEDOUT,
			"the controller does not answer; is it stopped? see: ringfence status");
	if (err == -EPIPE || err == -ECONNRESET)
		return why_set(w, -EPIPE, "the controller ended the connection");
	return why_set(w, err, "talking to the controller failed: %s", strerror(-err));
}

/* The directory is the controller's user's: only a socket that lies there itself, not what a link leads to. */
static int connect_to(int fd, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int at = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct stat st;

	if (at < 0)
		return -errno;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", at);
	if (fstat(at, &st))
		err = -errno;
	else if (!S_ISSOCK(st.st_mode))
		err = -ENOTSOCK;
	else if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		err = -errno;
	close(at);
	return err;
}

static int conn_open(struct conn *c, const char *instance, struct why *w)
{
	/* also of connect(): a controller that is stopped accepts nobody */
	const struct timeval limit = { TIMEOUT_NS / 1000000000, 0 };
	char path[128];
	int err;

	*c = (struct conn){ .fd = -1 };
	err = instance_check(instance, w);
	if (err)
		return err;
	snprintf(path, sizeof(path), RF_RUN_ROOT "/%s/control.sock", instance);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		err = -errno;
	if (!err)
		err = connect_to(c->fd, path);
	if (!err)
		return 0;
	if (c->fd >= 0)
		close(c->fd);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return why_set(
			w, -ECONNREFUSED,
			"the controller of instance \"%s\" is not running; start it: ringfenced%s%s",
			instance, strcmp(instance, RF_DEFAULT_INSTANCE) ? " --instance " : "",
			strcmp(instance, RF_DEFAULT_INSTANCE) ? instance : "");
	if (err == -EAGAIN)
		return conn_why(-ETIMEDOUT, w);
	return why_set(w, err, "cannot reach the controller at %s: %s%s", path, strerror(-err),
		       err == -EACCES	  ? "; run as root"
		       : err == -ENOTSOCK ? "; it is not what it should be: remove it"
					  : "");
}

static void conn_close(struct conn *c)
{
	close(c->fd);
	free(c->buf);
}

static int conn_send(struct conn *c, json_object *request)
{
	const char *text =
		request ? json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN) : NULL;
	size_t n, at = 0;
	ssize_t sent;
	char *line;

	if (!text || asprintf(&line, "%s\n", text) < 0)
		return -ENOMEM;
	n = strlen(line);
	while (at < n) {
		sent = send(c->fd, line + at, n - at, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			free(line);
			return -errno;
		}
		at += sent;
	}
	free(line);
	return 0;
}

static int conn_fill(struct conn *c, uint64_t until_ns)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	uint64_t now = clock_now_ns();
	ssize_t got;
	char *grown;
	int ready;

	if (c->n == c->cap) {
		if (c->cap >= REPLY_MAX)
			return -E2BIG;
		grown = realloc(c->buf, c->cap ? c->cap * 2 : 4096);
		if (!grown)
			return -ENOMEM;
		c->buf = grown;
		c->cap = c->cap ? c->cap * 2 : 4096;
	}
	if (until_ns) {
		ready = now < until_ns ? poll(&pfd, 1, (until_ns - now) / 1000000 + 1) : 0;
		if (ready <= 0)
			return ready < 0 ? -errno : -ETIMEDOUT;
	}
	got = read(c->fd, c->buf + c->n, c->cap - c->n);
	if (got < 0)
		return -errno;
	c->n += got;
	return got ? 0 : -EPIPE;
}

/* The next line, without its end; valid until the next call. until_ns 0: waits for ever. */
static int conn_line(struct conn *c, uint64_t until_ns, char **line)
{
	char *end;
	int err;

	if (c->used) {
		memmove(c->buf, c->buf + c->used, c->n - c->used);
		c->n -= c->used;
		c->used = 0;
	}
	while (!(end = c->n ? memchr(c->buf, '\n', c->n) : NULL)) {
		err = conn_fill(c, until_ns);
		if (err)
			return err;
	}
	*end = 0;
	c->used = end + 1 - c->buf;
	*line = c->buf;
	return 0;
}

int control_request(const char *instance, json_object *request, json_object **reply, struct why *w)
{
	json_object *answer;
	struct conn c;
	char *line;
	int err;

	err = conn_open(&c, instance, w);
	if (err)
		return err;
	err = conn_send(&c, request);
	if (!err)
		err = conn_line(&c, clock_now_ns() + TIMEOUT_NS, &line);
	if (err) {
		conn_why(err, w);
		conn_close(&c);
		return err;
	}
	answer = json_tokener_parse(line);
	conn_close(&c);
	if (!json_object_is_type(answer, json_type_object)) {
		json_object_put(answer);
		return why_set(
			w, -EPROTO,
			"the controller's answer is not a JSON object; is it of another version?");
	}
	*reply = answer;
	return 0;
}

int control_events(const char *instance, int (*line)(const char *text, void *arg),
		   void (*on_ready)(void *arg), void *arg, struct why *w)
{
	json_object *request;
	struct conn c;
	char *text;
	int err;

	err = conn_open(&c, instance, w);
	if (err)
		return err;
	request = json_object_new_object();
	json_add(&request, "command", json_object_new_string("event monitor"));
	err = request ? conn_send(&c, request) : -ENOMEM;
	json_object_put(request);
	if (!err)
		err = conn_line(&c, clock_now_ns() + TIMEOUT_NS, &text);
	if (!err && on_ready)
		on_ready(arg);
	while (!err) {
		err = conn_line(&c, 0, &text);
		if (err == -EINTR) /* the caller's signal handler has its say by line() or exit */
			break;
		if (!err && line(text, arg))
			break;
	}
	conn_close(&c);
	return err ? conn_why(err, w) : 0;
}
