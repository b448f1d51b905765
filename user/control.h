/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The controller's ear: a unix stream socket, one JSON object per line each way.
 * Requests: {"command": "call drop", ...arguments}. Replies: an object; {"error": "sentence"} on failure.
 * {"command": "event monitor"} turns the connection into a stream of event lines.
 * Also answered by the controller itself: {"command": "reload"}, {"command": "connections"} (over TCP).
 */
#ifndef RF_CONTROL_H
#define RF_CONTROL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

struct event_base;

/* ---- client ---- */

/* One request, one reply (json_object_put() it), 5 s at most. -ECONNREFUSED: the controller does not run.
 * A reply with "error" is a success here. */
int control_request(const char *instance, json_object *request, json_object **reply, struct why *w);
/* Calls line() for each event line (without the newline) until it returns != 0, or the controller ends
 * the stream (-EPIPE). on_ready (may be NULL) runs once the subscription is known to be in place. */
int control_events(const char *instance, int (*line)(const char *text, void *arg),
		   void (*on_ready)(void *arg), void *arg, struct why *w);

/* ---- server ---- */

struct control;

/* Returns the reply (ownership passes); NULL counts as out of memory. */
typedef json_object *control_handler(json_object *request, void *arg);

int control_listen(struct control **out, const char *instance, struct event_base *base,
		   control_handler *handle, void *arg, struct why *w);
/* The same by a socket that listens already; fd is ours then, also on failure. 0 or -ENOMEM. */
int control_serve(struct control **out, int fd, struct event_base *base, control_handler *handle,
		  void *arg);
/* Time limits, by itself each second. A long time without a tick (SIGSTOP) counts for nobody. */
void control_tick(struct control *c, uint64_t now_ns);
void control_free(struct control *c); /* NULL ok; removes the socket */
/* One line to all subscribers; who reads too slowly is cut off. */
void control_publish(struct control *c, const char *line);
size_t control_subscribers(const struct control *c);
size_t control_clients(const struct control *c); /* these, too */
bool control_pauses(const struct control *c); /* nobody more gets in for the moment */

#endif
