# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A network lab for tests and the demo: sourced by bash scripts, needs root.
#
#   ph (phones)            gw                         net (WAN, bridge)
#   e0 10.0.0.11, .12 --- l0 10.0.0.1 | w0 203.0.113.1 --- wan0 +-- p0 prov  203.0.113.2
#      fd00::11, ::12        fd00::1     2001:db8::1            +-- t0 third 203.0.113.3
#
# Everything lives in private mount and PID namespaces with an own /run and an own bpffs: nothing
# can meet another run or the machine, and all of it ends with the script, however that ends.
#
# The caller may set: B (build directory), LAB_PLAIN=1 (no ringfence, plain routing: checks the lab
# itself), KEEP=1 (keep the files). lab_up MODE [KEY=VALUE]... reads gro=on|off, csum=on|off (sender
# checksum offload), mtu=N, link=veth|bridge, masq=on|off (what is not ours is masqueraded, as a site's
# router does), forward=drop (policy of the gateway's FORWARD chain, as Docker sets it).

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LAB_ROOT LAB_PLAIN=${LAB_PLAIN:-}
B=${B:-build}
case $B in /*) ;; *) B=$LAB_ROOT/$B ;; esac
export B
LAB_PASSED=0 LAB_FAILED=0 LAB_SKIPPED=0

# ---- results ---------------------------------------------------------------------------------

ok() { LAB_PASSED=$((LAB_PASSED + 1)); echo "ok $*"; }
not_ok() { LAB_FAILED=$((LAB_FAILED + 1)); echo "not ok $*"; }
skip() { LAB_SKIPPED=$((LAB_SKIPPED + 1)); echo "skip $*"; }

# check NAME COMMAND...: one test; the command's output is shown when it fails.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name"
		printf '%s\n' "$out" | sed 's/^/#   /' | tail -n 40
	fi
}

# check_fails NAME TEXT COMMAND...: the command must fail with status 1 or 2 and say TEXT (grep -i -E).
check_fails() {
	local name=$1 text=$2 out rc=0
	shift 2
	out=$("$@" 2>&1) || rc=$?
	if { [ $rc = 1 ] || [ $rc = 2 ]; } && grep -qiE -- "$text" <<<"$out"; then
		ok "$name"
	else
		not_ok "$name"
		printf 'status %s, wanted 1 or 2 and a message with: %s\n%s\n' "$rc" "$text" "$out" | sed 's/^/#   /'
	fi
}

# Counts the result lines of a child test program.
lab_run() {
	local log rc=0
	log=$LAB_TMP/run.$RANDOM
	timeout -k 5 "${LAB_LIMIT:-300}" "$@" >"$log" 2>&1 || rc=$?
	cat "$log"
	LAB_PASSED=$((LAB_PASSED + $(grep -c '^ok ' "$log")))
	LAB_FAILED=$((LAB_FAILED + $(grep -c '^not ok ' "$log")))
	LAB_SKIPPED=$((LAB_SKIPPED + $(grep -c '^skip ' "$log")))
	[ $rc = 0 ] || grep -q '^not ok ' "$log" || not_ok "$(basename "$1") ${2:+$(basename "$2") }ended with status $rc"
	rm -f "$log"
}

sip_passes() { # a plain OPTIONS from the phone arrives at the provider
	python3 - <<-'END'
		from ua import *
		from world import World
		with World(4) as w:
		    phone, prov = w.phone(), w.provider()
		    Call(phone, prov, f'sip:x@{prov.hp}').la.request('OPTIONS')
		    prov.want('OPTIONS')
	END
}

lab_python() { # SCRIPT [ARGS]: a test program beside this script
	local script=$1
	shift
	lab_run python3 "$LAB_ROOT/tests/netns/$script" "$@"
}

lab_done() {
	echo "# $LAB_PASSED passed, $LAB_FAILED failed, $LAB_SKIPPED skipped"
	[ "$LAB_FAILED" = 0 ] && [ $((LAB_PASSED + LAB_SKIPPED)) != 0 ]
	exit
}

# ---- private world ---------------------------------------------------------------------------

lab_enter() { # "$@": the script's own arguments
	if [ "$(id -u)" != 0 ]; then
		echo "skip $(basename "$0") needs root (network namespaces)"
		exit 0
	fi
	if [ -z "${LAB_INSIDE_PRIVATE:-}" ]; then
		[ -z "${KEEP:-}" ] || LAB_TMP=$(mktemp -d "${TMPDIR:-/tmp}/rft-XXXXXX")
		export LAB_INSIDE_PRIVATE=1 LAB_TMP=${LAB_TMP:-/run/lab} RF_INSTANCE=rft$$
		local rc=0 pid
		unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- \
			"$BASH" "$0" "$@" </dev/null &
		pid=$!
		# ends its child, process 1 of the PID namespace, and so everything in there
		trap 'exec 2>/dev/null; kill -KILL $pid' INT TERM HUP EXIT
		wait $pid || rc=$?
		[ -z "${KEEP:-}" ] || echo "# files kept in $LAB_TMP"
		exit $rc
	fi
	unset LAB_INSIDE_PRIVATE
	mount -t tmpfs -o mode=755 lab /run && mkdir -p /run/netns /run/lock "$LAB_TMP" || exit 1
	chmod 755 "$LAB_TMP" # the controller drops its privileges
	mount -t bpf bpf /sys/fs/bpf || exit 1
	export PATH="$B/tools:$PATH" RF_INSTANCE
	export RF=$B/ringfence RFD=$B/ringfenced RF_LOG=$LAB_TMP/ringfenced.log RF_CONFIG=$LAB_TMP/ringfence.json
	export ASAN_OPTIONS="${ASAN_OPTIONS:-abort_on_error=0:exitcode=99}" PYTHONPATH="$LAB_ROOT/tests/lib" PYTHONDONTWRITEBYTECODE=1
}

in_ns() { # NS COMMAND...; not "ip netns exec", which hides the bpffs
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}

bg_ns() { # NS COMMAND...: in the background; its process id is in BG_PID
	local ns=$1
	shift
	nsenter --net="/run/netns/$ns" -- "$@" &
	BG_PID=$!
}

lab_ns() { # NAME: new namespace with lo up and no address detection delay
	ip netns add "$1"
	in_ns "$1" sh -c 'ip link set lo up
		for k in all default; do
			echo 0 >/proc/sys/net/ipv6/conf/$k/accept_dad
			echo 0 >/proc/sys/net/ipv6/conf/$k/accept_ra
			echo 0 >/proc/sys/net/ipv4/conf/$k/send_redirects
			echo 0 >/proc/sys/net/ipv4/conf/$k/rp_filter
		done
		echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind
		echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
		echo "0 0" >/proc/sys/net/ipv4/ping_group_range 2>/dev/null || :'
}

lab_link() { # NS1 DEV1 NS2 DEV2
	ip link add name "$2" netns "$1" type veth peer name "$4" netns "$3"
	in_ns "$1" ip link set "$2" up mtu "$LAB_MTU"
	in_ns "$3" ip link set "$4" up mtu "$LAB_MTU"
}

lab_addr() { # NS DEV ADDR/LEN...
	local ns=$1 dev=$2 a
	shift 2
	for a in "$@"; do
		# shellcheck disable=SC2046 # none or one word
		in_ns "$ns" ip addr add "$a" dev "$dev" $(case $a in *:*) echo nodad ;; esac)
	done
}

lab_up() { # nat|host|routed [KEY=VALUE]...
	export LAB_MODE=$1
	LAB_GRO=on LAB_CSUM=on LAB_MTU=1500 LAB_LINK=veth
	local masq=off forward=accept
	shift
	local kv dev inside
	for kv; do
		case $kv in
		gro=*) LAB_GRO=${kv#*=} ;;
		csum=*) LAB_CSUM=${kv#*=} ;;
		mtu=*) LAB_MTU=${kv#*=} ;;
		link=*) LAB_LINK=${kv#*=} ;;
		masq=*) masq=${kv#*=} ;;
		forward=*) forward=${kv#*=} ;;
		*) echo "lab_up: unknown $kv" >&2; exit 2 ;;
		esac
	done
	export LAB_GRO LAB_CSUM LAB_MTU LAB_LINK
	# LAB_WAN4, LAB_WAN6: other networks on the WAN side; private ones must work, too
	LAB_WAN4=${LAB_WAN4:-203.0.113} LAB_WAN6=${LAB_WAN6:-2001:db8:}
	export GW4=$LAB_WAN4.1 GW6=$LAB_WAN6:1 PROV4=$LAB_WAN4.2 PROV6=$LAB_WAN6:2
	export THIRD4=$LAB_WAN4.3 THIRD6=$LAB_WAN6:3
	for dev in ph gw net prov third; do lab_ns $dev; done
	lab_link gw w0 net wan0
	lab_link prov p0 net pp
	lab_link third t0 net tt
	in_ns net sh -c 'ip link add br0 type bridge forward_delay 0 mcast_snooping 0 && ip link set br0 up mtu '"$LAB_MTU"'
		for d in wan0 pp tt; do ip link set $d master br0; done'
	lab_addr gw w0 $GW4/24 $GW6/64
	lab_addr prov p0 $PROV4/24 $PROV6/64 "$LAB_WAN4.5/24" "$LAB_WAN6:5/64"
	lab_addr third t0 $THIRD4/24 $THIRD6/64
	in_ns gw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'

	case $LAB_MODE in
	nat) inside="10.0.0 fd00:" ;;
	routed) inside="198.51.100 2001:db8:1:" ;;
	host) inside= ;;
	*) echo "lab_up: unknown mode $LAB_MODE" >&2; exit 2 ;;
	esac
	if [ -z "$inside" ]; then
		export PH_NS=gw PH4=$GW4 PH6=$GW6 PH4B=$GW4 PH6B=$GW6 PH_DEV=w0 LAB_INSIDE=
	else
		export PH_NS=ph PH_DEV=e0 PH4=${inside% *}.11 PH6=${inside#* }:11 PH4B=${inside% *}.12 PH6B=${inside#* }:12
		export LAB_INSIDE="${inside% *}.0/24 ${inside#* }:/64" IN_DEV=l0
		lab_link gw l0 ph e0
		if [ "$LAB_LINK" = bridge ]; then
			IN_DEV=inbr
			in_ns gw sh -c 'ip link add inbr type bridge forward_delay 0 mcast_snooping 0 && ip link set inbr up mtu '"$LAB_MTU"' &&
				ip link set l0 master inbr'
		fi
		lab_addr gw $IN_DEV "${inside% *}.1/24" "${inside#* }:1/64"
		lab_addr ph e0 $PH4/24 $PH4B/24 $PH6/64 $PH6B/64
		in_ns ph ip route add default via "${inside% *}.1"
		in_ns ph ip -6 route add default via "${inside#* }:1"
		if [ "$LAB_MODE" = routed ] || [ -n "$LAB_PLAIN" ]; then
			for dev in prov third; do
				in_ns $dev ip route add "${inside% *}.0/24" via $GW4
				in_ns $dev ip -6 route add "${inside#* }:/64" via $GW6
			done
		fi
	fi
	lab_offload
	lab_warm
	[ "$masq" = on ] && in_ns gw nft 'add table inet lab; add chain inet lab post { type nat hook postrouting priority 100; };
		add rule inet lab post oifname "w0" masquerade'
	[ "$forward" = drop ] && in_ns gw nft 'add table inet lab; add chain inet lab forwarded { type filter hook forward priority 0; policy drop; }'
	:
}

# GRO at the far ends decides whether XDP may redirect to them; tx checksum offload at the senders
# decides whether packets arrive with partial checksums.
lab_offload() {
	local x
	for x in "net wan0" "ph e0"; do
		in_ns "${x% *}" ethtool -K "${x#* }" gro "$LAB_GRO" >/dev/null 2>&1
	done
	for x in "prov p0" "third t0" "ph e0" "gw w0" "gw l0"; do
		in_ns "${x% *}" ethtool -K "${x#* }" tx "$LAB_CSUM" >/dev/null 2>&1
	done
	:
}

lab_poke() { # NS ADDR...: a datagram to the discard port, so that the neighbour is resolved
	local ns=$1
	shift
	in_ns "$ns" bash -c 'for a; do echo >"/dev/udp/$a/9"; done' - "$@" 2>/dev/null
}

lab_warm() { # neighbour tables filled, so that nothing waits for ARP later
	lab_poke gw $PROV4 $PROV6 $THIRD4 $THIRD6
	[ "$LAB_MODE" = host ] || lab_poke ph "${PH4%.*}.1" "${PH6%:*}:1"
	[ "$LAB_MODE" = host ] || lab_poke gw "$PH4" "$PH4B" "$PH6" "$PH6B"
	sleep 0.05
}

lab_down() {
	local ns pid pids=
	for ns in ph gw net prov third; do pids="$pids $(ip netns pids $ns 2>/dev/null)"; done
	for pid in $pids; do
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for ns in ph gw net prov third; do ip netns del $ns 2>/dev/null; done
	:
}

# ---- ringfence -------------------------------------------------------------------------------

rf() { in_ns gw timeout -k 2 20 "$RF" --instance "$RF_INSTANCE" "$@"; }

# shellcheck disable=SC2120 # arguments come from the scripts that source this
rf_config() { # [JSON members to add]: writes $RF_CONFIG
	local inside=
	# LAB_DEFAULTS=1: the inside prefixes are not named
	[ -n "${LAB_DEFAULTS:-}" ] || for p in $LAB_INSIDE; do inside="$inside${inside:+, }\"$p\""; done
	cat >"$RF_CONFIG" <<-END
	{ "wan": [ { "dev": "w0", "public_address": "auto", "media_ports": "10000-29999" } ],
	  ${inside:+"\"inside\": [ $inside ],"}
	  "peers": [ { "name": "provider", "address": "$LAB_WAN4.0/24" }, { "name": "provider6", "address": "$LAB_WAN6:/64" } ]
	  ${INSIDE_XDP:+, "\"inside_xdp\": \"$INSIDE_XDP\""}
	  ${1:+, $1}
	}
	END
	chmod 644 "$RF_CONFIG"
}

# rf_up [attach options]: attach and start the controller with $RF_CONFIG (written if missing). On these veths it
# would be TC by itself: unless told otherwise, the first lab of a script and every second one ask for native XDP.
rf_up() {
	[ -n "$LAB_PLAIN" ] && return 0
	case " $* " in *" mode "*) ;; *)
		LAB_TURN=$((1 - ${LAB_TURN:-0}))
		[ $LAB_TURN = 0 ] || set -- mode native "$@" ;;
	esac
	[ -f "$RF_CONFIG" ] || rf_config
	local out
	if ! out=$(rf attach dev w0 config "$RF_CONFIG" "$@" 2>&1); then
		not_ok "$LAB_MODE: attach dev w0 $*"
		printf '%s\n' "$out" | sed 's/^/#   /'
		return 1
	fi
	rf_start
}

rf_start() {
	[ -n "$LAB_PLAIN" ] && return 0
	: >>"$RF_LOG"
	bg_ns gw "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE" >>"$RF_LOG" 2>&1
	echo $BG_PID >"$LAB_TMP/ringfenced.pid"
	if ! wait_for 10 rf_alive; then
		not_ok "$LAB_MODE: the controller comes up"
		sed 's/^/#   /' "$RF_LOG" | tail -n 20
		return 1
	fi
}

rf_alive() { rf -j status 2>/dev/null | grep -qE '"(alive|controller_alive)": *true|"controller": *"alive"'; }

# Ends the controller as an operator would; complaints of a sanitizer are failures.
rf_stop() {
	[ -n "$LAB_PLAIN" ] && return 0
	local rc=0 pid
	pid=$(cat "$LAB_TMP/ringfenced.pid" 2>/dev/null)
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	if ! wait_for 10 not kill -0 "$pid"; then
		not_ok "$LAB_MODE: the controller ends on SIGTERM"
		kill -9 "$pid"
	fi
	wait "$pid" 2>/dev/null || rc=$?
	rm -f "$LAB_TMP/ringfenced.pid"
	# 3: its instance was detached before; 127: not our child (started by a test program); 137: killed by a test
	case $rc in 0 | 3 | 127 | 137) ;; *) not_ok "$LAB_MODE: the controller's exit status is $rc, not 0"
		sed 's/^/#   /' "$RF_LOG" | tail -n 20 ;; esac
	rf_log_clean
}

rf_log_clean() {
	if grep -qE 'AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehavior|Assertion' "$RF_LOG" 2>/dev/null; then
		not_ok "$LAB_MODE: no sanitizer report in the controller's log"
		grep -nE -A25 'Sanitizer|runtime error:|Assertion' "$RF_LOG" | head -60 | sed 's/^/#   /'
	fi
}

rf_down() { # stop, detach, and see that nothing is left
	[ -n "$LAB_PLAIN" ] && { rm -f "$RF_CONFIG"; return 0; }
	rf_stop
	rf detach all >"$LAB_TMP/detach" 2>&1 || { not_ok "$LAB_MODE: detach all"; sed 's/^/#   /' "$LAB_TMP/detach"; }
	rm -f "$RF_CONFIG" "$RF_LOG"
}

# ---- helpers ---------------------------------------------------------------------------------

not() { if "$@" 2>/dev/null; then return 1; fi; }

wait_for() { # SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -ge $end ] && return 1
		sleep 0.05
	done
}

capture_start() { # NS DEV FILE [FILTER]
	local ns=$1 dev=$2 file=$3
	shift 3
	rm -f "$file"
	bg_ns "$ns" tcpdump -i "$dev" -n -s 0 -B 16384 -U --immediate-mode -w "$file" "$@" 2>"$file.log"
	echo $BG_PID >"$file.pid"
	wait_for 5 grep -q 'listening on' "$file.log"
}

capture_stop() { # FILE
	local pid
	pid=$(cat "$1.pid")
	sleep 0.2
	kill -TERM "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$1.pid"
	grep -q '^0 packets dropped by kernel' "$1.log" || { echo "capture lost packets:"; cat "$1.log"; return 1; }
}

# No inside address in the capture: IP headers, quoted headers in ICMP, text of any message.
capture_private() { # FILE
	python3 "$LAB_ROOT/tests/lib/wire.py" private "$1" 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fd00::/8
}
