/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side has to know of a pinhole: spec -> the values that its maps hold. Pure, so that
 * `replay` judges by the very values that the live system would have.
 */
#ifndef RF_PINHOLE_ENTRY_H
#define RF_PINHOLE_ENTRY_H

#include "action.h"

struct pinhole_entry { /* of one direction */
	struct rf_pinhole p; /* .slot is 0: whoever has the maps gives it one */
	struct rf_more_remotes more; /* counted only as far as .p.n_remotes says */
};

struct pinhole_entry pinhole_entry_of(const struct pinhole_spec *s, enum rf_dir dir);
/* What both directions share; now_ns, as the times of the spec: of the clock that packets are judged by. */
struct rf_pinhole_cold pinhole_cold_of(const struct pinhole_spec *s, uint64_t now_ns);

/* .i: below .p.n_remotes */
const struct rf_remote *pinhole_entry_remote(const struct pinhole_entry *e, unsigned int i);
/* RF_PH_OUT_FIRST, both of RF_DIR_OUT: .sent_to of struct rf_pinhole_cold when now takes the place of was: remotes that
 * stay are open still. */
uint32_t pinhole_entry_sent(const struct pinhole_entry *was, uint32_t sent_to,
			    const struct pinhole_entry *now);
/* Has something been sent to everybody that in lets in? */
bool pinhole_entries_open(const struct pinhole_entry *in, const struct pinhole_entry *out,
			  uint32_t sent_to);

#endif
