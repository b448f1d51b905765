#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every way to deliver media: XDP redirect (the far end takes it), TC (it does not, bridges, asked
# for), generic XDP; sender checksum offload on and off; a FORWARD chain that drops, as Docker sets.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

one() { # MODE WAY ATTACH-MODE LAB-OPTIONS...
	local mode=$1 way=$2 attach=$3 family inbound
	shift 3
	lab_up "$mode" "$@"
	export LAB_CASE="${*:-default} ($attach)"
	for family in ${FAMILIES:-4 6}; do
		inbound=$PH4
		[ "$family" = 6 ] && inbound="[$PH6]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		rf_up mode "$attach" && lab_python delivery.py "$family" "$way" ${FILTER:-}
		rf_down
	done
	lab_down
}

FILTER=${1:-}
for csum in on off; do
	one nat media_xdp native gro=on csum=$csum forward=drop
	one nat media_tc native gro=off csum=$csum forward=drop
	one nat media_tc native link=bridge csum=$csum forward=drop
	one nat media_tc auto gro=on csum=$csum forward=drop
	one nat media_tc tc gro=on csum=$csum
	one nat any generic gro=on csum=$csum
	one routed media_xdp native gro=on csum=$csum forward=drop
	one routed media_tc native gro=off csum=$csum
	one host any native csum=$csum
	one host any tc csum=$csum
done
for csum in on off; do
	INSIDE_XDP=always one nat media_xdp native gro=on csum=$csum forward=drop
done
INSIDE_XDP=always one routed media_xdp native gro=on csum=off
INSIDE_XDP=never one nat any native gro=on
one nat any native mtu=9000
lab_done
