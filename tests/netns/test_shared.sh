#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Several calls at one inside RTP endpoint.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat routed}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		inbound=$PH4
		[ "$family" = 6 ] && inbound="[$PH6]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		rf_up && lab_python shared.py "$family" "$@"
		rf_down
	done
	lab_down
done
lab_done
