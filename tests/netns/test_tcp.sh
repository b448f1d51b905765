#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SIP over TCP through the controller's sockets: calls both ways, whatever the segments, and who is refused.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
tcp() { # FAMILY WHAT [JSON members]
	rf_config "${3:-}"
	# only the provider may speak
	case $2 in calls | streams) sed -i "s|$LAB_WAN4.0/24|$PROV4|; s|$LAB_WAN6:/64|$PROV6|" "$RF_CONFIG" ;; esac
	rf_up && lab_python tcp.py "$1" "$2" ${ONLY:+"$ONLY"}
	rf_down
}
for mode in ${MODES:-nat routed}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		inbound=$PH4
		[ "$family" = 6 ] && inbound="[$PH6]"
		capture_start prov p0 "$LAB_TMP/wan.pcap" tcp
		tcp "$family" calls
		tcp "$family" inbound "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		[ "$mode" != nat ] || tcp "$family" streams
		check "$mode IPv$family: the capture is whole" capture_stop "$LAB_TMP/wan.pcap"
		[ "$mode" != nat ] || check "$mode IPv$family: no inside address on the WAN" capture_private "$LAB_TMP/wan.pcap"
		# nothing is translated then
		[ "$mode" = nat ] || tcp "$family" away '"when_controller_is_away": "pass"'
	done
	lab_down
done
# a bridge inside, full checksums, and rules that would catch what a stack forwards or translates
lab_up nat link=bridge csum=off masq=on forward=drop
for family in 4 6; do
	tcp $family calls
done
lab_down
lab_done
