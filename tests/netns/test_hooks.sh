#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Hooks that somebody has removed are seen in `status`, and come back; a device belongs to one instance alone.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

LINKS=/sys/fs/bpf/ringfence/$RF_INSTANCE/links
other() { in_ns gw timeout 20 "$RF" --instance "${RF_INSTANCE}b" "$@"; }
xdp_runs() { in_ns gw ip link show "$1" | grep -q prog/xdp; }
xdp_pin() { echo "$LINKS/xdp_$(in_ns gw ip -o link show "$1" | cut -d: -f1)"; }
misses() { rf -j status | grep -q "\"missing_hooks\":\"$1\""; }
whole() { ! rf -j status | grep -q '"missing_hooks":"'; }
soon() { in_ns gw ip link set lo alias "$RANDOM"; wait_for 25 "$@" || "$@"; }

lab_up nat
rf_config '"user": "nobody"'

# ---- one device, one instance ----
for way in tcx clsact; do
	for mode in tc auto; do
		RINGFENCE_TC=$way check "$way, mode $mode: attach" rf attach dev w0 config "$RF_CONFIG" mode $mode
		before=$(in_ns gw tcx; in_ns gw tc filter show dev w0 ingress)
		for second in tc auto generic; do
			check_fails "$way, mode $mode: another instance, mode $second" \
				"w0 is attached already, by another instance of Ringfence; see: ringfence --instance $RF_INSTANCE status" \
				other attach dev w0 mode $second
			RINGFENCE_TC=clsact check_fails "$way, mode $mode: another instance, mode $second, by clsact" \
				"by another instance of Ringfence; see: ringfence --instance $RF_INSTANCE status" \
				other attach dev w0 mode $second
		done
		check "$way, mode $mode: nothing has changed" \
			test "$before" = "$(in_ns gw tcx; in_ns gw tc filter show dev w0 ingress)"
		check "$way, mode $mode: nothing is left of the other" test ! -e "/sys/fs/bpf/ringfence/${RF_INSTANCE}b"
		check "$way, mode $mode: detach" rf detach all
	done
done

# ---- XDP that somebody removed ----
for mode in native generic; do
	rf_up mode $mode && ok "$mode: attach and start"
	check "$mode: all hooks are there" whole
	for how in "detached" "unpinned"; do
		case $how in
		detached) bpftool link detach pinned "$(xdp_pin w0)" ;;
		unpinned) rm "$(xdp_pin w0)" ;;
		esac
		# without its pin it stays where the controller holds the link by then
		if [ $how = unpinned ] && xdp_runs w0; then
			ok "$mode: $how: it was not off"
		else
			check "$mode: $how: status shows it" misses XDP
			check "$mode: $how: and warns" grep -q 'somebody removed hooks of w0 (XDP)' <(rf status)
		fi
		check "$mode: $how: signalling passes" sip_passes
		check "$mode: $how: it comes back" soon xdp_runs w0
		check "$mode: $how: status shows nothing" whole
	done
	bpftool link detach pinned "$LINKS/tcx_in_${PIN:=$(in_ns gw ip -o link show w0 | cut -d: -f1)}" 2>/dev/null &&
		check "$mode: TC ingress detached: status shows it" misses "TC ingress"
	check "$mode: all comes back" soon whole
	check "$mode: signalling passes" sip_passes
	rf_stop
	rm "$(xdp_pin w0)"
	check "$mode: without a controller status shows it" misses XDP
	check "$mode: replace" rf attach dev w0 config "$RF_CONFIG" replace
	check "$mode: brings it back" xdp_runs w0
	check "$mode: status shows nothing" whole
	rf_start
	rf_down
	rf_config '"user": "nobody"'
done
# ---- XDP that cannot come back is not TC's affair ----
runs() { in_ns gw tcx | grep -q "$1"; } # DEV SIDE PROGRAM
xdp_taken() {
	rf_config '"user": "nobody"'
	rf_up mode native && ok "XDP is taken: attach and start"
	in_ns gw ip link add x9 type veth peer name x9p
	in_ns gw ip link set x9 up
	check "XDP is taken: an instance to take a program of" other attach dev x9 mode tc
	pin=$(in_ns gw ip -o link show w0 | cut -d: -f1)
	kill -STOP "$(cat "$LAB_TMP/ringfenced.pid")"
	for hook in xdp_ tcx_in_ tcx_out_; do bpftool link detach pinned "$LINKS/$hook$pin" >/dev/null; done
	check "XDP is taken: by somebody else" in_ns gw \
		bpftool net attach xdp pinned "/sys/fs/bpf/ringfence/${RF_INSTANCE}b/progs/rf_inside_xdp" dev w0
	check "XDP is taken: TC is off" not runs 'w0 .*rf_wan_'
	kill -CONT "$(cat "$LAB_TMP/ringfenced.pid")"
	check "XDP is taken: TC ingress comes back" soon runs 'w0 ingress rf_wan_in'
	check "XDP is taken: TC egress comes back" soon runs 'w0 egress rf_wan_out'
	check "XDP is taken: and XDP is told" wait_for 10 grep -q 'XDP cannot be attached' "$RF_LOG"
	in_ns gw bpftool net detach xdp dev w0
	rf_down
	other detach all
	in_ns gw ip link del x9
}
xdp_taken

# ---- two filters of one instance, as a swap leaves them that was killed ----
two_filters() {
	rf_config
	RINGFENCE_TC=clsact check "two filters: attach" rf attach dev w0 config "$RF_CONFIG" mode tc
	for side in ingress egress; do
		check "two filters: a second one, $side" in_ns gw tc filter add dev w0 $side prio 1 handle 0x5247 protocol all \
			bpf da object-pinned "/sys/fs/bpf/ringfence/$RF_INSTANCE/progs/rf_wan_in"
	done
	check "two filters: detach" rf detach all
	check "two filters: no filter and no qdisc is left" not grep -q clsact <(in_ns gw tc qdisc show dev w0)
}
two_filters
check "nothing is left" test -z "$(find /sys/fs/bpf -mindepth 1 ! -name '*.debug')"
lab_down
lab_done
