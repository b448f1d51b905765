#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What an inside host names in its SDP, with an accomplice among the peers: another host's services, the gateway's, groups,
# low ports, the call's own mapping. Nothing gets through, and what is meant to work does.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat || lab_done
for family in ${FAMILIES:-4 6}; do
	first=$PH4
	[ "$family" = 6 ] && first=$PH6
	rf_config
	rf_up && lab_python holes.py "$family" phone "$@"
	rf_down
	rf_config "\"sip\": { \"media_for_others\": [ \"$first\" ] }"
	rf_up && lab_python holes.py "$family" pbx "$@"
	rf_down
done
lab_down
lab_done
