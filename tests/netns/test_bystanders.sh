#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What belongs to others on the same host: DNS of the host and of masqueraded or routed hosts from random ports,
# media whose signalling nobody reads, published ports and a published 5060, while a call runs; and what must not
# get in by the same door.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

# Published by DNAT as a container engine does: UDP 21500 and 5060 to the second inside host.
published() {
	in_ns gw nft "add table inet pub; add chain inet pub pre { type nat hook prerouting priority -100; };
		add rule inet pub pre iifname w0 ip daddr $GW4 udp dport 21500 dnat ip to $PH4B:7000;
		add rule inet pub pre iifname w0 ip6 daddr $GW6 udp dport 21500 dnat ip6 to [$PH6B]:7000;
		add rule inet pub pre iifname w0 ip daddr $GW4 udp dport 5060 dnat ip to $PH4B:5060;
		add rule inet pub pre iifname w0 ip6 daddr $GW6 udp dport 5060 dnat ip6 to [$PH6B]:5060"
}

check_says() { # NAME TEXT COMMAND...
	local name=$1 text=$2 out
	shift 2
	if out=$("$@" 2>&1) && grep -qF -- "$text" <<<"$out"; then
		ok "$name"
	else
		not_ok "$name"
		printf '%s\n' "$out" | sed 's/^/#   /'
	fi
}

for mode in ${MODES:-nat routed host}; do
	masq=off
	[ "$mode" = nat ] && masq=on
	lab_up "$mode" masq=$masq || continue
	# conntrack at work, as wherever there is a stateful rule
	in_ns gw nft 'add table inet track; add chain inet track o { type filter hook output priority 0; };
		add rule inet track o ct state new accept'
	for family in ${FAMILIES:-4 6}; do
		rf_config
		rf_up && lab_python bystanders.py "$family" own "$@"
		rf_down
	done
	if [ "$mode" = nat ]; then
		published
		for family in ${FAMILIES:-4 6}; do
			rf_config
			check_says "$mode: attach says what others own" '"except": [ 21500 ]' rf attach dev w0 config "$RF_CONFIG"
			rf_start && lab_python bystanders.py "$family" taken "$@"
			rf_down
			rf_config "\"sip\": { \"except\": [ \"$GW4:5060\", \"[$GW6]:5060\", \"$PH4B\", \"$PH6B\" ] }"
			sed -i 's|"media_ports"|"except": [ 21500 ], "media_ports"|' "$RF_CONFIG"
			rf_up && lab_python bystanders.py "$family" excepted "$@"
			rf_down
		done
	fi
	if [ "$mode" = host ]; then
		for family in ${FAMILIES:-4 6}; do
			rf_config
			lab_python bystanders.py "$family" before "$@"
			rf_down
		done
	fi
	lab_down
done
lab_done
