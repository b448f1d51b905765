#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Attended transfer by real phones: three linphones and kamailio, RTP told apart by its tones.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
. "$LAB_ROOT/tests/netns/live/lab.sh"
live_needs kamailio linphonec

lab_up nat masq=on link=bridge || lab_done
second_phone
# linphone writes the address that leads to the world, and the loopback one where nothing does
in_ns third ip route add default via "$PROV4"
in_ns third ip -6 route add default via "$PROV6"
for family in ${FAMILIES:-4 6}; do
	live_family "$family" config
	if rf_up; then
		# shellcheck disable=SC2046 # none or one word
		kamailio_up $([ "$family" = 4 ] || echo GRUU)
		lab_python live/linphones.py "$@"
		kamailio_down
	fi
	rf_down
done
lab_down
lab_done
