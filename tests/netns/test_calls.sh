#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Calls outbound and inbound, IPv4 and IPv6, in every mode: each message and each media packet.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat routed host}; do
	lab_up "$mode" || continue
	for family in 4 6; do
		inbound=$PH4
		[ $family = 6 ] && inbound="[$PH6]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		rf_up && lab_python calls.py $family "$@"
		rf_down
	done
	lab_down
done
lab_done
