#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rewriting is surgical: messages are compared byte by byte, outward and inward.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat
for family in ${FAMILIES:-4 6}; do
	rf_config
	rf_up && lab_python bytes.py "$family" "$@"
	rf_down
done
lab_done
