#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rights won by answers that nobody asked for: a host that may answer (it was sent something), and that knows
# every identifier, is no registrar, no notifier and no party of a call.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat routed host}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		rf_config
		sed -i '/"peers"/s/\[.*\]/[]/' "$RF_CONFIG"
		rf_up && lab_python holes_answer.py "$family" "$@"
		rf_down
	done
	lab_down
done
lab_done
