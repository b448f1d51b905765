#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The controller's user owns /run/ringfence/NAME and links/ of the pins: what he puts there in place of a file, a socket
# or a pin is followed by no root.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

RUN=/run/ringfence/$RF_INSTANCE
LINKS=/sys/fs/bpf/ringfence/$RF_INSTANCE/links
PRECIOUS=$LAB_TMP/precious

as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
untouched() { [ "$(cat "$PRECIOUS")" = precious ] && [ "$(stat -c %u:%a "$PRECIOUS")" = 0:600 ]; }
starts() { timeout 20 nsenter --net=/run/netns/gw -- "$RFD" --config "$RF_CONFIG" --instance "$RF_INSTANCE"; }
pinned_link() { bpftool -f link show pinned "$1" >/dev/null 2>&1; }

lab_up nat
rf_config '"user": "nobody"'
rf_up mode native && ok "attach and start"
rf_stop

(umask 077 && echo precious >"$PRECIOUS")
check "the directory is the user's" as_nobody test -w "$RUN"
for name in lock journal; do
	as_nobody mv -f "$RUN/$name" "$RUN/was"
	for kind in link fifo directory; do
		case $kind in
		link) as_nobody ln -s "$PRECIOUS" "$RUN/$name" ;;
		fifo) as_nobody mkfifo "$RUN/$name" ;;
		directory) as_nobody mkdir "$RUN/$name" ;;
		esac
		check_fails "a $kind in place of $name: the start says so" "cannot open .*$name.*remove it" starts
		as_nobody rm -rf "${RUN:?}/$name"
	done
	as_nobody mv "$RUN/was" "$RUN/$name"
done
check "what the link led to is as it was" untouched

# a control socket that leads elsewhere: nobody speaks to that
as_nobody rm -f "$RUN/control.sock"
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
s.settimeout(600)
open(sys.argv[2], "w").close()
print(s.accept()[0].recv(100), flush=True)' "$LAB_TMP/other.sock" "$LAB_TMP/listens" >"$LAB_TMP/heard" &
wait_for 10 test -e "$LAB_TMP/listens"
as_nobody ln -s "$LAB_TMP/other.sock" "$RUN/control.sock"
check_fails "a link in place of the control socket: the command says so" "not what it should be" rf call drop id 1
check "nobody has spoken to it" test ! -s "$LAB_TMP/heard"
rf_start && check "the controller makes its own" wait_for 5 test -S "$RUN/control.sock"
rf_stop

# the user's name changes: what the one before had is the new one's, also for the start after the next
chown daemon "$RUN" "$RUN/journal"
check "another user's journal is taken over" rf_start
check "and is the new user's" sh -c 'test "$(stat -c %U "$1")" = nobody' - "$RUN/journal"
rf_stop
check "at the start after that, too" rf_start
rf_stop

# a pin of another instance's link behind ours
in_ns gw ip link add w1 type veth peer name w1p && in_ns gw ip link set w1 up
check "another instance" in_ns gw "$RF" --instance "${RF_INSTANCE}b" attach dev w1 mode native
other=$(ls /sys/fs/bpf/ringfence/"${RF_INSTANCE}b"/links/xdp_* 2>/dev/null)
mine=$(ls "$LINKS"/xdp_* 2>/dev/null | head -n 1)
if [ -n "$other" ] && [ -n "$mine" ]; then
	check "the user replaces his pin" as_nobody sh -c 'rm -f "$2" && ln -s "$1" "$2"' - "$other" "$mine"
	check "detach" rf detach all
	check "nothing of ours is left" test ! -e "$LINKS"
	check "the other instance's program is on" sh -c 'nsenter --net=/run/netns/gw -- ip -d link show w1 | grep -q xdp'
	check "and its link" pinned_link "$other"
else
	not_ok "both have an XDP link"
fi
check "detach of the other one" in_ns gw "$RF" --instance "${RF_INSTANCE}b" detach all

# what a stranger has made at the root of all
rm -rf /run/ringfence && mkdir -m 777 /run/ringfence
check_fails "a root directory that others can write to" "only root can write" starts
rmdir /run/ringfence
lab_down
lab_done
