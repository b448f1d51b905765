#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A SIP server that is not translated chooses its own media ports: those outside the guarded range are said in the
# log, by status and on the call, with the line to write, and that line closes them.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in host routed nat; do
	lab_up $mode
	for family in 4 6; do
		rf_config "\"sip\": { \"inbound\": \"$([ $family = 4 ] && echo "$PH4" || echo "[$PH6]"):5060\" }"
		rf_up && lab_python unguarded.py $family "$@"
		rf_down
	done
	if [ $mode = host ]; then
		in_ns gw ip addr add 198.51.100.77/32 dev lo
		for ns in prov third; do in_ns $ns ip route add 198.51.100.77 via $GW4; done
		rf_config
		rf_up && OTHER_ADDRESS=198.51.100.77 lab_python unguarded.py 4
		rf_down
	fi
	lab_down
done
lab_done
