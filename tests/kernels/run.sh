#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs the kernel-side tests on other kernels, under qemu without KVM: tests/kernels/run.sh BUILD [KERNEL...]
# BUILD is the output directory that holds bpf/test_*; KERNEL a suite of the Debian archive for the kernel that
# its linux-image-amd64 names, or SUITE:VERSION for the newest kernel of that version there; without, all of the
# table below. One that is not in the table runs all tests. RF_KERNEL_TESTS in the environment, such as
# "test_load" for quick figures, replaces the tests of all of them. Under emulation, test_truncation takes each
# seventh length and value, and test_reasons leaves out its repetitions with warm caches (test_rewrite has them);
# RF_SAMPLE=1 in the environment: all of it.
# Kernels are unpacked and not installed. Prints "ok", "not ok" and "skip" lines, and test_load's figures.
set -eu

# kernel, its tests (patterns). What a kernel does shows on the oldest and the newest; those between show
# what their verifiers take the programs for: steps, stack, time.
kernels='
bookworm		test_*
trixie			test_load
trixie-backports:6.18	test_load
sid			test_*
'

build=$(realpath "${1:?usage: $0 BUILD [KERNEL...]}")
shift
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(awk '{ print $1 }' <<<"$kernels")
# wherever this machine gets Debian from
mirror=${RF_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
	'Label: Debian' 2>/dev/null | sed 's|/$||' | sort -u | head -n 1)}
work=${RF_KERNELS:-$build/kernels}

skip() {
	echo "skip other kernels: $*"
	exit 0
}

[ "$(uname -m)" = x86_64 ] || skip "only written for x86_64, this is $(uname -m)"
command -v apt-get >/dev/null || skip "no apt-get to fetch kernels with"
[ -n "$mirror" ] || skip "no Debian archive among apt's sources"
missing=
for p in qemu-system-x86 busybox-static dash cpio kmod iproute2 nftables; do
	dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] || skip "missing packages:$missing"
	echo "tests/kernels: installing$missing"
	apt-get update -qq || true
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
		skip "cannot install$missing"
fi

tests_of() { # kernel: paths of the test programs it runs
	local patterns p t
	read -ra patterns <<<"${RF_KERNEL_TESTS:-$(awk -v kernel="$1" '$1 == kernel { $1 = ""; print }' <<<"$kernels")}"
	for p in "${patterns[@]:-test_*}"; do
		# shellcheck disable=SC2231
		for t in "$build"/bpf/$p; do
			case $t in *.d) ;; *) [ ! -x "$t" ] || echo "$t" ;; esac
		done
	done
}

for kernel in "$@"; do
	[ -n "$(tests_of "$kernel")" ] || {
		echo "tests/kernels: no tests for $kernel in $build/bpf; make build-tests first" >&2
		exit 2
	}
done

folder() { echo "$work/${1/:/-}"; } # kernel

# apt with lists of its own, so that the machine's sources stay as they are
fetch() { # kernel; sets why if it fails
	local suite=${1%%:*} version=
	case $1 in *:*) version=${1#*:} ;; esac
	why="cannot be fetched"
	d=$(folder "$1")
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
	{
		echo "deb $mirror $suite main"
		case $suite in sid | *-backports) ;; *) echo "deb ${mirror}-security $suite-security main" ;; esac
	} >"$d/sources.list"
	set -- -qq -o "Dir::Etc::sourcelist=$d/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o "Dir::State::lists=$d/lists" -o "Dir::Cache=$d/cache" -o APT::Sandbox::User=root
	apt-get "$@" update || return 1
	if [ -n "$version" ]; then
		# not the cloud, rt, unsigned and dbg ones
		image=$(apt-cache "$@" search --names-only "^linux-image-${version//./[.]}[.][^-]*(-[0-9]+)?-amd64\$" |
			awk '{ print $1 }' | sort -V | tail -n 1)
	else
		image=$(apt-cache "$@" depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
	fi
	[ -n "$image" ] || { why="not in the archive"; return 1; }
	# newer kernels are split over several packages
	rel=${image#linux-image-}
	packages=$image
	for p in "linux-binary-$rel" "linux-modules-$rel" "linux-base-$rel"; do
		# "show" is content with a name that others only depend on
		[ -z "$(apt-cache "$@" show "$p" 2>/dev/null)" ] || packages="$packages $p"
	done
	[ -e "$d/$rel.done" ] && return 0
	rm -rf "$d/root"
	# shellcheck disable=SC2086
	(cd "$d" && rm -f ./*.deb && apt-get "$@" download $packages) || return 1
	for p in "$d"/*.deb; do dpkg -x "$p" "$d/root"; done
	touch "$d/$rel.done"
}

add() { # program into the initramfs, with its libraries
	src=$(command -v "$1")
	mkdir -p "$root/bin"
	cp -L "$src" "$root/bin/"
	for lib in $(ldd "$src" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$lib")"
		cp -Lu "$lib" "$root$lib"
	done
}

initramfs() { # release, unpacked kernel, test program...
	root=$work/initramfs
	rm -rf "$root"
	mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/run" "$root/modules" "$root/tests"
	cp /bin/busybox "$root/busybox"
	# busybox's shell would take its own ip and tc
	add dash
	mv "$root/bin/dash" "$root/bin/sh"
	add ip
	add tc
	add nft
	for t in "${@:3}"; do
		add "$t"
		mv "$root/bin/${t##*/}" "$root/tests/"
	done
	lib=$2/lib
	[ -d "$lib/modules" ] || lib=$2/usr/lib
	mkdir -p "$2/depmod"
	ln -sfn "$(realpath "$lib")" "$2/depmod/lib"
	depmod -b "$2/depmod" "$1"
	# what is built in, or part of another module in that kernel, is no error
	for m in veth sch_ingress cls_bpf nf_tables nft_objref tun 8021q; do
		modprobe -d "$2/depmod" -S "$1" --show-depends "$m" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules"
	while read -r m; do
		cp "$m" "$root/modules/"
		echo "${m##*/}"
	done <"$work/modules" >"$root/modules/order"
	# conntrack, where it is a module: loaded later, for the tests that ask it to run once more
	modprobe -d "$2/depmod" -S "$1" --show-depends nft_ct 2>/dev/null |
		awk 'NR == FNR { seen[$1]++; next } $1 == "insmod" && !seen[$2]++ { print $2 }' "$work/modules" - |
		while read -r m; do
			cp "$m" "$root/modules/"
			echo "${m##*/}"
		done >"$root/modules/later"
	echo "${RF_SAMPLE:-7}" >"$root/sample"
	cat >"$root/init" <<'INIT'
#!/busybox sh
/busybox mkdir -p /sbin /usr/bin /usr/sbin
/busybox --install -s /usr/bin
export PATH=/bin:/usr/bin
read -r RF_SAMPLE </sample
export RF_SAMPLE
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
load() {
	while read -r m; do
		case $m in
		*.xz) xzcat "/modules/$m" >/tmp/m.ko && insmod /tmp/m.ko ;;
		*) insmod "/modules/$m" ;;
		esac
	done <"/modules/$1"
}
load order
ip link set lo up
run() { # PROGRAM [SUFFIX]
	begin=$(cut -d. -f1 /proc/uptime)
	timeout 900 "$1"
	echo "RESULT ${1##*/}$2 $? $(($(cut -d. -f1 /proc/uptime) - begin)) s"
}
for t in /tests/test_*; do run "$t"; done
load later
for t in /tests/test_bystander /tests/test_load; do
	# with what asks it, not where only figures are wanted
	[ -s /modules/later ] && [ -x /tests/test_bystander ] && [ -x "$t" ] || continue
	run "$t" +conntrack
done
echo "RESULT end $(uname -r)"
echo o >/proc/sysrq-trigger
sleep 60
INIT
	chmod +x "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs.gz"
}

# As many at a time as there are cores: each keeps one busy.
slots=$(nproc)
trap 'jobs -rp | xargs -r kill 2>/dev/null || true' EXIT
trap 'exit 143' INT TERM
boot() { # vmlinuz, initramfs, log
	while [ "$(jobs -rp | wc -l)" -ge "$slots" ]; do wait -n || true; done
	timeout 2700 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M q35 -smp 2 -m 2048 -nographic -no-reboot \
		-nodefaults -serial stdio -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off" </dev/null >"$3" 2>&1 &
}

started=
for kernel in "$@"; do
	if ! fetch "$kernel"; then
		echo "skip kernel of $kernel: $why"
		continue
	fi
	vmlinuz=$(find "$d/root" -name "vmlinuz*" -type f | head -n 1)
	mapfile -t tests < <(tests_of "$kernel")
	initramfs "$rel" "$d/root" "${tests[@]}"
	mv "$work/initramfs.gz" "$d/initramfs.gz"
	echo "$rel" >"$d/rel"
	boot "$vmlinuz" "$d/initramfs.gz" "$d/log"
	started="$started $kernel"
done

failed=0
wait || true
for kernel in $started; do
	d=$(folder "$kernel")
	rel=$(cat "$d/rel")
	echo "tests/kernels: $rel"
	tr -d '\r' <"$d/log" | grep -E "verifier steps|loads in|ERROR|FAILED" || true
	tr -d '\r' <"$d/log" | awk -v rel="$rel" '
		$1 == "RESULT" && $2 == "end" { end = 1; next }
		$1 == "RESULT" { print ($3 == 0 ? "ok " : "not ok ") rel " " $2; bad += $3 != 0; n++ }
		END { if (!end || !n) { print "not ok " rel " did not get to its end"; bad++ } exit bad != 0 }' || failed=1
done
exit $failed
