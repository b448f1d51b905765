#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Media that overtakes the signalling which opens its way.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat routed host}; do
	for csum in ${CSUM:-on off}; do
		# shellcheck disable=SC2046 # none or one word
		lab_up "$mode" csum=$csum $([ "$mode" = nat ] && echo masq=on) || continue
		for family in ${FAMILIES:-4 6}; do
			inbound=$PH4
			[ "$family" = 6 ] && inbound="[$PH6]"
			rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
			rf_up && lab_python race.py "$family" "$@"
			rf_down
		done
		lab_down
	done
done
lab_done
