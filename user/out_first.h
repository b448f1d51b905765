/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinholes that open inwards with the inside host's own first packet (RF_PH_OUT_FIRST). The kernel side opens them by
 * itself, on its slow path; here the mark is taken off those that have opened, so that they become plain, and off those
 * of RTP whose RTCP has been sent.
 */
#ifndef RF_OUT_FIRST_H
#define RF_OUT_FIRST_H

#include "datapath.h"
#include "inbound.h"
#include "pinhole_entry.h"

struct out_first;

struct out_first *out_first_new(void); /* NULL: out of memory */
void out_first_free(struct out_first *o); /* NULL ok */
/* The inward entry of a pinhole that was set with the mark. Out of memory it stays on the slow path. */
void out_first_add(struct out_first *o, const struct rf_pinhole_key *key, uint32_t id);
/* .sent_to of struct rf_pinhole_cold for now, before it is written to key (RF_DIR_OUT). What cannot be read is closed. */
uint32_t out_first_sent(const struct datapath *dp, const struct rf_pinhole_key *key,
			const struct pinhole_entry *now);
/* A second's work; entries that are gone or another pinhole's now are forgotten. */
void out_first_sweep(struct out_first *o, const struct datapath *dp, struct inbound *in);

#endif
