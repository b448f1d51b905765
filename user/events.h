/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events as JSON lines: {"time_ns", "event", "text", ...}. time_ns is CLOCK_MONOTONIC.
 */
#ifndef RF_EVENTS_H
#define RF_EVENTS_H

#include "action.h"

/* free() the line; NULL when out of memory. */
char *events_action_line(const struct action *event, uint64_t now_ns);
char *events_drop_line(enum rf_reason reason, const char *detail, uint64_t now_ns);
char *events_kernel_line(const struct rf_event *e);
char *events_pinhole_line(enum event_kind kind, const struct pinhole_spec *s, uint64_t now_ns);
const char *events_kind_name(enum event_kind kind); /* "call_new" */
const char *events_reason_name(uint32_t reason); /* JSON name; "unknown" */

#endif
