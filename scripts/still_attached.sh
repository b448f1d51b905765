#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# For make uninstall: fails, and says what to do, while an instance is attached. What is pinned stays on its devices
# without any program of ours, and nothing else takes it off.
# Usage: still_attached.sh RINGFENCE [FOLDER OF INSTANCES]; RINGFENCE: the program, which knows what guards on without its pins
RINGFENCE=$1
PINS=${2:-/sys/fs/bpf/ringfence}
found=
for maps in "$PINS"/*/maps; do
	[ -d "$maps" ] || continue
	name=$(basename "$(dirname "$maps")")
	[ -n "$found" ] || echo "ringfence: not uninstalled: its guard is on, and would stay on without a tool to take it off." >&2
	found=1
	echo "ringfence: instance \"$name\" is attached; first: ringfence --instance $name detach all" >&2
done
if [ -z "$found" ] && said=$("$RINGFENCE" status 2>&1 | grep 'still guard'); then
	echo "ringfence: not uninstalled: $said" >&2
	found=1
fi
if systemctl is-active --quiet ringfenced 2>/dev/null; then
	echo "ringfence: not uninstalled: its controller runs and would go on, started again without end; first: systemctl disable --now ringfenced" >&2
	found=1
fi
[ -z "$found" ] || { echo "ringfence: to leave it on all the same: make uninstall FORCE=1" >&2; exit 1; }
