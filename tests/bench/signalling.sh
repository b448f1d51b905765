#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signalling benchmark: calls/s, CPU and memory per call, latency of each message, when pinholes open and
# close; Ringfence, the kernel's SIP helper and kamailio with rtpengine side by side against plain routing,
# then what thousands of calls at a time take by each of them, then Ringfence alone with more and more calls
# of one trunk, in mode nat, and in mode routed where one public address has not ports enough. Everything
# ends with the script.
# ROUNDS, PHONES: of the comparison; HELD: phones with a call at a time, "" for none. PEERS: which.
# TIMED: calls of the pinhole part. CALLS: of a trunk, "" for none. PROXY_MAX: more calls than so many are
# not for kamailio; as the memory lets, 100 KB a call.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B
PEERS=${PEERS:-route rf helper proxy}
PHONES=${PHONES:-1000}
HELD=${HELD-10000 100000}
CALLS=${CALLS-1000 8000 100000}
PROXY_MAX=${PROXY_MAX:-$(awk '/MemAvailable/ { print int($2 / 100) }' /proc/meminfo)}
NAT_MAX=12000 # as many phones have a signalling port and media ports on one public address
export PHONES

usage() { echo "signalling.sh: $*" >&2; exit 2; }
for p in $PEERS; do
	case $p in route | rf | helper | proxy) ;; *) usage "PEERS: $p is none of route, rf, helper, proxy" ;; esac
done
case $PEERS in route | 'route '*) ;; *) usage "PEERS: the first one is route, which the others are compared with" ;; esac
for n in $PHONES $HELD $CALLS $PROXY_MAX; do
	case $n in *[!0-9]*) usage "PHONES, HELD, CALLS, PROXY_MAX: $n is no number" ;; esac
done
for n in "$B/ringfence" "$B/ringfenced" "$B/bench/signalling"; do
	[ -x "$n" ] || usage "no $n: make bench builds it"
done
[ "$(id -u)" = 0 ] || { echo "signalling.sh needs root" >&2; exit 1; }

if [ -z "${BENCH_ALONE:-}" ]; then # two at a time measure each other, and share limits of the machine
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
PIDS='' CTL='' MAIN='' ROUTED='' PHONE_NETS=10.16.0.0/12
trap 'exit 143' INT TERM
CT=/proc/sys/net/netfilter
EXPECT_WAS=$(cat $CT/nf_conntrack_expect_max 2>/dev/null || :)
CT_WAS=$(cat $CT/nf_conntrack_max 2>/dev/null || :)
# shellcheck disable=SC2086 # words
trap 'kill $MAIN $PIDS 2>/dev/null || :
	[ -z "$EXPECT_WAS" ] || echo "$EXPECT_WAS" >$CT/nf_conntrack_expect_max || :
	[ -z "$CT_WAS" ] || echo "$CT_WAS" >$CT/nf_conntrack_max || :
	for n in /run/netns/*; do ip netns del "${n##*/}" 2>/dev/null || :; done' EXIT
ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }
grow() { [ "$(cat "$CT/$1" 2>/dev/null || echo 0)" -ge "$2" ] || echo "$2" >"$CT/$1" 2>/dev/null || echo "# $1 stays $(cat "$CT/$1")" ; }

gateway() { # NAME: i_NAME (inside, with the phones of PHONE_NETS) --- g_NAME --- w_NAME (WAN)
	local n
	for n in "i_$1" "g_$1" "w_$1"; do ip netns add "$n"; ns "$n" ip link set lo up; done
	ip link add w0 netns "g_$1" type veth peer name p0 netns "w_$1"
	ip link add l0 netns "g_$1" type veth peer name e0 netns "i_$1"
	ns "g_$1" sh -c 'ip link set w0 up; ip link set l0 up; ip addr add 203.0.113.1/24 dev w0; ip addr add 10.0.0.1/24 dev l0
		ip addr add 198.51.100.1/24 dev l0; ip route add '$PHONE_NETS' via 10.0.0.2; echo 1 >/proc/sys/net/ipv4/ip_forward'
	ns "w_$1" sh -c 'ip link set p0 up; ip addr add 203.0.113.2/24 dev p0; ip route add default via 203.0.113.1; ethtool -K p0 gro on >/dev/null'
	ns "i_$1" sh -c 'ip link set e0 up; ip addr add 10.0.0.2/24 dev e0; ip addr add 198.51.100.2/24 dev e0; ip route add default via 10.0.0.1
		ip route add local '$PHONE_NETS' dev lo; ethtool -K e0 gro on >/dev/null'
}

ringfence() { # PHONES, up: attach, controller in CTL; a phone's signalling has pinholes, too
	cat >/run/rf.json <<-END
	{ "wan": [ { "dev": "w0", "public_address": "auto", "media_ports": "16384-50001" } ],
	  "sip": { "public_ports": "50002-65000", "max_bindings": $(($1 > 10000 ? $1 : 10000)), "max_calls": $(($1 > 66000 ? $1 * 3 / 2 : 100000)) },
	  "inside": [ "10.0.0.0/8", "198.51.100.0/24", "198.18.0.0/15" ], "peers": [ { "name": "p", "address": "203.0.113.0/24" } ] }
	END
	chmod 644 /run/rf.json
	ns g_rf "$B/ringfence" --instance bench attach dev w0 config /run/rf.json mode native >/run/attach.log 2>&1 || { cat /run/attach.log; exit 1; }
	nsenter --net=/run/netns/g_rf -- "$B/ringfenced" --config /run/rf.json --instance bench >/run/ctl.log 2>&1 &
	CTL=$!
	PIDS="$PIDS $CTL"
	for _ in $(seq 50); do ns g_rf "$B/ringfence" --instance bench status 2>/dev/null | grep -q alive && break; sleep 0.1; done
}
ringfence_down() {
	kill "$CTL" 2>/dev/null || :
	wait "$CTL" 2>/dev/null || :
	PIDS=${PIDS/ $CTL/}
	ns g_rf "$B/ringfence" --instance bench detach all >/dev/null
	rm -rf /run/ringfence
}

helper() { # PHONES: a site's router: masquerade, a closed FORWARD chain, the kernel's helper on SIP's port
	local nat='chain post { type nat hook postrouting priority srcnat; oifname w0 masquerade; }'
	[ -z "$ROUTED" ] || nat=''
	ns g_helper nft -f - <<-END || return 1
		table ip bench {
			ct helper sip { type "sip" protocol udp; l3proto ip; }
			chain assign { type filter hook prerouting priority -150; udp dport 5060 ct helper set "sip"; }
			chain forward_ { type filter hook forward priority filter; policy drop;
				ct state established,related accept; iifname l0 accept; }
			$nat
		}
	END
	# four expectations a call, and more than one run's are there for a while
	grow nf_conntrack_expect_max $((16 * $1))
	grow nf_conntrack_max $((4 * $1))
}

# rtpengine takes four sockets a call: one of it where the limit of open files allows, else as many as it takes.
relays() { # PHONES: how many in RELAYS; FILES: how many files each may open
	local want=$((4 * $1 + 200))
	FILES=$(ulimit -Hn)
	[ "$FILES" != unlimited ] || FILES=1000000
	[ "$FILES" -ge $want ] || ! (ulimit -n $want) 2>/dev/null || FILES=$want
	# the Call-ID says which: they do not share evenly
	RELAYS=$((FILES >= want ? 1 : $1 * 5 / (FILES - 200) + 1))
}

proxy() { # PHONES [RELAYS]: kamailio and rtpengine; their process ids in PROXY
	local i sockets=''
	command -v kamailio >/dev/null && command -v rtpengine >/dev/null || return 1
	relays "$1"
	[ -z "${2:-}" ] || RELAYS=$2
	# nothing is forwarded past the relay
	ns g_proxy sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	rm -rf /run/kamailio
	mkdir -p /run/kamailio
	PROXY=''
	for i in $(seq "$RELAYS"); do
		[ "$i" = 1 ] || ns g_proxy sh -c "ip addr add 203.0.113.$((i + 10))/24 dev w0; ip addr add 10.0.0.$((i + 10))/24 dev l0"
		local last=$((i == 1 ? 1 : i + 10))
		(ulimit -n "$FILES"; exec nsenter --net=/run/netns/g_proxy -- rtpengine --config-file=none --foreground --log-stderr --log-level=3 --table=-1 --num-threads=1 \
			--interface=pub/203.0.113.$last --interface=priv/10.0.0.$last --listen-ng=127.0.0.1:$((2222 + i)) --listen-cli=127.0.0.1:$((9900 + i)) \
			--port-min=16384 --port-max=60000 --delete-delay=0) >/run/rtpengine.log 2>&1 &
		PROXY=$PROXY$!,
		PIDS="$PIDS $!"
		sockets="$sockets udp:127.0.0.1:$((2222 + i))"
	done
	sed "s/udp:127.0.0.1:2223/${sockets# }/" tests/bench/kamailio.cfg >/run/kamailio.cfg
	sleep 1
	# room for the transactions of some seconds
	nsenter --net=/run/netns/g_proxy -- kamailio -DD -E -m 2048 -M 8 -f /run/kamailio.cfg -Y /run/kamailio \
		-P /run/kamailio/pid >/run/kamailio.log 2>&1 </dev/null &
	PROXY=$PROXY$!
	PIDS="$PIDS $!"
	for _ in $(seq 50); do ns g_proxy ss -Hlnu 'sport = 5060' | grep -q . && break; sleep 0.1; done
	ns g_proxy ss -Hlnu 'sport = 5060' | grep -q . || { tail /run/kamailio.log; return 1; }
}

rc=0
measure() { # ARGS: interruptible
	"$B/bench/signalling" "$@" &
	MAIN=$!
	wait $MAIN || rc=1
	MAIN=''
}
down() {
	# shellcheck disable=SC2086 # words
	kill $PIDS 2>/dev/null || :
	wait
	PIDS=''
	[ ! -e /run/netns/g_rf ] || ns g_rf "$B/ringfence" --instance bench detach all >/dev/null 2>&1 || :
	rm -rf /run/ringfence
	for n in /run/netns/*; do ip netns del "${n##*/}" 2>/dev/null || :; done
}

side_by_side() { # peers|held PHONES OUT.json
	local ways=() p
	ROUTED='' PHONE_NETS=10.16.0.0/12
	if [ "$2" -gt $NAT_MAX ]; then
		ROUTED=1 PHONE_NETS=198.18.0.0/15
		echo "
# $2 phones: one public address has not ports enough: they have public addresses, Ringfence is in mode routed, the helper does not translate"
	fi
	for p in $PEERS; do
		if [ "$p" = proxy ] && [ "$2" -gt "$PROXY_MAX" ]; then
			relays "$2"
			echo "# $2 calls by kamailio and $RELAYS of rtpengine: not measured, PROXY_MAX is $PROXY_MAX"
			continue
		fi
		[ "$1 $p" != 'held route' ] || continue
		gateway "$p"
		case $p in
		route)
			ns w_route ip route replace 10.0.0.0/8 via 203.0.113.1
			ways+=(route:route) ;;
		rf) ringfence "$2"; ways+=("rf:rf:$CTL") ;;
		helper) if helper "$2"; then ways+=(helper:helper); else echo "# this kernel's SIP helper cannot be set up: skipped"; fi ;;
		proxy) if proxy "$2"; then
				ways+=("proxy:proxy:$PROXY")
				[ "$RELAYS" = 1 ] || echo "# rtpengine: four sockets a call, $FILES open files, which cannot be raised here: $RELAYS of it for $2 calls"
			else
				echo "# no kamailio with rtpengine here: skipped"
			fi ;;
		esac
	done
	[ ${#ways[@]} = 0 ] || PHONES=$2 PHONE_NET=${PHONE_NETS%/*} measure "$1" "$3" "${ways[@]}"
	down
}

side_by_side peers "$PHONES" /run/peers.json
for n in $HELD; do side_by_side held "$n" "/run/held.$n.json"; done

# Where one rtpengine ends.
case " $PEERS " in *' proxy '*)
	relays 10000
	end=$((FILES / 4 + 100))
	if [ -n "$HELD" ] && [ "$RELAYS" -gt 1 ]; then
		PHONE_NETS=10.16.0.0/12
		gateway proxy
		if proxy $end 1; then
			echo "
# kamailio with one rtpengine that may open $FILES files:"
			PHONES=$end measure held /run/end.json "proxy:proxy:$PROXY"
		fi
		down
	fi ;;
esac

[ -z "$CALLS" ] || {
	gateway rf
	echo "
Signalling, all calls of one trunk, 64 in flight; CPU is the controller's, us a call"
	printf '%-8s %10s %10s %10s %10s %9s %9s %7s %14s %8s\n' calls set-ups/s BYEs/s set-up BYE 'user KB' 'kernel B' failed 'INVITE us p50' p99
}
for n in $CALLS; do
	ringfence 1
	where="10.0.0.2 10.0.0"
	[ "$n" -le 16000 ] || where="198.51.100.2 198.51.100"
	# shellcheck disable=SC2086 # two words
	measure trunk "/run/trunk.$n.json" "rf:rf:$CTL" "$n" "$n" $where
	ringfence_down
done
# shellcheck disable=SC2046 # words
python3 tests/bench/join.py "$B/bench-signalling.json" compared=/run/peers.json end_of_one_relay=/run/end.json \
	held[]= $(for n in $HELD; do echo "held[]=/run/held.$n.json"; done) \
	capacity[]= $(for n in $CALLS; do echo "capacity[]=/run/trunk.$n.json"; done)
exit $rc
