// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's end of the control socket. A connection is a line reader until it asks for
 * events; from then on it is only written to. Nobody's slowness holds the controller up.
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

#define LINE_MAX_BYTES	65536
#define BACKLOG_MAX	(1 << 20) /* unread bytes of a subscriber before it is cut off */
#define CONNECTIONS_MAX 64

struct client {
	struct control *control;
	struct bufferevent *bev;
	bool subscriber;
	bool closing; /* after what is still to be written */
	struct client *prev, *next;
};

struct control {
	struct event_base *base;
	struct event *accept_event;
	int fd;
	char path[108];
	control_handler *handle;
	void *arg;
	struct client *clients;
	size_t n_clients, n_subscribers;
};

static void client_free(struct client *c)
{
	c->control->n_clients--;
	if (c->subscriber)
		c->control->n_subscribers--;
	DL_DELETE(c->control->clients, c);
	bufferevent_free(c->bev);
	free(c);
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

	if (o)
		json_object_object_add(o, "error", json_object_new_string(text));
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
	} else if (is_subscription(request)) {
		if (!c->subscriber)
			c->control->n_subscribers++;
		c->subscriber = true;
		ok = json_object_new_object();
		if (ok)
			json_object_object_add(ok, "subscribed", json_object_new_boolean(1));
		client_reply(c, ok);
	} else {
		client_reply(c, c->control->handle(request, c->control->arg));
	}
	json_object_put(request);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct client *c = arg;
	size_t n;
	char *line;

	while (!c->closing && (line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF))) {
		client_line(c, line);
		free(line);
	}
	if (evbuffer_get_length(in) > LINE_MAX_BYTES) {
		client_reply(c, reply_error("request too long"));
		c->closing = true;
		bufferevent_disable(bev, EV_READ);
	}
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->closing && !evbuffer_get_length(bufferevent_get_output(bev)))
		client_free(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	/* The other end may have shut down only its writing side: what it asked for still goes out. */
	if ((what & BEV_EVENT_EOF) && !c->subscriber &&
	    evbuffer_get_length(bufferevent_get_output(bev))) {
		c->closing = true;
		return;
	}
	client_free(c);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control *control = arg;
	struct client *c;

	if (fd < 0)
		return;
	c = control->n_clients < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (c)
		c->bev = bufferevent_socket_new(control->base, fd,
						BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!c || !c->bev) {
		free(c);
		close(fd);
		return;
	}
	c->control = control;
	DL_APPEND(control->clients, c);
	control->n_clients++;
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static int control_path(const char *instance, struct sockaddr_un *out)
{
	int n;

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(out->sun_path, sizeof(out->sun_path), RF_RUN_ROOT "/%s/control.sock",
		     instance);
	return n < (int)sizeof(out->sun_path) ? 0 : -ENAMETOOLONG;
}

int control_listen(struct control **out, const char *instance, struct event_base *base,
		   control_handler *handle, void *arg, struct why *w)
{
	struct control *c = calloc(1, sizeof(*c));
	struct sockaddr_un sun;
	mode_t mask;
	int err;

	if (!c)
		return why_set(w, -ENOMEM, "out of memory");
	c->base = base;
	c->handle = handle;
	c->arg = arg;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = c->fd < 0 ? -errno : control_path(instance, &sun);
	if (!err) {
		/* Ours to remove: the instance's lock is held. */
		unlink(sun.sun_path);
		mask = umask(0177);
		err = bind(c->fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(c->fd, 16)
			      ? -errno
			      : 0;
		umask(mask);
		memcpy(c->path, sun.sun_path, sizeof(c->path));
	}
	if (!err) {
		c->accept_event = event_new(base, c->fd, EV_READ | EV_PERSIST, on_accept, c);
		err = c->accept_event && !event_add(c->accept_event, NULL) ? 0 : -ENOMEM;
	}
	if (err) {
		why_set(w, err,
			"cannot open the control socket " RF_RUN_ROOT "/%s/control.sock: %s",
			instance, strerror(-err));
		control_free(c);
		return err;
	}
	*out = c;
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
	if (c->fd >= 0)
		close(c->fd);
	if (c->path[0])
		unlink(c->path);
	free(c);
}

void control_publish(struct control *c, const char *line)
{
	struct client *cl, *next;

	DL_FOREACH_SAFE (c->clients, cl, next) {
		if (!cl->subscriber)
			continue;
		if (evbuffer_get_length(bufferevent_get_output(cl->bev)) > BACKLOG_MAX) {
			client_free(cl);
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
