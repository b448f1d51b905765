#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# An instance is known by its id, not by its path: a controller goes with its own, a new one begins with nothing of the
# old, and a pin that is missing is no detach.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

PINS=/sys/fs/bpf/ringfence/$RF_INSTANCE
RUN=/run/ringfence/$RF_INSTANCE
step() { lab_python identity.py "$@"; } # STEP NAME
pid() { cat "$LAB_TMP/ringfenced.pid"; }
ends() { # NAME PID: with status 3, by which a supervisor knows that it is to be started again
	local rc=0
	wait_for 10 not kill -0 "$2" && { wait "$2" || rc=$?; }
	if [ $rc = 3 ]; then ok "$1"; else not_ok "$1: status $rc"; fi
}
said() { grep -qE -- "$1" "$RF_LOG" || { tail -n 5 "$RF_LOG"; return 1; }; }

# ---- detach, attach: at once ----
again() { # USER
	rf_config "\"user\": \"$1\""
	rf_up || return
	step call "user \"$1\": a call"
	step leave "user \"$1\": a call that nobody ends"
	old=$(pid)
	check "user \"$1\": detach all" rf detach all
	# what is left of it is the end of the process, after its lock
	check "user \"$1\": the controller has ended by then" wait_for 5 not kill -0 "$old"
	ends "user \"$1\": with status 3" "$old"
	check "user \"$1\": and said why" said 'was detached: nothing left to do'
	check "user \"$1\": nothing of it is left" test ! -e "$RUN"
	check "user \"$1\": attach at once" rf attach dev w0 config "$RF_CONFIG"
	check "user \"$1\": a new controller at once" rf_start
	step none "user \"$1\": knows no call of the old one"
	step call "user \"$1\": a call by it"
	rf_down
}

# ---- a controller that cannot be told ----
stopped() {
	rf_config
	rf_up || return
	old=$(pid)
	kill -STOP "$old"
	check_fails "a stopped controller: detach says so" "is detached, but its controller \(pid $old\) does not end.* kill -KILL $old" \
		rf detach all
	check "a stopped controller: the devices are free" test -z "$(in_ns gw tcx)"
	check "a stopped controller: attach" rf attach dev w0 config "$RF_CONFIG"
	check_fails "a stopped controller: no other beside it" "runs already \(pid $old\)" \
		in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
	kill -CONT "$old"
	ends "a stopped controller: it ends as soon as it runs" "$old"
	check "a stopped controller: another one starts" rf_start
	step call "a stopped controller: a call by the other"
	kill -KILL "$(pid)"
	wait "$(pid)" 2>/dev/null
	check "a killed controller: nobody is waited for" rf detach all
	check "a killed controller: nothing is left" test ! -e "$RUN"
	rm -f "$LAB_TMP/ringfenced.pid"
}

# ---- another instance under the same name ----
taken() {
	rf_config
	rf_up || return
	step leave "the name is taken: a call"
	check "the name is taken: another instance" rf --instance "${RF_INSTANCE}b" attach dev l0 mode tc
	in_ns gw bpftool map pin pinned "/sys/fs/bpf/ringfence/${RF_INSTANCE}b/maps/instance" "$PINS/maps/other"
	mv "$PINS/maps/instance" "$PINS/maps/kept"
	mv "$PINS/maps/other" "$PINS/maps/instance"
	ends "the name is taken: the controller leaves" "$(pid)"
	check "the name is taken: and says so" said 'another instance has the name'
	check "the name is taken: it keeps the journal" test -s "$RUN/journal"
	mv "$PINS/maps/kept" "$PINS/maps/instance"
	rm -f "$LAB_TMP/ringfenced.pid"
	check "its own name again: a controller starts" rf_start
	step one "its own name again: the call is known"
	rf_down
	check "the other one: detach" rf --instance "${RF_INSTANCE}b" detach all
}

# ---- a journal that is not this instance's, as a /run that lasts has it ----
foreign() {
	rf_config
	rf_up || return
	step leave "a journal of before: a call"
	cp "$RUN/journal" "$LAB_TMP/journal"
	rf_down
	rf_config
	check "a journal of before: attach" rf attach dev w0 config "$RF_CONFIG"
	mkdir -p "$RUN"
	cp "$LAB_TMP/journal" "$RUN/journal"
	step none "a journal of before: the command line shows no call of it"
	rf_start
	check "a journal of before: set aside, and said" said 'is of an instance that is gone; set aside as journal.old'
	check "a journal of before: is kept" test -s "$RUN/journal.old"
	step none "a journal of before: its calls are not taken over"
	step call "a journal of before: a call"
	step leave "our own: a call"
	kill -KILL "$(pid)"
	wait "$(pid)" 2>/dev/null
	rf_start
	step one "our own: the call is known after a kill"
	rf_down
}

# ---- pins that somebody removes ----
hooks() { # all that guards the WAN device and lo
	in_ns gw tcx | grep -v '^l0'
	in_ns gw ip -j -d link show dev w0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0].get("xdp"))'
}
hooks_same() { hooks | diff "$LAB_TMP/hooks" -; }
NOT_PINNED='pinned any more, while its programs still guard w0 .*ringfence attach dev w0 replace'

unpinned() { # KIND/NAME USER
	local what=$1 user=$2 n="pin of $1, user \"$2\""
	rf_config "\"user\": \"$user\""
	rf_up || return
	step leave "$n: a call"
	hooks >"$LAB_TMP/hooks"
	rm "$PINS/$what"
	check "$n is gone: the controller says so" wait_for 10 said "${what#*/}\" of instance .* is not pinned any more"
	check "$n is gone: and goes on" kill -0 "$(pid)"
	check_fails "$n is gone: attach" "$NOT_PINNED" rf attach dev w0 config "$RF_CONFIG"
	case $what in maps/*)
		check_fails "$n is gone: status" "map \"${what#*/}\" .*$NOT_PINNED" rf status
		check_fails "$n is gone: call show" "map \"${what#*/}\" .*$NOT_PINNED" rf call show ;;
	esac
	check_fails "$n is gone: another controller" "runs already" \
		in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
	check "$n is gone: every hook is there" hooks_same
	check "$n is gone: replace mends it" rf attach dev w0 config "$RF_CONFIG" replace
	check "$n is back" test -e "$PINS/$what"
	check "$n is back: the controller says so" wait_for 10 said 'is pinned again'
	step one "$n is back: the call is known"
	step call "$n is back: a call"
	rf_stop
	rf_start
	step one "$n is back: the call is known after a restart"
	rf_down
}

# Nobody follows it: its record has the former name.
renamed() {
	rf_config
	check "renamed: attach" rf attach dev w0 config "$RF_CONFIG"
	new_device w7 4300
	check "renamed: attach another" rf attach dev w7 mode tc
	in_ns gw ip link set w7 down
	in_ns gw ip link set w7 name w9
	in_ns gw ip link set w9 up
	hook_progs >"$LAB_TMP/progs"
	check "renamed: has its programs" test -s "$LAB_TMP/progs"
	check "renamed: replace" rf attach dev w0 config "$RF_CONFIG" replace
	check "renamed: all of its programs are other ones" test -z "$(hook_progs | grep -xFf "$LAB_TMP/progs")"
	rf detach all
	in_ns gw ip link del w9
}
hook_progs() { in_ns gw tcx -i | grep "^w9 "; }

# The run directory is the controller's user's: what he leads root to is not written to.
led_astray() {
	rf_config
	rf_up || return
	rf_stop
	echo precious >"$LAB_TMP/precious"
	rm -f "$RUN"/*
	ln -s "$LAB_TMP/precious" "$RUN/lock"
	check_fails "led astray: no controller by a link" "cannot open .*lock.*remove it" \
		in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
	rm "$RUN/lock"
	ln -s "$LAB_TMP/precious" "$RUN/journal"
	check_fails "led astray: nor a journal" "journal" \
		in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
	rm -f "$RUN/journal"
	ln -f "$LAB_TMP/precious" "$RUN/lock"
	check_fails "led astray: nor by another name of a file" "cannot open .*lock" \
		in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
	rm -f "$RUN/lock"
	check "led astray: the file is as it was" test "$(cat "$LAB_TMP/precious")" = precious
	rf_down
}

# Directories of pins.
directories() { # USER
	local n="user \"$1\""
	rf_config "\"user\": \"$1\""
	rf_up || return
	rm -r "$PINS/links"
	check "$n: no directory of links: the controller says so" wait_for 10 said 'directory "links" of instance'
	[ -z "$1" ] || check "$n: no directory of links: replace mends it" rf attach dev w0 config "$RF_CONFIG" replace
	check "$n: no directory of links: it is back" wait_for 10 test -d "$PINS/links"
	check "$n: and the pins in it" wait_for 10 test -e "$PINS/links/tcx_in_$(in_ns gw ip -o link show dev w0 | cut -d: -f1)"
	rf_stop
	rmdir "$PINS/lock"
	check "$n: no directory of the lock: a controller starts" rf_start
	check "$n: and follows the devices" test "$(stat -c %U "$PINS/lock")" = "${1:-root}"
	rf_down
}

# The bpf file system as systemd mounts it.
way() { stat -c %a /sys/fs/bpf; }
root_only() {
	umount /sys/fs/bpf
	mount -t bpf -o mode=0700 bpf /sys/fs/bpf
	rf_config '"user": "nobody"'
	rf_up || return
	check "bpffs of mode 0700: it can be walked through" is way 1701
	check "bpffs of mode 0700: the controller opens its pins" not said 'Permission denied'
	rf_down
}

# An attach that fails leaves what is left to others as it was.
undone() {
	rf_config "\"sip\": { \"except\": [ \"$GW4:5060\" ] }"
	check "undone: attach" rf attach dev w0 config "$RF_CONFIG"
	left_to_others >"$LAB_TMP/left"
	rf_config "\"sip\": { \"except\": [ \"$GW4:5070\" ] }"
	sed -i 's|"wan": \[|"wan": [ { "dev": "d7", "except": [ 21500 ] },|' "$RF_CONFIG"
	in_ns gw ip tuntap add d7 mode tun
	in_ns gw ip link set d7 up
	check_fails "undone: an attach that fails" "no Ethernet header" rf attach dev d7 mode native config "$RF_CONFIG"
	left() { left_to_others | diff "$LAB_TMP/left" -; }
	check "undone: all is as it was" left
	rf detach all
	in_ns gw ip link del d7
}
left_to_others() {
	for m in settings sip_excepts excepts; do in_ns gw bpftool -j map dump pinned "$PINS/maps/$m" | md5sum; done
}

# Without a controller: the programs on their hooks are all there is.
alone() {
	rf_config
	rf_up || return
	step leave "no controller: a call"
	rf_stop
	rm "$PINS"/maps/* "$PINS"/progs/*
	check_fails "no controller, no pins: status" "$NOT_PINNED" rf status
	check_fails "no controller, no pins: a controller" "$NOT_PINNED" \
		in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"
	check "no controller, no pins: replace" rf attach dev w0 config "$RF_CONFIG" replace
	rf_start
	step one "no controller, no pins: the call is known"
	rf_stop
	rm "$PINS"/maps/settings "$PINS"/progs/rf_wan_in
	check "no controller, no pins: detach" rf detach all
	check "no controller, no pins: nothing is left" test -z "$(in_ns gw tcx)$(find /sys/fs/bpf -mindepth 1 -path '*ringfence/*')"
	rm -f "$RF_CONFIG"
}

# A program that runs nowhere any more is loaded anew, and hooked where it was.
xdp_lost() {
	has_xdp() { in_ns gw ip link show dev w0 | grep -q prog/xdp; }
	rf_config
	rf_up mode native || return
	step leave "XDP is lost: a call"
	rf_stop
	rm "$PINS"/progs/rf_wan_xdp "$PINS"/links/xdp_*
	check "XDP is lost: it is off" not has_xdp
	check "XDP is lost: replace" rf attach dev w0 config "$RF_CONFIG" replace
	check "XDP is lost: is on again" has_xdp
	rf_start
	step one "XDP is lost: the call is known"
	rf_stop
	rm "$PINS"/progs/rf_wan_xdp "$PINS"/links/xdp_* "$PINS"/maps/instance
	check "XDP is lost: detach" rf detach all
	check "XDP is lost: nothing is left" test -z "$(in_ns gw tcx)$(find /sys/fs/bpf -mindepth 1 -path '*ringfence/*')"
}

# What is not finished is hooked, perhaps, but guards nothing.
unfinished() {
	record() { # DEV: its record, as a killed attach leaves it
		python3 - "$PINS/maps/devices" "$(in_ns gw ip -o link show "$1" | cut -d: -f1)" <<-'END'
			import json, subprocess, sys
			key = int(sys.argv[2]).to_bytes(4, sys.byteorder)
			tool = ['bpftool', '-j', 'map']
			at = ['pinned', sys.argv[1], 'key', *(str(b) for b in key)]
			value = json.loads(subprocess.run(tool + ['lookup', *at], check=True, capture_output=True).stdout)['value']
			value = [int(b, 16) for b in value]
			value[0] = 0
			subprocess.run(tool + ['update', *at, 'value', *map(str, value)], check=True, stdout=subprocess.DEVNULL)
		END
	}
	rf_config
	new_device w9 4300
	check "not finished: attach" rf attach dev w0 config "$RF_CONFIG"
	record w0
	rm "$PINS/maps/settings"
	check_fails "not finished, not pinned: no second data plane" "$NOT_PINNED" rf attach dev w0 config "$RF_CONFIG"
	check "not finished, not pinned: detach" rf detach all
	check "not finished: attach of two" rf attach dev w0 config "$RF_CONFIG"
	check "not finished: the second" rf attach dev w9 config "$RF_CONFIG"
	record w9
	check "not finished: detach of the last that was" rf detach dev w0
	check "not finished: nothing is left" test -z "$(in_ns gw tcx)$(find /sys/fs/bpf -mindepth 1 -path '*ringfence/*')"
	in_ns gw ip link del w9
	rm -f "$RF_CONFIG"
}

# The controller may pin what root's directory allows it to, and hooks in any case.
pinned_again() {
	rf_config '"user": ""'
	rf_up || return
	step leave "the controller is root's: a call"
	hooks >"$LAB_TMP/hooks"
	find "$PINS" | sort >"$LAB_TMP/pins"
	rm "$PINS"/maps/pinholes "$PINS"/progs/rf_wan_xdp "$PINS"/links/tcx_in_* "$PINS"/links/xdp_*
	all_back() { find "$PINS" | sort | diff "$LAB_TMP/pins" -; }
	check "the controller is root's: it pins all again" wait_for 10 all_back
	check "the controller is root's: no hook was off" hooks_same
	check "the controller is root's: and says so" said 'pinned again'
	step one "the controller is root's: the call is known"
	step call "the controller is root's: a call"
	rf_down
}

# The bpf file system itself goes, and every link, map and program that nobody holds with it.
unmounted() { # USER
	rf_config "\"user\": \"$1\""
	rf_up || return
	step leave "unmounted, user \"$1\": a call"
	hooks >"$LAB_TMP/hooks"
	umount /sys/fs/bpf
	check "unmounted, user \"$1\": the controller says so" wait_for 10 said 'nothing of instance .* is pinned any more'
	check "unmounted, user \"$1\": and goes on" kill -0 "$(pid)"
	check "unmounted, user \"$1\": the WAN is guarded" hooks_same
	check_fails "unmounted, user \"$1\": status" "$NOT_PINNED" rf status
	check_fails "unmounted, user \"$1\": attach" "$NOT_PINNED" rf attach dev w0 config "$RF_CONFIG"
	check "unmounted, user \"$1\": the journal is kept" test -s "$RUN/journal"
	check "unmounted, user \"$1\": replace mounts and mends it" rf attach dev w0 config "$RF_CONFIG" replace
	check "unmounted, user \"$1\": the controller says so" wait_for 10 said 'is pinned again'
	step one "unmounted, user \"$1\": the call is known"
	step call "unmounted, user \"$1\": a call"
	rf_stop
	rf_start
	step one "unmounted, user \"$1\": and after a restart"
	rf_down
}

# ---- a number that comes again for another device ----
devices() { rf -j status | python3 -c 'import json, sys; print(*sorted((d["dev"], d["state"]) for d in json.load(sys.stdin)["wan"]))'; }
is() { [ "$("$1")" = "$2" ] || { "$1"; return 1; }; } # COMMAND OUTPUT
new_device() { # NAME INDEX
	in_ns gw ip link add "$1" index "$2" type veth peer name "$1p" && in_ns gw ip link set "$1" up && in_ns gw ip link set "$1p" up
}
guarded() { # IPv4 ADDRESS [LO-HI]
	in_ns gw bpftool -j map dump pinned "$PINS/maps/guards" | python3 -c '
import json, socket, sys
for e in json.load(sys.stdin):
    key, value = (bytes(int(b, 16) for b in e[k]) for k in ("key", "value"))
    if key[12:16] == socket.inet_aton(sys.argv[1]):
        lo, hi = (int.from_bytes(value[i:i + 2], sys.byteorder) for i in (4, 6))
        print(f"{lo}-{hi}")
        sys.exit(len(sys.argv) > 2 and sys.argv[2] != f"{lo}-{hi}")
sys.exit(1)' "$@"
}
other_device() {
	rf_config
	rf_up || return
	new_device w7 4242
	check "number reused: attach" rf attach dev w7
	in_ns gw ip link set w7 down
	in_ns gw ip link set w7 name w8
	in_ns gw ip link set w8 up
	check "number reused: a device that is renamed stays" wait_for 15 is devices "('w0', 'up') ('w8', 'up')"
	in_ns gw ip link del w8
	new_device x7 4242
	in_ns gw ip addr add 198.18.7.1/32 dev x7
	check "number reused: the device is gone" wait_for 15 said 'WAN device.* gone'
	check "number reused: is missed, and not taken for another" is devices "('w0', 'up') ('w8', 'missing')"
	check "number reused: the other has no hooks" not grep -q x7 <(in_ns gw tcx)
	check "number reused: nor is its address guarded" not guarded 198.18.7.1
	new_device w8 4243
	check "number reused: it comes back by its name" wait_for 15 is devices "('w0', 'up') ('w8', 'up')"
	check "number reused: and is guarded" grep -q w8 <(in_ns gw tcx)
	in_ns gw ip link del x7
	rf_down
	in_ns gw ip link del w8
}

# ---- what an attach has left that was killed while it loaded ----
remains() {
	mkdir -p "$PINS/links" "$PINS/maps_new"
	check "remains of a killed attach: detach all" rf detach all
	check "remains of a killed attach: nothing is left" test ! -e "$PINS"
	check_fails "no remains: detach all" "is not attached to any device" rf detach all
}

# A device that goes and comes with another number, as PPP's does: each has ports that are left to others, and in the
# map of those there is room for 64.
redialled() {
	local i
	rf_config
	sed -i 's|"wan": \[|"wan": [ { "dev": "v7", "except": [ 21500 ], "media_ports": "20000-21999" },|' "$RF_CONFIG"
	rf_up || return
	new_device v7 5000
	check "redialled: attach" rf attach dev v7 config "$RF_CONFIG"
	kill -STOP "$(pid)" # else it removes them again
	for i in $(seq 1 63); do # as if it had come so often
		excepts_add $((5000 + i)) || break
	done 2>"$LAB_TMP/full"
	check "redialled: for want of room" grep -q 'Argument list too long\|E2BIG' "$LAB_TMP/full"
	check "redialled: the map of excepts is full" not excepts_add 6000
	in_ns gw ip link del v7
	new_device v7 5100
	in_ns gw ip addr add 198.18.8.1/32 dev v7
	kill -CONT "$(pid)"
	check "redialled: it is hooked again" wait_for 15 hooked v7
	check "redialled: and guarded" wait_for 10 guarded 198.18.8.1 20000-21999
	in_ns gw ip link del v7
	new_device v7 5101
	check "redialled: and once more" wait_for 15 hooked v7
	check "redialled: entries of devices that are gone go" wait_for 25 is n_excepts 2
	rf_down
	in_ns gw ip link del v7
}
hooked() { grep -q "$1" <(in_ns gw tcx); }
n_excepts() { in_ns gw bpftool -j map dump pinned "$PINS/maps/excepts" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }
excepts_add() { # IFINDEX
	# shellcheck disable=SC2046 # words
	in_ns gw bpftool map update pinned "$PINS/maps/excepts" key $(python3 -c '
import sys
print(*int(sys.argv[1]).to_bytes(4, sys.byteorder), "value", *bytes(8192))' "$1")
}

# The ports that it was attached with, by a configuration that the controller has not.
range_kept() {
	rf_config
	sed 's|"wan": \[|"wan": [ { "dev": "v7", "media_ports": "20000-21999" },|' "$RF_CONFIG" >"$RF_CONFIG.attach"
	rf_up || return
	new_device v7 5200
	in_ns gw ip addr add 198.18.8.1/32 dev v7
	check "range: attach" rf attach dev v7 config "$RF_CONFIG.attach"
	check "range: is guarded" guarded 198.18.8.1 20000-21999
	kill -STOP "$(pid)" # it sees the device that is back, with its address, at once
	in_ns gw ip link del v7
	new_device v7 5201
	in_ns gw ip addr add 198.18.8.2/32 dev v7
	kill -CONT "$(pid)"
	check "range: it is hooked again" wait_for 15 hooked v7
	check "range: no guard of the former address is left" wait_for 25 not guarded 198.18.8.1
	check "range: with the same ports" guarded 198.18.8.2 20000-21999
	rf_down
	in_ns gw ip link del v7
}

# ---- a WAN device that is another instance's when it comes back ----
others_device() {
	rf_config
	new_device w8 4400
	check "another's device: attach" rf attach dev w0 config "$RF_CONFIG"
	check "another's device: the second" rf attach dev w8 config "$RF_CONFIG"
	in_ns gw ip link del w8
	new_device w8 4401
	in_ns gw ip addr add 10.0.0.129/25 dev w8 # leads inside, too
	check "another's device: it comes back, and another instance is faster" rf --instance "${RF_INSTANCE}b" attach dev w8 mode tc
	in_ns gw tcx | grep w8 >"$LAB_TMP/w8"
	rf attach dev w0 config "$RF_CONFIG" replace >"$LAB_TMP/replace" 2>&1
	check "another's device: root's replace says so" grep -q 'w8 is back, but cannot be attached again: .*another instance' "$LAB_TMP/replace"
	check "another's device: no hook of ours is on it" diff "$LAB_TMP/w8" <(in_ns gw tcx | grep w8)
	rf --instance "${RF_INSTANCE}b" detach all
	check "another's device: replace" rf attach dev w0 config "$RF_CONFIG" replace
	check "another's device: is ours when it is free" is devices "('w0', 'up') ('w8', 'up')"
	check "another's device: detach" rf detach all
	in_ns gw ip link del w8
	rm -f "$RF_CONFIG"
}

# ---- a WAN device that is renamed while no controller runs ----
renamed() {
	rf_config
	check "renamed: attach" rf attach dev w0 config "$RF_CONFIG"
	new_device w7 4500
	check "renamed: the second" rf attach dev w7 config "$RF_CONFIG"
	in_ns gw ip link set w7 down
	in_ns gw ip link set w7 name w8
	in_ns gw ip link set w8 up
	check_fails "renamed: attach" "w8 is attached already .*as w7, .*ringfence attach dev w8 replace" rf attach dev w8 config "$RF_CONFIG"
	check "renamed: the hooks are there" grep -q 'w8 ingress rf_wan_in' <(in_ns gw tcx)
	check "renamed: replace" rf attach dev w8 config "$RF_CONFIG" replace
	check "renamed: has its name" is devices "('w0', 'up') ('w8', 'up')"
	check "renamed: detach" rf detach all
	in_ns gw ip link del w8
	rm -f "$RF_CONFIG"
}

lab_up nat
if [ -n "${ONLY:-}" ]; then
	for step in $ONLY; do ${step/:/ }; done
	lab_down
	lab_done
fi
remains
renamed
others_device
redialled
range_kept
renamed
undone
led_astray
directories ""
directories nobody
other_device
pinned_again
unmounted nobody
unmounted ""
root_only
unpinned maps/settings nobody
unpinned maps/pinholes nobody
unpinned progs/rf_wan_in nobody
alone
xdp_lost
unfinished
again ""
again nobody
stopped
taken
foreign
check "nothing is left" test -z "$(find /sys/fs/bpf -mindepth 1 -path '*ringfence/*')"
lab_down
lab_done
