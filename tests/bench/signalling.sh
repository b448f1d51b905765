#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signalling benchmark: calls/s, CPU and memory per call, latency of an INVITE. Calls in mode nat, and
# in mode routed where one public address has not ports enough. CALLS: "1000 8000 100000".
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B
if [ -z "${BENCH_INSIDE:-}" ]; then
	export BENCH_INSIDE=1
	exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi
mount -t tmpfs -o mode=755 bench /run
mkdir -p /run/netns /run/lock
mount -t bpf bpf /sys/fs/bpf
CTL=
trap '[ -z "$CTL" ] || kill "$CTL" 2>/dev/null; for n in /run/netns/*; do ip netns del "${n##*/}" 2>/dev/null || :; done' EXIT
ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

for n in s_in s_gw s_wan; do ip netns add $n; ns $n ip link set lo up; done
ip link add w0 netns s_gw type veth peer name p0 netns s_wan
ip link add l0 netns s_gw type veth peer name e0 netns s_in
ns s_gw sh -c 'ip link set w0 up; ip link set l0 up; ip addr add 203.0.113.1/24 dev w0; ip addr add 10.0.0.1/24 dev l0
	ip addr add 198.51.100.1/24 dev l0; echo 1 >/proc/sys/net/ipv4/ip_forward'
ns s_wan sh -c 'ip link set p0 up; ip addr add 203.0.113.2/24 dev p0; ip route add default via 203.0.113.1'
ns s_in sh -c 'ip link set e0 up; ip addr add 10.0.0.2/24 dev e0; ip addr add 198.51.100.2/24 dev e0; ip route add default via 10.0.0.1'

start() {
	cat >/run/rf.json <<-'END'
	{ "wan": [ { "dev": "w0", "public_address": "auto", "media_ports": "16384-65000" } ],
	  "inside": [ "10.0.0.0/24", "198.51.100.0/24" ], "peers": [ { "name": "p", "address": "203.0.113.0/24" } ] }
	END
	chmod 644 /run/rf.json
	ns s_gw "$B/ringfence" --instance bench attach dev w0 config /run/rf.json >/run/attach.log 2>&1 || { cat /run/attach.log; exit 1; }
	nsenter --net=/run/netns/s_gw -- "$B/ringfenced" --config /run/rf.json --instance bench >/run/ctl.log 2>&1 &
	CTL=$!
	for _ in $(seq 50); do ns s_gw "$B/ringfence" --instance bench status 2>/dev/null | grep -q alive && break; sleep 0.1; done
}
stop() {
	kill "$CTL" 2>/dev/null || :
	wait "$CTL" 2>/dev/null || :
	CTL=
	ns s_gw "$B/ringfence" --instance bench detach all >/dev/null
	rm -rf /run/ringfence
}
memlock() { # bytes of the pinned maps
	local m n=0
	for m in /sys/fs/bpf/ringfence/bench/maps/*; do
		n=$((n + $(bpftool -j map show pinned "$m" | sed 's/.*"bytes_memlock":\([0-9]*\).*/\1/')))
	done
	echo $n
}
run() { # TAG CALLS WINDOW nat|routed
	local addr=10.0.0.2 net=10.0.0 before=0 after=0 fifo=/run/fifo
	[ "$4" = routed ] && addr=198.51.100.2 net=198.51.100
	[ -z "$CTL" ] || before=$(memlock)
	rm -f $fifo; mkfifo $fifo
	"$B/bench/signalling" "$1" "$2" "$3" "${CTL:-0}" s_in $addr $net <$fifo >/run/out 2>/run/err &
	local pid=$!
	exec 9>$fifo
	until grep -q '^up' /run/err || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
	[ -z "$CTL" ] || after=$(memlock)
	echo >&9
	exec 9>&-
	wait $pid || :
	grep -v '^up' /run/err || :
	sed "s/}\$/, \"kernel_bytes_per_call\": $(((after - before) / $2)), \"what\": \"$1\"}/" /run/out | tee -a /run/all
}
echo "Signalling (X-Sent to arrival is one INVITE's way; CPU is the controller's)"
run plain 2000 1 nat
start
run idle 2000 1 nat
stop
for n in ${CALLS:-1000 8000 100000}; do
	start
	if [ "$n" -gt 16000 ]; then run "$n" "$n" 64 routed; else run "$n" "$n" 64 nat; fi
	stop
done
{ echo "["; sed '$!s/$/,/' /run/all; echo "]"; } >"$B/bench-signalling.json"
