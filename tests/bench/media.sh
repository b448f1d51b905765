#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Media path benchmark: one gateway namespace for each way, all of them between a WAN namespace (bw)
# and an inside namespace (bi); then media.c measures. Everything ends with the script.
# ROUNDS, PACKETS, SECONDS_MAX: how long. WAYS: which. NO_GROWTH=1: without the million pinholes.
# shellcheck disable=SC2016 # the gateway expands it
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B
WAYS=${WAYS:-floor:floor stored:stored array:array fib:fib rf_xdp:rf tc_redirect:tc_redirect tc_neigh:tc_neigh rf_tc:rf
	route:route nft:nft flowtable:nft host:host rf_host:rf_host rtpengine:relay
	floor6:floor fib6:fib rf_xdp6:rf rf_tc6:rf route6:route nft6:nft}

usage() { echo "media.sh: $*" >&2; exit 2; }
kept=''
for w in $WAYS; do
	case ${w#*:} in
	floor | stored | array | fib | tc_redirect | tc_neigh | route | nft | rf | rf_host | host | relay) ;;
	*) usage "WAYS: $w is not NAME:KIND of floor, stored, array, fib, tc_redirect, tc_neigh, route, nft, rf, rf_host, host, relay" ;;
	esac
	case ${w#*:} in
	relay) command -v rtpengine >/dev/null || { echo "# no rtpengine here: skipped"; continue; } ;;
	nft) command -v nft >/dev/null || { echo "# no nft here: $w skipped"; continue; } ;;
	esac
	kept="$kept $w"
done
WAYS=$kept
for n in "$B/ringfence" "$B/bench/media"; do [ -x "$n" ] || usage "no $n: make bench builds it"; done
[ "$(id -u)" = 0 ] || { echo "media.sh needs root" >&2; exit 1; }
if [ -z "${BENCH_ALONE:-}" ]; then # two at a time measure each other
	exec 9>/run/lock/ringfence-bench.lock
	flock -n 9 || { echo "# another benchmark runs: waiting for it"; flock 9; }
	export BENCH_ALONE=1
fi
if [ -z "${BENCH_INSIDE:-}" ]; then
	export BENCH_INSIDE=1
	exec unshare --mount --propagation private -- "$BASH" "$0" "$@"
fi
# With all it starts: other work on the machine shows in latencies. Sessions share by groups of their own.
renice -n -15 -p $$ >/dev/null 2>&1 || :
[ "$(ps -o sid= -p $$ | tr -d ' ')" != $$ ] || echo -15 >/proc/self/autogroup 2>/dev/null || :
mount -t tmpfs -o mode=755 bench /run
mkdir -p /run/netns /run/lock
mount -t bpf bpf /sys/fs/bpf
RELAY='' MAIN='' CT_MAX='' CT_BUCKETS=''
trap 'exit 143' INT TERM
# shellcheck disable=SC2086 # words
trap 'kill $MAIN $RELAY 2>/dev/null || :; for n in /run/netns/*; do ip netns del "${n##*/}" 2>/dev/null || :; done
	[ -z "$CT_MAX" ] || echo "$CT_MAX" >$CT/nf_conntrack_max; [ -z "$CT_BUCKETS" ] || echo "$CT_BUCKETS" >$CT/nf_conntrack_buckets' EXIT

ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

for n in bw bi; do
	ip netns add $n
	ns $n sh -c 'ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
done

mac() { ns "$1" ip -o link show "$2" | sed 's/.*link.ether \([^ ]*\).*/\1/'; }

gateway() { # NAME: w0 and l0, their far ends without addresses, neighbours fixed
	local g=g_$1
	ip netns add "$g"
	ip link add name w0 netns "$g" type veth peer name "w_$1" netns bw
	ip link add name l0 netns "$g" type veth peer name "i_$1" netns bi
	ns bw ip link set "w_$1" up
	ns bi ip link set "i_$1" up
	ns bw ethtool -K "w_$1" gro on >/dev/null
	ns bi ethtool -K "i_$1" gro on >/dev/null
	case $1 in *6) gateway6 "$g" "$(mac bw "w_$1")" "$(mac bi "i_$1")"; return ;; esac
	ns "$g" sh -c '
		echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		ip link set lo up; ip link set w0 up; ip link set l0 up
		for d in w0 l0; do ethtool -K $d gro on >/dev/null; done
		for k in all default w0 l0; do echo 0 >/proc/sys/net/ipv4/conf/$k/rp_filter; done
		echo 1 >/proc/sys/net/ipv4/ip_forward
		ip addr add 203.0.113.1/24 dev w0; ip addr add 10.0.0.1/24 dev l0
		ip route add 10.1.0.0/16 via 10.0.0.2; ip route add default via 203.0.113.2
		ip neigh replace 203.0.113.2 lladdr '"$(mac bw "w_$1")"' dev w0
		ip neigh replace 10.0.0.2 lladdr '"$(mac bi "i_$1")"' dev l0
		for i in $(seq 1 128); do echo addr add 198.18.0.$i/32 dev w0; done | ip -batch -'
}

# The same numbers in the last 32 bits (bench_prefix() in flow.h); these addresses do for 1,000 calls and to spare.
gateway6() { # NAMESPACE MAC-WAN MAC-INSIDE
	ns "$1" sh -c '
		for k in all default; do echo 0 >/proc/sys/net/ipv6/conf/$k/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/$k/accept_ra; done
		ip link set lo up; ip link set w0 up; ip link set l0 up
		for d in w0 l0; do ethtool -K $d gro on >/dev/null; done
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		ip addr add 2001:db8::cb00:7101/120 dev w0 nodad; ip addr add fd00::a00:1/120 dev l0 nodad
		ip route add fd00::a01:0/112 via fd00::a00:2; ip route add default via 2001:db8::cb00:7102
		ip neigh replace 2001:db8::cb00:7102 lladdr '"$2"' dev w0
		ip neigh replace fd00::a00:2 lladdr '"$3"' dev l0
		for i in $(seq 1 128); do echo addr add 2001:db8::c612:$(printf %x $i)/128 dev w0 nodad; done | ip -batch -'
}

ringfence() { # NAME MODE [INSIDE_XDP]
	local calls=2000 # statistics for two pinholes each
	[ "$1" != rf_xdp ] || [ -n "${NO_GROWTH:-}" ] || calls=1000000
	cat >"/run/$1.json" <<-END
	{ "wan": [ { "dev": "w0", "public_address": "auto", "media_ports": "16384-32767" } ],
	  "sip": { "max_calls": $calls },
	  "inside": [ "10.0.0.0/8", "fd00::/8" ], "inside_xdp": "${3:-always}" }
	END
	ns "g_$1" "$B/ringfence" --instance "bench-${1//_/-}" attach dev w0 config "/run/$1.json" mode "$2" >"/run/$1.log" 2>&1 ||
		{ cat "/run/$1.log"; exit 1; }
	ns "g_$1" "$B/ringfence" --instance "bench-${1//_/-}" status | sed "s/^/# $1: /" | grep -E 'w0|l0' || :
}

# shellcheck disable=SC2059 # the format is a parameter
conntrack() { # NAME FAMILY TYPE PUBLIC INSIDE FORMAT: nftables NAT, a closed FORWARD chain
	ns "g_$1" nft -f - <<-END
	table $2 bench {
		map inside { type $3 : $3; elements = {
			$(for i in $(seq 1 128); do i=$(printf "$6" "$i"); echo "$4$i : $5$i,"; done) } }
		chain pre { type nat hook prerouting priority dstnat; iifname w0 udp dport 16384-32767 dnat to $2 daddr map @inside; }
		chain post { type nat hook postrouting priority srcnat; oifname w0 masquerade; }
		chain forward_ { type filter hook forward priority filter; policy drop;
			ct state established,related accept; ct status dnat accept; }
	}
	END
	ns "g_$1" sh -c 'for t in udp_timeout udp_timeout_stream; do echo 600 >/proc/sys/net/netfilter/nf_conntrack_$t; done' 2>/dev/null || :
}

# Those connections that the FORWARD chain has let pass twice go round it. Not of every kernel.
flowtable() { # NAME, after conntrack()
	ns "g_$1" nft -f - 2>/dev/null <<-'END'
	add flowtable ip bench f { hook ingress priority 0; devices = { w0, l0 }; }
	insert rule ip bench forward_ meta l4proto udp ct state established flow add @f
	END
}

# A million connections: limit and size of the one table that all namespaces share, for as long as this runs.
CT=/proc/sys/net/netfilter
CT_MAX=$(cat $CT/nf_conntrack_max 2>/dev/null || :) CT_BUCKETS=$(cat $CT/nf_conntrack_buckets 2>/dev/null || :)
case " $WAYS " in *:nft*)
	if [ -z "${NO_GROWTH:-}" ] && [ "$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)" -ge 4 ]; then
		{ echo 1200000 >$CT/nf_conntrack_max && echo 1048576 >$CT/nf_conntrack_buckets; } 2>/dev/null || :
	fi ;;
esac
CONNTRACK_MAX=$(cat $CT/nf_conntrack_max 2>/dev/null || echo 0)
export CONNTRACK_MAX

for w in $WAYS; do
	name=${w%:*}
	gateway "$name"
	case $w in
	rf_tc:* | rf_tc6:*) ringfence "$name" tc never ;;
	rf_host:*) ringfence rf_host native ;;
	*:rf) ringfence "$name" native ;;
	nft:*) conntrack "$name" ip ipv4_addr 198.18.0. 10.1.0. %d ;;
	flowtable:*) conntrack "$name" ip ipv4_addr 198.18.0. 10.1.0. %d
		if ! flowtable "$name"; then
			echo "# nftables flowtable: this kernel does not have it: skipped"
			WAYS=${WAYS/ $w/}
		fi ;;
	nft6:*) conntrack "$name" ip6 ipv6_addr 2001:db8::c612: fd00::a01: %x ;;
	esac
	case $w in # what reaches the host ends where a socket would take it
	host:* | rf_host:*) ns "g_$name" nft 'add table ip sink; add chain ip sink in { type filter hook input priority 0; }; add rule ip sink in udp dport 16384-32767 counter drop' ;;
	esac
	[ "$name" != host ] || ns g_host sh -c 'for i in $(seq 1 128); do echo addr add 10.1.0.$i/32 dev w0; done | ip -batch -'
	if [ "$name" = rtpengine ]; then
		# whole checksums, for the sink to check
		ns g_rtpengine sh -c 'for d in w0 l0; do ethtool -K $d tx off >/dev/null; done'
		# not by ns(): the process id is to be rtpengine's own
		nsenter --net=/run/netns/g_rtpengine -- rtpengine --config-file=none --foreground --log-stderr --log-level=3 --table=-1 --num-threads=1 \
			--interface=pub/203.0.113.1 --interface=priv/10.0.0.1 --listen-ng=127.0.0.1:2223 \
			--port-min=20000 --port-max=40000 >/run/rtpengine.log 2>&1 &
		RELAY=$!
		sleep 1
		ns g_rtpengine python3 tests/bench/rtpengine_calls.py 1000 >/run/rtpengine.ports
		export RELAY_PID=$RELAY RELAY_PORTS=/run/rtpengine.ports
	fi
done
# shellcheck disable=SC2086
"$B/bench/media" "${OUT:-$B/bench-media.json}" $WAYS &
MAIN=$!
wait $MAIN
