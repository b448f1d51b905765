#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Scanners of the Internet against the WAN address of a site whose phones register at a provider: they
# learn nothing, reach nobody, and the call that runs does not notice.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
. "$LAB_ROOT/tests/netns/live/lab.sh"
live_needs kamailio baresip svmap sipsak

lab_up nat masq=on link=bridge || lab_done
second_phone
lab_ns stranger
lab_link stranger e0 net se
in_ns net ip link set se master br0
lab_addr stranger e0 203.0.113.66/24 2001:db8::66/64
for family in ${FAMILIES:-4 6}; do
	live_family "$family"
	cat >"$RF_CONFIG" <<-'END'
	{ "wan": [ { "dev": "w0" } ], "inside": [ "10.0.0.0/24", "fd00::/64" ] }
	END
	if rf_up; then
		kamailio_up
		lab_python live/strangers.py "$@"
		kamailio_down
	fi
	rf_down
done
lab_down
lab_done
