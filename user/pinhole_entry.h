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

#endif
