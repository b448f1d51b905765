#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A WAN whose own addresses are private, as in a laboratory or on a cloud machine, and a configuration
# that does not say what is inside: every peer then lies in one of the default inside prefixes.
export LAB_WAN4=192.168.77 LAB_WAN6=fd77: LAB_DEFAULTS=1
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
for family in 4 6; do
	inbound=$PH4
	[ $family = 6 ] && inbound="[$PH6]"
	rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
	rf_up && lab_python calls.py $family "$@"
	rf_down
done
lab_down
lab_done
