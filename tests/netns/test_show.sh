#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the person on call sees: call, pinhole, registration, status, reasons and events of a live call.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
rf_config "\"sip\": { \"inbound\": \"$PH4:5060\" }"
rf_up && lab_python show.py "$@"
rf_down
lab_down
lab_done
