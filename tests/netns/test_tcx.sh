#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where the TC programs are: at tcx, or at clsact where that is asked for (or all that the kernel has);
# from one to the other; never at both, never at none; what others do to them; devices that come back.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

at_tcx() { in_ns gw tcx; }

at_clsact() { # the same from the filters
	local dev side
	for dev in lo l0 w0 w1; do
		for side in ingress egress; do
			in_ns gw tc filter show dev $dev $side 2>/dev/null | grep -oE 'rf_[a-z_]+' | sort -u |
				sed "s/^/$dev $side /"
		done
	done
}

ALL="l0 egress rf_inside_out
l0 ingress rf_inside_in
lo egress rf_lo_out
w0 egress rf_wan_out
w0 ingress rf_wan_in"

same() { # WHAT WANTED IS
	[ "$2" = "$3" ] || { printf '%s: wanted\n%s\nis\n%s\n' "$1" "$2" "$3"; return 1; }
}

hooks() {
	at_tcx | sort | sed 's/^/tcx: /'
	at_clsact | sort | sed 's/^/clsact: /'
}

only_tcx() { same hooks "$(sed 's/^/tcx: /' <<<"$ALL")" "$(hooks)"; }
only_clsact() { same hooks "$(sed 's/^/clsact: /' <<<"$ALL")" "$(hooks)"; }

qdiscs() { in_ns gw tc qdisc show | grep -E 'clsact|ingress'; }

nothing() {
	same "left" "" "$(hooks; qdiscs; find /sys/fs/bpf -mindepth 1 ! -name '*.debug')"
}

pins() { # of devices that are there, one per hook: "tcx_in_3"
	find "/sys/fs/bpf/ringfence/$RF_INSTANCE/links" -mindepth 1 -name "${1:-tcx_}*" -printf '%f\n' | sort
}

wanted_pins() {
	local dev
	for dev in l0 w0; do
		echo "tcx_in_$(index $dev)"
		echo "tcx_out_$(index $dev)"
	done
	echo tcx_out_1
}

index() { in_ns gw cat "/sys/class/net/$1/ifindex" 2>/dev/null || in_ns gw ip -o link show "$1" | cut -d: -f1; }

pins_fit() { same "pins" "$(wanted_pins | sort)" "$(pins)"; }

complaints() { grep -c 'removed the TC hooks' "$RF_LOG"; }

held_once() { # and the controller sees it once, whatever hooks it meets
	local before after
	before=$(rf -j reason show all | python3 -c "$COUNT_HELD")
	sip_passes || return
	after=$(rf -j reason show all | python3 -c "$COUNT_HELD")
	same "messages held" 1 $((after - before))
}
COUNT_HELD='import json, sys
print([r["packets"] for r in json.load(sys.stdin)["reasons"] if r["name"] == "sip_held"][0])'

# The controller looks when something changes, if that leaves it nine tenths of its time, else every 10 s.
look() { in_ns gw ip link set lo alias "$RANDOM"; }

soon() { # COMMAND...: within 25 s, else what it says then
	look
	wait_for 25 "$@" || "$@"
}

lab_up nat
at_tcx >/dev/null
if [ $? = 2 ]; then
	skip "this kernel has no tcx"
	lab_done
fi
rf_config '"user": "nobody"' # not root, as in real life: it cannot open the pins that attach makes

# ---- clsact when asked for ----
RINGFENCE_TC=clsact check "clsact: attach" rf attach dev w0 config "$RF_CONFIG"
RINGFENCE_TC=clsact rf_start && ok "clsact: the controller starts"
check "clsact: all hooks there, none at tcx" only_clsact
check "clsact: signalling passes, held once" held_once
in_ns gw tc qdisc del dev w0 clsact
check "clsact: somebody removed the qdisc: all hooks are back" soon only_clsact
check "clsact: somebody removed the qdisc: it was noticed" test "$(complaints)" != 0
check "clsact: somebody removed the qdisc: signalling passes, held once" held_once

# ---- from clsact to tcx and back, while the controller runs ----
check "to tcx: replace" rf attach dev w0 config "$RF_CONFIG" replace
check "to tcx: all hooks there, none at clsact" only_tcx
check "to tcx: our qdiscs are gone" same qdiscs "" "$(qdiscs)"
check "to tcx: a pin each" pins_fit
check "to tcx: no mark of a qdisc" same marks "" "$(pins clsact_)"
check "to tcx: signalling passes, held once" held_once
check "replace" rf attach dev w0 config "$RF_CONFIG" replace
check "replace: all hooks there, none twice" only_tcx
check "replace: signalling passes, held once" held_once
RINGFENCE_TC=clsact check "back: replace" rf attach dev w0 config "$RF_CONFIG" replace
check "back: all hooks there, none at tcx" only_clsact
check "back: no tcx pins" same pins "" "$(pins)"
check "back: signalling passes, held once" held_once
in_ns gw tc filter add dev w0 egress prio 7 protocol ip u32 match u32 0 0 classid 1:1
check "somebody's filter in our qdisc: replace" rf attach dev w0 config "$RF_CONFIG" replace
check "somebody's filter in our qdisc: all hooks at tcx" only_tcx
check "somebody's filter in our qdisc: stays" \
	grep -q u32 <(in_ns gw tc filter show dev w0 egress)

# ---- others, and a controller that does not ask for clsact ----
rf_stop
rf_start && ok "tcx: the controller starts"
before=$(complaints)
in_ns gw tc qdisc del dev w0 clsact
check "tc qdisc del dev w0 clsact: nothing happens to us" only_tcx
check "tc qdisc del dev w0 clsact: signalling passes at once" held_once
look
sleep 0.5
check "tc qdisc del dev w0 clsact: nothing to repair" same complaints "$before" "$(complaints)"
for pin in "tcx_in_$(index w0)" "tcx_out_$(index w0)" "tcx_in_$(index l0)" tcx_out_1; do
	bpftool link detach pinned "/sys/fs/bpf/ringfence/$RF_INSTANCE/links/$pin"
	check "somebody detached $pin: it is back" soon only_tcx
	check "somebody detached $pin: a pin each" pins_fit
done
check "detached by somebody: signalling passes, held once" held_once
in_ns gw ip link add w1 type veth peer name w1p && in_ns gw ip link set w1 up
check "another instance, by tcx" in_ns gw "$RF" --instance "${RF_INSTANCE}b" attach dev w1
check "another instance: two at lo" same count 2 "$(at_tcx | grep -c '^lo egress rf_lo_out')"
check "another instance: signalling passes" sip_passes
RINGFENCE_TC=clsact check "another instance, to clsact" \
	in_ns gw "$RF" --instance "${RF_INSTANCE}b" attach dev w1 replace
check "another instance, to clsact: ours stays at tcx" same count 1 "$(at_tcx | grep -c '^lo egress rf_lo_out')"
check "another instance: detach" in_ns gw "$RF" --instance "${RF_INSTANCE}b" detach all
in_ns gw ip link del w1
check "another instance, detached: ours are there" only_tcx
check "another instance, detached: no qdisc of it" same qdiscs "" "$(qdiscs)"
check "another instance, detached: signalling passes, held once" held_once

# ---- devices that go and come back ----
inside_back() { # [index N]
	in_ns gw ip link add name l0 "$@" type veth peer name e0 netns "/run/netns/ph" &&
		in_ns gw ip link set l0 up && in_ns ph ip link set e0 up
	lab_addr gw l0 10.0.0.1/24 fd00::1/64
	lab_addr ph e0 10.0.0.11/24 10.0.0.12/24 fd00::11/64 fd00::12/64
	in_ns ph ip route add default via 10.0.0.1
	lab_warm
}
number=$(index l0)
in_ns gw ip link del l0
inside_back index "$number"
check "the inside device comes back with its number: hooks" soon only_tcx
check "the inside device comes back with its number: a pin each" soon pins_fit
check "the inside device comes back with its number: signalling passes" soon sip_passes
in_ns gw ip link del l0
check "the inside device goes: its pins, too" soon not test -e \
	"/sys/fs/bpf/ringfence/$RF_INSTANCE/links/tcx_in_$number"
inside_back
check "the inside device comes back: hooks" soon only_tcx
check "the inside device comes back: signalling passes, held once" soon held_once
in_ns gw ip link del w0
lab_link gw w0 net wan0
in_ns net ip link set wan0 master br0
lab_addr gw w0 $GW4/24 $GW6/64
lab_warm
check "the WAN device comes back: hooks" soon only_tcx
check "the WAN device comes back: a pin each" soon pins_fit
check "the WAN device comes back: signalling passes" soon sip_passes
rf_stop
check "detach" rf detach all
check "nothing is left" nothing
check "attach and detach without a controller" eval 'rf attach dev w0 config "$RF_CONFIG" && only_tcx && rf detach dev w0'
check "nothing is left of that" nothing
lab_down
lab_done
