#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# baresip to baresip, out and in, in every mode: each plays a tone of its own, the other's tone must
# be found in its recording, and all RTP arrives.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
if ! command -v baresip >/dev/null; then
	skip "baresip is not installed"
	lab_done
fi
BP=$LAB_ROOT/tests/lib/baresip.py
AGENTS=

phone() { # NS ADDR NAME HZ ACCOUNT-OPTIONS
	local host=$2 family=-4
	case $2 in *:*) host="[$2]" family=-6 ;; esac
	python3 "$BP" config "$LAB_TMP/$3" "$host" "<sip:$3@lab.example>;regint=0;answermode=auto${5:-}" "$4"
	bg_ns "$1" baresip $family -f "$LAB_TMP/$3" -v >"$LAB_TMP/$3.log" 2>&1 </dev/null
	AGENTS="$AGENTS $BG_PID"
	wait_for 10 grep -q 'baresip is ready' "$LAB_TMP/$3.log"
}

ctl() { # NS ADDR COMMAND [PARAMS]
	in_ns "$1" timeout 10 python3 "$BP" "$3" "$2" "${4:-}"
}

recording() { compgen -G "$LAB_TMP/alice/dump-*-dec.wav" && compgen -G "$LAB_TMP/bob/dump-*-dec.wav"; }

call() { # NAME CALLER-NS CALLER-ADDR CALLEE-URI
	local name=$1 out
	rm -f "$LAB_TMP"/{alice,bob}/dump-*
	ctl "$2" "$3" dial "$4" >/dev/null
	if ! wait_for 6 recording; then
		not_ok "$name: the call comes up"
		grep -hv 'bit/s' "$LAB_TMP/alice.log" "$LAB_TMP/bob.log" | tail -n 30 | sed 's/^/#   /'
		return 1
	fi
	sleep 2.5
	ctl "$2" "$3" hangup >/dev/null
	sleep 0.4
	for x in "alice 880 440" "bob 440 880"; do
		# shellcheck disable=SC2086
		set -- $x
		if out=$(python3 "$BP" found "$LAB_TMP/$1" "$2" "$3"); then
			ok "$name: $1 hears $out"
		else
			not_ok "$name: $1 hears $2 Hz"
			echo "#   $out"
			tail -n 5 "$LAB_TMP/$1.log" | sed 's/^/#   /'
		fi
	done
}

for mode in ${MODES:-nat host routed}; do
	# baresip also sends what no call has agreed on (RTCP before its answer): as through any router
	# shellcheck disable=SC2046 # none or one word
	lab_up "$mode" $([ "$mode" != nat ] || [ -n "$LAB_PLAIN" ] || echo masq=on)
	for family in ${FAMILIES:-4 6}; do
		ph=PH$family prov=PROV$family gw=GW$family
		ph=${!ph} prov=${!prov} pub=${!gw}
		[ "$mode" != nat ] || [ -n "$LAB_PLAIN" ] && pub=$ph
		a=$ph b=$prov
		[ "$family" = 6 ] && a="[$ph]" b="[$prov]" pub="[$pub]"
		rf_config "\"sip\": { \"inbound\": \"$a:5060\" }"
		rf_up || continue
		phone $PH_NS "$ph" alice 440
		phone prov "$prov" bob 880
		capture_start net wan0 "$LAB_TMP/wan.pcap"
		call "$mode IPv$family out" $PH_NS "$ph" "sip:bob@$b"
		call "$mode IPv$family in" prov "$prov" "sip:alice@$pub"
		check "$mode IPv$family: the capture is complete" capture_stop "$LAB_TMP/wan.pcap"
		[ "$mode" != nat ] || [ -n "$LAB_PLAIN" ] ||
			check "$mode IPv$family: no inside address on the WAN" capture_private "$LAB_TMP/wan.pcap"
		for p in $AGENTS; do
			kill "$p"
			wait "$p" 2>/dev/null
		done
		AGENTS=
		rf_down
	done
	lab_down
done
lab_done
