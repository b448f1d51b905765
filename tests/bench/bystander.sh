#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ordinary TCP and UDP through a gateway with Ringfence attached and without: a gateway g_X between an outside
# namespace o_X and an inside one i_X for each mode and way of delivery; then bystander.c measures.
# MODES: some of nat, routed, host, routed6. DELIVERIES: none first, then some of tc, native, generic. ROUNDS, SAMPLE_MS: how long.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B
MODES=${MODES:-nat routed host routed6}
DELIVERIES=${DELIVERIES:-none tc native generic}

usage() { echo "bystander.sh: $*" >&2; exit 2; }
for m in $MODES; do
	case $m in nat | routed | host | routed6) ;; *) usage "MODES: $m is none of nat, routed, host, routed6" ;; esac
done
for d in $DELIVERIES; do
	case $d in none | tc | native | generic) ;; *) usage "DELIVERIES: $d is none of none, tc, native, generic" ;; esac
done
case $DELIVERIES in none*) ;; *) usage "DELIVERIES: the first one is none, which the others are compared with" ;; esac
for n in "$B/ringfence" "$B/bench/bystander"; do [ -x "$n" ] || usage "no $n: make bench builds it"; done
[ "$(id -u)" = 0 ] || { echo "bystander.sh needs root" >&2; exit 1; }
if [ -z "${BENCH_ALONE:-}" ]; then # two at a time measure each other
	exec 9>/run/lock/ringfence-bench.lock
	flock -n 9 || { echo "# another benchmark runs: waiting for it"; flock 9; }
	export BENCH_ALONE=1
fi
if [ -z "${BENCH_INSIDE:-}" ]; then
	export BENCH_INSIDE=1
	exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi
renice -n -15 -p $$ >/dev/null 2>&1 || :
[ "$(ps -o sid= -p $$ | tr -d ' ')" != $$ ] || echo -15 >/proc/self/autogroup 2>/dev/null || :
mount -t tmpfs -o mode=755 bench /run
mkdir -p /run/netns /run/lock
mount -t bpf bpf /sys/fs/bpf
MAIN=''
trap 'exit 143' INT TERM
# shellcheck disable=SC2086 # words
trap 'kill $MAIN 2>/dev/null || :; for n in /run/netns/*; do ip netns del "${n##*/}" 2>/dev/null || :; done' EXIT

ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

gateway() { # MODE DELIVERY
	local x=$1_$2 in4=198.51.100 in6=2001:db8:1:
	[ "$1" != nat ] || in4=10.0.0
	for n in o i g; do
		ip netns add "${n}_$x"
		ns "${n}_$x" sh -c 'ip link set lo up; for k in all default; do echo 0 >/proc/sys/net/ipv4/conf/$k/rp_filter
			echo 0 >/proc/sys/net/ipv6/conf/$k/accept_dad; done'
	done
	ip link add name w0 netns "g_$x" type veth peer name o0 netns "o_$x"
	ip link add name l0 netns "g_$x" type veth peer name i0 netns "i_$x"
	ns "g_$x" sh -c "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		ip link set w0 up; ip link set l0 up
		ip addr add 203.0.113.1/24 dev w0; ip addr add 2001:db8::1/64 dev w0 nodad
		ip addr add $in4.1/24 dev l0; ip addr add $in6:1/64 dev l0 nodad"
	ns "o_$x" sh -c "ip link set o0 up; ip addr add 203.0.113.2/24 dev o0; ip addr add 2001:db8::2/64 dev o0 nodad
		ip route add $in4.0/24 via 203.0.113.1; ip -6 route add $in6:/64 via 2001:db8::1"
	ns "i_$x" sh -c "ip link set i0 up; ip addr add $in4.2/24 dev i0; ip addr add $in6:2/64 dev i0 nodad
		ip route add default via $in4.1; ip -6 route add default via $in6:1"
	[ "$1" != nat ] || ns "g_$x" nft 'add table ip nat; add chain ip nat post { type nat hook postrouting priority srcnat; }; add rule ip nat post oifname w0 masquerade'
	[ "$2" != none ] || return 0
	printf '{ "wan": [ { "dev": "w0" } ], "inside": [ "%s.0/24", "%s:/64" ] }' $in4 $in6 >/run/rf.json
	ns "g_$x" "$B/ringfence" --instance "by-$1-$2" attach dev w0 config /run/rf.json mode "$2" >/run/attach.log 2>&1 ||
		{ cat /run/attach.log; exit 1; }
}

WAYS=''
for m in $MODES; do
	if [ "$m" = nat ] && ! command -v nft >/dev/null; then
		echo "# no nft here: mode nat skipped"
		continue
	fi
	for d in $DELIVERIES; do
		gateway "$m" "$d"
		WAYS="$WAYS $m:$d"
	done
done
# shellcheck disable=SC2086
"$B/bench/bystander" "${OUT:-$B/bench-bystander.json}" $WAYS &
MAIN=$!
wait $MAIN
