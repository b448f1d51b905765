#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A host that may answer only, and what is not SIP: nothing of it reaches the phone, by TCP or UDP, unless a
# peer's tcp_opaque says so; keep-alives and calls go on.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
holes() { # FAMILY WHAT
	rf_config
	# only the provider may speak
	sed -i "s|$LAB_WAN4.0/24|$PROV4|; s|$LAB_WAN6:/64|$PROV6|" "$RF_CONFIG"
	[ "$2" != opaque ] || sed -i 's/"name": "provider/"tcp_opaque": true, &/g' "$RF_CONFIG"
	rf_up && lab_python holes_tcp.py "$1" "$2" ${ONLY:+"$ONLY"}
	rf_down
}
for mode in ${MODES:-nat routed}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		holes "$family" closed
		holes "$family" opaque
	done
	lab_down
done
lab_done
