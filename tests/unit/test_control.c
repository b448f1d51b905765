// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket's server among clients that send and close, say nothing, do not read, or come by the
 * hundred: a command beside them is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "control.h"

#define SECONDS(n) ((n)*1000000000ull)
#define CLIENTS	   64 /* that the server lets in */

static struct world {
	struct event_base *base;
	struct control *control;
	struct sockaddr_un at;
	char dir[32];
	unsigned int asked;
	size_t reply_bytes;
	uint64_t t;
} w;

static json_object *on_request(json_object *request, void *arg)
{
	json_object *reply = json_object_new_object(), *name;
	char *long_text = calloc(1, w.reply_bytes + 1);

	w.asked++;
	if (json_object_object_get_ex(request, "publish", &name))
		for (int i = 0; i < 40; i++) {
			char *line = malloc(65536);

			memset(line, 'x', 65535);
			line[65535] = 0;
			control_publish(w.control, line);
			free(line);
		}
	memset(long_text, 'y', w.reply_bytes);
	json_object_object_add(reply, "ok", json_object_new_string(long_text));
	free(long_text);
	return reply;
}

static int setup(void **state)
{
	int fd;

	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/rf-control-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	w.at.sun_family = AF_UNIX;
	snprintf(w.at.sun_path, sizeof(w.at.sun_path), "%s/control.sock", w.dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&w.at, sizeof(w.at)), 0);
	assert_int_equal(chmod(w.dir, 0755) | chmod(w.at.sun_path, 0666), 0);
	assert_int_equal(listen(fd, 16), 0);
	w.base = event_base_new();
	assert_int_equal(control_serve(&w.control, fd, w.base, on_request, NULL), 0);
	w.t = clock_now_ns();
	return 0;
}

static int teardown(void **state)
{
	control_free(w.control);
	event_base_free(w.base);
	unlink(w.at.sun_path);
	rmdir(w.dir);
	return 0;
}

/* Until nothing more happens. */
static void run(void)
{
	for (int i = 0; i < 200; i++)
		event_base_loop(w.base, EVLOOP_NONBLOCK);
}

/* So much later. */
static void pass(unsigned int seconds)
{
	run();
	while (seconds--)
		control_tick(w.control, w.t += SECONDS(1));
	run();
}

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&w.at, sizeof(w.at))) {
		close(fd);
		return -1; /* the queue is full */
	}
	run();
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	run();
}

/* What there is to read: its length, 0 at the end, or -errno. */
static ssize_t hear(int fd, char *buf, size_t n)
{
	ssize_t got = recv(fd, buf, n - 1, 0);

	buf[got > 0 ? got : 0] = 0;
	return got < 0 ? -errno : got;
}

static bool is_open(int fd)
{
	char buf[4096];

	return hear(fd, buf, sizeof(buf)) == -EAGAIN;
}

static void answered(void)
{
	char buf[4096];
	int fd = client();

	assert_true(fd >= 0);
	say(fd, "{\"command\":\"x\"}\n");
	assert_true(hear(fd, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "\"ok\""));
	close(fd);
	run();
}

static void test_asks(void **state)
{
	char buf[4096];
	int fd = client();

	say(fd, "{\"command\":\"x\"}\n{\"command\":\"y\"}\nnonsense\n{\"comm");
	assert_true(hear(fd, buf, sizeof(buf)) > 0);
	assert_string_equal(buf,
			    "{\"ok\":\"\"}\n{\"ok\":\"\"}\n{\"error\":\"not a JSON object\"}\n");
	close(fd);
	run();
}

/* All that was asked is answered, also to one that has closed its writing side; then it ends. */
static void test_asks_and_ends(void **state)
{
	char text[1024] = "", buf[4096];
	size_t n = 0, at = 0;
	ssize_t got;
	int fd = client();

	for (int i = 0; i < 40; i++)
		n += sprintf(text + n, "{\"command\":1}\n");
	assert_int_equal(send(fd, text, n, 0), n);
	shutdown(fd, SHUT_WR);
	run();
	while ((got = hear(fd, buf, sizeof(buf))) > 0)
		at += got;
	assert_int_equal(got, 0);
	assert_int_equal(w.asked, 40);
	assert_int_equal(at, 40 * strlen("{\"ok\":\"\"}\n"));
}

/* They ask and are gone before the answer: EOF and an error at once. */
static void test_send_and_close(void **state)
{
	for (int round = 0; round < 4; round++) {
		int fd[16];

		for (int i = 0; i < 16; i++) {
			fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
			assert_int_equal(connect(fd[i], (struct sockaddr *)&w.at, sizeof(w.at)), 0);
			assert_true(send(fd[i], "{\"command\":1}\n{\"command\":1}\n", 28, 0) == 28);
			close(fd[i]);
		}
		run();
	}
	assert_int_equal(w.asked, 4 * 16 * 2);
	assert_int_equal(control_clients(w.control), 0);
	answered();
}

/* Who neither asks nor reads has ten seconds; who reads events has all the time there is. */
static void test_idle(void **state)
{
	int silent = client(), reader = client(), half = client(), deaf, stopped;
	char buf[4096];

	w.reply_bytes = 500000; /* more than the socket takes */
	deaf = client();
	say(deaf, "{\"command\":1}\n");
	say(reader, "{\"command\":\"event monitor\"}\n");
	assert_true(hear(reader, buf, sizeof(buf)) > 0);
	say(half, "{\"comm");
	pass(9);
	assert_int_equal(control_clients(w.control), 4);
	say(half, "and\":");
	pass(2);
	assert_int_equal(control_clients(w.control), 1);
	assert_false(is_open(silent));
	assert_false(is_open(half));
	pass(1000);
	assert_true(is_open(reader));
	control_publish(w.control, "event");
	run();
	assert_int_equal(hear(reader, buf, sizeof(buf)), 6);
	/* it has been stopped for a minute: nobody is to blame */
	stopped = client();
	w.t += SECONDS(60);
	control_tick(w.control, w.t);
	assert_true(is_open(stopped));
	pass(11);
	assert_false(is_open(stopped));
	close(silent);
	close(half);
	close(deaf);
	close(reader);
	close(stopped);
}

/* A monitor that does not read: not for ever, and not without end. */
static void test_deaf_monitor(void **state)
{
	static char line[65536];
	int deaf = client(), slow = client();
	char buf[65536 * 2];

	memset(line, 'x', sizeof(line) - 1);
	say(deaf, "{\"command\":\"event monitor\"}\n");
	say(slow, "{\"command\":\"event monitor\"}\n");
	assert_int_equal(control_subscribers(w.control), 2);
	for (int i = 0; i < 8; i++)
		control_publish(w.control, line);
	for (int i = 0; i < 31; i++) {
		pass(1);
		hear(slow, buf, 65536);
		run();
	}
	assert_int_equal(control_subscribers(w.control), 1); /* it has taken something each time */
	for (int i = 0; i < 40; i++)
		control_publish(w.control, line);
	pass(1);
	assert_int_equal(control_subscribers(w.control), 0);
	close(deaf);
	close(slow);
}

/* One that asks and does not read gets no more than some answers made; one that does go on after a pause has them
 * all. A command of a monitor may be what cuts it off. */
static void test_pending(void **state)
{
	char buf[65536], text[65 * 14 + 1] = "";
	size_t at = 0;
	ssize_t got;
	int fd = client(), monitor;

	w.reply_bytes = 300000;
	for (int i = 0; i < 64; i++)
		strcat(text, "{\"command\":1}\n");
	say(fd, text);
	assert_true(w.asked < 16);
	for (int quiet = 0; quiet < 3;) {
		got = hear(fd, buf, sizeof(buf));
		quiet = got > 0 ? 0 : quiet + 1;
		at += got > 0 ? got : 0;
		run();
	}
	assert_int_equal(w.asked, 64);
	assert_int_equal(at, 64 * (300000 + strlen("{\"ok\":\"\"}\n")));
	close(fd);
	w.reply_bytes = 0;
	monitor = client();
	say(monitor, "{\"command\":\"event monitor\"}\n{\"publish\":1}\n{\"publish\":1}\n");
	pass(1);
	assert_int_equal(control_subscribers(w.control), 0);
	close(monitor);
}

static void test_too_long(void **state)
{
	static char line[65536 + 64];
	char buf[4096];
	int fd = client();

	memset(line, 'x', sizeof(line));
	for (size_t at = 0; at < sizeof(line);) {
		ssize_t n = send(fd, line + at, sizeof(line) - at, MSG_NOSIGNAL);

		assert_true(n > 0);
		at += n;
		run();
	}
	assert_true(hear(fd, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "too long"));
	assert_int_equal(control_clients(w.control), 0);
	close(fd);
}

/* Of the same user: those who have been idle give way, one after the other; the command is answered. */
static void test_hundreds(void **state)
{
	int fd[200], n = 0, monitors = 0;

	for (int i = 0; i < CLIENTS / 2 + 4; i++) {
		fd[n] = client();
		say(fd[n], "{\"command\":\"event monitor\"}\n");
		monitors = control_subscribers(w.control);
		n++;
	}
	assert_int_equal(monitors, CLIENTS / 2);
	while (n < 100) {
		fd[n] = client();
		if (fd[n] < 0)
			break;
		n++;
	}
	assert_int_equal(control_clients(w.control), CLIENTS);
	pass(3); /* and whoever waits is let in as others go */
	answered();
	assert_int_equal(control_subscribers(w.control), CLIENTS / 2);
	while (n)
		close(fd[--n]);
	run();
	pass(1);
	assert_int_equal(control_clients(w.control), 0);
	answered();
}

/* Another user has a share: root gets in whatever it does, and it is told. */
static void test_other_user(void **state)
{
	int fd[CLIENTS], n = 0;
	char buf[4096];

	if (geteuid())
		skip();
	assert_int_equal(seteuid(65534), 0);
	for (int i = 0; i < CLIENTS; i++)
		fd[n++] = client();
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(control_clients(w.control), CLIENTS / 4);
	assert_true(hear(fd[n - 1], buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "too many connections of this user"));
	for (int uid = 1000; uid < 1004; uid++) {
		assert_int_equal(seteuid(uid), 0);
		for (int i = 0; i < CLIENTS / 4; i++)
			client();
		assert_int_equal(seteuid(0), 0);
	}
	assert_int_equal(control_clients(w.control), CLIENTS / 2);
	answered();
	while (n)
		close(fd[--n]);
}

/* No descriptor left: it does not spin, and accepts again when there is one. */
static void test_no_descriptor(void **state)
{
	struct rlimit old, none;
	int fd, dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	getrlimit(RLIMIT_NOFILE, &old);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&w.at, sizeof(w.at)), 0);
	run();
	assert_true(control_pauses(w.control));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	pass(1);
	assert_false(control_pauses(w.control));
	assert_int_equal(control_clients(w.control), 1);
	close(fd);
	close(dir);
	run();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_asks),	  TEST(test_asks_and_ends), TEST(test_send_and_close),
		TEST(test_idle),	  TEST(test_deaf_monitor),  TEST(test_pending),
		TEST(test_too_long),	  TEST(test_hundreds),	    TEST(test_other_user),
		TEST(test_no_descriptor),
	};

	signal(SIGPIPE, SIG_IGN); /* as ringfenced does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
