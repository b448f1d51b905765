#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Traffic that is not ours keeps its offloads: on a veth it is TC unless native XDP is asked for, and TCP
# through the gateway crosses it in large segments. How fast that is `make bench` shows.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

offload() { # NS DEV on|off: of segmentation
	in_ns "$1" ethtool -k "$2" | grep -q "^tcp-segmentation-offload: $3"
}
xdp_is() { # none|native|generic: of w0, by what is attached and by what status says
	local mode
	mode=$(in_ns gw ip -j link show w0 | python3 -c 'import json, sys
print({None: "none", 1: "native", 2: "generic"}[json.load(sys.stdin)[0].get("xdp", {}).get("mode")])')
	[ "$mode" = "$1" ] && rf -j status | grep -q "\"dev\":\"w0\",\"state\":\"up\",\"xdp\":\"$1\""
}
# The longest packet that w0 has seen of a TCP transfer through the gateway.
largest() { # FROM TO ADDRESS
	capture_start gw w0 "$LAB_TMP/tcp.pcap" tcp port 7777
	in_ns "$2" python3 -c 'import socket
s = socket.create_server(("", 7777))
c, _ = s.accept()
n = 0
while True:
    got = len(c.recv(1 << 20))
    if not got: break
    n += got
c.sendall(b"%d" % n)' &
	wait_for 5 eval "in_ns $2 ss -Hltn 'sport = :7777' | grep -q 7777"
	in_ns "$1" python3 -c 'import socket, sys
c = socket.create_connection((sys.argv[1], 7777))
c.sendall(bytes(4 << 20))
c.shutdown(socket.SHUT_WR)
assert int(c.recv(64)) == 4 << 20' "$3"
	wait $!
	capture_stop "$LAB_TMP/tcp.pcap" >/dev/null
	tcpdump -nr "$LAB_TMP/tcp.pcap" 2>/dev/null | sed -n 's/.*length \([0-9]*\).*/\1/p' | sort -n | tail -n 1
}
large() { local n; n=$(largest "$@"); echo "largest segment: $n"; [ "$n" -gt 9000 ]; }
small() { local n; n=$(largest "$@"); echo "largest segment: $n"; [ "$n" -gt 0 ] && [ "$n" -le 1500 ]; }

lab_up nat
in_ns prov ip route add 10.0.0.0/24 via $GW4
in_ns gw sh -c 'ethtool -K w0 gro off; ethtool -K l0 gro off' # what is large was sent so
rf_config
check "nothing attached: TCP in large segments" large prov ph "$PH4"

check "auto on a veth: TC" eval 'rf attach dev w0 config "$RF_CONFIG" | tee /dev/stderr | grep -q "mode tc"'
check "it is told at attach, with what to do" eval 'rf detach all && rf attach dev w0 config "$RF_CONFIG" | tr "\n" " " | grep -q "note *by TC: native XDP .*w0.*veth.*\"mode native\" asks for it"'
check "and by status" eval 'xdp_is none && rf status | grep "w0.*TC only" | grep -q "veth.*\"mode native\" asks for it"'
check "delivery in use: TC" eval 'rf status | grep -q "l0 .*TC redirect"'
check "the far end of the WAN has its offload" offload net wan0 on
rf_start
check "TCP from outside crosses in large segments" large prov ph "$PH4"
check "TCP from inside crosses in large segments" large ph prov "$PROV4"
check "signalling passes" sip_passes
check "replace" rf attach dev w0 config "$RF_CONFIG" replace
check "replace leaves it at that" xdp_is none
in_ns gw ip link del w0
check "gone" wait_for 5 eval 'rf status | grep -q "w0.*missing"'
lab_link gw w0 net wan0
lab_addr gw w0 $GW4/24 $GW6/64
check "a device that comes back: as it was" wait_for 5 xdp_is none
rf_down

rf_config
rf_up mode native
check "mode native: XDP" xdp_is native
check "and what it costs is told" eval 'rf status | grep "w0.*XDP native + TC" | grep -q "slows ordinary TCP down: a veth"'
check "delivery in use: XDP" eval 'rf status | grep -q "l0 .*XDP redirect"'
check "the far end has lost its offload" offload net wan0 off
in_ns net ip link set wan0 master br0
lab_warm
check "TCP from outside crosses in small segments: this is why" small prov ph "$PH4"
check "replace, native" rf attach dev w0 config "$RF_CONFIG" replace
check "replace leaves it, too" xdp_is native
in_ns gw ip link del w0
check "gone, native" wait_for 5 eval 'rf status | grep -q "w0.*missing"'
lab_link gw w0 net wan0
lab_addr gw w0 $GW4/24 $GW6/64
check "a device that comes back: native again" wait_for 5 xdp_is native
rf_down

rf_config
rf_up mode generic
check "mode generic" xdp_is generic
check "and what that costs" eval 'rf status | grep -q "w0.*XDP generic + TC.*slows ordinary TCP down"'
check "the far end keeps its offload, generic" offload net wan0 on
rf_down

in_ns gw ip tuntap add dev tap0 mode tap && in_ns gw ip link set tap0 up
check "a tap device: TC, and why" eval 'rf attach dev tap0 | tr "\n" " " | grep -q "mode tc.*note *by TC.*tap"'
check "detach" rf detach all
lab_down
lab_done
