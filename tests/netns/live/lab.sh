# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The lab of the live tests, sourced after lib/lab.sh: kamailio as the provider, and the second inside
# phone as a machine of its own.
LIVE=$LAB_ROOT/tests/netns/live
export PYTHONPATH=$PYTHONPATH:$LIVE

live_needs() { # PROGRAM...
	local program
	for program; do
		if ! command -v "$program" >/dev/null; then
			skip "$program is not installed"
			lab_done
		fi
	done
}

kamailio_up() { # [DEFINE]...
	mkdir -p "$LAB_TMP/kamailio"
	# shellcheck disable=SC2086,SC2046 # words
	bg_ns prov kamailio -DD -E -m 16 -M 4 -f "$LIVE/kamailio.cfg" -A "ADDR=udp:$PROVIDER:5060" $(printf -- '-A %s ' "$@") -Y "$LAB_TMP/kamailio" \
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

live_family() { # 4|6 [config]: in what follows; config: everything from the lab's provider network may come in
	export LIVE_FAMILY=$1
	PROVIDER=$PROV4 inbound=$PH4
	[ "$1" = 6 ] && PROVIDER="[$PROV6]" inbound="[$PH6]"
	[ -z "${2:-}" ] || rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
}
