#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The pinned maps of an instance: as large as the policy asks for, and not touched by a version that does not
# know their layout.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat

pinned() { echo "/sys/fs/bpf/ringfence/$RF_INSTANCE/maps/$1"; }

entries() { # MAP
	in_ns gw bpftool -j map show pinned "$(pinned "$1")" | python3 -c 'import json, sys; print(json.load(sys.stdin)["max_entries"])'
}

# Settings begin with the version (struct rf_settings).
set_version() {
	in_ns gw bpftool -j map dump pinned "$(pinned settings)" | python3 -c '
import json, sys
v = json.load(sys.stdin)[0]["value"]
v[0] = hex(int(sys.argv[1]))
print(*v)' "$1" >"$LAB_TMP/settings"
	# shellcheck disable=SC2046 # words
	in_ns gw bpftool map update pinned "$(pinned settings)" key 0 0 0 0 value $(cat "$LAB_TMP/settings")
}

pins() { find /sys/fs/bpf -mindepth 1 -path '*ringfence/*' | sort; }

rf_config '"sip": { "max_calls": 5000, "max_bindings": 60000 }'
check "attach" rf attach dev w0 config "$RF_CONFIG"
check "pinholes: four entries a call, two a binding" test "$(entries pinholes)" -ge $((4 * 5000 + 2 * 60000))
check "statistics: two a call" test "$(entries pinhole_state)" -gt $((2 * 5000))
check "lines: one a call" test "$(entries inbound)" -ge 5000
check "detach" rf detach all

rf_config
check "attach again" rf attach dev w0 config "$RF_CONFIG"
version=$(in_ns gw bpftool -j map dump pinned "$(pinned settings)" | python3 -c 'import json, sys; print(int(json.load(sys.stdin)[0]["value"][0], 16))')
# one that cannot be taken over (test_upgrade.sh has the others) lacks a map, too
check "as an older version has left it" set_version $((version - 3))
in_ns gw bpftool map pin pinned "$(pinned inbound)" "$(pinned kept)"
rm "$(pinned inbound)"
pins >"$LAB_TMP/before"
check_fails "another version: status" "another version" rf status
check_fails "another version: attach" "another version" rf attach dev w0 config "$RF_CONFIG"
check_fails "another version: replace" "another version" rf attach dev w0 config "$RF_CONFIG" replace
check_fails "another version: detach" "another version" rf detach all
check_fails "another version: the controller" "another version" \
	in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
pins >"$LAB_TMP/after"
check "another version: every pin is still there" cmp "$LAB_TMP/before" "$LAB_TMP/after"
check "its own version again" set_version "$version"
in_ns gw bpftool map pin pinned "$(pinned kept)" "$(pinned inbound)"
rm "$(pinned kept)"
check "its own version: detach" rf detach all
check "nothing is left" test -z "$(pins)"
lab_down
lab_done
