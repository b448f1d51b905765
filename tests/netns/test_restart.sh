#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a controller that starts again does before it serves, and what it does not wait for.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
rf_config "\"sip\": { \"inbound\": \"$PH4:5060\" }"
rf_up && lab_python restart.py "$@"
check "a detach leaves nothing" rf detach all
check "not the damaged journal either" not test -e "/run/ringfence/$RF_INSTANCE/journal.damaged"
rm -f "$RF_LOG"
lab_down
lab_done
