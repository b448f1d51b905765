#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Which media ports are guarded: the default, what the configuration names, and that a running instance
# keeps its range when a newer version with another default takes it over.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

# The range of each guarded address, and of each inside prefix as the kernel side has it.
ranges() {
	rf -j status | python3 -c 'import json, sys
print(*sorted({"%d-%d" % (g["port_low"], g["port_high"]) for d in json.load(sys.stdin)["wan"] for g in d["guarded"]}))'
	bpftool -j map dump pinned "/sys/fs/bpf/ringfence/$RF_INSTANCE/maps/inside" | python3 -c 'import json, struct, sys
v = [bytes(int(x, 16) for x in e["value"]) for e in json.load(sys.stdin)]
print(*sorted({"%d-%d" % struct.unpack("=HH", b[2:6]) for b in v}))'
}
is_range() { # LOW-HIGH: of all
	local got
	got=$(ranges | tr '\n' ' ')
	[ "$got" = "$1 $1 " ] || { echo "wanted $1 for addresses and prefixes, got $got"; return 1; }
}
plain_config() { # [MEDIA_PORTS]
	cat >"$RF_CONFIG" <<-END
	{ "wan": [ { "dev": "w0" ${1:+", \"media_ports\": \"$1\""} } ],
	  "inside": [ "${LAB_INSIDE/ /\", \"}" ],
	  "peers": [ { "name": "provider", "address": "$LAB_WAN4.0/24" } ] }
	END
}
leased_within() { # LOW HIGH: the public port of a call from a port that cannot be kept
	python3 - "$@" <<-'END'
		import sys
		from ua import expect
		from world import Talk, World
		low, high = int(sys.argv[1]), int(sys.argv[2])
		with World(4) as w:
		    t = Talk(w, w.phone(), w.provider(), w.inside_media(40000), w.outside_media())
		    expect(f'{t.pub[1]} is within {low}-{high}', low <= t.pub[1] <= high, True)
		    t.flow(3)
		    t.call.bye()
	END
}
dropped_at() { # PORT: an unsolicited packet there is dropped by name
	python3 - "$1" <<-'END'
		import sys
		from ua import expect, reasons
		from world import World
		with World(4) as w:
		    before = reasons()
		    w.outside_media().burst(3, (w.public(w.ph), int(sys.argv[1])))
		    expect('dropped', (reasons() - before)['no_pinhole'], 3)
	END
}

for mode in nat routed; do
	lab_up $mode
	plain_config
	rf_up
	check "$mode: the default" is_range 10000-29999
	check "$mode: the lowest guarded port" dropped_at 10000
	check "$mode: the highest guarded port" dropped_at 29999
	check_fails "$mode: beyond it" "dropped" dropped_at 30000
	rf_down

	# what an older version, whose default was this, has left running
	plain_config 16384-32767
	rf_up
	check "$mode: as given" is_range 16384-32767
	rf_stop
	plain_config
	rf_start
	check "$mode: another controller with another default keeps it" is_range 16384-32767
	[ $mode = routed ] || check "$mode: it leases only what is guarded" leased_within 16384 32767
	check "$mode: and guards what was guarded" dropped_at 32766
	check "$mode: replace" rf attach dev w0 config "$RF_CONFIG" replace
	check "$mode: replace keeps it" is_range 16384-32767
	plain_config 20000-20999
	kill -HUP "$(cat "$LAB_TMP/ringfenced.pid")"
	check "$mode: a range that is given applies when it is read" wait_for 5 is_range 20000-20999
	plain_config
	kill -HUP "$(cat "$LAB_TMP/ringfenced.pid")"
	sleep 0.5
	check "$mode: and stays" is_range 20000-20999
	# the device goes and comes back, with time to see that it is gone
	in_ns gw ip link del w0
	check "$mode: a device that is gone is seen" wait_for 5 eval 'rf status | grep -q "w0.*missing"'
	sleep 0.5
	lab_link gw w0 net wan0
	lab_addr gw w0 $GW4/24 $GW6/64
	check "$mode: a device that is back has its range" wait_for 5 is_range 20000-20999
	in_ns gw ip addr flush dev w0 scope global
	sleep 1
	lab_addr gw w0 192.0.2.9/24
	check "$mode: a device that was without address for a while, too" wait_for 5 eval 'rf status | grep -q "192.0.2.9 .*20000-20999"'
	check "$mode: no other guard is left" eval 'rf status | not grep -q "$GW4 .*media ports"'
	rf_stop
	rf detach all >/dev/null
	check "$mode: attached anew" rf attach dev w0 config "$RF_CONFIG"
	check "$mode: the default again" is_range 10000-29999
	in_ns gw ip link add w1 type veth peer name w1p
	in_ns gw ip addr add 192.0.2.1/24 dev w1
	in_ns gw ip link set w1 up
	printf '{ "wan": [ { "dev": "w0" }, { "dev": "w1", "media_ports": "40000-40999" } ] }' >"$LAB_TMP/two.json"
	check "$mode: a second WAN device" rf attach dev w1 config "$LAB_TMP/two.json"
	check "$mode: inside prefixes have the ranges of both" eval '[ "$(ranges | tail -n 1)" = 10000-40999 ]'
	check "$mode: detach" rf detach all
	rm -f "$RF_CONFIG"
	lab_down
done
lab_done
