/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What several commands show alike: endpoints, moments, the packets of a pinhole, and the engine's
 * state as the journal has it.
 */
#ifndef RF_CMD_SHOW_H
#define RF_CMD_SHOW_H

#include "cmd.h"
#include "engine.h"

/* An endpoint; unset ones (address and port zero) are null. */
struct out_node *show_ep(struct out_node *record, const char *key, const char *label,
			 const struct rf_ep *ep);
/* JSON: ISO 8601; text: wall clock. ns 0: null. */
struct out_node *show_moment(struct out_node *record, const char *key, const char *label,
			     uint64_t monotonic_ns);

struct show_pinholes { /* all of an instance, for look-ups by id */
	struct datapath_pinhole *v;
	size_t n;
};
/* The record of one direction, or NULL. */
const struct datapath_pinhole *show_pinhole_find(const struct show_pinholes *p, uint32_t id,
						 enum rf_dir dir);
/* "learnt" source (text: a head field) and "flows": a line per direction. */
/* Closed inwards until the inside host sends something. */
bool show_pinhole_waits(const struct datapath_pinhole *p);
void show_pinhole_state(struct out_node *record, const struct datapath_pinhole *p, uint64_t now_ns);
const char *show_reason_name(unsigned int reason);

/* The engine filled from the journal; what has timed out is not in it. dp may be NULL.
 * 0 (also without a journal: an empty engine), or the error is told and CMD_FAILED. */
enum cmd_status show_engine(struct cmd_context *c, const struct datapath *dp, struct engine **out,
			    struct topology *topology);
/* An entry for each guarded port that others own unasked. c: NULL, or the configuration that counts. */
void show_port_owners(const struct datapath *dp, const struct config *c, struct out_node *list);
/* An entry for each WAN device, or that one alone, that does not look like one. */
void show_wan_doubts(const struct datapath *dp, const char *dev, struct out_node *list);
/* A warning when the controller does not run. */
void show_controller_warning(struct cmd_context *c, const struct datapath *dp,
			     struct out_node *warnings);
/* Out of the controller's reply to {"command": "connections"}. */
struct json_object;
void show_tcp_holders(struct cmd_context *c, struct json_object *reply);

#endif
