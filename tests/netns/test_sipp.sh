#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SIPp at both ends: every scenario outbound and inbound, IPv4 and IPv6. Every call completes, every
# RTP packet is counted at both ends from the first one on, the WAN shows no inside address.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

# Called by SIPp: FIFO NAME CALL-NUMBER PORT-OFFSET REMOTE REMOTE-PORT SENDS EXPECTS MS DELAY-MS
cat >"$LAB_TMP/media.sh" <<-'END'
	#!/bin/sh
	echo "$2.$3 $((20000 + 4 * ($3 - 1) + $4)) $5 $6 $7 $8 $9 ${10}" >"$1"
END
chmod +x "$LAB_TMP/media.sh"
PORTS=$(seq 20100 4 20176; echo 20300)

mkdir "$LAB_TMP/xml"
python3 "$LAB_ROOT/tests/netns/sipp_scenarios.py" "$LAB_TMP/xml"

# sipp NS ADDR WHO SCENARIO CALLS [REMOTE]
run_sipp() {
	local ns=$1 addr=$2 who=$3 name=$4 calls=$5 remote=${6:-} user=alice peer=bob side=ph
	[ "$ns" = prov ] && user=bob peer=alice side=prov
	# its media sockets (-mp) are never used: those of the RTP counter lie above
	# shellcheck disable=SC2086
	nsenter --net="/run/netns/$ns" -- timeout -k 2 60 sipp -sf "$LAB_TMP/xml/${who}_$name.xml" -i "$addr" -p 5060 \
		-mi "$addr" -mp 20000 -m "$calls" -l "$calls" -r "$calls" -rp 200 -key user $user -key peer $peer \
		-key media "$LAB_TMP/media.sh $LAB_TMP/$side.fifo" -cid_str "%u-%p@${SIPP_CID:-sipp.example}" -nostdin -timeout 40 -timeout_error \
		-recv_timeout 15000 -trace_err -error_file "$LAB_TMP/$who.err" $remote >"$LAB_TMP/$who.out" 2>&1 &
	SIPP_PID=$!
}

show_sipp() {
	for f in uac uas; do
		echo "--- $f"
		tail -n 15 "$LAB_TMP/$f.err" 2>/dev/null
		grep -E 'Successful|Failed call|Unexpected|Dead' "$LAB_TMP/$f.out" | tail -n 4
	done
	cat "$LAB_TMP/media" "$LAB_TMP/media.err" 2>/dev/null | tail -n 20
}

# All media phases complete: all sent, all received in order from 1 on, nothing else.
media_complete() { # RUNS
	python3 - "$LAB_TMP/media" "$1" <<-'END'
		import json, sys
		runs = [json.loads(x) for x in open(sys.argv[1])]
		bad = [r for r in runs if not r['complete']]
		print(len(runs), 'media phases,', sum(r['sent'] for r in runs), 'sent,', sum(r['received'] for r in runs), 'received')
		print(*bad[:10], sep='\n')
		sys.exit(bool(bad) or len(runs) != int(sys.argv[2]))
	END
}

agent() { # NS ADDR SIDE
	rm -f "$LAB_TMP/$3.fifo"
	# shellcheck disable=SC2086
	bg_ns "$1" python3 "$LAB_ROOT/tests/lib/media_agent.py" "$2" "$LAB_TMP/$3.fifo" "$LAB_TMP/media" $PORTS \
		2>>"$LAB_TMP/media.err"
	AGENTS="$AGENTS $BG_PID"
	wait_for 5 test -p "$LAB_TMP/$3.fifo"
}

agents_stop() {
	local p
	for p in $AGENTS; do
		kill -TERM "$p"
		wait "$p"
	done
	AGENTS=
}

one() { # NAME WAY FAMILY CALLS MEDIA-RUNS SCENARIO
	local name=$1 way=$2 family=$3 calls=$4 runs=$5 scenario=$6 ph=PH$3 prov=PROV$3 gw=GW$3 to rc=0 uas
	ph=${!ph} prov=${!prov} gw=${!gw}
	rm -f "$LAB_TMP"/{media.err,uac.err,uas.err,uac.out,uas.out}
	: >"$LAB_TMP/media"
	agent $PH_NS "$ph" ph
	agent prov "$prov" prov
	if [ "$way" = out ]; then
		run_sipp prov "$prov" uas "$scenario" "$calls"
		uas=$SIPP_PID to=$prov
	else
		run_sipp $PH_NS "$ph" uas "$scenario" "$calls"
		uas=$SIPP_PID to=$ph
		[ "$LAB_MODE" = nat ] && [ -z "$LAB_PLAIN" ] && to=$gw
	fi
	case $to in *:*) to="[$to]" ;; esac
	sleep 0.3
	if [ "$way" = out ]; then
		run_sipp $PH_NS "$ph" uac "$scenario" "$calls" "$to:5060"
	else
		run_sipp prov "$prov" uac "$scenario" "$calls" "$to:5060"
	fi
	wait "$SIPP_PID" || rc=1
	wait "$uas" || rc=$((rc + 2))
	wait_for 5 media_count "$runs"
	agents_stop
	if [ $rc = 0 ] && media_complete "$runs" >"$LAB_TMP/verdict" 2>&1; then
		ok "$name"
	else
		not_ok "$name"
		echo "#   sipp status $rc (1: caller, 2: callee)"
		{ cat "$LAB_TMP/verdict" 2>/dev/null; show_sipp; } | sed 's/^/#   /'
	fi
}

media_count() { [ "$(grep -c . "$LAB_TMP/media")" -ge "$1" ]; }

for mode in ${MODES:-nat}; do
	lab_up "$mode"
	for family in ${FAMILIES:-4 6}; do
		inbound=$PH4
		[ "$family" = 6 ] && inbound="[$PH6]"
		rf_config "\"sip\": { \"inbound\": \"$inbound:5060\" }"
		rf_up || continue
		capture_start net wan0 "$LAB_TMP/wan.pcap"
		for way in out in; do
			p="$mode IPv$family $way:"
			one "$p basic" $way "$family" 1 2 basic
			one "$p early media" $way "$family" 1 4 early
			one "$p cancel" $way "$family" 1 0 cancel
			one "$p reject" $way "$family" 1 0 reject
			one "$p hold, inactive and resume" $way "$family" 1 6 hold
			one "$p re-INVITE with a new port" $way "$family" 1 4 newport
			one "$p late offer" $way "$family" 1 2 late
			one "$p 20 calls at once" $way "$family" 20 40 basic
		done
		check "$mode IPv$family: the capture is complete" capture_stop "$LAB_TMP/wan.pcap"
		if [ "$mode" = nat ] && [ -z "$LAB_PLAIN" ]; then
			check "$mode IPv$family: no inside address on the WAN" capture_private "$LAB_TMP/wan.pcap"
		fi
		rf_down
	done
	lab_down
done
lab_done
