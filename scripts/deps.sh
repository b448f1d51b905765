#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Makes sure that the Debian packages for a step are there: scripts/deps.sh build|unit|check|demo|bench
# As root on Debian or Ubuntu missing ones are installed, saying so; elsewhere they are named and we stop.
set -eu

build="gcc make clang llvm bpftool pkg-config libbpf-dev libelf-dev zlib1g-dev libosip2-dev libjson-c-dev
	libevent-dev libmnl-dev libnftnl-dev libcap-ng-dev libseccomp-dev uthash-dev libpcap-dev
	nettle-dev"
unit="$build libcmocka-dev libasan8 libubsan1"
demo="$build iproute2 nftables ethtool sip-tester baresip-core tcpdump util-linux python3"
check="$unit $demo kamailio linphone-cli sipsak sipvicious shellcheck clang-format mandoc"
bench="$unit iproute2 ethtool nftables rtpengine-daemon kamailio python3 procps util-linux"

case ${1:-build} in
build) want=$build ;;
unit) want=$unit ;;
demo) want=$demo ;;
check) want=$check ;;
bench) want=$bench ;;
*) echo "usage: $0 build|unit|check|demo|bench" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	[ -n "${RF_DEPS_OK:-}" ] && exit 0
	echo "ringfence: this is not Debian; install the equivalents of:" $want >&2
	echo "ringfence: then run again with RF_DEPS_OK=1" >&2
	exit 1
fi
missing=
for p in $want; do
	dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "ringfence: these packages are missing:$missing" >&2
	echo "ringfence: install them first: sudo apt-get install$missing" >&2
	exit 1
fi

# The tests want the programs of some packages, not their services: those must neither start now (on
# port 5060, which may be another's) nor at the next boot. A policy-rc.d that is there already decides.
root=${DPKG_ROOT:-}
policy=$root/usr/sbin/policy-rc.d
ours=
new() { case " $missing " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
no_services() {
	trap '' HUP INT TERM
	for s in kamailio rtpengine-daemon; do
		new $s && [ -e "$root/etc/init.d/$s" ] || continue
		# also the symlinks of /etc/rc?.d
		if command -v systemctl >/dev/null 2>&1; then
			systemctl --quiet disable $s.service >/dev/null 2>&1 || :
			[ ! -d "$root/run/systemd/system" ] || systemctl --quiet stop $s.service >/dev/null 2>&1 || :
		elif command -v update-rc.d >/dev/null 2>&1; then
			update-rc.d $s disable >/dev/null 2>&1 || :
		fi
	done
	[ -z "$ours" ] || rm -f "$policy"
	ours=
}
if { new kamailio || new rtpengine-daemon; } && [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
	ours=1
	trap no_services EXIT
	trap 'exit 1' HUP INT TERM
	cat >"$policy" <<-'END'
		#!/bin/sh
		# of ringfence's scripts/deps.sh, for as long as it runs
		case $1 in kamailio* | rtpengine*) exit 101 ;; esac
		exit 0
	END
	chmod 755 "$policy"
else
	trap no_services EXIT
fi
echo "ringfence: installing missing Debian packages:$missing"
apt-get update -qq || true
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
	echo "ringfence: apt-get could not install:$missing" >&2
	exit 1
}
