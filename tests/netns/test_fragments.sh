#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages that do not fit into one packet; and fragments of others, which must not suffer.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
for masq in off on; do
	lab_up nat masq=$masq
	for family in ${FAMILIES:-4 6}; do
		rf_config
		rf_up && lab_python fragments.py "$family" $masq "$@"
		rf_down
	done
	lab_down
done
lab_done
