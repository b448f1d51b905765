#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# This version takes over a running instance of an older one with its calls: no media packet is lost, what must be
# refused changes nothing, and the new controller knows every call.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/old_version.sh"
lab_enter "$@"
NEW=$RF NEWD=$RFD
export OLD NEW NEWD OLD_ABI

old() { RF=$OLD/ringfence RFD=$OLD/ringfenced "$@"; }
pins() { find /sys/fs/bpf -mindepth 1 -path '*ringfence/*' | sort; }
old_in() { # NS ARGS
	local ns=$1
	shift
	in_ns "$ns" timeout -k 2 20 "$OLD/ringfence" --instance "$RF_INSTANCE" "$@"
}

take_over() {
	lab_up nat
	rf_config "\"sip\": { \"inbound\": \"[$PH6]:5060\", \"max_calls\": 5000, \"max_bindings\": 60000 }"
	old rf_up && lab_python upgrade.py
	rf_down
	check "nothing is left" test -z "$(pins)"

	# ---- the old programs are gone after an upgrade of the package: this version removes what they left ----
	rf_config
	check "the old version attaches" old_in gw attach dev w0 config "$RF_CONFIG"
	check_fails "detach of another device" "l0 is not attached" rf detach dev l0
	check "detach of an instance of the old version" rf detach dev w0
	check "nothing is left of it" test -z "$(pins)$(in_ns gw tcx)"
	lab_ns gone
	in_ns gone ip link add w9 type veth peer name w9p
	check "the old version attaches in another network namespace" old_in gone attach dev w9
	check_fails "which is not this one" "another network namespace" rf attach dev w0 config "$RF_CONFIG" replace
	ip netns del gone
	check "that is gone: what it left is removed" wait_for 10 rf detach all
	check "nothing is left of that" test -z "$(pins)"
	lab_down
}

for_each_old_version take_over "upgrade"
lab_done
