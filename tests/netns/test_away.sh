#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Calls outlive the controller, and nothing stays open for want of it.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
away() { # FAMILY POLICY ARGS
	local inbound=$PH4
	[ "$1" = 6 ] && inbound="[$PH6]"
	rf_config "\"sip\": { \"inbound\": \"$inbound:5060\", \"setup_timeout\": 10 }, \"when_controller_is_away\": \"$2\""
	rf_up && lab_python away.py "$@"
	rf_down
}
for mode in ${MODES:-nat routed host}; do
	lab_up "$mode"
	family=4
	[ "$mode" = routed ] && family=6
	away $family refuse-new "$@"
	[ "$mode" = nat ] || away $family pass "$@"
	lab_down
done
lab_done
