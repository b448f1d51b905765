#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Bad input at the wire, from both sides.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
for family in ${FAMILIES:-4 6}; do
	inbound=$PH4
	[ "$family" = 6 ] && inbound="[$PH6]"
	rf_config "\"sip\": { \"inbound\": \"$inbound:5060\", \"setup_timeout\": 10 }"
	rf_up && lab_python hostile.py "$family" "$@"
	rf_down
done
lab_done
