#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is wrong is said, and not something else: capabilities that root is without, where /sys comes from, and a device
# that is no WAN device by the looks of it.
. "$(dirname "$0")/../lib/lab.sh"
lab_enter "$@"

says() { # TEXT COMMAND...: it succeeds, and says so
	local text=$1 out
	shift
	out=$("$@" 2>&1) || { echo "$out"; return 1; }
	grep -qE -- "$text" <<<"$out" || { echo "$out"; return 1; }
}
silent() { # TEXT COMMAND...: it succeeds, and says no such thing
	local text=$1 out
	shift
	out=$("$@" 2>&1) || { echo "$out"; return 1; }
	! grep -qE -- "$text" <<<"$out" || { echo "$out"; return 1; }
}
with_caps() { # CAPS COMMAND...
	in_ns gw setpriv --inh-caps=-all --bounding-set=-all,+dac_override,"$1" -- timeout 60 "${@:2}"
}
# In a mount namespace of its own, whose /sys has that source and hides the bpf file system.
with_sys() { # SOURCE COMMAND...
	in_ns gw unshare --mount --propagation private sh -c 'umount -l /sys 2>/dev/null; mount -t sysfs "$1" /sys && shift && exec "$@"' sh "$@"
}

lab_up nat
rf_config

# ---- capabilities ----
check_fails "without CAP_PERFMON" "root is without CAP_PERFMON here" \
	with_caps +bpf,+net_admin "$RF" --instance "$RF_INSTANCE" attach dev w0
check_fails "without any" "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON|not permitted|permitted" \
	with_caps -all "$RF" --instance "$RF_INSTANCE" attach dev w0
check "with the three that are named" with_caps +bpf,+net_admin,+perfmon "$RF" --instance "$RF_INSTANCE" attach dev w0
check "and off" rf detach all

# ---- /sys ----
check_fails "as ip netns exec has it" "ip netns exec.*nsenter --net=/run/netns/gw" with_sys gw "$RF" --instance "$RF_INSTANCE" status
for source in sys none systemd-sysfs /dev/sysfs; do
	check_fails "/sys with source $source is no ip netns exec" "no bpf file system on /sys/fs/bpf" \
		with_sys "$source" "$RF" --instance "$RF_INSTANCE" status
done

# ---- devices ----
in_ns gw ip route replace default via "$(in_ns gw ip -4 -o addr show dev w0 | sed -E 's|.*inet ([0-9.]*)\.[0-9]+/.*|\1.2|')"
check "the WAN device: nothing to say" silent "default route|has no address|bridge" rf attach dev w0
check "status: nothing to say either" silent "default route|has no address|is a port" rf status
check "off" rf detach all
check "the inside device by mistake" says "default route goes by w0, not by l0" rf attach dev l0
check "beside the WAN device it may be one" silent "default route" rf attach dev w0
check "off again" rf detach all
in_ns gw ip link add name br9 type bridge
in_ns gw ip link add name p9 type veth peer name q9
in_ns gw ip link set p9 master br9 up
check "a port of a bridge" says "p9 is a port of the bridge br9.*attach dev br9" rf attach dev p9
check "off it" rf detach all
in_ns gw ip link set p9 nomaster
in_ns gw ip -6 addr flush dev p9
check "a device without address" says "p9 has no address: nothing is guarded until" rf attach dev p9
check "under -j it is a warning" says '"warnings":.*p9 has no address' rf -j status
check "and off at last" rf detach all
in_ns gw ip link del p9
in_ns gw ip link del br9
lab_done
