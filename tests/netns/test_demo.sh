#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The demo does what it shows, within a minute, and leaves nothing behind.
cd "$(dirname "$0")/../.." || exit 1
if [ "$(id -u)" != 0 ]; then
	echo "skip the demo needs root"
	exit 0
fi
before=$(ls /run/netns /sys/fs/bpf/ringfence /run/ringfence 2>/dev/null)
started=$SECONDS
out=$(NO_COLOR=1 scripts/demo.sh "${B:-build}" 2>&1)
status=$?
took=$((SECONDS - started))
report() { # NAME STATUS
	if [ "$2" = 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1"
		printf '%s\n' "$out" | tail -n 60 | sed 's/^/#   /'
	fi
}
report "the demo succeeds" $status
# shellcheck disable=SC2319
[ $took -lt 60 ]
report "it takes less than a minute ($took s)" $?
! grep -q '✘' <<<"$out"
report "no step went wrong" $?
[ "$before" = "$(ls /run/netns /sys/fs/bpf/ringfence /run/ringfence 2>/dev/null)" ]
report "nothing is left behind" $?
