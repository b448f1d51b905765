#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Attach, detach and what can go wrong with them: a clear message each, nothing left behind.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

# What the gateway has of ours: XDP and tcx programs, clsact qdiscs, pins, run-time files. Empty when clean.
traces() {
	in_ns gw ip -o link show | grep -oE '^[0-9]+: [^:@]+.* (xdp|xdpgeneric|prog/xdp)[^ ]*' | sed 's/^/xdp: /'
	in_ns gw tcx
	in_ns gw tc qdisc show | grep -E 'clsact|ingress'
	find /sys/fs/bpf -mindepth 1 ! -name '*.debug' 2>/dev/null
	find /run/ringfence -mindepth 1 2>/dev/null
}

clean() {
	local t
	t=$(traces)
	[ -z "$t" ] || { echo "left behind:"; echo "$t"; return 1; }
}

attached() { rf -j status | grep -q "\"dev\":\"$1\""; }

lab_up nat
check "nothing is there before" clean

# ---- mistakes on the command line and in the configuration ----
check_fails "a device that is missing" "no network device .nope" rf attach dev nope
check_fails "no device name" "dev" rf attach
check_fails "a device name that is too long" "abcdefghijklmnopqrst" rf attach dev abcdefghijklmnopqrst
check_fails "an inside prefix with host bits" "10.0.0.1/24" rf attach dev w0 inside 10.0.0.1/24
check_fails "an unknown mode" "turbo" rf attach dev w0 mode turbo
check_fails "a configuration file that is missing" "no-such-file" rf attach dev w0 config /no-such-file
for bad in '{' '{ "wan": 5 }' '{ "wann": [] }' '{ "sip": { "ports": [0] } }' '{ "inside": [ "10.0.0.1/24" ] }' \
	'{ "wan": [ { "dev": "w0", "media_ports": "9-3" } ] }' '{ "peers": [ { "name": "x" } ] }' \
	'{ "sip": { "inbound": "nowhere" } }' '{ "user": "" "x": 1 }'; do
	printf '%s\n' "$bad" >"$LAB_TMP/bad.json"
	check_fails "config check of $bad" "bad.json" rf config check "$LAB_TMP/bad.json"
	check_fails "attach with $bad" "bad.json" rf attach dev w0 config "$LAB_TMP/bad.json"
done
rf_config
printf '{ "wan": [ { "dev": "w0" } ], "unknown_key": 1 }\n' >"$LAB_TMP/bad.json"
check_fails "an unknown key is named" "unknown_key" rf config check "$LAB_TMP/bad.json"
check_fails "the controller with a bad configuration" "unknown_key" \
	in_ns gw timeout 10 "$RFD" --config "$LAB_TMP/bad.json" --instance "$RF_INSTANCE"
check_fails "the controller before attach" "attach" \
	in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
check_fails "detach of a device that is not attached" "not attached" rf detach dev w0
check_fails "call show before attach" "attach" rf call show
check_fails "reason show before attach" "attach" rf reason show
check "all that failed left nothing" clean

# ---- no root, missing capabilities ----
for what in "attach dev w0" "status" "call show" "detach all"; do
	# shellcheck disable=SC2086
	check_fails "$what without root" "root|permission|permitted|capabilit|not attached|attach" \
		in_ns gw setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		timeout 10 "$RF" --instance "$RF_INSTANCE" $what
done
check "without root nothing is left" clean

# ---- a second attach, a second controller, other instances ----
check "attach" rf attach dev w0 config "$RF_CONFIG"
check "status shows the device" attached w0
check_fails "a second attach" "already|replace" rf attach dev w0 config "$RF_CONFIG"
check "the second attach changed nothing" attached w0
check_fails "another instance on the same device" "w0" \
	in_ns gw timeout 10 "$RF" --instance "${RF_INSTANCE}b" attach dev w0 config "$RF_CONFIG"
check "attach with replace" rf attach dev w0 config "$RF_CONFIG" replace
rf_start && ok "the controller starts"
check "signalling passes" sip_passes
check_fails "a second controller" "already|running|lock" \
	in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
check "the first one is still alive" rf_alive
check "signalling still passes" sip_passes

# ---- detach while running, pins gone, device goes away ----
rf_stop
check "detach" rf detach dev w0
check "nothing is left after detach" clean
check "signalling passes unguarded (masquerading is the router's business)" \
	in_ns ph bash -c 'echo x >/dev/udp/203.0.113.2/5060'

rf_up && ok "attach and start again"
in_ns gw ip link add w1 type veth peer name w1p && in_ns gw ip link set w1 up
check "attach of a second WAN device" rf attach dev w1 config "$RF_CONFIG"
in_ns gw ip link del w1
sleep 1
check "a device went away: the controller lives" rf_alive
check "a device went away: signalling passes at the other" sip_passes
check "a device went away: status answers" rf status
in_ns gw ip link set w0 down
sleep 0.3
in_ns gw ip link set w0 up
in_ns gw ip -6 addr add $GW6/64 dev w0 nodad 2>/dev/null
sleep 0.7
check "device down and up: signalling passes" sip_passes
in_ns gw ip link del l0
sleep 0.7
check "the inside device went away: the controller lives" rf_alive
lab_link gw l0 ph e0
lab_addr gw l0 10.0.0.1/24 fd00::1/64
lab_addr ph e0 10.0.0.11/24 10.0.0.12/24 fd00::11/64 fd00::12/64
in_ns ph ip route add default via 10.0.0.1
lab_warm
check "an inside device comes back: signalling passes" wait_for 5 sip_passes
in_ns gw ip link del w0
sleep 0.7
check "the WAN device went away: the controller lives" rf_alive
check "the WAN device went away: status answers" rf status
rf_stop
check "detach all" rf detach all
check "nothing is left at the end" clean
rf_log_clean
lab_down

# ---- devices of other kinds ----
lab_up nat link=bridge
rf_up && ok "bridge inside: attach and start"
check "bridge inside: signalling passes" sip_passes
rf_down
check "bridge inside: nothing is left" clean
in_ns gw ip link add w0v link w0 type macvlan mode bridge && in_ns gw ip link set w0v up
rf_config
check "macvlan as a WAN device attaches somehow" rf attach dev w0v config "$RF_CONFIG"
check "macvlan: detach" rf detach all
check "macvlan: nothing is left" clean
lab_down
lab_done
