#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is around the benchmarks and needs no root: wrong use is named before anything runs, goals are
# judged from the figures that are there, parts that did not end are left out by name.
set -u
cd "$(dirname "$0")/../.." || exit 2
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
mkdir -p "$TMP/b/bench"
rc=0
is() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then echo "ok $1"; else
		rc=1
		printf 'not ok %s\n# wanted: %s\n# got:    %s\n' "$1" "$2" "$3"
	fi
}
has() { # NAME WANTED-PART GOT
	case $3 in *"$2"*) echo "ok $1" ;; *) is "$1" "...$2..." "$3" ;; esac
}

for f in bench/media bench/signalling bench/quick bench/bystander ringfence ringfenced; do
	printf '#!/bin/sh\necho ran\n' >"$TMP/b/$f"
	chmod +x "$TMP/b/$f"
done
run() { B=$TMP/b "$@" 2>&1; echo "status $?"; }
is "an unknown part is named before the first one runs" "PARTS: medja is none of quick, media, signalling, bystander
status 2" "$(PARTS="quick medja" run tests/bench/run.sh)"
is "a limit that is no number" "LIMIT: seconds, not 5m
status 2" "$(LIMIT=5m run tests/bench/run.sh)"
is "an unknown peer" "signalling.sh: PEERS: helpr is none of route, rf, helper, proxy
status 2" "$(PEERS="route helpr" run tests/bench/signalling.sh)"
is "no baseline" "signalling.sh: PEERS: the first one is route, which the others are compared with
status 2" "$(PEERS="rf route" run tests/bench/signalling.sh)"
is "a number that is none" "signalling.sh: PHONES, HELD, CALLS, PROXY_MAX: 10k is no number
status 2" "$(HELD="1000 10k" run tests/bench/signalling.sh)"
is "a mode that is none" "bystander.sh: MODES: bridged is none of nat, routed, host, routed6
status 2" "$(MODES="nat bridged" run tests/bench/bystander.sh)"
is "nothing to compare with" "bystander.sh: DELIVERIES: the first one is none, which the others are compared with
status 2" "$(DELIVERIES="tc none" run tests/bench/bystander.sh)"
rm "$TMP/b/bench/media"
is "a program that is not there" "no $TMP/b/bench/media: make bench builds it
status 2" "$(PARTS=media run tests/bench/run.sh)"

goals() { python3 tests/bench/goals.py "$TMP" 2>&1 | grep -F "$1"; }
has "nothing measured: said, and no failure" "not measured" "$(goals 'set-ups per second')"
has "where the figures should be" "bench-media.json: not there" "$(goals bench-media)"
echo '{"media": [' >"$TMP/bench-media.json"
has "a part that did not end" "not JSON: its part did not end" "$(goals bench-media)"
cat >"$TMP/bench-signalling.json" <<'END'
{ "compared": { "calls": 1000, "peers": [
  { "way": "rf", "added_invite_us": 40.0, "added_ok_us": 61.0, "added_ack_us": 1, "added_bye_us": 1, "added_bye_ok_us": 1,
    "added_cpu_us": 200, "daemons_cpu_us": 151, "kernel_bytes_per_call": 1024, "user_kb_per_call": 4.1, "failed": 0, "without_media": 0 },
  { "way": "helper", "added_invite_us": 6.0, "added_ok_us": 5.0, "added_ack_us": 1, "added_bye_us": 1, "added_bye_ok_us": 1,
    "added_cpu_us": 24, "kernel_bytes_per_call": 1448, "user_kb_per_call": 0 } ],
  "timing": [ { "way": "rf", "looked": 200, "first_lost_in": 0, "first_lost_out": 0, "not_open": 0, "after_bye_in": 0,
    "after_bye_out": 0, "not_closed": 0, "close_p50_us": 40, "close_p99_us": 100, "close_max_us": 1001 } ] },
  "held": [ { "calls": 10000, "peers": [ { "way": "rf", "tried": 9000, "setups_per_s": 8000, "failed": 3, "without_media": 1,
    "kernel_bytes_per_call": 1025, "user_kb_per_call": 3 } ] } ] }
END
cat >"$TMP/bench-bystander.json" <<'END'
{ "bystander": [
  { "mode": "nat", "delivery": "none", "load": "TCP bulk, in", "ratio": 1 },
  { "mode": "nat", "delivery": "tc", "load": "TCP bulk, in", "ratio": 0.97 },
  { "mode": "host", "delivery": "tc", "load": "TCP bulk, in", "ratio": 0.91 },
  { "mode": "nat", "delivery": "native", "load": "TCP bulk, in", "ratio": 0.11 },
  { "mode": "nat", "delivery": "tc", "load": "UDP packets, in", "ratio": 0.96 } ] }
END
row() { goals "$1" | sed 's/  */ /g'; }
has "an INVITE's latency is met" "40 us yes (helper 6 us)" "$(row 'latency of an INVITE')"
has "the slowest of the others decides" "61 us NO (helper 5 us)" "$(row 'latency of 200')"
has "CPU of calls with a phone each" "151 us NO" "$(row '1,000 phones: controller CPU')"
has "the slowest BYE decides" "1,001 us NO" "$(row 'closed after the BYE')"
has "calls not tried have failed" "1,004 NO" "$(row '10,000 phones: calls failed')"
has "kernel memory of many calls" "1,025 B NO" "$(row '10,000 phones: kernel memory')"
has "the worst mode of the default way decides, the rest is told" ">= 0.95 x 0.91 x NO (nat 0.97, host 0.91; native 0.11)" "$(row 'ordinary TCP bulk, in')"
has "ordinary UDP" "0.96 x yes" "$(row 'ordinary UDP packets, in')"
is "goals are JSON" "15" "$(python3 -c 'import json, sys; print(len([g for g in json.load(open(sys.argv[1]))["goals"] if g["met"] is not None]))' "$TMP/bench-goals.json")"

echo '{"a": 1}' >"$TMP/1"
echo '{"a": ' >"$TMP/2"
is "parts are joined, and what did not end is named" "# $TMP/2: this part did not end
# $TMP/2: this part did not end
{'one': {'a': 1}, 'list': [{'a': 1}], 'none': []}" "$(python3 tests/bench/join.py "$TMP/out" one="$TMP/1" two="$TMP/2" 'list[]='"$TMP/1" 'list[]='"$TMP/2" 'list[]='"$TMP/3" 'none[]=' 2>&1
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1])))' "$TMP/out")"
exit $rc
