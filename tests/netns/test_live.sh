#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real programs: kamailio as the provider's registrar and proxy (no media relay), two baresip phones
# behind the gateway and one outside at a third host, SIPp for the switch to T.38. Each phone plays a
# tone of its own, which the other side must record; media goes straight between the phones.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
. "$LAB_ROOT/tests/netns/live/lab.sh"
live_needs kamailio baresip sipp

lab_up nat masq=on link=bridge || lab_done
second_phone
for family in ${FAMILIES:-4 6}; do
	live_family "$family" config
	if rf_up; then
		kamailio_up
		lab_python live/phones.py "$@"
		kamailio_down
		kamailio_up NO_PASSWORD
		lab_python live/attended.py "$@"
		kamailio_down
		lab_python live/fax.py "$@"
		check "IPv$family: status can still be shown" rf status
	fi
	rf_down
done
lab_down
lab_done
