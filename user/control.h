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
#include <stddef.h>

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
void control_free(struct control *c); /* NULL ok; removes the socket */
/* One line to all subscribers; who reads too slowly is cut off. */
void control_publish(struct control *c, const char *line);
size_t control_subscribers(const struct control *c);

#endif
