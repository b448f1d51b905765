#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the kernel's SIP helper (nf_conntrack_sip, nf_nat_sip) gets wrong, each point run against it and
# against Ringfence in the same lab. For the helper a test passes when it shows the documented failure;
# where a kernel's helper does better, its line says so. A table of both comes last.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"
export HELPER_RESULTS=$LAB_TMP/helper.json

helper_up() { # a site router: masquerade, a closed FORWARD chain, the helper on SIP's port
	in_ns gw nft -f - <<-'END'
		table ip lab {
			ct helper sip-udp { type "sip" protocol udp; l3proto ip; }
			ct helper sip-tcp { type "sip" protocol tcp; l3proto ip; }
			chain assign { type filter hook prerouting priority -150; policy accept;
				udp dport 5060 ct helper set "sip-udp"
				tcp dport 5060 ct helper set "sip-tcp"
			}
			chain forward { type filter hook forward priority 0; policy drop;
				ct state established,related accept
				iifname "l0" accept
			}
			chain post { type nat hook postrouting priority 100; policy accept;
				oifname "w0" masquerade
			}
		}
	END
}

lab_up nat || lab_done
if out=$(helper_up 2>&1); then
	LAB_SIDE=helper lab_python linux_helper.py "$@"
else
	skip "the kernel's SIP helper cannot be set up here: $out"
fi
lab_down

lab_up nat || lab_done
rf_config
# the provider itself, not its whole network: the third host is a stranger
sed -i 's|203.0.113.0/24|203.0.113.2|; s|2001:db8::/64|2001:db8::2|' "$RF_CONFIG"
rf_up && LAB_SIDE=ringfence lab_python linux_helper.py "$@"
rf_down
lab_down
python3 "$LAB_ROOT/tests/netns/linux_helper.py" --table | sed 's/^/# /'
lab_done
