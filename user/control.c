// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's end of the control socket. A connection is a line reader until it asks for
 * events; from then on it is only written to. Nobody's slowness holds the controller up, and who
 * connects without using it, or too often, shuts nobody else out.
 */
#include "control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "datapath.h"
#include "json_add.h"

#define LINE_MAX_BYTES 65536
#define LINES_A_TURN   8 /* of one client; then the others have theirs */
#define PENDING_MAX \
	(1 << 20) /* unread bytes: no more is asked for it, and a subscriber is cut off */
#define CONNECTIONS_MAX 64
#define SUBSCRIBERS_MAX (CONNECTIONS_MAX / 2) /* they may stay for ever */
#define OTHERS_MAX	(CONNECTIONS_MAX / 2) /* of all who are not root, that root always gets in */
#define USER_MAX	(CONNECTIONS_MAX / 4) /* of one of these */
#define TICK_NS		(1ULL * 1000000000)
#define IDLE_NS		(10ULL * 1000000000) /* neither asks nor reads */
#define UNREAD_NS	(30ULL * 1000000000) /* a subscriber that does not read what is there for it */
#define GIVES_WAY_NS	TICK_NS /* idle when all are in use */
#define REPORT_NS	(10ULL * 1000000000)

struct client {
	struct control *control;
	struct bufferevent *bev;
	uid_t uid;
	uint64_t busy_ns; /* last asked something or took something of what waits for it */
	bool subscriber;
	bool ended; /* it has said that it asks nothing more */
	bool more; /* of what it has asked is still to be looked at */
	bool closing; /* after what is still to be written */
	bool stalled; /* not read from, as it does not read itself */
	bool cut; /* gone with the next tick: whoever publishes may be in the middle of its request */
	struct client *prev, *next;
};

struct control {
	struct event_base *base;
	struct event *accept_event, *tick_event;
	int fd;
	bool paused; /* does not accept: no room, or no descriptor */
	char path[108];
	control_handler *handle;
	void *arg;
	struct client *clients; /* oldest first */
	size_t n_clients, n_subscribers, n_others;
	uint64_t tick_ns; /* the last one */
	struct log_limit limit;
};

static void accept_pause(struct control *c, bool pause)
{
	if (c->paused == pause)
		return;
	if (pause ? event_del(c->accept_event) : event_add(c->accept_event, NULL))
		return; /* tried again with the next tick */
	c->paused = pause;
}

static void client_free(struct client *c)
{
	struct control *control = c->control;

	control->n_clients--;
	control->n_subscribers -= c->subscriber;
	control->n_others -= c->uid != 0;
	DL_DELETE(control->clients, c);
	bufferevent_free(c->bev);
	free(c);
	accept_pause(control, false);
}

static size_t unread(const struct client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void on_output(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct client *c = arg;

	if (info->n_deleted)
		c->busy_ns = clock_now_ns();
}

static void client_reply(struct client *c, json_object *reply)
{
	const char *text =
		reply ? json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN) : NULL;

	if (!text)
		text = "{\"error\":\"out of memory\"}";
	bufferevent_write(c->bev, text, strlen(text));
	bufferevent_write(c->bev, "\n", 1);
	json_object_put(reply);
}

static json_object *reply_error(const char *text)
{
	json_object *o = json_object_new_object();

	json_add(&o, "error", json_object_new_string(text));
	return o;
}

static bool is_subscription(json_object *request)
{
	json_object *name;

	return json_object_object_get_ex(request, "command", &name) &&
	       json_object_is_type(name, json_type_string) &&
	       !strcmp(json_object_get_string(name), "event monitor");
}

static void client_line(struct client *c, const char *line)
{
	json_object *request = json_tokener_parse(line), *ok;

	if (!json_object_is_type(request, json_type_object)) {
		client_reply(c, reply_error("not a JSON object"));
	} else if (is_subscription(request) && !c->subscriber &&
		   c->control->n_subscribers >= SUBSCRIBERS_MAX) {
		client_reply(c, reply_error("too many event monitors"));
	} else if (is_subscription(request)) {
		c->control->n_subscribers += !c->subscriber;
		c->subscriber = true;
		ok = json_object_new_object();
		json_add(&ok, "subscribed", json_object_new_boolean(1));
		client_reply(c, ok);
	} else {
		client_reply(c, c->control->handle(request, c->control->arg));
	}
	json_object_put(request);
}

/* What it asked for still goes out. May free c. */
static void end_if_done(struct client *c)
{
	if (!c->ended || c->more)
		return;
	c->closing = true;
	if (!unread(c))
		client_free(c);
}

/* A client that does not read what it has asked for is asked nothing more; nor has one that asks without end the
 * controller for itself. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *c = arg;
	int left = LINES_A_TURN;
	char *line = NULL;
	size_t n;

	while (!c->cut && !c->closing && left && unread(c) <= PENDING_MAX &&
	       (line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF))) {
		c->busy_ns = clock_now_ns();
		client_line(c, line);
		free(line);
		left--;
	}
	if (c->cut || c->closing)
		return;
	c->more = false;
	if (unread(c) > PENDING_MAX) {
		c->stalled = c->more = true;
		bufferevent_disable(bev, EV_READ);
	} else if (!left && evbuffer_get_length(in)) {
		c->more = true;
		bufferevent_trigger(bev, EV_READ,
				    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
	} else if (evbuffer_get_length(in) > LINE_MAX_BYTES) {
		client_reply(c, reply_error("request too long"));
		c->closing = true;
		bufferevent_disable(bev, EV_READ);
	}
	end_if_done(c);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (unread(c) || c->cut)
		return;
	if (c->closing) {
		client_free(c);
	} else if (c->stalled) {
		c->stalled = false;
		bufferevent_enable(bev, EV_READ);
		on_read(bev, c);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	/* The other end may have shut down only its writing side. With an error, which may be told together with it,
	 * nothing goes out any more. */
	if (!(what & BEV_EVENT_EOF) || what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT) ||
	    c->subscriber) {
		client_free(c);
		return;
	}
	c->ended = true;
	end_if_done(c);
}

/* ---- who gets in ---- */

static size_t count_of(const struct control *control, uid_t uid)
{
	const struct client *c;
	size_t n = 0;

	DL_FOREACH (control->clients, c)
		n += c->uid == uid;
	return n;
}

/* Of this user, or of all: who has been idle longest, and long enough. */
static struct client *idle_client(const struct control *control, const uid_t *uid)
{
	struct client *c, *best = NULL;

	DL_FOREACH (control->clients, c)
		if (!c->subscriber && (!uid || c->uid == *uid) &&
		    (int64_t)(control->tick_ns - c->busy_ns) >= (int64_t)GIVES_WAY_NS &&
		    (!best || c->busy_ns < best->busy_ns))
			best = c;
	return best;
}

/* May one more of that user be in? Its own idle ones give way. */
static bool share_left(struct control *control, uid_t uid)
{
	struct client *c;

	while (uid && (count_of(control, uid) >= USER_MAX || control->n_others >= OTHERS_MAX)) {
		c = idle_client(control, &uid);
		if (!c)
			return false;
		client_free(c);
	}
	return true;
}

static void refuse(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void client_new(struct control *control, int fd, uid_t uid)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c)
		c->bev = bufferevent_socket_new(control->base, fd,
						BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!c || !c->bev) {
		free(c);
		refuse(fd, "{\"error\":\"out of memory\"}\n");
		return;
	}
	c->control = control;
	c->uid = uid;
	c->busy_ns = clock_now_ns();
	DL_APPEND(control->clients, c);
	control->n_clients++;
	control->n_others += uid != 0;
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, LINE_MAX_BYTES + 1);
	if (!evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c) ||
	    bufferevent_enable(c->bev, EV_READ | EV_WRITE))
		client_free(c);
}

static void accept_failed(struct control *control, int err)
{
	uint32_t left_out;

	if (err == EAGAIN || err == EINTR || err == ECONNABORTED)
		return;
	if (log_limit_ok(&control->limit, clock_now_ns(), &left_out))
		log_warning("cannot accept commands for the moment: %s (%u more like this)",
			    strerror(err), left_out);
	accept_pause(control, true); /* else it would be tried without end */
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct control *control = arg;
	struct client *idle;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd;

	if (control->n_clients >= CONNECTIONS_MAX) {
		idle = idle_client(control, NULL);
		if (!idle) {
			accept_pause(control, true); /* they wait until one is gone */
			return;
		}
		client_free(idle);
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		accept_failed(control, errno);
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		close(fd);
	else if (!share_left(control, cred.uid))
		refuse(fd, "{\"error\":\"too many connections of this user\"}\n");
	else
		client_new(control, fd, cred.uid);
}

void control_tick(struct control *control, uint64_t now)
{
	bool late = (int64_t)(now - control->tick_ns) > (int64_t)(5 * TICK_NS);
	struct client *c, *next;

	control->tick_ns = now;
	DL_FOREACH_SAFE (control->clients, c, next) {
		int64_t idle = now - c->busy_ns;

		if (late || (c->subscriber && !unread(c)))
			c->busy_ns = now;
		else if (c->cut || idle > (int64_t)(c->subscriber ? UNREAD_NS : IDLE_NS))
			client_free(c);
	}
	accept_pause(control, false);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	control_tick(arg, clock_now_ns());
}

static int control_path(const char *instance, struct sockaddr_un *out)
{
	int n;

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(out->sun_path, sizeof(out->sun_path), RF_RUN_ROOT "/%s/control.sock",
		     instance);
	return n < (int)sizeof(out->sun_path) ? 0 : -ENAMETOOLONG;
}

int control_serve(struct control **out, int fd, struct event_base *base, control_handler *handle,
		  void *arg)
{
	const struct timeval tick = { TICK_NS / 1000000000, 0 };
	struct control *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->base = base;
	c->handle = handle;
	c->arg = arg;
	c->fd = fd;
	c->tick_ns = clock_now_ns();
	c->limit.interval_ns = REPORT_NS;
	c->accept_event = event_new(base, c->fd, EV_READ | EV_PERSIST, on_accept, c);
	c->tick_event = event_new(base, -1, EV_PERSIST, on_tick, c);
	if (!c->accept_event || !c->tick_event || event_add(c->accept_event, NULL) ||
	    event_add(c->tick_event, &tick)) {
		control_free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

int control_listen(struct control **out, const char *instance, struct event_base *base,
		   control_handler *handle, void *arg, struct why *w)
{
	struct sockaddr_un sun;
	mode_t mask;
	int fd, err = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = fd < 0 ? -errno : control_path(instance, &sun);
	if (!err) {
		/* Ours to remove: the instance's lock is held. */
		unlink(sun.sun_path);
		mask = umask(0177);
		err = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 16) ? -errno : 0;
		umask(mask);
	}
	if (err && fd >= 0)
		close(fd);
	if (!err)
		err = control_serve(out, fd, base, handle, arg);
	if (err)
		return why_set(w, err,
			       "cannot open the control socket " RF_RUN_ROOT "/%s/control.sock: %s",
			       instance, strerror(-err));
	memcpy((*out)->path, sun.sun_path, sizeof((*out)->path));
	return 0;
}

void control_free(struct control *c)
{
	struct client *cl, *next;

	if (!c)
		return;
	DL_FOREACH_SAFE (c->clients, cl, next)
		client_free(cl);
	if (c->accept_event)
		event_free(c->accept_event);
	if (c->tick_event)
		event_free(c->tick_event);
	if (c->fd >= 0)
		close(c->fd);
	if (c->path[0])
		unlink(c->path);
	free(c);
}

void control_publish(struct control *c, const char *line)
{
	struct client *cl;

	DL_FOREACH (c->clients, cl) {
		if (!cl->subscriber || cl->cut)
			continue;
		if (unread(cl) > PENDING_MAX) {
			cl->cut = true;
			bufferevent_disable(cl->bev, EV_READ | EV_WRITE);
			continue;
		}
		bufferevent_write(cl->bev, line, strlen(line));
		bufferevent_write(cl->bev, "\n", 1);
	}
}

size_t control_subscribers(const struct control *c)
{
	return c->n_subscribers;
}

size_t control_clients(const struct control *c)
{
	return c->n_clients;
}

bool control_pauses(const struct control *c)
{
	return c->paused;
}
