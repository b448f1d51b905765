#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Single system calls fail under attach, detach, replace, and in the controller: nothing fails open, and what is not
# done has changed nothing. RF_FAIL_EVERY=1: each call in turn, which takes long.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
in_ns gw ip link add w1 type veth peer name w1p && in_ns gw ip link set w1 up
lab_addr gw w1 10.0.0.129/25
rf_config
export LAB_LIMIT=850
[ -z "${RF_FAIL_EVERY:-}" ] || LAB_LIMIT=3000
lab_python failures.py "$@"
rf_down
lab_down
lab_done
