#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ICE: checks that prove themselves pass and others do not; two baresip phones with ICE, one behind the
# gateway, hear each other.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
BP=$LAB_ROOT/tests/lib/baresip.py

phone() { # NS ADDR NAME HZ
	local host=$2 family=-4
	case $2 in *:*) host="[$2]" family=-6 ;; esac
	python3 "$BP" config "$LAB_TMP/$3" "$host" \
		"<sip:$3@lab.example>;regint=0;answermode=auto;medianat=ice" "$4" module ice.so rtcp_mux yes
	bg_ns "$1" baresip $family -f "$LAB_TMP/$3" -v >"$LAB_TMP/$3.log" 2>&1 </dev/null
	AGENTS="$AGENTS $BG_PID"
	wait_for 10 grep -q 'baresip is ready' "$LAB_TMP/$3.log"
}

ctl() { # NS ADDR COMMAND [PARAMS]
	in_ns "$1" timeout 10 python3 "$BP" "$3" "$2" "${4:-}"
}

recording() { compgen -G "$LAB_TMP/alice/dump-*-dec.wav" && compgen -G "$LAB_TMP/bob/dump-*-dec.wav"; }

phones() { # NAME CALLER-NS CALLER-ADDR CALLEE-URI
	local name=$1
	rm -f "$LAB_TMP"/{alice,bob}/dump-*
	ctl "$2" "$3" dial "$4" >/dev/null
	check "$name: the call comes up" wait_for 8 recording
	sleep 2.5
	ctl "$2" "$3" hangup >/dev/null
	sleep 0.4
	check "$name: alice hears bob" python3 "$BP" found "$LAB_TMP/alice" 880 440
	check "$name: bob hears alice" python3 "$BP" found "$LAB_TMP/bob" 440 880
	check "$name: ICE was agreed and came to an end" grep -qa 'connectivity check is complete' "$LAB_TMP/alice.log"
	check "$name: no pinhole is left" not grep -q . <(rf -j pinhole show | python3 -c \
		'import json, sys; [print(p) for p in json.load(sys.stdin)["pinholes"] if p["call"] and p["state"] == "open"]')
}

for mode in ${MODES:-nat routed host}; do
	lab_up "$mode" || continue
	for family in ${FAMILIES:-4 6}; do
		ph=PH$family prov=PROV$family gw=GW$family
		inbound=${!ph} callee=${!prov} pub=${!gw}
		[ "$mode" = nat ] || pub=${!ph}
		[ "$family" = 6 ] && inbound="[$inbound]" callee="[$callee]" pub="[$pub]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		rf_up || continue
		lab_python ice.py "$family" "$@"
		if [ -z "$*" ] && [ -e /usr/lib/baresip/modules/ice.so ]; then
			AGENTS=
			phone "$PH_NS" "${!ph}" alice 440
			phone prov "${!prov}" bob 880
			[ "$mode" != nat ] || capture_start net wan0 "$LAB_TMP/wan.pcap"
			phones "$mode IPv$family, out" "$PH_NS" "${!ph}" "sip:bob@$callee"
			phones "$mode IPv$family, in" prov "${!prov}" "sip:alice@$pub"
			if [ "$mode" = nat ]; then
				check "$mode IPv$family: the capture is complete" capture_stop "$LAB_TMP/wan.pcap"
				check "$mode IPv$family: no inside address on the WAN" capture_private "$LAB_TMP/wan.pcap"
			fi
			for p in $AGENTS; do
				kill "$p"
				wait "$p" 2>/dev/null
			done
		elif [ -z "$*" ]; then
			skip "$mode IPv$family: baresip with ICE is not installed"
		fi
		rf_down
	done
	lab_down
done
lab_done
