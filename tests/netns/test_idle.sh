#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A call whose media is silent both ways for media_idle ends, with that as the reason; one on hold does not.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat host}; do
	lab_up "$mode" || continue
	rf_config '"sip": { "media_idle": 5 }'
	rf_up && lab_python idle.py "$@"
	rf_down
	lab_down
done
lab_done
