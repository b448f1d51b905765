#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The take-over of a running instance of an older version, killed right before each of its steps in turn: the next
# one goes on from what is there, and media flows all the time.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/old_version.sh"
lab_enter "$@"
NEW=$RF NEWD=$RFD
export OLD NEW NEWD OLD_ABI

take_over() {
	lab_up nat
	rf_config "\"sip\": { \"inbound\": \"[$PH6]:5060\" }"
	RF=$OLD/ringfence RFD=$OLD/ringfenced rf_up && LAB_LIMIT=850 lab_python upgrade_killed.py
	rf_down
	lab_down
}

for_each_old_version take_over "upgrade, killed"
lab_done
