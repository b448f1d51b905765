#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Default closed: what no call has agreed on does not pass, and each drop has its reason.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for mode in ${MODES:-nat routed host}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		inbound=$PH4
		[ "$family" = 6 ] && inbound="[$PH6]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		# the provider itself, not its whole network: the third host is a stranger
		sed -i 's|203.0.113.0/24|203.0.113.2|; s|2001:db8::/64|2001:db8::2|' "$RF_CONFIG"
		rf_up && lab_python rules.py "$family" "$@"
		rf_down
	done
	lab_down
done
lab_done
