#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All benchmarks, as root: tables on the terminal, JSON in the build directory, the goals at the end.
# PARTS: some of "quick media signalling"; the goals take what is there. LIMIT: seconds for a part.
set -u
cd "$(dirname "$0")/../.." || exit 2
[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes network namespaces and loads BPF programs" >&2; exit 1; }
export B=${B:-build}
PARTS=${PARTS:-quick media signalling}
rc=0
PART=
trap '[ -z "$PART" ] || { kill $PART; wait $PART; }; exit 130' INT TERM
for part in $PARTS; do
	case $part in
	quick) "$B/bench/quick" tests/bench/costs.json || rc=1 ;;
	media | signalling)
		rm -f "$B/bench-$part.json"
		timeout -k 10 "${LIMIT:-300}" setsid "tests/bench/$part.sh" &
		PART=$!
		wait $PART
		status=$?
		PART=''
		[ $status != 124 ] || echo "$part did not end within ${LIMIT:-300} s" >&2
		[ $status = 0 ] || rc=1
		;;
	*) echo "PARTS: $part is none of quick, media, signalling" >&2; exit 2 ;;
	esac
done
python3 tests/bench/goals.py "$B"
exit $rc
