#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Calls with media while the controller is killed and its programs are replaced, in short; "make soak" takes five
# minutes for it, with 200 calls at a time.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
rf_config "\"sip\": { \"inbound\": \"$PH4:5060\" }"
# so few ports that those of calls that are over must be used again
sed -i 's/10000-29999/10000-12999/' "$RF_CONFIG"
seconds=${SOAK_SECONDS:-24}
rf_up && LAB_LIMIT=$((seconds + 250)) lab_python soak.py "${SOAK_CALLS:-60}" "$seconds" "${SOAK_KILLS:-5}" "${SOAK_REPLACES:-1}"
rf_down
lab_down
lab_done
