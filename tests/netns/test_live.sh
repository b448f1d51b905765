#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real programs: kamailio as the provider's registrar and proxy (no media relay), two baresip phones
# behind the gateway and one outside at a third host, SIPp for the switch to T.38. Each phone plays a
# tone of its own, which the other side must record; media goes straight between the phones.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
LIVE=$LAB_ROOT/tests/netns/live
export PYTHONPATH=$PYTHONPATH:$LIVE
for program in kamailio baresip sipp; do
	if ! command -v $program >/dev/null; then
		skip "$program is not installed"
		lab_done
	fi
done

kamailio_up() { # [DEFINE]...
	mkdir -p "$LAB_TMP/kamailio"
	bg_ns prov kamailio -DD -E -m 16 -M 4 -f "$LIVE/kamailio.cfg" -A "ADDR=udp:$PROVIDER:5060" ${1:+-A "$1"} -Y "$LAB_TMP/kamailio" \
		-P "$LAB_TMP/kamailio/pid" >"$LAB_TMP/kamailio.log" 2>&1 </dev/null
	KAMAILIO=$BG_PID
	check "IPv$LIVE_FAMILY kamailio comes up${1:+ ($1)}" wait_for 5 listening || tail "$LAB_TMP/kamailio.log"
}

kamailio_down() {
	kill "$KAMAILIO" && wait "$KAMAILIO" 2>/dev/null
}

listening() { in_ns prov ss -Hlnu "src $PROVIDER and sport = 5060" | grep -q .; }

# the second inside phone is a machine of its own: baresip takes the address that its host routes by
second_phone() {
	export LIVE_PH2_4=10.0.0.13 LIVE_PH2_6=fd00::13
	lab_ns ph2
	lab_link gw l1 ph2 e0
	in_ns gw ip link set l1 master inbr
	lab_addr ph2 e0 $LIVE_PH2_4/24 $LIVE_PH2_6/64
	in_ns ph2 ip route add default via 10.0.0.1
	in_ns ph2 ip -6 route add default via fd00::1
	# ICE offers every address that a host has
	in_ns ph ip addr del "$PH4B/24" dev e0
	in_ns ph ip addr del "$PH6B/64" dev e0
	in_ns ph2 ethtool -K e0 gro on >/dev/null 2>&1
	lab_poke ph2 10.0.0.1 fd00::1
}

lab_up nat masq=on link=bridge || lab_done
second_phone
for family in ${FAMILIES:-4 6}; do
	export LIVE_FAMILY=$family
	PROVIDER=$PROV4 inbound=$PH4
	[ "$family" = 6 ] && PROVIDER="[$PROV6]" inbound="[$PH6]"
	rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
	if rf_up; then
		kamailio_up
		lab_python live/phones.py "$@"
		kamailio_down
		kamailio_up NO_PASSWORD
		lab_python live/attended.py "$@"
		kamailio_down
		[ "$family" = 6 ] || lab_python live/fax.py "$@"
		check "IPv$family: status can still be shown" rf status
	fi
	rf_down
done
lab_down
lab_done
