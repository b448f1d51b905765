#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How long signalling is not served when the controller is killed with -9 and started again at once, with CALLS calls
# in its journal: with nobody beside it, then beside BUSY processes that compute, in another session (as a service has
# its own, which kernels with autogroups share out by first) and in the same. ROUNDS kills of each kind.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
export CALLS=${CALLS:-2000} ROUNDS=${ROUNDS:-10} BUSY=${BUSY:-$((2 * $(nproc)))}
lab_up nat
rf_config "\"sip\": { \"inbound\": \"$PH4:5060\" }"
rf_up && LAB_LIMIT=900 lab_run python3 "$LAB_ROOT/tests/bench/restart.py"
rf_down
lab_down
lab_done
