#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Hundreds of calls on one trunk, and the death of the controller under them.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat host}; do
	lab_up "$mode"
	family=4
	[ "$mode" = host ] && family=6
	inbound=$PH4
	[ $family = 6 ] && inbound="[$PH6]"
	rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
	rf_up && lab_python trunk.py $family "$@"
	rf_down
	lab_down
done
lab_done
