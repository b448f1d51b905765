#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All benchmarks, as root: tables on the terminal, JSON in the build directory, the goals at the end.
# PARTS: some of "quick media signalling bystander"; the goals take what is there. LIMIT: seconds for a part.
set -u
cd "$(dirname "$0")/../.." || exit 2
export B=${B:-build}
PARTS=${PARTS:-quick media signalling bystander}
for part in $PARTS; do
	case $part in
	quick | media | signalling | bystander) ;;
	*) echo "PARTS: $part is none of quick, media, signalling, bystander" >&2; exit 2 ;;
	esac
	[ -x "$B/bench/$part" ] || { echo "no $B/bench/$part: make bench builds it" >&2; exit 2; }
done
case ${LIMIT:=300} in *[!0-9]*) echo "LIMIT: seconds, not $LIMIT" >&2; exit 2 ;; esac
[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes network namespaces and loads BPF programs" >&2; exit 1; }
exec 9>/run/lock/ringfence-bench.lock
flock -n 9 || { echo "# another benchmark runs: waiting for it"; flock 9; }
export BENCH_ALONE=1
rc=0
PART=
trap '[ -z "$PART" ] || { kill $PART; wait $PART; }; exit 130' INT TERM
for part in $PARTS; do
	rm -f "$B/bench-$part.json"
	case $part in
	quick) "$B/bench/quick" tests/bench/costs.json --json "$B/bench-quick.json" || rc=1 ;;
	media | signalling | bystander)
		timeout -k 10 "$LIMIT" setsid "tests/bench/$part.sh" &
		PART=$!
		wait $PART
		status=$?
		PART=''
		[ $status != 124 ] || echo "$part did not end within $LIMIT s" >&2
		[ $status = 0 ] || rc=1
		;;
	esac
done
python3 tests/bench/goals.py "$B" || rc=1
exit $rc
