#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The controller as a supervisor runs it: it waits for attach, ends by detach with a status that means "again", and
# the unit's text fits that; make uninstall leaves no guard on that nobody can take off.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

waits() { # starts it with --wait, as the unit does
	: >"$RF_LOG"
	bg_ns gw "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE" --wait >>"$RF_LOG" 2>&1
	PID=$BG_PID
	echo "$PID" >"$LAB_TMP/ringfenced.pid"
}
said() { grep -qE -- "$1" "$RF_LOG"; }
ended() { # STATUS
	local rc=0
	wait_for 10 not kill -0 "$PID" || return 1
	wait "$PID" || rc=$?
	[ $rc = "$1" ] || { echo "status $rc"; return 1; }
}
unit() { grep -qxE -- "$1" "$PREFIX/lib/systemd/system/ringfenced.service"; }
make_it() { make -s --no-print-directory -C "$LAB_ROOT" B="$B" PREFIX="$PREFIX" "$@"; }

lab_up nat
rf_config

# ---- waiting ----
waits
check "not attached: it waits, and says for what" wait_for 10 said 'waiting: .*first: ringfence attach dev DEV'
kill -HUP "$PID"
check "it holds no lock meanwhile, and SIGHUP does not end it" sh -c "kill -0 $PID && ! test -e /run/ringfence/$RF_INSTANCE/lock"
kill -TERM "$PID"
if ended 0; then ok "SIGTERM: it ends, status 0"; else not_ok "SIGTERM: it ends, status 0"; fi
waits
wait_for 10 said 'waiting: '
# what counts is the configuration at attach
sed -i 's/20000/29999/' "$RF_CONFIG"
check "attach" rf attach dev w0 config "$RF_CONFIG"
check "the one that waited comes up" wait_for 15 rf_alive
check "signalling passes" sip_passes

# ---- detach, and again ----
check "detach all" rf detach all
if ended 3; then ok "it ends with status 3"; else not_ok "it ends with status 3"; fi
waits
check "attach again" rf attach dev w0 config "$RF_CONFIG"
check "the next one comes up" wait_for 15 rf_alive
check "signalling passes again" sip_passes
check_fails "without --wait it fails at once where nothing is attached" "not attached to any device" \
	in_ns gw timeout 10 "$RFD" --config "$RF_CONFIG" --instance "${RF_INSTANCE}x"

# where nobody has mounted the bpf file system yet, the first attach does
: >"$RF_LOG"
bg_ns gw unshare --mount --propagation private sh -c 'umount -l /sys/fs/bpf; exec "$@"' - \
	"$RFD" --config "$RF_CONFIG" --instance "${RF_INSTANCE}x" --wait >>"$RF_LOG" 2>&1
PID=$BG_PID
check "without a bpf file system it waits" wait_for 10 said 'waiting: no bpf file system'
kill -TERM "$PID"
if ended 0; then ok "and ends when it is told to"; else not_ok "and ends when it is told to"; fi

# ---- installed ----
PREFIX=$LAB_TMP/usr
check "make install" make_it install
check "the unit waits" unit "ExecStart=$PREFIX/sbin/ringfenced --wait"
check "and is started again after a detach" unit 'Restart=always'
check "which is no failure" unit 'SuccessExitStatus=3'
check "but not for a wrong command line" unit 'RestartPreventExitStatus=2'
check "nor is it skipped before the first attach" not unit 'Condition.*'
if command -v systemd-analyze >/dev/null; then
	check "systemd reads it" systemd-analyze verify --man=no "$PREFIX/lib/systemd/system/ringfenced.service"
else
	skip "systemd reads it: no systemd-analyze"
fi
check_fails "make uninstall with a device attached" "\"$RF_INSTANCE\" is attached; first: ringfence --instance $RF_INSTANCE detach all" \
	make_it uninstall
check "nothing is removed by that" test -x "$PREFIX/sbin/ringfence"
staged() { make_it install DESTDIR="$LAB_TMP/stage" && make_it uninstall DESTDIR="$LAB_TMP/stage"; }
check "what goes elsewhere is not asked" staged
check "the device is guarded as before" rf_alive
check "make uninstall FORCE=1" make_it uninstall FORCE=1
check "it is removed" test ! -e "$PREFIX/sbin/ringfence"
check "make install once more" make_it install
rf_down
check "make uninstall with nothing attached" make_it uninstall
check "all is removed" test -z "$(find "$PREFIX" -type f)"
lab_down
lab_done
