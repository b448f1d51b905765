#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A small lab with real programs shows the main job: scripts/demo.sh [BUILD-DIRECTORY]
#
#   phone (baresip, 10.0.0.11) -- gateway (ringfence) -- provider (SIPp as registrar, baresip)
#                                                    \-- a stranger
#
# Everything runs in private namespaces and is gone afterwards, also after Ctrl-C.
export B=${1:-build}
. "$(dirname "$0")/../tests/lib/lab.sh"

if [ "$(id -u)" != 0 ]; then
	echo "the demo needs root: it makes network namespaces and loads BPF programs (sudo make demo)" >&2
	exit 1
fi
if [ ! -x "$B/ringfence" ] || [ ! -x "$B/ringfenced" ]; then
	echo "$B/ringfence and $B/ringfenced are not built: run make first" >&2
	exit 1
fi
lab_enter "$@"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' CYAN=$'\e[36m' OFF=$'\e[0m'
else
	BOLD='' DIM='' GREEN='' RED='' CYAN='' OFF=''
fi
STEP=0 WRONG=0 T=$LAB_TMP BP=$LAB_ROOT/tests/lib/baresip.py

step() {
	STEP=$((STEP + 1))
	printf '\n%s%d  %s%s\n' "$BOLD$CYAN" $STEP "$1" "$OFF"
	[ -z "${2:-}" ] || printf '   %s%s%s\n' "$DIM" "$2" "$OFF"
}
say() { printf '   %s\n' "$*"; }
good() { printf '   %s✔%s %s\n' "$GREEN" "$OFF" "$*"; }
bad() {
	WRONG=$((WRONG + 1))
	printf '   %s✘ %s%s\n' "$RED" "$*" "$OFF"
}
show() { printf '   %s$ ringfence %s%s\n' "$BOLD" "$*" "$OFF" && rf "$@" | sed 's/^/   /'; }
die() {
	bad "$1"
	shift
	for f; do
		[ -s "$f" ] && { echo "   --- $(basename "$f")"; grep -v 'bit/s' "$f" | tail -n 15 | sed 's/^/   /'; }
	done
	exit 1
}
ctl() { in_ns "$1" timeout 10 python3 "$BP" "$3" "$2" "${4:-}"; }
recording() { compgen -G "$T/alice/dump-*-dec.wav" && compgen -G "$T/bob/dump-*-dec.wav"; }
no_recording() { rm -f "$T"/alice/dump-* "$T"/bob/dump-*; }

heard() { # WHO HZ: the other's tone in the recording
	local out
	if out=$(python3 "$BP" found "$T/$1" "$2"); then
		good "$1 hears the other's tone: $out"
	else
		bad "$1 does not hear the other's tone: $out"
	fi
}

packets() { # RTP of the call that is up, as the kernel counted it
	rf -j call show | python3 -c '
import json, sys
call = next(c for c in json.load(sys.stdin)["calls"] if c["state"] == "talking")
rtp = next(m for m in call["media"] if m["protocol"] == "RTP")
print(", ".join("%s %d packets, %d lost" % (f["direction"], f["packets"], f["lost"] or 0) for f in rtp["flows"]))'
}

counter() { # REASON: its packet counter
	rf -j reason show all | python3 -c '
import json, sys
print(next(r["packets"] for r in json.load(sys.stdin)["reasons"] if r["name"] == sys.argv[1]))' "$1"
}

public_port() { # of the RTP of the call that is up
	rf -j call show | python3 -c '
import json, sys
print(next(m["outside"] for m in json.load(sys.stdin)["calls"][0]["media"] if m["protocol"] == "RTP").rpartition(":")[2])'
}

media_open() { # how many media pinholes are open
	rf -j pinhole show | python3 -c '
import json, sys
print(sum(p["state"] == "open" and p.get("kind") != "signalling" and "sip" not in p.get("classes", []) for p in json.load(sys.stdin)["pinholes"]))'
}

rtp25() { # NS ADDR PORT: 25 RTP packets from there to the gateway's PORT
	in_ns "$1" python3 - "$2" "$GW4" "$3" <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((sys.argv[1], 31000))
		for i in range(25):
		    s.sendto(struct.pack('>BBHII', 0x80, 0, i, i * 160, 7) + bytes(160), (sys.argv[2], int(sys.argv[3])))
	END
	sleep 0.1
}

# ------------------------------------------------------------------------------------------------

started=$SECONDS
printf '\n%sRingfence: a call through the gateway%s\n' "$BOLD" "$OFF"
say "phone 10.0.0.11 ── [ gateway ] ── 203.0.113.0/24: provider .2, registrar .5, a stranger .3"

step "The gateway" "a site's router between a private network and the internet; nothing but these two commands is added"
lab_up nat masq=on
capture_start net wan0 "$T/wan.pcap" || die "tcpdump does not start" "$T/wan.pcap.log"
rf_config
say "${BOLD}\$ ringfence attach dev w0 config ringfence.json; ringfenced --config ringfence.json${OFF}"
rf attach dev w0 config "$RF_CONFIG" >"$T/attach" 2>&1 || die "attach failed" "$T/attach"
rf_start >"$T/start" || die "the controller does not start" "$T/start" "$RF_LOG"
sed 's/^/   /' "$T/attach"

step "The phone registers" "baresip at 10.0.0.11 with a registrar that SIPp plays at 203.0.113.5"
cat >"$T/registrar.xml" <<-'END'
	<?xml version="1.0"?>
	<scenario name="registrar">
	<recv request="REGISTER"><action>
	<ereg regexp=".*" search_in="hdr" header="Contact:" assign_to="contact"/>
	</action></recv>
	<send><![CDATA[
	SIP/2.0 200 OK
	[last_Via:]
	[last_From:]
	[last_To:];tag=registrar[call_number]
	[last_Call-ID:]
	[last_CSeq:]
	Contact:[$contact]
	Content-Length: 0

	]]></send>
	</scenario>
END
bg_ns prov timeout -k 2 90 sipp -sf "$T/registrar.xml" -i 203.0.113.5 -p 5060 -nostdin -trace_msg \
	-message_file "$T/registrar.msg" >"$T/registrar.out" 2>&1
python3 "$BP" config "$T/alice" 10.0.0.11 '<sip:alice@203.0.113.5>;auth_pass=none;regint=60;answermode=auto' 440
python3 "$BP" config "$T/bob" 203.0.113.2 '<sip:bob@203.0.113.2>;regint=0;answermode=auto' 880
bg_ns prov timeout -k 2 90 baresip -4 -f "$T/bob" -v >"$T/bob.log" 2>&1 </dev/null
bg_ns ph timeout -k 2 90 baresip -4 -f "$T/alice" -v >"$T/alice.log" 2>&1 </dev/null
wait_for 10 grep -q '200 OK' "$T/registrar.msg" || die "no registration" "$T/alice.log" "$T/registrar.out" "$RF_LOG"
sleep 0.3
show registration show
contact=$(sed -n 's/^Contact: *<\([^>;]*\).*/\1/p' "$T/registrar.msg" | head -n 1)
good "the registrar was told: $contact"

step "Outgoing call" "alice (440 Hz) calls bob (880 Hz); both are baresip, each plays its tone and records what it hears"
wait_for 5 grep -q 'baresip is ready' "$T/bob.log"
ctl ph 10.0.0.11 dial sip:bob@$PROV4 >/dev/null
wait_for 6 recording || die "no call" "$T/alice.log" "$T/bob.log" "$RF_LOG"
sleep 2.2
show call show
good "counted in the kernel: $(packets)"

step "A stranger tries the open port" "203.0.113.3 sends 25 RTP packets to the very port that the call has open"
port=$(public_port)
before=$(counter wrong_source)
rtp25 third $THIRD4 "$port"
after=$(counter wrong_source)
if [ $((after - before)) = 25 ]; then
	good "25 of 25 dropped as wrong_source"
else
	bad "$((after - before)) of 25 dropped as wrong_source"
fi
show reason show

step "Hang up" "alice says BYE; whoever still sends finds the port closed"
ctl ph 10.0.0.11 hangup >/dev/null
sleep 0.4
heard alice 880
heard bob 440
before=$(($(counter pinhole_closed) + $(counter no_pinhole)))
rtp25 prov $PROV4 "$port"
after=$(($(counter pinhole_closed) + $(counter no_pinhole)))
if [ $((after - before)) -ge 25 ]; then good "port $port is closed: 25 of 25 dropped"; else bad "port $port: $((after - before)) of 25 dropped"; fi
show pinhole show

step "Incoming call" "bob calls the contact that the registrar knows; no port is forwarded anywhere"
no_recording
ctl prov $PROV4 dial "$contact" >/dev/null
wait_for 6 recording || die "no call" "$T/alice.log" "$T/bob.log" "$RF_LOG"
sleep 2
good "counted in the kernel: $(packets)"
ctl prov $PROV4 hangup >/dev/null
sleep 0.4
heard alice 880
heard bob 440
if [ "$(media_open)" = 0 ]; then good "no media port is open"; else bad "a media port is still open" && show pinhole show; fi

step "What the internet has seen" "every packet on the WAN link was captured; IP headers and messages are searched for inside addresses"
capture_stop "$T/wan.pcap" || bad "the capture is not complete"
if out=$(capture_private "$T/wan.pcap"); then
	good "$out"
else
	bad "$out"
fi

step "Clean up"
rf_down && good "controller stopped, device detached, namespaces gone"
printf '\n'
if [ $WRONG = 0 ] && [ "$LAB_FAILED" = 0 ]; then
	printf '%sAll as it should be%s, in %d s.\n\n' "$GREEN$BOLD" "$OFF" $((SECONDS - started))
else
	printf '%s%d things went wrong%s\n\n' "$RED$BOLD" $((WRONG + LAB_FAILED)) "$OFF"
	exit 1
fi
