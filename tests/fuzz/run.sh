#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the fuzz targets and runs each of them, as many at a time as there are cores: tests/fuzz/run.sh [SECONDS [TARGET]...]
#
# Seeds are tests/fuzz/corpus/TARGET/ (for captures those of the tests as well): all of them run first, however long it
# takes, then new inputs until SECONDS are over. What a run learns is kept under $B/fuzz/, so that the next one
# goes on from there; into the tree it goes by
#	build/fuzz/TARGET -merge=1 -use_counters=0 tests/fuzz/corpus/TARGET build/fuzz/TARGET.corpus
# Prints an "ok" or "not ok" line per target; a finding's input and the end of the log
# follow the latter, and the input stays in $B/fuzz/TARGET.found/.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
CLANG=${CLANG:-clang}
SECONDS_EACH=${1:-30}
shift
TARGETS=${*:-"fuzz_engine fuzz_pcap fuzz_calls fuzz_journal fuzz_sip fuzz_sdp fuzz_packet fuzz_stream fuzz_media"}
OUT=$B/fuzz
LIBS=(libosip2 json-c nettle zlib libpcap)
status=0

if ! echo 'int LLVMFuzzerTestOneInput(void){return 0;}' |
	$CLANG -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null; then
	for t in $TARGETS; do echo "skip $t: $CLANG has no libFuzzer"; done
	exit 0
fi
mkdir -p "$OUT"

ROOT=$PWD
case $OUT in /*) ;; *) OUT=$ROOT/$OUT ;; esac
mapfile -t PKG_CFLAGS < <(pkg-config --cflags "${LIBS[@]}" | xargs -n 1)
mapfile -t PKG_LIBS < <(pkg-config --libs "${LIBS[@]}" | xargs -n 1)
CFLAGS=(-O1 -g -std=gnu11 -D_GNU_SOURCE '-DRF_SYSCONFDIR="/etc"' -fno-sanitize-recover=all -fno-omit-frame-pointer
	"-I$ROOT/include" "-I$ROOT/user" "-I$ROOT/tests" "${PKG_CFLAGS[@]}")

# Everything but what needs the kernel side or an event loop; a target links what it uses of it.
library() (
	rm -rf "$OUT/obj" "$OUT/lib.a"
	mkdir -p "$OUT/obj"
	cd "$OUT/obj" || exit
	grep -LE '#include (<bpf/|<event2/|"ringfence.skel.h")|^int main\(' "$ROOT"/user/*.c |
		xargs -P "$(nproc)" -n 8 "$CLANG" "${CFLAGS[@]}" -fsanitize=fuzzer-no-link,address,undefined -c &&
		ar rcs "$OUT/lib.a" ./*.o
)

build() {
	"$CLANG" "${CFLAGS[@]}" -fsanitize=fuzzer,address,undefined -o "$OUT/$1" "tests/fuzz/$1.c" \
		"$OUT/lib.a" "${PKG_LIBS[@]}"
}

if ! library >"$OUT/lib.build" 2>&1; then
	echo "not ok fuzz: does not build"
	tail -20 "$OUT/lib.build"
	exit 1
fi
fuzz() { # TARGET
	local t=$1 seeds=tests/fuzz/corpus/$1 dict=()
	if ! build "$t" >"$OUT/$t.build" 2>&1; then
		echo "not ok $t: does not build"
		tail -20 "$OUT/$t.build"
		return 1
	fi
	mkdir -p "$OUT/$t.corpus" "$OUT/$t.found"
	[ -f tests/fuzz/corpus/sip.dict ] && dict=(-dict=tests/fuzz/corpus/sip.dict)
	[ -d "$seeds" ] || seeds=
	[ "$t" = fuzz_pcap ] && seeds="$seeds tests/data tests/fuzz/corpus/fuzz_engine"
	# shellcheck disable=SC2086
	if nice -n 5 "$OUT/$t" "$OUT/$t.corpus" $seeds -max_total_time="$SECONDS_EACH" -max_len=12000 \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 "${dict[@]}" \
		-artifact_prefix="$OUT/$t.found/" >"$OUT/$t.log" 2>&1; then
		echo "ok $t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$t.log") runs in ${SECONDS_EACH} s"
	else
		echo "not ok $t: see $OUT/$t.log"
		grep -avE '(NEW|REDUCE|pulse|RELOAD|INITED) ' "$OUT/$t.log" | tail -60
		return 1
	fi
}

trap 'kill $(jobs -rp) 2>/dev/null; exit 143' INT TERM
for t in $TARGETS; do
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || status=1; done
	fuzz "$t" >"$OUT/$t.result" 2>&1 &
done
# one by one, so that no status is lost
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || status=1; done
for t in $TARGETS; do
	cat "$OUT/$t.result"
	grep -q "^ok $t:" "$OUT/$t.result" || status=1
done
exit $status
