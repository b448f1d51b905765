#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signalling benchmark: calls/s, CPU and memory per call, latency of an INVITE, when pinholes open and close;
# Ringfence, the kernel's SIP helper and kamailio with rtpengine side by side against plain routing, then
# Ringfence alone with more and more calls of one trunk, in mode nat, and in mode routed where one public
# address has not ports enough. Everything ends with the script.
# ROUNDS, PHONES: of the comparison; MORE: phones of another, once, for memory, "" for none. PEERS: which.
# TIMED: calls of the pinhole part. CALLS: "1000 8000 100000", "" for none.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build}
case $B in /*) ;; *) B=$PWD/$B ;; esac
export B
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
PIDS='' CTL='' MAIN=''
trap 'exit 143' INT TERM
EXPECT=/proc/sys/net/netfilter/nf_conntrack_expect_max
EXPECT_WAS=$(cat $EXPECT 2>/dev/null || :)
# shellcheck disable=SC2086 # words
trap 'kill $MAIN $PIDS 2>/dev/null || :; [ -z "$EXPECT_WAS" ] || echo "$EXPECT_WAS" >$EXPECT || :
	for n in /run/netns/*; do ip netns del "${n##*/}" 2>/dev/null || :; done' EXIT
ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

PEERS=${PEERS:-route rf helper proxy}
PHONES=${PHONES:-1000}
MORE=${MORE-4000} # rtpengine takes four sockets a call, and 20,000 files are a usual limit
export PHONES

gateway() { # NAME: i_NAME (inside) --- g_NAME --- w_NAME (WAN); 10.1.0.0/16 are phones
	local n
	for n in "i_$1" "g_$1" "w_$1"; do ip netns add "$n"; ns "$n" ip link set lo up; done
	ip link add w0 netns "g_$1" type veth peer name p0 netns "w_$1"
	ip link add l0 netns "g_$1" type veth peer name e0 netns "i_$1"
	ns "g_$1" sh -c 'ip link set w0 up; ip link set l0 up; ip addr add 203.0.113.1/24 dev w0; ip addr add 10.0.0.1/24 dev l0
		ip addr add 198.51.100.1/24 dev l0; ip route add 10.1.0.0/16 via 10.0.0.2; echo 1 >/proc/sys/net/ipv4/ip_forward'
	ns "w_$1" sh -c 'ip link set p0 up; ip addr add 203.0.113.2/24 dev p0; ip route add default via 203.0.113.1; ethtool -K p0 gro on >/dev/null'
	ns "i_$1" sh -c 'ip link set e0 up; ip addr add 10.0.0.2/24 dev e0; ip addr add 198.51.100.2/24 dev e0; ip route add default via 10.0.0.1
		ip route add local 10.1.0.0/16 dev lo; ethtool -K e0 gro on >/dev/null'
}

ringfence() { # up: attach, controller in CTL
	cat >/run/rf.json <<-'END'
	{ "wan": [ { "dev": "w0", "public_address": "auto", "media_ports": "16384-50001" } ],
	  "sip": { "public_ports": "50002-65000" },
	  "inside": [ "10.0.0.0/8", "198.51.100.0/24" ], "peers": [ { "name": "p", "address": "203.0.113.0/24" } ] }
	END
	chmod 644 /run/rf.json
	ns g_rf "$B/ringfence" --instance bench attach dev w0 config /run/rf.json >/run/attach.log 2>&1 || { cat /run/attach.log; exit 1; }
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

helper() { # a site's router: masquerade, a closed FORWARD chain, the kernel's helper on SIP's port
	ns g_helper nft -f - <<-'END' || return 1
		table ip bench {
			ct helper sip { type "sip" protocol udp; l3proto ip; }
			chain assign { type filter hook prerouting priority -150; udp dport 5060 ct helper set "sip"; }
			chain forward_ { type filter hook forward priority filter; policy drop;
				ct state established,related accept; iifname l0 accept; }
			chain post { type nat hook postrouting priority srcnat; oifname w0 masquerade; }
		}
	END
	# four expectations a call, and more than one run's are there for a while
	local n=$((16 * (PHONES > ${MORE:-0} ? PHONES : ${MORE:-0})))
	[ "${EXPECT_WAS:-0}" -ge $n ] || echo $n >$EXPECT 2>/dev/null ||
		echo "# nf_conntrack_expect_max stays $EXPECT_WAS"
}

proxy() { # kamailio and rtpengine; their process ids in PROXY
	command -v kamailio >/dev/null && command -v rtpengine >/dev/null || return 1
	mkdir -p /run/kamailio
	nsenter --net=/run/netns/g_proxy -- rtpengine --foreground --log-stderr --log-level=3 --table=-1 --num-threads=1 \
		--interface=pub/203.0.113.1 --interface=priv/10.0.0.1 --listen-ng=127.0.0.1:2223 \
		--port-min=16384 --port-max=60000 --delete-delay=0 >/run/rtpengine.log 2>&1 &
	PROXY=$!
	PIDS="$PIDS $!"
	sleep 1
	nsenter --net=/run/netns/g_proxy -- kamailio -DD -E -m 128 -M 8 -f tests/bench/kamailio.cfg -Y /run/kamailio \
		-P /run/kamailio/pid >/run/kamailio.log 2>&1 </dev/null &
	PROXY=$PROXY,$!
	PIDS="$PIDS $!"
	for _ in $(seq 50); do ns g_proxy ss -Hlnu 'sport = 5060' | grep -q . && break; sleep 0.1; done
	ns g_proxy ss -Hlnu 'sport = 5060' | grep -q . || { tail /run/kamailio.log; return 1; }
}

rc=0
ways=()
for p in $PEERS; do
	gateway "$p"
	case $p in
	route)
		ns w_route ip route replace 10.0.0.0/8 via 203.0.113.1
		ways+=(route:route) ;;
	rf) ringfence; ways+=("rf:rf:$CTL") ;;
	helper) if helper; then ways+=(helper:helper); else echo "# this kernel's SIP helper cannot be set up: skipped"; fi ;;
	proxy) if proxy; then ways+=("proxy:proxy:$PROXY"); else echo "# no kamailio with rtpengine here: skipped"; fi ;;
	esac
done
measure() { # ARGS: interruptible
	"$B/bench/signalling" "$@" &
	MAIN=$!
	wait $MAIN || rc=1
	MAIN=''
}
measure peers /run/peers.json "${ways[@]}"
[ -z "$MORE" ] || PHONES=$MORE ROUNDS=1 TIMED=0 measure peers /run/more.json "${ways[@]}"
# shellcheck disable=SC2086 # words
kill $PIDS 2>/dev/null || :
wait
PIDS=''
[ -e /run/netns/g_rf ] || gateway rf
ns g_rf "$B/ringfence" --instance bench detach all >/dev/null 2>&1 || :
rm -rf /run/ringfence

[ -z "${CALLS-1000 8000 100000}" ] || echo "
Signalling, all calls of one trunk, 64 in flight; CPU is the controller's"
for n in ${CALLS-1000 8000 100000}; do
	ringfence
	where="10.0.0.2 10.0.0"
	[ "$n" -le 16000 ] || where="198.51.100.2 198.51.100"
	# shellcheck disable=SC2086 # two words
	measure trunk /run/trunk.json "rf:rf:$CTL" "$n" "$n" $where
	tee -a /run/trunks.json </run/trunk.json
	ringfence_down
done
{ echo '{"compared":'; cat /run/peers.json; [ -z "$MORE" ] || { echo ', "compared_more":'; cat /run/more.json; }; echo ', "capacity": ['; sed '$!s/$/,/' /run/trunks.json 2>/dev/null || :; echo ']}'; } >"$B/bench-signalling.json"
exit $rc
