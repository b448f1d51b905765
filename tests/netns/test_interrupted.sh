#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# attach and detach are killed at each of their steps: never open and content.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
in_ns gw ip link add w1 type veth peer name w1p && in_ns gw ip link set w1 up
lab_addr gw w1 198.51.100.9/24
rf_config
export LAB_LIMIT=850
[ -z "${RF_FAIL_EVERY:-}" ] || LAB_LIMIT=3000
lab_python interrupted.py "$@"
rf detach all >/dev/null 2>&1
lab_down
lab_done
