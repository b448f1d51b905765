#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The lock over changes of an instance: no other local user can take it, one instance does not wait for
# another, and the controller waits for nobody: signalling passes meanwhile.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

PINS=/sys/fs/bpf/ringfence

# Takes every flock() that this user can get, tells how many, and keeps them until release.
hoard() { # UID FOLDER...
	rm -f "$LAB_TMP/held"
	python3 -c '
import fcntl, os, sys, time
os.setgroups([])
os.setgid(65533)
os.setuid(int(sys.argv[2]))
held = []
for top in sys.argv[3:]:
    for path, _, _ in os.walk(top):
        for name in (path, os.path.join(path, "lock")):
            try:
                held.append(os.open(name, os.O_RDONLY))
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass
print(len(held), flush=True)
time.sleep(600)' - "$@" >"$LAB_TMP/held" &
	HOARD_PID=$!
	wait_for 10 test -s "$LAB_TMP/held"
}

release() {
	kill "$HOARD_PID"
	wait "$HOARD_PID" 2>/dev/null
	:
}

# Programs are loaded before the lock is taken: the controller waits for no verifier.
loads_first() { # COMMAND...
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 in_ns gw sh -c 'exec failat -v lock 0 0 "$@" 3>/dev/null' - \
		"$RF" --instance "$RF_INSTANCE" "$@" 2>"$LAB_TMP/order" || { cat "$LAB_TMP/order"; return 1; }
	awk '/^failat: .* PROG_LOAD/ { if (locked) late++; else early++ }
		/^failat: .* flock/ { locked = 1 }
		END { print early + 0, "programs before the lock,", late + 0, "under it"; exit !locked || early < 8 || late }' "$LAB_TMP/order"
}

followed() { rf -j status | grep -q "\"dev\":\"$1\""; }
inside_new() { # DEV: one more device that leads inside
	in_ns gw ip link add "$1" type veth peer name "$1p" && in_ns gw ip link set "$1" up && in_ns gw ip addr add "10.0.0.65/26" dev "$1"
}

lab_up nat
for user in '"user": ""' '"user": "nobody"'; do
	rf_config "$user"
	check "$user: attach loads before it locks" loads_first attach dev w0 mode native config "$RF_CONFIG"
	rf_start && ok "$user: attach and start"
	check "$user: replace, too" loads_first attach dev w0 config "$RF_CONFIG" replace

	# ---- another local user ----
	hoard 65533 "$PINS" /run/ringfence
	check "$user: a local user can open something of ours" test "$(cat "$LAB_TMP/held")" -gt 0
	check "$user: signalling passes" sip_passes
	inside_new x0
	check "$user: a new device is followed" wait_for 25 followed x0
	in_ns gw ip link add w1 type veth peer name w1p && in_ns gw ip link set w1 up
	check "$user: attach" rf attach dev w1 config "$RF_CONFIG"
	check "$user: detach" rf detach dev w1
	release

	# ---- a holder that is stopped or hangs ----
	hoard 0 "$PINS/$RF_INSTANCE"
	check_fails "$user: a holder that hangs: attach says so" "has held .*/lock for 15 seconds.*fuser" \
		in_ns gw timeout 60 "$RF" --instance "$RF_INSTANCE" attach dev w0 config "$RF_CONFIG" replace
	release

	# ---- an attach that takes long ----
	hoard 0 "$PINS/$RF_INSTANCE"
	in_ns gw ip link del x0
	inside_new x1
	check "$user: while the lock is taken signalling passes" sip_passes
	check "$user: another instance does not wait for it" \
		in_ns gw timeout 20 "$RF" --instance "${RF_INSTANCE}b" attach dev w1
	check "$user: nor does its detach" in_ns gw timeout 20 "$RF" --instance "${RF_INSTANCE}b" detach all
	check "$user: its pins and folders are gone" test ! -e "$PINS/${RF_INSTANCE}b"
	check "$user: after some seconds it is said" \
		wait_for 30 grep -q 'cannot follow the devices.*an attach, replace or detach of this instance is at work' "$RF_LOG"
	check "$user: the controller is alive" rf_alive
	check "$user: and signalling passes" sip_passes
	check "$user: the new device has to wait" not followed x1
	release
	check "$user: afterwards it is followed" wait_for 25 followed x1
	check "$user: which is said once" test "$(grep -c 'cannot follow the devices' "$RF_LOG")" = 1
	check "$user: and that it is over" wait_for 5 grep -q 'the devices are followed again' "$RF_LOG"
	in_ns gw ip link del w1
	in_ns gw ip link del x1
	rf_down
	check "$user: nothing is left" test -z "$(find /sys/fs/bpf -mindepth 1 ! -name '*.debug')"
done
lab_down
lab_done
