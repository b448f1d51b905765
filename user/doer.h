/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carries action lists out, in order. No policy: what cannot be done is counted and said.
 */
#ifndef RF_DOER_H
#define RF_DOER_H

#include "action.h"
#include "control.h"
#include "datapath.h"
#include "journal.h"
#include "pinhole_table.h"
#include "release.h"
#include "tcp_proxy.h"

struct doer {
	/* borrowed; control and tcp may be NULL (while starting) */
	const struct datapath *dp;
	struct pinhole_table *table;
	struct release *release;
	struct journal *journal;
	struct control *control;
	struct tcp_proxy *tcp;
	/* reasons that userspace decides: absolute values, with what was there at the start */
	struct rf_counter count[RF_R_MAX];
	bool count_changed[RF_R_MAX];
	struct log_limit send_limit, map_limit, journal_limit, memory_limit;
	struct log_burst event_burst; /* lines on calls, registrations and the like */
	bool save_failed; /* within the list at hand */
	bool unsaved; /* some record is not in the journal: see doer_save_again() */
	uint64_t save_again_ns;
	int map_err; /* why the last pinhole that could not be written was not; 0: all could */
};

int doer_init(struct doer *d, const struct datapath *dp);
/* bytes: size of the message that the list answers, for counting drops; 0: none. */
/* False: some actions are marked .failed, and what announces them was not sent. A list that is not whole (its .failed) is
 * carried out but for its messages: what the deciders have changed is so. */
bool doer_carry_out(struct doer *d, struct action_list *l, size_t bytes, uint64_t now_ns);
/* True: everything is to be saved again, as something was not (engine_save_all()); asked again later if that fails. */
bool doer_save_again(struct doer *d, uint64_t now_ns);
void doer_count(struct doer *d, enum rf_reason reason, uint64_t packets, uint64_t bytes);
void doer_flush_counts(struct doer *d); /* to the reasons map */
void doer_flush_log(struct doer *d, uint64_t now_ns); /* says how many lines were left out */

#endif
