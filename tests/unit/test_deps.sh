#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/deps.sh with a pretended Debian: a service that a package brings is neither started nor left
# enabled, what was there before stays as it is, and nothing is left behind, also when apt-get fails.
set -u

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
failed=0
mkdir "$TMP/bin"
export DPKG_ROOT=$TMP/root LOG=$TMP/log
POLICY=$DPKG_ROOT/usr/sbin/policy-rc.d

fake() { # NAME: a program from standard input
	{ echo '#!/bin/sh'; cat; } >"$TMP/bin/$1"
	chmod 755 "$TMP/bin/$1"
}

fake id <<<'echo 0'
fake dpkg-query <<<'for p; do :; done
case " $MISSING " in *" $p "*) ;; *) printf installed ;; esac'
fake systemctl <<<'echo "systemctl $*" >>"$LOG"'
fake update-rc.d <<<'echo "update-rc.d $*" >>"$LOG"'
# as dpkg does while it installs: asks whether a service may start
fake apt-get <<<'[ "$1" = install ] || exit 0
policy=$DPKG_ROOT/usr/sbin/policy-rc.d
for p in $MISSING; do
	case $p in kamailio | rtpengine-daemon) mkdir -p "$DPKG_ROOT/etc/init.d"; : >"$DPKG_ROOT/etc/init.d/$p" ;; esac
	rc=0
	[ ! -x "$policy" ] || "$policy" $p.service restart || rc=$?
	echo "$p.service: $rc" >>"$LOG"
done
[ -z "${HANGS:-}" ] || { : >"$LOG.hangs"; sleep 30; }
exit ${APT_FAILS:-0}'

# t NAME STATUS LOG STEP [POLICY]: what the run logged, and that the world is as before
t()
{
	local name=$1 want=$2 log=$3 step=$4 status=0 out
	rm -rf "$DPKG_ROOT"
	mkdir -p "$DPKG_ROOT/usr/sbin" "$DPKG_ROOT/run/systemd/system"
	[ -z "${5:-}" ] || { printf '#!/bin/sh\n%s\n' "$5" >"$POLICY"; chmod 755 "$POLICY"; }
	: >"$LOG"
	out=$(PATH=$TMP/bin:$PATH sh "$ROOT/scripts/deps.sh" "$step" 2>&1) || status=$?
	if [ $status = "$want" ] && [ "$(cat "$LOG")" = "$log" ] &&
		[ "$(tail -n +2 "$POLICY" 2>/dev/null)" = "${5:-}" ]; then
		echo "ok $name"
	else
		failed=1
		echo "not ok $name"
		printf 'status %s\n%s\n%s\n%s\n' $status "$out" "$(cat "$LOG")" "$(ls "$DPKG_ROOT/usr/sbin")" | sed 's/^/#   /'
	fi
}

off() { printf 'systemctl --quiet disable %s.service\nsystemctl --quiet stop %s.service' "$1" "$1"; }

export MISSING='kamailio sip-tester'
t 'kamailio is not started' 0 "kamailio.service: 101
sip-tester.service: 0
$(off kamailio)" check
APT_FAILS=100 t 'nor when apt-get fails' 1 "kamailio.service: 101
sip-tester.service: 0
$(off kamailio)" check
t 'a policy that is there stays and decides' 0 "kamailio.service: 0
sip-tester.service: 0
$(off kamailio)" check 'exit 0'
MISSING=rtpengine-daemon
t 'rtpengine is not started' 0 "rtpengine-daemon.service: 101
$(off rtpengine-daemon)" bench
MISSING=sip-tester
t 'a kamailio of before is left alone' 0 'sip-tester.service: 0' check
MISSING=
t 'nothing is missing' 0 '' check

MISSING=kamailio
rm -rf "$DPKG_ROOT" && mkdir -p "$DPKG_ROOT/usr/sbin" && : >"$LOG"
HANGS=1 PATH=$TMP/bin:$PATH setsid sh "$ROOT/scripts/deps.sh" check >/dev/null 2>&1 &
pid=$!
until [ -e "$LOG.hangs" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
there=$([ -e "$POLICY" ] && echo yes)
kill -TERM -- -$pid
wait $pid
status=$?
if [ $status != 0 ] && [ "$there" = yes ] && [ ! -e "$POLICY" ] && grep -q 'disable kamailio' "$LOG"; then
	echo 'ok stopped half-way, nothing is left'
else
	failed=1
	echo "not ok stopped half-way, nothing is left: status $status, $(ls "$DPKG_ROOT/usr/sbin") $(cat "$LOG")"
fi
exit $failed
