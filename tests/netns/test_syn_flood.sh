#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SYNs from forged sources, of strangers and of a peer's network: phones inside connect as if there were none.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
# where answers to the forged ones go
in_ns gw ip route add default via "$PROV4"
in_ns gw ip -6 route add default via "$PROV6"
for family in ${FAMILIES:-4 6}; do
	inbound=$PH4
	[ "$family" = 6 ] && inbound="[$PH6]"
	for who in strangers peers; do
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		if [ $who = strangers ]; then
			sed -i '/"peers"/s/\[.*\]/[]/' "$RF_CONFIG"
		else
			sed -i "s|$LAB_WAN4.0/24|198.18.0.0/15|; s|$LAB_WAN6:/64|2001:db8:2::/48|" "$RF_CONFIG"
		fi
		rf_up && lab_python syn_flood.py "$family" $who "$@"
		rf_down
	done
done
lab_down
lab_done
