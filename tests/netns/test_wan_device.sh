#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Calls outlive the WAN device that is made anew, its address that goes and comes, a wall clock that is stepped, and
# somebody else's controller.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
# The wall clock of the controller, which its tests step; tests/lib/wallclock.c
export WALLCLOCK=$LAB_TMP/wallclock
python3 -c 'import sys; sys.stdout.buffer.write(bytes(8))' >"$WALLCLOCK"
chmod 644 "$WALLCLOCK"
REAL=$RFD
printf '#!/bin/sh\nLD_PRELOAD=%s ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" exec %s "$@"\n' \
	"$B/wallclock.so" "$REAL" >"$LAB_TMP/ringfenced"
chmod 755 "$LAB_TMP/ringfenced"
export RFD=$LAB_TMP/ringfenced
run() { # MODE FAMILY ARGS
	lab_up "$1"
	rf_config
	rf_up && lab_python wan_device.py "${@:2}"
	rf_down
	lab_down
}
run nat 4 "$@"
run host 6 "$@"
check "nothing is left" test -z "$(find /sys/fs/bpf -mindepth 1 -path '*ringfence/*')"
lab_done
