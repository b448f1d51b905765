#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Floods of INVITEs from one stranger, from forged addresses and from an inside host that wants every port: beside each,
# honest calls go on, and new ones are set up.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
lab_up nat || lab_done
cat >"$RF_CONFIG" <<-END
	{ "wan": [ { "dev": "w0", "media_ports": "10000-29999" } ], "inside": [ "10.0.0.0/24" ],
	  "sip": { "inbound": "$PH4:5060", "max_calls": 1600 } }
END
chmod 644 "$RF_CONFIG"
rf_up && lab_python greedy.py "$@"
rf_down
lab_down
lab_done
