#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Makes sure that the Debian packages for a step are there: scripts/deps.sh build|unit|check|demo|bench
# As root on Debian or Ubuntu missing ones are installed, saying so; elsewhere they are named and we stop.
set -eu

build="gcc make clang llvm bpftool pkg-config libbpf-dev libelf-dev zlib1g-dev libosip2-dev libjson-c-dev
	libevent-dev libmnl-dev libcap-ng-dev libseccomp-dev uthash-dev libpcap-dev
	nettle-dev"
unit="$build libcmocka-dev libasan8 libubsan1"
demo="$build iproute2 nftables ethtool sip-tester baresip-core tcpdump util-linux python3"
check="$unit $demo kamailio shellcheck clang-format mandoc"
bench="$unit iproute2 ethtool nftables rtpengine kamailio python3 procps util-linux"

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
echo "ringfence: installing missing Debian packages:$missing"
apt-get update -qq || true
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
	echo "ringfence: apt-get could not install:$missing" >&2
	exit 1
}
