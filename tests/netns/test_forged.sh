#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signalling open to anybody (`inbound`, no peers): but not to who claims to be one of ours.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat routed host}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		inbound=$PH4
		[ "$family" = 6 ] && inbound="[$PH6]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		sed -i '/"peers"/s/\[.*\]/[]/' "$RF_CONFIG"
		rf_up && lab_python forged.py "$family" "$@"
		rf_down
	done
	lab_down
done
lab_done
