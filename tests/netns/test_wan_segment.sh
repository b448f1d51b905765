#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A host on the segment of the WAN device, with a route to the inside prefix: nothing gets through but what
# is none of our business. By native XDP and by TC, tags in the frame and beside it, and on a VLAN device.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

configure() { # FAMILY [JSON members]
	local inbound=$PH4
	[ "$1" = 6 ] && inbound="[$PH6]"
	rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }${2:+, $2}"
}

status_notes() { # TEXT: in a note, and no warning about it
	rf -j status >"$LAB_TMP/status" || return 1
	python3 - "$LAB_TMP/status" "$1" <<-'END'
		import json, sys
		s = json.load(open(sys.argv[1]))
		assert any(sys.argv[2] in n and ('10.0.0.0/24' in n or 'fd00::/64' in n) for n in s['notes']), s['notes']
		assert len(s['notes']) == 2, s['notes']
	END
}

lab_up nat
for prefix in $LAB_INSIDE; do
	# shellcheck disable=SC2046 # one word
	in_ns third ip route add "$prefix" via $(case $prefix in *:*) echo "$GW6" ;; *) echo "$GW4" ;; esac)
done
for family in ${FAMILIES:-4 6}; do
	for how in "native off" "tc on"; do
		# off: the tag is in the frame when it arrives; XDP can see no other, and before TC it is taken off
		in_ns net ethtool -K wan0 txvlan "${how#* }" >/dev/null 2>&1
		configure "$family"
		if rf_up mode "${how% *}"; then
			lab_python wan_segment.py "$family" frames w0 "$@"
			lab_python wan_segment.py "$family" straight w0 "$@"
			check "status says what passes" status_notes "SIP and call media are dropped (inside_direct)"
		fi
		rf_down
	done
	configure "$family" '"inside_direct": "pass"'
	if rf_up; then
		lab_python wan_segment.py "$family" allowed w0 "$@"
		check "status says that all passes" status_notes 'inside_direct is "pass"'
	fi
	rf_down
done

# XDP cannot see the tags that a veth carries beside the frame: said, when there are VLAN devices.
# Then the WAN is VLAN 100 of its device: what is untagged or of another VLAN there is not its own.
if ! in_ns gw ip link add link w0 name w0.100 type vlan id 100 2>/dev/null; then
	skip "a VLAN device as the WAN (this kernel has none)"
	lab_down
	lab_done
fi
configure 4
check "native XDP beside a VLAN device: told at attach" eval 'rf attach dev w0 config "$RF_CONFIG" mode native | tr "\n" " " |
	grep -q "cannot see the tags of the VLAN devices of w0"'
check "and by status" eval 'rf status | grep -q "XDP on w0 cannot see the tags"'
rf detach all
in_ns net ethtool -K wan0 txvlan on >/dev/null 2>&1
in_ns net sh -c 'ip link add link wan0 name wan0.100 type vlan id 100 && ip link set wan0 nomaster &&
	ip link set wan0.100 master br0 up'
in_ns gw sh -c 'ip addr flush dev w0 && ip link set w0.100 up'
lab_addr gw w0.100 "$GW4/24" "$GW6/64"
for family in ${FAMILIES:-4 6}; do
	configure "$family"
	sed -i 's/"w0"/"w0.100"/' "$RF_CONFIG"
	if check "attach to a VLAN device" rf attach dev w0.100 config "$RF_CONFIG" && rf_start; then
		lab_python wan_segment.py "$family" frames w0.100 "$@"
	fi
	rf_down
done
lab_down
lab_done
